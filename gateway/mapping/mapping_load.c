/* Reading a mapping file: the top level and what all sections share. Must never hand out a mapping of a file
 * with a problem; all problems of the file are reported, each with file and line. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "coverage.h"
#include "crosswalk.h"
#include "error.h"

/* --- shared by all sections ---------------------------------------------------------------------- */

void *
load_take(struct loader *loader, size_t size)
{
    void *data = arena_take(&loader->mapping->arena, size);
    if (data == NULL)
        loader->no_memory = true;
    return data;
}

const char *
load_keep(struct loader *loader, const char *text)
{
    const char *copy = arena_text(&loader->mapping->arena, text, strlen(text));
    if (copy == NULL)
        loader->no_memory = true;
    return copy;
}

const char *
load_where(struct loader *loader, const config_setting_t *at)
{
    char file[1024], where[1100];
    int line = config_reader_where(&loader->reader, at, file, sizeof file);
    const char *slash = strrchr(file, '/');
    snprintf(where, sizeof where, "%s:%d", slash != NULL ? slash + 1 : file, line);
    return load_keep(loader, where);
}

const char *
load_item(struct loader *loader, const config_setting_t *list, int place)
{
    char text[MAP_TEXT];
    if (place >= config_reader_count(list)) {
        config_reader_problem(&loader->reader, list, "%d elements; expected more", config_reader_count(list));
        return NULL;
    }
    return config_reader_item_text(&loader->reader, list, place, text, sizeof text) ? load_keep(loader, text)
                                                                                    : NULL;
}

const char *
load_member(struct loader *loader, const config_setting_t *group, const char *name, unsigned flags)
{
    char text[MAP_TEXT];
    return config_reader_text(&loader->reader, group, name, flags, text, sizeof text)
               ? load_keep(loader, text)
               : NULL;
}

size_t
load_count(struct loader *loader, const config_setting_t *list)
{
    int count = config_reader_count(list);
    if (count <= MAX_ITEMS)
        return (size_t)count;
    config_reader_problem(&loader->reader, list, "%d elements; at most %d are allowed", count, MAX_ITEMS);
    return 0;
}

bool
load_is_single(const config_setting_t *list)
{
    const config_setting_t *first = config_setting_get_elem(list, 0);
    return first != NULL && config_setting_type(first) == CONFIG_TYPE_STRING;
}

/* A small whole number, or -1: not there, of another type, or too large. */
static int
read_place(struct loader *loader, const config_setting_t *item, unsigned place)
{
    const config_setting_t *at = config_setting_get_elem(item, place);
    bool whole = at != NULL && config_setting_type(at) == CONFIG_TYPE_INT &&
                 !config_reader_is_misread(&loader->reader, at);
    return whole ? config_setting_get_int(at) : -1;
}

void
load_pieces(struct loader *loader, const config_setting_t *list, const struct fep_layout *layout,
            struct pieces *pieces)
{
    size_t count = load_count(loader, list);
    struct piece *kept = count > 0 ? load_take(loader, count * sizeof *kept) : NULL;
    if (kept == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item == NULL)
            continue;
        const char *name = load_item(loader, item, 0);
        int offset = read_place(loader, item, 1), size = read_place(loader, item, 2);
        const struct fep_layout *head = loader->mapping->head_question;
        kept[i].field = name != NULL && layout != NULL ? layout_find_field(layout, name, false) : -1;
        if (name != NULL && kept[i].field < 0 && layout != head && head != NULL) {
            kept[i].field = layout_find_field(head, name, false);
            kept[i].in_head = kept[i].field >= 0;
        }
        if (name != NULL && kept[i].field < 0)
            config_reader_problem(&loader->reader, item, "field %s is not in the layout %s", name,
                                  layout != NULL ? layout->name : "(missing)");
        if (config_reader_count(item) != 3 || offset < 0 || offset > MAP_TEXT || size < 1 ||
            size > MSGID_SIZE)
            config_reader_problem(&loader->reader, item, "expected (field, offset from 0, length from 1)");
        kept[i].offset = offset > 0 ? (size_t)offset : 0;
        kept[i].size = size > 0 ? (size_t)size : 0;
    }
    *pieces = (struct pieces){kept, count};
}

