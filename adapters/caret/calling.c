/* The calling side's life: its facts of the mapping file, its options, health, drain and end. Must never take
 * a call that the mapping can not name on the wire: what is missing there is found at the start. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static int
read_wire(struct caller *caller, struct fep_error *error)
{
    struct caller_wire *wire = &caller->wire;
    const struct {
        const char *name;
        const char **value;
        bool required;
    } keys[] = {
        {"transaction_field", &wire->transaction_field, true},
        {"institution_field", &wire->institution_field, true},
        {"operator_field", &wire->operator_field, true}, {"cycle_field", &wire->cycle_field, true},
        {"serial_field", &wire->serial_field, true}, {"centre_field", &wire->centre_field, true},
        {"online_field", &wire->online_field, true}, {"online_values", &wire->online_values, true},
        {"return_field", &wire->return_field, true}, {"reference_field", &wire->reference_field, true},
        {"answer_cycle_field", &wire->answer_cycle_field, true}, {"text_field", &wire->text_field, true},
        {"good", &wire->good, true}, {"own_region", &wire->own_region, true},
        {"posting", &wire->posting, true}, {"after_midnight", &wire->after_midnight, false},
        {"echoes", &wire->echoes, false}, {"node", &wire->node, true},
        {"operator", &wire->operator, true },
         {"call_serial", &wire->call_serial, true},
         {"original_serial", &wire->original_serial, true},
         {"not_signed_in", &wire->not_signed_in, true},
         {"cycle_over", &wire->cycle_over, true},
         {"foreign_cycle", &wire->foreign_cycle, true},
         {"sign_in", &wire->sign_in, true},
         {"sign_in_password", &wire->sign_in_password, true},
         {"sign_in_terminal", &wire->sign_in_terminal, true},
         {"sign_in_clock", &wire->sign_in_clock, true},
         {"sign_in_answer_clock", &wire->sign_in_answer_clock, true},
         {"sign_in_answer_resumed", &wire->sign_in_answer_resumed, true},
         {"sign_out", &wire->sign_out, true},
         {"sign_out_forced", &wire->sign_out_forced, true},
         {"sign_out_first_compare", &wire->sign_out_first_compare, false},
         {"centre_time", &wire->centre_time, true},
         {"centre_time_answer_clock", &wire->centre_time_answer_clock, true},
         {"totals", &wire->totals, false},
         {"totals_date", &wire->totals_date, false},
         {"totals_sums", &wire->totals_sums, false},
         {"totals_answer", &wire->totals_answer, false},
         {"totals_equal", &wire->totals_equal, false},
         {"tally_plus", &wire->tally_plus, false},
         {"tally_minus", &wire->tally_minus, false},
         {"tally_amounts", &wire->tally_amounts, false}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        *keys[i].value = wire_text(caller->host, keys[i].name);
        if (*keys[i].value == NULL && keys[i].required)
            return set_error(error, 0, 0, "the mapping lacks wire.%s", keys[i].name);
    }
    if (wire->totals != NULL && (wire->totals_date == NULL || wire->totals_sums == NULL ||
                                 wire->totals_answer == NULL || wire->totals_equal == NULL))
        return set_error(error, 0, 0,
                         "wire.totals needs totals_date, totals_sums, totals_answer and totals_equal");
    if (strlen(wire->node) >= CYCLE_INSTITUTION || strlen(wire->operator) >= CYCLE_OPERATOR)
        return set_error(error, 0, 0, "wire.node or wire.operator is too long");
    return 0;
}

/* A field that the mapping names and a layout does not have is found now, not at the first settlement. */
static int
check_fields(const struct caller *caller, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    char sign_in[TRANSACTION_SIZE + 4], sign_in_answer[TRANSACTION_SIZE + 4], sign_out[TRANSACTION_SIZE + 4];
    snprintf(sign_in, sizeof sign_in, "%.12s-Q", wire->sign_in);
    snprintf(sign_in_answer, sizeof sign_in_answer, "%.12s-R", wire->sign_in);
    snprintf(sign_out, sizeof sign_out, "%.12s-Q", wire->sign_out);
    const struct {
        const char *layout, *field;
    } named[] = {{"head-Q", wire->transaction_field},
                 {"head-Q", wire->institution_field},
                 {"head-Q", wire->operator_field},
                 {"head-Q", wire->cycle_field},
                 {"head-Q", wire->serial_field},
                 {"head-Q", wire->centre_field},
                 {"head-Q", wire->online_field},
                 {"head-R", wire->return_field},
                 {"head-R", wire->reference_field},
                 {"head-R", wire->answer_cycle_field},
                 {"head-R", wire->text_field},
                 {sign_in, wire->sign_in_password},
                 {sign_in, wire->sign_in_terminal},
                 {sign_in, wire->sign_in_clock},
                 {sign_in_answer, wire->sign_in_answer_clock},
                 {sign_in_answer, wire->sign_in_answer_resumed},
                 {sign_out, wire->sign_out_forced}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (find_field(host->find_layout(host->self, named[i].layout), named[i].field) < 0)
            return set_error(error, 0, 0, "wire names %.40s; layout %.20s has no such field", named[i].field,
                             named[i].layout);
    }
    return 0;
}

