/* What a peer has not acknowledged yet, in order, as the bytes that are sent. Must never hold the same frame
 * twice (the core offers a reversal again and again while a peer is away) and never lose one before its
 * acknowledgement. Fails only for want of memory or for a frame that cannot be encoded, and then holds what
 * it held before.
 */
#include <stdlib.h>

#include "frame_layout.h"
#include "peer_queue.h"

#define FIRST_BUCKETS 256

int
peer_queue_init(struct peer_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    queue->buckets = calloc(FIRST_BUCKETS, sizeof(struct kept_frame *));
    if (queue->buckets == NULL)
        return -1;
    queue->bucket_count = FIRST_BUCKETS;
    return 0;
}

void
peer_queue_finish(struct peer_queue *queue)
{
    for (struct kept_frame *kept = queue->first, *next; kept != NULL; kept = next) {
        next = kept->next;
        free(kept);
    }
    free(queue->buckets);
    memset(queue, 0, sizeof *queue);
}

static uint64_t
hash_of(const struct peer_acked *what)
{
    return message_key_hash(&what->key) ^ ((uint64_t)what->attempt << 8 | what->kind) * 0x9e3779b97f4a7c15u;
}

/* The same frame, but for number, tag and time left? */
static bool
is_same(const struct kept_frame *a, const struct kept_frame *b)
{
    size_t time_at = a->travel_at + TRAVEL_AT_TIME_LEFT;

    return a->hash == b->hash && a->size == b->size && a->travel_at == b->travel_at &&
           memcmp(a->bytes, b->bytes, AT_SEQUENCE) == 0 &&
           memcmp(a->bytes + PREAMBLE_SIZE, b->bytes + PREAMBLE_SIZE, time_at - PREAMBLE_SIZE) == 0 &&
           memcmp(a->bytes + time_at + 4, b->bytes + time_at + 4, a->size - time_at - 4) == 0;
}

static struct kept_frame **
bucket_of(const struct peer_queue *queue, uint64_t hash)
{
    return &queue->buckets[(hash ^ hash >> 32) & (queue->bucket_count - 1)];
}

/* Without memory for a larger table the old one serves on, only slower. */
static void
grow_buckets(struct peer_queue *queue)
{
    struct kept_frame **buckets = calloc(queue->bucket_count * 4, sizeof(struct kept_frame *));

    if (buckets == NULL)
        return;
    free(queue->buckets);
    queue->buckets = buckets;
    queue->bucket_count *= 4;
    for (struct kept_frame *kept = queue->first; kept != NULL; kept = kept->next) {
        struct kept_frame **bucket = bucket_of(queue, kept->hash);
        kept->next_same = *bucket;
        *bucket = kept;
    }
}

static struct kept_frame *
encode_kept(const struct frame *frame)
{
    size_t size = frame_size(frame);
    struct kept_frame *kept;

    if (size > FRAME_MAX_SIZE || !(frame->sections & FRAME_HAS_TRAVEL))
        return NULL;
    kept = calloc(1, sizeof *kept + size);
    if (kept == NULL)
        return NULL;
    if (frame_encode(frame, kept->bytes, size, NULL) != size) {
        free(kept);
        return NULL;
    }
    kept->what.kind = (uint8_t)frame->kind;
    kept->what.key = frame->header.key;
    kept->what.attempt = frame->travel.attempt;
    kept->what.reference = frame->reference;
    kept->hash = hash_of(&kept->what);
    kept->travel_at = frame_travel_offset(kept->bytes);
    kept->size = size;
    return kept;
}

void
peer_queue_keep(struct peer_queue *queue, struct kept_frame *kept)
{
    kept->next = NULL;
    if (queue->last != NULL)
        queue->last->next = kept;
    else
        queue->first = kept;
    queue->last = kept;
    if (queue->first_waiting == NULL)
        queue->first_waiting = kept;
    struct kept_frame **bucket = bucket_of(queue, kept->hash);
    kept->next_same = *bucket;
    *bucket = kept;
    if (++queue->count > queue->bucket_count * 2)
        grow_buckets(queue);
}

int
peer_queue_add(struct peer_queue *queue, const struct frame *frame, int64_t deadline_ms)
{
    struct kept_frame *kept = encode_kept(frame);

    if (kept == NULL)
        return -1;
    kept->deadline_ms = deadline_ms;
    for (struct kept_frame *other = *bucket_of(queue, kept->hash); other != NULL; other = other->next_same) {
        if (is_same(kept, other)) {
            other->deadline_ms = deadline_ms;
            other->what.reference = kept->what.reference;
            free(kept);
            return 1;
        }
    }
    peer_queue_keep(queue, kept);
    return 0;
}

struct kept_frame *
peer_queue_take(struct peer_queue *queue)
{
    struct kept_frame *kept = queue->first, **at = bucket_of(queue, kept->hash);

    while (*at != kept)
        at = &(*at)->next_same;
    *at = kept->next_same;
    queue->first = kept->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->count--;
    queue->in_flight--;
    return kept;
}

void
peer_queue_advance(struct peer_queue *queue)
{
    queue->first_waiting = queue->first_waiting->next;
    queue->in_flight++;
}

void
peer_queue_rewind(struct peer_queue *queue)
{
    for (struct kept_frame *kept = queue->first; kept != NULL; kept = kept->next)
        kept->sequence = 0;
    queue->first_waiting = queue->first;
    queue->in_flight = 0;
}
