/* Errands: what a call, or our own business, is on the wire, and how it ends when no answer comes.
 *
 * Must never say NOT_SENT once a byte has left, never REFUSED for anything but what can not be written at
 * all, and never send a line under a cycle that is not the one of the moment. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { ROUTER_NUMBER = 12 /* digits of a serial number drawn by the router */ };

/* --- the list --- */

static struct errand *
add_errand(struct caller *caller, enum errand_kind kind)
{
    /* Room is kept for the shift's own: without a cycle nothing else moves. */
    size_t room = kind == ERRAND_CALL ? MAX_ERRANDS - 4 : MAX_ERRANDS;
    struct errand *errand = caller->errand_count < room ? calloc(1, sizeof *errand) : NULL;
    if (errand == NULL)
        return NULL;
    errand->caller = caller;
    errand->kind = kind;
    errand->state = ERRAND_WAITING;
    errand->before = caller->last;
    if (caller->last != NULL)
        caller->last->next = errand;
    else
        caller->first = errand;
    caller->last = errand;
    caller->errand_count++;
    return errand;
}

void
errand_free(struct caller *caller, struct errand *errand)
{
    const struct fep_host *host = caller->host;
    if (errand->channel != NULL)
        errand->channel->errand = NULL;
    if (errand->before != NULL)
        errand->before->next = errand->next;
    else
        caller->first = errand->next;
    if (errand->next != NULL)
        errand->next->before = errand->before;
    else
        caller->last = errand->before;
    caller->errand_count--;
    host->clear_timer(host->self, errand->timer);
    host->release_record(host->self, errand->head);
    host->release_record(host->self, errand->body);
    if (errand->kind == ERRAND_SIGN_IN && errand->line != NULL)
        explicit_bzero(errand->line, errand->line_size); /* the password */
    free(errand->line);
    free(errand);
}

void
errand_free_all(struct caller *caller)
{
    while (caller->first != NULL)
        errand_free(caller, caller->first);
}

bool
errand_posts(const struct caller *caller, const struct errand *errand)
{
    return errand->kind == ERRAND_CALL &&
           list_has(caller->wire.posting, errand->local, strlen(errand->local));
}

size_t
errand_count_in_flight(const struct caller *caller)
{
    size_t count = 0;
    for (const struct errand *errand = caller->first; errand != NULL; errand = errand->next)
        count += errand->kind == ERRAND_CALL && errand->state != ERRAND_WAITING;
    return count;
}

/* --- ends --- */

/* The accounting facts that a reversal needs are told whatever became of the request. */
static void
fill_cycle(const struct errand *errand, struct fep_result *result)
{
    if (errand->cycle[0] == '\0') {
        if (result->accounting_date == 0)
            result->accounting_date = errand->sent_date;
        return;
    }
    snprintf(result->cycle, sizeof result->cycle, "%s", errand->cycle);
    result->accounting_date = cycles_date(errand->cycle);
}

void
errand_finish(struct caller *caller, struct errand *errand, enum fep_kind kind, struct fep_result *result,
              struct fep_record *answer)
{
    const struct fep_host *host = caller->host;
    result->size = sizeof *result;
    if (errand->operation == FEP_OP_SUBMIT)
        fill_cycle(errand, result);
    if (kind == FEP_UNKNOWN && errand->operation == FEP_OP_SUBMIT && errand->cycle[0] != '\0' &&
        errand_posts(caller, errand))
        shift_doubt(caller, errand->serial);
    if (kind == FEP_ANSWERED || kind == FEP_REFUSED)
        caller->health.last_success_ms = host->read_monotonic_ms(host->self);
    host->complete_call(host->self, errand->call, kind, result, answer);
    errand_free(caller, errand);
    calling_check_drained(caller);
}

static void
end_without_answer(struct caller *caller, struct errand *errand, enum fep_kind kind, enum fep_reason reason,
                   const char *why)
{
    struct fep_result result = {.reason = reason, .code = kind == FEP_NOT_SENT ? 9001 : 0};
    copy_text(result.text, sizeof result.text, why, strlen(why));
    errand_finish(caller, errand, kind, &result, NULL);
}

