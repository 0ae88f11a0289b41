/* Encoded numbered frames in order, from the first that is not acknowledged: the ones in flight first, then
 * the ones that wait. Only peer.c uses it. */
#ifndef FEP_PEER_QUEUE_H
#define FEP_PEER_QUEUE_H

#include "peer.h"

struct kept_frame {
    struct kept_frame *next, *next_same; /* in order; in the same bucket */
    struct peer_acked what;
    uint64_t hash;
    uint64_t sequence; /* 0: not sent in this session */
    int64_t deadline_ms, sent_at_ms;
    size_t travel_at; /* where the TRAVEL section begins */
    size_t size;
    unsigned char bytes[];
};

struct peer_queue {
    struct kept_frame *first, *last;
    struct kept_frame *first_waiting; /* NULL: all are in flight */
    struct kept_frame **buckets;
    size_t bucket_count, count, in_flight;
};

/* 0, or negative without memory. */
int peer_queue_init(struct peer_queue *queue);
void peer_queue_finish(struct peer_queue *queue);
/* Encodes and appends. 0; 1 if the same frame is already kept (its deadline is renewed); negative without
 * memory or if the frame cannot be encoded. */
int peer_queue_add(struct peer_queue *queue, const struct frame *frame, int64_t deadline_ms);
/* Appends one that was taken out of another queue, to wait. */
void peer_queue_keep(struct peer_queue *queue, struct kept_frame *kept);
/* Takes the oldest out; the caller frees it. It must be in flight. */
struct kept_frame *peer_queue_take(struct peer_queue *queue);
/* The first that waits is in flight from now on. */
void peer_queue_advance(struct peer_queue *queue);
/* A new session: all wait again. */
void peer_queue_rewind(struct peer_queue *queue);

#endif
