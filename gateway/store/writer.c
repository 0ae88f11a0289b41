/* The writer's thread: takes what was submitted while the last commit was under way, commits it as one
 * transaction, and in between moves, finds, looks at the disk and checkpoints. The owner never waits for the
 * disk: it only appends to the inbox. Must never take one thing before another that was submitted earlier. */
#include "sqlite_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "clock.h"
#include "error.h"
#include "log.h"
#include "prompts.h"
#include "proposals.h"

#define LOOK_MS          1000
#define SMALL_ITEM_BYTES 256 /* what a write costs beside its bodies */
#define VISIT_YEARS      2
#define MOST_PROMPTS     256   /* in one transaction */
#ifndef CHECKPOINT_FRAMES      /* a test's log may be shorter */
#define CHECKPOINT_FRAMES 1000 /* 16 MiB of log */
#endif

int64_t
writer_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the owner's side
 * --------------------------------------------------------------------------------------------- */

static void
append_item(struct item_list *list, struct item *item)
{
    if (list->last)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

static void
hand_in(struct sqlite_store *store, const struct item_list *items)
{
    pthread_mutex_lock(&store->mutex);
    if (store->inbox.last)
        store->inbox.last->next = items->first;
    else
        store->inbox.first = items->first;
    store->inbox.last = items->last;
    int wake = store->writer_sleeps;
    pthread_mutex_unlock(&store->mutex);
    if (wake)
        pthread_cond_signal(&store->wake);
}

static void
free_items(struct item_list *items)
{
    while (items->first) {
        struct item *item = items->first;
        items->first = item->next;
        free(item->prompt);
        proposals_drop(item->proposal);
        free(item);
    }
    items->last = NULL;
}

static struct item *
new_item(struct item_list *items, enum item_type type)
{
    struct item *item = malloc(sizeof *item);
    if (!item)
        return NULL;
    item->next = NULL;
    item->type = type;
    item->refused = 0;
    item->reference = 0;
    item->prompt = NULL;
    item->proposal = NULL;
    item->write.body = item->write.answer = SLICE_NONE;
    append_item(items, item);
    return item;
}

int
writer_submit(struct store *base, const struct store_write *writes, size_t count)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct item_list items = {0};
    if (atomic_load(&store->failed))
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct item *item = new_item(&items, ITEM_WRITE);
        if (!item) {
            free_items(&items);
            return -1;
        }
        item->write = writes[i];
    }
    if (count == 0)
        return 0;
    atomic_fetch_add(&base->mailbox.unreported, count);
    hand_in(store, &items);
    return 0;
}

static int
ask(struct sqlite_store *store, enum item_type type, const struct exchange_record *wanted, uint64_t reference)
{
    struct item_list items = {0};
    struct item *item = atomic_load(&store->failed) ? NULL : new_item(&items, type);
    if (!item)
        return -1;
    item->write = (struct store_write){.record = *wanted};
    item->reference = reference;
    hand_in(store, &items);
    return 0;
}

int
writer_find(struct store *store, const struct message_key *key, enum exchange_role role, uint64_t reference)
{
    struct exchange_record wanted = {.header.key = *key, .role = (uint8_t)role};
    return ask((struct sqlite_store *)store, ITEM_FIND, &wanted, reference);
}

int
writer_find_visit(struct store *store, const char *insured_area, const char *visit_id, uint64_t reference)
{
    struct exchange_record wanted = {0};
    strncpy(wanted.header.insured_area, insured_area, sizeof wanted.header.insured_area - 1);
    strncpy(wanted.index.visit_id, visit_id, sizeof wanted.index.visit_id - 1);
    return ask((struct sqlite_store *)store, ITEM_FIND_VISIT, &wanted, reference);
}

static int
ask_prompt(struct sqlite_store *store, enum item_type type, const struct store_prompt *prompt,
           uint64_t reference)
{
    struct item_list items = {0};
    struct item *item = atomic_load(&store->failed) ? NULL : new_item(&items, type);
    if (!item)
        return -1;
    item->prompt = malloc(sizeof *item->prompt);
    if (!item->prompt) {
        free_items(&items);
        return -1;
    }
    *item->prompt = *prompt;
    item->reference = reference;
    hand_in(store, &items);
    return 0;
}

