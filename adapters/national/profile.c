/* Reads profiles. Must never take a file with a problem, and says all that a reader of it needs: file, line,
 * what was expected. */
#include "profile.h"

#include <stdio.h>
#include <string.h>

#include "config_reader.h"
#include "profile_check.h"

enum { CODE_INVALID = 1013 };

/* What the parts of a rule are, beside a member and the source of its value. */
static const char *const any_name[] = {NULL};
static const char *const index_names[] = {"visit_id", "settlement_id", "total", "fund",
                                          "account",  "cash",          NULL};
static const char *const head_names[] = {"med_type",       "insutype",       "visit_id", "settlement_id",
                                         "original_msgid", "original_infno", NULL};

/* `names` NULL: target and source; else targets are of these (any, if there are none) and the source is a
 * member's name. */
static bool
check_rule(struct config_reader *reader, const config_setting_t *item, const struct rule *rule,
           const char *const *names)
{
    const char *bad = names != NULL                            ? NULL
                      : !profile_source_is_known(rule->source) ? rule->source
                      : rule->otherwise[0] != '\0' && !profile_source_is_known(rule->otherwise)
                          ? rule->otherwise
                          : NULL;
    if (bad != NULL) {
        config_reader_problem(reader, item, "\"%s\" is no source of a value; schema/profile.md lists them",
                              bad);
        return false;
    }
    bool listed = names == NULL || names[0] == NULL;
    for (size_t i = 0; !listed && names[i] != NULL; i++)
        listed = strcmp(names[i], rule->target) == 0;
    if (listed && profile_target_is_known(rule->target))
        return true;
    config_reader_problem(reader, item,
                          listed ? "\"%s\" is no member; expected NAME, OBJECT.NAME or ARRAY[].NAME"
                                 : "\"%s\" is nothing that is kept here",
                          rule->target);
    return false;
}

/* Words of a text, each of which `known` must know. */
static void
check_words(struct config_reader *reader, const config_setting_t *group, const char *name, const char *words,
            bool (*known)(const char *word, size_t size), const char *expected)
{
    const char *word;
    for (size_t size; (size = profile_next_word(&words, &word)) > 0;) {
        if (!known(word, size))
            config_reader_problem(reader, config_setting_get_member(group, name), "%s: \"%.*s\"; expected %s",
                                  name, (int)size, word, expected);
    }
}

static const char a_number[] = "numbers of transactions, like 2207 or 2203A";

static void
read_named_rules(struct config_reader *reader, const config_setting_t *group, const char *name,
                 const char *const *names, struct rules *rules)
{
    const config_setting_t *list = config_reader_list(reader, group, name, 0);
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_LIST);
        struct rule *rule = &rules->list[rules->count];
        int size = config_reader_count(item);
        if (item == NULL)
            continue;
        if (size < 2 || size > 3) {
            config_reader_problem(reader, item,
                                  "a rule has %d parts; expected target, source and perhaps a default", size);
            continue;
        }
        if (rules->count == MOST_RULES) {
            config_reader_problem(reader, item, "more than %d rules in a list", (int)MOST_RULES);
            return;
        }
        *rule = (struct rule){0};
        bool good = config_reader_item_text(reader, item, 0, rule->target, sizeof rule->target) &&
                    config_reader_item_text(reader, item, 1, rule->source, sizeof rule->source);
        if (size == 3)
            good = config_reader_item_text(reader, item, 2, rule->otherwise, sizeof rule->otherwise) && good;
        rules->count += good && check_rule(reader, item, rule, names);
    }
}

static void
read_rules(struct config_reader *reader, const config_setting_t *group, const char *name, struct rules *rules)
{
    read_named_rules(reader, group, name, NULL, rules);
}

