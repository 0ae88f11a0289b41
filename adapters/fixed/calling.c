/* The calling side's life: its facts of the mapping file, its options, health, drain and end. Must never take
 * a call before it knows that the mapping names all it needs. */
#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static int
read_wire(struct fixed *fixed, struct fep_error *error)
{
    struct fixed_wire *wire = &fixed->wire;
    const struct {
        const char *name;
        const char **value;
        bool required;
    } keys[] = {{"head_constants", &wire->head_constants, false},
                {"transaction_field", &wire->transaction_field, true},
                {"serial_field", &wire->serial_field, true},
                {"date_field", &wire->date_field, false},
                {"time_field", &wire->time_field, false},
                {"accounting_date_field", &wire->accounting_date_field, true},
                {"kind_field", &wire->kind_field, true},
                {"answer_kind", &wire->answer_kind, true},
                {"original_transaction_field", &wire->original_transaction_field, true},
                {"return_field", &wire->return_field, true},
                {"text_field", &wire->text_field, true},
                {"reference_field", &wire->reference_field, true},
                {"good", &wire->good, true},
                {"wrong_date", &wire->wrong_date, false},
                {"not_signed_on", &wire->not_signed_on, false},
                {"posting", &wire->posting, true},
                {"sign_on", &wire->sign_on, true},
                {"sign_on_password", &wire->sign_on_password, true},
                {"sign_on_window", &wire->sign_on_window, true},
                {"sign_on_answer_date", &wire->sign_on_answer_date, true},
                {"sign_on_answer_window", &wire->sign_on_answer_window, true},
                {"sign_on_answer_clock", &wire->sign_on_answer_clock, false},
                {"inquiry_length", &wire->inquiry_length, false},
                {"inquiry_reference", &wire->inquiry_reference, false},
                {"inquiry_return", &wire->inquiry_return, false},
                {"lookup_for", &wire->lookup_for, false},
                {"lookup_empty", &wire->lookup_empty, false},
                {"lookup", &wire->lookup, false},
                {"lookup_request", &wire->lookup_request, false},
                {"lookup_row_field", &wire->lookup_row_field, false},
                {"lookup_order", &wire->lookup_order, false}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        *keys[i].value = wire_text(fixed->host, keys[i].name);
        if (*keys[i].value == NULL && keys[i].required)
            return set_error(error, 0, 0, "the mapping lacks wire.%s", keys[i].name);
    }
    if (wire->lookup != NULL &&
        (wire->lookup_for == NULL || wire->lookup_empty == NULL || wire->lookup_row_field == NULL))
        return set_error(error, 0, 0, "wire.lookup needs lookup_for, lookup_empty and lookup_row_field");
    return 0;
}

/* A head field that the mapping names and the layout does not have is found now, not at the first settlement.
 */
static int
check_head_fields(const struct fixed *fixed, struct fep_error *error)
{
    const struct fixed_wire *wire = &fixed->wire;
    const char *const names[] = {wire->transaction_field,
                                 wire->serial_field,
                                 wire->date_field,
                                 wire->time_field,
                                 wire->accounting_date_field,
                                 wire->kind_field,
                                 wire->return_field,
                                 wire->text_field,
                                 wire->reference_field,
                                 wire->original_transaction_field};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL &&
            (find_field(fixed->codec.head_q, names[i]) < 0 || find_field(fixed->codec.head_r, names[i]) < 0))
            return set_error(error, 0, 0, "wire names %.40s; layouts head-Q and head-R have no such field",
                             names[i]);
    }
    return 0;
}

static void
free_fixed(struct fixed *fixed)
{
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        free(fixed->connections[i].in);
        if (fixed->connections[i].own != NULL)
            explicit_bzero(fixed->connections[i].own, 2048);
        free(fixed->connections[i].own);
    }
    free(fixed->scratch);
    free(fixed);
}

