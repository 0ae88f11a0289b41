/* One test for each rule of the hop protocol, by its number and name, as far as it is the core's to keep.
 * Rules 1 to 8: keys, copies, loops, marks and paths. */
#include "steps.h"

static void
rule_01_key(void **state)
{
    (void)state;
    struct rig a, p;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    uint64_t other = rig_request(&a, (struct rig_request){.msgid = "m1", .body = "another patient"});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->reference, other);
    assert_int_equal(told->outcome.kind, FEP_REFUSED);
    assert_int_equal(told->outcome.code, FEP_E_OTHER_CONTENT);
    assert_int_equal(rig_expect(&a, CMD_ALARM)->code, FEP_E_OTHER_CONTENT);
    step_answer(&a, "m1", ticket); /* the first is untouched; and closed, the store still knows the digest */
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

/* A neighbour that an update does not come from gets neither its answer nor its reversal. */
static void
rule_01_stranger(void **state)
{
    (void)state;
    struct rig p;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_acked(&p, "B", "m1", ACKED_UPDATE);
    rig_outcome(&p, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_string_equal(rig_expect(&p, CMD_SEND_OUTCOME)->to, "A");
    rig_forget(&p);
    rig_update(&p, (struct rig_message){.from = "B", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_SEND_OUTCOME), 0);
    assert_int_equal(rig_expect(&p, CMD_ALARM)->code, FEP_E_NOT_ORIGIN);
    rig_reversal(&p, (struct rig_message){.from = "B", .msgid = "m1"});
    assert_int_equal(rig_count(&p, CMD_SEND_REVERSAL) + rig_count(&p, CMD_SEND_OUTCOME), 0);
    assert_int_equal(rig_expect(&p, CMD_ALARM)->code, FEP_E_NOT_ORIGIN);
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_ANSWERED);
    assert_string_equal(rig_row(&p, "m1", ROLE_TRANSIT)->record.previous, "A");
    rig_reversal(&p, (struct rig_message){.from = "A", .msgid = "m1"}); /* the one that it comes from may */
    assert_string_equal(rig_expect(&p, CMD_SEND_REVERSAL)->to, "B");
    rig_finish(&p);
}

/* Wrong routes send it round in a circle that its origin is not part of: taken for a copy it would wait for
 * itself. */
static void
rule_03_circle(void **state)
{
    (void)state;
    struct rig p;
    rig_transit(&p);
    rig_update(&p, (struct rig_message){.from = "A", .msgid = "m1"});
    rig_forget(&p);
    rig_update(&p, (struct rig_message){.from = "B", .msgid = "m1"});
    const struct core_command *outcome = rig_expect(&p, CMD_SEND_OUTCOME);
    assert_string_equal(outcome->to, "B");
    assert_int_equal(outcome->outcome.state, STATE_REFUSED);
    assert_int_equal(outcome->outcome.code, FEP_E_ROUTING_LOOP);
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_SENT);
    rig_outcome(&p,
                (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REFUSED}); /* it comes back */
    assert_int_equal(rig_disk(&p, "m1", ROLE_TRANSIT), STATE_REFUSED);
    rig_finish(&p);
}

