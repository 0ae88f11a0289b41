/* What the host asks for itself: totals and details of a day (3201, 3202), and catalogues (13xx).
 *
 * Totals are asked for kind by kind. Details go up as a file of our rows and come back as a file that says of
 * each row whether the other side has it; a catalogue comes as files. From such a file canonical rows are
 * made, once, on the disk, and given page by page. Must never call a row equal that the other side called
 * otherwise, and never give a row of a file that was not read to its end. Nothing here posts anything.
 */
#include "statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PAGE = 1000 };

/* --- the rows --- */

void
statement_clear(struct statement *statement)
{
    if (statement->file != NULL)
        fclose(statement->file);
    free(statement->at);
    *statement = (struct statement){0};
}

/* --- answers to the host --- */

static void
refuse(struct task *task, enum fep_reason reason, unsigned code, const char *text)
{
    struct fep_result result = national_result(reason);
    result.refusal_class = FEP_REPEATABLE;
    result.code = code;
    national_copy(result.text, sizeof result.text, text);
    task_finish(task, FEP_REFUSED, &result, NULL);
}

/* Takes the text. */
static void
answer(struct task *task, struct writer *text)
{
    const struct fep_host *host = task->national->host;
    struct fep_result result = national_result(FEP_REASON_NONE);
    struct fep_record *record = text->failed ? NULL : host->create_record(host->self, "canonical");
    if (record != NULL && host->record_set(record, 0, text->data, text->size) != 0) {
        host->release_record(host->self, record);
        record = NULL;
    }
    writer_free(text);
    if (record == NULL)
        refuse(task, FEP_REASON_BOUND, 9001, "no memory for an answer, or it is too long");
    else
        task_finish(task, FEP_ANSWERED, &result, record);
}

static long
number_of(const struct task *task, const char *path, long otherwise)
{
    char text[24], *end;
    if (doc_text(&task->body, doc_find(&task->body, task->input, path), text, sizeof text) <= 0)
        return otherwise;
    long value = strtol(text, &end, 10);
    return *end == '\0' ? value : otherwise;
}

/* One page of the rows, as 3202 and 1312 have them. */
static void
answer_page(struct task *task)
{
    struct statement *statement = &task->national->statement;
    long page = number_of(task, "data.page_num", 0), size = number_of(task, "data.page_size", 100);
    struct writer out = {0};
    char head[200];
    if (page < 1 || size < 1 || size > LARGEST_PAGE) {
        refuse(task, FEP_REASON_MALFORMED, 1003, "page_num or page_size is wrong");
        return;
    }
    size_t first = (size_t)(page - 1) * (size_t)size, last = first + (size_t)size;
    first = first < statement->count ? first : statement->count;
    last = last < statement->count ? last : statement->count;
    snprintf(head, sizeof head,
             "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"data\":{\"rec_cnt\":%zu,\"page_num\":%ld,\"last_"
             "page\":"
             "\"%d\",\"page_cnt\":%zu,\"ver\":",
             statement->count, page, last >= statement->count, last - first);
    writer_say(&out, head);
    writer_quote(&out, statement->version, strlen(statement->version));
    writer_say(&out, "},\"rows\":[");
    for (size_t i = first; i < last; i++) {
        size_t bytes = (size_t)(statement->at[i + 1] - statement->at[i]);
        char *row = malloc(bytes);
        bool good = row != NULL && fseek(statement->file, statement->at[i], SEEK_SET) == 0 &&
                    fread(row, 1, bytes, statement->file) == bytes;
        writer_say(&out, i > first ? "," : "");
        if (good)
            writer_add(&out, row, bytes);
        out.failed = out.failed || !good;
        free(row);
    }
    writer_say(&out, "]}}");
    answer(task, &out);
}

/* --- totals --- */

static int
row_at(const struct task *task)
{
    int rows = doc_member(&task->body, task->input, "rows");
    int at = rows >= 0 ? task->body.nodes[rows].first : -1;
    for (size_t i = 0; at >= 0 && i < task->row; i++)
        at = task->body.nodes[at].next;
    return at;
}

static void
answer_totals(struct task *task)
{
    struct writer out = {0};
    writer_say(&out, "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"data\":{\"stmt_rslt\":\"");
    writer_say(&out, task->differs ? "1" : "0");
    writer_say(&out, "\"},\"rows\":[");
    if (task->in_rows.size > 0)
        writer_add(&out, task->in_rows.data, task->in_rows.size);
    writer_say(&out, "]}}");
    out.failed = out.failed || task->in_rows.failed;
    answer(task, &out);
}

