/* The order of one person's updates (rules 17 and 18), per role: a chain for each order key. Must never let a
 * later update overtake an earlier one, and never make different persons wait for each other. A member leaves
 * the chain when its ending is committed. */
#include "internal.h"

static uint64_t
hash_key(const uint8_t order_key[16], enum exchange_role role)
{
    uint64_t parts[2];
    memcpy(parts, order_key, sizeof parts); /* a keyed hash already */
    return (parts[0] ^ (parts[1] << 1 | parts[1] >> 63)) + (uint64_t)role * 0x9E3779B97F4A7C15ull;
}

static bool
is_ordered(const uint8_t order_key[16])
{
    static const uint8_t none[16];
    return memcmp(order_key, none, sizeof none) != 0;
}

static struct person *
find_person(const struct core *core, const uint8_t order_key[16], enum exchange_role role)
{
    struct table_link *at = table_find(&core->persons, hash_key(order_key, role));
    for (; at != NULL; at = table_find_next(at)) {
        struct person *person = list_owner(at, struct person, by_key);
        if (person->role == role && memcmp(person->order_key, order_key, 16) == 0)
            return person;
    }
    return NULL;
}

static struct person *
add_person(struct core *core, const uint8_t order_key[16], enum exchange_role role)
{
    struct person *person = pool_take(&core->person_pool);
    if (person == NULL)
        return NULL;
    memcpy(person->order_key, order_key, sizeof person->order_key);
    person->role = (uint8_t)role;
    list_init(&person->exchanges);
    table_add(&core->persons, &person->by_key, hash_key(order_key, role));
    return person;
}

void
order_enter(struct core *core, struct exchange *exchange)
{
    const uint8_t *order_key = exchange->record.index.order_key;
    enum exchange_role role = exchange->record.role;
    if (exchange->person != NULL || !is_ordered(order_key))
        return;
    struct person *person = find_person(core, order_key, role);
    if (person == NULL)
        person = add_person(core, order_key, role); /* reserved before the step */
    if (person == NULL)
        return;
    exchange->person = person;
    list_append(&person->exchanges, &exchange->in_person);
}

static struct exchange *
member_of(struct list_link *link)
{
    return list_owner(link, struct exchange, in_person);
}

void
order_moved(struct core *core, struct exchange *exchange)
{
    struct person *person = exchange->person;
    if (person == NULL)
        return;
    for (struct list_link *at = list_first(&person->exchanges); at != NULL;
         at = list_after(&person->exchanges, at))
        if (member_of(at) != exchange)
            exchange_work(core, member_of(at));
}

void
order_leave(struct core *core, struct exchange *exchange)
{
    struct person *person = exchange->person;
    if (person == NULL)
        return;
    order_moved(core, exchange);
    list_remove(&exchange->in_person);
    exchange->person = NULL;
    if (list_is_empty(&person->exchanges)) {
        table_remove(&core->persons, &person->by_key);
        pool_give(&core->person_pool, person);
    }
}

static bool
is_unclear(enum exchange_state state)
{
    if (MUTATED(CLARIFYING_IGNORED))
        return false;
    return state == STATE_UNKNOWN || state == STATE_REVERSING;
}

/* Must what comes after `earlier` wait for it? */
static bool
blocks(const struct exchange *earlier)
{
    if (MUTATED(CLARIFYING_IGNORED) && earlier->record.state == STATE_UNKNOWN)
        return false;
    return earlier->record.role == ROLE_DESTINATION ||
           (earlier->record.state != STATE_RELAYED && !MUTATED(NEXT_UNACKNOWLEDGED));
}

/* `exchange` NULL: as if a new one came at the end. */
static bool
may_go(const struct person *person, const struct exchange *exchange)
{
    bool before = true;
    for (struct list_link *at = list_first(&person->exchanges); at != NULL;
         at = list_after(&person->exchanges, at)) {
        const struct exchange *other = member_of(at);
        if (other == exchange)
            before = false;
        else if (is_unclear(other->record.state) || (before && blocks(other)))
            return false;
    }
    return true;
}

bool
order_permits(const struct core *core, const struct exchange *exchange)
{
    (void)core;
    return exchange->person == NULL || may_go(exchange->person, exchange) || MUTATED(ORDER_IGNORED);
}

bool
order_free(const struct core *core, const uint8_t order_key[16], enum exchange_role role)
{
    const struct person *person = is_ordered(order_key) ? find_person(core, order_key, role) : NULL;
    return person == NULL || may_go(person, NULL) || MUTATED(ORDER_IGNORED);
}

bool
order_clarifying(const struct core *core, const uint8_t order_key[16], enum exchange_role role)
{
    const struct person *person = is_ordered(order_key) ? find_person(core, order_key, role) : NULL;
    if (person == NULL || MUTATED(CLARIFYING_QUEUED))
        return false;
    for (struct list_link *at = list_first(&person->exchanges); at != NULL;
         at = list_after(&person->exchanges, at))
        if (is_unclear(member_of(at)->record.state))
            return true;
    return false;
}

/* Posted, or not, under a serial that is not known after a restore: it may be the later one, and what it did
 * is not known before it is traced. */
static bool
is_untraced(const struct exchange *exchange)
{
    return exchange->record.role == ROLE_DESTINATION && exchange->record.local.serial == 0 &&
           (exchange->record.state == STATE_UNKNOWN || exchange->record.state == STATE_REVERSING);
}

/* Rule 13: last update first. Local serials are drawn in the order of dispatch, so they tell what came later,
 * also after a settled one was opened again. */
bool
order_cure_waits(const struct core *core, const struct exchange *exchange)
{
    const struct person *person = exchange->person;
    (void)core;
    if (person == NULL || MUTATED(CURES_AT_ONCE))
        return false;
    for (struct list_link *at = list_first(&person->exchanges); at != NULL;
         at = list_after(&person->exchanges, at)) {
        const struct exchange *other = member_of(at);
        if (other != exchange &&
            (other->record.local.serial > exchange->record.local.serial || is_untraced(other)))
            return true;
    }
    return false;
}
