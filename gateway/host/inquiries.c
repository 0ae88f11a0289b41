/* Was a settlement that a local caller asks about cancelled later? The router keeps each request's own
 * ending, so a cancelled settlement is "posted" to it; the cancels since then say which. Must never turn
 * "posted" into anything but "cancelled", and never leave the caller without its answer: where the cancels
 * can not be listed it is told "posted", which is what became of this request. */
#include "inquiries.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "clock.h"
#include "error.h"
#include "ledger.h"

enum {
    LOOK_MS = 5000,    /* an inquiry's call time is 10 s */
    LOOKS_AT_ONCE = 8, /* more are told "posted" */
    LONGEST_BACK = 44  /* days; the store keeps no more than 45 */
};

struct inquiry {
    struct host *host;
    uint64_t ticket;
    struct fep_result result;
    struct slice answer;
    char insured_area[AREA_SIZE], settlement_id[32];
    struct listing listing;
    struct cancelled cancelled;
    struct inquiry *next;
};

static void
free_inquiry(struct inquiry *inquiry)
{
    struct inquiry **at = &inquiry->host->inquiries;
    while (*at != inquiry)
        at = &(*at)->next;
    *at = inquiry->next;
    listing_stop(&inquiry->listing);
    cancelled_free(&inquiry->cancelled);
    slice_release(&inquiry->answer);
    free(inquiry);
}

void
inquiries_finish(struct host *host)
{
    while (host->inquiries != NULL)
        free_inquiry(host->inquiries);
}

static int
on_cancel(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct inquiry *inquiry = arg;
    return cancelled_take(&inquiry->cancelled, inquiry->host->transactions, entry, error);
}

static void
on_listed(void *arg, const struct fep_error *error)
{
    struct inquiry *inquiry = arg;
    struct host *host = inquiry->host;
    struct fep_result result = inquiry->result;
    struct slice answer = slice_share(inquiry->answer);
    uint64_t ticket = inquiry->ticket;
    if (error != NULL)
        host_log(host, 4, error->text, error->code);
    else if (cancelled_has(&inquiry->cancelled, inquiry->insured_area, inquiry->settlement_id))
        result.finding = FEP_FOUND_CANCELLED;
    free_inquiry(inquiry);
    requests_conclude(host, ticket, FEP_ANSWERED, &result, answer);
    slice_release(&answer);
}

static bool
is_settlement(const struct host *host, const struct listing_question *cancels, const char *infno)
{
    const char *all[LISTING_MAX_INFNOS];
    size_t count = ledger_transactions(host->transactions, all, LISTING_MAX_INFNOS);
    bool found = false;
    for (size_t i = 0; i < count; i++)
        found = found || strcmp(all[i], infno) == 0;
    for (size_t i = 0; i < cancels->infno_count; i++)
        found = found && strcmp(cancels->infnos[i], infno) != 0;
    return found;
}

static size_t
count_inquiries(const struct host *host)
{
    size_t count = 0;
    for (const struct inquiry *at = host->inquiries; at != NULL; at = at->next)
        count++;
    return count;
}

/* What its answer says of the settlement; *day 0 if it does not say when it was. False: nothing to look for
 * by. */
static bool
read_settlement(struct slice answer, char id[32], uint32_t *day)
{
    struct fep_error error = {0};
    struct json_object *body = canonical_parse(answer, &error);
    struct json_object *settlement = canonical_member(canonical_member(body, "output"), "setlinfo");
    body_text(settlement, "setl_id", id, 32);
    *day = body_date(settlement, "setl_time");
    json_object_put(body);
    return id[0] != '\0';
}

bool
inquiries_begin(struct host *host, uint64_t ticket, const struct mapping_request *request,
                const struct fep_result *result, struct slice answer)
{
    struct listing_question question;
    struct fep_error error = {0};
    char id[32];
    uint32_t day, today = clock_date(clock_wall_ms(host->loop.clock));
    if (request->header.transaction_class != CLASS_INQUIRY || result->finding != FEP_FOUND_POSTED ||
        host->mapping == NULL ||
        mapping_text_of(host->mapping, "serve_inquire", "finding:cancelled") == NULL ||
        count_inquiries(host) >= LOOKS_AT_ONCE || !read_settlement(answer, id, &day))
        return false;
    /* The two places' clocks may differ by a day, and the settlement's time is the insured place's. */
    day = day == 0 ? date_after(today, -LONGEST_BACK) : date_after(day < today ? day : today, -1);
    ledger_ask_cancels(host->transactions, day, today, ROLE_ORIGIN, &question);
    if (!is_settlement(host, &question, request->header.original_infno))
        return false;
    question.time_ms = LOOK_MS;
    struct inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (inquiry == NULL)
        return false;
    *inquiry = (struct inquiry){.host = host,
                                .ticket = ticket,
                                .result = *result,
                                .answer = slice_share(answer),
                                .next = host->inquiries};
    memcpy(inquiry->insured_area, request->header.insured_area, sizeof inquiry->insured_area);
    memcpy(inquiry->settlement_id, id, sizeof inquiry->settlement_id);
    inquiry->listing.on_entry = on_cancel;
    inquiry->listing.on_end = on_listed;
    inquiry->listing.arg = inquiry;
    host->inquiries = inquiry;
    if (listing_begin(host, &inquiry->listing, &question, &error) == 0)
        return true;
    host_log(host, 4, error.text, error.code);
    free_inquiry(inquiry);
    return false;
}
