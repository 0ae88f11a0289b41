/* Fills a store with one exchange in each of several states, for the tests of fepctl: store_records DIRECTORY
 * SCHEMA. msgids are M-STATE; closed ones lie in the journal when it ends. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "store.h"

struct sample {
    const char *msgid;
    enum exchange_role role;
    enum exchange_state state;
    enum fep_effect effect;
    uint16_t code;
    const char *text;
    enum reversal_cause reversal;
    int told, closed, tombstone;
};

static const struct sample samples[] = {
    {"M-QUEUED", ROLE_ORIGIN, STATE_QUEUED, 0, 0, "", 0, 0, 0, 0},
    {"M-SENT", ROLE_ORIGIN, STATE_SENT, 0, 0, "", 0, 0, 0, 0},
    {"M-RELAYED", ROLE_TRANSIT, STATE_RELAYED, 0, 0, "", 0, 0, 0, 0},
    {"M-DISPATCHED", ROLE_DESTINATION, STATE_DISPATCHED, 0, 0, "", 0, 0, 0, 0},
    {"M-UNKNOWN", ROLE_DESTINATION, STATE_UNKNOWN, 0, 2411, "", 0, 0, 0, 0},
    {"M-REVERSING", ROLE_ORIGIN, STATE_REVERSING, 0, 0, "", REVERSAL_DEADLINE, 0, 0, 0},
    {"M-BOTH", ROLE_ORIGIN, STATE_ANSWERED, FEP_EFFECT_POSTED, 0, "", 0, 1, 0, 0},
    {"M-BOTH", ROLE_DESTINATION, STATE_ANSWERED, FEP_EFFECT_POSTED, 0, "", 0, 1, 0, 0},
    {"M-ANSWERED", ROLE_ORIGIN, STATE_ANSWERED, FEP_EFFECT_POSTED, 0, "", 0, 1, 1, 0},
    {"M-REFUSED", ROLE_ORIGIN, STATE_REFUSED, 0, 2003, "suspended", 0, 1, 1, 0},
    {"M-BOUND", ROLE_ORIGIN, STATE_REFUSED, 0, 2210, "", 0, 0, 0, 0},
    {"M-REVERSED", ROLE_ORIGIN, STATE_REVERSED, 0, 2415, "", REVERSAL_CALLER, 1, 1, 0},
    {"M-STANDS", ROLE_ORIGIN, STATE_STANDS, FEP_EFFECT_POSTED, 2416, "", REVERSAL_DEADLINE, 1, 0, 0},
    {"M-TOMBSTONE", ROLE_TRANSIT, STATE_REFUSED, 0, 2312, "", REVERSAL_PEER, 1, 0, 1},
};

static void
fill_record(struct exchange_record *record, const struct sample *sample, int64_t wall_ms)
{
    *record = (struct exchange_record){.role = (uint8_t)sample->role,
                                       .state = (uint8_t)sample->state,
                                       .attempt = 1,
                                       .hops_left = 8,
                                       .effect = (uint8_t)sample->effect,
                                       .code = sample->code,
                                       .tombstone = (uint8_t)sample->tombstone,
                                       .reversal_cause = (uint8_t)sample->reversal,
                                       .reversal_attempt = sample->reversal != 0 ? 1 : 0,
                                       .outcome_relayed = (uint8_t)sample->told};
    struct message_header *header = &record->header;
    snprintf(header->key.origin, sizeof header->key.origin, "GW4501000001");
    snprintf(header->key.msgid, sizeof header->key.msgid, "%s", sample->msgid);
    snprintf(header->infno, sizeof header->infno, "2304");
    snprintf(header->treat_area, sizeof header->treat_area, "450100");
    snprintf(header->insured_area, sizeof header->insured_area, "450900");
    snprintf(header->institution, sizeof header->institution, "H45010000001");
    header->transaction_class = CLASS_UPDATE;
    header->day = clock_date(wall_ms);
    snprintf(record->previous, sizeof record->previous, "danxian");
    snprintf(record->target, sizeof record->target, "GW4500000001");
    snprintf(record->text, sizeof record->text, "%s", sample->text);
    record->index.size = sizeof record->index;
    memset(record->index.order_key, 0x5a, sizeof record->index.order_key);
    record->times.accepted = wall_ms;
    if (sample->state != STATE_QUEUED)
        record->times.sent = wall_ms + 7;
    if (exchange_state_is_ending(sample->state)) {
        record->times.outcome = wall_ms + 2500;
        record->times.told = sample->told ? wall_ms + 2510 : 0;
        record->kind = sample->state == STATE_ANSWERED ? FEP_ANSWERED : FEP_REFUSED;
    }
}

static int
wait_committed(struct store *store, uint64_t sequence)
{
    struct store_event events[16];
    for (;;) {
        struct pollfd ready = {.fd = store_descriptor(store), .events = POLLIN};
        if (poll(&ready, 1, 20000) <= 0)
            return -1;
        for (size_t i = 0, count = store_take_events(store, events, 16); i < count; i++) {
            if (events[i].type == STORE_COMMITTED && events[i].sequence >= sequence)
                return 0;
            if (events[i].type != STORE_COMMITTED && events[i].type != STORE_ROOM) {
                fprintf(stderr, "event %d: %s\n", (int)events[i].type, events[i].error.text);
                return -1;
            }
        }
    }
}

static int
write_sample(struct store *store, const struct sample *sample, uint64_t *sequence)
{
    struct store_write write = {.type = STORE_INSERT, .sequence = ++*sequence};
    fill_record(&write.record, sample, clock_wall_ms(&clock_system));
    write.body = slice_copy("{\"input\":{\"psn_name\":\"SECRET-NAME\"}}", 36);
    if (store_submit(store, &write, 1) != 0 || wait_committed(store, *sequence) != 0)
        return -1;
    if (!sample->closed)
        return 0;
    write.type = STORE_CLOSE;
    write.sequence = ++*sequence;
    write.body = SLICE_NONE;
    return store_submit(store, &write, 1) == 0 && wait_committed(store, *sequence) == 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
    struct fep_error error = {0};
    uint64_t sequence = 0;
    if (argc != 3) {
        fputs("usage: store_records DIRECTORY SCHEMA\n", stderr);
        return 100;
    }
    struct store_config config = {.directory = argv[1],
                                  .schema_directory = argv[2],
                                  .batch_bytes = 512 * 1024,
                                  .ballast_bytes = 1 << 20,
                                  .min_free_bytes = 1 << 20,
                                  .horizon_days = 45,
                                  .node = "GW4501000001"};
    struct store *store = store_open(&config, &error);
    if (store == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 111;
    }
    int status = 0;
    for (size_t i = 0; i < sizeof samples / sizeof *samples && status == 0; i++)
        status = write_sample(store, &samples[i], &sequence);
    store_close(store);
    return status == 0 ? 0 : 111;
}
