/* The holes that review, a model and the simulator found in earlier drafts of the rules, each from its trace.
 */
#include "rig.h"

enum { BOTH = FEP_INQUIRES | FEP_REVERSES };

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

static uint64_t
call_of(struct rig *rig, uint8_t operation)
{
    const struct core_command *submit = rig_expect(rig, CMD_SUBMIT);
    assert_int_equal(submit->operation, operation);
    return submit->reference;
}

static void
answer(struct rig *rig, const char *msgid, const char *infno, const char *settlement)
{
    rig_update(rig,
               (struct rig_message){.from = "P", .msgid = msgid, .infno = infno, .settlement = settlement});
    uint64_t call = call_of(rig, CORE_OP_SUBMIT);
    rig_done(
        rig,
        (struct rig_done){
            .call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .settlement = settlement});
    rig_acked(rig, "P", msgid, ACKED_OUTCOME);
}

/* Attempt 1 refused; the reversal of attempt 2 comes first, and finds only the refusal. */
static void
hole_f1(void **state)
{
    (void)state;
    struct rig b, p;
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_SUBMIT), .kind = FEP_REFUSED, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 2});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_REVERSED);
    assert_int_equal(outcome->travel.attempt, 2);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 2});
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
    /* On the way the same: a refusal of attempt 1 says nothing of attempt 2, so the reversal goes on. */
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REFUSED});
    rig_acked(&p, "A", "m1", ACKED_OUTCOME);
    rig_forget(&p);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1", .attempt = 2});
    assert_int_equal(rig_expect(&p, CMD_SEND_REVERSAL)->travel.attempt, 2);
    rig_outcome(&p,
                (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REFUSED}); /* of attempt 1 */
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSING);
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .attempt = 2, .state = STATE_REVERSED});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSED);
    rig_finish(&p);
}

/* A refusal that is not stored; a second copy is accepted and posts. */
static void
hole_f2(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    b.manual_commit = 1;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 1000});
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0);
    b.refuse_writes = 1;
    rig_commit(&b);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME) + rig_count(&b, CMD_ACK), 0);
    b.refuse_writes = 0;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 1000});
    rig_commit(&b);
    assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.state, STATE_REFUSED);
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .time_left_ms = 80000});
    rig_commit(&b);
    rig_commit(&b);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    rig_finish(&b);
}

/* A call offered again to a new host; the copy is refused, and then the first bytes post. */
static void
hole_f3(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_REVERSES);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    uint64_t call = call_of(&b, CORE_OP_SUBMIT);
    rig_simple(&b, EVENT_HOST_DOWN, "lb");
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | FEP_REVERSES, NULL, 0);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 1005, .epoch = 2});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    rig_advance(&b, 3000);
    finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_NEVER_ARRIVED);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* A late posted answer is adopted after the reversal is committed; then the posting is undone. */
static void
hole_f4(void **state)
{
    (void)state;
    struct rig a, b;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_advance(&a, 80000);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"}); /* somebody waits again */
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_count(&a, CMD_RENDER), 0);
    rig_finish(&a);
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    uint64_t call = call_of(&b, CORE_OP_SUBMIT);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .body = "answer", .late = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    assert_int_equal(rig_count(&b, CMD_SEND_OUTCOME), 0);
    rig_finish(&b);
}

