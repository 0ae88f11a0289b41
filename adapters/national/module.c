/* The national module: the infno JSON interface of a national or provincial platform, as client or as server.
 *
 *   mode = "call"                          this gateway asks the platform
 *   connect = "10.10.0.5:8080"
 *
 *   mode = "serve"                         hospitals, a region's system or a platform ask this gateway
 *   listen = "0.0.0.0:18090"
 *
 *   profile = "/etc/fep/profile/plain.cfg" what this platform's edition of the interface looks like
 *
 * Bodies are canonical on the gateway's side, so an instance of this module has no mapping. See README.md.
 */
#include "national.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "own_call.h"

static const struct fep_option options[] = {
    {"mode", FEP_TEXT, FEP_OPTION_REQUIRED, "call|serve", NULL, 0, 0,
     "call：网关请求平台；serve：对方来请求网关",
     "call: the gateway asks the platform; serve: others ask the gateway"},
    {"profile", FEP_TEXT, FEP_OPTION_REQUIRED, NULL, NULL, 0, 0, "接口方言文件，见 schema/profile.md",
     "profile file: this platform's edition of the interface, see schema/profile.md"},
    {"connect", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "call：平台的地址和端口（数字）",
     "call: the platform, numeric ADDRESS:PORT"},
    {"host", FEP_TEXT, 0, NULL, NULL, 0, 0, "call：HTTP 的 Host 和证书上的名字，缺省为 connect",
     "call: the name in the Host header and on the platform's certificate; default: connect"},
    {"tls", FEP_FLAG, 0, NULL, "false", 0, 0, "使用 HTTPS", "use HTTPS"},
    {"ca_file", FEP_TEXT, 0, NULL, NULL, 0, 0, "HTTPS：信任的 CA；serve 时对方必须出示由它签发的证书",
     "HTTPS: CA that is trusted; serving: callers must show a certificate of it"},
    {"certificate_file", FEP_TEXT, 0, NULL, NULL, 0, 0, "HTTPS：本方证书（PEM）",
     "HTTPS: our certificate, PEM"},
    {"key_file", FEP_TEXT, 0, NULL, NULL, 0, 0, "HTTPS：本方私钥（PEM）", "HTTPS: our private key, PEM"},
    {"secrets", FEP_TEXT, 0, NULL, NULL, 0, 0, "签名加密用的密钥目录，缺省用方言文件里的",
     "folder of the keys for signing and encrypting; default: the profile's"},
    {"connections", FEP_INTEGER, 0, NULL, "64", 1, MAX_TASKS, "call：连接数上限",
     "call: connections at once, kept alive"},
    {"connect_time", FEP_DURATION_MS, 0, "ms", "10000", 10, 60000, "call：连接时限",
     "call: time allowed to connect"},
    {"late_time", FEP_DURATION_MS, 0, "ms", "120000", 20, 3600000, "call：迟到答复等待时间",
     "call: how long an answer is awaited after its call has ended"},
    {"quiet_time", FEP_DURATION_MS, 0, "ms", "120000", 0, 3600000, "call：查不到原交易多久才算没有到达",
     "call: how long an original must be absent before it counts as never arrived"},
    {"pause_min", FEP_DURATION_MS, 0, "ms", "500", 1, 60000, "call：不通或签到失败时重试的最短间隔",
     "call: first pause before the line, or sign-in, is tried again"},
    {"pause_max", FEP_DURATION_MS, 0, "ms", "30000", 1, 600000, "call：重试的最长间隔",
     "call: longest pause between tries"},
    {"listen", FEP_TEXT, 0, "ADDRESS:PORT", NULL, 0, 0, "serve：监听地址和端口（数字）",
     "serve: numeric ADDRESS:PORT to listen on"},
    {"area", FEP_TEXT, 0, NULL, "000000", 0, 0, "本方区划：serve 写入应答流水号，call 用于签到",
     "our area: serving, the beginning of our references; calling, for the sign-in"},
    {"institution", FEP_TEXT, 0, NULL, NULL, 0, 0, "call：本方在平台的机构编号，用于签到和自己的流水号",
     "call: our code at the platform, for the sign-in and the ids of our own messages"},
    {"file_directory", FEP_TEXT, 0, NULL, NULL, 0, 0, "上传下载的文件所在目录，对明细账和目录下载需要",
     "folder for files that come and go; details and catalogues need it"},
    {"max_file_mb", FEP_INTEGER, 0, "MiB", "512", 1, 65536, "call：下载文件的大小上限",
     "call: size of a file that comes down, at most"},
    {"max_connections", FEP_INTEGER, 0, NULL, "256", 1, 4096, "serve：连接数上限",
     "serve: connections at once; more wait to be accepted"},
    {"max_per_address", FEP_INTEGER, 0, NULL, "64", 1, 4096, "serve：同一地址的连接数上限",
     "serve: connections from one address; more are cut off"},
    {"request_time", FEP_DURATION_MS, 0, "ms", "30000", 20, 600000,
     "serve：请求多久收不全、连接多久不用即断开",
     "serve: a request must be there, and a kept connection used, within this time"},
    {NULL, 0, 0, NULL, NULL, 0, 0, NULL, NULL}};