int
writer_put_prompt(struct store *store, const struct store_prompt *prompt, uint64_t reference)
{
    return ask_prompt((struct sqlite_store *)store, ITEM_PROMPT_PUT, prompt, reference);
}

int
writer_close_prompt(struct store *store, const struct store_prompt *closing, uint64_t reference)
{
    return ask_prompt((struct sqlite_store *)store, ITEM_PROMPT_CLOSE, closing, reference);
}

int
writer_put_proposal(struct store *base, const struct store_proposal *proposal, uint64_t reference)
{
    struct sqlite_store *store = (struct sqlite_store *)base;
    struct item_list items = {0};
    struct item *item = atomic_load(&store->failed) ? NULL : new_item(&items, ITEM_PROPOSAL);
    if (!item)
        return -1;
    item->proposal = malloc(sizeof *item->proposal);
    if (!item->proposal) {
        free_items(&items);
        return -1;
    }
    *item->proposal = *proposal;
    item->proposal->answer = slice_share(proposal->answer);
    item->reference = reference;
    hand_in(store, &items);
    return 0;
}

static int
call(struct sqlite_store *store, struct mark_call *call)
{
    pthread_mutex_lock(&store->mutex);
    store->call = call;
    pthread_cond_signal(&store->wake);
    while (!call->done)
        pthread_cond_wait(&store->call_done, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
    return call->result;
}

int
writer_read_mark(struct store *store, const char *name, struct store_peer_mark *mark)
{
    struct mark_call read = {0};
    strncpy(read.mark.name, name, sizeof read.mark.name - 1);
    int found = call((struct sqlite_store *)store, &read);
    if (found > 0)
        *mark = read.mark;
    return found;
}

int
writer_write_mark(struct store *store, const struct store_peer_mark *mark, struct fep_error *error)
{
    struct mark_call write = {.mark = *mark, .write = 1};
    int rc = call((struct sqlite_store *)store, &write);
    if (rc < 0 && error)
        *error = write.error;
    return rc;
}

/* --- the writer's side
 * -------------------------------------------------------------------------------------------- */

static int
write_mark(struct sqlite_store *store, const struct store_peer_mark *mark)
{
    sqlite3_stmt *write = store->statements.write_mark;
    sqlite3_bind_text(write, 1, mark->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(write, 2, (sqlite3_int64)mark->incarnation);
    sqlite3_bind_int64(write, 3, (sqlite3_int64)mark->commit_sequence);
    return statement_run(write);
}

static int
read_mark(struct sqlite_store *store, struct store_peer_mark *mark)
{
    sqlite3_stmt *read = store->statements.read_mark;
    sqlite3_bind_text(read, 1, mark->name, -1, SQLITE_STATIC);
    int rc = sqlite3_step(read);
    if (rc == SQLITE_ROW) {
        mark->incarnation = (uint64_t)sqlite3_column_int64(read, 0);
        mark->commit_sequence = (uint64_t)sqlite3_column_int64(read, 1);
    }
    sqlite3_reset(read);
    return rc;
}

void
writer_answer_call(struct sqlite_store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct mark_call *call = store->call;
    store->call = NULL;
    pthread_mutex_unlock(&store->mutex);
    if (!call)
        return;
    int rc = SQLITE_MISUSE, result = 0;
    if (!atomic_load(&store->failed))
        rc = call->write ? write_mark(store, &call->mark) : read_mark(store, &call->mark);
    if (rc == SQLITE_ROW)
        result = 1;
    else if (rc == SQLITE_MISUSE)
        result = error_set(&call->error, 0, FEP_E_STORE_FAILED, "the store takes nothing more");
    else if (rc != SQLITE_OK && rc != SQLITE_DONE)
        result = error_set(&call->error, 0, FEP_E_STORE_WRITE, "%s: the peer's mark: %s", store->queue_file,
                           sqlite3_errmsg(store->db));
    pthread_mutex_lock(&store->mutex);
    call->result = result;
    call->done = 1;
    pthread_cond_signal(&store->call_done);
    pthread_mutex_unlock(&store->mutex);
}

static int
remember_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    atomic_store(&((struct sqlite_store *)arg)->log_frames, frames);
    return SQLITE_OK;
}

/* Keeps the log short. Most of it is copied back in the background; the little that came meanwhile is copied
 * here, so that the next commit finds all of it copied and begins the log from its start. A reader may hold a
 * part back: then not at every commit anew. */
static void
checkpoint(struct sqlite_store *store)
{
    int length = atomic_load(&store->log_frames), left = 0, copied = 0;
    if (store->checkpointing) {
        if (background_poll(&store->background, JOB_CHECKPOINT) != JOB_DONE)
            return;
        store->checkpointing = 0;
        int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &left, &copied);
        store->checkpoint_at = (rc == SQLITE_OK && left == copied ? 0 : length) + CHECKPOINT_FRAMES;
    } else if (length >= store->checkpoint_at) {
        store->checkpointing = 1;
        background_ask(&store->background, JOB_CHECKPOINT);
    }
}

