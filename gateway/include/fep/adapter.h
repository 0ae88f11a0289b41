/* The one header an adapter module sees.
 *
 * A module is a shared object that exports one data symbol, `fep_adapter`, of type struct fep_adapter. It knows a
 * protocol family (framing, charset, record shape); what a particular system's fields, codes and transactions mean
 * stands in a mapping file that the host applies. A module links against nothing of ours: all it may use comes
 * through struct fep_host.
 *
 * Rules that hold everywhere
 *  - One thread. Every operation is called, and every host service may be called, on the host's one thread;
 *    post_to_loop is the only exception.
 *  - Nothing waits. Operations return at once; a slow thing is a call, completed exactly once with complete_call.
 *  - The host owns time. A call's deadline is armed by the host; at expiry it asks `cancel`.
 *  - What you are given you may read until you complete the call. What you hand over is copied unless said otherwise.
 *  - A failure is one of three kinds. If a byte of a request may have reached the other side and no complete answer
 *    came, it is FEP_UNKNOWN; before that it is FEP_NOT_SENT; FEP_REFUSED needs the other side's own word.
 *
 * Versions: majors must be equal; the module's minor must not exceed the host's. Each struct that crosses begins with
 * its own size; new members come at the end; absent or NULL means "not supported"; enums grow at the end.
 *   1.0  first version
 */
#ifndef FEP_ADAPTER_H
#define FEP_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEP_ADAPTER_MAGIC 0x46455041u /* "FEPA" */
#define FEP_ABI_MAJOR 1
#define FEP_ABI_MINOR 0

/* How an attempt ended, and no other ways (hop rules, "the truth about outcomes"). */
enum fep_kind {
    FEP_ANSWERED = 1, /* the local system's own answer, good for the caller */
    FEP_NOT_SENT,     /* certainly never left: may be tried again */
    FEP_REFUSED,      /* certainly had no effect, by the other side's own word */
    FEP_UNKNOWN       /* may have taken effect */
};

/* May a refused request be sent again unchanged? (error classes N and R; class U is FEP_UNKNOWN) */
enum fep_refusal_class { FEP_FINAL = 0, FEP_REPEATABLE };

/* Why, beside the kind. For people and statistics; the kind alone decides. */
enum fep_reason {
    FEP_REASON_NONE = 0,
    FEP_REASON_DEADLINE,
    FEP_REASON_BOUND,
    FEP_REASON_LINK_DOWN,
    FEP_REASON_CANCELLED,
    FEP_REASON_MALFORMED,
    FEP_REASON_PROTOCOL,
    FEP_REASON_PEER_CLOSED,
    FEP_REASON_INCONSISTENT, /* an answer that breaks the money equations or cannot be put into the caller's language */
    FEP_REASON_BUSINESS,
    FEP_REASON_HOST_LOST,
    FEP_REASON_NO_ROUTE,
    FEP_REASON_CLARIFYING, /* an earlier update of the same person is being clarified */
    FEP_REASON_COUNT
};

enum fep_effect { FEP_EFFECT_NONE = 0, FEP_EFFECT_POSTED };

/* What an inquiry or a reversal found out, in the words of the reference protocols (states 0..5, results 1..3). */
enum fep_finding {
    FEP_FOUND_NOTHING = 0,     /* inquiry 0: not known there; proves nothing before 120 s have passed */
    FEP_FOUND_POSTED,          /* inquiry 1: body holds the original answer */
    FEP_FOUND_REFUSED,         /* inquiry 2 */
    FEP_FOUND_IN_PROGRESS,     /* inquiry 3, or "busy" to a reversal */
    FEP_FOUND_REVERSED,        /* inquiry 4; reversal 1 or 3 */
    FEP_FOUND_CANCELLED,       /* inquiry 5; a cancel told "already cancelled" */
    FEP_FOUND_NEVER_ARRIVED,   /* reversal 2, or "serial blocked by a reversal": blocked from then on */
    FEP_FOUND_STAYS_POSTED     /* reversal refused for good: posted and stays posted */
};

struct fep_bytes {
    const unsigned char *data;
    size_t size;
};

#define FEP_ERROR_TEXT 480
struct fep_error {
    uint32_t kind;       /* enum fep_kind, or 0 where no exchange is concerned */
    uint32_t code;       /* stable code, FEP-nnnn without the letters */
    char msgid[32];      /* empty if none */
    char text[FEP_ERROR_TEXT]; /* one sentence, wrapped by each level; never personal data */
};

