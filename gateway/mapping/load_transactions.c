/* Transactions, checks, the index, and the entries for inquiry and reversal. */
#include "model.h"

#include <stdio.h>
#include <string.h>

/* The layouts of a local transaction: T-Q must be there, T-R may be missing. */
static void
find_layouts(struct loader *loader, const config_setting_t *at, const char *local,
             const struct fep_layout **question, const struct fep_layout **answer)
{
    char name[64];
    if (local == NULL)
        return;
    if (strlen(local) >= sizeof name - 3) {
        config_reader_problem(&loader->reader, at, "local transaction name is longer than %zu",
                              sizeof name - 4);
        return;
    }
    snprintf(name, sizeof name, "%s-Q", local);
    *question = load_find_layout(loader, name);
    if (*question == NULL)
        config_reader_problem(&loader->reader, at, "local transaction %s has no layout %s", local, name);
    snprintf(name, sizeof name, "%s-R", local);
    *answer = load_find_layout(loader, name);
}

/* --- checks -------------------------------------------------------------------------------------- */

/* "a = b + c - d": terms of the left count as they are, those of the right negated. */
static void
load_check(struct loader *loader, const config_setting_t *list, int place, struct check *check)
{
    struct check_term terms[64];
    const config_setting_t *at = config_setting_get_elem(list, (unsigned)place);
    const char *text = load_item(loader, list, place);
    int side = 1, sign = 1, equals = 0;
    bool wants_term = true;
    if (text == NULL)
        return;
    check->where = load_where(loader, at);
    check->text = text;
    for (const char *rest = text + strspn(text, " "); *rest != '\0'; rest += strspn(rest, " ")) {
        size_t size = strcspn(rest, " ");
        bool operator= size == 1 && strchr("+-=", rest[0]) != NULL;
        if (operator== wants_term || check->term_count == 64) {
            config_reader_problem(&loader->reader, at, "check \"%.80s\"; expected PATH = PATH + PATH ...",
                                  text);
            return;
        }
        if (operator) {
            sign = rest[0] == '-' ? -1 : 1;
            if (rest[0] == '=') {
                equals++;
                side = -1;
            }
            wants_term = true;
        } else {
            struct check_term *term = &terms[check->term_count++];
            char *path = arena_text(&loader->mapping->arena, rest, size);
            *term = (struct check_term){.sign = side * sign};
            term->of_request = path != NULL && strncmp(path, "request.", 8) == 0;
            if (path == NULL || !load_path(loader, at, term->of_request ? path + 8 : path, &term->path))
                return;
            wants_term = false;
        }
        rest += size;
    }
    if (equals != 1 || wants_term)
        config_reader_problem(&loader->reader, at, "check \"%.80s\"; expected PATH = PATH + PATH ...", text);
    struct check_term *kept = load_take(loader, check->term_count * sizeof *kept);
    if (kept != NULL)
        memcpy(kept, terms, check->term_count * sizeof *kept);
    check->terms = kept;
}

static void
load_checks(struct loader *loader, const config_setting_t *group, struct transaction_map *map)
{
    const config_setting_t *list = config_reader_list(&loader->reader, group, "checks", 0);
    size_t count = load_count(loader, list);
    struct check *checks = count > 0 ? load_take(loader, count * sizeof *checks) : NULL;
    for (size_t i = 0; checks != NULL && i < count; i++)
        load_check(loader, list, (int)i, &checks[i]);
    map->checks = checks;
    map->check_count = checks != NULL ? count : 0;
}

/* --- index --------------------------------------------------------------------------------------- */

static int
index_part_of(const char *word, bool of_answer)
{
    static const struct {
        const char *word;
        enum index_part part;
        bool of_answer_only;
    } words[] = {{"visit_id", INDEX_VISIT_ID, false}, {"settlement_id", INDEX_SETTLEMENT_ID, false},
                 {"med_type", INDEX_MED_TYPE, false}, {"insutype", INDEX_INSUTYPE, false},
                 {"total", INDEX_TOTAL, true},        {"fund", INDEX_FUND, true},
                 {"account", INDEX_ACCOUNT, true},    {"cash", INDEX_CASH, true}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, word) == 0 && (of_answer || !words[i].of_answer_only))
            return (int)words[i].part;
    }
    return -1;
}

