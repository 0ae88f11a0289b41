/* Requests that the host answers itself, from the exchanges stored in the router or from its crosswalk (hop
 * rules 25 and 26). Must never answer from a list that is not complete and never hold more than a few
 * reports. A router that is away, or too slow, is class R; what the asker wrote wrongly is class N. */
#include "reports.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "details.h"
#include "error.h"
#include "items.h"
#include "listings.h"
#include "totals.h"

enum {
    REPORT_MS = 25000, /* the shortest call time of a report is 30 s */
    REPORT_EXCHANGES = 200000,
    LONGEST_RANGE = 62, /* days in one list (schema/host_link.md) */
    MOST_PAGES = 1000000,
    LARGEST_PAGE = 1000,
    USUAL_PAGE = 100,
    DAY_CLOSES = 20000, /* hhmmss of the next day: until then a reversal may still change it */
    CODE_NOT_CLOSED = 2601,
    CODE_BAD_FIELD = 1003,
    CODE_BUSY = 9001
};

struct report {
    struct host *host;
    uint64_t ticket;
    struct json_object *body; /* the request's */
    char infno[INFNO_SIZE];
    char institution[13]; /* empty: what all institutions posted counts */
    bool closed_days_only;
    uint32_t from_day, to_day;
    int64_t until_ms; /* for all lists together */
    struct loop_timer timer;
    struct listing listing;
    struct cancelled cancelled;
    struct totals totals;
    struct details details;
    struct report *next;
};

static void
free_report(struct report *report)
{
    struct host *host = report->host;
    struct report **at = &host->reports;
    while (*at != report)
        at = &(*at)->next;
    *at = report->next;
    host->report_count--;
    loop_clear_timer(&host->loop, &report->timer);
    listing_stop(&report->listing);
    cancelled_free(&report->cancelled);
    details_finish(&report->details);
    json_object_put(report->body);
    free(report);
}

void
reports_finish(struct host *host)
{
    while (host->reports != NULL)
        free_report(host->reports);
}

/* --- telling ------------------------------------------------------------------------------------- */

static void
refuse(struct report *report, const struct fep_error *error)
{
    bool final = error->kind == FEP_REFUSED && error->code != CODE_NOT_CLOSED;
    struct fep_result result = {
        .size = sizeof result,
        .refusal_class = final ? FEP_FINAL : FEP_REPEATABLE,
        .reason = final ? FEP_REASON_MALFORMED : FEP_REASON_BOUND,
        .code = error->kind == FEP_REFUSED ? error->code : CODE_BUSY,
    };
    snprintf(result.text, sizeof result.text, "%.250s", error->text);
    if (!final && error->code != CODE_NOT_CLOSED)
        host_log(report->host, 4, error->text, error->code);
    struct host *host = report->host;
    uint64_t ticket = report->ticket;
    free_report(report);
    requests_conclude(host, ticket, FEP_REFUSED, &result, SLICE_NONE);
}

/* Takes the output; NULL: the error says why there is none. */
static void
answer(struct report *report, struct json_object *output, struct fep_error *error)
{
    struct slice body = SLICE_NONE;
    struct fep_result result = {.size = sizeof result};
    if (output == NULL || body_of_answer(output, &body, error) < 0) {
        refuse(report, error);
        return;
    }
    struct host *host = report->host;
    uint64_t ticket = report->ticket;
    free_report(report);
    requests_conclude(host, ticket, FEP_ANSWERED, &result, body);
    slice_release(&body);
}

/* --- totals ---------------------------------------------------------------------------------------- */

static int
take_for_totals(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct report *report = arg;
    struct posting posting;
    ledger_read(report->host->transactions, entry, &posting);
    if (report->institution[0] != '\0' && strcmp(report->institution, posting.institution) != 0)
        return 0;
    return totals_add(&report->totals, &posting, error);
}

static void
on_totals_listed(void *arg, const struct fep_error *error)
{
    struct report *report = arg;
    struct fep_error own = {0};
    if (error != NULL)
        refuse(report, error);
    else
        answer(report, totals_answer(&report->totals, canonical_member(report->body, "input"), &own), &own);
}

