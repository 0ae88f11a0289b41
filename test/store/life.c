/* See life.h. The script knows each exchange's versions, so that whatever is found can be told: this one, an
 * earlier one, or none that ever was. */
#include "life.h"

#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "life_record.h"
#include "shim_vfs.h"

#define PATIENCE_MS 20000
#define MOST_BATCH  6

void
life_init(struct life *life, const char *directory, const char *base, uint64_t seed)
{
    const char *source = getenv("FEP_SOURCE");
    memset(life, 0, sizeof *life);
    snprintf(life->directory, sizeof life->directory, "%s", directory);
    snprintf(life->schema, sizeof life->schema, "%s/schema", source ? source : ".");
    snprintf(life->key_file, sizeof life->key_file, "%s/store.key", base ? base : "");
    life->config = (struct store_config){.directory = life->directory,
                                         .schema_directory = life->schema,
                                         .key_file = base ? life->key_file : NULL,
                                         .ballast_bytes = 4096,
                                         .min_free_bytes = 4096,
                                         .node = "450000000001"};
    life->dice.state = seed;
    life->serials = 1;
}

int
life_open(struct life *life)
{
    life->failed = 0;
    life->error = (struct fep_error){0};
    life->store = store_open(&life->config, &life->error);
    return life->store ? 0 : -1;
}

void
life_close(struct life *life)
{
    store_close(life->store);
    life->store = NULL;
}

/* --- what the store reports */

static struct life_op *
op_of(struct life *life, uint64_t sequence)
{
    for (size_t i = life->count; i-- > 0;)
        if (life->ops[i].sequence == sequence)
            return &life->ops[i];
    return NULL;
}

static void
say_wrong(struct life *life, const char *what, uint64_t sequence)
{
    if (life->wrong[0] == '\0')
        snprintf(life->wrong, sizeof life->wrong, "%s (write %llu)", what, (unsigned long long)sequence);
}

static void
take_event(struct life *life, const struct store_event *event)
{
    size_t now = shim_position();
    struct life_op *op = event->sequence ? op_of(life, event->sequence) : NULL;
    switch (event->type) {
    case STORE_COMMITTED:
        for (size_t i = 0; i < life->count; i++)
            if (life->ops[i].sequence <= event->sequence && life->ops[i].reported == LIFE_NEVER)
                life->ops[i].reported = now;
        break;
    case STORE_REFUSED:
        if (!life->faulty)
            say_wrong(life, "a write was refused", event->sequence);
        if (op) {
            op->refused = 1;
            op->reported = now;
            life->exchanges[op->n].dead = 1;
        }
        break;
    case STORE_CONFLICT:
        if (!op || op->kind != LIFE_AGAIN)
            say_wrong(life, "a new key was called a conflict", event->sequence);
        break;
    case STORE_FAILED:
        life->failed = 1;
        life->error = event->error;
        if (event->error.code == 0 || event->error.text[0] == '\0')
            say_wrong(life, "the store failed without a reason", 0);
        break;
    case STORE_PROMPT:
        if (event->found && event->reference < LIFE_PROMPTS)
            life->prompts[event->reference].reported = now;
        break;
    case STORE_FOUND:
    case STORE_ROOM:
    case STORE_LISTED:
    case STORE_PROPOSAL:
        break;
    }
}

static int
prompts_pending(const struct life *life)
{
    for (unsigned i = 0; i < life->prompt_count; i++)
        if (life->prompts[i].reported == LIFE_NEVER && !life->faulty)
            return 1;
    return 0;
}

static void
take_events(struct life *life, int timeout_ms)
{
    struct pollfd descriptor = {.fd = store_descriptor(life->store), .events = POLLIN};
    struct store_event events[16];
    size_t taken;
    if (poll(&descriptor, 1, timeout_ms) != 1) {
        if (timeout_ms > 0)
            say_wrong(life, "the store did not report in time", life->sequence);
        return;
    }
    do {
        taken = store_take_events(life->store, events, 16);
        for (size_t i = 0; i < taken; i++) {
            take_event(life, &events[i]);
            slice_release(&events[i].body);
            slice_release(&events[i].answer);
        }
    } while (taken == 16);
}

static void
settle(struct life *life)
{
    while (!life->failed && life->wrong[0] == '\0' &&
           (store_pending(life->store) > 0 || prompts_pending(life)))
        take_events(life, PATIENCE_MS);
}

/* --- the script */

static void
submit(struct life *life, enum life_kind kind, unsigned n, uint32_t version)
{
    static const enum store_write_type types[] = {0,           STORE_INSERT,  STORE_UPDATE,
                                                  STORE_CLOSE, STORE_SERIALS, STORE_INSERT};
    struct store_write write = {.type = types[kind], .sequence = ++life->sequence};
    if (kind == LIFE_SERIALS)
        write.number = version;
    else
        life_make_record(&write.record, n, version);
    if (kind == LIFE_INSERT || kind == LIFE_AGAIN)
        write.body = life_make_body(n);
    if (kind == LIFE_UPDATE && life_answer_version(version) == version)
        write.answer = life_make_answer(n, version);
    life->ops[life->count++] = (struct life_op){.kind = kind,
                                                .n = n,
                                                .version = version,
                                                .sequence = write.sequence,
                                                .submitted = shim_position(),
                                                .reported = LIFE_NEVER};
    if (store_submit(life->store, &write, 1) < 0) {
        slice_release(&write.body);
        slice_release(&write.answer);
        life->count--;
        take_events(life, 0);
        if (!life->failed)
            say_wrong(life, "a write was turned away by a store that did not say it failed", write.sequence);
        life->failed = 1;
    }
}