static void
end_with_error(struct caller *caller, struct errand *errand, const struct fep_error *error)
{
    struct fep_result result = {.reason = FEP_REASON_MALFORMED, .code = error->code};
    /* Canonical codes end in 00..09; all others are the gateway's own and pass as "field invalid". */
    if (error->code < 1000 || error->code > 9999 || error->code % 100 > 9)
        result.code = 1003;
    copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    errand_finish(caller, errand, error->code == 9001 ? FEP_NOT_SENT : FEP_REFUSED, &result, NULL);
}

void
errand_lose(struct caller *caller, struct errand *errand, enum fep_reason reason, const char *why)
{
    if (errand->kind == ERRAND_CALL) {
        end_without_answer(caller, errand, errand->state == ERRAND_SENT ? FEP_UNKNOWN : FEP_NOT_SENT, reason,
                           why);
        return;
    }
    enum errand_kind kind = errand->kind;
    errand_free(caller, errand);
    copy_text(caller->health.reason, sizeof caller->health.reason, why, strlen(why));
    shift_take(caller, kind, NULL, (struct fep_bytes){NULL, 0}, NULL);
}

/* --- serials --- */

/* %D date, %T time of day, %I institution, %H the number but for its last four, %L its last four. */
static int
write_serial(const char *form, const char *date, const char *time, const char *institution,
             const char *number, char serial[SERIAL_SIZE])
{
    size_t at = 0, head = strlen(number) - 4;
    char lead[SERIAL_SIZE];
    snprintf(lead, sizeof lead, "%.*s", (int)head, number);
    for (const char *c = form; *c != '\0'; c++) {
        const char one[2] = {*c, '\0'};
        const char *part = one;
        if (*c == '%' && c[1] != '\0') {
            c++;
            part = *c == 'D'   ? date
                   : *c == 'T' ? time
                   : *c == 'I' ? institution
                   : *c == 'H' ? lead
                   : *c == 'L' ? number + head
                               : "";
        }
        int put = snprintf(serial + at, SERIAL_SIZE - at, "%s", part);
        if (put < 0 || (size_t)put >= SERIAL_SIZE - at)
            return -1;
        at += (size_t)put;
    }
    return 0;
}

/* Of the date and the number that the router drew and committed, so that the reversal finds the same text
 * again. */
static int
write_routers_serial(const struct caller *caller, struct fep_bytes drawn, const char *institution,
                     char serial[SERIAL_SIZE])
{
    char date[9], number[ROUTER_NUMBER + 1];
    if (drawn.size != 8 + ROUTER_NUMBER || !is_all_digits((const char *)drawn.data, drawn.size))
        return -1;
    snprintf(date, sizeof date, "%.8s", (const char *)drawn.data);
    snprintf(number, sizeof number, "%.*s", ROUTER_NUMBER, (const char *)drawn.data + 8);
    return write_serial(caller->wire.call_serial, date, "000000", institution, number, serial);
}

/* Our own business posts nothing and needs no place in the store. A mark keeps it apart from the router's. */
static int
write_own_serial(struct caller *caller, const char *institution, char serial[SERIAL_SIZE])
{
    char date[16], time[16], number[16];
    uint32_t day, clock;
    caller->host->read_local_time(caller->host->self, &day, &clock);
    snprintf(date, sizeof date, "%08u", (unsigned)(day % 100000000u));
    snprintf(time, sizeof time, "%06u", (unsigned)(clock % 1000000u));
    caller->serial_counter++;
    const char *mark = caller->wire.own_mark != NULL ? caller->wire.own_mark : "S";
    char digits[ROUTER_NUMBER + 1];
    snprintf(digits, sizeof digits, "%012u", (unsigned)caller->serial_counter);
    snprintf(number, sizeof number, "%.4s%s", mark, digits + strlen(mark));
    return write_serial(caller->wire.call_serial, date, time, institution, number, serial);
}

struct read_serial {
    char date[9], time[7], lead[ROUTER_NUMBER - 3], last[5];
};

static bool
take_digits(const char **text, const char *end, char *out, size_t count)
{
    if ((size_t)(end - *text) < count || !is_all_digits(*text, count))
        return false;
    memcpy(out, *text, count);
    out[count] = '\0';
    *text += count;
    return true;
}

