/* The call objects of an instance: taken, found by the router's number and freed, in bounded number. Must
 * never hand an object back to the allocator, or use it anew before all others, while the module may hold a
 * pointer to it. Without memory, or with every object in use, there is none: the caller says so. */
#include "call_objects.h"

#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "exchange_record.h"

void
calls_init(struct host *host)
{
    host->free_calls_last = &host->free_calls;
    host->completed_last = &host->completed;
}

static struct fep_call **
bucket_of(struct host *host, uint64_t id)
{
    return &host->call_buckets[id & (HOST_BUCKETS - 1)];
}

struct fep_call *
calls_find_work(struct host *host, uint64_t id)
{
    struct fep_call *call = *bucket_of(host, id);
    while (call != NULL && (call->id != id || call->purpose != CALL_WORK))
        call = call->next_in_bucket;
    return call;
}

static void
clear_call(struct fep_call *call)
{
    slice_release(&call->message.body);
    if (call->answer != NULL)
        record_destroy(call->answer);
    call->answer = NULL;
    free(call->done);
    call->done = NULL;
    call->done_size = 0;
    lines_stop(call);
    slice_release(&call->visit_lines);
    prompts_drop(call);
    batches_drop(call);
}

/* Call objects are never handed back to the allocator while the module may hold a pointer to them, and the
 * one that was freed longest ago is used first, so that a second completion is found out instead of hitting
 * another call. */
struct fep_call *
calls_take(struct host *host, uint64_t id)
{
    struct fep_call *call = host->free_calls;
    if (call != NULL && host->call_objects >= FRAME_MAX_OPEN_CALLS / 2) {
        host->free_calls = call->next_free;
        if (host->free_calls == NULL)
            host->free_calls_last = &host->free_calls;
    } else {
        if (host->call_objects >= FRAME_MAX_OPEN_CALLS)
            return NULL;
        call = malloc(sizeof *call);
        if (call == NULL)
            return NULL;
        host->call_objects++;
    }
    memset(call, 0, sizeof *call);
    call->host = host;
    call->id = id;
    struct fep_call **bucket = bucket_of(host, id);
    call->next_in_bucket = *bucket;
    *bucket = call;
    return call;
}

void
calls_free(struct fep_call *call)
{
    struct host *host = call->host;
    struct fep_call **at = bucket_of(host, call->id);
    while (*at != call)
        at = &(*at)->next_in_bucket;
    *at = call->next_in_bucket;
    loop_clear_timer(&host->loop, &call->timer);
    clear_call(call);
    call->state = CALL_FREE;
    call->next_free = NULL;
    *host->free_calls_last = call;
    host->free_calls_last = &call->next_free;
}

void
calls_finish(struct host *host)
{
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        while (host->call_buckets[i] != NULL)
            calls_free(host->call_buckets[i]);
    }
    while (host->free_calls != NULL) {
        struct fep_call *call = host->free_calls;
        host->free_calls = call->next_free;
        free(call);
    }
    clear_call(&host->start_call);
    clear_call(&host->drain_call);
    host->completed = NULL;
    host->completed_last = &host->completed;
}

size_t
calls_list(const struct host *host, uint64_t *ids, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < HOST_BUCKETS; i++) {
        for (const struct fep_call *call = host->call_buckets[i]; call != NULL && count < room;
             call = call->next_in_bucket) {
            if (call->purpose == CALL_WORK)
                ids[count++] = call->id;
        }
    }
    return count;
}
