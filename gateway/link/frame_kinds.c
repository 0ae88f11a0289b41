/* The table of kinds and sections: what a frame of each kind must and may hold. The only place that knows;
 * encoder and decoder both obey it, so that nothing can be sent that the other end refuses.
 */
#include "frame_layout.h"

enum {
    HEADER = FRAME_HAS_HEADER,
    TRAVEL = FRAME_HAS_TRAVEL,
    INDEX = FRAME_HAS_INDEX,
    RESULT = FRAME_HAS_RESULT,
    ATTEMPT = FRAME_HAS_ATTEMPT,
    HELLO = FRAME_HAS_HELLO,
    TEXT = FRAME_HAS_TEXT,
    BODY = FRAME_HAS_BODY,
    ANSWER = FRAME_HAS_ANSWER,
    SEAL = FRAME_HAS_SEAL,
    CALLS = FRAME_HAS_CALLS
};

const struct section_rule frame_section_rules[SECTION_COUNT] = {
    {"header", HEADER_WIRE_SIZE, FIXED_LIMIT},
    {"travel", TRAVEL_SIZE, FIXED_LIMIT},
    {"index", INDEX_SIZE, FIXED_LIMIT},
    {"result", RESULT_SIZE, FIXED_LIMIT},
    {"attempt", ATTEMPT_SIZE, FIXED_LIMIT},
    {"hello", HELLO_SIZE, FIXED_LIMIT},
    {"text", 0, TEXT_LIMIT},
    {"body", 0, FRAME_MAX_BODY},
    {"answer", 0, FRAME_MAX_BODY},
    {"seal", 0, SEAL_LIMIT},
    {"calls", 0, FRAME_MAX_OPEN_CALLS * 8},
};

/* What an answer of any sort may carry beside its result. */
#define TELLING (HEADER | TRAVEL | INDEX | RESULT | TEXT | BODY)

static const struct kind_rule rules[] = {
    [FRAME_HELLO] = {"hello", HELLO, HELLO},
    [FRAME_WELCOME] = {"welcome", HELLO, HELLO},
    [FRAME_REFUSE] = {"refuse", TEXT, TEXT | HELLO | RESULT},
    [FRAME_PING] = {"ping", 0, HELLO},
    [FRAME_PONG] = {"pong", 0, HELLO},
    [FRAME_ACK] = {"ack", 0, 0},
    [FRAME_UPDATE] = {"update", HEADER | TRAVEL, HEADER | TRAVEL | INDEX | BODY | SEAL},
    [FRAME_OUTCOME] = {"outcome", HEADER | TRAVEL | RESULT, TELLING | SEAL},
    [FRAME_REVERSAL] = {"reversal", HEADER | TRAVEL, TELLING | SEAL},
    [FRAME_QUERY] = {"query", HEADER | TRAVEL, HEADER | TRAVEL | INDEX | BODY | SEAL},
    [FRAME_ANSWER] = {"answer", HEADER | RESULT, TELLING | SEAL},
    /* FRAME_NOTICE is reserved: unknown until it has a meaning */
    [FRAME_RECALL] = {"recall", HELLO, HELLO | TEXT},
    [FRAME_HELD] = {"held", RESULT, TELLING | ANSWER | SEAL},
    [FRAME_HOST_HELLO] = {"host_hello", HELLO, HELLO | CALLS | TEXT},
    [FRAME_HOST_READY] = {"host_ready", 0, HELLO | CALLS | RESULT | TEXT},
    [FRAME_SUBMIT] = {"submit", HEADER | TRAVEL | ATTEMPT, TELLING | ATTEMPT | ANSWER | SEAL},
    [FRAME_CANCEL] = {"cancel", 0, RESULT | TEXT},
    [FRAME_DONE] = {"done", RESULT, TELLING | ATTEMPT},
    [FRAME_LATE] = {"late", RESULT, TELLING | ATTEMPT},
    [FRAME_REQUEST] = {"request", HEADER, HEADER | TRAVEL | INDEX | BODY | SEAL},
    [FRAME_RENDER] = {"render", RESULT, TELLING},
    [FRAME_RENDERED] = {"rendered", 0, HEADER | TRAVEL | RESULT | TEXT},
    [FRAME_TELL] = {"tell", RESULT, TELLING},
    [FRAME_GONE] = {"gone", 0, 0},
    [FRAME_HOST_ACK] = {"host_ack", 0, 0},
    [FRAME_HEALTH] = {"health", RESULT, RESULT | HELLO | TEXT},
    [FRAME_FIND_VISIT] = {"find_visit", INDEX, HEADER | INDEX | TEXT},
    [FRAME_VISIT] = {"visit", 0, TELLING | ATTEMPT | ANSWER},
    [FRAME_DRAIN] = {"drain", 0, TEXT},
    [FRAME_BYE] = {"bye", 0, TEXT},
    [FRAME_LIST] = {"list", BODY, BODY},
    [FRAME_ENTRY] = {"entry", 0, TELLING | ATTEMPT | ANSWER},
    [FRAME_TASK] = {"task", BODY, BODY},
    [FRAME_TASK_RESULT] = {"task_result", BODY, BODY | TEXT},
    [FRAME_PROMPT] = {"prompt", BODY, BODY},
    [FRAME_CONTROL] = {"control", BODY, BODY | TEXT},
    [FRAME_CONTROL_REPLY] = {"control_reply", BODY, BODY | TEXT},
};

const struct kind_rule *
frame_find_rule(unsigned kind)
{
    if (kind >= sizeof rules / sizeof rules[0] || rules[kind].name == NULL)
        return NULL;
    return &rules[kind];
}

const char *
frame_kind_name(enum frame_kind kind)
{
    const struct kind_rule *rule = frame_find_rule((unsigned)kind);

    return rule != NULL ? rule->name : "unknown";
}
