/* The store in memory: what store.h promises, in the shortest form that can be read in one sitting; for tests
 * and the simulator. One thread: writes wait in a list and are "committed" when the owner next takes events,
 * so that nothing is ever reported inside store_submit. Never drops a row: closed exchanges stay findable.
 * Fails only for want of memory, and then ends the process, since a test that runs out of memory has nothing
 * more to say. */
#include "store_ops.h"
#include "exchange_key.h"
#include "listing.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include "error.h"

struct row {
    struct row *next;  /* in the order of insertion */
    struct row *chain; /* same bucket */
    struct exchange_record record;
    struct slice body, answer;
    int closed;
};
enum { ASK_WRITE, ASK_FIND, ASK_FIND_VISIT, ASK_FIND_SETTLEMENT, ASK_LIST, ASK_PROMPT, ASK_CLOSE_PROMPT };
struct ask { /* something submitted */
    struct ask *next;
    int what;
    struct store_write
        write; /* ASK_FIND: record.header.key and role; ASK_FIND_VISIT: insured_area and visit_id */
    struct store_list_query query; /* ASK_LIST */
    struct store_prompt prompt;    /* ASK_PROMPT, ASK_CLOSE_PROMPT */
    uint64_t reference;
};
struct kept_prompt {
    struct kept_prompt *next; /* the newest first */
    struct store_prompt prompt;
};
struct peer {
    struct peer *next;
    struct store_peer_mark mark;
};

#define BUCKETS 65536
struct memory_store {
    struct store base;
    struct row *first, *last;
    struct row *buckets[BUCKETS];
    struct ask *ask_first, *ask_last;
    struct peer *peers;
    struct kept_prompt *prompts;
    struct store_identity identity;
};

static struct memory_store *
of(struct store *store)
{
    return (struct memory_store *)store;
}

static void *
need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct row **
bucket_of(struct memory_store *store, const struct exchange_record *record)
{
    struct exchange_key key = exchange_key_of(record);
    return &store->buckets[exchange_key_hash(&key, 0) % BUCKETS];
}

static struct row *
find_row(struct memory_store *store, const struct exchange_record *record)
{
    struct exchange_key wanted = exchange_key_of(record);
    for (struct row *row = *bucket_of(store, record); row; row = row->chain) {
        struct exchange_key key = exchange_key_of(&row->record);
        if (exchange_key_equal(&key, &wanted))
            return row;
    }
    return NULL;
}

/* --- carrying out what was submitted
 * ------------------------------------------------------------------------------ */

static void
hand_over_row(struct store_event *event, const struct row *row)
{
    event->record = row->record;
    event->body = slice_share(row->body);
    event->answer = slice_share(row->answer);
    event->found = 1;
}

static void
insert_row(struct memory_store *store, struct store_write *write, struct mail_list *mails)
{
    struct row *row = find_row(store, &write->record);
    if (row) {
        struct mail *mail = need(mail_append(mails, STORE_CONFLICT, 0));
        mail->event.sequence = write->sequence;
        hand_over_row(&mail->event, row);
        return;
    }
    row = need(calloc(1, sizeof *row));
    row->record = write->record;
    row->body = slice_share(write->body);
    row->answer = slice_share(write->answer);
    struct row **bucket = bucket_of(store, &row->record);
    row->chain = *bucket;
    *bucket = row;
    if (store->last)
        store->last->next = row;
    else
        store->first = row;
    store->last = row;
}

static void
replace_slice(struct slice *old, const struct slice *new)
{
    if (new->size == 0)
        return;
    slice_release(old);
    *old = slice_share(*new);
}

static void
update_row(struct memory_store *store, struct store_write *write, struct mail_list *mails)
{
    struct row *row = find_row(store, &write->record);
    if (!row) {
        struct mail *mail = need(mail_append(mails, STORE_REFUSED, 0));
        mail->event.sequence = write->sequence;
        error_set(&mail->event.error, FEP_NOT_SENT, FEP_E_NOTHING_KNOWN, "the store holds no such exchange");
        return;
    }
    row->record = write->record;
    replace_slice(&row->body, &write->body);
    replace_slice(&row->answer, &write->answer);
    row->closed = 0; /* a reversal of a closed exchange opens it again */
}

