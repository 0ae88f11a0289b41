/* Which fee lines of a visit are not settled: uploads put them there, cancels take them away, a settlement
 * covers those that are there, and its cancel frees them again. Must never tell lines that may not be all of
 * them, or not once each: an exchange without an outcome, a number that stands twice, a beginning that is not
 * among what was given end it with an error, since a sum that is not true goes into a settlement. */
#include "visit_lines.h"

#include <stdlib.h>
#include <string.h>

#include "canonical.h"
#include "error.h"

enum { MOST_LINES = 20000, MOST_SETTLEMENTS = 1000, ID_SIZE = 64 };

enum event { OPENS, UPLOADS, REMOVES, SETTLES, FREES };
static const char *const transactions[] = {"2201", "2401",  "2204", "2301", "2205", "2302",
                                           "2207", "2207A", "2304", "2208", "2305"};
static const enum event events[] = {OPENS,   OPENS,   UPLOADS, UPLOADS, REMOVES, REMOVES,
                                    SETTLES, SETTLES, SETTLES, FREES,   FREES};
enum { TRANSACTION_COUNT = sizeof transactions / sizeof transactions[0] };
_Static_assert(sizeof events / sizeof events[0] == TRANSACTION_COUNT, "one for each");

#define ALL_LINES "0000" /* as a cancel's line number */

struct fee_line {
    char number[ID_SIZE];
    struct json_object *element;
    size_t settlement; /* which one covers it, from 1; 0 = none */
};
struct settlement {
    char id[ID_SIZE];
    bool cancelled;
};
struct visit_lines {
    char visit_id[ID_SIZE];
    struct fee_line *list;
    size_t count, room;
    struct settlement *settlements;
    size_t settlement_count;
    bool opened; /* its opener was given, so nothing older can be missing */
    bool torn;   /* a settlement was cancelled that was not given: nobody knows which lines that frees */
};

const char *const *
visit_lines_transactions(size_t *count)
{
    *count = TRANSACTION_COUNT;
    return transactions;
}

struct visit_lines *
visit_lines_create(const char *visit_id)
{
    struct visit_lines *lines = calloc(1, sizeof *lines);
    if (lines != NULL)
        strncpy(lines->visit_id, visit_id, sizeof lines->visit_id - 1);
    return lines;
}

void
visit_lines_destroy(struct visit_lines *lines)
{
    if (lines == NULL)
        return;
    for (size_t i = 0; i < lines->count; i++)
        json_object_put(lines->list[i].element);
    free(lines->list);
    free(lines->settlements);
    free(lines);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* False: absent, not a plain value, or too long to be one. */
static bool
read_id(struct json_object *node, const char *name, char out[ID_SIZE])
{
    struct fep_bytes text;
    out[0] = '\0';
    if (!canonical_text(canonical_member(node, name), &text) || text.size == 0 || text.size >= ID_SIZE)
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

/* In any object of input or output: the national interface puts the same member into several. */
static bool
read_id_in_any(struct json_object *root, const char *name, char out[ID_SIZE])
{
    out[0] = '\0';
    if (json_object_get_type(root) != json_type_object)
        return false;
    json_object_object_foreach(root, member, value)
    {
        (void)member;
        if (read_id(value, name, out))
            return true;
    }
    return false;
}

static int
no_memory(struct fep_error *error)
{
    return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for the fee lines of a visit");
}

/* --- lines --------------------------------------------------------------------------------------- */

static int
add_line(struct visit_lines *lines, struct json_object *element, struct fep_error *error)
{
    struct fee_line line = {0};
    if (!read_id(element, "feedetl_sn", line.number))
        return error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD,
                         "a stored fee line of the visit has no number");
    if (lines->count >= MOST_LINES)
        return error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "the visit has more than %d fee lines",
                         MOST_LINES);
    if (lines->count == lines->room) {
        size_t room = lines->room == 0 ? 64 : lines->room * 2;
        struct fee_line *larger = realloc(lines->list, room * sizeof *larger);
        if (larger == NULL)
            return no_memory(error);
        lines->list = larger;
        lines->room = room;
    }
    line.element = json_object_get(element);
    lines->list[lines->count++] = line;
    return 0;
}

