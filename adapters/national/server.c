/* The HTTP server's thread.
 *
 * evhttp reads leniently, and what it lets pass is refused here: a length or host twice, a length that is no
 * number, a header name with a blank. Its time-outs begin anew with each byte; the guards here do not.
 * Answers of class 4xx close the connection, so that nothing behind a misread request is taken for the next
 * one.
 */
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { SWEEP_MS = 100, MAX_HEADERS_SIZE = 16384, MAX_HEADER_COUNT = 64 };

/* One connection, as long as libevent has it. */
struct guard {
    struct guard *next;
    struct bufferevent *bev; /* one reference is ours */
    int64_t since_ms;        /* it waits for a request since then */
    bool busy, counted, cut;
    struct sockaddr_storage peer;
};

struct server {
    struct server_settings settings;
    pthread_t thread;
    struct event_base *base;
    struct evhttp *http;
    struct evhttp_bound_socket *bound;
    SSL_CTX *tls;
    struct event *wake_event, *sweep_event;
    int wake_fd;
    struct guard *guards;
    size_t guard_count;
    bool listening;
    pthread_mutex_t lock; /* of what follows */
    struct exchange *answered, **answered_last;
    bool stop_listening, stop;
};

static int64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
set_error(struct fep_error *error, const char *what, const char *why)
{
    memset(error, 0, sizeof *error);
    error->code = 1013;
    snprintf(error->text, sizeof error->text, "%s: %.200s", what, why);
    return -1;
}

/* --- guards: who may stay, and how long --- */

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

/* libevent sees the end and frees the connection. */
static void
cut_off(struct guard *guard)
{
    int fd = bufferevent_getfd(guard->bev);
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
    guard->cut = true;
}

static void
count_address(struct server *server, struct guard *guard)
{
    socklen_t size = sizeof guard->peer;
    size_t same = 0;
    int fd = bufferevent_getfd(guard->bev);
    if (guard->counted || fd < 0 || getpeername(fd, (struct sockaddr *)&guard->peer, &size) != 0)
        return;
    guard->counted = true;
    for (const struct guard *at = server->guards; at != NULL; at = at->next)
        same += at->counted && !at->cut && same_address(&at->peer, &guard->peer);
    if (same > server->settings.max_per_address)
        cut_off(guard);
}

static void
free_guard(struct server *server, struct guard **at)
{
    struct guard *guard = *at;
    *at = guard->next;
    bufferevent_decref(guard->bev);
    free(guard);
    server->guard_count--;
}

static void
set_listening(struct server *server, bool on)
{
    struct evconnlistener *listener =
        server->bound != NULL ? evhttp_bound_socket_get_listener(server->bound) : NULL;
    if (listener == NULL || on == server->listening)
        return;
    server->listening = on;
    (void)(on ? evconnlistener_enable(listener) : evconnlistener_disable(listener));
}

static void
sweep(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    int64_t now = now_ms();
    (void)fd, (void)what;
    for (struct guard **at = &server->guards; *at != NULL;) {
        bufferevent_event_cb on_event = NULL;
        bufferevent_getcb((*at)->bev, NULL, NULL, &on_event, NULL);
        if (on_event == NULL) /* libevent has let it go; now its socket closes */
            free_guard(server, at);
        else
            at = &(*at)->next;
    }
    for (struct guard *guard = server->guards; guard != NULL; guard = guard->next) {
        count_address(server, guard); /* those that have gone do not count any more */
        if (!guard->busy && !guard->cut && now - guard->since_ms > server->settings.request_ms)
            cut_off(guard);
    }
    if (server->guard_count < server->settings.max_connections)
        set_listening(server, true);
}

static struct guard *
find_guard(struct server *server, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct bufferevent *bev = connection != NULL ? evhttp_connection_get_bufferevent(connection) : NULL;
    struct guard *guard = server->guards;
    while (guard != NULL && guard->bev != bev)
        guard = guard->next;
    return guard;
}

