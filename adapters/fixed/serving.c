/* The serving side's life: its facts of the mapping file, its options, start, drain and end. Must never begin
 * to listen before all of that is known to be whole. */
#include "server.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static const struct wire_fact wire_facts[] = {WIRE_FACT(struct server_wire, transaction_field, true),
                                              WIRE_FACT(struct server_wire, serial_field, true),
                                              WIRE_FACT(struct server_wire, date_field, true),
                                              WIRE_FACT(struct server_wire, time_field, true),
                                              WIRE_FACT(struct server_wire, accounting_date_field, true),
                                              WIRE_FACT(struct server_wire, count_field, true),
                                              WIRE_FACT(struct server_wire, kind_field, true),
                                              WIRE_FACT(struct server_wire, request_kind, true),
                                              WIRE_FACT(struct server_wire, answer_kind, true),
                                              WIRE_FACT(struct server_wire, version_field, false),
                                              WIRE_FACT(struct server_wire, version, false),
                                              WIRE_FACT(struct server_wire, direction_field, false),
                                              WIRE_FACT(struct server_wire, serve_direction, false),
                                              WIRE_FACT(struct server_wire, sender_field, true),
                                              WIRE_FACT(struct server_wire, receiver_field, true),
                                              WIRE_FACT(struct server_wire, peer_node, false),
                                              WIRE_FACT(struct server_wire, node, false),
                                              WIRE_FACT(struct server_wire, original_transaction_field, true),
                                              WIRE_FACT(struct server_wire, original_serial_field, true),
                                              WIRE_FACT(struct server_wire, return_field, true),
                                              WIRE_FACT(struct server_wire, text_field, true),
                                              WIRE_FACT(struct server_wire, reference_field, true),
                                              WIRE_FACT(struct server_wire, good, true),
                                              WIRE_FACT(struct server_wire, good_text, false),
                                              WIRE_FACT(struct server_wire, wrong_seal, true),
                                              WIRE_FACT(struct server_wire, wrong_date, true),
                                              WIRE_FACT(struct server_wire, not_signed_on, true),
                                              WIRE_FACT(struct server_wire, dated, false),
                                              WIRE_FACT(struct server_wire, stored, true),
                                              WIRE_FACT(struct server_wire, rows_needed, false),
                                              WIRE_FACT(struct server_wire, serial_form, false),
                                              WIRE_FACT(struct server_wire, reference_prefix, false),
                                              WIRE_FACT(struct server_wire, reversal, false),
                                              WIRE_FACT(struct server_wire, reversal_reference, false),
                                              WIRE_FACT(struct server_wire, new_connection_is_new, false),
                                              WIRE_FACT(struct server_wire, sign_on, true),
                                              WIRE_FACT(struct server_wire, sign_on_password, true),
                                              WIRE_FACT(struct server_wire, sign_on_window, true),
                                              WIRE_FACT(struct server_wire, sign_on_answer_date, true),
                                              WIRE_FACT(struct server_wire, sign_on_answer_clock, true),
                                              WIRE_FACT(struct server_wire, sign_on_answer_window, true),
                                              WIRE_FACT(struct server_wire, sign_off, true),
                                              WIRE_FACT(struct server_wire, inquiry, false),
                                              WIRE_FACT(struct server_wire, inquiry_length, false),
                                              WIRE_FACT(struct server_wire, inquiry_reference, false),
                                              WIRE_FACT(struct server_wire, inquiry_return, false)};

static int
read_wire(struct server *server, struct fep_error *error)
{
    struct server_wire *wire = &server->wire;
    if (wire_read(server->host, wire_facts, sizeof wire_facts / sizeof *wire_facts, wire, error) < 0)
        return -1;
    return 0;
}

/* A head field that the mapping names and the layouts do not have is found now, not at the first settlement.
 */
static int
check_fields(const struct server *server, struct fep_error *error)
{
    const struct server_wire *wire = &server->wire;
    const char *const names[] = {wire->transaction_field,
                                 wire->serial_field,
                                 wire->date_field,
                                 wire->time_field,
                                 wire->accounting_date_field,
                                 wire->count_field,
                                 wire->kind_field,
                                 wire->sender_field,
                                 wire->receiver_field,
                                 wire->original_transaction_field,
                                 wire->original_serial_field,
                                 wire->return_field,
                                 wire->text_field,
                                 wire->reference_field,
                                 wire->version_field,
                                 wire->direction_field};
    if (wire->inquiry != NULL &&
        (wire->inquiry_length == NULL || wire->inquiry_reference == NULL || wire->inquiry_return == NULL))
        return set_error(error, 0, 0,
                         "wire.inquiry needs inquiry_length, inquiry_reference and inquiry_return");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i] != NULL && (find_field(server->codec.head_q, names[i]) < 0 ||
                                 find_field(server->codec.head_r, names[i]) < 0))
            return set_error(error, 0, 0, "wire names %.40s; layouts head-Q and head-R have no such field",
                             names[i]);
    }
    return 0;
}

