/* The routing log: one outcome line per exchange at this gateway, with its delays; steps between only when
 * asked for. No field here can hold a name, a card number or a body. */
#include "router.h"

#include <stdio.h>

#include "log.h"

/* local/queue/link/remote in ms; "-" where the exchange never got there. Wall clock: for people only. */
static void
write_delays(char out[96], const struct exchange_record *record)
{
    static const enum figure_part parts[] = {PART_LOCAL, PART_QUEUE, PART_LINK, PART_REMOTE};
    char texts[4][22];
    for (size_t i = 0; i < 4; i++) {
        int64_t ms = figures_part_ms(record, parts[i]);
        if (ms < 0)
            snprintf(texts[i], sizeof texts[i], "-");
        else
            snprintf(texts[i], sizeof texts[i], "%lld", (long long)ms);
    }
    snprintf(out, 96, "%s/%s/%s/%s", texts[0], texts[1], texts[2], texts[3]);
}

void
router_log_outcome(const struct exchange_record *record)
{
    char delays[96], path[2 * NODE_SIZE + 8];
    write_delays(delays, record);
    snprintf(path, sizeof path, "%.15s-%.15s", record->header.treat_area, record->header.insured_area);
    int worth_a_look = record->state == STATE_STANDS || record->state == STATE_REVERSED;
    log_line(LOG_EVENT_EXCHANGE, worth_a_look ? LOG_SEV_WARNING : LOG_SEV_INFO,
             LOG_T("msgid", record->header.key.msgid), LOG_T("infno", record->header.infno),
             LOG_T("role", role_name(record->role)), LOG_T("from", record->previous),
             LOG_T("to", record->target), LOG_T("path", path), LOG_T("insured", record->header.insured_area),
             LOG_T("treat", record->header.treat_area), LOG_T("end", exchange_state_name(record->state)),
             LOG_T("kind", record->kind != 0 ? kind_name(record->kind) : "-"),
             LOG_T("effect", effect_name(record->effect)), LOG_T("reason", reason_name(record->reason)),
             LOG_N("code", record->code), LOG_N("attempt", record->attempt), LOG_T("delays", delays));
}

void
router_log_step(const struct exchange_record *record, const struct core_command *command)
{
    if (record == NULL)
        return;
    log_line(LOG_EVENT_STEP, LOG_SEV_DEBUG, LOG_T("msgid", record->header.key.msgid),
             LOG_T("infno", record->header.infno), LOG_T("role", role_name(record->role)),
             LOG_T("state", exchange_state_name(record->state)), LOG_T("from", record->previous),
             LOG_T("to", record->target), LOG_N("operation", command->operation),
             LOG_N("attempt", record->attempt), LOG_N("sequence", command->sequence));
}