/* The cancel loses its answer; a second cancel is refused: "stands", though it is cancelled. */
static void
hole_f5(void **state)
{
    (void)state;
    static const struct {
        uint32_t abilities;
        enum fep_finding found;
        enum exchange_state ends;
    } cases[] = {{BOTH, FEP_FOUND_CANCELLED, STATE_REVERSED},
                 {FEP_REVERSES, FEP_FOUND_STAYS_POSTED, STATE_REVERSED},    /* the cancel is in force */
                 {FEP_REVERSES, FEP_FOUND_NEVER_ARRIVED, STATE_REVERSING}}; /* it is not: cancel anew */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig b;
        rig_destination(&b, cases[i].abilities);
        answer(&b, "m1", "2207", "S1");
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
        declined(&b, call_of(&b, CORE_OP_REVERSE));
        const struct core_command *undo = rig_expect(&b, CMD_SUBMIT);
        uint64_t cancel = undo->cancel.serial;
        rig_done(&b, (struct rig_done){.call = undo->reference, .kind = FEP_UNKNOWN});
        rig_advance(&b, 5000);
        if (cases[i].abilities & FEP_INQUIRES) {
            finding(&b, call_of(&b, CORE_OP_INQUIRE), cases[i].found);
            rig_advance(&b, 1000); /* the store is asked whether somebody else cancelled it */
        } else {
            undo = rig_expect(&b, CMD_SUBMIT);
            assert_int_equal(undo->operation, CORE_OP_REVERSE_UNDO);
            assert_int_equal(undo->cancel.serial, cancel);
            if (cases[i].found == FEP_FOUND_STAYS_POSTED)
                declined(&b, undo->reference);
            else
                finding(&b, undo->reference, cases[i].found);
        }
        assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), cases[i].ends);
        if (cases[i].ends == STATE_REVERSING)
            assert_int_not_equal(rig_expect(&b, CMD_SUBMIT)->cancel.serial, cancel); /* a new serial */
        else
            assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
        rig_finish(&b);
    }
    /* Inquiry that keeps saying "posted" proves nothing while the cancel may still arrive: its own serial is
     * reversed. */
    struct rig b;
    rig_destination(&b, BOTH);
    answer(&b, "m1", "2207", "S1");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    declined(&b, call_of(&b, CORE_OP_REVERSE));
    rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_UNKNOWN});
    static const int64_t pauses[] = {5000, 10000, 30000, 75000};
    for (int i = 0; i < 4; i++) {
        rig_advance(&b, pauses[i]);
        finding(&b, call_of(&b, CORE_OP_INQUIRE), FEP_FOUND_POSTED);
    }
    (void)call_of(&b, CORE_OP_REVERSE_UNDO);
    rig_finish(&b);
}

/* 2402 came from the person's own cancel u2: u1 is told reversed, u2 is then reversed, and u1 is posted
 * again. */
static void
hole_f6(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        struct rig b;
        rig_destination(&b, BOTH);
        answer(&b, "u1", "2207", "S1");
        answer(&b, "u2", "2208", "S1");
        if (crash) { /* what was settled and closed before is found in the store */
            rig_crash(&b);
            rig_parties_up(&b, FEP_CALLS_OUT | BOTH);
        }
        rig_forget(&b);
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u1"});
        declined(&b, call_of(&b, CORE_OP_REVERSE));
        rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_REFUSED, .code = 2402});
        rig_advance(&b, 3000);
        assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION), STATE_STANDS);
        rig_forget(&b);
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u2", .infno = "2208"});
        finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_REVERSED);
        assert_int_equal(rig_disk(&b, "u2", ROLE_DESTINATION), STATE_REVERSED);
        assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION),
                         STATE_STANDS); /* posted again, as it was told */
        rig_finish(&b);
    }
    /* Nobody known here cancelled it: it is not told reversed; the whole way is tried again, and a person is
     * called. */
    struct rig b;
    rig_destination(&b, BOTH);
    answer(&b, "u1", "2207", "S1");
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u1"});
    declined(&b, call_of(&b, CORE_OP_REVERSE));
    rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_REFUSED, .code = 2402});
    rig_advance(&b, 400000);
    assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION), STATE_REVERSING);
    assert_int_equal(rig_expect(&b, CMD_ALARM)->code, FEP_E_RESOLVE_LONG);
    (void)call_of(&b, CORE_OP_REVERSE);
    rig_finish(&b);
}

/* As F6, but the answer of the ladder's own cancel is lost, so that only an inquiry tells of 2402's reason:
 * "cancelled" means cancelled by u2. Told reversed without pinning it, u1 would be posted again when u2 is
 * undone. */
