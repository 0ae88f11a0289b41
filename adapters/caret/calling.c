/* The calling side's life: its facts of the mapping file, its options, health, drain and end. Must never take
 * a call that the mapping can not name on the wire: what is missing there is found at the start. */
#include "caller.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static const struct wire_fact wire_facts[] = {WIRE_FACT(struct caller_wire, transaction_field, true),
                                              WIRE_FACT(struct caller_wire, institution_field, false),
                                              WIRE_FACT(struct caller_wire, operator_field, false),
                                              WIRE_FACT(struct caller_wire, cycle_field, false),
                                              WIRE_FACT(struct caller_wire, serial_field, true),
                                              WIRE_FACT(struct caller_wire, centre_field, false),
                                              WIRE_FACT(struct caller_wire, online_field, false),
                                              WIRE_FACT(struct caller_wire, online_values, false),
                                              WIRE_FACT(struct caller_wire, return_field, true),
                                              WIRE_FACT(struct caller_wire, reference_field, false),
                                              WIRE_FACT(struct caller_wire, answer_cycle_field, false),
                                              WIRE_FACT(struct caller_wire, text_field, false),
                                              WIRE_FACT(struct caller_wire, good, true),
                                              WIRE_FACT(struct caller_wire, own_region, false),
                                              WIRE_FACT(struct caller_wire, posting, false),
                                              WIRE_FACT(struct caller_wire, after_midnight, false),
                                              WIRE_FACT(struct caller_wire, echoes, false),
                                              WIRE_FACT(struct caller_wire, node, false),
                                              WIRE_FACT(struct caller_wire, operator, false),
                                              WIRE_FACT(struct caller_wire, call_serial, true),
                                              WIRE_FACT(struct caller_wire, original_serial, false),
                                              WIRE_FACT(struct caller_wire, not_signed_in, false),
                                              WIRE_FACT(struct caller_wire, cycle_over, false),
                                              WIRE_FACT(struct caller_wire, foreign_cycle, false),
                                              WIRE_FACT(struct caller_wire, sign_in, false),
                                              WIRE_FACT(struct caller_wire, sign_in_password, false),
                                              WIRE_FACT(struct caller_wire, sign_in_terminal, false),
                                              WIRE_FACT(struct caller_wire, sign_in_clock, false),
                                              WIRE_FACT(struct caller_wire, sign_in_answer_clock, false),
                                              WIRE_FACT(struct caller_wire, sign_in_answer_resumed, false),
                                              WIRE_FACT(struct caller_wire, sign_out, false),
                                              WIRE_FACT(struct caller_wire, sign_out_forced, false),
                                              WIRE_FACT(struct caller_wire, sign_out_first_compare, false),
                                              WIRE_FACT(struct caller_wire, centre_time, false),
                                              WIRE_FACT(struct caller_wire, centre_time_answer_clock, false),
                                              WIRE_FACT(struct caller_wire, totals, false),
                                              WIRE_FACT(struct caller_wire, totals_date, false),
                                              WIRE_FACT(struct caller_wire, totals_sums, false),
                                              WIRE_FACT(struct caller_wire, totals_answer, false),
                                              WIRE_FACT(struct caller_wire, totals_equal, false),
                                              WIRE_FACT(struct caller_wire, tally_plus, false),
                                              WIRE_FACT(struct caller_wire, tally_minus, false),
                                              WIRE_FACT(struct caller_wire, tally_amounts, false),
                                              WIRE_FACT(struct caller_wire, own_centre, false),
                                              WIRE_FACT(struct caller_wire, return_codes, false),
                                              WIRE_FACT(struct caller_wire, accounting_date_field, false),
                                              WIRE_FACT(struct caller_wire, answer_serial_field, false),
                                              WIRE_FACT(struct caller_wire, answer_transaction_field, false),
                                              WIRE_FACT(struct caller_wire, inquiry_original_serial, false),
                                              WIRE_FACT(struct caller_wire, inquiry_return, false),
                                              WIRE_FACT(struct caller_wire, inquiry_reference, false),
                                              WIRE_FACT(struct caller_wire, inquiry_output, false),
                                              WIRE_FACT(struct caller_wire, details, false),
                                              WIRE_FACT(struct caller_wire, details_for, false),
                                              WIRE_FACT(struct caller_wire, details_date, false),
                                              WIRE_FACT(struct caller_wire, details_page, false),
                                              WIRE_FACT(struct caller_wire, details_size, false),
                                              WIRE_FACT(struct caller_wire, details_last, false),
                                              WIRE_FACT(struct caller_wire, details_serial, false),
                                              WIRE_FACT(struct caller_wire, details_reversed, false),
                                              WIRE_FACT(struct caller_wire, details_take, false),
                                              WIRE_FACT(struct caller_wire, own_mark, false),
                                              WIRE_FACT(struct caller_wire, own_serials, false)};

