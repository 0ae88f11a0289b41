/* One test for each rule of the hop protocol, by its number and name, as far as it is the core's to keep.
 * Rules 9 to 16, without 13 (cure_test.c): time, telling and undoing, room. */
#include "steps.h"

static void
rule_09_time_left(void **state)
{
    (void)state;
    struct rig p, b;
    rig_transit(&p);
    rig_simple(&p, EVENT_HOLD, "B");
    rig_simple(&p, EVENT_REOPEN, "B");
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1", .time_left_ms = 75000});
    assert_int_equal(rig_expect(&p, CMD_SEND_UPDATE)->travel.time_left_ms, 75000);
    rig_advance(&p, 5000); /* unacknowledged: offered again, with what is left by then */
    assert_int_equal(rig_expect(&p, CMD_SEND_UPDATE)->travel.time_left_ms, 70000);
    rig_finish(&p);
    rig_destination(&b, FEP_INQUIRES);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 62999});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.code, FEP_E_TIME_LEFT);
    assert_int_equal(outcome->outcome.refusal_class, FEP_REPEATABLE);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2, .time_left_ms = 63001});
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 1);
    rig_finish(&b);
    /* The mark was committed, but the disk took too long: not a byte has left. */
    rig_destination(&b, FEP_INQUIRES);
    b.manual_commit = 1;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 64000});
    rig_advance(&b, 2000);
    rig_commit(&b);
    rig_commit(&b);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_finish(&b);
}

/* The next attempt waits here for the commit of the refusal before it: that time is gone for it. */
static void
rule_09_time_spent_here(void **state)
{
    (void)state;
    struct rig p;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1", .time_left_ms = 80000});
    p.manual_commit = 1;
    rig_outcome(&p,
                (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = 1});
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1", .attempt = 2, .time_left_ms = 80000});
    rig_advance(&p, 5000);
    rig_forget(&p);
    rig_commit(&p);
    p.manual_commit = 0;
    rig_commit(&p);
    const struct core_command *sent = rig_expect(&p, CMD_SEND_UPDATE);
    assert_int_equal(sent->travel.attempt, 2);
    assert_int_equal(sent->travel.time_left_ms, 75000);
    rig_finish(&p);
}

static void
rule_10_deadline(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_request(&a, (struct rig_request){.msgid = "m2"}); /* queued: m1 is not acknowledged */
    rig_forget(&a);
    rig_advance(&a, 80000);
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_REFUSED); /* nothing was sent */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_UNKNOWN);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.reversal_cause, REVERSAL_DEADLINE);
    /* From that commit on a posted answer is recorded and never adopted. */
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->answer.size, strlen("answer"));
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REFUSED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSED);
    rig_finish(&a);
    /* Where the caller can inquire, a late answer is awaited and adopted. */
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1", .caller_inquires = 1});
    rig_acked(&a, "P", "m1", ACKED_UPDATE);
    rig_advance(&a, 80000);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.kind, FEP_UNKNOWN);
    assert_int_equal(rig_state(&a, "m1", ROLE_ORIGIN), STATE_RELAYED);
    rig_advance(&a, 119000);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_request(&a, (struct rig_request){.msgid = "m2", .caller_inquires = 1});
    rig_advance(&a, 200000);
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_REVERSING);
    rig_finish(&a);
}

static void
rule_11_answered_is_answered(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    step_answer(&a, "m1", ticket);
    rig_outcome(&a,
                (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REVERSED}); /* nobody asked */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    struct rig_request undo = {
        .msgid = "x1", .infno = "2601", .original = "m1", .transaction_class = CLASS_REVERSAL};
    uint64_t undoer = rig_request(&a, undo);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_expect(&a, CMD_SEND_REVERSAL)->travel.attempt, 1);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REVERSED});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->reference, undoer);
    assert_int_equal(told->outcome.finding, FEP_FOUND_REVERSED);
    /* An answer that could not be handed over is served from the store. */
    ticket = step_send(&a, "m2");
    struct core_event gone = {.type = EVENT_CALLER_GONE, .from = "la", .reference = ticket, .epoch = 1};
    rig_step(&a, &gone);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m2", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_ANSWERED);
    assert_int_equal(rig_count(&a, CMD_TELL) + rig_count(&a, CMD_RENDER), 0);
    rig_request(&a,
                (struct rig_request){
                    .msgid = "x2", .infno = "9998", .original = "m2", .transaction_class = CLASS_INQUIRY});
    told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.finding, FEP_FOUND_POSTED);
    assert_memory_equal(told->body.data, "answer", 6);
    /* A reversal for a serial never seen blocks that serial. */
    undo.original = "never";
    rig_request(&a, undo);
    told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.finding, FEP_FOUND_NEVER_ARRIVED);
    rig_request(&a, (struct rig_request){.msgid = "never", .fresh = 1});
    told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_REFUSED);
    assert_int_equal(told->outcome.refusal_class, FEP_FINAL);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_finish(&a);
}