static void
carry_out_write(struct memory_store *store, struct store_write *write, struct mail_list *mails)
{
    struct row *row;
    switch (write->type) {
    case STORE_INSERT:
        insert_row(store, write, mails);
        break;
    case STORE_UPDATE:
        update_row(store, write, mails);
        break;
    case STORE_CLOSE:
        row = find_row(store, &write->record);
        if (row)
            row->closed = 1;
        break;
    case STORE_SERIALS:
        store->identity.serial_counter = write->number;
        break;
    }
    slice_release(&write->body);
    slice_release(&write->answer);
}

/* The first that carries the visit id opened the visit. */
static struct row *
find_visit_row(struct memory_store *store, const struct exchange_record *wanted)
{
    for (struct row *row = store->first; row; row = row->next)
        if (row->record.role == ROLE_ORIGIN && row->record.state == STATE_ANSWERED &&
            strcmp(row->record.index.visit_id, wanted->index.visit_id) == 0 &&
            strcmp(row->record.header.insured_area, wanted->header.insured_area) == 0)
            return row;
    return NULL;
}

static struct row *
find_settlement_row(struct memory_store *store, const struct exchange_record *wanted)
{
    for (struct row *row = store->first; row; row = row->next)
        if (row->record.role == wanted->role &&
            (row->record.state == STATE_ANSWERED || row->record.state == STATE_STANDS) &&
            strcmp(row->record.header.infno, wanted->header.infno) == 0 &&
            strcmp(row->record.index.settlement_id, wanted->index.settlement_id) == 0)
            return row;
    return NULL;
}

/* The first of the list behind `after`. */
static struct row *
next_listed(struct memory_store *store, const struct store_list_query *query,
            const struct listing_place *after)
{
    struct row *first = NULL;
    struct listing_place place, best = {0};
    for (struct row *row = store->first; row; row = row->next) {
        listing_place_of(&row->record, &place);
        if (!listing_has(query, &row->record) || listing_compare(&place, after) <= 0 ||
            (first && listing_compare(&place, &best) >= 0))
            continue;
        first = row;
        best = place;
    }
    return first;
}

static void
answer_list(struct memory_store *store, const struct ask *ask, struct mail_list *mails)
{
    struct listing_place place;
    struct row *row;
    (void)listing_read_cursor(ask->query.after, &place);
    row = next_listed(store, &ask->query, &place);
    for (size_t told = 0; row && told < ask->query.limit; told++) {
        struct mail *mail = need(mail_append(mails, STORE_LISTED, 0));
        mail->event.reference = ask->reference;
        hand_over_row(&mail->event, row);
        if (!ask->query.bodies) {
            slice_release(&mail->event.body);
            slice_release(&mail->event.answer);
        }
        mail->event.posted_ms = row->record.role == ROLE_DESTINATION && row->record.times.sent != 0
                                    ? row->record.times.sent
                                    : row->record.times.accepted;
        listing_place_of(&row->record, &place);
        row = next_listed(store, &ask->query, &place);
    }
    struct mail *end = need(mail_append(mails, STORE_LISTED, 0));
    end->event.reference = ask->reference;
    if (row)
        listing_write_cursor(&place, end->event.cursor);
}

static struct kept_prompt *
find_prompt(struct memory_store *store, const struct store_prompt *wanted)
{
    struct kept_prompt *kept = store->prompts;
    while (kept && !(wanted->id != 0 ? kept->prompt.id == wanted->id
                                     : kept->prompt.line == wanted->line &&
                                           strcmp(kept->prompt.msgid, wanted->msgid) == 0))
        kept = kept->next;
    return kept;
}

