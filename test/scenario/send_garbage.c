/* Sends frames that no host would send to a router's local socket: random bytes, truncated and spoiled
 * frames. send_garbage ENDPOINT COUNT SEED Prints how many were sent. For the test that a malformed frame
 * stops nothing. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "link_socket.h"

static unsigned long long state;

static unsigned
roll(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % below);
}

static size_t
make_garbage(unsigned char *out, size_t room)
{
    struct frame frame = {.kind = FRAME_CONTROL, .sections = FRAME_HAS_BODY};
    frame.body.data = (const unsigned char *)"{\"command\":\"status\"}";
    frame.body.size = 20;
    size_t size = frame_encode(&frame, out, room, NULL);
    switch (roll(3)) {
    case 0: /* nothing like a frame */
        size = 1 + roll((unsigned)room - 1);
        for (size_t i = 0; i < size; i++)
            out[i] = (unsigned char)roll(256);
        return size;
    case 1: /* cut short */
        return 1 + roll((unsigned)size - 1);
    default: /* spoiled at a few places */
        for (unsigned i = 0; i <= roll(4); i++)
            out[roll((unsigned)size)] = (unsigned char)roll(256);
        return size;
    }
}

int
main(int argc, char **argv)
{
    struct fep_error error = {0};
    unsigned char bytes[2048];
    if (argc != 4)
        return 2;
    state = strtoull(argv[3], NULL, 10) | 1;
    struct link_context *context = link_context_create(NULL, 0, &error);
    struct link_socket *socket = context == NULL ? NULL : link_connect_local(context, argv[1], NULL, &error);
    if (socket == NULL) {
        fprintf(stderr, "send_garbage: %s\n", error.text);
        return 1;
    }
    int sent = 0;
    for (int i = 0; i < atoi(argv[2]); i++) {
        struct slice answer = SLICE_NONE;
        char from[NODE_SIZE];
        if (link_send(socket, NULL, bytes, make_garbage(bytes, sizeof bytes), &error) == 0)
            sent++;
        while (link_receive(socket, from, &answer, &error) == 1)
            slice_release(&answer);
    }
    struct pollfd descriptor = {link_descriptor(socket), POLLIN, 0};
    poll(&descriptor, 1, 200); /* what is in ZeroMQ's hands leaves with its own thread */
    printf("%d\n", sent);
    link_close(socket);
    link_context_destroy(context);
    return 0;
}