static void
put_prompt(struct life *life)
{
    struct store_prompt prompt;
    if (life->prompt_count == LIFE_PROMPTS)
        return;
    unsigned line = life->prompt_count++;
    life_make_prompt(&prompt, line);
    life->prompts[line] = (struct life_note){.submitted = shim_position(), .reported = LIFE_NEVER};
    if (store_put_prompt(life->store, &prompt, line) < 0)
        life->prompt_count--;
}

static void
write_mark(struct life *life)
{
    struct store_peer_mark mark = {.name = "peer", .incarnation = 7, .commit_sequence = ++life->mark};
    struct fep_error error = {0};
    if (store_write_peer_mark(life->store, &mark, &error) == 0) {
        life->mark_reported = life->mark;
        life->mark_at = shim_position();
    } else if (!life->faulty) {
        say_wrong(life, "a peer's mark was refused", 0);
    }
}

/* A refused write changes what the ones behind it mean: with faults about, one at a time. */
static int
waits(const struct life *life, unsigned n)
{
    for (size_t i = life->count; life->faulty && i-- > 0;)
        if (life->ops[i].n == n && life->ops[i].kind != LIFE_SERIALS && life->ops[i].reported == LIFE_NEVER)
            return 1;
    return 0;
}

static void
step(struct life *life, unsigned exchanges)
{
    unsigned what = dice_below(&life->dice, 100),
             most = exchanges < LIFE_EXCHANGES ? exchanges : LIFE_EXCHANGES;
    unsigned n = life->exchange_count ? dice_below(&life->dice, life->exchange_count) : 0;
    struct life_exchange *exchange = &life->exchanges[n];
    if (what < 4) {
        submit(life, LIFE_SERIALS, 0, life->serials += 10);
    } else if (what < 6) {
        put_prompt(life);
    } else if (what < 8) {
        write_mark(life);
    } else if (life->exchange_count < most && (what < 40 || life->exchange_count < 3)) {
        n = life->exchange_count++;
        life->exchanges[n] = (struct life_exchange){.inserted = 1, .open = 1};
        submit(life, LIFE_INSERT, n, 0);
    } else if (life->exchange_count == 0 || exchange->dead || waits(life, n)) {
        return;
    } else if (exchange->open && what < 75) {
        submit(life, LIFE_UPDATE, n, ++exchange->version);
    } else if (exchange->open) {
        exchange->open = 0;
        submit(life, LIFE_CLOSE, n, exchange->version);
    } else if (what < 55) {
        exchange->open = 1;
        submit(life, LIFE_UPDATE, n, ++exchange->version);
    } else if (what < 60 && !life->faulty) {
        submit(life, LIFE_AGAIN, n, 0);
    }
}

void
life_play(struct life *life, unsigned rounds, unsigned exchanges)
{
    for (unsigned i = 0; i < rounds && !life->failed && life->wrong[0] == '\0'; i++) {
        unsigned batch = 1 + dice_below(&life->dice, MOST_BATCH);
        for (unsigned k = 0; k < batch && !life->failed && life->count < LIFE_OPS; k++)
            step(life, exchanges);
        if (dice_below(&life->dice, 4) != 0)
            settle(life);
        else
            take_events(life, 0);
    }
    settle(life);
}

static int
count_closed(const struct life *life)
{
    char path[600];
    sqlite3 *db = NULL;
    sqlite3_stmt *count = NULL;
    int number = -1;
    snprintf(path, sizeof path, "%s/queue.db", life->directory);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, "unix") == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT count(*) FROM closed", -1, &count, NULL) == SQLITE_OK &&
        sqlite3_step(count) == SQLITE_ROW)
        number = sqlite3_column_int(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(db);
    return number;
}

void
life_wait_moved(struct life *life, int patience_ms)
{
    struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < patience_ms / 2 && !life->failed; i++) {
        if (count_closed(life) == 0)
            return;
        nanosleep(&pause, NULL);
        take_events(life, 0);
    }
}

void
life_cut(struct life *life, size_t prefix)
{
    size_t kept = 0;
    memset(life->exchanges, 0, sizeof life->exchanges);
    life->exchange_count = 0;
    life->serials = 1;
    for (size_t i = 0; i < prefix; i++) {
        struct life_op op = life->ops[i];
        if (op.refused || op.kind == LIFE_AGAIN)
            continue;
        op.submitted = op.reported = 0;
        life->ops[kept++] = op;
        if (op.kind == LIFE_SERIALS) {
            life->serials = op.version;
            continue;
        }
        life->exchanges[op.n] =
            (struct life_exchange){.version = op.version, .inserted = 1, .open = op.kind != LIFE_CLOSE};
        if (op.n >= life->exchange_count)
            life->exchange_count = op.n + 1;
    }
    life->count = kept;
}
