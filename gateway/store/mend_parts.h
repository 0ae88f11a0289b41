/* Between mend.c and mend_keys.c: one opening's mending, inside its transaction. */
#ifndef FEP_MEND_PARTS_H
#define FEP_MEND_PARTS_H

#include "mend.h"

struct found { /* a damaged row of table exchange */
    int64_t id, closed;
};
struct mend {
    struct sqlite_store *store;
    const char *journal_directory;
    struct found *found;
    size_t count;      /* of found */
    size_t most;       /* rows told so far, of all tables */
    sqlite3_stmt *put; /* into quarantined */
};
struct aside { /* what is known of a row that goes aside */
    const char *source, *became;
    struct message_key key;
    uint8_t role;
    uint32_t day;
    int64_t key_check;          /* 0 = the key is believed */
    int64_t body_id, answer_id; /* 0 = they stay where they are */
};

/* The row as it stands (all its columns) goes into quarantine, and the log says so. SQLite's code; SQLITE_TOOBIG:
 * there are too many. */
int mend_put_aside(struct mend *mend, sqlite3_stmt *row, const struct aside *aside);
/* Puts a record into the queue, open; id 0 = any. SQLite's code. */
int mend_insert(struct sqlite_store *store, const struct exchange_record *record, int64_t id, int64_t body_id,
                int64_t answer_id, int64_t sequence);
/* Is there another row of this key, or is it no key at all? Then the damaged one has no place under it. */
int mend_has_no_place(struct sqlite_store *store, const struct exchange_record *record, int64_t id, int *no_place);
/* mend_keys.c: the damaged rows of one day's key table. SQLite's code. */
int mend_key_day(struct mend *mend, struct key_day *day);

#endif
