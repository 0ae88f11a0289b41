/* An adapter host that a test moves by hand: speak_as_host ENDPOINT INSTANCE EPOCH [ABILITIES]
 * Introduces itself, then sends a frame for each line on standard input and prints a line for each frame
 * received: in:   list SEQUENCE JSON | prompt SEQUENCE JSON | result SEQUENCE ok|no|more JSON | bye |
 * done CALL KIND CODE FINDING | late SERIAL KIND CODE FINDING | health 0   out: KIND SEQUENCE OK CODE
 * ACKED_KIND TEXT|BODY      (an empty text is -; of a submit ACKED_KIND is the operation)
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "frame.h"
#include "link_socket.h"

static struct link_socket *host;
static uint32_t epoch;

static void
send_frame(struct frame *frame)
{
    static unsigned char bytes[1 << 20];
    struct fep_error error = {0};
    frame->epoch = epoch;
    size_t size = frame_encode(frame, bytes, sizeof bytes, &error);
    if (size == 0 || link_send(host, "", bytes, size, &error) != 0) {
        fprintf(stderr, "speak_as_host: %s\n", error.text);
        exit(1);
    }
}

static void
introduce(const char *instance, uint32_t abilities)
{
    struct frame hello = {.kind = FRAME_HOST_HELLO, .sections = FRAME_HAS_HELLO},
                 ready = {.kind = FRAME_HOST_READY};
    snprintf(hello.hello.node, sizeof hello.hello.node, "%s", instance);
    hello.hello.epoch = epoch;
    hello.hello.window = 16;
    hello.hello.abilities = abilities;
    ready.hello = hello.hello;
    ready.sections = abilities != 0 ? FRAME_HAS_HELLO : 0u;
    hello.hello.version_min = hello.hello.version_max = FRAME_VERSION;
    send_frame(&hello);
    send_frame(&ready);
}

/* done, late: what became of a call, or of a serial. */
static void
fill_result(struct frame *frame, const char *word, const char *rest)
{
    unsigned kind = 0, code = 0, finding = 0;
    (void)sscanf(rest, "%u %u %u", &kind, &code, &finding);
    frame->sections = FRAME_HAS_RESULT;
    frame->result = (struct frame_result){
        .kind = (uint8_t)kind, .code = (uint16_t)code, .finding = (uint8_t)finding, .effect = kind == 1};
    frame->kind = strcmp(word, "done") == 0 ? FRAME_DONE : FRAME_LATE;
    if (frame->kind == FRAME_LATE) {
        frame->sections |= FRAME_HAS_ATTEMPT;
        frame->attempt.serial = frame->sequence;
    }
}

static void
say(char *line)
{
    char word[16] = "", how[8] = "";
    unsigned long long sequence = 0;
    int at = 0;
    struct frame frame = {.kind = FRAME_BYE};
    line[strcspn(line, "\n")] = '\0';
    int words = sscanf(line, "%15s %llu %n", word, &sequence, &at);
    frame.sequence = sequence;
    if (words >= 2 && (strcmp(word, "done") == 0 || strcmp(word, "late") == 0)) {
        fill_result(&frame, word, line + at);
    } else if (words >= 2 && strcmp(word, "health") == 0) {
        frame.kind = FRAME_HEALTH;
        frame.sections = FRAME_HAS_RESULT;
        frame.result.state = FEP_UP;
    } else if (words >= 2) {
        if (strcmp(word, "result") == 0) {
            int more = 0;
            if (sscanf(line + at, "%7s %n", how, &more) != 1)
                return;
            at += more;
        }
        frame.kind = strcmp(word, "list") == 0     ? FRAME_LIST
                     : strcmp(word, "prompt") == 0 ? FRAME_PROMPT
                                                   : FRAME_TASK_RESULT;
        frame.sections = FRAME_HAS_BODY;
        frame.sequence = sequence;
        frame.ok = strcmp(how, "ok") == 0;
        frame.more = strcmp(how, "more") == 0;
        frame.body = (struct slice){NULL, (const unsigned char *)line + at, strlen(line + at)};
    }
    send_frame(&frame);
}

static void
hear(struct slice whole)
{
    struct frame frame;
    struct fep_error error = {0};
    if (frame_decode(&frame, whole, &error) != 0) {
        fprintf(stderr, "speak_as_host: %s\n", error.text);
        exit(1);
    }
    printf("%s %llu %d %u %u ", frame_kind_name(frame.kind), (unsigned long long)frame.sequence, frame.ok,
           frame.sections & FRAME_HAS_RESULT ? frame.result.code : 0u,
           (unsigned)(frame.kind == FRAME_SUBMIT ? frame.attempt.operation : frame.acked_kind));
    if (frame.kind == FRAME_TASK)
        fwrite(frame.body.data, 1, frame.body.size, stdout);
    else
        fputs(frame.text[0] != '\0' ? frame.text : "-", stdout);
    putchar('\n');
    fflush(stdout);
    frame_release(&frame);
}

static void
hear_all(void)
{
    char from[NODE_SIZE];
    struct slice whole = SLICE_NONE;
    struct fep_error error = {0};
    while (link_receive(host, from, &whole, &error) > 0) {
        hear(whole);
        slice_release(&whole);
    }
}

int
main(int argc, char **argv)
{
    static char line[1 << 16];
    struct fep_error error = {0};
    if (argc != 4 && argc != 5)
        return 2;
    struct link_context *context = link_context_create(NULL, 0, &error);
    host = context != NULL ? link_connect_local(context, argv[1], argv[2], &error) : NULL;
    if (host == NULL) {
        fprintf(stderr, "speak_as_host: %s\n", error.text);
        return 1;
    }
    epoch = (uint32_t)strtoul(argv[3], NULL, 10);
    introduce(argv[2], argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        zmq_pollitem_t items[] = {{.socket = link_raw(host), .events = ZMQ_POLLIN},
                                  {.fd = 0, .events = ZMQ_POLLIN}};
        if (zmq_poll(items, 2, 1000) < 0)
            break;
        hear_all();
        if (items[1].revents == 0)
            continue;
        if (fgets(line, sizeof line, stdin) == NULL)
            break;
        say(line);
    }
    link_close(host);
    link_context_destroy(context);
    return 0;
}