/* --- small things --- */

struct fep_result
national_result(enum fep_reason reason)
{
    return (struct fep_result){.size = sizeof(struct fep_result), .reason = reason};
}

/* Cut at a character. */
void
national_copy(char *out, size_t room, const char *text)
{
    size_t size = strlen(text), keep = size < room ? size : room - 1;
    while (keep < size && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep--;
    memmove(out, text, keep);
    out[keep] = '\0';
}

void
national_draw_msgid(struct national *national, const char *institution, char out[40])
{
    uint32_t date, time;
    national->host->read_local_time(national->host->self, &date, &time);
    snprintf(out, 40, "%-12.12s%08u%06u%04u", institution[0] != '\0' ? institution : "FEP000000000",
             date % 100000000u, time % 1000000u, national->number++ % 10000u);
    for (char *at = out; *at != '\0'; at++)
        *at = *at == ' ' ? '0' : *at;
}

int64_t
national_wall_ms(const struct national *national)
{
    uint32_t date, clock;
    national->host->read_local_time(national->host->self, &date, &clock);
    struct tm local = {.tm_year = (int)(date / 10000) - 1900,
                       .tm_mon = (int)(date / 100 % 100) - 1,
                       .tm_mday = (int)(date % 100),
                       .tm_hour = (int)(clock / 10000),
                       .tm_min = (int)(clock / 100 % 100),
                       .tm_sec = (int)(clock % 100)};
    return ((int64_t)timegm(&local) - 8 * 3600) * 1000;
}

/* --- opening --- */

static int
fail(struct fep_error *error, const char *text)
{
    memset(error, 0, sizeof *error);
    error->code = 1013;
    national_copy(error->text, sizeof error->text, text);
    return -1;
}

static const char *
text_of(const struct national *national, const char *name)
{
    const char *text = national->host->get_text(national->config, name);
    return text != NULL ? text : "";
}

static int
read_mode(struct national *national, struct fep_error *error)
{
    const char *mode = text_of(national, "mode"), *connect = text_of(national, "connect"),
               *host = text_of(national, "host");
    national->serves = strcmp(mode, "serve") == 0;
    if (!national->serves && strcmp(mode, "call") != 0)
        return fail(error, "option mode is neither call nor serve");
    if (national->serves ? text_of(national, "listen")[0] == '\0' : connect[0] == '\0')
        return fail(error, national->serves ? "option listen is missing; mode serve needs it"
                                            : "option connect is missing; mode call needs it");
    if (national->serves && national->tls &&
        (national->certificate_file[0] == '\0' || national->key_file[0] == '\0'))
        return fail(error, "options certificate_file and key_file are missing; tls needs them to serve");
    if (national->serves && national->profile.serve.good[0] == '\0')
        return fail(error, "the profile has no group serve");
    snprintf(national->base, sizeof national->base, "%s://%.140s", national->tls ? "https" : "http",
             host[0] != '\0' ? host : connect);
    if (national->serves || host[0] == '\0')
        return 0;
    char to[160];
    snprintf(to, sizeof to, "::%.150s", connect);
    national->connect_to = curl_slist_append(NULL, to);
    return national->connect_to != NULL ? 0 : fail(error, "no memory");
}

static void
read_options(struct national *national)
{
    const struct fep_host *host = national->host;
    const struct fep_config *config = national->config;
    national->tls = host->get_integer(config, "tls") != 0;
    national->ca_file = text_of(national, "ca_file");
    national->certificate_file = text_of(national, "certificate_file");
    national->key_file = text_of(national, "key_file");
    national->connections = (long)host->get_integer(config, "connections");
    national->connect_ms = host->get_integer(config, "connect_time");
    national->late_ms = host->get_integer(config, "late_time");
    national->quiet_ms = host->get_integer(config, "quiet_time");
    national->pause_min_ms = host->get_integer(config, "pause_min");
    national->pause_max_ms = host->get_integer(config, "pause_max");
    national_copy(national->area, sizeof national->area, text_of(national, "area"));
    national->institution = text_of(national, "institution");
    national->file_directory = text_of(national, "file_directory");
    national->max_file = host->get_integer(config, "max_file_mb") * 1024 * 1024;
}

/* --- both sides --- */

static bool
end_drain(struct national *national, struct fep_call *call, enum fep_reason reason)
{
    if (call != national->drain_call)
        return false;
    own_call_end(national->host, &national->drain_call, FEP_NOT_SENT, reason);
    return true;
}

static void
begin_drain(struct national *national, struct fep_call *call)
{
    national->draining = true;
    national->drain_call = call;
}

static void
end_instance(struct national *national)
{
    keys_close(national);
    curl_slist_free_all(national->connect_to);
    free(national);
}

/* --- calling --- */

static void
calling_start(void *self, struct fep_call *call)
{
    struct national *national = self;
    own_call_started(national->host, call, NULL);
    client_start(national);
}

static void
calling_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    client_begin(self, call, FEP_OP_SUBMIT, message);
}