/* --- top level ----------------------------------------------------------------------------------- */

static void
load_wire(struct loader *loader, const config_setting_t *root)
{
    const config_setting_t *group = config_reader_group(&loader->reader, root, "wire", 0);
    int count = group != NULL ? config_setting_length(group) : 0;
    struct mapping *mapping = loader->mapping;
    mapping->wire = count > 0 ? load_take(loader, (size_t)count * sizeof *mapping->wire) : NULL;
    for (int i = 0; mapping->wire != NULL && i < count; i++) {
        const char *name = config_setting_name(config_setting_get_elem(group, (unsigned)i));
        const char *text = load_member(loader, group, name, 0);
        mapping->wire[mapping->wire_count++] =
            (struct named_text){load_keep(loader, name), text != NULL ? text : ""};
    }
}

static void
load_charset(struct loader *loader, const config_setting_t *root)
{
    static const struct config_word policies[] = {{"refuse", UNMAPPABLE_REFUSE},
                                                  {"geta", UNMAPPABLE_GETA},
                                                  {"reference", UNMAPPABLE_REFERENCE},
                                                  {NULL, 0}};
    uint32_t policy = UNMAPPABLE_REFUSE;
    struct fep_error error = {0};
    const char *name = load_member(loader, root, "charset", CONFIG_REQUIRED);
    config_reader_choice(&loader->reader, root, "unmappable", 0, policies, &policy);
    if (name == NULL)
        return;
    loader->mapping->charset = charset_open(name, (enum charset_unmappable)policy, &error);
    if (loader->mapping->charset == NULL)
        config_reader_problem(&loader->reader, config_setting_get_member(root, "charset"), "%s", error.text);
}

struct place_of_problem {
    struct loader *loader;
    const config_setting_t *at;
};

static void
report_crosswalk(void *arg, const char *text)
{
    const struct place_of_problem *place = arg;
    config_reader_problem(&place->loader->reader, place->at, "%s", text);
}

static void
load_crosswalk(struct loader *loader, const config_setting_t *root)
{
    char path[1536];
    struct place_of_problem place = {loader, config_setting_get_member(root, "crosswalk")};
    struct crosswalk_report report = {.problem = report_crosswalk, .arg = &place};
    const char *name = load_member(loader, root, "crosswalk", 0);
    if (name == NULL)
        return;
    if (name[0] == '/')
        snprintf(path, sizeof path, "%s", name);
    else
        snprintf(path, sizeof path, "%.1000s/%s", loader->mapping->base_directory, name);
    loader->mapping->crosswalk_path = load_keep(loader, path);
    loader->mapping->crosswalk = crosswalk_load(path, clock_date(clock_wall_ms(&clock_system)), &report);
    /* Reported: the rest of the file is still worth checking. */
    loader->crosswalk_failed = loader->mapping->crosswalk == NULL;
}

static void
load_head(struct loader *loader, const config_setting_t *root)
{
    static const char *const keys[] = {"request", "answer", NULL};
    struct mapping *mapping = loader->mapping;
    mapping->head_question = load_find_layout(loader, "head-Q");
    mapping->head_answer = load_find_layout(loader, "head-R");
    const config_setting_t *group = config_reader_group(&loader->reader, root, "head", 0);
    if (group != NULL) {
        config_reader_check_keys(&loader->reader, group, keys);
        load_rules(loader, group, "request",
                   &(struct rule_scope){.layout = mapping->head_question, .is_head = true},
                   &mapping->head_request);
        load_rules(loader, group, "answer",
                   &(struct rule_scope){.layout = mapping->head_answer, .is_head = true},
                   &mapping->head_response);
    }
    const config_setting_t *pieces = config_reader_list(&loader->reader, root, "msgid", 0);
    mapping->serves = config_reader_has(root, "msgid");
    if (pieces != NULL && config_reader_count(pieces) == 0)
        config_reader_problem(&loader->reader, pieces, "msgid: the list is empty");
    if (pieces != NULL)
        load_pieces(loader, pieces, mapping->head_question, &mapping->msgid);
}

