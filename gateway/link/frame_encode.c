/* Frames to bytes. Responsible for writing only what the decoder of the other end accepts: the same table of
 * kinds and the same limits, checked before the first byte is written. Fails with an error naming the
 * section; never truncates.
 */
#include "frame_layout.h"
#include "error.h"

static size_t
section_size(const struct frame *frame, unsigned section)
{
    switch (1u << section) {
    case FRAME_HAS_TEXT:
        return strnlen(frame->text, sizeof frame->text);
    case FRAME_HAS_BODY:
        return frame->body.size;
    case FRAME_HAS_ANSWER:
        return frame->answer.size;
    case FRAME_HAS_SEAL:
        return frame->seal.size;
    case FRAME_HAS_CALLS:
        return frame->call_count * 8;
    default:
        return frame_section_rules[section].least;
    }
}

size_t
frame_size(const struct frame *frame)
{
    size_t size = PREAMBLE_SIZE;

    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        if (frame->sections & 1u << section)
            size += 4 + section_size(frame, section);
    }
    return size;
}

/* Copies text into a field that is always zero-filled to its end; -1 if it does not fit with its NUL. */
static int
put_text(unsigned char *at, const char *text, size_t room)
{
    size_t size = strnlen(text, room);

    if (size == room)
        return -1;
    memcpy(at, text, size);
    memset(at + size, 0, room - size);
    return 0;
}

static void
put_travel(unsigned char *at, const struct travel *travel)
{
    save_32(at, travel->attempt);
    save_32(at + TRAVEL_AT_TIME_LEFT, travel->time_left_ms);
    memset(at + 8, 0, 4);
    at[8] = travel->hops_left;
}

static int
put_index(unsigned char *at, const struct fep_index *index)
{
    memcpy(at, index->order_key, 16);
    if (put_text(at + 16, index->visit_id, 32) != 0 || put_text(at + 48, index->settlement_id, 32) != 0 ||
        put_text(at + 80, index->med_type, 8) != 0 || put_text(at + 88, index->insutype, 8) != 0)
        return -1;
    save_64(at + 96, (uint64_t)index->total_fen);
    save_64(at + 104, (uint64_t)index->fund_fen);
    save_64(at + 112, (uint64_t)index->account_fen);
    save_64(at + 120, (uint64_t)index->cash_fen);
    save_32(at + 128, index->accounting_day);
    at[132] = index->effect != 0;
    at[133] = index->has_money != 0;
    at[134] = at[135] = 0;
    return 0;
}

static int
put_result(unsigned char *at, const struct frame_result *result)
{
    at[0] = result->state;
    at[1] = result->kind;
    at[2] = result->effect;
    at[3] = result->refusal_class;
    at[4] = result->reason;
    at[5] = result->finding;
    at[6] = result->copy;
    at[7] = 0;
    save_16(at + 8, result->code);
    save_16(at + 10, 0);
    save_32(at + 12, result->accounting_date);
    return put_text(at + 16, result->cycle, 40);
}

static int
put_attempt(unsigned char *at, const struct frame_attempt *attempt)
{
    at[0] = attempt->operation;
    at[1] = attempt->repeat;
    at[2] = at[3] = 0;
    save_64(at + 4, attempt->serial);
    save_64(at + 12, attempt->cancel_serial);
    save_32(at + 20, attempt->serial_date);
    save_32(at + 24, attempt->cancel_serial_date);
    save_32(at + 28, attempt->accounting_date);
    save_32(at + 32, attempt->mapping_generation);
    return put_text(at + 36, attempt->cycle, 40);
}

static int
put_hello(unsigned char *at, const struct frame_hello *hello)
{
    save_64(at + 16, hello->incarnation);
    save_64(at + 24, hello->commit_sequence);
    save_64(at + 32, hello->seen_incarnation);
    save_64(at + 40, hello->seen_commit_sequence);
    save_64(at + 48, (uint64_t)hello->wall_ms);
    save_32(at + 56, hello->epoch);
    save_32(at + 60, hello->abilities);
    save_32(at + 64, hello->window);
    save_16(at + 68, hello->version_min);
    save_16(at + 70, hello->version_max);
    return put_text(at, hello->node, NODE_SIZE);
}

static void
put_slice(unsigned char *at, const struct slice *slice)
{
    if (slice->size > 0)
        memcpy(at, slice->data, slice->size);
}

