/* Runs the jobs that only wait for the disk. Must never touch the journals but between being asked and saying
 * so, never write to the queue but by copying its own log back. A failed checkpoint is no failure: the log is
 * kept and the next one tries again. */
#include "background.h"

#include "error.h"

#define PASSES      4 /* the writer goes on meanwhile: copy what came since, until little is left */
#define FRAMES_LEFT 64

static void
checkpoint(struct background *background)
{
    for (int pass = 0; pass < PASSES; pass++) {
        int frames = 0, copied = 0;
        int rc = sqlite3_wal_checkpoint_v2(background->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
        if (rc != SQLITE_OK || copied < frames || atomic_load(background->log_frames) - copied <= FRAMES_LEFT)
            return;
    }
}

static int
next_job(const struct background *background)
{
    for (int job = 0; job < JOB_COUNT; job++)
        if (background->states[job] == JOB_ASKED)
            return job;
    return -1;
}

static void *
run_background(void *arg)
{
    struct background *background = arg;
    pthread_mutex_lock(&background->mutex);
    for (;;) {
        int job = next_job(background);
        if (job < 0 && background->stopping)
            break;
        if (job < 0) {
            pthread_cond_wait(&background->asked, &background->mutex);
            continue;
        }
        pthread_mutex_unlock(&background->mutex);
        if (job == JOB_COMMIT_JOURNALS)
            background->result = journals_commit(background->journals, &background->error);
        else
            checkpoint(background);
        pthread_mutex_lock(&background->mutex);
        background->states[job] = JOB_DONE;
        pthread_cond_signal(&background->done);
        pthread_mutex_unlock(&background->mutex);
        background->poke(background->poke_arg);
        pthread_mutex_lock(&background->mutex);
    }
    pthread_mutex_unlock(&background->mutex);
    return NULL;
}

int
background_start(struct background *background, const char *queue_file, struct fep_error *error)
{
    if (database_open(queue_file, 0, 1, QUEUE_APPLICATION, &background->db, error) != DATABASE_GOOD)
        return -1;
    pthread_mutex_init(&background->mutex, NULL);
    pthread_cond_init(&background->asked, NULL);
    pthread_cond_init(&background->done, NULL);
    if (pthread_create(&background->thread, NULL, run_background, background) != 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot start the store's background thread");
    background->started = 1;
    return 0;
}

void
background_stop(struct background *background)
{
    if (background->started) {
        pthread_mutex_lock(&background->mutex);
        background->stopping = 1;
        pthread_cond_signal(&background->asked);
        pthread_mutex_unlock(&background->mutex);
        pthread_join(background->thread, NULL);
        background->started = 0;
        pthread_mutex_destroy(&background->mutex);
        pthread_cond_destroy(&background->asked);
        pthread_cond_destroy(&background->done);
    }
    sqlite3_close(background->db);
    background->db = NULL;
}

void
background_ask(struct background *background, enum job job)
{
    pthread_mutex_lock(&background->mutex);
    background->states[job] = JOB_ASKED;
    pthread_cond_signal(&background->asked);
    pthread_mutex_unlock(&background->mutex);
}

enum job_state
background_poll(struct background *background, enum job job)
{
    pthread_mutex_lock(&background->mutex);
    enum job_state state = background->states[job];
    if (state == JOB_DONE)
        background->states[job] = JOB_IDLE;
    pthread_mutex_unlock(&background->mutex);
    return state;
}

void
background_wait_for_journals(struct background *background)
{
    pthread_mutex_lock(&background->mutex);
    while (background->states[JOB_COMMIT_JOURNALS] == JOB_ASKED)
        pthread_cond_wait(&background->done, &background->mutex);
    pthread_mutex_unlock(&background->mutex);
}