static void
load_local_only(struct loader *loader, const config_setting_t *root)
{
    const config_setting_t *list = config_reader_list(&loader->reader, root, "local_only", 0);
    size_t count = load_count(loader, list);
    struct mapping *mapping = loader->mapping;
    mapping->local_only = count > 0 ? load_take(loader, count * sizeof *mapping->local_only) : NULL;
    for (size_t i = 0; mapping->local_only != NULL && i < count; i++) {
        const char *local = load_item(loader, list, (int)i);
        if (local != NULL)
            mapping->local_only[mapping->local_only_count++] = local;
    }
}

static void
load_all(struct loader *loader)
{
    static const char *const keys[] = {
        "name",    "system",     "family",        "version",       "charset", "unmappable",
        "region",  "order_area", "wire",          "msgid",         "errors",  "errors_default",
        "codes",   "crosswalk",  "layouts",       "local_only",    "head",    "transactions",
        "inquire", "reverse",    "serve_reverse", "serve_inquire", NULL};
    static const struct config_word order_areas[] = {{"insured", 1}, {NULL, 0}};
    struct mapping *mapping = loader->mapping;
    const config_setting_t *root = config_reader_root(&loader->reader);
    uint32_t order_area;
    config_reader_check_keys(&loader->reader, root, keys);
    mapping->name = load_member(loader, root, "name", CONFIG_REQUIRED);
    mapping->system = load_member(loader, root, "system", CONFIG_REQUIRED);
    mapping->family = load_member(loader, root, "family", CONFIG_REQUIRED);
    mapping->version = load_member(loader, root, "version", 0);
    mapping->region = load_member(loader, root, "region", CONFIG_REQUIRED);
    if (mapping->region != NULL && !area_is_valid(mapping->region))
        config_reader_problem(&loader->reader, config_setting_get_member(root, "region"),
                              "region \"%.20s\"; expected six digits", mapping->region);
    config_reader_choice(&loader->reader, root, "order_area", 0, order_areas, &order_area);
    load_charset(loader, root);
    load_wire(loader, root);
    load_layouts(loader, root);
    load_codes(loader, root);
    load_errors(loader, root);
    load_crosswalk(loader, root);
    /* Of another type: reported, and then nothing of the rest could be held against a layout. */
    const config_setting_t *layouts = config_setting_get_member(root, "layouts");
    if (layouts != NULL && !config_setting_is_aggregate(layouts))
        return;
    load_head(loader, root);
    load_local_only(loader, root);
    load_transactions(loader, root);
    load_operations(loader, root);
    mapping_check(loader, root);
}

struct mapping *
mapping_load_with(const char *path, const char *base_directory, const struct mapping_tables *tables,
                  void (*report)(void *arg, const char *line), void *arg, struct fep_error *error)
{
    struct loader loader = {.mapping = calloc(1, sizeof *loader.mapping), .tables = tables};
    if (loader.mapping == NULL) {
        error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a mapping");
        return NULL;
    }
    loader.mapping->base_directory =
        arena_text(&loader.mapping->arena, base_directory, strlen(base_directory));
    int status = config_reader_open(&loader.reader, path, FEP_E_MAPPING_INVALID, report, arg, error);
    if (status == 0 && loader.mapping->base_directory != NULL)
        load_all(&loader);
    if (config_reader_close(&loader.reader) < 0)
        status = -1;
    if (status == 0 && (loader.no_memory || loader.mapping->base_directory == NULL))
        status = error_set(error, 0, FEP_E_NO_MEMORY, "no memory for the mapping %s", path);
    if (status == 0)
        return loader.mapping;
    mapping_destroy(loader.mapping);
    return NULL;
}

struct mapping *
mapping_load(const char *path, const char *base_directory, void (*report)(void *arg, const char *line),
             void *arg, struct fep_error *error)
{
    return mapping_load_with(path, base_directory, &(struct mapping_tables){0}, report, arg, error);
}

void
mapping_destroy(struct mapping *mapping)
{
    if (mapping == NULL)
        return;
    charset_close(mapping->charset);
    crosswalk_destroy(mapping->crosswalk);
    coverage_destroy(mapping->coverage);
    arena_free(&mapping->arena);
    free(mapping);
}
