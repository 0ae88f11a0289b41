/* The local system's catalogue beside the crosswalk: local codes without a row, rows whose local code is gone
 * or not valid any more, other levels. Must never mix two versions of the catalogue: if it changes while it
 * is paged, it begins anew. Changes nothing; a copy is written as CSV where asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bodies.h"
#include "error.h"
#include "tasks.h"

enum { CALL_MS = 30000, PAGE_SIZE = 200, MOST_ROWS = 200000, MOST_SHOWN = 1000, MOST_BEGINNINGS = 3 };

struct entry {
    char local[64], national[64], name[256], level[4], kind[4], fee_category[8], ratio[16], ceiling[24],
        unit[32], spec[96], form[64];
    uint32_t from, to;
    bool valid, seen;
};

struct catalogue {
    struct host *host;
    struct task *task;
    struct loop_timer retry;
    char kinds[8]; /* those still to be read begin at `kind` */
    size_t kind, beginnings;
    int64_t page;
    char version[64];
    bool write;
    uint32_t today;
    struct entry *entries;
    size_t count, room;
    /* the comparison */
    struct json_object *differences;
    size_t difference_count;
    bool failed;
    FILE *file;
};

static void
stop_run(void *state)
{
    struct catalogue *run = state;
    loop_clear_timer(&run->host->loop, &run->retry);
    json_object_put(run->differences);
    if (run->file != NULL)
        fclose(run->file);
    free(run->entries);
    free(run);
}

static void
fail_with(struct catalogue *run, unsigned code, const char *what)
{
    struct fep_error error = {0};
    error_set(&error, FEP_NOT_SENT, code, "%s", what);
    task_fail(run->task, &error);
}

/* --- comparing ------------------------------------------------------------------------------------- */

static int
by_local(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->local, ((const struct entry *)b)->local);
}

static bool
is_in_force(uint32_t from, uint32_t to, uint32_t today)
{
    return from <= today && (to == 0 || today <= to);
}

static void
report(struct catalogue *run, const char *kind, const char *local, const char *name, const char *ours,
       const char *theirs)
{
    if (run->difference_count++ >= MOST_SHOWN)
        return;
    struct json_object *object = json_object_new_object();
    body_put_text(object, "kind", kind, &run->failed);
    body_put_text(object, "local", local, &run->failed);
    body_put_text(object, "name", name, &run->failed);
    if (ours[0] != '\0' || theirs[0] != '\0') {
        body_put_text(object, "ours", ours, &run->failed);
        body_put_text(object, "theirs", theirs, &run->failed);
    }
    body_append(run->differences, object, &run->failed);
}

/* Can be said about a row only if the catalogue's part that it belongs to was read. */
static bool
was_read(const struct catalogue *run, const struct mapping_item *item)
{
    return item->kind[0] != '\0' ? strchr(run->kinds, item->kind[0]) != NULL
                                 : strstr(run->kinds, "123") != NULL;
}

static bool
compare_item(void *arg, const struct mapping_item *item)
{
    struct catalogue *run = arg;
    struct entry key;
    if (!is_in_force(item->valid_from, item->valid_to, run->today))
        return true;
    snprintf(key.local, sizeof key.local, "%s", item->local);
    struct entry *entry =
        run->count > 0 ? bsearch(&key, run->entries, run->count, sizeof key, by_local) : NULL;
    if (entry == NULL) {
        if (was_read(run, item))
            report(run, "gone", item->local, item->name, "", "");
        return true;
    }
    entry->seen = true;
    snprintf(entry->national, sizeof entry->national, "%s", item->national);
    if (!entry->valid)
        report(run, "not_valid", item->local, item->name, "", "");
    else if (item->level[0] != '\0' && entry->level[0] != '\0' && strcmp(item->level, entry->level) != 0)
        report(run, "level_differs", item->local, item->name, item->level, entry->level);
    return true;
}

/* --- writing --------------------------------------------------------------------------------------- */

static void
write_value(FILE *file, const char *text, char end)
{
    bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted)
        (void)fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', file);
        (void)fputc(*text == '\n' || *text == '\r' ? ' ' : *text, file);
    }
    if (quoted)
        (void)fputc('"', file);
    (void)fputc(end, file);
}

static void
write_entry(const struct catalogue *run, const struct entry *entry)
{
    char from[16] = "", to[16] = "";
    if (entry->from != 0)
        snprintf(from, sizeof from, "%08u", entry->from);
    if (entry->to != 0)
        snprintf(to, sizeof to, "%08u", entry->to);
    const char *values[] = {entry->local, entry->national, entry->name,         entry->level, from,
                            to,           entry->kind,     entry->fee_category, entry->ratio, entry->ceiling,
                            entry->unit,  entry->spec,     entry->form};
    size_t count = sizeof values / sizeof values[0];
    for (size_t i = 0; i < count; i++)
        write_value(run->file, values[i], i + 1 < count ? ',' : '\n');
}

