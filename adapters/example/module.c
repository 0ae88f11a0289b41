/* The worked example of adapters/README.md: a module for an invented local system "desk", begun from
 * adapters/loopback. It only asks; without a mapping, so bodies pass through as they are. The protocol: a TCP
 * connection for each request, one line there and one line back, UTF-8, LF.
 *
 *   POST SERIAL INFNO BODY    OK BODY       done            NO CODE TEXT   refused, certainly without effect
 *   STATE SERIAL              POSTED BODY   NOTHING   UNDONE
 *   UNDO SERIAL               UNDONE        NEVER (and from then on NO 2504 to a POST of it)
 *
 * Must never say "not sent" of a request once a byte of it may have left, and must never read on after a
 * line. Whatever goes wrong between the first byte and the whole answer is told as unknown. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fep/adapter.h>

enum { MAX_LINE = 5 << 20, READ_SIZE = 65536 };

struct desk {
    const struct fep_host *host;
    struct sockaddr_in address;
    struct job *jobs;
    size_t job_count;
    struct fep_call *drain_call;
    uint32_t state; /* enum fep_state */
};

struct job { /* one call on its connection */
    struct desk *desk;
    struct job *next, *previous;
    struct fep_call *call;
    uint32_t operation; /* enum fep_operation */
    int fd;
    struct fep_watch *watch;
    char *out, *in;
    size_t out_size, sent, in_size, in_room;
};

static struct desk instance; /* one instance per process */

static const struct fep_option options[] = {
    {.name = "connect",
     .type = FEP_TEXT,
     .flags = FEP_OPTION_REQUIRED,
     .unit = "ADDRESS:PORT",
     .help_zh = "本地系统的地址和端口（数字）",
     .help_en = "the local system, numeric ADDRESS:PORT"},
    {.name = NULL},
};

/* --- life cycle ---------------------------------------------------------------------------------- */

static int
open_desk(const struct fep_host *host, const struct fep_config *config, void **self, struct fep_error *error)
{
    char address[64];
    snprintf(address, sizeof address, "%s", host->get_text(config, "connect"));
    char *colon = strrchr(address, ':'); /* there is one: the host has checked it */
    *colon = '\0';
    instance = (struct desk){.host = host, .state = FEP_UP};
    instance.address.sin_family = AF_INET;
    instance.address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, address, &instance.address.sin_addr) != 1) {
        snprintf(error->text, sizeof error->text, "option connect: an IPv4 address is expected");
        return -1;
    }
    *self = &instance;
    return 0;
}

/* Every request has a connection of its own, so there is nothing to prepare. */
static void
start(void *self, struct fep_call *call)
{
    struct desk *desk = self;
    desk->host->complete_call(desk->host->self, call, FEP_ANSWERED, NULL, NULL);
}

static void
read_health(void *self, struct fep_health *health)
{
    const struct desk *desk = self;
    health->state = desk->state;
    health->open_calls = (uint32_t)desk->job_count;
    snprintf(health->reason, sizeof health->reason, "%s",
             desk->state == FEP_UP ? "" : "the last connection failed");
}

static void
check_drained(struct desk *desk)
{
    struct fep_call *call = desk->drain_call;
    if (call == NULL || desk->jobs != NULL)
        return;
    desk->drain_call = NULL;
    desk->host->complete_call(desk->host->self, call, FEP_ANSWERED, NULL, NULL);
}

static void
drain(void *self, struct fep_call *call)
{
    struct desk *desk = self;
    desk->drain_call = call;
    check_drained(desk);
}

/* --- the end of a job ---------------------------------------------------------------------------- */

static void
free_job(struct job *job)
{
    struct desk *desk = job->desk;
    if (job->watch != NULL)
        desk->host->unwatch(desk->host->self, job->watch);
    if (job->fd >= 0)
        close(job->fd);
    if (job->previous != NULL)
        job->previous->next = job->next;
    else
        desk->jobs = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    desk->job_count--;
    free(job->out);
    free(job->in);
    free(job);
}

/* Takes `answer`. The job is gone afterwards. */
static void
finish(struct job *job, enum fep_kind kind, const struct fep_result *result, struct fep_record *answer)
{
    struct desk *desk = job->desk;
    struct fep_call *call = job->call;
    free_job(job);
    desk->host->complete_call(desk->host->self, call, kind, result, answer);
    check_drained(desk);
}

/* The one rule: unknown as soon as a byte may have left. */
static void
fail(struct job *job, enum fep_reason reason)
{
    struct fep_result result = {.size = sizeof result, .refusal_class = FEP_REPEATABLE, .reason = reason};
    finish(job, job->sent > 0 ? FEP_UNKNOWN : FEP_NOT_SENT, &result, NULL);
}

