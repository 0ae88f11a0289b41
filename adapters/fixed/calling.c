/* The calling side's life: its facts of the mapping file, its options, health, drain and end. Must never take
 * a call before it knows that the mapping names all it needs. */
#include "fixed.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static const struct wire_fact wire_facts[] = {WIRE_FACT(struct fixed_wire, head_constants, false),
                                              WIRE_FACT(struct fixed_wire, transaction_field, true),
                                              WIRE_FACT(struct fixed_wire, serial_field, true),
                                              WIRE_FACT(struct fixed_wire, date_field, false),
                                              WIRE_FACT(struct fixed_wire, time_field, false),
                                              WIRE_FACT(struct fixed_wire, accounting_date_field, true),
                                              WIRE_FACT(struct fixed_wire, kind_field, true),
                                              WIRE_FACT(struct fixed_wire, answer_kind, true),
                                              WIRE_FACT(struct fixed_wire, original_transaction_field, true),
                                              WIRE_FACT(struct fixed_wire, return_field, true),
                                              WIRE_FACT(struct fixed_wire, text_field, true),
                                              WIRE_FACT(struct fixed_wire, reference_field, true),
                                              WIRE_FACT(struct fixed_wire, good, true),
                                              WIRE_FACT(struct fixed_wire, wrong_date, false),
                                              WIRE_FACT(struct fixed_wire, not_signed_on, false),
                                              WIRE_FACT(struct fixed_wire, posting, true),
                                              WIRE_FACT(struct fixed_wire, sign_on, true),
                                              WIRE_FACT(struct fixed_wire, sign_on_password, true),
                                              WIRE_FACT(struct fixed_wire, sign_on_window, true),
                                              WIRE_FACT(struct fixed_wire, sign_on_answer_date, true),
                                              WIRE_FACT(struct fixed_wire, sign_on_answer_window, true),
                                              WIRE_FACT(struct fixed_wire, sign_on_answer_clock, false),
                                              WIRE_FACT(struct fixed_wire, inquiry_length, false),
                                              WIRE_FACT(struct fixed_wire, inquiry_reference, false),
                                              WIRE_FACT(struct fixed_wire, inquiry_return, false),
                                              WIRE_FACT(struct fixed_wire, lookup_for, false),
                                              WIRE_FACT(struct fixed_wire, lookup_empty, false),
                                              WIRE_FACT(struct fixed_wire, lookup, false),
                                              WIRE_FACT(struct fixed_wire, lookup_request, false),
                                              WIRE_FACT(struct fixed_wire, lookup_row_field, false),
                                              WIRE_FACT(struct fixed_wire, lookup_order, false)};

static int
read_wire(struct fixed *fixed, struct fep_error *error)
{
    struct fixed_wire *wire = &fixed->wire;
    if (wire_read(fixed->host, wire_facts, sizeof wire_facts / sizeof *wire_facts, wire, error) < 0)
        return -1;
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
    two_way_tell_health(&fixed->health, fixed->task_count, health);
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
    struct fixed *fixed = two_way_create(sizeof *fixed, host, &side, error);
    if (fixed == NULL)
        return -1;
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