static void
read_wire(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"endpoint", "prefix", "content_type", NULL};
    const config_setting_t *group = config_reader_group(reader, root, "transport", CONFIG_REQUIRED);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "endpoint", 0, profile->endpoint, sizeof profile->endpoint);
    config_reader_text(reader, group, "prefix", 0, profile->prefix, sizeof profile->prefix);
    config_reader_text(reader, group, "content_type", 0, profile->content_type, sizeof profile->content_type);
    if (profile->endpoint[0] == '\0' && profile->prefix[0] == '\0')
        config_reader_problem(reader, group, "neither endpoint nor prefix; expected one of them");
}

static void
read_envelope(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"request",      "input",     "input_form",  "infcode",
                                       "infcode_form", "texts",     "reference",   "output",
                                       "received",     "responded", "answer_drop", NULL};
    static const struct config_word input_forms[] = {{"object", 0}, {"text", 1}, {NULL, 0}};
    static const struct config_word code_forms[] = {{"number", 0}, {"text", 1}, {NULL, 0}};
    uint32_t input_form = 0, code_form = 0;
    const config_setting_t *group = config_reader_group(reader, root, "envelope", CONFIG_REQUIRED);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    read_rules(reader, group, "request", &profile->request);
    config_reader_text(reader, group, "input", CONFIG_REQUIRED, profile->input, sizeof profile->input);
    config_reader_text(reader, group, "infcode", CONFIG_REQUIRED, profile->infcode, sizeof profile->infcode);
    config_reader_text(reader, group, "texts", CONFIG_REQUIRED, profile->texts, sizeof profile->texts);
    config_reader_text(reader, group, "reference", 0, profile->reference, sizeof profile->reference);
    config_reader_text(reader, group, "output", CONFIG_REQUIRED, profile->output, sizeof profile->output);
    config_reader_text(reader, group, "received", 0, profile->received, sizeof profile->received);
    config_reader_text(reader, group, "responded", 0, profile->responded, sizeof profile->responded);
    config_reader_text(reader, group, "answer_drop", 0, profile->answer_drop, sizeof profile->answer_drop);
    config_reader_choice(reader, group, "input_form", 0, input_forms, &input_form);
    config_reader_choice(reader, group, "infcode_form", 0, code_forms, &code_form);
    profile->input_as_text = input_form != 0;
    profile->infcode_as_text = code_form != 0;
}

static void
read_error(struct config_reader *reader, const config_setting_t *item, const char *code, const char *class,
           const config_setting_t *number, struct profile_error *error)
{
    int canonical =
        number != NULL && config_setting_type(number) == CONFIG_TYPE_INT ? config_setting_get_int(number) : 0;
    if (strlen(class) != 1 || strchr("NRU", class[0]) == NULL)
        config_reader_problem(reader, item, "class \"%s\"; expected N, R or U", class);
    if (canonical < 1000 || canonical > 9999)
        config_reader_problem(reader, item, "no code of the gateway; expected a number of four digits");
    snprintf(error->code, sizeof error->code, "%s", code);
    error->class = class[0];
    error->canonical = (unsigned)canonical;
}

static void
read_meaning(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"good",   "uncertain", "http_refused", "posting",
                                       "errors", "otherwise", "echo",         NULL};
    const config_setting_t *group = config_reader_group(reader, root, "meaning", CONFIG_REQUIRED);
    if (group == NULL)
        return;
    char code[16], class[4];
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "good", CONFIG_REQUIRED, profile->good, sizeof profile->good);
    config_reader_text(reader, group, "uncertain", 0, profile->uncertain, sizeof profile->uncertain);
    config_reader_text(reader, group, "http_refused", 0, profile->http_refused, sizeof profile->http_refused);
    config_reader_text(reader, group, "posting", CONFIG_REQUIRED, profile->posting, sizeof profile->posting);
    config_reader_text(reader, group, "echo", 0, profile->echo, sizeof profile->echo);
    check_words(reader, group, "posting", profile->posting, profile_number_is_known, a_number);
    check_words(reader, group, "http_refused", profile->http_refused, profile_status_is_known,
                "HTTP statuses from 400 to 599");
    const config_setting_t *list = config_reader_list(reader, group, "errors", 0);
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_LIST);
        if (profile->error_count == MOST_ERRORS) {
            config_reader_problem(reader, item, "more than %d errors", (int)MOST_ERRORS);
            break;
        }
        if (item != NULL && config_reader_item_text(reader, item, 0, code, sizeof code) &&
            config_reader_item_text(reader, item, 1, class, sizeof class))
            read_error(reader, item, code, class, config_setting_get_elem(item, 2),
                       &profile->errors[profile->error_count++]);
    }
    const config_setting_t *otherwise = config_reader_list(reader, group, "otherwise", CONFIG_REQUIRED);
    if (otherwise != NULL && config_reader_item_text(reader, otherwise, 0, class, sizeof class))
        read_error(reader, otherwise, "", class, config_setting_get_elem(otherwise, 1), &profile->otherwise);
}