/* --- options: exported data, checked before the module runs ------------------------------------------------ */
enum fep_option_type { FEP_TEXT = 1, FEP_INTEGER, FEP_FLAG, FEP_DURATION_MS, FEP_SECRET_FILE };
enum { FEP_OPTION_REQUIRED = 1, FEP_OPTION_RELOADABLE = 2 };
struct fep_option { /* a table of these ends with name == NULL */
    const char *name;
    uint32_t type;         /* enum fep_option_type */
    uint32_t flags;        /* FEP_OPTION_* */
    const char *unit;      /* or NULL; of a text: the values it may have, "serve|call", or "ADDRESS:PORT" (numeric) */
    const char *def;       /* default as text, or NULL */
    int64_t minimum, maximum; /* integers and durations; both 0 = no range */
    const char *help_zh, *help_en;
};

/* --- records: what mapping makes of a canonical message, and what a module reads from the wire ---------------- *
 * A record belongs to one layout, declared in the mapping file. It has a head (the same for all transactions of a
 * direction), plain fields, and at most one repeating group. Values are UTF-8 text already in local units and codes:
 * the module adds only what the wire wants (padding, signs, separators, charset). */
enum fep_field_type {
    FEP_FIELD_TEXT = 1, /* free text; length = bytes in the wire charset, 0 = no limit */
    FEP_FIELD_CODE,     /* identifiers and codes: folded to ASCII on input, must fit */
    FEP_FIELD_DIGITS,   /* unsigned; length digits, zero-filled on the left where the wire is positional */
    FEP_FIELD_DECIMAL,  /* decimal text with exactly `scale` decimals, e.g. "-12.30" */
    FEP_FIELD_RATIO     /* unsigned decimal text with `scale` decimals */
};
enum { FEP_FIELD_REQUIRED = 1, FEP_FIELD_PERSONAL = 2 };
struct fep_field {
    const char *name;
    uint32_t type, length, scale, flags; /* length of a positional decimal includes its sign */
};
struct fep_layout {
    const char *name;
    const struct fep_field *fields;
    size_t field_count;
    const char *group_name; /* NULL if there is no group */
    const struct fep_field *group_fields;
    size_t group_field_count;
    size_t group_max_rows;
};
struct fep_record;  /* a head or a body under one layout; owned by the host */
struct fep_message; /* a canonical message; owned by the host */

/* What names the original at the local system: drawn by the router and committed before the first byte leaves. */
struct fep_attempt {
    uint32_t size;
    uint32_t number;          /* attempt number drawn by the origin */
    uint64_t serial;          /* local serial number, unique at this instance, never reused after a restore */
    uint32_t serial_date;     /* yyyymmdd it was drawn on; together with `serial` the local serial */
    uint32_t accounting_date; /* yyyymmdd or 0 */
    uint32_t mapping_generation;
    char cycle[40];           /* local accounting cycle or empty */
    uint8_t repeat;           /* 1: the same serial was sent before */
};

/* The index beside every message: what answers totals, details and inquiries without reading a body. */
struct fep_index {
    uint32_t size;
    uint8_t order_key[16]; /* keyed hash of insured area and person number; all zero = none */
    char visit_id[32], settlement_id[32];
    char med_type[8], insutype[8];
    int64_t total_fen, fund_fen, account_fen, cash_fen;
    uint32_t effect;          /* enum fep_effect */
    uint32_t accounting_day;  /* yyyymmdd at the insured place, 0 = not known */
    uint32_t has_money;
};

struct fep_result {
    uint32_t size;
    uint32_t effect;         /* enum fep_effect, for FEP_ANSWERED */
    uint32_t refusal_class;  /* enum fep_refusal_class, for FEP_REFUSED */
    uint32_t reason;         /* enum fep_reason */
    uint32_t code;           /* canonical four-digit code of the reference protocols (2301 ...), 0 = good */
    uint32_t finding;        /* enum fep_finding, for inquire and reverse */
    uint32_t copy;           /* to begin_request's answer: this is the stored ending of an earlier, equal request */
    char text[256];          /* for people; no personal data */
    uint32_t accounting_date;
    char cycle[40];
    char local_reference[40]; /* the other side's own serial, for people */
};

enum fep_state { FEP_STARTING = 1, FEP_UP, FEP_DEGRADED, FEP_DOWN, FEP_STOPPING };
struct fep_health {
    uint32_t size;
    uint32_t state;     /* enum fep_state */
    uint32_t window;    /* calls that may be open at once; 0 = as configured */
    uint32_t open_calls;
    int64_t last_success_ms; /* monotonic, 0 = never */
    char reason[128];
};

struct fep_config; /* the instance's options, already checked against the option table */
struct fep_call;   /* one thing to be done, completed exactly once */
struct fep_timer;
struct fep_watch;
struct fep_host;

