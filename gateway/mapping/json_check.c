/* Strict JSON, byte by byte. Must never allocate by what the text claims, nor recurse; fails with what was
 * expected and the byte. What passes here means the same to every reader. */
#include "json_check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

struct member { /* one member name of one open or closed object */
    uint32_t object, size;
    size_t at;
};

struct check {
    const char *text;
    size_t size, at;
    struct member *members; /* open addressing */
    size_t member_count, member_room;
    uint32_t objects;
    unsigned depth;
    char open[JSON_MAX_DEPTH]; /* '{' or '[' */
    uint32_t object_of[JSON_MAX_DEPTH];
    struct fep_error *error;
};

static int
refuse(struct check *check, const char *expected)
{
    return error_set(check->error, FEP_REFUSED, FEP_E_MALFORMED_REQUEST, "JSON, byte %zu: expected %s",
                     check->at, expected);
}

static void
skip_blanks(struct check *check)
{
    while (check->at < check->size && strchr(" \t\r\n", check->text[check->at]) != NULL &&
           check->text[check->at] != '\0')
        check->at++;
}

static char
next(const struct check *check)
{
    return check->at < check->size ? check->text[check->at] : '\0';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- strings ------------------------------------------------------------------------------------- */

static int
read_unit(struct check *check, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = next(check);
        unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return refuse(check, "four hexadecimal digits");
        *unit = *unit * 16 + digit;
        check->at++;
    }
    return 0;
}

/* After "\u". */
static int
take_unicode(struct check *check)
{
    unsigned unit, low;
    if (read_unit(check, &unit) < 0)
        return -1;
    if (unit == 0)
        return refuse(check, "a character other than NUL");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return refuse(check, "a high surrogate before the low one");
    if (unit < 0xD800 || unit > 0xDBFF)
        return 0;
    if (check->size - check->at < 2 || memcmp(check->text + check->at, "\\u", 2) != 0)
        return refuse(check, "a low surrogate");
    check->at += 2;
    if (read_unit(check, &low) < 0)
        return -1;
    return low >= 0xDC00 && low <= 0xDFFF ? 0 : refuse(check, "a low surrogate");
}

static int
take_string(struct check *check, bool is_name)
{
    if (next(check) != '"')
        return refuse(check, "a text in quotes");
    check->at++;
    while (check->at < check->size) {
        unsigned char c = (unsigned char)check->text[check->at];
        if (c == '"') {
            check->at++;
            return 0;
        }
        if (c < 0x20)
            return refuse(check, "no control character in a text");
        if (c == '\\') {
            if (is_name)
                return refuse(check, "a member name without escapes");
            check->at++;
            char escaped = next(check);
            if (escaped == '\0' || strchr("\"\\/bfnrtu", escaped) == NULL)
                return refuse(check, "a known escape");
            check->at++;
            if (escaped == 'u' && take_unicode(check) < 0)
                return -1;
            continue;
        }
        size_t width = c < 0x80 ? 1 : utf8_character(check->text + check->at, check->size - check->at);
        if (width == 0)
            return refuse(check, "legal UTF-8");
        check->at += width;
    }
    return refuse(check, "the end of a text");
}

/* --- member names -------------------------------------------------------------------------------- */

static size_t
hash_name(const struct check *check, const struct member *member)
{
    uint64_t hash = 14695981039346656037ull ^ member->object;
    for (size_t i = 0; i < member->size; i++)
        hash = (hash ^ (unsigned char)check->text[member->at + i]) * 1099511628211ull;
    return (size_t)(hash ^ hash >> 29);
}

static struct member *
find_place(const struct check *check, struct member *table, size_t room, const struct member *wanted)
{
    size_t place = hash_name(check, wanted) & (room - 1);
    while (table[place].object != 0 &&
           (table[place].object != wanted->object || table[place].size != wanted->size ||
            memcmp(check->text + table[place].at, check->text + wanted->at, wanted->size) != 0))
        place = (place + 1) & (room - 1);
    return &table[place];
}

