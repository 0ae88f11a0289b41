/* Events that no peer or host in its right mind sends, in any order: the core may refuse them, never fall
 * over them. A mistake of theirs must not end our process, and what is on disk must stay legal. */
#include "rig.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

enum { RUNS = 600, EVENTS = 250 };

static uint64_t seed, current;

/* An assertion of the core ends the process: say first which run it was. */
static void
name_the_seed(int signal_number)
{
    fprintf(stderr, "# FEP_SEED=%" PRIu64 " ends with signal %d\n", current, signal_number);
}

static unsigned
upto(unsigned limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed * 0x2545F4914F6CDD1Dull >> 20) % limit);
}

static const char *
pick(const char *const *names, size_t count)
{
    return names[upto((unsigned)count)];
}

#define PICK(...)                                                                                            \
    pick((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void
fill_header(struct message_header *header)
{
    snprintf(header->key.origin, sizeof header->key.origin, "%s", PICK("A", "P", "B", "X", ""));
    snprintf(header->key.msgid, sizeof header->key.msgid, "%s", PICK("m1", "m2", "m3", "", "with blank"));
    snprintf(header->infno, sizeof header->infno, "%s",
             PICK("2207", "2208", "1101", "2601", "2202", "9999", ""));
    snprintf(header->insured_area, sizeof header->insured_area, "%s", PICK("450900", "310000", ""));
    snprintf(header->treat_area, sizeof header->treat_area, "%s", PICK("450100", ""));
    snprintf(header->original_msgid, sizeof header->original_msgid, "%s", PICK("m1", "m2", "", "m9"));
    header->transaction_class = (uint8_t)upto(7);
    header->day = upto(4) == 0 ? upto(99999999) : 20261121;
}

static void
fill_outcome(struct core_outcome *outcome)
{
    static const uint16_t codes[] = {0, 2301, 2402, 2403, 2503, 2504, 9001, 1005, 65535};
    *outcome = (struct core_outcome){.state = (uint8_t)upto(14),
                                     .kind = (uint8_t)upto(7),
                                     .effect = (uint8_t)upto(4),
                                     .refusal_class = (uint8_t)upto(4),
                                     .reason = (uint8_t)upto(200),
                                     .finding = (uint8_t)upto(10),
                                     .code = codes[upto(9)]};
    memset(outcome->text, upto(2) ? 'x' : 0, sizeof outcome->text);
    memset(outcome->cycle, upto(2) ? 'c' : 0, sizeof outcome->cycle);
}

/* Call ids that exist, or may: serials are drawn from 1 on. */
static uint64_t
some_reference(void)
{
    switch (upto(4)) {
    case 0:
        return 0;
    case 1:
        return 7 * LOCAL_SERIAL_COUNTER + 1 + upto(12);
    default:
        return upto(200);
    }
}

static void
throw_one(struct rig *rig, uint64_t last_call)
{
    uint64_t open[3] = {last_call, 7 * LOCAL_SERIAL_COUNTER + 1 + upto(12), upto(100)};
    struct core_event event = {.type = (enum event_type)(1 + upto(EVENT_FOUND + 2)),
                               .from = PICK("A", "P", "B", "la", "lb", "nobody"),
                               .reference = upto(3) ? some_reference() : last_call,
                               .epoch = upto(4),
                               .flag = (uint8_t)upto(3),
                               .caller_inquires = (uint8_t)upto(2),
                               .acked = (uint8_t)upto(5),
                               .abilities = upto(64),
                               .window = upto(3),
                               .open_calls = open,
                               .open_call_count = upto(4)};
    if (event.type == EVENT_RESTORED || event.type == EVENT_RECOVERED || event.type == EVENT_COMMITTED ||
        event.type == EVENT_STORE_REFUSED || event.type == EVENT_STORE_CONFLICT)
        return; /* these come from our own store */
    fill_header(&event.header);
    fill_outcome(&event.outcome);
    event.travel = (struct travel){
        .attempt = upto(4), .time_left_ms = upto(2) ? 80000 : upto(100000), .hops_left = (uint8_t)upto(4)};
    event.index.size = sizeof event.index;
    memset(event.index.order_key, (int)upto(3), sizeof event.index.order_key);
    memset(event.index.settlement_id, upto(2) ? 'S' : 0, sizeof event.index.settlement_id - 1);
    if (upto(3) != 0)
        event.body = slice_copy(PICK("one", "two"), 3);
    rig_step(rig, &event);
    slice_release(&event.body);
}

static void
play(void (*bench)(struct rig *rig))
{
    struct rig rig;
    uint64_t last_call = 0;
    bench(&rig);
    for (int i = 0; i < EVENTS; i++) {
        const struct core_command *submit;
        rig.manual_commit = upto(2) != 0;
        rig.refuse_writes = upto(12) == 0;
        throw_one(&rig, last_call);
        if (upto(2))
            rig_commit(&rig);
        while ((submit = rig_take(&rig, CMD_SUBMIT)) != NULL)
            last_call = submit->reference;
        if (upto(6) == 0)
            rig_advance(&rig, upto(200000));
        if (upto(60) == 0) {
            rig_crash(&rig);
            rig_parties_up(&rig, FEP_CALLS_OUT | upto(16));
        }
        rig_forget(&rig);
    }
    rig_finish(&rig);
}

static void
both_sides(struct rig *rig)
{
    struct route_rule rule = {.prefix = "45", .targets = {"lb", "P"}, .targets_local = 1};
    rig_init(rig, "A");
    rig_set_routes(rig, &rule, 1);
    core_add_instance(rig->core, "lb");
    rig_parties_up(rig, 1);
    rig_host_up(rig, "lb", 1, FEP_CALLS_OUT | FEP_INQUIRES | FEP_REVERSES, NULL, 0);
}

static void
asked(struct rig *rig)
{
    rig_destination(rig, upto(64));
}

static void
garbage_is_survived(void **state)
{
    (void)state;
    static void (*const benches[])(struct rig * rig) = {rig_origin, rig_transit, asked, both_sides};
    const char *given = getenv("FEP_SEED");
    signal(SIGABRT, name_the_seed);
    const char *runs = getenv("FEP_RUNS");
    uint64_t count = given != NULL ? 1 : runs != NULL ? strtoull(runs, NULL, 10) : RUNS;
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 1;
    for (uint64_t run = first; run < first + count; run++) {
        seed = run * 0x9E3779B97F4A7C15ull;
        current = run;
        play(benches[run % 4]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(garbage_is_survived)};
    return cmocka_run_group_tests_name("core garbage", tests, NULL, NULL);
}