/* A local caller's request on its way; `ticket` is what begin_request was given. Called exactly once.
 * kind: ANSWERED (answer record filled), REFUSED, or UNKNOWN = "open": not known yet, being resolved.
 * `answer` is NULL unless kind is ANSWERED; valid during the call only. */
typedef void fep_on_answer(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
                           const struct fep_record *answer);
/* Rule 16: asked before the origin commits `answered`. Return 0 if `answer` can be put on the wire for this ticket,
 * negative if it can not. Must not send anything. */
typedef int fep_try_answer(void *self, void *ticket, const struct fep_record *answer, struct fep_error *error);

enum { /* what a module can do */
    FEP_CALLS_OUT = 1,  /* submit */
    FEP_SERVES_IN = 2,  /* begin_request */
    FEP_INQUIRES = 4,   /* inquire: the local system can say whether a serial took effect */
    FEP_REVERSES = 8,   /* reverse */
    FEP_REPLAYS = 16,   /* the local system answers a repeated serial from its store */
    FEP_RELOADS = 32
};

enum fep_watch_events { FEP_READABLE = 1, FEP_WRITABLE = 2 };

/* What the host does for a module. Functions may be called on the host's thread only, except post_to_loop. */
struct fep_host {
    uint32_t size;
    uint32_t abi_minor;
    void *self; /* opaque; first argument of every service */

    /* Calls. Exactly once for each call; `result` is copied, `answer` (may be NULL) is taken over. For ANSWERED the
     * host maps `answer` to the canonical form; where that fails it is delivered with FEP_REASON_INCONSISTENT. */
    void (*complete_call)(void *host, struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
                          struct fep_record *answer);
    /* An answer that came after its call was completed: recorded, never a second completion. Takes `answer`. */
    void (*report_late)(void *host, const struct fep_attempt *attempt, enum fep_kind kind,
                        const struct fep_result *result, struct fep_record *answer);

    /* Serving. Maps head and body to a canonical message and hands it to the router. Takes both records. `caller_key`
     * is the local serial that makes a repeat recognisable; the msgid is derived from it by the mapping file. When
     * `fresh` is set, the adapter knows that this request was made after any earlier refusal of the same serial was
     * handed over. Returns 0 and later calls on_answer exactly once, or negative (error says why; nothing was sent). */
    int (*begin_request)(void *host, const char *local_transaction, struct fep_record *head, struct fep_record *body,
                         bool fresh, fep_on_answer *on_answer, fep_try_answer *try_answer, void *ticket,
                         struct fep_error *error);
    /* The caller of `ticket` went away; on_answer will not be called any more. */
    void (*forget_request)(void *host, void *ticket);

    /* Messages and records. */
    const char *(*message_infno)(void *host, const struct fep_message *message);
    const char *(*message_msgid)(void *host, const struct fep_message *message);
    struct fep_bytes (*message_body)(void *host, const struct fep_message *message); /* canonical JSON text */
    /* Canonical -> local. Fills new head and body records under the layouts of the mapped local transaction; returns
     * its name, or NULL with the error filled. `operation` is one of enum fep_operation. */
    const char *(*translate_out)(void *host, const struct fep_message *message, uint32_t operation,
                                 const struct fep_attempt *attempt, struct fep_record **head,
                                 struct fep_record **body, struct fep_error *error);
    struct fep_record *(*create_record)(void *host, const char *layout_name); /* NULL: no such layout */
    void (*release_record)(void *host, struct fep_record *record);            /* NULL is nothing */
    const struct fep_layout *(*find_layout)(void *host, const char *layout_name); /* NULL if none */
    const struct fep_layout *(*record_layout)(const struct fep_record *record);
    size_t (*record_rows)(const struct fep_record *record);
    int (*record_add_row)(struct fep_record *record); /* negative at the layout's bound */
    /* Values; field < 0 never. get returns an empty view where nothing was set. set copies; negative = no memory. */
    struct fep_bytes (*record_get)(const struct fep_record *record, size_t field);
    int (*record_set)(struct fep_record *record, size_t field, const char *text, size_t size);
    struct fep_bytes (*record_get_in_row)(const struct fep_record *record, size_t row, size_t field);
    int (*record_set_in_row)(struct fep_record *record, size_t row, size_t field, const char *text, size_t size);
    /* Facts of the mapping file that are not fields: `section` "wire", "errors", "results", "inquire", "reverse",
     * "serve_inquire" or "serve_reverse", a key, the value as text or NULL. Errors: key = local return code, value =
     * "class:canonical" (e.g. "N:2301"); results: the other way round. The whole table stands at the end of schema/mapping.md. */
    const char *(*mapping_text)(void *host, const char *section, const char *key);

