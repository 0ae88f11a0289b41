/* An intrusive doubly linked list. A link that is in no list has next == NULL. */
#ifndef FEP_LIST_H
#define FEP_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *next, *previous;
};
struct list {
    struct list_link head; /* circular */
};

#define list_owner(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))

static inline void
list_init(struct list *list)
{
    list->head.next = list->head.previous = &list->head;
}

static inline bool
list_is_in(const struct list_link *link)
{
    return link->next != NULL;
}

static inline bool
list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline void
list_append(struct list *list, struct list_link *link)
{
    link->previous = list->head.previous;
    link->next = &list->head;
    list->head.previous->next = link;
    list->head.previous = link;
}

/* Harmless if the link is in no list. */
static inline void
list_remove(struct list_link *link)
{
    if (link->next == NULL)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->next = link->previous = NULL;
}

static inline struct list_link *
list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

/* The one after `link`, or NULL at the end. */
static inline struct list_link *
list_after(const struct list *list, const struct list_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

#endif
