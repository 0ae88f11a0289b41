/* Rule 13, the ladder, and the schedules of inquiry, reversal and repetition at the gateway beside the local
 * system. */
#include "rig.h"

enum { BOTH = FEP_INQUIRES | FEP_REVERSES };

static uint64_t
dispatch(struct rig *rig, const char *msgid)
{
    rig_update(rig, (struct rig_message){.from = "P", .msgid = msgid});
    uint64_t call = rig_expect(rig, CMD_SUBMIT)->reference;
    rig_forget(rig);
    return call;
}

/* The next call within `ms`, which must be of this operation; returns how long it took. */
static int64_t
next_call(struct rig *rig, uint8_t operation, int64_t ms, uint64_t *call)
{
    int64_t start = rig->now_ms;
    while (rig_count(rig, CMD_SUBMIT) == 0 && rig->now_ms < start + ms) {
        int64_t due = core_next_due(rig->core);
        rig_advance(rig, due < start + ms ? due - rig->now_ms : start + ms - rig->now_ms);
    }
    const struct core_command *submit = rig_expect(rig, CMD_SUBMIT);
    assert_int_equal(submit->operation, operation);
    *call = submit->reference;
    return rig->now_ms - start;
}

static void
finding(struct rig *rig, uint64_t call, enum fep_finding found)
{
    rig_done(rig, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .finding = (uint8_t)found});
}

static void
declined(struct rig *rig, uint64_t call)
{
    rig_done(rig, (struct rig_done){
                      .call = call, .kind = FEP_REFUSED, .code = 2503, .finding = FEP_FOUND_STAYS_POSTED});
}

/* A settlement that was answered and is to be undone. */
static void
answered_and_reversed(struct rig *rig, const char *msgid, const char *settlement)
{
    uint64_t call = dispatch(rig, msgid);
    rig_done(
        rig,
        (struct rig_done){
            .call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .settlement = settlement});
    rig_reversal(rig, (struct rig_message){.from = "P", .msgid = msgid});
    assert_int_equal(rig_disk(rig, msgid, ROLE_DESTINATION), STATE_REVERSING);
}

static void
inquiry_schedule(void **state)
{
    (void)state;
    static const int64_t pauses[] = {5000, 10000, 30000, 75000};
    struct rig b;
    rig_destination(&b, BOTH);
    uint64_t call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(next_call(&b, CORE_OP_INQUIRE, 200000, &call), pauses[i]);
        finding(&b, call, FEP_FOUND_NOTHING);
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), i < 3 ? STATE_UNKNOWN : STATE_REVERSING);
    }
    assert_int_equal(next_call(&b, CORE_OP_REVERSE, 1, &call), 0); /* to make it final */
    finding(&b, call, FEP_FOUND_NEVER_ARRIVED);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_REVERSED);
    assert_int_equal(outcome->outcome.finding, FEP_FOUND_NEVER_ARRIVED);
    rig_finish(&b);
}

static void
inquiry_findings(void **state)
{
    (void)state;
    static const struct {
        enum fep_finding found;
        enum exchange_state ends;
    } cases[] = {{FEP_FOUND_POSTED, STATE_ANSWERED},
                 {FEP_FOUND_REFUSED, STATE_REFUSED},
                 {FEP_FOUND_REVERSED, STATE_REVERSED},
                 {FEP_FOUND_CANCELLED, STATE_REVERSED},
                 {FEP_FOUND_NEVER_ARRIVED, STATE_REVERSED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig b;
        rig_destination(&b, BOTH);
        uint64_t call = dispatch(&b, "m1");
        rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
        next_call(&b, CORE_OP_INQUIRE, 5000, &call);
        rig_done(&b, (struct rig_done){.call = call,
                                       .kind = FEP_ANSWERED,
                                       .finding = (uint8_t)cases[i].found,
                                       .body = cases[i].found == FEP_FOUND_POSTED ? "answer" : NULL});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), cases[i].ends);
        rig_finish(&b);
    }
}

/* The local system's accounting day is what totals and reports go by: kept from the answer, and from an
 * inquiry that found it posted. */
static void
the_accounting_day_is_kept(void **state)
{
    (void)state;
    for (int inquired = 0; inquired < 2; inquired++) {
        struct rig b;
        rig_destination(&b, BOTH);
        uint64_t call = dispatch(&b, "m1");
        if (inquired) {
            rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
            next_call(&b, CORE_OP_INQUIRE, 5000, &call);
        }
        rig_done(&b, (struct rig_done){.call = call,
                                       .kind = FEP_ANSWERED,
                                       .effect = FEP_EFFECT_POSTED,
                                       .finding = inquired ? FEP_FOUND_POSTED : 0,
                                       .accounting_date = 20261130,
                                       .body = "answer"});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
        assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.accounting_date, 20261130);
        rig_finish(&b);
    }
}

