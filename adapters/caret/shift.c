/* The shift: the business cycle that everything goes out under, from sign-in to sign-out.
 *
 * The local system ends a cycle's day by its own clock. The old cycle is then kept open, with nothing new
 * under it, until what is in flight has its answer and what is in doubt has been reversed: once it is signed
 * out, nothing of it can be reversed any more. That has its bound; then totals are compared, the cycle is
 * signed out, by force where they differ, and the next one begins. Must never sign out while an answer of
 * that cycle is outstanding. Where the mapping has no sign-in there is no cycle either: the shift is open
 * from the start and stays so. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer_clock.h"
#include "wire.h"

enum { TICK_MS = 500, LOST_ECHO_MS = 3000, HUNG_ECHO_MS = 30000, WARN_OFFSET_S = 60 };

static void tick(void *arg);

static int64_t
now_ms(const struct caller *caller)
{
    return caller->host->read_monotonic_ms(caller->host->self);
}

/* --- the local system's clock --- */

void
shift_read_clock(const struct caller *caller, uint32_t *date, uint32_t *clock)
{
    time_t seconds = (time_t)(peer_clock_our_seconds(caller->host) + caller->shift.offset_s);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    *date = (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
    *clock = (uint32_t)(tm.tm_hour * 10000 + tm.tm_min * 100 + tm.tm_sec);
}

static uint32_t
server_date(const struct caller *caller)
{
    uint32_t date, clock;
    shift_read_clock(caller, &date, &clock);
    return date;
}

/* False if the field holds no time. */
static bool
learn_clock(struct caller *caller, const struct fep_record *body, const char *field)
{
    struct fep_bytes stamp = get_field(caller->host, body, field);
    char text[16];
    if (stamp.size != 14 || !is_all_digits((const char *)stamp.data, 14))
        return false;
    snprintf(text, sizeof text, "%.14s", (const char *)stamp.data);
    int64_t offset = peer_clock_stamp_offset_s(caller->host, text);
    if ((offset > WARN_OFFSET_S || offset < -WARN_OFFSET_S) && caller->shift.offset_s != offset)
        caller->host->log_event(caller->host->self, LOG_WARNING_LEVEL,
                                "clock of the local system differs, seconds", offset);
    caller->shift.offset_s = offset;
    return true;
}

static bool
clock_is_close(const struct caller *caller)
{
    int64_t offset_ms = caller->shift.offset_s * 1000;
    return caller->clock_tolerance_ms == 0 ||
           (offset_ms <= caller->clock_tolerance_ms && offset_ms >= -caller->clock_tolerance_ms);
}

/* --- states --- */

static void
enter(struct caller *caller, enum shift_state state)
{
    struct shift *shift = &caller->shift;
    shift->state = state;
    shift->since_ms = now_ms(caller);
    if (state == SHIFT_OPEN) {
        shift->pause_ms = 0;
        caller->health.reason[0] = '\0';
    }
    if (state == SHIFT_OPEN || state == SHIFT_DOWN)
        calling_finish_start(caller);
    calling_report(caller);
}

/* Doubles up to the bound, with a quarter of it at random, so that many gateways do not come back in step. */
static void
go_down(struct caller *caller, const char *why)
{
    struct shift *shift = &caller->shift;
    uint8_t chance = 0;
    int64_t pause = shift->pause_ms == 0 ? caller->pause_min_ms : shift->pause_ms * 2;
    if (pause > caller->pause_max_ms)
        pause = caller->pause_max_ms;
    (void)caller->host->fill_random(caller->host->self, &chance, 1);
    shift->pause_ms = pause + pause / 4 * chance / 256;
    if (why != NULL)
        copy_text(caller->health.reason, sizeof caller->health.reason, why, strlen(why));
    enter(caller, SHIFT_DOWN);
}

bool
shift_is_open_to(const struct caller *caller, const char *local)
{
    const struct shift *shift = &caller->shift;
    if (caller->wire.sign_in == NULL)
        return true;
    if (shift->state == SHIFT_SETTLING)
        return list_has(caller->wire.after_midnight, local, strlen(local));
    return shift->state == SHIFT_OPEN && cycles_date(shift->cycle) >= server_date(caller);
}

bool
shift_is_coming(const struct caller *caller)
{
    return caller->shift.state != SHIFT_DOWN;
}

/* --- doubts --- */

void
shift_doubt(struct caller *caller, const char *serial)
{
    struct shift *shift = &caller->shift;
    if (shift->doubt_count < DOUBTS)
        snprintf(shift->doubts[shift->doubt_count++], SERIAL_SIZE, "%s", serial);
}

void
shift_settle(struct caller *caller, const char *serial)
{
    struct shift *shift = &caller->shift;
    for (size_t i = 0; i < shift->doubt_count; i++) {
        if (strcmp(shift->doubts[i], serial) == 0)
            memmove(shift->doubts[i], shift->doubts[--shift->doubt_count], SERIAL_SIZE);
    }
}

/* --- steps --- */

static void
begin(struct caller *caller, enum shift_state state, enum errand_kind kind, const char *local,
      struct fep_record *body)
{
    enter(caller, state);
    if (errand_begin_own(caller, kind, local, body) == NULL)
        go_down(caller, "no memory for our own request");
    else
        errand_pump(caller);
}

static struct fep_record *
create_body(struct caller *caller, const char *local)
{
    char layout[TRANSACTION_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-Q", local);
    return caller->host->create_record(caller->host->self, layout);
}

static void
sign_in(struct caller *caller)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    struct fep_record *body = create_body(caller, wire->sign_in);
    const char *password = host->get_secret(caller->config, "password_file");
    char stamp[32];
    uint32_t date, clock;
    host->read_local_time(host->self, &date, &clock);
    snprintf(stamp, sizeof stamp, "%08u%06u", (unsigned)(date % 100000000u), (unsigned)(clock % 1000000u));
    if (body == NULL || set_field(host, body, wire->sign_in_password, password != NULL ? password : "") < 0 ||
        set_field(host, body, wire->sign_in_terminal, wire->node) < 0 ||
        set_field(host, body, wire->sign_in_clock, stamp) < 0) {
        host->release_record(host->self, body);
        go_down(caller, "no memory for a sign-in");
        return;
    }
    begin(caller, SHIFT_SIGNING_IN, ERRAND_SIGN_IN, wire->sign_in, body);
}

static void
write_fen(int64_t fen, char text[32])
{
    uint64_t size = fen < 0 ? (uint64_t)-fen : (uint64_t)fen;
    snprintf(text, 32, "%s%llu.%02u", fen < 0 ? "-" : "", (unsigned long long)(size / 100),
             (unsigned)(size % 100));
}

/* Names of the fields that hold what we counted, in the order settlements, cancellations, amounts. */
static int
fill_sums(const struct caller *caller, struct fep_record *body, const struct tally_sums *sums)
{
    const char *at = caller->wire.totals_sums, *word;
    size_t size;
    for (size_t i = 0; at != NULL && next_word(&at, &word, &size) && i < 2 + TALLY_AMOUNTS; i++) {
        char field[48], value[32];
        snprintf(field, sizeof field, "%.*s", (int)size, word);
        if (i < 2)
            snprintf(value, sizeof value, "%llu", (unsigned long long)(i == 0 ? sums->plus : sums->minus));
        else
            write_fen(sums->amounts[i - 2], value);
        if (set_field(caller->host, body, field, value) < 0)
            return -1;
    }
    return 0;
}

static void
sign_out(struct caller *caller, bool forced)
{
    const struct fep_host *host = caller->host;
    struct fep_record *body = create_body(caller, caller->wire.sign_out);
    caller->shift.forced = forced;
    if (body == NULL || set_field(host, body, caller->wire.sign_out_forced, forced ? "1" : "0") < 0) {
        host->release_record(host->self, body);
        go_down(caller, "no memory for a sign-out");
        return;
    }
    begin(caller, SHIFT_SIGNING_OUT, ERRAND_SIGN_OUT, caller->wire.sign_out, body);
}

static void
compare_totals(struct caller *caller)
{
    const struct fep_host *host = caller->host;
    struct tally_sums sums;
    char date[16];
    uint32_t day = cycles_date(caller->shift.cycle);
    bool known = tally_sum(&caller->tally, day, &sums);
    struct fep_record *body = caller->wire.totals != NULL ? create_body(caller, caller->wire.totals) : NULL;
    snprintf(date, sizeof date, "%08u", (unsigned)(day % 100000000u));
    if (!known || body == NULL || set_field(host, body, caller->wire.totals_date, date) < 0 ||
        fill_sums(caller, body, &sums) < 0) {
        host->release_record(host->self, body);
        sign_out(caller, true);
        return;
    }
    begin(caller, SHIFT_COMPARING, ERRAND_TOTALS, caller->wire.totals, body);
}

/* --- what makes it change --- */

void
shift_renew(struct caller *caller, const char *cycle)
{
    if (caller->shift.state == SHIFT_OPEN && strcmp(caller->shift.cycle, cycle) == 0) {
        caller->host->log_event(caller->host->self, LOG_NOTICE_LEVEL, "the local system wants a new sign-in",
                                0);
        sign_in(caller);
    }
}

void
shift_close_day(struct caller *caller, const char *cycle)
{
    if (caller->shift.state == SHIFT_OPEN && strcmp(caller->shift.cycle, cycle) == 0)
        enter(caller, SHIFT_SETTLING);
}

static void
signed_in(struct caller *caller, const struct fep_record *head, const struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    struct shift *shift = &caller->shift;
    char cycle[CYCLE_SIZE];
    if (copy_field(host, head, wire->answer_cycle_field, cycle, sizeof cycle) <= 0 ||
        cycles_date(cycle) == 0 || !learn_clock(caller, body, wire->sign_in_answer_clock)) {
        go_down(caller, "the answer to the sign-in names no cycle or no time");
        return;
    }
    if (strcmp(cycle, shift->cycle) != 0)
        shift->doubt_count = 0; /* what is in doubt belongs to a cycle that is closed */
    snprintf(shift->cycle, sizeof shift->cycle, "%s", cycle);
    if (!clock_is_close(caller)) {
        host->log_event(host->self, LOG_ERROR_LEVEL, "clocks differ too much to work, seconds",
                        shift->offset_s);
        go_down(caller, "the local system's clock differs too much");
        return;
    }
    bool resumed = bytes_equal(get_field(host, body, wire->sign_in_answer_resumed), "1");
    host->log_event(host->self, LOG_NOTICE_LEVEL,
                    resumed ? "signed in, cycle resumed" : "signed in, new cycle", cycles_date(shift->cycle));
    enter(caller, cycles_date(shift->cycle) < server_date(caller) ? SHIFT_SETTLING : SHIFT_OPEN);
}

static void
signed_out(struct caller *caller, struct fep_bytes code, bool good)
{
    const struct caller_wire *wire = &caller->wire;
    uint32_t day = cycles_date(caller->shift.cycle);
    if (!good && !caller->shift.forced && wire->sign_out_first_compare != NULL &&
        bytes_equal(code, wire->sign_out_first_compare)) {
        sign_out(caller, true);
        return;
    }
    if (good) {
        caller->host->log_event(
            caller->host->self, LOG_NOTICE_LEVEL,
            caller->shift.forced ? "day closed, totals differ" : "day closed, totals equal", day);
        if (!caller->shift.forced)
            tally_forget(&caller->tally, day);
    }
    /* Whatever else it says: the next sign-in tells whether the cycle is still open. */
    if (good || bytes_equal(code, wire->not_signed_in))
        sign_in(caller);
    else
        go_down(caller, "the cycle could not be signed out");
}

static void
compared(struct caller *caller, const struct fep_record *body, bool good)
{
    const struct caller_wire *wire = &caller->wire;
    bool equal = good && body != NULL &&
                 bytes_equal(get_field(caller->host, body, wire->totals_answer), wire->totals_equal);
    if (!equal)
        caller->host->log_event(caller->host->self, LOG_WARNING_LEVEL,
                                "totals of the day differ or are not known",
                                cycles_date(caller->shift.cycle));
    sign_out(caller, !equal);
}

void
shift_take(struct caller *caller, enum errand_kind kind, const struct fep_record *head, struct fep_bytes code,
           const struct fep_record *body)
{
    bool good = head != NULL && bytes_equal(code, caller->wire.good);
    char why[64];
    switch (kind) {
    case ERRAND_SIGN_IN:
        if (good) {
            signed_in(caller, head, body);
            break;
        }
        snprintf(why, sizeof why, "sign-in refused with %.*s", (int)code.size,
                 code.size > 0 ? (const char *)code.data : "");
        caller->host->log_event(
            caller->host->self, LOG_WARNING_LEVEL,
            head != NULL ? "sign-in refused by the local system" : "sign-in without an answer", 0);
        go_down(caller, head != NULL ? why : NULL);
        break;
    case ERRAND_TOTALS:
        compared(caller, body, good);
        break;
    case ERRAND_SIGN_OUT:
        if (head != NULL)
            signed_out(caller, code, good);
        else
            go_down(caller, NULL);
        break;
    default:
        if (good)
            (void)learn_clock(caller, body, caller->wire.centre_time_answer_clock);
        break;
    }
    errand_pump(caller);
}

/* --- the timer --- */

static bool
has_own_errand(const struct caller *caller)
{
    for (const struct errand *errand = caller->first; errand != NULL; errand = errand->next) {
        if (errand->kind != ERRAND_CALL)
            return true;
    }
    return false;
}

/* All is settled, or has had its time. */
static bool
may_close(const struct caller *caller)
{
    const struct shift *shift = &caller->shift;
    if (errand_count_in_flight(caller) > 0)
        return false;
    return shift->doubt_count == 0 || now_ms(caller) - shift->since_ms >= caller->doubt_ms;
}

static void
look_at_day(struct caller *caller)
{
    struct shift *shift = &caller->shift;
    if (caller->wire.sign_in == NULL)
        return;
    if (shift->state == SHIFT_OPEN && cycles_date(shift->cycle) < server_date(caller))
        enter(caller, SHIFT_SETTLING);
    if (shift->state == SHIFT_SETTLING && may_close(caller))
        compare_totals(caller);
}

/* After a silence, and while the local system can not be reached: is it there, and what time does it have? */
static void
ask_for_time(struct caller *caller)
{
    int64_t most = caller->unreachable ? LOST_ECHO_MS : caller->hung ? HUNG_ECHO_MS : caller->echo_ms;
    int64_t pause = most < caller->echo_ms ? most : caller->echo_ms;
    if (caller->shift.state != SHIFT_OPEN || now_ms(caller) - caller->heard_ms < pause ||
        has_own_errand(caller))
        return;
    caller->heard_ms = now_ms(caller); /* asked: not again at once if it fails */
    const char *local = caller->wire.centre_time;
    if (local == NULL) {
        if (caller->unreachable)
            channel_probe(caller);
        else if (caller->hung)
            calling_try_again(caller);
        return;
    }
    if (errand_begin_own(caller, ERRAND_ECHO, local, create_body(caller, local)) != NULL)
        errand_pump(caller);
}

static void
tick(void *arg)
{
    struct caller *caller = arg;
    const struct fep_host *host = caller->host;
    struct shift *shift = &caller->shift;
    shift->timer = NULL;
    if (shift->state == SHIFT_DOWN && now_ms(caller) - shift->since_ms >= shift->pause_ms &&
        !caller->draining && caller->wire.sign_in != NULL)
        sign_in(caller);
    look_at_day(caller);
    ask_for_time(caller);
    int64_t next =
        shift->state == SHIFT_DOWN ? shift->pause_ms - (now_ms(caller) - shift->since_ms) : TICK_MS;
    if (!caller->closing)
        shift->timer =
            host->set_timer(host->self, next > 0 ? (next < TICK_MS ? next : TICK_MS) : 1, tick, caller);
}

void
shift_start(struct caller *caller)
{
    caller->shift.state = SHIFT_DOWN;
    caller->heard_ms = now_ms(caller);
    caller->shift.timer = caller->host->set_timer(caller->host->self, TICK_MS, tick, caller);
    if (caller->wire.sign_in != NULL)
        sign_in(caller);
    else
        enter(caller, SHIFT_OPEN);
}

void
shift_stop(struct caller *caller)
{
    caller->host->clear_timer(caller->host->self, caller->shift.timer);
    caller->shift.timer = NULL;
}
