/* Which way, and whether there is room. Must never refuse an outcome, a reversal or an inquiry: nothing here
 * is asked for them (rule 15). */
#include "internal.h"

#include "clock.h"
#include "error_codes.h"

uint32_t
call_time_ms(const struct core *core, const char *infno)
{
    const struct transaction *transaction = transaction_find(core->transactions, infno);
    return transaction != NULL && transaction->call_time_ms != 0 ? transaction->call_time_ms
                                                                 : DEFAULT_CALL_MS;
}

uint32_t
transaction_traits(const struct core *core, const char *infno)
{
    const struct transaction *transaction = transaction_find(core->transactions, infno);
    return transaction != NULL ? transaction->ways : 0;
}

const char *
transaction_inverse(const struct core *core, const char *infno)
{
    const struct transaction *transaction = transaction_find(core->transactions, infno);
    return transaction != NULL ? transaction->inverse : "";
}

bool
party_usable(const struct party *party)
{
    return party->status == PARTY_UP && !party->held;
}

static bool
refuse(struct admission *admission, enum fep_refusal_class refusal_class, enum fep_reason reason,
       uint16_t code, const char *text)
{
    admission->target = NULL;
    admission->refusal = (struct refusal){(uint8_t)refusal_class, (uint8_t)reason, code, text};
    return false;
}

/* At the origin a rule that names one of our own instances leads to this gateway's own destination side. */
static struct party *
target_in_role(const struct core *core, struct party *party, const struct party *from,
               enum exchange_role role)
{
    if (party == NULL)
        return NULL;
    if (role == ROLE_ORIGIN)
        return party->is_instance ? core->self : party;
    if (party == from || (from->is_self && !party->is_instance))
        return NULL; /* never back to where it came from */
    if (role == ROLE_DESTINATION && !party->is_instance)
        return NULL;
    return role == ROLE_TRANSIT && party->is_instance ? NULL : party;
}

static const struct route_rule *
find_rule(const struct core *core, const struct message_header *header, const struct fep_index *index)
{
    const struct transaction *transaction = transaction_find(core->transactions, header->infno);
    bool stays = (transaction != NULL && !transaction->routable) || header->insured_area[0] == '\0';
    struct route_query query = {.insured_area = stays ? header->treat_area : header->insured_area,
                                .infno = header->infno,
                                .med_type = index->med_type,
                                .insutype = index->insutype,
                                .institution = header->institution,
                                .date = clock_date(core->wall_ms)};
    return core->routes != NULL ? route_find(core->routes, &query) : NULL;
}

/* The first target that is up and not held; else the first that was not heard of yet, where the message
 * waits. `role` 0: a message on its way, whose role follows from the kind of target. */
bool
choose_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
              const struct party *from, enum exchange_role role, struct admission *admission)
{
    const struct route_rule *rule = find_rule(core, header, index);
    struct party *later = NULL;
    bool any = false, held = false;

    if (rule == NULL || (rule->targets[0][0] == '\0' && rule->refuse[0] == '\0'))
        return refuse(admission, FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_NO_ROUTE, NULL);
    if (rule->refuse[0] != '\0')
        return refuse(admission, FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_ROUTE_REFUSED, rule->refuse);
    for (size_t i = 0; i < ROUTE_TARGETS && rule->targets[i][0] != '\0'; i++) {
        struct party *named = party_find(core, rule->targets[i]);
        struct party *target = target_in_role(core, named, from, role);
        if (target == NULL)
            continue;
        any = true;
        held = held || named->held;
        if (party_usable(named)) {
            *admission = (struct admission){.target = target, .now = true};
            return true;
        }
        if (later == NULL && (named->status == PARTY_UNSEEN || MUTATED(NO_ROUTE_QUEUED)) && !named->held)
            later = target;
    }
    if (later != NULL) {
        *admission = (struct admission){.target = later};
        return true;
    }
    if (!any)
        return refuse(admission, FEP_FINAL, FEP_REASON_NO_ROUTE, FEP_E_ROUTING_LOOP, NULL);
    return refuse(admission, FEP_REPEATABLE, FEP_REASON_LINK_DOWN, held ? FEP_E_HELD : FEP_E_ALL_ROUTES_DOWN,
                  NULL);
}

