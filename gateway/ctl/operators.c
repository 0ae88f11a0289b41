/* One question over the operators' socket, where the system tells the router who asks. Must come back in
 * bounded time whatever the router does. */
#include "ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"

enum { LONGEST_REPLY = 1 << 20, WAIT_MS = 15000 };

static int
open_socket(const char *path, struct fep_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, 0, FEP_E_NO_DAEMON, "%s: the path is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    error_set(error, 0, FEP_E_NO_DAEMON, "%s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

static struct json_object *
read_reply(int fd, struct fep_error *error)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    struct json_object *reply = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(32);
    char *text = malloc(LONGEST_REPLY);
    ssize_t size = text != NULL && tokener != NULL && poll(&ready, 1, WAIT_MS) > 0
                       ? recv(fd, text, LONGEST_REPLY, 0)
                       : -1;
    if (size > 0)
        reply = json_tokener_parse_ex(tokener, text, (int)size);
    if (reply == NULL || !json_object_is_type(reply, json_type_object)) {
        error_set(error, 0, FEP_E_NO_DAEMON,
                  "the router did not answer; see fepctl proposals for what it did");
        json_object_put(reply);
        reply = NULL;
    }
    if (tokener != NULL)
        json_tokener_free(tokener);
    free(text);
    return reply;
}

struct json_object *
ctl_ask_operators(const struct conf *conf, struct json_object *request, struct fep_error *error)
{
    size_t size = 0;
    const char *text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &size);
    struct json_object *reply = NULL;
    if (conf->operators_socket[0] == '\0') {
        error_set(error, 0, FEP_E_NO_DAEMON, "%s: no operators are configured", conf->file);
    } else {
        int fd = open_socket(conf->operators_socket, error);
        if (fd >= 0 && send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size)
            reply = read_reply(fd, error);
        else if (fd >= 0)
            error_set(error, 0, FEP_E_NO_DAEMON, "%s: %s", conf->operators_socket, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    json_object_put(request);
    return reply;
}

bool
ctl_is_operator(const struct conf *conf)
{
    for (size_t i = 0; i < conf->operator_count; i++)
        if (conf->operators[i] == geteuid())
            return conf->operators_socket[0] != '\0';
    return false;
}
