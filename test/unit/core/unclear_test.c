/* What is unclear and waits for people; settling it by hand; and how many are asked about at once when a line
 * returns. */
#include "rig.h"

#include "steps.h"

enum { BOTH = FEP_INQUIRES | FEP_REVERSES };

static void
become_unknown(struct rig *rig, const char *msgid, uint8_t person)
{
    uint64_t call = step_dispatch(rig, msgid, person);
    rig_done(rig, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    assert_int_equal(rig_disk(rig, msgid, ROLE_DESTINATION), STATE_UNKNOWN);
    rig_forget(rig);
}

static void
resolve(struct rig *rig, const char *msgid, enum core_resolution resolution, const char *answer)
{
    struct core_event event = {
        .type = EVENT_RESOLVED, .header.key = rig_key(msgid), .flag = (uint8_t)resolution};
    if (answer != NULL) {
        event.body = slice_copy(answer, strlen(answer));
        event.index.size = sizeof event.index;
        strcpy(event.index.settlement_id, "S1");
    }
    rig_step(rig, &event);
    slice_release(&event.body);
}

static uint16_t
may(const struct rig *rig, const char *msgid, enum core_resolution resolution, bool has_answer)
{
    struct message_key key = rig_key(msgid);
    return core_may_resolve(rig->core, &key, resolution, has_answer);
}

/* Answers every call about an unclear update with "in progress" for so long. */
static void
stay_unclear(struct rig *rig, int64_t ms)
{
    for (int64_t passed = 0; passed <= ms; passed += 1000) {
        const struct core_command *submit;
        while ((submit = rig_take(rig, CMD_SUBMIT)) != NULL)
            rig_done(rig, (struct rig_done){.call = submit->reference,
                                            .kind = FEP_ANSWERED,
                                            .finding = FEP_FOUND_IN_PROGRESS});
        if (passed < ms)
            rig_advance(rig, 1000);
        rig_step(rig, &(struct core_event){.type = EVENT_TICK});
    }
}

static void
posted_needs_an_answer(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    become_unknown(&b, "m1", 1);
    assert_int_equal(may(&b, "m1", RESOLVED_POSTED, false), FEP_E_HAND_MISFIT);
    assert_int_equal(may(&b, "m1", RESOLVED_STANDS, false), FEP_E_HAND_MISFIT);
    assert_int_equal(may(&b, "m2", RESOLVED_UNDONE, false), FEP_E_NOT_UNCLEAR);
    resolve(&b, "m1", RESOLVED_POSTED, NULL);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    assert_int_equal(may(&b, "m1", RESOLVED_POSTED, true), 0);
    resolve(&b, "m1", RESOLVED_POSTED, "answer");
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_ANSWERED);
    const struct core_command *told = rig_expect(&b, CMD_SEND_OUTCOME);
    assert_int_equal(told->outcome.effect, FEP_EFFECT_POSTED);
    assert_int_equal(told->body.size, 6);
    assert_string_equal(told->index.settlement_id, "S1");
    rig_finish(&b);
}

/* While a call is open its answer may say otherwise; and what was submitted may arrive for 120 s. */
static void
a_persons_word_waits_for_the_gateways_own_calls(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    become_unknown(&b, "m1", 1);
    assert_int_equal(may(&b, "m1", RESOLVED_NOT_POSTED, false), FEP_E_NOT_YET);
    rig_advance(&b, 5000);
    uint64_t call = rig_expect(&b, CMD_SUBMIT)->reference;
    assert_int_equal(may(&b, "m1", RESOLVED_UNDONE, false), FEP_E_NOT_YET);
    resolve(&b, "m1", RESOLVED_UNDONE, NULL);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_UNKNOWN);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_ANSWERED, .finding = FEP_FOUND_IN_PROGRESS});
    assert_int_equal(may(&b, "m1", RESOLVED_UNDONE, false), 0);
    assert_int_equal(may(&b, "m1", RESOLVED_NOT_POSTED, false), FEP_E_NOT_YET);
    stay_unclear(&b, 121000);
    assert_int_equal(may(&b, "m1", RESOLVED_NOT_POSTED, false), 0);
    resolve(&b, "m1", RESOLVED_NOT_POSTED, NULL);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.refusal_class, FEP_FINAL);
    assert_int_equal(rig_row(&b, "m1", ROLE_DESTINATION)->record.code, FEP_E_BY_HAND);
    resolve(&b, "m1", RESOLVED_UNDONE, NULL); /* an ending is an ending */
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REFUSED);
    rig_finish(&b);
}

/* "Stands" counts only when no sending of the reversal can still arrive (F7). */
static void
stands_waits_for_the_reversal(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 1);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_advance(&b, 3000);
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    assert_int_equal(may(&b, "m1", RESOLVED_STANDS, false), FEP_E_NOT_YET);
    assert_int_equal(may(&b, "m1", RESOLVED_UNDONE, false), 0);
    stay_unclear(&b, 160000);
    assert_int_equal(may(&b, "m1", RESOLVED_STANDS, false), 0);
    resolve(&b, "m1", RESOLVED_STANDS, NULL);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_STANDS);
    rig_finish(&b);
}

