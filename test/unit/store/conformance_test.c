/* What store.h promises, asked of both implementations with the same words. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include "error_codes.h"

static int use_memory;

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    if (use_memory)
        fixture->store = memory_store_open();
    else
        fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int
set_up_encrypted(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    fixture_make_key(fixture);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static int
count_open(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    (void)record;
    (void)body;
    (void)answer;
    ++*(unsigned *)arg;
    return 0;
}

static unsigned
open_now(struct fixture *fixture)
{
    unsigned count = 0;
    uint64_t quarantined = 99;
    struct fep_error error = {0};
    assert_int_equal(store_recover(fixture->store, count_open, &count, &quarantined, &error), 0);
    assert_int_equal(quarantined, 0);
    return count;
}

static void
an_insert_is_committed_and_found_with_every_member(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 1, ROLE_DESTINATION);
    /* every member gets a value of its own, so that a column that is left out or swapped is seen */
    strcpy(record.header.original_msgid, "H45010000001202611221000000001");
    strcpy(record.header.original_infno, "2207");
    record.tombstone = 1;
    record.state = STATE_REVERSING;
    record.local = (struct local_attempt){970000000017u, 20261122, 20261123, 4, "20261122-0007"};
    record.cancel = (struct local_attempt){970000000018u, 20261124, 20261125, 5, "20261122-0008"};
    record.kind = FEP_UNKNOWN;
    record.effect = FEP_EFFECT_POSTED;
    record.refusal_class = FEP_REPEATABLE;
    record.reason = FEP_REASON_HOST_LOST;
    record.code = 65001;
    strcpy(record.text, "\xe7\xbb\x93\xe6\x9e\x9c\xe4\xb8\x8d\xe6\x98\x8e");
    strcpy(record.index.visit_id, "V1");
    strcpy(record.index.settlement_id, "S1");
    strcpy(record.index.med_type, "21");
    strcpy(record.index.insutype, "310");
    record.index.total_fen = 1400000;
    record.index.fund_fen = -980000;
    record.index.account_fen = 9007199254740993;
    record.index.cash_fen = 420000;
    record.index.effect = 1;
    record.index.accounting_day = 20261121;
    record.index.has_money = 2;
    record.reversal_cause = REVERSAL_SCHEDULE;
    record.reversal_attempt = 3;
    record.reversal_relayed = 1;
    record.cure = CURE_WAIT_OTHER;
    record.outcome_relayed = 1;
    record.times = (struct exchange_times){11, 12, 13, 14, 15};
    uint64_t sequence = fixture_submit(f, STORE_INSERT, &record, fixture_body("body", 1, 3000),
                                       fixture_body("answer", 1, 9000));
    fixture_wait(f, STORE_COMMITTED);
    assert_int_equal(f->last.sequence, sequence);
    assert_int_equal(store_pending(f->store), 0);
    assert_true(fixture_find(f, &record));
    assert_memory_equal(&f->last.record, &record, sizeof record);
    assert_int_equal(f->last.body.size, 3000);
    assert_int_equal(f->last.answer.size, 9000);
    fixture_assert_body(f->last.body, "body", 1);
    fixture_assert_body(f->last.answer, "answer", 1);
    fixture_release_last(f);
}

static void
an_unknown_key_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 1, ROLE_ORIGIN);
    assert_false(fixture_find(f, &record));
    fixture_insert(f, &record, SLICE_NONE);
    record.role = ROLE_DESTINATION; /* the same message, another record (rule 1) */
    assert_false(fixture_find(f, &record));
}

static void
a_find_sees_what_was_submitted_before_it(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 1, ROLE_ORIGIN);
    fixture_insert(f, &record, SLICE_NONE);
    assert_true(fixture_find(f, &record));
}

