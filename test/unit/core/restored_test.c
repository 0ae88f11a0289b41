/* A store put back from a backup, role by role: what was begun, posted and told since is done neither twice
 * nor told otherwise, and peers and the local system's serials bring it to its end (schema/restore.md). */
#include "restore_steps.h"
#include "steps.h"

/* --- destination --- */

static void
posted_and_unheard_is_not_posted_again(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    restore_back_up(&b, &copy);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    restore_put_back(&b, &copy, FEP_INQUIRES | FEP_REVERSES | FEP_CALLS_OUT);
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_SENT});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_simple(&b, EVENT_HEARD, "P");
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 600000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* without a serial nothing is asked either */
    rig_forget(&b);
    restore_trace(&b, "m1", call);
    rig_advance(&b, 1000);
    const struct core_command *inquiry = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(inquiry->operation, CORE_OP_INQUIRE);
    assert_int_equal(inquiry->local.serial, call);
    rig_done(&b, (struct rig_done){.call = inquiry->reference,
                                   .kind = FEP_ANSWERED,
                                   .finding = FEP_FOUND_POSTED,
                                   .body = "answer"});
    assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.state, STATE_ANSWERED);
    rig_finish(&b);
}

static void
what_was_told_stays_and_waits_for_its_serial(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    restore_back_up(&b, &copy);
    uint64_t call = step_dispatch(&b, "m1", 0);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    restore_tell_held(&b, (struct restore_word){.from = "P",
                                                .msgid = "m1",
                                                .state = STATE_ANSWERED,
                                                .effect = 1,
                                                .answer = "answer",
                                                .settlement = "S1"});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    assert_false(rig_row(&b, "m1", ROLE_DESTINATION)->closed);
    rig_simple(&b, EVENT_HEARD, "P");
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 600000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0);
    restore_trace(&b, "m1", call);
    rig_advance(&b, 1000);
    const struct core_command *reverse = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(reverse->operation, CORE_OP_REVERSE);
    assert_int_equal(reverse->local.serial, call);
    assert_int_equal(reverse->body.size, strlen("settle"));
    rig_finish(&b);
}

static void
closes_when_its_instance_is_resolved(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    restore_tell_held(
        &b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    rig_simple(&b, EVENT_HEARD, "P");
    assert_false(rig_row(&b, "m1", ROLE_DESTINATION)->closed);
    rig_simple(&b, EVENT_HEARD, "lb");
    assert_true(rig_row(&b, "m1", ROLE_DESTINATION)->closed);
    rig_finish(&b);
}

static void
not_reversed_by_schedule_before_the_previous_hop_was_heard(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    restore_back_up(&b, &copy);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    rig_advance(&b, 600000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    restore_tell_held(
        &b, (struct restore_word){
                .from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1, .answer = "answer"});
    rig_simple(&b, EVENT_HEARD, "P");
    rig_advance(&b, 600000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.local.serial, call);
    rig_finish(&b);
}

static void
nothing_is_posted_while_the_instance_is_resolving(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t before = step_dispatch(&b, "m1", 1);
    rig_done(&b, (struct rig_done){.call = before, .kind = FEP_REFUSED, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_INQUIRES | FEP_CALLS_OUT);
    rig_simple(&b, EVENT_HEARD, "P");
    rig_forget(&b);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2});
    const struct core_command *refusal = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(refusal->outcome.state, STATE_REFUSED);
    assert_int_equal(refusal->outcome.code, FEP_E_RESOLVING);
    assert_int_equal(refusal->outcome.refusal_class, FEP_REPEATABLE);
    rig_simple(&b, EVENT_HEARD, "lb");
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2, .attempt = 2});
    uint64_t serial = rig_expect(&b, CMD_SUBMIT)->local.serial;
    assert_int_not_equal(serial / LOCAL_SERIAL_COUNTER, before / LOCAL_SERIAL_COUNTER);
    rig_finish(&b);
}

