/* One test for each rule of the hop protocol, by its number and name, as far as it is the core's to keep.
 * Rules 22 and 23 are the store's and the link's; 13 has a file of its own (cure_test.c). */
#include "rig.h"

static void
render(struct rig *rig, uint64_t ticket, int ok)
{
    struct core_event event = {
        .type = EVENT_RENDERED, .from = "la", .reference = ticket, .epoch = 1, .flag = (uint8_t)ok};
    rig_step(rig, &event);
}

/* An update at A that is sent and acknowledged. */
static uint64_t
send_one(struct rig *rig, const char *msgid)
{
    uint64_t ticket = rig_request(rig, (struct rig_request){.msgid = msgid});
    rig_acked(rig, "P", msgid, ACKED_UPDATE);
    rig_forget(rig);
    return ticket;
}

static void
answer_one(struct rig *rig, const char *msgid, uint64_t ticket)
{
    rig_outcome(rig, (struct rig_message){.from = "P", .msgid = msgid, .state = STATE_ANSWERED, .effect = 1});
    render(rig, ticket, 1);
    assert_int_equal(rig_disk(rig, msgid, ROLE_ORIGIN), STATE_ANSWERED);
    rig_forget(rig);
}

static uint64_t
dispatch_one(struct rig *rig, const char *msgid, uint8_t person)
{
    rig_update(rig, (struct rig_message){.from = "P", .msgid = msgid, .person = person});
    uint64_t call = rig_expect(rig, CMD_SUBMIT)->reference;
    rig_forget(rig);
    return call;
}

static void
rule_01_key(void **state)
{
    (void)state;
    struct rig a, p;
    rig_origin(&a);
    uint64_t ticket = send_one(&a, "m1");
    uint64_t other = rig_request(&a, (struct rig_request){.msgid = "m1", .body = "another patient"});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->reference, other);
    assert_int_equal(told->outcome.kind, FEP_REFUSED);
    assert_int_equal(told->outcome.code, FEP_E_OTHER_CONTENT);
    assert_int_equal(rig_expect(&a, CMD_ALARM)->code, FEP_E_OTHER_CONTENT);
    answer_one(&a, "m1", ticket); /* the first is untouched; and closed, the store still knows the digest */
    rig_request(&a, (struct rig_request){.msgid = "m1", .body = "another patient"});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_OTHER_CONTENT);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);

    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_forget(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1", .body = "another patient"});
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.state, STATE_REFUSED);
    assert_int_equal(rig_count(&p, CMD_ALARM), 1);
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    /* Only the path of its origin may ask for its reversal. */
    rig_forget(&p);
    rig_reversal(&p, (struct rig_message){.from = "B", .msgid = "m1"});
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_SENT);
    assert_int_equal(rig_expect(&p, CMD_ALARM)->code, FEP_E_NOT_ORIGIN);
    rig_finish(&p);
}

static void
rule_02_copy(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = send_one(&a, "m1");
    uint64_t joined = rig_request(&a, (struct rig_request){.msgid = "m1"}); /* a copy of an open one joins */
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    render(&a, ticket, 1);
    assert_int_equal(rig_expect(&a, CMD_TELL)->reference, ticket);
    assert_int_equal(rig_expect(&a, CMD_TELL)->reference, joined);
    uint64_t later =
        rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1}); /* closed: the stored ending */
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->reference, later);
    assert_int_equal(told->outcome.kind, FEP_ANSWERED);
    assert_int_equal(told->outcome.copy, 1);
    assert_memory_equal(told->body.data, "answer", 6);
    assert_int_equal(rig_count(&a, CMD_LOG_OUTCOME), 1); /* once, not again for the copy */
    rig_finish(&a);

    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    uint64_t call = rig_expect(&b, CMD_SUBMIT)->reference;
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    assert_int_equal(rig_count(&b, CMD_ACK), 2);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_forget(&b);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    const struct core_command *outcome = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_REFUSED);
    assert_int_equal(outcome->outcome.code, 2301);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_finish(&b);
}

