/* From stored exchanges to postings, for totals and details. Must never count what is not certain: an open
 * exchange is open, one that was reversed counts nowhere, one that stands is posted. */
#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "error.h"
#include "error_codes.h"
#include "exchange_record.h"

const char *const figure_names[FIGURE_COUNT] = {"medfee_sumamt", "fund_pay_sumamt", "acct_pay",
                                                "psn_cash_pay"};

static const struct {
    const char *infno;
    bool is_cancel;
} national[] = {{"2207", false}, {"2208", true}, {"2304", false}, {"2305", true}};
enum { NATIONAL_COUNT = sizeof national / sizeof national[0] };

static bool
is_settling(const struct transaction *transaction)
{
    return transaction->transaction_class == CLASS_UPDATE && (transaction->ways & TRAIT_MONEY) != 0;
}

size_t
ledger_transactions(const struct transaction_table *table, const char **infnos, size_t room)
{
    size_t count = 0, listed = 0;
    if (table == NULL) {
        for (size_t i = 0; i < NATIONAL_COUNT && count < room; i++)
            infnos[count++] = national[i].infno;
        return count;
    }
    const struct transaction *list = transaction_list(table, &listed);
    for (size_t i = 0; i < listed && count < room; i++) {
        if (is_settling(&list[i]))
            infnos[count++] = list[i].infno;
    }
    return count;
}

/* 0 no settlement, 1 a settlement, -1 the cancel of one: what no other transaction takes back. */
static int
sign_of(const struct transaction_table *table, const char *infno)
{
    const struct transaction *transaction = table != NULL ? transaction_find(table, infno) : NULL;
    if (transaction != NULL)
        return !is_settling(transaction) ? 0 : transaction->inverse[0] != '\0' ? 1 : -1;
    for (size_t i = 0; table == NULL && i < NATIONAL_COUNT; i++) {
        if (strcmp(national[i].infno, infno) == 0)
            return national[i].is_cancel ? -1 : 1;
    }
    return 0;
}

void
ledger_ask_cancels(const struct transaction_table *table, uint32_t day, uint32_t today, unsigned role,
                   struct listing_question *question)
{
    enum { LONGEST = 62 }; /* days in one list (schema/host_link.md); the store keeps no more than 45 */
    const char *all[LISTING_MAX_INFNOS];
    size_t count = ledger_transactions(table, all, LISTING_MAX_INFNOS);
    uint32_t last = date_after(day, LONGEST - 1);
    *question = (struct listing_question){.from_day = day,
                                          .to_day = today < day    ? day
                                                    : today < last ? today
                                                                   : last,
                                          .role = role,
                                          .bodies = true,
                                          .most = CANCELLED_MOST};
    for (size_t i = 0; i < count; i++) {
        if (sign_of(table, all[i]) < 0)
            question->infnos[question->infno_count++] = all[i];
    }
}

const char *
ledger_clr_type(const char *med_type, const char *infno)
{
    static const char *const in_patient[] = {"21", "22", "23", "24", "52"};
    if (strcmp(med_type, "41") == 0)
        return "41";
    for (size_t i = 0; i < sizeof in_patient / sizeof in_patient[0]; i++) {
        if (strcmp(med_type, in_patient[i]) == 0)
            return "21";
    }
    return med_type[0] == '\0' && strncmp(infno, "23", 2) == 0 ? "21" : "11";
}

static enum posting_state
state_of(const struct frame_result *result)
{
    switch (result->state) {
    case STATE_ANSWERED:
        return result->effect == FEP_EFFECT_POSTED ? POSTING_POSTED : POSTING_NONE;
    case STATE_STANDS:
        return POSTING_POSTED;
    case STATE_REVERSED:
        return result->code != FEP_E_WITHDRAWN ? POSTING_REVERSED : POSTING_NONE;
    case STATE_UNKNOWN:
    case STATE_REVERSING:
        return POSTING_OPEN;
    default:
        return POSTING_NONE;
    }
}

static void
write_serial(uint32_t date, uint64_t number, char out[21])
{
    out[0] = '\0';
    if (number != 0)
        snprintf(out, 21, "%08u%012" PRIu64, date % 100000000, number % 1000000000000);
}