/* A day is closed from 02:00 of the next day. */
static bool
is_closed(const struct host *host, uint32_t day)
{
    int64_t wall = clock_wall_ms(host->loop.clock);
    uint32_t today = clock_date(wall), next = date_after(day, 1);
    return next < today || (next == today && clock_time(wall) >= DAY_CLOSES);
}

static int
start_totals(struct report *report, struct fep_error *error)
{
    struct host *host = report->host;
    struct json_object *data = canonical_member(canonical_member(report->body, "input"), "data");
    report->from_day = body_date(data, "stmt_begndate");
    report->to_day = body_date(data, "stmt_enddate");
    int days = report->from_day != 0 && report->to_day != 0
                   ? clock_days_between(report->from_day, report->to_day)
                   : -1;
    if (days < 0 || days >= LONGEST_RANGE)
        return error_set(error, FEP_REFUSED, CODE_BAD_FIELD,
                         "stmt_begndate and stmt_enddate are not a range of 1 to %d days", LONGEST_RANGE);
    if (report->closed_days_only && !is_closed(host, report->to_day))
        return error_set(error, FEP_REFUSED, CODE_NOT_CLOSED, "the accounting day is not closed yet");
    struct listing_question question = {.from_day = report->from_day,
                                        .to_day = report->to_day,
                                        .role = ROLE_ORIGIN,
                                        .time_ms = REPORT_MS,
                                        .most = REPORT_EXCHANGES};
    question.infno_count = ledger_transactions(host->transactions, question.infnos, LISTING_MAX_INFNOS);
    report->listing.on_entry = take_for_totals;
    report->listing.on_end = on_totals_listed;
    return listing_begin(host, &report->listing, &question, error);
}

/* --- details --------------------------------------------------------------------------------------- */

static int
take_for_details(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct report *report = arg;
    struct posting posting;
    ledger_read(report->host->transactions, entry, &posting);
    if (posting.state == POSTING_NONE || posting.state == POSTING_OPEN)
        return 0;
    if (details_wants_bodies(&report->details) && ledger_read_bodies(entry, &posting, error) < 0)
        return -1;
    if (posting.state == POSTING_POSTED &&
        cancelled_has(&report->cancelled, posting.insured_area, posting.settlement_id))
        posting.state = POSTING_CANCELLED;
    return details_add(&report->details, &posting, error);
}