static void
in_progress_has_a_bound(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    uint64_t call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    for (int i = 0; i < 4; i++) {
        next_call(&b, CORE_OP_INQUIRE, 200000, &call);
        finding(&b, call, FEP_FOUND_IN_PROGRESS);
    }
    for (int i = 0; i < 13; i++) {
        assert_int_equal(next_call(&b, CORE_OP_INQUIRE, 100000, &call), 60000);
        assert_int_equal(rig_count(&b, CMD_ALARM), 0);
        finding(&b, call, FEP_FOUND_IN_PROGRESS);
    }
    assert_int_equal(rig_expect(&b, CMD_ALARM)->code, FEP_E_RESOLVE_LONG);
    assert_int_equal(next_call(&b, CORE_OP_INQUIRE, 400000, &call), 300000);
    finding(&b, call, FEP_FOUND_IN_PROGRESS);
    assert_int_equal(rig_count(&b, CMD_ALARM), 0); /* once */
    rig_finish(&b);
}

static void
reversal_schedule_without_inquiry(void **state)
{
    (void)state;
    static const int64_t pauses[] = {3000, 7000, 20000, 30000, 60000, 300000, 300000};
    struct rig b;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        assert_int_equal(next_call(&b, CORE_OP_REVERSE, 400000, &call), pauses[i]);
        finding(&b, call, FEP_FOUND_IN_PROGRESS);
    }
    next_call(&b, CORE_OP_REVERSE, 400000, &call);
    finding(&b, call, FEP_FOUND_REVERSED);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

static void
class_r_is_submitted_again(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 200000});
    const struct core_command *submit = rig_expect(&b, CMD_SUBMIT);
    uint64_t call = submit->reference, serial = submit->local.serial;
    for (int64_t pause = 1000; pause <= 8000; pause *= 2) {
        rig_done(&b, (struct rig_done){
                         .call = call, .kind = FEP_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001});
        int64_t took = next_call(&b, CORE_OP_SUBMIT, 10000, &call);
        assert_in_range(took, pause, pause + 250);
    }
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001});
    rig_advance(&b, 1);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED); /* five sendings */
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.local.serial, serial);
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.refusal_class, FEP_REPEATABLE);
    assert_int_equal(outcome->outcome.code, 9001);
    rig_finish(&b);
    /* and only while the time allows another call */
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 64500});
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_NOT_SENT, .reason = FEP_REASON_LINK_DOWN});
    next_call(&b, CORE_OP_SUBMIT, 2000, &call);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_NOT_SENT, .reason = FEP_REASON_LINK_DOWN});
    rig_advance(&b, 3000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_finish(&b);
}

static void
dispatched_waits_for_its_outcome(void **state)
{
    (void)state;
    static const struct {
        struct rig_done done;
        enum exchange_state then;
    } cases[] = {{{.kind = FEP_ANSWERED, .effect = 1, .body = "answer"}, STATE_REVERSING},
                 {{.kind = FEP_REFUSED, .code = 2301}, STATE_REVERSED},
                 {{.kind = FEP_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001}, STATE_REVERSED},
                 {{.kind = FEP_NOT_SENT}, STATE_REVERSED},
                 {{.kind = FEP_UNKNOWN}, STATE_REVERSING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig b;
        rig_destination(&b, BOTH);
        struct rig_done done = cases[i].done;
        done.call = dispatch(&b, "m1");
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
        rig_advance(&b, 30000);
        assert_int_equal(rig_count(&b, CMD_SUBMIT),
                         0); /* waits: dispatched → outcome or unknown, then undo */
        rig_done(&b, done);
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), cases[i].then);
        uint64_t call;
        if (cases[i].then == STATE_REVERSING)
            assert_int_equal(next_call(&b, CORE_OP_REVERSE, 5000, &call), i == 0 ? 0 : 3000);
        rig_finish(&b);
    }
}

static void
last_update_first(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, BOTH);
    call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    call = dispatch(&b, "m2");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m2"});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    const struct core_command *reverse = rig_expect(&b, CMD_SUBMIT);
    assert_string_equal(reverse->header.key.msgid, "m2");
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* m1's waits for m2's ending */
    finding(&b, reverse->reference, FEP_FOUND_REVERSED);
    assert_string_equal(rig_expect(&b, CMD_SUBMIT)->header.key.msgid, "m1");
    rig_finish(&b);
}

