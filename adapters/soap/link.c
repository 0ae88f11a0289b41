/* Connections to the local system: one for each request, closed after its answer.
 *
 * Must never send a request twice, and never read an answer from a connection that another request used.
 * Fails through task_lost, which knows what has left. */
#include "soap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_ready(void *arg, uint32_t events);

static void
watch_link(struct task *task)
{
    const struct fep_host *host = task->soap->host;
    bool sending = task->state == TASK_CONNECTING || (task->written < task->out_size && !task->write_failed);
    uint32_t events = (task->state != TASK_CONNECTING ? (uint32_t)FEP_READABLE : 0u) |
                      (sending ? (uint32_t)FEP_WRITABLE : 0u);
    host->change_watch(host->self, task->watch, events);
}

void
link_close(struct task *task)
{
    const struct fep_host *host = task->soap->host;
    host->clear_timer(host->self, task->timer);
    task->timer = NULL;
    host->unwatch(host->self, task->watch);
    task->watch = NULL;
    if (task->fd >= 0)
        close(task->fd);
    task->fd = -1;
    http_finish(&task->in);
}

static void
on_connect_timer(void *arg)
{
    struct task *task = arg;
    task->timer = NULL;
    health_unreachable(task->soap, ETIMEDOUT);
    task_lost(task, FEP_REASON_LINK_DOWN, "no connection in the time allowed");
}

static void
on_answer_timer(void *arg)
{
    struct task *task = arg;
    task->timer = NULL;
    task_lost(task, FEP_REASON_DEADLINE, "no answer in the time allowed");
}

void
link_await(struct task *task, int64_t ms)
{
    const struct fep_host *host = task->soap->host;
    host->clear_timer(host->self, task->timer);
    task->timer = host->set_timer(host->self, ms, on_answer_timer, task);
}

int
link_open(struct task *task)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    http_init(&task->in, false, soap->codec.max_body);
    task->written = 0;
    task->write_failed = false;
    task->fd = tcp_connect(&soap->address);
    if (task->fd < 0)
        return -1;
    task->state = TASK_CONNECTING;
    task->watch = host->watch_descriptor(host->self, task->fd, FEP_WRITABLE, on_ready, task);
    task->timer = host->set_timer(host->self, soap->connect_ms, on_connect_timer, task);
    if (task->watch != NULL && task->timer != NULL)
        return 0;
    link_close(task);
    task->state = TASK_WAITING;
    errno = ENOMEM;
    return -1;
}

/* False: the task is gone. */
static bool
end_connecting(struct task *task)
{
    struct soap *soap = task->soap;
    const struct fep_host *host = soap->host;
    int trouble = tcp_connect_result(task->fd);
    if (trouble != 0) {
        health_unreachable(soap, trouble);
        task_lost(task, FEP_REASON_LINK_DOWN, strerror(trouble));
        return false;
    }
    host->clear_timer(host->self, task->timer);
    task->timer = NULL;
    task->state = TASK_OPEN;
    if (task->call == NULL) /* a call's time is the host's */
        link_await(task, soap->probe_ms);
    return true;
}

/* A peer that refuses early may have said why before it closed: what it said is still read. */
static void
write_more(struct task *task)
{
    while (task->written < task->out_size && !task->write_failed) {
        long put = tcp_write(task->fd, task->out + task->written, task->out_size - task->written);
        if (put == 0)
            return;
        if (put < 0)
            task->write_failed = true;
        else
            task->written += (size_t)put;
    }
}

/* False: the task is gone. */
static bool
read_more(struct task *task)
{
    unsigned char piece[16384];
    long got = tcp_read(task->fd, piece, sizeof piece);
    if (got == -1)
        return true;
    if (got > 0)
        (void)http_take(&task->in, piece, (size_t)got);
    else if (got == 0)
        http_end(&task->in);
    if (task->in.state == HTTP_COMPLETE) {
        answer_take(task);
        return false;
    }
    if (got > 0 && task->in.state == HTTP_MORE)
        return true;
    const char *trouble = task->in.trouble != NULL ? task->in.trouble : "the connection broke";
    task_lost(task, got > 0 ? FEP_REASON_PROTOCOL : FEP_REASON_PEER_CLOSED, trouble);
    return false;
}

static void
on_ready(void *arg, uint32_t events)
{
    struct task *task = arg;
    if (task->state == TASK_CONNECTING && !end_connecting(task))
        return;
    if ((events & FEP_WRITABLE) != 0)
        write_more(task);
    if ((events & FEP_READABLE) != 0 && !read_more(task))
        return;
    watch_link(task);
}
