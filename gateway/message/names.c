/* One lower-case word for each value of the enums that people meet in logs and in fepctl. The words are part
 * of the log format: they are not changed. Cannot fail: a value that is none gives "invalid". */
#include "exchange_record.h"

#define NAME_OF(names, value)                                                                                \
    ((size_t)(value) < sizeof(names) / sizeof *(names) && (names)[(size_t)(value)]                           \
         ? (names)[(size_t)(value)]                                                                          \
         : "invalid")

const char *
reason_name(enum fep_reason reason)
{
    static const char *const names[] = {
        [FEP_REASON_NONE] = "none",
        [FEP_REASON_DEADLINE] = "deadline",
        [FEP_REASON_BOUND] = "bound",
        [FEP_REASON_LINK_DOWN] = "link_down",
        [FEP_REASON_CANCELLED] = "cancelled",
        [FEP_REASON_MALFORMED] = "malformed",
        [FEP_REASON_PROTOCOL] = "protocol",
        [FEP_REASON_PEER_CLOSED] = "peer_closed",
        [FEP_REASON_INCONSISTENT] = "inconsistent",
        [FEP_REASON_BUSINESS] = "business",
        [FEP_REASON_HOST_LOST] = "host_lost",
        [FEP_REASON_NO_ROUTE] = "no_route",
        [FEP_REASON_CLARIFYING] = "clarifying",
    };
    _Static_assert(sizeof names / sizeof *names == FEP_REASON_COUNT, "every reason has a name");
    return NAME_OF(names, reason);
}

const char *
kind_name(enum fep_kind kind)
{
    static const char *const names[] = {
        "none",
        [FEP_ANSWERED] = "answered",
        [FEP_NOT_SENT] = "not_sent",
        [FEP_REFUSED] = "refused",
        [FEP_UNKNOWN] = "unknown",
    };
    return NAME_OF(names, kind);
}

const char *
effect_name(enum fep_effect effect)
{
    static const char *const names[] = {[FEP_EFFECT_NONE] = "none", [FEP_EFFECT_POSTED] = "posted"};
    return NAME_OF(names, effect);
}

const char *
class_name(enum transaction_class transaction_class)
{
    static const char *const names[] = {
        [CLASS_QUERY] = "query",       [CLASS_UPDATE] = "update",   [CLASS_NOTICE] = "notice",
        [CLASS_REVERSAL] = "reversal", [CLASS_INQUIRY] = "inquiry",
    };
    return NAME_OF(names, transaction_class);
}

const char *
role_name(enum exchange_role role)
{
    static const char *const names[] = {
        [ROLE_ORIGIN] = "origin",
        [ROLE_TRANSIT] = "transit",
        [ROLE_DESTINATION] = "destination",
    };
    return NAME_OF(names, role);
}

const char *
exchange_state_name(enum exchange_state state)
{
    static const char *const names[] = {
        [STATE_NONE] = "none",           [STATE_QUEUED] = "queued",         [STATE_SENT] = "sent",
        [STATE_RELAYED] = "relayed",     [STATE_DISPATCHED] = "dispatched", [STATE_UNKNOWN] = "unknown",
        [STATE_REVERSING] = "reversing", [STATE_ANSWERED] = "answered",     [STATE_REFUSED] = "refused",
        [STATE_REVERSED] = "reversed",   [STATE_STANDS] = "stands",
    };
    _Static_assert(sizeof names / sizeof *names == STATE_COUNT, "every state has a name");
    return NAME_OF(names, state);
}

const char *
reversal_cause_name(enum reversal_cause cause)
{
    static const char *const names[] = {
        [REVERSAL_NONE] = "none", [REVERSAL_DEADLINE] = "deadline", [REVERSAL_CALLER] = "caller",
        [REVERSAL_PEER] = "peer", [REVERSAL_SCHEDULE] = "schedule", [REVERSAL_INCONSISTENT] = "inconsistent",
    };
    return NAME_OF(names, cause);
}
