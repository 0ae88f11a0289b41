/* An exchange whose row was damaged: in its place stands one of which little more than the key is known.
 * Nothing is sent for it, it never runs again, and where the local system is two people can settle it. */
#include "rig.h"

#include <string.h>

enum { BOTH = FEP_INQUIRES | FEP_REVERSES };

/* As the store makes it: without path, serial and digest. */
static void
damage(struct rig *rig, enum exchange_state state)
{
    struct exchange_record *record = &rig->rows[0].record;
    memset(record->target, 0, sizeof record->target);
    memset(&record->local, 0, sizeof record->local);
    memset(record->digest, 0, sizeof record->digest);
    record->state = (uint8_t)state;
    record->kind = FEP_UNKNOWN;
    slice_release(&rig->rows[0].body);
    rig_crash(rig);
    rig_parties_up(rig, BOTH);
    rig_forget(rig);
}

static int
take_unclear(void *arg, const struct core_unclear *unclear)
{
    *(struct core_unclear *)arg = *unclear;
    return 0;
}

static void
it_is_never_asked_for_and_never_runs_again(void **state)
{
    struct rig rig;
    struct core_unclear unclear = {0};
    (void)state;
    rig_destination(&rig, BOTH);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    damage(&rig, STATE_UNKNOWN);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    rig_advance(&rig, 3600000);
    assert_int_equal(rig_count(&rig, CMD_SUBMIT), 0);
    core_each_unclear(rig.core, take_unclear, &unclear);
    assert_true(unclear.wait >= UNCLEAR_PERSON);
    rig_finish(&rig);
}

/* Also after its reversal has come, and after another start. */
static void
two_people_can_settle_it(void **state)
{
    struct rig rig;
    struct message_key key = rig_key("m1");
    (void)state;
    rig_destination(&rig, BOTH);
    rig_update(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    damage(&rig, STATE_UNKNOWN);
    rig_reversal(&rig, (struct rig_message){.from = "P", .msgid = "m1"});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_DESTINATION), STATE_REVERSING);
    rig_crash(&rig);
    rig_parties_up(&rig, BOTH);
    rig_advance(&rig, 600000);
    rig_step(&rig, &(struct core_event){.type = EVENT_TICK});
    assert_int_equal(rig_count(&rig, CMD_SUBMIT), 0);
    assert_int_equal(core_may_resolve(rig.core, &key, RESOLVED_NOT_POSTED, false), 0);
    rig_step(&rig,
             &(struct core_event){.type = EVENT_RESOLVED, .header.key = key, .flag = RESOLVED_NOT_POSTED});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_DESTINATION), STATE_REVERSED);
    assert_int_equal(rig_expect(&rig, CMD_SEND_OUTCOME)->outcome.state, STATE_REVERSED);
    rig_finish(&rig);
}

/* What the next hop says of it is believed: it is the one that it was handed to. */
static void
on_the_way_the_next_hop_may_still_end_it(void **state)
{
    struct rig rig;
    (void)state;
    rig_transit(&rig);
    rig_update(&rig, (struct rig_message){.from = "A", .msgid = "m1"});
    damage(&rig, STATE_REVERSING);
    rig.rows[0].record.reversal_cause = REVERSAL_SCHEDULE;
    rig_advance(&rig, 600000);
    assert_int_equal(rig_count(&rig, CMD_SEND_REVERSAL), 0);
    rig_outcome(&rig, (struct rig_message){.from = "B", .msgid = "m1", .state = STATE_REVERSED});
    assert_int_equal(rig_disk(&rig, "m1", ROLE_TRANSIT), STATE_REVERSED);
    rig_finish(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_never_asked_for_and_never_runs_again),
        cmocka_unit_test(two_people_can_settle_it),
        cmocka_unit_test(on_the_way_the_next_hop_may_still_end_it),
    };
    return cmocka_run_group_tests_name("quarantined", tests, NULL, NULL);
}