static int
read_wire(struct caller *caller, struct fep_error *error)
{
    struct caller_wire *wire = &caller->wire;
    if (wire_read(caller->host, wire_facts, sizeof wire_facts / sizeof *wire_facts, wire, error) < 0)
        return -1;
    if (wire->totals != NULL && (wire->totals_date == NULL || wire->totals_sums == NULL ||
                                 wire->totals_answer == NULL || wire->totals_equal == NULL))
        return set_error(error, 0, 0,
                         "wire.totals needs totals_date, totals_sums, totals_answer and totals_equal");
    if (wire->own_mark != NULL && (strlen(wire->own_mark) > 4 || !is_plain_word(wire->own_mark)))
        return set_error(error, 0, 0, "wire.own_mark is \"%.20s\"; expected up to 4 letters or digits",
                         wire->own_mark);
    if (wire->details != NULL &&
        (wire->details_for == NULL || wire->details_date == NULL || wire->details_page == NULL ||
         wire->details_size == NULL || wire->details_last == NULL || wire->details_serial == NULL ||
         wire->details_reversed == NULL || wire->details_take == NULL))
        return set_error(error, 0, 0, "wire.details needs all of wire.details_...");
    if ((wire->node != NULL && strlen(wire->node) >= CYCLE_INSTITUTION) ||
        (wire->operator!= NULL && strlen(wire->operator) >= CYCLE_OPERATOR))
        return set_error(error, 0, 0, "wire.node or wire.operator is too long");
    if (wire->return_codes != NULL && strcmp(wire->return_codes, "word") != 0 &&
        strcmp(wire->return_codes, "negative") != 0)
        return set_error(error, 0, 0, "wire.return_codes is \"%.20s\"; expected negative or word",
                         wire->return_codes);
    if (wire->inquiry_output != NULL && strcmp(wire->inquiry_output, "rest") != 0)
        return set_error(error, 0, 0, "wire.inquiry_output is \"%.20s\"; expected rest",
                         wire->inquiry_output);
    return 0;
}

/* What goes together: a sign-in needs a cycle and its end, an operation on an original needs a field that
 * names it. */
static int
check_parts(const struct caller *caller, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    bool reverses = host->mapping_text(host->self, "reverse", "local") != NULL,
         inquires = host->mapping_text(host->self, "inquire", "local") != NULL, signs = wire->sign_in != NULL;
    const struct {
        const char *name, *value;
        bool needed;
    } parts[] = {{"original_serial", wire->original_serial, reverses},
                 {"inquiry_original_serial", wire->inquiry_original_serial, inquires},
                 {"operator", wire->operator, wire->operator_field != NULL },
                  {"online_values", wire->online_values, wire->online_field != NULL},
                  {"centre_time_answer_clock", wire->centre_time_answer_clock, wire->centre_time != NULL},
                  {"node", wire->node, signs},
                  {"cycle_field", wire->cycle_field, signs},
                  {"answer_cycle_field", wire->answer_cycle_field, signs},
                  {"not_signed_in", wire->not_signed_in, signs},
                  {"cycle_over", wire->cycle_over, signs},
                  {"foreign_cycle", wire->foreign_cycle, signs},
                  {"sign_in_password", wire->sign_in_password, signs},
                  {"sign_in_terminal", wire->sign_in_terminal, signs},
                  {"sign_in_clock", wire->sign_in_clock, signs},
                  {"sign_in_answer_clock", wire->sign_in_answer_clock, signs},
                  {"sign_in_answer_resumed", wire->sign_in_answer_resumed, signs},
                  {"sign_out", wire->sign_out, signs},
                  {"sign_out_forced", wire->sign_out_forced, signs},
                  {"centre_time", wire->centre_time, signs}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].needed && parts[i].value == NULL)
            return set_error(error, 0, 0, "the mapping lacks wire.%s", parts[i].name);
    }
    if (signs && host->get_secret(caller->config, "password_file") == NULL)
        return set_error(error, 0, 0, "option password_file is missing; the mapping has a sign-in");
    return 0;
}