/* Whole or not at all: beside the old one, then in its place. */
static int
write_file(struct catalogue *run, char *path, size_t room, struct fep_error *error)
{
    char draft[600];
    snprintf(path, room, "%.400s/catalogue-%s.csv", run->host->settings.state_directory,
             run->host->settings.instance);
    snprintf(draft, sizeof draft, "%.500s.new", path);
    run->file = fopen(draft, "we");
    if (run->file == NULL)
        return error_set(error, 0, FEP_E_SYSTEM, "%s: %s", draft, strerror(errno));
    (void)fputs(
        "local_code,national_code,name,level,valid_from,valid_to,kind,fee_category,ratio,ceiling,unit,spec,"
        "form\n",
        run->file);
    for (size_t i = 0; i < run->count; i++)
        write_entry(run, &run->entries[i]);
    bool written = fflush(run->file) == 0 && ferror(run->file) == 0 && fsync(fileno(run->file)) == 0;
    bool closed = fclose(run->file) == 0;
    run->file = NULL;
    if (!written || !closed || rename(draft, path) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "%s: %s", draft, strerror(errno));
        (void)unlink(draft);
        return -1;
    }
    return 0;
}

/* --- the end --------------------------------------------------------------------------------------- */

static void
finish(struct catalogue *run)
{
    char path[512] = "";
    struct fep_error error = {0};
    bool failed = false;
    if (run->count > 1)
        qsort(run->entries, run->count, sizeof run->entries[0], by_local);
    run->differences = json_object_new_array();
    if (run->host->mapping != NULL && mapping_crosswalk_each(run->host->mapping, compare_item, run) < 0) {
        fail_with(run, FEP_E_NOT_MAPPED, "the mapping has no crosswalk");
        return;
    }
    for (size_t i = 0; run->host->mapping != NULL && i < run->count; i++) {
        if (!run->entries[i].seen && run->entries[i].valid)
            report(run, "no_row", run->entries[i].local, run->entries[i].name, "", run->entries[i].level);
    }
    if (run->write && write_file(run, path, sizeof path, &error) < 0) {
        task_fail(run->task, &error);
        return;
    }
    struct json_object *result = json_object_new_object();
    body_put_text(result, "instance", run->host->settings.instance, &failed);
    body_put(result, "equal", json_object_new_boolean(run->difference_count == 0), &failed);
    body_put_text(result, "version", run->version, &failed);
    body_put_text(result, "crosswalk",
                  run->host->mapping != NULL ? mapping_crosswalk_version(run->host->mapping) : "", &failed);
    body_put_number(result, "items", (int64_t)run->count, &failed);
    body_put_number(result, "difference_count", (int64_t)run->difference_count, &failed);
    body_put(result, "differences", run->differences, &failed);
    run->differences = NULL;
    if (run->write)
        body_put_text(result, "file", path, &failed);
    if (failed || run->failed) {
        json_object_put(result);
        fail_with(run, FEP_E_NO_MEMORY, "no memory for the result");
        return;
    }
    task_end(run->task, result);
}

/* --- reading --------------------------------------------------------------------------------------- */

static int
add_entry(struct catalogue *run, struct json_object *row, struct fep_error *error)
{
    char flag[4];
    if (run->count == run->room) {
        size_t room = run->room == 0 ? 256 : run->room * 2;
        struct entry *grown = room <= MOST_ROWS * 2 ? realloc(run->entries, room * sizeof *grown) : NULL;
        if (grown == NULL)
            return error_set(error, FEP_NOT_SENT, FEP_E_BOUND,
                             "the catalogue has more items than can be compared");
        run->entries = grown;
        run->room = room;
    }
    struct entry *entry = &run->entries[run->count];
    memset(entry, 0, sizeof *entry);
    body_text(row, "medins_list_codg", entry->local, sizeof entry->local);
    if (entry->local[0] == '\0')
        return 0;
    if (run->host->mapping == NULL) /* else the crosswalk says it */
        body_text(row, "med_list_codg", entry->national, sizeof entry->national);
    body_text(row, "hilist_name", entry->name, sizeof entry->name);
    body_text(row, "chrgitm_lv", entry->level, sizeof entry->level);
    body_text(row, "med_chrgitm_type", entry->fee_category, sizeof entry->fee_category);
    body_text(row, "selfpay_prop", entry->ratio, sizeof entry->ratio);
    body_text(row, "pric_uplmt_amt", entry->ceiling, sizeof entry->ceiling);
    body_text(row, "prcunt", entry->unit, sizeof entry->unit);
    body_text(row, "spec", entry->spec, sizeof entry->spec);
    body_text(row, "dosform_name", entry->form, sizeof entry->form);
    body_text(row, "vali_flag", flag, sizeof flag);
    entry->kind[0] = run->kinds[run->kind];
    entry->from = body_date(row, "begndate");
    entry->to = body_date(row, "enddate");
    entry->valid = strcmp(flag, "0") != 0 && is_in_force(entry->from, entry->to, run->today);
    run->count++;
    return 0;
}