static void
rule_02_next_attempt(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    struct rig_message refused = {
        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .refusal_class = FEP_REPEATABLE, .code = 9001};
    send_one(&a, "m1");
    rig_outcome(&a, refused);
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1"}); /* not known to be fresh: the stored refusal */
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, 9001);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1});
    const struct core_command *send = rig_expect(&a, CMD_SEND_UPDATE);
    assert_int_equal(send->travel.attempt, 2);
    assert_int_equal(send->body.size, strlen("settle"));
    rig_outcome(&a, refused); /* of a lower attempt: dropped, acknowledged */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT);
    refused.attempt = 2;
    refused.refusal_class = FEP_FINAL;
    rig_outcome(&a, refused);
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1}); /* final: never again */
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_finish(&a);

    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = dispatch_one(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301});
    rig_acked(&b, "P", "m1", ACKED_OUTCOME);
    rig_forget(&b);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 2});
    assert_int_not_equal(rig_expect(&b, CMD_SUBMIT)->reference, call);              /* a serial of its own */
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1", .attempt = 1}); /* dropped */
    assert_int_equal(rig_state(&b, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    rig_finish(&b);
}

static void
rule_03_loop(void **state)
{
    (void)state;
    struct rig a, p;
    rig_origin(&a);
    send_one(&a, "m1");
    rig_update(&a, (struct rig_message){.from = "P", .msgid = "m1"});
    const struct core_command *outcome = rig_expect(&a, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_REFUSED);
    assert_int_equal(outcome->outcome.code, FEP_E_ROUTING_LOOP);
    assert_int_equal(rig_count(&a, CMD_ACK), 1);
    assert_int_equal(rig_expect(&a, CMD_ALARM)->code, FEP_E_ROUTING_LOOP);
    rig_outcome(&a, (struct rig_message){
                        .from = "P", .msgid = "m1", .state = STATE_REFUSED, .code = FEP_E_ROUTING_LOOP});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REFUSED);
    rig_finish(&a);
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m2", .hops = 1});
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.code, FEP_E_TOO_MANY_HOPS);
    rig_update(&p, (struct rig_message){.from = "B", .msgid = "m3"}); /* back to where it came from */
    assert_int_equal(rig_expect(&p, CMD_SEND_OUTCOME)->outcome.code, FEP_E_ROUTING_LOOP);
    assert_int_equal(rig_count(&p, CMD_SEND_UPDATE), 0);
    rig_finish(&p);
}

static void
rule_04_horizon(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    struct core_event event = {.type = EVENT_UPDATE, .from = "P", .reference = 1};
    event.header.key = rig_key("old");
    event.header.day = 20260901;
    memcpy(event.header.infno, "2207", 5);
    memcpy(event.header.insured_area, "450900", 7);
    event.travel = (struct travel){.attempt = 1, .time_left_ms = 80000, .hops_left = 3};
    rig_step(&b, &event);
    assert_int_equal(rig_expect(&b, CMD_SEND_OUTCOME)->outcome.code, FEP_E_OVER_HORIZON);
    assert_int_equal(rig_count(&b, CMD_ACK), 1);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_finish(&b);

    /* A repeat after midnight is the same update; one whose answer is not held any more is never run again.
     */
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = send_one(&a, "m1");
    answer_one(&a, "m1", ticket);
    a.wall_ms += 24 * 3600 * 1000;
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.kind, FEP_ANSWERED);
    slice_release(&a.rows[0].answer);
    rig_request(&a, (struct rig_request){.msgid = "m1", .fresh = 1});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_UNKNOWN);
    assert_int_equal(told->outcome.code, FEP_E_BODY_GONE);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_finish(&a);
}

static void
rule_05_mark(void **state)
{
    (void)state;
    struct rig a, b;
    rig_origin(&a);
    a.manual_commit = 1;
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_crash(&a); /* before the commit: it was never there */
    rig_parties_up(&a, 1);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_NONE);
    a.manual_commit = 0;
    rig_request(&a, (struct rig_request){.msgid = "m2"});
    rig_crash(&a); /* marked: counts as sent and past its deadline, and is not sent again */
    rig_parties_up(&a, 1);
    rig_advance(&a, 60000);
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_REVERSING);
    assert_true(rig_count(&a, CMD_SEND_REVERSAL) > 0);
    rig_finish(&a);

    rig_origin(&a);
    send_one(&a, "m1");
    rig_request(&a, (struct rig_request){.msgid = "m2"});
    rig_request(&a, (struct rig_request){.msgid = "m3"});
    rig_crash(&a);
    rig_parties_up(&a, 1); /* without a mark: never sent */
    assert_int_equal(rig_disk(&a, "m3", ROLE_ORIGIN), STATE_REFUSED);
    rig_outcome(&a,
                (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED}); /* in the grace */
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);

    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = dispatch_one(&b, "m1", 0);
    uint64_t other = dispatch_one(&b, "m2", 1);
    rig_crash(&b);
    rig_parties_up(&b, 0);
    rig_host_up(&b, "lb", 1, FEP_CALLS_OUT | FEP_INQUIRES, &call, 1);
    assert_int_equal(rig_state(&b, "m1", ROLE_DESTINATION), STATE_DISPATCHED); /* the host still holds it */
    assert_int_equal(rig_state(&b, "m2", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    assert_int_not_equal(other, call);
    rig_finish(&b);
}

static void
rule_06_attempt_record(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = dispatch_one(&b, "m1", 0);
    const struct rig_row *row = rig_row(&b, "m1", ROLE_DESTINATION);
    assert_int_equal(row->record.local.serial, call);
    assert_int_equal(row->record.local.serial_date, 20261121);
    assert_string_equal(row->record.target, "lb");
    assert_true(b.serial_counter > call % LOCAL_SERIAL_COUNTER);
    b.config.incarnation = 8; /* a restore: no serial comes twice, whatever the counter says */
    rig_crash(&b);
    b.serial_counter = 1;
    rig_parties_up(&b, FEP_CALLS_OUT | FEP_INQUIRES);
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m9", .person = 9});
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->local.serial / LOCAL_SERIAL_COUNTER, 8);
    rig_finish(&b);
}

