/* What lines look like: the facts of the mapping file, where a line ends, and lists of fields. Must never
 * split inside a character. A fact that can not work fails the opening with its name. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static size_t
wire_number(const struct fep_host *host, const char *key, size_t def)
{
    const char *text = wire_text(host, key);
    return text != NULL ? (size_t)strtoul(text, NULL, 10) : def;
}

/* One of two words; false is the first, which is also what nothing said means. Negative with the error. */
static int
read_choice(const struct fep_host *host, const char *key, const char *first, const char *second, bool *value,
            struct fep_error *error)
{
    const char *text = wire_text(host, key);
    *value = text != NULL && strcmp(text, second) == 0;
    if (text == NULL || *value || strcmp(text, first) == 0)
        return 0;
    return set_error(error, 0, 0, "wire.%s is \"%.20s\"; expected %s or %s", key, text, first, second);
}

/* A mark is one ASCII character that no number, code or date holds. */
static int
read_mark(struct caret_codec *codec, const char *key, unsigned char def, unsigned char *mark,
          struct fep_error *error)
{
    const char *text = wire_text(codec->host, key);
    unsigned char c = text != NULL ? (unsigned char)text[0] : def;
    size_t count = strlen(codec->marks);
    if ((text != NULL && strlen(text) != 1) || c >= 0x7F || (c < 0x21 && c != '\t') ||
        strchr("-.+", (int)c) != NULL || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
        (c >= 'a' && c <= 'z'))
        return set_error(error, 0, 0,
                         "wire.%s: a mark is one ASCII character, and no letter, digit, blank, point or sign",
                         key);
    *mark = c;
    if (strchr(codec->marks, (int)c) == NULL)
        codec->marks[count] = (char)c;
    return 0;
}

static int
read_form(struct caret_codec *codec, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    bool separated;
    if (read_choice(host, "body", "nested", "flat", &codec->flat, error) < 0 ||
        read_choice(host, "fields", "closed", "separated", &separated, error) < 0 ||
        read_choice(host, "records", "opened", "packed", &codec->packed, error) < 0 ||
        read_choice(host, "line_end", "crlf", "lf", &codec->lf, error) < 0)
        return -1;
    codec->closed = !separated;
    if (read_mark(codec, "field_mark", '^', &codec->field_mark, error) < 0 ||
        read_mark(codec, "body_mark", codec->flat ? codec->field_mark : '|', &codec->body_mark, error) < 0 ||
        read_mark(codec, "record_mark", '$', &codec->record_mark, error) < 0 ||
        read_mark(codec, "record_field_mark", codec->body_mark, &codec->record_field_mark, error) < 0)
        return -1;
    if (codec->flat != (codec->field_mark == codec->body_mark))
        return set_error(error, 0, 0, "wire.body_mark and wire.field_mark must be %s where the body is %s",
                         codec->flat ? "the same" : "two", codec->flat ? "flat" : "nested");
    if (codec->record_mark == codec->body_mark || codec->record_mark == codec->field_mark ||
        codec->record_mark == codec->record_field_mark ||
        (!codec->flat && codec->record_field_mark == codec->field_mark) ||
        (codec->packed && codec->record_field_mark == codec->body_mark))
        return set_error(error, 0, 0,
                         "wire.record_mark and wire.record_field_mark can not be told from the other marks");
    return 0;
}

static int
read_values(struct caret_codec *codec, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const char *scheme = wire_text(host, "characters"), *decimals = wire_text(host, "decimals");
    codec->scheme = scheme_by_name(scheme != NULL ? scheme : "gb18030");
    if (codec->scheme == 0)
        return set_error(error, 0, 0, "wire.characters is \"%.20s\"; expected single, gbk, gb18030 or utf8",
                         scheme);
    codec->decimals = decimals == NULL || strcmp(decimals, "exact") == 0 ? DECIMALS_EXACT
                      : strcmp(decimals, "loose") == 0                   ? DECIMALS_LOOSE
                                                                         : DECIMALS_IMPLIED;
    if (codec->decimals == DECIMALS_IMPLIED && strcmp(decimals, "implied") != 0)
        return set_error(error, 0, 0, "wire.decimals is \"%.20s\"; expected exact, loose or implied",
                         decimals);
    codec->replacement = wire_text(host, "mark_replacement");
    codec->empty = wire_text(host, "empty");
    if ((codec->replacement != NULL &&
         (strlen(codec->replacement) > 4 || strpbrk(codec->replacement, codec->marks) != NULL)) ||
        (codec->empty != NULL && (codec->empty[0] == '\0' || strpbrk(codec->empty, codec->marks) != NULL)))
        return set_error(error, 0, 0,
                         "wire.mark_replacement or wire.empty holds a mark, or is too long or empty");
    return 0;
}

