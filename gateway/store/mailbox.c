/* Carries events from the store to its owner. Must never lose an event nor leave the descriptor unreadable
 * while one waits. Appending fails only for want of memory. */
#include "mailbox.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
mailbox_init(struct mailbox *mailbox)
{
    mailbox->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->descriptor < 0)
        return -1;
    pthread_mutex_init(&mailbox->mutex, NULL);
    mailbox->list = (struct mail_list){0};
    atomic_init(&mailbox->unreported, 0);
    return 0;
}

void
mailbox_finish(struct mailbox *mailbox)
{
    mail_list_release(&mailbox->list);
    pthread_mutex_destroy(&mailbox->mutex);
    close(mailbox->descriptor);
}

struct mail *
mail_append(struct mail_list *list, enum store_event_type type, uint64_t writes)
{
    struct mail *mail = calloc(1, sizeof *mail);
    if (!mail)
        return NULL;
    mail->event.type = type;
    mail->writes = writes;
    if (list->last)
        list->last->next = mail;
    else
        list->first = mail;
    list->last = mail;
    return mail;
}

void
mail_list_release(struct mail_list *list)
{
    while (list->first) {
        struct mail *mail = list->first;
        list->first = mail->next;
        slice_release(&mail->event.body);
        slice_release(&mail->event.answer);
        free(mail);
    }
    list->last = NULL;
}

void
mailbox_post(struct mailbox *mailbox, struct mail_list *list)
{
    if (!list->first)
        return;
    pthread_mutex_lock(&mailbox->mutex);
    int was_empty = !mailbox->list.first;
    if (was_empty)
        mailbox->list.first = list->first;
    else
        mailbox->list.last->next = list->first;
    mailbox->list.last = list->last;
    if (was_empty)
        (void)eventfd_write(mailbox->descriptor, 1); /* fails only if it is readable already */
    pthread_mutex_unlock(&mailbox->mutex);
    *list = (struct mail_list){0};
}

size_t
mailbox_take(struct mailbox *mailbox, struct store_event *events, size_t room)
{
    size_t taken = 0;
    uint64_t writes = 0;
    pthread_mutex_lock(&mailbox->mutex);
    while (taken < room && mailbox->list.first) {
        struct mail *mail = mailbox->list.first;
        mailbox->list.first = mail->next;
        events[taken++] = mail->event;
        writes += mail->writes;
        free(mail);
    }
    if (!mailbox->list.first) {
        eventfd_t count;
        mailbox->list.last = NULL;
        (void)eventfd_read(mailbox->descriptor, &count); /* nothing to read is fine */
    }
    pthread_mutex_unlock(&mailbox->mutex);
    atomic_fetch_sub(&mailbox->unreported, writes);
    return taken;
}
