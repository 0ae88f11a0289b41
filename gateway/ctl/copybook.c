/* Reads COBOL copybooks of records that travel as text: levels, PIC X and 9, separate leading signs, one
 * table at the end. Must never guess at bytes: what it does not know by heart, packed and overpunched numbers
 * above all, is refused with the reason. */
#include "copybook.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"

enum { MOST_WORDS = 40, LINE_SIZE = 1024, MOST_DIGITS = 18, FEN_DECIMALS = 2 };

struct statement {
    char words[MOST_WORDS][COPYBOOK_NAME];
    size_t count;
    char note[LINE_SIZE]; /* [what stands in brackets in the comment] */
    int line;             /* where it began */
};

struct reading {
    struct copybook *copybook;
    const char *path;
    struct statement statement;
    bool open; /* a statement has begun */
    int line;
    unsigned fillers;
    bool fen; /* whole amounts are fen: two decimals */
    struct fep_error *error;
};

__attribute__((format(printf, 2, 3))) static int
refuse(struct reading *reading, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return error_set(reading->error, 0, FEP_E_USAGE, "%s:%d: %s", reading->path,
                     reading->open ? reading->statement.line : reading->line, what);
}

/* --- pictures ------------------------------------------------------------------------------------- */

/* X(20), 9(8), S9(10)V9(2), 9V9(4), XXX. */
static int
read_picture(struct reading *reading, const char *picture, struct copybook_field *field, bool *is_signed)
{
    unsigned letters = 0, whole = 0, decimals = 0;
    bool point = false;
    const char *at = picture;
    *is_signed = *at == 'S' || *at == 's';
    for (at += *is_signed; *at != '\0';) {
        char c = (char)toupper((unsigned char)*at++);
        unsigned long times = 1;
        if (*at == '(') {
            char *end;
            times = strtoul(at + 1, &end, 10);
            if (*end != ')' || times == 0 || times > 100000)
                return refuse(reading, "PIC %s: a count in brackets is expected to be a number from 1",
                              picture);
            at = end + 1;
        }
        if (c == 'X' && whole + decimals == 0 && !point && !*is_signed)
            letters += (unsigned)times;
        else if (c == '9' && letters == 0)
            *(point ? &decimals : &whole) += (unsigned)times;
        else if (c == 'V' && times == 1 && !point && letters == 0)
            point = true;
        else
            return refuse(
                reading,
                "PIC %s: only X(n), 9(n), 9(n)V9(m) and S9(n)V9(m) SIGN LEADING SEPARATE travel as text "
                "that can be declared",
                picture);
    }
    if (letters == 0 && whole + decimals == 0)
        return refuse(reading, "PIC %s holds nothing", picture);
    if (letters == 0 && (whole + decimals > MOST_DIGITS || decimals > 9))
        return refuse(reading, "PIC %s: at most %d digits, 9 of them decimals", picture, MOST_DIGITS);
    field->type = letters > 0 ? "text" : *is_signed ? "decimal" : point ? "ratio" : "digits";
    field->length = letters + whole + decimals + *is_signed;
    field->scale = reading->fen && *is_signed && !point ? FEN_DECIMALS : decimals;
    return 0;
}

/* --- clauses -------------------------------------------------------------------------------------- */

static bool
is_word(const struct statement *statement, size_t place, const char *word)
{
    return place < statement->count && strcasecmp(statement->words[place], word) == 0;
}

struct clauses {
    const char *picture;
    bool leading, separate;
    unsigned most_rows; /* OCCURS ... TO n; 0: no table */
};

static int
read_occurs(struct reading *reading, size_t *place, struct clauses *clauses)
{
    const struct statement *statement = &reading->statement;
    size_t at = *place;
    if (!is_word(statement, at + 2, "TO"))
        return refuse(reading,
                      "OCCURS without TO and DEPENDING ON: a table of fixed size is written out field by "
                      "field in a mapping");
    unsigned long most = strtoul(at + 3 < statement->count ? statement->words[at + 3] : "", NULL, 10);
    at += 4;
    at += is_word(statement, at, "TIMES");
    if (!is_word(statement, at, "DEPENDING"))
        return refuse(reading, "OCCURS without DEPENDING ON: how many rows there are would not be known");
    at += 1 + is_word(statement, at + 1, "ON");
    if (most == 0 || most > 100000 || at >= statement->count)
        return refuse(reading, "OCCURS; expected OCCURS n TO m DEPENDING ON NAME");
    clauses->most_rows = (unsigned)most;
    *place = at;
    return 0;
}

