/* Lists of stored exchanges and the search for a settlement: the same promises asked of the memory
 * store and of the SQLite store, and what only files can show. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "error_codes.h"
#include "listing.h"

enum { DAY = FIXTURE_DAY, MOST = 512 };
static const char *kind = "sqlite";

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    if (strcmp(kind, "encrypted") == 0)
        fixture_make_key(f);
    if (strcmp(kind, "memory") == 0)
        f->store = memory_store_open();
    else
        fixture_open(f);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

/* --- records and lists
 * --------------------------------------------------------------------------------------------- */

static void
keep(struct fixture *f, const struct exchange_record *record, unsigned n)
{
    fixture_submit(f, STORE_INSERT, record, fixture_body("body", n, 0), fixture_body("answer", n, 0));
}

static struct store_list_query
query_of(enum exchange_role role, const char *instance)
{
    struct store_list_query query = {.role = (uint8_t)role,
                                     .from_day = DAY,
                                     .to_day = DAY,
                                     .infno_count = 2,
                                     .bodies = 1,
                                     .limit = STORE_LIST_LIMIT};
    strcpy(query.instance, instance);
    strcpy(query.infnos[0], "2304");
    strcpy(query.infnos[1], "2207");
    return query;
}

struct page {
    unsigned numbers[MOST]; /* the exchanges' */
    size_t count;
    char cursor[STORE_CURSOR_SIZE];
    unsigned code;
};

static unsigned
number_of(const struct exchange_record *record)
{
    return (unsigned)(record->times.accepted - 1795313702000);
}

static void
list(struct fixture *f, const struct store_list_query *query, struct page *page)
{
    uint64_t reference = ++f->sequence + 90000;
    memset(page, 0, sizeof *page);
    assert_int_equal(store_list(f->store, query, reference), 0);
    for (;;) {
        fixture_wait(f, STORE_LISTED);
        assert_int_equal(f->last.reference, reference);
        if (!f->last.found)
            break;
        assert_true(page->count < MOST);
        unsigned n = number_of(&f->last.record);
        if (query->bodies) {
            fixture_assert_body(f->last.body, "body", n);
            fixture_assert_body(f->last.answer, "answer", n);
        } else {
            assert_int_equal(f->last.body.size + f->last.answer.size, 0);
        }
        page->numbers[page->count++] = n;
        fixture_release_last(f);
    }
    memcpy(page->cursor, f->last.cursor, sizeof page->cursor);
    page->code = f->last.error.code;
}

static void
assert_page(const struct page *page, size_t count, const unsigned *numbers)
{
    assert_int_equal(page->code, 0);
    assert_int_equal(page->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(page->numbers[i], numbers[i]);
}

/* --- what belongs to a list
 * ------------------------------------------------------------------------------------------ */

static void
a_destination_lists_by_accounting_day_instance_and_transaction(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    for (unsigned n = 1; n <= 12; n++) {
        fixture_posted(&record, n, DAY);
        if (n == 2)
            record.local.accounting_date = DAY + 1; /* posted after the local system's day had changed */
        if (n == 3)
            record.local.accounting_date = 0; /* it does not say: the day of the serial */
        if (n == 4)
            strcpy(record.target, "450300");
        if (n == 5)
            strcpy(record.header.infno, "2208");
        if (n == 6)
            record.state = STATE_REFUSED;
        if (n == 7)
            record.tombstone = 1;
        if (n == 8)
            record.local.serial = 0; /* never handed to the local system */
        if (n == 9)
            record.state = STATE_UNKNOWN;
        if (n == 10)
            record.state = STATE_REVERSED;
        if (n == 11)
            record.header.day = DAY - 1; /* accepted by its origin before midnight */
        if (n == 12)
            record.state = STATE_STANDS;
        keep(f, &record, n);
    }
    fixture_settle(f);
    list(f, &query, &page);
    assert_page(&page, 6, (unsigned[]){1, 3, 9, 10, 11, 12});
    assert_string_equal(page.cursor, "");
    query.to_day = DAY + 1;
    list(f, &query, &page);
    assert_page(&page, 7, (unsigned[]){1, 2, 3, 9, 10, 11, 12});
}

/* Those whose index names no visit come too: whoever asks looks into their bodies. */
static void
a_list_of_one_visit_and_area(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    for (unsigned n = 1; n <= 6; n++) {
        fixture_posted(&record, n, DAY);
        strcpy(record.index.visit_id, n == 2 ? "V10" : n == 3 ? "" : "V1");
        if (n == 4 || n == 5)
            strcpy(record.header.insured_area, "450500");
        struct slice body = fixture_body("body", n, 0);
        assert_int_equal(message_digest(&record.header, &body, record.digest), 0);
        slice_release(&body);
        keep(f, &record, n);
    }
    fixture_settle(f);
    strcpy(query.visit_id, "V1");
    list(f, &query, &page);
    assert_page(&page, 5, (unsigned[]){1, 3, 4, 5, 6});
    strcpy(query.insured_area, "450500");
    query.limit = 1;
    list(f, &query, &page);
    assert_page(&page, 1, (unsigned[]){4});
    strcpy(query.after, page.cursor);
    list(f, &query, &page);
    assert_page(&page, 1, (unsigned[]){5});
    query.visit_id[0] = '\0'; /* another list: what was remembered of the first is not taken for it */
    query.after[0] = '\0';
    query.insured_area[0] = '\0';
    query.limit = STORE_LIST_LIMIT;
    list(f, &query, &page);
    assert_page(&page, 6, (unsigned[]){1, 2, 3, 4, 5, 6});
}

static void
an_origin_lists_by_its_own_day_and_by_who_asked(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_ORIGIN, "danxian");
    for (unsigned n = 1; n <= 4; n++) {
        fixture_record(&record, n, ROLE_ORIGIN);
        record.state = STATE_ANSWERED;
        if (n == 2)
            strcpy(record.previous, "other");
        if (n == 3)
            record.header.day = DAY + 1;
        struct slice body = fixture_body("body", n, 0);
        assert_int_equal(message_digest(&record.header, &body, record.digest), 0);
        slice_release(&body);
        keep(f, &record, n);
    }
    fixture_settle(f);
    list(f, &query, &page);
    assert_page(&page, 2, (unsigned[]){1, 4});
    query.bodies = 0;
    list(f, &query, &page);
    assert_page(&page, 2, (unsigned[]){1, 4});
}