static int
take_upload(struct visit_lines *lines, struct json_object *input, struct fep_error *error)
{
    struct json_object *details = NULL;
    if (json_object_get_type(input) == json_type_object)
        (void)json_object_object_get_ex(input, "feedetail", &details);
    size_t count = canonical_count(details);
    for (size_t i = 0; i < count; i++) {
        if (add_line(lines, canonical_element(details, i), error) < 0)
            return -1;
    }
    return 0;
}

/* What is settled can not be removed. */
static void
remove_lines(struct visit_lines *lines, const char *number)
{
    bool all = strcmp(number, ALL_LINES) == 0;
    size_t kept = 0;
    for (size_t i = 0; i < lines->count; i++) {
        struct fee_line *line = &lines->list[i];
        if (line->settlement == 0 && (all || strcmp(line->number, number) == 0))
            json_object_put(line->element);
        else
            lines->list[kept++] = *line;
    }
    lines->count = kept;
}

static int
take_removal(struct visit_lines *lines, struct json_object *input, struct fep_error *error)
{
    struct json_object *data = NULL;
    char number[ID_SIZE];
    if (json_object_get_type(input) == json_type_object)
        (void)json_object_object_get_ex(input, "data", &data);
    size_t count = canonical_count(data);
    for (size_t i = 0; i < count; i++) {
        if (!read_id(canonical_element(data, i), "feedetl_sn", number))
            return error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD,
                             "a stored cancel of fee lines does not say which");
        remove_lines(lines, number);
    }
    return 0;
}

/* --- settlements --------------------------------------------------------------------------------- */

static int
take_settlement(struct visit_lines *lines, const struct visit_exchange *exchange, struct json_object *output,
                struct fep_error *error)
{
    struct settlement settlement = {0};
    if (lines->settlement_count >= MOST_SETTLEMENTS)
        return error_set(error, FEP_NOT_SENT, FEP_E_BOUND, "the visit has more than %d settlements",
                         MOST_SETTLEMENTS);
    struct settlement *larger = realloc(lines->settlements, (lines->settlement_count + 1) * sizeof *larger);
    if (larger == NULL)
        return no_memory(error);
    lines->settlements = larger;
    if (!read_id_in_any(output, "setl_id", settlement.id))
        strncpy(settlement.id, exchange->settlement_id, sizeof settlement.id - 1);
    lines->settlements[lines->settlement_count++] = settlement;
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->list[i].settlement == 0)
            lines->list[i].settlement = lines->settlement_count;
    }
    return 0;
}

static void
take_cancel(struct visit_lines *lines, struct json_object *input, struct json_object *output)
{
    char id[ID_SIZE];
    size_t found = 0;
    if (read_id_in_any(input, "setl_id", id) || read_id_in_any(output, "org_setl_id", id)) {
        for (size_t i = 0; found == 0 && i < lines->settlement_count; i++) {
            if (!lines->settlements[i].cancelled && strcmp(lines->settlements[i].id, id) == 0)
                found = i + 1;
        }
    }
    if (found == 0) {
        lines->torn = true;
        return;
    }
    lines->settlements[found - 1].cancelled = true;
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->list[i].settlement == found)
            lines->list[i].settlement = 0;
    }
}

/* --- one exchange -------------------------------------------------------------------------------- */