/* A field that the mapping names and a layout does not have is found now, not at the first settlement. */
static int
check_fields(const struct caller *caller, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    char sign_in[TRANSACTION_SIZE + 4], sign_in_answer[TRANSACTION_SIZE + 4], sign_out[TRANSACTION_SIZE + 4];
    bool signs = wire->sign_in != NULL;
    snprintf(sign_in, sizeof sign_in, "%.12s-Q", signs ? wire->sign_in : "");
    snprintf(sign_in_answer, sizeof sign_in_answer, "%.12s-R", signs ? wire->sign_in : "");
    snprintf(sign_out, sizeof sign_out, "%.12s-Q", signs ? wire->sign_out : "");
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
                 {"head-R", wire->answer_serial_field},
                 {"head-R", wire->answer_transaction_field},
                 {"head-R", wire->accounting_date_field},
                 {sign_in, wire->sign_in_password},
                 {sign_in, wire->sign_in_terminal},
                 {sign_in, wire->sign_in_clock},
                 {sign_in_answer, wire->sign_in_answer_clock},
                 {sign_in_answer, wire->sign_in_answer_resumed},
                 {sign_out, wire->sign_out_forced}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (named[i].field != NULL &&
            find_field(host->find_layout(host->self, named[i].layout), named[i].field) < 0)
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
        check_parts(caller, error) < 0 || check_fields(caller, error) < 0)
        return -1;
    if (caller->wire.sign_in != NULL && tally_open(&caller->tally, directory) < 0)
        return set_error(error, 0, 0, "state_directory %.200s can not be used",
                         directory != NULL ? directory : "");
    caller->scratch = malloc(caller->codec.max_line);
    return caller->scratch != NULL
               ? 0
               : set_error(error, 0, 0, "no memory for a line of %zu bytes", caller->codec.max_line);
}

static void
calling_start(void *self, struct fep_call *call)
{
    struct caller *caller = self;
    caller->start_call = call;
    shift_start(caller);
}

void
calling_finish_start(struct caller *caller)
{
    own_call_end(caller->host, &caller->start_call, FEP_ANSWERED, FEP_REASON_NONE);
}

static void
calling_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    errand_begin(self, call, FEP_OP_SUBMIT, message);
}

static void
calling_inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    errand_begin(self, call, FEP_OP_INQUIRE, message);
}

static void
calling_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    errand_begin(self, call, FEP_OP_REVERSE, message);
}

static void
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
    own_call_end(caller->host, own, FEP_NOT_SENT, reason);
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

/* A local system that has no echo is tried with a request: if that runs out of time too, nothing more goes
 * out. */
void
calling_try_again(struct caller *caller)
{
    caller->hung = false;
    caller->timeout_count = TIMEOUTS - 1;
    for (size_t i = 0; i < TIMEOUTS; i++)
        caller->timeouts[i] = caller->host->read_monotonic_ms(caller->host->self);
    caller->health.reason[0] = '\0';
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
    if (caller->drain_call == NULL || count_calls(caller) > 0)
        return;
    own_call_end(caller->host, &caller->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

static void
calling_read_health(void *self, struct fep_health *health)
{
    const struct caller *caller = self;
    two_way_tell_health(&caller->health, count_calls(caller), health);
}

/* The cycle stays open: whoever starts next signs in to it again. */
static void
calling_drain(void *self, struct fep_call *call)
{
    struct caller *caller = self;
    caller->draining = true;
    caller->drain_call = call;
    calling_report(caller);
    calling_check_drained(caller);
}

static void
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

static const struct fep_adapter_ops side = {.size = sizeof side,
                                            .start = calling_start,
                                            .submit = calling_submit,
                                            .inquire = calling_inquire,
                                            .reverse = calling_reverse,
                                            .cancel = calling_cancel,
                                            .read_health = calling_read_health,
                                            .drain = calling_drain,
                                            .close = calling_close};

int
calling_open(const struct fep_host *host, const struct fep_config *config, void **self,
             struct fep_error *error)
{
    struct caller *caller = two_way_create(sizeof *caller, host, &side, error);
    if (caller == NULL)
        return -1;
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
