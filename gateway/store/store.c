/* The calls of store.h, forwarded to whichever implementation was opened. Holds no policy of its own. */
#include "store_ops.h"
#include "listing.h"

void
store_close(struct store *store)
{
    if (store)
        store->ops->close(store);
}

void
store_read_identity(const struct store *store, struct store_identity *identity)
{
    store->ops->read_identity(store, identity);
}

int
store_read_peer_mark(struct store *store, const char *name, struct store_peer_mark *mark)
{
    return store->ops->read_peer_mark(store, name, mark);
}

int
store_write_peer_mark(struct store *store, const struct store_peer_mark *mark, struct fep_error *error)
{
    return store->ops->write_peer_mark(store, mark, error);
}

int
store_recover(struct store *store,
              int (*fn)(void *arg, const struct exchange_record *record, struct slice body,
                        struct slice answer),
              void *arg, uint64_t *quarantined, struct fep_error *error)
{
    return store->ops->recover(store, fn, arg, quarantined, error);
}

int
store_submit(struct store *store, const struct store_write *writes, size_t count)
{
    return store->ops->submit(store, writes, count);
}

int
store_descriptor(const struct store *store)
{
    return store->mailbox.descriptor;
}

size_t
store_take_events(struct store *store, struct store_event *events, size_t room)
{
    if (store->ops->before_take)
        store->ops->before_take(store);
    return mailbox_take(&store->mailbox, events, room);
}

uint64_t
store_pending(const struct store *store)
{
    return atomic_load(&store->mailbox.unreported);
}

int
store_has_room(const struct store *store)
{
    return store->ops->has_room(store);
}

int
store_find(struct store *store, const struct message_key *key, enum exchange_role role, uint64_t reference)
{
    return store->ops->find(store, key, role, reference);
}

int
store_find_visit(struct store *store, const char *insured_area, const char *visit_id, uint64_t reference)
{
    return store->ops->find_visit(store, insured_area, visit_id, reference);
}

int
store_find_settlement(struct store *store, enum exchange_role role, const char *infno,
                      const char *settlement_id, uint64_t reference)
{
    return store->ops->find_settlement(store, role, infno, settlement_id, reference);
}

int
store_list(struct store *store, const struct store_list_query *query, uint64_t reference)
{
    return listing_is_valid(query) ? store->ops->list(store, query, reference) : -1;
}

int
store_recall(struct store *store, const char *peer, int64_t since_ms, const char *after, uint64_t reference)
{
    return store->ops->recall != NULL ? store->ops->recall(store, peer, since_ms, after, reference) : -1;
}

int
store_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference)
{
    return store->ops->put_prompt != NULL ? store->ops->put_prompt(store, prompt, reference) : -1;
}

int
store_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference)
{
    return store->ops->close_prompt != NULL ? store->ops->close_prompt(store, closing, reference) : -1;
}

int
store_put_proposal(struct store *store, const struct store_proposal *proposal, uint64_t reference)
{
    return store->ops->put_proposal != NULL ? store->ops->put_proposal(store, proposal, reference) : -1;
}

int
store_load_proposals(struct store *store, size_t limit,
                     int (*fn)(void *arg, const struct store_proposal *proposal), void *arg,
                     struct fep_error *error)
{
    return store->ops->load_proposals != NULL ? store->ops->load_proposals(store, limit, fn, arg, error) : 0;
}