static void
answer_prompt(struct memory_store *store, const struct ask *ask, struct mail_list *mails)
{
    struct kept_prompt *kept = find_prompt(store, &ask->prompt);
    struct mail *mail = need(mail_append(mails, STORE_PROMPT, 0));
    mail->event.reference = ask->reference;
    mail->event.found = 1;
    if (ask->what == ASK_PROMPT && !kept) {
        kept = need(calloc(1, sizeof *kept));
        kept->prompt = ask->prompt;
        kept->prompt.id = store->prompts ? store->prompts->prompt.id + 1 : 1;
        kept->next = store->prompts;
        store->prompts = kept;
    } else if (ask->what == ASK_CLOSE_PROMPT && (!kept || kept->prompt.closed_ms != 0)) {
        mail->event.found = 0;
        error_set(&mail->event.error, 0, FEP_E_NOTHING_KNOWN, "no open prompt has that number");
    } else if (ask->what == ASK_CLOSE_PROMPT) {
        kept->prompt.closed_ms = 1;
    }
}

static void
answer_find(struct memory_store *store, const struct ask *ask, struct mail_list *mails)
{
    const struct exchange_record *wanted = &ask->write.record;
    struct row *row = ask->what == ASK_FIND         ? find_row(store, wanted)
                      : ask->what == ASK_FIND_VISIT ? find_visit_row(store, wanted)
                                                    : find_settlement_row(store, wanted);
    struct mail *mail = need(mail_append(mails, STORE_FOUND, 0));
    mail->event.reference = ask->reference;
    if (row)
        hand_over_row(&mail->event, row);
}

static void
memory_commit(struct store *base)
{
    struct memory_store *store = of(base);
    struct mail_list mails = {0};
    uint64_t writes = 0, sequence = 0;
    while (store->ask_first) {
        struct ask *ask = store->ask_first;
        store->ask_first = ask->next;
        if (ask->what == ASK_WRITE) {
            writes++;
            sequence = ask->write.sequence;
            carry_out_write(store, &ask->write, &mails);
        } else if (ask->what == ASK_LIST) {
            answer_list(store, ask, &mails);
        } else if (ask->what == ASK_PROMPT || ask->what == ASK_CLOSE_PROMPT) {
            answer_prompt(store, ask, &mails);
        } else {
            answer_find(store, ask, &mails);
        }
        free(ask);
    }
    store->ask_last = NULL;
    if (writes > 0) {
        store->identity.commit_sequence++;
        struct mail *mail = need(mail_append(&mails, STORE_COMMITTED, writes));
        mail->event.sequence = sequence;
    }
    mailbox_post(&base->mailbox, &mails);
}

/* --- the interface
 * ------------------------------------------------------------------------------------------------ */

static struct ask *
append_ask(struct memory_store *store, int what)
{
    struct ask *ask = need(calloc(1, sizeof *ask));
    ask->what = what;
    if (store->ask_last)
        store->ask_last->next = ask;
    else
        store->ask_first = ask;
    store->ask_last = ask;
    (void)eventfd_write(store->base.mailbox.descriptor, 1); /* taking will find something */
    return ask;
}

static int
memory_submit(struct store *store, const struct store_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        append_ask(of(store), ASK_WRITE)->write = writes[i];
    atomic_fetch_add(&store->mailbox.unreported, count);
    return 0;
}

static int
memory_find(struct store *store, const struct message_key *key, enum exchange_role role, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_FIND);
    ask->write.record.header.key = *key;
    ask->write.record.role = (uint8_t)role;
    ask->reference = reference;
    return 0;
}

static int
memory_find_visit(struct store *store, const char *insured_area, const char *visit_id, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_FIND_VISIT);
    struct exchange_record *wanted = &ask->write.record;
    strncpy(wanted->header.insured_area, insured_area, sizeof wanted->header.insured_area - 1);
    strncpy(wanted->index.visit_id, visit_id, sizeof wanted->index.visit_id - 1);
    ask->reference = reference;
    return 0;
}

