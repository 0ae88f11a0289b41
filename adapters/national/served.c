/* Serving files: what callers upload is kept nameless on the disk, the latest of them; a day's details are
 * compared with what the gateway has stored for the institution that asks, and the result is a file again.
 *
 * Must never give an institution another's file or rows, nor call a day compared whose rows did not all come.
 * Memory is bounded by the largest body.
 */
#include "served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "text.h"

enum { PAGE_SIZE = 500, MOST_ROWS = 40000, MOST_COLUMNS = 32, NAME_ROOM = 48, MOST_COMPARISONS = 4 };

struct uploaded {
    char *line; /* owned; the columns point into it */
    char *columns[MOST_COLUMNS];
    const char *id;
    bool found;
};

struct comparison {
    struct comparison *next;
    struct national *national;
    struct exchange *exchange;
    char received[32], institution[40], area[8], day[16], msgid[40];
    char names[MOST_COLUMNS][NAME_ROOM], results[MOST_COLUMNS][NAME_ROOM];
    size_t name_count, result_count, id_column, page;
    struct uploaded *rows; /* sorted by id once all are read */
    size_t row_count, row_room;
    struct writer out;
};

static const struct fep_bytes nothing = {NULL, 0};

/* --- files --- */

static struct served_file *
find_file(struct national *national, const char *number, const char *institution)
{
    for (size_t i = 0; number[0] != '\0' && i < MAX_FILES; i++) {
        struct served_file *file = &national->files[i];
        if (file->file != NULL && strcmp(file->number, number) == 0 &&
            strcmp(file->institution, institution) == 0)
            return file;
    }
    return NULL;
}

static struct served_file *
keep_file(struct national *national, const char *institution, const char *name, const char *data, size_t size,
          struct fep_error *error)
{
    struct served_file *file = &national->files[national->file_next++ % MAX_FILES];
    uint32_t date, time;
    if (file->file != NULL)
        fclose(file->file);
    *file = (struct served_file){.file = files_create(national, error), .size = size};
    if (file->file == NULL)
        return NULL;
    national->host->read_local_time(national->host->self, &date, &time);
    snprintf(file->number, sizeof file->number, "%.6s%08u%06u%010u", national->area, date % 100000000u,
             time % 1000000u, national->number++ % 1000000000u);
    national_copy(file->institution, sizeof file->institution, institution);
    national_copy(file->name, sizeof file->name, name);
    if (fwrite(data, 1, size, file->file) == size && fflush(file->file) == 0)
        return file;
    fclose(file->file);
    file->file = NULL;
    snprintf(error->text, sizeof error->text, "a file can not be written");
    return NULL;
}

/* By the rules of the profile, of this file. */
static void
answer_with_file(struct national *national, struct exchange *exchange, const char *received,
                 const struct served_file *file, const struct rules *rules)
{
    struct scope scope = {
        .institution = file->institution, .file_number = file->number, .file_name = file->name};
    struct writer body = {0};
    struct fep_error error;
    national->host->read_local_time(national->host->self, &scope.date, &scope.time);
    writer_say(&body, "{\"output\":");
    int status = message_made(&scope, rules, &body, &error);
    writer_say(&body, "}");
    bool good = status == 0 && !body.failed;
    desk_reply(national, exchange, good ? national->profile.serve.good : national->profile.serve.open,
               received, good ? "" : "no memory",
               good ? (struct fep_bytes){(unsigned char *)body.data, body.size} : nothing);
    writer_free(&body);
}

static void
refuse(struct national *national, struct exchange *exchange, const char *received, const char *text)
{
    desk_reply(national, exchange, national->profile.serve.refused, received, text, nothing);
}

/* The member of the input that our own question would fill from this source; "" if there is none. */
static void
read_input(const struct request *request, const struct rules *rules, const char *source, size_t which,
           char *out, size_t room)
{
    out[0] = '\0';
    for (size_t i = 0; i < rules->count; i++) {
        if (strcmp(rules->list[i].source, source) != 0 || which-- > 0)
            continue;
        if (doc_text(&request->input, doc_find(&request->input, 0, rules->list[i].target), out, room) < 0)
            out[0] = '\0';
        return;
    }
}

static void
take_upload(struct national *national, struct exchange *exchange, const struct request *request,
            const char *received, const char *institution, const char *data, size_t size)
{
    struct fep_error error = {0};
    char name[208];
    read_input(request, &national->profile.files.upload_request, "file.name", 0, name, sizeof name);
    struct served_file *file =
        data != NULL ? keep_file(national, institution, name, data, size, &error) : NULL;
    if (data == NULL)
        refuse(national, exchange, received, "no file came with the message");
    else if (national->file_directory[0] == '\0')
        refuse(national, exchange, received, "files are not taken here");
    else if (file == NULL)
        desk_reply(national, exchange, national->profile.serve.open, received, error.text, nothing);
    else
        answer_with_file(national, exchange, received, file, &national->profile.files.upload_answer);
}

