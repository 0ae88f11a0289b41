/* The serving side: local callers over a stream socket. A message is 4 bytes of length (big-endian), a head
 * of one JSON line and the canonical body:
 *
 *   request  {"infno":"2304","msgid":"M1","insured_area":"450900","treat_area":"450100","person":"P1"}\nBODY
 *   answer   {"msgid":"M1","kind":"answered","code":0,"effect":"posted","reason":0,"text":""}\nBODY
 *
 * kind: answered, refused, open, not_sent. Head members are the fields of the layout canonical-head, texts
 * without escapes; "fresh":"1" says that this request was made after an earlier refusal of its msgid was
 * read. Many requests may be in flight on a connection; answers come in any order, matched by msgid. */
#include "loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CALLERS = 64, MAX_MESSAGE = (4 << 20) + 4096, READ_SIZE = 256 * 1024, MAX_UNREAD = 64 << 20 };

struct caller { /* one connection */
    struct server *server;
    int fd;
    struct fep_watch *watch;
    unsigned char *in, *out;
    size_t in_size, in_room, out_size, out_room;
    bool writing;            /* waits until the socket takes more */
    struct fep_timer *flush; /* all answers of one turn leave together */
    struct request *requests;
};

struct request {
    struct caller *caller;
    struct request *next, *previous;
    char msgid[32];
};

struct server {
    struct loopback *loopback;
    int fd;
    struct fep_watch *watch;
    char path[108]; /* unix socket, to be removed */
    struct caller *callers[MAX_CALLERS];
};

static const struct fep_host *
host_of(const struct caller *caller)
{
    return caller->server->loopback->host;
}

/* --- connections --------------------------------------------------------------------------------- */

static void
close_caller(struct caller *caller)
{
    const struct fep_host *host = host_of(caller);
    host->unwatch(host->self, caller->watch);
    host->clear_timer(host->self, caller->flush);
    close(caller->fd);
    while (caller->requests != NULL) {
        struct request *request = caller->requests;
        caller->requests = request->next;
        host->forget_request(host->self, request);
        free(request);
    }
    for (size_t i = 0; i < MAX_CALLERS; i++) {
        if (caller->server->callers[i] == caller)
            caller->server->callers[i] = NULL;
    }
    free(caller->in);
    free(caller->out);
    struct loopback *loopback = caller->server->loopback;
    free(caller);
    loopback_check_drained(loopback);
}

static int
give_room(unsigned char **data, size_t *room, size_t needed, size_t limit)
{
    if (needed <= *room)
        return 0;
    size_t size = *room * 2 > needed ? *room * 2 : needed;
    unsigned char *grown = needed > limit ? NULL : realloc(*data, size);
    if (grown == NULL)
        return -1;
    *data = grown;
    *room = size;
    return 0;
}