/* Equal: then its figures are ours. Otherwise it does not say which it has. */
static void
take_totals(struct task *task, const struct verdict *verdict)
{
    const struct profile_totals *totals = &task->national->profile.totals;
    const struct json *body = &task->body;
    int row = row_at(task);
    char word[16];
    if (doc_text(&verdict->output, doc_find(&verdict->output, 0, totals->result), word, sizeof word) <= 0) {
        refuse(task, FEP_REASON_PROTOCOL, 9002, "totals without a result");
        return;
    }
    bool equal = strcmp(word, totals->equal) == 0;
    struct writer *out = &task->in_rows;
    writer_say(out, task->row > 0 ? ",{\"stmt_rslt\":" : "{\"stmt_rslt\":");
    writer_say(out, equal ? "\"0\"" : "\"1\"");
    for (int at = row >= 0 ? body->nodes[row].first : -1; at >= 0; at = body->nodes[at].next) {
        bool kind = at == doc_member(body, row, "insutype") || at == doc_member(body, row, "clr_type");
        if (!equal && !kind)
            continue;
        writer_say(out, ",");
        writer_add(out, body->text + body->nodes[at].key_begin,
                   body->nodes[at].end - body->nodes[at].key_begin);
    }
    writer_say(out, "}");
    task->differs = task->differs || !equal;
    task->row++;
    if (row_at(task) >= 0)
        task_advance(task);
    else
        answer_totals(task);
}

/* The next file of this kind of items; false: that was the last. */
static bool
find_catalogue(struct task *task)
{
    const struct profile *profile = &task->national->profile;
    char type[8];
    if (doc_text(&task->body, doc_find(&task->body, task->input, "data.list_type"), type, sizeof type) <= 0)
        return false;
    while (task->row < profile->catalogue_count &&
           strcmp(profile->catalogues[task->row].list_type, type) != 0)
        task->row++;
    return task->row < profile->catalogue_count;
}

/* --- steps --- */

static bool
open_rows(struct task *task, uint32_t day)
{
    struct statement *statement = &task->national->statement;
    struct fep_error error = {0};
    statement_clear(statement);
    statement->file = files_create(task->national, &error);
    statement->day = day;
    national_copy(statement->infno, sizeof statement->infno, task->infno);
    if (doc_text(&task->body, doc_find(&task->body, task->input, "data.list_type"), statement->list_type,
                 sizeof statement->list_type) < 0)
        statement->list_type[0] = '\0';
    if (statement->file != NULL)
        return true;
    refuse(task, FEP_REASON_BOUND, 9001, error.text);
    return false;
}

static bool
has_rows_of(const struct task *task)
{
    const struct statement *statement = &task->national->statement;
    char type[8] = "";
    (void)doc_text(&task->body, doc_find(&task->body, task->input, "data.list_type"), type, sizeof type);
    return statement->whole && strcmp(statement->infno, task->infno) == 0 &&
           statement->day == task->attempt.accounting_date && strcmp(statement->list_type, type) == 0;
}

/* The gateway itself asks: as who it is at the platform. */
static void
name_asker(struct task *task)
{
    const struct national *national = task->national;
    if (national->institution[0] != '\0')
        national_copy(task->institution, sizeof task->institution, national->institution);
    if (strcmp(national->area, "000000") != 0)
        national_copy(task->treat_area, sizeof task->treat_area, national->area);
}

static void
begin_rows(struct task *task, enum step step)
{
    name_asker(task);
    if (number_of(task, "data.page_num", 1) > 1) {
        if (has_rows_of(task))
            answer_page(task);
        else
            refuse(task, FEP_REASON_PROTOCOL, 9002,
                   "another list was read in the meantime: begin with page 1");
        return;
    }
    if (!open_rows(task, task->attempt.accounting_date))
        return;
    snprintf(task->file_name, sizeof task->file_name, "%s.zip", task->msgid);
    task->step = step;
    task_advance(task);
}

