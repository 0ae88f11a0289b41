/* convert = "form": one id in two spellings, such as a serial with and without its prefix. Must never lose a
 * character of a value that is to come back: a form that can not be turned back works in one direction only,
 * and that is found when the file is read. */
#include "translation.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { MOST_PIECES = 32 };

/* --- reading ------------------------------------------------------------------------------------- */

/* {OFFSET:LENGTH} or {OFFSET:}; its length in the template, 0: neither. */
static size_t
read_piece(const char *text, struct form_piece *piece)
{
    char *end;
    if (text[1] < '0' || text[1] > '9')
        return 0;
    unsigned long offset = strtoul(text + 1, &end, 10), length = 0;
    if (*end != ':')
        return 0;
    if (end[1] != '}') {
        if (end[1] < '0' || end[1] > '9')
            return 0;
        length = strtoul(end + 1, &end, 10);
        if (length == 0)
            return 0;
    } else {
        end++;
    }
    if (*end != '}' || offset > MAP_TEXT || length > MAP_TEXT)
        return 0;
    *piece = (struct form_piece){NULL, offset, length};
    return (size_t)(end + 1 - text);
}

/* Do the pieces make up the value from its first byte, each byte once? Then how many bytes without the rest.
 */
static bool
is_whole(const struct form_piece *pieces, size_t count, size_t *covered)
{
    bool open = false, moved = true;
    *covered = 0;
    while (moved && !open) {
        moved = false;
        for (size_t i = 0; !moved && i < count; i++) {
            if (pieces[i].literal != NULL || pieces[i].offset != *covered)
                continue;
            *covered += pieces[i].length;
            open = pieces[i].length == 0;
            moved = true;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].literal != NULL)
            continue;
        if (pieces[i].offset + pieces[i].length > *covered || (pieces[i].length == 0 && !open))
            return false;
        for (size_t j = 0; j < i; j++) {
            size_t from = pieces[i].offset, to = from + pieces[i].length;
            bool both_rest = pieces[i].length == 0 && pieces[j].length == 0;
            if (pieces[j].literal == NULL &&
                (both_rest || (from < pieces[j].offset + pieces[j].length && pieces[j].offset < to)))
                return false;
        }
    }
    return *covered > 0 || open;
}

static size_t
read_pieces(struct loader *loader, const char *text, struct form_piece pieces[MOST_PIECES])
{
    size_t count = 0;
    for (const char *at = text; *at != '\0';) {
        size_t size = 0;
        if (count == MOST_PIECES)
            return 0;
        if (*at == '{') {
            size = read_piece(at, &pieces[count]);
        } else {
            size = strcspn(at, "{");
            pieces[count] =
                (struct form_piece){.literal = arena_text(&loader->mapping->arena, at, size), .length = size};
            loader->no_memory = loader->no_memory || pieces[count].literal == NULL;
        }
        if (size == 0 || (pieces[count].literal != NULL && strchr(pieces[count].literal, '}') != NULL))
            return 0;
        count++;
        at += size;
    }
    return count;
}

const struct form *
load_form(struct loader *loader, const config_setting_t *at, const char *text)
{
    struct form_piece pieces[MOST_PIECES];
    size_t count = read_pieces(loader, text, pieces), values = 0, rests = 0;
    for (size_t i = 0; i < count; i++) {
        values += pieces[i].literal == NULL;
        rests += pieces[i].literal == NULL && pieces[i].length == 0;
    }
    if (values == 0 || rests > 1) {
        config_reader_problem(&loader->reader, at,
                              "form = \"%.60s\"; expected pieces {OFFSET:LENGTH}, at most one {OFFSET:}, and "
                              "other characters between them",
                              text);
        return NULL;
    }
    struct form *form = load_take(loader, sizeof *form);
    struct form_piece *kept = load_take(loader, count * sizeof *kept);
    if (form == NULL || kept == NULL)
        return NULL;
    memcpy(kept, pieces, count * sizeof *kept);
    *form = (struct form){.text = text, .list = kept, .count = count, .open = rests == 1};
    form->whole = is_whole(pieces, count, &form->covered);
    for (size_t i = 0; i < count; i++) {
        size_t end = pieces[i].literal == NULL ? pieces[i].offset + pieces[i].length : 0;
        form->local_size += pieces[i].length;
        if (!form->whole && end > form->covered)
            form->covered = end;
    }
    return form;
}

/* --- values -------------------------------------------------------------------------------------- */

static int
fault(struct translation *translation, const struct rule *rule)
{
    return translation_fault(translation, rule, FEP_E_INVALID_FIELD, "not of the form \"%.60s\"",
                             rule->form->text);
}

static bool
is_ascii(struct fep_bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] >= 0x80)
            return false;
    }
    return true;
}

int
form_out(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct form *form = rule->form;
    /* Where it comes back, nothing may be left out; else it is an extract. */
    bool exact = !form->open && (rule->directions & DIRECTION_IN) != 0;
    if (!is_ascii(*value) || value->size < form->covered || (exact && value->size != form->covered))
        return fault(translation, rule);
    char *out = arena_take(&translation->scratch, form->local_size + value->size + 1);
    size_t size = 0;
    if (out == NULL)
        return translation_no_memory(translation);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_piece *piece = &form->list[i];
        size_t length =
            piece->literal == NULL && piece->length == 0 ? value->size - piece->offset : piece->length;
        memcpy(out + size,
               piece->literal != NULL ? piece->literal : (const char *)value->data + piece->offset, length);
        size += length;
    }
    *value = (struct fep_bytes){(const unsigned char *)out, size};
    return 0;
}

static bool
matches(const char *literal, const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (literal[i] != '?' && (unsigned char)literal[i] != text[i])
            return false;
    }
    return true;
}

int
form_in(struct translation *translation, const struct rule *rule, struct fep_bytes *value)
{
    const struct form *form = rule->form;
    if (!is_ascii(*value) || value->size < form->local_size ||
        (!form->open && value->size != form->local_size))
        return fault(translation, rule);
    size_t rest = value->size - form->local_size, at = 0;
    char *out = arena_take(&translation->scratch, form->covered + rest + 1);
    if (out == NULL)
        return translation_no_memory(translation);
    for (size_t i = 0; i < form->count; i++) {
        const struct form_piece *piece = &form->list[i];
        size_t length = piece->literal == NULL && piece->length == 0 ? rest : piece->length;
        if (piece->literal == NULL)
            memcpy(out + piece->offset, value->data + at, length);
        else if (!matches(piece->literal, value->data + at, length))
            return fault(translation, rule);
        at += length;
    }
    *value = (struct fep_bytes){(const unsigned char *)out, form->covered + rest};
    return 0;
}
