/* Several postings for one request. One after the other, and only while each is answered; if one is refused,
 * those before it are reversed, last first, and the whole is refused. What is not known of one is not known
 * of the whole: inquiry and reversal go through the postings again, from the same request and under the same
 * serials. Must never say refused while one of them may stand, nor reverse one before those behind it are
 * certainly undone: that the first is not there then means that none is. */
#include "batches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_objects.h"
#include "core.h"
#include "error.h"
#include "log.h"

enum { CODE_LINES = 2204, CODE_UNKNOWN = 9002 }; /* the local systems' own */

enum phase { SUBMITTING = 1, UNDOING, INQUIRING, REVERSING };

struct batch {
    struct slice request, answer;
    uint32_t accounting_date; /* as the answer says it */
    char cycle[40];
};

struct batches {
    struct fep_call *call, *open; /* the whole; the posting that the module has */
    enum phase phase;
    bool stopped;
    bool reversed; /* at least one was */
    size_t count, at;
    struct fep_index index;
    struct fep_result refusal;           /* why those before are undone */
    struct batch list[BATCHES_MOST + 1]; /* a reversal goes by serials, the attempt's own is one more */
};

struct fep_call *
batches_open_call(const struct fep_call *call)
{
    return call->batches->open;
}

void
batches_stop(struct fep_call *call)
{
    call->batches->stopped = true;
}

void
batches_drop(struct fep_call *call)
{
    struct batches *batches = call->batches;
    if (batches == NULL)
        return;
    for (size_t i = 0; i < batches->count; i++) {
        slice_release(&batches->list[i].request);
        slice_release(&batches->list[i].answer);
    }
    free(batches);
    call->batches = NULL;
}

/* --- to the module ------------------------------------------------------------------------------- */

static void
finish(struct batches *batches, enum fep_kind kind, const struct fep_result *result)
{
    calls_complete(batches->call, kind, result, NULL);
}

static void
finish_unknown(struct batches *batches, const struct fep_result *result, const char *text)
{
    struct fep_result unknown = *result;
    unknown.code = CODE_UNKNOWN;
    unknown.refusal_class = 0;
    snprintf(unknown.text, sizeof unknown.text, "%s", text);
    finish(batches, FEP_UNKNOWN, &unknown);
}

/* A call for one posting of `whole`, under the serial that is `number` behind the attempt's; NULL: no memory.
 */
static struct fep_call *
begin_part(struct fep_call *whole, uint8_t operation, struct slice body, uint32_t number)
{
    struct fep_call *part = calls_take(whole->host, whole->id);
    if (part == NULL)
        return NULL;
    part->purpose = CALL_PART;
    part->state = CALL_OPEN;
    part->operation = operation;
    part->whole = whole;
    part->deadline_ms = whole->deadline_ms;
    part->message.header = whole->message.header;
    part->message.index = whole->message.index;
    part->message.body = slice_share(body);
    part->attempt = whole->attempt;
    part->attempt.serial += number;
    return part;
}

static void
start(struct batches *batches)
{
    struct fep_call *call = batches->call;
    bool reverses = batches->phase == REVERSING;
    const struct batch *batch = &batches->list[batches->at];
    uint8_t operation = batches->phase == SUBMITTING  ? CORE_OP_SUBMIT
                        : batches->phase == INQUIRING ? CORE_OP_INQUIRE
                                                      : CORE_OP_REVERSE;
    struct fep_call *part = begin_part(call, operation, reverses ? call->message.body : batch->request,
                                       (uint32_t)(reverses ? batches->at : batches->at + 1));
    if (part == NULL) {
        struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_BOUND};
        finish_unknown(batches, &result, "no memory for the next part of the request");
        return;
    }
    if (!reverses && batch->accounting_date != 0) {
        part->attempt.accounting_date = batch->accounting_date;
        memcpy(part->attempt.cycle, batch->cycle, sizeof part->attempt.cycle);
    }
    part->first_line = batches->at * mapping_batch_lines(call->host->mapping, &call->message.header);
    batches->open = part;
    calls_give(part);
}

static void
undo(struct batches *batches, const struct fep_result *refusal, enum fep_kind kind)
{
    batches->refusal = *refusal;
    if (kind == FEP_NOT_SENT) /* the serials of the others are used up: it is repeated as a new attempt */
        batches->refusal.refusal_class = FEP_REPEATABLE;
    batches->phase = UNDOING;
    batches->at--;
    start(batches);
}

/* --- from the module ----------------------------------------------------------------------------- */

static void
add_index(struct fep_index *sum, const struct fep_index *one, bool first)
{
    int64_t total = sum->total_fen, fund = sum->fund_fen, account = sum->account_fen, cash = sum->cash_fen;
    *sum = *one;
    if (first)
        return;
    sum->total_fen += total;
    sum->fund_fen += fund;
    sum->account_fen += account;
    sum->cash_fen += cash;
}

