/* A gateway's disk with the real store on it (--store sqlite): its threads run as coroutines under virtual
 * time (coop.c), its files are in memory and lose what was not synced (memfs.c). What the store has reported
 * stands in disk->rows too; after a power cut the store must show exactly that and the first of the writes
 * that were under way, or the store has broken its promise. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <sqlite3.h>

#include "coop.h"
#include "log.h"
#include "memfs.h"
#include "sim.h"
#include "store.h"

enum { TURN_MS = 60, LOOK_MS = 1000, EVENTS = 32, BALLAST_BYTES = 256 << 10, CUT_LATEST = 40 };

static bool full[SIM_GATES]; /* the disks, as statvfs and the ballast see them */
static struct memfs_image
    *newborn[SIM_GATES]; /* a store that was just made: making it takes longer than a copy */

static uint64_t newborn_incarnation[SIM_GATES];

static char schema[512];

int
real_prepare(const char *directory, const char *schema_directory)
{
    snprintf(schema, sizeof schema, "%s", schema_directory);
    (void)log_open("sim", "-", "/nonexistent/log"); /* the store's lines go nowhere */
    return memfs_install(directory);
}

void
real_finish(void)
{
    for (int gate = 0; gate < SIM_GATES; gate++) {
        memfs_image_release(newborn[gate]);
        newborn[gate] = NULL;
    }
}

int __wrap_statvfs64(const char *path, struct statvfs *status);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size);
int __real_posix_fallocate64(int fd, off_t offset, off_t size);

int
__wrap_statvfs64(const char *path, struct statvfs *status)
{
    (void)path;
    *status = (struct statvfs){.f_frsize = 4096, .f_bavail = full[coop_group()] ? 0 : 1 << 20};
    return 0;
}

int
__wrap_posix_fallocate64(int fd, off_t offset, off_t size)
{
    return full[coop_group()] ? ENOSPC : __real_posix_fallocate64(fd, offset, size);
}

static void
enter(struct sim *sim, uint8_t number)
{
    coop_enter(number, sim->now_ms + 1000000, gate_wall_ms(sim, number));
}

static struct store *
open_store(const struct gate *gate, uint8_t number, struct fep_error *error)
{
    struct store_config config = {.directory = memfs_directory(number),
                                  .schema_directory = schema,
                                  .ballast_bytes = BALLAST_BYTES,
                                  .min_free_bytes = 1,
                                  .node = gate->name};
    return store_open(&config, error);
}

void
real_create(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct fep_error error = {0};
    coop_reset(number);
    if (newborn[number] == NULL) {
        coop_seed(number);
        enter(sim, number);
        struct store *store = open_store(gate, number, &error);
        if (store == NULL) {
            fprintf(stderr, "%s\n", error.text);
            exit(100);
        }
        struct store_identity identity;
        store_read_identity(store, &identity);
        newborn_incarnation[number] = identity.incarnation;
        store_close(store);
        newborn[number] = memfs_copy(number);
    }
    memfs_put(number, newborn[number]);
    gate->config.incarnation = newborn_incarnation[number];
    full[number] = false;
    coop_seed(sim->settings->seed);
}

void
real_destroy(struct gate *gate)
{
    if (gate->store == NULL)
        return;
    coop_enter((unsigned)(gate->name[1] - '0'), 0, 0);
    store_close(gate->store);
    gate->store = NULL;
}

/* --- after a power cut --- */

struct seen { /* what the opened store shows of one place */
    bool used, open;
    struct exchange_record record;
    struct slice body, answer;
};
struct look {
    struct sim *sim;
    uint8_t number;
    struct seen *places; /* [SIM_UPDATES * 2] */
    uint16_t order[SIM_UPDATES * 2];
    size_t open_count;
};

static size_t
place_of(const struct disk *disk, const struct exchange_record *record)
{
    const struct row *row = disk_row(disk, &record->header.key, record->role);
    if (row == NULL)
        abort();
    return (size_t)(row - disk->rows);
}

