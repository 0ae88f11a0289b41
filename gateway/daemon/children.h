/* One child of the keeper: how it is started, when it may be started again, what its end means. */
#ifndef FEP_CHILDREN_H
#define FEP_CHILDREN_H

#include <sys/types.h>
#include "conf.h"

enum child_state { CHILD_WAITING, CHILD_STARTING, CHILD_READY, CHILD_STOPPED, CHILD_BROKEN };

struct child {
    char name[NODE_SIZE];   /* "router", or the instance's name */
    int is_router;
    enum child_state state;
    pid_t pid;              /* 0 = none */
    uint32_t epoch;         /* hosts: counts up with each start, kept over keepers */
    int ready_fd;           /* the child says it is ready; -1 = closed */
    int talk_fd;            /* router only: lines from and to it; -1 = none */
    int64_t started_ms, due_ms;
    int64_t pause_ms;       /* next pause before a restart */
};

/* Forks and executes. 0, or negative with the error: the child stays CHILD_WAITING and is tried again later. */
int child_start(struct child *child, const struct conf *conf, const char *program, const char *host_program,
                int64_t now_ms, struct fep_error *error);
/* The child ended with a wait status: decides whether and when it starts again, and logs it once. */
void child_ended(struct child *child, int status, int stopping, int64_t now_ms);
/* The child said it is ready, or has run long enough: its pause starts small again. */
void child_became_ready(struct child *child, int64_t now_ms);
/* The next epoch of an instance, counted up in a file of the state directory so that a new keeper never reuses one. 0
 * with the error filled if it can not be written. */
uint32_t child_next_epoch(const struct conf *conf, const char *name, struct fep_error *error);

#endif
