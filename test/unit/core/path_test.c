/* The good path of an update and of a query at each of the three gateways: what is stored, sent, acknowledged
 * and told, in which order, and how many commits it takes. */
#include "rig.h"

static void
origin_needs_two_commits(void **state)
{
    (void)state;
    struct rig rig;
    rig_origin(&rig);
    rig.manual_commit = 1;
    uint64_t ticket = rig_request(&rig, (struct rig_request){.msgid = "m1"});
    assert_int_equal(rig.command_count, 0); /* not a word before the commit */
    rig_commit(&rig);
    assert_int_equal(rig_disk(&rig, "m1", ROLE_ORIGIN), STATE_SENT);
    const struct core_command *send = rig_expect(&rig, CMD_SEND_UPDATE);
    assert_string_equal(send->to, "P");
    assert_int_equal(send->travel.attempt, 1);
    assert_int_equal(send->travel.time_left_ms, 80000);
    assert_int_equal(send->body.size, strlen("settle"));
    rig_acked(&rig, "P", "m1", ACKED_UPDATE);
    assert_int_equal(rig_state(&rig, "m1", ROLE_ORIGIN), STATE_RELAYED);
    uint64_t reference =
        rig_outcome(&rig, (struct rig_message){.from = "P", .msgid = "m1", .state = STATE_ANSWERED});
    const struct core_command *render = rig_expect(&rig, CMD_RENDER);
    assert_int_equal(render->reference, ticket);
    assert_int_equal(rig_count(&rig, CMD_ACK), 0);
    struct core_event rendered = {
        .type = EVENT_RENDERED, .from = "la", .reference = ticket, .epoch = 1, .flag = 1};
    rig_step(&rig, &rendered);
    assert_int_equal(rig_count(&rig, CMD_ACK), 0);
    assert_int_equal(rig_count(&rig, CMD_TELL), 0);
    rig_commit(&rig);
    assert_int_equal(rig_disk(&rig, "m1", ROLE_ORIGIN), STATE_ANSWERED);
    assert_int_equal(rig_expect(&rig, CMD_ACK)->reference, reference);
    const struct core_command *told = rig_expect(&rig, CMD_TELL);
    assert_int_equal(told->reference, ticket);
    assert_int_equal(told->outcome.kind, FEP_ANSWERED);
    assert_memory_equal(told->body.data, "answer", 6);
    assert_int_equal(rig_count(&rig, CMD_LOG_OUTCOME), 1);
    rig_commit(&rig);
    assert_int_equal(rig.commits, 2);
    assert_true(rig_row(&rig, "m1", ROLE_ORIGIN)->closed);
    assert_int_equal(rig_state(&rig, "m1", ROLE_ORIGIN), STATE_NONE);
    rig_finish(&rig);
}

static void
transit_needs_two_commits(void **state)
{
    (void)state;
    struct rig rig;
    rig_transit(&rig);
    rig.manual_commit = 1;
    uint64_t reference =
        rig_update(&rig, (struct rig_message){.from = "A", .msgid = "m1", .time_left_ms = 70000});
    assert_int_equal(rig.command_count, 0);
    rig_commit(&rig);
    assert_int_equal(rig_expect(&rig, CMD_ACK)->reference, reference);
    const struct core_command *send = rig_expect(&rig, CMD_SEND_UPDATE);
    assert_string_equal(send->to, "B");
    assert_int_equal(send->travel.time_left_ms, 70000);
    assert_int_equal(send->travel.hops_left, 4);
    rig_acked(&rig, "B", "m1", ACKED_UPDATE);
    reference = rig_outcome(
        &rig, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_ANSWERED, .effect = 1});
    assert_int_equal(rig_count(&rig, CMD_ACK), 0);
    assert_int_equal(rig_count(&rig, CMD_SEND_OUTCOME), 0);
    rig_commit(&rig);
    assert_int_equal(rig_expect(&rig, CMD_ACK)->reference, reference);
    const struct core_command *outcome = rig_expect(&rig, CMD_SEND_OUTCOME);
    assert_string_equal(outcome->to, "A");
    assert_int_equal(outcome->outcome.state, STATE_ANSWERED);
    assert_int_equal(outcome->outcome.effect, FEP_EFFECT_POSTED);
    rig_acked(&rig, "A", "m1", ACKED_OUTCOME);
    rig_commit(&rig);
    assert_int_equal(rig.commits, 2);
    assert_true(rig_row(&rig, "m1", ROLE_TRANSIT)->closed);
    rig_finish(&rig);
}

