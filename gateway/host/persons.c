/* What the last 1101 answer said about a person, for requests that do not say it themselves, and what a
 * visit's opener says of its later messages. Must never give one person's answer for another: who asks
 * compares the insured area. Losing an entry costs a default, never a message. */
#include <stdio.h>
#include <string.h>

#include "bodies.h"
#include "host.h"

void
persons_remember(struct host *host, const struct message_header *header, struct slice answer)
{
    char person[32];
    struct fep_error error = {0};
    struct json_object *tree = canonical_parse(answer, &error);
    body_text(canonical_member(canonical_member(tree, "output"), "baseinfo"), "psn_no", person,
              sizeof person);
    json_object_put(tree);
    if (person[0] != '\0')
        visits_remember(host->persons, header->insured_area, person, header->infno, SLICE_NONE, answer);
}

const struct visit *
persons_find(struct host *host, const char *insured_area, const char *person)
{
    return insured_area[0] != '\0' ? visits_find(host->persons, insured_area, person)
                                   : visits_find_anywhere(host->persons, person);
}

static void
fill(struct json_object *input, const char *name, char *out, size_t room)
{
    if (out[0] != '\0' || json_object_get_type(input) != json_type_object)
        return;
    json_object_object_foreach(input, member, value)
    {
        (void)member;
        body_text(value, name, out, room);
        if (out[0] != '\0')
            return;
    }
}

void
persons_fill_index(struct slice visit_request, struct fep_index *index)
{
    struct fep_error error = {0};
    if (visit_request.size == 0 || (index->med_type[0] != '\0' && index->insutype[0] != '\0'))
        return;
    struct json_object *tree = canonical_parse(visit_request, &error);
    struct json_object *input = canonical_member(tree, "input");
    fill(input, "med_type", index->med_type, sizeof index->med_type);
    fill(input, "insutype", index->insutype, sizeof index->insutype);
    json_object_put(tree);
}
