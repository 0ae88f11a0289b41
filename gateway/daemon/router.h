/* The router: one I/O loop that never blocks, with the core in the middle, the store's writer thread beside it, links
 * to peers on one side and adapter hosts on the other. It parses only our own frames. */
#ifndef FEP_ROUTER_H
#define FEP_ROUTER_H

#include "clock.h"
#include "conf.h"
#include "core.h"
#include "figures.h"
#include "link_socket.h"
#include "session.h"
#include "store.h"

struct router;

struct router_peer {
    struct router *router;
    const struct conf_peer *conf;
    struct peer *peer;
    struct session *session;
    struct link_socket *socket; /* dialled; NULL: it dials us */
    int64_t down_since_ms;      /* while it is down */
    uint64_t recall, recall_reference; /* a page it asked for is under way (recall.c); 0 = none */
    uint32_t recall_count;
    int recall_lost;
    int64_t recall_due_ms;
};

enum { LISTS = 2 };
struct router_list { /* a host waits for stored exchanges */
    struct router_host *host; /* NULL: free */
    uint64_t reference, sequence;
    uint32_t epoch;
    int lost; /* an entry could not be sent */
};

enum { TOLD = 1024 };
struct router_host {
    const struct conf_instance *conf;
    uint32_t epoch; /* 0 = none yet */
    int up, ready;
    int64_t heard_ms;
    uint64_t told[TOLD];    /* tickets that were told lately: a REQUEST that was offered again meanwhile is no new one */
    uint32_t health; /* enum fep_state */
    char health_reason[128];
    int kill_asked;
    struct router_list lists[LISTS];
};

enum { FINDS = 1024 };
struct router_find { /* a host waits for the exchange that opened a visit */
    struct router_host *host; /* NULL: free */
    uint64_t reference;
    uint64_t sequence;
    uint32_t epoch;
};

enum { TASKS = 32 };
struct router_task { /* fepctl waits for a host */
    struct router_host *host; /* NULL: free */
    uint32_t epoch;
    uint64_t sequence, control_sequence, bytes;
    char from[NODE_SIZE];
    int64_t due_ms;
};

enum { PROMPTS = 1024 };
struct router_prompt { /* the store works on a prompt */
    uint64_t reference;       /* 0: free */
    struct router_host *host; /* who offered it; NULL: fepctl closes it */
    uint32_t epoch, line;
    uint64_t sequence;
    char from[NODE_SIZE], msgid[MSGID_SIZE];
};

struct operators; /* operators.c; NULL: not configured */
struct proposals; /* proposals.c */

enum recall_stage { RECALL_IDLE = 0, RECALL_ASKED, RECALL_FIRST, RECALL_SECOND };
struct router_resolving { /* not heard since the store was put back from a backup */
    char name[NODE_SIZE];
    int is_peer;
    int64_t since_ms;       /* wall clock: the backup */
    /* a peer: what it was asked for, page by page */
    int stage;              /* enum recall_stage; FIRST, SECOND: waits for commits up to `wait` */
    char cursor[64], next[64];
    uint64_t sequence, wait, refusals;
    uint32_t got;
    int64_t due_ms;
};

enum { LATER = 1024 };
struct router {
    struct conf *conf;
    const struct clock *clock;
    struct transaction_table *transactions;
    struct route_table *routes;
    struct core *core;
    struct store *store;
    struct link_context *links;
    struct link_curve curve;
    struct link_socket *listen, *local;
    struct router_peer peers[CONF_PEERS];
    size_t peer_count;
    struct router_host hosts[CONF_INSTANCES];
    size_t host_count;
    struct router_find finds[FINDS];
    uint64_t next_find, next_list, next_task, next_prompt;
    struct router_task tasks[TASKS];
    struct router_prompt prompts[PROMPTS];
    struct router_resolving resolving[CONF_PEERS + CONF_INSTANCES];
    size_t resolving_count;
    uint64_t next_recall;
    uint64_t written, committed, store_refusals; /* sequences given to the store, and on disk */
    struct operators *operators;
    struct proposals *proposals;

    struct core_event later[LATER]; /* what could not be carried out, told to the core after the step */
    size_t later_count;

    struct store_write *writes; /* of this turn */
    size_t write_count, write_room;

