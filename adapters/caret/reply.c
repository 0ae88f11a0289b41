/* Answers: what a line means.
 *
 * Must never say REFUSED without the local system's own word, never use a part of an answer, and never take
 * an answer for this request's that names another bill, visit or person: an answer carries nothing else to
 * know it by. What can not be an answer to this is none: the caller drops the channel, and the errand ends as
 * unknown. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"
#include "wire.h"

enum { RENEWALS = 2 };

static char
classify(const struct caller *caller, const struct errand *errand, struct fep_bytes code, uint32_t *canonical)
{
    const struct fep_host *host = caller->host;
    char key[24];
    snprintf(key, sizeof key, "%.*s", (int)code.size, code.size > 0 ? (const char *)code.data : "");
    const char *value = host->mapping_text(host->self, "errors", key);
    if (value == NULL || value[0] == '\0' || value[1] != ':') {
        bool posts = errand_posts(caller, errand);
        *canonical = posts ? 9002 : 1003;
        return posts ? 'U' : 'N';
    }
    *canonical = (uint32_t)strtoul(value + 2, NULL, 10);
    return value[0];
}

/* "0" or a negative number; or, where the mapping says so, any word. */
static bool
is_return_code(const struct caller *caller, struct fep_bytes code)
{
    const char *text = (const char *)code.data;
    if (caller->wire.return_codes != NULL && strcmp(caller->wire.return_codes, "word") == 0)
        return code.size > 0;
    bool negative = code.size > 1 && text[0] == '-';
    return code.size > 0 && is_all_digits(text + negative, code.size - negative) &&
           (negative || code.size == 1);
}

static struct fep_result
read_result(const struct caller *caller, const struct fep_record *head)
{
    const struct fep_host *host = caller->host;
    struct fep_result result = {.size = sizeof result};
    struct fep_bytes text = get_field(host, head, caller->wire.text_field);
    struct fep_bytes reference = get_field(host, head, caller->wire.reference_field);
    copy_text(result.text, sizeof result.text, (const char *)text.data, text.size);
    copy_text(result.local_reference, sizeof result.local_reference, (const char *)reference.data,
              reference.size);
    return result;
}

/* --- refusals --- */

static bool
is_code(struct fep_bytes code, const char *text)
{
    return text != NULL && bytes_equal(code, text);
}

/* The cycle is not what it was: nothing was done and the serial is still good. Under the next cycle it goes
 * out again. */
static bool
try_another_cycle(struct caller *caller, struct errand *errand, struct fep_bytes code)
{
    const struct caller_wire *wire = &caller->wire;
    bool unknown = is_code(code, wire->not_signed_in), over = is_code(code, wire->cycle_over);
    if (!unknown && !over)
        return false;
    if (unknown)
        shift_renew(caller, errand->cycle);
    else
        shift_close_day(caller, errand->cycle);
    if (errand->renewals >= RENEWALS)
        return false;
    errand->renewals++;
    errand_wait_again(errand);
    return true;
}

void
reply_end_reversal(struct caller *caller, struct errand *errand, int finding, struct fep_result *result,
                   struct fep_record *answer)
{
    bool final = finding == FEP_FOUND_REVERSED || finding == FEP_FOUND_NEVER_ARRIVED ||
                 finding == FEP_FOUND_STAYS_POSTED;
    uint32_t date = cycles_date(errand->cycle);
    result->finding = (uint32_t)finding;
    if (final)
        shift_settle(caller, errand->original_serial);
    if (finding == FEP_FOUND_REVERSED &&
        caller->wire.sign_in != NULL) /* without a file for the day there is nothing to take out of it */
        (void)tally_remove(&caller->tally, date, errand->original_serial);
    errand_finish(caller, errand, FEP_ANSWERED, result, answer);
}

static void
take_refusal(struct caller *caller, struct errand *errand, const struct fep_record *head,
             struct fep_bytes code)
{
    const struct fep_host *host = caller->host;
    struct fep_result result = read_result(caller, head);
    char class = classify(caller, errand, code, &result.code), key[24];
    if (try_another_cycle(caller, errand, code))
        return;
    if (is_code(code, caller->wire.foreign_cycle))
        shift_renew(caller, errand->cycle);
    result.reason = FEP_REASON_BUSINESS;
    result.refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    if (errand->page > 0) { /* the day's details can not be had now: the reversal comes again */
        result.refusal_class = FEP_REPEATABLE;
        result.code = 9001;
        errand_finish(caller, errand, FEP_REFUSED, &result, NULL);
        return;
    }
    if (errand->operation == FEP_OP_REVERSE) {
        snprintf(key, sizeof key, "error:%u", result.code);
        int finding = support_finding_by_word(host->mapping_text(host->self, "reverse", key));
        if (finding == FEP_FOUND_STAYS_POSTED && search_begin(caller, errand))
            return;
        if (finding >= 0) {
            reply_end_reversal(caller, errand, finding, &result, NULL);
            return;
        }
    }
    errand_finish(caller, errand, class == 'U' ? FEP_UNKNOWN : FEP_REFUSED, &result, NULL);
}

