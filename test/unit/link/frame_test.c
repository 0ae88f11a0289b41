/* Frames: what is written is what is read, for every kind; and nothing else is read: every byte of the
 * preamble and of the lengths changed, every truncation, every limit. Frames under test lie in memory of
 * exactly their size, so that the sanitizers see one byte too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <cmocka.h>

#include "error.h"
#include "frame_layout.h"
#include "sample_frames.h"

/* Decodes a private copy of exactly `size` bytes; the frame keeps what it needs of it. */
static int
decode(struct frame *frame, const unsigned char *bytes, size_t size, struct fep_error *error)
{
    struct buffer *buffer = buffer_create(size);
    struct slice whole = slice_of(buffer);
    int status;

    assert_non_null(buffer);
    memcpy(buffer_data(buffer), bytes, size);
    error_clear(error);
    status = frame_decode(frame, whole, error);
    slice_release(&whole);
    if (status != 0) {
        assert_int_not_equal(error->code, 0);
        assert_true(error->text[0] != '\0');
        assert_null(frame->body.data);
        assert_null(frame->calls);
    }
    return status;
}

static void
assert_slices_equal(const struct slice *a, const struct slice *b)
{
    assert_int_equal(a->size, b->size);
    if (a->size > 0)
        assert_memory_equal(a->data, b->data, a->size);
}

static void
assert_frames_equal(const struct frame *a, const struct frame *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->sections, b->sections);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->fresh, b->fresh);
    assert_int_equal(a->caller_inquires, b->caller_inquires);
    assert_int_equal(a->ok, b->ok);
    assert_int_equal(a->more, b->more);
    assert_int_equal(a->acked_kind, b->acked_kind);
    if (a->sections & FRAME_HAS_HEADER) {
        assert_true(message_key_equal(&a->header.key, &b->header.key));
        assert_string_equal(a->header.infno, b->header.infno);
        assert_string_equal(a->header.insured_area, b->header.insured_area);
        assert_int_equal(a->header.day, b->header.day);
    }
    if (a->sections & FRAME_HAS_TRAVEL) {
        assert_int_equal(a->travel.attempt, b->travel.attempt);
        assert_int_equal(a->travel.time_left_ms, b->travel.time_left_ms);
        assert_int_equal(a->travel.hops_left, b->travel.hops_left);
    }
    if (a->sections & FRAME_HAS_INDEX)
        assert_memory_equal(&a->index, &b->index, sizeof a->index);
    if (a->sections & FRAME_HAS_RESULT)
        assert_memory_equal(&a->result, &b->result, sizeof a->result);
    if (a->sections & FRAME_HAS_ATTEMPT)
        assert_memory_equal(&a->attempt, &b->attempt, sizeof a->attempt);
    if (a->sections & FRAME_HAS_HELLO)
        assert_memory_equal(&a->hello, &b->hello, sizeof a->hello);
    if (a->sections & FRAME_HAS_TEXT)
        assert_string_equal(a->text, b->text);
    if (a->sections & FRAME_HAS_CALLS) {
        assert_int_equal(a->call_count, b->call_count);
        assert_memory_equal(a->calls, b->calls, a->call_count * sizeof a->calls[0]);
    }
    assert_slices_equal(&a->body, &b->body);
    assert_slices_equal(&a->answer, &b->answer);
    assert_slices_equal(&a->seal, &b->seal);
}

static void
every_kind_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count(); i++) {
        struct frame sent, received;
        struct fep_error error;
        size_t size;
        unsigned char *bytes = sample_bytes(i, &size);

        sample_frame(i, &sent);
        if (decode(&received, bytes, size, &error) != 0)
            fail_msg("%s: %s", frame_kind_name(sent.kind), error.text);
        assert_frames_equal(&sent, &received);
        frame_release(&received);
        free(bytes);
    }
}

