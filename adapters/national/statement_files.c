/* What files of details and catalogues say: our rows as a table, the other side's table as canonical rows.
 *
 * The rows are made once, on the disk. Must never call a row equal that the other side called otherwise; a
 * row with an unknown word, or too few columns, ends it: then nothing of the file counts.
 */
#include "statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "text.h"

enum { MOST_COLUMNS = 128, MOST_ROWS = 200000, NAME_ROOM = 48 };
enum { ROW_EQUAL = 0, ROW_GONE, ROW_OTHER };

static const char amount_names[4][NAME_ROOM] = {"medfee_sumamt", "fund_pay_sumamt", "acct_pay",
                                                "psn_cash_pay"};

/* --- the rows --- */

static int
fail(struct fep_error *error, const char *text)
{
    memset(error, 0, sizeof *error);
    error->code = 9002;
    snprintf(error->text, sizeof error->text, "%s", text);
    return -1;
}

static int
add_row(struct statement *statement, const struct writer *row, struct fep_error *error)
{
    if (statement->count == MOST_ROWS)
        return fail(error, "more rows than can be read");
    if (statement->count + 1 >= statement->room) {
        size_t room = statement->room == 0 ? 1024 : statement->room * 2;
        long *grown = realloc(statement->at, room * sizeof *grown);
        if (grown == NULL)
            return fail(error, "no memory for rows");
        statement->at = grown;
        statement->room = room;
    }
    if (row->failed || fwrite(row->data, 1, row->size, statement->file) != row->size)
        return fail(error, "a row can not be written to option file_directory");
    statement->at[statement->count++] = statement->end;
    statement->end += (long)row->size;
    statement->at[statement->count] = statement->end;
    return 0;
}

static void
say_member(struct writer *out, const char *name, const char *text, size_t size)
{
    writer_say(out, out->size > 1 ? "," : "{");
    writer_quote(out, name, strlen(name));
    writer_say(out, ":");
    writer_quote(out, text, size);
}

static void
say_amount(struct writer *out, const char *name, int64_t fen)
{
    char text[40];
    uint64_t units = fen < 0 ? (uint64_t)-fen : (uint64_t)fen;
    snprintf(text, sizeof text, "%s%llu.%02llu", fen < 0 ? "-" : "", (unsigned long long)(units / 100),
             (unsigned long long)(units % 100));
    writer_say(out, ",");
    writer_quote(out, name, strlen(name));
    writer_say(out, ":");
    writer_say(out, text);
}

/* --- a file's columns --- */

struct columns {
    char names[MOST_COLUMNS][NAME_ROOM];
    size_t count;
};

static void
read_columns(const char *words, struct columns *columns)
{
    const char *word;
    columns->count = 0;
    for (size_t size; columns->count < MOST_COLUMNS && (size = profile_next_word(&words, &word)) > 0;)
        snprintf(columns->names[columns->count++], NAME_ROOM, "%.*s", (int)size, word);
}

static const char *
column(const struct columns *columns, char *const *values, size_t count, const char *name)
{
    for (size_t i = 0; i < columns->count && i < count; i++) {
        if (strcmp(columns->names[i], name) == 0)
            return values[i];
    }
    return "";
}

/* --- details: our rows go up --- */

static bool
write_cell(const struct json *body, int row, const char *name, struct writer *out)
{
    char text[200];
    int member = doc_member(body, row, name);
    long size = doc_is_empty(body, member) ? 0 : doc_text(body, member, text, sizeof text);
    writer_say(out, size > 0 ? text : "null");
    return size >= 0 && strpbrk(size > 0 ? text : "", "\t\r\n") == NULL;
}

static bool
write_table(const struct task *task, struct writer *out)
{
    struct columns *columns = malloc(sizeof *columns);
    int rows = doc_member(&task->body, task->input, "rows");
    bool good = columns != NULL;
    if (good)
        read_columns(task->national->profile.details.columns, columns);
    for (int at = rows >= 0 ? task->body.nodes[rows].first : -1; good && at >= 0;
         at = task->body.nodes[at].next) {
        for (size_t i = 0; i < columns->count; i++) {
            writer_say(out, i > 0 ? "\t" : "");
            good = write_cell(&task->body, at, columns->names[i], out) && good;
        }
        writer_say(out, "\n");
    }
    free(columns);
    return good && !out->failed;
}

