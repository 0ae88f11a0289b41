/* What a request means: an echo is answered here; everything else goes to the host.
 *
 * Must never answer for the insured place: what is not known is told as "unknown". A Fault is told exactly
 * when the transaction or the serial can not be read; everything else is an answer. Refusals name the field,
 * in the language of the people who read them. */
#include "soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "finding.h"
#include "peer_clock.h"
#include "wire.h"

enum { MAX_TEXT = 200 }; /* bytes of GBK that a text for people may take */

/* --- answering --- */

struct answer {
    char class; /* 'G' good, N, R, U */
    uint32_t code;
    const char *text;
    const struct fep_record *body, *inside;
    const char *reference;
    uint32_t accounting_date;
};

/* The clock of an answer carries the accounting day: where that is not today, the end of that day. */
static void
write_clock(const struct soap *soap, uint32_t accounting_date, char clock[32])
{
    uint32_t date, time;
    soap->host->read_local_time(soap->host->self, &date, &time);
    if (accounting_date != 0 && accounting_date != date) {
        time = accounting_date < date ? 235959 : 0;
        date = accounting_date;
    }
    snprintf(clock, 32, "%08u%06u", date % 100000000u, time % 1000000u);
}

/* As much of the text as its field holds, cut at a character. */
static void
fit_text(const char *text, char *out, size_t out_size)
{
    size_t used = 0, at = 0;
    while (text[at] != '\0') {
        size_t width = character_length(SCHEME_UTF8, (const unsigned char *)text + at, strlen(text + at));
        used += width == 1 ? 1 : 2;
        if (used > MAX_TEXT || at + width >= out_size)
            break;
        at += width;
    }
    memcpy(out, text, at);
    out[at] = '\0';
}

/* The local return code of a class and a canonical code; the gateway's own codes fall to the default of their
 * class. */
static const char *
return_code(const struct soap *soap, char class, uint32_t canonical)
{
    const struct fep_host *host = soap->host;
    char key[24];
    if (class == 'G')
        return soap->codec.wire.good;
    snprintf(key, sizeof key, "%c:%u", class, canonical < 10000 ? canonical : 0);
    const char *code = host->mapping_text(host->self, "results", key);
    return code != NULL ? code : "";
}

static const char *
status_of(const struct soap *soap, char class)
{
    const struct soap_wire *wire = &soap->codec.wire;
    return class == 'G' ? wire->status_good : class == 'U' ? wire->status_unknown : wire->status_refused;
}

static long
make_answer(const struct caller *caller, const struct answer *answer, unsigned char **out,
            struct fep_error *error)
{
    const struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    char clock[32], text[3 * MAX_TEXT];
    struct fep_record *head = host->create_record(host->self, "head-R");
    long size = -1;
    set_error(error, FEP_NOT_SENT, 9001, "no memory for an answer");
    if (head == NULL)
        return -1;
    write_clock(soap, answer->accounting_date, clock);
    fit_text(answer->text != NULL ? answer->text : "", text, sizeof text);
    if (set_field(host, head, wire->transaction_field, caller->transaction) == 0 &&
        set_field(host, head, wire->serial_field, caller->serial) == 0 &&
        set_field(host, head, wire->reference_field, answer->reference != NULL ? answer->reference : "") ==
            0 &&
        set_field(host, head, wire->status_field, status_of(soap, answer->class)) == 0 &&
        set_field(host, head, wire->return_field, return_code(soap, answer->class, answer->code)) == 0 &&
        set_field(host, head, wire->text_field, text) == 0 &&
        set_field(host, head, wire->time_field, clock) == 0)
        size = soap_encode(&soap->codec, false, head, answer->body, answer->inside, out, error);
    host->release_record(host->self, head);
    return size;
}

static void
tell(struct caller *caller, const struct answer *answer, bool repeatable)
{
    struct soap *soap = caller->soap;
    struct fep_error error;
    unsigned char *out = NULL;
    long size = make_answer(caller, answer, &out, &error);
    if (size < 0 && answer->body != NULL) {
        /* Asked before the ending was committed whether it fits (try_answer), so this is a fault of ours; the
         * caller must not take it for a refusal. */
        const struct answer unknown = {
            .class = 'U', .code = 9002, .text = "答复无法转成本地格式, 结果请核实"};
        soap->host->log_event(soap->host->self, LOG_ERROR_LEVEL, "an answer could not be written",
                              error.code);
        size = make_answer(caller, &unknown, &out, &error);
    }
    if (size < 0) /* a status that says nothing about the outcome */
        caller_tell(caller, 500, NULL, 0, false);
    else
        caller_tell(caller, 200, out, (size_t)size, repeatable);
}