bool
statement_begin(struct task *task)
{
    const struct profile *profile = &task->national->profile;
    if (profile->totals.infno[0] != '\0' && strcmp(task->infno, "3201") == 0) {
        name_asker(task);
        task->step = STEP_TOTALS;
        if (row_at(task) >= 0)
            task_advance(task);
        else /* what the other side alone has only its details show */
            refuse(task, FEP_REASON_BUSINESS, 2601, "nothing of ours to compare totals of");
        return true;
    }
    if (profile->details.infno[0] != '\0' && strcmp(task->infno, "3202") == 0) {
        begin_rows(task, STEP_UPLOAD);
        return true;
    }
    if (strcmp(task->infno, "1312") == 0 && find_catalogue(task)) {
        begin_rows(task, STEP_CATALOGUE);
        return true;
    }
    return false;
}

const struct rules *
statement_rules(const struct task *task, const char **infno)
{
    const struct profile *profile = &task->national->profile;
    switch (task->step) {
    case STEP_TOTALS:
        *infno = profile->totals.infno;
        return &profile->totals.request;
    case STEP_UPLOAD:
        *infno = profile->files.upload;
        return &profile->files.upload_request;
    case STEP_DETAILS:
        *infno = profile->details.infno;
        return &profile->details.request;
    case STEP_CATALOGUE:
        *infno = profile->catalogues[task->row].infno;
        return &profile->catalogues[task->row].request;
    case STEP_DOWNLOAD:
        *infno = profile->files.download;
        return strcmp(task->infno, "1312") == 0 && profile->catalogues[task->row].download.count > 0
                   ? &profile->catalogues[task->row].download
                   : &profile->files.download_request;
    default:
        return NULL;
    }
}

int
statement_row(const struct task *task)
{
    return task->step == STEP_TOTALS ? row_at(task) : 0;
}

/* Number and name of a file, from an answer. */
static bool
take_file(struct task *task, const struct verdict *verdict, const char *number, const char *name)
{
    char text[sizeof task->file_name];
    if (doc_text(&verdict->output, doc_find(&verdict->output, 0, number), task->file_number,
                 sizeof task->file_number) <= 0)
        return false;
    if (name[0] != '\0' &&
        doc_text(&verdict->output, doc_find(&verdict->output, 0, name), text, sizeof text) > 0)
        memcpy(task->file_name, text, sizeof text);
    return true;
}

void
statement_take(struct task *task, const struct verdict *verdict)
{
    const struct profile *profile = &task->national->profile;
    bool good = false;
    if (verdict->kind != FEP_ANSWERED || !verdict->has_output) {
        struct fep_result result = task_result(task, verdict);
        task_finish(task, verdict->kind == FEP_ANSWERED ? FEP_UNKNOWN : verdict->kind, &result, NULL);
        return;
    }
    if (task->step == STEP_TOTALS) {
        take_totals(task, verdict);
        return;
    }
    if (task->step == STEP_UPLOAD) {
        good = take_file(task, verdict, profile->files.number, "");
        task->step = STEP_DETAILS;
    } else if (task->step == STEP_DETAILS) {
        good = take_file(task, verdict, profile->details.number, profile->details.name);
        task->step = STEP_DOWNLOAD;
    } else if (task->step == STEP_CATALOGUE) {
        good = take_file(task, verdict, profile->catalogues[task->row].number,
                         profile->catalogues[task->row].name);
        task->step = STEP_DOWNLOAD;
    }
    if (good)
        task_advance(task);
    else
        refuse(task, FEP_REASON_PROTOCOL, 9002, "no file, and no number of one");
}

void
statement_downloaded(struct task *task)
{
    struct statement *statement = &task->national->statement;
    struct fep_error error = {0};
    bool details = strcmp(task->infno, "3202") == 0;
    bool written = fflush(task->file) == 0;
    if (!written)
        national_copy(error.text, sizeof error.text, "a file can not be written to option file_directory");
    int status = !written  ? -1
                 : details ? statement_merge(task, &error)
                           : statement_read_catalogue(task, &error);
    fclose(task->file);
    task->file = NULL;
    task->file_size = 0;
    if (status < 0) {
        statement_clear(statement);
        refuse(task, FEP_REASON_PROTOCOL, error.code != 0 ? error.code : 9002, error.text);
        return;
    }
    uint32_t date, time; /* the files of one catalogue have no version in common but their day */
    task->national->host->read_local_time(task->national->host->self, &date, &time);
    snprintf(statement->version, sizeof statement->version, "%08u", date % 100000000u);
    task->row++;
    if (!details && find_catalogue(task)) {
        task->step = STEP_CATALOGUE;
        task_advance(task);
        return;
    }
    statement->whole = fflush(statement->file) == 0;
    answer_page(task);
}