static int
find_body(struct caret_codec *codec, const struct fep_layout *q, const struct fep_layout *r,
          struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    codec->request_body = codec->answer_body = SIZE_MAX;
    if (codec->flat)
        return 0;
    int request = find_field(q, wire_text(host, "request_body")),
        answer = find_field(r, wire_text(host, "answer_body"));
    if (request < 0 || answer < 0)
        return set_error(error, 0, 0, "wire.%s_body names no field of head-%s",
                         request < 0 ? "request" : "answer", request < 0 ? "Q" : "R");
    codec->request_body = (size_t)request;
    codec->answer_body = (size_t)answer;
    return 0;
}

int
caret_codec_open(struct caret_codec *codec, const struct fep_host *host, struct fep_error *error)
{
    const struct fep_layout *q = host->find_layout(host->self, "head-Q"),
                            *r = host->find_layout(host->self, "head-R");
    *codec = (struct caret_codec){.host = host};
    if (q == NULL || r == NULL)
        return set_error(error, 0, 0, "the mapping has no layout head-%s", q == NULL ? "Q" : "R");
    if (read_form(codec, error) < 0 || read_values(codec, error) < 0 || find_body(codec, q, r, error) < 0)
        return -1;
    codec->max_line = wire_number(host, "max_line", 262144);
    codec->request_min_fields = wire_number(host, "request_min_fields", q->field_count);
    codec->answer_min_fields = wire_number(host, "answer_min_fields", r->field_count);
    codec->counts = wire_text(host, "counts");
    if (codec->max_line < 64 || codec->max_line > 4u << 20)
        return set_error(error, 0, 0, "wire.max_line is %zu; expected 64 to 4194304", codec->max_line);
    return 0;
}

/* --- lines --- */

size_t
caret_line_end(const struct caret_codec *codec)
{
    return codec->lf ? 1 : 2;
}

size_t
caret_find_line(const struct caret_codec *codec, const unsigned char *data, size_t size, size_t from)
{
    size_t end = size < codec->max_line ? size : codec->max_line;
    for (size_t at = from; at < end; at++) {
        if (data[at] == '\n')
            return codec->lf ? at + 1 : SIZE_MAX;
        if (data[at] != '\r')
            continue;
        if (codec->lf)
            return SIZE_MAX;
        if (at + 1 == size && at + 1 < codec->max_line)
            return 0;
        return at + 1 < end && data[at + 1] == '\n' ? at + 2 : SIZE_MAX;
    }
    return size >= codec->max_line ? SIZE_MAX : 0;
}

/* --- lists --- */

bool
caret_next_field(const struct caret_codec *codec, struct caret_list *list, struct fep_bytes *field)
{
    if (list->over)
        return false;
    for (size_t at = list->at; at < list->size;) {
        size_t length = character_length(codec->scheme, list->data + at, list->size - at);
        if (length == 1 && list->data[at] == list->mark) {
            *field = (struct fep_bytes){list->data + list->at, at - list->at};
            list->at = at + 1;
            return true;
        }
        at += length;
    }
    if (codec->closed)
        return false;
    static const unsigned char nothing[1] = "";
    *field = (struct fep_bytes){list->size > 0 ? list->data + list->at : nothing, list->size - list->at};
    list->at = list->size;
    list->over = true;
    return true;
}

bool
caret_is_blank(const struct caret_codec *codec, struct fep_bytes body)
{
    for (size_t i = 0; i < body.size; i++) {
        if (body.data[i] != ' ' && (body.data[i] == '\0' || strchr(codec->marks, body.data[i]) == NULL))
            return false;
    }
    return true;
}

int
caret_count_field(const struct caret_codec *codec, const struct fep_layout *layout)
{
    const char *at = codec->counts, *word;
    size_t size, name = strlen(layout->name);
    char field[64];
    while (at != NULL && next_word(&at, &word, &size)) {
        if (size <= name + 1 || size - name > sizeof field || memcmp(word, layout->name, name) != 0 ||
            word[name] != ':')
            continue;
        memcpy(field, word + name + 1, size - name - 1);
        field[size - name - 1] = '\0';
        return find_field(layout, field);
    }
    return -1;
}

int
caret_name_place(struct fep_error *error, const char *layout, const char *field, size_t row, size_t position)
{
    if (error == NULL)
        return -1;
    char text[FEP_ERROR_TEXT];
    if (row > 0)
        snprintf(text, sizeof text, "%.40s record %zu field %zu (%.40s): %.300s", layout, row, position,
                 field, error->text);
    else
        snprintf(text, sizeof text, "%.40s field %zu (%.40s): %.300s", layout, position, field, error->text);
    memcpy(error->text, text, sizeof error->text);
    return -1;
}
