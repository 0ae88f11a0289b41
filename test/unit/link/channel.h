/* Two ends of one peer link in one process under virtual time, with a channel between them that delivers
 * late, out of order, twice or never, as a seed says. What an end's core would do is in the hooks. */
#ifndef FEP_TEST_CHANNEL_H
#define FEP_TEST_CHANNEL_H

#include "session.h"

#define CHANNEL_ROOM 16384

struct packet {
    int to; /* end 0 or 1 */
    int64_t due_ms;
    uint64_t order; /* ties are broken by the order of sending */
    size_t size;
    unsigned char *bytes;
};

struct channel;

struct channel_end {
    struct channel *channel;
    int self;
    struct peer *peer;
    struct session *session;
    struct session_config config;
    struct peer_config peer_config;
    struct session_marks marks;
    int ups, downs, refusals, broken;
    struct fep_error error; /* of the last refusal or break */
    /* called with each frame for the core; NULL: settle it at once */
    void (*on_frame)(struct channel_end *end, struct frame *frame);
    peer_acked_fn *on_acked; /* arg: the end */
    void *user;
};

struct channel {
    struct channel_end ends[2]; /* 0 dials, 1 listens */
    int64_t now_ms;
    uint64_t random, order;
    unsigned loss_percent, repeat_percent;
    int64_t delay_least_ms, delay_most_ms;
    int cut;                       /* 1: nothing gets through */
    unsigned char last_hello[512]; /* the dialling end's */
    size_t last_hello_size;
    struct packet packets[CHANNEL_ROOM];
    size_t packet_count;
};

void channel_open(struct channel *channel, uint64_t seed);
void channel_close(struct channel *channel);
uint32_t channel_random(struct channel *channel, uint32_t below);
/* The process of one end dies and comes back: its memory is gone. What is under way in the channel stays. */
void channel_restart(struct channel *channel, int end);
/* Runs until `until_ms`, delivering and ticking in order. */
void channel_run(struct channel *channel, int64_t until_ms);
/* The last HELLO arrives once more. */
void channel_repeat_hello(struct channel *channel);
/* Runs until both ends are up; fails the test after a minute. */
void channel_connect(struct channel *channel);
/* An UPDATE with this number as msgid. */
void channel_frame(struct frame *frame, enum frame_kind kind, unsigned number);
/* The number back out of a frame or an acknowledgement. */
unsigned channel_number(const struct message_key *key);

#endif
