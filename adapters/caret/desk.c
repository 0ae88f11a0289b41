/* What a line means: sign-in, sign-out and the clock are answered here; everything else goes to the host as a
 * request.
 *
 * Must never answer for the insured place: what is not known is told as "unknown" (class U), a repeated
 * serial as used, whatever became of the first. Refusals name the field, in the language of the people who
 * read them. */
#include "caret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer_clock.h"
#include "wire.h"

/* --- answering --- */

struct answer {
    const char *return_code, *text;
    const struct fep_record *body;
    bool with_reference;
    const struct fep_record *more; /* whose fields follow the body's */
};

/* The line in caret->scratch; its size, or -1 with the error. */
static long
make_line(struct client *client, const struct answer *answer, struct fep_error *error)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    char reference[SERIAL_SIZE * 2] = "";
    struct fep_record *head = host->create_record(host->self, "head-R");
    set_error(error, FEP_NOT_SENT, 9001, "no memory for an answer");
    if (head == NULL)
        return -1;
    if (answer->with_reference) {
        snprintf(reference, SERIAL_SIZE, "%s", wire->reference_prefix != NULL ? wire->reference_prefix : "");
        size_t at = strlen(reference);
        for (const char *c = client->serial; *c != '\0'; c++) {
            if (*c != '-')
                reference[at++] = *c;
        }
        reference[at] = '\0';
    }
    long size = -1;
    const struct {
        const char *field, *text;
    } values[] = {{wire->return_field, answer->return_code},
                  {wire->reference_field, reference},
                  {wire->answer_cycle_field, client->cycle},
                  {wire->answer_serial_field, client->serial},
                  {wire->answer_transaction_field, client->transaction},
                  {wire->text_field, answer->text != NULL ? answer->text : ""}};
    bool filled = true;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        filled = filled &&
                 (values[i].field == NULL || set_field(host, head, values[i].field, values[i].text) == 0);
    if (filled)
        size = caret_encode_line(&caret->codec, head, answer->body, answer->more, caret->scratch, error);
    host->release_record(host->self, head);
    return size;
}

const char *
desk_return_code(const struct caret *caret, char class, uint32_t canonical)
{
    const struct fep_host *host = caret->host;
    char key[24];
    snprintf(key, sizeof key, "%c:%u", class, canonical < 10000 ? canonical : 0);
    const char *code = host->mapping_text(host->self, "results", key);
    return code != NULL ? code : ""; /* the mapping has a default for each class */
}

static void
tell(struct client *client, const struct answer *answer, bool repeatable)
{
    struct caret *caret = client->caret;
    struct fep_error error;
    long size = make_line(client, answer, &error);
    if (size < 0 && answer->body != NULL) {
        /* Asked before the ending was committed whether it fits (try_answer), so this is a fault of ours; the
         * caller must not take it for a refusal. */
        const struct answer unknown = {desk_return_code(caret, 'U', 9002), "答复无法转成本地格式, 结果请核实",
                                       NULL, false, NULL};
        caret->host->log_event(caret->host->self, LOG_ERROR_LEVEL, "an answer could not be written",
                               error.code);
        size = make_line(client, &unknown, &error);
    }
    if (size < 0) {
        client->close_after = true; /* closing tells the caller that he does not know */
        size = 0;
    }
    client_tell(client, caret->scratch, (size_t)size, repeatable);
}

static void
refuse(struct client *client, char class, uint32_t canonical, const char *text)
{
    const struct answer answer = {desk_return_code(client->caret, class, canonical), text, NULL, false, NULL};
    tell(client, &answer, false);
}

void
desk_refuse_bytes(struct client *client, const char *text)
{
    client->cycle[0] = client->serial[0] = client->transaction[0] = '\0';
    refuse(client, 'N', 1001, text);
}

static void
refuse_error(struct client *client, const struct fep_error *error)
{
    char text[256];
    const char *about = error->code == 1001   ? "报文不能解析: "
                        : error->code == 2204 ? "明细条数不对: "
                                              : "字段不合规定: ";
    snprintf(text, sizeof text, "%s%.180s", about, error->text);
    if (error->code == 9001)
        refuse(client, 'R', 9001, "网关忙, 未办理, 请稍后重试");
    else
        refuse(client, 'N', error->code, text);
}

/* --- cycles --- */