static void
give_download(struct national *national, struct exchange *exchange, const struct request *request,
              const char *received, const char *institution)
{
    char number[64];
    read_input(request, &national->profile.files.download_request, "file.number", 0, number, sizeof number);
    struct served_file *file = find_file(national, number, institution);
    char *data = file != NULL ? malloc(file->size + 1) : NULL;
    if (file == NULL) {
        refuse(national, exchange, received, "no file of this number is here for this institution");
        return;
    }
    if (data == NULL || fseek(file->file, 0, SEEK_SET) != 0 ||
        fread(data, 1, file->size, file->file) != file->size) {
        free(data);
        desk_reply(national, exchange, national->profile.serve.open, received, "the file can not be read",
                   nothing);
        return;
    }
    exchange->is_file = true;
    server_answer(exchange, 200, data, file->size);
}

/* --- comparing --- */

static void
end_comparison(struct comparison *comparison)
{
    struct national *national = comparison->national;
    struct comparison **at = &national->comparisons;
    while (*at != comparison)
        at = &(*at)->next;
    *at = comparison->next;
    for (size_t i = 0; i < comparison->row_count; i++)
        free(comparison->rows[i].line);
    free(comparison->rows);
    writer_free(&comparison->out);
    free(comparison);
    national->comparison_count--;
    desk_one_less(national);
}

static void
fail_comparison(struct comparison *comparison, bool refused, const char *text)
{
    struct national *national = comparison->national;
    desk_reply(national, comparison->exchange,
               refused ? national->profile.serve.refused : national->profile.serve.open, comparison->received,
               text, nothing);
    end_comparison(comparison);
}

static size_t
read_names(const char *words, char names[MOST_COLUMNS][NAME_ROOM])
{
    const char *word;
    size_t count = 0;
    for (size_t size; count < MOST_COLUMNS && (size = profile_next_word(&words, &word)) > 0;)
        snprintf(names[count++], NAME_ROOM, "%.*s", (int)size, word);
    return count;
}

static int
take_uploaded(void *arg, char *line, size_t size, struct fep_error *error)
{
    struct comparison *comparison = arg;
    if (comparison->row_count == comparison->row_room) {
        size_t room = comparison->row_room == 0 ? 256 : comparison->row_room * 2;
        struct uploaded *grown =
            room <= MOST_ROWS * 2 ? realloc(comparison->rows, room * sizeof *grown) : NULL;
        if (grown == NULL) {
            snprintf(error->text, sizeof error->text, "the file has more rows than can be compared");
            return -1;
        }
        comparison->rows = grown;
        comparison->row_room = room;
    }
    struct uploaded *row = &comparison->rows[comparison->row_count];
    *row = (struct uploaded){.line = malloc(size + 1)};
    if (row->line == NULL)
        return -1;
    memcpy(row->line, line, size + 1);
    comparison->row_count++;
    if (archive_cut(row->line, row->columns, MOST_COLUMNS) < comparison->name_count) {
        snprintf(error->text, sizeof error->text, "a row of the file has too few columns");
        return -1;
    }
    row->id = row->columns[comparison->id_column];
    return 0;
}

static int
by_id(const void *a, const void *b)
{
    return strcmp(((const struct uploaded *)a)->id, ((const struct uploaded *)b)->id);
}

/* "12.3" and "12.30" are the same amount; all else is compared as text. */
static bool
is_same(const char *a, const char *b)
{
    char left[24], right[24];
    bool left_sign, right_sign;
    if (strcmp(a, b) == 0)
        return true;
    return strchr(b, '.') != NULL && a[0] != '\0' && parse_decimal(a, strlen(a), 2, &left_sign, left) >= 0 &&
           parse_decimal(b, strlen(b), 2, &right_sign, right) >= 0 && left_sign == right_sign &&
           strcmp(left, right) == 0;
}

/* What a stored row says under this name: whether it is a cancel is told by its sign. */
static const char *
stored_value(const struct json *body, int row, const char *name, char *out, size_t room)
{
    if (strcmp(name, "refd_setl_flag") == 0) {
        (void)doc_text(body, doc_member(body, row, "medfee_sumamt"), out, room);
        return out[0] == '-' ? "1" : "0";
    }
    if (doc_text(body, doc_member(body, row, name), out, room) < 0)
        out[0] = '\0';
    return out;
}

static const char *
uploaded_value(const struct comparison *comparison, const struct uploaded *row, const char *name)
{
    for (size_t i = 0; i < comparison->name_count; i++) {
        if (strcmp(comparison->names[i], name) == 0)
            return row->columns[i];
    }
    return "";
}

