/* One accounting day of what the gateway posted at its local system, held against that system's own books:
 * totals by canonical 3201, and where they differ, or when asked, every posting by 3202. Must never call a
 * day equal that was not compared to the end, and changes nothing anywhere: what differs is for people. The
 * other side's refusal, silence or a list that changes under the hand ends it as not done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "details.h"
#include "error.h"
#include "listings.h"
#include "log.h"
#include "matching.h"
#include "tasks.h"
#include "totals.h"

enum { LIST_MS = 120000, CALL_MS = 30000, PAGE_SIZE = 100, CODE_NOT_CLOSED = 2601 };

struct reconcile {
    struct host *host;
    struct task *task;
    uint32_t day;
    bool details;
    struct listing listing;
    struct loop_timer retry;
    void (*ask)(struct reconcile *run); /* what is tried again when a place is free */
    struct cancelled cancelled;
    struct totals totals;
    bool any_insutype; /* of some posting that counts the insurance type is not known here */
    struct totals_verdict verdict;
    bool totals_refused;
    struct json_object
        *own_rows;   /* a local system that has no mapping is told them with the question; NULL: it has one */
    int64_t own_net; /* settlements less cancels among them */
    struct side ours, theirs;
    int64_t began_ms;
    int64_t page, expected; /* rows that the other side says there are; -1: it does not say */
};

static void
stop_run(void *state)
{
    struct reconcile *run = state;
    listing_stop(&run->listing);
    loop_clear_timer(&run->host->loop, &run->retry);
    cancelled_free(&run->cancelled);
    side_free(&run->ours);
    side_free(&run->theirs);
    json_object_put(run->verdict.rows);
    json_object_put(run->own_rows);
    free(run);
}

static void
fail_with(struct reconcile *run, unsigned code, const char *what, const struct fep_result *result)
{
    struct fep_error error = {0};
    if (result == NULL)
        error_set(&error, FEP_NOT_SENT, code, "%s", what);
    else if (result->text[0] != '\0')
        error_set(&error, FEP_NOT_SENT, code, "%s: %.200s (code %u)", what, result->text, result->code);
    else
        error_set(&error, FEP_NOT_SENT, code, "%s: code %u, reason %s", what, result->code,
                  reason_name((enum fep_reason)result->reason));
    task_fail(run->task, &error);
}

/* --- the end --------------------------------------------------------------------------------------- */

static void
finish(struct reconcile *run)
{
    struct host *host = run->host;
    bool failed = false, compared = run->details;
    size_t count = 0;
    struct json_object *differences =
        compared ? sides_compare(&run->ours, &run->theirs, &count) : json_object_new_array();
    struct json_object *result = json_object_new_object();
    bool equal = (run->totals_refused || run->verdict.equal) && count == 0;
    body_put_number(result, "day", run->day, &failed);
    body_put_text(result, "instance", host->settings.instance, &failed);
    body_put(result, "equal", json_object_new_boolean(equal), &failed);
    body_put(result, "totals_compared", json_object_new_boolean(!run->totals_refused), &failed);
    body_put(result, "details_compared", json_object_new_boolean(compared), &failed);
    body_put(result, "totals",
             run->verdict.rows != NULL ? json_object_get(run->verdict.rows) : json_object_new_array(),
             &failed);
    body_put_number(result, "difference_count", (int64_t)count, &failed);
    body_put(result, "differences", differences, &failed);
    if (failed) {
        json_object_put(result);
        fail_with(run, FEP_E_NO_MEMORY, "no memory for the result", NULL);
        return;
    }
    log_line(LOG_EVENT_RECONCILED, equal ? LOG_SEV_NOTICE : LOG_SEV_WARNING,
             LOG_T("instance", host->settings.instance), LOG_N("day", run->day),
             LOG_T("end", equal ? "equal" : "differs"), LOG_N("count", (int64_t)count),
             LOG_N("ms", loop_now(&host->loop) - run->began_ms));
    task_end(run->task, result);
}

