/* The serving side of a real fep-adapter: requests of local callers, by the rules of the host link. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "error_codes.h"
#include "exchange_record.h"
#include "host_rig.h"

#define HEAD(msgid)                                                                                          \
    "{\"infno\":\"2304\",\"msgid\":\"" msgid "\",\"insured_area\":\"450900\",\"treat_area\":\"450100\","     \
    "\"institution\":\"H45010000003\",\"person\":\"P1\",\"med_type\":\"21\"}"

/* Returns a caller's connection. */
static int
begin(struct rig *rig)
{
    rig_open_listening(rig);
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    rig_introduce(rig);
    return rig_call(rig);
}

static void
tell(struct rig *rig, uint64_t ticket, enum fep_kind kind, uint16_t code, const char *body)
{
    struct frame frame = {.kind = FRAME_TELL, .sequence = ticket, .sections = FRAME_HAS_RESULT};
    frame.result = (struct frame_result){.kind = (uint8_t)kind, .code = code};
    if (body != NULL) {
        frame.body = (struct slice){.data = (const unsigned char *)body, .size = strlen(body)};
        frame.sections |= FRAME_HAS_BODY;
    }
    rig_send(rig, &frame);
}

static void
test_request_carries_header_index_and_body(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{\"input\":1}");
    struct frame *request = rig_take(rig, FRAME_REQUEST);
    static const uint8_t nothing[16];
    assert_string_equal(request->header.key.msgid, "M1");
    assert_string_equal(request->header.key.origin, "GW4501000001");
    assert_string_equal(request->header.infno, "2304");
    assert_int_equal(request->header.transaction_class, CLASS_UPDATE);
    assert_string_equal(request->header.insured_area, "450900");
    assert_string_equal(request->header.institution, "H45010000003");
    assert_string_equal(request->index.med_type, "21");
    assert_memory_not_equal(request->index.order_key, nothing, 16);
    assert_int_equal(request->body.size, 11);
    assert_memory_equal(request->body.data, "{\"input\":1}", 11);
    close(caller);
}

static void
test_answer_reaches_its_caller_by_msgid(void **state)
{
    struct rig *rig = *state;
    char head[512], body[512];
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t first = rig_take(rig, FRAME_REQUEST)->sequence;
    rig_say(caller, HEAD("M2"), "{}");
    uint64_t second = rig_take(rig, FRAME_REQUEST)->sequence;
    rig_ack(rig, FRAME_REQUEST, first);
    rig_ack(rig, FRAME_REQUEST, second);
    tell(rig, second, FEP_ANSWERED, 0, "{\"output\":2}");
    rig_hear(caller, head, sizeof head, body, sizeof body);
    assert_non_null(strstr(head, "\"msgid\":\"M2\""));
    assert_non_null(strstr(head, "\"kind\":\"answered\""));
    assert_string_equal(body, "{\"output\":2}");
    tell(rig, first, FEP_REFUSED, 2301, NULL);
    rig_hear(caller, head, sizeof head, body, sizeof body);
    assert_non_null(strstr(head, "\"msgid\":\"M1\""));
    assert_non_null(strstr(head, "\"kind\":\"refused\",\"code\":2301"));
    close(caller);
}

static void
test_caller_is_told_once(void **state)
{
    struct rig *rig = *state;
    char head[512], body[512];
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    tell(rig, ticket, FEP_UNKNOWN, 0, NULL);
    tell(rig, ticket, FEP_ANSWERED, 0, "{}");
    rig_hear(caller, head, sizeof head, body, sizeof body);
    assert_non_null(strstr(head, "\"kind\":\"open\""));
    /* The next thing this caller hears is about its next request. */
    rig_say(caller, HEAD("M2"), "{}");
    ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    tell(rig, ticket, FEP_ANSWERED, 0, "{}");
    rig_hear(caller, head, sizeof head, body, sizeof body);
    assert_non_null(strstr(head, "\"msgid\":\"M2\""));
    close(caller);
}

