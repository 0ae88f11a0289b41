/* What a restored gateway must not believe too early: a refusal after which it went on, a way that it
 * guessed, a cancel whose author is not known yet, an ending of its own beside one that was told; and what
 * the others must not tell it before it is true (schema/restore.md). Most of it was found by the world
 * simulator. */
#include "restore_steps.h"
#include "steps.h"

enum { REVERSES = FEP_REVERSES | FEP_CALLS_OUT, BOTH = REVERSES | FEP_INQUIRES };

static void
hear_instances(struct rig *rig)
{
    rig_simple(rig, EVENT_HEARD, "la");
    rig_simple(rig, EVENT_HEARD, "lb");
}

static void
decline(struct rig *rig)
{
    const struct core_command *call = rig_expect(rig, CMD_SUBMIT);
    assert_int_equal(call->operation, CORE_OP_REVERSE);
    rig_done(rig, (struct rig_done){.call = call->reference,
                                    .kind = FEP_REFUSED,
                                    .code = 2503,
                                    .finding = FEP_FOUND_STAYS_POSTED});
}

static void
refuse_cancel(struct rig *rig, uint16_t code)
{
    const struct core_command *call = rig_expect(rig, CMD_SUBMIT);
    assert_int_equal(call->operation, CORE_OP_UNDO);
    rig_done(rig, (struct rig_done){.call = call->reference, .kind = FEP_REFUSED, .code = code});
}

/* --- destination --- */

/* Posted and answered, then lost but for the backup; the previous hop asks for its reversal. */
static void
put_back_answered(struct rig *b, const char *settlement)
{
    struct restore_copy copy;
    rig_destination(b, FEP_REVERSES);
    uint64_t call = step_dispatch(b, "m1", 0);
    rig_done(
        b, (struct rig_done){
               .call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .settlement = settlement});
    rig_acked(b, "P", "m1", ACKED_OUTCOME);
    restore_back_up(b, &copy);
    restore_put_back(b, &copy, REVERSES);
    rig_forget(b);
}

/* Last update first: of what has no serial yet it is not known whether it was later. */
static void
undone_after_what_is_not_traced_yet(void **state)
{
    (void)state;
    struct rig b;
    put_back_answered(&b, "S1");
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m2", .state = STATE_REVERSING});
    rig_simple(&b, EVENT_HEARD, "P");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 600000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    restore_trace(&b, "m2", 71000000999);
    const struct core_command *call = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(call->local.serial, 71000000999);
    rig_done(&b,
             (struct rig_done){.call = call->reference, .kind = FEP_ANSWERED, .finding = FEP_FOUND_REVERSED});
    rig_advance(&b, 1000);
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->operation, CORE_OP_REVERSE);
    rig_finish(&b);
}

/* A refund, of another person by its key, cancelled it, which is known, but not yet under which serial. It is
 * undone before the original is asked for again, so what was said of that one is old by then. */
static void
a_refund_without_a_serial_may_have_cancelled_it(void **state)
{
    (void)state;
    struct rig b;
    put_back_answered(&b, "S1");
    restore_tell_held(&b, (struct restore_word){.from = "P",
                                                .msgid = "m2",
                                                .infno = "2208",
                                                .person = 7,
                                                .settlement = "S1",
                                                .state = STATE_REVERSING});
    rig_simple(&b, EVENT_HEARD, "P");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 160000);
    decline(&b);
    refuse_cancel(&b, 2402);
    rig_advance(&b, 5000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    restore_trace(&b, "m2", 71000000999);
    const struct core_command *call = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(call->local.serial, 71000000999);
    rig_done(&b,
             (struct rig_done){.call = call->reference, .kind = FEP_ANSWERED, .finding = FEP_FOUND_REVERSED});
    hear_instances(&b);
    rig_forget(&b);
    rig_advance(&b, 10000);
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_REVERSED);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING); /* it is in force again */
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->operation, CORE_OP_REVERSE);
    rig_finish(&b);
}