/* --- asking the local system ----------------------------------------------------------------------- */

static void
on_retry(void *arg)
{
    struct reconcile *run = arg;
    run->ask(run);
}

static void
ask(struct reconcile *run, const char *infno, struct json_object *input, own_call_done *done)
{
    struct fep_error error = {0};
    if (own_call_begin(run->host, infno, input, run->day, CALL_MS, done, run->task, &error) == 0)
        return;
    if (error.code != FEP_E_BOUND) {
        task_fail(run->task, &error);
        return;
    }
    run->retry = (struct loop_timer){.fn = on_retry, .arg = run};
    if (loop_set_timer(&run->host->loop, &run->retry, TASK_RETRY_MS) < 0)
        fail_with(run, FEP_E_NO_MEMORY, "no memory for a timer", NULL);
}

/* --- details --------------------------------------------------------------------------------------- */

static void on_page(void *arg, enum fep_kind kind, const struct fep_result *result, struct slice answer);

static void
ask_page(struct reconcile *run)
{
    bool failed = false;
    struct json_object *input = json_object_new_object(), *data = json_object_new_object();
    body_put_date(data, "stmt_date", run->day, &failed);
    body_put_number(data, "page_num", run->page, &failed);
    body_put_number(data, "page_size", PAGE_SIZE, &failed);
    if (run->own_rows != NULL)
        body_put_number(data, "fixmedins_setl_cnt", run->own_net, &failed);
    body_put(input, "data", data, &failed);
    if (run->own_rows != NULL && run->page == 1)
        body_put(input, "rows", json_object_get(run->own_rows), &failed);
    if (failed) {
        json_object_put(input);
        fail_with(run, FEP_E_NO_MEMORY, "no memory for a question", NULL);
        return;
    }
    run->ask = ask_page;
    ask(run, "3202", input, on_page);
}

/* Returns how many rows there were; negative with the error. */
static int
take_rows(struct reconcile *run, struct json_object *output, bool *last, struct fep_error *error)
{
    struct json_object *rows = canonical_member(output, "rows"), *data = canonical_member(output, "data");
    char word[4];
    size_t count = canonical_count(rows);
    for (size_t i = 0; i < count; i++) {
        if (side_add_detail(&run->theirs, canonical_element(rows, i), error) < 0)
            return -1;
    }
    int64_t said = body_number(data, "rec_cnt", MATCHING_ROWS, -1);
    if (run->page > 1 && said != run->expected)
        return error_set(error, FEP_NOT_SENT, FEP_E_LOCAL_PROTOCOL,
                         "the local system's details changed while they were read: try again");
    run->expected = said;
    body_text(data, "last_page", word, sizeof word);
    *last = count == 0 || strcmp(word, "1") == 0 || (int64_t)run->theirs.count == said;
    return (int)count;
}

static void
on_page(void *arg, enum fep_kind kind, const struct fep_result *result, struct slice answer)
{
    struct task *task = arg;
    struct reconcile *run = task->state;
    struct fep_error error = {0};
    bool last = true;
    if (kind != FEP_ANSWERED) {
        fail_with(run, result->code != 0 ? result->code : FEP_E_LOCAL_REFUSED,
                  "the local system does not give its details", result);
        return;
    }
    struct json_object *body = canonical_parse(answer, &error);
    int status = body != NULL ? take_rows(run, canonical_member(body, "output"), &last, &error) : -1;
    json_object_put(body);
    if (status < 0) {
        task_fail(task, &error);
    } else if (!last) {
        run->page++;
        ask_page(run);
    } else if (run->expected >= 0 && (int64_t)run->theirs.count != run->expected) {
        fail_with(run, FEP_E_LOCAL_PROTOCOL, "the local system's details are not as many as it says", NULL);
    } else {
        finish(run);
    }
}

static void
begin_details(struct reconcile *run)
{
    run->details = true;
    run->page = 1;
    ask_page(run);
}

/* --- totals ---------------------------------------------------------------------------------------- */