    /* Charset of the mapping file. decode: wire bytes -> UTF-8, illegal bytes become U+FFFD when `lenient`, else
     * fail with the byte offset. encode: UTF-8 -> wire bytes, by the mapping's policy for what the charset can not
     * hold. Both return bytes written, or negative with the error filled. */
    int (*decode_text)(void *host, const unsigned char *in, size_t size, bool lenient, char *out, size_t out_size,
                       struct fep_error *error);
    int (*encode_text)(void *host, const char *in, size_t size, unsigned char *out, size_t out_size,
                       struct fep_error *error);

    /* The host's loop. Callbacks run on the one thread. */
    struct fep_watch *(*watch_descriptor)(void *host, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events),
                                          void *arg);
    void (*change_watch)(void *host, struct fep_watch *watch, uint32_t events);
    void (*unwatch)(void *host, struct fep_watch *watch);
    struct fep_timer *(*set_timer)(void *host, int64_t after_ms, void (*fn)(void *arg), void *arg); /* one shot */
    void (*clear_timer)(void *host, struct fep_timer *timer); /* before it fired only */
    int (*post_to_loop)(void *host, void (*fn)(void *arg), void *arg);

    int64_t (*read_monotonic_ms)(void *host);
    /* China Standard Time without zone, as the local systems use it: yyyymmdd and hhmmss. */
    void (*read_local_time)(void *host, uint32_t *date, uint32_t *time);
    int (*fill_random)(void *host, void *out, size_t size);

    void (*report_health)(void *host, const struct fep_health *health);
    /* One log line; `what` is a short constant text, `number` a figure that goes with it. No personal data. */
    void (*log_event)(void *host, int severity, const char *what, int64_t number);

    const char *(*get_text)(const struct fep_config *config, const char *name);
    int64_t (*get_integer)(const struct fep_config *config, const char *name); /* also durations and flags */
    const char *(*get_secret)(const struct fep_config *config, const char *name); /* content of the file */

    /* What a call carries. */
    int64_t (*call_deadline_ms)(const struct fep_call *call); /* absolute, monotonic */
    const struct fep_attempt *(*call_attempt)(const struct fep_call *call);
};

enum fep_operation { FEP_OP_SUBMIT = 1, FEP_OP_INQUIRE, FEP_OP_REVERSE };

/* Without a mapping file bodies pass through as they are (tests, benchmarks, local systems that speak the canonical
 * form). Then translate_out gives the canonical transaction number, a head under the built-in layout "canonical-head" and
 * no body (message_body has the bytes); an answer is a record of the built-in layout "canonical": body, and for the index
 * beside it visit_id, settlement_id, total, fund, account, cash (decimals; empty: not said). begin_request takes such a
 * record and a head of "canonical-head" with the fields infno, msgid, insured_area, treat_area, institution, person,
 * med_type, insutype, visit_id, original_msgid, original_infno, settlement_id; local_transaction is not used.
 *
 * Serials. An inquiry and a reversal are requests of their own with a serial of their own: translate_out with
 * FEP_OP_INQUIRE or FEP_OP_REVERSE takes the attempt that names the original (call_attempt) and draws that serial. */

struct fep_adapter_ops {
    uint32_t size;
    int (*open)(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error);
    void (*start)(void *self, struct fep_call *call); /* completed ANSWERED = ready for traffic */
    void (*submit)(void *self, struct fep_call *call, const struct fep_message *message);
    /* message is the ORIGINAL request; the attempt in the call names it. Asked for only if the module is able to and the
     * mapping has that operation. A reversal that was declined for good (FEP_FOUND_STAYS_POSTED) may be completed with
     * what else is known of the original's answer, under its layout: a cancel needs the id it holds. */
    void (*inquire)(void *self, struct fep_call *call, const struct fep_message *message);
    void (*reverse)(void *self, struct fep_call *call, const struct fep_message *message);
    void (*cancel)(void *self, struct fep_call *call, enum fep_reason reason); /* a wish; may come late, or twice */
    void (*read_health)(void *self, struct fep_health *health);
    void (*drain)(void *self, struct fep_call *call); /* nothing new; finish the rest */
    void (*close)(void *self);
};

struct fep_adapter {
    uint32_t magic;
    uint16_t abi_major, abi_minor;
    uint32_t size;
    const char *name, *version, *summary;
    uint32_t abilities;
    const struct fep_option *options;
    const struct fep_adapter_ops *ops;
};

#define FEP_EXPORT __attribute__((visibility("default")))

#endif
