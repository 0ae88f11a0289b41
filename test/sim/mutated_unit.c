/* Linked to a unit test's program together with the code that can be broken: FEP_MUTATION names the rule to
 * break, from before main on. A name that is in no table ends the program as if the test had not noticed
 * anything. */
#include <stdlib.h>
#include <string.h>

#include "mutation.h"

enum core_mutation core_mutation;

static const char *const names[MUTATION_COUNT] = {
#define NAME(name, number, rule, place, what) [MUTATION_##name] = #name,
    CORE_MUTATIONS(NAME)
#undef NAME
};

static void __attribute__((constructor)) break_rule(void)
{
    const char *wanted = getenv("FEP_MUTATION");
    if (wanted == NULL)
        return;
    for (int mutation = 1; mutation < MUTATION_COUNT; mutation++)
        if (strcmp(names[mutation], wanted) == 0)
            core_mutation = (enum core_mutation)mutation;
    if (core_mutation == MUTATION_NONE)
        _Exit(0);
}
