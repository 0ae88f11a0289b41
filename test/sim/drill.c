/* The drill: the line to a region is cut for a while under full traffic and returns. Judges how soon what was
 * not known is known again, that nothing needed a person, and that what the origin was told is what stands in
 * the local system's books. */
#include "drill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BY_REVERSAL_MS = 60000,         /* 99.9 % of what resolves by reversal */
    BY_INQUIRY_MS = 120000 + 60000, /* a submission may still arrive for so long; then the next inquiry */
    AFTER_MS = 600000
};

static const char *const cut_names[CUT_COUNT] = {"link between gateways", "link, answers only",
                                                 "local line, silent", "local line, refused"};

struct times {
    int64_t *ms;
    size_t count;
};

struct verdict {
    struct times by_reversal, by_inquiry;
    uint64_t endings[STATE_COUNT], open, untrue, unclear, late, for_person;
};

static int
compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int64_t
percentile(const struct times *times, unsigned per_mille)
{
    return times->count == 0 ? 0 : times->ms[(times->count - 1) * per_mille / 1000];
}

/* The origin's word against the local system's books. */
static bool
is_true(const struct drill_update *update, uint8_t entry)
{
    if (update->end == STATE_ANSWERED)
        return entry == ENTRY_IN_FORCE;
    return update->end == STATE_STANDS || entry != ENTRY_IN_FORCE;
}

static void
judge_update(const struct drill *drill, uint32_t number, struct verdict *verdict)
{
    const struct drill_update *update = &drill->updates[number];
    int64_t back = drill_return_ms(drill->conditions);
    if (update->end_ms == 0) {
        verdict->open++;
        return;
    }
    verdict->endings[update->end]++;
    verdict->untrue += !is_true(update, drill->book[number]);
    if (update->unclear_ms == 0)
        return;
    verdict->unclear++;
    if (update->end_ms < back)
        return; /* known again before the return */
    bool inquired = update->inquired || !(drill->conditions->abilities & FEP_REVERSES);
    struct times *times = inquired ? &verdict->by_inquiry : &verdict->by_reversal;
    times->ms[times->count++] = update->end_ms - (update->unclear_ms > back ? update->unclear_ms : back);
    verdict->late += update->unclear_ms > back;
}

static int
count_for_person(void *arg, const struct core_unclear *unclear)
{
    *(uint64_t *)arg += unclear->wait >= UNCLEAR_PERSON;
    return 0;
}

static void
print_times(const char *title, const struct times *times)
{
    printf("  %-22s %7zu   p50 %.1f  p99 %.1f  p99.9 %.1f  most %.1f s\n", title, times->count,
           (double)percentile(times, 500) / 1000, (double)percentile(times, 990) / 1000,
           (double)percentile(times, 999) / 1000, (double)percentile(times, 1000) / 1000);
}

static void
print_verdict(const struct drill *drill, const struct verdict *verdict)
{
    printf("  updates %u   answered %" PRIu64 "  refused %" PRIu64 "  reversed %" PRIu64 "  stands %" PRIu64
           "  open %" PRIu64 "\n",
           drill->count, verdict->endings[STATE_ANSWERED], verdict->endings[STATE_REFUSED],
           verdict->endings[STATE_REVERSED], verdict->endings[STATE_STANDS], verdict->open);
    printf("  once unclear %" PRIu64 "   after the return for the first time %" PRIu64 "\n", verdict->unclear,
           verdict->late);
    print_times("resolved by reversal", &verdict->by_reversal);
    print_times("resolved by inquiry", &verdict->by_inquiry);
    printf("  needed a person %" PRIu64 "   alarms %" PRIu64 "   calls: submit %" PRIu64 "  inquire %" PRIu64
           "  reverse %" PRIu64 "  cancel %" PRIu64 "   bounced %" PRIu64 "  most at once %" PRIu64 "\n",
           verdict->for_person, drill->alarms, drill->calls[CORE_OP_SUBMIT], drill->calls[CORE_OP_INQUIRE],
           drill->calls[CORE_OP_REVERSE], drill->calls[CORE_OP_UNDO], drill->bounced, drill->most_open);
}