/* In the order of acceptance whatever the order of writing, in pages, and closed ones as well. */
static void
pages_follow_one_another_without_gap_or_repetition(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    unsigned expected = 1;
    for (unsigned i = 0; i < 50; i++) {
        unsigned n = (i * 37) % 50 + 1;
        fixture_posted(&record, n, DAY);
        keep(f, &record, n);
        if (n % 3 == 0)
            fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    query.limit = 7;
    do {
        list(f, &query, &page);
        assert_int_equal(page.code, 0);
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.numbers[i], expected++);
        assert_true(page.cursor[0] != '\0' || expected == 51);
        strcpy(query.after, page.cursor);
    } while (page.cursor[0] != '\0');
    assert_int_equal(expected, 51);
}

static void
what_is_no_question_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_list_query good = query_of(ROLE_DESTINATION, "450900"), query = good;
    query.role = ROLE_TRANSIT;
    assert_int_equal(store_list(f->store, &query, 1), -1);
    query = good;
    query.limit = 0;
    assert_int_equal(store_list(f->store, &query, 1), -1);
    query.limit = STORE_LIST_LIMIT + 1;
    assert_int_equal(store_list(f->store, &query, 1), -1);
    query = good;
    query.infno_count = 0;
    assert_int_equal(store_list(f->store, &query, 1), -1);
    query = good;
    query.to_day = DAY - 1;
    assert_int_equal(store_list(f->store, &query, 1), -1);
    query = good;
    strcpy(query.after, "DROP TABLE exchange");
    assert_int_equal(store_list(f->store, &query, 1), -1);
}

static void
days_cross_months_and_years(void **state)
{
    (void)state;
    assert_int_equal(listing_move_day(20261231, 1), 20270101);
    assert_int_equal(listing_move_day(20270101, -1), 20261231);
    assert_int_equal(listing_move_day(20280228, 1), 20280229);
    assert_int_equal(listing_move_day(20270228, 1), 20270301);
    assert_int_equal(listing_move_day(20261122, 0), 20261122);
}

/* --- one settlement
 * -------------------------------------------------------------------------------------------------- */

static int
find_settlement(struct fixture *f, const char *infno, const char *settlement_id)
{
    uint64_t reference = (1ull << 63) + ++f->sequence;
    assert_int_equal(store_find_settlement(f->store, ROLE_DESTINATION, infno, settlement_id, reference), 0);
    fixture_wait(f, STORE_FOUND);
    assert_int_equal(f->last.reference, reference);
    return f->last.found;
}