static void
destination_needs_two_commits(void **state)
{
    (void)state;
    struct rig rig;
    rig_destination(&rig, FEP_INQUIRES | FEP_REVERSES);
    rig.manual_commit = 1;
    uint64_t reference = rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    assert_int_equal(rig.command_count, 0);
    rig_commit(&rig);
    assert_int_equal(rig_disk(&rig, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    assert_int_equal(rig_expect(&rig, CMD_ACK)->reference, reference);
    const struct core_command *submit = rig_expect(&rig, CMD_SUBMIT);
    assert_int_equal(submit->operation, CORE_OP_SUBMIT);
    assert_int_equal(submit->local.serial, 7 * LOCAL_SERIAL_COUNTER + 1);
    assert_int_equal(submit->reference, submit->local.serial);
    assert_int_equal(submit->travel.time_left_ms, 60000);
    assert_int_equal(submit->repeat, 0);
    assert_int_equal(rig.serial_counter, 10001);
    rig_done(&rig, (struct rig_done){
                       .call = submit->reference, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    assert_int_equal(rig_count(&rig, CMD_HOST_ACK), 0);
    rig_commit(&rig);
    assert_int_equal(rig_expect(&rig, CMD_HOST_ACK)->reference, submit->reference);
    assert_int_equal(rig_expect(&rig, CMD_SEND_OUTCOME)->outcome.state, STATE_ANSWERED);
    rig_acked(&rig, "P", "m1", ACKED_OUTCOME);
    rig_commit(&rig);
    assert_int_equal(rig.commits, 2);
    assert_true(rig_row(&rig, "m1", ROLE_DESTINATION)->closed);
    rig_finish(&rig);
}

/* Insured area served by an instance of the same gateway: two records, handed over without a link. */
static void
origin_and_destination_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct route_rule rule = {.prefix = "45", .targets = {"lb"}, .targets_local = 1};
    rig_init(&rig, "A");
    rig_set_routes(&rig, &rule, 1);
    core_add_instance(rig.core, "lb");
    rig_parties_up(&rig, 1);
    rig_host_up(&rig, "lb", 1, FEP_CALLS_OUT | FEP_INQUIRES, NULL, 0);
    uint64_t ticket = rig_request(&rig, (struct rig_request){.msgid = "m1"});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_ORIGIN), STATE_SENT);
    assert_int_equal(rig_state(&rig, "m1", ROLE_ORIGIN), STATE_RELAYED);
    assert_int_equal(rig_state(&rig, "m1", ROLE_DESTINATION), STATE_DISPATCHED);
    const struct core_command *submit = rig_expect(&rig, CMD_SUBMIT);
    rig_done(&rig, (struct rig_done){
                       .call = submit->reference, .kind = FEP_ANSWERED, .effect = 1, .body = "answer"});
    struct core_event rendered = {
        .type = EVENT_RENDERED, .from = "la", .reference = ticket, .epoch = 1, .flag = 1};
    rig_step(&rig, &rendered);
    assert_int_equal(rig_expect(&rig, CMD_TELL)->outcome.kind, FEP_ANSWERED);
    assert_int_equal(rig_count(&rig, CMD_SEND_UPDATE) + rig_count(&rig, CMD_SEND_OUTCOME), 0);
    assert_true(rig_row(&rig, "m1", ROLE_ORIGIN)->closed);
    assert_true(rig_row(&rig, "m1", ROLE_DESTINATION)->closed);
    rig_finish(&rig);
}

static void
send_query(struct rig *rig, const char *from, const char *msgid, uint32_t time_left_ms)
{
    struct core_event event = {.type = EVENT_QUERY, .from = from, .header = {.infno = "1101"}};
    event.header.key = rig_key(msgid);
    event.header.transaction_class = CLASS_QUERY;
    memcpy(event.header.insured_area, "450900", 7);
    event.travel = (struct travel){.attempt = 1, .time_left_ms = time_left_ms, .hops_left = 5};
    rig_step(rig, &event);
}

/* What is longer than this gateway takes is refused for good, with a record as any refusal; what just fits is
 * not. */
static void
a_peers_body_over_the_bound_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_destination(&rig, FEP_INQUIRES | FEP_REVERSES);
    rig.config.max_body_bytes = 8;
    rig_crash(&rig);
    rig_start(&rig);
    rig_parties_up(&rig, FEP_INQUIRES | FEP_REVERSES);
    rig_forget(&rig);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1", .body = "123456789"});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_DESTINATION), STATE_REFUSED);
    const struct core_command *outcome = rig_expect(&rig, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.code, FEP_E_OVERSIZE);
    assert_int_equal(outcome->outcome.refusal_class, FEP_FINAL);
    assert_int_equal(rig_count(&rig, CMD_SUBMIT), 0);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m2", .person = 9, .body = "12345678"});
    (void)rig_expect(&rig, CMD_SUBMIT);
    struct core_event query = {.type = EVENT_QUERY, .from = "P", .header = {.infno = "1101"}};
    query.header.key = rig_key("q1");
    query.header.transaction_class = CLASS_QUERY;
    memcpy(query.header.insured_area, "450900", 7);
    query.travel = (struct travel){.attempt = 1, .time_left_ms = 60000, .hops_left = 5};
    query.body = slice_copy("123456789", 9);
    rig_step(&rig, &query);
    assert_int_equal(rig_expect(&rig, CMD_SEND_ANSWER)->outcome.code, FEP_E_OVERSIZE);
    slice_release(&query.body);
    rig_finish(&rig);
}

