/* Files when calling: an answer that names a file is worth what the file is worth, and the peer is told of
 * ours.
 *
 * Must never hand over a page of a file that was not read as a whole, and never tell of a file again that was
 * taken. What is wrong with a file is said by name in the log; the file stays where it is. */
#include "fixed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { DAYS_BACK = 7, LOG_ERROR_LEVEL = 3, LOG_WARNING_LEVEL = 4, LOG_NOTICE_LEVEL = 5 };

/* --- asking for a file --- */

int
file_calls_prepare(struct fixed *fixed, struct task *task, const struct file_kind *kind,
                   struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    char layout[24];
    if (fixed->files.in == NULL)
        return set_error(error, FEP_NOT_SENT, 1003, "option file_in is missing: files can not be read");
    snprintf(layout, sizeof layout, "%.12s-Q", kind->request);
    task->asked = task->body;
    task->body = host->create_record(host->self, layout);
    if (task->body == NULL || files_copy_fields(host, task->asked, task->body) < 0 ||
        files_set_constants(&fixed->files, kind, task->body) < 0)
        return set_error(error, FEP_NOT_SENT, 9001, "no memory for a request");
    snprintf(task->local, sizeof task->local, "%s", kind->request);
    task->file = kind;
    return 0;
}

static uint64_t
read_number(const struct fep_host *host, const struct fep_record *record, const char *field)
{
    char text[24];
    return copy_field(host, record, field, text, sizeof text) > 0 ? strtoull(text, NULL, 10) : 0;
}

static void
reject(struct fixed *fixed, struct task *task, const struct fep_error *error)
{
    const struct fep_host *host = fixed->host;
    struct fep_result result = task_new_result(FEP_REASON_INCONSISTENT);
    host->log_event(host->self, LOG_ERROR_LEVEL, error->text, error->code);
    result.code = 9002;
    copy_text(result.text, sizeof result.text, error->text, strlen(error->text));
    task_finish(fixed, task, FEP_UNKNOWN, &result, NULL);
}

static void
deliver(struct fixed *fixed, struct task *task, struct fep_record *page)
{
    struct fep_error error = {0};
    struct fep_result result = task->result;
    if (page == NULL || files_copy_fields(fixed->host, task->told, page) < 0) {
        fixed->host->release_record(fixed->host->self, page);
        set_error(&error, 0, 9001, "no memory for a page of a file");
        reject(fixed, task, &error);
        return;
    }
    task_finish(fixed, task, FEP_ANSWERED, &result, page);
}

static void
on_read_more(void *arg)
{
    struct task *task = arg;
    struct fixed *fixed = task->fixed;
    struct fep_error error = {0};
    task->timer = NULL;
    enum reader_state state = reader_step(task->reader, &error);
    if (state == READER_MORE)
        task->timer = fixed->host->set_timer(fixed->host->self, 0, on_read_more, task);
    else if (state == READER_REJECTED)
        reject(fixed, task, &error);
    else
        deliver(fixed, task, reader_take_page(task->reader));
}

static struct fep_record *
make_empty_page(struct fixed *fixed, const struct file_kind *kind)
{
    const struct fep_host *host = fixed->host;
    const struct file_wire *wire = &fixed->files.wire;
    char layout[24];
    snprintf(layout, sizeof layout, "%s-R", kind->name);
    struct fep_record *page = host->create_record(host->self, layout);
    bool good = page != NULL && set_field(host, page, wire->last_page, "1") == 0;
    const char *const zeros[] = {wire->count, wire->page_rows};
    for (size_t i = 0; good && i < 2; i++)
        good = zeros[i] == NULL || find_field(host->record_layout(page), zeros[i]) < 0 ||
               set_field(host, page, zeros[i], "0") == 0;
    if (good)
        return page;
    host->release_record(host->self, page);
    return NULL;
}

static void
begin_reading(struct fixed *fixed, struct task *task, const struct file_facts *facts)
{
    const struct fep_host *host = fixed->host;
    const struct file_wire *wire = &fixed->files.wire;
    struct fep_error error = {0};
    uint64_t page = read_number(host, task->asked, wire->page),
             size = read_number(host, task->asked, wire->page_size);
    if (size == 0 || size > FILE_PAGE)
        size = FILE_PAGE;
    uint64_t first = page > 1 && page < 10000000 ? (page - 1) * size + 1 : 1;
    task->reader = reader_open(&fixed->files, task->file, task->asked, facts, first, size, &error);
    if (task->reader == NULL)
        reject(fixed, task, &error);
    else
        task->timer = host->set_timer(host->self, 0, on_read_more, task);
}

