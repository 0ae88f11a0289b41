/* Damaged rows of queue.db: put aside as they are when the store is opened; what is certain goes on, what is
 * not is open and never runs again, and everything else is served. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include "error_codes.h"

#define COUNT(f, where) fixture_number(f, "queue.db", "SELECT count(*) FROM quarantined WHERE " where)

/* Exchanges 0..count-1, inserted in this role and state; the store is closed afterwards. */
static void
make(struct fixture *f, struct exchange_record *records, unsigned count, enum exchange_role role,
     enum exchange_state state)
{
    fixture_open(f);
    for (unsigned i = 0; i < count; i++) {
        fixture_record(&records[i], i, role);
        records[i].state = (uint8_t)state;
        if (role == ROLE_DESTINATION) {
            memset(records[i].target, 0, sizeof records[i].target);
            strcpy(records[i].target, "dajizhong");
            records[i].local = (struct local_attempt){7000 + i, FIXTURE_DAY, FIXTURE_DAY, 1, "1"};
        }
        records[i].index.total_fen = 1400000;
        records[i].index.has_money = 1;
        fixture_insert(f, &records[i], fixture_body("body", i, 0));
    }
    fixture_settle(f);
    fixture_close(f);
}

static void
damage(struct fixture *f, const char *sql)
{
    fixture_run(f, "queue.db", sql);
    fixture_open(f);
}

static void
expect_open(struct fixture *f, unsigned count)
{
    uint64_t quarantined;
    assert_int_equal(fixture_recover(f, &quarantined), count);
    assert_int_equal(quarantined, 0); /* that is done before */
}

static void
expect(struct fixture *f, const struct exchange_record *record, enum exchange_state state, const char *target,
       uint64_t serial)
{
    assert_true(fixture_find(f, record));
    assert_int_equal(f->last.record.state, state);
    assert_string_equal(f->last.record.target, target);
    assert_int_equal(f->last.record.local.serial, serial);
    fixture_release_last(f);
}

static void
expect_conflict(struct fixture *f, const struct exchange_record *record)
{
    fixture_insert(f, record, fixture_body("body", 0, 0));
    fixture_wait(f, STORE_CONFLICT);
    fixture_release_last(f);
    fixture_settle(f);
}

/* The others are served as if nothing had been; a new one is taken. */
static void
expect_the_rest(struct fixture *f, const struct exchange_record *rest)
{
    struct exchange_record fresh;
    assert_true(fixture_find(f, rest));
    assert_memory_equal(&f->last.record, rest, sizeof *rest);
    assert_true(f->last.body.size > 0);
    fixture_release_last(f);
    fixture_record(&fresh, 900, ROLE_ORIGIN);
    fixture_insert(f, &fresh, fixture_body("body", 900, 0));
    fixture_settle(f);
}

static void
damaged_amounts_are_not_known_and_the_exchange_goes_on(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(f, "UPDATE exchange SET total_fen=total_fen+1 WHERE id=1");
    expect_open(f, 2);
    assert_true(fixture_find(f, &records[0]));
    assert_int_equal(f->last.record.index.has_money, 0);
    assert_int_equal(f->last.record.index.total_fen, 0);
    fixture_assert_body(f->last.body, "body", 0);
    fixture_release_last(f);
    expect(f, &records[0], STATE_DISPATCHED, "dajizhong", 7000); /* what decisions rest on is certain */
    expect_the_rest(f, &records[1]);
    assert_int_equal(COUNT(f,
                           "msgid='H45010000001202611221015020000' AND content LIKE '%total_fen=1400001,%' "
                           "AND key_check IS NULL AND day=20261122"),
                     1);
    fixture_close(f);
    fixture_open(f); /* once, not at each start */
    assert_int_equal(COUNT(f, "1"), 1);
}

/* A serial that is perhaps another one's must not be asked for, and not be undone. */
static void
a_damaged_course_leaves_it_unknown_for_people(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(f, "UPDATE exchange SET local_serial=7001 WHERE id=1");
    expect_open(f, 2);
    expect(f, &records[0], STATE_UNKNOWN, "", 0);
    expect_conflict(f, &records[0]);
    expect_the_rest(f, &records[1]);
    records[0].state = STATE_REVERSED; /* two people have settled it */
    fixture_update(f, &records[0], SLICE_NONE);
    fixture_close_exchange(f, &records[0]);
    fixture_settle(f);
    fixture_wait_moved(f);
    expect(f, &records[0], STATE_REVERSED, "dajizhong", 7000);
}

