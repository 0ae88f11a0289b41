/* The host's side of the ABI, as small as tests need it. A misuse by the module (releasing twice, an unknown
 * option) ends the test. */
#include "fake_host.h"
#include "fake_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_state *
fake_state_of(void *host)
{
    return ((struct fake_host *)host)->state;
}

int
fake_fail(struct fep_error *error, const char *text)
{
    if (error != NULL) {
        *error = (struct fep_error){.code = 1001};
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return -1;
}

/* --- calls and requests --- */

static void
complete_call(void *host, struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
              struct fep_record *answer)
{
    struct fake_host *fake = host;
    for (size_t i = 0; i < fake->completion_count; i++)
        assert(fake->completions[i].call != call); /* exactly once */
    assert(fake->completion_count < 64);
    fake->completions[fake->completion_count++] =
        (struct fake_completion){call, kind, result != NULL ? *result : (struct fep_result){0}, answer};
}

static void
report_late(void *host, const struct fep_attempt *attempt, enum fep_kind kind,
            const struct fep_result *result, struct fep_record *answer)
{
    struct fake_host *fake = host;
    (void)attempt;
    assert(fake->late_count < 16);
    fake->late[fake->late_count++] = (struct fake_completion){NULL, kind, *result, answer};
}

static int
begin_request(void *host, const char *local, struct fep_record *head, struct fep_record *body, bool fresh,
              fep_on_answer *on_answer, fep_try_answer *try_answer, void *ticket, struct fep_error *error)
{
    struct fake_host *fake = host;
    if (fake->refuse_requests != 0) {
        fake->host.release_record(host, head);
        fake->host.release_record(host, body);
        fake_fail(error, "refused by the test");
        error->code = (uint32_t)fake->refuse_requests;
        error->kind = FEP_REFUSED;
        return -1;
    }
    assert(fake->request_count < 64);
    struct fake_request *request = &fake->requests[fake->request_count++];
    *request = (struct fake_request){.head = head,
                                     .body = body,
                                     .fresh = fresh,
                                     .on_answer = on_answer,
                                     .try_answer = try_answer,
                                     .ticket = ticket};
    snprintf(request->local, sizeof request->local, "%s", local);
    return 0;
}

static void
forget_request(void *host, void *ticket)
{
    struct fake_host *fake = host;
    for (size_t i = 0; i < fake->request_count; i++) {
        if (fake->requests[i].ticket == ticket)
            fake->requests[i].forgotten = true;
    }
}

static const char *
translate_out(void *host, const struct fep_message *message, uint32_t operation,
              const struct fep_attempt *attempt, struct fep_record **head, struct fep_record **body,
              struct fep_error *error)
{
    struct fake_host *fake = host;
    const struct fake_message *what = (const struct fake_message *)(const void *)message;
    static char serial[32], date[16];
    snprintf(serial, sizeof serial, "%08u%012llu", attempt->serial_date, (unsigned long long)attempt->serial);
    snprintf(date, sizeof date, "%08u", attempt->serial_date);
    if (what->local == NULL) {
        fake_fail(error, "not mapped");
        error->code = 1003;
        return NULL;
    }
    const char *local = operation == FEP_OP_SUBMIT    ? what->local
                        : operation == FEP_OP_INQUIRE ? fake_local_of(fake->state, "inquire")
                                                      : fake_local_of(fake->state, "reverse");
    char layout[32];
    snprintf(layout, sizeof layout, "%s-Q", local);
    *head = fake->host.create_record(host, "head-Q");
    *body = fake->host.create_record(host, layout);
    fake_fill(*head, what->head);
    if (operation == FEP_OP_SUBMIT) {
        fake_fill_known(*head, "H-SERIAL", serial);
        fake_fill_known(*head, "SERIAL", serial);
        fake_fill(*body, what->body);
        if (what->row != NULL)
            fake_set_row(fake, *body, what->row);
    } else {
        fake_fill_known(*head, "H-ORG-TRAN", what->local);
        fake_fill_known(*head, "H-ORG-SERIAL", serial);
        fake_fill_known(*head, "ORGMSGNO", what->local);
        fake_fill_known(*body, "VQ-ORG-DATE", date);
        fake_fill_known(*body, "ORGDATE", date);
        fake_fill_known(*head, "SERIAL", "20261122990000000001");
        fake_fill_known(*body, "ORG-CODE", what->local);
        fake_fill_known(*body, "ORG-SERIAL", serial);
        fake_fill_known(*body, "ORG-DATE", date);
    }
    return local;
}

static int64_t
call_deadline_ms(const struct fep_call *call)
{
    return call->deadline_ms;
}

static const struct fep_attempt *
call_attempt(const struct fep_call *call)
{
    return &call->attempt;
}

static void
report_health(void *host, const struct fep_health *health)
{
    struct fake_host *fake = host;
    fake->health = *health;
    fake->health_reports++;
}

static void
log_event(void *host, int severity, const char *what, int64_t number)
{
    struct fake_host *fake = host;
    snprintf(fake->last_log, sizeof fake->last_log, "%s", what);
    if (getenv("FAKE_LOG") != NULL)
        fprintf(stderr, "log %d %s %lld\n", severity, what, (long long)number);
}

static void
read_local_time(void *host, uint32_t *date, uint32_t *time)
{
    struct fake_host *fake = host;
    *date = fake->date;
    *time = fake->time;
}

static int
fill_random(void *host, void *out, size_t size)
{
    (void)host;
    memset(out, 7, size);
    return 0;
}

/* --- options and life --- */

static const char *
option_text(const struct fep_config *config, const char *name)
{
    for (const char *const *given = config->given; given != NULL && given[0] != NULL; given += 2) {
        if (strcmp(given[0], name) == 0)
            return given[1];
    }
    for (const struct fep_option *option = config->table; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option->def;
    }
    fprintf(stderr, "no option %s\n", name);
    abort();
}

static int64_t
option_integer(const struct fep_config *config, const char *name)
{
    const char *text = option_text(config, name);
    if (text == NULL || strcmp(text, "false") == 0)
        return 0;
    if (strcmp(text, "true") == 0)
        return 1;
    char *end;
    int64_t value = strtoll(text, &end, 10);
    return strcmp(end, "s") == 0 ? value * 1000 : strcmp(end, "min") == 0 ? value * 60000 : value;
}

void
fake_use_options(struct fake_host *fake, const struct fep_option *table, const char *const *given)
{
    fake->state->config = (struct fep_config){table, given};
}

const struct fep_config *
fake_config(struct fake_host *fake)
{
    return &fake->state->config;
}

struct fake_host *
fake_create(const char *file)
{
    struct fake_host *fake = calloc(1, sizeof *fake);
    fake->state = calloc(1, sizeof *fake->state);
    fake->date = 20261122;
    fake->time = 101500;
    fake_read_mapping(fake->state, file);
    fake->host = (struct fep_host){.size = sizeof fake->host,
                                   .self = fake,
                                   .complete_call = complete_call,
                                   .report_late = report_late,
                                   .begin_request = begin_request,
                                   .forget_request = forget_request,
                                   .translate_out = translate_out,
                                   .read_local_time = read_local_time,
                                   .fill_random = fill_random,
                                   .report_health = report_health,
                                   .log_event = log_event,
                                   .get_text = option_text,
                                   .get_integer = option_integer,
                                   .get_secret = option_text,
                                   .call_deadline_ms = call_deadline_ms,
                                   .call_attempt = call_attempt};
    fake_offer_mapping(&fake->host);
    fake_offer_records(&fake->host);
    fake_offer_text(&fake->host);
    fake_offer_loop(&fake->host);
    return fake;
}

void
fake_destroy(struct fake_host *fake)
{
    struct fake_state *state = fake->state;
    for (size_t i = 0; i < fake->completion_count; i++)
        fake->host.release_record(fake, fake->completions[i].answer);
    for (size_t i = 0; i < fake->late_count; i++)
        fake->host.release_record(fake, fake->late[i].answer);
    for (size_t i = 0; i < fake->request_count; i++) {
        fake->host.release_record(fake, fake->requests[i].head);
        fake->host.release_record(fake, fake->requests[i].body);
    }
    fake_sweep_watches(state);
    assert(state->watches == NULL && state->timers == NULL && state->live_records == 0); /* nothing leaked */
    fake_free_mapping(state);
    free(state);
    free(fake);
}
