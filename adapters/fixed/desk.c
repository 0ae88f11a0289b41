/* What a record means: sign-on and sign-off are answered here, everything else goes to the host.
 *
 * The order of the checks is the protocol's: seal, sign-on, transaction and serial, then whether it repeats a
 * request that is stored, and only then its fields, its clock and its accounting date. Must never let a
 * request through that was not sealed rightly, and never refuse a repeat for what has changed since. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer_clock.h"
#include "wire.h"

/* What is read of a record's head. */
struct head {
    struct fep_record *record;
    const unsigned char *bytes; /* of the whole record */
    size_t size;
    char transaction[LOCAL_SIZE], serial[SERIAL_SIZE];
    size_t rows;
};

static void
refuse(struct client *client, const struct head *head, char class, uint32_t code, const char *text)
{
    tell_refusal(client, head->bytes, NULL, class, code, text);
}

/* With a return code of this family's own, that no other knows. */
static void
refuse_with(struct client *client, const struct head *head, const char *code, const char *text)
{
    const struct answer answer = {.code = code, .text = text};
    tell_answer(client, head->bytes, NULL, &answer);
}

/* --- clock --- */

static uint32_t
read_number(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    char text[24];
    return copy_field(host, record, field, text, sizeof text) > 0 && is_all_digits(text, strlen(text))
               ? (uint32_t)strtoul(text, NULL, 10)
               : 0;
}

static bool
clock_is_close(const struct server *server, const struct fep_record *head)
{
    const struct fep_host *host = server->host;
    if (server->clock_tolerance_ms == 0)
        return true;
    int64_t offset_ms = peer_clock_offset_s(host, read_number(host, head, server->wire.date_field),
                                            read_number(host, head, server->wire.time_field)) *
                        1000;
    return offset_ms <= server->clock_tolerance_ms && offset_ms >= -server->clock_tolerance_ms;
}

static uint32_t
today(const struct server *server)
{
    uint32_t date, clock;
    server->host->read_local_time(server->host->self, &date, &clock);
    return date;
}

/* --- sign-on --- */

static void
sign_on(struct client *client, const struct head *head, const struct fep_record *body)
{
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    const struct server_wire *wire = &server->wire;
    char password[128] = "", layout[LOCAL_SIZE + 4], text[32];
    uint32_t date, clock, wanted = read_number(host, body, wire->sign_on_window);
    int size = copy_field(host, body, wire->sign_on_password, password, sizeof password);
    bool right = size > 0 && is_secret(host->get_secret(server->config, "password_file"), password);
    explicit_bzero(password, sizeof password);
    if (!right) {
        client->signed_on = false;
        host->log_event(host->self, LOG_WARNING_LEVEL, "sign-on with a wrong password", 0);
        refuse(client, head, 'N', 1004, "口令不对");
        return;
    }
    if (wanted < 1 || wanted > MOST_WINDOW) {
        refuse(client, head, 'N', 1003, "窗口数应为01到16");
        return;
    }
    client->window = wanted < server->window_limit ? wanted : server->window_limit;
    client->signed_on = true;
    host->read_local_time(host->self, &date, &clock);
    snprintf(layout, sizeof layout, "%.12s-R", wire->sign_on);
    struct fep_record *answer = host->create_record(host->self, layout);
    int status = answer != NULL ? 0 : -1;
    snprintf(text, sizeof text, "%08u%06u", (unsigned)(date % 100000000u), (unsigned)(clock % 1000000u));
    if (status == 0)
        status = set_field(host, answer, wire->sign_on_answer_clock, text);
    text[8] = '\0';
    if (status == 0)
        status = set_field(host, answer, wire->sign_on_answer_date, text);
    snprintf(text, sizeof text, "%02u", client->window);
    if (status == 0)
        status = set_field(host, answer, wire->sign_on_answer_window, text);
    const struct answer good = {.code = wire->good, .text = wire->good_text, .body = answer};
    if (status == 0)
        tell_answer(client, head->bytes, NULL, &good);
    else
        refuse(client, head, 'R', 9001, "网关忙, 请稍后再签到");
    host->release_record(host->self, answer);
}

static void
take_sign_on(struct client *client, const struct head *head)
{
    struct server *server = client->server;
    struct fep_error error = {0};
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-Q", head->transaction);
    if (!clock_is_close(server, head->record)) {
        refuse(client, head, 'N', 1006, "时钟相差过大, 请校时后再签到");
        return;
    }
    struct fep_record *body = fixed_decode_body(&server->codec, layout, head->bytes + server->codec.head_size,
                                                head->size - server->codec.head_size, head->rows, &error);
    if (body == NULL)
        refuse(client, head, 'N', error.code == 1003 ? 1003 : 1001, error.text);
    else
        sign_on(client, head, body);
    server->host->release_record(server->host->self, body);
}