static void
read_transactions(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {
        "infno",           "wire",       "path",         "fill", "drop",         "answer_fill",
        "answer_required", "serve_fill", "serve_arrays", "then", "then_request", NULL};
    const config_setting_t *list = config_reader_list(reader, root, "transactions", 0);
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_GROUP);
        if (item == NULL)
            continue;
        if (profile->transaction_count == MOST_TRANSACTIONS) {
            config_reader_problem(reader, item, "more than %d transactions", (int)MOST_TRANSACTIONS);
            return;
        }
        struct profile_transaction *one = &profile->transactions[profile->transaction_count++];
        config_reader_check_keys(reader, item, keys);
        config_reader_text(reader, item, "infno", CONFIG_REQUIRED, one->infno, sizeof one->infno);
        memcpy(one->wire, one->infno, sizeof one->wire);
        config_reader_text(reader, item, "wire", 0, one->wire, sizeof one->wire);
        check_words(reader, item, "infno", one->infno, profile_number_is_known, a_number);
        check_words(reader, item, "wire", one->wire, profile_number_is_known, a_number);
        config_reader_text(reader, item, "path", 0, one->path, sizeof one->path);
        config_reader_text(reader, item, "drop", 0, one->drop, sizeof one->drop);
        config_reader_text(reader, item, "answer_required", 0, one->answer_required,
                           sizeof one->answer_required);
        read_rules(reader, item, "fill", &one->fill);
        read_rules(reader, item, "answer_fill", &one->answer_fill);
        config_reader_text(reader, item, "then", 0, one->then, sizeof one->then);
        check_words(reader, item, "then", one->then, profile_number_is_known, a_number);
        read_rules(reader, item, "then_request", &one->then_request);
        read_rules(reader, item, "serve_fill", &one->serve_fill);
        config_reader_text(reader, item, "serve_arrays", 0, one->serve_arrays, sizeof one->serve_arrays);
        if (profile->prefix[0] != '\0' && one->path[0] == '\0')
            config_reader_problem(reader, item, "no path, and the transport has a prefix");
    }
}

