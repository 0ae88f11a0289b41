/* State -> what happened, whether anything took effect, what happens next by itself, what a person can do.
 * Must never promise more than the record proves: where an effect is possible the text says so. */
#include "why_text.h"

#include <stddef.h>

struct sentence {
    const char *zh, *en;
};

struct state_text {
    struct sentence happened, effect, next, person;
};

/* Sentences that stand in several places; macros, since a constant is no constant expression in C11. */
#define NO_EFFECT                                                                                            \
    {                                                                                                        \
        "没有产生任何效果。", "It had no effect."                                                            \
    }
#define NOT_KNOWN                                                                                            \
    {                                                                                                        \
        "还不能确定是否已产生效果。", "Whether it took effect is not known yet."                             \
    }
#define NOTHING_MORE                                                                                         \
    {                                                                                                        \
        "不再有后续动作。", "Nothing more happens."                                                          \
    }
#define DO_NOT_REPEAT                                                                                        \
    {                                                                                                        \
        "等待结论。不要重复收费，也不要另开一笔。",                                                          \
            "Wait for the end of it. Do not charge again and do not start another one."                      \
    }
#define POSTED                                                                                               \
    {                                                                                                        \
        "已经入账。", "It is posted."                                                                        \
    }
#define REPEATABLE                                                                                           \
    {                                                                                                        \
        "可以原样再发。", "It may be sent again unchanged."                                                  \
    }
#define NOT_TOLD_ORIGIN                                                                                      \
    {                                                                                                        \
        "结果还没有交到请求方；请求方重发、查询或冲正时照此答复。",                                          \
            "The caller has not been told yet; its repeat, inquiry or reversal is answered with this."       \
    }
#define NOT_TOLD_HOP                                                                                         \
    {                                                                                                        \
        "结果会一直转告上一站，直到对方确认落盘。",                                                          \
            "The ending is offered to the previous hop until that has it on disk."                           \
    }

static const struct state_text by_state[STATE_COUNT] = {
    [STATE_QUEUED] = {{"已受理并落盘，还没有送出。", "Accepted and on disk here; nothing was sent yet."},
                      {"到此为止没有产生任何效果。", "It has had no effect so far."},
                      {"线路、接口和该人业务的次序允许时自动送出；到时限还没送出就拒绝。",
                       "It goes out when the link, the instance and the person's order allow; if that is not "
                       "in time it is refused."},
                      {"等待。若对端或接口中断，先恢复它，见 fepctl status。",
                       "Wait. If the peer or the instance is down, see to that first: fepctl status."}},
    [STATE_SENT] = {{"已送往下一站，对方还没有确认落盘。",
                     "Sent to the next hop, which has not confirmed it yet."},
                    NOT_KNOWN,
                    {"未确认的会自动重发，对方会认出副本；到时限没有答复，由发起方自动冲正。",
                     "It is resent until confirmed, copies are recognised; without an answer in time the "
                     "origin reverses it by itself."},
                    DO_NOT_REPEAT},
    [STATE_RELAYED] = {{"下一站已落盘，正在等待结果。",
                        "The next hop has it on disk; its outcome is awaited."},
                       NOT_KNOWN,
                       {"结果一到就落盘并转告；到时限没有答复，由发起方自动冲正。",
                        "The outcome is stored and passed on as it comes; without one in time the origin "
                        "reverses it by itself."},
                       DO_NOT_REPEAT},
    [STATE_DISPATCHED] =
        {{"已交给参保地系统办理，等待其答复。",
          "The insured place's system was called; its answer is awaited."},
         NOT_KNOWN,
         {"答复到了就落盘并转告；没有答复就自动查询，必要时冲正。",
          "Its answer is stored and passed on; without one the gateway inquires and if need be reverses."},
         DO_NOT_REPEAT},
    [STATE_UNKNOWN] = {{"参保地系统的结果不明，正在核实。",
                        "The outcome at the insured place's system is not known and is being resolved."},
                       {"可能已经入账，也可能没有。", "It may have been posted, or not."},
                       {"网关自动查询，必要时冲正，直到有确定结论。",
                        "The gateway inquires and if need be reverses until it is certain."},
                       {"不要重复收费，也不要另开一笔。长时间不清时，请参保地经办机构核实这一笔。",
                        "Do not charge again and do not start another one. If it lasts, ask the insured "
                        "place about this one."}},
    [STATE_REVERSING] = {{"正在冲正，还没有结论。", "It is being reversed and that is not finished."},
                         {"可能已经入账；冲正成功后等于没有办理。",
                          "It may have been posted; once reversed it is as if it had never been done."},
                         {"冲正会一直重复，直到得到确定的结果。",
                          "The reversal is repeated until its result is certain."},
                         {"等待结论，不要再冲正一次，也不要重新办理。",
                          "Wait for the end of it. Do not reverse again and do not start anew."}},
    [STATE_ANSWERED] = {{"已办结，参保地已答复。", "Finished: the insured place answered."},
                        NO_EFFECT,
                        NOTHING_MORE,
                        {"无须处理。要撤销的，由请求方用撤销交易或冲正提出。",
                         "Nothing. If it is to be undone, its caller cancels or reverses it."}},
    [STATE_REFUSED] = {{"已拒绝。", "It was refused."},
                       NO_EFFECT,
                       NOTHING_MORE,
                       {"按拒绝理由处理后，用新的流水号重新发起。",
                        "Act on the reason given, then ask again under a new serial."}},
    [STATE_REVERSED] = {{"已冲正。", "It was reversed."},
                        {"最终没有入账：做过的已撤销，或本来就没有做。",
                         "In the end it is not posted: what was done is undone, or nothing was done."},
                        NOTHING_MORE,
                        {"如仍要办理，请用新的流水号重新发起。",
                         "If it is still wanted, ask again under a new serial."}},
    [STATE_STANDS] = {
        {"要求冲正，但参保地最终拒绝：这笔业务仍然有效。",
         "Its reversal was asked for and finally declined: the update stands."},
        {"已经入账。", "It is posted."},
        {"网关不再自动处理；已立案，并列入对账。",
         "Nothing more happens by itself; an incident is open and the reconciliation lists it."},
        {"按已入账处理。要撤销的用结算撤销，或与参保地经办机构联系。",
         "Treat it as posted. To undo it, cancel the settlement or call the insured place."}}};

