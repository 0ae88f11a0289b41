/* The loopback adapter: a local system that says yes. Asked side: posts every call in its book and answers
 * with the request it was given and fixed amounts. Serving side: serve.c. Works without a mapping file (see
 * "Without a mapping" in adapter.h). Its calls are answered in the order in which they came, all that were
 * waiting with one sync. */
#include "loopback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call that is decided and waits for the sync and for its delay. */
struct pending {
    struct pending *next;
    struct fep_call *call;
    int64_t due_ms;
    enum fep_kind kind;
    struct fep_result result;
    struct fep_record *answer;
};

static struct loopback instance; /* one instance per process */

static const struct fep_option options[] = {
    {.name = "listen",
     .type = FEP_TEXT,
     .def = "",
     .help_zh = "监听本地请求：unix:路径 或 tcp:地址:端口；空为不监听",
     .help_en = "where local requests are taken: unix:PATH or tcp:ADDRESS:PORT; empty: nowhere"},
    {.name = "book",
     .type = FEP_TEXT,
     .def = "",
     .help_zh = "账簿文件，答复之前先落盘；空为只记在内存",
     .help_en = "file of what was posted, on disk before it is answered; empty: in memory only"},
    {.name = "delay_ms",
     .type = FEP_DURATION_MS,
     .def = "0",
     .maximum = 600000,
     .unit = "ms",
     .help_zh = "每次答复的延迟",
     .help_en = "pause before each answer"},
    {.name = "queries",
     .type = FEP_TEXT,
     .def = "1101 2206 2303 5203",
     .help_zh = "不记账的交易",
     .help_en = "transactions that post nothing"},
    {.name = "lose_answers",
     .type = FEP_FLAG,
     .def = "false",
     .help_zh = "记账，但一律报告为结果不明（测试用）",
     .help_en = "post, but report every posting as unknown (for tests)"},
    {.name = NULL},
};

static int
open_loopback(const struct fep_host *host, const struct fep_config *config, void **self,
              struct fep_error *error)
{
    struct loopback *loopback = &instance;
    const char *why = "";
    loopback->host = host;
    loopback->queries = host->get_text(config, "queries");
    loopback->drain_call = NULL;
    loopback->delay_ms = host->get_integer(config, "delay_ms");
    loopback->lost_answers = host->get_integer(config, "lose_answers") != 0;
    loopback->last = &loopback->first;
    loopback->book = book_open(host->get_text(config, "book"), &why);
    if (loopback->book == NULL) {
        snprintf(error->text, sizeof error->text, "the book can not be opened: %s", why);
        return -1;
    }
    const char *where = host->get_text(config, "listen");
    if (where[0] != '\0') {
        loopback->server = server_open(loopback, where, error);
        if (loopback->server == NULL) {
            book_close(loopback->book);
            return -1;
        }
    }
    *self = loopback;
    return 0;
}

static void
answer_at_once(void *self, struct fep_call *call)
{
    const struct loopback *loopback = self;
    loopback->host->complete_call(loopback->host->self, call, FEP_ANSWERED, NULL, NULL);
}

void
loopback_check_drained(struct loopback *loopback)
{
    struct fep_call *call = loopback->drain_call;
    if (call == NULL || loopback->first != NULL || !server_is_idle(loopback->server))
        return;
    loopback->drain_call = NULL;
    answer_at_once(loopback, call);
}

static void
drain(void *self, struct fep_call *call)
{
    struct loopback *loopback = self;
    loopback->drain_call = call;
    server_stop(loopback->server);
    loopback_check_drained(loopback);
}

/* --- answering ----------------------------------------------------------------------------------- */

static void answer_due(void *arg);

static void
arm(struct loopback *loopback)
{
    if (loopback->timer != NULL || loopback->first == NULL)
        return;
    int64_t wait = loopback->first->due_ms - loopback->host->read_monotonic_ms(loopback->host->self);
    loopback->timer =
        loopback->host->set_timer(loopback->host->self, wait > 0 ? wait : 0, answer_due, loopback);
}

/* One sync for all that are due: what is answered is on disk. If the sync fails nobody knows what is:
 * unknown. */