static int
open_parts(struct server *server, struct fep_error *error)
{
    const struct fep_host *host = server->host;
    const char *address = host->get_text(server->config, "listen");
    const char *directory = host->get_text(server->config, "state_directory");
    if (address == NULL || address[0] == '\0')
        return set_error(error, 0, 0, "option listen is missing; mode serve needs it");
    if (tcp_parse(address, &server->address, error) < 0 ||
        fixed_codec_open(&server->codec, host, error) < 0 || read_wire(server, error) < 0 ||
        check_fields(server, error) < 0 || file_desk_open(server, error) < 0)
        return -1;
    if (server->codec.head_size > HEAD_ROOM)
        return set_error(error, 0, 0, "a head takes %zu bytes; at most %d", server->codec.head_size,
                         HEAD_ROOM);
    if (answers_open(&server->answers, directory) < 0)
        return set_error(error, 0, 0, "state_directory %.200s can not be used; mode serve needs it",
                         directory != NULL ? directory : "");
    size_t frame = server->codec.max_record + server->codec.length_digits;
    server->scratch = malloc(frame);
    return server->scratch != NULL ? 0 : set_error(error, 0, 0, "no memory for a frame of %zu bytes", frame);
}

void
serving_report(struct server *server)
{
    server->health.size = sizeof server->health;
    server->health.state = server->draining ? FEP_STOPPING : server->listener.fd >= 0 ? FEP_UP : FEP_DOWN;
    server->health.open_calls = (uint32_t)server->request_count;
    server->host->report_health(server->host->self, &server->health);
}

static void
serving_start(void *self, struct fep_call *call)
{
    struct server *server = self;
    struct fep_error error = {0};
    bool good = listener_open(&server->listener, &server->address, &error) == 0;
    if (good)
        file_desk_start(server);
    serving_report(server);
    own_call_started(server->host, call, good ? NULL : &error);
}

/* This side is asked; it never calls. */
static void
serving_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct server *server = self;
    if (call == server->drain_call)
        own_call_end(server->host, &server->drain_call, FEP_NOT_SENT, reason);
}

static void
serving_read_health(void *self, struct fep_health *health)
{
    const struct server *server = self;
    two_way_tell_health(&server->health, server->request_count, health);
}

void
serving_check_drained(struct server *server)
{
    bool writing = false;
    for (const struct client *client = server->first; client != NULL; client = client->next)
        writing = writing || client->out_written < client->out_size;
    if (server->drain_call == NULL || server->request_count > 0 || writing)
        return;
    own_call_end(server->host, &server->drain_call, FEP_ANSWERED, FEP_REASON_NONE);
}

static void
serving_drain(void *self, struct fep_call *call)
{
    struct server *server = self;
    server->draining = true;
    server->drain_call = call;
    listener_close(&server->listener);
    client_close_idle(server);
    serving_report(server);
    serving_check_drained(server);
}

static void
serving_close(void *self)
{
    struct server *server = self;
    listener_close(&server->listener);
    client_close_all(server);
    file_desk_close(server);
    free(server->scratch);
    free(server);
}

static const struct fep_adapter_ops side = {.size = sizeof side,
                                            .start = serving_start,
                                            TWO_WAY_SERVES,
                                            .cancel = serving_cancel,
                                            .read_health = serving_read_health,
                                            .drain = serving_drain,
                                            .close = serving_close};

int
serving_open(const struct fep_host *host, const struct fep_config *config, void **self,
             struct fep_error *error)
{
    struct server *server = two_way_create(sizeof *server, host, &side, error);
    if (server == NULL)
        return -1;
    server->host = host;
    server->config = config;
    listener_init(&server->listener, host, client_take, server);
    server->moment = 1;
    server->client_limit = (size_t)host->get_integer(config, "max_connections");
    server->window_limit = (unsigned)host->get_integer(config, "window");
    server->idle_ms = host->get_integer(config, "silence_time");
    server->write_ms = host->get_integer(config, "write_time");
    server->prompt_ms = host->get_integer(config, "prompt_time");
    server->clock_tolerance_ms = host->get_integer(config, "clock_tolerance");
    (void)host->fill_random(host->self, &server->probe_counter, sizeof server->probe_counter);
    if (open_parts(server, error) < 0) {
        free(server->scratch);
        free(server);
        return -1;
    }
    *self = server;
    return 0;
}