static void
load_index(struct loader *loader, const config_setting_t *group, const char *name, bool of_answer,
           struct index_rules *rules)
{
    const config_setting_t *list = config_reader_list(&loader->reader, group, name, 0);
    bool single = list != NULL && load_is_single(list);
    size_t count = single ? 1 : load_count(loader, list);
    struct index_rule *kept = count > 0 ? load_take(loader, count * sizeof *kept) : NULL;
    for (size_t i = 0; kept != NULL && i < count; i++) {
        const config_setting_t *item =
            single ? list : config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        const char *word = load_item(loader, item, 0), *path = load_item(loader, item, 1);
        int part = word != NULL ? index_part_of(word, of_answer) : -1;
        if (part < 0 || config_reader_count(item) != 2)
            config_reader_problem(&loader->reader, item, "%s; expected (\"visit_id\"%s ..., PATH)", name,
                                  of_answer ? ", \"settlement_id\", \"total\","
                                            : ", \"med_type\", \"insutype\",");
        kept[i] = (struct index_rule){.where = load_where(loader, item), .part = (enum index_part)part};
        if (path != NULL)
            load_path(loader, item, path, &kept[i].path);
    }
    if (kept != NULL)
        *rules = (struct index_rules){kept, count};
}

/* --- transactions -------------------------------------------------------------------------------- */

static void
load_person(struct loader *loader, const config_setting_t *group, struct transaction_map *map)
{
    const char *text = load_member(loader, group, "person", 0);
    const struct rule_scope scope = {.layout = map->question};
    if (text == NULL)
        return;
    map->has_person =
        load_source(loader, config_setting_get_member(group, "person"), text, &scope, &map->person);
    if (map->has_person && map->person.kind != SOURCE_DATA && map->person.kind != SOURCE_VISIT)
        config_reader_problem(&loader->reader, config_setting_get_member(group, "person"),
                              "person = \"%s\"; expected a path of the request or visit.NAME", text);
}

/* Who answers it when it is served. */
static void
load_answering(struct loader *loader, const config_setting_t *group, struct transaction_map *map)
{
    static const struct config_word words[] = {
        {"store", MAPPING_BY_STORE}, {"crosswalk", MAPPING_BY_CROSSWALK}, {NULL, 0}};
    uint32_t word = MAPPING_FORWARDED;
    config_reader_choice(&loader->reader, group, "answered_by", 0, words, &word);
    map->answered_by = (enum mapping_answered_by)word;
    config_reader_flag(&loader->reader, group, "closed_days_only", 0, &map->closed_days_only);
    if (map->closed_days_only && map->answered_by != MAPPING_BY_STORE)
        config_reader_problem(&loader->reader, config_setting_get_member(group, "closed_days_only"),
                              "closed_days_only is for transactions with answered_by = \"store\"");
    if (map->answered_by == MAPPING_BY_CROSSWALK && loader->mapping->crosswalk == NULL &&
        !loader->crosswalk_failed)
        config_reader_problem(&loader->reader, config_setting_get_member(group, "answered_by"),
                              "answered_by = \"crosswalk\" without a crosswalk");
}

/* Settlements and their trials. */
static bool
is_settling(const char *infno)
{
    static const char *const all[] = {"2206", "2206A", "2207", "2207A", "2303", "2304"};
    for (size_t i = 0; infno != NULL && i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i], infno) == 0)
            return true;
    }
    return false;
}