    int signals, keeper_fd;
    int draining;         /* nothing new is given to hosts; they finish what they have */
    int stopping;
    int failed;           /* the store is not to be trusted: end */
    int64_t started_ms, stop_due_ms;
    int64_t alive_due_ms; /* when the keeper hears again that we live */
    int64_t marks_due_ms; /* when the peers hear again what we have committed */
    uint64_t frames_refused;
    struct figures figures;
    char keeper_line[128];
    size_t keeper_line_size;
};

/* Runs until stopped; returns the exit code. ready_fd: where to say "ready", -1 = nowhere; keeper_fd: lines from and
 * to the keeper, -1 = none. */
int router_run(struct conf *conf, int ready_fd, int keeper_fd);

/* --- used between the files of the router ------------------------------------------------------------------- */

/* loop.c: one step of the core and everything it asks for. */
void router_step(struct router *router, struct core_event *event);
/* perform.c */
void router_perform(struct router *router, const struct core_command *command);
void router_submit_writes(struct router *router);
/* Keeps an event for after the step. Without room the process ends: recovery is surer than a call nobody answers. */
void router_tell_core_later(struct router *router, const struct core_event *event);
void router_run_later(struct router *router);
/* peers.c */
int router_open_peers(struct router *router, struct fep_error *error);
void router_close_peers(struct router *router);
void router_read_peers(struct router *router);
void router_tick_peers(struct router *router, int64_t now_ms);
int64_t router_peers_due(const struct router *router);
struct router_peer *router_find_peer(struct router *router, const char *name);
/* hosts.c */
int router_open_local(struct router *router, struct fep_error *error);
void router_read_local(struct router *router);
void router_tick_hosts(struct router *router, int64_t now_ms);
struct router_host *router_find_host(struct router *router, const char *name);
void router_host_down(struct router *router, struct router_host *host, uint32_t epoch, const char *reason);
void router_visit_found(struct router *router, struct store_event *event);
int router_send_local(struct router *router, const char *to, const struct frame *frame);
void router_tell_keeper(struct router *router, const char *line);
/* Asks every host to finish what it has and to go; what the core would still give them comes back as not sent. */
void router_drain_hosts(struct router *router);
/* lists.c: stored exchanges for the hosts. */
void router_on_list(struct router *router, struct router_host *host, const struct frame *frame);
void router_listed(struct router *router, const struct store_event *event);
/* tasks.c: what fepctl asks of a host. */
void router_on_task_result(struct router *router, struct router_host *host, const struct frame *frame);
void router_tick_tasks(struct router *router, int64_t now_ms);
/* recall.c: after a restore, ours or a peer's. */
int router_open_resolving(struct router *router, struct fep_error *error);
void router_tick_recall(struct router *router, int64_t now_ms);
void router_on_recall(struct router *router, struct router_peer *peer, const struct frame *frame);
void router_on_held(struct router *router, struct router_peer *peer, const struct frame *frame);
bool router_is_recall(const struct store_event *event);
void router_recalled(struct router *router, const struct store_event *event);
/* prompts.c */
void router_on_prompt(struct router *router, struct router_host *host, const struct frame *frame);
void router_prompt_stored(struct router *router, const struct store_event *event);
/* operators.c: a local socket on which the system tells who asks. */
int router_open_operators(struct router *router, struct fep_error *error);
void router_close_operators(struct router *router);
int router_operators_descriptor(const struct router *router); /* readable when one has something; -1 = none */
void router_read_operators(struct router *router);
void router_tick_operators(struct router *router, int64_t now_ms);
/* proposals.c: what operators say about updates whose outcome is not known. */
int router_load_proposals(struct router *router, struct fep_error *error);
void router_close_proposals(struct router *router);
void router_proposal_stored(struct router *router, const struct store_event *event);
void router_tick_proposals(struct router *router, int64_t now_ms);
void router_proposals_ended(struct router *router, const struct exchange_record *record); /* an ending is on disk */
/* An answer of the local system's to a serial that nothing waits for any more. */
void router_proposals_late(struct router *router, uint64_t serial, const struct core_outcome *outcome);
/* operator.c: fepctl's request (JSON text); answered at once or later. */
void router_operate(struct router *router, const char *from, const struct frame *request);
/* outcome_log.c: the one line per exchange. */
void router_log_outcome(const struct exchange_record *record);
void router_log_step(const struct exchange_record *record, const struct core_command *command);

static inline int64_t
router_now(const struct router *router)
{
    return clock_monotonic_ms(router->clock);
}

#endif
