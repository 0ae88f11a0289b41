/* The soap module: SOAP 1.1 over HTTP with a document inside, calling or serving.
 *
 *   mode = "call"                  this gateway calls the local system
 *   connect = "10.45.3.20:8081"    the local system; numeric
 *   connections = 16               requests outstanding at once, each on a connection of its own
 *
 *   mode = "serve"                 the local system calls this gateway
 *   listen = "0.0.0.0:18081"
 *
 * Everything that has a name on the wire comes from the mapping file (group `wire`, layouts). See README.md.
 */
#include "soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static const struct fep_option options[] = {
    {"mode", FEP_TEXT, FEP_OPTION_REQUIRED, "call|serve", NULL, 0, 0,
     "call：网关呼叫本地系统；serve：本地系统来连网关",
     "call: the gateway calls the local system; serve: it calls the gateway"},
    {"connect", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "call：本地系统的地址和端口（数字）",
     "call: the local system, numeric ADDRESS:PORT"},
    {"host", FEP_TEXT, 0, NULL, NULL, 0, 0, "call：HTTP 的 Host，缺省为 connect",
     "call: what the Host header says; default: connect"},
    {"connections", FEP_INTEGER, 0, NULL, "16", 1, MAX_TASKS, "call：同时在途的请求数上限",
     "call: requests outstanding at once"},
    {"connect_time", FEP_DURATION_MS, 0, "ms", "3000", 10, 60000, "call：连接时限",
     "call: time allowed to connect"},
    {"late_time", FEP_DURATION_MS, 0, "ms", "120000", 20, 3600000, "call：迟到答复等待时间",
     "call: how long an answer is awaited after its call has ended"},
    {"probe_time", FEP_DURATION_MS, 0, "ms", "10000", 10, 60000, "call：探测时限",
     "call: time allowed for an echo"},
    {"pause_min", FEP_DURATION_MS, 0, "ms", "500", 1, 60000, "call：不通时探测的最短间隔",
     "call: first pause between echoes while it is down"},
    {"pause_max", FEP_DURATION_MS, 0, "ms", "30000", 1, 600000, "call：不通时探测的最长间隔",
     "call: longest pause between echoes while it is down"},
    {"listen", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "serve：监听地址和端口（数字）",
     "serve: numeric ADDRESS:PORT to listen on"},
    {"max_connections", FEP_INTEGER, 0, NULL, "64", 1, MAX_CALLERS, "serve：连接数上限",
     "serve: connections at once; more wait to be accepted"},
    {"request_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 600000, "serve：请求多久收不全即断开",
     "serve: a request must be there within this time"},
    {"write_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 600000, "serve：答复多久发不完即断开",
     "serve: a caller that does not take its answer in this time is cut off"},
    {"clock_tolerance", FEP_DURATION_MS, 0, "ms", "600000", 0, 86400000,
     "serve：查询类交易允许的时钟差，0 为不查",
     "serve: clock difference allowed in what posts nothing; 0: not checked"},
    {NULL, 0, 0, NULL, NULL, 0, 0, NULL, NULL}};

static void
read_options(struct soap *soap)
{
    const struct fep_host *host = soap->host;
    const struct fep_config *config = soap->config;
    soap->connections = (size_t)host->get_integer(config, "connections");
    soap->connect_ms = host->get_integer(config, "connect_time");
    soap->late_ms = host->get_integer(config, "late_time");
    soap->probe_ms = host->get_integer(config, "probe_time");
    soap->pause_min_ms = host->get_integer(config, "pause_min");
    soap->pause_max_ms = host->get_integer(config, "pause_max");
    soap->caller_limit = (size_t)host->get_integer(config, "max_connections");
    soap->request_ms = host->get_integer(config, "request_time");
    soap->write_ms = host->get_integer(config, "write_time");
    soap->clock_tolerance_ms = host->get_integer(config, "clock_tolerance");
}

static int
read_mode(struct soap *soap, struct fep_error *error)
{
    const struct fep_host *host = soap->host;
    const char *mode = host->get_text(soap->config, "mode");
    soap->serves = mode != NULL && strcmp(mode, "serve") == 0;
    if (!soap->serves && (mode == NULL || strcmp(mode, "call") != 0))
        return set_error(error, 0, 0, "option mode is \"%.20s\"; expected call or serve",
                         mode != NULL ? mode : "");
    const char *name = soap->serves ? "listen" : "connect", *address = host->get_text(soap->config, name);
    if (address == NULL)
        return set_error(error, 0, 0, "option %s is missing; mode %s needs it", name, mode);
    const char *authority = host->get_text(soap->config, "host");
    snprintf(soap->authority, sizeof soap->authority, "%s", authority != NULL ? authority : address);
    return tcp_parse(address, &soap->address, error);
}