static void
load_transaction(struct loader *loader, const config_setting_t *group, struct transaction_map *map)
{
    static const char *const keys[] = {"infno",  "local",        "when",
                                       "visit",  "request",      "request_group",
                                       "answer", "answer_group", "batch",
                                       "checks", "index",        "request_index",
                                       "person", "answered_by",  "closed_days_only",
                                       NULL};
    config_reader_check_keys(&loader->reader, group, keys);
    map->at = group;
    map->where = load_where(loader, group);
    map->infno = load_member(loader, group, "infno", CONFIG_REQUIRED);
    map->local = load_member(loader, group, "local", CONFIG_REQUIRED);
    if (map->infno != NULL && !infno_is_valid(map->infno))
        config_reader_problem(&loader->reader, group, "infno \"%s\"; expected 4 to 6 letters and digits",
                              map->infno);
    find_layouts(loader, group, map->local, &map->question, &map->answer_layout);
    map->visit_field = -1;
    const char *visit = load_member(loader, group, "visit", 0);
    if (visit != NULL && map->question != NULL &&
        (map->visit_field = layout_find_field(map->question, visit, false)) < 0)
        config_reader_problem(&loader->reader, group, "visit: field %s is not in the layout %s", visit,
                              map->question->name);
    const struct rule_scope question = {.layout = map->question}, answer = {.layout = map->answer_layout};
    load_conditions(loader, group, &question, &map->when);
    load_rules(loader, group, "request",
               &(struct rule_scope){.layout = map->question, .settles = is_settling(map->infno)},
               &map->request);
    load_group(loader, group, "request_group", map->question, &map->request_group);
    load_rules(loader, group, "answer", &answer, &map->answer);
    load_group(loader, group, "answer_group", map->answer_layout, &map->answer_group);
    load_batch(loader, group, map);
    load_checks(loader, group, map);
    load_index(loader, group, "index", true, &map->index);
    load_index(loader, group, "request_index", false, &map->request_index);
    load_person(loader, group, map);
    load_answering(loader, group, map);
}

void
load_transactions(struct loader *loader, const config_setting_t *root)
{
    struct mapping *mapping = loader->mapping;
    const config_setting_t *list = config_reader_list(&loader->reader, root, "transactions", CONFIG_REQUIRED);
    size_t count = load_count(loader, list);
    mapping->transactions = count > 0 ? load_take(loader, count * sizeof *mapping->transactions) : NULL;
    for (size_t i = 0; mapping->transactions != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_GROUP);
        if (item == NULL)
            continue;
        struct transaction_map *map = &mapping->transactions[mapping->transaction_count];
        load_transaction(loader, item, map);
        if (map->infno != NULL && map->local != NULL)
            mapping->transaction_count++;
    }
}

/* --- inquire, reverse, serve_reverse ------------------------------------------------------------- */

static const char *const finding_words[] = {[FEP_FOUND_NOTHING] = "nothing",
                                            [FEP_FOUND_POSTED] = "posted",
                                            [FEP_FOUND_REFUSED] = "refused",
                                            [FEP_FOUND_IN_PROGRESS] = "in_progress",
                                            [FEP_FOUND_REVERSED] = "reversed",
                                            [FEP_FOUND_CANCELLED] = "cancelled",
                                            [FEP_FOUND_NEVER_ARRIVED] = "never_arrived",
                                            [FEP_FOUND_STAYS_POSTED] = "stays_posted"};

int
finding_of_word(const char *word)
{
    for (int i = 0; i <= FEP_FOUND_STAYS_POSTED; i++) {
        if (strcmp(finding_words[i], word) == 0)
            return i;
    }
    return -1;
}

const char *
finding_word(uint32_t finding)
{
    return finding <= FEP_FOUND_STAYS_POSTED ? finding_words[finding] : NULL;
}

static void
set_finding(struct loader *loader, const config_setting_t *item, const char *word, struct finding_row *row)
{
    int finding = word != NULL ? finding_of_word(word) : -1;
    if (word != NULL && finding < 0)
        config_reader_problem(
            &loader->reader, item,
            "finding \"%.40s\"; expected nothing, posted, refused, in_progress, reversed, cancelled, "
            "never_arrived or stays_posted",
            word);
    row->finding = finding < 0 ? 0 : (uint32_t)finding;
}

static void
set_code(struct loader *loader, const config_setting_t *item, int place, struct finding_row *row)
{
    const config_setting_t *code = config_setting_get_elem(item, (unsigned)place);
    int number =
        code != NULL && config_setting_type(code) == CONFIG_TYPE_INT ? config_setting_get_int(code) : 0;
    if ((number < 1 || number > 9999) && !config_reader_is_misread(&loader->reader, code))
        config_reader_problem(&loader->reader, item, "expected a canonical code of up to four digits");
    row->code = number > 0 ? (uint32_t)number : 0;
}

