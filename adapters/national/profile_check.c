/* The words of a profile: sources of rules, numbers of transactions, HTTP statuses. Must never let a word
 * pass that nothing here would understand when the message is there. Pure. */
#include "profile_check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

static bool
is_one_of(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(*words, word) != 0)
        words++;
    return *words != NULL;
}

/* "a", "a.b": names of members without blanks. */
static bool
is_path(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && text[0] != '.' && text[size - 1] != '.' && strstr(text, "..") == NULL &&
           strpbrk(text, " \t(),\"'[]") == NULL;
}

static bool
is_json(const char *text)
{
    struct json json = {0};
    struct fep_error error;
    bool good = doc_parse(&json, text, strlen(text), &error) == 0;
    doc_finish(&json);
    return good;
}

/* What stands between "NAME(" and the last ")"; false: it does not end so. */
static bool
open_brackets(const char *text, char *inside, size_t room)
{
    size_t size = strlen(text);
    if (size == 0 || text[size - 1] != ')' || size > room)
        return false;
    memcpy(inside, text, size - 1);
    inside[size - 1] = '\0';
    return true;
}

static bool
is_sum(const char *text)
{
    char inside[PROFILE_WORD_ROOM];
    if (!open_brackets(text, inside, sizeof inside) || !is_path(inside))
        return false;
    const char *first = strchr(inside, '.');
    return (strncmp(inside, "input.", 6) == 0 || strncmp(inside, "answer.", 7) == 0) &&
           strchr(first + 1, '.') != NULL;
}

static bool
is_difference(const char *text)
{
    char inside[PROFILE_WORD_ROOM];
    if (!open_brackets(text, inside, sizeof inside))
        return false;
    char *second = strchr(inside, ',');
    if (second == NULL)
        return false;
    *second++ = '\0';
    return strchr(second, ',') == NULL && profile_source_is_known(inside) && profile_source_is_known(second);
}

bool
profile_source_is_known(const char *source)
{
    static const char *const whole[] = {
        "header.msgid",     "header.treat_area", "header.insured_area", "header.institution",
        "header.infno",     "wire.infno",        "clock.datetime",      "clock.date",
        "clock.stamp",      "clock.milli",       "clock.midnight",      "sign_no",
        "attempt.serial20", "file.number",       "file.name",           NULL};
    static const char *const begins[] = {"input.", "any.", "answer.", "body.", "row.", NULL};
    if (source[0] == '=')
        return true;
    if (source[0] == '#')
        return is_json(source + 1);
    if (is_one_of(source, whole))
        return true;
    if (strncmp(source, "sum(", 4) == 0)
        return is_sum(source + 4);
    if (strncmp(source, "difference(", 11) == 0)
        return is_difference(source + 11);
    for (size_t i = 0; begins[i] != NULL; i++) {
        size_t size = strlen(begins[i]);
        bool deep = begins[i][0] == 'i' || strcmp(begins[i], "answer.") == 0;
        if (strncmp(source, begins[i], size) == 0)
            return is_path(source + size) && (deep || strchr(source + size, '.') == NULL);
    }
    return false;
}

bool
profile_target_is_known(const char *target)
{
    char name[PROFILE_WORD_ROOM];
    const char *dot = strchr(target, '.');
    snprintf(name, sizeof name, "%s", target);
    if (dot != NULL && dot - target >= 2 && strncmp(dot - 2, "[]", 2) == 0) /* array[].name */
        memmove(name + (dot - 2 - target), dot, strlen(dot) + 1);
    return is_path(name) && (dot == NULL || strchr(dot + 1, '.') == NULL);
}

bool
profile_number_is_known(const char *word, size_t size)
{
    bool good = size >= 4 && size < INFNO_ROOM;
    for (size_t i = 0; i < size; i++)
        good =
            good && (isdigit((unsigned char)word[i]) || (i + 1 == size && isupper((unsigned char)word[i])));
    return good;
}

bool
profile_status_is_known(const char *word, size_t size)
{
    return size == 3 && (word[0] == '4' || word[0] == '5') && isdigit((unsigned char)word[1]) &&
           isdigit((unsigned char)word[2]);
}
