/* The canonical inverse of an answered update: what the gateway itself sends when an update that stays posted
 * must be undone. A small table says which member comes from where; it must never name lines or settlements
 * other than those of the request and its answer. */
#include "canonical.h"

#include <string.h>

#include "error.h"

enum origin { FROM_REQUEST, FROM_ANSWER, FROM_EITHER, FIXED };

struct member_rule {
    const char *name; /* in input.data of the inverse */
    enum origin origin;
    const char *from; /* member of any part of input or output; FIXED: the text */
    bool required;
};

struct inverse {
    const char *infno, *inverse;
    bool per_line; /* data is an array with one element for each line of the request */
    const struct member_rule *members;
};

static const struct member_rule settlement[] = {
    {"setl_id", FROM_ANSWER, "setl_id", true},      {"mdtrt_id", FROM_EITHER, "mdtrt_id", true},
    {"psn_no", FROM_EITHER, "psn_no", true},        {"ipt_otp_no", FROM_REQUEST, "ipt_otp_no", false},
    {"invono", FROM_REQUEST, "invono", false},      {"setl_time", FROM_REQUEST, "setl_time", false},
    {"memo", FIXED, "网关撤销未确认的结算", false}, {NULL, FIXED, NULL, false}};
static const struct member_rule registration[] = {{"mdtrt_id", FROM_ANSWER, "mdtrt_id", true},
                                                  {"psn_no", FROM_EITHER, "psn_no", true},
                                                  {"ipt_otp_no", FROM_REQUEST, "ipt_otp_no|ipt_no", false},
                                                  {NULL, FIXED, NULL, false}};
static const struct member_rule lines[] = {{"mdtrt_id", FROM_REQUEST, "mdtrt_id", true},
                                           {"psn_no", FROM_REQUEST, "psn_no", true},
                                           {"ipt_otp_no", FROM_REQUEST, "ipt_otp_no", false},
                                           {NULL, FIXED, NULL, false}};

static const struct inverse inverses[] = {
    {"2304", "2305", false, settlement},   {"2207", "2208", false, settlement},
    {"2102", "2103", false, settlement},   {"2401", "2404", false, registration},
    {"2201", "2202", false, registration}, {"2301", "2302", true, lines},
    {"2204", "2205", true, lines},
};

/* The first part of `root` (or root itself) that has one of the names a|b. */
static struct json_object *
find_member(struct json_object *root, const char *names)
{
    char name[32];
    for (const char *at = names; *at != '\0';) {
        size_t size = strcspn(at, "|");
        memcpy(name, at, size < sizeof name ? size : sizeof name - 1);
        name[size < sizeof name ? size : sizeof name - 1] = '\0';
        at += size + (at[size] == '|');
        struct json_object *found = canonical_member(root, name);
        if (found != NULL || json_object_get_type(root) != json_type_object) {
            if (found != NULL)
                return found;
            continue;
        }
        json_object_object_foreach(root, key, part)
        {
            (void)key;
            found = canonical_member(part, name);
            if (found != NULL)
                return found;
        }
    }
    return NULL;
}

static struct json_object *
find_value(const struct member_rule *rule, struct json_object *input, struct json_object *output)
{
    struct json_object *found = NULL;
    if (rule->origin == FIXED)
        return json_object_new_string(rule->from);
    if (rule->origin != FROM_REQUEST)
        found = find_member(output, rule->from);
    if (found == NULL && rule->origin != FROM_ANSWER)
        found = find_member(input, rule->from);
    return json_object_get(found);
}

static int
fill_data(struct json_object *data, const struct inverse *inverse, struct json_object *input,
          struct json_object *output, struct fep_error *error)
{
    for (const struct member_rule *rule = inverse->members; rule->name != NULL; rule++) {
        struct json_object *value = find_value(rule, input, output);
        if (value == NULL && rule->required)
            return error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD,
                             "%s can not be cancelled by %s: no %s is known", inverse->infno,
                             inverse->inverse, rule->name);
        if (value != NULL && json_object_object_add(data, rule->name, value) != 0) {
            json_object_put(value);
            return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a cancel");
        }
    }
    return 0;
}