/* The one party that a message on its way can go to by today's routes; NULL if there are several, or none. */
struct party *
only_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
            const struct party *from)
{
    const struct route_rule *rule = find_rule(core, header, index);
    struct party *only = NULL;
    for (size_t i = 0; rule != NULL && i < ROUTE_TARGETS && rule->targets[i][0] != '\0'; i++) {
        struct party *target = target_in_role(core, party_find(core, rule->targets[i]), from, 0);
        if (target != NULL && only != NULL)
            return NULL;
        only = target != NULL ? target : only;
    }
    return only;
}

/* The way a reversal of something unseen takes: the first that the rule names, whether it is up or not (rule
 * 12). NULL: no rule leads anywhere. */
struct party *
first_target(const struct core *core, const struct message_header *header, const struct fep_index *index,
             const struct party *from)
{
    struct admission admission = {0};
    if (choose_target(core, header, index, from, 0, &admission))
        return admission.target;
    const struct route_rule *rule = find_rule(core, header, index);
    for (size_t i = 0; rule != NULL && i < ROUTE_TARGETS && rule->targets[i][0] != '\0'; i++) {
        struct party *target = target_in_role(core, party_find(core, rule->targets[i]), from, 0);
        if (target != NULL)
            return target;
    }
    return NULL;
}

bool
has_room(const struct core *core)
{
    return core->open_total <= core->config.max_queued && core->open_bytes <= core->config.max_queued_bytes;
}

/* For refusals at the bound, which are records like any other until their ending was taken. */
bool
has_reserved_room(const struct core *core)
{
    return core->open_total < (uint64_t)core->config.max_queued + core->config.max_queued / 4 + 64;
}

bool
credit_left(const struct core *core, const struct party *party)
{
    uint32_t most = core->config.max_in_flight;
    if (party->is_self)
        return true;
    if (party->is_instance && party->window != 0 && party->window < most)
        most = party->window;
    return party->in_flight + party->query_calls + party->cure_calls < most;
}

/* Something ended at this party: the longest waiting may look again. More than one, because the first may
 * find that its time is up. */
void
credit_pump(struct core *core, struct party *party)
{
    enum { LOOK = 4 };
    pace_pump(core, party); /* what is unclear comes before what is new */
    struct list_link *at = list_first(&party->waiting);
    for (size_t i = 0; i < LOOK && at != NULL; i++, at = list_after(&party->waiting, at))
        exchange_work(core, list_owner(at, struct exchange, waiting));
    query_pump(core, party);
}

static void
release_serials(struct core *core)
{
    struct core_command *command = emit(core, CMD_STORE_SERIALS);
    command->sequence = core->serials_sequence = ++core->sequence;
    command->number = core->counter_limit;
    core->serials_owed = 0;
}

/* Rule 6: local serials carry the incarnation, so that a restore never uses one again. A block is released in
 * the store before, or in the same commit as, the record that uses the first of it. */
uint64_t
draw_serials(struct core *core, unsigned count)
{
    bool more = core->next_counter + count > core->counter_limit;
    if (more) { /* all of one block: they are released together */
        core->next_counter = core->counter_limit;
        core->counter_limit += SERIAL_BLOCK;
    }
    if (more || core->serials_owed)
        release_serials(core);
    uint64_t mark = MUTATED(SERIAL_UNMARKED) ? 0 : core->config.incarnation % 99;
    uint64_t serial = mark * LOCAL_SERIAL_COUNTER + core->next_counter;
    core->next_counter += count;
    return serial;
}

/* The store may have refused the release and taken the record: then the serial would be drawn again after a
 * restart, when the record has left the queue. Nothing goes out under it before its release is on disk, too.
 */
bool
serial_is_released(struct core *core, uint64_t serial)
{
    if (MUTATED(SERIAL_UNRELEASED) || serial / LOCAL_SERIAL_COUNTER != core->config.incarnation % 99 ||
        serial % LOCAL_SERIAL_COUNTER < core->released_limit)
        return true;
    if (core->serials_owed)
        release_serials(core);
    return false;
}
