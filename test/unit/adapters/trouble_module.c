/* A module for tests of the host: does on request what a module must not do, or asks one question of its own.
 */
#include <stdio.h>
#include <string.h>

#include <fep/adapter.h>

static const struct fep_host *host;
static const char *mode;
static struct fep_call *last;
static int ticket;

static const struct fep_option options[] = {
    {.name = "mode", .type = FEP_TEXT, .flags = FEP_OPTION_REQUIRED},
    {.name = "wait", .type = FEP_DURATION_MS, .def = "1s", .maximum = 60000},
    {.name = NULL}};

static int
open_module(const struct fep_host *given, const struct fep_config *config, void **self,
            struct fep_error *error)
{
    host = given;
    mode = host->get_text(config, "mode");
    *self = &ticket;
    if (strcmp(mode, "closed") != 0)
        return 0;
    snprintf(error->text, sizeof error->text, "this mode does not open");
    return -1;
}

static void
tell_health(const char *reason)
{
    struct fep_health health = {.size = sizeof health, .state = FEP_DEGRADED};
    snprintf(health.reason, sizeof health.reason, "%s", reason);
    host->report_health(host->self, &health);
}

static void
on_answer(void *self, void *arg, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    char text[100];
    struct fep_bytes settlement = {NULL, 0};
    (void)self, (void)arg;
    if (answer != NULL)
        settlement = host->record_get(answer, 0);
    snprintf(text, sizeof text, "told %d %u %.*s", (int)kind, result->code, (int)settlement.size,
             (const char *)settlement.data);
    tell_health(text);
}

static int
try_answer(void *self, void *arg, const struct fep_record *answer, struct fep_error *error)
{
    (void)self, (void)arg;
    if (strcmp(mode, "picky") != 0)
        return answer != NULL ? 0 : -1;
    snprintf(error->text, sizeof error->text, "this caller can not read it");
    return -1;
}

static void
set(struct fep_record *record, const char *name, const char *text)
{
    const struct fep_layout *layout = host->record_layout(record);
    for (size_t i = 0; i < layout->field_count; i++) {
        if (strcmp(layout->fields[i].name, name) == 0)
            (void)host->record_set(record, i, text, strlen(text));
    }
}

/* A settlement of danxian, as its caller would send it. */
static void
ask(void *arg)
{
    static const char *const values[][2] = {
        {"VISIT-NO", "ZY1"},        {"VISIT-ID", "YL1"},  {"BILL-NO", "FP1"},       {"MED-CAT", "21"},
        {"TIME", "20261122101455"}, {"USE-ACCOUNT", "1"}, {"HIS-TOTAL", "14000.00"}};
    struct fep_record *head = host->create_record(host->self, "head-Q");
    struct fep_record *body = host->create_record(host->self, "2410-Q");
    struct fep_error error = {0};
    (void)arg;
    set(head, "CODE", "2410");
    set(head, "HOSPITAL", "H45010000003");
    set(head, "OPERATOR", "000012");
    set(head, "SERIAL", "20261122101502-H45010000003-0007");
    set(head, "CENTRE", "450900");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        set(body, values[i][0], values[i][1]);
    if (host->begin_request(host->self, "2410", head, body, false, on_answer, try_answer, &ticket, &error) <
        0)
        host->set_timer(host->self, 50, ask, NULL); /* no router yet */
}

static void
start(void *self, struct fep_call *call)
{
    (void)self;
    if (strcmp(mode, "unready") == 0) {
        struct fep_result result = {.size = sizeof result};
        host->complete_call(host->self, call, FEP_NOT_SENT, &result, NULL);
        return;
    }
    host->complete_call(host->self, call, FEP_ANSWERED, NULL, NULL);
    if (strcmp(mode, "ask") == 0 || strcmp(mode, "picky") == 0)
        ask(NULL);
}

static void
submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    struct fep_result result = {.size = sizeof result, .effect = FEP_EFFECT_POSTED};
    (void)self, (void)message;
    if (strcmp(mode, "hang") == 0)
        return;
    if (strcmp(mode, "no_kind") == 0)
        host->complete_call(host->self, call, (enum fep_kind)9, &result, NULL);
    if (strcmp(mode, "crash") == 0)
        *(volatile int *)0 = 1;
    if (strcmp(mode, "late") == 0) {
        host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
        host->report_late(host->self, host->call_attempt(call), FEP_ANSWERED, &result, NULL);
        return;
    }
    host->complete_call(host->self, call, FEP_ANSWERED, &result, NULL);
    if (strcmp(mode, "twice") == 0)
        host->complete_call(host->self, call, FEP_ANSWERED, &result, NULL);
    /* Long after: the first call's object must not have become another call. */
    if (strcmp(mode, "twice_later") == 0 && last != NULL)
        host->complete_call(host->self, last, FEP_ANSWERED, &result, NULL);
    last = call;
}

static void
cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    (void)self, (void)call, (void)reason;
}

static void
close_module(void *self)
{
    (void)self;
}

static const struct fep_adapter_ops ops = {.size = sizeof ops,
                                           .open = open_module,
                                           .start = start,
                                           .submit = submit,
                                           .cancel = cancel,
                                           .close = close_module};

extern const struct fep_adapter fep_adapter;
FEP_EXPORT const struct fep_adapter fep_adapter = {.magic = FEP_ADAPTER_MAGIC,
                                                   .abi_major = FEP_ABI_MAJOR,
                                                   .abi_minor = FEP_ABI_MINOR,
                                                   .size = sizeof fep_adapter,
                                                   .name = "trouble",
                                                   .version = "1.0",
                                                   .summary = "for tests of the host",
                                                   .abilities = FEP_CALLS_OUT | FEP_SERVES_IN,
                                                   .options = options,
                                                   .ops = &ops};