bool
statement_wrap(struct task *task)
{
    struct writer table = {0}, archive = {0};
    char inside[48];
    snprintf(inside, sizeof inside, "%.32s.txt", task->own_msgid);
    bool good = write_table(task, &table);
    if (good)
        archive_write(inside, table.data != NULL ? table.data : "", table.size, &archive);
    good = good && !archive.failed && files_wrap(task, task->file_name, archive.data, archive.size);
    writer_free(&table);
    writer_free(&archive);
    return good;
}

/* --- details: what came back --- */

struct merging {
    struct task *task;
    struct statement *statement;
    struct columns columns;
    struct own {
        char id[40];
        int node;
        char state;
    } * own; /* sorted by id */
    size_t own_count;
};

static int
by_id(const void *a, const void *b)
{
    return strcmp(((const struct own *)a)->id, ((const struct own *)b)->id);
}

static int
collect_own(struct merging *merging, struct fep_error *error)
{
    const struct json *body = &merging->task->body;
    int rows = doc_member(body, merging->task->input, "rows");
    size_t count = rows >= 0 ? body->nodes[rows].count : 0;
    merging->own = calloc(count + 1, sizeof *merging->own);
    if (merging->own == NULL)
        return fail(error, "no memory for rows");
    for (int at = rows >= 0 ? body->nodes[rows].first : -1; at >= 0; at = body->nodes[at].next) {
        struct own *one = &merging->own[merging->own_count++];
        one->node = at;
        if (doc_text(body, doc_member(body, at, "setl_id"), one->id, sizeof one->id) < 0)
            return fail(error, "a settlement's id is too long");
    }
    qsort(merging->own, merging->own_count, sizeof *merging->own, by_id);
    return 0;
}

/* Amounts of a row of the file; false: it has none, or one is none. */
static bool
read_amounts(const struct columns *columns, char *const *values, size_t count, int64_t fen[4])
{
    for (size_t i = 0; i < 3; i++) {
        const char *text = column(columns, values, count, amount_names[i]);
        char digits[24];
        bool negative;
        if (text[0] == '\0' || parse_decimal(text, strlen(text), 2, &negative, digits) < 0)
            return false;
        fen[i] = (int64_t)strtoll(digits, NULL, 10) * (negative ? -1 : 1);
    }
    fen[3] = fen[0] - fen[1] - fen[2];
    return true;
}

static void
say_amounts(struct writer *out, const int64_t fen[4])
{
    for (size_t i = 0; i < 4; i++)
        say_amount(out, amount_names[i], fen[i]);
}

/* Has our row these amounts? */
static bool
has_amounts(const struct merging *merging, const struct own *own, const int64_t fen[4])
{
    const struct json *body = &merging->task->body;
    for (size_t i = 0; i < 3; i++) {
        char text[40], digits[24];
        bool negative;
        long size = doc_text(body, doc_member(body, own->node, amount_names[i]), text, sizeof text);
        if (size <= 0 || parse_decimal(text, (size_t)size, 2, &negative, digits) < 0 ||
            (int64_t)strtoll(digits, NULL, 10) * (negative ? -1 : 1) != fen[i])
            return false;
    }
    return true;
}

/* A row that only the other side has, or, with `own`, has otherwise. Where that does not show in the amounts
 * its state says so (3), that it is not taken for equal. */
static int
add_theirs(struct merging *merging, const struct own *own, char *const *values, size_t count,
           struct fep_error *error)
{
    static const char *const names[] = {"setl_id", "msgid", "mdtrt_id", "psn_no"};
    const struct columns *columns = &merging->columns;
    struct writer row = {0};
    int64_t fen[4];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = column(columns, values, count, names[i]);
        say_member(&row, names[i], text, strlen(text));
    }
    bool known = read_amounts(columns, values, count, fen);
    bool back = column(columns, values, count, "refd_setl_flag")[0] == '1' && known && fen[0] >= 0;
    bool hidden = own != NULL && (!known || has_amounts(merging, own, fen));
    say_member(&row, "state", hidden ? "3" : back ? "5" : "1", 1);
    if (known)
        say_amounts(&row, fen);
    writer_say(&row, "}");
    int status = add_row(merging->statement, &row, error);
    writer_free(&row);
    return status;
}