static bool
is_node(const struct caret *caret, const char *institution)
{
    const char *at = caret->wire.node_prefixes, *word;
    size_t size;
    while (at != NULL && next_word(&at, &word, &size)) {
        if (strncmp(institution, word, size) == 0)
            return true;
    }
    return false;
}

static uint32_t
today(const struct caret *caret)
{
    uint32_t date, clock;
    caret->host->read_local_time(caret->host->self, &date, &clock);
    return date;
}

/* The open cycle a request names, or NULL after it was refused. */
static const struct cycle *
check_cycle(struct client *client, const char *institution, const char *operator)
{
    struct caret *caret = client->caret;
    const struct cycle *cycle = cycles_find(&caret->book, client->cycle);
    if (cycle == NULL || !cycle->open)
        refuse(client, 'R', 9101, "操作员未签到, 或该业务周期已签退");
    else if (strcmp(cycle->operator, operator) != 0)
        refuse(client, 'N', 9103, "业务周期属于其他操作员");
    else if (strcmp(cycle->institution, institution) != 0 && !is_node(caret, cycle->institution))
        refuse(client, 'N', 9103, "业务周期属于其他机构");
    else if (cycles_date(cycle->number) < today(caret) &&
             !list_has(caret->wire.after_midnight, client->transaction, strlen(client->transaction)))
        refuse(client, 'R', 9102, "业务周期已过期, 请对账, 签退后重新签到");
    else
        return cycle;
    return NULL;
}

/* --- sign-in, sign-out, clock --- */

static void
server_clock(const struct caret *caret, char stamp[32])
{
    uint32_t date, clock;
    caret->host->read_local_time(caret->host->self, &date, &clock);
    snprintf(stamp, 32, "%08u%06u", date % 100000000u, clock % 1000000u);
}

static bool
clock_is_close(struct caret *caret, const char *theirs)
{
    if (theirs[0] == '\0' || caret->clock_tolerance_ms == 0)
        return true;
    int64_t offset = peer_clock_stamp_offset_s(caret->host, theirs);
    if (offset > 60 || offset < -60)
        caret->host->log_event(caret->host->self, LOG_WARNING_LEVEL,
                               "clock of the local system differs, seconds", offset);
    return offset * 1000 <= caret->clock_tolerance_ms && offset * 1000 >= -caret->clock_tolerance_ms;
}

static void
sign_in(struct client *client, const char *institution, const char *operator, const struct fep_record * body)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    char password[64], clock[32], layout[TRANSACTION_SIZE + 4];
    struct fep_error error;
    if (!is_plain_word(institution) || !is_plain_word(operator)) {
        refuse(client, 'N', 1003, "机构编号和操作员编号只能是字母和数字");
        return;
    }
    int length = copy_field(host, body, wire->sign_in_password, password, sizeof password);
    bool right = length >= 0 && is_secret(caret->host->get_secret(caret->config, "password_file"), password);
    explicit_bzero(password, sizeof password);
    if (!right || copy_field(host, body, wire->sign_in_clock, clock, sizeof clock) < 0) {
        host->log_event(host->self, LOG_WARNING_LEVEL, "sign-in with a wrong password", 0);
        refuse(client, 'N', 1004, "口令不对");
        return;
    }
    if (!clock_is_close(caret, clock)) {
        refuse(client, 'N', 1006, "时钟相差过大, 请校时后再签到");
        return;
    }
    const struct cycle *cycle = cycles_find_open(&caret->book, institution, operator);
    bool resumed = cycle != NULL;
    if (!resumed)
        cycle = cycles_begin(&caret->book, institution, operator, today(caret), &error);
    if (cycle == NULL) {
        host->log_event(host->self, LOG_ERROR_LEVEL, "a cycle could not be begun", error.code);
        refuse(client, error.code == 9001 ? 'R' : 'N', error.code, "暂不能签到, 未办理, 请稍后重试");
        return;
    }
    snprintf(client->cycle, sizeof client->cycle, "%s", cycle->number);
    snprintf(layout, sizeof layout, "%.12s-R", wire->sign_in);
    server_clock(caret, clock);
    struct fep_record *output = host->create_record(host->self, layout);
    if (output != NULL)
        (void)(set_field(host, output, wire->sign_in_answer_clock, clock) +
               set_field(host, output, wire->sign_in_answer_resumed, resumed ? "1" : "0"));
    tell(client, &(struct answer){wire->good, "", output, true, NULL}, false);
    host->release_record(host->self, output);
}