/* A cancel of ours without an answer may arrive, and the reversal of that cancel may undo it again: what a
 * person saw before counts no more. */
static void
a_look_before_the_last_call_counts_no_more(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 1);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_advance(&b, 3000);
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_REFUSED, .code = 2503, .finding = FEP_FOUND_STAYS_POSTED});
    const struct core_command *cancel = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(cancel->operation, CORE_OP_UNDO);
    rig_done(&b, (struct rig_done){.call = cancel->reference, .kind = FEP_UNKNOWN});
    assert_int_equal(may(&b, "m1", RESOLVED_STANDS, false), FEP_E_NOT_YET); /* it may arrive yet */
    assert_int_equal(may(&b, "m1", RESOLVED_UNDONE, false), 0);
    rig_advance(&b, 5000);
    cancel = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(cancel->operation, CORE_OP_REVERSE_UNDO);
    rig_done(&b, (struct rig_done){
                     .call = cancel->reference, .kind = FEP_ANSWERED, .finding = FEP_FOUND_IN_PROGRESS});
    struct core_event undone = {.type = EVENT_RESOLVED, .header.key = rig_key("m1"), .flag = RESOLVED_UNDONE};
    undone.reference = 4000; /* confirmed before that call, and come late */
    rig_advance(&b, 1000);
    rig_step(&b, &undone);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    undone.reference = 500;
    rig_step(&b, &undone);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* The reversal is declined, the local system can not be asked: only a person can find the id that the cancel
 * needs. */
static void
a_person_brings_the_settlement_id(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, FEP_REVERSES);
    uint64_t call = step_dispatch(&b, "m1", 1);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_advance(&b, 3000);
    call = rig_expect(&b, CMD_SUBMIT)->reference;
    rig_done(&b, (struct rig_done){
                     .call = call, .kind = FEP_REFUSED, .code = 2503, .finding = FEP_FOUND_STAYS_POSTED});
    const struct core_command *cancel = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(cancel->operation, CORE_OP_UNDO);
    rig_done(&b,
             (struct rig_done){.call = cancel->reference, .kind = FEP_NOT_SENT}); /* nothing to name it by */
    assert_int_equal(may(&b, "m1", RESOLVED_NOT_POSTED, false), FEP_E_HAND_MISFIT);
    resolve(&b, "m1", RESOLVED_POSTED, "answer");
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSING);
    rig_advance(&b, 3000);
    cancel = rig_expect(&b, CMD_SUBMIT);
    assert_int_equal(cancel->operation, CORE_OP_UNDO);
    assert_int_equal(cancel->answer.size, 6);
    rig_done(&b, (struct rig_done){.call = cancel->reference, .kind = FEP_ANSWERED});
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

static int
look(void *arg, const struct core_unclear *unclear)
{
    *(struct core_unclear *)arg = *unclear;
    return 0;
}

static void
it_is_told_what_happens_next(void **state)
{
    (void)state;
    struct rig b;
    struct core_unclear unclear = {0};
    rig_destination(&b, BOTH);
    become_unknown(&b, "m1", 1);
    core_each_unclear(b.core, look, &unclear);
    assert_int_equal(unclear.wait, UNCLEAR_SCHEDULE);
    assert_int_equal(unclear.operation, CORE_OP_INQUIRE);
    assert_int_equal(unclear.next_ms, b.wall_ms + 5000);
    assert_int_equal(unclear.since_ms, b.wall_ms);
    rig_advance(&b, 5000);
    core_each_unclear(b.core, look, &unclear);
    assert_int_equal(unclear.wait, UNCLEAR_CALL);
    stay_unclear(&b, 890000);
    assert_int_equal(rig_count(&b, CMD_ALARM), 0);
    stay_unclear(&b, 300000);
    assert_int_equal(rig_expect(&b, CMD_ALARM)->code, FEP_E_RESOLVE_LONG);
    assert_int_equal(rig_count(&b, CMD_ALARM), 0); /* once */
    core_each_unclear(b.core, look, &unclear);
    assert_int_equal(unclear.wait, UNCLEAR_IN_PROGRESS);
    rig_simple(&b, EVENT_HOST_DOWN, "lb");
    core_each_unclear(b.core, look, &unclear);
    assert_int_equal(unclear.wait, UNCLEAR_LINE);
    rig_finish(&b);
}

