/* Bytes to frames. Whatever comes from outside is checked here, so that nobody behind this file needs to:
 * every length against the bytes that are there, every number against its range, every text for its end and
 * its characters. Must never read past the slice, never allocate by what a peer says (the list of open calls
 * is bounded by FRAME_MAX_OPEN_CALLS) and never leave a half-filled frame with references. Fails with section
 * and byte named.
 */
#include "error.h"
#include "frame_layout.h"
#include "utf8.h"

struct reading {
    struct frame *frame;
    const struct kind_rule *rule;
    const unsigned char *data;
    size_t size;
    struct fep_error *error;
};

static int
refuse(const struct reading *reading, size_t at, const char *what)
{
    return error_set(reading->error, 0, FEP_E_MALFORMED_FRAME, "%s frame, byte %zu: %s",
                     reading->rule != NULL ? reading->rule->name : "unknown", at, what);
}

/* A text field: ends inside its room, nothing behind its end, no control characters. */
static int
take_text(const struct reading *reading, size_t at, char *to, size_t room, const char *what)
{
    const unsigned char *from = reading->data + at;
    size_t size = strnlen((const char *)from, room);

    if (size == room)
        return refuse(reading, at, what);
    for (size_t i = 0; i < size; i++) {
        if (from[i] < 0x20 || from[i] == 0x7f)
            return refuse(reading, at + i, what);
    }
    for (size_t i = size; i < room; i++) {
        if (from[i] != 0)
            return refuse(reading, at + i, what);
    }
    memcpy(to, from, room);
    return 0;
}

/* Text is for people, so it is never a reason to refuse a frame that may tell an ending: what is not a
 * printable character becomes a question mark. */
static void
take_sentence(const struct reading *reading, size_t at, size_t size)
{
    const char *from = (const char *)reading->data + at;
    char *to = reading->frame->text;

    for (size_t i = 0; i < size;) {
        size_t step = utf8_character(from + i, size - i);
        if (step == 0 || (unsigned char)from[i] < 0x20 || from[i] == 0x7f) {
            *to++ = '?';
            i++;
            continue;
        }
        memcpy(to, from + i, step);
        to += step;
        i += step;
    }
    *to = '\0';
}

static int
take_header(const struct reading *reading, size_t at)
{
    if (message_header_decode(&reading->frame->header, reading->data + at, HEADER_WIRE_SIZE,
                              reading->error) != 0) {
        if (reading->error != NULL && reading->error->code == 0)
            reading->error->code = FEP_E_MALFORMED_FRAME;
        return error_wrap(reading->error, "%s frame, header at byte %zu", reading->rule->name, at);
    }
    return 0;
}

static void
take_travel(const struct reading *reading, size_t at)
{
    struct travel *travel = &reading->frame->travel;
    const unsigned char *from = reading->data + at;

    travel->attempt = load_32(from);
    travel->time_left_ms = load_32(from + TRAVEL_AT_TIME_LEFT);
    travel->hops_left = from[8];
}

static int
take_index(const struct reading *reading, size_t at)
{
    struct fep_index *index = &reading->frame->index;
    const unsigned char *from = reading->data + at;

    index->size = sizeof *index;
    memcpy(index->order_key, from, sizeof index->order_key);
    if (take_text(reading, at + 16, index->visit_id, 32, "index: visit id") != 0 ||
        take_text(reading, at + 48, index->settlement_id, 32, "index: settlement id") != 0 ||
        take_text(reading, at + 80, index->med_type, 8, "index: medical type") != 0 ||
        take_text(reading, at + 88, index->insutype, 8, "index: insurance type") != 0)
        return -1;
    index->total_fen = (int64_t)load_64(from + 96);
    index->fund_fen = (int64_t)load_64(from + 104);
    index->account_fen = (int64_t)load_64(from + 112);
    index->cash_fen = (int64_t)load_64(from + 120);
    index->accounting_day = load_32(from + 128);
    if (from[132] > 1 || from[133] > 1)
        return refuse(reading, at + (from[132] > 1 ? 132 : 133), "index: a flag that is neither 0 nor 1");
    index->effect = from[132];
    index->has_money = from[133];
    return 0;
}