static void
on_totals(void *arg, enum fep_kind kind, const struct fep_result *result, struct slice answer)
{
    struct task *task = arg;
    struct reconcile *run = task->state;
    struct fep_error error = {0};
    if (kind == FEP_REFUSED && result->code == CODE_NOT_CLOSED) {
        /* The day is not closed there; its details are given on any day. */
        run->totals_refused = true;
        begin_details(run);
        return;
    }
    if (kind != FEP_ANSWERED) {
        fail_with(run, result->code != 0 ? result->code : FEP_E_LOCAL_REFUSED,
                  "the local system does not give its totals", result);
        return;
    }
    struct json_object *body = canonical_parse(answer, &error);
    int status = body != NULL ? totals_judge(&run->totals, canonical_member(body, "output"),
                                             run->any_insutype, &run->verdict, &error)
                              : -1;
    json_object_put(body);
    if (status < 0)
        task_fail(task, &error);
    else if (run->details || !run->verdict.equal)
        begin_details(run);
    else
        finish(run);
}

static void
ask_totals(struct reconcile *run)
{
    bool failed = false;
    struct json_object *input = json_object_new_object(), *data = json_object_new_object();
    body_put_date(data, "stmt_begndate", run->day, &failed);
    body_put_date(data, "stmt_enddate", run->day, &failed);
    body_put(input, "data", data, &failed);
    body_put(input, "rows", totals_write_rows(&run->totals), &failed);
    if (failed) {
        json_object_put(input);
        fail_with(run, FEP_E_NO_MEMORY, "no memory for a question", NULL);
        return;
    }
    run->ask = ask_totals;
    ask(run, "3201", input, on_totals);
}

/* --- our own side ------------------------------------------------------------------------------------ */

/* The cancel by which the gateway undid it, where that is of this day. */
static int
count_undo(struct reconcile *run, const struct posting *posting, struct fep_error *error)
{
    if (posting->undo_day != run->day)
        return 0;
    struct posting one = *posting;
    one.state = POSTING_POSTED;
    one.is_cancel = true;
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        one.fen[i] = -one.fen[i];
    return totals_add(&run->totals, &one, error);
}

/* What the gateway posted and undid by a cancel are two postings there. */
static int
count_undone(struct reconcile *run, const struct posting *posting, struct fep_error *error)
{
    struct posting one = *posting;
    one.state = POSTING_POSTED;
    return totals_add(&run->totals, &one, error) < 0 ? -1 : count_undo(run, posting, error);
}

/* Posted the day before, of which the cancel alone may be of this day. */
static bool
is_of_the_day_before(const struct reconcile *run, const struct frame *entry)
{
    uint32_t day = entry->result.accounting_date;
    if (day == 0 && (entry->sections & FRAME_HAS_ATTEMPT) != 0)
        day = entry->attempt.serial_date;
    return day != 0 && day < run->day;
}

/* What counts there, as details have it. */
static int
note_own_row(struct reconcile *run, const struct frame *entry, struct posting *posting,
             struct fep_error *error)
{
    bool failed = false, counts = posting->state == POSTING_POSTED || posting->state == POSTING_CANCELLED;
    if (run->own_rows == NULL || !counts)
        return 0;
    if (entry->answer.size > 0 &&
        ledger_read_bodies(entry, posting, error) < 0) /* what stands may have none */
        return -1;
    struct json_object *row = json_object_new_object();
    body_put_text(row, "setl_id", posting->settlement_id, &failed);
    body_put_text(row, "mdtrt_id", posting->visit_id, &failed);
    body_put_text(row, "psn_no", posting->person, &failed);
    body_put_text(row, "msgid", posting->msgid, &failed);
    body_put_text(row, "refd_setl_flag", posting->is_cancel ? "1" : "0", &failed);
    body_put_text(row, "state", details_state(posting->state), &failed);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        body_put_fen(row, figure_names[i], posting->fen[i], &failed);
    body_append(run->own_rows, row, &failed);
    run->own_net += posting->is_cancel ? -1 : 1;
    return failed ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a question") : 0;
}

