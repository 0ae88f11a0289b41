/* What the store costs: W exchanges in flight, each inserted with a body, updated with an answer of the same
 * size, and closed; every step waits for the commit before it. Prints exchanges per second, the time from
 * submission to COMMITTED, CPU per exchange, and how the files grew.
 *
 *   bench_store DIRECTORY [SECONDS=3] [KEY_FILE | -] [W,W,...] [SIZE,SIZE,...]
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "store.h"

#define MOST_IN_FLIGHT 1024
#define BODIES         64
#define SAMPLES        2000000

enum step { STEP_FREE, STEP_INSERTED, STEP_ANSWERED, STEP_CLOSED };
struct flight {
    enum step step;
    uint64_t sequence, submitted_ns;
    struct exchange_record record;
};
struct bench {
    struct store *store;
    struct flight flights[MOST_IN_FLIGHT];
    struct slice bodies[BODIES];
    size_t in_flight;
    uint64_t sequence, exchanges, done, committed;
    uint32_t *samples; /* ns / 16 */
    size_t sample_count;
};

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double
cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
name_exchange(struct bench *bench, struct exchange_record *record)
{
    uint64_t n = bench->exchanges++;
    *record =
        (struct exchange_record){.role = ROLE_TRANSIT, .state = STATE_SENT, .attempt = 1, .hops_left = 7};
    struct message_header *header = &record->header;
    strcpy(header->key.origin, "450100000001");
    snprintf(header->key.msgid, MSGID_SIZE, "H%011u20261122%06u%04u", (unsigned)(n * 2654435761u % 200),
             (unsigned)(n / 10000 % 1000000), (unsigned)(n % 10000));
    strcpy(header->infno, "2304");
    strcpy(header->treat_area, "450100");
    strcpy(header->insured_area, "450900");
    memcpy(header->institution, header->key.msgid, 12);
    header->day = 20261122;
    header->transaction_class = CLASS_UPDATE;
    memset(record->digest, (int)(n % 251) + 1, DIGEST_SIZE);
    strcpy(record->previous, "450100000001");
    strcpy(record->target, "450900000001");
    record->index.size = sizeof record->index;
    memset(record->index.order_key, (int)(n % 249) + 1, sizeof record->index.order_key);
    record->times.accepted = record->times.sent = 1795300000000 + (int64_t)n;
}

static void
answer_exchange(struct exchange_record *record)
{
    record->state = STATE_ANSWERED;
    record->kind = FEP_ANSWERED;
    record->effect = FEP_EFFECT_POSTED;
    strcpy(record->index.visit_id, "V4509002026112200001");
    strcpy(record->index.settlement_id, "S4509002026112200001");
    record->index.total_fen = 1400000;
    record->index.fund_fen = 980000;
    record->index.cash_fen = 420000;
    record->index.has_money = 1;
    record->times.relayed = record->times.outcome = record->times.sent + 40;
    record->outcome_relayed = 1;
}

/* The next step of one exchange, as a write. */
static void
advance(struct bench *bench, struct flight *flight, struct store_write *write)
{
    struct slice body = slice_share(bench->bodies[bench->sequence % BODIES]);
    *write = (struct store_write){.sequence = ++bench->sequence};
    switch (flight->step) {
    case STEP_FREE:
    case STEP_CLOSED:
        name_exchange(bench, &flight->record);
        flight->step = STEP_INSERTED;
        write->type = STORE_INSERT;
        write->body = body;
        body = SLICE_NONE;
        break;
    case STEP_INSERTED:
        answer_exchange(&flight->record);
        flight->step = STEP_ANSWERED;
        write->type = STORE_UPDATE;
        write->answer = body;
        body = SLICE_NONE;
        break;
    case STEP_ANSWERED:
        flight->step = STEP_CLOSED;
        write->type = STORE_CLOSE;
        break;
    }
    slice_release(&body);
    write->record = flight->record;
    flight->sequence = write->sequence;
    flight->submitted_ns = now_ns();
}

static void
submit_due(struct bench *bench, int start_new)
{
    static struct store_write writes[MOST_IN_FLIGHT];
    size_t count = 0;
    uint64_t now = now_ns();
    for (size_t i = 0; i < bench->in_flight; i++) {
        struct flight *flight = &bench->flights[i];
        if (flight->sequence > bench->committed)
            continue;
        if (flight->sequence != 0 && flight->step != STEP_FREE && bench->sample_count < SAMPLES)
            bench->samples[bench->sample_count++] = (uint32_t)((now - flight->submitted_ns) / 16);
        if (flight->step == STEP_CLOSED) {
            bench->done++;
            flight->step = STEP_FREE;
            flight->sequence = 0;
        }
        if (flight->step != STEP_FREE || start_new)
            advance(bench, flight, &writes[count++]);
    }
    if (store_submit(bench->store, writes, count) < 0)
        exit(2);
}

