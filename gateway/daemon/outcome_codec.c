/* One place where the core's outcome and the frame's result section meet, so that a new member is added once.
 */
#include "outcome_codec.h"

#include <stdio.h>
#include <string.h>

void
outcome_to_frame(const struct core_outcome *outcome, struct frame *frame)
{
    struct frame_result *result = &frame->result;
    frame->sections |= FRAME_HAS_RESULT;
    *result = (struct frame_result){
        .state = outcome->state,
        .kind = outcome->kind,
        .effect = outcome->effect,
        .refusal_class = outcome->refusal_class,
        .reason = outcome->reason,
        .finding = outcome->finding,
        .copy = outcome->copy,
        .code = outcome->code,
        .accounting_date = outcome->accounting_date,
    };
    memcpy(result->cycle, outcome->cycle, sizeof result->cycle);
    if (outcome->text[0] != '\0') {
        snprintf(frame->text, sizeof frame->text, "%s", outcome->text);
        frame->sections |= FRAME_HAS_TEXT;
    }
}

/* Cuts at a character boundary: half a character in a log line would spoil it. */
static void
copy_text(char *out, size_t room, const char *text)
{
    size_t size = strnlen(text, room);
    if (size == room) {
        size = room - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
    }
    memcpy(out, text, size);
    out[size] = '\0';
}

void
outcome_from_frame(const struct frame *frame, struct core_outcome *outcome)
{
    const struct frame_result *result = &frame->result;
    *outcome = (struct core_outcome){0};
    if (frame->sections & FRAME_HAS_TEXT)
        copy_text(outcome->text, sizeof outcome->text, frame->text);
    if (!(frame->sections & FRAME_HAS_RESULT))
        return;
    outcome->state = result->state;
    outcome->kind = result->kind;
    outcome->effect = result->effect;
    outcome->refusal_class = result->refusal_class;
    outcome->reason = result->reason;
    outcome->finding = result->finding;
    outcome->copy = result->copy;
    outcome->code = result->code;
    outcome->accounting_date = result->accounting_date;
    memcpy(outcome->cycle, result->cycle, sizeof outcome->cycle);
}
