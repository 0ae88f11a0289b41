/* A thread that waits for the disk where nobody has to wait with it: the commits of the journals and the
 * copying of the log back into queue.db. One job of each kind at a time; asked for and collected by the
 * writer. */
#ifndef FEP_BACKGROUND_H
#define FEP_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>
#include "journal.h"

enum job { JOB_COMMIT_JOURNALS, JOB_CHECKPOINT, JOB_COUNT };
enum job_state { JOB_IDLE, JOB_ASKED, JOB_DONE };

struct background {
    pthread_mutex_t mutex;
    pthread_cond_t asked, done;
    enum job_state states[JOB_COUNT];
    int stopping, started;
    pthread_t thread;
    sqlite3 *db; /* a connection to queue.db of its own, only to checkpoint */
    struct journals
        *journals; /* the background's own while JOB_COMMIT_JOURNALS is asked for, else the writer's */
    enum journal_result result;
    struct fep_error error;
    atomic_int *log_frames;  /* length of the log, from the writer */
    void (*poke)(void *arg); /* wakes the writer when a job is done; any thread */
    void *poke_arg;
};

/* Opens the connection and starts the thread; journals, log_frames, poke and poke_arg must be set. */
int background_start(struct background *background, const char *queue_file, struct fep_error *error);
/* Finishes what was asked for; waits. Harmless if it was not started. */
void background_stop(struct background *background);

/* Writer's thread. A job must be idle to be asked for. */
void background_ask(struct background *background, enum job job);
/* JOB_DONE is told once; the job is idle afterwards. */
enum job_state background_poll(struct background *background, enum job job);
/* Waits until the journals are the writer's again. */
void background_wait_for_journals(struct background *background);

#endif
