/* One test for each rule of the hop protocol, by its number and name, as far as it is the core's to keep.
 * Rules 17 to 26: order, links, hosts, and what stands beside. 22 and 23 are the store's and the link's. */
#include "steps.h"

static void
rule_17_order_key(void **state)
{
    (void)state;
    struct rig a, b;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_request(&a, (struct rig_request){.msgid = "m2"});
    rig_request(&a, (struct rig_request){.msgid = "other", .person = 1});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 2); /* m1 and the other person's */
    rig_acked(&a, "P", "m1", ACKED_UPDATE);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 3);
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_SENT);
    rig_finish(&a);
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2"});
    rig_update(&b,
               (struct rig_message){.from = "P", .msgid = "m3", .person = 255}); /* nobody's: never waits */
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_QUEUED);
    assert_int_equal(rig_disk(&b, "m3", ROLE_DESTINATION), STATE_DISPATCHED);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .body = "answer"});
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_DISPATCHED);
    rig_finish(&b);
}

static void
rule_18_clarifying(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2"}); /* accepted before: held */
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_forget(&b);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m3"}); /* new: refused at once, committed */
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.code, FEP_E_CLARIFYING);
    assert_int_equal(outcome->outcome.refusal_class, FEP_REPEATABLE);
    assert_int_equal(rig_disk(&b, "m3", ROLE_DESTINATION), STATE_REFUSED);
    rig_update(&b,
               (struct rig_message){.from = "P", .msgid = "m3", .attempt = 2}); /* the next attempt is new */
    assert_int_equal(rig_disk(&b, "m3", ROLE_DESTINATION), STATE_REFUSED);
    assert_int_equal(rig_row(&b, "m3", ROLE_DESTINATION)->record.attempt, 2);
    rig_update(&b,
               (struct rig_message){.from = "P", .msgid = "m4", .person = 4}); /* others are not concerned */
    assert_int_equal(rig_disk(&b, "m4", ROLE_DESTINATION), STATE_DISPATCHED);
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_QUEUED);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m2"}); /* a reversal passes */
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

static void
rule_19_commit_then_acknowledge(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    b.manual_commit = 1;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"}); /* a copy before the commit */
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    assert_int_equal(b.command_count, 0);
    rig_commit(&b);
    assert_int_equal(rig_count(&b, CMD_ACK), 2); /* the reversal has a commit of its own to wait for */
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0);
    rig_commit(&b);
    assert_int_equal(rig_count(&b, CMD_ACK), 3);
    assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    rig_finish(&b);
    /* What is not acknowledged is offered again, and no more once it is. */
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_expect(&b, CMD_SEND_OUTCOME);
    rig_advance(&b, 20000);
    assert_true(rig_count(&b, CMD_SEND_OUTCOME) > 1);
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_forget(&b);
    rig_advance(&b, 20000);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0);
    rig_finish(&b);
}

static void
rule_20_epoch(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | FEP_INQUIRES, &call, 1); /* a new epoch, whatever it lists */
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* never offered to the new one */
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301, .epoch = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_finish(&b);
    rig_destination(&b, FEP_INQUIRES);
    call = step_dispatch(&b, "m1", 0);
    rig_host_up(&b, "lb", 1, FEP_CALLS_OUT | FEP_INQUIRES, &call,
                1); /* the same epoch holds it: it waits on */
    assert_int_equal(rig_state(&b, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_host_up(&b, "lb", 1, FEP_CALLS_OUT | FEP_INQUIRES, NULL,
                0); /* it never got there: the same call again */
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->reference, call);
    rig_simple(&b, EVENT_HOST_DOWN, "lb");
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_finish(&b);
}

/* The host is replaced while a commit is outstanding, and the new one connects a second time before it is
 * done. */
