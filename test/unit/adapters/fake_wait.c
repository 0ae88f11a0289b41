/* Waiting for what a module tells the fake host: completions, requests, health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fake_wait.h"

struct awaited {
    struct fake_host *fake;
    const struct fep_call *call;
    size_t count;
};

struct fake_completion *
fake_completion_of(struct fake_host *fake, const struct fep_call *call)
{
    for (size_t i = 0; i < fake->completion_count; i++) {
        if (fake->completions[i].call == call)
            return &fake->completions[i];
    }
    return NULL;
}

static bool
is_completed(void *arg)
{
    const struct awaited *awaited = arg;
    return fake_completion_of(awaited->fake, awaited->call) != NULL;
}

struct fake_completion *
fake_wait_for(struct fake_host *fake, const struct fep_call *call)
{
    struct awaited awaited = {.fake = fake, .call = call};
    assert_true(fake_run_until(fake, is_completed, &awaited));
    struct fake_completion *done = fake_completion_of(fake, call);
    if (done == NULL)
        abort();
    return done;
}

static bool
has_requests(void *arg)
{
    const struct awaited *awaited = arg;
    return awaited->fake->request_count >= awaited->count;
}

struct fake_request *
fake_wait_request(struct fake_host *fake, size_t count)
{
    struct awaited awaited = {.fake = fake, .count = count};
    assert_true(fake_run_until(fake, has_requests, &awaited));
    return &fake->requests[count - 1];
}

static bool
is_in_state(void *arg)
{
    const struct awaited *awaited = arg;
    return awaited->fake->health.state == awaited->count;
}

void
fake_wait_state(struct fake_host *fake, enum fep_state state)
{
    struct awaited awaited = {.fake = fake, .count = state};
    assert_true(fake_run_until(fake, is_in_state, &awaited));
}

void
fake_tell(struct fake_host *fake, void *self, struct fake_request *request, enum fep_kind kind,
          struct fep_result result, struct fep_record *answer)
{
    result.size = sizeof result;
    request->on_answer(self, request->ticket, kind, &result, answer);
    fake->host.release_record(fake, answer);
}