/* In an orderly stop the mark may be committed when nothing may go to the host any more. After the restart
 * "dispatched" would mean "perhaps sent": it has to end before the stop. */
static void
handed_back_by_an_orderly_stop_ends_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_destination(&rig, FEP_INQUIRES | FEP_REVERSES);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    uint64_t call = rig_expect(&rig, CMD_SUBMIT)->reference;
    rig_simple(&rig, EVENT_HOLD, "lb");
    rig_done(&rig, (struct rig_done){.call = call,
                                     .kind = FEP_NOT_SENT,
                                     .refusal_class = FEP_REPEATABLE,
                                     .reason = FEP_REASON_BOUND,
                                     .code = FEP_E_STOPPING});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_DESTINATION), STATE_REFUSED);
    const struct core_command *outcome = rig_expect(&rig, CMD_SEND_OUTCOME);
    assert_int_equal(outcome->outcome.refusal_class, FEP_REPEATABLE);
    assert_int_equal(outcome->outcome.code, FEP_E_STOPPING);
    assert_int_equal(rig_count(&rig, CMD_SUBMIT), 0);
    rig_finish(&rig);
}

static void
query_there_and_back(void **state)
{
    (void)state;
    struct rig a, p, b;
    rig_origin(&a);
    rig_transit(&p);
    rig_destination(&b, FEP_INQUIRES);
    uint64_t ticket = rig_request(
        &a, (struct rig_request){.msgid = "q1", .infno = "1101", .transaction_class = CLASS_QUERY});
    const struct core_command *query = rig_expect(&a, CMD_SEND_QUERY);
    assert_int_equal(query->travel.time_left_ms, 30000);
    rig_request(&a, (struct rig_request){.msgid = "q1", /* the host was not sure that it arrived */
                                         .infno = "1101",
                                         .transaction_class = CLASS_QUERY,
                                         .ticket = ticket});
    assert_int_equal(rig_count(&a, CMD_SEND_QUERY) + rig_count(&a, CMD_TELL), 0);
    send_query(&p, "A", "q1", 30000);
    assert_string_equal(rig_expect(&p, CMD_SEND_QUERY)->to, "B");
    send_query(&b, "P", "q1", 30000);
    const struct core_command *submit = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(submit->operation, CORE_OP_QUERY);
    assert_int_equal(submit->travel.time_left_ms, 10000);
    rig_done(&b, (struct rig_done){.call = submit->reference, .kind = FEP_ANSWERED, .body = "person"});
    const struct core_command *answer = rig_expect(&b, CMD_SEND_ANSWER);
    struct core_event event = {
        .type = EVENT_ANSWER, .from = "P", .header = answer->header, .outcome = answer->outcome};
    event.body = answer->body;
    rig_step(&a, &event);
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->reference, ticket);
    assert_int_equal(told->outcome.kind, FEP_ANSWERED);
    assert_memory_equal(told->body.data, "person", 6);
    assert_int_equal(a.row_count + p.row_count + b.row_count, 0); /* nothing was stored */
    rig_finish(&a);
    rig_finish(&p);
    rig_finish(&b);
}