static void
elsewhere_it_stays_open_and_nothing_is_sent(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_ORIGIN, STATE_SENT);
    damage(f, "UPDATE exchange SET target='450900000001' WHERE id=1");
    expect_open(f, 2);
    expect(f, &records[0], STATE_REVERSING, "", 0);
    expect_conflict(f, &records[0]);
    expect_the_rest(f, &records[1]);
}

static void
a_damaged_key_is_known_by_its_check(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(f, "UPDATE exchange SET msgid='H45010000001202611221015027777' WHERE id=1");
    expect_open(f, 2);
    assert_false(fixture_find(f, &records[0]));
    assert_int_equal(COUNT(f, "key_check IS NOT NULL"), 1);
    expect_conflict(f, &records[0]); /* it never runs again */
    expect(f, &records[0], STATE_UNKNOWN, "", 0);
    assert_int_equal(COUNT(f, "key_check IS NULL AND msgid='H45010000001202611221015020000'"), 1);
    expect_the_rest(f, &records[1]);
    fixture_close(f);
    fixture_open(f);
    expect_open(f, 4); /* both, the one under the wrong name, the new one */
    expect_conflict(f, &records[0]);
}

static void
an_altered_check_changes_nothing_but_the_description(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(
        f,
        "UPDATE exchange SET digest=CAST(substr(digest,1,33)||x'00'||substr(digest,35) AS BLOB) WHERE id=1");
    expect_open(f, 2);
    expect(f, &records[0], STATE_DISPATCHED, "dajizhong", 7000);
    expect_the_rest(f, &records[1]);
}

/* Which update cancelled a settlement: "none" would let a cancel of our own count that never was. */
static void
a_search_for_a_settlement_does_not_pass_over_it(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_ANSWERED);
    fixture_open(f);
    assert_int_equal(store_find_settlement(f->store, ROLE_DESTINATION, "2208", "S1", 1), 0);
    fixture_wait(f, STORE_FOUND);
    assert_int_equal(f->last.error.code, 0);
    fixture_close(f);
    damage(f, "UPDATE exchange SET state=8 WHERE id=1");
    assert_int_equal(store_find_settlement(f->store, ROLE_DESTINATION, "2208", "S1", 2), 0);
    fixture_wait(f, STORE_FOUND);
    assert_false(f->last.found);
    assert_int_equal(f->last.error.code, FEP_E_STORE_BODY);
}

/* What was closed had been told; its key and ending are what a repeat needs. */
static void
a_closed_one_keeps_its_key_and_ending(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_ANSWERED);
    damage(f, "INSERT INTO closed(number,exchange) VALUES(1,1); UPDATE exchange SET total_fen=5 WHERE id=1");
    expect_open(f, 1);
    fixture_insert(f, &records[0], fixture_body("body", 0, 0));
    fixture_wait(f, STORE_CONFLICT);
    assert_int_equal(f->last.record.state, STATE_ANSWERED);
    assert_non_null(strstr(f->last.record.text, "no longer held"));
    fixture_release_last(f);
    fixture_settle(f);
    assert_int_equal(COUNT(f, "length(body)>0"), 1);
    expect_the_rest(f, &records[1]);
}

static void
a_body_that_does_not_pass_its_check_is_never_handed_out(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[3];
    fixture_make_key(f);
    make(f, records, 3, ROLE_ORIGIN, STATE_SENT);
    damage(f, "UPDATE body SET data=CAST(substr(data,1,20)||x'00'||substr(data,22) AS BLOB) WHERE id=1");
    expect_open(f, 3);
    assert_true(fixture_find(f, &records[0]));
    assert_int_equal(f->last.body.size, 0);
    assert_memory_equal(&f->last.record, &records[0], sizeof records[0]); /* the row is as it was */
    fixture_release_last(f);
    fixture_close(f);
    /* two bodies exchanged, each of them authentic for the other */
    damage(f, "UPDATE body SET id=id+10; UPDATE body SET id=5-(id-10)");
    expect_open(f, 3);
    assert_int_equal(COUNT(f, "length(body)>0"), 3);
}