static void
the_update_that_cancelled_a_settlement_is_found_open_and_closed(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    for (unsigned n = 1; n <= 3; n++) {
        fixture_posted(&record, n, DAY);
        strcpy(record.header.infno, n == 3 ? "2207" : "2208");
        strcpy(record.index.settlement_id, n == 2 ? "S-other" : "S-wanted");
        if (n == 2)
            record.state = STATE_REVERSED;
        keep(f, &record, n);
    }
    fixture_settle(f);
    fixture_posted(&record, 1, DAY);
    for (int closed = 0; closed < 2; closed++) {
        assert_true(find_settlement(f, "2208", "S-wanted"));
        assert_int_equal(number_of(&f->last.record), 1);
        fixture_assert_body(f->last.body, "body", 1);
        fixture_release_last(f);
        assert_false(find_settlement(f, "2208", "S-other")); /* it was reversed: it cancels nothing */
        assert_false(find_settlement(f, "2305", "S-wanted"));
        assert_int_equal(f->last.error.code, 0);
        fixture_close_exchange(f, &record);
        fixture_settle(f);
        if (strcmp(kind, "memory") != 0)
            fixture_wait_moved(f);
    }
}

/* --- what only files show
 * -------------------------------------------------------------------------------------------- */

static void
what_has_moved_to_neighbouring_days_is_listed(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    for (unsigned n = 1; n <= 20; n++) {
        fixture_posted(&record, n, DAY);
        record.header.day = listing_move_day(DAY, (int)(n % 5) - 2);
        struct slice body = fixture_body("body", n, 0);
        assert_int_equal(message_digest(&record.header, &body, record.digest), 0);
        slice_release(&body);
        keep(f, &record, n);
        if (n != 20)
            fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    query.limit = 6;
    unsigned expected = 1;
    do {
        list(f, &query, &page);
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.numbers[i], expected++);
        strcpy(query.after, page.cursor);
    } while (page.cursor[0] != '\0');
    assert_int_equal(expected, 21);
}

/* One that was brought back by a reversal stands in the queue and in its journal: the queue's row counts,
 * once. */
