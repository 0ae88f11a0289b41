/* When may a request under a refused serial start a new attempt?
 *
 * A copy that was sent before its caller learned of the refusal must not run: the caller has acted on
 * "nothing was done". What we know: nobody repeats a request that he has been waiting on for seconds only, so
 * a request that is read after a prompt refusal had gone was made after it: on the same connection, or, where
 * the mapping says so, on one accepted after that. Everything else counts as a copy and gets the stored
 * refusal. Must never guess. */
#include "server.h"

#include <stdio.h>
#include <string.h>

static struct refusal *
find(struct server *server, const char *serial)
{
    for (size_t i = 0; i < REMEMBERED; i++) {
        if (strcmp(server->refusals[i].serial, serial) == 0)
            return &server->refusals[i];
    }
    return NULL;
}

void
repeats_note(struct server *server, const char *serial, uint64_t handed_over, uint64_t client, bool prompt)
{
    struct refusal *refusal = find(server, serial);
    if (refusal == NULL) {
        refusal = &server->refusals[server->next_refusal];
        server->next_refusal = (server->next_refusal + 1) % REMEMBERED;
        if (refusal->serial[0] != '\0') {
            uint64_t then = refusal->handed_over == UINT64_MAX ? server->moment : refusal->handed_over;
            if (then > server->refusal_floor)
                server->refusal_floor = then;
        }
    }
    *refusal = (struct refusal){.handed_over = handed_over, .client = client, .prompt = prompt};
    snprintf(refusal->serial, sizeof refusal->serial, "%s", serial);
}

bool
repeats_is_new(const struct server *server, const struct request *request)
{
    const struct refusal *refusal = NULL;
    for (size_t i = 0; i < REMEMBERED && refusal == NULL; i++) {
        if (strcmp(server->refusals[i].serial, request->serial) == 0)
            refusal = &server->refusals[i];
    }
    uint64_t handed_over = refusal != NULL ? refusal->handed_over : server->refusal_floor;
    bool prompt = refusal == NULL || refusal->prompt;
    bool later = server->wire.new_connection_is_new != NULL && request->client->accepted > handed_over;
    bool same = refusal != NULL && refusal->client == request->client->number && request->begun > handed_over;
    return prompt && (later || same);
}