static void
sign_out(struct client *client, const char *institution, const char *operator, const struct fep_record * body)
{
    struct caret *caret = client->caret;
    struct fep_bytes forced = get_field(caret->host, body, caret->wire.sign_out_forced);
    struct fep_error error;
    if (check_cycle(client, institution, operator) == NULL)
        return;
    if (!bytes_equal(forced, "0") && !bytes_equal(forced, "1"))
        refuse(client, 'N', 1003, "强制标志应为0或1");
    else if (bytes_equal(forced, "0") && !day_is_reconciled(caret, client->cycle))
        refuse(client, 'R', 2601, "总账尚未对平, 请先对账, 或强制签退");
    else if (cycles_end(&caret->book, client->cycle, &error) < 0)
        refuse(client, 'R', 9001, "暂不能签退, 未办理, 请稍后重试");
    else
        tell(client, &(struct answer){caret->wire.good, "", NULL, true, NULL}, false);
}

static void
tell_time(struct client *client)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    char layout[TRANSACTION_SIZE + 4], clock[32];
    snprintf(layout, sizeof layout, "%.12s-R", caret->wire.centre_time);
    server_clock(caret, clock);
    struct fep_record *output = host->create_record(host->self, layout);
    if (output != NULL)
        (void)set_field(host, output, caret->wire.centre_time_answer_clock, clock);
    tell(client, &(struct answer){caret->wire.good, "", output, false, NULL}, false);
    host->release_record(host->self, output);
}

/* --- requests of the business --- */

/* A refusal that does not use its serial up may be told again as it was. */
static bool
leaves_serial_free(const struct fep_result *result)
{
    return result->refusal_class == FEP_REPEATABLE ||
           (result->code >= 1001 && result->code <= 1006 && result->code != 1005);
}

static bool
is_transaction(const struct client *client, const char *transaction)
{
    return transaction != NULL && strcmp(client->transaction, transaction) == 0;
}

/* With the original's answer behind it, where the protocol has that. */
static void
tell_inquiry(struct client *client, const struct fep_result *result, const struct fep_record *original)
{
    struct caret *caret = client->caret;
    struct fep_record *body = inquiry_make_body(caret, result);
    const struct fep_record *more = caret->wire.inquiry_output != NULL ? original : NULL;
    if (body != NULL)
        tell(client, &(struct answer){caret->wire.good, "", body, false, more}, false);
    else
        refuse(client, 'R', 9001, "网关忙, 请稍后再查询");
    caret->host->release_record(caret->host->self, body);
}

static void
on_answer(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    struct client *client = ticket;
    struct caret *caret = self;
    char text[sizeof result->text];
    copy_text(text, sizeof text, result->text, strlen(result->text));
    client->state = CLIENT_WRITING; /* the ticket is gone */
    day_note_end(client, kind, answer);
    if (kind == FEP_REFUSED && (result->copy == 0 || leaves_serial_free(result))) {
        bool repeatable = result->refusal_class == FEP_REPEATABLE;
        const char *code = desk_return_code(caret, repeatable ? 'R' : 'N', result->code);
        tell(client, &(struct answer){code, text, NULL, false, NULL}, repeatable);
    } else if (kind == FEP_ANSWERED && is_transaction(client, caret->wire.inquiry)) {
        tell_inquiry(client, result, answer);
    } else if (result->copy != 0 && caret->wire.replays == NULL) {
        refuse(client, 'N', 1005, "交易流水号已使用过");
    } else if (kind == FEP_REFUSED) {
        tell(client, &(struct answer){desk_return_code(caret, 'N', result->code), text, NULL, false, NULL},
             false);
    } else if (kind == FEP_ANSWERED) {
        tell(client, &(struct answer){caret->wire.good, "", answer, true, NULL}, false);
    } else if (is_transaction(client, caret->wire.reversal)) {
        refuse(client, 'R', 9001, "原交易尚在处理或冲正尚无结论, 请稍后再冲正");
    } else {
        refuse(client, 'U', result->code < 10000 && result->code != 0 ? result->code : 9002,
               "参保地处理结果未知, 请冲正或等待核实");
    }
}

static int
try_answer(void *self, void *ticket, const struct fep_record *answer, struct fep_error *error)
{
    const struct caret *caret = self;
    const struct answer would = {caret->wire.good, "", answer, true, NULL};
    return make_line(ticket, &would, error) < 0 ? -1 : 0;
}

