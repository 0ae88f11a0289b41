/* Pages of stored exchanges from the router. Must never ask for more than two pages at a time (the router's
 * bound) and never call a list complete whose end did not come. A router that goes away, is silent or refuses
 * ends the listing with an error that may be repeated. */
#include "listings.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "host.h"

enum { PAGES_AT_ONCE = 2, PAGE_ENTRIES = 256 };

static void
unlink_listing(struct listing *listing)
{
    struct host *host = listing->host;
    struct listing **at = &host->listings;
    while (*at != listing)
        at = &(*at)->next;
    *at = listing->next;
    loop_clear_timer(&host->loop, &listing->timer);
    listing->host = NULL;
    listing->id = 0;
}

static void ask_next(struct host *host);

static void
end_listing(struct listing *listing, const struct fep_error *error)
{
    struct host *host = listing->host;
    unlink_listing(listing);
    listing->on_end(listing->arg, error);
    ask_next(host);
}

static void
fail_listing(struct listing *listing, unsigned code, const char *text)
{
    struct fep_error error = {0};
    error_set(&error, FEP_NOT_SENT, code, "%s", text);
    end_listing(listing, &error);
}

static void
on_time_over(void *arg)
{
    fail_listing(arg, FEP_E_DEADLINE_NOT_SENT, "the router did not list the stored exchanges in time");
}

static void
ask_page(struct listing *listing)
{
    struct host *host = listing->host;
    char body[sizeof listing->question + sizeof listing->after + 16];
    int size = snprintf(body, sizeof body, "%s,\"after\":\"%s\"}", listing->question, listing->after);
    struct frame frame = {.kind = FRAME_LIST,
                          .sequence = host->next_listing++,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)body, .size = (size_t)size}};
    listing->id = frame.sequence;
    (void)router_send(host, &frame); /* lost: the time runs out, or the router is found to be away */
}

/* In turn, so that a long list does not keep the others waiting. */
static void
ask_next(struct host *host)
{
    size_t asked = 0;
    for (const struct listing *at = host->listings; at != NULL; at = at->next)
        asked += at->id != 0;
    for (struct listing *at = host->listings; at != NULL && asked < PAGES_AT_ONCE; at = at->next) {
        if (at->id == 0) {
            ask_page(at);
            asked++;
        }
    }
}

static void
append(struct host *host, struct listing *listing)
{
    struct listing **at = &host->listings;
    while (*at != NULL)
        at = &(*at)->next;
    listing->next = NULL;
    *at = listing;
}

/* Does it stand as it is between the quotes of a JSON text? */
static bool
is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    }
    return true;
}

static int
write_question(struct listing *listing, const struct listing_question *question)
{
    size_t room = sizeof listing->question;
    int used = snprintf(listing->question, room,
                        "{\"from_day\":%u,\"to_day\":%u,\"role\":%u,\"bodies\":%s,\"limit\":%d,\"infnos\":[",
                        question->from_day, question->to_day, question->role,
                        question->bodies ? "true" : "false", PAGE_ENTRIES);
    for (size_t i = 0; i < question->infno_count && used > 0 && (size_t)used < room; i++)
        used += snprintf(listing->question + used, room - (size_t)used, "%s\"%.6s\"", i > 0 ? "," : "",
                         question->infnos[i]);
    if (used > 0 && (size_t)used < room)
        used += snprintf(listing->question + used, room - (size_t)used, "]");
    const char *const filters[][2] = {{"visit_id", question->visit_id},
                                      {"insured_area", question->insured_area}};
    for (size_t i = 0; i < 2 && used > 0 && (size_t)used < room; i++) {
        if (filters[i][1] != NULL && !is_plain(filters[i][1]))
            return -1;
        if (filters[i][1] != NULL)
            used += snprintf(listing->question + used, room - (size_t)used, ",\"%s\":\"%s\"", filters[i][0],
                             filters[i][1]);
    }
    return used > 0 && (size_t)used < room ? 0 : -1;
}

int
listing_begin(struct host *host, struct listing *listing, const struct listing_question *question,
              struct fep_error *error)
{
    if (!host->router_up)
        return error_set(error, FEP_NOT_SENT, FEP_E_HOST_NOT_READY, "the router is away");
    if (write_question(listing, question) < 0)
        return error_set(error, 0, FEP_E_INTERNAL,
                         "the question for a list is too long, or has other characters than it may");
    listing->id = 0;
    listing->after[0] = '\0';
    listing->taken = 0;
    listing->most = question->most;
    listing->timer = (struct loop_timer){.fn = on_time_over, .arg = listing};
    if (loop_set_timer(&host->loop, &listing->timer, question->time_ms) < 0)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a timer");
    listing->host = host;
    append(host, listing);
    ask_next(host);
    return 0;
}

void
listing_stop(struct listing *listing)
{
    struct host *host = listing->host;
    if (host == NULL)
        return;
    unlink_listing(listing);
    ask_next(host);
}

static void
on_page_end(struct listing *listing, const struct frame *frame)
{
    struct host *host = listing->host;
    if ((frame->sections & FRAME_HAS_RESULT) != 0 && frame->result.code != 0) {
        fail_listing(listing, frame->result.code, frame->text);
    } else if ((frame->sections & FRAME_HAS_TEXT) == 0 || frame->text[0] == '\0') {
        end_listing(listing, NULL);
    } else if (!is_plain(frame->text) || strcmp(frame->text, listing->after) == 0) {
        fail_listing(listing, FEP_E_INTERNAL, "the router's list does not go on");
    } else {
        snprintf(listing->after, sizeof listing->after, "%s", frame->text);
        listing->id = 0;
        struct listing **at = &host->listings;
        while (*at != listing)
            at = &(*at)->next;
        *at = listing->next;
        append(host, listing);
        ask_next(host);
    }
}

void
listings_on_entry(struct host *host, struct frame *frame)
{
    struct listing *listing = host->listings;
    while (listing != NULL && (listing->id == 0 || listing->id != frame->sequence))
        listing = listing->next;
    if (listing == NULL)
        return; /* given up before */
    if (frame->ok == 0) {
        on_page_end(listing, frame);
        return;
    }
    struct fep_error error = {0};
    if (++listing->taken > listing->most)
        fail_listing(listing, FEP_E_BOUND, "more exchanges than a report can hold");
    else if (listing->on_entry(listing->arg, frame, &error) < 0)
        end_listing(listing, &error);
}

void
listings_fail_all(struct host *host)
{
    /* Those that begin anew while this runs are refused: the router is not up. */
    while (host->listings != NULL)
        fail_listing(host->listings, FEP_E_HOST_NOT_READY, "the router went away");
}
