/* A module for tests of the host: its local system is a text protocol that shows every field of every record,
 * so that a test can play caller and local system with any mapping file. Lines:
 *
 *   caller:        LOCAL;H:NAME=VALUE,NAME=VALUE;B:NAME=VALUE;R:NAME=VALUE;R:...      answered by
 *                  KIND CODE CLASS;B:...;R:...          kind 1 answered, 3 refused, 4 open; class 0 final, 1
 * repeatable; to an inquiry ;F:FINDING behind CLASS. local system:  we say  LOCAL SERIAL;H:...;B:...;R:...
 * and hear   KIND CODE;B:...;R:...   one at a time; to an inquiry or a reversal  KIND CODE;F:FINDING;...  ,
 * and the rest of it is the original's answer
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fep/adapter.h>

enum { LINE_SIZE = 65536 };

static const struct fep_host *host;
static int listener = -1, caller = -1, peer = -1;
static char caller_line[LINE_SIZE], peer_line[LINE_SIZE], out_line[LINE_SIZE];
static size_t caller_size, peer_size;
static struct fep_watch *caller_watch, *peer_watch;
static struct fep_timer *late_timer;
static struct fep_call *asked;
static char asked_local[24], posted_local[24]; /* of an inquiry: the last transaction that was submitted */
static int ticket;
static bool closed;
static struct fep_attempt late;
static bool is_inquiry; /* the last request */

static const struct fep_option options[] = {
    {.name = "listen", .type = FEP_TEXT}, {.name = "peer", .type = FEP_TEXT}, {.name = NULL}};

/* --- lines ----------------------------------------------------------------------------------------- */

static void
append_field(char *out, const char *name, struct fep_bytes value, bool *first)
{
    size_t used = strlen(out);
    if (value.size > 0)
        snprintf(out + used, LINE_SIZE - used, "%s%s=%.*s", *first ? "" : ",", name, (int)value.size,
                 (const char *)value.data);
    *first = *first && value.size == 0;
}

static void
append_record(char *out, const char *mark, const struct fep_record *record)
{
    if (record == NULL)
        return;
    const struct fep_layout *layout = host->record_layout(record);
    bool first = true;
    strcat(out, mark);
    for (size_t i = 0; i < layout->field_count; i++)
        append_field(out, layout->fields[i].name, host->record_get(record, i), &first);
    for (size_t row = 0; row < host->record_rows(record); row++) {
        first = true;
        strcat(out, ";R:");
        for (size_t i = 0; i < layout->group_field_count; i++)
            append_field(out, layout->group_fields[i].name, host->record_get_in_row(record, row, i), &first);
    }
}

static void
set_fields(struct fep_record *record, char *text, bool in_row)
{
    const struct fep_layout *layout = host->record_layout(record);
    const struct fep_field *fields = in_row ? layout->group_fields : layout->fields;
    size_t count = in_row ? layout->group_field_count : layout->field_count;
    char *rest = NULL;
    for (char *piece = strtok_r(text, ",", &rest); piece != NULL; piece = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(piece, '=');
        if (value == NULL)
            abort();
        *value++ = '\0';
        for (size_t i = 0; i < count; i++) {
            if (strcmp(fields[i].name, piece) != 0)
                continue;
            if (in_row)
                host->record_set_in_row(record, host->record_rows(record) - 1, i, value, strlen(value));
            else
                host->record_set(record, i, value, strlen(value));
        }
    }
}

/* "H:...", "B:...", "R:..." of the rest of a line. */
static void
read_sections(char *rest, struct fep_record *head, struct fep_record *body)
{
    char *next = NULL;
    for (char *section = strtok_r(rest, ";", &next); section != NULL; section = strtok_r(NULL, ";", &next)) {
        if (section[0] == 'H' && head != NULL) {
            set_fields(head, section + 2, false);
        } else if (section[0] == 'B' && body != NULL) {
            set_fields(body, section + 2, false);
        } else if (section[0] == 'R' && body != NULL) {
            host->record_add_row(body);
            set_fields(body, section + 2, true);
        }
    }
}

static struct fep_record *
new_record(const char *local, const char *suffix)
{
    char name[40];
    snprintf(name, sizeof name, "%s%s", local, suffix);
    return host->create_record(host->self, name);
}

static void
send_line(int fd, const char *line)
{
    size_t size = strlen(line);
    while (size > 0) {
        ssize_t count = send(fd, line, size, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN)
            return;
        if (count > 0) {
            line += count;
            size -= (size_t)count;
        }
    }
}