/* What `state` means depends on the kind: an ending on the links, a health in HEALTH, any state of
 * an exchange in ENTRY and HELD, nothing elsewhere. */
static int
check_state(const struct reading *reading, size_t at, unsigned state)
{
    bool ending = state >= STATE_ANSWERED && state < STATE_COUNT;

    switch (reading->frame->kind) {
    case FRAME_OUTCOME:
        return ending ? 0 : refuse(reading, at, "result: not an ending");
    case FRAME_HEALTH:
        return state >= FEP_STARTING && state <= FEP_STOPPING ? 0
                                                              : refuse(reading, at, "result: not a health");
    case FRAME_ENTRY:
    case FRAME_HELD:
        return state < STATE_COUNT ? 0 : refuse(reading, at, "result: unknown state");
    default:
        return state == 0 || ending ? 0 : refuse(reading, at, "result: not an ending");
    }
}

static int
take_result(const struct reading *reading, size_t at)
{
    struct frame_result *result = &reading->frame->result;
    const unsigned char *from = reading->data + at;
    bool completion = reading->frame->kind == FRAME_DONE || reading->frame->kind == FRAME_LATE;
    bool telling = reading->frame->kind == FRAME_ANSWER || reading->frame->kind == FRAME_TELL;

    if (check_state(reading, at, from[0]) != 0)
        return -1;
    if (from[1] > FEP_UNKNOWN)
        return refuse(reading, at + 1, "result: unknown kind");
    if (from[1] == 0 && (completion || (telling && from[0] == 0)))
        return refuse(reading, at + 1, "result: says neither kind nor ending");
    if (from[2] > FEP_EFFECT_POSTED)
        return refuse(reading, at + 2, "result: unknown effect");
    if (from[3] > FEP_REPEATABLE)
        return refuse(reading, at + 3, "result: unknown refusal class");
    if (from[5] > FEP_FOUND_STAYS_POSTED)
        return refuse(reading, at + 5, "result: unknown finding");
    if (from[6] > 1)
        return refuse(reading, at + 6, "result: copy is neither 0 nor 1");
    result->state = from[0];
    result->kind = from[1];
    result->effect = from[2];
    result->refusal_class = from[3];
    /* Reasons are for people and statistics, and grow: one that we do not know yet is none. */
    result->reason = from[4] < FEP_REASON_COUNT ? from[4] : FEP_REASON_NONE;
    result->finding = from[5];
    result->copy = from[6];
    result->code = load_16(from + 8);
    result->accounting_date = load_32(from + 12);
    return take_text(reading, at + 16, result->cycle, sizeof result->cycle, "result: cycle");
}

static int
take_attempt(const struct reading *reading, size_t at)
{
    struct frame_attempt *attempt = &reading->frame->attempt;
    const unsigned char *from = reading->data + at;

    if (from[1] > 1)
        return refuse(reading, at + 1, "attempt: repeat is neither 0 nor 1");
    attempt->operation = from[0];
    attempt->repeat = from[1];
    attempt->serial = load_64(from + 4);
    attempt->cancel_serial = load_64(from + 12);
    attempt->serial_date = load_32(from + 20);
    attempt->cancel_serial_date = load_32(from + 24);
    attempt->accounting_date = load_32(from + 28);
    attempt->mapping_generation = load_32(from + 32);
    return take_text(reading, at + 36, attempt->cycle, sizeof attempt->cycle, "attempt: cycle");
}