static void
rule_07_path(void **state)
{
    (void)state;
    struct rig p;
    const struct route_rule elsewhere = {.prefix = "45", .targets = {"C"}};
    rig_transit(&p);
    core_add_peer(p.core, "C");
    rig_simple(&p, EVENT_PEER_UP, "C");
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    assert_string_equal(rig_expect(&p, CMD_SEND_UPDATE)->to, "B");
    rig_set_routes(&p, &elsewhere, 1);
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"}); /* keeps the stored path */
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    rig_outcome(&p,
                (struct rig_message){.from = "C", .msgid = "m1", .state = STATE_REVERSED}); /* not on it */
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REVERSING);
    rig_finish(&p);

    /* Fallback is for what was never sent. */
    struct rig a;
    const struct route_rule two = {.prefix = "45", .targets = {"P", "Q"}};
    rig_origin(&a);
    core_add_peer(a.core, "Q");
    rig_simple(&a, EVENT_PEER_UP, "Q");
    rig_set_routes(&a, &two, 1);
    rig_request(&a, (struct rig_request){.msgid = "m1"});
    rig_request(&a, (struct rig_request){.msgid = "m2"}); /* queued behind m1 */
    rig_forget(&a);
    rig_simple(&a, EVENT_PEER_DOWN, "P");
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0); /* m1 was sent: it stays on P */
    rig_request(&a, (struct rig_request){.msgid = "m3", .person = 3});
    assert_string_equal(rig_expect(&a, CMD_SEND_UPDATE)->to, "Q");
    struct message_key key = rig_key("m2");
    assert_string_equal(core_find(a.core, &key, ROLE_ORIGIN)->target, "Q");
    rig_finish(&a);
}

static void
rule_08_no_route(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "m1", .area = "310000"});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.code, FEP_E_NO_ROUTE);
    assert_int_equal(told->outcome.refusal_class, FEP_FINAL);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REFUSED); /* committed as any */
    send_one(&a, "m2");
    rig_request(&a, (struct rig_request){.msgid = "m3"}); /* m3 waits for nobody: m2 is acknowledged */
    rig_request(&a, (struct rig_request){.msgid = "m4"}); /* m4 waits for m3's acknowledgement */
    assert_int_equal(rig_state(&a, "m4", ROLE_ORIGIN), STATE_QUEUED);
    rig_forget(&a);
    rig_simple(&a, EVENT_PEER_DOWN, "P"); /* at once, not at the deadline */
    assert_int_equal(rig_disk(&a, "m4", ROLE_ORIGIN), STATE_REFUSED);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.refusal_class, FEP_REPEATABLE);
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_SENT);
    rig_request(&a, (struct rig_request){.msgid = "m5", .person = 5});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_ALL_ROUTES_DOWN);
    rig_simple(&a, EVENT_PEER_UP, "P");
    rig_simple(&a, EVENT_HOLD, "P");
    rig_request(&a, (struct rig_request){.msgid = "m6", .person = 6});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_HELD);
    rig_simple(&a, EVENT_REOPEN, "P");
    rig_forget(&a);
    rig_request(&a, (struct rig_request){.msgid = "m7", .person = 7});
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 1);
    rig_finish(&a);
}

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
    uint64_t ticket = send_one(&a, "m1");
    answer_one(&a, "m1", ticket);
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
    ticket = send_one(&a, "m2");
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
    send_one(&a, "m1");
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
        uint64_t call = dispatch_one(&b, "m1", 0);
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
    uint64_t call = dispatch_one(&b, "m1", 0);
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
    uint64_t call = dispatch_one(&b, "m1", 0);
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
    uint64_t ticket = send_one(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT); /* asked first */
    render(&a, ticket, 0);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_row(&a, "m1", ROLE_ORIGIN)->record.reversal_cause, REVERSAL_INCONSISTENT);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_REVERSED});
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.state, STATE_REVERSED);
    ticket = send_one(&a, "m2");
    rig_outcome(&a,
                (struct rig_message){
                    .from = "P", .msgid = "m2", .state = STATE_ANSWERED, .reason = FEP_REASON_INCONSISTENT});
    assert_int_equal(rig_disk(&a, "m2", ROLE_ORIGIN), STATE_REVERSING);
    assert_int_equal(rig_count(&a, CMD_RENDER), 0);
    rig_finish(&a);
    /* The caller's host goes while the answer is being tried: nobody to tell, so it is answered. */
    rig_origin(&a);
    send_one(&a, "m1");
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    rig_simple(&a, EVENT_HOST_DOWN, "la");
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    rig_finish(&a);
}

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
    uint64_t call = dispatch_one(&b, "m1", 0);
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
    uint64_t call = dispatch_one(&b, "m1", 0);
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
}