static void
take(struct bench *bench)
{
    static struct store_event events[64];
    struct pollfd descriptor = {.fd = store_descriptor(bench->store), .events = POLLIN};
    poll(&descriptor, 1, 1000);
    size_t count = store_take_events(bench->store, events, 64);
    for (size_t i = 0; i < count; i++) {
        if (events[i].type == STORE_COMMITTED) {
            bench->committed = events[i].sequence;
        } else if (events[i].type != STORE_ROOM) {
            fprintf(stderr, "event %d: %s\n", (int)events[i].type, events[i].error.text);
            exit(2);
        }
    }
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double
quantile_us(const struct bench *bench, double q)
{
    return bench->sample_count ? bench->samples[(size_t)(q * (double)(bench->sample_count - 1))] * 16.0 / 1000
                               : 0;
}

static void
remove_tree(const char *path)
{
    char inner[4096];
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR)
            remove_tree(inner);
        else
            unlink(inner);
    }
    closedir(folder);
    rmdir(path);
}

static void
make_bodies(struct bench *bench, size_t size)
{
    for (size_t i = 0; i < BODIES; i++) {
        struct buffer *buffer = buffer_create(size);
        if (!buffer)
            exit(2);
        for (size_t at = 0; at < size; at++)
            buffer_data(buffer)[at] = (unsigned char)(32 + (at * 31 + i * 17 + at / 7) % 95);
        bench->bodies[i] = slice_of(buffer);
    }
}

static void
run(const char *directory, const char *key_file, size_t in_flight, size_t size, double seconds)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct fep_error error;
    char store_directory[4096], queue_file[4200];
    struct stat queue = {0};
    snprintf(store_directory, sizeof store_directory, "%s/bench-store", directory);
    snprintf(queue_file, sizeof queue_file, "%s/queue.db-wal", store_directory);
    remove_tree(store_directory);
    struct store_config config = {.directory = store_directory,
                                  .schema_directory = getenv("FEP_SCHEMA"),
                                  .key_file = key_file,
                                  .node = "450000000001"};
    bench->samples = malloc(SAMPLES * sizeof *bench->samples);
    bench->store = store_open(&config, &error);
    if (!bench->store || !bench->samples) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    make_bodies(bench, size);
    bench->in_flight = in_flight;
    double cpu = cpu_seconds();
    uint64_t began = now_ns(), end = began + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        submit_due(bench, 1);
        take(bench);
    }
    double elapsed = (double)(now_ns() - began) / 1e9;
    cpu = cpu_seconds() - cpu;
    uint64_t done = bench->done ? bench->done : 1;
    struct store_identity identity;
    store_read_identity(bench->store, &identity);
    stat(queue_file, &queue);
    qsort(bench->samples, bench->sample_count, sizeof *bench->samples, compare);
    printf("%-7s %4zu in flight %6zu B: %7.0f exchanges/s  cpu %6.1f us  commit p50 %7.0f p99 %7.0f p99.9 "
           "%7.0f us  "
           "%5.1f exchanges/commit  wal %3.0f MiB\n",
           key_file ? "cipher" : "clear", in_flight, size, (double)bench->done / elapsed,
           cpu / (double)done * 1e6, quantile_us(bench, 0.5), quantile_us(bench, 0.99),
           quantile_us(bench, 0.999), (double)bench->done / (double)identity.commit_sequence,
           (double)queue.st_size / 1048576.0);
    fflush(stdout);
    while (store_pending(bench->store) > 0)
        take(bench);
    store_close(bench->store);
    for (size_t i = 0; i < BODIES; i++)
        slice_release(&bench->bodies[i]);
    remove_tree(store_directory);
    free(bench->samples);
    free(bench);
}

static size_t
parse_list(const char *text, size_t values[8])
{
    size_t count = 0;
    while (count < 8 && *text) {
        char *end;
        values[count++] = strtoul(text, &end, 10);
        text = *end ? end + 1 : end;
    }
    return count;
}

int
main(int argc, char **argv)
{
    size_t widths[8], sizes[8];
    if (argc < 2 || !getenv("FEP_SCHEMA")) {
        fprintf(stderr,
                "FEP_SCHEMA=schema bench_store DIRECTORY [SECONDS] [KEY_FILE | -] [W,...] [SIZE,...]\n");
        return 100;
    }
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    const char *key_file = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
    size_t width_count = parse_list(argc > 4 ? argv[4] : "1,64,512", widths);
    size_t size_count = parse_list(argc > 5 ? argv[5] : "512,2048,32768", sizes);
    for (size_t s = 0; s < size_count; s++)
        for (size_t w = 0; w < width_count; w++)
            run(argv[1], key_file, widths[w] < MOST_IN_FLIGHT ? widths[w] : MOST_IN_FLIGHT, sizes[s],
                seconds);
    return 0;
}