static void
cancel(void *self, struct fep_call *call, enum fep_reason reason)
{
    struct desk *desk = self;
    for (struct job *job = desk->jobs; job != NULL; job = job->next) {
        if (job->call == call) {
            fail(job, reason);
            return;
        }
    }
    if (call == desk->drain_call) {
        desk->drain_call = NULL;
        desk->host->complete_call(desk->host->self, call, FEP_ANSWERED, NULL, NULL);
    }
}

static void
close_desk(void *self)
{
    struct desk *desk = self;
    while (desk->jobs != NULL)
        free_job(desk->jobs);
}

/* --- answers ------------------------------------------------------------------------------------- */

/* What stands behind `word` and a blank, or behind `word` at the end; NULL: the line begins otherwise. */
static const char *
behind(const char *line, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(line, word, size) != 0 || (line[size] != ' ' && line[size] != '\0'))
        return NULL;
    return line[size] == ' ' ? line + size + 1 : line + size;
}

static struct fep_record *
make_answer(const struct fep_host *host, const char *body)
{
    struct fep_record *record = host->create_record(host->self, "canonical");
    if (record != NULL && host->record_set(record, 0, body, strlen(body)) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

static void
take_submitted(struct job *job, const char *line)
{
    const struct fep_host *host = job->desk->host;
    struct fep_result result = {.size = sizeof result,
                                .accounting_date = host->call_attempt(job->call)->serial_date};
    const char *body = behind(line, "OK"), *refusal = behind(line, "NO");
    struct fep_record *answer = body != NULL ? make_answer(host, body) : NULL;
    if (answer != NULL) {
        result.effect = FEP_EFFECT_POSTED;
        finish(job, FEP_ANSWERED, &result, answer);
    } else if (refusal != NULL) {
        char *text;
        result.code = (uint32_t)strtoul(refusal, &text, 10);
        result.reason = FEP_REASON_BUSINESS;
        snprintf(result.text, sizeof result.text, "%.200s", text + (*text == ' '));
        finish(job, FEP_REFUSED, &result, NULL);
    } else {
        fail(job, FEP_REASON_PROTOCOL);
    }
}

static void
take_finding(struct job *job, const char *line)
{
    const struct fep_host *host = job->desk->host;
    struct fep_result result = {.size = sizeof result};
    struct fep_record *answer = NULL;
    const char *body = behind(line, "POSTED");
    if (job->operation == FEP_OP_INQUIRE && body != NULL) {
        result.finding = FEP_FOUND_POSTED;
        result.effect = FEP_EFFECT_POSTED;
        answer = make_answer(host, body);
    } else if (job->operation == FEP_OP_INQUIRE && behind(line, "NOTHING") != NULL) {
        result.finding = FEP_FOUND_NOTHING;
    } else if (behind(line, "UNDONE") != NULL) {
        result.finding = FEP_FOUND_REVERSED;
    } else if (job->operation == FEP_OP_REVERSE && behind(line, "NEVER") != NULL) {
        result.finding = FEP_FOUND_NEVER_ARRIVED;
    } else {
        fail(job, FEP_REASON_PROTOCOL);
        return;
    }
    finish(job, FEP_ANSWERED, &result, answer);
}

/* --- the connection ------------------------------------------------------------------------------ */

/* Negative: the job is gone. */
static int
write_request(struct job *job)
{
    while (job->sent < job->out_size) {
        ssize_t count =
            send(job->fd, job->out + job->sent, job->out_size - job->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (count < 0) {
            if (job->sent == 0)
                job->desk->state = FEP_DOWN;
            fail(job, FEP_REASON_LINK_DOWN);
            return -1;
        }
        job->sent += (size_t)count;
    }
    job->desk->state = FEP_UP;
    job->desk->host->change_watch(job->desk->host->self, job->watch, FEP_READABLE);
    return 0;
}

static void
read_answer(struct job *job)
{
    if (job->in_room - job->in_size < READ_SIZE + 1) {
        size_t room = job->in_room + 2 * READ_SIZE;
        char *grown = room <= MAX_LINE ? realloc(job->in, room) : NULL;
        if (grown == NULL) {
            fail(job, FEP_REASON_PROTOCOL);
            return;
        }
        job->in = grown;
        job->in_room = room;
    }
    ssize_t count = recv(job->fd, job->in + job->in_size, READ_SIZE, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        fail(job, FEP_REASON_PEER_CLOSED);
        return;
    }
    char *end = memchr(job->in + job->in_size, '\n', (size_t)count);
    job->in_size += (size_t)count;
    if (end == NULL)
        return;
    *end = '\0'; /* what follows is nobody's */
    if (strlen(job->in) != (size_t)(end - job->in))
        fail(job, FEP_REASON_PROTOCOL);
    else if (job->operation == FEP_OP_SUBMIT)
        take_submitted(job, job->in);
    else
        take_finding(job, job->in);
}

static void
on_event(void *arg, uint32_t events)
{
    struct job *job = arg;
    if (job->sent < job->out_size && (events & FEP_WRITABLE) != 0 && write_request(job) < 0)
        return;
    if ((events & FEP_READABLE) != 0)
        read_answer(job);
}

static char *
make_line(const struct desk *desk, const struct job *job, const struct fep_message *message, size_t *size)
{
    static const char *const verbs[] = {"", "POST", "STATE", "UNDO"};
    const struct fep_host *host = desk->host;
    const struct fep_attempt *attempt = host->call_attempt(job->call);
    struct fep_bytes body = host->message_body(host->self, message);
    bool posts = job->operation == FEP_OP_SUBMIT;
    char *line = malloc(body.size + 80);
    if (line == NULL || (posts && memchr(body.data, '\n', body.size) != NULL)) {
        free(line);
        return NULL;
    }
    int head = snprintf(line, 80, "%s %08u%012llu%s%.6s%s", verbs[job->operation], attempt->serial_date,
                        (unsigned long long)attempt->serial, posts ? " " : "",
                        posts ? host->message_infno(host->self, message) : "", posts ? " " : "");
    *size = (size_t)head;
    if (posts) {
        memcpy(line + *size, body.data, body.size);
        *size += body.size;
    }
    line[(*size)++] = '\n';
    return line;
}

static void
begin(struct desk *desk, struct fep_call *call, uint32_t operation, const struct fep_message *message)
{
    struct fep_result result = {
        .size = sizeof result, .refusal_class = FEP_REPEATABLE, .reason = FEP_REASON_BOUND};
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        desk->host->complete_call(desk->host->self, call, FEP_NOT_SENT, &result, NULL);
        return;
    }
    *job = (struct job){.desk = desk, .next = desk->jobs, .call = call, .operation = operation, .fd = -1};
    if (job->next != NULL)
        job->next->previous = job;
    desk->jobs = job;
    desk->job_count++;
    job->out = make_line(desk, job, message, &job->out_size);
    if (job->out == NULL) {
        fail(job, FEP_REASON_MALFORMED);
        return;
    }
    job->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (job->fd < 0 ||
        (connect(job->fd, (const struct sockaddr *)&desk->address, sizeof desk->address) != 0 &&
         errno != EINPROGRESS)) {
        desk->state = FEP_DOWN;
        fail(job, FEP_REASON_LINK_DOWN);
        return;
    }
    job->watch =
        desk->host->watch_descriptor(desk->host->self, job->fd, FEP_READABLE | FEP_WRITABLE, on_event, job);
    if (job->watch == NULL)
        fail(job, FEP_REASON_BOUND);
}

static void
submit(void *self, struct fep_call *call, const struct fep_message *message)
{
    begin(self, call, FEP_OP_SUBMIT, message);
}

static void
inquire(void *self, struct fep_call *call, const struct fep_message *message)
{
    begin(self, call, FEP_OP_INQUIRE, message);
}

static void
reverse(void *self, struct fep_call *call, const struct fep_message *message)
{
    begin(self, call, FEP_OP_REVERSE, message);
}

/* --- what the host sees -------------------------------------------------------------------------- */

static const struct fep_adapter_ops ops = {
    .size = sizeof ops,
    .open = open_desk,
    .start = start,
    .submit = submit,
    .inquire = inquire,
    .reverse = reverse,
    .cancel = cancel,
    .read_health = read_health,
    .drain = drain,
    .close = close_desk,
};

extern const struct fep_adapter fep_adapter;
FEP_EXPORT const struct fep_adapter fep_adapter = {
    .magic = FEP_ADAPTER_MAGIC,
    .abi_major = FEP_ABI_MAJOR,
    .abi_minor = FEP_ABI_MINOR,
    .size = sizeof fep_adapter,
    .name = "example",
    .version = "1.0",
    .summary = "the worked example: a line there, a line back",
    .abilities = FEP_CALLS_OUT | FEP_INQUIRES | FEP_REVERSES,
    .options = options,
    .ops = &ops,
};