static void
the_reversal_of_an_unknown_one_waits_for_the_details(void **state)
{
    (void)state;
    for (int there = 0; there < 2; there++) {
        struct rig b;
        struct restore_copy copy;
        rig_destination(&b, FEP_REVERSES);
        restore_back_up(&b, &copy);
        uint64_t call = step_dispatch(&b, "m1", 0);
        restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
        rig_forget(&b);
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
        assert_int_equal(rig_count(&b, CMD_ACK), 0); /* a peer may know more of it: sent again */
        rig_simple(&b, EVENT_HEARD, "P");
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
        rig_advance(&b, 600000);
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
        assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
        assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0); /* it may well have been posted */
        restore_trace(&b, "m1", there ? call : 0);
        rig_advance(&b, 1000);
        assert_int_equal(rig_count(&b, CMD_SUBMIT), there);
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), there ? STATE_REVERSING : STATE_REVERSED);
        rig_finish(&b);
    }
}

static void
queued_in_the_backup_may_have_been_posted(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    uint64_t first = step_dispatch(&b, "m0", 3);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .person = 3});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_QUEUED);
    restore_back_up(&b, &copy);
    rig_done(&b, (struct rig_done){.call = first, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0); /* least of all "refused" */
    restore_trace(&b, "m1", 0);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    rig_finish(&b);
}

static void
a_later_ending_replaces_what_the_backup_has(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    assert_true(rig_row(&b, "m1", ROLE_DESTINATION)->closed);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_INQUIRES | FEP_CALLS_OUT);
    restore_tell_held(
        &b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_REVERSED});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    restore_tell_held(
        &b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    restore_tell_held(&b,
                      (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_SENT, .attempt = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_simple(&b, EVENT_HEARD, "P");
    assert_true(rig_row(&b, "m1", ROLE_DESTINATION)->closed);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.local.serial, call);
    rig_finish(&b);
}

/* Attempt 1 was refused when the backup was made; attempt 2 was posted since. */
static void
a_higher_attempt_is_not_known_here(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_INQUIRES | FEP_CALLS_OUT);
    restore_tell_held(
        &b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_RELAYED, .attempt = 2});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.attempt, 2);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.local.serial, 0);
    rig_finish(&b);
}

/* --- origin --- */

static void
a_caller_is_told_open_until_the_peer_was_heard(void **state)
{
    (void)state;
    struct rig a;
    struct restore_copy copy;
    rig_origin(&a);
    restore_back_up(&a, &copy);
    step_answer(&a, "m1", step_send(&a, "m1"));
    restore_put_back(&a, &copy, 1);
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_UNKNOWN);
    assert_int_equal(told->outcome.code, FEP_E_RESOLVING);
    rig_request(&a,
                (struct rig_request){
                    .msgid = "x1", .infno = "2601", .original = "m1", .transaction_class = CLASS_REVERSAL});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.kind, FEP_UNKNOWN);
    rig_request(&a,
                (struct rig_request){
                    .msgid = "x2", .infno = "2601", .original = "m1", .transaction_class = CLASS_INQUIRY});
    assert_int_not_equal(rig_expect(&a, CMD_TELL)->outcome.kind,
                         FEP_ANSWERED); /* "never seen" would be untrue */
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE) + rig_count(&a, CMD_SEND_REVERSAL), 0);
    restore_tell_held(&a, (struct restore_word){.from = "P",
                                                .msgid = "m1",
                                                .had_from_us = 1,
                                                .state = STATE_ANSWERED,
                                                .effect = 1,
                                                .answer = "answer"});
    rig_simple(&a, EVENT_HEARD, "P");
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_ANSWERED);
    assert_int_equal(told->body.size, strlen("answer"));
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_request(&a, (struct rig_request){.msgid = "m2", .person = 2}); /* and business goes on */
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 1);
    rig_finish(&a);
}

static void
an_open_one_asks_and_is_not_reversed_before(void **state)
{
    (void)state;
    struct rig a;
    struct restore_copy copy;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    restore_back_up(&a, &copy);
    step_answer(&a, "m1", ticket); /* told, and forgotten */
    restore_put_back(&a, &copy, 1);
    rig_advance(&a, 600000);
    assert_int_equal(rig_count(&a, CMD_SEND_REVERSAL), 0);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0); /* another peer may hold it */
    rig_simple(&a, EVENT_HEARD, "P");
    const struct core_command *ask = rig_expect(&a, CMD_SEND_UPDATE);
    assert_int_equal(ask->travel.time_left_ms, 0);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);
}

