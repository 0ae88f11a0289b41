/* The operators' socket: where people settle by hand what moves money. The system itself tells who asks
 * (SO_PEERCRED), so the socket may be open to everybody on this machine: who is not named in the
 * configuration is refused. Must never take a user id from what a request says, never wait for a slow client,
 * and never hold more than a few of them. */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "log.h"

enum { CLIENTS = 16, LONGEST_REQUEST = 65536, IDLE_MS = 30000 };

struct client {
    int fd; /* -1: free */
    uint32_t generation, uid;
    int64_t due_ms;
};

struct operators {
    int epoll, listen;
    uint32_t generation;
    struct client clients[CLIENTS];
};

static int
watch(struct operators *operators, int fd, uint32_t number)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    return epoll_ctl(operators->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A socket that a router left behind; there is one router per store, and this path is its own. */
static int
bind_socket(const char *path, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    if (strlen(path) >= sizeof address.sun_path) { /* the configuration was checked for it */
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        (void)unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return -1;
    return chmod(path, 0666) == 0 && listen(fd, CLIENTS) == 0 ? 0 : -1;
}

int
router_open_operators(struct router *router, struct fep_error *error)
{
    const char *path = router->conf->operators_socket;
    if (path[0] == '\0')
        return 0;
    struct operators *operators = calloc(1, sizeof *operators);
    if (operators == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the operators' socket");
    for (int i = 0; i < CLIENTS; i++)
        operators->clients[i].fd = -1;
    operators->epoll = epoll_create1(EPOLL_CLOEXEC);
    operators->listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    router->operators = operators;
    if (operators->epoll < 0 || operators->listen < 0 || bind_socket(path, operators->listen) != 0 ||
        watch(operators, operators->listen, CLIENTS) != 0)
        return error_set(error, 0, FEP_E_ENDPOINT_IN_USE, "operators' socket %s: %s", path, strerror(errno));
    return 0;
}

static void
drop(struct client *client)
{
    close(client->fd);
    client->fd = -1;
}

void
router_close_operators(struct router *router)
{
    struct operators *operators = router->operators;
    if (operators == NULL)
        return;
    for (int i = 0; i < CLIENTS; i++)
        if (operators->clients[i].fd >= 0)
            drop(&operators->clients[i]);
    if (operators->listen >= 0)
        close(operators->listen);
    if (operators->epoll >= 0)
        close(operators->epoll);
    free(operators);
    router->operators = NULL;
}

int
router_operators_descriptor(const struct router *router)
{
    return router->operators != NULL ? router->operators->epoll : -1;
}

static void
welcome(struct router *router, int fd)
{
    struct operators *operators = router->operators;
    struct ucred who;
    socklen_t size = sizeof who;
    int place = 0;
    while (place < CLIENTS && operators->clients[place].fd >= 0)
        place++;
    if (place == CLIENTS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
        watch(operators, fd, (uint32_t)place) != 0) {
        close(fd); /* it may come again */
        return;
    }
    operators->clients[place] = (struct client){.fd = fd,
                                                .generation = ++operators->generation,
                                                .uid = who.uid,
                                                .due_ms = router_now(router) + IDLE_MS};
}

static bool
is_named(const struct conf *conf, uint32_t uid)
{
    for (size_t i = 0; i < conf->operator_count; i++)
        if (conf->operators[i] == uid)
            return true;
    return false;
}

static bool
is_for_operators(const char *what)
{
    static const char *const known[] = {"unknown", "open",     "proposals",  "propose",
                                        "confirm", "withdraw", "acknowledge"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(what, known[i]) == 0)
            return true;
    return false;
}

static struct json_object *
serve(struct router *router, const struct control_request *request, struct json_object *command)
{
    const char *what = control_text(command, "do");
    if (!is_named(router->conf, request->uid)) {
        log_line(LOG_EVENT_AUDIT, LOG_SEV_WARNING, LOG_T("what", "refused"), LOG_N("uid", request->uid),
                 LOG_S("a user id that operators.uids does not name"));
        return control_refuse(FEP_E_NOT_OPERATOR, "your user id is not among operators.uids");
    }
    if (!is_for_operators(what))
        return control_refuse(FEP_E_USAGE, "this socket does not know that command");
    return control_carry_out(router, request, command);
}

static void
answer(struct router *router, uint32_t place, char *text, size_t size)
{
    struct client *client = &router->operators->clients[place];
    char name[NODE_SIZE];
    struct json_tokener *tokener = json_tokener_new_ex(16);
    struct json_object *command = NULL, *reply;
    snprintf(name, sizeof name, "@%u.%u", place, client->generation);
    struct control_request request = {.from = name, .is_operator = true, .uid = client->uid};
    if (tokener != NULL) {
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8); /* what is said is kept and shown */
        command = json_tokener_parse_ex(tokener, text, (int)size);
    }
    if (command != NULL && json_object_is_type(command, json_type_object))
        reply = serve(router, &request, command);
    else
        reply = control_refuse(FEP_E_USAGE, "the request is not a JSON object with a command");
    if (reply != NULL)
        control_reply(router, name, 0, reply);
    json_object_put(command);
    if (tokener != NULL)
        json_tokener_free(tokener);
}

static void
read_client(struct router *router, uint32_t place)
{
    static char text[LONGEST_REQUEST]; /* large; one router per process */
    struct client *client = &router->operators->clients[place];
    if (client->fd < 0)
        return;
    ssize_t size = recv(client->fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || (size_t)size > sizeof text) {
        drop(client);
        return;
    }
    client->due_ms = router_now(router) + IDLE_MS;
    answer(router, place, text, (size_t)size);
    explicit_bzero(text, (size_t)size); /* it may have held an answer */
}

void
router_read_operators(struct router *router)
{
    struct epoll_event events[CLIENTS + 1];
    if (router->operators == NULL)
        return;
    int count = epoll_wait(router->operators->epoll, events, CLIENTS + 1, 0);
    for (int i = 0; i < count; i++) {
        int fd;
        if (events[i].data.u32 < CLIENTS)
            read_client(router, events[i].data.u32);
        else if ((fd = accept4(router->operators->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
            welcome(router, fd);
    }
}

void
router_tick_operators(struct router *router, int64_t now_ms)
{
    for (int i = 0; router->operators != NULL && i < CLIENTS; i++)
        if (router->operators->clients[i].fd >= 0 && now_ms >= router->operators->clients[i].due_ms)
            drop(&router->operators->clients[i]);
}

void
operators_reply(struct router *router, const char *to, const char *text, size_t size)
{
    unsigned place, generation;
    if (router->operators == NULL || sscanf(to, "@%u.%u", &place, &generation) != 2 || place >= CLIENTS)
        return;
    struct client *client = &router->operators->clients[place];
    if (client->fd < 0 || client->generation != generation)
        return; /* he went away; what was done stays done, and fepctl proposals shows it */
    if (send(client->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
        drop(client);
}
