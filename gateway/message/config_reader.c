/* Opens libconfig files and reads typed values out of them, collecting problems with file and line. Must
 * never hand out a value that differs from what stands in the file, nor stop at the first mistake of an
 * operator. Fails through config_reader_close, once, with everything reported. */
#include "config_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config_scan.h"
#include "error.h"
#include "utf8.h"

#define REPORT_LIMIT 200 /* a file of another kind altogether is not worth more lines */

static const char *
type_name(int type)
{
    switch (type) {
    case CONFIG_TYPE_GROUP:
        return "a group { ... }";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "an integer";
    case CONFIG_TYPE_FLOAT:
        return "a number with a point";
    case CONFIG_TYPE_STRING:
        return "a text in quotes";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ... ]";
    case CONFIG_TYPE_LIST:
        return "a list ( ... )";
    default:
        return "nothing";
    }
}

static void
add_problem(struct config_reader *reader, const char *file, int line, const char *text)
{
    char place[1100], message[1700];
    if (line > 0)
        snprintf(place, sizeof place, "%s:%d", file, line);
    else
        snprintf(place, sizeof place, "%s", file);
    snprintf(message, sizeof message, "%s: %s", place, text);
    utf8_drop_half(message);
    utf8_make_printable(message); /* it may quote the file */
    if (reader->problems == 0) {
        size_t size = strnlen(message, sizeof reader->first - 1);
        memcpy(reader->first, message, size);
        reader->first[size] = '\0';
        utf8_drop_half(reader->first);
    }
    reader->problems++;
    if (reader->report && reader->problems <= REPORT_LIMIT)
        reader->report(reader->arg, message);
    else if (reader->report && reader->problems == REPORT_LIMIT + 1)
        reader->report(reader->arg, "further problems are not shown");
}

static void
add_scan_problem(void *arg, const char *file, int line, const char *text, const long long *number)
{
    struct config_reader *reader = arg;
    add_problem(reader, file, line, text);
    if (number != NULL && reader->misread_count < sizeof reader->misread / sizeof *reader->misread) {
        reader->misread[reader->misread_count].line = line;
        reader->misread[reader->misread_count++].value = *number;
    }
}

/* libconfig wraps what it can not hold, or keeps its largest number. */
bool
config_reader_is_misread(const struct config_reader *reader, const config_setting_t *at)
{
    int type = at ? config_setting_type(at) : CONFIG_TYPE_NONE;
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return false;
    long long value = type == CONFIG_TYPE_INT ? config_setting_get_int(at) : config_setting_get_int64(at);
    for (size_t i = 0; i < reader->misread_count; i++) {
        if (reader->misread[i].line == (int)config_setting_source_line(at) &&
            (reader->misread[i].value == value || (int)reader->misread[i].value == value))
            return true;
    }
    return false;
}

int
config_reader_where(const struct config_reader *reader, const config_setting_t *at, char *out,
                    size_t out_size)
{
    /* libconfig names an included file as the @include does, the main file as it was opened. */
    const char *file = at ? config_setting_source_file(at) : NULL;
    if (!file || strcmp(file, reader->path) == 0)
        snprintf(out, out_size, "%s", reader->path);
    else
        snprintf(out, out_size, "%s/%s", reader->folder, file);
    return at ? (int)config_setting_source_line(at) : 0;
}

void
config_reader_problem(struct config_reader *reader, const config_setting_t *at, const char *format, ...)
{
    char text[512], file[1100];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0)
        text[0] = '\0';
    utf8_drop_half(text);
    int line = config_reader_where(reader, at, file, sizeof file);
    add_problem(reader, file, line, text);
}

static void
add_parse_problem(struct config_reader *reader)
{
    const char *file = config_error_file(&reader->config);
    const char *text = config_error_text(&reader->config);
    char path[2100];
    if (!file || strcmp(file, reader->path) == 0)
        snprintf(path, sizeof path, "%s", reader->path);
    else
        snprintf(path, sizeof path, "%s/%s", reader->folder, file);
    add_problem(reader, path, config_error_line(&reader->config), text ? text : "cannot be parsed");
}

