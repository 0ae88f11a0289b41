/* GET /metrics on a loopback port (RFC 9110 by libevent). One question at a time and a handful of
 * connections, each for a bounded time: whoever asks too much waits, and the gateway never notices. */
#include "metrics.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"

enum { MOST_CONNECTIONS = 8, CONNECTION_S = 10, IO_S = 3, SWEEP_MS = 200, HEADERS_SIZE = 8192 };

struct metrics_server {
    const struct conf *conf;
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct bufferevent *open[MOST_CONNECTIONS]; /* a reference each */
    int64_t turns[MOST_CONNECTIONS];            /* sweeps it has stayed for */
};

/* "127.0.0.1:9464", "[::1]:9464" */
static int
read_address(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    char host[INET6_ADDRSTRLEN + 2], *end = NULL;
    const char *colon = strrchr(text, ':');
    size_t size = colon != NULL ? (size_t)(colon - text) : 0;
    if (size < 2 || size >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return -1;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return -1;
    memcpy(host, text, size);
    host[size] = '\0';
    memset(address, 0, sizeof *address);
    if (host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1 ? 0 : -1;
    }
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1 ? 0 : -1;
}

static int
parse_address(const char *text, struct sockaddr_storage *address, struct fep_error *error)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    if (read_address(text, address) != 0)
        return error_set(error, 0, FEP_E_USAGE, "%s is no ADDRESS:PORT", text);
    if ((address->ss_family == AF_INET && ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) ||
        (address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)))
        return 0;
    return error_set(error, 0, FEP_E_USAGE,
                     "%s is not a loopback address; figures leave this machine only through a scraper on it",
                     text);
}

/* libevent lets a connection go by taking its callbacks away; ours is the last reference. */
static void
sweep(evutil_socket_t fd, short what, void *arg)
{
    struct metrics_server *server = arg;
    size_t room = 0;
    (void)fd, (void)what;
    for (size_t i = 0; i < MOST_CONNECTIONS; i++) {
        bufferevent_event_cb on_event = NULL;
        if (server->open[i] == NULL) {
            room++;
            continue;
        }
        bufferevent_getcb(server->open[i], NULL, NULL, &on_event, NULL);
        if (on_event == NULL) {
            bufferevent_decref(server->open[i]);
            server->open[i] = NULL;
            room++;
        } else if (++server->turns[i] > CONNECTION_S * 1000 / SWEEP_MS &&
                   bufferevent_getfd(server->open[i]) >= 0) {
            (void)shutdown(bufferevent_getfd(server->open[i]), SHUT_RDWR);
        }
    }
    if (room > 0)
        (void)evconnlistener_enable(server->listener);
}

/* Called for every connection that is accepted. */
static struct bufferevent *
take_connection(struct event_base *base, void *arg)
{
    struct metrics_server *server = arg;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    size_t room = 0;
    bool kept = false;
    for (size_t i = 0; i < MOST_CONNECTIONS; i++) {
        if (server->open[i] != NULL)
            continue;
        if (!kept && bev != NULL) {
            bufferevent_incref(bev);
            server->open[i] = bev;
            server->turns[i] = 0;
            kept = true;
        } else {
            room++;
        }
    }
    if (room == 0)
        (void)evconnlistener_disable(server->listener);
    return bev;
}

static void
answer(struct evhttp_request *request, const struct conf *conf)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int status = out != NULL ? metrics_write(conf, out) : -1;
    if (out != NULL && fclose(out) != 0)
        status = -1;
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    (void)evhttp_add_header(headers, "Connection", "close");
    (void)evhttp_add_header(headers, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    if (status == 0 && evbuffer_add(body, text, size) == 0)
        evhttp_send_reply(request, HTTP_OK, "OK", NULL);
    else
        evhttp_send_reply(request, HTTP_INTERNAL, "no memory", NULL);
    free(text);
}

static void
on_request(struct evhttp_request *request, void *arg)
{
    const struct metrics_server *server = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (path != NULL && strcmp(path, "/metrics") == 0) {
        answer(request, server->conf);
        return;
    }
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    evhttp_send_reply(request, HTTP_NOTFOUND, "only /metrics is here", NULL);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    (void)event_base_loopbreak(arg);
}

static int
open_http(struct metrics_server *server, const struct sockaddr_storage *address, struct fep_error *error)
{
    socklen_t size = address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    server->http = evhttp_new(server->base);
    server->listener = evconnlistener_new_bind(
        server->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
        MOST_CONNECTIONS, (const struct sockaddr *)address, (int)size);
    if (server->http == NULL || server->listener == NULL)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot listen there");
    evhttp_set_bevcb(server->http, take_connection, server);
    evhttp_set_gencb(server->http, on_request, server);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(server->http, HEADERS_SIZE);
    evhttp_set_max_body_size(server->http, HEADERS_SIZE);
    evhttp_set_timeout(server->http, IO_S);
    if (evhttp_bind_listener(server->http, server->listener) == NULL) {
        evconnlistener_free(server->listener);
        return error_set(error, 0, FEP_E_SYSTEM, "cannot listen there");
    }
    return 0; /* the listener is the server's now */
}

/* The line a supervisor or a test waits for; with port 0 nobody knows the port otherwise. */
static int
say_where(const struct metrics_server *server)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char text[INET6_ADDRSTRLEN] = "";
    if (getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&address, &size) != 0)
        return -1;
    bool four = address.ss_family == AF_INET;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
    (void)inet_ntop(address.ss_family, four ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr,
                    text, sizeof text);
    printf(four ? "http://%s:%u/metrics\n" : "http://[%s]:%u/metrics\n", text,
           ntohs(four ? in->sin_port : in6->sin6_port));
    return fflush(stdout);
}

static int
run(struct metrics_server *server)
{
    const struct timeval pause = {.tv_usec = SWEEP_MS * 1000};
    struct event *events[] = {event_new(server->base, -1, EV_PERSIST, sweep, server),
                              evsignal_new(server->base, SIGTERM, on_signal, server->base),
                              evsignal_new(server->base, SIGINT, on_signal, server->base)};
    int status = -1;
    if (events[0] != NULL && events[1] != NULL && events[2] != NULL && event_add(events[0], &pause) == 0 &&
        event_add(events[1], NULL) == 0 && event_add(events[2], NULL) == 0 && say_where(server) == 0)
        status = event_base_dispatch(server->base);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    return status;
}

int
metrics_serve(const struct ctl *ctl, const struct conf *conf, const char *where)
{
    struct metrics_server server = {.conf = conf, .base = event_base_new()};
    struct sockaddr_storage address;
    struct fep_error error = {0};
    int code = CTL_SURROUNDINGS;
    signal(SIGPIPE, SIG_IGN);
    if (parse_address(where, &address, &error) < 0)
        code = ctl_fail(ctl, &error, CTL_MISUSED);
    else if (server.base == NULL || open_http(&server, &address, &error) < 0)
        code = ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    else
        code = run(&server) == 0 ? CTL_GOOD : CTL_SURROUNDINGS;
    if (server.http != NULL)
        evhttp_free(server.http);
    for (size_t i = 0; i < MOST_CONNECTIONS; i++)
        if (server.open[i] != NULL)
            bufferevent_decref(server.open[i]);
    if (server.base != NULL)
        event_base_free(server.base);
    return code;
}