int
file_calls_take(struct fixed *fixed, struct task *task, const struct fep_result *result,
                struct fep_record *told, struct fep_error *error)
{
    const struct file_wire *wire = &fixed->files.wire;
    struct file_facts facts;
    char status[8];
    if (files_read_told(&fixed->files, told, &facts, status) < 0) {
        fixed->host->release_record(fixed->host->self, told);
        return set_error(error, 0, 1001, "an answer that does not say which file");
    }
    bool is_ready = strcmp(status, wire->ready) == 0, is_none = strcmp(status, wire->none) == 0;
    task->told = told;
    task->result = *result;
    task->connection = NULL;
    task->state = TASK_READING;
    if (is_ready) {
        begin_reading(fixed, task, &facts);
    } else if (is_none) {
        deliver(fixed, task, make_empty_page(fixed, task->file));
    } else {
        task->result.reason = FEP_REASON_BUSINESS;
        task->result.refusal_class = FEP_REPEATABLE;
        task->result.code = 2601;
        snprintf(task->result.text, sizeof task->result.text, "the file is not ready; ask again after 60 s");
        struct fep_result refused = task->result;
        task_finish(fixed, task, FEP_REFUSED, &refused, NULL);
    }
    return 0;
}

/* --- telling of ours --- */

static struct fep_record *
make_notice(struct fixed *fixed, const struct file_kind *kind, uint32_t day, const struct file_facts *facts)
{
    const struct fep_host *host = fixed->host;
    char layout[24], text[16];
    snprintf(layout, sizeof layout, "%.12s-Q", kind->notice);
    snprintf(text, sizeof text, "%08u", (unsigned)(day % 100000000u));
    struct fep_record *notice = host->create_record(host->self, layout);
    if (notice != NULL && files_set_constants(&fixed->files, kind, notice) == 0 &&
        set_field(host, notice, kind->asked_day, text) == 0 &&
        files_set_told(&fixed->files, notice, fixed->files.wire.ready, facts) == 0)
        return notice;
    host->release_record(host->self, notice);
    return NULL;
}

/* A complete file of this day that the peer has not taken yet. */
static bool
find_untold(const struct fixed *fixed, const struct file_kind *kind, uint32_t day, struct file_facts *facts)
{
    char text[16], line[64], told[64];
    snprintf(text, sizeof text, "%08u", (unsigned)(day % 100000000u));
    if (files_find_latest(&fixed->files, kind, fixed->files.out, true, text, NULL, facts) < 0)
        return false;
    files_write_ok_line(facts, line);
    return files_get(fixed->files.out, facts->name, ".told", told, sizeof told) <= 0 ||
           strcmp(told, line) != 0;
}

static void
tell_next(struct fixed *fixed)
{
    const struct fep_host *host = fixed->host;
    uint32_t today, clock;
    host->read_local_time(host->self, &today, &clock);
    for (size_t i = 0; i < fixed->files.kind_count; i++) {
        const struct file_kind *kind = &fixed->files.kinds[i];
        for (int back = DAYS_BACK; kind->notice[0] != '\0' && kind->asked_day[0] != '\0' && back > 0;
             back--) {
            uint32_t day = files_shift_day(today, -back);
            struct file_facts facts;
            if (!find_untold(fixed, kind, day, &facts))
                continue;
            struct fep_record *notice = make_notice(fixed, kind, day, &facts);
            if (notice != NULL)
                task_begin_notice(fixed, kind->notice, notice, &facts);
            return;
        }
    }
}

static void
on_clock(void *arg)
{
    struct fixed *fixed = arg;
    const struct fep_host *host = fixed->host;
    fixed->notice_timer = NULL;
    if (fixed->notice != NULL)
        task_give_up_notice(fixed);
    else if (!fixed->draining && session_is_ready(fixed))
        tell_next(fixed);
    fixed->notice_timer = host->set_timer(host->self, fixed->file_poll_ms, on_clock, fixed);
}

void
file_calls_start(struct fixed *fixed)
{
    if (fixed->files.out != NULL)
        fixed->notice_timer = fixed->host->set_timer(fixed->host->self, fixed->file_poll_ms, on_clock, fixed);
}

void
file_calls_stop(struct fixed *fixed)
{
    fixed->host->clear_timer(fixed->host->self, fixed->notice_timer);
    fixed->notice_timer = NULL;
}

void
file_calls_told(const struct fixed *fixed, const struct file_facts *facts, char class)
{
    const struct fep_host *host = fixed->host;
    char line[64];
    if (class == 'R' || class == 'U')
        return; /* told again after the next pause */
    if (class == 'N')
        host->log_event(host->self, LOG_WARNING_LEVEL, "the local system refuses to take our file for good",
                        0);
    files_write_ok_line(facts, line);
    if (files_put(fixed->files.out, facts->name, ".told", line) < 0)
        host->log_event(host->self, LOG_ERROR_LEVEL, "that a file of ours was taken can not be noted", 0);
    else if (class == '0')
        host->log_event(host->self, LOG_NOTICE_LEVEL, "the local system has taken our file",
                        (int64_t)facts->records);
}