/* --- good answers --- */

/* "LOCAL:ANSWER=REQUEST": where the answer repeats a field of the request, it must be the same;
 * "LOCAL:rows=rows": as many records. */
static bool
repeats_request(const struct caller *caller, const struct errand *errand, const struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    const char *at = caller->wire.echoes, *word;
    size_t size, name = strlen(errand->local);
    while (at != NULL && next_word(&at, &word, &size)) {
        char text[96];
        if (size <= name + 1 || size - name > sizeof text || memcmp(word, errand->local, name) != 0 ||
            word[name] != ':')
            continue;
        snprintf(text, sizeof text, "%.*s", (int)(size - name - 1), word + name + 1);
        char *asked = strchr(text, '=');
        if (asked == NULL)
            continue;
        *asked++ = '\0';
        if (strcmp(text, "rows") == 0 && body != NULL &&
            host->record_rows(body) != host->record_rows(errand->body))
            return false;
        struct fep_bytes told = get_field(host, body, text), said = get_field(host, errand->body, asked);
        if (told.size != 0 && said.size != 0 &&
            (told.size != said.size || memcmp(told.data, said.data, said.size) != 0))
            return false;
    }
    return true;
}

/* "12.34" in fen. */
static int64_t
read_fen(struct fep_bytes value)
{
    char digits[24];
    bool negative = false;
    if (value.size == 0 || parse_decimal((const char *)value.data, value.size, 2, &negative, digits) < 0)
        return 0;
    int64_t fen = strtoll(digits, NULL, 10);
    return negative ? -fen : fen;
}

static void
note_in_tally(struct caller *caller, const struct errand *errand, const struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    size_t length = strlen(errand->local), size;
    bool plus = list_has(wire->tally_plus, errand->local, length),
         minus = list_has(wire->tally_minus, errand->local, length);
    const char *at = wire->tally_amounts, *word;
    int64_t amounts[TALLY_AMOUNTS] = {0};
    if ((!plus && !minus) || body == NULL || errand->cycle[0] == '\0')
        return;
    for (size_t i = 0; i < TALLY_AMOUNTS && at != NULL && next_word(&at, &word, &size); i++) {
        char field[48];
        snprintf(field, sizeof field, "%.*s", (int)size, word);
        amounts[i] = read_fen(get_field(host, body, field));
    }
    uint32_t date = cycles_date(errand->cycle);
    if (tally_add(&caller->tally, date, errand->serial, minus, amounts) < 0)
        host->log_event(host->self, LOG_WARNING_LEVEL, "a posting is not in the day's tally", date);
}

/* The body under `local`-R; NULL in *body if that transaction's answers have none. */
static int
read_body(struct caller *caller, const struct errand *errand, struct fep_bytes bytes,
          struct fep_record **body, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    char layout[TRANSACTION_SIZE + 4];
    snprintf(layout, sizeof layout, "%s-R", errand->local);
    *body = NULL;
    if (host->find_layout(host->self, layout) == NULL)
        return bytes.size == 0 ? 0
                               : set_error(error, 0, 1001, "an answer to %.12s with output", errand->local);
    *body = caret_decode_body(&caller->codec, layout, bytes, NULL, error);
    return *body != NULL ? 0 : -1;
}

static int
read_finding(const struct caller *caller, const char *section, const struct fep_record *body)
{
    const struct fep_host *host = caller->host;
    char value[16];
    const char *field = host->mapping_text(host->self, section, "field");
    if (field == NULL || body == NULL || copy_field(host, body, field, value, sizeof value) <= 0)
        return -1;
    return support_finding_by_word(host->mapping_text(host->self, section, value));
}

