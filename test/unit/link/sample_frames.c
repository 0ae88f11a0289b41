/* Builds the samples from the table of kinds, so that a new kind or section is covered without being thought
 * of. */
#include "sample_frames.h"

#include <stdlib.h>

#include "frame_layout.h"

static unsigned
kind_at(size_t place)
{
    for (unsigned kind = 0; kind < 256; kind++) {
        if (frame_find_rule(kind) != NULL && place-- == 0)
            return kind;
    }
    abort();
}

size_t
sample_count(void)
{
    size_t count = 0;

    for (unsigned kind = 0; kind < 256; kind++)
        count += frame_find_rule(kind) != NULL;
    return 2 * count;
}

static void
fill_message(struct frame *frame)
{
    frame->header = (struct message_header){
        .key = {.origin = "450100", .msgid = "H45010000001202611230915020001"},
        .infno = "2304",
        .transaction_class = CLASS_UPDATE,
        .treat_area = "450100",
        .insured_area = "450900",
        .institution = "H45010000001",
        .day = 20261123,
    };
    frame->travel = (struct travel){.attempt = 3, .time_left_ms = 123456, .hops_left = 7};
    frame->index = (struct fep_index){
        .size = sizeof frame->index,
        .order_key = {1, 2, 3, 255},
        .visit_id = "V20261123000001",
        .settlement_id = "S1",
        .med_type = "21",
        .insutype = "310",
        .total_fen = 1400000,
        .fund_fen = -1,
        .account_fen = INT64_MIN,
        .cash_fen = INT64_MAX,
        .effect = FEP_EFFECT_POSTED,
        .accounting_day = 20261123,
        .has_money = 1,
    };
}

static void
fill_rest(struct frame *frame)
{
    static const uint64_t calls[] = {1, 0x0102030405060708, UINT64_MAX};
    static const unsigned char body[] = "{\"psn_no\":\"45\"}", answer[] = "{\"setl_id\":\"S1\"}",
                               seal[] = {0, 1, 2, 255};

    frame->result = (struct frame_result){.state = frame->kind == FRAME_HEALTH ? FEP_UP : STATE_REVERSED,
                                          .kind = FEP_ANSWERED,
                                          .effect = FEP_EFFECT_POSTED,
                                          .refusal_class = FEP_REPEATABLE,
                                          .reason = FEP_REASON_BUSINESS,
                                          .finding = FEP_FOUND_STAYS_POSTED,
                                          .copy = 1,
                                          .code = 2301,
                                          .accounting_date = 20261123,
                                          .cycle = "20261123-1"};
    frame->attempt = (struct frame_attempt){.operation = 4,
                                            .repeat = 1,
                                            .serial = 10000000001,
                                            .cancel_serial = 10000000002,
                                            .serial_date = 20261123,
                                            .cancel_serial_date = 20261124,
                                            .accounting_date = 20261125,
                                            .mapping_generation = 9,
                                            .cycle = "C"};
    frame->hello = (struct frame_hello){.node = "450900",
                                        .incarnation = 2,
                                        .commit_sequence = 1000,
                                        .seen_incarnation = 1,
                                        .seen_commit_sequence = 999,
                                        .wall_ms = 1795000000000,
                                        .epoch = 5,
                                        .abilities = 63,
                                        .window = 100,
                                        .version_min = 1,
                                        .version_max = 2};
    strcpy(frame->text, "参保已暂停");
    frame->calls = calls;
    frame->call_count = sizeof calls / sizeof calls[0];
    frame->body = (struct slice){NULL, body, sizeof body - 1};
    frame->answer = (struct slice){NULL, answer, sizeof answer - 1};
    frame->seal = (struct slice){NULL, seal, sizeof seal};
}

void
sample_frame(size_t index, struct frame *frame)
{
    unsigned kind = kind_at(index / 2);
    const struct kind_rule *rule = frame_find_rule(kind);

    memset(frame, 0, sizeof *frame);
    frame->kind = (enum frame_kind)kind;
    frame->sections = index % 2 == 0 ? rule->allowed : rule->required;
    frame->sequence = 0x1122334455667788;
    frame->epoch = 0x99aabbcc;
    frame->fresh = kind == FRAME_REQUEST;
    frame->caller_inquires = kind == FRAME_REQUEST;
    frame->ok = kind == FRAME_RENDERED || kind == FRAME_ENTRY || kind == FRAME_TASK_RESULT;
    frame->more = kind == FRAME_TASK_RESULT;
    frame->acked_kind = kind == FRAME_HOST_ACK ? FRAME_DONE : 0;
    fill_message(frame);
    fill_rest(frame);
    if (!(frame->sections & FRAME_HAS_BODY))
        frame->body = SLICE_NONE;
    if (!(frame->sections & FRAME_HAS_ANSWER))
        frame->answer = SLICE_NONE;
    if (!(frame->sections & FRAME_HAS_SEAL))
        frame->seal = SLICE_NONE;
}

unsigned char *
sample_bytes(size_t index, size_t *size)
{
    struct frame frame;
    struct fep_error error = {0};
    unsigned char *bytes;

    sample_frame(index, &frame);
    *size = frame_size(&frame);
    bytes = malloc(*size);
    if (bytes == NULL || frame_encode(&frame, bytes, *size, &error) != *size)
        abort();
    return bytes;
}