static int
take_hello(const struct reading *reading, size_t at)
{
    struct frame_hello *hello = &reading->frame->hello;
    const unsigned char *from = reading->data + at;

    hello->incarnation = load_64(from + 16);
    hello->commit_sequence = load_64(from + 24);
    hello->seen_incarnation = load_64(from + 32);
    hello->seen_commit_sequence = load_64(from + 40);
    hello->wall_ms = (int64_t)load_64(from + 48);
    hello->epoch = load_32(from + 56);
    hello->abilities = load_32(from + 60);
    hello->window = load_32(from + 64);
    hello->version_min = load_16(from + 68);
    hello->version_max = load_16(from + 70);
    if (hello->version_min > hello->version_max)
        return refuse(reading, at + 68, "hello: lowest version above highest");
    return take_text(reading, at, hello->node, sizeof hello->node, "hello: node");
}

static int
take_calls(const struct reading *reading, size_t at, size_t size)
{
    struct frame *frame = reading->frame;
    size_t count = size / 8;
    uint64_t *calls = frame->frame_calls;

    if (size % 8 != 0)
        return refuse(reading, at, "calls: length is not a multiple of 8");
    if (count > sizeof frame->frame_calls / sizeof frame->frame_calls[0]) {
        struct buffer *room = buffer_create(count * sizeof *calls);
        if (room == NULL)
            return error_set(reading->error, 0, FEP_E_NO_MEMORY, "no memory for %zu open calls", count);
        frame->calls_room = slice_of(room);
        calls = (uint64_t *)(void *)buffer_data(room);
    }
    for (size_t i = 0; i < count; i++)
        calls[i] = load_64(reading->data + at + 8 * i);
    frame->calls = calls;
    frame->call_count = count;
    return 0;
}

static int
take_section(const struct reading *reading, struct slice whole, unsigned section, size_t at, size_t size)
{
    switch (1u << section) {
    case FRAME_HAS_HEADER:
        return take_header(reading, at);
    case FRAME_HAS_TRAVEL:
        take_travel(reading, at);
        return 0;
    case FRAME_HAS_INDEX:
        return take_index(reading, at);
    case FRAME_HAS_RESULT:
        return take_result(reading, at);
    case FRAME_HAS_ATTEMPT:
        return take_attempt(reading, at);
    case FRAME_HAS_HELLO:
        return take_hello(reading, at);
    case FRAME_HAS_TEXT:
        take_sentence(reading, at, size);
        return 0;
    case FRAME_HAS_BODY:
        reading->frame->body = slice_part(whole, at, size);
        return 0;
    case FRAME_HAS_ANSWER:
        reading->frame->answer = slice_part(whole, at, size);
        return 0;
    case FRAME_HAS_SEAL:
        reading->frame->seal = slice_part(whole, at, size);
        return 0;
    default:
        return take_calls(reading, at, size);
    }
}

/* Everything before the sections, except their lengths. */
static int
take_preamble(struct reading *reading)
{
    const unsigned char *data = reading->data;
    struct frame *frame = reading->frame;

    if (reading->size < PREAMBLE_SIZE)
        return refuse(reading, reading->size, "shorter than a preamble");
    if (load_32(data + AT_MAGIC) != FRAME_MAGIC)
        return refuse(reading, AT_MAGIC, "does not begin with FEPF");
    if (data[AT_VERSION] != FRAME_VERSION)
        return error_set(reading->error, 0, FEP_E_PEER_VERSION,
                         "frame version %u at byte %d; %d is spoken here", data[AT_VERSION], AT_VERSION,
                         FRAME_VERSION);
    reading->rule = frame_find_rule(data[AT_KIND]);
    if (reading->rule == NULL)
        return error_set(reading->error, 0, FEP_E_MALFORMED_FRAME, "unknown frame kind %u at byte %d",
                         data[AT_KIND], AT_KIND);
    if (load_32(data + AT_SIZE) != reading->size)
        return refuse(reading, AT_SIZE, "the length told is not the length received");
    if (data[AT_FLAGS] & ~FLAG_ALL)
        return refuse(reading, AT_FLAGS, "unknown flag");
    if (load_32(data + AT_RESERVED) != 0)
        return refuse(reading, AT_RESERVED, "reserved bytes are not zero");
    frame->kind = (enum frame_kind)data[AT_KIND];
    frame->fresh = (data[AT_FLAGS] & FLAG_FRESH) != 0;
    frame->caller_inquires = (data[AT_FLAGS] & FLAG_CALLER_INQUIRES) != 0;
    frame->ok = (data[AT_FLAGS] & FLAG_OK) != 0;
    frame->more = (data[AT_FLAGS] & FLAG_MORE) != 0;
    frame->acked_kind = data[AT_ACKED_KIND];
    frame->sequence = load_64(data + AT_SEQUENCE);
    frame->epoch = load_32(data + AT_EPOCH);
    frame->sections = load_32(data + AT_SECTIONS);
    if ((frame->sections & SECTIONS_CRITICAL & ~(uint32_t)reading->rule->allowed) != 0)
        return refuse(reading, AT_SECTIONS, "a section that this kind does not have");
    if ((frame->sections & reading->rule->required) != reading->rule->required)
        return refuse(reading, AT_SECTIONS, "a section that this kind needs is missing");
    return 0;
}

