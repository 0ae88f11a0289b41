/* The caret module: delimited lines over TCP. An instance either serves a local system that asks, or calls
 * one:
 *
 *   mode = "serve"                          local operators connect to the gateway
 *   listen = "0.0.0.0:17021"
 *   password_file = "danxian.password"      file with their sign-in password
 *   state_directory = "/var/lib/fep/danxian"  one per instance; business cycles survive a restart there
 *
 *   mode = "call"                           the gateway is the local system's client
 *   connect = "10.45.1.20:7021"
 *   password_file = "danxian.password"      file with the gateway's sign-in password
 *   state_directory = "/var/lib/fep/danxian-call"  one per instance; what was posted today
 *
 * Everything that has a name, a position or a form on the wire comes from the mapping file (group `wire`,
 * layouts). See README.md. */
#include "caller.h"

#include <string.h>

#include "wire.h"

static const struct fep_option options[] = {
    {"mode", FEP_TEXT, 0, "serve|call", "serve", 0, 0, "serve：本地系统来连网关；call：网关呼叫本地系统",
     "serve: the local system calls the gateway; call: the gateway calls the "
     "local system"},
    {"listen", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "serve：监听地址和端口（数字）",
     "serve: numeric ADDRESS:PORT to listen on"},
    {"connect", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "call：本地系统的地址和端口（数字）",
     "call: the local system, numeric ADDRESS:PORT"},
    {"password_file", FEP_SECRET_FILE, 0, NULL, NULL, 0, 0, "签到口令文件（有签到的系统必填）",
     "file with the sign-in password; needed where the mapping has a sign-in"},
    {"state_directory", FEP_TEXT, 0, NULL, NULL, 0, 0,
     "保存业务周期（serve）或当日业务合计（call）的目录，每个实例一个（有签到的系统必填）",
     "directory for the business cycles (serve) or the day's tally (call), one "
     "per instance; needed where the mapping has a sign-in"},
    {"max_connections", FEP_INTEGER, 0, NULL, "64", 1, MAX_CLIENTS, "serve：连接数上限",
     "serve: connections at once"},
    {"idle_time", FEP_DURATION_MS, 0, "ms", "300000", 20, 3600000, "serve：空闲多久后断开",
     "serve: idle connections are closed after this"},
    {"write_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 600000, "serve：答复多久发不完即断开",
     "serve: a client that does not take its answer in this time is cut off"},
    {"clock_tolerance", FEP_DURATION_MS, 0, "ms", "600000", 0, 86400000, "签到时允许的时钟差，0 为不查",
     "clock difference allowed at sign-in; 0: not checked"},
    {"connections", FEP_INTEGER, 0, NULL, "8", 1, MAX_CHANNELS, "call：连接数上限",
     "call: connections at once"},
    {"connect_time", FEP_DURATION_MS, 0, "ms", "3000", 10, 60000, "call：连接时限",
     "call: time allowed to connect"},
    {"own_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 120000, "call：签到、对账、签退的时限",
     "call: time allowed for sign-in, comparison and sign-out"},
    {"rest_time", FEP_DURATION_MS, 0, "ms", "240000", 20, 3600000, "call：空闲连接保留多久",
     "call: how long an idle connection is kept; less than the local system's "
     "limit"},
    {"echo_time", FEP_DURATION_MS, 0, "ms", "120000", 20, 3600000, "call：静默多久后询问中心时间",
     "call: silence after which the local system is asked for its time"},
    {"queue_time", FEP_DURATION_MS, 0, "ms", "60000", 20, 600000, "call：日切时新业务最多等待多久",
     "call: how long new requests wait for the next business cycle"},
    {"doubt_time", FEP_DURATION_MS, 0, "ms", "50000", 0, 600000, "call：日切时为结果不明的业务保留旧周期多久",
     "call: how long an ended cycle is kept open for reversals of what is in "
     "doubt"},
    {"pause_min", FEP_DURATION_MS, 0, "ms", "200", 1, 60000, "call：重新签到最短间隔",
     "call: first pause before signing in again"},
    {"pause_max", FEP_DURATION_MS, 0, "ms", "30000", 1, 600000, "call：重新签到最长间隔",
     "call: longest pause before signing in again"},
    {NULL, 0, 0, NULL, NULL, 0, 0, NULL, NULL}};

static int
caret_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error)
{
    const char *mode = host->get_text(config, "mode");
    if (strcmp(mode, "serve") == 0)
        return serving_open(host, config, self, error);
    if (strcmp(mode, "call") == 0)
        return calling_open(host, config, self, error);
    return set_error(error, 0, 0, "option mode is \"%.20s\"; this module knows: serve, call", mode);
}

static const struct fep_adapter_ops ops = {.size = sizeof ops, .open = caret_open, TWO_WAY_OPS};

extern FEP_EXPORT const struct fep_adapter fep_adapter;
const struct fep_adapter fep_adapter = {.magic = FEP_ADAPTER_MAGIC,
                                        .abi_major = FEP_ABI_MAJOR,
                                        .abi_minor = FEP_ABI_MINOR,
                                        .size = sizeof(struct fep_adapter),
                                        .name = "caret",
                                        .version = "1.2",
                                        .summary = "delimited lines over TCP, serving or calling",
                                        .abilities =
                                            FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES | FEP_REVERSES,
                                        .options = options,
                                        .ops = &ops};
