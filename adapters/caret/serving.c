/* The serving side's life: its facts of the mapping file, its options, start, drain and end. Must never begin
 * to listen before all of that is known to be whole. */
#include "caret.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "own_call.h"
#include "wire.h"

static const struct wire_fact wire_facts[] = {WIRE_FACT(struct caret_wire, transaction_field, true),
                                              WIRE_FACT(struct caret_wire, institution_field, false),
                                              WIRE_FACT(struct caret_wire, operator_field, false),
                                              WIRE_FACT(struct caret_wire, cycle_field, false),
                                              WIRE_FACT(struct caret_wire, serial_field, true),
                                              WIRE_FACT(struct caret_wire, centre_field, false),
                                              WIRE_FACT(struct caret_wire, online_field, false),
                                              WIRE_FACT(struct caret_wire, online_values, false),
                                              WIRE_FACT(struct caret_wire, return_field, true),
                                              WIRE_FACT(struct caret_wire, reference_field, false),
                                              WIRE_FACT(struct caret_wire, answer_cycle_field, false),
                                              WIRE_FACT(struct caret_wire, text_field, false),
                                              WIRE_FACT(struct caret_wire, good, true),
                                              WIRE_FACT(struct caret_wire, reference_prefix, false),
                                              WIRE_FACT(struct caret_wire, own_region, false),
                                              WIRE_FACT(struct caret_wire, node_prefixes, false),
                                              WIRE_FACT(struct caret_wire, serial_form, false),
                                              WIRE_FACT(struct caret_wire, sign_in, false),
                                              WIRE_FACT(struct caret_wire, sign_in_password, false),
                                              WIRE_FACT(struct caret_wire, sign_in_clock, false),
                                              WIRE_FACT(struct caret_wire, sign_in_answer_clock, false),
                                              WIRE_FACT(struct caret_wire, sign_in_answer_resumed, false),
                                              WIRE_FACT(struct caret_wire, sign_out, false),
                                              WIRE_FACT(struct caret_wire, sign_out_forced, false),
                                              WIRE_FACT(struct caret_wire, centre_time, false),
                                              WIRE_FACT(struct caret_wire, centre_time_answer_clock, false),
                                              WIRE_FACT(struct caret_wire, own_centre, false),
                                              WIRE_FACT(struct caret_wire, after_midnight, false),
                                              WIRE_FACT(struct caret_wire, reversal, false),
                                              WIRE_FACT(struct caret_wire, new_connection_is_new, false),
                                              WIRE_FACT(struct caret_wire, not_served, false),
                                              WIRE_FACT(struct caret_wire, answer_serial_field, false),
                                              WIRE_FACT(struct caret_wire, answer_transaction_field, false),
                                              WIRE_FACT(struct caret_wire, replays, false),
                                              WIRE_FACT(struct caret_wire, posting, false),
                                              WIRE_FACT(struct caret_wire, totals, false),
                                              WIRE_FACT(struct caret_wire, totals_date, false),
                                              WIRE_FACT(struct caret_wire, totals_kind, false),
                                              WIRE_FACT(struct caret_wire, totals_answer, false),
                                              WIRE_FACT(struct caret_wire, totals_equal, false),
                                              WIRE_FACT(struct caret_wire, inquiry_return, false),
                                              WIRE_FACT(struct caret_wire, inquiry_reference, false),
                                              WIRE_FACT(struct caret_wire, inquiry_output, false),
                                              WIRE_FACT(struct caret_wire, number_limits, false)};

static int
read_wire(struct caret *caret, struct fep_error *error)
{
    struct caret_wire *wire = &caret->wire;
    if (wire_read(caret->host, wire_facts, sizeof wire_facts / sizeof *wire_facts, wire, error) < 0)
        return -1;
    wire->inquiry = caret->host->mapping_text(caret->host->self, "serve_inquire", "local");
    if (wire->replays != NULL && strcmp(wire->replays, "yes") != 0)
        wire->replays = NULL;
    if (wire->inquiry_output != NULL && strcmp(wire->inquiry_output, "rest") != 0)
        return set_error(error, 0, 0, "wire.inquiry_output is \"%.20s\"; expected rest",
                         wire->inquiry_output);
    return 0;
}

/* Whoever signs in gets a cycle, which is named in every request. */
static int
check_sign_in(const struct caret *caret, struct fep_error *error)
{
    const struct caret_wire *wire = &caret->wire;
    const struct {
        const char *name, *value;
    } needed[] = {{"institution_field", wire->institution_field},
                  {"operator_field", wire->operator_field},
                  {"cycle_field", wire->cycle_field},
                  {"answer_cycle_field", wire->answer_cycle_field},
                  {"sign_in_password", wire->sign_in_password},
                  {"sign_in_clock", wire->sign_in_clock},
                  {"sign_in_answer_clock", wire->sign_in_answer_clock},
                  {"sign_in_answer_resumed", wire->sign_in_answer_resumed},
                  {"sign_out", wire->sign_out},
                  {"sign_out_forced", wire->sign_out_forced}};
    for (size_t i = 0; wire->sign_in != NULL && i < sizeof needed / sizeof *needed; i++) {
        if (needed[i].value == NULL)
            return set_error(error, 0, 0, "the mapping lacks wire.%s, which wire.sign_in needs",
                             needed[i].name);
    }
    if (wire->sign_in != NULL && caret->host->get_secret(caret->config, "password_file") == NULL)
        return set_error(error, 0, 0, "option password_file is missing; the mapping has a sign-in");
    if (wire->centre_time != NULL && wire->centre_time_answer_clock == NULL)
        return set_error(error, 0, 0, "the mapping lacks wire.centre_time_answer_clock");
    return 0;
}

