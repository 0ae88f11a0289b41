/* Matching two sides' details of a day. Must never match one row twice, and never pass over a row that
 * counts: what is reversed, or still open here, counts only if the other side has it as posted. */
#include "matching.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "details.h"
#include "error.h"

int
side_add(struct side *side, const struct side_row *row, struct fep_error *error)
{
    if (side->count == side->room) {
        size_t room = side->room == 0 ? 256 : side->room * 2;
        struct side_row *grown = room <= MATCHING_ROWS * 2 ? realloc(side->rows, room * sizeof *grown) : NULL;
        if (grown == NULL)
            return error_set(error, FEP_NOT_SENT, FEP_E_BOUND,
                             "the day has more postings than can be compared");
        side->rows = grown;
        side->room = room;
    }
    side->rows[side->count++] = *row;
    return 0;
}

void
side_free(struct side *side)
{
    free(side->rows);
    *side = (struct side){0};
}

static char
letter_of(enum posting_state state)
{
    return state == POSTING_OPEN ? 'o' : details_state(state)[0];
}

int
side_add_undo(struct side *side, const struct posting *posting, uint32_t day, struct fep_error *error)
{
    if (posting->undo_serial[0] == '\0' || posting->undo_day != day)
        return 0;
    /* Open too until the cure has an ending; then it may be there, or not: what cancelled it may have been
     * another. */
    struct side_row row = {
        .state = posting->state == POSTING_REVERSED ? '4' : 'o', .own = true, .is_undo = true};
    memcpy(row.msgid, posting->msgid, sizeof row.msgid);
    memcpy(row.infno, posting->infno, sizeof row.infno);
    memcpy(row.serial, posting->undo_serial, sizeof row.serial);
    memcpy(row.fen, posting->fen, sizeof row.fen);
    return side_add(side, &row, error);
}

int
side_add_posting(struct side *side, const struct posting *posting, uint32_t day, struct fep_error *error)
{
    if (posting->state == POSTING_NONE)
        return 0;
    struct side_row row = {
        .state = letter_of(posting->state), .own = true, .is_undo = posting->undo_serial[0] != '\0'};
    memcpy(row.msgid, posting->msgid, sizeof row.msgid);
    memcpy(row.infno, posting->infno, sizeof row.infno);
    memcpy(row.serial, posting->serial, sizeof row.serial);
    memcpy(row.settlement_id, posting->settlement_id, sizeof row.settlement_id);
    memcpy(row.fen, posting->fen, sizeof row.fen);
    return side_add(side, &row, error) < 0 ? -1 : side_add_undo(side, posting, day, error);
}

int
side_add_detail(struct side *side, struct json_object *object, struct fep_error *error)
{
    struct side_row row = {.state = '1'};
    char state[4];
    bool bad = false;
    body_text(object, "msgid", row.msgid, sizeof row.msgid);
    body_text(object, "infno", row.infno, sizeof row.infno);
    body_text(object, "local_serial", row.serial, sizeof row.serial);
    body_text(object, "setl_id", row.settlement_id, sizeof row.settlement_id);
    body_text(object, "state", state, sizeof state);
    if (state[0] != '\0')
        row.state = state[0];
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        row.fen[i] = body_fen(object, figure_names[i], &bad);
    if (bad)
        return error_set(error, FEP_REFUSED, FEP_E_AMOUNT,
                         "an amount of the other side's details is no amount");
    return side_add(side, &row, error);
}

/* --- comparing ------------------------------------------------------------------------------------- */

static int
by_serial(const void *a, const void *b)
{
    return strcmp(((const struct side_row *)a)->serial, ((const struct side_row *)b)->serial);
}

static int
by_settlement(const void *a, const void *b)
{
    return strcmp(((const struct side_row *)a)->settlement_id, ((const struct side_row *)b)->settlement_id);
}

struct comparing {
    struct json_object *list;
    size_t count;
    bool failed;
};

static struct json_object *
write_side(const struct side_row *row, bool *failed)
{
    char state[2] = {row->state, '\0'};
    struct json_object *object = json_object_new_object();
    body_put_text(object, "infno", row->infno, failed);
    body_put_text(object, "local_serial", row->serial, failed);
    body_put_text(object, "setl_id", row->settlement_id, failed);
    body_put_text(object, "state", row->state == 'o' ? "open" : state, failed);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        body_put_fen(object, figure_names[i], row->fen[i], failed);
    return object;
}