void
ledger_read(const struct transaction_table *table, const struct frame *entry, struct posting *posting)
{
    const struct message_header *header = &entry->header;
    const struct fep_index *index = &entry->index;
    int sign = sign_of(table, header->infno);
    memset(posting, 0, sizeof *posting);
    posting->state = sign != 0 ? state_of(&entry->result) : POSTING_NONE;
    posting->is_cancel = sign < 0;
    memcpy(posting->msgid, header->key.msgid, sizeof posting->msgid);
    memcpy(posting->infno, header->infno, sizeof posting->infno);
    memcpy(posting->institution, header->institution, sizeof posting->institution);
    memcpy(posting->treat_area, header->treat_area, sizeof posting->treat_area);
    memcpy(posting->insured_area, header->insured_area, sizeof posting->insured_area);
    if ((entry->sections & FRAME_HAS_INDEX) != 0) {
        memcpy(posting->visit_id, index->visit_id, sizeof posting->visit_id);
        if (!posting->is_cancel) /* the index of a cancel names what it cancels */
            memcpy(posting->settlement_id, index->settlement_id, sizeof posting->settlement_id);
        memcpy(posting->med_type, index->med_type, sizeof posting->med_type);
        memcpy(posting->insutype, index->insutype, sizeof posting->insutype);
        posting->fen[FIGURE_TOTAL] = index->total_fen;
        posting->fen[FIGURE_FUND] = index->fund_fen;
        posting->fen[FIGURE_ACCOUNT] = index->account_fen;
        posting->fen[FIGURE_CASH] = index->cash_fen;
    }
    snprintf(posting->clr_type, sizeof posting->clr_type, "%s",
             ledger_clr_type(posting->med_type, posting->infno));
    if ((entry->sections & FRAME_HAS_ATTEMPT) != 0) {
        write_serial(entry->attempt.serial_date, entry->attempt.serial, posting->serial);
        write_serial(entry->attempt.cancel_serial_date, entry->attempt.cancel_serial, posting->undo_serial);
        posting->undo_day = entry->attempt.cancel_serial_date;
    }
    snprintf(posting->time, sizeof posting->time, "%.19s", entry->text);
}

/* The first object of `node` that says it: the national interface puts the same member into `data`,
 * `mdtrtinfo`, `setlinfo`. */
static void
text_in_any(struct json_object *node, const char *name, char *out, size_t room)
{
    out[0] = '\0';
    if (json_object_get_type(node) != json_type_object)
        return;
    json_object_object_foreach(node, member, value)
    {
        (void)member;
        body_text(value, name, out, room);
        if (out[0] != '\0')
            return;
    }
}

static void
fill_if_empty(struct json_object *node, const char *name, char *out, size_t room)
{
    if (out[0] == '\0')
        text_in_any(node, name, out, room);
}

int
ledger_read_bodies(const struct frame *entry, struct posting *posting, struct fep_error *error)
{
    struct json_object *request = canonical_parse(entry->body, error);
    struct json_object *answer = request != NULL ? canonical_parse(entry->answer, error) : NULL;
    if (answer == NULL) {
        json_object_put(request);
        return error_wrap(error, "a stored exchange");
    }
    struct json_object *input = canonical_member(request, "input");
    struct json_object *output = canonical_member(answer, "output");
    char time[20];
    text_in_any(input, "psn_no", posting->person, sizeof posting->person);
    fill_if_empty(input, "mdtrt_id", posting->visit_id, sizeof posting->visit_id);
    fill_if_empty(output, "setl_id", posting->settlement_id, sizeof posting->settlement_id);
    if (posting->is_cancel) {
        text_in_any(output, "org_setl_id", posting->original_id, sizeof posting->original_id);
        fill_if_empty(input, "setl_id", posting->original_id, sizeof posting->original_id);
    }
    text_in_any(output, "setl_time", time, sizeof time);
    fill_if_empty(input, "setl_time", time, sizeof time);
    if (strlen(time) == 19)
        memcpy(posting->time, time, sizeof posting->time);
    json_object_put(request);
    json_object_put(answer);
    return 0;
}

/* --- what was cancelled ---------------------------------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

int
cancelled_add(struct cancelled *set, const char *insured_area, const char *settlement_id,
              struct fep_error *error)
{
    if (set->count == set->room) {
        size_t room = set->room == 0 ? 64 : set->room * 2;
        void *grown = room <= CANCELLED_MOST * 2 ? realloc(set->ids, room * sizeof set->ids[0]) : NULL;
        if (grown == NULL)
            return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the cancels of these days");
        set->ids = grown;
        set->room = room;
    }
    snprintf(set->ids[set->count++], sizeof set->ids[0], "%.6s/%.31s", insured_area, settlement_id);
    set->sorted = false;
    return 0;
}

bool
cancelled_has(struct cancelled *set, const char *insured_area, const char *settlement_id)
{
    char id[AREA_SIZE + 32];
    if (set->count == 0)
        return false;
    if (!set->sorted)
        qsort(set->ids, set->count, sizeof set->ids[0], compare_ids);
    set->sorted = true;
    snprintf(id, sizeof id, "%.6s/%.31s", insured_area, settlement_id);
    return bsearch(id, set->ids, set->count, sizeof set->ids[0], compare_ids) != NULL;
}

void
cancelled_free(struct cancelled *set)
{
    free(set->ids);
    *set = (struct cancelled){0};
}

int
cancelled_take(struct cancelled *set, const struct transaction_table *table, const struct frame *entry,
               struct fep_error *error)
{
    struct posting posting;
    ledger_read(table, entry, &posting);
    if (!posting.is_cancel || posting.state != POSTING_POSTED)
        return 0;
    if (ledger_read_bodies(entry, &posting, error) < 0)
        return -1;
    return posting.original_id[0] != '\0'
               ? cancelled_add(set, posting.insured_area, posting.original_id, error)
               : 0;
}
