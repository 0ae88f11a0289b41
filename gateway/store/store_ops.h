/* What an implementation of the store provides; store.c forwards the calls of store.h to it. */
#ifndef FEP_STORE_OPS_H
#define FEP_STORE_OPS_H

#include "store.h"
#include "mailbox.h"

struct store_ops {
    void (*close)(struct store *store);
    void (*read_identity)(const struct store *store, struct store_identity *identity);
    int (*read_peer_mark)(struct store *store, const char *name, struct store_peer_mark *mark);
    int (*write_peer_mark)(struct store *store, const struct store_peer_mark *mark, struct fep_error *error);
    int (*recover)(struct store *store,
                   int (*fn)(void *arg, const struct exchange_record *record, struct slice body,
                             struct slice answer),
                   void *arg, uint64_t *quarantined, struct fep_error *error);
    int (*submit)(struct store *store, const struct store_write *writes, size_t count);
    void (*before_take)(struct store *store); /* NULL: nothing to do before events are taken */
    int (*has_room)(const struct store *store);
    int (*find)(struct store *store, const struct message_key *key, enum exchange_role role,
                uint64_t reference);
    int (*find_visit)(struct store *store, const char *insured_area, const char *visit_id,
                      uint64_t reference);
    int (*find_settlement)(struct store *store, enum exchange_role role, const char *infno,
                           const char *settlement_id, uint64_t reference);
    int (*list)(struct store *store, const struct store_list_query *query, uint64_t reference);
    int (*recall)(struct store *store, const char *peer, int64_t since_ms, const char *after,
                  uint64_t reference); /* or NULL */
    int (*put_prompt)(struct store *store, const struct store_prompt *prompt, uint64_t reference); /* or NULL */
    int (*close_prompt)(struct store *store, const struct store_prompt *closing, uint64_t reference);
    int (*put_proposal)(struct store *store, const struct store_proposal *proposal, uint64_t reference); /* or NULL */
    int (*load_proposals)(struct store *store, size_t limit,
                          int (*fn)(void *arg, const struct store_proposal *proposal), void *arg,
                          struct fep_error *error); /* or NULL: there are none */
};

/* The first member of every implementation. */
struct store {
    const struct store_ops *ops;
    struct mailbox mailbox; /* events on their way to the owner */
};

#endif