/* libevent accepts a connection. */
static struct bufferevent *
new_connection(struct event_base *base, void *arg)
{
    struct server *server = arg;
    struct guard *guard = calloc(1, sizeof *guard);
    struct bufferevent *bev = NULL;
    if (server->tls != NULL) {
        SSL *ssl = SSL_new(server->tls);
        bev = ssl != NULL ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                           BEV_OPT_CLOSE_ON_FREE)
                          : NULL;
        if (bev == NULL && ssl != NULL)
            SSL_free(ssl);
        if (bev != NULL)
            bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    } else {
        bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    }
    if (bev == NULL || guard == NULL) { /* never plain where it should be TLS */
        abort();
    }
    bufferevent_incref(bev);
    *guard = (struct guard){.next = server->guards, .bev = bev, .since_ms = now_ms()};
    server->guards = guard;
    if (++server->guard_count >= server->settings.max_connections)
        set_listening(server, false);
    return bev;
}

/* --- answers --- */

static void
free_exchange(struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        free(exchange->headers[i].name);
        free(exchange->headers[i].value);
    }
    free(exchange->headers);
    free(exchange->body);
    free(exchange->answer);
    free(exchange);
}

static void
send_typed(struct server *server, struct evhttp_request *request, int status, const char *type,
           const char *body, size_t size)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *buffer = evbuffer_new();
    struct guard *guard = find_guard(server, request);
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    if (guard != NULL) {
        guard->busy = false;
        guard->since_ms = now_ms();
    }
    if (connection != NULL)
        evhttp_connection_set_closecb(connection, NULL, NULL);
    if (status >= 400 && status < 500)
        (void)evhttp_add_header(headers, "Connection", "close");
    if (size > 0)
        (void)evhttp_add_header(headers, "Content-Type", type);
    if (buffer != NULL && size > 0 && evbuffer_add(buffer, body, size) != 0)
        status = 503;
    evhttp_send_reply(request, status, status == 200 ? "OK" : "Refused", buffer);
    if (buffer != NULL)
        evbuffer_free(buffer);
}

static void
send_answer(struct server *server, struct evhttp_request *request, int status, const char *body, size_t size)
{
    send_typed(server, request, status, server->settings.content_type, body, size);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    uint64_t count;
    (void)what;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&server->lock);
    struct exchange *answered = server->answered;
    server->answered = NULL;
    server->answered_last = &server->answered;
    bool stop = server->stop, stop_listening = server->stop_listening;
    pthread_mutex_unlock(&server->lock);
    while (answered != NULL) {
        struct exchange *exchange = answered;
        answered = exchange->next;
        if (exchange->request != NULL)
            send_typed(server, exchange->request, exchange->status,
                       exchange->is_file ? "application/octet-stream" : server->settings.content_type,
                       exchange->answer, exchange->answer_size);
        free_exchange(exchange);
    }
    if (stop_listening && server->bound != NULL) {
        evhttp_del_accept_socket(server->http, server->bound);
        server->bound = NULL;
    }
    if (stop)
        (void)event_base_loopbreak(server->base);
}

static void
wake(struct server *server)
{
    static const uint64_t one = 1;
    ssize_t written;
    do {
        written = write(server->wake_fd, &one, sizeof one);
    } while (written < 0 && errno == EINTR);
}

void
server_answer(struct exchange *exchange, int status, char *answer, size_t size)
{
    struct server *server = exchange->server;
    exchange->status = status;
    exchange->answer = answer;
    exchange->answer_size = size;
    exchange->next = NULL;
    pthread_mutex_lock(&server->lock);
    *server->answered_last = exchange;
    server->answered_last = &exchange->next;
    pthread_mutex_unlock(&server->lock);
    wake(server);
}

/* --- requests --- */

/* NULL: the headers can be understood in one way only. */
static const char *
find_trouble(struct evhttp_request *request)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const struct evkeyval *header;
    size_t lengths = 0, hosts = 0, codings = 0, count = 0;
    TAILQ_FOREACH(header, headers, next)
    {
        if (++count > MAX_HEADER_COUNT)
            return "too many headers";
        if (header->key[0] == '\0' || strpbrk(header->key, " \t") != NULL)
            return "a header name with a blank";
        lengths += strcasecmp(header->key, "Content-Length") == 0;
        hosts += strcasecmp(header->key, "Host") == 0;
        codings += strcasecmp(header->key, "Transfer-Encoding") == 0;
        if (strcasecmp(header->key, "Content-Length") == 0 &&
            (header->value[0] == '\0' || header->value[strspn(header->value, "0123456789")] != '\0'))
            return "a length that is no number";
    }
    return lengths > 1             ? "two lengths"
           : hosts != 1            ? "no host, or two"
           : lengths + codings > 1 ? "two lengths"
                                   : NULL;
}