/* Negative: the connection is gone. */
static int
flush_caller(struct caller *caller)
{
    const struct fep_host *host = host_of(caller);
    size_t sent = 0;
    while (sent < caller->out_size) {
        ssize_t count =
            send(caller->fd, caller->out + sent, caller->out_size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        if (count < 0)
            break;
        sent += (size_t)count;
    }
    if (sent > 0)
        memmove(caller->out, caller->out + sent, caller->out_size - sent);
    caller->out_size -= sent;
    bool writing = caller->out_size > 0;
    if (writing != caller->writing)
        host->change_watch(host->self, caller->watch, FEP_READABLE | (writing ? (uint32_t)FEP_WRITABLE : 0u));
    caller->writing = writing;
    return 0;
}

static void
on_flush(void *arg)
{
    struct caller *caller = arg;
    caller->flush = NULL;
    if (flush_caller(caller) < 0)
        close_caller(caller);
    else
        loopback_check_drained(caller->server->loopback);
}

/* --- answers ------------------------------------------------------------------------------------- */

static int
send_answer(struct caller *caller, const char *msgid, const char *kind, const struct fep_result *result,
            struct fep_bytes body)
{
    char head[640], text[256];
    size_t used = 0;
    for (const char *at = result->text; *at != '\0' && used + 1 < sizeof text; at++)
        text[used++] = *at == '"' || *at == '\\' || (unsigned char)*at < 32 ? ' ' : *at;
    text[used] = '\0';
    int size =
        snprintf(head, sizeof head,
                 "{\"msgid\":\"%s\",\"kind\":\"%s\",\"code\":%u,\"effect\":\"%s\",\"reason\":%u,\"copy\":%u,"
                 "\"text\":\"%s\"}\n",
                 msgid, kind, result->code, result->effect == FEP_EFFECT_POSTED ? "posted" : "none",
                 result->reason, result->copy, text);
    size_t whole = 4 + (size_t)size + body.size;
    if (give_room(&caller->out, &caller->out_room, caller->out_size + whole, MAX_UNREAD) < 0)
        return -1;
    unsigned char *at = caller->out + caller->out_size;
    uint32_t length = htonl((uint32_t)(whole - 4));
    memcpy(at, &length, 4);
    memcpy(at + 4, head, (size_t)size);
    if (body.size > 0)
        memcpy(at + 4 + size, body.data, body.size);
    caller->out_size += whole;
    const struct fep_host *host = host_of(caller);
    if (caller->flush == NULL)
        caller->flush = host->set_timer(host->self, 0, on_flush, caller);
    return caller->flush != NULL ? 0 : -1;
}

static void
remove_request(struct request *request)
{
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        request->caller->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    free(request);
}

static void
on_answer(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
          const struct fep_record *answer)
{
    const struct loopback *loopback = self;
    struct request *request = ticket;
    struct caller *caller = request->caller;
    struct fep_bytes body = {NULL, 0};
    if (answer != NULL)
        body = loopback->host->record_get(answer, 0);
    const char *word = kind == FEP_ANSWERED ? "answered" : kind == FEP_REFUSED ? "refused" : "open";
    int status = send_answer(caller, request->msgid, word, result, body);
    remove_request(request);
    if (status < 0)
        close_caller(caller);
}

/* Any body can be put on this wire. */
static int
try_answer(void *self, void *ticket, const struct fep_record *answer, struct fep_error *error)
{
    (void)self, (void)ticket, (void)answer, (void)error;
    return 0;
}

/* --- requests ------------------------------------------------------------------------------------ */

/* The value of a member of the flat head line; size 0 if it is not there. */
static struct fep_bytes
head_member(const char *head, size_t size, const char *name)
{
    char key[40];
    size_t key_size = (size_t)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = memmem(head, size, key, key_size);
    if (at == NULL)
        return (struct fep_bytes){NULL, 0};
    at += key_size;
    const char *end = memchr(at, '"', size - (size_t)(at - head));
    if (end == NULL)
        return (struct fep_bytes){NULL, 0};
    return (struct fep_bytes){(const unsigned char *)at, (size_t)(end - at)};
}

static struct fep_record *
fill_head(const struct fep_host *host, const char *line, size_t size)
{
    const struct fep_layout *layout = host->find_layout(host->self, "canonical-head");
    struct fep_record *head = layout != NULL ? host->create_record(host->self, "canonical-head") : NULL;
    for (size_t i = 0; head != NULL && i < layout->field_count; i++) {
        struct fep_bytes value = head_member(line, size, layout->fields[i].name);
        if (value.size > 0 && host->record_set(head, i, (const char *)value.data, value.size) < 0) {
            host->release_record(host->self, head);
            head = NULL;
        }
    }
    return head;
}

/* Negative: the connection must be closed. */
static int
take_message(struct caller *caller, const char *data, size_t size)
{
    const struct fep_host *host = host_of(caller);
    const char *line_end = memchr(data, '\n', size);
    if (line_end == NULL)
        return -1;
    size_t line = (size_t)(line_end - data), body_size = size - line - 1;
    struct fep_bytes msgid = head_member(data, line, "msgid");
    struct request *request = calloc(1, sizeof *request);
    struct fep_record *head = fill_head(host, data, line),
                      *body = host->create_record(host->self, "canonical");
    if (request == NULL || head == NULL || body == NULL || msgid.size >= sizeof request->msgid ||
        host->record_set(body, 0, line_end + 1, body_size) < 0) {
        free(request);
        host->release_record(host->self, head);
        host->release_record(host->self, body);
        return -1;
    }
    if (msgid.size > 0)
        memcpy(request->msgid, msgid.data, msgid.size);
    request->caller = caller;
    request->next = caller->requests;
    if (request->next != NULL)
        request->next->previous = request;
    caller->requests = request;
    struct fep_error error = {0};
    bool fresh = head_member(data, line, "fresh").size > 0;
    if (host->begin_request(host->self, "", head, body, fresh, on_answer, try_answer, request, &error) == 0)
        return 0;
    struct fep_result result = {.size = sizeof result, .code = error.code};
    snprintf(result.text, sizeof result.text, "%.250s", error.text);
    int status = send_answer(caller, request->msgid, error.kind == FEP_REFUSED ? "refused" : "not_sent",
                             &result, (struct fep_bytes){NULL, 0});
    remove_request(request);
    return status;
}

static int
take_messages(struct caller *caller)
{
    size_t at = 0;
    while (caller->in_size - at >= 4) {
        uint32_t length;
        memcpy(&length, caller->in + at, 4);
        length = ntohl(length);
        if (length > MAX_MESSAGE)
            return -1;
        if (caller->in_size - at - 4 < length)
            break;
        if (take_message(caller, (const char *)caller->in + at + 4, length) < 0)
            return -1;
        at += 4 + length;
    }
    if (at > 0)
        memmove(caller->in, caller->in + at, caller->in_size - at);
    caller->in_size -= at;
    return 0;
}

static int
read_caller(struct caller *caller)
{
    if (give_room(&caller->in, &caller->in_room, caller->in_size + READ_SIZE, MAX_MESSAGE + 2 * READ_SIZE) <
        0)
        return -1;
    ssize_t count = recv(caller->fd, caller->in + caller->in_size, READ_SIZE, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        return -1;
    if (count < 0)
        return 0;
    caller->in_size += (size_t)count;
    return take_messages(caller);
}

static void
on_caller(void *arg, uint32_t events)
{
    struct caller *caller = arg;
    if (((events & FEP_WRITABLE) != 0 && flush_caller(caller) < 0) ||
        ((events & FEP_READABLE) != 0 && read_caller(caller) < 0))
        close_caller(caller);
    else
        loopback_check_drained(caller->server->loopback);
}

/* --- listening ----------------------------------------------------------------------------------- */

static void
on_connection(void *arg, uint32_t events)
{
    struct server *server = arg;
    const struct fep_host *host = server->loopback->host;
    (void)events;
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    size_t place = 0;
    while (place < MAX_CALLERS && server->callers[place] != NULL)
        place++;
    struct caller *caller = place < MAX_CALLERS ? calloc(1, sizeof *caller) : NULL;
    if (caller != NULL) {
        caller->server = server;
        caller->fd = fd;
        caller->watch = host->watch_descriptor(host->self, fd, FEP_READABLE, on_caller, caller);
    }
    if (caller == NULL || caller->watch == NULL) {
        close(fd);
        free(caller);
        return;
    }
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
                     sizeof one); /* fails on a unix socket, which needs none */
    server->callers[place] = caller;
}

static int
bind_unix(struct server *server, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path); /* left by an instance that was killed */
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0 || bind(server->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return -1;
    memcpy(server->path, address.sun_path, sizeof server->path);
    return 0;
}

static int
bind_tcp(struct server *server, const char *where)
{
    char host[64];
    const char *colon = strrchr(where, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1;
    if (colon == NULL || (size_t)(colon - where) >= sizeof host)
        return -1;
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -1;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return server->fd >= 0 && setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                   bind(server->fd, (const struct sockaddr *)&address, sizeof address) == 0
               ? 0
               : -1;
}

struct server *
server_open(struct loopback *loopback, const char *where, struct fep_error *error)
{
    struct server *server = calloc(1, sizeof *server);
    const struct fep_host *host = loopback->host;
    if (server == NULL)
        return NULL;
    server->loopback = loopback;
    server->fd = -1;
    errno = EINVAL;
    int bound = strncmp(where, "unix:", 5) == 0  ? bind_unix(server, where + 5)
                : strncmp(where, "tcp:", 4) == 0 ? bind_tcp(server, where + 4)
                                                 : -1;
    if (bound == 0 && listen(server->fd, MAX_CALLERS) == 0)
        server->watch = host->watch_descriptor(host->self, server->fd, FEP_READABLE, on_connection, server);
    if (server->watch == NULL) {
        snprintf(error->text, sizeof error->text,
                 "cannot listen on %.200s (expected unix:PATH or tcp:ADDRESS:PORT): %s", where,
                 strerror(errno));
        server_close(server);
        return NULL;
    }
    return server;
}

void
server_stop(struct server *server)
{
    if (server == NULL || server->watch == NULL)
        return;
    server->loopback->host->unwatch(server->loopback->host->self, server->watch);
    server->watch = NULL;
}

bool
server_is_idle(const struct server *server)
{
    for (size_t i = 0; server != NULL && i < MAX_CALLERS; i++) {
        const struct caller *caller = server->callers[i];
        if (caller != NULL && (caller->requests != NULL || caller->out_size > 0))
            return false;
    }
    return true;
}

void
server_close(struct server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < MAX_CALLERS; i++) {
        if (server->callers[i] != NULL)
            close_caller(server->callers[i]);
    }
    if (server->watch != NULL)
        server->loopback->host->unwatch(server->loopback->host->self, server->watch);
    if (server->fd >= 0)
        close(server->fd);
    if (server->path[0] != '\0')
        (void)unlink(server->path);
    free(server);
}
