/* The closed list of log events: name, usual severity, the keys an event may carry in the order in which they are
 * written, and what it means. The sentence `text="..."` may end any of them. The manual's table, fepctl and the
 * syslog-ng parser rest on this list; a new event or key is added here first.
 *
 * X(NAME, "name", SEVERITY, "keys in order", zh, en)
 */
#ifndef FEP_LOG_EVENTS_H
#define FEP_LOG_EVENTS_H

#include <stddef.h>

/* clang-format off */
#define LOG_EVENTS(X) \
    X(START, "start", NOTICE, "version node instance incarnation config", \
      "程序开始启动", "a program starts") \
    X(READY, "ready", NOTICE, "instance open unknown ms", \
      "已就绪，可以办理业务", "ready for traffic") \
    X(STOP, "stop", NOTICE, "instance reason open ms", \
      "程序有序停止", "a program stops in order") \
    X(CONFIG, "config", NOTICE, "file generation peers instances problems", \
      "配置已加载", "configuration was loaded") \
    X(ROUTE_CHANGE, "route_change", NOTICE, "file generation rules target action", \
      "路由已更换，或某地区被暂停、恢复", "routes were replaced, or a region was held or reopened") \
    X(EXCHANGE, "exchange", INFO, \
      "msgid infno role from to path insured treat end kind effect reason code attempt delays bytes", \
      "一笔业务办结：每笔每个网关只有这一行；delays 为 本地/排队/线路/远端 毫秒", \
      "the one outcome line of an exchange at this gateway; delays = local/queue/link/remote in ms") \
    X(STEP, "step", DEBUG, "msgid infno role state from to what operation attempt serial sequence ms", \
      "业务的中间步骤，仅在要求时记录", "a step of an exchange; only when asked for") \
    X(LINK_UP, "link_up", NOTICE, "peer address version incarnation sequence offset_ms down_ms", \
      "与对端的线路接通", "the link to a peer is up") \
    X(LINK_DOWN, "link_down", WARNING, "peer address reason silent_ms waiting", \
      "与对端的线路中断", "the link to a peer is down") \
    X(LINK_REFUSED, "link_refused", ERROR, "peer address key code reason count", \
      "拒绝了一个连接", "a connection was refused") \
    X(HOST_UP, "host_up", NOTICE, "instance module version epoch pid abilities window open", \
      "适配接口就绪", "an adapter instance is up") \
    X(HOST_DOWN, "host_down", WARNING, "instance epoch reason code open", \
      "适配接口中断", "an adapter instance is down") \
    X(HOST_RESTART, "host_restart", WARNING, "instance epoch pause_ms count", \
      "将重新启动适配进程", "an adapter process will be restarted") \
    X(CHILD_EXIT, "child_exit", WARNING, "child pid status signal ms", \
      "子进程结束", "a child process ended") \
    X(STORE_OPEN, "store_open", NOTICE, "file version size_bytes open incarnation ms", \
      "数据库已打开", "the store is open") \
    X(STORE_REFUSED, "store_refused", ERROR, "file sequence code count reason", \
      "数据库未能提交或打开", "the store could not commit or open") \
    X(STORE_FULL, "store_full", ALERT, "file free_bytes need_bytes", \
      "磁盘空间不足，停止受理新业务", "disk full: nothing new is taken") \
    X(STORE_ROOM, "store_room", NOTICE, "file free_bytes down_ms", \
      "磁盘空间恢复，重新受理", "there is room again: new business is taken") \
    X(RECOVERED, "recovered", NOTICE, "open unknown reversing ms", \
      "重启后已恢复未办结业务", "open exchanges were recovered after a start") \
    X(INCIDENT_OPEN, "incident_open", ERROR, "incident msgid infno role peer instance code", \
      "立案：出现需要关注的故障", "an incident opens") \
    X(INCIDENT_CLOSE, "incident_close", NOTICE, "incident msgid infno role peer instance code count ms", \
      "结案：故障消除", "an incident closes") \
    X(ALARM, "alarm", CRITICAL, "code msgid infno role from to attempt", \
      "告警：须有人查看", "somebody must look at this") \
    X(CONFIG_ERROR, "config_error", ERROR, "file line code problems", \
      "配置、路由、交易表或映射文件有误", "a configuration, route, transaction or mapping file is wrong") \
    X(FRAME_REFUSED, "frame_refused", WARNING, "peer instance code byte field size_bytes count", \
      "丢弃一份格式不对的报文", "a malformed frame or request was refused") \
    X(ADAPTER, "adapter", INFO, "instance module what number", \
      "适配模块自己的记录", "a module's own line") \
    X(LATE, "late", WARNING, "msgid infno instance serial kind effect code", \
      "答复在调用结束后才到，已记录", "an answer came after its call had ended; recorded") \
    X(PROMPT, "prompt", INFO, "msgid instance line", \
      "异地费用行在本地没有对应编码：提示已存储", "a fee line of another place has no local code; the prompt is kept") \
    X(RECONCILED, "reconciled", NOTICE, "instance day end count code ms", \
      "与本地系统对账完毕", "a day was reconciled with the local system") \
    X(AUDIT, "audit", NOTICE, "what msgid instance uid number reason", \
      "操作员所做的改动", "a change made by an operator") \
    X(DROPPED, "dropped", WARNING, "count", \
      "日志来不及送出，缺失的行数", "log lines could not be sent; how many are missing")

enum log_event {
#define X(name, text, severity, keys, zh, en) LOG_EVENT_##name,
    LOG_EVENTS(X)
#undef X
    LOG_EVENT_COUNT
};
/* clang-format on */

struct log_event_description {
    const char *name;
    int severity;     /* enum log_severity usual for it */
    const char *keys; /* separated by one blank */
    const char *zh, *en;
};
/* In the order of enum log_event; LOG_EVENT_COUNT entries. Constant. */
const struct log_event_description *log_event_table(void);

#endif