static int
take_open(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    struct look *look = arg;
    size_t place = place_of(&look->sim->gates[look->number].disk, record);
    struct seen *seen = &look->places[place];
    seen->used = seen->open = true;
    seen->record = *record;
    seen->body = slice_share(body);
    seen->answer = slice_share(answer);
    look->order[look->open_count++] = (uint16_t)place;
    return 0;
}

static void
take_found(struct look *look, const struct store_event *event)
{
    struct seen *seen = &look->places[event->reference];
    if (!event->found)
        return;
    seen->used = true;
    seen->record = event->record;
    seen->body = event->body;
    seen->answer = event->answer;
}

/* Closed ones: asked for one by one, where there may be one. */
static void
look_for_closed(struct look *look)
{
    struct gate *gate = &look->sim->gates[look->number];
    const struct disk *disk = &gate->disk;
    struct store_event events[EVENTS];
    bool asked[SIM_UPDATES * 2] = {false};
    for (size_t i = 0; i < SIM_UPDATES * 2; i++)
        asked[i] = disk->rows[i].used && !look->places[i].used;
    for (size_t i = 0; i < disk->pending_count; i++)
        if (disk->pending[i].type != CMD_STORE_SERIALS) {
            size_t place = place_of(disk, &disk->pending[i].record);
            asked[place] |= !look->places[place].used;
        }
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        struct message_key key = {.origin = ""};
        if (!asked[i])
            continue;
        if (disk->rows[i].used) {
            key = disk->rows[i].record.header.key;
        } else {
            for (size_t p = 0; p < disk->pending_count; p++)
                if (disk->pending[p].type != CMD_STORE_SERIALS &&
                    place_of(disk, &disk->pending[p].record) == i)
                    key = disk->pending[p].record.header.key;
        }
        (void)store_find(gate->store, &key, i % 2 == 0 ? ROLE_ORIGIN : ROLE_TRANSIT, i);
    }
    coop_run();
    for (size_t count; (count = store_take_events(gate->store, events, EVENTS)) > 0;)
        for (size_t i = 0; i < count; i++)
            if (events[i].type == STORE_FOUND)
                take_found(look, &events[i]);
}

static bool
is_same(const struct exchange_record *a, const struct exchange_record *b)
{
    return a->role == b->role && a->state == b->state && a->attempt == b->attempt &&
           a->tombstone == b->tombstone && a->header.day == b->header.day && a->hops_left == b->hops_left &&
           a->kind == b->kind && a->effect == b->effect && a->code == b->code &&
           a->refusal_class == b->refusal_class && a->reversal_cause == b->reversal_cause &&
           a->reversal_attempt == b->reversal_attempt && a->reversal_relayed == b->reversal_relayed &&
           a->cure == b->cure && a->outcome_relayed == b->outcome_relayed &&
           a->local.serial == b->local.serial && a->cancel.serial == b->cancel.serial &&
           strcmp(a->previous, b->previous) == 0 && strcmp(a->target, b->target) == 0 &&
           strcmp(a->index.settlement_id, b->index.settlement_id) == 0 &&
           a->index.fund_fen == b->index.fund_fen && memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}

