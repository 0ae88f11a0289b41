/* One instance of a module on a bench: life, connections, calls. Knows no protocol. */
#include "module_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

struct fixture *
rig_create(const char *mapping, bool module_calls, size_t wire_size)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->wire = calloc(1, wire_size);
    assert_non_null(f->wire);
    f->fake = fake_create(mapping);
    strcpy(f->directory, "/tmp/fep-module-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->listener = -1;
    if (module_calls)
        f->listener = loopback_listen(&f->port);
    else
        f->port = loopback_free_port();
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", f->port);
    for (int i = 0; i < RIG_PEERS; i++) {
        f->peers[i].f = f;
        f->peers[i].fd = -1;
    }
    f->first_serial = 101;
    f->ops = fep_adapter.ops;
    return f;
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

static void
hang_up_all(struct fixture *f)
{
    for (int i = 0; i < RIG_PEERS; i++) {
        if (f->peers[i].fd >= 0)
            rig_hang_up(&f->peers[i]);
    }
}

int
rig_tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->self != NULL)
        f->ops->close(f->self);
    hang_up_all(f);
    if (f->listener >= 0)
        close(f->listener);
    assert_int_equal(nftw(f->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    fake_destroy(f->fake);
    free(f->wire);
    free(f);
    return 0;
}

void
rig_start(struct fixture *f)
{
    struct fep_error error = {0};
    fake_use_options(f->fake, fep_adapter.options, f->options);
    if (f->ops->open(&f->fake->host, fake_config(f->fake), &f->self, &error) != 0)
        fail_msg("%s", error.text);
    f->start = (struct fep_call){0};
    f->fake->completion_count = 0;
    f->ops->start(f->self, &f->start);
}

void
rig_open(struct fixture *f, const char *const *options)
{
    size_t count = 0;
    for (; options[count] != NULL; count++) {
        assert_true(count < RIG_OPTIONS - 1);
        f->options[count] = options[count];
    }
    f->options[count] = NULL;
    rig_start(f);
}

void
rig_restart(struct fixture *f)
{
    f->ops->close(f->self);
    hang_up_all(f);
    rig_start(f);
}

void
rig_expect_serving(struct fixture *f)
{
    assert_int_equal(f->fake->completion_count, 1);
    assert_int_equal(f->fake->completions[0].kind, FEP_ANSWERED);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

/* --- connections --- */

static struct peer *
begin_peer(struct fixture *f, int which)
{
    struct peer *peer = &f->peers[which];
    peer->size = 0;
    peer->closed = false;
    peer->in[0] = '\0';
    return peer;
}

struct peer *
rig_connect(struct fixture *f, int which)
{
    struct peer *peer = begin_peer(f, which);
    peer->fd = loopback_connect(f->port);
    return peer;
}

static bool
is_accepted(void *arg)
{
    struct peer *peer = arg;
    if (peer->fd < 0)
        peer->fd = accept4(peer->f->listener, NULL, NULL, SOCK_NONBLOCK);
    return peer->fd >= 0;
}

struct peer *
rig_accept(struct fixture *f, int which)
{
    struct peer *peer = begin_peer(f, which);
    assert_true(fake_run_until(f->fake, is_accepted, peer));
    return peer;
}

void
rig_hang_up(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

void
rig_listen_again(struct fixture *f)
{
    f->listener = loopback_listen(&f->port);
}

void
rig_send(struct peer *peer, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put = send(peer->fd, (const char *)bytes + at, size - at, MSG_NOSIGNAL);
        if (put > 0)
            at += (size_t)put;
        else
            fake_run_ms(peer->f->fake, 2);
    }
}

void
rig_receive(struct peer *peer)
{
    ssize_t got = recv(peer->fd, peer->in + peer->size, sizeof peer->in - peer->size - 1, 0);
    if (got > 0)
        peer->size += (size_t)got;
    if (got == 0)
        peer->closed = true;
    peer->in[peer->size] = '\0';
}

static bool
is_closed(void *arg)
{
    struct peer *peer = arg;
    rig_receive(peer);
    return peer->closed;
}

void
rig_expect_closed(struct peer *peer)
{
    assert_true(fake_run_until(peer->f->fake, is_closed, peer));
    assert_int_equal(peer->size, 0);
}

/* --- calls and requests --- */

struct fep_call *
rig_next_call(struct fixture *f)
{
    assert_true(f->call_count < RIG_CALLS);
    struct fep_call *call = &f->calls[f->call_count];
    call->attempt = (struct fep_attempt){.size = sizeof call->attempt,
                                         .number = 1,
                                         .serial = f->first_serial + f->call_count,
                                         .serial_date = 20261122};
    f->call_count++;
    return call;
}

const struct fep_message *
rig_message(const struct fake_message *message)
{
    return (const struct fep_message *)(const void *)message;
}

struct fep_call *
rig_submit(struct fixture *f, const struct fake_message *message)
{
    struct fep_call *call = rig_next_call(f);
    f->ops->submit(f->self, call, rig_message(message));
    return call;
}

struct fep_call *
rig_reverse(struct fixture *f, const struct fake_message *message, uint64_t serial)
{
    struct fep_call *call = rig_next_call(f);
    call->attempt.serial = serial;
    f->ops->reverse(f->self, call, rig_message(message));
    return call;
}

struct fake_completion *
rig_wait_for(struct fixture *f, const struct fep_call *call)
{
    return fake_wait_for(f->fake, call);
}

struct fake_request *
rig_wait_request(struct fixture *f, size_t count)
{
    return fake_wait_request(f->fake, count);
}

void
rig_tell(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
         struct fep_record *answer)
{
    fake_tell(f->fake, f->self, request, kind, result, answer);
}