static int
make_buffers(struct fixed *fixed, struct fep_error *error)
{
    size_t frame = fixed->codec.max_record + fixed->codec.length_digits;
    fixed->scratch = malloc(frame);
    bool good = fixed->scratch != NULL;
    for (size_t i = 0; i < fixed->connection_count; i++) {
        struct connection *connection = &fixed->connections[i];
        connection->fixed = fixed;
        connection->fd = -1;
        connection->state = CONNECTION_DOWN;
        connection->in = malloc(frame);
        connection->own = calloc(1, 2048);
        good = good && connection->in != NULL && connection->own != NULL;
    }
    return good ? 0
                : set_error(error, 0, 0, "no memory for the buffers of %zu connections",
                            fixed->connection_count);
}

static void
read_options(struct fixed *fixed)
{
    const struct fep_host *host = fixed->host;
    const struct fep_config *config = fixed->config;
    fixed->connection_count = (size_t)host->get_integer(config, "connections");
    fixed->window_wanted = (unsigned)host->get_integer(config, "window");
    fixed->connect_ms = host->get_integer(config, "connect_time");
    fixed->sign_on_ms = host->get_integer(config, "sign_on_time");
    fixed->clock_tolerance_ms = host->get_integer(config, "clock_tolerance");
    fixed->heartbeat_ms = host->get_integer(config, "heartbeat_time");
    fixed->silence_ms = host->get_integer(config, "silence_time");
    fixed->pause_min_ms = host->get_integer(config, "pause_min");
    fixed->pause_max_ms = host->get_integer(config, "pause_max");
    fixed->late_ms = host->get_integer(config, "late_time");
    fixed->file_poll_ms = host->get_integer(config, "file_poll_time");
    fixed->breaker = (struct breaker){.limit = (unsigned)host->get_integer(config, "breaker_failures"),
                                      .within_ms = host->get_integer(config, "breaker_within"),
                                      .probe_ms = host->get_integer(config, "breaker_probe")};
}

static void
calling_start(void *self, struct fep_call *call)
{
    struct fixed *fixed = self;
    fixed->start_call = call;
    session_start(fixed);
    file_calls_start(fixed);
}

static void
calling_submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_SUBMIT, message);
}

static void
calling_inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_INQUIRE, message);
}

static void
calling_reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    task_begin(self, call, FEP_OP_REVERSE, message);
}

static void
calling_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct fixed *fixed = self;
    struct fep_call **own = call == fixed->start_call   ? &fixed->start_call
                            : call == fixed->drain_call ? &fixed->drain_call
                                                        : NULL;
    if (own == NULL) {
        task_cancel(fixed, call, reason);
        return;
    }
    own_call_end(fixed->host, own, FEP_NOT_SENT, reason);
}

static void
calling_read_health(void *self, struct fep_health *health)
{
    const struct fixed *fixed = self;
    *health = fixed->health;
    health->size = sizeof *health;
    health->open_calls = (uint32_t)fixed->task_count;
    if (health->state == 0)
        health->state = FEP_STARTING;
}

static void
calling_drain(void *self, struct fep_call *call)
{
    struct fixed *fixed = self;
    fixed->draining = true;
    fixed->drain_call = call;
    session_report(fixed);
    task_check_drained(fixed);
}

static void
calling_close(void *self)
{
    struct fixed *fixed = self;
    session_stop(fixed);
    file_calls_stop(fixed);
    task_free_all(fixed);
    free_fixed(fixed);
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
    struct fixed *fixed = calloc(1, sizeof *fixed);
    if (fixed == NULL)
        return set_error(error, 0, 0, "no memory");
    fixed->two_way = (struct two_way){host, &side};
    fixed->host = host;
    fixed->config = config;
    read_options(fixed);
    uint16_t random = 0;
    (void)host->fill_random(host->self, &random, sizeof random);
    fixed->serial_counter = random;
    const char *address = host->get_text(config, "connect");
    if (address == NULL || address[0] == '\0')
        set_error(error, 0, 0, "option connect is missing; mode call needs it");
    else if (tcp_parse(address, &fixed->address, error) == 0 &&
             fixed_codec_open(&fixed->codec, host, error) == 0 && read_wire(fixed, error) == 0 &&
             check_head_fields(fixed, error) == 0 &&
             files_open(&fixed->files, host, &fixed->codec, host->get_text(config, "file_in"),
                        host->get_text(config, "file_out"), error) == 0 &&
             make_buffers(fixed, error) == 0) {
        *self = fixed;
        return 0;
    }
    free_fixed(fixed);
    return -1;
}