static void
nobody_knows_it_then_it_is_reversed(void **state)
{
    (void)state;
    struct rig a;
    struct restore_copy copy;
    rig_origin(&a);
    step_send(&a, "m1");
    restore_back_up(&a, &copy);
    restore_put_back(&a, &copy, 1);
    rig_simple(&a, EVENT_HEARD, "P");
    rig_advance(&a, 60000);
    assert_true(rig_count(&a, CMD_SEND_REVERSAL) > 0);
    rig_finish(&a);
}

static void
a_later_attempt_is_taken_over(void **state)
{
    (void)state;
    struct rig a, b;
    struct restore_copy copy;
    rig_origin(&a);
    step_send(&a, "m1");
    restore_back_up(&a, &copy);
    restore_put_back(&a, &copy, 1);
    const struct rig_message refused = {
        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = 1, .attempt = 3};
    rig_forget(&a);
    rig_outcome(&a, refused); /* a still later one may have gone another way */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    assert_int_equal(rig_count(&a, CMD_ACK), 0);
    rig_simple(&a, EVENT_HEARD, "P");
    rig_outcome(&a, refused);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REFUSED);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.attempt, 3);
    rig_finish(&a);

    rig_destination(&b, FEP_REVERSES); /* and the other side, which was not restored */
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .refusal_class = 0, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 2});
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_forget(&b);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 1});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_ANSWERED);
    assert_int_equal(outcome->travel.attempt, 2);
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.reversal_attempt, 2);
    rig_finish(&b);
}

static void
a_forgotten_reversal_goes_on(void **state)
{
    (void)state;
    struct rig a;
    struct restore_copy copy;
    rig_origin(&a);
    step_answer(&a, "m1", step_send(&a, "m1"));
    restore_back_up(&a, &copy);
    restore_put_back(&a, &copy, 1);
    restore_tell_held(
        &a, (struct restore_word){.from = "P", .msgid = "m1", .had_from_us = 1, .state = STATE_REVERSING});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REVERSED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSED);
    rig_finish(&a);
}

/* --- on the way --- */

static void
transit_asks_for_what_it_may_have_sent(void **state)
{
    (void)state;
    struct rig p;
    struct restore_copy copy;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m0"});
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"}); /* of the same person: it waits */
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_QUEUED);
    restore_back_up(&p, &copy);
    restore_put_back(&p, &copy, 1);
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_SENT);
    assert_int_equal(rig_count(&p, CMD_SEND_OUTCOME), 0);
    rig_advance(&p, 10000);
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    rig_simple(&p, EVENT_HEARD, "B");
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0); /* not while any peer may hold it */
    rig_simple(&p, EVENT_HEARD, "A");
    for (int asked = 0; asked < 2; asked++)
        assert_int_equal(rig_expect(&p, CMD_SEND_UPDATE)->travel.time_left_ms, 0);
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_ANSWERED);
    rig_finish(&p);
}

/* On the way nothing is known of an update that the next hop has posted: its word shows the way, and a
 * reversal waits for that word. */
static void
the_next_hop_shows_the_way(void **state)
{
    (void)state;
    struct rig p;
    struct restore_copy copy;
    rig_transit(&p);
    restore_back_up(&p, &copy);
    restore_put_back(&p, &copy, 1);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_simple(&p, EVENT_HEARD, "A");
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_ACK), 0);
    assert_int_equal(rig_count(&p, CMD_SEND_OUTCOME), 0);
    restore_tell_held(&p, (struct restore_word){.from = "B",
                                                .msgid = "m1",
                                                .had_from_us = 1,
                                                .state = STATE_ANSWERED,
                                                .effect = 1,
                                                .answer = "answer"});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_ANSWERED);
    rig_simple(&p, EVENT_HEARD, "B");
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSING);
    assert_int_equal(rig_count(&p, CMD_SEND_OUTCOME), 0);
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REVERSED});
    assert_string_equal(rig_expect(&p, CMD_SEND_OUTCOME)->to, "A");
    rig_finish(&p);
}

