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
send_command(struct link_socket *socket, const char *command, struct fep_error *error)
{
    unsigned char data[1024];
    struct json_object *request = json_object_new_object();
    if (request == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a request");
    json_object_object_add(request, "command", json_object_new_string(command));
    const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
    struct frame frame = {.kind = FRAME_CONTROL,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)text, .size = strlen(text)}};
    size_t size = frame_size(&frame) <= sizeof data ? frame_encode(&frame, data, sizeof data, error) : 0;
    json_object_put(request);
    if (size == 0)
        return error_wrap(error, "the request to the router");
    return link_send(socket, "", data, size, error);
}

static struct json_object *
parse_reply(struct slice whole, struct fep_error *error)
{
    struct frame frame;
    if (frame_decode(&frame, whole, error) != 0)
        return NULL;
    struct json_object *reply = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(16);
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

struct json_object *
ctl_ask_router(const struct conf *conf, const char *command, int wait_ms, struct fep_error *error)
{
    struct json_object *reply = NULL;
    if (check_served(conf->control_endpoint, error) != 0)
        return NULL;
    struct link_context *context = link_context_create(NULL, 0, error);
    if (context == NULL)
        return NULL;
    struct link_socket *socket = link_connect_local(context, conf->control_endpoint, NULL, error);
    if (socket != NULL && send_command(socket, command, error) == 0)
        reply = wait_reply(socket, wait_ms, error);
    link_close(socket);
    link_context_destroy(context);
    return reply;
}