/* The bytes themselves, once, so that a change of the layout cannot go unnoticed. */
static void
the_layout_is_the_documented_one(void **state)
{
    (void)state;
    struct frame frame = {.kind = FRAME_UPDATE,
                          .sections = FRAME_HAS_HEADER | FRAME_HAS_TRAVEL | FRAME_HAS_BODY,
                          .sequence = 0x0102030405060708,
                          .epoch = 0x0a0b0c0d,
                          .travel = {.attempt = 1, .time_left_ms = 60000, .hops_left = 8},
                          .body = {NULL, (const unsigned char *)"{}", 2}};
    unsigned char bytes[300];
    static const unsigned char preamble[] = {
        'F', 'E', 'P',  'F',  1,    7,    0, 0, 0, 0, 0, 0x83, 0, 0,   0, 226, 1, 2,  3, 4, 5, 6,
        7,   8,   0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 0, 0, 0,    0, 168, 0, 0,   0, 12, 0, 0, 0, 2};
    static const unsigned char travel[] = {0, 0, 0, 1, 0, 0, 0xea, 0x60, 8, 0, 0, 0, '{', '}'};
    struct frame sample;

    sample_frame(0, &sample);
    frame.header = sample.header;
    assert_int_equal(frame_encode(&frame, bytes, sizeof bytes, NULL), 226);
    assert_memory_equal(bytes, preamble, sizeof preamble);
    assert_memory_equal(bytes + 212, travel, sizeof travel);
    assert_int_equal(frame_sections_offset(bytes), 44);
    assert_int_equal(frame_travel_offset(bytes), 212);
}

static void
every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count(); i++) {
        size_t size;
        unsigned char *bytes = sample_bytes(i, &size);

        for (size_t cut = 0; cut < size; cut++) {
            struct frame frame;
            struct fep_error error;
            assert_int_equal(decode(&frame, bytes, cut, &error), -1);
            if (cut >= PREAMBLE_SIZE) { /* the same with a length that agrees */
                save_32(bytes + AT_SIZE, (uint32_t)cut);
                if (decode(&frame, bytes, cut, &error) == 0)
                    fail_msg("%s cut to %zu of %zu is taken", frame_kind_name(frame.kind), cut, size);
                save_32(bytes + AT_SIZE, (uint32_t)size);
            }
        }
        free(bytes);
    }
}

static void
bytes_after_the_end_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count(); i++) {
        struct frame frame;
        struct fep_error error;
        size_t size;
        unsigned char *bytes = sample_bytes(i, &size);
        unsigned char *longer = malloc(size + 1);

        assert_non_null(longer);
        memcpy(longer, bytes, size);
        longer[size] = 0;
        assert_int_equal(decode(&frame, longer, size + 1, &error), -1);
        save_32(longer + AT_SIZE, (uint32_t)size + 1);
        assert_int_equal(decode(&frame, longer, size + 1, &error), -1);
        free(longer);
        free(bytes);
    }
}

/* May this byte of the preamble or of the lengths be anything? Only what names no structure may. */
static bool
is_free_byte(size_t at)
{
    return at == AT_ACKED_KIND || (at >= AT_SEQUENCE && at < AT_RESERVED);
}

/* Every value of every byte of preamble and lengths. A taken one must be free, a flag, another kind with the
 * same sections, or leave out an optional section that is empty anyway. */
static void
every_byte_of_the_preamble_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count(); i++) {
        size_t size, taken = 0;
        unsigned char *bytes = sample_bytes(i, &size);
        size_t end = frame_sections_offset(bytes);

        for (size_t at = 0; at < end; at++) {
            unsigned char right = bytes[at];
            for (unsigned value = 0; value < 256; value++) {
                struct frame frame;
                struct fep_error error;
                bytes[at] = (unsigned char)value;
                if (decode(&frame, bytes, size, &error) != 0)
                    continue;
                if (value != right && !is_free_byte(at) && at != AT_FLAGS && at != AT_KIND)
                    taken++;
                if (at == AT_FLAGS)
                    assert_true(value <= FLAG_ALL);
                if (at == AT_KIND)
                    assert_non_null(frame_find_rule(value));
                frame_release(&frame);
            }
            bytes[at] = right;
        }
        assert_int_equal(taken, 0);
        free(bytes);
    }
}

/* One byte changed anywhere: taken or refused, but never read wrongly (that is the sanitizers' part). */
static void
no_changed_byte_is_harmful(void **state)
{
    (void)state;
    for (size_t i = 0; i < sample_count(); i++) {
        size_t size;
        unsigned char *bytes = sample_bytes(i, &size);

        for (size_t at = 0; at < size; at++) {
            static const unsigned char changes[] = {0x01, 0x80, 0xff, 0x20};
            for (size_t change = 0; change < sizeof changes; change++) {
                struct frame frame;
                struct fep_error error;
                bytes[at] ^= changes[change];
                if (decode(&frame, bytes, size, &error) == 0)
                    frame_release(&frame);
                bytes[at] ^= changes[change];
            }
        }
        free(bytes);
    }
}

/* Index of the sample of a kind, with all its sections. */
static size_t
sample_of(enum frame_kind kind)
{
    for (size_t i = 0; i < sample_count(); i += 2) {
        struct frame frame;
        sample_frame(i, &frame);
        if (frame.kind == kind)
            return i;
    }
    fail_msg("no sample of kind %d", (int)kind);
    return 0;
}