static void
read_inquiries(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"of",     "infno",        "request",     "rows",
                                       "match",  "match_source", "undone",      "undone_value",
                                       "rename", "answer",       "answer_also", NULL};
    const config_setting_t *list = config_reader_list(reader, root, "inquiries", 0);
    for (int i = 0; i < config_reader_count(list) && profile->inquiry_count < MOST_INQUIRIES; i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_GROUP);
        if (item == NULL)
            continue;
        struct profile_inquiry *one = &profile->inquiries[profile->inquiry_count++];
        config_reader_check_keys(reader, item, keys);
        config_reader_text(reader, item, "of", CONFIG_REQUIRED, one->of, sizeof one->of);
        config_reader_text(reader, item, "infno", CONFIG_REQUIRED, one->infno, sizeof one->infno);
        config_reader_text(reader, item, "rows", CONFIG_REQUIRED, one->rows, sizeof one->rows);
        config_reader_text(reader, item, "match", CONFIG_REQUIRED, one->match, sizeof one->match);
        config_reader_text(reader, item, "match_source", CONFIG_REQUIRED, one->match_source,
                           sizeof one->match_source);
        config_reader_text(reader, item, "undone", 0, one->undone, sizeof one->undone);
        config_reader_text(reader, item, "undone_value", 0, one->undone_value, sizeof one->undone_value);
        config_reader_text(reader, item, "answer", CONFIG_REQUIRED, one->answer, sizeof one->answer);
        config_reader_text(reader, item, "answer_also", 0, one->answer_also, sizeof one->answer_also);
        read_rules(reader, item, "request", &one->request);
        read_named_rules(reader, item, "rename", any_name, &one->rename);
        check_words(reader, item, "of", one->of, profile_number_is_known, a_number);
        check_words(reader, item, "infno", one->infno, profile_number_is_known, a_number);
        if (one->match_source[0] != '\0' && !profile_source_is_known(one->match_source))
            config_reader_problem(reader, config_setting_get_member(item, "match_source"),
                                  "\"%s\" is no source of a value; schema/profile.md lists them",
                                  one->match_source);
    }
    if (config_reader_count(list) > MOST_INQUIRIES)
        config_reader_problem(reader, list, "more than %d inquiries", (int)MOST_INQUIRIES);
}

static void
read_repair(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const reversal_keys[] = {"infno", "of", "request", NULL};
    static const char *const sign_keys[] = {"infno", "request", "answer", "refused", "bearer", NULL};
    const config_setting_t *group = config_reader_group(reader, root, "reversal", 0);
    if (group != NULL) {
        config_reader_check_keys(reader, group, reversal_keys);
        config_reader_text(reader, group, "infno", CONFIG_REQUIRED, profile->reversal.infno,
                           sizeof profile->reversal.infno);
        config_reader_text(reader, group, "of", CONFIG_REQUIRED, profile->reversal.of,
                           sizeof profile->reversal.of);
        read_rules(reader, group, "request", &profile->reversal.request);
        check_words(reader, group, "of", profile->reversal.of, profile_number_is_known, a_number);
    }
    group = config_reader_group(reader, root, "sign_in", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, sign_keys);
    config_reader_text(reader, group, "infno", CONFIG_REQUIRED, profile->sign_in.infno,
                       sizeof profile->sign_in.infno);
    config_reader_text(reader, group, "answer", CONFIG_REQUIRED, profile->sign_in.answer,
                       sizeof profile->sign_in.answer);
    config_reader_text(reader, group, "refused", 0, profile->sign_in.refused,
                       sizeof profile->sign_in.refused);
    config_reader_flag(reader, group, "bearer", 0, &profile->sign_in.bearer);
    read_rules(reader, group, "request", &profile->sign_in.request);
}

static void
read_totals(struct config_reader *reader, const config_setting_t *root, struct profile_totals *totals)
{
    static const char *const keys[] = {"infno", "request", "result", "equal", NULL};
    const config_setting_t *group = config_reader_group(reader, root, "totals", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "infno", CONFIG_REQUIRED, totals->infno, sizeof totals->infno);
    config_reader_text(reader, group, "result", CONFIG_REQUIRED, totals->result, sizeof totals->result);
    config_reader_text(reader, group, "equal", CONFIG_REQUIRED, totals->equal, sizeof totals->equal);
    read_rules(reader, group, "request", &totals->request);
}

static void
read_files(struct config_reader *reader, const config_setting_t *root, struct profile_files *files)
{
    static const char *const keys[] = {"upload",   "upload_request",   "message_part",  "file_part", "number",
                                       "download", "download_request", "upload_answer", NULL};
    const config_setting_t *group = config_reader_group(reader, root, "files", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "upload", CONFIG_REQUIRED, files->upload, sizeof files->upload);
    config_reader_text(reader, group, "message_part", CONFIG_REQUIRED, files->message_part,
                       sizeof files->message_part);
    config_reader_text(reader, group, "file_part", CONFIG_REQUIRED, files->file_part,
                       sizeof files->file_part);
    config_reader_text(reader, group, "number", CONFIG_REQUIRED, files->number, sizeof files->number);
    config_reader_text(reader, group, "download", CONFIG_REQUIRED, files->download, sizeof files->download);
    read_rules(reader, group, "upload_request", &files->upload_request);
    read_rules(reader, group, "download_request", &files->download_request);
    read_rules(reader, group, "upload_answer", &files->upload_answer);
}