/* --- both sides --- */

static bool
end_own_call(struct soap *soap, struct fep_call *call, enum fep_reason reason)
{
    struct fep_call **own = call == soap->start_call   ? &soap->start_call
                            : call == soap->drain_call ? &soap->drain_call
                                                       : NULL;
    if (own == NULL)
        return false;
    own_call_end(soap->host, own, FEP_NOT_SENT, reason);
    return true;
}

static void
begin_drain(struct soap *soap, struct fep_call *call)
{
    soap->draining = true;
    soap->drain_call = call;
}

/* --- calling --- */

static void
calling_start(void *self, struct fep_call *call)
{
    struct soap *soap = self;
    soap->start_call = call;
    health_start(soap);
}

static void
calling_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_SUBMIT, message);
}

static void
calling_inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_INQUIRE, message);
}

static void
calling_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_REVERSE, message);
}

static void
calling_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    if (!end_own_call(self, call, reason))
        task_cancel(self, call, reason);
}

static void
calling_read_health(void *self, struct fep_health *health)
{
    const struct soap *soap = self;
    two_way_tell_health(&soap->health, soap->task_count, health);
}

static void
calling_drain(void *self, struct fep_call *call)
{
    struct soap *soap = self;
    begin_drain(soap, call);
    health_stop(soap);
    health_report(soap);
    task_check_drained(soap);
}

static void
calling_close(void *self)
{
    struct soap *soap = self;
    soap->closing = true;
    health_stop(soap);
    task_free_all(soap);
    free(soap);
}

static const struct fep_adapter_ops calling = {.size = sizeof calling,
                                               .start = calling_start,
                                               .submit = calling_submit,
                                               .inquire = calling_inquire,
                                               .reverse = calling_reverse,
                                               .cancel = calling_cancel,
                                               .read_health = calling_read_health,
                                               .drain = calling_drain,
                                               .close = calling_close};

/* --- serving --- */

static void
serving_start(void *self, struct fep_call *call)
{
    struct soap *soap = self;
    struct fep_error error = {0};
    bool good = serve_listen(soap, &error) == 0;
    serve_report(soap);
    own_call_started(soap->host, call, good ? NULL : &error);
}

static void
serving_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    (void)end_own_call(self, call, reason);
}

static void
serving_read_health(void *self, struct fep_health *health)
{
    const struct soap *soap = self;
    two_way_tell_health(&soap->health, serve_count_open(soap), health);
}

static void
serving_drain(void *self, struct fep_call *call)
{
    begin_drain(self, call);
    serve_drain(self);
}

static void
serving_close(void *self)
{
    struct soap *soap = self;
    soap->closing = true;
    serve_stop_listening(soap);
    serve_close_all(soap);
    free(soap);
}

static const struct fep_adapter_ops serving = {.size = sizeof serving,
                                               .start = serving_start,
                                               TWO_WAY_SERVES,
                                               .cancel = serving_cancel,
                                               .read_health = serving_read_health,
                                               .drain = serving_drain,
                                               .close = serving_close};

/* --- the module --- */

static int
soap_open(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error)
{
    struct soap *soap = two_way_create(sizeof *soap, host, &calling, error);
    if (soap == NULL)
        return -1;
    soap->host = host;
    soap->config = config;
    soap->listener = -1;
    soap->moment = 1;
    read_options(soap);
    if (read_mode(soap, error) < 0 || soap_codec_open(&soap->codec, host, error) < 0) {
        free(soap);
        return -1;
    }
    if (soap->serves)
        soap->two_way.side = &serving;
    *self = soap;
    return 0;
}

static const struct fep_adapter_ops ops = {.size = sizeof ops, .open = soap_open, TWO_WAY_OPS};

extern FEP_EXPORT const struct fep_adapter fep_adapter;
const struct fep_adapter fep_adapter = {
    .magic = FEP_ADAPTER_MAGIC,
    .abi_major = FEP_ABI_MAJOR,
    .abi_minor = FEP_ABI_MINOR,
    .size = sizeof(struct fep_adapter),
    .name = "soap",
    .version = "1.0",
    .summary = "SOAP 1.1 over HTTP, a document inside; calling or serving",
    .abilities = FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES | FEP_REVERSES | FEP_REPLAYS,
    .options = options,
    .ops = &ops};