/* Where a section of an encoded sample begins. */
static size_t
section_at(const unsigned char *bytes, uint32_t wanted)
{
    uint32_t sections = load_32(bytes + AT_SECTIONS);
    size_t at = frame_sections_offset(bytes), length_at = PREAMBLE_SIZE;

    for (uint32_t bit = 1; bit != wanted; bit <<= 1) {
        if (sections & bit) {
            at += load_32(bytes + length_at);
            length_at += 4;
        }
    }
    return at;
}

static void
values_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum frame_kind kind;
        uint32_t section;
        size_t at;
        unsigned char value;
    } cases[] = {
        {FRAME_OUTCOME, FRAME_HAS_RESULT, 0, STATE_REVERSING}, /* not an ending */
        {FRAME_OUTCOME, FRAME_HAS_RESULT, 0, STATE_COUNT},
        {FRAME_OUTCOME, FRAME_HAS_RESULT, 0, 0},
        {FRAME_DONE, FRAME_HAS_RESULT, 0, STATE_SENT},
        {FRAME_HEALTH, FRAME_HAS_RESULT, 0, 0},
        {FRAME_HEALTH, FRAME_HAS_RESULT, 0, FEP_STOPPING + 1},
        {FRAME_DONE, FRAME_HAS_RESULT, 1, 0}, /* a completion without a kind */
        {FRAME_DONE, FRAME_HAS_RESULT, 1, FEP_UNKNOWN + 1},
        {FRAME_LATE, FRAME_HAS_RESULT, 1, 0},
        {FRAME_DONE, FRAME_HAS_RESULT, 2, 2},
        {FRAME_DONE, FRAME_HAS_RESULT, 3, 2},
        {FRAME_DONE, FRAME_HAS_RESULT, 5, FEP_FOUND_STAYS_POSTED + 1},
        {FRAME_DONE, FRAME_HAS_RESULT, 6, 2},
        {FRAME_DONE, FRAME_HAS_RESULT, 16, '\n'}, /* cycle: control character */
        {FRAME_DONE, FRAME_HAS_RESULT, 55, 'x'},  /* behind the end of the cycle */
        {FRAME_SUBMIT, FRAME_HAS_ATTEMPT, 1, 2},
        {FRAME_SUBMIT, FRAME_HAS_ATTEMPT, 75, 'x'},
        {FRAME_UPDATE, FRAME_HAS_INDEX, 132, 2},
        {FRAME_UPDATE, FRAME_HAS_INDEX, 133, 2},
        {FRAME_UPDATE, FRAME_HAS_INDEX, 16, 0x7f},
        {FRAME_UPDATE, FRAME_HAS_INDEX, 47, 'x'},
        {FRAME_UPDATE, FRAME_HAS_HEADER, 1, 9}, /* class */
        {FRAME_UPDATE, FRAME_HAS_HEADER, 8, 0}, /* no origin */
        {FRAME_HELLO, FRAME_HAS_HELLO, 15, 'x'},
        {FRAME_HELLO, FRAME_HAS_HELLO, 69, 3}, /* lowest version above highest */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame frame;
        struct fep_error error;
        size_t size;
        unsigned char *bytes = sample_bytes(sample_of(cases[i].kind), &size);

        bytes[section_at(bytes, cases[i].section) + cases[i].at] = cases[i].value;
        if (decode(&frame, bytes, size, &error) == 0)
            fail_msg("case %zu is taken", i);
        free(bytes);
    }
}

/* What is told has a kind or is an ending. */
static void
a_tell_says_something(void **state)
{
    (void)state;
    struct frame frame;
    struct fep_error error;
    size_t size, at;
    unsigned char *bytes = sample_bytes(sample_of(FRAME_TELL), &size);

    at = section_at(bytes, FRAME_HAS_RESULT);
    bytes[at + 1] = 0;
    assert_int_equal(decode(&frame, bytes, size, &error), 0);
    frame_release(&frame);
    bytes[at] = 0;
    assert_int_equal(decode(&frame, bytes, size, &error), -1);
    bytes[at + 1] = FEP_UNKNOWN;
    assert_int_equal(decode(&frame, bytes, size, &error), 0);
    frame_release(&frame);
    free(bytes);
}

