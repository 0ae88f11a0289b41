/* The fake host reads a real mapping file: layouts, error tables and wire facts, no rules. */
#include "fake_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
type_by_name(const char *name)
{
    static const char *const names[] = {"text", "code", "digits", "decimal", "ratio"};
    for (uint32_t i = 0; i < 5; i++) {
        if (strcmp(name, names[i]) == 0)
            return i + 1;
    }
    abort();
}

static const struct fep_field *
read_fields(const config_setting_t *list, size_t *count)
{
    *count = (size_t)config_setting_length(list);
    struct fep_field *fields = calloc(*count > 0 ? *count : 1, sizeof *fields);
    for (unsigned i = 0; i < *count; i++) {
        const config_setting_t *one = config_setting_get_elem(list, i);
        int length = config_setting_length(one);
        fields[i].name = config_setting_get_string_elem(one, 0);
        fields[i].type = type_by_name(config_setting_get_string_elem(one, 1));
        fields[i].length = (uint32_t)config_setting_get_int_elem(one, 2);
        for (int k = 3; k < length; k++) {
            const char *flags = config_setting_get_string_elem(one, k);
            if (flags == NULL)
                fields[i].scale = (uint32_t)config_setting_get_int_elem(one, k);
            else if (strstr(flags, "required") != NULL)
                fields[i].flags |= FEP_FIELD_REQUIRED;
        }
    }
    return fields;
}

static void
read_layouts(struct fake_state *state)
{
    const config_setting_t *list = config_lookup(&state->file, "layouts");
    for (int i = 0; i < config_setting_length(list); i++) {
        config_setting_t *one = config_setting_get_elem(list, (unsigned)i);
        struct fep_layout *layout = &state->layouts[state->layout_count++];
        assert(state->layout_count < MAX_LAYOUTS);
        config_setting_lookup_string(one, "name", &layout->name);
        layout->fields = read_fields(config_setting_get_member(one, "fields"), &layout->field_count);
        config_setting_t *group = config_setting_get_member(one, "group");
        if (group == NULL)
            continue;
        int max = 0;
        config_setting_lookup_string(group, "name", &layout->group_name);
        config_setting_lookup_int(group, "max", &max);
        layout->group_max_rows = (size_t)max;
        layout->group_fields =
            read_fields(config_setting_get_member(group, "fields"), &layout->group_field_count);
    }
}

static const char *
find_pair(const config_setting_t *list, const char *key)
{
    for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
        const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
        if (strcmp(config_setting_get_string_elem(row, 0), key) == 0)
            return config_setting_get_string_elem(row, 1);
    }
    return NULL;
}

static const char *
find_error(struct fake_state *state, const char *key, bool by_local)
{
    static char text[8][24];
    static unsigned turn;
    const config_setting_t *list = config_lookup(&state->file, "errors");
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
        const char *way = config_setting_length(row) > 3 ? config_setting_get_string_elem(row, 3) : NULL;
        if (way != NULL && strcmp(way, by_local ? "out" : "in") == 0)
            continue;
        char *out = text[turn++ % 8];
        snprintf(out, 24, "%s:%d", config_setting_get_string_elem(row, 1),
                 config_setting_get_int_elem(row, 2));
        const char *local = config_setting_get_string_elem(row, 0);
        if (strcmp(by_local ? local : out, key) == 0)
            return by_local ? out : local;
    }
    char class_only[2] = {key[0], '\0'};
    return by_local ? NULL : find_pair(config_lookup(&state->file, "errors_default"), class_only);
}

static const char *
find_finding(struct fake_state *state, const char *section, const char *key)
{
    char path[64];
    const char *text = NULL;
    if (strcmp(key, "field") == 0 || strcmp(key, "local") == 0) {
        snprintf(path, sizeof path, "%s.%s", section, key);
        config_lookup_string(&state->file, path, &text);
        return text;
    }
    if (strncmp(key, "error:", 6) == 0) {
        snprintf(path, sizeof path, "%s.findings_by_error", section);
        const config_setting_t *list = config_lookup(&state->file, path);
        for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
            const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
            if (config_setting_get_int_elem(row, 0) == atoi(key + 6))
                return config_setting_get_string_elem(row, 1);
        }
        return NULL;
    }
    snprintf(path, sizeof path, "%s.findings", section);
    const config_setting_t *findings = config_lookup(&state->file, path);
    if (strncmp(key, "finding:", 8) != 0)
        return find_pair(findings, key);
    for (int i = 0; findings != NULL && i < config_setting_length(findings); i++) {
        const config_setting_t *row = config_setting_get_elem(findings, (unsigned)i);
        if (strcmp(config_setting_get_string_elem(row, 1), key + 8) == 0)
            return config_setting_get_string_elem(row, 0);
    }
    return NULL;
}

static const char *
mapping_text(void *host, const char *section, const char *key)
{
    struct fake_state *state = fake_state_of(host);
    char path[128];
    const char *text = NULL;
    if (strcmp(section, "errors") == 0 || strcmp(section, "results") == 0)
        return find_error(state, key, section[0] == 'e');
    if (strcmp(section, "wire") != 0)
        return find_finding(state, section, key);
    snprintf(path, sizeof path, "wire.%s", key);
    config_lookup_string(&state->file, path, &text);
    return text;
}

static const struct fep_layout *
find_layout(void *host, const char *name)
{
    struct fake_state *state = fake_state_of(host);
    for (size_t i = 0; i < state->layout_count; i++) {
        if (strcmp(state->layouts[i].name, name) == 0)
            return &state->layouts[i];
    }
    return NULL;
}

const char *
fake_local_of(struct fake_state *state, const char *section)
{
    return find_finding(state, section, "local");
}

void
fake_read_mapping(struct fake_state *state, const char *file)
{
    char path[512];
    const char *source = getenv("FEP_SOURCE");
    if (file[0] == '/')
        snprintf(path, sizeof path, "%s", file);
    else
        snprintf(path, sizeof path, "%s/etc/mapping/%s", source != NULL ? source : ".", file);
    config_init(&state->file);
    if (!config_read_file(&state->file, path)) {
        fprintf(stderr, "%s:%d: %s\n", path, config_error_line(&state->file),
                config_error_text(&state->file));
        abort();
    }
    config_lookup_string(&state->file, "charset", &state->charset);
    read_layouts(state);
}

void
fake_free_mapping(struct fake_state *state)
{
    for (size_t i = 0; i < state->layout_count; i++) {
        free((void *)(uintptr_t)state->layouts[i].fields);
        free((void *)(uintptr_t)state->layouts[i].group_fields);
    }
    config_destroy(&state->file);
}

void
fake_offer_mapping(struct fep_host *host)
{
    host->find_layout = find_layout;
    host->mapping_text = mapping_text;
}
