/* What the store's tests share: a directory of their own, records and bodies that can be told apart, and
 * waiting for the store's events without sleeping. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "store.h"

#define FIXTURE_DAY  20261122
#define FIXTURE_PATH 512

struct fixture {
    char directory[FIXTURE_PATH]; /* the store's */
    char schema[FIXTURE_PATH];
    char key_file[FIXTURE_PATH]; /* not made yet */
    struct store_config config;
    struct store *store;
    uint64_t sequence;
    struct store_event last; /* of the kind that was waited for */
};

/* A fresh directory under $TMPDIR and a configuration without key; nothing is opened. */
void fixture_init(struct fixture *fixture);
void fixture_finish(struct fixture *fixture); /* closes and removes */
void fixture_remove_tree(const char *path);
void fixture_open(struct fixture *fixture); /* must succeed */
void fixture_close(struct fixture *fixture);
/* Opening must fail with this code; the error's text is checked for `part`. */
void fixture_open_fails(struct fixture *fixture, unsigned code, const char *part);
void fixture_make_key(struct fixture *fixture);

/* An update as it is queued, number `n`. The digest fits header and body. */
void fixture_record(struct exchange_record *record, unsigned n, enum exchange_role role);
/* "body 17 ..." of `size` bytes at least. */
struct slice fixture_body(const char *word, unsigned n, size_t size);
void fixture_assert_body(struct slice body, const char *word, unsigned n);

/* Submits one write; returns its sequence. */
uint64_t fixture_submit(struct fixture *fixture, enum store_write_type type,
                        const struct exchange_record *record, struct slice body, struct slice answer);
uint64_t fixture_insert(struct fixture *fixture, const struct exchange_record *record, struct slice body);
uint64_t fixture_update(struct fixture *fixture, const struct exchange_record *record, struct slice answer);
uint64_t fixture_close_exchange(struct fixture *fixture, const struct exchange_record *record);
/* Waits until everything submitted is reported; other events than COMMITTED and ROOM fail the test. */
void fixture_settle(struct fixture *fixture);
/* Waits for an event of this type (others but COMMITTED and ROOM fail the test) and leaves it in `last`,
 * whose bodies the caller releases. */
void fixture_wait(struct fixture *fixture, enum store_event_type type);
/* Waits until everything submitted is reported and counts what came by type. */
void fixture_count(struct fixture *fixture, unsigned counts[8]);
/* Finds by key; the event is in `last`. Returns whether it was found. */
int fixture_find(struct fixture *fixture, const struct exchange_record *record);
void fixture_release_last(struct fixture *fixture);

/* Waits until no closed exchange is left in queue.db: all have moved. */
void fixture_wait_moved(struct fixture *fixture);
/* One number from queue.db (or the file of that name in the directory) by a connection of the test's own. */
int64_t fixture_number(const struct fixture *fixture, const char *file, const char *sql);
void fixture_run(const struct fixture *fixture, const char *file, const char *sql);
void fixture_path(const struct fixture *fixture, const char *file, char out[FIXTURE_PATH]);

#define FIXTURE_CASE(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
int fixture_set_up(void **state); /* *state: a fixture, nothing opened */
int fixture_tear_down(void **state);
/* Recovers everything; returns how many were open. */
unsigned fixture_recover(struct fixture *fixture, uint64_t *quarantined);
/* One exchange from its insert to its close. */
void fixture_live_and_close(struct fixture *fixture, unsigned n, struct exchange_record *record);
/* A settlement that was posted here, number n, with accounting day `day`. */
void fixture_posted(struct exchange_record *record, unsigned n, uint32_t day);
void fixture_flip_byte(const char *path, long offset);
void fixture_copy_file(const char *from, const char *to);

#endif