static int
grow_members(struct check *check)
{
    size_t room = check->member_room == 0 ? 64 : check->member_room * 2;
    struct member *table = calloc(room, sizeof *table);
    if (table == NULL)
        return error_set(check->error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory to check a body");
    for (size_t i = 0; i < check->member_room; i++) {
        if (check->members[i].object != 0)
            *find_place(check, table, room, &check->members[i]) = check->members[i];
    }
    free(check->members);
    check->members = table;
    check->member_room = room;
    return 0;
}

static int
take_name(struct check *check)
{
    size_t begin = check->at + 1;
    if (take_string(check, true) < 0)
        return -1;
    struct member member = {
        .object = check->object_of[check->depth - 1], .size = (uint32_t)(check->at - begin - 1), .at = begin};
    if (check->member_count * 4 >= check->member_room * 3 && grow_members(check) < 0)
        return -1;
    struct member *place = find_place(check, check->members, check->member_room, &member);
    if (place->object != 0)
        return refuse(check, "each member once");
    *place = member;
    check->member_count++;
    skip_blanks(check);
    if (next(check) != ':')
        return refuse(check, "a colon");
    check->at++;
    return 0;
}

/* --- values -------------------------------------------------------------------------------------- */

static int
take_number(struct check *check)
{
    size_t digits = 0;
    if (next(check) == '-')
        check->at++;
    bool zero = next(check) == '0';
    while (is_digit(next(check))) {
        digits++;
        check->at++;
    }
    if (digits == 0 || digits > JSON_MAX_INTEGER_DIGITS || (zero && digits > 1))
        return refuse(check, "a number of 1 to 18 digits without leading zeros");
    if (next(check) == '.') {
        check->at++;
        digits = 0;
        while (is_digit(next(check))) {
            digits++;
            check->at++;
        }
        if (digits == 0 || digits > JSON_MAX_INTEGER_DIGITS)
            return refuse(check, "1 to 18 decimals");
    }
    return next(check) == 'e' || next(check) == 'E' ? refuse(check, "a number without exponent") : 0;
}

static int
take_word(struct check *check)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if (check->size - check->at >= size && memcmp(check->text + check->at, words[i], size) == 0) {
            check->at += size;
            return 0;
        }
    }
    return refuse(check, "a value");
}

static int
open_level(struct check *check, char bracket)
{
    if (check->depth == JSON_MAX_DEPTH)
        return refuse(check, "at most 32 levels");
    check->open[check->depth] = bracket;
    check->object_of[check->depth] = ++check->objects;
    check->depth++;
    check->at++;
    return 0;
}

/* One value that is not a container, or the opening of one. *opened says which. */
static int
take_value(struct check *check, bool *opened)
{
    char c = next(check);
    *opened = c == '{' || c == '[';
    if (*opened)
        return open_level(check, c);
    if (c == '"')
        return take_string(check, false);
    return c == '-' || is_digit(c) ? take_number(check) : take_word(check);
}

/* Behind a value: closes what ends here, and stands before the next value or at the end (depth 0). */
static int
close_levels(struct check *check)
{
    while (check->depth > 0) {
        char bracket = check->open[check->depth - 1], c;
        skip_blanks(check);
        c = next(check);
        if (c == (bracket == '{' ? '}' : ']')) {
            check->at++;
            check->depth--;
            continue;
        }
        if (c != ',')
            return refuse(check, bracket == '{' ? "a comma or }" : "a comma or ]");
        check->at++;
        skip_blanks(check);
        return bracket == '{' ? take_name(check) : 0;
    }
    return 0;
}

static int
check_all(struct check *check)
{
    for (;;) {
        bool opened;
        skip_blanks(check);
        if (take_value(check, &opened) < 0)
            return -1;
        if (opened) {
            char bracket = check->open[check->depth - 1];
            skip_blanks(check);
            if (next(check) != (bracket == '{' ? '}' : ']')) {
                if (bracket == '{' && take_name(check) < 0)
                    return -1;
                continue;
            }
        }
        if (close_levels(check) < 0)
            return -1;
        if (check->depth == 0)
            break;
    }
    skip_blanks(check);
    return check->at == check->size ? 0 : refuse(check, "nothing behind the value");
}

int
json_check(const char *text, size_t size, struct fep_error *error)
{
    struct check check = {.text = text, .size = size, .error = error};
    int status = check_all(&check);
    free(check.members);
    return status;
}