static void
read_details(struct config_reader *reader, const config_setting_t *root, struct profile_details *details)
{
    static const char *const keys[] = {"infno",     "request",        "number", "name",
                                       "columns",   "result_columns", "equal",  "only_there",
                                       "only_here", "differs",        "answer", NULL};
    const config_setting_t *group = config_reader_group(reader, root, "details", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "infno", CONFIG_REQUIRED, details->infno, sizeof details->infno);
    config_reader_text(reader, group, "number", CONFIG_REQUIRED, details->number, sizeof details->number);
    config_reader_text(reader, group, "name", CONFIG_REQUIRED, details->name, sizeof details->name);
    config_reader_text(reader, group, "columns", CONFIG_REQUIRED, details->columns, sizeof details->columns);
    config_reader_text(reader, group, "result_columns", CONFIG_REQUIRED, details->result_columns,
                       sizeof details->result_columns);
    config_reader_text(reader, group, "equal", CONFIG_REQUIRED, details->equal, sizeof details->equal);
    config_reader_text(reader, group, "only_there", CONFIG_REQUIRED, details->only_there,
                       sizeof details->only_there);
    config_reader_text(reader, group, "only_here", CONFIG_REQUIRED, details->only_here,
                       sizeof details->only_here);
    config_reader_text(reader, group, "differs", CONFIG_REQUIRED, details->differs, sizeof details->differs);
    read_rules(reader, group, "answer", &details->answer);
    read_rules(reader, group, "request", &details->request);
}

static void
read_catalogues(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"list_type", "infno", "request",          "number", "name",
                                       "columns",   "row",   "download_request", NULL};
    const config_setting_t *list = config_reader_list(reader, root, "catalogues", 0);
    for (int i = 0; i < config_reader_count(list); i++) {
        const config_setting_t *item = config_reader_item(reader, list, i, CONFIG_TYPE_GROUP);
        if (profile->catalogue_count == MOST_CATALOGUES) {
            config_reader_problem(reader, list, "more than %d catalogues", (int)MOST_CATALOGUES);
            return;
        }
        if (item == NULL)
            continue;
        struct profile_catalogue *one = &profile->catalogues[profile->catalogue_count++];
        config_reader_check_keys(reader, item, keys);
        config_reader_text(reader, item, "list_type", CONFIG_REQUIRED, one->list_type, sizeof one->list_type);
        config_reader_text(reader, item, "infno", CONFIG_REQUIRED, one->infno, sizeof one->infno);
        config_reader_text(reader, item, "number", CONFIG_REQUIRED, one->number, sizeof one->number);
        config_reader_text(reader, item, "name", CONFIG_REQUIRED, one->name, sizeof one->name);
        config_reader_text(reader, item, "columns", CONFIG_REQUIRED, one->columns, sizeof one->columns);
        read_rules(reader, item, "request", &one->request);
        read_rules(reader, item, "row", &one->row);
        read_rules(reader, item, "download_request", &one->download);
    }
}