/* Reads what is there and calls `take` for each whole line. false: the other side has hung up. */
static bool
read_lines(int fd, char *line, size_t *size, void (*take)(char *line))
{
    for (;;) {
        ssize_t count = recv(fd, line + *size, LINE_SIZE - 1 - *size, MSG_DONTWAIT);
        if (count <= 0)
            return count < 0 && errno == EAGAIN;
        *size += (size_t)count;
        line[*size] = '\0';
        char *end;
        while ((end = strchr(line, '\n')) != NULL) {
            *end = '\0';
            take(line);
            *size -= (size_t)(end + 1 - line);
            memmove(line, end + 1, *size + 1);
        }
    }
}

/* --- serving --------------------------------------------------------------------------------------- */

static void
on_answer(void *self, void *arg, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    (void)self, (void)arg;
    snprintf(out_line, sizeof out_line, "%d %u %u", (int)kind, result->code, result->refusal_class);
    if (is_inquiry)
        snprintf(out_line + strlen(out_line), 32, ";F:%u", result->finding);
    append_record(out_line, ";B:", answer);
    strcat(out_line, "\n");
    send_line(caller, out_line);
}

static int
try_answer(void *self, void *arg, const struct fep_record *answer, struct fep_error *error)
{
    (void)self, (void)arg, (void)answer, (void)error;
    return 0;
}

static void
take_request(char *line)
{
    struct fep_error error = {0};
    char *rest = strchr(line, ';');
    if (rest == NULL)
        abort();
    *rest++ = '\0';
    const char *inquiry = host->mapping_text(host->self, "serve_inquire", "local");
    is_inquiry = inquiry != NULL && strcmp(inquiry, line) == 0;
    struct fep_record *head = new_record("head", "-Q"), *body = new_record(line, "-Q");
    read_sections(rest, head, body);
    if (host->begin_request(host->self, line, head, body, false, on_answer, try_answer, &ticket, &error) <
        0) {
        snprintf(out_line, sizeof out_line, "not_begun %u %u %s\n", error.kind, error.code, error.text);
        send_line(caller, out_line);
    }
}

static void
on_caller(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    if (!read_lines(caller, caller_line, &caller_size, take_request))
        host->unwatch(host->self, caller_watch);
}

static void
on_listener(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    caller = fd;
    caller_size = 0;
    caller_watch = host->watch_descriptor(host->self, fd, FEP_READABLE, on_caller, NULL);
}

/* --- asking ---------------------------------------------------------------------------------------- */

static void
tell_late(void *arg)
{
    struct fep_result result = {.size = sizeof result, .effect = FEP_EFFECT_POSTED};
    (void)arg;
    late_timer = NULL;
    host->report_late(host->self, &late, FEP_ANSWERED, &result, NULL);
}

static void
take_answer(char *line)
{
    struct fep_result result = {.size = sizeof result, .effect = FEP_EFFECT_POSTED};
    int kind = 0;
    struct fep_call *call = asked;
    char *rest = strchr(line, ';');
    if (rest != NULL)
        *rest++ = '\0';
    if (call == NULL || sscanf(line, "%d %u", &kind, &result.code) != 2)
        abort();
    bool finds = rest != NULL && rest[0] == 'F' && sscanf(rest, "F:%u", &result.finding) == 1;
    bool holds = finds ? result.finding == FEP_FOUND_POSTED : kind == FEP_ANSWERED;
    struct fep_record *body = holds ? new_record(finds ? posted_local : asked_local, "-R") : NULL;
    if (rest != NULL)
        read_sections(rest, NULL, body);
    asked = NULL;
    /* "4 0": not known; then the same answer comes late. */
    late = *host->call_attempt(call);
    host->complete_call(host->self, call, (enum fep_kind)kind, &result, body);
    if (kind == FEP_UNKNOWN)
        late_timer = host->set_timer(host->self, 50, tell_late, NULL);
}

static void
on_peer(void *arg, uint32_t events)
{
    (void)arg, (void)events;
    if (read_lines(peer, peer_line, &peer_size, take_answer))
        return;
    host->unwatch(host->self, peer_watch);
    if (asked == NULL)
        return;
    struct fep_call *call = asked;
    struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_PEER_CLOSED};
    asked = NULL;
    host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
}