static void
hole_f14(void **state)
{
    (void)state;
    for (int crash = 0; crash < 2; crash++) {
        struct rig b;
        rig_destination(&b, BOTH);
        answer(&b, "u1", "2207", "S1");
        answer(&b, "u2", "2208", "S1");
        if (crash) {
            rig_crash(&b);
            rig_parties_up(&b, FEP_CALLS_OUT | BOTH);
        }
        rig_forget(&b);
        rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u1"});
        declined(&b, call_of(&b, CORE_OP_REVERSE));
        rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_UNKNOWN});
        rig_advance(&b, 5000);
        uint64_t inquiry = call_of(&b, CORE_OP_INQUIRE);
        rig_forget(&b);
        finding(&b, inquiry, FEP_FOUND_CANCELLED);
        rig_advance(&b, 3000);
        /* It stands beside u2, but not before our own cancel can not come any more. */
        assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION), STATE_REVERSING);
        uint64_t asked = call_of(&b, CORE_OP_REVERSE_UNDO);
        rig_forget(&b);
        finding(&b, asked, FEP_FOUND_NEVER_ARRIVED);
        rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_REFUSED, .code = 2402});
        rig_advance(&b, 3000);
        assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION), STATE_STANDS);
        rig_finish(&b);
    }
}

/* The inquiry's "cancelled" meant u2, which is being undone when the answer comes: it is made again, and what
 * is posted by then is cancelled. */
static void
hole_f15(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    answer(&b, "u1", "2207", "S1");
    answer(&b, "u2", "2208", "S1");
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u1"});
    declined(&b, call_of(&b, CORE_OP_REVERSE));
    rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_UNDO), .kind = FEP_UNKNOWN});
    rig_advance(&b, 5000);
    uint64_t inquiry = call_of(&b, CORE_OP_INQUIRE);
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "u2"});
    finding(&b, inquiry, FEP_FOUND_CANCELLED);
    finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_REVERSED);
    assert_int_equal(rig_disk(&b, "u2", ROLE_DESTINATION), STATE_REVERSED);
    rig_forget(&b);
    rig_advance(&b, 3000);
    assert_int_equal(rig_disk(&b, "u1", ROLE_DESTINATION), STATE_REVERSING);
    (void)call_of(&b, CORE_OP_INQUIRE);
    rig_finish(&b);
}

/* 2503 came only from a dependent u2, and an older sending of u1's reversal takes effect later. */
static void
hole_f7(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    answer(&b, "m1", "2207", "S1");
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_done(&b, (struct rig_done){.call = call_of(&b, CORE_OP_REVERSE),
                                   .kind = FEP_UNKNOWN}); /* may still arrive */
    rig_advance(&b, 3000);
    declined(&b, call_of(&b, CORE_OP_REVERSE));
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    rig_advance(&b, 100000);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_advance(&b, 60000);
    finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_REVERSED); /* it did take effect meanwhile */
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* A delayed copy of the caller's request after a refusal starts the next attempt and posts. */
static void
hole_f8(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_outcome(&a, (struct rig_message){
                        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = FEP_REPEATABLE});
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 0});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.state, STATE_REFUSED);
    rig_finish(&a);
}

/* A next attempt while an old reversal is stored: a second ending. */
static void
hole_f9(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_outcome(&a, (struct rig_message){
                        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = FEP_REPEATABLE});
    rig_forget(&a);
    rig_request(&a,
                (struct rig_request){
                    .msgid = "x1", .infno = "2601", .original = "m1", .transaction_class = CLASS_REVERSAL});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.finding, FEP_FOUND_NEVER_ARRIVED);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REFUSED); /* its ending stays what was told */
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.state, STATE_REFUSED);
    rig_finish(&a);
}

/* A reversal of an unseen original is passed on without a record; the route changes; the original posts
 * elsewhere. */
static void
hole_f10(void **state)
{
    (void)state;
    struct rig p;
    const struct route_rule elsewhere = {.prefix = "45", .targets = {"C"}};
    rig_transit(&p);
    core_add_peer(p.core, "C");
    rig_simple(&p, EVENT_PEER_UP, "C");
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REVERSED});
    rig_acked(&p, "A", "m1", ACKED_OUTCOME);
    rig_set_routes(&p, &elsewhere, 1);
    rig_forget(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    /* The same where the new way would make this gateway the destination: one key for both. */
    const struct route_rule here = {.prefix = "45", .targets = {"lp"}, .targets_local = 1};
    core_add_instance(p.core, "lp");
    rig_host_up(&p, "lp", 1, FEP_CALLS_OUT | BOTH, NULL, 0);
    rig_set_routes(&p, &here, 1);
    rig_acked(&p, "A", "m1", ACKED_OUTCOME);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_SUBMIT), 0);
    rig_finish(&p);
}

