/* See restore_steps.h. */
#include "restore_steps.h"

#include "clock.h"

void
restore_back_up(const struct rig *rig, struct restore_copy *copy)
{
    assert_true(rig->row_count <= 16);
    copy->count = rig->row_count;
    for (size_t i = 0; i < rig->row_count; i++) {
        copy->rows[i] = rig->rows[i];
        copy->rows[i].body = slice_share(rig->rows[i].body);
        copy->rows[i].answer = slice_share(rig->rows[i].answer);
    }
}

void
restore_put_back(struct rig *rig, const struct restore_copy *copy, uint32_t abilities)
{
    rig->config.incarnation++;
    rig->serial_counter += 1000;
    rig->resolving = 1;
    rig_crash(rig);
    for (size_t i = 0; i < rig->row_count; i++) {
        slice_release(&rig->rows[i].body);
        slice_release(&rig->rows[i].answer);
    }
    rig->row_count = copy->count;
    if (copy->count != 0)
        memcpy(rig->rows, copy->rows, copy->count * sizeof copy->rows[0]);
    rig_parties_up(rig, abilities);
}

void
restore_tell_held(struct rig *rig, struct restore_word word)
{
    struct core_event event = {.type = EVENT_HELD,
                               .from = word.from,
                               .travel.attempt = word.attempt != 0 ? word.attempt : 1,
                               .index.size = sizeof event.index,
                               .flag = word.had_from_us};
    event.header = (struct message_header){.key = rig_key(word.msgid),
                                           .transaction_class = CLASS_UPDATE,
                                           .treat_area = "450100",
                                           .insured_area = "450900"};
    snprintf(event.header.infno, sizeof event.header.infno, "%s", word.infno != NULL ? word.infno : "2207");
    event.header.day = clock_date(rig->wall_ms);
    memset(event.index.order_key, word.person + 1, sizeof event.index.order_key);
    event.outcome.state = (uint8_t)word.state;
    event.outcome.effect = word.effect;
    event.outcome.refusal_class = word.refusal_class;
    event.body = slice_copy("settle", strlen("settle"));
    if (word.settlement != NULL)
        snprintf(event.index.settlement_id, sizeof event.index.settlement_id, "%s", word.settlement);
    if (word.answer != NULL)
        event.found_answer = slice_copy(word.answer, strlen(word.answer));
    rig_step(rig, &event);
    slice_release(&event.body);
    slice_release(&event.found_answer);
}

void
restore_trace(struct rig *rig, const char *msgid, uint64_t serial)
{
    struct core_event event = {.type = EVENT_TRACED,
                               .from = "lb",
                               .header.key = rig_key(msgid),
                               .reference = serial,
                               .travel.attempt = 20261122};
    rig_step(rig, &event);
}