static void
answer_due(void *arg)
{
    struct loopback *loopback = arg;
    int64_t now = loopback->host->read_monotonic_ms(loopback->host->self);
    int synced = book_sync(loopback->book);
    loopback->timer = NULL;
    while (loopback->first != NULL && loopback->first->due_ms <= now) {
        struct pending *pending = loopback->first;
        loopback->first = pending->next;
        if (loopback->first == NULL)
            loopback->last = &loopback->first;
        loopback->host->complete_call(loopback->host->self, pending->call,
                                      synced < 0 ? FEP_UNKNOWN : pending->kind, &pending->result,
                                      pending->answer);
        free(pending);
    }
    arm(loopback);
    loopback_check_drained(loopback);
}

/* Takes `answer`. */
static void
answer_later(struct loopback *loopback, struct fep_call *call, enum fep_kind kind,
             const struct fep_result *result, struct fep_record *answer)
{
    const struct fep_host *host = loopback->host;
    if (loopback->delay_ms == 0 && !book_is_on_disk(loopback->book)) {
        host->complete_call(host->self, call, kind, result, answer);
        return;
    }
    struct pending *pending = malloc(sizeof *pending);
    if (pending == NULL) {
        host->release_record(host->self, answer);
        host->complete_call(host->self, call, FEP_UNKNOWN, NULL, NULL);
        return;
    }
    *pending = (struct pending){.call = call,
                                .due_ms = host->read_monotonic_ms(host->self) + loopback->delay_ms,
                                .kind = kind,
                                .result = *result,
                                .answer = answer};
    *loopback->last = pending;
    loopback->last = &pending->next;
    arm(loopback);
}

static struct fep_record *
make_answer(const struct loopback *loopback, const struct fep_message *message,
            const struct fep_attempt *attempt)
{
    static const char tail[] = "}}";
    const struct fep_host *host = loopback->host;
    struct fep_bytes body = host->message_body(host->self, message);
    char head[320];
    int size =
        snprintf(head, sizeof head,
                 "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"setlinfo\":{\"setl_id\":\"L%u%012llu\","
                 "\"medfee_sumamt\":100.00,\"fund_pay_sumamt\":60.00,\"acct_pay\":15.00,"
                 "\"psn_cash_pay\":25.00},\"request\":",
                 attempt->serial_date, (unsigned long long)attempt->serial);
    struct fep_record *record = host->create_record(host->self, "canonical");
    char *text = malloc((size_t)size + body.size + sizeof tail + 4);
    size_t used = (size_t)size;
    if (record == NULL || text == NULL)
        goto fail;
    memcpy(text, head, used);
    if (body.size > 0)
        memcpy(text + used, body.data, body.size);
    else
        memcpy(text + used, "null", 4);
    used += body.size > 0 ? body.size : 4;
    memcpy(text + used, tail, sizeof tail - 1);
    if (host->record_set(record, 0, text, used + sizeof tail - 1) < 0)
        goto fail;
    free(text);
    return record;
fail:
    free(text);
    host->release_record(host->self, record);
    return NULL;
}

/* --- the three operations ------------------------------------------------------------------------ */

static bool
is_query(const struct loopback *loopback, const char *infno)
{
    const char *at = strstr(loopback->queries, infno);
    size_t size = strlen(infno);
    return at != NULL && (at == loopback->queries || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ');
}

static void
submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    struct loopback *loopback = self;
    const struct fep_host *host = loopback->host;
    const struct fep_attempt *attempt = host->call_attempt(call);
    const char *infno = host->message_infno(host->self, message);
    struct fep_result result = {.size = sizeof result, .accounting_date = attempt->serial_date};
    bool posts = !is_query(loopback, infno);
    enum book_state state =
        posts ? book_find(loopback->book, attempt->serial_date, attempt->serial) : BOOK_NOTHING;

    if (state == BOOK_BLOCKED || state == BOOK_REVERSED) {
        result.code = 2504;
        result.reason = FEP_REASON_BUSINESS;
        snprintf(result.text, sizeof result.text, "serial blocked by a reversal");
        answer_later(loopback, call, FEP_REFUSED, &result, NULL);
        return;
    }
    struct fep_record *answer = make_answer(loopback, message, attempt);
    if (answer == NULL || (posts && state == BOOK_NOTHING &&
                           book_note(loopback->book, BOOK_POSTED, attempt->serial_date, attempt->serial,
                                     infno, host->message_msgid(host->self, message)) < 0)) {
        host->release_record(host->self, answer);
        host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
        return;
    }
    if (loopback->lost_answers && posts) {
        host->release_record(host->self, answer);
        (void)book_sync(loopback->book);
        result.reason = FEP_REASON_PEER_CLOSED;
        host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
        return;
    }
    result.effect = posts ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    answer_later(loopback, call, FEP_ANSWERED, &result, answer);
}

