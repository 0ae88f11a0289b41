/* The fee lines of a visit that are not settled, for destinations whose settlement carries sums over them:
 * asked of the router before the module gets the call, and only where the mapping has such a rule. Must never
 * let a call go on with lines that may not be all of them: then it ends as not sent, which it is, and may be
 * repeated. */
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "core.h"
#include "error.h"
#include "exchange_record.h"
#include "host.h"
#include "listings.h"
#include "visit_lines.h"

enum {
    LINES_MS = 10000,       /* at most, and at most half of what the call has left */
    LINES_EXCHANGES = 4000, /* those without a visit in their index come too */
    RECENT_DAYS = 3,        /* looked at first: most visits began then, and it is soon read */
    DAYS_AHEAD = 7,         /* an accounting day may be later than today */
    LONGEST_RANGE = 62      /* days in one list (schema/host_link.md) */
};

struct lines_wait {
    struct fep_call *call;
    struct listing listing;
    struct visit_lines *lines;
    bool all_days;    /* that can be asked for are */
    int64_t until_ms; /* for all lists together */
    char visit_id[32];
};

bool
lines_are_needed(const struct fep_call *call)
{
    return (call->operation == CORE_OP_SUBMIT || call->operation == CORE_OP_QUERY) &&
           call->host->mapping != NULL &&
           mapping_needs_lines(call->host->mapping, call->message.header.infno);
}

void
lines_stop(struct fep_call *call)
{
    struct lines_wait *wait = call->lines_wait;
    if (wait == NULL)
        return;
    call->lines_wait = NULL;
    listing_stop(&wait->listing);
    visit_lines_destroy(wait->lines);
    free(wait);
}

/* An ending is an ending; what was given to the local system and has none may be posted or not. */
static enum visit_exchange_state
state_of(const struct frame_result *result)
{
    switch (result->state) {
    case STATE_ANSWERED:
        return result->effect == FEP_EFFECT_POSTED ? VISIT_EXCHANGE_POSTED : VISIT_EXCHANGE_NONE;
    case STATE_STANDS:
        return VISIT_EXCHANGE_POSTED;
    case STATE_REFUSED:
    case STATE_REVERSED:
        return VISIT_EXCHANGE_NONE;
    default:
        return VISIT_EXCHANGE_OPEN;
    }
}

static int
take_entry(void *arg, const struct frame *entry, struct fep_error *error)
{
    struct lines_wait *wait = arg;
    const struct message_header *own = &wait->call->message.header;
    if (message_key_equal(&entry->header.key, &own->key))
        return 0; /* the call itself, and what came of it before */
    struct visit_exchange exchange = {.infno = entry->header.infno,
                                      .settlement_id = entry->index.settlement_id,
                                      .state = state_of(&entry->result),
                                      .request = entry->body,
                                      .answer = entry->answer};
    return visit_lines_take(wait->lines, &exchange, error);
}

/* The visit is the message's own, wherever the national interface has it. */
static void
read_visit(const struct fep_call *call, char out[32])
{
    struct fep_error error = {0};
    struct json_object *body = canonical_parse(call->message.body, &error);
    struct json_object *input = canonical_member(body, "input");
    out[0] = '\0';
    if (json_object_get_type(input) == json_type_object) {
        json_object_object_foreach(input, member, value)
        {
            (void)member;
            if (out[0] == '\0')
                body_text(value, "mdtrt_id", out, 32);
        }
    }
    json_object_put(body);
}

static void on_listed(void *arg, const struct fep_error *error);

static int
ask(struct lines_wait *wait, struct fep_error *error)
{
    struct host *host = wait->call->host;
    uint32_t today = clock_date(clock_wall_ms(host->loop.clock)), last = date_after(today, DAYS_AHEAD);
    size_t count = 0;
    const char *const *infnos = visit_lines_transactions(&count);
    struct listing_question question = {.from_day = wait->all_days ? date_after(last, -(LONGEST_RANGE - 1))
                                                                   : date_after(today, -(RECENT_DAYS - 1)),
                                        .to_day = last,
                                        .role = ROLE_DESTINATION,
                                        .bodies = true,
                                        .visit_id = wait->visit_id,
                                        .insured_area = wait->call->message.header.insured_area,
                                        .time_ms = wait->until_ms - loop_now(&host->loop),
                                        .most = LINES_EXCHANGES};
    for (size_t i = 0; i < count; i++)
        question.infnos[question.infno_count++] = infnos[i];
    visit_lines_destroy(wait->lines);
    wait->lines = visit_lines_create(wait->visit_id);
    if (wait->lines == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the fee lines of a visit");
    wait->listing.on_entry = take_entry;
    wait->listing.on_end = on_listed;
    wait->listing.arg = wait;
    return listing_begin(host, &wait->listing, &question, error);
}

/* Once more from the beginning, further back. */
static bool
asks_again(struct lines_wait *wait, struct fep_error *error)
{
    if (error->code != FEP_E_NOTHING_KNOWN || wait->all_days)
        return false;
    wait->all_days = true;
    *error = (struct fep_error){0};
    return ask(wait, error) == 0;
}

static void
on_listed(void *arg, const struct fep_error *error)
{
    struct lines_wait *wait = arg;
    struct fep_call *call = wait->call;
    struct fep_error own = {0};
    if (error != NULL)
        own = *error;
    else
        (void)visit_lines_write(wait->lines, &call->visit_lines, &own);
    if (error == NULL && asks_again(wait, &own))
        return;
    lines_stop(call);
    if (own.code != 0)
        error_wrap(&own, "the sums over the visit's fee lines");
    calls_lines_done(call, own.code != 0 ? &own : NULL);
}

int
lines_begin(struct fep_call *call, int64_t time_left_ms, struct fep_error *error)
{
    struct lines_wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the fee lines of a visit");
    wait->call = call;
    call->lines_wait = wait;
    read_visit(call, wait->visit_id);
    wait->until_ms =
        loop_now(&call->host->loop) + (time_left_ms / 2 < LINES_MS ? time_left_ms / 2 : LINES_MS);
    int status = -1;
    if (wait->visit_id[0] == '\0')
        error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD, "the request names no visit");
    else
        status = ask(wait, error);
    if (status < 0) {
        lines_stop(call);
        error_wrap(error, "the sums over the visit's fee lines");
    }
    return status;
}