static void ask_page(struct catalogue *run);

static void
begin_anew(struct catalogue *run)
{
    if (++run->beginnings > MOST_BEGINNINGS) {
        fail_with(run, FEP_E_LOCAL_PROTOCOL, "the local catalogue keeps changing while it is read");
        return;
    }
    run->kind = run->count = 0;
    run->page = 1;
    run->version[0] = '\0';
    ask_page(run);
}

/* 1: another version than before; negative with the error. */
static int
take_page(struct catalogue *run, struct json_object *output, bool *last, struct fep_error *error)
{
    struct json_object *rows = canonical_member(output, "rows"), *data = canonical_member(output, "data");
    char version[64], word[4];
    size_t count = canonical_count(rows);
    body_text(data, "ver", version, sizeof version);
    if (run->version[0] != '\0' && strcmp(version, run->version) != 0)
        return 1;
    snprintf(run->version, sizeof run->version, "%s", version);
    for (size_t i = 0; i < count; i++) {
        if (add_entry(run, canonical_element(rows, i), error) < 0)
            return -1;
    }
    body_text(data, "last_page", word, sizeof word);
    *last = count == 0 || strcmp(word, "1") == 0;
    return 0;
}

static void
on_page(void *arg, enum fep_kind kind, const struct fep_result *result, struct slice answer)
{
    struct task *task = arg;
    struct catalogue *run = task->state;
    struct fep_error error = {0};
    bool last = true;
    if (kind != FEP_ANSWERED) {
        error_set(&error, FEP_NOT_SENT, result->code != 0 ? result->code : FEP_E_LOCAL_REFUSED,
                  "the local system does not give its catalogue: %.200s (code %u)", result->text,
                  result->code);
        task_fail(task, &error);
        return;
    }
    struct json_object *body = canonical_parse(answer, &error);
    int status = body != NULL ? take_page(run, canonical_member(body, "output"), &last, &error) : -1;
    json_object_put(body);
    if (status < 0) {
        task_fail(task, &error);
    } else if (status > 0) {
        begin_anew(run);
    } else if (last && run->kinds[run->kind + 1] == '\0') {
        finish(run);
    } else {
        run->page = last ? 1 : run->page + 1;
        run->kind += last;
        ask_page(run);
    }
}

static void
on_retry(void *arg)
{
    ask_page(arg);
}

static void
ask_page(struct catalogue *run)
{
    const char kind[2] = {run->kinds[run->kind], '\0'};
    struct fep_error error = {0};
    bool failed = false;
    struct json_object *input = json_object_new_object(), *data = json_object_new_object();
    body_put_text(data, "list_type", kind, &failed);
    body_put_number(data, "page_num", run->page, &failed);
    body_put_number(data, "page_size", PAGE_SIZE, &failed);
    body_put(input, "data", data, &failed);
    if (failed) {
        json_object_put(input);
        fail_with(run, FEP_E_NO_MEMORY, "no memory for a question");
        return;
    }
    if (own_call_begin(run->host, "1312", input, 0, CALL_MS, on_page, run->task, &error) == 0)
        return;
    run->retry = (struct loop_timer){.fn = on_retry, .arg = run};
    if (error.code != FEP_E_BOUND || loop_set_timer(&run->host->loop, &run->retry, TASK_RETRY_MS) < 0)
        task_fail(run->task, &error);
}

int
catalogue_begin(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error)
{
    char kinds[8];
    body_text(wish, "kinds", kinds, sizeof kinds);
    if (kinds[0] == '\0')
        snprintf(kinds, sizeof kinds, "123");
    if (strlen(kinds) > 4 || strspn(kinds, "1234") != strlen(kinds))
        return error_set(error, FEP_REFUSED, FEP_E_USAGE,
                         "\"kinds\" are 1 drugs, 2 services, 3 facilities, 4 diseases");
    struct catalogue *run = calloc(1, sizeof *run);
    if (run == NULL)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a task");
    run->host = host;
    run->today = clock_date(clock_wall_ms(host->loop.clock));
    /* Without a mapping there is nothing to compare with: the catalogue itself is what is wanted. */
    run->write = host->mapping == NULL || json_object_get_boolean(canonical_member(wish, "write")) != 0;
    snprintf(run->kinds, sizeof run->kinds, "%s", kinds);
    run->task = task_begin(host, number, run, stop_run, error);
    if (run->task == NULL) {
        free(run);
        return -1;
    }
    begin_anew(run);
    return 0;
}
