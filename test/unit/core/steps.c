/* See steps.h. */
#include "steps.h"

void
step_render(struct rig *rig, uint64_t ticket, int ok)
{
    struct core_event event = {
        .type = EVENT_RENDERED, .from = "la", .reference = ticket, .epoch = 1, .flag = (uint8_t)ok};
    rig_step(rig, &event);
}

uint64_t
step_send(struct rig *rig, const char *msgid)
{
    uint64_t ticket = rig_request(rig, (struct rig_request){.msgid = msgid});
    rig_acked(rig, "P", msgid, ACKED_UPDATE);
    rig_forget(rig);
    return ticket;
}

void
step_answer(struct rig *rig, const char *msgid, uint64_t ticket)
{
    rig_outcome(rig, (struct rig_message){.from = "P", .msgid = msgid, .state = STATE_ANSWERED, .effect = 1});
    step_render(rig, ticket, 1);
    assert_int_equal(rig_disk(rig, msgid, ROLE_ORIGIN), STATE_ANSWERED);
    rig_forget(rig);
}

uint64_t
step_dispatch(struct rig *rig, const char *msgid, uint8_t person)
{
    rig_update(rig, (struct rig_message){.from = "P", .msgid = msgid, .person = person});
    uint64_t call = rig_expect(rig, CMD_SUBMIT)->reference;
    rig_forget(rig);
    return call;
}