static void
calling_inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    client_begin(self, call, FEP_OP_INQUIRE, message);
}

static void
calling_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    client_begin(self, call, FEP_OP_REVERSE, message);
}

static void
calling_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    if (!end_drain(self, call, reason))
        client_cancel(self, call, reason);
}

static void
calling_read_health(void *self, struct fep_health *health)
{
    const struct national *national = self;
    two_way_tell_health(&national->health, national->task_count, health);
}

static void
calling_drain(void *self, struct fep_call *call)
{
    begin_drain(self, call);
    client_drain(self);
}

static void
calling_close(void *self)
{
    struct national *national = self;
    national->closing = true;
    client_close(national);
    end_instance(national);
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
    struct national *national = self;
    struct fep_error error = {0};
    bool good = desk_open(national, &error) == 0;
    if (good)
        desk_report(national);
    own_call_started(national->host, call, good ? NULL : &error);
}

static void
serving_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    (void)end_drain(self, call, reason);
}

static void
serving_read_health(void *self, struct fep_health *health)
{
    const struct national *national = self;
    two_way_tell_health(&national->health, national->ticket_count, health);
}

static void
serving_drain(void *self, struct fep_call *call)
{
    begin_drain(self, call);
    desk_drain(self);
}

static void
serving_close(void *self)
{
    struct national *national = self;
    national->closing = true;
    desk_close(national);
    end_instance(national);
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
national_open(const struct fep_host *host, const struct fep_config *config, void **self,
              struct fep_error *error)
{
    struct national *national = two_way_create(sizeof *national, host, &calling, error);
    if (national == NULL)
        return -1;
    national->host = host;
    national->config = config;
    read_options(national);
    int status = profile_read(text_of(national, "profile"), &national->profile, error);
    if (status == 0)
        status = read_mode(national, error);
    if (status == 0)
        status = keys_open(national, error);
    if (status == 0 && !national->serves)
        status = client_open(national, error);
    if (status < 0) {
        link_close(national);
        end_instance(national);
        return -1;
    }
    if (national->serves)
        national->two_way.side = &serving;
    (void)host->fill_random(host->self, &national->number, sizeof national->number);
    *self = national;
    return 0;
}

static const struct fep_adapter_ops ops = {.size = sizeof ops, .open = national_open, TWO_WAY_OPS};

extern FEP_EXPORT const struct fep_adapter fep_adapter;
const struct fep_adapter fep_adapter = {
    .magic = FEP_ADAPTER_MAGIC,
    .abi_major = FEP_ABI_MAJOR,
    .abi_minor = FEP_ABI_MINOR,
    .size = sizeof(struct fep_adapter),
    .name = "national",
    .version = "1.0",
    .summary = "the national platform's JSON over HTTP; calling or serving",
    .abilities = FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES | FEP_REVERSES,
    .options = options,
    .ops = &ops};
