/* The details of one day on both sides, matched. Pure. */
#ifndef FEP_MATCHING_H
#define FEP_MATCHING_H

#include <json-c/json.h>

#include "ledger.h"

enum { MATCHING_ROWS = 200000, MATCHING_SHOWN = 1000 };

struct side_row {
    char msgid[MSGID_SIZE], infno[INFNO_SIZE], serial[21], settlement_id[32];
    char state;    /* '1' posted, '4' reversed, '5' cancelled later, 'o' open */
    bool own;      /* ours */
    bool is_undo;  /* the cancel by which the gateway undid it, or what it undid: its amounts are not known here */
    bool matched;
    int64_t fen[FIGURE_COUNT];
};
struct side {
    struct side_row *rows;
    size_t count, room;
};

int side_add(struct side *side, const struct side_row *row, struct fep_error *error);
/* A posting of ours; one that was undone by a cancel becomes two rows, as there. */
int side_add_posting(struct side *side, const struct posting *posting, uint32_t day, struct fep_error *error);
/* Only the cancel by which the gateway undid it, if that was on this day: what it undid is of another. */
int side_add_undo(struct side *side, const struct posting *posting, uint32_t day, struct fep_error *error);
/* One row of the other side's 3202. */
int side_add_detail(struct side *side, struct json_object *row, struct fep_error *error);
void side_free(struct side *side);

/* Array of {kind, msgid, local_serial, setl_id, ours, theirs}, at most MATCHING_SHOWN of `*count`; matched by local
 * serial, then by settlement id, then, where the other side knows no serial of ours, by msgid. NULL without memory. */
struct json_object *sides_compare(struct side *ours, struct side *theirs, size_t *count);

#endif