static void
an_update_changes_the_state_and_keeps_the_body(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 2, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 2, 100));
    record.state = STATE_ANSWERED;
    strcpy(record.target, "450900000001");
    fixture_update(f, &record, fixture_body("answer", 2, 100));
    record.outcome_relayed = 1;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_true(fixture_find(f, &record));
    assert_memory_equal(&f->last.record, &record, sizeof record);
    fixture_assert_body(f->last.body, "body", 2);
    fixture_assert_body(f->last.answer, "answer", 2);
    fixture_release_last(f);
    fixture_update(f, &record, fixture_body("other", 2, 100));
    assert_true(fixture_find(f, &record));
    fixture_assert_body(f->last.answer, "other", 2);
    fixture_release_last(f);
}

static void
an_update_of_what_was_never_stored_is_refused(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 3, ROLE_ORIGIN);
    uint64_t sequence = fixture_update(f, &record, SLICE_NONE);
    fixture_wait(f, STORE_REFUSED);
    assert_int_equal(f->last.sequence, sequence);
    assert_int_equal(f->last.error.code, FEP_E_NOTHING_KNOWN);
    fixture_settle(f);
}

static void
a_key_that_is_open_conflicts_and_nothing_changes(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record, other;
    fixture_record(&record, 4, ROLE_ORIGIN);
    fixture_record(&other, 4, ROLE_ORIGIN);
    other.header.day = FIXTURE_DAY + 1; /* a repeat after midnight claims another day */
    other.digest[0] ^= 1;
    fixture_insert(f, &record, fixture_body("body", 4, 0));
    uint64_t sequence = fixture_insert(f, &other, fixture_body("other", 4, 0));
    fixture_wait(f, STORE_CONFLICT);
    assert_int_equal(f->last.sequence, sequence);
    assert_memory_equal(&f->last.record, &record, sizeof record);
    fixture_assert_body(f->last.body, "body", 4);
    fixture_release_last(f);
    fixture_settle(f);
    assert_int_equal(open_now(f), 1);
}

static void
a_key_that_is_closed_conflicts(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 5, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 5, 0));
    record.state = STATE_ANSWERED;
    fixture_update(f, &record, fixture_body("answer", 5, 0));
    fixture_close_exchange(f, &record);
    uint64_t sequence = fixture_insert(f, &record, fixture_body("again", 5, 0));
    fixture_wait(f, STORE_CONFLICT);
    assert_int_equal(f->last.sequence, sequence);
    assert_int_equal(f->last.record.state, STATE_ANSWERED);
    fixture_assert_body(f->last.answer, "answer", 5);
    fixture_release_last(f);
    fixture_settle(f);
    assert_int_equal(open_now(f), 0);
}

static void
the_same_key_in_another_role_is_another_record(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 6, ROLE_ORIGIN);
    fixture_insert(f, &record, SLICE_NONE);
    record.role = ROLE_DESTINATION;
    fixture_insert(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_int_equal(open_now(f), 2);
}

/* A copy that routes would now take another way must find what its first coming left. */
static void
transit_and_destination_are_one_key(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 7, ROLE_DESTINATION);
    fixture_insert(f, &record, SLICE_NONE);
    record.role = ROLE_TRANSIT;
    uint64_t sequence = fixture_insert(f, &record, SLICE_NONE);
    fixture_wait(f, STORE_CONFLICT);
    assert_int_equal(f->last.sequence, sequence);
    assert_int_equal(f->last.record.role, ROLE_DESTINATION);
    fixture_release_last(f);
    fixture_settle(f);
    assert_int_equal(open_now(f), 1);
}

static void
a_closed_one_is_not_recovered_and_an_update_opens_it_again(void **state)
{
    struct fixture *f = *state;
    struct exchange_record record;
    fixture_record(&record, 7, ROLE_ORIGIN);
    fixture_insert(f, &record, fixture_body("body", 7, 0));
    fixture_close_exchange(f, &record);
    fixture_close_exchange(f, &record); /* twice is once */
    fixture_settle(f);
    assert_int_equal(open_now(f), 0);
    record.state = STATE_REVERSING;
    fixture_update(f, &record, SLICE_NONE);
    fixture_settle(f);
    assert_int_equal(open_now(f), 1);
}