static void
read_options(struct caller *caller)
{
    const struct fep_host *host = caller->host;
    const struct fep_config *config = caller->config;
    caller->channel_count = (size_t)host->get_integer(config, "connections");
    caller->connect_ms = host->get_integer(config, "connect_time");
    caller->rest_ms = host->get_integer(config, "rest_time");
    caller->echo_ms = host->get_integer(config, "echo_time");
    caller->own_ms = host->get_integer(config, "own_time");
    caller->queue_ms = host->get_integer(config, "queue_time");
    caller->doubt_ms = host->get_integer(config, "doubt_time");
    caller->pause_min_ms = host->get_integer(config, "pause_min");
    caller->pause_max_ms = host->get_integer(config, "pause_max");
    caller->clock_tolerance_ms = host->get_integer(config, "clock_tolerance");
}

static int
open_parts(struct caller *caller, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const char *address = host->get_text(caller->config, "connect");
    const char *directory = host->get_text(caller->config, "state_directory");
    if (address == NULL || address[0] == '\0')
        return set_error(error, 0, 0, "option connect is missing; mode call needs it");
    if (tcp_parse(address, &caller->address, error) < 0 ||
        caret_codec_open(&caller->codec, host, error) < 0 || read_wire(caller, error) < 0 ||
        check_fields(caller, error) < 0)
        return -1;
    if (tally_open(&caller->tally, directory) < 0)
        return set_error(error, 0, 0, "state_directory %.200s can not be used",
                         directory != NULL ? directory : "");
    caller->scratch = malloc(caller->codec.max_line);
    return caller->scratch != NULL
               ? 0
               : set_error(error, 0, 0, "no memory for a line of %zu bytes", caller->codec.max_line);
}

int
calling_open(const struct fep_host *host, const struct fep_config *config, void **self,
             struct fep_error *error)
{
    struct caller *caller = calloc(1, sizeof *caller);
    if (caller == NULL)
        return set_error(error, 0, 0, "no memory");
    caller->mode = CARET_CALLS;
    caller->host = host;
    caller->config = config;
    read_options(caller);
    for (size_t i = 0; i < MAX_CHANNELS; i++)
        caller->channels[i] = (struct channel){.caller = caller, .state = CHANNEL_DOWN, .fd = -1};
    (void)host->fill_random(host->self, &caller->serial_counter, sizeof caller->serial_counter);
    if (open_parts(caller, error) < 0) {
        free(caller->scratch);
        free(caller);
        return -1;
    }
    *self = caller;
    return 0;
}

void
calling_start(void *self, struct fep_call *call)
{
    struct caller *caller = self;
    caller->start_call = call;
    shift_start(caller);
}