static void
write_result(struct comparison *comparison, const char *word, const struct json *body, int stored,
             const struct uploaded *row)
{
    char text[200];
    for (size_t i = 0; i < comparison->result_count; i++) {
        const char *name = comparison->results[i];
        const char *value = strcmp(name, "stmt_rslt") == 0 ? word
                            : stored >= 0 ? stored_value(body, stored, name, text, sizeof text)
                                          : uploaded_value(comparison, row, name);
        writer_say(&comparison->out, i > 0 ? "\t" : "");
        writer_say(&comparison->out, value[0] != '\0' ? value : "null");
    }
    writer_say(&comparison->out, "\n");
}

static void
compare_row(struct comparison *comparison, const struct json *body, int stored)
{
    const struct profile_details *details = &comparison->national->profile.details;
    char text[200], state[8] = "";
    struct uploaded key = {.id = text};
    (void)doc_text(body, doc_member(body, stored, "state"), state, sizeof state);
    (void)stored_value(body, stored, "fixmedins_code", text, sizeof text);
    if (strcmp(text, comparison->institution) != 0 || (state[0] != '1' && state[0] != '5'))
        return;
    (void)stored_value(body, stored, "setl_id", text, sizeof text);
    struct uploaded *row = comparison->row_count > 0
                               ? bsearch(&key, comparison->rows, comparison->row_count, sizeof key, by_id)
                               : NULL;
    bool same = row != NULL;
    for (size_t i = 0; same && i < comparison->name_count; i++)
        same = strcmp(comparison->names[i], "-") == 0 ||
               is_same(row->columns[i], stored_value(body, stored, comparison->names[i], text, sizeof text));
    if (row != NULL)
        row->found = true;
    /* From where the caller stands: what it has not is only there, with us. */
    write_result(comparison,
                 row == NULL ? details->only_there
                 : same      ? details->equal
                             : details->differs,
                 body, stored, row);
}

static void
finish_comparison(struct comparison *comparison)
{
    struct national *national = comparison->national;
    struct writer archive = {0};
    struct fep_error error = {0};
    char name[64];
    for (size_t i = 0; i < comparison->row_count; i++) {
        if (!comparison->rows[i].found)
            write_result(comparison, national->profile.details.only_here, NULL, -1, &comparison->rows[i]);
    }
    snprintf(name, sizeof name, "%s.zip", comparison->msgid);
    archive_write("result.txt", comparison->out.data != NULL ? comparison->out.data : "",
                  comparison->out.size, &archive);
    struct served_file *file =
        comparison->out.failed || archive.failed
            ? NULL
            : keep_file(national, comparison->institution, name, archive.data, archive.size, &error);
    writer_free(&archive);
    if (file == NULL) {
        fail_comparison(comparison, false, error.text[0] != '\0' ? error.text : "the result is too long");
        return;
    }
    answer_with_file(national, comparison->exchange, comparison->received, file,
                     &national->profile.details.answer);
    end_comparison(comparison);
}

static void ask_page(struct comparison *comparison);

static void
on_page(void *self, void *arg, enum fep_kind kind, const struct fep_result *result,
        const struct fep_record *answer)
{
    struct national *national = self;
    struct comparison *comparison = arg;
    struct fep_bytes text = answer != NULL ? national->host->record_get(answer, 0) : nothing;
    struct json body = {0};
    struct fep_error error;
    char last[8] = "1";
    if (kind != FEP_ANSWERED ||
        doc_parse(&body, text.size > 0 ? (const char *)text.data : "", text.size, &error) < 0) {
        doc_finish(&body);
        fail_comparison(comparison, kind == FEP_REFUSED && result->refusal_class == FEP_FINAL, result->text);
        return;
    }
    int rows = doc_find(&body, 0, "output.rows");
    (void)doc_text(&body, doc_find(&body, 0, "output.data.last_page"), last, sizeof last);
    for (int at = rows >= 0 ? body.nodes[rows].first : -1; at >= 0; at = body.nodes[at].next)
        compare_row(comparison, &body, at);
    doc_finish(&body);
    if (strcmp(last, "1") == 0 || comparison->out.failed)
        finish_comparison(comparison);
    else
        ask_page(comparison);
}

static int
try_page(void *self, void *arg, const struct fep_record *answer, struct fep_error *error)
{
    (void)self, (void)arg, (void)answer, (void)error;
    return 0;
}