static void
refused_and_conflicting_writes_leave_the_others_of_a_batch_alone(void **state)
{
    struct fixture *f = *state;
    struct store_write writes[4] = {0};
    for (unsigned i = 0; i < 4; i++) {
        writes[i].type = STORE_INSERT;
        writes[i].sequence = ++f->sequence;
        unsigned n = i == 2 ? 8 : 8 + i; /* the third repeats the first */
        fixture_record(&writes[i].record, n, ROLE_ORIGIN);
        writes[i].body = fixture_body("body", n, 0);
    }
    writes[3].type = STORE_UPDATE; /* of nothing */
    assert_int_equal(store_submit(f->store, writes, 4), 0);
    unsigned counts[8];
    fixture_count(f, counts);
    assert_int_equal(counts[STORE_CONFLICT], 1);
    assert_int_equal(counts[STORE_REFUSED], 1);
    assert_int_equal(open_now(f), 2);
}

static int
note_order(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    unsigned *last = arg, n = (unsigned)(record->times.accepted - 1795313702000);
    assert_int_equal(n, *last + 1);
    fixture_assert_body(body, "body", n);
    assert_int_equal(answer.size, 0);
    *last = n;
    return n == 20 ? -1 : 0;
}

static void
recovery_hands_over_the_oldest_first_and_can_be_broken_off(void **state)
{
    struct fixture *f = *state;
    unsigned last = 0;
    uint64_t quarantined;
    struct fep_error error = {0};
    for (unsigned i = 1; i <= 30; i++) {
        struct exchange_record record;
        fixture_record(&record, i, ROLE_ORIGIN);
        fixture_insert(f, &record, fixture_body("body", i, 0));
    }
    fixture_settle(f);
    assert_int_equal(store_recover(f->store, note_order, &last, &quarantined, &error), -1);
    assert_int_equal(last, 20);
    assert_int_equal(error.code, FEP_E_INTERNAL);
}

static void
a_visit_is_found_by_the_exchange_that_opened_it(void **state)
{
    struct fixture *f = *state;
    struct exchange_record opener, later;
    fixture_record(&opener, 1, ROLE_ORIGIN);
    fixture_record(&later, 2, ROLE_ORIGIN);
    fixture_insert(f, &opener, fixture_body("body", 1, 0));
    fixture_insert(f, &later, fixture_body("body", 2, 0));
    strcpy(opener.index.visit_id, "V450900202611220001");
    strcpy(later.index.visit_id, opener.index.visit_id);
    opener.state = later.state = STATE_ANSWERED;
    fixture_update(f, &opener, fixture_body("answer", 1, 0));
    fixture_update(f, &later, fixture_body("answer", 2, 0));
    assert_int_equal(store_find_visit(f->store, "450900", opener.index.visit_id, 71), 0);
    fixture_wait(f, STORE_FOUND);
    assert_int_equal(f->last.reference, 71);
    assert_true(f->last.found);
    assert_string_equal(f->last.record.header.key.msgid, opener.header.key.msgid);
    fixture_assert_body(f->last.answer, "answer", 1);
    fixture_release_last(f);
    assert_int_equal(store_find_visit(f->store, "450100", opener.index.visit_id, 72),
                     0); /* of another area */
    fixture_wait(f, STORE_FOUND);
    assert_false(f->last.found);
}

