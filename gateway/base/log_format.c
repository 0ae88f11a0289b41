/* Writes one log line. This is the last place where personal data could slip through: values are typed, text
 * is cut down to codes and names, long digit runs are masked except where the key says that it is one of our
 * own numbers. Must never write a line break or an unescaped quote, nor past the line. Cannot fail: what does
 * not fit is left out. */
#include "log_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "utf8.h"

#define FACILITY_LOCAL0 16
#define TEXT_LIMIT      120
#define SENTENCE_LIMIT  1200
#define DIGIT_RUN       15 /* id numbers have 15 or 18 digits, cards up to 19 */

/* A key outside the list is a mistake of ours: fatal where we look for mistakes, visible but harmless in
 * production, where a log line must not end a process that holds settlements. */
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNLISTED_KEY_ABORTS 1
#else
#define UNLISTED_KEY_ABORTS 0
#endif

struct writer {
    char *out;
    size_t used, size; /* size leaves room for the NUL */
};

static void
put_char(struct writer *writer, char c)
{
    if (writer->used < writer->size)
        writer->out[writer->used++] = c;
}

static void
put_text(struct writer *writer, const char *text)
{
    for (; *text; text++)
        put_char(writer, *text);
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_allowed(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-_.:/+,@", c));
}

/* Length of the run of digits at text. */
static size_t
digit_run(const char *text, size_t limit)
{
    size_t n = 0;
    while (n < limit && is_digit(text[n]))
        n++;
    return n;
}

/* Keys whose values are numbers drawn by systems, not persons', and are needed whole to find an exchange. */
static bool
is_own_number(const char *key)
{
    return strcmp(key, "msgid") == 0 || strcmp(key, "serial") == 0;
}

static void
put_value_text(struct writer *writer, const char *key, const char *text)
{
    size_t size = strnlen(text, TEXT_LIMIT);
    for (size_t i = 0; i < size;) {
        size_t run = digit_run(text + i, size - i);
        if (run >= DIGIT_RUN && !is_own_number(key)) {
            put_text(writer, "***");
            i += run;
        } else if (run > 0) {
            for (; run > 0; run--)
                put_char(writer, text[i++]);
        } else {
            put_char(writer, is_allowed(text[i]) ? text[i] : '?');
            i++;
        }
    }
}

static void
put_money(struct writer *writer, int64_t fen)
{
    uint64_t size = fen < 0 ? -(uint64_t)fen : (uint64_t)fen;
    char text[32];
    snprintf(text, sizeof text, "%s%" PRIu64 ".%02u", fen < 0 ? "-" : "", size / 100, (unsigned)(size % 100));
    put_text(writer, text);
}

/* A number is never a place for an id or card number either. */
static void
put_number(struct writer *writer, const char *key, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, number);
    put_value_text(writer, key, text);
}

/* Legal, but able to change how a line is shown: C1 controls, line and paragraph separators, direction marks.
 */
static bool
is_disguise(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    if (size == 2)
        return at[0] == 0xC2 && at[1] < 0xA0;
    if (size != 3 || at[0] != 0xE2)
        return false;
    return (at[1] == 0x80 && (at[2] == 0x8E || at[2] == 0x8F || (at[2] >= 0xA8 && at[2] <= 0xAE))) ||
           (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
}

static size_t
put_escaped(struct writer *writer, const char *text, size_t rest)
{
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
        put_char(writer, '\\');
        put_char(writer, (char)c);
    } else if (c == '\n') {
        put_text(writer, "\\n");
    } else if (c < 0x20 || c == 0x7F) {
        put_char(writer, ' ');
    } else if (c < 0x80) {
        put_char(writer, (char)c);
    } else {
        size_t size = utf8_character(text, rest);
        if (size == 0 || is_disguise(text, size)) {
            put_char(writer, '?');
            return size ? size : 1;
        }
        for (size_t i = 0; i < size; i++)
            put_char(writer, text[i]);
        return size;
    }
    return 1;
}

