/* See books.h. Must stay simple enough to be believed. */
#include "books.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct entry *
books_find(struct books *books, uint64_t serial)
{
    for (size_t i = 0; i < books->count; i++)
        if (books->entries[i].serial == serial)
            return &books->entries[i];
    return NULL;
}

static struct entry *
add(struct books *books, uint64_t serial, const char *msgid, enum entry_state state)
{
    assert(books->count < BOOKS_ENTRIES);
    struct entry *entry = &books->entries[books->count++];
    *entry = (struct entry){.serial = serial, .state = state};
    snprintf(entry->msgid, sizeof entry->msgid, "%s", msgid);
    return entry;
}

static void
refuse(struct core_outcome *outcome, uint16_t code)
{
    *outcome = (struct core_outcome){
        .kind = FEP_REFUSED, .refusal_class = FEP_FINAL, .code = code, .reason = FEP_REASON_BUSINESS};
}

static void
answer_stored(const struct books *books, const struct entry *entry, struct core_outcome *outcome)
{
    if (entry->state == ENTRY_BLOCKED)
        refuse(outcome, 2504);
    else if (!books->replays || entry->state == ENTRY_REVERSED)
        refuse(outcome, entry->state == ENTRY_REVERSED && books->replays ? 2504 : 1005);
    else if (entry->state == ENTRY_REFUSED)
        refuse(outcome, entry->code);
    else
        *outcome = (struct core_outcome){.kind = FEP_ANSWERED, .effect = FEP_EFFECT_POSTED};
}

static void
record_refusal(struct books *books, uint64_t serial, const char *msgid, uint16_t code,
               struct core_outcome *outcome)
{
    add(books, serial, msgid, ENTRY_REFUSED)->code = code;
    refuse(outcome, code);
}

void
books_submit(struct books *books, uint64_t serial, const char *msgid, uint64_t cancels, unsigned chance,
             struct core_outcome *outcome)
{
    struct entry *entry = books_find(books, serial);
    struct entry *original = cancels != 0 ? books_find(books, cancels) : NULL;
    if (entry != NULL) {
        answer_stored(books, entry, outcome);
        return;
    }
    if (chance < 10) { /* nothing done, the serial is not used up */
        refuse(outcome, 9001);
        outcome->refusal_class = FEP_REPEATABLE;
        return;
    }
    if (cancels != 0) {
        if (original == NULL || original->state != ENTRY_POSTED)
            record_refusal(books, serial, msgid, 2401, outcome);
        else if (original->cancelled_by != 0)
            record_refusal(books, serial, msgid, 2402, outcome);
        else if (original->declines_cancel)
            record_refusal(books, serial, msgid, 2403, outcome);
        else
            original->cancelled_by = serial;
        if (original == NULL || original->cancelled_by != serial)
            return;
    } else if (chance < 18) {
        record_refusal(books, serial, msgid, 2301, outcome);
        return;
    }
    entry = add(books, serial, msgid, ENTRY_POSTED);
    entry->cancels = cancels;
    entry->declines_reversal = chance % 100 >= 100 - books->decline;
    entry->declines_cancel = entry->declines_reversal && chance % 3 == 0;
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED, .effect = FEP_EFFECT_POSTED};
}

void
books_reverse(struct books *books, uint64_t serial, struct core_outcome *outcome)
{
    struct entry *entry = books_find(books, serial);
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED};
    if (entry == NULL) {
        add(books, serial, "", ENTRY_BLOCKED);
        outcome->finding = FEP_FOUND_NEVER_ARRIVED;
    } else if (entry->state == ENTRY_BLOCKED || entry->state == ENTRY_REFUSED) {
        outcome->finding = FEP_FOUND_NEVER_ARRIVED;
    } else if (entry->state == ENTRY_REVERSED) {
        outcome->finding = FEP_FOUND_REVERSED;
    } else if (entry->declines_reversal || entry->cancelled_by != 0) {
        refuse(outcome, 2503);
        outcome->finding = FEP_FOUND_STAYS_POSTED;
    } else {
        entry->state = ENTRY_REVERSED;
        outcome->finding = FEP_FOUND_REVERSED;
        if (entry->cancels != 0)
            books_find(books, entry->cancels)->cancelled_by = 0;
    }
}

void
books_inquire(const struct books *books, uint64_t serial, struct core_outcome *outcome)
{
    *outcome = (struct core_outcome){.kind = FEP_ANSWERED, .finding = FEP_FOUND_NOTHING};
    for (size_t i = 0; i < books->count; i++) {
        const struct entry *entry = &books->entries[i];
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
books_in_force(const struct books *books, const char *msgid)
{
    int count = 0;
    for (size_t i = 0; i < books->count; i++)
        if (strcmp(books->entries[i].msgid, msgid) == 0 && books->entries[i].state == ENTRY_POSTED &&
            books->entries[i].cancelled_by == 0)
            count++;
    return count;
}