enum findings_form { BY_VALUE, BY_CODE, TO_CODE };

static void
load_findings(struct loader *loader, const config_setting_t *group, const char *name, enum findings_form form,
              struct finding_rows *rows)
{
    const config_setting_t *list = config_reader_list(&loader->reader, group, name, 0);
    size_t count = load_count(loader, list);
    struct finding_row *kept = count > 0 ? load_take(loader, count * sizeof *kept) : NULL;
    for (size_t i = 0; kept != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        if (config_reader_count(item) != 2) {
            config_reader_problem(&loader->reader, item, "%s; expected pairs", name);
            continue;
        }
        if (form == BY_VALUE)
            kept[i].value = load_item(loader, item, 0);
        else
            set_code(loader, item, form == BY_CODE ? 0 : 1, &kept[i]);
        set_finding(loader, item, load_item(loader, item, form == TO_CODE ? 0 : 1), &kept[i]);
    }
    if (kept != NULL)
        *rows = (struct finding_rows){kept, count};
}

static void
load_operation(struct loader *loader, const config_setting_t *root, const char *name, bool serving,
               struct operation_map *map)
{
    static const char *const keys[] = {"local",    "request",           "answer", "field",
                                       "findings", "findings_by_error", NULL};
    static const char *const serving_keys[] = {"local", "original", "request",  "answer", "person",
                                               "field", "findings", "refusals", NULL};
    const config_setting_t *group = config_reader_group(&loader->reader, root, name, 0);
    map->field = -1;
    if (group == NULL)
        return;
    config_reader_check_keys(&loader->reader, group, serving ? serving_keys : keys);
    map->present = true;
    map->at = group;
    map->where = load_where(loader, group);
    map->local = load_member(loader, group, "local", CONFIG_REQUIRED);
    find_layouts(loader, group, map->local, &map->question, &map->answer_layout);
    map->field_name = load_member(loader, group, "field", CONFIG_REQUIRED);
    if (map->field_name != NULL && map->answer_layout != NULL)
        map->field = layout_find_field(map->answer_layout, map->field_name, false);
    if (map->field_name != NULL && map->field < 0)
        config_reader_problem(&loader->reader, group, "%s: field %s is not in the layout %s-R", name,
                              map->field_name, map->local != NULL ? map->local : "?");
    load_rules(loader, group, "request", &(struct rule_scope){.layout = map->question}, &map->request);
    load_rules(loader, group, "answer", &(struct rule_scope){.layout = map->answer_layout}, &map->answer);
    load_findings(loader, group, "findings", BY_VALUE, &map->findings);
    load_findings(loader, group, "findings_by_error", BY_CODE, &map->by_error);
    load_findings(loader, group, "refusals", TO_CODE, &map->refusals);
    if (!serving)
        return;
    const config_setting_t *original =
        config_reader_list(&loader->reader, group, "original", CONFIG_REQUIRED);
    if (original != NULL)
        load_pieces(loader, original, map->question, &map->original);
    bool inquires = map == &loader->mapping->serve_inquire;
    map->transaction = (struct transaction_map){.where = map->where,
                                                .infno = inquires ? INQUIRY_INFNO : "2601",
                                                .local = map->local,
                                                .question = map->question,
                                                .answer_layout = map->answer_layout,
                                                .visit_field = -1,
                                                .request = map->request,
                                                .answer = map->answer,
                                                .is_reversal = !inquires,
                                                .is_inquiry = inquires};
    load_person(loader, group, &map->transaction);
}

void
load_operations(struct loader *loader, const config_setting_t *root)
{
    load_operation(loader, root, "inquire", false, &loader->mapping->inquire);
    load_operation(loader, root, "reverse", false, &loader->mapping->reverse);
    load_operation(loader, root, "serve_reverse", true, &loader->mapping->serve_reverse);
    load_operation(loader, root, "serve_inquire", true, &loader->mapping->serve_inquire);
}
