/* The circuit breaker of the calling side: a local system that takes requests and answers none must not fill
 * the gateway with waiting. After several time-outs within a while ordinary requests are not sent any more
 * but for a probe now and then; what clarifies an outcome (inquiries, reversals) always passes. Any answer
 * closes it. */
#include "fixed.h"

#include <stdio.h>

enum { LOG_WARNING_LEVEL = 4, LOG_NOTICE_LEVEL = 5 };

static int64_t
now_ms(const struct fixed *fixed)
{
    return fixed->host->read_monotonic_ms(fixed->host->self);
}

void
breaker_note_timeout(struct fixed *fixed)
{
    struct breaker *breaker = &fixed->breaker;
    int64_t now = now_ms(fixed);
    if (breaker->limit == 0)
        return;
    breaker->timeouts[breaker->next] = now;
    breaker->next = (breaker->next + 1) % breaker->limit;
    breaker->count += breaker->count < breaker->limit;
    bool often =
        breaker->count == breaker->limit && now - breaker->timeouts[breaker->next] <= breaker->within_ms;
    if (breaker->open || !often)
        return;
    breaker->open = true;
    breaker->probed_ms = now;
    fixed->host->log_event(fixed->host->self, LOG_WARNING_LEVEL,
                           "the local system does not answer: only a probe now and then goes out",
                           breaker->limit);
    session_report(fixed);
}

void
breaker_note_answer(struct fixed *fixed)
{
    struct breaker *breaker = &fixed->breaker;
    breaker->count = 0;
    breaker->next = 0;
    if (!breaker->open)
        return;
    breaker->open = false;
    fixed->host->log_event(fixed->host->self, LOG_NOTICE_LEVEL, "the local system answers again", 0);
    session_report(fixed);
}

bool
breaker_lets(struct fixed *fixed, uint32_t operation)
{
    struct breaker *breaker = &fixed->breaker;
    int64_t now = now_ms(fixed);
    if (!breaker->open || operation != FEP_OP_SUBMIT)
        return true;
    if (now - breaker->probed_ms < breaker->probe_ms)
        return false;
    breaker->probed_ms = now;
    return true;
}