static const struct state_text of_tombstone = {
    {"只到过它的冲正，业务本身从未到达这里。",
     "Only its reversal came; the update itself was never seen here."},
    NO_EFFECT,
    {"这个报文号在这里已经作废：业务若再到，会被拒绝。",
     "The msgid is blocked here: should the update still come, it is refused."},
    {"如仍要办理，请用新的流水号重新发起。", "If it is still wanted, ask again under a new serial."}};

static const char *
pick(const struct sentence *sentence, bool chinese)
{
    return chinese ? sentence->zh : sentence->en;
}

void
why_describe(const struct exchange_record *record, bool chinese, struct why_text *text)
{
    static const struct state_text of_none = {
        {"记录中的状态不认识。", "The record's state is not known to this program."},
        NOT_KNOWN,
        {"无法判断。", "That cannot be said."},
        {"请用与网关相同版本的 fepctl。", "Use the fepctl of the gateway's own version."}};
    const struct state_text *found = record->tombstone ? &of_tombstone
                                     : record->state > STATE_NONE && record->state < STATE_COUNT
                                         ? &by_state[record->state]
                                         : &of_none;
    text->happened = pick(&found->happened, chinese);
    text->effect = pick(&found->effect, chinese);
    text->next = pick(&found->next, chinese);
    text->person = pick(&found->person, chinese);
    if (record->tombstone)
        return;
    if (record->state == STATE_ANSWERED && record->effect == FEP_EFFECT_POSTED)
        text->effect = pick(&(const struct sentence)POSTED, chinese);
    if (record->state == STATE_REFUSED && record->refusal_class == FEP_REPEATABLE)
        text->person = pick(&(const struct sentence)REPEATABLE, chinese);
    if ((record->state == STATE_ANSWERED || record->state == STATE_REFUSED ||
         record->state == STATE_REVERSED) &&
        !record->outcome_relayed)
        text->next = pick(record->role == ROLE_ORIGIN ? &(const struct sentence)NOT_TOLD_ORIGIN
                                                      : &(const struct sentence)NOT_TOLD_HOP,
                          chinese);
}

const char *
why_describe_cure(const struct exchange_record *record, bool chinese)
{
    static const struct sentence stages[] = {
        [CURE_WAIT] = {"先等原业务的结果，再撤销", "waiting for the original's outcome before it is undone"},
        [CURE_REVERSE] = {"正按次序向参保地系统冲正",
                          "reversing at the insured place's system by its schedule"},
        [CURE_CANCEL] = {"冲正已不可能，改为撤销结算", "no longer reversible there; cancelling it instead"},
        [CURE_CANCEL_UNKNOWN] = {"撤销的结果不明，正在核实", "the cancel's own outcome is being resolved"},
        [CURE_WAIT_OTHER] = {"等待该人另一笔业务办结",
                             "waiting for the end of another update of the same person"},
    };
    if (record->cure > CURE_NONE && record->cure < sizeof stages / sizeof *stages)
        return pick(&stages[record->cure], chinese);
    if (record->state == STATE_REVERSING && record->reversal_relayed)
        return chinese ? "下一站已接下冲正" : "the next hop has taken the reversal over";
    return NULL;
}
