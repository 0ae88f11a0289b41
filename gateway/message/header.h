/* The header of a canonical message: all that routing, ordering and deduplication need, so that no gateway on the way
 * parses a body. The fixed part is the same from origin to destination and goes into the digest; struct travel is the
 * part that changes on the way and does not (hop rules 1, 9, 24). */
#ifndef FEP_HEADER_H
#define FEP_HEADER_H

#include <stdbool.h>
#include <stdint.h>
#include <fep/adapter.h>
#include "buffer.h"

#define NODE_SIZE   16 /* node code of a gateway (12), or a configured peer or instance name; with NUL */
#define MSGID_SIZE  31
#define AREA_SIZE   7
#define INFNO_SIZE  7
#define DIGEST_SIZE 32

enum transaction_class { CLASS_QUERY = 1, CLASS_UPDATE, CLASS_NOTICE, CLASS_REVERSAL, CLASS_INQUIRY };

/* Which of an update's records this gateway holds (rule 1). */
enum exchange_role { ROLE_ORIGIN = 1, ROLE_TRANSIT, ROLE_DESTINATION };

struct message_key {
    char origin[NODE_SIZE]; /* the origin gateway's node code */
    char msgid[MSGID_SIZE];
};

struct message_header {
    struct message_key key;
    char infno[INFNO_SIZE];
    uint8_t transaction_class;      /* enum transaction_class */
    char treat_area[AREA_SIZE];     /* mdtrtarea_admvs */
    char insured_area[AREA_SIZE];   /* insuplc_admdvs: the routing key */
    char institution[13];           /* fixmedins_code */
    uint32_t day;                   /* origin's accepting day, yyyymmdd (rule 4) */
    char original_msgid[MSGID_SIZE]; /* reversal, inquiry: the msgid they are about; else empty */
    char original_infno[INFNO_SIZE];
};

struct travel {
    uint32_t attempt;
    uint32_t time_left_ms; /* written at each send and resend, never stored (rule 9) */
    uint8_t hops_left;
};

bool message_key_equal(const struct message_key *a, const struct message_key *b);
uint64_t message_key_hash(const struct message_key *key);

/* SM3 over the fixed header (in its wire encoding) and the body. 0, or negative if OpenSSL fails. The body must not
 * contain clocks; adapters keep them out. Thread-safe. */
int message_digest(const struct message_header *header, const struct slice *body, uint8_t digest[DIGEST_SIZE]);

/* Wire encoding of the fixed header, HEADER_WIRE_SIZE bytes (schema/frames.md). decode checks lengths, character
 * sets, class and day; negative with the error naming field and byte. */
#define HEADER_WIRE_SIZE 168
void message_header_encode(const struct message_header *header, uint8_t out[HEADER_WIRE_SIZE]);
int message_header_decode(struct message_header *header, const uint8_t *data, size_t size, struct fep_error *error);
/* The same checks on a header made here, before it is stored or sent. */
int message_header_check(const struct message_header *header, struct fep_error *error);

/* Is it a usable msgid: 1..30 printable ASCII without blank, quote, backslash? */
bool msgid_is_valid(const char *msgid);
/* The day a msgid itself names, yyyymmdd: after the institution's 12 characters either yyyymmdd or, as dajizhong's
 * serials have it, yymmdd. 0 where neither is a day of 2000 to 2099. For the horizon of rule 4: a caller's old serial
 * must not look like today's business. */
uint32_t msgid_day(const char *msgid);
/* Six digits? */
bool area_is_valid(const char *area);
/* Four to six letters and digits? */
bool infno_is_valid(const char *infno);
/* 1..15 letters, digits, '-', '_', '.'? */
bool node_is_valid(const char *node);
/* Text of a reason, kind, effect or class for logs and fepctl: one lower-case word. */
const char *reason_name(enum fep_reason reason);
const char *kind_name(enum fep_kind kind);
const char *effect_name(enum fep_effect effect);
const char *class_name(enum transaction_class transaction_class);
const char *role_name(enum exchange_role role);

#endif