static void
on_details_listed(void *arg, const struct fep_error *error)
{
    struct report *report = arg;
    struct fep_error own = {0};
    if (error != NULL) {
        refuse(report, error);
        return;
    }
    struct json_object *output = details_answer(&report->details);
    if (output == NULL)
        error_set(&own, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for details");
    answer(report, output, &own);
}

static int
take_cancel(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct report *report = arg;
    return cancelled_take(&report->cancelled, report->host->transactions, entry, error);
}

static void
on_cancels_listed(void *arg, const struct fep_error *error)
{
    struct report *report = arg;
    struct fep_error own = {0};
    struct listing_question question = {.from_day = report->from_day,
                                        .to_day = report->from_day,
                                        .role = ROLE_ORIGIN,
                                        .bodies = true,
                                        .time_ms = report->until_ms - loop_now(&report->host->loop),
                                        .most = REPORT_EXCHANGES};
    if (error != NULL) {
        refuse(report, error);
        return;
    }
    question.infno_count =
        ledger_transactions(report->host->transactions, question.infnos, LISTING_MAX_INFNOS);
    report->listing.on_entry = take_for_details;
    report->listing.on_end = on_details_listed;
    if (listing_begin(report->host, &report->listing, &question, &own) < 0)
        refuse(report, &own);
}

/* First what was cancelled since, so that the day's settlements can be told as they come. */
static int
start_details(struct report *report, struct fep_error *error)
{
    struct json_object *data = canonical_member(canonical_member(report->body, "input"), "data");
    int64_t page = body_number(data, "page_num", MOST_PAGES, 0);
    int64_t size = body_number(data, "page_size", LARGEST_PAGE,
                               canonical_member(data, "page_size") == NULL ? USUAL_PAGE : 0);
    report->from_day = body_date(data, "stmt_date");
    if (report->from_day == 0 || page < 1 || size < 1)
        return error_set(error, FEP_REFUSED, CODE_BAD_FIELD,
                         "stmt_date, page_num (from 1) or page_size (1 to %d) is wrong", LARGEST_PAGE);
    details_begin(&report->details, page, size);
    struct listing_question question;
    ledger_ask_cancels(report->host->transactions, report->from_day,
                       clock_date(clock_wall_ms(report->host->loop.clock)), ROLE_ORIGIN, &question);
    question.time_ms = REPORT_MS;
    report->listing.on_entry = take_cancel;
    report->listing.on_end = on_cancels_listed;
    return listing_begin(report->host, &report->listing, &question, error);
}

/* --- catalogue ------------------------------------------------------------------------------------- */

static int
answer_catalogue(struct report *report, struct fep_error *error)
{
    struct json_object *data = canonical_member(canonical_member(report->body, "input"), "data");
    char kind[4];
    int64_t page = body_number(data, "page_num", MOST_PAGES, 0);
    int64_t size = body_number(data, "page_size", LARGEST_PAGE,
                               canonical_member(data, "page_size") == NULL ? USUAL_PAGE : 0);
    body_text(data, "list_type", kind, sizeof kind);
    if (strlen(kind) != 1 || kind[0] < '1' || kind[0] > '4' || page < 1 || size < 1)
        return error_set(error, FEP_REFUSED, CODE_BAD_FIELD,
                         "list_type (1 to 4), page_num (from 1) or page_size (1 to %d) is wrong",
                         LARGEST_PAGE);
    struct json_object *output =
        items_answer(report->host->mapping, kind, body_date(data, "updt_time"), page, size,
                     clock_date(clock_wall_ms(report->host->loop.clock)), error);
    if (output == NULL)
        return -1;
    answer(report, output, error);
    return 0;
}

/* --- beginning ------------------------------------------------------------------------------------- */

static void
on_start(void *arg)
{
    struct report *report = arg;
    struct fep_error error = {0};
    int status;
    if (strcmp(report->infno, "3201") == 0)
        status = start_totals(report, &error);
    else if (strcmp(report->infno, "3202") == 0)
        status = start_details(report, &error);
    else if (strcmp(report->infno, "1312") == 0)
        status = answer_catalogue(report, &error);
    else
        status =
            error_set(&error, FEP_REFUSED, FEP_E_NOT_MAPPED, "the host has no report %.6s", report->infno);
    if (status < 0)
        refuse(report, &error);
}

int
reports_begin(struct host *host, uint64_t ticket, const struct mapping_request *request,
              struct fep_error *error)
{
    if (host->report_count >= REPORTS_AT_ONCE)
        return error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "%d reports are under way: try again later",
                         REPORTS_AT_ONCE);
    struct json_object *body = canonical_parse(request->body, error);
    struct report *report = body != NULL ? calloc(1, sizeof *report) : NULL;
    if (report == NULL) {
        json_object_put(body);
        return body == NULL ? -1 : error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a report");
    }
    report->host = host;
    report->ticket = ticket;
    report->body = body;
    report->closed_days_only = mapping_wants_closed_days(request);
    memcpy(report->infno, request->header.infno, sizeof report->infno);
    if (totals_is_of_one(canonical_member(body, "input")))
        memcpy(report->institution, request->header.institution, sizeof report->institution);
    report->listing.arg = report;
    report->next = host->reports;
    host->reports = report;
    host->report_count++;
    report->until_ms = loop_now(&host->loop) + REPORT_MS;
    report->timer = (struct loop_timer){.fn = on_start, .arg = report};
    if (loop_set_timer(&host->loop, &report->timer, 0) < 0) {
        free_report(report);
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a timer");
    }
    return 0;
}