static void
report(struct comparing *comparing, const char *kind, const struct side_row *ours,
       const struct side_row *theirs)
{
    const struct side_row *named = ours != NULL ? ours : theirs;
    if (comparing->count++ >= MATCHING_SHOWN)
        return;
    struct json_object *object = json_object_new_object();
    body_put_text(object, "kind", kind, &comparing->failed);
    body_put_text(object, "msgid", named->msgid, &comparing->failed);
    body_put_text(object, "local_serial", named->serial, &comparing->failed);
    body_put_text(object, "setl_id", named->settlement_id, &comparing->failed);
    if (ours != NULL)
        body_put(object, "ours", write_side(ours, &comparing->failed), &comparing->failed);
    if (theirs != NULL)
        body_put(object, "theirs", write_side(theirs, &comparing->failed), &comparing->failed);
    body_append(comparing->list, object, &comparing->failed);
}

static bool
is_in_force(char state)
{
    return state == '1' || state == '5';
}

/* Posted and cancelled, or reversed: both have taken nothing in the end. What is open here may be anything
 * but in force there. */
static bool
states_agree(char ours, char theirs)
{
    if (ours == 'o')
        return theirs == '4';
    if (ours == '4')
        return theirs != '1';
    return ours == theirs;
}

static void
compare_pair(struct comparing *comparing, struct side_row *ours, struct side_row *theirs)
{
    ours->matched = theirs->matched = true;
    bool same = memcmp(ours->fen, theirs->fen, sizeof ours->fen) == 0;
    /* Of the gateway's own cancel only that it is in force is to be expected. */
    bool is_the_cancel = ours->is_undo && ours->settlement_id[0] == '\0';
    if (!states_agree(ours->state, theirs->state) && !(is_the_cancel && ours->state == '4'))
        report(comparing, "state_differs", ours, theirs);
    else if (!same && is_in_force(ours->state) && !ours->is_undo)
        report(comparing, "amounts_differ", ours, theirs);
}

typedef const char *name_of(const struct side_row *row);

static const char *
serial_of(const struct side_row *row)
{
    return row->serial;
}

static const char *
settlement_of(const struct side_row *row)
{
    return row->settlement_id;
}

/* A cancel has no settlement id that both know; the cancel by which the gateway undid something has the
 * original's msgid. */
static const char *
msgid_of(const struct side_row *row)
{
    bool useless = row->own ? row->is_undo && row->settlement_id[0] == '\0' : row->serial[0] != '\0';
    return useless ? "" : row->msgid;
}

static int
by_msgid(const void *a, const void *b)
{
    return strcmp(msgid_of(a), msgid_of(b));
}

/* Both sorted by that name. */
static void
match_by(struct comparing *comparing, struct side *ours, struct side *theirs, name_of *name)
{
    size_t here = 0, there = 0;
    while (here < ours->count && there < theirs->count) {
        struct side_row *own = &ours->rows[here], *other = &theirs->rows[there];
        if (own->matched || name(own)[0] == '\0') {
            here++;
        } else if (other->matched || name(other)[0] == '\0') {
            there++;
        } else {
            int order = strcmp(name(own), name(other));
            if (order == 0)
                compare_pair(comparing, own, other);
            here += order <= 0;
            there += order >= 0;
        }
    }
}

struct json_object *
sides_compare(struct side *ours, struct side *theirs, size_t *count)
{
    struct comparing comparing = {.list = json_object_new_array()};
    comparing.failed = comparing.list == NULL;
    qsort(ours->rows, ours->count, sizeof ours->rows[0], by_serial);
    qsort(theirs->rows, theirs->count, sizeof theirs->rows[0], by_serial);
    match_by(&comparing, ours, theirs, serial_of);
    qsort(ours->rows, ours->count, sizeof ours->rows[0], by_settlement);
    qsort(theirs->rows, theirs->count, sizeof theirs->rows[0], by_settlement);
    match_by(&comparing, ours, theirs, settlement_of);
    qsort(ours->rows, ours->count, sizeof ours->rows[0], by_msgid);
    qsort(theirs->rows, theirs->count, sizeof theirs->rows[0], by_msgid);
    match_by(&comparing, ours, theirs, msgid_of);
    for (size_t i = 0; i < ours->count; i++) {
        if (!ours->rows[i].matched && is_in_force(ours->rows[i].state))
            report(&comparing, "only_here", &ours->rows[i], NULL);
    }
    for (size_t i = 0; i < theirs->count; i++) {
        if (!theirs->rows[i].matched && is_in_force(theirs->rows[i].state))
            report(&comparing, "only_there", NULL, &theirs->rows[i]);
    }
    *count = comparing.count;
    if (comparing.failed) {
        json_object_put(comparing.list);
        return NULL;
    }
    return comparing.list;
}