static void
a_system_without_abilities_needs_a_person_at_once(void **state)
{
    (void)state;
    struct rig b;
    struct core_unclear unclear = {0};
    rig_destination(&b, 0);
    uint64_t call = step_dispatch(&b, "m1", 1);
    rig_done(&b, (struct rig_done){.call = call, .kind = FEP_UNKNOWN});
    rig_advance(&b, 4000);
    core_each_unclear(b.core, look, &unclear);
    assert_int_equal(unclear.wait, UNCLEAR_NO_ABILITY);
    resolve(&b, "m1", RESOLVED_UNDONE, NULL);
    assert_int_equal(rig_disk(&b, "m1", ROLE_DESTINATION), STATE_REVERSED);
    rig_finish(&b);
}

/* --- a line that returns --- */

enum { MANY = 40, WINDOW = 8 };

/* So many unknown, all asked about several times in vain, so that the next try of each is minutes away. */
static void
fall_silent(struct rig *b)
{
    char msgid[8];
    rig_destination(b, BOTH);
    struct core_event up = {.type = EVENT_HOST_UP,
                            .from = "lb",
                            .epoch = b->epoch,
                            .abilities = BOTH | FEP_CALLS_OUT,
                            .window = WINDOW};
    rig_step(b, &up);
    for (uint8_t i = 0; i < MANY; i++) {
        snprintf(msgid, sizeof msgid, "m%u", i);
        become_unknown(b, msgid, (uint8_t)(i + 1));
    }
    for (int i = 0; i < 3000; i++) {
        const struct core_command *submit;
        while ((submit = rig_take(b, CMD_SUBMIT)) != NULL)
            rig_done(b, (struct rig_done){.call = submit->reference, .kind = FEP_UNKNOWN});
        rig_forget(b);
        rig_advance(b, 1000);
    }
}

static void
a_silent_system_is_only_probed(void **state)
{
    (void)state;
    struct rig b;
    fall_silent(&b);
    unsigned calls = 0;
    for (int i = 0; i < 60; i++) {
        const struct core_command *submit;
        while ((submit = rig_take(&b, CMD_SUBMIT)) != NULL) {
            rig_done(&b, (struct rig_done){.call = submit->reference, .kind = FEP_UNKNOWN});
            calls++;
        }
        rig_advance(&b, 1000);
    }
    assert_in_range(calls, 1, 31); /* one in two seconds */
    rig_finish(&b);
}

/* The first answer brings all the others forward, never more at once than the window has. */
static void
the_first_answer_brings_all_forward(void **state)
{
    (void)state;
    struct rig b;
    uint64_t open[WINDOW];
    unsigned count = 0, reversed = 0;
    fall_silent(&b);
    int64_t began = b.now_ms;
    while (reversed < MANY && b.now_ms < began + 30000) {
        const struct core_command *submit;
        while ((submit = rig_take(&b, CMD_SUBMIT)) != NULL) {
            assert_in_range(count, 0, WINDOW - 1);
            open[count++] = submit->reference;
        }
        for (unsigned i = 0; i < count; i++)
            rig_done(&b,
                     (struct rig_done){.call = open[i], .kind = FEP_ANSWERED, .finding = FEP_FOUND_REVERSED});
        reversed += count;
        count = 0;
        rig_advance(&b, 500);
    }
    assert_int_equal(reversed, MANY);
    struct core_status status;
    core_read_status(b.core, &status);
    assert_int_equal(status.open_unknown, 0);
    rig_finish(&b);
}

/* The host has no room: that is no answer, and no step of the schedule. */
static void
without_room_it_is_asked_again_soon(void **state)
{
    (void)state;
    struct rig b;
    rig_destination(&b, BOTH);
    become_unknown(&b, "m1", 1);
    stay_unclear(&b, 400000);
    rig_forget(&b);
    int64_t waited = 0;
    for (; rig_count(&b, CMD_SUBMIT) == 0; waited += 1000)
        rig_advance(&b, 1000);
    uint64_t call = rig_expect(&b, CMD_SUBMIT)->reference;
    struct core_event full = {.type = EVENT_DONE, .from = "lb", .epoch = b.epoch, .reference = call};
    full.outcome = (struct core_outcome){.kind = FEP_NOT_SENT, .code = FEP_E_BOUND};
    rig_step(&b, &full);
    assert_int_equal(rig_count(&b, CMD_SUBMIT), 0);
    rig_advance(&b, 1000);
    (void)rig_expect(&b, CMD_SUBMIT);
    rig_finish(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_needs_an_answer),
        cmocka_unit_test(a_persons_word_waits_for_the_gateways_own_calls),
        cmocka_unit_test(stands_waits_for_the_reversal),
        cmocka_unit_test(a_look_before_the_last_call_counts_no_more),
        cmocka_unit_test(a_person_brings_the_settlement_id),
        cmocka_unit_test(it_is_told_what_happens_next),
        cmocka_unit_test(a_system_without_abilities_needs_a_person_at_once),
        cmocka_unit_test(a_silent_system_is_only_probed),
        cmocka_unit_test(the_first_answer_brings_all_forward),
        cmocka_unit_test(without_room_it_is_asked_again_soon),
    };
    return cmocka_run_group_tests_name("core unclear", tests, NULL, NULL);
}