static bool
serial_in_progress(const struct client *client)
{
    for (const struct client *other = client->caret->first; other != NULL; other = other->next) {
        if (other != client && other->state == CLIENT_WORKING && strcmp(other->serial, client->serial) == 0)
            return true;
    }
    return false;
}

/* "TRANSACTION:FIELD=LEAST-MOST ...": numbers of a request that must lie between two bounds. */
static int
check_limits(const struct client *client, const struct fep_record *body, struct fep_error *error)
{
    const struct fep_host *host = client->caret->host;
    const char *at = client->caret->wire.number_limits, *word;
    size_t size, name = strlen(client->transaction);
    while (at != NULL && next_word(&at, &word, &size)) {
        char field[48], value[24];
        unsigned long long least, most;
        if (size <= name + 1 || memcmp(word, client->transaction, name) != 0 || word[name] != ':' ||
            sscanf(word + name + 1, "%47[^=]=%llu-%llu", field, &least, &most) != 3)
            continue;
        int length = copy_field(host, body, field, value, sizeof value);
        unsigned long long number = length > 0 ? strtoull(value, NULL, 10) : 0;
        if (length <= 0 || !is_all_digits(value, (size_t)length) || number < least || number > most)
            return set_error(error, FEP_REFUSED, 1003, "%.12s %.40s: expected %llu to %llu",
                             client->transaction, field, least, most);
    }
    return 0;
}

/* Takes over the head. */
static void
ask_host(struct client *client, struct fep_record *head, struct fep_bytes params)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    char layout[TRANSACTION_SIZE + 4];
    struct fep_error error = {0};
    snprintf(layout, sizeof layout, "%s-Q", client->transaction);
    struct fep_record *body = caret_decode_body(&caret->codec, layout, params, NULL, &error);
    if (body == NULL || check_limits(client, body, &error) < 0) {
        host->release_record(host->self, body);
        host->release_record(host->self, head);
        refuse_error(client, &error);
        return;
    }
    bool is_new = repeats_is_new(caret, client, client->serial);
    day_note_request(client, body);
    client_begin_work(client);
    if (host->begin_request(host->self, client->transaction, head, body, is_new, on_answer, try_answer,
                            client, &error) == 0)
        return;
    client->state = CLIENT_READING;
    client->compares = false;
    if (error.kind == FEP_REFUSED)
        refuse(client, 'N', error.code, error.text);
    else
        refuse(client, 'R', 9001, "网关暂不受理, 未办理, 请稍后重试");
}

/* --- a line --- */

/* "d14-w12-d4": digits and word characters, in parts joined by hyphens. */
static bool
serial_has_form(const char *serial, const char *form)
{
    while (*form != '\0') {
        char class = *form++;
        char *rest;
        unsigned long count = strtoul(form, &rest, 10);
        form = rest;
        for (; count > 0; count--, serial++) {
            const char one[2] = {*serial, '\0'};
            if (*serial == '\0' || (class == 'd' ? (*serial < '0' || *serial > '9') : !is_plain_word(one)))
                return false;
        }
        if (*form == '-' && *serial++ != *form++)
            return false;
    }
    return *serial == '\0';
}

static bool
knows_transaction(const struct caret *caret, const char *transaction)
{
    char layout[TRANSACTION_SIZE + 4];
    snprintf(layout, sizeof layout, "%s-Q", transaction);
    return !list_has(caret->wire.not_served, transaction, strlen(transaction)) &&
           caret->host->find_layout(caret->host->self, layout) != NULL;
}

/* What holds for every request before anybody looks at its business. True if it may go on. */
static bool
check_head(struct client *client, const struct fep_record *head)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    struct fep_bytes online = get_field(host, head, wire->online_field),
                     centre = get_field(host, head, wire->centre_field);
    bool own = list_has(wire->own_centre, client->transaction, strlen(client->transaction));
    bool region =
        wire->centre_field == NULL || (centre.size == 6 && is_all_digits((const char *)centre.data, 6));
    if (!knows_transaction(caret, client->transaction))
        refuse(client, 'N', 1002, "交易代码不识别, 或本网关不提供该交易");
    else if (wire->serial_form != NULL && !serial_has_form(client->serial, wire->serial_form))
        refuse(client, 'N', 1003, "交易流水号格式不对");
    else if (serial_in_progress(client) && wire->replays != NULL)
        refuse(client, 'R', 9001, "该流水号正在处理, 请稍后再试");
    else if (serial_in_progress(client))
        refuse(client, 'N', 1005, "交易流水号已使用过");
    else if (online.size > 0 && !list_has(wire->online_values, (const char *)online.data, online.size))
        refuse(client, 'N', 1003, "联机标志应为1");
    else if (!region || (own && wire->centre_field != NULL && wire->own_region != NULL &&
                         !bytes_equal(centre, wire->own_region)))
        refuse(client, 'N', 1003, own ? "中心编码应为本统筹区" : "中心编码应为六位区划");
    else
        return true;
    return false;
}