static void
refuse(struct caller *caller, char class, uint32_t code, const char *text)
{
    tell(caller, &(struct answer){.class = class, .code = code, .text = text}, false);
}

static void
refuse_error(struct caller *caller, const struct fep_error *error)
{
    char text[256];
    const char *about = error->code == 1001   ? "报文不能解析: "
                        : error->code == 2204 ? "明细条数不对: "
                                              : "字段不合规定: ";
    snprintf(text, sizeof text, "%s%.180s", about, error->text);
    if (error->code == 9001)
        refuse(caller, 'R', 9001, "网关忙, 未办理, 请稍后重试");
    else
        refuse(caller, 'N', error->code, text);
}

static void
tell_fault(struct caller *caller, const char *why)
{
    struct fep_error error;
    unsigned char *out = NULL;
    char text[256];
    snprintf(text, sizeof text, "报文不能解析: %.200s", why);
    caller->serial[0] = caller->transaction[0] = '\0';
    long size = soap_encode_fault(&caller->soap->codec, text, &out, &error);
    caller_tell(caller, 500, out, size > 0 ? (size_t)size : 0, false);
}

/* --- bodies of answers --- */

/* Our serial for a request: the caller's, its first letters replaced. */
static void
write_reference(const struct soap *soap, const char *serial, char out[SOAP_SERIAL_SIZE])
{
    const char *prefix = soap->codec.wire.reference_prefix;
    snprintf(out, SOAP_SERIAL_SIZE, "%s", serial);
    size_t size = prefix != NULL ? strlen(prefix) : 0;
    if (size < strlen(out))
        memcpy(out, prefix != NULL ? prefix : "", size);
}

static bool
is_posting(const struct caller *caller)
{
    return list_has(caller->soap->codec.wire.posting, caller->transaction, strlen(caller->transaction));
}

static bool
is_operation(const struct caller *caller, const char *section)
{
    const struct fep_host *host = caller->soap->host;
    const char *local = host->mapping_text(host->self, section, "local");
    return local != NULL && strcmp(caller->transaction, local) == 0;
}

static int
fill_if_empty(const struct fep_host *host, struct fep_record *record, const char *field, const char *text)
{
    if (field == NULL || text[0] == '\0' || find_field(host->record_layout(record), field) < 0 ||
        get_field(host, record, field).size > 0)
        return 0;
    return set_field(host, record, field, text);
}

/* A copy of the answer's plain fields with what only we know: what repeats the request, our serial for the
 * original of a reversal. NULL if there is nothing to add, or no memory (then the answer goes without it). */