int
config_reader_open(struct config_reader *reader, const char *path, unsigned code,
                   void (*report)(void *arg, const char *line), void *arg, struct fep_error *error)
{
    memset(reader, 0, sizeof *reader);
    config_init(&reader->config);
    reader->report = report;
    reader->arg = arg;
    reader->error = error;
    reader->code = code;
    int size = snprintf(reader->path, sizeof reader->path, "%s", path);
    if (size < 0 || (size_t)size >= sizeof reader->path) {
        add_problem(reader, "configuration", 0, "the file's name is too long");
        return -1;
    }
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(reader->folder, sizeof reader->folder, ".");
    else
        snprintf(reader->folder, sizeof reader->folder, "%.*s", slash == path ? 1 : (int)(slash - path),
                 path);
    if (config_scan(path, reader->folder, add_scan_problem, reader) < 0)
        return -1;
    config_set_include_dir(&reader->config, reader->folder);
    if (config_read_file(&reader->config, path) != CONFIG_TRUE) {
        add_parse_problem(reader);
        return -1;
    }
    return 0;
}

int
config_reader_close(struct config_reader *reader)
{
    config_destroy(&reader->config);
    if (reader->problems == 0)
        return 0;
    if (reader->problems == 1)
        return error_set(reader->error, (enum fep_kind)0, reader->code, "%s", reader->first);
    return error_set(reader->error, (enum fep_kind)0, reader->code, "%s (and %zu more)", reader->first,
                     reader->problems - 1);
}

const config_setting_t *
config_reader_root(const struct config_reader *reader)
{
    return config_root_setting(&reader->config);
}

