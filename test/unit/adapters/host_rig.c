/* See host_rig.h. */
#include "host_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "error.h"

static const char *
environment(const char *name)
{
    const char *value = getenv(name);
    assert_non_null(value);
    return value;
}

static void write_file(const char *directory, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
write_file(const char *directory, const char *name, const char *format, ...)
{
    char path[256];
    va_list args;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    va_start(args, format);
    assert_true(vdprintf(fd, format, args) >= 0);
    va_end(args);
    close(fd);
}

static void
write_config(struct rig *rig, const char *module, const char *mapping, const char *options)
{
    char mapping_line[512] = "";
    if (mapping != NULL)
        snprintf(mapping_line, sizeof mapping_line, "mapping = \"%s\";", mapping);
    write_file(
        rig->directory, "fepd.cfg",
        "gateway = { node = \"GW4501000001\"; name = \"test\"; region = \"450100\";\n"
        "  state_directory = \"%s\"; run_directory = \"%s\"; pseudonym_key_file = \"key\"; };\n"
        "routes = \"routes.cfg\"; schema_directory = \"%s/schema\"; adapter_directory = \"%s/adapters\";\n"
        "instances = ( { name = \"local1\"; module = \"%s\"; window = 16; %s options = { %s }; } );\n",
        rig->directory, rig->directory, environment("FEP_SOURCE"), environment("FEP_BUILD"), module,
        mapping_line, options);
}

int
rig_set_up(void **state)
{
    *state = calloc(1, sizeof(struct rig));
    return *state != NULL ? 0 : -1;
}

int
rig_tear_down(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

void
rig_expect(const char *text, const char *part)
{
    const char *shown = text != NULL ? text : "nothing";
    if (strstr(shown, part) == NULL)
        fail_msg("no %s in %s", part, shown);
}

void
rig_expect_not(const char *text, const char *part)
{
    const char *shown = text != NULL ? text : "nothing";
    if (strstr(shown, part) != NULL)
        fail_msg("%s in %s", part, shown);
}

void
rig_open(struct rig *rig, const char *module, const char *mapping, const char *options)
{
    memset(rig, 0, sizeof *rig);
    snprintf(rig->directory, sizeof rig->directory, "/tmp/fep-rig-XXXXXX");
    assert_non_null(mkdtemp(rig->directory));
    snprintf(rig->config, sizeof rig->config, "%s/fepd.cfg", rig->directory);
    snprintf(rig->endpoint, sizeof rig->endpoint, "ipc://%s/router", rig->directory);
    snprintf(rig->listen, sizeof rig->listen, "%s/callers", rig->directory);
    write_file(rig->directory, "routes.cfg", "routes = ();\n");
    write_file(rig->directory, "key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n");
    write_config(rig, module, mapping, options);
    struct fep_error error = {0};
    rig->context = link_context_create(NULL, 0, &error);
    assert_non_null(rig->context);
}

void
rig_open_listening(struct rig *rig)
{
    struct rig directory; /* the options name the directory that opening makes */
    char options[256];
    rig_open(&directory, "loopback", NULL, "");
    snprintf(options, sizeof options, "listen = \"unix:%s\";", directory.listen);
    write_config(&directory, "loopback", NULL, options);
    *rig = directory;
}

void
rig_bind(struct rig *rig)
{
    struct fep_error error = {0};
    rig->socket = link_bind_local(rig->context, rig->endpoint, &error);
    if (rig->socket == NULL)
        fail_msg("%s", error.text);
}

void
rig_unbind(struct rig *rig)
{
    link_close(rig->socket);
    rig->socket = NULL;
}

void
rig_start(struct rig *rig, uint32_t epoch)
{
    char program[512], epoch_text[16];
    snprintf(program, sizeof program, "%s/gateway/host/fep-adapter", environment("FEP_BUILD"));
    snprintf(epoch_text, sizeof epoch_text, "%u", epoch);
    rig->epoch = epoch;
    rig->pid = fork();
    assert_true(rig->pid >= 0);
    if (rig->pid == 0) {
        close(3); /* nothing that looks like the keeper's */
        execl(program, program, "--instance", "local1", "--config", rig->config, "--router", rig->endpoint,
              "--epoch", epoch_text, (char *)NULL);
        _exit(127);
    }
}

static void
drop_frame(struct rig *rig)
{
    if (rig->holds) {
        frame_release(&rig->frame);
        slice_release(&rig->whole);
    }
    rig->holds = false;
}

int
rig_wait_exit(struct rig *rig)
{
    int status = 0;
    for (int waited = 0; waited < RIG_WAIT_MS; waited += 10) {
        pid_t ended = waitpid(rig->pid, &status, WNOHANG);
        if (ended == rig->pid) {
            rig->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        poll(NULL, 0, 10);
    }
    fail_msg("fep-adapter does not end");
    return -1;
}

void
rig_close(struct rig *rig)
{
    char command[128];
    drop_frame(rig);
    if (rig->pid > 0) {
        kill(rig->pid, SIGKILL);
        waitpid(rig->pid, NULL, 0);
    }
    link_close(rig->socket);
    link_context_destroy(rig->context);
    snprintf(command, sizeof command, "rm -rf %s", rig->directory);
    assert_int_equal(system(command), 0);
}

static void
send_frame(struct rig *rig, struct frame *frame)
{
    struct fep_error error = {0};
    size_t size = frame_size(frame);
    unsigned char *data = malloc(size);
    assert_non_null(data);
    if (frame_encode(frame, data, size, &error) == 0 ||
        link_send(rig->socket, "local1", data, size, &error) < 0)
        fail_msg("%s", error.text);
    free(data);
}

void
rig_send(struct rig *rig, struct frame *frame)
{
    if (frame->epoch == 0)
        frame->epoch = rig->epoch;
    send_frame(rig, frame);
}

void
rig_ack(struct rig *rig, enum frame_kind kind, uint64_t sequence)
{
    struct frame frame = {.kind = FRAME_HOST_ACK, .sequence = sequence, .acked_kind = (uint8_t)kind};
    rig_send(rig, &frame);
}

/* 1: a frame stands in rig->frame. */
static int
receive(struct rig *rig, int64_t until_ms)
{
    char from[NODE_SIZE];
    struct fep_error error = {0};
    drop_frame(rig);
    for (;;) {
        int got = link_receive(rig->socket, from, &rig->whole, &error);
        if (got > 0) {
            assert_string_equal(from, "local1");
            if (frame_decode(&rig->frame, rig->whole, &error) < 0)
                fail_msg("%s", error.text);
            rig->holds = true;
            if (rig->frame.kind == FRAME_DONE) {
                assert_true(rig->done_count < RIG_MOST_DONE);
                rig->done[rig->done_count++] = rig->frame.sequence;
            }
            return 1;
        }
        int64_t left = until_ms - clock_monotonic_ms(&clock_system);
        if (left <= 0)
            return 0;
        struct pollfd poll_fd = {.fd = link_descriptor(rig->socket), .events = POLLIN};
        poll(&poll_fd, 1, left < 50 ? (int)left : 50);
    }
}

static void
refuse_ticket(struct rig *rig)
{
    struct frame over = {.kind = FRAME_TELL, .sequence = rig->frame.sequence, .sections = FRAME_HAS_RESULT};
    over.result.kind = FEP_REFUSED;
    rig_send(rig, &over);
}

int
rig_end(struct rig *rig)
{
    int status = 0;
    int64_t until = clock_monotonic_ms(&clock_system) + RIG_WAIT_MS;
    for (size_t i = 0; i < rig->done_count; i++)
        rig_ack(rig, FRAME_DONE, rig->done[i]);
    kill(rig->pid, SIGTERM);
    while (clock_monotonic_ms(&clock_system) < until) {
        if (waitpid(rig->pid, &status, WNOHANG) == rig->pid) {
            rig->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (receive(rig, clock_monotonic_ms(&clock_system) + 20) == 0)
            continue;
        if (rig->frame.kind == FRAME_DONE)
            rig_ack(rig, FRAME_DONE, rig->frame.sequence);
        else if (rig->frame.kind == FRAME_REQUEST)
            refuse_ticket(rig);
        else if (rig->frame.kind == FRAME_PROMPT)
            rig_ack(rig, FRAME_PROMPT, rig->frame.sequence);
    }
    fail_msg("fep-adapter does not end");
    return -1;
}

struct frame *
rig_take_any(struct rig *rig)
{
    if (receive(rig, clock_monotonic_ms(&clock_system) + RIG_WAIT_MS) == 0)
        fail_msg("nothing came");
    if (rig->frame.kind == FRAME_HOST_HELLO)
        rig_ack(rig, FRAME_HOST_HELLO, rig->frame.sequence);
    return &rig->frame;
}

struct frame *
rig_take(struct rig *rig, enum frame_kind kind)
{
    int64_t until = clock_monotonic_ms(&clock_system) + RIG_WAIT_MS;
    while (receive(rig, until) > 0) {
        if (rig->frame.kind == FRAME_HOST_HELLO)
            rig_ack(rig, FRAME_HOST_HELLO, rig->frame.sequence);
        if (rig->frame.kind == kind)
            return &rig->frame;
        if (rig->frame.kind != FRAME_HEALTH && rig->frame.kind != FRAME_HOST_HELLO &&
            rig->frame.kind != FRAME_HOST_READY)
            fail_msg("waiting for %s, got %s", frame_kind_name(kind), frame_kind_name(rig->frame.kind));
    }
    fail_msg("no %s came", frame_kind_name(kind));
    return NULL;
}

void
rig_take_none(struct rig *rig, enum frame_kind kind, int ms)
{
    int64_t until = clock_monotonic_ms(&clock_system) + ms;
    while (receive(rig, until) > 0) {
        if (rig->frame.kind == kind)
            fail_msg("an unexpected %s came", frame_kind_name(kind));
    }
}

void
rig_introduce(struct rig *rig)
{
    rig_take(rig, FRAME_HOST_HELLO);
    rig_take(rig, FRAME_HOST_READY);
}

struct frame
rig_submit(uint64_t id, uint8_t operation, uint64_t serial, const char *infno, const char *body)
{
    struct frame frame = {.kind = FRAME_SUBMIT,
                          .sequence = id,
                          .sections = FRAME_HAS_HEADER | FRAME_HAS_TRAVEL | FRAME_HAS_ATTEMPT |
                                      FRAME_HAS_INDEX | FRAME_HAS_BODY};
    frame.header = (struct message_header){.key = {"GW4509000001", ""},
                                           .transaction_class = CLASS_UPDATE,
                                           .treat_area = "450100",
                                           .insured_area = "450900",
                                           .day = 20261122};
    snprintf(frame.header.key.msgid, sizeof frame.header.key.msgid, "M%llu", (unsigned long long)serial);
    snprintf(frame.header.infno, sizeof frame.header.infno, "%s", infno);
    frame.travel = (struct travel){.attempt = 1, .time_left_ms = 60000, .hops_left = 8};
    frame.attempt = (struct frame_attempt){.operation = operation, .serial = serial, .serial_date = 20261122};
    frame.index.size = sizeof frame.index;
    frame.body = (struct slice){.data = (const unsigned char *)body, .size = strlen(body)};
    return frame;
}

static int
try_call(struct rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", rig->listen);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    struct timeval limit = {.tv_sec = RIG_WAIT_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    return fd;
}

int
rig_call(struct rig *rig)
{
    int fd = try_call(rig);
    assert_true(fd >= 0);
    return fd;
}

int
rig_call_when_ready(struct rig *rig)
{
    for (int waited = 0; waited < RIG_WAIT_MS; waited += 10) {
        int fd = try_call(rig);
        if (fd >= 0)
            return fd;
        poll(NULL, 0, 10);
    }
    fail_msg("the program does not listen");
    return -1;
}

void
rig_say(int fd, const char *head, const char *body)
{
    char message[4096];
    int size = snprintf(message + 4, sizeof message - 4, "%s\n%s", head, body);
    assert_true(size > 0 && (size_t)size < sizeof message - 4);
    uint32_t length = htonl((uint32_t)size);
    memcpy(message, &length, 4);
    assert_int_equal(send(fd, message, (size_t)size + 4, MSG_NOSIGNAL), size + 4);
}

static void
read_all(int fd, void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        ssize_t count = recv(fd, at, size, 0);
        assert_true(count > 0);
        at += count;
        size -= (size_t)count;
    }
}

void
rig_hear(int fd, char *head, size_t head_size, char *body, size_t body_size)
{
    uint32_t length;
    char message[8192];
    read_all(fd, &length, 4);
    length = ntohl(length);
    assert_true(length < sizeof message);
    read_all(fd, message, length);
    message[length] = '\0';
    char *line_end = strchr(message, '\n');
    assert_non_null(line_end);
    *line_end = '\0';
    snprintf(head, head_size, "%s", message);
    snprintf(body, body_size, "%s", line_end + 1);
}