static int
take_result(void *arg, char *line, size_t size, struct fep_error *error)
{
    struct merging *merging = arg;
    const struct profile_details *details = &merging->task->national->profile.details;
    char *values[MOST_COLUMNS];
    size_t count = archive_cut(line, values, MOST_COLUMNS);
    const char *id = column(&merging->columns, values, count, "setl_id");
    const char *word = column(&merging->columns, values, count, "stmt_rslt");
    struct own key = {0};
    (void)size;
    if (word[0] == '\0')
        return fail(error, "a row of details without a result");
    char last[2] = {word[strlen(word) - 1], '\0'};
    snprintf(key.id, sizeof key.id, "%.39s", id);
    struct own *own = bsearch(&key, merging->own, merging->own_count, sizeof key, by_id);
    if (profile_lists(details->equal, last))
        return 0;
    if (profile_lists(details->only_there, last))
        return add_theirs(merging, NULL, values, count, error);
    if (own == NULL)
        return fail(error, "a row of details that is not ours");
    if (profile_lists(details->only_here, last)) {
        own->state = ROW_GONE;
        return 0;
    }
    if (!profile_lists(details->differs, last))
        return fail(error, "a row of details with a result that the profile does not know");
    own->state = ROW_OTHER;
    return add_theirs(merging, own, values, count, error);
}

/* What the other side found equal, or did not name, it has as we do. */
static int
add_equal(struct merging *merging, struct fep_error *error)
{
    const struct json *body = &merging->task->body;
    for (size_t i = 0; i < merging->own_count; i++) {
        if (merging->own[i].state != ROW_EQUAL)
            continue;
        struct fep_bytes raw = doc_raw(body, merging->own[i].node);
        struct writer row = {0};
        writer_add(&row, raw.data, raw.size);
        int status = add_row(merging->statement, &row, error);
        writer_free(&row);
        if (status < 0)
            return -1;
    }
    return 0;
}

int
statement_merge(struct task *task, struct fep_error *error)
{
    struct merging *merging = calloc(1, sizeof *merging);
    if (merging == NULL)
        return fail(error, "no memory for rows");
    merging->task = task;
    merging->statement = &task->national->statement;
    read_columns(task->national->profile.details.result_columns, &merging->columns);
    int status = collect_own(merging, error);
    if (status == 0)
        status = archive_read_lines(task->file, take_result, merging, error);
    if (status == 0)
        status = add_equal(merging, error);
    free(merging->own);
    free(merging);
    return status;
}

/* --- catalogues --- */

struct listing {
    struct task *task;
    const struct profile_catalogue *catalogue;
    struct columns columns;
    struct scope scope;
};

/* "a+b" names two members of the same value. */
static void
say_column(struct writer *row, const char *names, const char *value)
{
    char name[NAME_ROOM];
    while (*names != '\0') {
        size_t size = strcspn(names, "+");
        snprintf(name, sizeof name, "%.*s", (int)size, names);
        say_member(row, name, value, strlen(value));
        names += names[size] == '+' ? size + 1 : size;
    }
}

static int
take_item(void *arg, char *line, size_t size, struct fep_error *error)
{
    struct listing *listing = arg;
    char *values[MOST_COLUMNS];
    size_t count = archive_cut(line, values, MOST_COLUMNS);
    struct writer row = {0};
    (void)size;
    if (count < listing->columns.count)
        return fail(error, "a row of a catalogue with fewer columns than the profile names");
    for (size_t i = 0; i < listing->columns.count; i++) {
        if (strcmp(listing->columns.names[i], "-") != 0 && values[i][0] != '\0')
            say_column(&row, listing->columns.names[i], values[i]);
    }
    for (size_t i = 0; i < listing->catalogue->row.count; i++) {
        char text[128];
        if (message_source_text(&listing->scope, listing->catalogue->row.list[i].source, text, sizeof text) >
            0)
            say_member(&row, listing->catalogue->row.list[i].target, text, strlen(text));
    }
    writer_say(&row, row.size > 0 ? "}" : "{}");
    int status = add_row(&listing->task->national->statement, &row, error);
    writer_free(&row);
    return status;
}

int
statement_read_catalogue(struct task *task, struct fep_error *error)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return fail(error, "no memory for a catalogue");
    listing->task = task;
    listing->catalogue = &task->national->profile.catalogues[task->row];
    read_columns(listing->catalogue->columns, &listing->columns);
    task_scope(task, &listing->scope);
    int status = archive_read_lines(task->file, take_item, listing, error);
    free(listing);
    return status;
}
