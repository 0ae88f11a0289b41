/* Layouts: what the fields of a record are. Fails with file and line for what does not make a field. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static const struct config_word types[] = {{"text", FEP_FIELD_TEXT},     {"code", FEP_FIELD_CODE},
                                           {"digits", FEP_FIELD_DIGITS}, {"decimal", FEP_FIELD_DECIMAL},
                                           {"ratio", FEP_FIELD_RATIO},   {NULL, 0}};
static const struct config_word flags[] = {
    {"required", FEP_FIELD_REQUIRED}, {"personal", FEP_FIELD_PERSONAL}, {NULL, 0}};

/* The length of the word, 0 if the table does not have it. */
static size_t
find_word(const struct config_word *words, const char *text, size_t size, uint32_t *value)
{
    for (; words->word != NULL; words++) {
        if (strlen(words->word) == size && memcmp(words->word, text, size) == 0) {
            *value = words->value;
            return size;
        }
    }
    return 0;
}

static void
load_flags(struct loader *loader, const config_setting_t *item, const char *text, struct fep_field *field)
{
    while (*text != '\0') {
        size_t size = strcspn(text, " ");
        uint32_t flag = 0;
        if (size > 0 && find_word(flags, text, size, &flag) == 0)
            config_reader_problem(&loader->reader, item,
                                  "flag \"%.*s\" of field %s; expected required or personal", (int)size, text,
                                  field->name);
        field->flags |= flag;
        text += size + (text[size] == ' ');
    }
}

static bool
read_number(struct loader *loader, const config_setting_t *item, int place, int most, uint32_t *number)
{
    const config_setting_t *at = config_setting_get_elem(item, (unsigned)place);
    int value = at != NULL && config_setting_type(at) == CONFIG_TYPE_INT ? config_setting_get_int(at) : -1;
    if (config_reader_is_misread(&loader->reader, at))
        return false;
    if (value < 0 || value > most) {
        config_reader_problem(&loader->reader, item, "element %d of a field; expected a number from 0 to %d",
                              place + 1, most);
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

/* (name, type, length [, scale] [, flags]) */
static void
load_field(struct loader *loader, const config_setting_t *item, struct fep_field *field)
{
    int count = config_reader_count(item), place = 3;
    const char *type = NULL;
    field->name = load_item(loader, item, 0);
    if (field->name == NULL || (type = load_item(loader, item, 1)) == NULL)
        return;
    if (find_word(types, type, strlen(type), &field->type) == 0)
        config_reader_problem(&loader->reader, item,
                              "type \"%.20s\" of field %s; expected text, code, digits, decimal or ratio",
                              type, field->name);
    if (!read_number(loader, item, 2, 262144, &field->length))
        return;
    bool scaled = field->type == FEP_FIELD_DECIMAL || field->type == FEP_FIELD_RATIO;
    if (scaled && !read_number(loader, item, place++, 9, &field->scale))
        return;
    if (place < count) {
        const char *text = load_item(loader, item, place++);
        if (text != NULL)
            load_flags(loader, item, text, field);
    }
    if (place < count)
        config_reader_problem(&loader->reader, item,
                              "%d elements of field %s; expected (name, type, length%s [, flags])", count,
                              field->name, scaled ? ", scale" : "");
}

static const struct fep_field *
load_fields(struct loader *loader, const config_setting_t *group, size_t *field_count)
{
    const config_setting_t *list = config_reader_list(&loader->reader, group, "fields", CONFIG_REQUIRED);
    size_t count = load_count(loader, list);
    struct fep_field *fields = count > 0 ? load_take(loader, count * sizeof *fields) : NULL;
    if (fields == NULL)
        return NULL;
    *field_count = count;
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_LIST);
        if (item != NULL)
            load_field(loader, item, &fields[i]);
        if (fields[i].name == NULL)
            fields[i].name = "?";
        for (size_t j = 0; j < i; j++) {
            if (item != NULL && strcmp(fields[i].name, fields[j].name) == 0)
                config_reader_problem(&loader->reader, item, "field %s stands twice in this layout",
                                      fields[i].name);
        }
    }
    return fields;
}

static void
load_layout(struct loader *loader, const config_setting_t *group, struct fep_layout *layout)
{
    static const char *const keys[] = {"name", "fields", "group", NULL}, *const group_keys[] = {
                                                                             "name", "max", "fields", NULL};
    config_reader_check_keys(&loader->reader, group, keys);
    layout->name = load_member(loader, group, "name", CONFIG_REQUIRED);
    if (layout->name == NULL)
        layout->name = "?";
    layout->fields = load_fields(loader, group, &layout->field_count);
    const config_setting_t *rows = config_reader_group(&loader->reader, group, "group", 0);
    if (rows == NULL)
        return;
    int64_t most = 0;
    config_reader_check_keys(&loader->reader, rows, group_keys);
    layout->group_name = load_member(loader, rows, "name", CONFIG_REQUIRED);
    config_reader_integer(&loader->reader, rows, "max", CONFIG_REQUIRED, 1, 100000, &most);
    layout->group_max_rows = (size_t)most;
    layout->group_fields = load_fields(loader, rows, &layout->group_field_count);
}

void
load_layouts(struct loader *loader, const config_setting_t *root)
{
    struct mapping *mapping = loader->mapping;
    const config_setting_t *list = config_reader_list(&loader->reader, root, "layouts", CONFIG_REQUIRED);
    size_t count = load_count(loader, list);
    mapping->layouts = count > 0 ? load_take(loader, count * sizeof *mapping->layouts) : NULL;
    for (size_t i = 0; mapping->layouts != NULL && i < count; i++) {
        const config_setting_t *item = config_reader_item(&loader->reader, list, (int)i, CONFIG_TYPE_GROUP);
        if (item == NULL)
            continue;
        struct layout_entry *entry = &mapping->layouts[mapping->layout_count];
        load_layout(loader, item, &entry->layout);
        entry->at = item;
        if (mapping_find_layout(mapping, entry->layout.name) != NULL)
            config_reader_problem(&loader->reader, item, "layout %s stands twice", entry->layout.name);
        mapping->layout_count++;
    }
}

struct fep_layout *
load_find_layout(struct loader *loader, const char *name)
{
    struct mapping *mapping = loader->mapping;
    for (size_t i = 0; i < mapping->layout_count; i++) {
        if (strcmp(mapping->layouts[i].layout.name, name) == 0) {
            mapping->layouts[i].used = true;
            return &mapping->layouts[i].layout;
        }
    }
    return NULL;
}