static struct fep_record *
complete_body(const struct caller *caller, const struct fep_record *answer)
{
    const struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct fep_layout *layout = answer != NULL ? host->record_layout(answer) : NULL;
    char field[SOAP_NAME_SIZE] = "", reference[SOAP_SERIAL_SIZE] = "";
    if (!soap_list_value(soap->codec.wire.answer_repeats, caller->transaction, field, sizeof field) &&
        !is_operation(caller, "serve_reverse"))
        return NULL;
    struct fep_record *record = layout != NULL ? host->create_record(host->self, layout->name) : NULL;
    if (record == NULL)
        return NULL;
    int status = 0;
    for (size_t i = 0; i < layout->field_count && status == 0; i++) {
        struct fep_bytes value = host->record_get(answer, i);
        status = value.size > 0 ? host->record_set(record, i, (const char *)value.data, value.size) : 0;
    }
    if (caller->original_serial[0] != '\0')
        write_reference(soap, caller->original_serial, reference);
    if (status == 0 && fill_if_empty(host, record, field, caller->repeated) == 0 &&
        fill_if_empty(host, record, soap->codec.wire.reversal_reference, reference) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

/* --- endings of the host --- */

static void
tell_good(struct caller *caller, const struct fep_result *result, const struct fep_record *answer)
{
    const struct fep_host *host = caller->soap->host;
    char reference[SOAP_SERIAL_SIZE] = "";
    struct fep_record *completed = complete_body(caller, answer);
    if (is_posting(caller))
        write_reference(caller->soap, caller->serial, reference);
    tell(caller,
         &(struct answer){.class = 'G',
                          .body = completed != NULL ? completed : answer,
                          .reference = reference,
                          .accounting_date = result->accounting_date},
         false);
    host->release_record(host->self, completed);
}

/* What became of an earlier request of theirs: its state, what it was told, and its output if it was posted
 * and not reversed. One that was cancelled later was told good, and its output says what the cancel took
 * back. */
static void
tell_inquiry(struct caller *caller, const struct fep_result *result, const struct fep_record *original)
{
    const struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    char key[32], reference[SOAP_SERIAL_SIZE] = "", layout[SOAP_NAME_SIZE + 4];
    snprintf(key, sizeof key, "finding:%s", support_finding_word(result->finding));
    snprintf(layout, sizeof layout, "%s-R", caller->transaction);
    const char *state = host->mapping_text(host->self, "serve_inquire", key),
               *field = host->mapping_text(host->self, "serve_inquire", "field");
    struct fep_record *body = host->create_record(host->self, layout);
    bool posted = result->finding == FEP_FOUND_POSTED || result->finding == FEP_FOUND_STAYS_POSTED ||
                  result->finding == FEP_FOUND_CANCELLED;
    bool refused = result->finding == FEP_FOUND_REFUSED;
    char class = posted ? 'G' : result->refusal_class == FEP_REPEATABLE ? 'R' : 'N';
    if (posted || result->finding == FEP_FOUND_REVERSED)
        write_reference(soap, caller->original_serial, reference);
    if (state == NULL || body == NULL || set_field(host, body, field, state) < 0 ||
        fill_if_empty(host, body, wire->inquiry_reference, reference) < 0 ||
        ((posted || refused) &&
         (fill_if_empty(host, body, wire->inquiry_status, status_of(soap, class)) < 0 ||
          fill_if_empty(host, body, wire->inquiry_return, return_code(soap, class, result->code)) < 0)))
        refuse(caller, 'R', 9001, "网关忙, 请稍后再查询");
    else
        tell(caller, &(struct answer){.class = 'G', .body = body, .inside = posted ? original : NULL}, false);
    host->release_record(host->self, body);
}

static void
on_answer(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    struct caller *caller = ticket;
    char text[sizeof result->text];
    (void)self;
    copy_text(text, sizeof text, result->text, strlen(result->text));
    caller->state = CALLER_WRITING; /* the ticket is gone */
    if (kind == FEP_REFUSED) {
        bool repeatable = result->refusal_class == FEP_REPEATABLE;
        tell(caller, &(struct answer){.class = repeatable ? 'R' : 'N', .code = result->code, .text = text},
             repeatable);
    } else if (kind == FEP_ANSWERED) {
        if (is_operation(caller, "serve_inquire"))
            tell_inquiry(caller, result, answer);
        else
            tell_good(caller, result, answer);
    } else if (is_operation(caller, "serve_inquire")) {
        refuse(caller, 'R', 9001, "原交易结果暂不能给出, 请稍后再查询");
    } else if (is_operation(caller, "serve_reverse")) {
        refuse(caller, 'R', 9001, "原交易尚在处理或冲正尚无结论, 请稍后再冲正");
    } else {
        refuse(caller, 'U', result->code < 10000 && result->code != 0 ? result->code : 9002,
               "参保地处理结果未知, 请查询或冲正");
    }
}

static int
try_answer(void *self, void *ticket, const struct fep_record *answer, struct fep_error *error)
{
    const struct caller *caller = ticket;
    const struct answer would = {.class = 'G', .body = answer, .reference = caller->serial};
    unsigned char *out = NULL;
    (void)self;
    if (is_operation(caller, "serve_inquire"))
        return 0;
    long size = make_answer(caller, &would, &out, error);
    free(out);
    return size < 0 ? -1 : 0;
}

/* --- requests --- */

/* What the answer will need of the request, whose records go to the host. */
static void
remember_request(struct caller *caller, const struct fep_record *head, const struct fep_record *body)
{
    const struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    char field[SOAP_NAME_SIZE];
    caller->repeated[0] = '\0';
    if (soap_list_value(wire->answer_repeats, caller->transaction, field, sizeof field))
        (void)copy_field(host, body, field, caller->repeated, sizeof caller->repeated);
    if (copy_field(host, head, wire->original_serial_field, caller->original_serial,
                   sizeof caller->original_serial) < 0)
        caller->original_serial[0] = '\0';
}

/* Takes over the records. */
static void
ask_host(struct caller *caller, struct fep_record *head, struct fep_record *body)
{
    struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    struct fep_error error = {0};
    remember_request(caller, head, body);
    bool is_new = repeats_is_new(soap, caller, caller->serial);
    caller_begin_work(caller);
    if (host->begin_request(host->self, caller->transaction, head, body, is_new, on_answer, try_answer,
                            caller, &error) == 0)
        return;
    caller->state = CALLER_READING;
    if (error.kind == FEP_REFUSED)
        refuse_error(caller, &error);
    else
        refuse(caller, 'R', 9001, "网关暂不受理, 未办理, 请稍后重试");
}

static void
tell_echo(struct caller *caller, const struct fep_record *body)
{
    struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    char layout[SOAP_NAME_SIZE + 4], clock[32], text[512] = "";
    snprintf(layout, sizeof layout, "%s-R", caller->transaction);
    struct fep_record *output = host->create_record(host->self, layout);
    write_clock(soap, 0, clock);
    if (wire->echo_field != NULL)
        (void)copy_field(host, body, wire->echo_field, text, sizeof text);
    if (output == NULL || fill_if_empty(host, output, wire->echo_field, text) < 0 ||
        fill_if_empty(host, output, wire->echo_clock, clock) < 0)
        refuse(caller, 'R', 9001, "网关忙, 请稍后重试");
    else
        tell(caller, &(struct answer){.class = 'G', .body = output}, false);
    host->release_record(host->self, output);
}

/* A posting is never refused for its clock: it may be the repeat of one that was posted, and "not posted"
 * would be untrue. Its clock goes nowhere. */
static bool
clock_is_close(struct caller *caller, const struct fep_record *head)
{
    struct soap *soap = caller->soap;
    char theirs[32];
    if (copy_field(soap->host, head, soap->codec.wire.time_field, theirs, sizeof theirs) != 14 ||
        soap->clock_tolerance_ms == 0)
        return true;
    int64_t offset = peer_clock_stamp_offset_s(soap->host, theirs);
    if (offset > 60 || offset < -60)
        soap->host->log_event(soap->host->self, LOG_WARNING_LEVEL,
                              "clock of the local system differs, seconds", offset);
    bool close = offset * 1000 <= soap->clock_tolerance_ms && offset * 1000 >= -soap->clock_tolerance_ms;
    return close || is_posting(caller) || is_operation(caller, "serve_inquire") ||
           is_operation(caller, "serve_reverse");
}

static void
take_fields(struct caller *caller, const struct soap_document *document)
{
    struct soap *soap = caller->soap;
    const struct fep_host *host = soap->host;
    const struct soap_wire *wire = &soap->codec.wire;
    struct fep_error error = {0};
    struct fep_record *head = soap_decode_head(&soap->codec, true, document, &error), *body = NULL;
    if (head != NULL)
        body = soap_decode_body(&soap->codec, true, caller->transaction, document->body, &error);
    if (body == NULL)
        refuse_error(caller, &error);
    else if (!clock_is_close(caller, head))
        refuse(caller, 'N', 1006, "时钟相差过大, 请校时");
    else if (wire->echo != NULL && strcmp(caller->transaction, wire->echo) == 0)
        tell_echo(caller, body);
    else {
        ask_host(caller, head, body);
        return;
    }
    host->release_record(host->self, head);
    host->release_record(host->self, body);
}

/* "w12t14d4": word characters, digits that are a time, digits. */
static bool
part_has_form(const char *text, char class, unsigned long count)
{
    static const unsigned char most[] = {12, 31, 23, 59, 59};
    char piece[SOAP_SERIAL_SIZE];
    if (count >= sizeof piece || strlen(text) < count)
        return false;
    memcpy(piece, text, count);
    piece[count] = '\0';
    if (class == 'w')
        return is_plain_word(piece);
    if (!is_all_digits(piece, count))
        return false;
    for (size_t i = 0; class == 't' && i < sizeof most; i++) {
        int number = (piece[4 + 2 * i] - '0') * 10 + piece[5 + 2 * i] - '0';
        if (number > most[i] || (i < 2 && number == 0))
            return false;
    }
    return true;
}

static bool
serial_has_form(const char *serial, const char *form)
{
    while (*form != '\0') {
        char class = *form++;
        char *rest;
        unsigned long count = strtoul(form, &rest, 10);
        form = rest;
        if ((class == 't' && count != 14) || !part_has_form(serial, class, count))
            return false;
        serial += count;
    }
    return *serial == '\0';
}

static bool
knows_transaction(const struct caller *caller)
{
    const struct fep_host *host = caller->soap->host;
    char layout[SOAP_NAME_SIZE + 4];
    snprintf(layout, sizeof layout, "%s-Q", caller->transaction);
    return host->find_layout(host->self, layout) != NULL;
}

/* Equal, however long it takes: it says nothing about the word. */
static bool
is_granted(const char *given, const char *word)
{
    size_t size = strlen(word), length = strlen(given);
    unsigned difference = size != length;
    for (size_t i = 0; i < size; i++)
        difference |=
            (unsigned)(unsigned char)word[i] ^ (unsigned)(unsigned char)given[i < length ? i : length];
    return difference == 0;
}

/* In the order the protocol gives: access, transaction, form of the serial; then the repeat, which is the
 * router's. */
static void
take_document(struct caller *caller, const struct soap_document *document)
{
    struct soap *soap = caller->soap;
    const struct soap_wire *wire = &soap->codec.wire;
    char grant[64];
    if (soap_peek(document, wire->grant_field, grant, sizeof grant) < 0)
        grant[0] = '\0';
    if (!is_granted(grant, wire->grant_in))
        refuse(caller, 'N', 1004, "接入授权码不对");
    else if (!knows_transaction(caller))
        refuse(caller, 'N', 1002, "交易代码不识别, 或本网关不提供该交易");
    else if (wire->serial_form != NULL && !serial_has_form(caller->serial, wire->serial_form))
        refuse(caller, 'N', 1003, "交易流水号格式不对");
    else if (soap->draining)
        refuse(caller, 'R', 9001, "网关正在停机, 未办理, 请稍后重试");
    else
        take_fields(caller, document);
}

bool
desk_refuse_head(struct caller *caller)
{
    const struct soap_wire *wire = &caller->soap->codec.wire;
    const struct http_reader *in = &caller->in;
    int status = strcmp(in->head.target, wire->path) != 0 ? 404
                 : strcmp(in->head.method, "POST") != 0   ? 405
                 : in->state == HTTP_TOO_LARGE            ? 413
                 : in->state == HTTP_BAD                  ? 0 /* a Fault says more */
                 : !http_type_fits(in->head.content_type, wire->media_type, wire->charsets) ? 415
                                                                                            : 0;
    if (status == 0)
        return false;
    caller_tell(caller, status, NULL, 0, false);
    return true;
}

void
desk_take(struct caller *caller)
{
    struct soap *soap = caller->soap;
    const struct soap_wire *wire = &soap->codec.wire;
    struct soap_document document = {0};
    struct fep_error error = {0};
    if (caller->in.state != HTTP_COMPLETE)
        tell_fault(caller, caller->in.trouble != NULL ? caller->in.trouble : "HTTP");
    else if (soap_read(&soap->codec, true, caller->in.body, caller->in.body_size, &document, &error) < 0 &&
             error.code != 1001)
        caller_tell(caller, 503, NULL, 0, false);
    else if (document.head == NULL)
        tell_fault(caller, error.text);
    else if (soap_peek(&document, wire->transaction_field, caller->transaction, sizeof caller->transaction) <=
                 0 ||
             soap_peek(&document, wire->serial_field, caller->serial, sizeof caller->serial) <= 0)
        tell_fault(caller, "MSGNO, MSGID");
    else
        take_document(caller, &document);
    soap_release(&document);
    if (soap->codec.illegal_texts != soap->illegal_texts_told) {
        soap->illegal_texts_told = soap->codec.illegal_texts;
        soap->host->log_event(soap->host->self, LOG_WARNING_LEVEL, "illegal bytes in free texts, so far",
                              soap->codec.illegal_texts);
    }
}