static void
rule_20_the_new_one_comes_twice(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    step_dispatch(&b, "m1", 1);
    b.manual_commit = 1;
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1", .person = 1});
    rig_simple(&b, EVENT_HOST_DOWN, "lb");
    rig_host_up(&b, "lb", b.epoch + 1, FEP_CALLS_OUT | FEP_INQUIRES | FEP_REVERSES, NULL, 0);
    rig_forget(&b);
    rig_host_up(&b, "lb", b.epoch, FEP_CALLS_OUT | FEP_INQUIRES | FEP_REVERSES, NULL, 0);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* it may have been posted by the old one's call */
    b.manual_commit = 0;
    rig_commit(&b);
    rig_advance(&b, 5000);
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->operation, CORE_OP_REVERSE);
    rig_finish(&b);
}

static void
rule_21_late(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_done(&b,
             (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .late = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    call = step_dispatch(&b, "m2", 2);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_done(
        &b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .late = 1}); /* posted, its words missing */
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->operation, CORE_OP_INQUIRE);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2});
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .body = "answer", .late = 1});
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_REVERSING); /* it only helps the reversal */
    call = step_dispatch(&b, "m3", 3);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m3", .person = 3});
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301, .late = 1});
    assert_int_equal(rig_disk(&b, "m3", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

static void
rule_24_resend_is_the_same(void **state)
{
    (void)state;
    struct rig p;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    struct core_command first = *rig_expect(&p, CMD_SEND_UPDATE);
    rig_simple(&p, EVENT_PEER_DOWN, "B");
    rig_simple(&p, EVENT_PEER_UP, "B");
    const struct core_command *again = rig_expect(&p, CMD_SEND_UPDATE);
    assert_memory_equal(&again->header, &first.header, sizeof first.header);
    assert_memory_equal(again->body.data, first.body.data, first.body.size);
    assert_int_equal(again->travel.attempt, first.travel.attempt);
    rig_finish(&p);
}

static void
rule_25_query_from_the_store(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    struct rig_request inquiry = {
        .msgid = "x1", .infno = "9998", .original = "m1", .transaction_class = CLASS_INQUIRY};
    rig_request(&a, inquiry);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.finding, FEP_FOUND_NOTHING);
    uint64_t ticket = step_send(&a, "m1");
    rig_request(&a, inquiry);
    const struct core_command *open = rig_expect(&a, CMD_TELL);
    assert_int_equal(open->outcome.finding, FEP_FOUND_IN_PROGRESS);
    assert_int_equal(open->outcome.state, STATE_NONE); /* a TELL with the state of an open one is no frame */
    step_answer(&a, "m1", ticket);
    rig_request(&a, inquiry);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.finding, FEP_FOUND_POSTED);
    assert_int_equal(rig_count(&a, CMD_SEND_QUERY), 0); /* nothing was forwarded */
    rig_finish(&a);
    /* A token is good for one use: its failed query may not be repeated. */
    struct route_rule rule = {.prefix = "45", .targets = {"P"}};
    rig_origin(&a);
    rig_set_routes(&a, &rule, 1);
    rig_request(&a, (struct rig_request){.msgid = "q1", .infno = "1162", .transaction_class = CLASS_QUERY});
    rig_advance(&a, 30000);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.refusal_class, FEP_FINAL);
    rig_finish(&a);
}

static void
rule_26_index(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 3);
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .settlement = "S1"});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_string_equal(outcome->index.settlement_id, "S1");
    assert_int_equal(outcome->index.order_key[0], 4); /* the request's: it names the person */
    assert_string_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.index.settlement_id, "S1");
    rig_finish(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_17_order_key),
        cmocka_unit_test(rule_18_clarifying),
        cmocka_unit_test(rule_19_commit_then_acknowledge),
        cmocka_unit_test(rule_20_epoch),
        cmocka_unit_test(rule_20_the_new_one_comes_twice),
        cmocka_unit_test(rule_21_late),
        cmocka_unit_test(rule_24_resend_is_the_same),
        cmocka_unit_test(rule_25_query_from_the_store),
        cmocka_unit_test(rule_26_index),
    };
    return cmocka_run_group_tests_name("core rules_order", tests, NULL, NULL);
}