static bool
copy_headers(struct exchange *exchange, struct evhttp_request *request)
{
    const struct evkeyval *header;
    exchange->headers = calloc(MAX_HEADER_COUNT, sizeof *exchange->headers);
    if (exchange->headers == NULL)
        return false;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request), next)
    {
        struct exchange_header *to = &exchange->headers[exchange->header_count];
        to->name = strdup(header->key);
        to->value = strdup(header->value);
        exchange->header_count++;
        if (to->name == NULL || to->value == NULL)
            return false;
    }
    return true;
}

static struct exchange *
make_exchange(struct server *server, struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    struct exchange *exchange = calloc(1, sizeof *exchange);
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    size_t size = evbuffer_get_length(input);
    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->request = request;
    snprintf(exchange->path, sizeof exchange->path, "%s", path != NULL ? path : "");
    exchange->body = malloc(size + 1);
    if (exchange->body == NULL || !copy_headers(exchange, request) ||
        evbuffer_copyout(input, exchange->body, size) != (ev_ssize_t)size) {
        free_exchange(exchange);
        return NULL;
    }
    exchange->body[size] = '\0';
    exchange->body_size = size;
    return exchange;
}

static void
on_gone(struct evhttp_connection *connection, void *arg)
{
    struct exchange *exchange = arg;
    (void)connection;
    exchange->request = NULL;
}

static void
hand_over(void *arg)
{
    struct exchange *exchange = arg;
    exchange->server->settings.on_request(exchange->server->settings.arg, exchange);
}

static void
on_http_request(struct evhttp_request *request, void *arg)
{
    struct server *server = arg;
    const struct fep_host *host = server->settings.host;
    const char *trouble = find_trouble(request);
    struct guard *guard = find_guard(server, request);
    if (guard != NULL)
        guard->busy = true;
    if (trouble != NULL) {
        send_answer(server, request, 400, trouble, strlen(trouble));
        return;
    }
    if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
        send_answer(server, request, 405, NULL, 0);
        return;
    }
    struct exchange *exchange = make_exchange(server, request);
    if (exchange == NULL) {
        send_answer(server, request, 503, NULL, 0);
        return;
    }
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_gone, exchange);
    if (host->post_to_loop(host->self, hand_over, exchange) == 0)
        return;
    send_answer(server, request, 503, NULL, 0);
    free_exchange(exchange);
}

/* --- life --- */