/* Not sent to us before the loss: it will come, and is no riddle. */
static void
what_a_peer_has_not_sent_yet_is_nothing(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m1", .state = STATE_QUEUED});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_NONE);
    restore_tell_held(&b, (struct restore_word){.from = "P", .msgid = "m2", .state = STATE_SENT});
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_finish(&b);
}

/* The cancel of a lost store is nobody's that is known here, and in force. */
static void
a_forgotten_cancel_is_ours(void **state)
{
    (void)state;
    struct rig b;
    struct restore_copy copy;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    restore_back_up(&b, &copy);
    restore_put_back(&b, &copy, FEP_REVERSES | FEP_CALLS_OUT);
    rig_simple(&b, EVENT_HEARD, "P");
    rig_simple(&b, EVENT_HEARD, "lb");
    rig_simple(&b, EVENT_HEARD, "la");
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&b, 200000);
    for (int sending = 0; sending < 2; sending++) { /* the first may cross one from before the loss */
        const struct core_command *reverse = rig_expect(&b, CMD_SUBMIT);
        assert_int_equal(reverse->operation, CORE_OP_REVERSE);
        rig_done(&b, (struct rig_done){.call = reverse->reference,
                                       .kind = FEP_REFUSED,
                                       .code = 2503,
                                       .finding = FEP_FOUND_STAYS_POSTED});
        rig_advance(&b, 200000);
        if (rig_count(&b, CMD_SUBMIT) == 0)
            continue;
        const struct core_command *next = rig_expect(&b, CMD_SUBMIT);
        if (next->operation == CORE_OP_REVERSE)
            continue;
        assert_int_equal(next->operation, CORE_OP_UNDO);
        rig_done(&b, (struct rig_done){.call = next->reference, .kind = FEP_REFUSED, .code = 2402});
        break;
    }
    rig_advance(&b, 3000);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* The one that was not restored. */
static void
a_restored_peer_is_not_offered_the_same_again(void **state)
{
    (void)state;
    struct rig p;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1", .person = 1});
    rig_acked(&p, "B", "m1", ACKED_UPDATE);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m2", .person = 2});
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m3", .person = 3});
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m3"});
    rig_acked(&p, "B", "m3", ACKED_REVERSAL);
    rig_simple(&p, EVENT_PEER_DOWN, "B");
    rig_forget(&p);
    struct core_event up = {.type = EVENT_PEER_UP, .from = "B", .flag = 1};
    rig_step(&p, &up);
    rig_advance(&p, 60000);
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    assert_true(rig_count(&p, CMD_SEND_REVERSAL) > 0); /* that one it has forgotten */
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m4", .person = 4});
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 1);
    rig_finish(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_and_unheard_is_not_posted_again),
        cmocka_unit_test(what_was_told_stays_and_waits_for_its_serial),
        cmocka_unit_test(closes_when_its_instance_is_resolved),
        cmocka_unit_test(not_reversed_by_schedule_before_the_previous_hop_was_heard),
        cmocka_unit_test(nothing_is_posted_while_the_instance_is_resolving),
        cmocka_unit_test(the_reversal_of_an_unknown_one_waits_for_the_details),
        cmocka_unit_test(queued_in_the_backup_may_have_been_posted),
        cmocka_unit_test(a_later_ending_replaces_what_the_backup_has),
        cmocka_unit_test(a_higher_attempt_is_not_known_here),
        cmocka_unit_test(a_caller_is_told_open_until_the_peer_was_heard),
        cmocka_unit_test(an_open_one_asks_and_is_not_reversed_before),
        cmocka_unit_test(nobody_knows_it_then_it_is_reversed),
        cmocka_unit_test(a_later_attempt_is_taken_over),
        cmocka_unit_test(a_forgotten_reversal_goes_on),
        cmocka_unit_test(transit_asks_for_what_it_may_have_sent),
        cmocka_unit_test(the_next_hop_shows_the_way),
        cmocka_unit_test(what_a_peer_has_not_sent_yet_is_nothing),
        cmocka_unit_test(a_forgotten_cancel_is_ours),
        cmocka_unit_test(a_restored_peer_is_not_offered_the_same_again),
    };
    return cmocka_run_group_tests_name("core restored", tests, NULL, NULL);
}
