/* How the local system is, for operators and for the breaker: after several calls in a row that ran out of
 * time nothing new is sent until an echo of our own was answered, so that a hung system does not hold every
 * caller for its full time. Inquiries and reversals always pass. Must never change what a call that was begun
 * is told. */
#include "soap.h"

#include <stdio.h>
#include <string.h>

enum { BREAKER_MS = 60000, BREAKER_PAUSE_MS = 30000 };

static void on_timer(void *arg);

void
health_report(struct soap *soap)
{
    struct fep_health *health = &soap->health;
    health->size = sizeof *health;
    health->open_calls = (uint32_t)soap->task_count;
    if (soap->draining)
        health->state = FEP_STOPPING;
    soap->host->report_health(soap->host->self, health);
}

static void
set_state(struct soap *soap, uint32_t state, const char *reason)
{
    struct fep_health *health = &soap->health;
    bool same = health->state == state && strcmp(health->reason, reason) == 0;
    health->state = state;
    snprintf(health->reason, sizeof health->reason, "%s", reason);
    if (!same)
        health_report(soap);
}

static void
probe_in(struct soap *soap, int64_t after_ms)
{
    struct health_watch *watch = &soap->watch;
    const struct fep_host *host = soap->host;
    if (watch->probing || soap->closing || soap->codec.wire.echo == NULL ||
        (watch->timer != NULL && after_ms > 0))
        return;
    host->clear_timer(host->self, watch->timer);
    watch->timer = host->set_timer(host->self, after_ms, on_timer, soap);
}

static void
on_timer(void *arg)
{
    struct soap *soap = arg;
    soap->watch.timer = NULL;
    soap->watch.probing = true;
    if (!task_probe(soap))
        health_probed(soap, false);
}

void
health_start(struct soap *soap)
{
    soap->watch.pause_ms = soap->pause_min_ms;
    soap->health.state = FEP_STARTING;
    if (soap->codec.wire.echo != NULL) {
        on_timer(soap);
        return;
    }
    health_probed(soap, true);
}

void
health_stop(struct soap *soap)
{
    soap->host->clear_timer(soap->host->self, soap->watch.timer);
    soap->watch.timer = NULL;
}

void
health_answered(struct soap *soap)
{
    soap->watch.timeout_count = 0;
    soap->watch.breaker = false;
    soap->watch.pause_ms = soap->pause_min_ms;
    soap->health.last_success_ms = soap->host->read_monotonic_ms(soap->host->self);
    if (!soap->draining)
        set_state(soap, FEP_UP, "");
}

void
health_unreachable(struct soap *soap, int error_number)
{
    char reason[96];
    if (soap->draining)
        return;
    snprintf(reason, sizeof reason, "no connection: %s", strerror(error_number));
    set_state(soap, FEP_DOWN, reason);
    probe_in(soap, soap->watch.pause_ms);
}

void
health_timed_out(struct soap *soap)
{
    struct health_watch *watch = &soap->watch;
    const size_t room = sizeof watch->timeouts / sizeof *watch->timeouts;
    int64_t now = soap->host->read_monotonic_ms(soap->host->self);
    watch->timeouts[watch->timeout_count % room] = now;
    watch->timeout_count++;
    if (soap->draining || watch->timeout_count < room ||
        now - watch->timeouts[watch->timeout_count % room] > BREAKER_MS || watch->breaker)
        return;
    watch->breaker = soap->codec.wire.echo != NULL; /* without an echo nothing could close it again */
    set_state(soap, watch->breaker ? FEP_DOWN : FEP_DEGRADED, "calls run out of time");
    probe_in(soap, 0);
}

void
health_probed(struct soap *soap, bool answered)
{
    struct health_watch *watch = &soap->watch;
    watch->probing = false;
    if (answered) {
        health_answered(soap);
    } else {
        watch->pause_ms = watch->pause_ms * 2 < soap->pause_max_ms ? watch->pause_ms * 2 : soap->pause_max_ms;
        if (!soap->draining && soap->health.state != FEP_DOWN)
            set_state(soap, FEP_DOWN, "an echo was not answered");
        probe_in(soap, watch->breaker ? BREAKER_PAUSE_MS : watch->pause_ms);
    }
    struct fep_call *call = soap->start_call;
    if (call == NULL)
        return;
    soap->start_call = NULL;
    soap->host->complete_call(soap->host->self, call, FEP_ANSWERED,
                              &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}