static void
ask(struct fep_call *call, const struct fep_message *message, uint32_t operation)
{
    struct fep_record *head = NULL, *body = NULL;
    struct fep_error error = {0};
    struct fep_result result = {.size = sizeof result, .code = 9001, .refusal_class = FEP_REPEATABLE};
    const struct fep_attempt *attempt = host->call_attempt(call);
    const char *local = host->translate_out(host->self, message, operation, attempt, &head, &body, &error);
    if (local == NULL || peer < 0 || asked != NULL) {
        snprintf(result.text, sizeof result.text, "%.200s", error.text);
        host->complete_call(host->self, call, FEP_NOT_SENT, &result, NULL);
    } else {
        asked = call;
        snprintf(asked_local, sizeof asked_local, "%s", local);
        if (operation == FEP_OP_SUBMIT)
            snprintf(posted_local, sizeof posted_local, "%s", local);
        snprintf(out_line, sizeof out_line, "%s %08u%012llu", local, attempt->serial_date,
                 (unsigned long long)attempt->serial);
        append_record(out_line, ";H:", head);
        append_record(out_line, ";B:", body);
        strcat(out_line, "\n");
        send_line(peer, out_line);
    }
    host->release_record(host->self, head);
    host->release_record(host->self, body);
}

static void
submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    (void)self;
    ask(call, message, FEP_OP_SUBMIT);
}

static void
inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    (void)self;
    ask(call, message, FEP_OP_INQUIRE);
}

static void
reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    (void)self;
    ask(call, message, FEP_OP_REVERSE);
}

static void
cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct fep_result result = {.size = sizeof result, .reason = reason};
    (void)self;
    if (closed)
        abort(); /* nothing may be asked of a module that is closed */
    if (call != asked)
        return;
    asked = NULL;
    host->complete_call(host->self, call, FEP_UNKNOWN, &result, NULL);
}

/* --- life ------------------------------------------------------------------------------------------ */

static int
open_socket(const char *path, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status = listens ? bind(fd, (const struct sockaddr *)&address, sizeof address)
                         : connect(fd, (const struct sockaddr *)&address, sizeof address);
    if (status == 0 && listens)
        status = listen(fd, 4);
    if (status == 0)
        return fd;
    close(fd);
    return -1;
}

static int
open_module(const struct fep_host *given, const struct fep_config *config, void **self,
            struct fep_error *error)
{
    host = given;
    *self = &ticket;
    const char *listens = host->get_text(config, "listen"), *to = host->get_text(config, "peer");
    if (listens != NULL && listens[0] != '\0' && (listener = open_socket(listens, true)) < 0) {
        snprintf(error->text, sizeof error->text, "cannot listen");
        return -1;
    }
    if (to != NULL && to[0] != '\0' && (peer = open_socket(to, false)) < 0) {
        snprintf(error->text, sizeof error->text, "nobody at %.100s", to);
        return -1;
    }
    return 0;
}

static void
start(void *self, struct fep_call *call)
{
    (void)self;
    if (listener >= 0)
        host->watch_descriptor(host->self, listener, FEP_READABLE, on_listener, NULL);
    if (peer >= 0)
        peer_watch = host->watch_descriptor(host->self, peer, FEP_READABLE, on_peer, NULL);
    host->complete_call(host->self, call, FEP_ANSWERED, NULL, NULL);
}

static void
close_module(void *self)
{
    (void)self;
    if (late_timer != NULL)
        host->clear_timer(host->self, late_timer);
    closed = true;
}

static const struct fep_adapter_ops ops = {.size = sizeof ops,
                                           .open = open_module,
                                           .start = start,
                                           .submit = submit,
                                           .inquire = inquire,
                                           .reverse = reverse,
                                           .cancel = cancel,
                                           .close = close_module};

extern const struct fep_adapter fep_adapter;
FEP_EXPORT const struct fep_adapter fep_adapter = {.magic = FEP_ADAPTER_MAGIC,
                                                   .abi_major = FEP_ABI_MAJOR,
                                                   .abi_minor = FEP_ABI_MINOR,
                                                   .size = sizeof fep_adapter,
                                                   .name = "relay",
                                                   .version = "1.0",
                                                   .summary = "for tests of the host",
                                                   .abilities = FEP_CALLS_OUT | FEP_SERVES_IN | FEP_INQUIRES |
                                                                FEP_REVERSES,
                                                   .options = options,
                                                   .ops = &ops};