static int
refuse_binary(struct reading *reading, const char *word)
{
    return refuse(
        reading,
        "%s: packed and binary numbers are bytes of the host's own, not text; have the sender put them on "
        "the wire as DISPLAY with SIGN LEADING SEPARATE",
        word);
}

static int
read_clause(struct reading *reading, size_t *place, struct clauses *clauses)
{
    static const char *const binary[] = {"COMP",           "COMP-1",         "COMP-2", "COMP-3",
                                         "COMP-4",         "COMP-5",         "BINARY", "COMPUTATIONAL",
                                         "PACKED-DECIMAL", "COMPUTATIONAL-3"};
    static const char *const idle[] = {"USAGE", "IS", "DISPLAY", "SIGN"};
    struct statement *statement = &reading->statement;
    const char *word = statement->words[*place];
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        if (strcasecmp(word, binary[i]) == 0)
            return refuse_binary(reading, word);
    }
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        if (strcasecmp(word, idle[i]) == 0)
            return 0;
    }
    if (strcasecmp(word, "REDEFINES") == 0)
        return refuse(reading,
                      "REDEFINES: the same bytes with two meanings need two layouts; split the record");
    if (strcasecmp(word, "TRAILING") == 0)
        return refuse(reading, "SIGN TRAILING: a sign is expected to be leading and separate");
    if (strcasecmp(word, "OCCURS") == 0)
        return read_occurs(reading, place, clauses);
    if (strcasecmp(word, "PIC") == 0 || strcasecmp(word, "PICTURE") == 0) {
        *place += 1 + is_word(statement, *place + 1, "IS");
        clauses->picture = *place < statement->count ? statement->words[*place] : "";
        return 0;
    }
    if (strcasecmp(word, "VALUE") == 0 || strcasecmp(word, "VALUES") == 0) {
        *place = statement->count; /* what a field begins with is no matter of its place */
        return 0;
    }
    clauses->leading = clauses->leading || strcasecmp(word, "LEADING") == 0;
    clauses->separate = clauses->separate || strcasecmp(word, "SEPARATE") == 0;
    if (strcasecmp(word, "LEADING") == 0 || strcasecmp(word, "SEPARATE") == 0 ||
        strcasecmp(word, "CHARACTER") == 0)
        return 0;
    return refuse(reading, "\"%s\" is not understood", word);
}

/* --- items ---------------------------------------------------------------------------------------- */

/* Words of the note: a type, flags. */
static int
read_note(struct reading *reading, struct copybook_field *field)
{
    char *state = NULL, note[LINE_SIZE];
    memcpy(note, reading->statement.note, sizeof note);
    for (char *word = strtok_r(note, " ,", &state); word != NULL; word = strtok_r(NULL, " ,", &state)) {
        if (strcmp(word, "text") == 0 || strcmp(word, "code") == 0) {
            if (strcmp(field->type, "text") != 0 && strcmp(field->type, "code") != 0)
                return refuse(reading, "[%s] is for PIC X", word);
            field->type = word[0] == 't' ? "text" : "code";
        } else if (strcmp(word, "required") == 0 || strcmp(word, "personal") == 0) {
            size_t used = strlen(field->flags);
            snprintf(field->flags + used, sizeof field->flags - used, "%s%s", used > 0 ? " " : "", word);
        } else {
            return refuse(reading, "[%s]: expected code, text, required, personal", word);
        }
    }
    return 0;
}