/* max_body_bytes of the configuration, to the byte. */
static void
test_body_is_bounded_by_the_configuration(void **state)
{
    struct rig *rig = *state;
    char head[512], answer[512], body[1026] = "";
    rig_open_listening(rig);
    FILE *config = fopen(rig->config, "ae");
    assert_non_null(config);
    assert_true(fputs("bounds = { max_body_bytes = 1024; };\n", config) >= 0);
    assert_int_equal(fclose(config), 0);
    rig_bind(rig);
    rig_start(rig, RIG_EPOCH);
    rig_introduce(rig);
    int caller = rig_call(rig);
    memset(body, ' ', 1025);
    memcpy(body, "{}", 2);
    rig_say(caller, HEAD("M1"), body);
    rig_hear(caller, head, sizeof head, answer, sizeof answer);
    assert_non_null(strstr(head, "\"kind\":\"refused\",\"code\":2012"));
    body[1024] = '\0';
    rig_say(caller, HEAD("M2"), body);
    struct frame *request = rig_take(rig, FRAME_REQUEST);
    assert_string_equal(request->header.key.msgid, "M2");
    assert_int_equal(request->body.size, 1024);
    close(caller);
}

static void
test_request_is_offered_until_acknowledged(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    assert_int_equal(rig_take(rig, FRAME_REQUEST)->sequence, ticket);
    rig_ack(rig, FRAME_REQUEST, ticket);
    rig_take_none(rig, FRAME_REQUEST, 5000);
    close(caller);
}

static void
test_fresh_counts_for_the_first_offer_only(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    rig_say(
        caller,
        "{\"infno\":\"2304\",\"msgid\":\"M1\",\"insured_area\":\"450900\",\"person\":\"P1\",\"fresh\":\"1\"}",
        "{}");
    assert_int_equal(rig_take(rig, FRAME_REQUEST)->fresh, 1);
    assert_int_equal(rig_take(rig, FRAME_REQUEST)->fresh, 0);
    close(caller);
}

static void
test_untold_request_joins_a_new_router(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    rig_ack(rig, FRAME_REQUEST, ticket);
    /* The acknowledgement has arrived when what was sent behind it is answered. */
    struct frame submit = rig_submit(1, CORE_OP_SUBMIT, 1, "2304", "{}");
    rig_send(rig, &submit);
    rig_take(rig, FRAME_DONE);
    rig_ack(rig, FRAME_DONE, 1);
    rig_unbind(rig);
    rig_bind(rig);
    rig_introduce(rig);
    struct frame *request = NULL;
    do
        request = rig_take_any(rig);
    while (request->kind != FRAME_REQUEST);
    assert_int_equal(request->sequence, ticket);
    close(caller);
}

static void
test_render_says_whether_it_can_be_told(void **state)
{
    struct rig *rig = *state;
    static const char answer[] = "{\"output\":{}}";
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    struct frame render = {.kind = FRAME_RENDER,
                           .sequence = ticket,
                           .sections = FRAME_HAS_RESULT | FRAME_HAS_BODY,
                           .result = {.kind = FEP_ANSWERED},
                           .body = {.data = (const unsigned char *)answer, .size = sizeof answer - 1}};
    rig_send(rig, &render);
    struct frame *rendered = rig_take(rig, FRAME_RENDERED);
    assert_int_equal(rendered->sequence, ticket);
    assert_int_equal(rendered->ok, 1);
    close(caller);
}

static void
test_caller_that_goes_is_reported_and_not_told(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    uint64_t ticket = rig_take(rig, FRAME_REQUEST)->sequence;
    rig_ack(rig, FRAME_REQUEST, ticket);
    close(caller);
    assert_int_equal(rig_take(rig, FRAME_GONE)->sequence, ticket);
    tell(rig, ticket, FEP_ANSWERED, 0, "{}");
    caller = rig_call(rig);
    rig_say(caller, HEAD("M2"), "{}");
    assert_string_equal(rig_take(rig, FRAME_REQUEST)->header.key.msgid, "M2");
    close(caller);
}