static void
inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    struct loopback *loopback = self;
    const struct fep_attempt *attempt = loopback->host->call_attempt(call);
    struct fep_result result = {.size = sizeof result, .accounting_date = attempt->serial_date};
    struct fep_record *answer = NULL;
    switch (book_find(loopback->book, attempt->serial_date, attempt->serial)) {
    case BOOK_NOTHING:
        result.finding = FEP_FOUND_NOTHING;
        break;
    case BOOK_POSTED:
        result.finding = FEP_FOUND_POSTED;
        result.effect = FEP_EFFECT_POSTED;
        answer = make_answer(loopback, message, attempt);
        break;
    case BOOK_REVERSED:
        result.finding = FEP_FOUND_REVERSED;
        break;
    case BOOK_BLOCKED:
        result.finding = FEP_FOUND_NEVER_ARRIVED;
        break;
    }
    answer_later(loopback, call, FEP_ANSWERED, &result, answer);
}

static void
reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    struct loopback *loopback = self;
    const struct fep_host *host = loopback->host;
    const struct fep_attempt *attempt = host->call_attempt(call);
    struct fep_result result = {.size = sizeof result};
    enum book_state state = book_find(loopback->book, attempt->serial_date, attempt->serial);
    bool arrived = state == BOOK_POSTED || state == BOOK_REVERSED;
    result.finding = arrived ? FEP_FOUND_REVERSED : FEP_FOUND_NEVER_ARRIVED;
    if (state == BOOK_POSTED || state == BOOK_NOTHING) {
        if (book_note(loopback->book, arrived ? BOOK_REVERSED : BOOK_BLOCKED, attempt->serial_date,
                      attempt->serial, host->message_infno(host->self, message),
                      host->message_msgid(host->self, message)) < 0) {
            host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
            return;
        }
    }
    answer_later(loopback, call, FEP_ANSWERED, &result, NULL);
}

/* A pending call keeps its place: what is posted is answered, late or not. */
static void
cancel_call(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct loopback *loopback = self;
    if (reason != FEP_REASON_DEADLINE)
        return;
    if (call == loopback->drain_call) { /* whoever still waits is not waited for */
        loopback->drain_call = NULL;
        answer_at_once(loopback, call);
        return;
    }
    for (struct pending **at = &loopback->first; *at != NULL; at = &(*at)->next) {
        struct pending *pending = *at;
        if (pending->call != call)
            continue;
        *at = pending->next;
        if (loopback->last == &pending->next)
            loopback->last = at;
        struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_DEADLINE};
        loopback->host->release_record(loopback->host->self, pending->answer);
        loopback->host->complete_call(loopback->host->self, call, FEP_UNKNOWN, &result, NULL);
        free(pending);
        loopback_check_drained(loopback);
        return;
    }
}

static void
close_loopback(void *self)
{
    struct loopback *loopback = self;
    loopback->drain_call = NULL; /* nothing is completed any more */
    server_close(loopback->server);
    while (loopback->first != NULL) {
        struct pending *pending = loopback->first;
        loopback->first = pending->next;
        loopback->host->release_record(loopback->host->self, pending->answer);
        free(pending);
    }
    loopback->host->clear_timer(loopback->host->self, loopback->timer);
    book_close(loopback->book);
}

static const struct fep_adapter_ops ops = {
    .size = sizeof ops,
    .open = open_loopback,
    .start = answer_at_once,
    .submit = submit,
    .inquire = inquire,
    .reverse = reverse,
    .cancel = cancel_call,
    .drain = drain,
    .close = close_loopback,
};

extern const struct fep_adapter fep_adapter;
FEP_EXPORT const struct fep_adapter fep_adapter = {
    .magic = FEP_ADAPTER_MAGIC,
    .abi_major = FEP_ABI_MAJOR,
    .abi_minor = FEP_ABI_MINOR,
    .size = sizeof fep_adapter,
    .name = "loopback",
    .version = "1.0",
    .summary = "a local system that says yes; for tests and benchmarks",
    .abilities = FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES | FEP_REVERSES | FEP_REPLAYS,
    .options = options,
    .ops = &ops,
};
