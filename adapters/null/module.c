/* The null adapter: the shortest possible module. It refuses every call and serves nobody; it holds the place
 * of a local system that is not connected yet, with an answer that says so, and it is where a new module can
 * start. */
#include <stdio.h>

#include <fep/adapter.h>

struct null {
    const struct fep_host *host;
    const char *text;
};
static struct null instance; /* one instance per process */

static const struct fep_option options[] = {
    {.name = "text",
     .type = FEP_TEXT,
     .def = "no local system is connected here",
     .help_zh = "拒绝时给出的说明",
     .help_en = "what every refusal says"},
    {.name = NULL},
};

static int
open_null(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error)
{
    (void)error;
    instance.host = host;
    instance.text = host->get_text(config, "text");
    *self = &instance;
    return 0;
}

static void
complete(const struct null *null, struct fep_call *call, enum fep_kind kind, enum fep_reason reason)
{
    struct fep_result result = {.size = sizeof result, .refusal_class = FEP_FINAL, .reason = reason};
    if (kind == FEP_REFUSED)
        snprintf(result.text, sizeof result.text, "%s", null->text);
    null->host->complete_call(null->host->self, call, kind, &result, NULL);
}

/* Nothing was reached and nothing ever will be, so "ready" and "drained" are true at once. */
static void
answer_at_once(void *self, struct fep_call *call)
{
    complete(self, call, FEP_ANSWERED, FEP_REASON_NONE);
}

static void
refuse_call(void *self, struct fep_call *call, const struct fep_message *message)
{
    (void)message;
    complete(self, call, FEP_REFUSED, FEP_REASON_BUSINESS);
}

static void
cancel_call(void *self, struct fep_call *call, enum fep_reason reason)
{
    (void)self, (void)call, (void)reason; /* every call is completed in the function that starts it */
}

static void
close_null(void *self)
{
    (void)self;
}

static const struct fep_adapter_ops ops = {
    .size = sizeof ops,
    .open = open_null,
    .start = answer_at_once,
    .submit = refuse_call,
    .cancel = cancel_call,
    .drain = answer_at_once,
    .close = close_null,
};

extern const struct fep_adapter fep_adapter;
FEP_EXPORT const struct fep_adapter fep_adapter = {
    .magic = FEP_ADAPTER_MAGIC,
    .abi_major = FEP_ABI_MAJOR,
    .abi_minor = FEP_ABI_MINOR,
    .size = sizeof fep_adapter,
    .name = "null",
    .version = "1.0",
    .summary = "refuses every call, serves nobody",
    .abilities = FEP_CALLS_OUT,
    .options = options,
    .ops = &ops,
};
