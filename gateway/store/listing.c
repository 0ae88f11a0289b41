/* The rules of a list, in one place for the SQLite store and the memory store. Pure: no file, no clock. A
 * cursor that somebody made up is refused, never guessed at. */
#include "listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool
listing_is_valid(const struct store_list_query *query)
{
    struct listing_place place;
    return (query->role == ROLE_ORIGIN || query->role == ROLE_DESTINATION) && query->from_day != 0 &&
           query->from_day <= query->to_day && query->infno_count > 0 &&
           query->infno_count <= STORE_LIST_INFNOS && query->limit > 0 && query->limit <= STORE_LIST_LIMIT &&
           listing_read_cursor(query->after, &place);
}

static bool
has_infno(const struct store_list_query *query, const char *infno)
{
    for (size_t i = 0; i < query->infno_count; i++)
        if (strcmp(query->infnos[i], infno) == 0)
            return true;
    return false;
}

bool
listing_has(const struct store_list_query *query, const struct exchange_record *record)
{
    const struct local_attempt *local = &record->local;
    uint32_t day = record->header.day;
    const char *instance = record->previous;
    if (query->role == ROLE_DESTINATION) {
        day = local->accounting_date != 0 ? local->accounting_date : local->serial_date;
        instance = record->target;
        if (local->serial == 0)
            return false;
    }
    if (query->visit_id[0] != '\0' && record->index.visit_id[0] != '\0' &&
        strcmp(query->visit_id, record->index.visit_id) != 0)
        return false;
    if (query->insured_area[0] != '\0' && strcmp(query->insured_area, record->header.insured_area) != 0)
        return false;
    return record->role == query->role && record->state != STATE_REFUSED && !record->tombstone &&
           day >= query->from_day && day <= query->to_day && strcmp(instance, query->instance) == 0 &&
           has_infno(query, record->header.infno);
}

/* The time of acceptance here: set once, before anything can have been posted, so that nothing changes its
 * place later, whatever becomes of it. */
void
listing_place_of(const struct exchange_record *record, struct listing_place *place)
{
    place->time_ms = record->times.accepted;
    place->key = record->header.key;
}

int
listing_compare(const struct listing_place *a, const struct listing_place *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    int order = strcmp(a->key.msgid, b->key.msgid);
    return order != 0 ? order : strcmp(a->key.origin, b->key.origin);
}

bool
listing_read_cursor(const char *cursor, struct listing_place *place)
{
    char end;
    *place = (struct listing_place){.time_ms = -1};
    if (cursor[0] == '\0')
        return true;
    return sscanf(cursor, "%" SCNd64 "/%15[^/]/%30[^/]%c", &place->time_ms, place->key.origin,
                  place->key.msgid, &end) == 3 &&
           place->time_ms >= 0;
}

void
listing_write_cursor(const struct listing_place *place, char cursor[STORE_CURSOR_SIZE])
{
    snprintf(cursor, STORE_CURSOR_SIZE, "%" PRId64 "/%.15s/%.30s", place->time_ms % 1000000000000000,
             place->key.origin, place->key.msgid);
}

uint32_t
listing_move_day(uint32_t day, int days)
{
    struct tm date = {.tm_year = (int)(day / 10000) - 1900,
                      .tm_mon = (int)(day / 100 % 100) - 1,
                      .tm_mday = (int)(day % 100) + days,
                      .tm_hour = 12};
    time_t moved = timegm(&date);
    if (moved == (time_t)-1 || gmtime_r(&moved, &date) == NULL)
        return day;
    return (uint32_t)((date.tm_year + 1900) * 10000 + (date.tm_mon + 1) * 100 + date.tm_mday);
}