static void
keep_answer(struct batches *batches, const struct fep_result *result, struct slice *answer,
            const struct fep_index *index)
{
    struct batch *batch = &batches->list[batches->at];
    slice_release(&batch->answer);
    batch->answer = *answer;
    *answer = SLICE_NONE;
    batch->accounting_date = result->accounting_date;
    memcpy(batch->cycle, result->cycle, sizeof batch->cycle);
    add_index(&batches->index, index, batches->at == 0);
    batches->at++;
}

/* The record of the whole names one day and one cycle. */
static bool
is_of_another_day(const struct batches *batches)
{
    const struct batch *first = &batches->list[0], *last = &batches->list[batches->at - 1];
    return first->accounting_date != last->accounting_date || strcmp(first->cycle, last->cycle) != 0;
}

static void
on_submitted(struct batches *batches, enum fep_kind kind, struct fep_result *result, struct slice *answer,
             const struct fep_index *index)
{
    if (kind == FEP_REFUSED || kind == FEP_NOT_SENT) {
        if (batches->at == 0)
            finish(batches, kind, result);
        else
            undo(batches, result, kind);
        return;
    }
    if (kind == FEP_UNKNOWN || result->effect != FEP_EFFECT_POSTED) {
        finish(batches, FEP_UNKNOWN, result);
        return;
    }
    if (result->reason == FEP_REASON_INCONSISTENT) {
        finish(batches, kind, result); /* posted, and not to be passed on: it will be reversed, all of it */
        return;
    }
    keep_answer(batches, result, answer, index);
    if (is_of_another_day(batches)) {
        struct fep_result refusal = {.size = sizeof refusal,
                                     .refusal_class = FEP_REPEATABLE,
                                     .reason = FEP_REASON_BOUND,
                                     .code = FEP_E_BOUND};
        snprintf(refusal.text, sizeof refusal.text, "the accounting day changed between two parts");
        undo(batches, &refusal, FEP_REFUSED);
    } else if (batches->at == batches->count) {
        finish(batches, FEP_ANSWERED, result);
    } else if (batches->stopped) {
        finish_unknown(batches, result, "only a part of the lines was posted in time");
    } else {
        start(batches);
    }
}

static bool
is_undone(enum fep_kind kind, const struct fep_result *result)
{
    return kind == FEP_ANSWERED &&
           (result->finding == FEP_FOUND_REVERSED || result->finding == FEP_FOUND_NEVER_ARRIVED);
}

static void
on_undone(struct batches *batches, enum fep_kind kind, const struct fep_result *result)
{
    if (!is_undone(kind, result))
        finish_unknown(batches, &batches->refusal, "a part was refused; those before it are not undone yet");
    else if (batches->at == 0)
        finish(batches, FEP_REFUSED, &batches->refusal);
    else {
        batches->at--;
        start(batches);
    }
}

static void
on_inquired(struct batches *batches, enum fep_kind kind, struct fep_result *result, struct slice *answer,
            const struct fep_index *index)
{
    if (kind != FEP_ANSWERED || result->finding == FEP_FOUND_IN_PROGRESS) {
        finish(batches, kind, result);
        return;
    }
    if (result->finding != FEP_FOUND_POSTED) {
        if (batches->at > 0) { /* not the whole: to be undone */
            *result = (struct fep_result){.size = sizeof *result, .finding = FEP_FOUND_NOTHING};
            snprintf(result->text, sizeof result->text, "only a part of the lines was posted");
        }
        finish(batches, kind, result);
        return;
    }
    if (result->reason == FEP_REASON_INCONSISTENT) {
        finish(batches, kind, result);
        return;
    }
    keep_answer(batches, result, answer, index);
    if (batches->at == batches->count)
        finish(batches, FEP_ANSWERED, result);
    else
        start(batches);
}

static void
on_reversed(struct batches *batches, enum fep_kind kind, struct fep_result *result)
{
    if (!is_undone(kind, result)) {
        finish(batches, kind, result);
        return;
    }
    batches->reversed = batches->reversed || result->finding == FEP_FOUND_REVERSED;
    if (batches->at > 0) {
        batches->at--;
        start(batches);
        return;
    }
    result->finding = batches->reversed ? FEP_FOUND_REVERSED : FEP_FOUND_NEVER_ARRIVED;
    finish(batches, kind, result);
}