/* The host answers from the store, page by page. */
static void
ask_page(struct comparison *comparison)
{
    struct national *national = comparison->national;
    const struct fep_host *host = national->host;
    struct fep_error error = {0};
    char text[160];
    struct fep_record *head = host->create_record(host->self, "canonical-head"),
                      *body = host->create_record(host->self, "canonical");
    national_draw_msgid(national, comparison->institution, comparison->msgid);
    int size = snprintf(text, sizeof text,
                        "{\"input\":{\"data\":{\"stmt_date\":\"%s\",\"page_num\":%zu,\"page_size\":%d}}}",
                        comparison->day, ++comparison->page, (int)PAGE_SIZE);
    bool good = head != NULL && body != NULL && desk_set_head(host, head, "infno", "3202") &&
                desk_set_head(host, head, "msgid", comparison->msgid) &&
                desk_set_head(host, head, "insured_area", comparison->area) &&
                desk_set_head(host, head, "treat_area", comparison->area) &&
                host->record_set(body, 0, text, (size_t)size) == 0;
    if (!good) {
        host->release_record(host->self, head);
        host->release_record(host->self, body);
        fail_comparison(comparison, false, "no memory");
    } else if (host->begin_request(host->self, "3202", head, body, false, on_page, try_page, comparison,
                                   &error) < 0) {
        fail_comparison(comparison, false, error.text);
    }
}

static bool
prepare_comparison(struct comparison *comparison, struct served_file *file, struct fep_error *error)
{
    const struct profile_details *details = &comparison->national->profile.details;
    comparison->name_count = read_names(details->columns, comparison->names);
    comparison->result_count = read_names(details->result_columns, comparison->results);
    while (comparison->id_column < comparison->name_count &&
           strcmp(comparison->names[comparison->id_column], "setl_id") != 0)
        comparison->id_column++;
    if (comparison->id_column == comparison->name_count) {
        snprintf(error->text, sizeof error->text, "the profile's table has no settlement id");
        return false;
    }
    if (archive_read_lines(file->file, take_uploaded, comparison, error) < 0)
        return false;
    if (comparison->row_count > 1)
        qsort(comparison->rows, comparison->row_count, sizeof *comparison->rows, by_id);
    return true;
}

static void
begin_comparison(struct national *national, struct exchange *exchange, const struct request *request,
                 const char *received, const char *institution)
{
    const struct rules *rules = &national->profile.details.request;
    struct comparison *comparison =
        national->comparison_count < MOST_COMPARISONS ? calloc(1, sizeof *comparison) : NULL;
    struct fep_error error = {0};
    char number[64], last[16];
    if (comparison == NULL) {
        desk_reply(national, exchange, national->profile.serve.open, received, "too much is compared at once",
                   nothing);
        return;
    }
    *comparison =
        (struct comparison){.next = national->comparisons, .national = national, .exchange = exchange};
    national->comparisons = comparison;
    national->comparison_count++;
    national->ticket_count++;
    national_copy(comparison->received, sizeof comparison->received, received);
    national_copy(comparison->institution, sizeof comparison->institution, institution);
    national_copy(comparison->area, sizeof comparison->area, national->area);
    read_input(request, rules, "input.data.stmt_date", 0, comparison->day, sizeof comparison->day);
    read_input(request, rules, "input.data.stmt_date", 1, last, sizeof last);
    read_input(request, rules, "file.number", 0, number, sizeof number);
    struct served_file *file = find_file(national, number, institution);
    if (file == NULL)
        fail_comparison(comparison, true, "no file of this number is here for this institution");
    else if (strcmp(comparison->day, last) != 0 || strpbrk(last, "\"\\") != NULL)
        fail_comparison(comparison, true, "details are compared day by day");
    else if (!prepare_comparison(comparison, file, &error))
        fail_comparison(comparison, true, error.text[0] != '\0' ? error.text : "the file can not be read");
    else
        ask_page(comparison);
}

/* --- the desk's side --- */

bool
served_take(struct national *national, struct exchange *exchange, const struct request *request,
            const char *received, const struct form_part *file)
{
    const struct profile *profile = &national->profile;
    char institution[40];
    bool uploads = strcmp(request->infno, profile->files.upload) == 0,
         downloads = strcmp(request->infno, profile->files.download) == 0,
         compares = strcmp(request->infno, profile->details.infno) == 0;
    if (!uploads && !downloads && !compares)
        return false;
    if (request_source(profile, request, "header.institution", institution, sizeof institution) <= 0 ||
        strlen(institution) > 12)
        refuse(national, exchange, received, "the message names no institution");
    else if (uploads)
        take_upload(national, exchange, request, received, institution, file != NULL ? file->data : NULL,
                    file != NULL ? file->size : 0);
    else if (downloads)
        give_download(national, exchange, request, received, institution);
    else
        begin_comparison(national, exchange, request, received, institution);
    return true;
}

void
served_close(struct national *national)
{
    while (national->comparisons != NULL) {
        struct comparison *comparison = national->comparisons;
        national->host->forget_request(national->host->self, comparison);
        server_answer(comparison->exchange, 503, NULL, 0);
        end_comparison(comparison);
    }
    for (size_t i = 0; i < MAX_FILES; i++) {
        if (national->files[i].file != NULL)
            fclose(national->files[i].file);
        national->files[i].file = NULL;
    }
}