static void
one_that_came_back_from_its_journal_is_listed_once_as_it_is_now(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    uint64_t reference = 4242;
    fixture_posted(&record, 1, DAY);
    keep(f, &record, 1);
    fixture_close_exchange(f, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    record.state = STATE_REVERSING;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    list(f, &query, &page);
    assert_page(&page, 1, (unsigned[]){1});
    assert_int_equal(store_list(f->store, &query, reference), 0);
    fixture_wait(f, STORE_LISTED);
    assert_int_equal(f->last.record.state, STATE_REVERSING);
    fixture_release_last(f);
    fixture_wait(f, STORE_LISTED);
    assert_false(f->last.found);
}

/* Rows move on between two pages. */
static void
pages_go_on_while_rows_move_to_their_journal(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    for (unsigned n = 1; n <= 30; n++) {
        fixture_posted(&record, n, DAY);
        keep(f, &record, n);
    }
    fixture_settle(f);
    query.limit = 10;
    list(f, &query, &page);
    assert_int_equal(page.count, 10);
    for (unsigned n = 1; n <= 30; n++) {
        fixture_posted(&record, n, DAY);
        fixture_close_exchange(f, &record);
    }
    fixture_settle(f);
    fixture_wait_moved(f);
    strcpy(query.after, page.cursor);
    query.limit = STORE_LIST_LIMIT;
    list(f, &query, &page);
    assert_int_equal(page.code, 0);
    assert_int_equal(page.count, 20);
    assert_int_equal(page.numbers[0], 11);
    assert_int_equal(page.numbers[19], 30);
}

static void
a_day_in_quarantine_fails_the_list(void **state)
{
    struct fixture *f = *state;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    char path[FIXTURE_PATH];
    fixture_path(f, "journal/20261122.db.quarantined", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    list(f, &query, &page);
    assert_int_equal(page.code, FEP_E_JOURNAL_QUARANTINED);
    query.from_day = query.to_day = DAY + 1; /* other days are not concerned */
    list(f, &query, &page);
    assert_int_equal(page.code, 0);
    assert_false(find_settlement(f, "2208", "S-wanted")); /* it may have been there: no word about it */
    assert_int_equal(f->last.error.code, FEP_E_JOURNAL_QUARANTINED);
}

/* Read anew, the day's pages are not what they were: nothing is known, which is not "no exchanges". */
static void
a_day_that_can_not_be_read_fails_the_list(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    char path[FIXTURE_PATH], wrong[64];
    fixture_posted(&record, 1, DAY);
    keep(f, &record, 1);
    fixture_close_exchange(f, &record);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_run(f, "journal/20261122.db", "PRAGMA wal_checkpoint(TRUNCATE)");
    int64_t size = fixture_number(f, "journal/20261122.db", "PRAGMA page_size");
    int64_t root =
        fixture_number(f, "journal/20261122.db", "SELECT rootpage FROM sqlite_schema WHERE name='exchange'");
    fixture_path(f, "journal/20261122.db", path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    memset(wrong, 0xff, sizeof wrong);
    assert_int_equal(fseek(file, (long)((root - 1) * size), SEEK_SET), 0);
    assert_int_equal(fwrite(wrong, 1, sizeof wrong, file), sizeof wrong);
    fclose(file);
    list(f, &query, &page);
    assert_int_equal(page.code, FEP_E_STORE_READ);
    assert_int_equal(page.count, 0);
    assert_false(find_settlement(f, "2208", "S-wanted"));
    assert_int_equal(f->last.error.code, FEP_E_STORE_READ);
}

static void
a_damaged_body_fails_the_list(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct page page;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    fixture_posted(&record, 1, DAY);
    keep(f, &record, 1);
    fixture_settle(f);
    fixture_run(f, "queue.db", "UPDATE body SET data=zeroblob(length(data)) WHERE id=1");
    list(f, &query, &page);
    assert_int_equal(page.code, FEP_E_STORE_BODY);
    assert_int_equal(page.count, 0);
}

/* More than one scan remembers. */
static void
a_very_long_list_is_complete_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    struct store_list_query query = query_of(ROLE_DESTINATION, "450900");
    enum { MANY = 40000 };
    char sql[900];
    size_t told = 0;
    int64_t last = 0;
    fixture_posted(&record, 1, DAY);
    fixture_insert(f, &record, SLICE_NONE);
    fixture_settle(f);
    fixture_close(f);
    snprintf(sql, sizeof sql,
             "CREATE TEMP TABLE one AS SELECT * FROM exchange; "
             "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<%d) "
             "INSERT INTO temp.one SELECT * FROM (SELECT one.* FROM exchange AS one, n); "
             "UPDATE temp.one SET "
             "id=rowid,msgid='M'||rowid,digest=substr(digest,1,32),accepted_ms=accepted_ms+(rowid*7919)%%%d; "
             "DELETE FROM exchange; INSERT INTO exchange SELECT * FROM temp.one;",
             MANY, MANY);
    fixture_run(f, "queue.db", sql);
    fixture_open(f);
    query.bodies = 0;
    for (;;) {
        assert_int_equal(store_list(f->store, &query, 5), 0);
        for (fixture_wait(f, STORE_LISTED); f->last.found; fixture_wait(f, STORE_LISTED)) {
            assert_true(f->last.record.times.accepted >= last);
            last = f->last.record.times.accepted;
            told++;
        }
        assert_int_equal(f->last.error.code, 0);
        if (f->last.cursor[0] == '\0')
            break;
        strcpy(query.after, f->last.cursor);
    }
    assert_int_equal(told, MANY);
}

#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, name, set_up, tear_down, NULL                                                                 \
    }

int
main(int argc, char **argv)
{
    const struct CMUnitTest both[] = {
        CASE(a_destination_lists_by_accounting_day_instance_and_transaction),
        CASE(a_list_of_one_visit_and_area),
        CASE(an_origin_lists_by_its_own_day_and_by_who_asked),
        CASE(pages_follow_one_another_without_gap_or_repetition),
        CASE(what_is_no_question_is_refused),
        CASE(days_cross_months_and_years),
        CASE(the_update_that_cancelled_a_settlement_is_found_open_and_closed),
    };
    const struct CMUnitTest files[] = {
        CASE(what_has_moved_to_neighbouring_days_is_listed),
        CASE(one_that_came_back_from_its_journal_is_listed_once_as_it_is_now),
        CASE(pages_go_on_while_rows_move_to_their_journal),
        CASE(a_day_in_quarantine_fails_the_list),
        CASE(a_day_that_can_not_be_read_fails_the_list),
        CASE(a_very_long_list_is_complete_and_in_order),
        CASE(a_damaged_body_fails_the_list), /* where bodies are encrypted */
    };
    kind = argc > 2 ? argv[1] : kind;
    size_t file_count = sizeof files / sizeof *files - (strcmp(kind, "encrypted") != 0);
    return argc > 2 && strcmp(argv[2], "files") == 0
               ? _cmocka_run_group_tests(kind, files, file_count, NULL, NULL)
               : cmocka_run_group_tests_name(kind, both, NULL, NULL);
}