static int
add_field(struct reading *reading, struct copybook_record *record, const struct clauses *clauses,
          unsigned level)
{
    const struct statement *statement = &reading->statement;
    bool in_group = record->group[0] != '\0' && level > record->group_level, is_signed;
    if (record->group[0] != '\0' && !in_group)
        return refuse(reading, "%s stands behind the table %s: rows are expected at the end of a record",
                      statement->words[1], record->group);
    size_t *count = in_group ? &record->row_count : &record->field_count;
    struct copybook_field *field = (in_group ? record->rows : record->fields) + *count;
    if (*count == COPYBOOK_FIELDS)
        return refuse(reading, "more than %d fields", COPYBOOK_FIELDS);
    *field = (struct copybook_field){.type = "text"};
    if (strcasecmp(statement->words[1], "FILLER") == 0)
        snprintf(field->name, sizeof field->name, "FILLER-%u", ++reading->fillers);
    else
        memcpy(field->name, statement->words[1], sizeof field->name);
    if (read_picture(reading, clauses->picture, field, &is_signed) < 0)
        return -1;
    if (is_signed && !(clauses->leading && clauses->separate))
        return refuse(reading,
                      "PIC %s without SIGN LEADING SEPARATE: the sign would be punched into a digit, in the "
                      "host's own code",
                      clauses->picture);
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(field[-1 - (long)i].name, field->name) == 0)
            return refuse(reading, "%s stands twice in this record", field->name);
    }
    (*count)++;
    return read_note(reading, field);
}

static int
add_group(struct reading *reading, struct copybook_record *record, const struct clauses *clauses,
          unsigned level)
{
    const char *name = reading->statement.words[1];
    if (record->group[0] != '\0')
        return refuse(reading, "%s: a second table in this record (%s is the first); one is possible", name,
                      record->group);
    if (clauses->picture != NULL)
        return refuse(reading, "%s: a table of single values; give its rows a field of their own", name);
    memcpy(record->group, name, sizeof record->group);
    record->group_level = level;
    record->most_rows = clauses->most_rows;
    return 0;
}

/* 01 NAME.  *> [layout 400001-Q 400002-Q] */
static int
add_record(struct reading *reading)
{
    struct copybook *copybook = reading->copybook;
    char *state = NULL, note[LINE_SIZE];
    if (copybook->count == COPYBOOK_RECORDS)
        return refuse(reading, "more than %d records", COPYBOOK_RECORDS);
    struct copybook_record *record = &copybook->records[copybook->count];
    record->fields = calloc(COPYBOOK_FIELDS, sizeof *record->fields);
    record->rows = calloc(COPYBOOK_FIELDS, sizeof *record->rows);
    copybook->count++;
    if (record->fields == NULL || record->rows == NULL)
        return error_set(reading->error, 0, FEP_E_NO_MEMORY, "no memory for a record");
    memcpy(note, reading->statement.note, sizeof note);
    for (char *word = strtok_r(note, " ,", &state); word != NULL; word = strtok_r(NULL, " ,", &state)) {
        if (strcmp(word, "layout") == 0)
            continue;
        if (record->layout_count == COPYBOOK_LAYOUTS)
            return refuse(reading, "more than %d layouts of one record", COPYBOOK_LAYOUTS);
        snprintf(record->layouts[record->layout_count++], COPYBOOK_NAME, "%.60s", word);
    }
    if (record->layout_count == 0)
        memcpy(record->layouts[record->layout_count++], reading->statement.words[1], COPYBOOK_NAME);
    reading->fillers = 0;
    return 0;
}

static int
take_statement(struct reading *reading)
{
    const struct statement *statement = &reading->statement;
    struct copybook *copybook = reading->copybook;
    struct clauses clauses = {0};
    char *end;
    unsigned long level = statement->count > 0 ? strtoul(statement->words[0], &end, 10) : 0;
    if (level == 88 || strcmp(statement->note, "skip") == 0) /* a value's name; what is not to be had */
        return 0;
    if (statement->count < 2 || *end != '\0' || level < 1 || level > 49)
        return refuse(reading, "expected a level from 01 to 49 and a name, got \"%s\"",
                      statement->count > 0 ? statement->words[0] : ".");
    for (size_t place = 2; place < statement->count; place++) {
        if (read_clause(reading, &place, &clauses) < 0)
            return -1;
    }
    if (level == 1)
        return clauses.picture != NULL || clauses.most_rows != 0
                   ? refuse(reading, "a record is expected to be made of fields")
                   : add_record(reading);
    if (copybook->count == 0)
        return refuse(reading, "%s stands before the first 01", statement->words[1]);
    struct copybook_record *record = &copybook->records[copybook->count - 1];
    if (clauses.most_rows != 0)
        return add_group(reading, record, &clauses, (unsigned)level);
    /* A group of fields has no bytes of its own. */
    return clauses.picture == NULL ? 0 : add_field(reading, record, &clauses, (unsigned)level);
}