void
calling_finish_start(struct caller *caller)
{
    struct fep_call *call = caller->start_call;
    caller->start_call = NULL;
    if (call != NULL)
        caller->host->complete_call(caller->host->self, call, FEP_ANSWERED,
                                    &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}

void
calling_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    errand_begin(self, call, FEP_OP_SUBMIT, message);
}

void
calling_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    errand_begin(self, call, FEP_OP_REVERSE, message);
}

void
calling_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct caller *caller = self;
    struct fep_call **own = call == caller->start_call   ? &caller->start_call
                            : call == caller->drain_call ? &caller->drain_call
                                                         : NULL;
    if (own == NULL) {
        errand_cancel(caller, call, reason);
        return;
    }
    *own = NULL;
    caller->host->complete_call(caller->host->self, call, FEP_NOT_SENT,
                                &(struct fep_result){.size = sizeof(struct fep_result), .reason = reason},
                                NULL);
}

/* --- health and drain --- */

static size_t
count_calls(const struct caller *caller)
{
    size_t count = 0;
    for (const struct errand *errand = caller->first; errand != NULL; errand = errand->next)
        count += errand->kind == ERRAND_CALL;
    return count;
}

void
calling_report(struct caller *caller)
{
    struct fep_health *health = &caller->health;
    uint32_t state = FEP_DEGRADED; /* between two cycles */
    if (caller->draining)
        state = FEP_STOPPING;
    else if (caller->start_call != NULL)
        state = FEP_STARTING;
    else if (caller->shift.state == SHIFT_DOWN || caller->unreachable || caller->hung)
        state = FEP_DOWN;
    else if (caller->shift.state == SHIFT_OPEN)
        state = FEP_UP;
    if (state == health->state)
        return;
    health->size = sizeof *health;
    health->state = state;
    caller->host->report_health(caller->host->self, health);
}

void
calling_note_reach(struct caller *caller, bool reachable)
{
    if (caller->unreachable == !reachable)
        return;
    caller->unreachable = !reachable;
    calling_report(caller);
}

/* A system that accepts and never answers would hold every caller for its full time. */
void
calling_note_timeout(struct caller *caller)
{
    enum { WITHIN_MS = 60000 };
    int64_t now = caller->host->read_monotonic_ms(caller->host->self);
    caller->timeouts[caller->timeout_count++ % TIMEOUTS] = now;
    if (caller->hung || caller->timeout_count < TIMEOUTS ||
        now - caller->timeouts[caller->timeout_count % TIMEOUTS] > WITHIN_MS)
        return;
    caller->hung = true;
    caller->heard_ms = 0; /* asked at once whether it is still there */
    copy_text(caller->health.reason, sizeof caller->health.reason, "requests run out of time",
              strlen("requests run out of time"));
    calling_report(caller);
}

void
calling_note_answer(struct caller *caller)
{
    caller->heard_ms = caller->host->read_monotonic_ms(caller->host->self);
    caller->timeout_count = 0;
    if (!caller->hung)
        return;
    caller->hung = false;
    caller->health.reason[0] = '\0';
    calling_report(caller);
}

void
calling_check_drained(struct caller *caller)
{
    struct fep_call *call = caller->drain_call;
    if (call == NULL || count_calls(caller) > 0)
        return;
    caller->drain_call = NULL;
    caller->host->complete_call(caller->host->self, call, FEP_ANSWERED,
                                &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}

void
calling_read_health(void *self, struct fep_health *health)
{
    const struct caller *caller = self;
    *health = caller->health;
    health->size = sizeof *health;
    health->open_calls = (uint32_t)count_calls(caller);
    if (health->state == 0)
        health->state = FEP_STARTING;
}

/* The cycle stays open: whoever starts next signs in to it again. */
void
calling_drain(void *self, struct fep_call *call)
{
    struct caller *caller = self;
    caller->draining = true;
    caller->drain_call = call;
    calling_report(caller);
    calling_check_drained(caller);
}

void
calling_close(void *self)
{
    struct caller *caller = self;
    caller->closing = true;
    shift_stop(caller);
    channel_drop_all(caller);
    errand_free_all(caller);
    free(caller->scratch);
    free(caller);
}
