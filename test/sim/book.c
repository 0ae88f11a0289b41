/* A local system's books: what is posted under which serial, and what it answers to a submission, a reversal,
 * a cancel and an inquiry. Written from the protocols' common rules; the verdict about money comes from here.
 * Must stay simple enough to be believed. */
#include "sim.h"

#include <stdlib.h>

struct entry *
book_find(struct book *book, uint64_t serial)
{
    for (size_t i = 0; i < book->count; i++)
        if (book->entries[i].serial == serial)
            return &book->entries[i];
    return NULL;
}

static struct entry *
add(struct book *book, uint64_t serial, uint16_t update, enum entry_state state)
{
    if (book->count == BOOK_ENTRIES)
        abort();
    struct entry *entry = &book->entries[book->count++];
    *entry = (struct entry){.serial = serial, .state = state, .update = update, .day = book->day};
    return entry;
}

static void
refuse(struct core_outcome *outcome, uint16_t code)
{
    *outcome = (struct core_outcome){
        .kind = FEP_REFUSED, .refusal_class = FEP_FINAL, .code = code, .reason = FEP_REASON_BUSINESS};
}

static void
answer_posted(struct core_outcome *outcome)
{
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED, .effect = FEP_EFFECT_POSTED};
}

/* A serial that came before: replayed with the stored answer, or refused whatever became of the first one. */
static void
answer_stored(const struct book *book, const struct entry *entry, struct core_outcome *outcome)
{
    if (entry->state == ENTRY_BLOCKED || (entry->state == ENTRY_REVERSED && book->replays))
        refuse(outcome, 2504);
    else if (!book->replays)
        refuse(outcome, 1005);
    else if (entry->state == ENTRY_REFUSED)
        refuse(outcome, entry->code);
    else
        answer_posted(outcome);
}

/* Settlements of a visit are taken back last first. */
static bool
has_later(const struct book *book, const struct entry *entry)
{
    for (const struct entry *later = entry + 1; later < book->entries + book->count; later++)
        if (later->visit == entry->visit && later->state == ENTRY_POSTED && later->cancelled_by == 0 &&
            later->cancels == 0)
            return entry->visit != 0;
    return false;
}

static uint16_t
refusal_of_cancel(const struct book *book, const struct entry *original)
{
    if (original == NULL || original->state != ENTRY_POSTED)
        return 2401;
    if (original->cancelled_by != 0)
        return 2402;
    if (has_later(book, original))
        return 2303;
    return original->declines && original->serial % 3 == 0 ? 2403 : 0;
}

void
book_submit(struct book *book, const struct call *call, unsigned chance, const struct settings *settings,
            struct core_outcome *outcome)
{
    bool own_cancel = call->operation == CORE_OP_UNDO;
    uint64_t serial = own_cancel ? call->cancel : call->serial,
             cancels = own_cancel ? call->serial : call->cancels;
    struct entry *entry = book_find(book, serial), *original = cancels != 0 ? book_find(book, cancels) : NULL;
    unsigned refusals = settings->strength[FAULT_LOCAL_REFUSES];
    uint16_t code = cancels != 0                             ? refusal_of_cancel(book, original)
                    : chance >= 50 && chance < 50 + refusals ? 2301
                                                             : 0;
    if (entry != NULL) {
        answer_stored(book, entry, outcome);
        return;
    }
    if (chance < refusals / 2) { /* nothing done, and the serial is not used up */
        refuse(outcome, 9001);
        outcome->refusal_class = FEP_REPEATABLE;
        return;
    }
    entry = add(book, serial, own_cancel ? 0 : call->update, code != 0 ? ENTRY_REFUSED : ENTRY_POSTED);
    entry->code = code;
    if (code != 0) {
        refuse(outcome, code);
        return;
    }
    if (original != NULL)
        original->cancelled_by = serial;
    entry->cancels = cancels;
    entry->visit = call->visit;
    entry->amount_fen = original != NULL ? -original->amount_fen : call->amount_fen;
    entry->declines = 99 - chance < settings->strength[FAULT_DECLINES];
    answer_posted(outcome);
}

void
book_reverse(struct book *book, uint64_t serial, struct core_outcome *outcome)
{
    struct entry *entry = book_find(book, serial);
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED};
    if (entry == NULL) {
        add(book, serial, 0, ENTRY_BLOCKED);
        outcome->finding = FEP_FOUND_NEVER_ARRIVED;
    } else if (entry->state == ENTRY_BLOCKED || entry->state == ENTRY_REFUSED) {
        outcome->finding = FEP_FOUND_NEVER_ARRIVED;
    } else if (entry->state == ENTRY_REVERSED) {
        outcome->finding = FEP_FOUND_REVERSED;
    } else if (entry->declines || entry->cancelled_by != 0 || entry->day != book->day ||
               has_later(book, entry)) {
        refuse(outcome, 2503);
        outcome->finding = FEP_FOUND_STAYS_POSTED;
    } else {
        entry->state = ENTRY_REVERSED;
        outcome->finding = FEP_FOUND_REVERSED;
        if (entry->cancels != 0)
            book_find(book, entry->cancels)->cancelled_by = 0;
    }
}

void
book_inquire(const struct book *book, uint64_t serial, struct core_outcome *outcome)
{
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED, .finding = FEP_FOUND_NOTHING};
    for (size_t i = 0; i < book->count; i++) {
        const struct entry *entry = &book->entries[i];
        if (entry->serial != serial)
            continue;
        outcome->code = entry->code;
        outcome->finding = entry->state == ENTRY_POSTED
                               ? (entry->cancelled_by != 0 ? FEP_FOUND_CANCELLED : FEP_FOUND_POSTED)
                           : entry->state == ENTRY_REFUSED  ? FEP_FOUND_REFUSED
                           : entry->state == ENTRY_REVERSED ? FEP_FOUND_REVERSED
                                                            : FEP_FOUND_NEVER_ARRIVED;
    }
}

int
book_in_force(const struct book *book, uint16_t update)
{
    int count = 0;
    for (size_t i = 0; i < book->count; i++)
        count += book->entries[i].update == update && book->entries[i].state == ENTRY_POSTED &&
                 book->entries[i].cancelled_by == 0;
    return count;
}

int64_t
book_sum(const struct book *book)
{
    int64_t sum = 0;
    for (size_t i = 0; i < book->count; i++)
        if (book->entries[i].state == ENTRY_POSTED)
            sum += book->entries[i].amount_fen;
    return sum;
}
