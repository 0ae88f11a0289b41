/* One core on a bench: a store in memory that commits when told to, time that stands still until moved, and a list of
 * what the core asked for. Tests script the peers and hosts around it. */
#ifndef CORE_RIG_H
#define CORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "error_codes.h"

#define RIG_COMMANDS 512

struct rig_row {
    struct exchange_record record;
    struct slice body, answer;
    int closed;
};
struct rig_write {
    enum command_type type;
    uint64_t sequence, number;
    struct exchange_record record;
    struct slice body, answer;
};
struct rig_command {
    struct core_command command; /* bodies shared, record pointing to `record` */
    struct exchange_record record;
    char to[NODE_SIZE];
    int seen;
};
struct rig {
    struct core *core;
    struct core_config config;
    const struct transaction_table *transactions;
    struct route_table *routes;
    int64_t now_ms, wall_ms;
    uint64_t next_reference;
    uint32_t epoch; /* of lb, as last said by rig_host_up */
    int manual_commit; /* commits only when rig_commit is called */
    int refuse_writes; /* the disk is full */
    int resolving; /* the rows were put back from a backup: rig_parties_up says so */
    int refuse_serials; /* for the release of serials only */
    struct rig_row *rows;
    size_t row_count, row_room;
    struct rig_write *writes;
    size_t write_count, write_room;
    uint64_t serial_counter, commits, inserts, updates;
    struct rig_command commands[RIG_COMMANDS];
    size_t command_count;
    /* where everything else goes, instead of the list above */
    void (*sink)(void *arg, struct rig *rig, const struct core_command *command);
    void *sink_arg;
};

const struct transaction_table *rig_transactions(void);
/* `node`: this gateway. Routes and parties are added by the caller, then rig_start says that recovery is over. */
void rig_init(struct rig *rig, const char *node);
void rig_finish(struct rig *rig);
void rig_set_routes(struct rig *rig, const struct route_rule *rules, size_t count);
void rig_start(struct rig *rig);
/* A crash: memory is gone, what was not committed too; the core starts again from the rows. */
void rig_crash(struct rig *rig);

/* The three usual benches. A: instance "la" (epoch 1, up), peer "P" (up) for 45. P: peers "A", "B". B: peer "P",
 * instance "lb" that is asked, with `abilities`. */
void rig_origin(struct rig *rig);
void rig_transit(struct rig *rig);
void rig_destination(struct rig *rig, uint32_t abilities);
void rig_parties_up(struct rig *rig, uint32_t abilities);

void rig_step(struct rig *rig, struct core_event *event);
void rig_commit(struct rig *rig);              /* everything written so far */
void rig_commit_prefix(struct rig *rig, size_t count); /* without telling the core: before a crash */
void rig_advance(struct rig *rig, int64_t ms); /* moves time, firing timers on the way */

/* The oldest command of this type not seen yet, now seen; or NULL. */
const struct core_command *rig_take(struct rig *rig, enum command_type type);
const struct core_command *rig_expect(struct rig *rig, enum command_type type); /* fails the test if there is none */
int rig_count(const struct rig *rig, enum command_type type);                   /* not seen yet */
void rig_forget(struct rig *rig);                                               /* all seen */
const struct rig_row *rig_row(const struct rig *rig, const char *msgid, enum exchange_role role);
struct message_key rig_key(const char *msgid);
/* State on disk and in memory; STATE_NONE if there is none. */
enum exchange_state rig_disk(const struct rig *rig, const char *msgid, enum exchange_role role);
enum exchange_state rig_state(const struct rig *rig, const char *msgid, enum exchange_role role);

/* Inputs. Updates are settlements (2207, call time 60 s) of one person unless `person` says otherwise. */
struct rig_request {
    const char *msgid, *infno, *body, *original;
    uint8_t person, fresh, caller_inquires;
    uint8_t only_serial; /* a reversal that names its original by the serial alone */
    enum transaction_class transaction_class; /* 0 = update */
    uint64_t ticket;                          /* 0 = a new one, which is returned */
    const char *from;                         /* NULL: "la" */
    const char *area;                         /* NULL: 450900 */
    const char *settlement;
};
uint64_t rig_request(struct rig *rig, struct rig_request request);
struct rig_message {
    const char *from, *msgid, *infno, *body;
    uint32_t attempt;      /* 0 = 1 */
    uint32_t time_left_ms; /* 0 = 80 s */
    uint8_t person, state, effect, refusal_class, reason, hops;
    uint16_t code;
    const char *origin; /* NULL: "A" */
    uint64_t reference; /* 0 = a new one, which is returned */
    const char *settlement;
};
uint64_t rig_update(struct rig *rig, struct rig_message message);
uint64_t rig_reversal(struct rig *rig, struct rig_message message);
uint64_t rig_outcome(struct rig *rig, struct rig_message message);
void rig_acked(struct rig *rig, const char *from, const char *msgid, enum core_acked acked);
struct rig_done {
    uint64_t call;
    enum fep_kind kind;
    uint8_t effect, refusal_class, reason, finding;
    uint16_t code;
    uint32_t accounting_date;
    const char *body, *settlement;
    uint32_t epoch; /* 0 = the present one */
    int late;
};
void rig_done(struct rig *rig, struct rig_done done);
void rig_simple(struct rig *rig, enum event_type type, const char *from);
void rig_host_up(struct rig *rig, const char *name, uint32_t epoch, uint32_t abilities, const uint64_t *open,
                 size_t count);

#endif
