/* What an answer means for the call that asked: of a request, of an inquiry, of a reversal, of a sign-in.
 *
 * Must never take for this request's answer what names another one, nor say "never arrived" before the
 * original has been absent for the quiet time, nor send a reversal before the original was looked for.
 */
#include "national.h"

#include <stdio.h>
#include <string.h>

#include "statement.h"

static struct fep_record *
make_answer(const struct task *task, const struct writer *text, const struct json *output)
{
    static const char *const members[] = {"visit_id", "settlement_id", "total", "fund", "account", "cash"};
    const struct fep_host *host = task->national->host;
    struct fep_record *record = text->failed ? NULL : host->create_record(host->self, "canonical");
    char value[64];
    bool good = record != NULL && host->record_set(record, 0, text->data, text->size) == 0;
    for (size_t i = 0; good && i < sizeof members / sizeof members[0]; i++) {
        message_index(&task->national->profile, output, members[i], value, sizeof value);
        good = value[0] == '\0' || host->record_set(record, i + 1, value, strlen(value)) == 0;
    }
    if (!good) {
        host->release_record(host->self, record);
        return NULL;
    }
    return record;
}

struct fep_result
task_result(const struct task *task, const struct verdict *verdict)
{
    struct fep_result result = national_result(verdict->reason);
    result.refusal_class = verdict->refusal_class;
    result.code = verdict->code;
    result.accounting_date = task->attempt.serial_date;
    national_copy(result.text, sizeof result.text, verdict->text);
    national_copy(result.local_reference, sizeof result.local_reference, verdict->reference);
    return result;
}

/* Does a good answer name another message than ours? Then it answers that one. */
static bool
is_anothers(const struct task *task, const struct verdict *verdict)
{
    char text[64];
    const char *path = task->national->profile.echo;
    return path[0] != '\0' && verdict->has_output &&
           doc_text(&verdict->output, doc_find(&verdict->output, 0, path), text, sizeof text) > 0 &&
           strcmp(text, task->msgid) != 0;
}

/* Takes the answer; false: nothing is to be told, and it is still the caller's. */
static bool
begin_then(struct task *task, const struct verdict *verdict, const struct fep_result *result,
           struct fep_record *answer)
{
    const struct profile_transaction *transaction = profile_find(&task->national->profile, task->infno);
    struct fep_error error;
    if (transaction == NULL || transaction->then[0] == '\0')
        return false;
    writer_add(&task->then_text, verdict->output.text, verdict->output.size);
    if (task->then_text.failed ||
        doc_parse(&task->then_output, task->then_text.data, task->then_text.size, &error) < 0)
        return false;
    task->found = answer;
    task->kept = *result;
    task->step = STEP_THEN;
    task_advance(task);
    return true;
}

static void
take_submitted(struct task *task, const struct verdict *verdict)
{
    const struct profile *profile = &task->national->profile;
    struct fep_result result = task_result(task, verdict);
    struct writer text = {0};
    struct fep_error error = {0};
    struct fep_record *answer = NULL;
    struct scope scope;
    if (verdict->kind != FEP_ANSWERED) {
        task_finish(task, verdict->kind, &result, NULL);
        return;
    }
    if (task->posts && is_anothers(task, verdict)) {
        task_lost(task, FEP_REASON_PROTOCOL, "an answer that is none to this request");
        return;
    }
    task_scope(task, &scope);
    result.effect = task->posts ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    if (message_answer_in(profile, profile_find(profile, task->infno), &scope, verdict, &text, &error) == 0)
        answer = make_answer(task, &text, &verdict->output);
    if (answer == NULL) {
        result.reason = FEP_REASON_INCONSISTENT;
        national_copy(result.text, sizeof result.text,
                      error.text[0] != '\0' ? error.text : "no memory for an answer");
    }
    writer_free(&text);
    if (answer != NULL && begin_then(task, verdict, &result, answer))
        return;
    task_finish(task, FEP_ANSWERED, &result, answer);
}

/* Told or not, what was posted stays so. Lost once, it is told once more: it overwrites itself. */
static void
take_then(struct task *task, const struct verdict *verdict)
{
    if (verdict->kind == FEP_UNKNOWN && !task->repeated) {
        task->repeated = true;
        task_advance(task);
        return;
    }
    task_end_then(task, verdict->kind == FEP_ANSWERED);
}

/* How long nothing was found of this original. */
static int64_t
quiet_for(struct national *national, const struct fep_attempt *attempt)
{
    int64_t now = national->host->read_monotonic_ms(national->host->self);
    for (size_t i = 0; i < MAX_QUIET; i++) {
        if (national->quiet[i].serial == attempt->serial && national->quiet[i].date == attempt->serial_date &&
            attempt->serial != 0)
            return now - national->quiet[i].since_ms;
    }
    national->quiet[national->quiet_next++ % MAX_QUIET] =
        (struct quiet){attempt->serial, attempt->serial_date, now};
    return 0;
}

/* Looked for before a reversal. */
static void
take_checked(struct task *task, int finding, struct fep_record *answer, const struct fep_result *result)
{
    struct national *national = task->national;
    bool reversible = profile_lists(national->profile.reversal.of, task->infno);
    bool quiet = finding == FEP_FOUND_NOTHING && quiet_for(national, &task->attempt) >= national->quiet_ms;
    if (finding == FEP_FOUND_CANCELLED) {
        task_found(task, FEP_FOUND_REVERSED, "taken back already", NULL, result);
    } else if (finding == FEP_FOUND_NOTHING && !quiet) {
        task_found(task, FEP_FOUND_IN_PROGRESS, "not there; it may still arrive", NULL, result);
    } else if (!reversible) {
        bool posted = finding == FEP_FOUND_POSTED;
        task_found(task, posted ? FEP_FOUND_STAYS_POSTED : FEP_FOUND_NEVER_ARRIVED,
                   posted ? "no reversal for this transaction" : "not there", posted ? answer : NULL, result);
        answer = posted ? NULL : answer;
    } else {
        task->found = answer; /* should it stay posted, a cancel needs its ids */
        answer = NULL;
        task->step = STEP_UNDO;
        task->absent = finding == FEP_FOUND_NOTHING;
        task_advance(task);
    }
    national->host->release_record(national->host->self, answer);
}