static void
read_serve(struct config_reader *reader, const config_setting_t *root, struct profile *profile)
{
    static const char *const keys[] = {"good",     "refused",        "open",   "person", "sign_in",
                                       "sign_out", "sign_in_answer", "bearer", "head",   NULL};
    const config_setting_t *group = config_reader_group(reader, root, "serve", 0);
    if (group == NULL)
        return;
    config_reader_check_keys(reader, group, keys);
    config_reader_text(reader, group, "good", CONFIG_REQUIRED, profile->serve.good,
                       sizeof profile->serve.good);
    config_reader_text(reader, group, "refused", CONFIG_REQUIRED, profile->serve.refused,
                       sizeof profile->serve.refused);
    config_reader_text(reader, group, "open", CONFIG_REQUIRED, profile->serve.open,
                       sizeof profile->serve.open);
    config_reader_text(reader, group, "person", CONFIG_REQUIRED, profile->serve.person,
                       sizeof profile->serve.person);
    config_reader_text(reader, group, "sign_in", 0, profile->serve.sign_in, sizeof profile->serve.sign_in);
    config_reader_text(reader, group, "sign_out", 0, profile->serve.sign_out, sizeof profile->serve.sign_out);
    config_reader_text(reader, group, "sign_in_answer", 0, profile->serve.sign_in_answer,
                       sizeof profile->serve.sign_in_answer);
    config_reader_flag(reader, group, "bearer", 0, &profile->serve.bearer);
    read_named_rules(reader, group, "head", head_names, &profile->serve.head);
    check_words(reader, group, "sign_in", profile->serve.sign_in, profile_number_is_known, a_number);
    check_words(reader, group, "sign_out", profile->serve.sign_out, profile_number_is_known, a_number);
}

int
profile_read(const char *path, struct profile *profile, struct fep_error *error)
{
    static const char *const keys[] = {"name",         "description", "transport", "envelope", "meaning",
                                       "transactions", "inquiries",   "reversal",  "sign_in",  "index",
                                       "serve",        "seal",        "totals",    "files",    "details",
                                       "catalogues",   NULL};
    struct config_reader reader;
    char description[400];
    memset(profile, 0, sizeof *profile);
    snprintf(profile->content_type, sizeof profile->content_type, "application/json;charset=utf-8");
    if (config_reader_open(&reader, path, CODE_INVALID, NULL, NULL, error) == 0) {
        const config_setting_t *root = config_reader_root(&reader);
        config_reader_check_keys(&reader, root, keys);
        config_reader_text(&reader, root, "name", CONFIG_REQUIRED, profile->name, sizeof profile->name);
        config_reader_text(&reader, root, "description", 0, description, sizeof description);
        read_wire(&reader, root, profile);
        read_envelope(&reader, root, profile);
        read_meaning(&reader, root, profile);
        read_transactions(&reader, root, profile);
        read_inquiries(&reader, root, profile);
        read_repair(&reader, root, profile);
        read_named_rules(&reader, root, "index", index_names, &profile->index);
        read_totals(&reader, root, &profile->totals);
        read_files(&reader, root, &profile->files);
        read_details(&reader, root, &profile->details);
        read_catalogues(&reader, root, profile);
        read_serve(&reader, root, profile);
    }
    return config_reader_close(&reader);
}

size_t
profile_next_word(const char **at, const char **word)
{
    *at += strspn(*at, " ");
    *word = *at;
    size_t size = strcspn(*at, " ");
    *at += size;
    return size;
}

bool
profile_lists(const char *words, const char *word)
{
    const char *at = words, *one;
    size_t size, wanted = strlen(word);
    while ((size = profile_next_word(&at, &one)) > 0) {
        if (size == wanted && memcmp(one, word, size) == 0)
            return true;
    }
    return false;
}

const struct profile_transaction *
profile_find(const struct profile *profile, const char *infno)
{
    for (size_t i = 0; i < profile->transaction_count; i++) {
        if (strcmp(profile->transactions[i].infno, infno) == 0)
            return &profile->transactions[i];
    }
    return NULL;
}

const struct profile_transaction *
profile_find_wire(const struct profile *profile, const char *wire)
{
    for (size_t i = 0; i < profile->transaction_count; i++) {
        if (strcmp(profile->transactions[i].wire, wire) == 0)
            return &profile->transactions[i];
    }
    return NULL;
}

const struct profile_inquiry *
profile_find_inquiry(const struct profile *profile, const char *infno)
{
    for (size_t i = 0; i < profile->inquiry_count; i++) {
        if (profile_lists(profile->inquiries[i].of, infno))
            return &profile->inquiries[i];
    }
    return NULL;
}