static void
take_own_transaction(struct client *client, const char *institution, const char *operator,
                     struct fep_bytes params)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    char layout[TRANSACTION_SIZE + 4];
    struct fep_error error = {0};
    snprintf(layout, sizeof layout, "%s-Q", client->transaction);
    struct fep_record *body = caret_decode_body(&caret->codec, layout, params, NULL, &error);
    if (body == NULL)
        refuse_error(client, &error);
    else if (is_transaction(client, caret->wire.sign_in))
        sign_in(client, institution, operator, body);
    else if (is_transaction(client, caret->wire.sign_out))
        sign_out(client, institution, operator, body);
    else
        tell_time(client);
    host->release_record(host->self, body);
}

static bool
is_own_transaction(const struct client *client)
{
    const struct caret_wire *wire = &client->caret->wire;
    return is_transaction(client, wire->sign_in) || is_transaction(client, wire->sign_out) ||
           is_transaction(client, wire->centre_time);
}

/* Takes over the head. */
static void
take_request(struct client *client, struct fep_record *head, struct fep_bytes params)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    char institution[48], operator[48];
    if (copy_field(host, head, wire->institution_field, institution, sizeof institution) < 0 ||
        copy_field(host, head, wire->operator_field, operator, sizeof operator) < 0) {
        refuse(client, 'N', 1003, "机构编号或操作员编号过长");
    } else if (caret->draining) {
        refuse(client, 'R', 9001, "网关正在停机, 未办理, 请稍后重试");
    } else if (!check_head(client, head)) {
        /* refused there */
    } else if (is_own_transaction(client)) {
        take_own_transaction(client, institution, operator, params);
    } else if (wire->sign_in == NULL || check_cycle(client, institution, operator) != NULL) {
        ask_host(client, head, params);
        return;
    }
    host->release_record(host->self, head);
}

static void
refuse_head(struct client *client, const unsigned char *line, size_t size, const struct fep_error *error)
{
    struct caret *caret = client->caret;
    const struct fep_layout *layout = caret->host->find_layout(caret->host->self, "head-Q");
    int place = find_field(layout, caret->wire.cycle_field);
    if (error->code == 1001 || place < 0 ||
        caret_peek_field(&caret->codec, line, size, (size_t)place, client->cycle, sizeof client->cycle) < 0)
        client->cycle[0] = '\0';
    refuse_error(client, error);
}

void
desk_take_line(struct client *client, const unsigned char *line, size_t size)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    struct fep_bytes params;
    struct fep_error error = {0};
    client->cycle[0] = client->serial[0] = client->transaction[0] = '\0';
    client->compares = false;
    struct fep_record *head = caret_decode_head(&caret->codec, true, line, size, &params, &error);
    if (head == NULL) {
        refuse_head(client, line, size, &error);
    } else if (copy_field(host, head, wire->transaction_field, client->transaction,
                          sizeof client->transaction) < 0 ||
               copy_field(host, head, wire->serial_field, client->serial, sizeof client->serial) < 0 ||
               copy_field(host, head, wire->cycle_field, client->cycle, sizeof client->cycle) < 0) {
        host->release_record(host->self, head);
        client->serial[0] = client->cycle[0] = '\0';
        refuse(client, 'N', 1003, "交易代码, 流水号或业务周期号过长");
    } else {
        take_request(client, head, params);
    }
    if (caret->codec.illegal_texts != caret->illegal_texts_told) {
        caret->illegal_texts_told = caret->codec.illegal_texts;
        host->log_event(host->self, LOG_WARNING_LEVEL, "illegal bytes in free texts, so far",
                        caret->codec.illegal_texts);
    }
}