/* ` text="..."`, always complete: a sentence that does not fit is cut between characters. */
static void
put_sentence(struct writer *writer, const char *text)
{
    put_text(writer, " text=\"");
    size_t size = strnlen(text, SENTENCE_LIMIT);
    for (size_t i = 0; i < size && writer->used + 8 < writer->size;) {
        size_t run = digit_run(text + i, size - i);
        if (run >= DIGIT_RUN) {
            put_text(writer, "***");
            i += run;
            continue;
        }
        if (run == 0)
            run = 1;
        for (size_t end = i + run; i < end && writer->used + 8 < writer->size;)
            i += put_escaped(writer, text + i, size - i);
    }
    put_char(writer, '"');
}

static bool
is_absent(const struct log_field *field)
{
    return field->type == LOG_TEXT && (!field->text || field->text[0] == '\0');
}

static void
put_field(struct writer *writer, const struct log_field *field)
{
    if (is_absent(field))
        return;
    put_char(writer, ' ');
    put_text(writer, field->key);
    put_char(writer, '=');
    if (field->type == LOG_TEXT)
        put_value_text(writer, field->key, field->text);
    else if (field->type == LOG_MONEY_FEN)
        put_money(writer, field->number);
    else
        put_number(writer, field->key, field->number);
}

static bool
is_listed(const char *keys, const char *key)
{
    size_t size = strlen(key);
    for (const char *at = keys; *at;) {
        size_t n = strcspn(at, " ");
        if (n == size && strncmp(at, key, n) == 0)
            return true;
        at += n + (at[n] == ' ');
    }
    return false;
}

static void
put_unlisted(struct writer *writer, const char *keys, const struct log_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == LOG_SENTENCE || is_listed(keys, fields[i].key))
            continue;
        if (UNLISTED_KEY_ABORTS) {
            fprintf(stderr, "log: key %s is not in the list of this event\n", fields[i].key);
            abort();
        }
        put_text(writer, " unlisted=");
        put_value_text(writer, "unlisted", fields[i].key);
    }
}

static void
put_fields(struct writer *writer, const char *keys, const struct log_field *fields, size_t count)
{
    for (const char *at = keys; *at;) {
        size_t n = strcspn(at, " ");
        for (size_t i = 0; i < count; i++) {
            if (fields[i].type == LOG_SENTENCE || strlen(fields[i].key) != n ||
                strncmp(fields[i].key, at, n) != 0)
                continue;
            put_field(writer, &fields[i]);
            break;
        }
        at += n + (at[n] == ' ');
    }
    put_unlisted(writer, keys, fields, count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type != LOG_SENTENCE)
            continue;
        if (fields[i].text && fields[i].text[0])
            put_sentence(writer, fields[i].text);
        break;
    }
}

size_t
log_format_line(char out[LOG_LINE_SIZE], bool syslog, const struct log_origin *origin, int64_t wall_ms,
                enum log_event event, enum log_severity severity, const struct log_field *fields,
                size_t count)
{
    const struct log_event_description *description = &log_event_table()[event];
    struct writer writer = {out, 0, LOG_LINE_SIZE - 1};
    char time[32];
    clock_format(wall_ms, time);
    char head[256];
    if (syslog)
        snprintf(head, sizeof head, "<%d>1 %s %s %s %d %s - event=%s", FACILITY_LOCAL0 * 8 + (int)severity,
                 time, origin->node, origin->program, origin->pid, description->name, description->name);
    else
        snprintf(head, sizeof head, "%s %s %s[%d] <%d> event=%s", time, origin->node, origin->program,
                 origin->pid, (int)severity, description->name);
    put_text(&writer, head);
    put_fields(&writer, description->keys, fields, count);
    out[writer.used] = '\0';
    return writer.used;
}

void
log_clean_name(char *out, size_t out_size, const char *name)
{
    size_t used = 0;
    for (; name && *name && used + 1 < out_size; name++)
        out[used++] = is_allowed(*name) ? *name : '?';
    if (used == 0)
        out[used++] = '-';
    out[used] = '\0';
}

static const struct log_event_description events[] = {
#define X(name, text, severity, keys, zh, en) {text, LOG_SEV_##severity, keys, zh, en},
    LOG_EVENTS(X)
#undef X
};

const struct log_event_description *
log_event_table(void)
{
    return events;
}