/* --- lines ---------------------------------------------------------------------------------------- */

static int
take_word(struct reading *reading, const char *word, size_t size)
{
    struct statement *statement = &reading->statement;
    bool ends = size > 0 && word[size - 1] == '.';
    if (!reading->open) {
        *statement = (struct statement){.line = reading->line};
        reading->open = true;
    }
    size -= ends;
    if (size >= COPYBOOK_NAME || (size > 0 && statement->count == MOST_WORDS))
        return refuse(reading, "a word is longer than %d characters, or there are more than %d",
                      COPYBOOK_NAME - 1, MOST_WORDS);
    if (size > 0)
        memcpy(statement->words[statement->count++], word, size);
    return ends ? 1 : 0;
}

/* Sequence numbers in front and marks behind column 72 are of old cards. */
static char *
begin_of_line(char *line)
{
    size_t digits = strspn(line, "0123456789");
    line[strcspn(line, "\r\n")] = '\0';
    if (digits >= 6) {
        if (strlen(line) > 72)
            line[72] = '\0';
        line += 6;
        return *line == '*' || *line == '/' ? line + strlen(line) : line;
    }
    bool comment = strlen(line) > 6 && strspn(line, " ") == 6 && (line[6] == '*' || line[6] == '/');
    return comment || line[0] == '*' ? line + strlen(line) : line;
}

static void
take_note(struct statement *statement, const char *comment)
{
    const char *begin = strchr(comment, '['), *end = begin != NULL ? strchr(begin, ']') : NULL;
    if (end != NULL)
        snprintf(statement->note, sizeof statement->note, "%.*s", (int)(end - begin - 1), begin + 1);
}

static int
take_line(struct reading *reading, char *line)
{
    reading->fen = reading->fen || strstr(line, "*> [amounts in fen]") != NULL;
    char *at = begin_of_line(line), *comment = strstr(at, "*>"), *note = comment;
    int ended = 0;
    if (comment != NULL)
        *comment = '\0';
    while (ended == 0 && *(at += strspn(at, " \t")) != '\0') {
        size_t size = strcspn(at, " \t");
        ended = take_word(reading, at, size);
        at += size;
    }
    if (ended <= 0)
        return ended;
    if (note != NULL)
        take_note(&reading->statement, note + 1);
    int status = take_statement(reading);
    reading->open = false;
    if (status == 0 && *(at + strspn(at, " \t")) != '\0')
        return refuse(reading, "one item a line is expected");
    return status;
}

int
copybook_read(struct copybook *copybook, const char *path, FILE *file, struct fep_error *error)
{
    char line[LINE_SIZE];
    struct reading *reading = calloc(1, sizeof *reading);
    *copybook = (struct copybook){.records = calloc(COPYBOOK_RECORDS, sizeof *copybook->records)};
    int status = 0;
    if (reading == NULL || copybook->records == NULL) {
        free(reading);
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory for a copybook");
    }
    *reading = (struct reading){.copybook = copybook, .path = path, .error = error};
    while (status == 0 && fgets(line, sizeof line, file) != NULL) {
        reading->line++;
        status = strchr(line, '\n') == NULL && strlen(line) == sizeof line - 1
                     ? refuse(reading, "the line is longer than %d bytes", LINE_SIZE - 2)
                     : take_line(reading, line);
    }
    if (status == 0 && ferror(file))
        status = refuse(reading, "it can not be read");
    if (status == 0 && reading->open)
        status = refuse(reading, "an item does not end with a full stop");
    if (status == 0 && copybook->count == 0)
        status = refuse(reading, "there is no record: expected 01 NAME.");
    free(reading);
    return status;
}

void
copybook_free(struct copybook *copybook)
{
    for (size_t i = 0; i < copybook->count; i++) {
        free(copybook->records[i].fields);
        free(copybook->records[i].rows);
    }
    free(copybook->records);
}