/* Without a settlement id it was answered to nobody; so another settlement's refund is none of its own. */
static void
another_settlements_refund_is_not_its_cancel(void **state)
{
    (void)state;
    struct rig b;
    put_back_answered(&b, NULL);
    restore_tell_held(&b, (struct restore_word){.from = "P",
                                                .msgid = "m2",
                                                .infno = "2208",
                                                .settlement = "S9",
                                                .state = STATE_ANSWERED,
                                                .effect = 1});
    rig_simple(&b, EVENT_HEARD, "P");
    restore_trace(&b, "m2", 71000000999);
    hear_instances(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 160000);
    decline(&b);
    refuse_cancel(&b, 2402);
    rig_advance(&b, 5000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* While the books are not compared, a refund may still be found there. */
static void
a_cancel_of_nobody_is_not_ours_before_all_was_compared(void **state)
{
    (void)state;
    struct rig b;
    put_back_answered(&b, "S1");
    rig_simple(&b, EVENT_HEARD, "P");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 160000);
    decline(&b);
    refuse_cancel(&b, 2402);
    rig_advance(&b, 10000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    hear_instances(&b);
    rig_advance(&b, 10000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* The lost store may have sent a cancel that has not arrived yet. */
static void
it_does_not_stand_while_a_lost_cancel_may_arrive(void **state)
{
    (void)state;
    struct rig b;
    put_back_answered(&b, "S1");
    rig_simple(&b, EVENT_HEARD, "P");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    decline(&b);
    rig_advance(&b, 120000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* no cancel, whose refusal would make it stand */
    rig_advance(&b, 60000);
    decline(&b);
    refuse_cancel(&b, 2303);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_STANDS);
    rig_finish(&b);
}

/* Being reversed when the backup was made; since then the previous hop was told that it stands. */
static void
what_was_told_to_stand_is_not_reversed(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, REVERSES);
    rig_forget(&b);
    rig_advance(&b, 600000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_STANDS});
    rig_simple(&b, EVENT_HEARD, "P");
    rig_advance(&b, 600000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_STANDS);
    rig_finish(&b);
}

/* Perhaps by a caller's refund, which may be undone: that is for the cure to find out. */
static void
found_cancelled_it_is_not_reversed_yet(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    step_dispatch(&b, "m1", 0);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, BOTH);
    rig_simple(&b, EVENT_HEARD, "P");
    rig_forget(&b);
    rig_advance(&b, 10000);
    rig_done(&b, (struct rig_done){.call = rig_expect(&b, CMD_SUBMIT)->reference,
                                   .kind = FEP_ANSWERED,
                                   .finding = FEP_FOUND_CANCELLED});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    rig_finish(&b);
}

/* --- origin --- */

/* Attempt 1 was refused, told and closed when the backup was made. The peer knows of attempt 2, and another
 * one may know of a third. */
static void
a_refusal_is_no_ending_before_all_were_heard(void **state)
{
    (void)state;
    struct rig a;
    struct restore_copy copy;
    rig_origin(&a);
    step_send(&a, "m1");
    rig_outcome(&a,
                (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = 1});
    assert_true(rig_row(&a, "m1", ROLE_ORIGIN)->closed);
    restore_back_up(&a, &copy);
    restore_put_back(&a, &copy, 1);
    restore_tell_held(&a, (struct restore_word){.from = "P",
                                                .msgid = "m1",
                                                .attempt = 2,
                                                .had_from_us = 1,
                                                .state = STATE_REFUSED,
                                                .refusal_class = 1});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.attempt, 2);
    rig_forget(&a);
    rig_simple(&a, EVENT_HEARD, "P");
    const struct core_command *ask = rig_expect(&a, CMD_SEND_UPDATE);
    assert_int_equal(ask->travel.attempt, 2);
    assert_int_equal(ask->travel.time_left_ms, 0);
    rig_outcome(&a,
                (struct rig_message){
                    .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = 1, .attempt = 2});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REFUSED);
    rig_finish(&a);
}

/* --- on the way --- */

/* The previous hop tells of it; where it went on to is a guess until the other peer was heard as well. */
static void
a_guessed_way_takes_no_reversal(void **state)
{
    (void)state;
    struct rig p;
    struct restore_copy copy;
    rig_transit(&p);
    restore_back_up(&p, &copy);
    restore_put_back(&p, &copy, 1);
    restore_tell_held(&p, (struct restore_word){.from = "A", .msgid = "m1", .state = STATE_REVERSING});
    rig_simple(&p, EVENT_HEARD, "A");
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_advance(&p, 60000);
    assert_int_equal(rig_count(&p, CMD_SEND_REVERSAL), 0);
    rig_simple(&p, EVENT_HEARD, "B");
    rig_advance(&p, 1000);
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    rig_finish(&p);
}

/* Attempt 1 was refused when the backup was made. Attempt 3, of which nothing is known here, was posted. */
static void
put_back_refused(struct rig *p)
{
    struct restore_copy copy;
    rig_transit(p);
    rig_update(p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_outcome(p,
                (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = 1});
    restore_back_up(p, &copy);
    restore_put_back(p, &copy, 1);
    assert_int_equal(rig_disk(p, "m1", ROLE_TRANSIT), STATE_REFUSED);
    rig_forget(p);
}

static void
the_reversal_of_a_forgotten_attempt_waits(void **state)
{
    (void)state;
    struct rig p;
    put_back_refused(&p);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1", .attempt = 3});
    rig_advance(&p, 1000);
    assert_int_equal(rig_count(&p, CMD_ACK), 0);
    assert_int_equal(rig_count(&p, CMD_SEND_REVERSAL), 0);
    assert_int_equal(rig_row(&p, "m1", ROLE_TRANSIT)->record.attempt, 1);
    rig_simple(&p, EVENT_HEARD, "A");
    restore_tell_held(&p, (struct restore_word){.from = "B",
                                                .msgid = "m1",
                                                .attempt = 3,
                                                .had_from_us = 1,
                                                .state = STATE_ANSWERED,
                                                .effect = 1});
    rig_simple(&p, EVENT_HEARD, "B");
    rig_forget(&p);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1", .attempt = 3});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSING);
    assert_int_equal(rig_expect(&p, CMD_SEND_REVERSAL)->travel.attempt, 3);
    rig_finish(&p);
}

static void
the_outcome_of_a_forgotten_attempt_waits(void **state)
{
    (void)state;
    struct rig p;
    put_back_refused(&p);
    rig_outcome(&p, (struct rig_message){
                        .from = "B", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1, .attempt = 3});
    assert_int_equal(rig_count(&p, CMD_ACK), 0);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_advance(&p, 10000);
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->travel.attempt, 1); /* as it is on disk */
    rig_finish(&p);
}

