/* The table of services handed to the module. Thin: each entry checks what only a faulty module could get
 * wrong and goes to the part that does it. Must be called on the loop's thread, post_to_loop excepted. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "error.h"
#include "exchange_record.h"
#include "log.h"
#include "options.h"

struct fep_timer {
    struct loop_timer timer; /* first */
    void (*fn)(void *arg);
    void *arg;
};

const struct transaction *
host_find_transaction(const struct host *host, const char *infno)
{
    return host->transactions != NULL ? transaction_find(host->transactions, infno) : NULL;
}

/* Errors are whole sentences; constant texts of modules are words, joined so that they stay one value. */
void
host_log(struct host *host, int severity, const char *what, int64_t number)
{
    enum log_severity level = severity < 1   ? LOG_SEV_ALERT
                              : severity > 7 ? LOG_SEV_DEBUG
                                             : (enum log_severity)severity;
    log_line(LOG_EVENT_ADAPTER, level, LOG_T("instance", host->settings.instance),
             LOG_T("module", host->adapter != NULL ? host->adapter->name : "-"), LOG_N("number", number),
             LOG_S(what));
}

void
host_fail(struct host *host, int exit_code, const char *why, int64_t number)
{
    host_log(host, LOG_SEV_CRITICAL, why, number);
    if (host->exit_code < 0)
        host->exit_code = exit_code;
}

static void
service_complete_call(void *self, struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
                      struct fep_record *answer)
{
    (void)self;
    calls_complete(call, kind, result, answer);
}

static void
service_report_late(void *self, const struct fep_attempt *attempt, enum fep_kind kind,
                    const struct fep_result *result, struct fep_record *answer)
{
    calls_report_late(self, attempt, kind, result, answer);
}

static int
service_begin_request(void *self, const char *local_transaction, struct fep_record *head,
                      struct fep_record *body, bool fresh, fep_on_answer *on_answer,
                      fep_try_answer *try_answer, void *ticket, struct fep_error *error)
{
    return requests_begin(self, local_transaction, head, body, fresh, on_answer, try_answer, ticket, error);
}

static void
service_forget_request(void *self, void *ticket)
{
    requests_forget(self, ticket);
}

static const char *
service_message_infno(void *self, const struct fep_message *message)
{
    (void)self;
    return message->header.infno;
}

static const char *
service_message_msgid(void *self, const struct fep_message *message)
{
    (void)self;
    return message->header.key.msgid;
}

static struct fep_bytes
service_message_body(void *self, const struct fep_message *message)
{
    (void)self;
    return (struct fep_bytes){message->body.data, message->body.size};
}

static const char *
service_translate_out(void *self, const struct fep_message *message, uint32_t operation,
                      const struct fep_attempt *attempt, struct fep_record **head, struct fep_record **body,
                      struct fep_error *error)
{
    /* Every message a module sees lies in its call. */
    struct fep_call *call = (struct fep_call *)((uintptr_t)message - offsetof(struct fep_call, message));
    const char *name = translate_out(self, message, operation, attempt, call->visit_lines, head, body, error);
    const struct host *host = self;
    if (name != NULL && operation == FEP_OP_SUBMIT && host->mapping != NULL)
        prompts_note(call, *body);
    return name;
}

static struct fep_record *
service_create_record(void *self, const char *layout_name)
{
    const struct fep_layout *layout = translate_find_layout(self, layout_name);
    return layout != NULL ? record_create(layout) : NULL;
}

static void
service_release_record(void *self, struct fep_record *record)
{
    (void)self;
    record_destroy(record);
}

static const struct fep_layout *
service_find_layout(void *self, const char *layout_name)
{
    return translate_find_layout(self, layout_name);
}

uint32_t
host_abilities(const struct host *host)
{
    uint32_t abilities = host->adapter->abilities;
    if (host->mapping != NULL && mapping_text_of(host->mapping, "inquire", "local") == NULL)
        abilities &= ~(uint32_t)FEP_INQUIRES;
    if (host->mapping != NULL && mapping_text_of(host->mapping, "reverse", "local") == NULL)
        abilities &= ~(uint32_t)FEP_REVERSES;
    return abilities;
}

static const char *
service_mapping_text(void *self, const char *section, const char *key)
{
    const struct host *host = self;
    return host->mapping != NULL ? mapping_text_of(host->mapping, section, key) : NULL;
}

/* Without a mapping the wire is the canonical one: UTF-8 as it is. */
static int
copy_text(const void *in, size_t size, void *out, size_t out_size, struct fep_error *error)
{
    if (size > out_size)
        return error_set(error, 0, FEP_E_DOES_NOT_FIT, "text of %zu bytes does not fit into %zu", size,
                         out_size);
    if (size > 0)
        memcpy(out, in, size);
    return (int)size;
}

static int
service_decode_text(void *self, const unsigned char *in, size_t size, bool lenient, char *out,
                    size_t out_size, struct fep_error *error)
{
    const struct host *host = self;
    return host->mapping != NULL ? mapping_decode_text(host->mapping, in, size, lenient, out, out_size, error)
                                 : copy_text(in, size, out, out_size, error);
}