static void
rule_20_epoch(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES);
    uint64_t call = dispatch_one(&b, "m1", 0);
    rig_host_up(&b, "lb", 2, FEP_CALLS_OUT | FEP_INQUIRES, &call, 1); /* a new epoch, whatever it lists */
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0); /* never offered to the new one */
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2301, .epoch = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_finish(&b);
    rig_destination(&b, FEP_INQUIRES);
    call = dispatch_one(&b, "m1", 0);
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

static void
rule_21_late(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_INQUIRES | FEP_REVERSES);
    uint64_t call = dispatch_one(&b, "m1", 0);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_done(&b,
             (struct rig_done){.call = call, .kind = FEP_ANSWERED, .effect = 1, .body = "answer", .late = 1});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    call = dispatch_one(&b, "m2", 2);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_done(
        &b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .late = 1}); /* posted, its words missing */
    assert_int_equal(rig_expect(&b, CMD_SUBMIT)->operation, CORE_OP_INQUIRE);
    rig_reversal(&b, (struct rig_message){.from = "P", .msgid = "m2", .person = 2});
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .body = "answer", .late = 1});
    assert_int_equal(rig_disk(&b, "m2", ROLE_DESTINATION), STATE_REVERSING); /* it only helps the reversal */
    call = dispatch_one(&b, "m3", 3);
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
    uint64_t ticket = send_one(&a, "m1");
    rig_request(&a, inquiry);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.finding, FEP_FOUND_IN_PROGRESS);
    answer_one(&a, "m1", ticket);
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
    uint64_t call = dispatch_one(&b, "m1", 3);
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
        cmocka_unit_test(rule_01_key),
        cmocka_unit_test(rule_02_copy),
        cmocka_unit_test(rule_02_next_attempt),
        cmocka_unit_test(rule_03_loop),
        cmocka_unit_test(rule_04_horizon),
        cmocka_unit_test(rule_05_mark),
        cmocka_unit_test(rule_06_attempt_record),
        cmocka_unit_test(rule_07_path),
        cmocka_unit_test(rule_08_no_route),
        cmocka_unit_test(rule_09_time_left),
        cmocka_unit_test(rule_10_deadline),
        cmocka_unit_test(rule_11_answered_is_answered),
        cmocka_unit_test(rule_12_one_reversal),
        cmocka_unit_test(rule_14_evidence),
        cmocka_unit_test(rule_15_always_admitted),
        cmocka_unit_test(rule_15_bounds),
        cmocka_unit_test(rule_16_inconsistent),
        cmocka_unit_test(rule_17_order_key),
        cmocka_unit_test(rule_18_clarifying),
        cmocka_unit_test(rule_19_commit_then_acknowledge),
        cmocka_unit_test(rule_20_epoch),
        cmocka_unit_test(rule_21_late),
        cmocka_unit_test(rule_24_resend_is_the_same),
        cmocka_unit_test(rule_25_query_from_the_store),
        cmocka_unit_test(rule_26_index),
    };
    return cmocka_run_group_tests_name("core rules", tests, NULL, NULL);
}
