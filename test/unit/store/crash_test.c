/* The promise under kill -9: a process writes without pause, says over a pipe what was reported to it as
 * committed, and is killed, at a random moment or at a named point inside a commit or a move. Whatever was
 * reported must be there afterwards, unharmed, on the same store round after round. Compiled with kill
 * points, whatever this build is. */
#include "store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAG        8 /* how far update and close run behind the insert */
#define IN_FLIGHT  96
#define MOST       6000 /* exchanges of one round */
#define ROUND_STEP 10000

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    fixture_make_key(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

/* --- the process that is killed
 * ----------------------------------------------------------------------------------- */

static void
name_record(struct exchange_record *record, unsigned n, enum exchange_state at)
{
    fixture_record(record, n % 10000, ROLE_ORIGIN);
    snprintf(record->header.key.msgid, MSGID_SIZE, "K%029u", n);
    record->header.day = FIXTURE_DAY - n % 2;
    record->state = (uint8_t)at;
    record->times.accepted = n;
}

/* Write number s of a round: inserts, updates and closes take turns; the n-th of each kind is exchange n. */
static int
make_write(unsigned base, uint64_t s, struct store_write *write)
{
    unsigned turn = (unsigned)(s / 3), kind = (unsigned)(s % 3);
    if (turn < kind * LAG)
        return 0;
    unsigned n = base + turn - kind * LAG;
    *write = (struct store_write){.sequence = s + 1};
    name_record(&write->record, n, kind == 0 ? STATE_QUEUED : STATE_ANSWERED);
    write->type = kind == 0 ? STORE_INSERT : kind == 1 ? STORE_UPDATE : STORE_CLOSE;
    if (kind == 0)
        write->body = fixture_body("body", n, 300 + n % 5000);
    if (kind == 1)
        write->answer = fixture_body("answer", n, 300 + n % 3000);
    return 1;
}

static void __attribute__((noreturn)) write_until_killed(struct fixture *f, unsigned base, int report)
{
    struct fep_error error = {0};
    struct store *store = store_open(&f->config, &error);
    uint64_t sequence = 0;
    if (!store)
        _exit(3);
    for (;;) {
        struct store_write next;
        struct store_event event;
        while (store_pending(store) < IN_FLIGHT && sequence < 3 * MOST)
            if (make_write(base, sequence++, &next) && store_submit(store, &next, 1) < 0)
                _exit(4);
        struct pollfd descriptor = {.fd = store_descriptor(store), .events = POLLIN};
        poll(&descriptor, 1, -1);
        while (store_take_events(store, &event, 1) == 1) {
            if (event.type != STORE_COMMITTED)
                _exit(5);
            if (write(report, &event.sequence, sizeof event.sequence) != sizeof event.sequence)
                _exit(6);
        }
    }
}

/* --- the one that looks afterwards
 * -------------------------------------------------------------------------------- */

/* Runs one round; returns the highest sequence that was reported. `point` NULL: killed after `pause_us`. */
static uint64_t
run_round(struct fixture *f, unsigned base, const char *point, unsigned pause_us)
{
    int ends[2], status = 0;
    uint64_t reported = 0, sequence;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        if (point)
            setenv("FEP_KILL_POINT", point, 1);
        write_until_killed(f, base, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &sequence, sizeof sequence) == sizeof sequence) {
        reported = sequence;
        if (!point && pause_us > 0) {
            usleep(pause_us);
            kill(child, SIGKILL);
            pause_us = 0;
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the writing process ended with status %x", (unsigned)status);
    return reported;
}

struct open_set {
    uint8_t state[MOST + LAG * 4];
    unsigned base, others;
};

static int
note_open(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    struct open_set *set = arg;
    unsigned n = (unsigned)record->times.accepted;
    if (n < set->base) {
        set->others++; /* left open by the rounds before */
        return 0;
    }
    fixture_assert_body(body, "body", n);
    if (record->state == STATE_ANSWERED)
        fixture_assert_body(answer, "answer", n);
    set->state[n - set->base] = record->state;
    return 0;
}

static void
check_exchange(struct fixture *f, const struct open_set *set, unsigned n, uint64_t reported)
{
    uint64_t turn = n - set->base;
    struct exchange_record record;
    int inserted = 3 * turn + 1 <= reported, answered = 3 * (turn + LAG) + 2 <= reported,
        closed = 3 * (turn + 2 * LAG) + 3 <= reported;
    name_record(&record, n, STATE_QUEUED);
    if (!fixture_find(f, &record)) {
        assert_false(inserted);
        return;
    }
    fixture_assert_body(f->last.body, "body", n);
    if (answered)
        assert_int_equal(f->last.record.state, STATE_ANSWERED);
    if (f->last.record.state == STATE_ANSWERED)
        fixture_assert_body(f->last.answer, "answer", n);
    if (closed)
        assert_int_equal(set->state[turn], STATE_NONE);
    fixture_release_last(f);
}

static void
check_round(struct fixture *f, unsigned base, uint64_t reported)
{
    struct open_set *set = calloc(1, sizeof *set);
    struct fep_error error = {0};
    uint64_t quarantined = 99;
    set->base = base;
    fixture_open(f);
    if (store_recover(f->store, note_open, set, &quarantined, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(quarantined, 0);
    for (unsigned n = base; n < base + reported / 3 + 1; n++)
        check_exchange(f, set, n, reported);
    fixture_close(f);
    free(set);
}

static void
everything_reported_is_there_after_a_kill_at_any_moment(void **state)
{
    struct fixture *f = *state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned seed = (unsigned)now.tv_nsec;
    print_message("# seed %u\n", seed);
    for (unsigned round = 0; round < 25; round++) {
        unsigned base = round * ROUND_STEP;
        check_round(f, base, run_round(f, base, NULL, 1 + (unsigned)rand_r(&seed) % 40000));
    }
}

static void
kill_at(struct fixture *f, const char *point)
{
    for (unsigned round = 0; round < 3; round++) {
        unsigned base = round * ROUND_STEP;
        check_round(f, base, run_round(f, base, point, 0));
    }
}

static void
killed_before_a_commit(void **state)
{
    kill_at(*state, "store-before-commit");
}

static void
killed_after_a_commit(void **state)
{
    kill_at(*state, "store-after-commit");
}

static void
killed_between_the_journals_commit_and_the_delete(void **state)
{
    struct fixture *f = *state;
    kill_at(f, "store-journal-inserted");
    fixture_open(f);
    fixture_wait_moved(f); /* once more, to the same rows */
    assert_int_equal(
        fixture_number(f, "journal/20261122.db", "SELECT count(*)-count(DISTINCT msgid) FROM exchange"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(killed_before_a_commit),
        CASE(killed_after_a_commit),
        CASE(killed_between_the_journals_commit_and_the_delete),
        CASE(everything_reported_is_there_after_a_kill_at_any_moment),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("store crashes", tests, NULL, NULL);
}