static void
peer_marks_and_serials_are_kept(void **state)
{
    struct fixture *f = *state;
    struct store_peer_mark mark = {"450900000001", 77, 12345}, read = {0};
    struct store_identity identity;
    struct fep_error error = {0};
    assert_int_equal(store_read_peer_mark(f->store, mark.name, &read), 0);
    assert_int_equal(store_write_peer_mark(f->store, &mark, &error), 0);
    mark.commit_sequence++;
    assert_int_equal(store_write_peer_mark(f->store, &mark, &error), 0);
    assert_int_equal(store_read_peer_mark(f->store, mark.name, &read), 1);
    assert_int_equal(read.incarnation, 77);
    assert_int_equal(read.commit_sequence, 12346);
    store_read_identity(f->store, &identity);
    assert_int_equal(identity.serial_counter, 1);
    assert_int_equal(identity.boot_count, 1);
    assert_true(identity.incarnation > 0);
    uint64_t sequence = identity.commit_sequence;
    struct store_write write = {.type = STORE_SERIALS, .sequence = ++f->sequence, .number = 4000};
    assert_int_equal(store_submit(f->store, &write, 1), 0);
    fixture_settle(f);
    store_read_identity(f->store, &identity);
    assert_int_equal(identity.serial_counter, 4000);
    assert_true(identity.commit_sequence > sequence);
}

static void
many_writes_are_reported_in_order(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 3000 };
    uint64_t last = 0;
    for (unsigned i = 0; i < MANY; i++) {
        struct exchange_record record;
        fixture_record(&record, i, ROLE_ORIGIN);
        struct slice body = fixture_body("body", i, 700);
        assert_int_equal(message_digest(&record.header, &body, record.digest), 0);
        fixture_insert(f, &record, body);
    }
    while (store_pending(f->store) > 0) {
        fixture_wait(f, STORE_COMMITTED);
        assert_true(f->last.sequence > last);
        last = f->last.sequence;
    }
    assert_int_equal(last, MANY);
    assert_int_equal(open_now(f), MANY);
}

#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, name, set_up, tear_down, NULL                                                                 \
    }
#define ENCRYPTED(name)                                                                                      \
    {                                                                                                        \
#name " (encrypted)", name, set_up_encrypted, tear_down, NULL                                        \
    }

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(an_insert_is_committed_and_found_with_every_member),
        CASE(an_unknown_key_is_not_found),
        CASE(a_find_sees_what_was_submitted_before_it),
        CASE(an_update_changes_the_state_and_keeps_the_body),
        CASE(an_update_of_what_was_never_stored_is_refused),
        CASE(a_key_that_is_open_conflicts_and_nothing_changes),
        CASE(a_key_that_is_closed_conflicts),
        CASE(the_same_key_in_another_role_is_another_record),
        CASE(transit_and_destination_are_one_key),
        CASE(a_closed_one_is_not_recovered_and_an_update_opens_it_again),
        CASE(refused_and_conflicting_writes_leave_the_others_of_a_batch_alone),
        CASE(recovery_hands_over_the_oldest_first_and_can_be_broken_off),
        CASE(a_visit_is_found_by_the_exchange_that_opened_it),
        CASE(peer_marks_and_serials_are_kept),
        CASE(many_writes_are_reported_in_order),
    };
    const struct CMUnitTest encrypted[] = {
        ENCRYPTED(an_insert_is_committed_and_found_with_every_member),
        ENCRYPTED(an_update_changes_the_state_and_keeps_the_body),
        ENCRYPTED(a_key_that_is_open_conflicts_and_nothing_changes),
        ENCRYPTED(a_key_that_is_closed_conflicts),
        ENCRYPTED(recovery_hands_over_the_oldest_first_and_can_be_broken_off),
        ENCRYPTED(many_writes_are_reported_in_order),
    };
    use_memory = argc > 1 && strcmp(argv[1], "memory") == 0;
    if (argc > 1 && strcmp(argv[1], "encrypted") == 0)
        return cmocka_run_group_tests_name("sqlite, encrypted", encrypted, NULL, NULL);
    return cmocka_run_group_tests_name(use_memory ? "memory" : "sqlite", tests, NULL, NULL);
}