/* A circle whose end it has forgotten: the other one tells that this attempt never took effect, and no more.
 */
static void
a_stranger_hears_what_never_took_effect(void **state)
{
    (void)state;
    struct rig p;
    put_back_refused(&p);
    rig_simple(&p, EVENT_HEARD, "A");
    rig_simple(&p, EVENT_HEARD, "B");
    rig_update(&p, (struct rig_message){.from = "B", .msgid = "m1"});
    const struct core_command *told;
    int strangers = 0;
    while ((told = rig_take(&p, CMD_SEND_OUTCOME)) != NULL) {
        if (strcmp(told->to, "B") != 0)
            continue;
        strangers++;
        assert_int_equal(told->outcome.state, STATE_REFUSED);
        assert_int_equal(told->body.size, 0);
    }
    assert_int_equal(strangers, 1);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m2", .person = 2});
    rig_outcome(&p, (struct rig_message){
                        .from = "B", .msgid = "m2", .state = STATE_ANSWERED, .effect = 1, .body = "answer"});
    rig_forget(&p);
    rig_update(&p, (struct rig_message){.from = "B", .msgid = "m2", .person = 2});
    rig_reversal(&p, (struct rig_message){.from = "B", .msgid = "m2", .person = 2});
    while ((told = rig_take(&p, CMD_SEND_OUTCOME)) != NULL)
        assert_string_equal(told->to, "A"); /* what was posted is nobody's but the previous hop's */
    rig_finish(&p);
}

/* --- the ones that were not restored --- */

/* The lost store's answer is not committed here yet: told as open it would be resolved there, and then
 * differ. */
static void
nothing_is_told_before_the_lost_ones_word_is_on_disk(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    a.manual_commit = 1;
    step_render(&a, ticket, 1);
    assert_true(core_may_tell_held(a.core, "P"));
    struct core_event up = {.type = EVENT_PEER_UP, .from = "P", .flag = 1};
    rig_step(&a, &up);
    assert_false(core_may_tell_held(a.core, "P"));
    rig_commit(&a);
    assert_true(core_may_tell_held(a.core, "P"));
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);
}

static void
an_answer_being_rendered_is_forgotten_with_its_sender(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_count(&a, CMD_ACK), 0);
    struct core_event up = {.type = EVENT_PEER_UP, .from = "P", .flag = 1};
    rig_step(&a, &up);
    assert_true(core_may_tell_held(a.core, "P"));
    step_render(&a, ticket, 1);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    step_render(&a, ticket, 1);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);
}

/* A peer's word waits in an exchange that waits for the store. */
static void
a_peer_is_not_heard_while_its_word_waits(void **state)
{
    (void)state;
    struct rig p;
    struct restore_copy copy;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    restore_back_up(&p, &copy);
    p.refuse_writes = 1;
    restore_put_back(&p, &copy, 1);
    restore_tell_held(&p, (struct restore_word){.from = "A", .msgid = "m1", .state = STATE_REVERSED});
    assert_true(core_has_untaken(p.core));
    p.refuse_writes = 0;
    rig_advance(&p, 2000);
    assert_false(core_has_untaken(p.core));
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSED); /* it was told so, from here */
    rig_finish(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undone_after_what_is_not_traced_yet),
        cmocka_unit_test(a_refund_without_a_serial_may_have_cancelled_it),
        cmocka_unit_test(another_settlements_refund_is_not_its_cancel),
        cmocka_unit_test(a_cancel_of_nobody_is_not_ours_before_all_was_compared),
        cmocka_unit_test(it_does_not_stand_while_a_lost_cancel_may_arrive),
        cmocka_unit_test(what_was_told_to_stand_is_not_reversed),
        cmocka_unit_test(found_cancelled_it_is_not_reversed_yet),
        cmocka_unit_test(a_refusal_is_no_ending_before_all_were_heard),
        cmocka_unit_test(a_guessed_way_takes_no_reversal),
        cmocka_unit_test(the_reversal_of_a_forgotten_attempt_waits),
        cmocka_unit_test(the_outcome_of_a_forgotten_attempt_waits),
        cmocka_unit_test(a_stranger_hears_what_never_took_effect),
        cmocka_unit_test(nothing_is_told_before_the_lost_ones_word_is_on_disk),
        cmocka_unit_test(an_answer_being_rendered_is_forgotten_with_its_sender),
        cmocka_unit_test(a_peer_is_not_heard_while_its_word_waits),
    };
    return cmocka_run_group_tests_name("core restored ways", tests, NULL, NULL);
}