static void
take_inquired(struct task *task, const struct verdict *verdict)
{
    struct national *national = task->national;
    const struct profile_inquiry *inquiry = profile_find_inquiry(&national->profile, task->infno);
    struct fep_result result = task_result(task, verdict);
    struct fep_error error = {0};
    struct writer text = {0};
    struct json whole = {0};
    struct fep_record *answer = NULL;
    struct scope scope;
    task_scope(task, &scope);
    int finding = message_inquired(&national->profile, inquiry, &scope, verdict, &text);
    if (finding < 0) { /* nothing was found out: it is asked again */
        writer_free(&text);
        task_lost(task, FEP_REASON_PROTOCOL,
                  verdict->text[0] != '\0' ? verdict->text : "an inquiry's answer that can not be read");
        return;
    }
    if (finding == FEP_FOUND_POSTED && doc_parse(&whole, text.data, text.size, &error) == 0) {
        struct fep_bytes raw = doc_raw(&whole, doc_member(&whole, 0, "output"));
        struct json output = {0};
        if (doc_parse(&output, (const char *)raw.data, raw.size, &error) == 0)
            answer = make_answer(task, &text, &output);
        doc_finish(&output);
    }
    doc_finish(&whole);
    writer_free(&text);
    if (finding == FEP_FOUND_POSTED && answer == NULL)
        result.reason = FEP_REASON_INCONSISTENT;
    if (task->operation == FEP_OP_REVERSE)
        take_checked(task, finding, answer, &result);
    else
        task_found(task, (enum fep_finding)finding, "", answer, &result);
}

static void
take_undone(struct task *task, const struct verdict *verdict)
{
    struct fep_result result = task_result(task, verdict);
    struct fep_record *found = task->found;
    if (verdict->kind == FEP_ANSWERED) {
        task_found(task, task->absent ? FEP_FOUND_NEVER_ARRIVED : FEP_FOUND_REVERSED, "", NULL, &result);
    } else if (verdict->kind != FEP_REFUSED || verdict->refusal_class == FEP_REPEATABLE) {
        task_finish(task, verdict->kind, &result, NULL);
    } else if (task->absent) { /* for good, and not seen for long */
        task_found(task, FEP_FOUND_NEVER_ARRIVED, verdict->text, NULL, &result);
    } else { /* for good, and the check has just seen it */
        task->found = NULL;
        task_found(task, FEP_FOUND_STAYS_POSTED, verdict->text, found, &result);
    }
}

static void
take_sign_in(struct task *task, const struct verdict *verdict)
{
    struct national *national = task->national;
    char number[64] = "";
    if (verdict->kind == FEP_ANSWERED && verdict->has_output)
        (void)doc_text(&verdict->output, doc_find(&verdict->output, 0, national->profile.sign_in.answer),
                       number, sizeof number);
    if (number[0] != '\0')
        memcpy(national->sign_no, number, sizeof number);
    task_end_errand(task, number[0] != '\0',
                    number[0] != '\0' ? "" : "sign-in was not answered with a number");
}

void
answer_take(struct task *task)
{
    struct national *national = task->national;
    struct verdict verdict;
    long status = 0;
    if (task->file != NULL) {
        statement_downloaded(task);
        return;
    }
    bool posts = task->step == STEP_THEN             ? true
                 : task->operation == FEP_OP_REVERSE ? task->step == STEP_UNDO
                                                     : task->posts;
    (void)curl_easy_getinfo(task->easy, CURLINFO_RESPONSE_CODE, &status);
    const char *content = task->in.data != NULL ? task->in.data : "";
    size_t size = task->in.size;
    struct seal_message plain = {0};
    struct fep_error error = {0};
    bool opened = national->seal == NULL || status < 200 || status >= 300 ||
                  seal_open_answer(national->seal, content, size, &plain, &error) == SEAL_GOOD;
    if (opened && plain.body != NULL) {
        content = plain.body;
        size = plain.body_size;
    }
    verdict_read(&national->profile, posts, (int)status, opened ? content : "", opened ? size : 0, &verdict);
    if (opened && verdict.kind == FEP_ANSWERED && national->seal != NULL &&
        !seal_vouches(national->seal, &plain)) {
        /* good, but nobody's word: a profile may let refusals come unsealed, never this */
        verdict_finish(&verdict);
        verdict_read(&national->profile, posts, (int)status, "", 0, &verdict);
        national_copy(verdict.text, sizeof verdict.text, "the good answer is not sealed");
    }
    if (!opened)
        national_copy(verdict.text, sizeof verdict.text, error.text);
    if (verdict.sign_in_again) {
        national->signed_in = false;
        client_run_errand(national);
    }
    if (task->operation == OP_SIGN_IN)
        take_sign_in(task, &verdict);
    else if (task->step == STEP_CHECK)
        take_inquired(task, &verdict);
    else if (task->step == STEP_THEN)
        take_then(task, &verdict);
    else if (task->step >= STEP_TOTALS)
        statement_take(task, &verdict);
    else if (task->step == STEP_UNDO)
        take_undone(task, &verdict);
    else
        take_submitted(task, &verdict);
    verdict_finish(&verdict);
    seal_message_finish(&plain);
}