static int
put_section(const struct frame *frame, unsigned section, unsigned char *at)
{
    switch (1u << section) {
    case FRAME_HAS_HEADER:
        message_header_encode(&frame->header, at);
        return 0;
    case FRAME_HAS_TRAVEL:
        put_travel(at, &frame->travel);
        return 0;
    case FRAME_HAS_INDEX:
        return put_index(at, &frame->index);
    case FRAME_HAS_RESULT:
        return put_result(at, &frame->result);
    case FRAME_HAS_ATTEMPT:
        return put_attempt(at, &frame->attempt);
    case FRAME_HAS_HELLO:
        return put_hello(at, &frame->hello);
    case FRAME_HAS_TEXT:
        memcpy(at, frame->text, strnlen(frame->text, sizeof frame->text));
        return 0;
    case FRAME_HAS_BODY:
        put_slice(at, &frame->body);
        return 0;
    case FRAME_HAS_ANSWER:
        put_slice(at, &frame->answer);
        return 0;
    case FRAME_HAS_SEAL:
        put_slice(at, &frame->seal);
        return 0;
    case FRAME_HAS_CALLS:
        for (size_t i = 0; i < frame->call_count; i++)
            save_64(at + 8 * i, frame->calls[i]);
        return 0;
    default:
        return -1;
    }
}

static int
check_frame(const struct frame *frame, struct fep_error *error)
{
    const struct kind_rule *rule = frame_find_rule((unsigned)frame->kind);

    if (rule == NULL)
        return error_set(error, 0, FEP_E_MALFORMED_FRAME, "frame kind %u cannot be sent",
                         (unsigned)frame->kind);
    if ((frame->sections & rule->required) != rule->required ||
        (frame->sections & ~(uint32_t)rule->allowed) != 0)
        return error_set(error, 0, FEP_E_MALFORMED_FRAME,
                         "%s frame with sections 0x%x: needs 0x%x, may have 0x%x", rule->name,
                         frame->sections, rule->required, rule->allowed);
    if ((frame->body.size > 0 && !(frame->sections & FRAME_HAS_BODY)) ||
        (frame->answer.size > 0 && !(frame->sections & FRAME_HAS_ANSWER)) ||
        (frame->seal.size > 0 && !(frame->sections & FRAME_HAS_SEAL)))
        return error_set(error, 0, FEP_E_MALFORMED_FRAME,
                         "%s frame holds bytes that its sections 0x%x do not name", rule->name,
                         frame->sections);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        if (!(frame->sections & 1u << section))
            continue;
        size_t size = section_size(frame, section);
        if (size > frame_section_rules[section].most)
            return error_set(error, 0, FEP_E_OVERSIZE, "%s of a %s frame has %zu bytes; at most %zu",
                             frame_section_rules[section].name, rule->name, size,
                             frame_section_rules[section].most);
    }
    return 0;
}

size_t
frame_encode(const struct frame *frame, unsigned char *out, size_t size, struct fep_error *error)
{
    size_t whole, lengths = PREAMBLE_SIZE, at;

    if (check_frame(frame, error) != 0)
        return 0;
    whole = frame_size(frame);
    if (whole > size || whole > FRAME_MAX_SIZE) {
        error_set(error, 0, FEP_E_OVERSIZE, "a %s frame of %zu bytes does not fit into %zu",
                  frame_kind_name(frame->kind), whole, size < FRAME_MAX_SIZE ? size : FRAME_MAX_SIZE);
        return 0;
    }
    save_32(out + AT_MAGIC, FRAME_MAGIC);
    out[AT_VERSION] = FRAME_VERSION;
    out[AT_KIND] = (unsigned char)frame->kind;
    out[AT_FLAGS] = (unsigned char)((frame->fresh ? FLAG_FRESH : 0) |
                                    (frame->caller_inquires ? FLAG_CALLER_INQUIRES : 0) |
                                    (frame->ok ? FLAG_OK : 0) | (frame->more ? FLAG_MORE : 0));
    out[AT_ACKED_KIND] = frame->acked_kind;
    save_32(out + AT_SECTIONS, frame->sections);
    save_32(out + AT_SIZE, (uint32_t)whole);
    save_64(out + AT_SEQUENCE, frame->sequence);
    save_32(out + AT_EPOCH, frame->epoch);
    save_32(out + AT_RESERVED, 0);

    at = PREAMBLE_SIZE + 4 * (size_t)__builtin_popcount(frame->sections);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        if (!(frame->sections & 1u << section))
            continue;
        size_t bytes = section_size(frame, section);
        if (put_section(frame, section, out + at) != 0) {
            error_set(error, 0, FEP_E_MALFORMED_FRAME, "a text in the %s of a %s frame is too long",
                      frame_section_rules[section].name, frame_kind_name(frame->kind));
            return 0;
        }
        save_32(out + lengths, (uint32_t)bytes);
        lengths += 4;
        at += bytes;
    }
    return whole;
}

size_t
frame_sections_offset(const unsigned char *encoded)
{
    return PREAMBLE_SIZE + 4 * (size_t)__builtin_popcount(load_32(encoded + AT_SECTIONS));
}

size_t
frame_travel_offset(const unsigned char *encoded)
{
    uint32_t sections = load_32(encoded + AT_SECTIONS);
    size_t at = frame_sections_offset(encoded);

    if (!(sections & FRAME_HAS_TRAVEL))
        return 0;
    return at + (sections & FRAME_HAS_HEADER ? load_32(encoded + PREAMBLE_SIZE) : 0);
}