static void
sign_off(struct client *client, const struct head *head)
{
    const struct server_wire *wire = &client->server->wire;
    const struct answer good = {.code = wire->good, .text = wire->good_text};
    if (head->size != client->server->codec.head_size) {
        refuse(client, head, 'N', 1001, "签退没有报文体");
        return;
    }
    client->signed_on = false;
    tell_answer(client, head->bytes, NULL, &good);
    client->close_after = true;
}

/* --- what holds for every request --- */

static bool
is_text(const struct server *server, const struct head *head, const char *field, const char *wanted)
{
    return field == NULL || wanted == NULL ||
           bytes_equal(get_field(server->host, head->record, field), wanted);
}

static bool
knows(const struct server *server, const char *transaction)
{
    char layout[LOCAL_SIZE + 4];
    bool served;
    if (file_desk_knows(server, transaction, &served))
        return served;
    snprintf(layout, sizeof layout, "%.12s-Q", transaction);
    return server->host->find_layout(server->host->self, layout) != NULL;
}

/* "d20": so many digits. */
static bool
serial_has_form(const char *serial, const char *form)
{
    size_t wanted = form != NULL && form[0] == 'd' ? strtoul(form + 1, NULL, 10) : strlen(serial);
    return strlen(serial) == wanted && wanted > 0 && (form == NULL || is_all_digits(serial, wanted));
}

/* Who sends it to whom, and what for. True if it may go on. */
static bool
check_head(struct client *client, const struct head *head)
{
    struct server *server = client->server;
    const struct server_wire *wire = &server->wire;
    bool signs_on = strcmp(head->transaction, wire->sign_on) == 0,
         signs_off = strcmp(head->transaction, wire->sign_off) == 0;
    if (!client->signed_on && !signs_on)
        refuse_with(client, head, wire->not_signed_on, "连接尚未签到");
    else if (!is_text(server, head, wire->sender_field, wire->peer_node) ||
             !is_text(server, head, wire->receiver_field, wire->node))
        refuse(client, head, 'N', 1004, "发送方或接收方节点未获授权");
    else if (!signs_off && !knows(server, head->transaction))
        refuse(client, head, 'N', 1002, "交易代码不识别, 或本网关不提供该交易");
    else if (!serial_has_form(head->serial, wire->serial_form))
        refuse(client, head, 'N', 1003, "流水号应为8位日期加12位数字");
    else
        return true;
    return false;
}

/* Does the record have the length its count of rows says? */
static bool
check_length(struct client *client, const struct head *head)
{
    struct server *server = client->server;
    char layout_name[LOCAL_SIZE + 4], text[96];
    snprintf(layout_name, sizeof layout_name, "%.12s-Q", head->transaction);
    const struct fep_layout *layout = server->host->find_layout(server->host->self, layout_name);
    size_t wanted = server->codec.head_size + fixed_plain_size(layout) + head->rows * fixed_row_size(layout);
    if (head->size == wanted && (layout->group_name != NULL || head->rows == 0))
        return true;
    snprintf(text, sizeof text, "记录长度%zu字节, 按%zu条应为%zu字节", head->size, head->rows, wanted);
    refuse(client, head, 'N', 1001, text);
    return false;
}

/* --- fields, clock and date --- */

static void
set_fault(struct request *request, char class, uint32_t code, const char *text)
{
    if (request->code != 0)
        return;
    request->class = class;
    request->code = code;
    copy_text(request->text, sizeof request->text, text, strlen(text));
}

static void
check_fields(struct server *server, const struct head *head, struct request *request)
{
    char layout_name[LOCAL_SIZE + 4];
    struct fep_error error = {0};
    snprintf(layout_name, sizeof layout_name, "%.12s-Q", head->transaction);
    const struct fep_layout *layout = server->host->find_layout(server->host->self, layout_name);
    bool needs_rows = list_has(server->wire.rows_needed, head->transaction, strlen(head->transaction));
    if ((needs_rows && head->rows == 0) || head->rows > layout->group_max_rows) {
        set_fault(request, 'N', 2204, "明细条数应为1到500");
        return;
    }
    struct fep_record *body =
        fixed_decode_body(&server->codec, layout_name, head->bytes + server->codec.head_size,
                          head->size - server->codec.head_size, head->rows, &error);
    if (body == NULL) /* illegal bytes in a code or number: the record can not be read */
        set_fault(request, 'N', error.code == 1003 || error.code == 2204 ? error.code : 1001, error.text);
    server->host->release_record(server->host->self, body);
}