/* An old acknowledgement, or an old refusal, speaks for a later attempt. */
static void
hole_f11(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    uint64_t first = rig_expect(&a, CMD_SEND_UPDATE)->reference;
    struct rig_message refused = {
        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = FEP_REPEATABLE};
    rig_outcome(&a, refused);
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1});
    uint64_t second = rig_expect(&a, CMD_SEND_UPDATE)->reference;
    assert_int_not_equal(first, second);
    struct core_event acked = {.type = EVENT_ACKED, .from = "P", .acked = ACKED_UPDATE, .reference = first};
    acked.header.key = rig_key("m1");
    rig_step(&a, &acked);
    assert_int_equal(rig_state(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    rig_outcome(&a, refused);
    assert_int_equal(rig_state(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    acked.reference = second;
    rig_step(&a, &acked);
    assert_int_equal(rig_state(&a, "m1", ROLE_ORIGIN), STATE_RELAYED);
    rig_finish(&a);
    /* The acknowledgement of an answer does not close the exchange that is being undone since. */
    struct rig b;
    rig_destination(&b, BOTH);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_done(&b,
             (struct rig_done){.call = call_of(&b, CORE_OP_SUBMIT), .kind = FEP_ANSWERED, .body = "answer"});
    uint64_t answered = rig_expect(&b, CMD_SEND_OUTCOME)->reference;
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_REVERSED);
    struct core_event stale = {
        .type = EVENT_ACKED, .from = "P", .acked = ACKED_OUTCOME, .reference = answered};
    stale.header.key = rig_key("m1");
    rig_step(&b, &stale);
    assert_int_equal(rig_state(&b, "m1", ROLE_DESTINATION), STATE_REVERSED); /* still to be handed over */
    rig_finish(&b);
}

/* u2 overtakes a resent u1. */
static void
hole_f12(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "u1"});
    rig_request(&a, (struct rig_request){.msgid = "u2"});
    for (int i = 0; i < 3; i++) { /* u1 is lost and offered again; u2 stays behind it */
        assert_string_equal(rig_expect(&a, CMD_SEND_UPDATE)->header.key.msgid, "u1");
        assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
        rig_advance(&a, 5000);
    }
    rig_forget(&a);
    rig_acked(&a, "P", "u1", ACKED_UPDATE);
    assert_string_equal(rig_expect(&a, CMD_SEND_UPDATE)->header.key.msgid, "u2");
    rig_finish(&a);
}

/* A's reversal is declined at B as "answered" and never ends; or an inconsistent answer is reversed after it
 * was told. */
static void
hole_f13(void **state)
{
    (void)state;
    struct rig b, p, a;
    rig_destination(&b, BOTH);
    answer(&b, "m1", "2207", "S1"); /* closed, handed over */
    rig_forget(&b);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    finding(&b, call_of(&b, CORE_OP_REVERSE), FEP_FOUND_REVERSED);
    assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    rig_finish(&b);
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_ANSWERED});
    rig_acked(&p, "A", "m1", ACKED_OUTCOME);
    rig_forget(&p);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_SEND_REVERSAL), 1);
    rig_finish(&p);
    rig_origin(&a);
    uint64_t ticket = rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    struct core_event rendered = {.type = EVENT_RENDERED, .from = "la", .reference = ticket, .epoch = 1};
    rig_step(&a, &rendered);
    assert_int_equal(rig_count(&a, CMD_TELL), 0); /* not told answered, not even for a moment */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    rig_finish(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hole_f1),  cmocka_unit_test(hole_f2),  cmocka_unit_test(hole_f3),
        cmocka_unit_test(hole_f4),  cmocka_unit_test(hole_f5),  cmocka_unit_test(hole_f6),
        cmocka_unit_test(hole_f7),  cmocka_unit_test(hole_f8),  cmocka_unit_test(hole_f9),
        cmocka_unit_test(hole_f10), cmocka_unit_test(hole_f11), cmocka_unit_test(hole_f12),
        cmocka_unit_test(hole_f13), cmocka_unit_test(hole_f14), cmocka_unit_test(hole_f15),
    };
    return cmocka_run_group_tests_name("core holes", tests, NULL, NULL);
}
