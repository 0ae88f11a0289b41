/* Decides what may still be believed of a damaged exchange. Must never let a decision rest on a value that is
 * not certainly the one that was written: not on a state, a serial, a path. What is left is either the same
 * exchange without its description, or one that is open and unclear, which nothing is sent for and which
 * never runs again. */
#include "substitute.h"

#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "error_codes.h"

#define DAMAGED_TEXT "part of what was stored of it is damaged, see fepctl quarantine"

static void
blank_description(struct exchange_record *record)
{
    struct fep_index *index = &record->index;
    record->hops_left = 0;
    record->times = (struct exchange_times){0};
    index->total_fen = index->fund_fen = index->account_fen = index->cash_fen = 0;
    index->effect = index->accounting_day = index->has_money = 0;
    memset(index->med_type, 0, sizeof index->med_type);
    memset(index->insutype, 0, sizeof index->insutype);
}

/* At the destination: unclear, and without its instance and serial nobody is asked, so it is for people.
 * Elsewhere it counts as being undone; without its path nothing is sent. A zero digest: copies are not
 * compared with it. */
void
substitute_make_unclear(const struct message_key *key, uint8_t role, uint32_t day,
                        struct exchange_record *out)
{
    memset(out, 0, sizeof *out);
    out->header.key = *key;
    out->header.transaction_class = CLASS_UPDATE;
    out->header.day = clock_date_is_valid(day) ? day : clock_date(clock_wall_ms(&clock_system));
    out->role = role == ROLE_ORIGIN || role == ROLE_TRANSIT ? role : ROLE_DESTINATION;
    out->state = out->role == ROLE_DESTINATION ? STATE_UNKNOWN : STATE_REVERSING;
    out->attempt = 1;
    if (out->state == STATE_REVERSING) {
        out->reversal_cause = REVERSAL_SCHEDULE;
        out->reversal_attempt = 1;
    }
    out->kind = FEP_UNKNOWN;
    out->code = FEP_E_STORE_BODY;
    out->index.size = sizeof out->index;
    snprintf(out->text, sizeof out->text, "%s", DAMAGED_TEXT);
}

/* What the core shows and routes answers by; the person, so that nothing new is done for them meanwhile. */
static void
keep_what_helps(const struct exchange_record *read, struct exchange_record *out)
{
    struct message_key key = out->header.key;
    uint32_t day = out->header.day;
    out->header = read->header;
    out->header.key = key;
    out->header.day = day;
    out->header.transaction_class = CLASS_UPDATE;
    memcpy(out->previous, read->previous, sizeof out->previous);
    memcpy(out->index.order_key, read->index.order_key, sizeof out->index.order_key);
    if (read->attempt > 0 && read->attempt < 1000000)
        out->attempt = read->attempt;
    if (out->state == STATE_REVERSING)
        out->reversal_attempt = out->attempt;
}

static int
needs_its_bodies(const struct exchange_record *record)
{
    return record->role == ROLE_DESTINATION &&
           (record->state == STATE_DISPATCHED || record->state == STATE_UNKNOWN ||
            record->state == STATE_REVERSING);
}

const char *
substitute_make(const struct exchange_record *read, unsigned damage, unsigned lost,
                struct exchange_record *out)
{
    if ((damage & RECORD_COURSE) == 0 && (lost == 0 || !needs_its_bodies(read))) {
        *out = *read;
        if (damage & RECORD_ROW) {
            blank_description(out);
            snprintf(out->text, sizeof out->text, "%s", DAMAGED_TEXT);
        }
        return lost == 0                    ? "goes on; amounts and times are not known"
               : (damage & RECORD_ROW) != 0 ? "goes on without its bodies; amounts and times are not known"
                                            : "goes on without its bodies";
    }
    substitute_make_unclear(&read->header.key, read->role, read->header.day, out);
    keep_what_helps(read, out);
    return out->role == ROLE_DESTINATION ? "unknown; for two people to settle"
                                         : "open; nothing is sent for it and it never runs again";
}