static int
take_own(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct reconcile *run = arg;
    struct posting posting;
    bool before = is_of_the_day_before(run, entry);
    ledger_read(run->host->transactions, entry, &posting);
    if (posting.state == POSTING_NONE || (before && posting.undo_day != run->day))
        return 0;
    if (posting.state == POSTING_POSTED &&
        cancelled_has(&run->cancelled, posting.insured_area, posting.settlement_id))
        posting.state = POSTING_CANCELLED;
    bool undone = posting.state == POSTING_REVERSED && posting.undo_serial[0] != '\0';
    bool counts = undone || posting.state == POSTING_POSTED || posting.state == POSTING_CANCELLED;
    if (counts && posting.insutype[0] == '\0') {
        run->any_insutype = true;
        snprintf(posting.insutype, sizeof posting.insutype, "310"); /* a question needs one */
    }
    if (before)
        return side_add_undo(&run->ours, &posting, run->day, error) < 0 ? -1
               : undone                                                 ? count_undo(run, &posting, error)
                                                                        : 0;
    if (note_own_row(run, entry, &posting, error) < 0 ||
        side_add_posting(&run->ours, &posting, run->day, error) < 0)
        return -1;
    return undone ? count_undone(run, &posting, error) : totals_add(&run->totals, &posting, error);
}

static void
on_own_listed(void *arg, const struct fep_error *error)
{
    struct reconcile *run = arg;
    if (error != NULL)
        task_fail(run->task, error);
    else
        ask_totals(run);
}

static int
take_cancel(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct reconcile *run = arg;
    return cancelled_take(&run->cancelled, run->host->transactions, entry, error);
}

static void
on_cancels_listed(void *arg, const struct fep_error *error)
{
    struct reconcile *run = arg;
    struct fep_error own = {0};
    /* With the day before, whose postings may have been undone after midnight. */
    struct listing_question question = {.from_day = date_after(run->day, -1),
                                        .to_day = run->day,
                                        .role = ROLE_DESTINATION,
                                        .bodies = run->own_rows != NULL,
                                        .time_ms = LIST_MS,
                                        .most = 2 * MATCHING_ROWS};
    if (error != NULL) {
        task_fail(run->task, error);
        return;
    }
    question.infno_count = ledger_transactions(run->host->transactions, question.infnos, LISTING_MAX_INFNOS);
    run->listing.on_entry = take_own;
    run->listing.on_end = on_own_listed;
    if (listing_begin(run->host, &run->listing, &question, &own) < 0)
        task_fail(run->task, &own);
}

int
reconcile_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error)
{
    uint32_t day = body_date(wish, "day");
    if (day == 0)
        return error_set(error, FEP_REFUSED, FEP_E_USAGE, "\"day\" is no day (yyyymmdd)");
    struct reconcile *run = calloc(1, sizeof *run);
    if (run == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a task");
    run->host = host;
    run->day = day;
    run->expected = -1;
    run->began_ms = loop_now(&host->loop);
    run->details = json_object_get_boolean(canonical_member(wish, "details")) != 0;
    if (host->mapping == NULL && (run->own_rows = json_object_new_array()) == NULL) {
        free(run);
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a task");
    }
    run->listing = (struct listing){.on_entry = take_cancel, .on_end = on_cancels_listed, .arg = run};
    run->task = task_begin(host, number, run, stop_run, error);
    if (run->task == NULL) {
        json_object_put(run->own_rows);
        free(run);
        return -1;
    }
    struct listing_question question;
    ledger_ask_cancels(host->transactions, day, clock_date(clock_wall_ms(host->loop.clock)), ROLE_DESTINATION,
                       &question);
    question.time_ms = LIST_MS;
    if (listing_begin(host, &run->listing, &question, error) < 0) {
        struct fep_error kept = *error;
        task_fail(run->task, &kept);
    }
    return 0;
}