static void
test_callers_that_went_do_not_keep_it_from_ending(void **state)
{
    struct rig *rig = *state;
    struct frame drain = {.kind = FRAME_DRAIN};
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    rig_ack(rig, FRAME_REQUEST, rig_take(rig, FRAME_REQUEST)->sequence);
    close(caller);
    rig_take(rig, FRAME_GONE);
    rig_send(rig, &drain);
    rig_take(rig, FRAME_BYE);
    assert_int_equal(rig_wait_exit(rig), 0);
}

static void
test_callers_that_went_leave_room_for_others(void **state)
{
    struct rig *rig = *state;
    char head[512];
    int caller = begin(rig);
    for (int i = 0; i < 1024; i++) { /* as many as may be open */
        snprintf(head, sizeof head, HEAD("M%d"), i);
        rig_say(caller, head, "{}");
        rig_ack(rig, FRAME_REQUEST, rig_take(rig, FRAME_REQUEST)->sequence);
    }
    close(caller);
    for (int i = 0; i < 1024; i++)
        rig_take(rig, FRAME_GONE);
    caller = rig_call(rig);
    rig_say(caller, HEAD("N1"), "{}");
    assert_string_equal(rig_take(rig, FRAME_REQUEST)->header.key.msgid, "N1");
    close(caller);
}

static void
test_a_signal_shortens_what_the_router_gave(void **state)
{
    struct rig *rig = *state;
    struct frame drain = {.kind = FRAME_DRAIN};
    int caller = begin(rig);
    rig_say(caller, HEAD("M1"), "{}");
    rig_ack(rig, FRAME_REQUEST, rig_take(rig, FRAME_REQUEST)->sequence);
    rig_send(rig, &drain);
    while (rig_take(rig, FRAME_HEALTH)->result.state != FEP_STOPPING) {
    }
    kill(rig->pid, SIGTERM);
    assert_int_equal(rig_wait_exit(rig), 0);
    close(caller);
}

static void
test_without_router_nothing_is_taken(void **state)
{
    struct rig *rig = *state;
    char head[512], body[512];
    rig_open_listening(rig);
    rig_start(rig, RIG_EPOCH);
    int caller = rig_call_when_ready(rig);
    rig_say(caller, HEAD("M1"), "{}");
    rig_hear(caller, head, sizeof head, body, sizeof body);
    assert_non_null(strstr(head, "\"kind\":\"not_sent\""));
    close(caller);
}

static void
refused_with(struct rig *rig, int caller, const char *request_head, const char *expected)
{
    char head[512], body[512];
    (void)rig;
    rig_say(caller, request_head, "{}");
    rig_hear(caller, head, sizeof head, body, sizeof body);
    if (strstr(head, "\"kind\":\"refused\"") == NULL || strstr(head, expected) == NULL)
        fail_msg("%s", head);
}

static void
test_bad_heads_are_refused_by_name(void **state)
{
    struct rig *rig = *state;
    int caller = begin(rig);
    refused_with(rig, caller, "{\"infno\":\"2304\",\"insured_area\":\"450900\"}", "msgid");
    refused_with(rig, caller, "{\"infno\":\"2304\",\"msgid\":\"M 1\",\"insured_area\":\"450900\"}", "msgid");
    refused_with(rig, caller, "{\"infno\":\"7777\",\"msgid\":\"M1\",\"insured_area\":\"450900\"}", "7777");
    refused_with(rig, caller, "{\"infno\":\"2304\",\"msgid\":\"M1\",\"insured_area\":\"45x900\"}",
                 "insured_area");
    close(caller);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_request_carries_header_index_and_body),
        CASE(test_answer_reaches_its_caller_by_msgid),
        CASE(test_caller_is_told_once),
        CASE(test_body_is_bounded_by_the_configuration),
        CASE(test_request_is_offered_until_acknowledged),
        CASE(test_fresh_counts_for_the_first_offer_only),
        CASE(test_untold_request_joins_a_new_router),
        CASE(test_render_says_whether_it_can_be_told),
        CASE(test_caller_that_goes_is_reported_and_not_told),
        CASE(test_callers_that_went_do_not_keep_it_from_ending),
        CASE(test_callers_that_went_leave_room_for_others),
        CASE(test_a_signal_shortens_what_the_router_gave),
        CASE(test_without_router_nothing_is_taken),
        CASE(test_bad_heads_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
