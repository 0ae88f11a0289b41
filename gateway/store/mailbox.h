/* Events on their way from the store to its owner: a list behind a mutex, and a descriptor that is readable
 * while the list is not empty. Unbounded by itself; what is in it is bounded by what the owner submitted. */
#ifndef FEP_MAILBOX_H
#define FEP_MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include "store.h"

struct mail {
    struct mail *next;
    uint64_t writes; /* submitted writes that this event reports */
    struct store_event event;
};
struct mail_list { /* mails in order; all zero = empty */
    struct mail *first, *last;
};

struct mailbox {
    pthread_mutex_t mutex;
    struct mail_list list;
    int descriptor;
    atomic_uint_least64_t unreported; /* writes submitted whose event was not taken yet */
};

/* 0, or negative without descriptor. */
int mailbox_init(struct mailbox *mailbox);
void mailbox_finish(struct mailbox *mailbox);
/* A cleared mail at the end of `list`, or NULL without memory. */
struct mail *mail_append(struct mail_list *list, enum store_event_type type, uint64_t writes);
/* Drops the mails and what they hold. */
void mail_list_release(struct mail_list *list);
/* Hands the mails over; the list is empty afterwards. Any thread. */
void mailbox_post(struct mailbox *mailbox, struct mail_list *list);
/* Takes up to `room` events. The owner's thread. */
size_t mailbox_take(struct mailbox *mailbox, struct store_event *events, size_t room);

#endif