/* A stay in hospital may last for months; its visit is needed until it is settled. */
static int
drop_old_visits(struct sqlite_store *store, uint32_t reference)
{
    char sql[64];
    if (reference < 20000)
        return SQLITE_OK;
    snprintf(sql, sizeof sql, "DELETE FROM visit WHERE day < %u",
             (unsigned)(reference - VISIT_YEARS * 10000));
    return database_run(store->db, sql);
}

static void
drop_old_keys(struct sqlite_store *store)
{
    unsigned dropped = 0;
    uint32_t today = clock_date(clock_wall_ms(&clock_system));
    if (today == store->housekeeping_day)
        return;
    store->housekeeping_day = today;
    uint32_t reference = key_tables_reference_day(&store->keys, today);
    int rc = key_tables_drop_old(&store->keys, reference, store->horizon_days, &dropped);
    if (rc == SQLITE_OK)
        rc = drop_old_visits(store, reference);
    if (rc != SQLITE_OK)
        log_line(LOG_EVENT_STORE_REFUSED, LOG_SEV_ERROR, LOG_T("file", store->queue_file),
                 LOG_N("code", FEP_E_STORE_WRITE), LOG_S(sqlite3_errmsg(store->db)));
}

static void
keep_house(struct sqlite_store *store, int64_t now_ms)
{
    struct mail_list mails = {0};
    if (now_ms < store->housekeeping_at_ms)
        return;
    store->housekeeping_at_ms = now_ms + LOOK_MS;
    drop_old_keys(store);
    if (!room_look(&store->room, now_ms))
        return;
    struct mail *mail = mail_append(&mails, STORE_ROOM, 0);
    if (mail)
        mail->event.found = (uint8_t)atomic_load(&store->room.has);
    mailbox_post(&store->base.mailbox, &mails);
}

/* Moves the inbox behind what is already here. Sleeps if there is nothing, until something comes or
 * `until_ms`. Returns whether the store is being closed. */
static int
take_inbox(struct sqlite_store *store, struct item_list *items, int64_t until_ms)
{
    pthread_mutex_lock(&store->mutex);
    while (!items->first && !store->inbox.first && !store->call && !store->stopping && !store->writer_poked &&
           writer_now_ms() < until_ms) {
        struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
        store->writer_sleeps = 1;
        pthread_cond_timedwait(&store->wake, &store->mutex, &until);
        store->writer_sleeps = 0;
    }
    if (store->inbox.first) {
        if (items->last)
            items->last->next = store->inbox.first;
        else
            items->first = store->inbox.first;
        items->last = store->inbox.last;
        store->inbox = (struct item_list){0};
    }
    int stopping = store->stopping;
    store->writer_poked = 0;
    pthread_mutex_unlock(&store->mutex);
    return stopping;
}

static void
drop_first(struct item_list *items, size_t count)
{
    while (count-- > 0) {
        struct item *item = items->first;
        items->first = item->next;
        free(item->prompt);
        proposals_drop(item->proposal);
        free(item);
    }
    if (!items->first)
        items->last = NULL;
}

/* As many writes as one transaction should hold. */
static size_t
size_batch(const struct sqlite_store *store, const struct item_list *items)
{
    size_t count = 0;
    uint64_t bytes = 0;
    for (const struct item *item = items->first; item && item->type == ITEM_WRITE; item = item->next) {
        bytes += item->write.body.size + item->write.answer.size + SMALL_ITEM_BYTES;
        if (count > 0 && bytes > store->batch_bytes)
            break;
        count++;
    }
    return count;
}

static size_t
count_prompts(const struct item_list *items)
{
    size_t count = 0;
    for (const struct item *item = items->first;
         item && count < MOST_PROMPTS && (item->type == ITEM_PROMPT_PUT || item->type == ITEM_PROMPT_CLOSE);
         item = item->next)
        count++;
    return count;
}