/* The form of our serials read backwards. An institution may have any length up to its own bound. */
static bool
match_serial(const char *form, const char *text, const char *end, struct read_serial *found)
{
    for (; *form != '\0'; form++) {
        if (*form != '%' || form[1] == '\0') {
            if (text == end || *text++ != *form)
                return false;
            continue;
        }
        form++;
        if (*form == 'I') {
            for (int left = CYCLE_INSTITUTION; left > 0; left--, text++) {
                if (match_serial(form + 1, text, end, found))
                    return true;
                const char one[2] = {text < end ? *text : '-', '\0'};
                if (!is_plain_word(one))
                    return false;
            }
            return false;
        }
        if (!(*form == 'D'   ? take_digits(&text, end, found->date, 8)
              : *form == 'T' ? take_digits(&text, end, found->time, 6)
              : *form == 'H' ? take_digits(&text, end, found->lead, ROUTER_NUMBER - 4)
              : *form == 'L' ? take_digits(&text, end, found->last, 4)
                             : false))
            return false;
    }
    return text == end;
}

bool
errand_read_serial(const struct caller *caller, struct fep_bytes serial, char out[24])
{
    struct read_serial found = {.time = "000000"};
    const char *text = (const char *)serial.data;
    if (serial.size == 0 || !match_serial(caller->wire.call_serial, text, text + serial.size, &found) ||
        strcmp(found.time, "000000") != 0 || found.date[0] == '\0' || found.lead[0] == '\0' ||
        found.last[0] == '\0')
        return false;
    snprintf(out, 24, "%s%s%s", found.date, found.lead, found.last);
    return true;
}

/* --- making requests --- */

static int
read_institution(const struct caller *caller, const struct errand *errand,
                 char institution[CYCLE_INSTITUTION], struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    int size = copy_field(host, errand->head, caller->wire.institution_field, institution, CYCLE_INSTITUTION);
    if (size == 0)
        size = snprintf(institution, CYCLE_INSTITUTION, "%s",
                        caller->wire.node != NULL ? caller->wire.node : "");
    bool needed = caller->wire.institution_field != NULL;
    return size >= (needed ? 1 : 0) && is_plain_word(institution)
               ? 0
               : set_error(error, FEP_NOT_SENT, 1003, "the institution is none of letters and digits");
}

/* The mapping puts date and number of the serial, and of the original's, where they belong; their form is
 * ours. */
static int
fill_serials(const struct caller *caller, struct errand *errand, const char *institution,
             struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    if (write_routers_serial(caller, get_field(host, errand->head, wire->serial_field), institution,
                             errand->serial) < 0)
        return set_error(error, FEP_NOT_SENT, 1003, "%.12s has no serial", errand->local);
    if (errand->operation == FEP_OP_SUBMIT)
        return 0;
    const char *original =
        errand->operation == FEP_OP_INQUIRE ? wire->inquiry_original_serial : wire->original_serial;
    if (write_routers_serial(caller, get_field(host, errand->body, original), institution,
                             errand->original_serial) < 0 ||
        set_field(host, errand->body, original, errand->original_serial) < 0)
        return set_error(error, FEP_NOT_SENT, 1003, "%.12s does not name its original", errand->local);
    return 0;
}

static int
fill_head(const struct caller *caller, struct errand *errand, const char *institution,
          struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    char online[8] = "";
    const char *at = wire->online_values, *word;
    size_t size;
    if (at != NULL && next_word(&at, &word, &size) && size < sizeof online)
        snprintf(online, sizeof online, "%.*s", (int)size, word);
    bool own = list_has(wire->own_centre, errand->local, strlen(errand->local)) && wire->own_region != NULL;
    const struct {
        const char *field, *text;
    } values[] = {{wire->transaction_field, errand->local}, {wire->institution_field, institution},
                  {wire->operator_field, wire->operator},
                   {wire->serial_field, errand->serial},
                   {wire->online_field, online},
                   {own ? wire->centre_field : NULL, wire->own_region}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i].field != NULL && set_field(host, errand->head, values[i].field, values[i].text) < 0)
            return set_error(error, FEP_NOT_SENT, 9001, "no memory for a head");
    }
    return 0;
}

