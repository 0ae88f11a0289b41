/* Serving: when may an operator sign out without force? After the totals of the cycle's day, all insurances
 * together, were found equal, with nothing posted on that day since or on its way.
 *
 * Must never call a day reconciled on which something may still be posted. What it knows is lost with the
 * process: then the operator compares again. */
#include "caret.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

static bool
posts(const struct client *client)
{
    const struct caret_wire *wire = &client->caret->wire;
    return list_has(wire->posting, client->transaction, strlen(client->transaction));
}

void
day_note_request(struct client *client, const struct fep_record *body)
{
    struct caret *caret = client->caret;
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    uint32_t date = cycles_date(client->cycle);
    char day[16], own[16];
    if (posts(client))
        cycles_forget_compared(&caret->book, date);
    if (wire->totals == NULL || strcmp(client->transaction, wire->totals) != 0)
        return;
    int size = copy_field(host, body, wire->totals_date, day, sizeof day);
    snprintf(own, sizeof own, "%08u", (unsigned)(date % 100000000u));
    client->compares =
        size == 8 && strcmp(own, day) == 0 && get_field(host, body, wire->totals_kind).size == 0;
}

void
day_note_end(struct client *client, enum fep_kind kind, const struct fep_record *answer)
{
    struct caret *caret = client->caret;
    const struct caret_wire *wire = &caret->wire;
    if (posts(client))
        cycles_forget_compared(&caret->book, cycles_date(client->cycle));
    if (client->compares && kind == FEP_ANSWERED && wire->totals_equal != NULL &&
        bytes_equal(get_field(caret->host, answer, wire->totals_answer), wire->totals_equal))
        cycles_set_compared(&caret->book, client->cycle);
    client->compares = false;
}

bool
day_is_reconciled(const struct caret *caret, const char *number)
{
    const struct cycle *cycle = cycles_find(&caret->book, number);
    uint32_t date = cycles_date(number);
    if (cycle == NULL || !cycle->compared)
        return false;
    for (const struct client *client = caret->first; client != NULL; client = client->next) {
        if (client->state == CLIENT_WORKING && posts(client) && cycles_date(client->cycle) == date)
            return false;
    }
    return true;
}
