/* The fixed module: fixed-width records over TCP. An instance either calls a
 * local system or serves one that asks:
 *
 *   mode = "call"                   the gateway is the local system's client
 *     connect = "10.45.9.20:7031"
 *     password_file = "djz.password"  file with the sign-on password
 *     connections = 1               long connections, each with its own window
 *     window = 16                   requests outstanding per connection; the
 * local system may grant less
 *     file_in = "/var/lib/fep/djz/in"   files of the local system; file_out: ours
 *
 *   mode = "serve"                  the local system is the gateway's client
 *     listen = "0.0.0.0:17031"
 *     password_file = "djz.password"  file with its sign-on password
 *     state_directory = "/var/lib/fep/dajizhong"  one per instance; when
 * requests were answered first
 *
 * Everything that has a name on the wire comes from the mapping file (group
 * `wire`, layouts). See README.md. */
#include "server.h"

#include <string.h>

#include "wire.h"

static const struct fep_option options[] = {
    {"mode", FEP_TEXT, 0, "call|serve", "call", 0, 0, "call：由网关呼叫本地系统；serve：本地系统来连网关",
     "call: the gateway calls the local system; serve: the local system calls "
     "the gateway"},
    {"connect", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "call：本地系统的地址和端口（数字）",
     "call: the local system, numeric ADDRESS:PORT"},
    {"listen", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "serve：监听地址和端口（数字）",
     "serve: numeric ADDRESS:PORT to listen on"},
    {"password_file", FEP_SECRET_FILE, FEP_OPTION_REQUIRED, NULL, NULL, 0, 0, "签到口令文件",
     "file with the sign-on password"},
    {"state_directory", FEP_TEXT, 0, NULL, NULL, 0, 0, "serve：保存首次应答时刻的目录，每个实例一个",
     "serve: directory for the times of first answers, one per instance"},
    {"connections", FEP_INTEGER, 0, NULL, "1", 1, MAX_CONNECTIONS, "call：长连接数",
     "call: long connections"},
    {"max_connections", FEP_INTEGER, 0, NULL, "32", 1, MAX_CLIENTS, "serve：连接数上限",
     "serve: connections at once"},
    {"window", FEP_INTEGER, 0, NULL, "16", 1, MOST_WINDOW, "每条连接上未答复请求数上限",
     "requests outstanding per connection"},
    {"connect_time", FEP_DURATION_MS, 0, "ms", "3000", 10, 60000, "call：连接时限",
     "call: time allowed to connect"},
    {"sign_on_time", FEP_DURATION_MS, 0, "ms", "10000", 10, 60000, "call：签到时限",
     "call: time allowed to sign on"},
    {"heartbeat_time", FEP_DURATION_MS, 0, "ms", "60000", 10, 600000, "call：静默多久后发心跳",
     "call: silence after which a heartbeat is sent"},
    {"silence_time", FEP_DURATION_MS, 0, "ms", "180000", 20, 3600000, "多久收不到数据即断开",
     "nothing received for so long: close"},
    {"pause_min", FEP_DURATION_MS, 0, "ms", "200", 1, 60000, "call：重连最短间隔",
     "call: first pause before connecting again"},
    {"pause_max", FEP_DURATION_MS, 0, "ms", "30000", 1, 600000, "call：重连最长间隔",
     "call: longest pause before connecting again"},
    {"late_time", FEP_DURATION_MS, 0, "ms", "120000", 20, 3600000, "call：迟到答复等待时间",
     "call: how long an answer is awaited after its call has ended"},
    {"write_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 600000, "serve：答复多久发不完即断开",
     "serve: a client that does not take its answers in this time is cut off"},
    {"prompt_time", FEP_DURATION_MS, 0, "ms", "5000", 0, 60000,
     "serve：多快给出的拒绝可视为对方已知，其后同一流水号可重新办理",
     "serve: a refusal within this time is taken to be known before its serial "
     "comes again"},
    {"clock_tolerance", FEP_DURATION_MS, 0, "ms", "600000", 0, 86400000,
     "允许的时钟差（call：登录应答中的），0 为不查",
     "clock difference allowed (call: of the answer to the sign-on); 0: not checked"},
    {"file_in", FEP_TEXT, 0, NULL, NULL, 0, 0, "对方文件所在目录", "directory with the local system's files"},
    {"file_out", FEP_TEXT, 0, NULL, NULL, 0, 0, "本方文件所在目录", "directory for our files"},
    {"file_time", FEP_DURATION_MS, 0, "ms", "8000", 10, 60000, "serve：文件多久未备好即答未就绪",
     "serve: a file that takes longer is told as not ready yet"},
    {"file_poll_time", FEP_DURATION_MS, 0, "ms", "60000", 10, 3600000, "多久查看一次应备或应通知的文件",
     "how often to look for files to make (serve) or to tell of (call)"},
    {"breaker_failures", FEP_INTEGER, 0, NULL, "5", 0, MAX_TIMEOUTS, "call：超时多少次即熔断，0 为不熔断",
     "call: so many time-outs open the breaker; 0: never"},
    {"breaker_within", FEP_DURATION_MS, 0, "ms", "60000", 10, 3600000, "call：在多长时间内",
     "call: within so long"},
    {"breaker_probe", FEP_DURATION_MS, 0, "ms", "30000", 10, 3600000, "call：熔断后多久试探一次",
     "call: pause between probes while it is open"},
    {NULL, 0, 0, NULL, NULL, 0, 0, NULL, NULL}};

static int
fixed_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error)
{
    const char *mode = host->get_text(config, "mode");
    if (strcmp(mode, "call") == 0)
        return calling_open(host, config, self, error);
    if (strcmp(mode, "serve") == 0)
        return serving_open(host, config, self, error);
    return set_error(error, 0, 0, "option mode is \"%.20s\"; this module knows: call, serve", mode);
}

static const struct fep_adapter_ops ops = {.size = sizeof ops, .open = fixed_open, TWO_WAY_OPS};

extern FEP_EXPORT const struct fep_adapter fep_adapter;
const struct fep_adapter fep_adapter = {.magic = FEP_ADAPTER_MAGIC,
                                        .abi_major = FEP_ABI_MAJOR,
                                        .abi_minor = FEP_ABI_MINOR,
                                        .size = sizeof(struct fep_adapter),
                                        .name = "fixed",
                                        .version = "1.2",
                                        .summary = "fixed-width records over TCP, calling or serving",
                                        .abilities = FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES |
                                                     FEP_REVERSES | FEP_REPLAYS,
                                        .options = options,
                                        .ops = &ops};