/* A wrong accounting date has a return code of its own, and an answer that names the right one. */
static void
check_date(struct server *server, const struct head *head, struct request *request)
{
    const struct server_wire *wire = &server->wire;
    uint32_t date = read_number(server->host, head->record, wire->accounting_date_field);
    if (request->code != 0 || !list_has(wire->dated, head->transaction, strlen(head->transaction)) ||
        date == today(server))
        return;
    set_fault(request, 'R', 9001, "账务日期不是本方当前日期, 请按应答中的日期重发");
    request->special = wire->wrong_date;
}

static void
check_business(struct server *server, const struct head *head, struct request *request)
{
    const struct server_wire *wire = &server->wire;
    if (!is_text(server, head, wire->kind_field, wire->request_kind) ||
        !is_text(server, head, wire->version_field, wire->version))
        set_fault(request, 'N', 1003, "版本或记录类别不对");
    if (!is_text(server, head, wire->direction_field, wire->serve_direction))
        set_fault(request, 'N', 1003, "本方不提供该方向的交易");
    check_fields(server, head, request);
    if (!clock_is_close(server, head->record))
        set_fault(request, 'N', 1006, "时钟相差超过允许值");
    check_date(server, head, request);
}

/* --- a record --- */

static void
take_request(struct client *client, const struct head *head)
{
    struct server *server = client->server;
    if (server->draining || client->open >= client->window) {
        refuse(client, head, 'R', 9001,
               server->draining ? "网关正在停机, 未办理, 请稍后重试" : "未答复的请求数超过窗口");
        return;
    }
    if (request_is_open(server, head->serial)) {
        refuse(client, head, 'R', 9001, "该流水号的请求正在处理, 请稍后重试");
        return;
    }
    struct request *request = request_create(client, head->bytes, head->size);
    if (request == NULL) {
        refuse(client, head, 'R', 9001, "网关忙, 未办理, 请稍后重试");
        return;
    }
    snprintf(request->transaction, sizeof request->transaction, "%s", head->transaction);
    snprintf(request->serial, sizeof request->serial, "%s", head->serial);
    check_business(server, head, request);
    bool served;
    if (request->code != 0)
        request_probe(request);
    else if (file_desk_knows(server, head->transaction, &served))
        file_desk_take(request);
    else
        request_begin(request);
}

static void
take_head(struct client *client, struct head *head)
{
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    const struct server_wire *wire = &server->wire;
    if (copy_field(host, head->record, wire->transaction_field, head->transaction, sizeof head->transaction) <
            0 ||
        copy_field(host, head->record, wire->serial_field, head->serial, sizeof head->serial) < 0) {
        refuse(client, head, 'N', 1003, "交易代码或流水号过长");
        return;
    }
    head->rows = read_number(host, head->record, wire->count_field);
    if (!check_head(client, head))
        return;
    if (strcmp(head->transaction, wire->sign_on) == 0)
        take_sign_on(client, head);
    else if (strcmp(head->transaction, wire->sign_off) == 0)
        sign_off(client, head);
    else if (check_length(client, head))
        take_request(client, head);
}

void
desk_take_record(struct client *client, const unsigned char *record, size_t size)
{
    struct server *server = client->server;
    const struct fep_host *host = server->host;
    struct fep_error error = {0};
    struct head head = {.bytes = record, .size = size};
    if (!fixed_seal_holds(&server->codec, record, size)) {
        host->log_event(host->self, LOG_WARNING_LEVEL, "a record with a wrong seal", (int64_t)size);
        refuse_with(client, &head, server->wire.wrong_seal, "记录校验码不对");
        return;
    }
    head.record = fixed_decode_request_head(&server->codec, record, size, &error);
    if (head.record == NULL) {
        bool field = error.code == 1003;
        refuse(client, &head, 'N', field ? 1003 : 1001, error.text);
        return;
    }
    take_head(client, &head);
    host->release_record(host->self, head.record);
    if (server->codec.illegal_texts != server->illegal_texts_told) {
        server->illegal_texts_told = server->codec.illegal_texts;
        host->log_event(host->self, LOG_WARNING_LEVEL, "illegal bytes in free texts, so far",
                        server->codec.illegal_texts);
    }
}