static bool
same_bytes(const struct slice *a, const struct slice *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool
row_fits(const struct row *row, const struct seen *seen)
{
    if (!row->used || !seen->used)
        return row->used == seen->used;
    return is_same(&row->record, &seen->record) && row->closed != seen->open &&
           same_bytes(&row->body, &seen->body) && same_bytes(&row->answer, &seen->answer);
}

/* The first of the writes under way are taken for done until the store's rows fit; with a full disk any of
 * them may have been refused, so then each place is looked at by itself. */
static void
judge(struct sim *sim, uint8_t number, const struct look *look, uint64_t serial_counter)
{
    struct disk *disk = &sim->gates[number].disk;
    bool fits[SIM_UPDATES * 2];
    size_t wrong = 0, worst = 0;
    for (size_t i = 0; i < SIM_UPDATES * 2; i++)
        wrong += !(fits[i] = row_fits(&disk->rows[i], &look->places[i]));
    bool serials = serial_counter == disk->serial_counter;
    for (size_t i = 0; i < disk->pending_count && (wrong > 0 || !serials); i++) {
        const struct pending *write = &disk->pending[i];
        if (write->type == CMD_STORE_SERIALS) {
            if (disk->was_full && serials)
                continue;
            disk->serial_counter = write->number;
            serials = serial_counter == write->number;
            continue;
        }
        size_t place = place_of(disk, &write->record);
        if (disk->was_full && fits[place])
            continue;
        (void)disk_carry_out(disk, write);
        bool now = row_fits(&disk->rows[place], &look->places[place]);
        wrong = wrong + fits[place] - now;
        fits[place] = now;
    }
    while (worst < SIM_UPDATES * 2 && fits[worst])
        worst++;
    if (wrong > 0 && look->places[worst].used != disk->rows[worst].used)
        sim_broken(sim, "store (a row is gone, or was never written)", sim->gates[number].name,
                   (int64_t)worst);
    else if (wrong > 0)
        sim_broken(sim, "store (a row is not as it was written)", sim->gates[number].name, (int64_t)worst);
    else if (!serials)
        sim_broken(sim, "store (serials)", sim->gates[number].name, (int64_t)serial_counter);
    disk_forget_pending(disk);
}

static void
hand_over(struct sim *sim, uint8_t number, struct look *look)
{
    for (size_t i = 0; i < look->open_count; i++) {
        const struct seen *seen = &look->places[look->order[i]];
        struct core_event event = {.type = EVENT_RESTORED,
                                   .found = &seen->record,
                                   .found_body = seen->body,
                                   .found_answer = seen->answer};
        gate_step(sim, number, &event);
    }
}

/* The store of a gateway that starts. False: it does not open, for want of room; again later. */
bool
real_open(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct fep_error error = {0};
    struct store_identity identity;
    enter(sim, number);
    gate->store = open_store(gate, number, &error);
    if (gate->store != NULL) {
        store_read_identity(gate->store, &identity);
        gate->config.serial_counter = identity.serial_counter;
        gate->config.incarnation = identity.incarnation;
        gate->disk.opened_serials = identity.serial_counter;
        return true;
    }
    if (!gate->disk.full)
        sim_broken(sim, "store (does not open)", error.text, number);
    return false;
}

void
real_restore(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct look *look = calloc(1, sizeof *look);
    struct fep_error error = {0};
    uint64_t quarantined = 0;
    if (look == NULL || (look->places = calloc(SIM_UPDATES * 2, sizeof *look->places)) == NULL)
        abort();
    look->sim = sim;
    look->number = number;
    enter(sim, number);
    if (store_recover(gate->store, take_open, look, &quarantined, &error) != 0 || quarantined != 0)
        sim_broken(sim, "store (does not recover)", error.text, (int64_t)quarantined);
    look_for_closed(look);
    judge(sim, number, look, gate->disk.opened_serials);
    gate->disk.was_full = gate->disk.full;
    hand_over(sim, number, look);
    for (size_t i = 0; i < SIM_UPDATES * 2; i++) {
        slice_release(&look->places[i].body);
        slice_release(&look->places[i].answer);
    }
    free(look->places);
    free(look);
}

/* --- a turn of the store --- */

static void
plan_turn(struct sim *sim, uint8_t number, int64_t after_ms)
{
    struct gate *gate = &sim->gates[number];
    if (gate->turn_at_ms > sim->now_ms && gate->turn_at_ms <= sim->now_ms + after_ms)
        return;
    gate->turn_at_ms = sim->now_ms + after_ms;
    sim_plan(sim, HAPPEN_COMMIT, number, after_ms)->life = gate->life;
    sim_planned(sim);
}

static void
submit(struct gate *gate)
{
    struct disk *disk = &gate->disk;
    for (; disk->submitted < disk->pending_count; disk->submitted++) {
        const struct pending *pending = &disk->pending[disk->submitted];
        struct store_write write = {.type = pending->type == CMD_STORE_INSERT   ? STORE_INSERT
                                            : pending->type == CMD_STORE_UPDATE ? STORE_UPDATE
                                            : pending->type == CMD_STORE_CLOSE  ? STORE_CLOSE
                                                                                : STORE_SERIALS,
                                    .sequence = pending->sequence,
                                    .record = pending->record,
                                    .number = pending->number};
        if (write.type == STORE_INSERT)
            write.body = slice_share(pending->body);
        if (write.type == STORE_INSERT || write.type == STORE_UPDATE)
            write.answer = slice_share(pending->answer);
        if (store_submit(gate->store, &write, 1) != 0)
            return;
    }
}

static struct pending *
pending_of(struct disk *disk, uint64_t sequence)
{
    for (size_t i = 0; i < disk->pending_count; i++)
        if (disk->pending[i].sequence == sequence)
            return &disk->pending[i];
    return NULL;
}

/* What is reported stands in the rows before the core hears of it. */
static void
carry_out_up_to(struct sim *sim, uint8_t number, uint64_t sequence)
{
    struct disk *disk = &sim->gates[number].disk;
    size_t count = 0;
    while (count < disk->pending_count && disk->pending[count].sequence <= sequence) {
        struct pending *write = &disk->pending[count++];
        if (!write->refused && disk_carry_out(disk, write) == EVENT_STORE_CONFLICT)
            sim_broken(sim, "store (took a key that was used)", write->record.header.key.msgid, number);
        else if (!write->refused && (write->type == CMD_STORE_INSERT || write->type == CMD_STORE_UPDATE))
            check_ending(sim, &write->record);
        slice_release(&write->body);
        slice_release(&write->answer);
    }
    memmove(disk->pending, disk->pending + count, (disk->pending_count - count) * sizeof *disk->pending);
    disk->pending_count -= count;
    disk->submitted -= count;
}

static void
tell_core(struct sim *sim, uint8_t number, struct store_event *from)
{
    struct gate *gate = &sim->gates[number];
    struct core_event event = {.sequence = from->sequence, .reference = from->reference};
    struct pending *write = pending_of(&gate->disk, from->sequence);
    switch (from->type) {
    case STORE_COMMITTED:
        carry_out_up_to(sim, number, from->sequence);
        event.type = EVENT_COMMITTED;
        break;
    case STORE_REFUSED:
    case STORE_CONFLICT:
        if (write != NULL)
            write->refused = true;
        event.type = from->type == STORE_REFUSED ? EVENT_STORE_REFUSED : EVENT_STORE_CONFLICT;
        event.found = from->type == STORE_CONFLICT ? &from->record : NULL;
        break;
    case STORE_FOUND:
        event.type = EVENT_FOUND;
        event.flag = from->error.code != 0;
        event.found = from->found ? &from->record : NULL;
        break;
    case STORE_ROOM:
        event.type = EVENT_DISK;
        event.flag = from->found;
        break;
    default:
        sim_broken(sim, "store (has failed)", from->error.text, number);
        return;
    }
    event.found_body = from->body;
    event.found_answer = from->answer;
    gate_step(sim, number, &event);
}

void
real_turn(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    struct store_event events[EVENTS];
    bool busy = gate->disk.pending_count > 0;
    enter(sim, number);
    submit(gate);
    coop_run();
    for (size_t count; gate->store != NULL && (count = store_take_events(gate->store, events, EVENTS)) > 0;)
        for (size_t i = 0; i < count; i++) {
            busy = true;
            tell_core(sim, number, &events[i]);
            slice_release(&events[i].body);
            slice_release(&events[i].answer);
        }
    if (gate->store == NULL)
        return;
    if (gate->disk.pending_count > gate->disk.submitted)
        plan_turn(sim, number, 1 + sim_roll(sim, DICE_WORLD, 40));
    else if (store_pending(gate->store) > 0)
        plan_turn(sim, number, 200);
    else if (busy)
        plan_turn(sim, number, TURN_MS + sim_roll(sim, DICE_WORLD, 2000)); /* time to move what is closed */
    else if (gate->disk.full || !store_has_room(gate->store))
        plan_turn(sim, number, LOOK_MS);
}

void
real_find(struct sim *sim, uint8_t number, const struct core_command *command)
{
    struct gate *gate = &sim->gates[number];
    enum exchange_role role = (enum exchange_role)command->number;
    enter(sim, number);
    if (command->header.key.msgid[0] != '\0')
        (void)store_find(gate->store, &command->header.key, role, command->reference);
    else
        (void)store_find_settlement(gate->store, role, command->header.infno, command->index.settlement_id,
                                    command->reference);
    plan_turn(sim, number, 0);
}

/* --- the power cut, and the full disk --- */

static unsigned
roll(void *arg, unsigned limit)
{
    return sim_roll(arg, FAULT_KILL_GATE, limit);
}

void
real_crash(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    uint64_t torn = 0;
    if (gate->store == NULL)
        return;
    enter(sim, number);
    memfs_arm(number, sim_roll(sim, FAULT_KILL_GATE, CUT_LATEST), roll, sim);
    submit(gate);
    if (sim_roll(sim, FAULT_KILL_GATE, 2) == 0)
        coop_pass(TURN_MS); /* in the middle of moving */
    store_close(gate->store);
    gate->store = NULL;
    struct memfs_image *image = memfs_take_image(number, &torn);
    memfs_put(number, image);
    memfs_image_release(image);
    sim->tally->torn += torn;
    real_disk_full(sim, number, gate->disk.full);
}

void
real_disk_full(struct sim *sim, uint8_t number, bool is_full)
{
    struct disk *disk = &sim->gates[number].disk;
    memfs_limit(number, is_full ? 0 : -1, BALLAST_BYTES);
    full[number] = disk->full = is_full;
    disk->was_full |= is_full;
    if (sim->gates[number].alive)
        plan_turn(sim, number, LOOK_MS);
}

/* --- a backup, and putting it back --- */

void
real_take_backup(struct sim *sim, uint8_t number)
{
    memfs_image_release(sim->backup.image);
    sim->backup.image = memfs_copy(number);
}

void
real_forget_backup(struct sim *sim)
{
    memfs_image_release(sim->backup.image);
    sim->backup.image = NULL;
}

/* What restoring a store writes into it (gateway/store/restore.c works on real directories). */
static int
write_identity(const char *path, uint64_t incarnation, uint64_t serial_counter)
{
    char sql[320];
    sqlite3 *db = NULL;
    snprintf(
        sql, sizeof sql,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; INSERT OR REPLACE INTO meta(name,number)"
        " VALUES('incarnation',%" PRIu64 "),('serial_counter',%" PRIu64 ")",
        incarnation, serial_counter);
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    int closed = sqlite3_close(db);
    return rc != SQLITE_OK ? rc : closed;
}

void
real_put_back(struct sim *sim, uint8_t number)
{
    struct gate *gate = &sim->gates[number];
    char path[MEMFS_PATH];
    disk_forget_pending(&gate->disk); /* of the store that is put aside */
    enter(sim, number);
    memfs_limit(number, -1, BALLAST_BYTES);
    memfs_put(number, sim->backup.image);
    snprintf(path, sizeof path, "%s/queue.db", memfs_directory(number));
    int rc = write_identity(path, gate->config.incarnation, gate->disk.serial_counter);
    if (rc != SQLITE_OK)
        sim_broken(sim, "store (a backup can not be put back)", sqlite3_errstr(rc), number);
    real_disk_full(sim, number, gate->disk.full);
    gate->disk.was_full = gate->disk.full;
}