static void *
run(void *arg)
{
    struct server *server = arg;
    sigset_t all;
    sigfillset(&all); /* signals are the host's; SIGPIPE above all must not end it */
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    (void)event_base_loop(server->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static int
open_tls(struct server *server, struct fep_error *error)
{
    const struct server_settings *settings = &server->settings;
    if (settings->certificate_file == NULL || settings->certificate_file[0] == '\0')
        return 0;
    server->tls = SSL_CTX_new(TLS_server_method());
    bool good = server->tls != NULL && SSL_CTX_set_min_proto_version(server->tls, TLS1_2_VERSION) == 1 &&
                SSL_CTX_use_certificate_chain_file(server->tls, settings->certificate_file) == 1 &&
                SSL_CTX_use_PrivateKey_file(server->tls, settings->key_file, SSL_FILETYPE_PEM) == 1 &&
                SSL_CTX_check_private_key(server->tls) == 1;
    if (good && settings->client_ca_file != NULL && settings->client_ca_file[0] != '\0') {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(settings->client_ca_file);
        good = names != NULL && SSL_CTX_load_verify_file(server->tls, settings->client_ca_file) == 1;
        if (good)
            SSL_CTX_set_client_CA_list(server->tls, names);
        SSL_CTX_set_verify(server->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        (void)SSL_CTX_set_session_id_context(server->tls, (const unsigned char *)"fep", 3);
    }
    if (good)
        return 0;
    char why[160];
    ERR_error_string_n(ERR_get_error(), why, sizeof why);
    return set_error(error, "certificate, key or client CA", why);
}

static int
split_address(const char *text, char *address, size_t room, unsigned *port)
{
    const char *colon = strrchr(text, ':');
    char *end;
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (size == 0 || size >= room)
        return -1;
    bool six = text[0] == '[' && text[size - 1] == ']';
    snprintf(address, room, "%.*s", (int)(six ? size - 2 : size), six ? text + 1 : text);
    unsigned long value = strtoul(colon + 1, &end, 10);
    *port = (unsigned)value;
    return *end == '\0' && value <= 65535 ? 0 : -1;
}

static int
open_http(struct server *server, struct fep_error *error)
{
    const struct server_settings *settings = &server->settings;
    const struct timeval often = {0, SWEEP_MS * 1000};
    char address[128];
    unsigned port;
    int on = 1;
    if (split_address(settings->address, address, sizeof address, &port) < 0)
        return set_error(error, "option listen", "expected ADDRESS:PORT");
    server->base = event_base_new();
    server->http = server->base != NULL ? evhttp_new(server->base) : NULL;
    if (server->http == NULL)
        return set_error(error, "the HTTP server", "no memory");
    evhttp_set_max_body_size(server->http, (ev_ssize_t)settings->max_body);
    evhttp_set_max_headers_size(server->http, MAX_HEADERS_SIZE);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_POST | EVHTTP_REQ_GET | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE);
    evhttp_set_bevcb(server->http, new_connection, server);
    evhttp_set_gencb(server->http, on_http_request, server);
    server->bound = evhttp_bind_socket_with_handle(server->http, address, (ev_uint16_t)port);
    if (server->bound == NULL)
        return set_error(error, settings->address, strerror(errno));
    server->listening = true;
    /* Inherited by each connection: an answer in two writes must not wait for an acknowledgement. */
    if (setsockopt(evhttp_bound_socket_get_fd(server->bound), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        return set_error(error, "TCP_NODELAY", strerror(errno));
    server->wake_event = event_new(server->base, server->wake_fd, EV_READ | EV_PERSIST, on_wake, server);
    server->sweep_event = event_new(server->base, -1, EV_PERSIST, sweep, server);
    if (server->wake_event == NULL || server->sweep_event == NULL ||
        event_add(server->wake_event, NULL) != 0 || event_add(server->sweep_event, &often) != 0)
        return set_error(error, "the HTTP server", "no memory");
    return 0;
}

static void
free_server(struct server *server)
{
    while (server->guards != NULL && server->http == NULL)
        free_guard(server, &server->guards);
    if (server->http != NULL)
        evhttp_free(server->http);
    while (server->guards != NULL)
        free_guard(server, &server->guards);
    if (server->wake_event != NULL)
        event_free(server->wake_event);
    if (server->sweep_event != NULL)
        event_free(server->sweep_event);
    if (server->base != NULL) {
        (void)event_base_loop(server->base, EVLOOP_NONBLOCK); /* what bufferevents left to be freed */
        event_base_free(server->base);
    }
    SSL_CTX_free(server->tls);
    while (server->answered != NULL) {
        struct exchange *exchange = server->answered;
        server->answered = exchange->next;
        free_exchange(exchange);
    }
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

struct server *
server_open(const struct server_settings *settings, struct fep_error *error)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        (void)set_error(error, "the HTTP server", "no memory");
        return NULL;
    }
    server->settings = *settings;
    server->answered_last = &server->answered;
    pthread_mutex_init(&server->lock, NULL);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0)
        (void)set_error(error, "eventfd", strerror(errno));
    else if (open_tls(server, error) == 0 && open_http(server, error) == 0) {
        int trouble = pthread_create(&server->thread, NULL, run, server);
        if (trouble == 0)
            return server;
        (void)set_error(error, "a thread", strerror(trouble));
    }
    free_server(server);
    return NULL;
}

void
server_stop_listening(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stop_listening = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
}

void
server_close(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
    (void)pthread_join(server->thread, NULL);
    free_server(server);
}