/* yyyymmdd at the beginning of a field, 0 if there is none. */
static uint32_t
read_date(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    struct fep_bytes value = get_field(host, record, field);
    char text[16];
    if (value.size < 8 || !is_all_digits((const char *)value.data, 8))
        return 0;
    snprintf(text, sizeof text, "%.8s", (const char *)value.data);
    return (uint32_t)strtoul(text, NULL, 10);
}

static void
fill_inquiry_result(const struct caller *caller, const struct errand *errand, const struct fep_record *body,
                    int finding, struct fep_result *result)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    struct fep_bytes reference = get_field(host, body, wire->inquiry_reference);
    if (reference.size > 0)
        copy_text(result->local_reference, sizeof result->local_reference, (const char *)reference.data,
                  reference.size);
    result->finding = (uint32_t)finding;
    result->accounting_date = host->call_attempt(errand->call)->accounting_date;
    if (finding == FEP_FOUND_POSTED)
        result->effect = FEP_EFFECT_POSTED;
    if (finding != FEP_FOUND_REFUSED)
        return;
    char class = classify(caller, errand, get_field(host, body, wire->inquiry_return), &result->code);
    result->refusal_class = class == 'R' ? FEP_REPEATABLE : FEP_FINAL;
    result->reason = FEP_REASON_BUSINESS;
}

/* What became of another request; where that was posted, its own answer follows in the same list. */
static bool
take_inquiry(struct caller *caller, struct errand *errand, const struct fep_record *head,
             struct fep_bytes bytes, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    bool follows = caller->wire.inquiry_output != NULL;
    struct fep_result result = read_result(caller, head);
    struct fep_bytes rest = {NULL, 0};
    struct fep_record *original = NULL;
    char layout[TRANSACTION_SIZE + 4];
    snprintf(layout, sizeof layout, "%s-R", errand->local);
    struct fep_record *body = caret_decode_body(&caller->codec, layout, bytes, follows ? &rest : NULL, error);
    if (body == NULL)
        return false;
    int finding = read_finding(caller, "inquire", body);
    if (finding >= 0)
        fill_inquiry_result(caller, errand, body, finding, &result);
    host->release_record(host->self, body);
    if (finding < 0) {
        set_error(error, 0, 1001, "the state in the answer is none of the mapping's");
        return false;
    }
    snprintf(layout, sizeof layout, "%s-R", errand->original);
    if (finding == FEP_FOUND_POSTED && follows && host->find_layout(host->self, layout) != NULL) {
        original = caret_decode_body(&caller->codec, layout, rest, NULL, error);
        if (original ==
            NULL) { /* asking again would bring the same bytes: posted it is, but its answer is of no use */
            result.reason = FEP_REASON_INCONSISTENT;
            copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
        }
    }
    errand_finish(caller, errand, FEP_ANSWERED, &result, original);
    return true;
}

size_t
reply_find_row_field(const struct fep_layout *layout, const char *name, size_t size)
{
    size_t field = 0;
    while (field < layout->group_field_count && (strlen(layout->group_fields[field].name) != size ||
                                                 memcmp(layout->group_fields[field].name, name, size) != 0))
        field++;
    return field;
}

/* "LOCAL:FIELD": in the rows of a day's details, serials of ours become the date and number that the gateway
 * knows them by; what is none of ours is left out. */
static int
name_own_postings(const struct caller *caller, const struct errand *errand, struct fep_record *body,
                  struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    const char *at = caller->wire.own_serials, *word;
    const struct fep_layout *layout = body != NULL ? host->record_layout(body) : NULL;
    size_t size, name = strlen(errand->local), field = 0;
    while (layout != NULL && at != NULL && next_word(&at, &word, &size)) {
        if (size <= name + 1 || memcmp(word, errand->local, name) != 0 || word[name] != ':')
            continue;
        field = reply_find_row_field(layout, word + name + 1, size - name - 1);
        for (size_t row = 0; field < layout->group_field_count && row < host->record_rows(body); row++) {
            char serial[24] = "";
            bool ours = errand_read_serial(caller, host->record_get_in_row(body, row, field), serial);
            if (host->record_set_in_row(body, row, field, serial, ours ? strlen(serial) : 0) < 0)
                return set_error(error, FEP_NOT_SENT, 9001, "no memory");
        }
    }
    return 0;
}

