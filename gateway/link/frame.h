/* Frames: what goes over the links between gateways and over the local socket to adapter hosts. One ZeroMQ message
 * part per frame, documented byte for byte in schema/frames.md (layout, sections, versions) and schema/host_link.md
 * (verbs of the host link). Decoding never trusts a length and never allocates by what a peer says.
 */
#ifndef FEP_FRAME_H
#define FEP_FRAME_H

#include "header.h"

#define FRAME_VERSION 1
#define FRAME_MAX_BODY (4u << 20)
#define FRAME_MAX_SIZE (2 * FRAME_MAX_BODY + 8192)
#define FRAME_MAX_OPEN_CALLS 2048

enum frame_kind {
    /* between gateways */
    FRAME_HELLO = 1, /* node, incarnation, commit sequence, clock: first from the dialling side */
    FRAME_WELCOME,   /* the same from the listening side */
    FRAME_REFUSE,    /* with text: version, fork, unknown ... then silence */
    FRAME_PING, FRAME_PONG,
    FRAME_ACK,       /* cumulative: everything up to `sequence` is settled */
    FRAME_UPDATE, FRAME_OUTCOME, FRAME_REVERSAL, /* numbered, acknowledged, resent */
    FRAME_QUERY, FRAME_ANSWER,                   /* not numbered, not resent */
    FRAME_NOTICE,    /* reserved */
    FRAME_RECALL,    /* a restored gateway asks what the peer holds since hello.wall_ms; text: the cursor */
    FRAME_HELD,      /* flag ok: one exchange, flag more: it came from the asker, else went to it; the state in the
                        result. Without ok: the end of the page, the next cursor in the text */
    /* router <-> adapter host */
    FRAME_HOST_HELLO = 64, /* host: instance, epoch, abilities, window, open calls */
    FRAME_HOST_READY,
    FRAME_SUBMIT,    /* router: do operation on call `sequence` */
    FRAME_CANCEL,
    FRAME_DONE,      /* host: call `sequence` completed */
    FRAME_LATE,
    FRAME_REQUEST,   /* host: a local caller asks, ticket `sequence` */
    FRAME_RENDER, FRAME_RENDERED,
    FRAME_TELL,      /* router: the answer for ticket `sequence` */
    FRAME_GONE,      /* host: the caller of ticket `sequence` went away */
    FRAME_HOST_ACK,  /* to DONE or REQUEST (router), with `sequence` and the frame kind in `acked_kind` */
    FRAME_HEALTH,
    FRAME_FIND_VISIT, FRAME_VISIT, /* host asks for the exchange that opened a visit; sequence = reference */
    FRAME_DRAIN, FRAME_BYE,
    FRAME_LIST,      /* host asks for stored exchanges; sequence = reference, body: JSON */
    FRAME_ENTRY,     /* router: one of them (flag ok), or the end of the list with the next cursor in `text` */
    FRAME_TASK,      /* router: an operator's task, body: JSON; sequence = its number */
    FRAME_TASK_RESULT, /* host: flag ok, flag more: another part follows; body: JSON */
    FRAME_PROMPT,    /* host: a notice to keep, body: JSON; offered again until HOST_ACK */
    /* fepctl */
    FRAME_CONTROL = 128, FRAME_CONTROL_REPLY /* body: JSON text */
};

struct frame_hello {
    char node[NODE_SIZE]; /* gateway node code, or instance name */
    uint64_t incarnation, commit_sequence; /* of the sender */
    uint64_t seen_incarnation, seen_commit_sequence; /* what the sender has acknowledged of the receiver */
    int64_t wall_ms;
    uint32_t epoch, abilities, window;
    uint16_t version_min, version_max;
};

struct frame_result {
    uint8_t state, kind, effect, refusal_class, reason, finding, copy;
    uint16_t code;
    uint32_t accounting_date;
    char cycle[40];
};

struct frame_attempt {
    uint8_t operation, repeat;
    uint64_t serial, cancel_serial;
    uint32_t serial_date, cancel_serial_date, accounting_date, mapping_generation;
    char cycle[40];
};

enum { /* which sections are present */
    FRAME_HAS_HEADER = 1, FRAME_HAS_TRAVEL = 2, FRAME_HAS_INDEX = 4, FRAME_HAS_RESULT = 8, FRAME_HAS_ATTEMPT = 16,
    FRAME_HAS_HELLO = 32, FRAME_HAS_TEXT = 64, FRAME_HAS_BODY = 128, FRAME_HAS_ANSWER = 256, FRAME_HAS_SEAL = 512,
    FRAME_HAS_CALLS = 1024
};

struct frame {
    enum frame_kind kind;
    uint32_t sections;
    uint64_t sequence;      /* link sequence, call id, ticket or reference */
    uint64_t reference;     /* not on the wire: the sender's own, handed back when a numbered frame is acknowledged */
    uint32_t epoch;         /* host link: epoch of the instance that this frame belongs to */
    uint8_t fresh, caller_inquires, ok, acked_kind; /* flags of REQUEST, RENDERED, VISIT, ENTRY, ...; HOST_ACK */
    uint8_t more;           /* flag of TASK_RESULT and HELD */
    struct message_header header;
    struct travel travel;
    struct fep_index index;
    struct frame_result result;
    struct frame_attempt attempt;
    struct frame_hello hello;
    char text[256];         /* UTF-8; no personal data */
    const uint64_t *calls;  /* HOST_HELLO: open calls; after decode points into frame_calls */
    size_t call_count;
    struct slice body, answer, seal; /* after decode: references into the received buffer; caller releases */
    struct slice calls_room; /* after decode: holds a list of more than 64 calls; dropped by frame_release */
    uint64_t frame_calls[64]; /* room for up to 64 decoded calls: in a copied struct frame `calls` is not valid */
};

/* Which body goes where: `body` is the body of what the frame is about: the request's in UPDATE, REVERSAL, QUERY,
 * SUBMIT, REQUEST; the answer's in OUTCOME, ANSWER, DONE, LATE, RENDER, TELL. `answer` is there only where both
 * are wanted: SUBMIT of an undoing, VISIT, ENTRY and HELD. */

/* Size in bytes this frame will take. */
size_t frame_size(const struct frame *frame);
/* Encodes into `out` of frame_size bytes, as `sections` says. Returns the size, or 0 with the error filled if a
 * section is over its limit, missing though the kind needs it, or unknown to the kind; or if body, answer or seal
 * hold bytes that `sections` does not name (they would be lost silently). */
size_t frame_encode(const struct frame *frame, unsigned char *out, size_t size, struct fep_error *error);
/* Decodes; slices share `whole`. Negative with the error naming section and byte. Never partly filled: on failure
 * nothing needs releasing. Unknown trailing bytes in a known section, and sections above 15, are ignored (later
 * minor versions); an unknown kind or version is an error. In `text` whatever is not printable becomes '?'. */
int frame_decode(struct frame *frame, struct slice whole, struct fep_error *error);
void frame_release(struct frame *frame); /* drops the slices */
const char *frame_kind_name(enum frame_kind kind);

#endif
