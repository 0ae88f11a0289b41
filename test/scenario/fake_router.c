/* A router's local socket that answers every control request with the JSON text of a file, for the tests of
 * fepctl: fake_router ENDPOINT REPLY.json. With "-" for the file it takes requests and never answers. Prints
 * each request it takes; ends when its standard input does. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "link_socket.h"

static unsigned char encoded[65536];

static int
answer_one(struct link_socket *socket, const char *from, struct slice whole, const char *reply, size_t size)
{
    struct fep_error error = {0};
    struct frame request, answer = {.kind = FRAME_CONTROL_REPLY, .sections = FRAME_HAS_BODY};
    if (frame_decode(&request, whole, &error) != 0 || request.kind != FRAME_CONTROL)
        return -1;
    printf("%.*s\n", (int)request.body.size, (const char *)request.body.data);
    fflush(stdout);
    frame_release(&request);
    if (size == 0)
        return 0;
    answer.body = (struct slice){.data = (const unsigned char *)reply, .size = size};
    size_t used =
        frame_size(&answer) <= sizeof encoded ? frame_encode(&answer, encoded, sizeof encoded, &error) : 0;
    return used > 0 ? link_send(socket, from, encoded, used, &error) : -1;
}

static int
serve(struct link_socket *socket, const char *reply, size_t size)
{
    struct fep_error error = {0};
    char from[NODE_SIZE];
    for (;;) {
        zmq_pollitem_t items[] = {{.socket = link_raw(socket), .events = ZMQ_POLLIN},
                                  {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
        if (zmq_poll(items, 2, -1) < 0 || items[1].revents != 0)
            return 0;
        struct slice whole = SLICE_NONE;
        while (link_receive(socket, from, &whole, &error) == 1) {
            int status = answer_one(socket, from, whole, reply, size);
            slice_release(&whole);
            if (status != 0) {
                fputs("a request could not be answered\n", stderr);
                return 111;
            }
        }
    }
}

int
main(int argc, char **argv)
{
    static char reply[32768];
    struct fep_error error = {0};
    size_t size = 0;
    if (argc != 3)
        return 100;
    if (strcmp(argv[2], "-") != 0) {
        FILE *file = fopen(argv[2], "r");
        if (file == NULL || (size = fread(reply, 1, sizeof reply, file)) == 0)
            return 111;
        fclose(file);
    }
    struct link_context *context = link_context_create(NULL, 0, &error);
    struct link_socket *socket = context != NULL ? link_bind_local(context, argv[1], &error) : NULL;
    int status = 111;
    if (socket == NULL)
        fprintf(stderr, "%s\n", error.text);
    else
        status = serve(socket, reply, size);
    link_close(socket);
    link_context_destroy(context);
    return status;
}
