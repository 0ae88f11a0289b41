/* One question to the router over its local socket. Must come back in bounded time whatever the router does:
 * a socket that nobody serves is found out at once, one that is served but silent after the wait. */
#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "error.h"
#include "link_socket.h"

#define IPC "ipc://"

/* ZeroMQ would dial for ever; the system knows at once. */
static int
check_served(const char *endpoint, struct fep_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = endpoint + strlen(IPC);
    if (strncmp(endpoint, IPC, strlen(IPC)) != 0 || strlen(path) >= sizeof address.sun_path)
        return error_set(error, 0, FEP_E_NO_DAEMON, "%s: not a local socket", endpoint);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "no socket: %s", strerror(errno));
    int status = connect(fd, (const struct sockaddr *)&address, sizeof address);
    if (status != 0 && errno != EAGAIN && errno != EINPROGRESS)
        status = error_set(error, 0, FEP_E_NO_DAEMON, "%s: %s", path, strerror(errno));
    else
        status = 0;
    close(fd);
    return status;
}

static int
send_request(struct link_socket *socket, struct json_object *request, struct fep_error *error)
{
    size_t length = 0;
    const char *text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &length);
    struct frame frame = {.kind = FRAME_CONTROL,
                          .sequence = 1,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)text, .size = length}};
    size_t size = frame_size(&frame);
    struct buffer *buffer = text != NULL ? buffer_create(size) : NULL;
    if (buffer == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a request");
    int status = -1;
    if (frame_encode(&frame, buffer_data(buffer), size, error) != 0)
        status = link_send(socket, "", buffer_data(buffer), size, error);
    buffer_release(buffer);
    return status == 0 ? 0 : error_wrap(error, "the request to the router");
}

static struct json_object *
parse_reply(struct slice whole, struct fep_error *error)
{
    struct frame frame;
    if (frame_decode(&frame, whole, error) != 0)
        return NULL;
    struct json_object *reply = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(32);
    if (tokener != NULL && frame.kind == FRAME_CONTROL_REPLY)
        reply = json_tokener_parse_ex(tokener, (const char *)frame.body.data, (int)frame.body.size);
    if (tokener != NULL)
        json_tokener_free(tokener);
    frame_release(&frame);
    if (reply == NULL || !json_object_is_type(reply, json_type_object)) {
        error_set(error, 0, FEP_E_MALFORMED_FRAME, "the router's reply is not what was expected");
        json_object_put(reply);
        return NULL;
    }
    return reply;
}

static struct json_object *
wait_reply(struct link_socket *socket, int wait_ms, struct fep_error *error)
{
    char from[NODE_SIZE];
    struct slice whole = SLICE_NONE;
    zmq_pollitem_t item = {.socket = link_raw(socket), .events = ZMQ_POLLIN};
    int ready = zmq_poll(&item, 1, wait_ms);
    int got = ready > 0 ? link_receive(socket, from, &whole, error) : 0;
    if (got <= 0) {
        if (got == 0)
            error_set(error, 0, FEP_E_NO_DAEMON, "the router did not answer within %d ms", wait_ms);
        return NULL;
    }
    struct json_object *reply = parse_reply(whole, error);
    slice_release(&whole);
    return reply;
}

static bool
has_more(struct json_object *reply)
{
    struct json_object *more = NULL;
    return json_object_object_get_ex(reply, "more", &more) && json_object_get_boolean(more);
}

static struct json_object *
wait_last(struct link_socket *socket, int wait_ms, int (*on_part)(void *arg, struct json_object *part),
          void *arg, struct fep_error *error)
{
    for (;;) {
        struct json_object *reply = wait_reply(socket, wait_ms, error);
        if (reply == NULL || !has_more(reply))
            return reply;
        int status = on_part != NULL ? on_part(arg, reply) : 0;
        json_object_put(reply);
        if (status < 0) {
            if (error->code == 0)
                error_set(error, 0, FEP_E_SYSTEM, "given up");
            return NULL;
        }
    }
}

struct json_object *
ctl_ask(const struct conf *conf, struct json_object *request, int wait_ms,
        int (*on_part)(void *arg, struct json_object *part), void *arg, struct fep_error *error)
{
    struct json_object *reply = NULL;
    struct link_context *context = NULL;
    struct link_socket *socket = NULL;
    if (request == NULL)
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a request");
    else if (check_served(conf->control_endpoint, error) == 0)
        context = link_context_create(NULL, 0, error);
    if (context != NULL)
        socket = link_connect_local(context, conf->control_endpoint, NULL, error);
    if (socket != NULL && send_request(socket, request, error) == 0)
        reply = wait_last(socket, wait_ms, on_part, arg, error);
    link_close(socket);
    if (context != NULL)
        link_context_destroy(context);
    json_object_put(request);
    return reply;
}

struct json_object *
ctl_ask_router(const struct conf *conf, const char *command, int wait_ms, struct fep_error *error)
{
    struct json_object *request = json_object_new_object();
    if (request != NULL)
        json_object_object_add(request, "command", json_object_new_string(command));
    return ctl_ask(conf, request, wait_ms, NULL, NULL, error);
}
