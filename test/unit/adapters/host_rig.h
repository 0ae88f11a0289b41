/* A real fep-adapter beside a router played by the test: starts the program with a configuration in a
 * directory of its own, takes its frames and sends it frames. Waits are bounded; what does not come in time
 * fails the test. */
#ifndef HOST_RIG_H
#define HOST_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "core.h"
#include "frame.h"
#include "link_socket.h"

#define RIG_EPOCH   7
#define RIG_WAIT_MS 15000
#define RIG_MOST_DONE 64

struct rig {
    char directory[64], config[128], endpoint[128], listen[128];
    pid_t pid;
    uint32_t epoch;
    struct link_context *context;
    struct link_socket *socket;
    struct frame frame; /* the last one taken; released by the next take */
    struct slice whole;
    bool holds;
    uint64_t done[RIG_MOST_DONE]; /* the DONE frames that came, acknowledged or not */
    size_t done_count;
};

int rig_set_up(void **state); /* of cmocka: a rig that is not open yet */
int rig_tear_down(void **state);
/* Fails with both texts unless `part` stands in `text` (does not stand in it); NULL counts as "nothing". */
void rig_expect(const char *text, const char *part);
void rig_expect_not(const char *text, const char *part);
/* module: "loopback", "null"; options: libconfig text inside `options = { ... }`; mapping: path or NULL. */
void rig_open(struct rig *rig, const char *module, const char *mapping, const char *options);
void rig_open_listening(struct rig *rig); /* loopback that takes callers */
void rig_close(struct rig *rig);          /* kills what still runs, removes the directory */
void rig_bind(struct rig *rig);           /* the router comes (back) */
void rig_unbind(struct rig *rig);
void rig_start(struct rig *rig, uint32_t epoch); /* the program */
void rig_send(struct rig *rig, struct frame *frame);
void rig_ack(struct rig *rig, enum frame_kind kind, uint64_t sequence);
/* The next frame of that kind; HEALTH and HELLO are passed over unless asked for, and a HELLO is
 * acknowledged. */
struct frame *rig_take(struct rig *rig, enum frame_kind kind);
struct frame *rig_take_any(struct rig *rig); /* whatever comes next; a HELLO is acknowledged */
/* None of that kind within ms. */
void rig_take_none(struct rig *rig, enum frame_kind kind, int ms);
/* HELLO, its acknowledgement, READY. */
void rig_introduce(struct rig *rig);
struct frame rig_submit(uint64_t id, uint8_t operation, uint64_t serial, const char *infno, const char *body);
int rig_wait_exit(struct rig *rig); /* exit status, or 128 + signal */
/* SIGTERM, then what a router does meanwhile: every DONE is acknowledged and every ticket refused, so that
 * the program ends when it has finished and not when its time to drain is over. The exit status. */
int rig_end(struct rig *rig);

/* A local caller of the loopback module. */
int rig_call(struct rig *rig);
int rig_call_when_ready(struct rig *rig); /* the program may not listen yet */
void rig_say(int fd, const char *head, const char *body);
/* Reads one answer; head and body are NUL-terminated. */
void rig_hear(int fd, char *head, size_t head_size, char *body, size_t body_size);

#endif