void
batches_settle(struct fep_call *part)
{
    struct fep_call *call = part->whole;
    struct batches *batches = call->batches;
    struct slice answer = SLICE_NONE;
    struct fep_index index = part->message.index;
    struct fep_error error = {0};
    if (translate_answer_in(part->host, part, &answer, &index, &error) < 0) {
        part->result.reason = FEP_REASON_INCONSISTENT;
        snprintf(part->result.text, sizeof part->result.text, "%.200s", error.text);
        host_log(part->host, LOG_SEV_WARNING, error.text, error.code);
    }
    enum fep_kind kind = part->kind;
    struct fep_result result = part->result;
    prompts_move(call, part);
    calls_free(part);
    batches->open = NULL;
    if (batches->phase == SUBMITTING)
        on_submitted(batches, kind, &result, &answer, &index);
    else if (batches->phase == UNDOING)
        on_undone(batches, kind, &result);
    else if (batches->phase == INQUIRING)
        on_inquired(batches, kind, &result, &answer, &index);
    else
        on_reversed(batches, kind, &result);
    slice_release(&answer);
}

/* --- the whole ----------------------------------------------------------------------------------- */

int
batches_answer(struct fep_call *call, struct slice *answer, struct fep_index *index, struct fep_error *error)
{
    struct batches *batches = call->batches;
    struct slice answers[BATCHES_MOST];
    if (call->kind != FEP_ANSWERED || batches->phase == REVERSING || batches->at != batches->count)
        return 0;
    *index = batches->index;
    for (size_t i = 0; i < batches->count; i++)
        answers[i] = batches->list[i].answer;
    return mapping_join_batches(call->host->mapping, &call->message.header, answers, batches->count, answer,
                                error);
}

/* A submit is refused; what asks or undoes is only not done now. */
static void
decline(struct fep_call *call, uint32_t reason, const struct fep_error *error)
{
    struct fep_result result = {.size = sizeof result, .reason = reason, .code = error->code};
    bool refused = call->operation == CORE_OP_SUBMIT && reason != FEP_REASON_BOUND;
    result.refusal_class = refused ? FEP_FINAL : FEP_REPEATABLE;
    snprintf(result.text, sizeof result.text, "%.250s", error->text);
    calls_complete(call, refused ? FEP_REFUSED : FEP_NOT_SENT, &result, NULL);
}

/* How many lines a posting takes may have been changed since: so every serial that the request can have used
 * is reversed, the attempt's own last. What never went out under one is told so, and blocked. */
static bool
begin_reversing(struct fep_call *call)
{
    const struct mapping *mapping = call->host->mapping;
    struct fep_error error = {0};
    size_t lines = 0;
    if (mapping_batch_lines(mapping, &call->message.header) == 0)
        return false;
    if (mapping_count_lines(mapping, &call->message.header, call->message.body, &lines, &error) < 0) {
        decline(call, FEP_REASON_BOUND, &error);
        return true;
    }
    if (lines <= 1)
        return false;
    struct batches *batches = calloc(1, sizeof *batches);
    if (batches == NULL) {
        error_set(&error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the parts of a reversal");
        decline(call, FEP_REASON_BOUND, &error);
        return true;
    }
    batches->call = call;
    batches->phase = REVERSING;
    batches->at = lines < BATCHES_MOST ? lines : BATCHES_MOST;
    call->batches = batches;
    start(batches);
    return true;
}

bool
batches_begin(struct fep_call *call)
{
    struct host *host = call->host;
    struct fep_error error = {0};
    struct slice parts[BATCHES_MOST];
    if (host->mapping == NULL || (call->operation != CORE_OP_SUBMIT && call->operation != CORE_OP_INQUIRE &&
                                  call->operation != CORE_OP_REVERSE))
        return false;
    if (call->operation == CORE_OP_REVERSE)
        return begin_reversing(call);
    int count = mapping_cut_batches(host->mapping, &call->message.header, call->message.body, parts,
                                    BATCHES_MOST, &error);
    if (count == 0)
        return false;
    struct batches *batches = count > 0 ? calloc(1, sizeof *batches) : NULL;
    if (count > 0 && batches == NULL)
        error_set(&error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the parts of a request");
    if (batches == NULL) {
        for (int i = 0; i < count; i++)
            slice_release(&parts[i]);
        decline(call, error.code == FEP_E_NO_MEMORY ? FEP_REASON_BOUND : FEP_REASON_MALFORMED, &error);
        return true;
    }
    batches->call = call;
    batches->count = (size_t)count;
    for (int i = 0; i < count; i++)
        batches->list[i].request = parts[i];
    call->batches = batches;
    batches->phase = call->operation == CORE_OP_SUBMIT ? SUBMITTING : INQUIRING;
    if (batches->phase == SUBMITTING && (host_abilities(host) & FEP_REVERSES) == 0) {
        error_set(
            &error, FEP_REFUSED, CODE_LINES,
            "more lines than one posting takes, and a part could not be taken back; nothing took effect");
        decline(call, FEP_REASON_MALFORMED, &error);
    } else {
        start(batches);
    }
    return true;
}