/* A listed exchange may be in any state, and in no other. */
static void
an_entry_may_be_open(void **state)
{
    (void)state;
    struct frame frame;
    struct fep_error error;
    size_t size;
    unsigned char *bytes = sample_bytes(sample_of(FRAME_ENTRY), &size);
    size_t at = section_at(bytes, FRAME_HAS_RESULT);

    for (unsigned value = 0; value < 256; value++) {
        bytes[at] = (unsigned char)value;
        int status = decode(&frame, bytes, size, &error);
        assert_int_equal(status, value < STATE_COUNT ? 0 : -1);
        if (status == 0)
            frame_release(&frame);
    }
    free(bytes);
}

/* Text is for people: it never costs an ending. */
static void
illegal_text_becomes_question_marks(void **state)
{
    (void)state;
    struct frame frame;
    struct fep_error error;
    size_t size;
    unsigned char *bytes = sample_bytes(sample_of(FRAME_OUTCOME), &size);
    size_t at = section_at(bytes, FRAME_HAS_TEXT);

    bytes[at] = '\n';
    bytes[at + 14] = 0xe6; /* its last character cut in half */
    assert_int_equal(decode(&frame, bytes, size, &error), 0);
    assert_string_equal(frame.text, "???\xe4\xbf\x9d\xe5\xb7\xb2\xe6\x9a\x82???");
    frame_release(&frame);
    free(bytes);
}

static void
an_unknown_reason_is_none(void **state)
{
    (void)state;
    struct frame frame;
    struct fep_error error;
    size_t size;
    unsigned char *bytes = sample_bytes(sample_of(FRAME_OUTCOME), &size);

    bytes[section_at(bytes, FRAME_HAS_RESULT) + 4] = FEP_REASON_COUNT;
    assert_int_equal(decode(&frame, bytes, size, &error), 0);
    assert_int_equal(frame.result.reason, FEP_REASON_NONE);
    frame_release(&frame);
    free(bytes);
}

/* A later minor version: a fixed section grows at its end, and a section above 15 appears. */
static void
later_versions_are_read(void **state)
{
    (void)state;
    struct frame frame, sent;
    struct fep_error error;
    size_t size, at = sample_of(FRAME_PING);
    unsigned char *bytes = sample_bytes(at, &size);
    unsigned char grown[256];
    size_t lengths = PREAMBLE_SIZE + 8;

    sample_frame(at, &sent);
    memset(grown, 0xee, sizeof grown);
    memcpy(grown, bytes, PREAMBLE_SIZE);
    save_32(grown + AT_SECTIONS, FRAME_HAS_HELLO | 1u << 20);
    save_32(grown + PREAMBLE_SIZE, HELLO_SIZE + 5);
    save_32(grown + PREAMBLE_SIZE + 4, 9);
    memcpy(grown + lengths, bytes + PREAMBLE_SIZE + 4, HELLO_SIZE);
    size_t whole = lengths + HELLO_SIZE + 5 + 9;
    save_32(grown + AT_SIZE, (uint32_t)whole);
    if (decode(&frame, grown, whole, &error) != 0)
        fail_msg("%s", error.text);
    assert_memory_equal(&frame.hello, &sent.hello, sizeof sent.hello);
    assert_int_equal(frame.sections, FRAME_HAS_HELLO);
    frame_release(&frame);

    save_32(grown + AT_SECTIONS, FRAME_HAS_HELLO | 1u << 15); /* one that would change the meaning */
    assert_int_equal(decode(&frame, grown, whole, &error), -1);
    grown[AT_VERSION] = 2;
    assert_int_equal(decode(&frame, grown, whole, &error), -1);
    assert_int_equal(error.code, FEP_E_PEER_VERSION);
    free(bytes);
}

static void
limits_hold_both_ways(void **state)
{
    (void)state;
    unsigned char *body = calloc(1, FRAME_MAX_BODY + 1), *out = malloc(FRAME_MAX_SIZE + 16);
    struct frame frame = {.kind = FRAME_CONTROL, .sections = FRAME_HAS_BODY}, received;
    struct fep_error error;
    size_t size;

    assert_non_null(body);
    assert_non_null(out);
    frame.body = (struct slice){NULL, body, FRAME_MAX_BODY};
    size = frame_encode(&frame, out, FRAME_MAX_SIZE, &error);
    assert_int_equal(size, PREAMBLE_SIZE + 4 + FRAME_MAX_BODY);
    assert_int_equal(decode(&received, out, size, &error), 0);
    frame_release(&received);

    frame.body.size++;
    assert_int_equal(frame_encode(&frame, out, FRAME_MAX_SIZE, &error), 0);
    assert_int_equal(error.code, FEP_E_OVERSIZE);
    save_32(out + PREAMBLE_SIZE, FRAME_MAX_BODY + 1);
    save_32(out + AT_SIZE, (uint32_t)size + 1);
    assert_int_equal(decode(&received, out, size + 1, &error), -1);
    assert_int_equal(error.code, FEP_E_OVERSIZE);

    frame.body.size = 10; /* no room */
    assert_int_equal(frame_encode(&frame, out, frame_size(&frame) - 1, &error), 0);
    save_32(out + PREAMBLE_SIZE, UINT32_MAX);
    save_32(out + AT_SIZE, 46);
    assert_int_equal(decode(&received, out, 46, &error), -1);
    free(body);
    free(out);
}