static bool
take_good(struct caller *caller, struct errand *errand, const struct fep_record *head, struct fep_bytes bytes,
          struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    struct fep_record *body;
    struct fep_result result = read_result(caller, head);
    if (errand->page > 0)
        return search_take(caller, errand, bytes, error);
    if (errand->operation == FEP_OP_INQUIRE)
        return take_inquiry(caller, errand, head, bytes, error);
    result.accounting_date = read_date(host, head, caller->wire.accounting_date_field);
    if (read_body(caller, errand, bytes, &body, error) < 0)
        return false;
    int finding = errand->operation == FEP_OP_REVERSE ? read_finding(caller, "reverse", body) : 0;
    if (name_own_postings(caller, errand, body, error) < 0) {
        host->release_record(host->self, body);
        return false;
    }
    if (finding < 0 || !repeats_request(caller, errand, body)) {
        host->release_record(host->self, body);
        set_error(error, 0, 1001,
                  finding < 0 ? "a reversal's result that is none of the mapping's"
                              : "an answer to another request than this");
        return false;
    }
    if (errand->operation == FEP_OP_REVERSE) {
        host->release_record(host->self, body);
        reply_end_reversal(caller, errand, finding, &result, NULL);
        return true;
    }
    bool posts = errand_posts(caller, errand);
    result.effect = posts ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    if (posts)
        note_in_tally(caller, errand, body);
    errand_finish(caller, errand, FEP_ANSWERED, &result, body);
    return true;
}

/* --- our own errands --- */

static bool
take_own(struct caller *caller, struct errand *errand, const struct fep_record *head, struct fep_bytes bytes,
         bool good, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    struct fep_record *body = NULL;
    struct fep_bytes code = get_field(host, head, caller->wire.return_field);
    enum errand_kind kind = errand->kind;
    if (good && read_body(caller, errand, bytes, &body, error) < 0)
        return false;
    errand_free(caller, errand);
    shift_take(caller, kind, head, code, body);
    host->release_record(host->self, body);
    return true;
}

/* --- a line --- */

/* The answer repeats the cycle of the request, unless there was none to repeat. */
static bool
is_of_cycle(const struct caller *caller, const struct errand *errand, const struct fep_record *head)
{
    struct fep_bytes cycle = get_field(caller->host, head, caller->wire.answer_cycle_field);
    return errand->kind == ERRAND_SIGN_IN || cycle.size == 0 || bytes_equal(cycle, errand->cycle);
}

/* Where the protocol's answers name their request, this one's must be named. A refusal may leave that empty.
 */
static bool
names_request(const struct caller *caller, const struct errand *errand, const struct fep_record *head,
              bool good)
{
    const struct caller_wire *wire = &caller->wire;
    struct fep_bytes serial = get_field(caller->host, head, wire->answer_serial_field),
                     transaction = get_field(caller->host, head, wire->answer_transaction_field);
    bool same_serial = wire->answer_serial_field == NULL || bytes_equal(serial, errand->serial) ||
                       (!good && serial.size == 0);
    return same_serial && (wire->answer_transaction_field == NULL ||
                           bytes_equal(transaction, errand->local) || (!good && transaction.size == 0));
}

static void
count_illegal_texts(struct caller *caller)
{
    if (caller->codec.illegal_texts == caller->illegal_texts_told)
        return;
    caller->illegal_texts_told = caller->codec.illegal_texts;
    caller->host->log_event(caller->host->self, LOG_WARNING_LEVEL, "illegal bytes in free texts, so far",
                            caller->codec.illegal_texts);
}

bool
reply_take(struct caller *caller, struct errand *errand, const unsigned char *line, size_t size,
           struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    struct fep_bytes output;
    struct fep_record *head = caret_decode_head(&caller->codec, false, line, size, &output, error);
    count_illegal_texts(caller);
    if (head == NULL)
        return false;
    struct fep_bytes code = get_field(host, head, caller->wire.return_field);
    bool good = bytes_equal(code, caller->wire.good), taken = false;
    if (!is_return_code(caller, code))
        set_error(error, 0, 1001, "an answer without a return code");
    else if (!is_of_cycle(caller, errand, head))
        set_error(error, 0, 1001, "an answer of another business cycle");
    else if (!names_request(caller, errand, head, good))
        set_error(error, 0, 1001, "an answer to another request");
    else if (!good && !caret_is_blank(&caller->codec, output))
        set_error(error, 0, 1001, "a refusal with output");
    else if (errand->kind != ERRAND_CALL)
        taken = take_own(caller, errand, head, output, good, error);
    else if (good)
        taken = take_good(caller, errand, head, output, error);
    else {
        take_refusal(caller, errand, head, code);
        taken = true;
    }
    host->release_record(host->self, head);
    return taken;
}