/* How many single-character edits turn one name into the other; names longer than 31 count as far apart. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t row[32], a_size = strlen(a), b_size = strlen(b);
    if (a_size > 31 || b_size > 31)
        return 99;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t above = row[j];
            size_t best = corner + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = above;
            row[j] = best;
        }
    }
    return row[b_size];
}

static const char *
find_nearest(const char *name, const char *const allowed[])
{
    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 2;
    for (size_t i = 0; allowed[i]; i++) {
        size_t distance = edit_distance(name, allowed[i]);
        if (distance < least) {
            least = distance;
            nearest = allowed[i];
        }
    }
    return nearest;
}

void
config_reader_check_keys(struct config_reader *reader, const config_setting_t *group,
                         const char *const allowed[])
{
    for (int i = 0; i < config_reader_count(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(member);
        size_t place = 0;
        while (name && allowed[place] && strcmp(name, allowed[place]) != 0)
            place++;
        if (!name || allowed[place])
            continue;
        const char *nearest = find_nearest(name, allowed);
        if (nearest)
            config_reader_problem(reader, member, "unknown key %s: did you mean %s?", name, nearest);
        else
            config_reader_problem(reader, member, "unknown key %s", name);
    }
}

bool
config_reader_has(const config_setting_t *group, const char *name)
{
    return group && config_setting_is_group(group) && config_setting_get_member(group, name);
}

bool
config_reader_lacks(const config_setting_t *group, const char *name)
{
    if (!config_reader_has(group, name))
        return true;
    const config_setting_t *member = config_setting_get_member(group, name);
    const char *text =
        config_setting_type(member) == CONFIG_TYPE_STRING ? config_setting_get_string(member) : "x";
    return !text || text[0] == '\0';
}

static const config_setting_t *
find_member(struct config_reader *reader, const config_setting_t *group, const char *name, unsigned flags)
{
    if (!group || !config_setting_is_group(group))
        return NULL;
    const config_setting_t *member = config_setting_get_member(group, name);
    if (!member && (flags & CONFIG_REQUIRED))
        config_reader_problem(reader, group, "%s is missing", name);
    return member;
}

static bool
refuse_type(struct config_reader *reader, const config_setting_t *at, const char *name, const char *expected)
{
    config_reader_problem(reader, at, "%s: expected %s, found %s", name, expected,
                          type_name(config_setting_type(at)));
    return false;
}

static bool
copy_text(struct config_reader *reader, const config_setting_t *at, const char *name, unsigned flags,
          char *out, size_t out_size)
{
    if (config_setting_type(at) != CONFIG_TYPE_STRING)
        return refuse_type(reader, at, name, "a text in quotes");
    const char *text = config_setting_get_string(at);
    if (!text)
        text = "";
    if (text[0] == '\0' && (flags & CONFIG_REQUIRED)) {
        config_reader_problem(reader, at, "%s is empty", name);
        return false;
    }
    size_t size = strlen(text);
    if (size >= out_size) {
        config_reader_problem(reader, at, "%s: %zu bytes, at most %zu are allowed", name, size, out_size - 1);
        return false;
    }
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F) {
            config_reader_problem(reader, at, "%s: holds a line break or another control character", name);
            return false;
        }
    memcpy(out, text, size + 1);
    return true;
}

bool
config_reader_text(struct config_reader *reader, const config_setting_t *group, const char *name,
                   unsigned flags, char *out, size_t out_size)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    return at && copy_text(reader, at, name, flags, out, out_size);
}

bool
config_reader_integer(struct config_reader *reader, const config_setting_t *group, const char *name,
                      unsigned flags, int64_t minimum, int64_t maximum, int64_t *out)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    if (!at)
        return false;
    int type = config_setting_type(at);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return refuse_type(reader, at, name, "an integer");
    int64_t value = type == CONFIG_TYPE_INT ? config_setting_get_int(at) : config_setting_get_int64(at);
    if (config_reader_is_misread(reader, at))
        return false;
    if (value < minimum || value > maximum) {
        config_reader_problem(reader, at, "%s = %" PRId64 ": allowed are %" PRId64 " to %" PRId64, name,
                              value, minimum, maximum);
        return false;
    }
    *out = value;
    return true;
}

bool
config_reader_flag(struct config_reader *reader, const config_setting_t *group, const char *name,
                   unsigned flags, bool *out)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    if (!at)
        return false;
    if (config_setting_type(at) != CONFIG_TYPE_BOOL)
        return refuse_type(reader, at, name, "true or false");
    *out = config_setting_get_bool(at) != 0;
    return true;
}

static bool
find_word(struct config_reader *reader, const config_setting_t *at, const char *name,
          const struct config_word *words, uint32_t *value)
{
    if (config_setting_type(at) != CONFIG_TYPE_STRING)
        return refuse_type(reader, at, name, "a text in quotes");
    const char *text = config_setting_get_string(at);
    char known[256] = "";
    for (size_t i = 0; words[i].word; i++) {
        if (text && strcmp(text, words[i].word) == 0) {
            *value = words[i].value;
            return true;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", words[i].word);
    }
    config_reader_problem(reader, at, "%s: \"%.60s\" is not known; expected one of %s", name,
                          text ? text : "", known);
    return false;
}

bool
config_reader_choice(struct config_reader *reader, const config_setting_t *group, const char *name,
                     unsigned flags, const struct config_word *words, uint32_t *out)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    return at && find_word(reader, at, name, words, out);
}

bool
config_reader_words(struct config_reader *reader, const config_setting_t *group, const char *name,
                    unsigned flags, const struct config_word *words, uint32_t *out)
{
    const config_setting_t *list = config_reader_list(reader, group, name, flags);
    if (!list)
        return false;
    uint32_t all = 0;
    bool good = true;
    for (int i = 0; i < config_reader_count(list); i++) {
        uint32_t value = 0;
        if (find_word(reader, config_setting_get_elem(list, (unsigned)i), name, words, &value))
            all |= value;
        else
            good = false;
    }
    if (good)
        *out = all;
    return good;
}

const config_setting_t *
config_reader_group(struct config_reader *reader, const config_setting_t *group, const char *name,
                    unsigned flags)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    if (at && !config_setting_is_group(at)) {
        refuse_type(reader, at, name, "a group { ... }");
        return NULL;
    }
    return at;
}

const config_setting_t *
config_reader_list(struct config_reader *reader, const config_setting_t *group, const char *name,
                   unsigned flags)
{
    const config_setting_t *at = find_member(reader, group, name, flags);
    if (at && !config_setting_is_list(at) && !config_setting_is_array(at)) {
        refuse_type(reader, at, name, "a list ( ... )");
        return NULL;
    }
    return at;
}

int
config_reader_count(const config_setting_t *list)
{
    return list ? config_setting_length(list) : 0;
}

static const char *
list_name(const config_setting_t *list)
{
    const char *name = config_setting_name(list);
    return name ? name : "list";
}

const config_setting_t *
config_reader_item(struct config_reader *reader, const config_setting_t *list, int place, int type)
{
    const config_setting_t *at = config_setting_get_elem(list, (unsigned)place);
    if (at && config_setting_type(at) != type) {
        refuse_type(reader, at, list_name(list), type_name(type));
        return NULL;
    }
    return at;
}

bool
config_reader_item_text(struct config_reader *reader, const config_setting_t *list, int place, char *out,
                        size_t out_size)
{
    const config_setting_t *at = config_setting_get_elem(list, (unsigned)place);
    return at && copy_text(reader, at, list_name(list), CONFIG_REQUIRED, out, out_size);
}