/* Takes one section at *at, checking its length first, and moves on. */
static int
take_next(const struct reading *reading, struct slice whole, unsigned section, size_t length_at, size_t *at)
{
    size_t size = load_32(reading->data + length_at);
    size_t least = section < SECTION_COUNT ? frame_section_rules[section].least : 0;
    size_t most = section < SECTION_COUNT ? frame_section_rules[section].most : SKIPPED_LIMIT;

    if (size < least || size > most)
        return error_set(reading->error, 0, size > most ? FEP_E_OVERSIZE : FEP_E_MALFORMED_FRAME,
                         "%s frame, byte %zu: section %s has %zu bytes; %zu to %zu are allowed",
                         reading->rule->name, length_at,
                         section < SECTION_COUNT ? frame_section_rules[section].name : "(skipped)", size,
                         least, most);
    if (size > reading->size - *at)
        return refuse(reading, length_at, "a section reaches past the end of the frame");
    if (section < SECTION_COUNT && take_section(reading, whole, section, *at, size) != 0)
        return -1;
    *at += size;
    return 0;
}

int
frame_decode(struct frame *frame, struct slice whole, struct fep_error *error)
{
    struct reading reading = {frame, NULL, whole.data, whole.size, error};
    size_t at, length_at = PREAMBLE_SIZE;

    memset(frame, 0, offsetof(struct frame, frame_calls));
    if (whole.size > FRAME_MAX_SIZE) {
        error_set(error, 0, FEP_E_OVERSIZE, "a frame of %zu bytes; at most %u", whole.size, FRAME_MAX_SIZE);
        goto bad;
    }
    if (take_preamble(&reading) != 0)
        goto bad;
    at = PREAMBLE_SIZE + 4 * (size_t)__builtin_popcount(frame->sections);
    if (at > whole.size) {
        refuse(&reading, whole.size, "ends within the lengths of its sections");
        goto bad;
    }
    for (unsigned section = 0; section < SECTION_WORD; section++) {
        if (!(frame->sections & 1u << section))
            continue;
        if (take_next(&reading, whole, section, length_at, &at) != 0)
            goto bad;
        length_at += 4;
    }
    if (at != whole.size) {
        refuse(&reading, at, "bytes after the last section");
        goto bad;
    }
    frame->sections &= SECTIONS_CRITICAL; /* what was skipped is not there for those behind us */
    return 0;

bad:
    frame_release(frame);
    memset(frame, 0, offsetof(struct frame, frame_calls));
    return -1;
}

void
frame_release(struct frame *frame)
{
    slice_release(&frame->body);
    slice_release(&frame->answer);
    slice_release(&frame->seal);
    slice_release(&frame->calls_room);
    frame->calls = NULL;
    frame->call_count = 0;
}