static int
take_parsed(struct visit_lines *lines, const struct visit_exchange *exchange, enum event event,
            struct json_object *input, struct json_object *output, struct fep_error *error)
{
    char visit_id[ID_SIZE];
    if (!read_id_in_any(event == OPENS ? output : input, "mdtrt_id", visit_id) ||
        strcmp(visit_id, lines->visit_id) != 0)
        return 0;
    if (exchange->state == VISIT_EXCHANGE_OPEN)
        return error_set(error, FEP_NOT_SENT, FEP_E_HOST_NOT_READY,
                         "what became of an earlier %.6s of the visit is not known yet", exchange->infno);
    switch (event) {
    case OPENS:
        lines->opened = true;
        return 0;
    case UPLOADS:
        return take_upload(lines, input, error);
    case REMOVES:
        return take_removal(lines, input, error);
    case SETTLES:
        return take_settlement(lines, exchange, output, error);
    default:
        take_cancel(lines, input, output);
        return 0;
    }
}

int
visit_lines_take(struct visit_lines *lines, const struct visit_exchange *exchange, struct fep_error *error)
{
    size_t which = 0;
    while (which < TRANSACTION_COUNT && strcmp(transactions[which], exchange->infno) != 0)
        which++;
    if (which == TRANSACTION_COUNT || exchange->state == VISIT_EXCHANGE_NONE)
        return 0;
    struct json_object *request = canonical_parse(exchange->request, error);
    struct json_object *answer = request != NULL ? canonical_parse(exchange->answer, error) : NULL;
    int status = answer != NULL
                     ? take_parsed(lines, exchange, events[which], canonical_member(request, "input"),
                                   canonical_member(answer, "output"), error)
                     : error_wrap(error, "a stored exchange of the visit");
    json_object_put(request);
    json_object_put(answer);
    return status;
}

/* --- the result ---------------------------------------------------------------------------------- */

/* Everything that can matter was given: the visit's beginning, or a settlement in force, before which all
 * lines are settled. */
static bool
is_whole(const struct visit_lines *lines)
{
    bool settled = false;
    for (size_t i = 0; i < lines->settlement_count; i++)
        settled = settled || !lines->settlements[i].cancelled;
    return !lines->torn && (lines->opened || settled);
}

static int
compare_numbers(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Did the local system take a second line of the same number, or did it take the place of the first? */
static int
check_numbers(const struct visit_lines *lines, struct fep_error *error)
{
    const char **numbers = calloc(lines->count + 1, sizeof *numbers);
    size_t count = 0;
    int status = 0;
    if (numbers == NULL)
        return no_memory(error);
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->list[i].settlement == 0)
            numbers[count++] = lines->list[i].number;
    }
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 1; status == 0 && i < count; i++) {
        if (strcmp(numbers[i - 1], numbers[i]) == 0)
            status = error_set(error, FEP_NOT_SENT, FEP_E_INCONSISTENT,
                               "a fee line of the visit was uploaded twice: cancel it and upload it once");
    }
    free(numbers);
    return status;
}

static struct json_object *
build(const struct visit_lines *lines)
{
    struct json_object *body = json_object_new_object(), *input = json_object_new_object(),
                       *array = json_object_new_array();
    bool good = body != NULL && input != NULL && array != NULL;
    for (size_t i = 0; good && i < lines->count; i++) {
        if (lines->list[i].settlement != 0)
            continue;
        struct json_object *element = json_object_get(lines->list[i].element);
        good = json_object_array_add(array, element) == 0;
        if (!good)
            json_object_put(element);
    }
    if (good && json_object_object_add(input, "feedetail", array) == 0) {
        array = NULL;
        if (json_object_object_add(body, "input", input) == 0)
            return body;
    }
    json_object_put(array);
    json_object_put(input);
    json_object_put(body);
    return NULL;
}

int
visit_lines_write(const struct visit_lines *lines, struct slice *body, struct fep_error *error)
{
    *body = SLICE_NONE;
    if (!is_whole(lines))
        return error_set(error, FEP_NOT_SENT, FEP_E_NOTHING_KNOWN,
                         "the visit began before what is stored here: its fee lines can not be told");
    if (check_numbers(lines, error) < 0)
        return -1;
    struct json_object *tree = build(lines);
    int status = tree != NULL ? canonical_write(tree, body, error) : no_memory(error);
    json_object_put(tree);
    return status;
}