static void
long_lists_of_calls_are_held_and_bounded(void **state)
{
    (void)state;
    static uint64_t calls[FRAME_MAX_OPEN_CALLS + 1];
    static unsigned char out[FRAME_MAX_OPEN_CALLS * 8 + 1024];
    struct frame sent, frame;
    struct fep_error error;
    size_t size;

    for (size_t i = 0; i < FRAME_MAX_OPEN_CALLS; i++)
        calls[i] = i * i;
    sample_frame(sample_of(FRAME_HOST_HELLO), &sent);
    sent.calls = calls;
    for (sent.call_count = 63; sent.call_count < 67; sent.call_count++) {
        size = frame_encode(&sent, out, sizeof out, &error);
        assert_int_equal(decode(&frame, out, size, &error), 0);
        assert_int_equal(frame.call_count, sent.call_count);
        assert_memory_equal(frame.calls, calls, sent.call_count * 8);
        frame_release(&frame);
    }
    sent.call_count = FRAME_MAX_OPEN_CALLS;
    size = frame_encode(&sent, out, sizeof out, &error);
    assert_int_equal(decode(&frame, out, size, &error), 0);
    assert_memory_equal(frame.calls, calls, sizeof calls - 8);
    frame_release(&frame);
    sent.call_count++;
    assert_int_equal(frame_encode(&sent, out, sizeof out, &error), 0);
}

/* What the other end would refuse is not sent; what would be lost silently neither. */
static void
the_encoder_refuses_what_the_decoder_would(void **state)
{
    (void)state;
    struct frame frame;
    struct fep_error error;
    unsigned char out[2048];

    sample_frame(sample_of(FRAME_UPDATE), &frame);
    frame.sections &= ~(uint32_t)FRAME_HAS_HEADER;
    assert_int_equal(frame_encode(&frame, out, sizeof out, &error), 0);
    sample_frame(sample_of(FRAME_UPDATE), &frame);
    frame.sections |= FRAME_HAS_HELLO;
    assert_int_equal(frame_encode(&frame, out, sizeof out, &error), 0);
    sample_frame(sample_of(FRAME_UPDATE), &frame);
    frame.sections &= ~(uint32_t)FRAME_HAS_BODY;
    assert_int_equal(frame_encode(&frame, out, sizeof out, &error), 0);
    sample_frame(sample_of(FRAME_UPDATE), &frame);
    memset(frame.index.visit_id, 'x', sizeof frame.index.visit_id);
    assert_int_equal(frame_encode(&frame, out, sizeof out, &error), 0);
    sample_frame(sample_of(FRAME_UPDATE), &frame);
    frame.kind = FRAME_NOTICE;
    assert_int_equal(frame_encode(&frame, out, sizeof out, &error), 0);
    assert_int_equal(error.code, FEP_E_MALFORMED_FRAME);
}

static void
the_body_is_not_copied(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = sample_bytes(sample_of(FRAME_UPDATE), &size);
    struct slice whole = slice_copy(bytes, size);
    struct frame frame;

    free(bytes);
    assert_int_equal(frame_decode(&frame, whole, NULL), 0);
    assert_ptr_equal(frame.body.owner, whole.owner);
    assert_true(frame.body.data > whole.data && frame.body.data < whole.data + whole.size);
    slice_release(&whole);
    assert_memory_equal(frame.body.data, "{\"psn_no\"", 9); /* it keeps the received bytes alive */
    frame_release(&frame);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_round_trips),
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(every_byte_of_the_preamble_is_checked),
        cmocka_unit_test(no_changed_byte_is_harmful),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(a_tell_says_something),
        cmocka_unit_test(an_entry_may_be_open),
        cmocka_unit_test(illegal_text_becomes_question_marks),
        cmocka_unit_test(an_unknown_reason_is_none),
        cmocka_unit_test(later_versions_are_read),
        cmocka_unit_test(limits_hold_both_ways),
        cmocka_unit_test(long_lists_of_calls_are_held_and_bounded),
        cmocka_unit_test(the_encoder_refuses_what_the_decoder_would),
        cmocka_unit_test(the_body_is_not_copied),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