/* The local transaction of the request that is asked about: an inquiry's answer holds its output. */
static int
find_original(struct caller *caller, struct errand *errand, const struct fep_message *message,
              struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    struct fep_record *head = NULL, *body = NULL;
    const char *local = host->translate_out(host->self, message, FEP_OP_SUBMIT,
                                            host->call_attempt(errand->call), &head, &body, error);
    if (local != NULL)
        snprintf(errand->original, sizeof errand->original, "%s", local);
    host->release_record(host->self, head);
    host->release_record(host->self, body);
    return local != NULL ? 0 : -1;
}

static int
translate(struct caller *caller, struct errand *errand, const struct fep_message *message,
          struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    char institution[CYCLE_INSTITUTION];
    set_error(error, FEP_NOT_SENT, 1002, "not translated");
    const char *local =
        host->translate_out(host->self, message, errand->operation, host->call_attempt(errand->call),
                            &errand->head, &errand->body, error);
    if (local == NULL)
        return -1;
    if (errand->head == NULL || strlen(local) >= sizeof errand->local)
        return set_error(error, FEP_NOT_SENT, 1002, "%.40s has no head", local);
    snprintf(errand->local, sizeof errand->local, "%s", local);
    if (read_institution(caller, errand, institution, error) < 0 ||
        fill_serials(caller, errand, institution, error) < 0)
        return -1;
    bool looks = errand->operation == FEP_OP_REVERSE && caller->wire.details != NULL;
    if ((errand->operation == FEP_OP_INQUIRE || looks) && find_original(caller, errand, message, error) < 0)
        return -1;
    return fill_head(caller, errand, institution, error);
}

void
errand_begin(struct caller *caller, struct fep_call *call, uint32_t operation,
             const struct fep_message *message)
{
    const struct fep_host *host = caller->host;
    struct fep_result bound = {.size = sizeof bound, .reason = FEP_REASON_BOUND, .code = 9001};
    struct fep_error error;
    struct errand *errand = caller->draining ? NULL : add_errand(caller, ERRAND_CALL);
    if (errand == NULL) {
        host->complete_call(host->self, call, FEP_NOT_SENT, &bound, NULL);
        return;
    }
    errand->call = call;
    errand->operation = operation;
    if (translate(caller, errand, message, &error) < 0)
        end_with_error(caller, errand, &error);
    else
        errand_pump(caller);
}

static void
on_own_timer(void *arg)
{
    struct errand *errand = arg;
    struct caller *caller = errand->caller;
    errand->timer = NULL;
    if (errand->channel != NULL)
        channel_drop(errand->channel);
    errand_lose(caller, errand, FEP_REASON_DEADLINE, "no answer to our own request");
    errand_pump(caller);
}

struct errand *
errand_begin_own(struct caller *caller, enum errand_kind kind, const char *local, struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    struct fep_error error;
    struct errand *errand = add_errand(caller, kind);
    if (errand == NULL) {
        host->release_record(host->self, body);
        return NULL;
    }
    errand->body = body;
    errand->head = host->create_record(host->self, "head-Q");
    snprintf(errand->local, sizeof errand->local, "%s", local);
    const struct caller_wire *wire = &caller->wire;
    const char *node = wire->node != NULL ? wire->node : "";
    if (errand->head == NULL || write_own_serial(caller, node, errand->serial) < 0 ||
        fill_head(caller, errand, node, &error) < 0 ||
        (wire->centre_field != NULL && wire->own_region != NULL &&
         set_field(host, errand->head, wire->centre_field, wire->own_region) < 0)) {
        errand_free(caller, errand);
        return NULL;
    }
    errand->timer = host->set_timer(host->self, caller->own_ms, on_own_timer, errand);
    return errand;
}

int
errand_become(struct caller *caller, struct errand *errand, const char *local, struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    char institution[CYCLE_INSTITUTION];
    struct fep_error error;
    if (body == NULL || read_institution(caller, errand, institution, &error) < 0) {
        host->release_record(host->self, body);
        return -1;
    }
    host->release_record(host->self, errand->body);
    errand->body = body;
    snprintf(errand->local, sizeof errand->local, "%s", local);
    return write_own_serial(caller, institution, errand->serial) < 0 ||
                   fill_head(caller, errand, institution, &error) < 0
               ? -1
               : 0;
}

/* --- sending --- */

static bool
needs_cycle(const struct errand *errand)
{
    return errand->kind != ERRAND_SIGN_IN && errand->kind != ERRAND_ECHO;
}