/* The local system would be asked about it with half of what it was sent. */
static void
without_its_body_one_that_was_dispatched_is_for_people(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(f, "UPDATE body SET data=CAST('body 2 ' AS BLOB) WHERE id=1");
    expect_open(f, 2);
    expect(f, &records[0], STATE_UNKNOWN, "", 0);
    expect_the_rest(f, &records[1]);
}

/* It would leave the queue although it is open, and nobody would resolve it. */
static void
a_damaged_note_of_closing_closes_no_other(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_ANSWERED);
    damage(f, "INSERT INTO closed(number,exchange,seal) VALUES(1,1,4711)");
    expect_open(f, 2);
    assert_int_equal(COUNT(f, "source='closed'"), 1);
    expect_the_rest(f, &records[0]);
}

static void
a_reference_to_no_body_is_damage(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    make(f, records, 2, ROLE_DESTINATION, STATE_DISPATCHED);
    damage(f, "UPDATE exchange SET body_id=4711 WHERE id=1");
    expect_open(f, 2);
    expect(f, &records[0], STATE_UNKNOWN, "", 0);
    expect_the_rest(f, &records[1]);
}

/* --- key tables */

static void
move(struct fixture *f, struct exchange_record *records, unsigned count)
{
    fixture_open(f);
    for (unsigned i = 0; i < count; i++)
        fixture_live_and_close(f, i, &records[i]);
    fixture_settle(f);
    fixture_wait_moved(f);
    fixture_close(f);
}

static void
a_damaged_ending_comes_back_from_the_journal_day(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    move(f, records, 2);
    damage(f, "UPDATE keys_20261122 SET state=8 WHERE stamp LIKE '%0000'");
    assert_true(fixture_find(f, &records[0]));
    assert_int_equal(f->last.record.state, STATE_ANSWERED);
    fixture_assert_body(f->last.body, "body", 0);
    fixture_release_last(f);
    assert_int_equal(COUNT(f, "source='keys_20261122' AND became LIKE 'restored%' AND key_check IS NULL"), 1);
    expect_open(f, 0);
    expect_conflict(f, &records[0]);
    expect_conflict(f, &records[1]);
}

static void
a_damaged_key_comes_back_from_the_journal_day(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[3];
    move(f, records, 3);
    damage(f, "UPDATE keys_20261122 SET stamp='20261122101502A000' WHERE stamp LIKE '%0001'");
    for (unsigned i = 0; i < 3; i++)
        expect_conflict(f, &records[i]);
    expect_open(f, 0);
}

static void
without_the_journal_day_a_damaged_key_never_runs_again(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[3];
    char path[FIXTURE_PATH];
    move(f, records, 3);
    fixture_path(f, "journal/20261122.db", path);
    assert_int_equal(remove(path), 0);
    damage(f, "UPDATE keys_20261122 SET stamp='20261122101502A000' WHERE stamp LIKE '%0001'; "
              "UPDATE keys_20261122 SET state=8 WHERE stamp LIKE '%0002'");
    for (unsigned i = 0; i < 3; i++)
        expect_conflict(f, &records[i]);
    expect(f, &records[0], STATE_ANSWERED, "", 0);
    expect(f, &records[1], STATE_REVERSING, "", 0);
    expect(f, &records[2], STATE_REVERSING, "", 0);
}

/* --- the rest */

static void
a_damaged_prompt_or_mark_is_not_served(void **state)
{
    struct fixture *f = *state;
    struct store_prompt prompt = {.line = 1, .fee_fen = 12345, .msgid = "M1", .instance = "450900"};
    struct store_peer_mark mark = {"450900000001", 5, 6}, found = {0};
    struct fep_error error = {0};
    fixture_open(f);
    for (; prompt.line <= 2; prompt.line++) {
        assert_int_equal(store_put_prompt(f->store, &prompt, 1), 0);
        fixture_wait(f, STORE_PROMPT);
    }
    assert_int_equal(store_write_peer_mark(f->store, &mark, &error), 0);
    strcpy(mark.name, "450100000001");
    assert_int_equal(store_write_peer_mark(f->store, &mark, &error), 0);
    fixture_close(f);
    damage(f, "UPDATE prompt SET fee_fen=1 WHERE line=1; "
              "UPDATE peer_mark SET commit_sequence=4 WHERE name='450900000001'");
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), 1);
    assert_int_equal(store_read_peer_mark(f->store, "450900000001", &found), 0);
    assert_int_equal(store_read_peer_mark(f->store, "450100000001", &found), 1);
    assert_int_equal(COUNT(f, "source='prompt' AND msgid='M1'") + COUNT(f, "source='peer_mark'"), 2);
}