/* The first thing, or the first batch. Negative: the store has failed. */
static int
serve(struct sqlite_store *store, struct item_list *items)
{
    struct item *first = items->first;
    size_t count = 1;
    int rc = 0;
    switch (first->type) {
    case ITEM_WRITE:
        count = size_batch(store, items);
        rc = batch_commit(store, first, count);
        break;
    case ITEM_FIND:
    case ITEM_FIND_VISIT:
        rc = lookup_answer(store, first);
        if (rc < 0)
            batch_fail(store, -rc, sqlite3_errmsg(store->db));
        break;
    case ITEM_PROMPT_PUT:
    case ITEM_PROMPT_CLOSE:
        count = count_prompts(items);
        rc = prompts_commit(store, first, count);
        break;
    case ITEM_PROPOSAL:
        rc = proposals_commit(store, first);
        break;
    }
    drop_first(items, count);
    return rc;
}

/* After a failure nothing is done any more; bodies are given back. */
static void
turn_away(struct item_list *items)
{
    for (struct item *item = items->first; item; item = item->next) {
        slice_release(&item->write.body);
        slice_release(&item->write.answer);
    }
    free_items(items);
}

static int64_t
sleep_until(const struct sqlite_store *store, int64_t idle_since_ms)
{
    int64_t until = store->housekeeping_at_ms, mover = idle_since_ms + MOVE_IDLE_MS;
    if (store->mover.waiting == 0 || store->mover.committing)
        return until; /* the background wakes the writer when it is done */
    if (!store->mover.committed && !store->room.ballast_held)
        return until; /* nothing moves before the reserve is back: the next look will tell */
    if (store->mover.not_before_ms > mover)
        mover = store->mover.not_before_ms;
    return mover < until ? mover : until;
}

static void *
run_writer(void *arg)
{
    struct sqlite_store *store = arg;
    struct item_list items = {0};
    int64_t idle_since = writer_now_ms();
    for (;;) {
        int stopping = take_inbox(store, &items, sleep_until(store, idle_since));
        int64_t now = writer_now_ms();
        writer_answer_call(store);
        if (atomic_load(&store->failed)) {
            turn_away(&items);
            store->mover.waiting = 0;
            store->housekeeping_at_ms = now + LOOK_MS;
            if (stopping)
                return NULL;
            continue;
        }
        int busy = items.first != NULL;
        if (!busy && stopping)
            return NULL;
        if (busy) {
            if (serve(store, &items) < 0)
                continue;
            idle_since = now = writer_now_ms();
        }
        keep_house(store, now);
        if (mover_is_due(store, busy ? 0 : now - idle_since, now)) {
            if (store->mover.committed)
                (void)batch_commit(store, NULL, 0); /* it says by itself if it fails */
            else
                mover_put(store, now);
        }
        checkpoint(store);
    }
}

static void
poke_writer(void *arg)
{
    struct sqlite_store *store = arg;
    pthread_mutex_lock(&store->mutex);
    store->writer_poked = 1;
    int wake = store->writer_sleeps;
    pthread_mutex_unlock(&store->mutex);
    if (wake)
        pthread_cond_signal(&store->wake);
}

int
writer_start(struct sqlite_store *store, struct fep_error *error)
{
    store->background.journals = &store->journals;
    store->background.log_frames = &store->log_frames;
    store->background.poke = poke_writer;
    store->background.poke_arg = store;
    if (background_start(&store->background, store->queue_file, error) < 0)
        return -1;
    store->checkpoint_at = CHECKPOINT_FRAMES;
    store->housekeeping_at_ms = writer_now_ms();
    sqlite3_wal_hook(store->db, remember_frames, store);
    if (pthread_create(&store->thread, NULL, run_writer, store) != 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot start the store's writer thread");
    store->thread_started = 1;
    return 0;
}

void
writer_stop(struct sqlite_store *store)
{
    if (!store->thread_started) {
        background_stop(&store->background);
        return;
    }
    pthread_mutex_lock(&store->mutex);
    store->stopping = 1;
    pthread_mutex_unlock(&store->mutex);
    pthread_cond_signal(&store->wake);
    pthread_join(store->thread, NULL);
    background_stop(&store->background);
    store->thread_started = 0;
}