static int
memory_find_settlement(struct store *store, enum exchange_role role, const char *infno,
                       const char *settlement_id, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_FIND_SETTLEMENT);
    struct exchange_record *wanted = &ask->write.record;
    wanted->role = (uint8_t)role;
    strncpy(wanted->header.infno, infno, sizeof wanted->header.infno - 1);
    strncpy(wanted->index.settlement_id, settlement_id, sizeof wanted->index.settlement_id - 1);
    ask->reference = reference;
    return 0;
}

static int
memory_list(struct store *store, const struct store_list_query *query, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_LIST);
    ask->query = *query;
    ask->reference = reference;
    return 0;
}

static int
memory_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_PROMPT);
    ask->prompt = *prompt;
    ask->prompt.id = 0;
    ask->reference = reference;
    return 0;
}

static int
memory_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference)
{
    struct ask *ask = append_ask(of(store), ASK_CLOSE_PROMPT);
    ask->prompt = *closing;
    ask->reference = reference;
    return 0;
}

static int
memory_recover(struct store *base,
               int (*fn)(void *arg, const struct exchange_record *record, struct slice body,
                         struct slice answer),
               void *arg, uint64_t *quarantined, struct fep_error *error)
{
    *quarantined = 0;
    for (struct row *row = of(base)->first; row; row = row->next)
        if (!row->closed && fn(arg, &row->record, row->body, row->answer) < 0)
            return error_set(error, 0, FEP_E_INTERNAL, "recovery was broken off");
    return 0;
}

static void
memory_read_identity(const struct store *store, struct store_identity *identity)
{
    *identity = ((const struct memory_store *)store)->identity;
}

static struct peer *
find_peer(struct store *store, const char *name)
{
    struct peer *peer = of(store)->peers;
    while (peer && strcmp(peer->mark.name, name) != 0)
        peer = peer->next;
    return peer;
}

static int
memory_read_peer_mark(struct store *store, const char *name, struct store_peer_mark *mark)
{
    const struct peer *peer = find_peer(store, name);
    if (peer)
        *mark = peer->mark;
    return peer != NULL;
}

static int
memory_write_peer_mark(struct store *store, const struct store_peer_mark *mark, struct fep_error *error)
{
    (void)error;
    struct peer *peer = find_peer(store, mark->name);
    if (!peer) {
        peer = need(calloc(1, sizeof *peer));
        peer->next = of(store)->peers;
        of(store)->peers = peer;
    }
    peer->mark = *mark;
    return 0;
}

static int
memory_has_room(const struct store *store)
{
    (void)store;
    return 1;
}

static void
memory_close(struct store *base)
{
    struct memory_store *store = of(base);
    memory_commit(base);
    for (struct row *row = store->first, *next; row; row = next) {
        next = row->next;
        slice_release(&row->body);
        slice_release(&row->answer);
        free(row);
    }
    for (struct peer *peer = store->peers, *next; peer; peer = next) {
        next = peer->next;
        free(peer);
    }
    for (struct kept_prompt *kept = store->prompts, *next; kept; kept = next) {
        next = kept->next;
        free(kept);
    }
    mailbox_finish(&base->mailbox);
    free(store);
}

static const struct store_ops memory_ops = {
    .close = memory_close,
    .read_identity = memory_read_identity,
    .read_peer_mark = memory_read_peer_mark,
    .write_peer_mark = memory_write_peer_mark,
    .recover = memory_recover,
    .submit = memory_submit,
    .before_take = memory_commit,
    .has_room = memory_has_room,
    .find = memory_find,
    .find_visit = memory_find_visit,
    .find_settlement = memory_find_settlement,
    .list = memory_list,
    .put_prompt = memory_put_prompt,
    .close_prompt = memory_close_prompt,
};

struct store *
memory_store_open(void)
{
    struct memory_store *store = need(calloc(1, sizeof *store));
    store->base.ops = &memory_ops;
    store->identity.incarnation = 1;
    store->identity.boot_count = 1;
    store->identity.serial_counter = 1;
    if (mailbox_init(&store->base.mailbox) < 0)
        abort();
    return &store->base;
}