struct listed {
    char text[1024];
};

static int
list_one(void *arg, const struct store_quarantined *one)
{
    struct listed *listed = arg;
    size_t at = strlen(listed->text);
    snprintf(listed->text + at, sizeof listed->text - at, "%s %s %u %u|", one->source, one->msgid,
             (unsigned)one->role, (unsigned)one->day);
    return 0;
}

static void
what_is_in_quarantine_is_listed_rows_and_days(void **state)
{
    struct fixture *f = *state;
    struct exchange_record records[2];
    struct listed listed = {0};
    struct fep_error error = {0};
    char path[FIXTURE_PATH];
    move(f, records, 1);
    fixture_path(f, "journal/20261122.db", path);
    for (long i = 0; i < 64; i++)
        fixture_flip_byte(path, 16384 + i);
    fixture_open(f);
    fixture_record(&records[1], 1, ROLE_DESTINATION);
    fixture_insert(f, &records[1], fixture_body("body", 1, 0));
    fixture_settle(f);
    fixture_close(f);
    damage(f, "UPDATE exchange SET cash_fen=5");
    assert_int_equal(store_read_quarantine(f->directory, list_one, &listed, &error), 0);
    assert_string_equal(listed.text, "exchange H45010000001202611221015020001 3 20261122|"
                                     "journal 20261122 H45010000001202611221015020000 1 20261122|");
}

static void
a_serial_counter_that_went_back_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store_write serials = {.type = STORE_SERIALS, .sequence = 1, .number = 5000};
    fixture_open(f);
    assert_int_equal(store_submit(f->store, &serials, 1), 0);
    fixture_settle(f);
    fixture_close(f);
    fixture_run(f, "queue.db", "UPDATE meta SET number=4000 WHERE name='serial_counter'");
    fixture_open_fails(f, FEP_E_STORE_DAMAGED, "table meta");
    fixture_run(f, "queue.db",
                "UPDATE meta SET number=5000,name='serial_cojnter' WHERE name='serial_counter'");
    fixture_open_fails(f, FEP_E_STORE_DAMAGED, "table meta");
    fixture_run(f, "queue.db", "DELETE FROM meta WHERE name='serial_cojnter'");
    fixture_open_fails(f, FEP_E_STORE_DAMAGED, "table meta");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(damaged_amounts_are_not_known_and_the_exchange_goes_on),
        FIXTURE_CASE(a_damaged_course_leaves_it_unknown_for_people),
        FIXTURE_CASE(elsewhere_it_stays_open_and_nothing_is_sent),
        FIXTURE_CASE(a_damaged_key_is_known_by_its_check),
        FIXTURE_CASE(an_altered_check_changes_nothing_but_the_description),
        FIXTURE_CASE(a_search_for_a_settlement_does_not_pass_over_it),
        FIXTURE_CASE(a_closed_one_keeps_its_key_and_ending),
        FIXTURE_CASE(a_body_that_does_not_pass_its_check_is_never_handed_out),
        FIXTURE_CASE(without_its_body_one_that_was_dispatched_is_for_people),
        FIXTURE_CASE(a_damaged_note_of_closing_closes_no_other),
        FIXTURE_CASE(a_reference_to_no_body_is_damage),
        FIXTURE_CASE(a_damaged_ending_comes_back_from_the_journal_day),
        FIXTURE_CASE(a_damaged_key_comes_back_from_the_journal_day),
        FIXTURE_CASE(without_the_journal_day_a_damaged_key_never_runs_again),
        FIXTURE_CASE(a_damaged_prompt_or_mark_is_not_served),
        FIXTURE_CASE(what_is_in_quarantine_is_listed_rows_and_days),
        FIXTURE_CASE(a_serial_counter_that_went_back_is_refused),
    };
    return cmocka_run_group_tests_name("store quarantine", tests, NULL, NULL);
}