/* A field that the mapping names and a layout does not have is found now, not at the first settlement. */
static int
check_fields(const struct caret *caret, struct fep_error *error)
{
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    const struct fep_layout *q = host->find_layout(host->self, "head-Q"),
                            *r = host->find_layout(host->self, "head-R");
    const char *const asked[] = {wire->transaction_field, wire->institution_field, wire->operator_field,
                                 wire->cycle_field,       wire->serial_field,      wire->centre_field,
                                 wire->online_field};
    const char *const answered[] = {wire->return_field,        wire->reference_field,
                                    wire->answer_cycle_field,  wire->text_field,
                                    wire->answer_serial_field, wire->answer_transaction_field};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (asked[i] != NULL && find_field(q, asked[i]) < 0)
            return set_error(error, 0, 0, "wire names %.40s; layout head-Q has no such field", asked[i]);
    }
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
        if (answered[i] != NULL && find_field(r, answered[i]) < 0)
            return set_error(error, 0, 0, "wire names %.40s; layout head-R has no such field", answered[i]);
    }
    return 0;
}

static void
free_caret(struct caret *caret)
{
    cycles_close(&caret->book);
    free(caret->scratch);
    free(caret);
}

static int
open_parts(struct caret *caret, struct fep_error *error)
{
    const struct fep_host *host = caret->host;
    const struct fep_config *config = caret->config;
    bool damaged = false;
    if (host->get_text(config, "listen") == NULL)
        return set_error(error, 0, 0, "option listen is missing; mode serve needs it");
    if (tcp_parse(host->get_text(config, "listen"), &caret->address, error) < 0 ||
        caret_codec_open(&caret->codec, host, error) < 0 || read_wire(caret, error) < 0 ||
        check_fields(caret, error) < 0 || check_sign_in(caret, error) < 0)
        return -1;
    if (caret->wire.sign_in != NULL &&
        cycles_open(&caret->book, host->get_text(config, "state_directory"), &damaged, error) < 0)
        return -1;
    if (damaged)
        host->log_event(host->self, LOG_ERROR_LEVEL,
                        "the file of cycles is damaged; set aside, operators sign in anew", 0);
    caret->scratch = malloc(caret->codec.max_line);
    return caret->scratch != NULL
               ? 0
               : set_error(error, 0, 0, "no memory for a line of %zu bytes", caret->codec.max_line);
}

static void
serving_start(void *self, struct fep_call *call)
{
    struct caret *caret = self;
    struct fep_error error = {0};
    bool good = listener_open(&caret->listener, &caret->address, &error) == 0;
    session_report(caret);
    own_call_started(caret->host, call, good ? NULL : &error);
}

/* This side is asked; it never calls. */
static void
serving_cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct caret *caret = self;
    if (call == caret->drain_call)
        own_call_end(caret->host, &caret->drain_call, FEP_NOT_SENT, reason);
}

static void
serving_read_health(void *self, struct fep_health *health)
{
    const struct caret *caret = self;
    two_way_tell_health(&caret->health, session_count_open(caret), health);
}

static void
serving_drain(void *self, struct fep_call *call)
{
    struct caret *caret = self;
    caret->draining = true;
    caret->drain_call = call;
    listener_close(&caret->listener);
    struct client *next;
    for (struct client *client = caret->first; client != NULL; client = next) {
        next = client->next;
        if (client->state == CLIENT_READING)
            client_close(client);
    }
    session_report(caret);
    session_check_drained(caret);
}

static void
serving_close(void *self)
{
    struct caret *caret = self;
    listener_close(&caret->listener);
    session_close_all(caret);
    free_caret(caret);
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
    struct caret *caret = two_way_create(sizeof *caret, host, &side, error);
    if (caret == NULL)
        return -1;
    caret->host = host;
    caret->config = config;
    listener_init(&caret->listener, host, session_take, caret);
    caret->moment = 1;
    caret->client_limit = (size_t)host->get_integer(config, "max_connections");
    caret->idle_ms = host->get_integer(config, "idle_time");
    caret->write_ms = host->get_integer(config, "write_time");
    caret->clock_tolerance_ms = host->get_integer(config, "clock_tolerance");
    if (open_parts(caret, error) < 0) {
        free_caret(caret);
        return -1;
    }
    *self = caret;
    return 0;
}