static void
rule_12_one_reversal(void **state)
{
    (void)state;
    struct rig a, p;
    rig_origin(&a);
    step_send(&a, "m1");
    struct rig_request undo = {
        .msgid = "x1", .infno = "2601", .original = "m1", .transaction_class = CLASS_REVERSAL};
    rig_request(&a, undo);
    rig_request(&a, undo); /* merged, and with the deadline's */
    rig_advance(&a, 100000);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.reversal_cause, REVERSAL_CALLER);
    assert_true(rig_count(&a, CMD_SEND_REVERSAL) > 10); /* repeated until acknowledged */
    rig_acked(&a, "P", "m1", ACKED_REVERSAL);
    rig_forget(&a);
    rig_advance(&a, 30000);
    assert_int_equal(rig_count(&a, CMD_SEND_REVERSAL), 0);
    rig_finish(&a);

    rig_transit(&p);
    rig_simple(&p, EVENT_HOLD, "B"); /* a hold does not stop a reversal */
    p.manual_commit = 1;
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "unseen"});
    assert_int_equal(p.command_count, 0);
    rig_commit(&p);
    assert_int_equal(rig_disk(&p, "unseen", ROLE_TRANSIT), STATE_REVERSING);
    assert_true(rig_row(&p, "unseen", ROLE_TRANSIT)->record.tombstone);
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    p.manual_commit = 0;
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "unseen"}); /* refused here from then on */
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "unseen", .state = STATE_REVERSED});
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    /* queued → withdrawn, answered here */
    rig_simple(&p, EVENT_REOPEN, "B");
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m2"});
    rig_forget(&p);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m2"});
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    assert_int_equal(rig_count(&p, CMD_SEND_REVERSAL), 0);
    rig_finish(&p);
}

static void
rule_14_evidence(void **state)
{
    (void)state;
    static const uint16_t codes[] = {1005, 2102, 2201, 2303, 2402, 9001};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct rig b;
        rig_destination(&b, FEP_INQUIRES);
        uint64_t call = step_dispatch(&b, "m1", 0);
        rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
        rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = codes[i], .late = 1});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
        rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301, .late = 1});
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
        rig_finish(&b);
    }
    /* Submitted more than once: a late refusal may speak of the copy. */
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001});
    rig_advance(&b, 2000);
    const struct core_command *again = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(again->local.serial, call);
    assert_int_equal(again->repeat, 1);
    rig_done(&b, (struct rig_done){.call = again->reference, .kind = FEP_UNKNOWN});
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301, .late = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_finish(&b);
}

static void
rule_15_always_admitted(void **state)
{
    (void)state;
    struct rig b, a;
    struct core_event disk = {.type = EVENT_DISK};
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_step(&b, &disk);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.code, FEP_E_DISK_FULL);
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_REFUSED);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "unseen"});
    assert_int_equal(rig_disk(&b, "unseen", ROLE_DESTINATION), STATE_REVERSED);
    rig_forget(&b);
    b.refuse_writes = 1; /* not even the reserve holds: nothing is answered, and tried again */
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME) + rig_count(&b, CMD_HOST_ACK), 0);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m3", .person = 3});
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME) + rig_count(&b, CMD_ACK), 0);
    b.refuse_writes = 0;
    rig_advance(&b, 1000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 1);
    assert_int_equal(rig_count(&b, CMD_HOST_ACK), 1);
    rig_finish(&b);

    rig_origin(&a);
    a.refuse_writes = 1;
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_NOT_SENT);
    assert_int_equal(told->outcome.code, FEP_E_DISK_FULL);
    a.refuse_writes = 0;
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 1);
    rig_finish(&a);
}

static void
rule_15_bounds(void **state)
{
    (void)state;
    struct rig a;
    struct route_rule rule = {.prefix = "45", .targets = {"P"}};
    rig_init(&a, "A");
    core_destroy(a.core);
    a.config.max_queued = 3;
    a.config.max_in_flight = 2;
    a.core = core_create(&a.config, rig_transactions());
    rig_set_routes(&a, &rule, 1);
    rig_parties_up(&a, 1);
    for (uint8_t i = 1; i <= 4; i++) {
        char msgid[8];
        snprintf(msgid, sizeof msgid, "m%u", i);
        rig_request(&a, (struct rig_request){.msgid = msgid, .person = i});
    }
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 2);
    assert_int_equal(rig_state(&a, "m3", ROLE_ORIGIN), STATE_QUEUED); /* waits for credit */
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_BOUND);
    assert_int_equal(rig_disk(&a, "m4", ROLE_ORIGIN), STATE_REFUSED);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REFUSED});
    assert_int_equal(rig_disk(&a, "m3", ROLE_ORIGIN), STATE_SENT); /* and takes the first that is free */
    rig_finish(&a);
}

static void
rule_16_inconsistent(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT); /* asked first */
    step_render(&a, ticket, 0);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.reversal_cause, REVERSAL_INCONSISTENT);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REVERSED});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.state, STATE_REVERSED);
    ticket = step_send(&a, "m2");
    rig_outcome(&a,
                (struct rig_message){
                    .from = "P", .msgid = "m2", .state = STATE_ANSWERED, .reason = FEP_REASON_INCONSISTENT});
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_count(&a, CMD_RENDER), 0);
    rig_finish(&a);
    /* The caller's host goes while the answer is being tried: nobody to tell, so it is answered. */
    rig_origin(&a);
    step_send(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    rig_simple(&a, EVENT_HOST_DOWN, "la");
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_09_time_left),       cmocka_unit_test(rule_09_time_spent_here),
        cmocka_unit_test(rule_10_deadline),        cmocka_unit_test(rule_11_answered_is_answered),
        cmocka_unit_test(rule_12_one_reversal),    cmocka_unit_test(rule_14_evidence),
        cmocka_unit_test(rule_15_always_admitted), cmocka_unit_test(rule_15_bounds),
        cmocka_unit_test(rule_16_inconsistent),
    };
    return cmocka_run_group_tests_name("core rules_time", tests, NULL, NULL);
}