static void
rule_02_copy(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    uint64_t joined = rig_request(&a, (struct rig_request){.msgid = "m1"}); /* a copy of an open one joins */
    assert_int_equal(rig_count(&a, CMD_SEND_UPDATE), 0);
    rig_outcome(&a, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    step_render(&a, ticket, 1);
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
    step_send(&a, "m1");
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
    uint64_t call = step_dispatch(&b, "m1", 0);
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
    step_send(&a, "m1");
    rig_update(&a, (struct rig_message){.from = "P", .msgid = "m1"});
    const struct core_command *outcome = rig_expect(&a, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.state, STATE_REFUSED);
    assert_int_equal(outcome->outcome.code, FEP_E_ROUTING_LOOP);
    assert_int_equal(rig_count(&a, CMD_ACK), 1);
    assert_int_equal(rig_expect(&a, CMD_ALARM)->code, FEP_E_ROUTING_LOOP);
    rig_reversal(&a, (struct rig_message){.from = "P", .msgid = "m1"}); /* its reversal, too, ends here */
    assert_int_equal(rig_expect(&a, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    assert_int_equal(rig_disk(&a, "m1", ROLE_ORIGIN), STATE_SENT);
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

/* A tombstone that its caller named by the serial alone must still make a header that can travel to the host.
 */
static void
rule_12_unseen_serial_is_blocked_and_told(void **state)
{
    (void)state;
    struct rig a;
    rig_origin(&a);
    rig_request(&a, (struct rig_request){.msgid = "x1",
                                         .infno = "2601",
                                         .original = "H45010000003202611220028570002",
                                         .only_serial = 1,
                                         .transaction_class = CLASS_REVERSAL});
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.finding, FEP_FOUND_NEVER_ARRIVED);
    assert_int_equal(told->header.transaction_class, CLASS_UPDATE);
    assert_true(infno_is_valid(told->header.infno));
    rig_finish(&a);
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

    /* At the origin the caller's own serial says how old it is: it is neither run again nor called "never
     * arrived". */
    struct rig o;
    rig_origin(&o);
    rig_request(&o, (struct rig_request){.msgid = "H45010000003202609010028570002"});
    assert_int_equal(rig_expect(&o, CMD_TELL)->outcome.code, FEP_E_OVER_HORIZON);
    assert_int_equal(rig_count(&o, CMD_STORE_INSERT), 0);
    rig_request(&o, (struct rig_request){.msgid = "x1",
                                         .infno = "2601",
                                         .original = "H45010000003202609010028570002",
                                         .transaction_class = CLASS_REVERSAL});
    assert_int_equal(rig_expect(&o, CMD_TELL)->outcome.finding, FEP_FOUND_STAYS_POSTED);
    assert_int_equal(rig_count(&o, CMD_STORE_INSERT), 0);
    rig_finish(&o);

    /* A repeat after midnight is the same update; one whose answer is not held any more is never run
     * again. */
    struct rig a;
    rig_origin(&a);
    uint64_t ticket = step_send(&a, "m1");
    step_answer(&a, "m1", ticket);
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
    step_send(&a, "m1");
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
    uint64_t call = step_dispatch(&b, "m1", 0);
    uint64_t other = step_dispatch(&b, "m2", 1);
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
    uint64_t call = step_dispatch(&b, "m1", 0);
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
    /* The release of a block of serials was refused with everything else: it is asked for again before the
     * next. */
    rig_destination(&b, FEP_INQUIRES);
    b.refuse_writes = 1;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    b.refuse_writes = 0;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    uint64_t serial = rig_expect(&b, CMD_SUBMIT)->local.serial % LOCAL_SERIAL_COUNTER;
    assert_true(b.serial_counter > serial);
    rig_finish(&b);
    /* The release alone was refused, the record came to disk: nothing goes out until the release has, too. */
    rig_destination(&b, FEP_INQUIRES);
    b.refuse_serials = 1;
    rig_update(&b, (struct rig_message){.from = "P", .msgid = "m1"});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    b.refuse_serials = 0;
    rig_advance(&b, 2000);
    serial = rig_expect(&b, CMD_SUBMIT)->local.serial % LOCAL_SERIAL_COUNTER;
    assert_true(b.serial_counter > serial);
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
    step_send(&a, "m2");
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_01_key),          cmocka_unit_test(rule_01_stranger),
        cmocka_unit_test(rule_03_circle),       cmocka_unit_test(rule_02_copy),
        cmocka_unit_test(rule_02_next_attempt), cmocka_unit_test(rule_03_loop),
        cmocka_unit_test(rule_04_horizon),      cmocka_unit_test(rule_12_unseen_serial_is_blocked_and_told),
        cmocka_unit_test(rule_05_mark),         cmocka_unit_test(rule_06_attempt_record),
        cmocka_unit_test(rule_07_path),         cmocka_unit_test(rule_08_no_route),
    };
    return cmocka_run_group_tests_name("core rules_key", tests, NULL, NULL);
}