bool
errand_write_line(struct errand *errand, struct caller *caller)
{
    const struct fep_host *host = caller->host;
    struct fep_error error = {0};
    if (errand->kind == ERRAND_CALL && !shift_is_open_to(caller, errand->local)) {
        errand_wait_again(errand);
        return false;
    }
    snprintf(errand->cycle, sizeof errand->cycle, "%s", needs_cycle(errand) ? caller->shift.cycle : "");
    long size = -1;
    uint32_t clock;
    shift_read_clock(caller, &errand->sent_date, &clock);
    if (caller->wire.cycle_field == NULL ||
        set_field(host, errand->head, caller->wire.cycle_field, errand->cycle) == 0)
        size = caret_encode_line(&caller->codec, errand->head, errand->body, NULL, caller->scratch, &error);
    free(errand->line);
    errand->line = size > 0 ? malloc((size_t)size) : NULL;
    errand->written = 0;
    if (errand->line != NULL) {
        memcpy(errand->line, caller->scratch, (size_t)size);
        errand->line_size = (size_t)size;
        return true;
    }
    if (size > 0)
        set_error(&error, FEP_NOT_SENT, 9001, "no memory for a line of %ld bytes", size);
    if (errand->kind == ERRAND_CALL)
        end_with_error(caller, errand, &error);
    else
        errand_lose(caller, errand, FEP_REASON_MALFORMED, error.text);
    return false;
}

static void
on_queue_timer(void *arg)
{
    struct errand *errand = arg;
    struct caller *caller = errand->caller;
    errand->timer = NULL;
    if (errand->state == ERRAND_WAITING)
        end_without_answer(caller, errand, FEP_NOT_SENT, FEP_REASON_LINK_DOWN,
                           "no business cycle within the time allowed");
}

void
errand_wait_again(struct errand *errand)
{
    if (errand->channel != NULL)
        errand->channel->errand = NULL;
    errand->channel = NULL;
    errand->state = ERRAND_WAITING;
}

/* Puts one errand on a channel, leaves it waiting, or ends it. */
static void
place(struct caller *caller, struct errand *errand)
{
    const struct fep_host *host = caller->host;
    if (errand->kind == ERRAND_CALL && errand->operation == FEP_OP_SUBMIT && caller->hung) {
        end_without_answer(caller, errand, FEP_NOT_SENT, FEP_REASON_LINK_DOWN,
                           "the local system takes requests and does not answer");
        return;
    }
    if (errand->kind == ERRAND_CALL && !shift_is_open_to(caller, errand->local)) {
        if (!shift_is_coming(caller))
            end_without_answer(caller, errand, FEP_NOT_SENT, FEP_REASON_LINK_DOWN,
                               "not signed in at the local system");
        else if (errand->timer == NULL)
            errand->timer = host->set_timer(host->self, caller->queue_ms, on_queue_timer, errand);
        return;
    }
    if (errand->kind == ERRAND_CALL) {
        host->clear_timer(host->self, errand->timer);
        errand->timer = NULL;
    }
    channel_take(caller, errand);
}

void
errand_pump(struct caller *caller)
{
    caller->pump_again = true;
    if (caller->pumping || caller->closing)
        return;
    caller->pumping = true;
    while (caller->pump_again) {
        struct errand *next;
        caller->pump_again = false;
        for (struct errand *errand = caller->first; errand != NULL; errand = next) {
            next = errand->next;
            if (errand->state == ERRAND_WAITING)
                place(caller, errand);
        }
    }
    caller->pumping = false;
}

void
errand_cancel(struct caller *caller, struct fep_call *call, enum fep_reason reason)
{
    struct errand *errand = caller->first;
    while (errand != NULL && (errand->kind != ERRAND_CALL || errand->call != call))
        errand = errand->next;
    if (errand == NULL)
        return;
    bool sent = errand->state == ERRAND_SENT;
    if (sent && reason == FEP_REASON_DEADLINE)
        calling_note_timeout(caller);
    if (sent)
        channel_drop(errand->channel); /* its answer would be taken for the next one's */
    end_without_answer(caller, errand, sent ? FEP_UNKNOWN : FEP_NOT_SENT, reason,
                       sent ? "no answer in the time allowed" : "not sent in the time allowed");
    errand_pump(caller);
}
