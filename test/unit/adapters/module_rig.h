/* One instance of a module on a bench: the fake host on one side, loopback connections to a local system played by the
 * test on the other. Each protocol's rig says what travels on them. */
#ifndef MODULE_RIG_H
#define MODULE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_host.h"
#include "fake_wait.h"

enum { RIG_PEERS = 6, RIG_OPTIONS = 28, RIG_CALLS = 24 };

extern const struct fep_adapter fep_adapter; /* the module under test */

struct wire; /* what one protocol's rig keeps beside; freed with the fixture */
struct fixture;

/* One connection of the local system's. */
struct peer {
    struct fixture *f;
    int fd; /* -1: none */
    unsigned char in[300000];
    size_t size;
    bool closed; /* by the module */
};

struct fixture {
    struct fake_host *fake;
    struct wire *wire;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain, calls[RIG_CALLS];
    size_t call_count;
    uint64_t first_serial; /* of the router's serials that calls carry */
    int listener, port;    /* where the local system listens (-1: it does not), or the module */
    char directory[64], address[64];
    const char *options[RIG_OPTIONS];
    struct peer peers[RIG_PEERS];
};

/* A fixture with its mapping, an empty directory of its own and `wire_size` zeroed bytes; the local system listens, or
 * the module is to listen, at f->address. */
struct fixture *rig_create(const char *mapping, bool module_calls, size_t wire_size);
/* Closes all there is, removes the directory; checks that nothing leaked. */
int rig_tear_down(void **state);
/* Opens and starts the module with NAME, VALUE, ..., NULL. The texts must live as long as the fixture. */
void rig_open(struct fixture *f, const char *const *options);
void rig_start(struct fixture *f); /* with the options it had */
/* The module is closed, the connections too; then it starts again. */
void rig_restart(struct fixture *f);
/* A module that only serves is up when it was started. */
void rig_expect_serving(struct fixture *f);

struct peer *rig_connect(struct fixture *f, int which); /* to a module that listens */
struct peer *rig_accept(struct fixture *f, int which);  /* the module connects; waits for it */
void rig_hang_up(struct peer *peer);
void rig_listen_again(struct fixture *f); /* after close(f->listener), on the same port */
void rig_send(struct peer *peer, const void *bytes, size_t size);
/* Takes what has come into peer->in, which stays terminated by a zero. */
void rig_receive(struct peer *peer);
/* The module closes the connection, and nothing is left unread. */
void rig_expect_closed(struct peer *peer);

struct fep_call *rig_next_call(struct fixture *f);
const struct fep_message *rig_message(const struct fake_message *message);
struct fep_call *rig_submit(struct fixture *f, const struct fake_message *message);
struct fep_call *rig_reverse(struct fixture *f, const struct fake_message *message, uint64_t serial);
struct fake_completion *rig_wait_for(struct fixture *f, const struct fep_call *call);
struct fake_request *rig_wait_request(struct fixture *f, size_t count);
void rig_tell(struct fixture *f, struct fake_request *request, enum fep_kind kind, struct fep_result result,
              struct fep_record *answer);

#endif