/* One element for each line, so that lines of other requests of the visit stay as they are. */
static int
fill_lines(struct json_object *array, const struct inverse *inverse, struct json_object *input,
           struct json_object *output, struct fep_error *error)
{
    struct json_object *details = canonical_member(input, "feedetail");
    size_t count = canonical_count(details);
    for (size_t i = 0; i < count; i++) {
        struct json_object *number = canonical_member(canonical_element(details, i), "feedetl_sn");
        struct json_object *element = number != NULL ? json_object_new_object() : NULL;
        if (element == NULL || json_object_array_add(array, element) != 0) {
            json_object_put(element);
            return error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD,
                             "line %zu of %s has no feedetl_sn, or no memory", i + 1, inverse->infno);
        }
        if (json_object_object_add(element, "feedetl_sn", json_object_get(number)) != 0)
            return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a cancel");
        if (fill_data(element, inverse, input, output, error) < 0)
            return -1;
    }
    return count > 0 ? 0
                     : error_set(error, FEP_NOT_SENT, FEP_E_MISSING_FIELD, "%s has no lines to cancel",
                                 inverse->infno);
}

/* {opter..., "input": {"data": ...}}; what stood beside the request's input is kept. */
static struct json_object *
begin_body(struct json_object *request, struct json_object *data)
{
    struct json_object *body = json_object_new_object(), *input = json_object_new_object();
    bool good =
        body != NULL && input != NULL && json_object_object_add(input, "data", json_object_get(data)) == 0;
    json_object_object_foreach(request, key, value)
    {
        if (good && strcmp(key, "input") != 0)
            good = json_object_object_add(body, key, json_object_get(value)) == 0;
    }
    if (good && json_object_object_add(body, "input", input) == 0)
        return body;
    json_object_put(input);
    json_object_put(body);
    return NULL;
}

static int
build(const struct inverse *inverse, struct json_object *asked, struct json_object *answered,
      struct slice *body, struct fep_error *error)
{
    struct json_object *input = canonical_member(asked, "input"),
                       *output = canonical_member(answered, "output");
    struct json_object *data = inverse->per_line ? json_object_new_array() : json_object_new_object();
    int status = data == NULL ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a cancel")
                 : inverse->per_line ? fill_lines(data, inverse, input, output, error)
                                     : fill_data(data, inverse, input, output, error);
    struct json_object *tree = status == 0 ? begin_body(asked, data) : NULL;
    if (status == 0)
        status = tree != NULL ? canonical_write(tree, body, error)
                              : error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a cancel");
    json_object_put(tree);
    json_object_put(data);
    return status;
}

int
mapping_build_inverse(const struct message_header *original, struct slice request, struct slice answer,
                      const char *inverse_infno, struct message_header *header, struct slice *body,
                      struct fep_error *error)
{
    const struct inverse *inverse = NULL;
    *body = SLICE_NONE;
    for (size_t i = 0; inverse == NULL && i < sizeof inverses / sizeof inverses[0]; i++) {
        if (strcmp(inverses[i].infno, original->infno) == 0 &&
            (inverse_infno == NULL || strcmp(inverses[i].inverse, inverse_infno) == 0))
            inverse = &inverses[i];
    }
    if (inverse == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NOT_MAPPED, "transaction %.6s has no inverse here",
                         original->infno);
    struct json_object *asked = canonical_parse(request, error);
    struct json_object *answered = asked != NULL ? canonical_parse(answer, error) : NULL;
    int status = answered != NULL ? build(inverse, asked, answered, body, error) : -1;
    json_object_put(answered);
    json_object_put(asked);
    *header = *original;
    memcpy(header->infno, inverse->inverse, strlen(inverse->inverse) + 1);
    return status;
}