static bool
is_good(const struct drill *drill, const struct verdict *verdict)
{
    bool in_time = percentile(&verdict->by_reversal, 999) <= BY_REVERSAL_MS &&
                   percentile(&verdict->by_inquiry, 1000) <= BY_INQUIRY_MS;
    return in_time && verdict->open == 0 && verdict->untrue == 0 && verdict->for_person == 0 &&
           verdict->unclear > 0 && verdict->endings[STATE_ANSWERED] > 0 &&
           drill->most_open <= drill->conditions->window;
}

static bool
play(const struct drill_case *conditions, const struct transaction_table *transactions)
{
    struct drill drill;
    struct verdict verdict = {0};
    clock_t began = clock();
    if (drill_run(&drill, conditions, transactions) != 0)
        return false;
    verdict.by_reversal.ms = calloc(drill.count, sizeof *verdict.by_reversal.ms);
    verdict.by_inquiry.ms = calloc(drill.count, sizeof *verdict.by_inquiry.ms);
    if (verdict.by_reversal.ms == NULL || verdict.by_inquiry.ms == NULL)
        abort();
    for (uint32_t i = 0; i < drill.count; i++)
        judge_update(&drill, i, &verdict);
    core_each_unclear(drill.cores[GATE_B], count_for_person, &verdict.for_person);
    qsort(verdict.by_reversal.ms, verdict.by_reversal.count, sizeof(int64_t), compare);
    qsort(verdict.by_inquiry.ms, verdict.by_inquiry.count, sizeof(int64_t), compare);
    bool good = is_good(&drill, &verdict);
    printf("%s, local system %s%s: %s   (%.1f s of CPU)\n", cut_names[conditions->cut],
           conditions->abilities & FEP_INQUIRES ? "inquires " : "",
           conditions->abilities & FEP_REVERSES ? "reverses" : "", good ? "good" : "NOT GOOD",
           (double)(clock() - began) / CLOCKS_PER_SEC);
    print_verdict(&drill, &verdict);
    if (verdict.untrue != 0)
        printf("  UNTRUE: %" PRIu64 " endings are not what the books say\n", verdict.untrue);
    fflush(stdout);
    free(verdict.by_reversal.ms);
    free(verdict.by_inquiry.ms);
    drill_finish(&drill);
    return good;
}

static unsigned
number_of(int count, char **words, const char *name, unsigned usual)
{
    for (int i = 1; i + 1 < count; i++)
        if (strcmp(words[i], name) == 0)
            return (unsigned)strtoul(words[i + 1], NULL, 10);
    return usual;
}

int
main(int count, char **words)
{
    static const uint32_t kinds[] = {FEP_INQUIRES | FEP_REVERSES, FEP_REVERSES, FEP_INQUIRES};
    const char *source = getenv("FEP_SOURCE");
    char path[512];
    struct fep_error error = {0};
    bool good = true;
    snprintf(path, sizeof path, "%s/schema/transactions.cfg", source != NULL ? source : ".");
    struct transaction_table *transactions = transaction_table_load(path, NULL, NULL, &error);
    if (transactions == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return 1;
    }
    for (int cut = 0; cut < CUT_COUNT; cut++)
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
            if (cut == CUT_ONE_WAY && kind > 0)
                continue; /* the local system has answered everything there */
            struct drill_case conditions = {.cut = (enum drill_cut)cut,
                                            .abilities = kinds[kind],
                                            .rate = number_of(count, words, "--rate", 200),
                                            .warm_ms = 20000,
                                            .cut_ms =
                                                number_of(count, words, "--minutes", 60) * INT64_C(60000),
                                            .after_ms = AFTER_MS,
                                            .window = number_of(count, words, "--window", 256),
                                            .service_ms = 50,
                                            .capacity = number_of(count, words, "--capacity", 500)};
            good = play(&conditions, transactions) && good;
        }
    transaction_table_destroy(transactions);
    return good ? 0 : 1;
}