static int
service_encode_text(void *self, const char *in, size_t size, unsigned char *out, size_t out_size,
                    struct fep_error *error)
{
    const struct host *host = self;
    return host->mapping != NULL ? mapping_encode_text(host->mapping, in, size, out, out_size, error)
                                 : copy_text(in, size, out, out_size, error);
}

static struct fep_watch *
service_watch(void *self, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg)
{
    struct host *host = self;
    return loop_watch(&host->loop, fd, events, fn, arg);
}

static void
service_change_watch(void *self, struct fep_watch *watch, uint32_t events)
{
    struct host *host = self;
    loop_change_watch(&host->loop, watch, events);
}

static void
service_unwatch(void *self, struct fep_watch *watch)
{
    struct host *host = self;
    loop_unwatch(&host->loop, watch);
}

static void
on_module_timer(void *arg)
{
    struct fep_timer *timer = arg;
    void (*fn)(void *) = timer->fn;
    void *fn_arg = timer->arg;
    free(timer);
    fn(fn_arg);
}

static struct fep_timer *
service_set_timer(void *self, int64_t after_ms, void (*fn)(void *arg), void *arg)
{
    struct host *host = self;
    struct fep_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return NULL;
    timer->timer = (struct loop_timer){.fn = on_module_timer, .arg = timer};
    timer->fn = fn;
    timer->arg = arg;
    if (loop_set_timer(&host->loop, &timer->timer, after_ms) < 0) {
        free(timer);
        return NULL;
    }
    return timer;
}

static void
service_clear_timer(void *self, struct fep_timer *timer)
{
    struct host *host = self;
    if (timer == NULL)
        return;
    loop_clear_timer(&host->loop, &timer->timer);
    free(timer);
}

static int
service_post_to_loop(void *self, void (*fn)(void *arg), void *arg)
{
    struct host *host = self;
    return loop_post(&host->loop, fn, arg);
}

static int64_t
service_read_monotonic_ms(void *self)
{
    const struct host *host = self;
    return loop_now(&host->loop);
}

static void
service_read_local_time(void *self, uint32_t *date, uint32_t *time)
{
    const struct host *host = self;
    int64_t wall = clock_wall_ms(host->loop.clock);
    *date = clock_date(wall);
    *time = clock_time(wall);
}

static int
service_fill_random(void *self, void *out, size_t size)
{
    (void)self;
    unsigned char *at = out;
    while (size > 0) {
        size_t piece = size < 256 ? size : 256;
        if (getrandom(at, piece, 0) != (ssize_t)piece)
            return -1;
        at += piece;
        size -= piece;
    }
    return 0;
}

static void
service_report_health(void *self, const struct fep_health *health)
{
    struct host *host = self;
    int64_t last_success = host->health.last_success_ms;
    memcpy(&host->health, health, health->size < sizeof host->health ? health->size : sizeof host->health);
    host->health.reason[sizeof host->health.reason - 1] = '\0';
    if (host->health.last_success_ms < last_success)
        host->health.last_success_ms = last_success;
    router_send_health(host);
}

static void
service_log_event(void *self, int severity, const char *what, int64_t number)
{
    host_log(self, severity, what, number);
}

static int64_t
service_call_deadline_ms(const struct fep_call *call)
{
    return call->deadline_ms;
}

static const struct fep_attempt *
service_call_attempt(const struct fep_call *call)
{
    return &call->attempt;
}

void
services_init(struct host *host)
{
    host->services = (struct fep_host){
        .size = sizeof host->services,
        .abi_minor = FEP_ABI_MINOR,
        .self = host,
        .complete_call = service_complete_call,
        .report_late = service_report_late,
        .begin_request = service_begin_request,
        .forget_request = service_forget_request,
        .message_infno = service_message_infno,
        .message_msgid = service_message_msgid,
        .message_body = service_message_body,
        .translate_out = service_translate_out,
        .create_record = service_create_record,
        .release_record = service_release_record,
        .find_layout = service_find_layout,
        .record_layout = record_layout,
        .record_rows = record_rows,
        .record_add_row = record_add_row,
        .record_get = record_get,
        .record_set = record_set,
        .record_get_in_row = record_get_in_row,
        .record_set_in_row = record_set_in_row,
        .mapping_text = service_mapping_text,
        .decode_text = service_decode_text,
        .encode_text = service_encode_text,
        .watch_descriptor = service_watch,
        .change_watch = service_change_watch,
        .unwatch = service_unwatch,
        .set_timer = service_set_timer,
        .clear_timer = service_clear_timer,
        .post_to_loop = service_post_to_loop,
        .read_monotonic_ms = service_read_monotonic_ms,
        .read_local_time = service_read_local_time,
        .fill_random = service_fill_random,
        .report_health = service_report_health,
        .log_event = service_log_event,
        .get_text = options_text,
        .get_integer = options_integer,
        .get_secret = options_secret,
        .call_deadline_ms = service_call_deadline_ms,
        .call_attempt = service_call_attempt,
    };
}