static void
query_fails_with_a_clear_error(void **state)
{
    (void)state;
    struct rig a, b;
    struct rig_request request = {.msgid = "q1", .infno = "1101", .transaction_class = CLASS_QUERY};
    rig_origin(&a);
    rig_request(&a, request);
    rig_advance(&a, 30000);
    const struct core_command *told = rig_expect(&a, CMD_TELL);
    assert_int_equal(told->outcome.kind, FEP_REFUSED);
    assert_int_equal(told->outcome.reason, FEP_REASON_DEADLINE);
    request.msgid = "q2";
    rig_request(&a, request);
    rig_simple(&a, EVENT_PEER_DOWN, "P");
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.reason, FEP_REASON_LINK_DOWN);
    request.msgid = "q3";
    rig_request(&a, request);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_ALL_ROUTES_DOWN);
    rig_finish(&a);
    rig_destination(&b, 0);
    send_query(&b, "P", "q1", 12000); /* less than call time and 3 s */
    assert_int_equal(rig_expect(&b, CMD_SEND_ANSWER)->outcome.reason, FEP_REASON_DEADLINE);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    send_query(&b, "P", "q2", 30000);
    rig_simple(&b, EVENT_HOST_DOWN, "lb");
    assert_int_equal(rig_expect(&b, CMD_SEND_ANSWER)->outcome.reason, FEP_REASON_HOST_LOST);
    rig_finish(&b);
}

static void
query_bound(void **state)
{
    (void)state;
    struct rig a;
    struct rig_request request = {.infno = "1101", .transaction_class = CLASS_QUERY};
    rig_init(&a, "A");
    core_destroy(a.core);
    a.config.max_queries = 2;
    a.core = core_create(&a.config, rig_transactions());
    struct route_rule rule = {.prefix = "45", .targets = {"P"}};
    rig_set_routes(&a, &rule, 1);
    rig_parties_up(&a, 1);
    request.msgid = "q1";
    rig_request(&a, request);
    request.msgid = "q2";
    uint64_t second = rig_request(&a, request);
    request.msgid = "q3";
    rig_request(&a, request);
    assert_int_equal(rig_expect(&a, CMD_TELL)->outcome.code, FEP_E_TOO_MANY_QUERIES);
    struct core_event gone = {.type = EVENT_CALLER_GONE, .from = "la", .reference = second, .epoch = 1};
    rig_step(&a, &gone);
    request.msgid = "q4";
    rig_request(&a, request);
    assert_int_equal(rig_count(&a, CMD_TELL), 0);
    assert_int_equal(rig_count(&a, CMD_SEND_QUERY), 3);
    rig_finish(&a);
}

static void
routes_longest_prefix_first(void **state)
{
    (void)state;
    const struct route_rule rules[] = {
        {.prefix = "", .targets = {"any"}},
        {.prefix = "4501", .targets = {"city"}},
        {.prefix = "45", .targets = {"province"}},
        {.prefix = "4501", .infno = "2207", .targets = {"settle"}},
        {.prefix = "450199", .targets = {"pool"}},
        {.prefix = "46", .valid_from = 20260101, .valid_to = 20261231, .targets = {"agreed"}},
    };
    const struct {
        const char *area, *infno, *target;
        uint32_t date;
    } cases[] = {
        {"450100", "2201", "city", 20261121}, {"450100", "2207", "settle", 20261121},
        {"450199", "2207", "pool", 20261121}, {"450900", "2207", "province", 20261121},
        {"310000", NULL, "any", 20261121},    {"460100", "2207", "agreed", 20261231},
        {"460100", "2207", "any", 20270101},  {"460100", "2207", "any", 20251231},
    };
    struct route_table *table = route_table_create(rules, sizeof rules / sizeof *rules);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct route_query query = {
            .insured_area = cases[i].area, .infno = cases[i].infno, .date = cases[i].date};
        assert_string_equal(route_find(table, &query)->targets[0], cases[i].target);
    }
    const struct route_rule *all[8];
    struct route_query query = {.insured_area = "450100", .infno = "2207", .date = 20261121};
    assert_int_equal(route_explain(table, &query, all, 8), 4);
    assert_int_equal(route_count(table), 6);
    route_table_destroy(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origin_needs_two_commits),
        cmocka_unit_test(transit_needs_two_commits),
        cmocka_unit_test(destination_needs_two_commits),
        cmocka_unit_test(origin_and_destination_at_once),
        cmocka_unit_test(handed_back_by_an_orderly_stop_ends_refused),
        cmocka_unit_test(query_there_and_back),
        cmocka_unit_test(query_fails_with_a_clear_error),
        cmocka_unit_test(query_bound),
        cmocka_unit_test(a_peers_body_over_the_bound_is_refused),
        cmocka_unit_test(routes_longest_prefix_first),
    };
    return cmocka_run_group_tests_name("core path", tests, NULL, NULL);
}