static void
cancel_where_the_reversal_is_declined(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, BOTH);
    answered_and_reversed(&b, "m1", "S1");
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    b.manual_commit = 1;
    declined(&b, call);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* the cancel has a record of its own, committed first */
    rig_commit(&b);
    const struct core_command *undo = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(undo->operation, CORE_OP_UNDO);
    assert_int_equal(undo->cancel.serial, rig_row(&b, "m1", ROLE_DESTINATION)->record.cancel.serial);
    assert_int_not_equal(undo->cancel.serial, undo->local.serial);
    assert_memory_equal(undo->answer.data, "answer", 6);
    b.manual_commit = 0;
    rig_done(&b, (struct rig_done){.call = undo->reference, .kind = FEP_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
    /* Refused for good: it stands. */
    rig_destination(&b, BOTH);
    answered_and_reversed(&b, "m1", "S1");
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    next_call(&b, CORE_OP_UNDO, 1, &call);
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001});
    uint64_t again;
    next_call(&b, CORE_OP_UNDO, 400000, &again); /* class R: the same cancel again */
    rig_done(&b, (struct rig_done){.call = again, .kind = FEP_REFUSED, .code = 2403});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_STANDS);
    assert_int_equal(rig_expect(&b, CMD_ALARM)->code, FEP_E_STANDS);
    rig_finish(&b);
    /* Nothing cancels a cancel of a registration: what is declined stands. */
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .infno = "2202"});
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1", .infno = "2202"});
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_STANDS);
    rig_finish(&b);
}

static void
cancel_needs_the_answer(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, BOTH);
    call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    next_call(&b, CORE_OP_INQUIRE, 1, &call);
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_ANSWERED, .finding = FEP_FOUND_POSTED, .body = "found"});
    const struct core_command *undo = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(undo->operation, CORE_OP_UNDO);
    assert_memory_equal(undo->answer.data, "found", 5);
    rig_finish(&b);
}

static void
crash_while_cancelling(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, BOTH);
    answered_and_reversed(&b, "m1", "S1");
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    next_call(&b, CORE_OP_UNDO, 1, &call);
    rig_crash(&b);
    rig_parties_up(&b, 0);
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | BOTH, NULL, 0);
    next_call(&b, CORE_OP_INQUIRE, 5000, &call); /* what became of it first; never a second cancel */
    finding(&b, call, FEP_FOUND_CANCELLED);
    rig_advance(&b, 1000); /* the store knows nobody else who cancelled it */
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
    /* The host that lived on still holds the cancel's call. */
    rig_destination(&b, BOTH);
    answered_and_reversed(&b, "m1", "S1");
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    next_call(&b, CORE_OP_UNDO, 1, &call);
    rig_crash(&b);
    rig_parties_up(&b, 0);
    rig_host_up(&b, "lb", 1, FEP_CALLS_OUT | BOTH, &call, 1);
    rig_advance(&b, 20000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* What waited for another's ending may have been waiting for its own cancel: the cancel's serial tells. */
static void
crash_while_waiting_for_another(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, BOTH);
    answered_and_reversed(&b, "m1", "S1");
    next_call(&b, CORE_OP_REVERSE, 1, &call);
    declined(&b, call);
    next_call(&b, CORE_OP_UNDO, 1, &call);
    b.rows[0].record.cure = CURE_WAIT_OTHER;
    rig_crash(&b);
    rig_parties_up(&b, 0);
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | BOTH, NULL, 0);
    next_call(&b, CORE_OP_REVERSE_UNDO, 5000, &call);
    declined(&b, call);
    rig_advance(&b, 200000); /* until no other sending of it can still arrive, and then asked again */
    declined(&b, rig_expect(&b, CMD_SUBMIT)->reference);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED); /* in force */
    rig_finish(&b);
}

static void
cure_goes_on_after_a_crash(void **state)
{
    (void)state;
    struct rig b;
    uint64_t call;
    rig_destination(&b, FEP_REVERSES);
    call = dispatch(&b, "m1");
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_crash(&b);
    rig_parties_up(&b, 0);
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | FEP_REVERSES, NULL, 0);
    next_call(&b, CORE_OP_REVERSE, 5000, &call);
    declined(&b, call); /* an older sending may still arrive: this does not count yet */
    int64_t took = next_call(&b, CORE_OP_REVERSE, 400000, &call);
    assert_true(took >= 120000);
    declined(&b, call);
    next_call(&b, CORE_OP_UNDO, 1, &call);
    rig_finish(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inquiry_schedule),
        cmocka_unit_test(inquiry_findings),
        cmocka_unit_test(the_accounting_day_is_kept),
        cmocka_unit_test(in_progress_has_a_bound),
        cmocka_unit_test(reversal_schedule_without_inquiry),
        cmocka_unit_test(class_r_is_submitted_again),
        cmocka_unit_test(dispatched_waits_for_its_outcome),
        cmocka_unit_test(last_update_first),
        cmocka_unit_test(cancel_where_the_reversal_is_declined),
        cmocka_unit_test(cancel_needs_the_answer),
        cmocka_unit_test(crash_while_cancelling),
        cmocka_unit_test(crash_while_waiting_for_another),
        cmocka_unit_test(cure_goes_on_after_a_crash),
    };
    return cmocka_run_group_tests_name("core rule_13_ladder", tests, NULL, NULL);
}
