/* Files when serving: a request for one is answered from the gateway's books, page by page, and a notice of
 * the peer's file is answered only after that file was read as a whole.
 *
 * A job makes one file or reads one; the requests that wait for it hang on it and may go away. Must never
 * tell of a file that is not complete. Fails by a refusal that may be repeated: the file may come out well
 * the next time. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MAX_JOBS = 4, TRIES = 3, DAYS_BACK = 3, BODY_ROOM = 512 };

struct file_job {
    struct file_job *next;
    struct server *server;
    const struct file_kind *kind;
    unsigned char body[BODY_ROOM]; /* of the request: equal requests share a job */
    size_t body_size;
    struct fep_record *asked, *reply; /* of the request and of its answer */
    char day[16];
    struct file_writer *writer;
    struct file_reader *reader;
    struct fep_timer *timer;
    uint64_t page;
    unsigned tries;
    uint32_t daily; /* made because its day is over, not because somebody asked; 0: not so */
    bool asking;    /* a page is with the host */
};

static void on_page(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
                    const struct fep_record *answer);

/* --- jobs --- */

static struct file_job *
add_job(struct server *server, const struct file_kind *kind, const unsigned char *body, size_t size)
{
    size_t count = 0;
    for (const struct file_job *job = server->jobs; job != NULL; job = job->next)
        count++;
    struct file_job *job = count < MAX_JOBS && size <= BODY_ROOM ? calloc(1, sizeof *job) : NULL;
    if (job == NULL)
        return NULL;
    job->server = server;
    job->kind = kind;
    memcpy(job->body, body, size);
    job->body_size = size;
    job->next = server->jobs;
    server->jobs = job;
    return job;
}

static void
free_job(struct file_job *job)
{
    struct server *server = job->server;
    const struct fep_host *host = server->host;
    struct file_job **at = &server->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    if (job->asking)
        host->forget_request(host->self, job);
    host->clear_timer(host->self, job->timer);
    writer_close(job->writer);
    reader_close(job->reader);
    host->release_record(host->self, job->asked);
    host->release_record(host->self, job->reply);
    free(job);
}

/* The next request that waits for this job; NULL if none. */
static struct request *
next_waiter(const struct file_job *job)
{
    for (struct client *client = job->server->first; client != NULL; client = client->next) {
        for (struct request *request = client->first; request != NULL; request = request->next) {
            if (request->job == job)
                return request;
        }
    }
    return NULL;
}

static void
answer_waiters(struct file_job *job, const struct fep_record *body)
{
    struct server *server = job->server;
    const struct answer answer = {.code = server->wire.good, .text = server->wire.good_text, .body = body};
    struct request *request;
    while ((request = next_waiter(job)) != NULL) {
        tell_answer(request->client, request->record, request, &answer);
        request_free(request);
    }
}

static void
refuse_waiters(struct file_job *job, char class, uint32_t code, const char *text)
{
    struct request *request;
    while ((request = next_waiter(job)) != NULL) {
        tell_refusal(request->client, request->record, request, class, code, text);
        request_free(request);
    }
}

static void
fail_job(struct file_job *job, const char *why)
{
    struct server *server = job->server;
    server->host->log_event(server->host->self, LOG_ERROR_LEVEL, why, (int64_t)job->page);
    refuse_waiters(job, 'R', 9001, "文件暂不可用, 请稍后再取");
    free_job(job);
    serving_check_drained(server);
}

/* --- making a file --- */

static void
finish_file(struct file_job *job)
{
    struct server *server = job->server;
    const struct file_wire *wire = &server->files.wire;
    struct file_facts facts;
    struct fep_error error = {0};
    if (writer_finish(job->writer, &facts, &error) < 0) {
        fail_job(job, error.text);
        return;
    }
    bool any = facts.name[0] != '\0';
    if (files_set_told(&server->files, job->reply, any ? wire->ready : wire->none, any ? &facts : NULL) < 0) {
        fail_job(job, "no memory for a file");
        return;
    }
    if (job->daily != 0)
        server->files_prepared[job->kind - server->files.kinds] = job->daily;
    answer_waiters(job, job->reply);
    free_job(job);
    serving_check_drained(server);
}

static struct fep_record *
make_page_head(struct file_job *job)
{
    struct server *server = job->server;
    const struct fep_host *host = server->host;
    const struct server_wire *wire = &server->wire;
    uint32_t date, time;
    char serial[SERIAL_SIZE], text[16];
    const char *const fields[][2] = {{wire->transaction_field, job->kind->request},
                                     {wire->kind_field, wire->request_kind},
                                     {wire->version_field, wire->version},
                                     {wire->direction_field, wire->serve_direction},
                                     {wire->sender_field, wire->peer_node},
                                     {wire->receiver_field, wire->node},
                                     {wire->serial_field, serial},
                                     {wire->date_field, text},
                                     {wire->accounting_date_field, text}};
    host->read_local_time(host->self, &date, &time);
    server->probe_counter = (server->probe_counter + 1) % 1000000u;
    snprintf(serial, sizeof serial, "%08u98%04u%06u", (unsigned)(date % 100000000u),
             (unsigned)(time / 100 % 10000u), (unsigned)server->probe_counter);
    snprintf(text, sizeof text, "%08u", (unsigned)(date % 100000000u));
    struct fep_record *head = host->create_record(host->self, "head-Q");
    bool good = head != NULL;
    for (size_t i = 0; good && i < sizeof fields / sizeof *fields; i++)
        good = fields[i][0] == NULL || fields[i][1] == NULL ||
               set_field(host, head, fields[i][0], fields[i][1]) == 0;
    snprintf(text, sizeof text, "%06u", (unsigned)(time % 1000000u));
    if (good && set_field(host, head, wire->time_field, text) == 0)
        return head;
    host->release_record(host->self, head);
    return NULL;
}

static struct fep_record *
make_page_question(const struct file_job *job)
{
    const struct server *server = job->server;
    const struct fep_host *host = server->host;
    char layout[24], page[24], size[24];
    snprintf(layout, sizeof layout, "%s-Q", job->kind->name);
    snprintf(page, sizeof page, "%llu", (unsigned long long)job->page);
    snprintf(size, sizeof size, "%d", FILE_PAGE);
    struct fep_record *question = host->create_record(host->self, layout);
    if (question != NULL && files_copy_fields(host, job->asked, question) == 0 &&
        files_set_constants(&server->files, job->kind, question) == 0 &&
        set_field(host, question, server->files.wire.page, page) == 0 &&
        set_field(host, question, server->files.wire.page_size, size) == 0)
        return question;
    host->release_record(host->self, question);
    return NULL;
}

/* Frees the job if it can not go on. */
static void
ask_page(struct file_job *job)
{
    const struct fep_host *host = job->server->host;
    struct fep_error error = {0};
    struct fep_record *head = make_page_head(job), *question = head != NULL ? make_page_question(job) : NULL;
    if (question == NULL) {
        host->release_record(host->self, head);
        fail_job(job, "no memory for a file");
        return;
    }
    job->asking = host->begin_request(host->self, job->kind->name, head, question, true, on_page, NULL, job,
                                      &error) == 0;
    if (!job->asking)
        fail_job(job, error.text[0] != '\0' ? error.text : "the gateway's books can not be read now");
}

static void
begin_file(struct file_job *job)
{
    struct fep_error error = {0};
    writer_close(job->writer);
    job->page = 1;
    job->writer = writer_open(&job->server->files, job->kind, job->day, job->asked, &error);
    if (job->writer == NULL)
        fail_job(job, error.text);
    else
        ask_page(job);
}

static bool
is_last(const struct file_job *job, const struct fep_record *page)
{
    return bytes_equal(get_field(job->server->host, page, job->server->files.wire.last_page), "1");
}

static void
take_page(struct file_job *job, const struct fep_record *page)
{
    const struct fep_host *host = job->server->host;
    struct fep_error error = {0};
    bool last = is_last(job, page);
    if (writer_add(job->writer, page, &error) < 0) {
        if (error.code == 9001 && ++job->tries < TRIES)
            begin_file(job);
        else
            fail_job(job, error.text);
        return;
    }
    if (job->page == 1 && files_copy_fields(host, page, job->reply) < 0) {
        fail_job(job, "no memory for a file");
    } else if (last) {
        finish_file(job);
    } else if (host->record_rows(page) == 0) {
        fail_job(job, "a page without rows that is not the last one");
    } else {
        job->page++;
        ask_page(job);
    }
}

static void
on_page(void *self, void *ticket, enum fep_kind kind, const struct fep_result *result,
        const struct fep_record *answer)
{
    struct server *server = self;
    struct file_job *job = ticket;
    job->asking = false;
    if (kind == FEP_ANSWERED && answer != NULL) {
        take_page(job, answer);
        return;
    }
    server->host->log_event(server->host->self, LOG_WARNING_LEVEL,
                            "the gateway's books could not be read for a file", result->code);
    if (kind == FEP_REFUSED)
        refuse_waiters(job, result->refusal_class == FEP_REPEATABLE ? 'R' : 'N', result->code, result->text);
    else
        refuse_waiters(job, 'R', 9001, "文件暂不可用, 请稍后再取");
    free_job(job);
    serving_check_drained(server);
}

/* --- a request for a file --- */

static struct fep_record *
make_reply(const struct server *server, const struct file_kind *kind)
{
    char layout[24];
    snprintf(layout, sizeof layout, "%.12s-R", kind->request);
    return server->host->create_record(server->host->self, layout);
}

/* Whoever waits is told that it is not there yet; the job goes on. */
static void
on_patience(void *arg)
{
    struct file_job *job = arg;
    struct server *server = job->server;
    struct fep_record *reply = make_reply(server, job->kind);
    job->timer = NULL;
    if (reply != NULL && files_set_told(&server->files, reply, server->files.wire.not_ready, NULL) == 0)
        answer_waiters(job, reply);
    server->host->release_record(server->host->self, reply);
}

/* A job for this request, begun or under way already. NULL: too many. Takes `asked`. */
static struct file_job *
find_job(struct server *server, const struct file_kind *kind, const unsigned char *body, size_t size,
         struct fep_record *asked, bool *fresh)
{
    const struct fep_host *host = server->host;
    *fresh = false;
    for (struct file_job *job = server->jobs; job != NULL; job = job->next) {
        if (job->kind == kind && job->reader == NULL && job->body_size == size &&
            memcmp(job->body, body, size) == 0) {
            host->release_record(host->self, asked);
            return job;
        }
    }
    struct file_job *job = add_job(server, kind, body, size);
    if (job == NULL) {
        host->release_record(host->self, asked);
        return NULL;
    }
    uint32_t date, clock;
    host->read_local_time(host->self, &date, &clock);
    job->asked = asked;
    job->reply = make_reply(server, kind);
    if (kind->asked_day[0] == '\0' ||
        copy_field(host, asked, kind->asked_day, job->day, sizeof job->day) <= 0)
        snprintf(job->day, sizeof job->day, "%08u", (unsigned)(date % 100000000u));
    if (job->reply == NULL) {
        free_job(job);
        return NULL;
    }
    *fresh = true;
    return job;
}

static bool
has_constants(const struct server *server, const struct file_kind *kind, const struct fep_record *record)
{
    const struct fep_host *host = server->host;
    const struct fep_layout *layout = host->record_layout(record);
    char value[64];
    for (size_t i = 0; i < layout->field_count; i++) {
        if (files_constant(&server->files, kind, layout->fields[i].name, value) &&
            !bytes_equal(host->record_get(record, i), value))
            return false;
    }
    return true;
}

static void
refuse_request(struct request *request, char class, uint32_t code, const char *text)
{
    tell_refusal(request->client, request->record, request, class, code, text);
    request_free(request);
}

/* Tells at once what is not to be had yet. */
static void
tell_not_ready(struct request *request, const struct file_kind *kind)
{
    struct server *server = request->client->server;
    struct fep_record *reply = make_reply(server, kind);
    const struct answer answer = {.code = server->wire.good, .text = server->wire.good_text, .body = reply};
    if (reply != NULL && files_set_told(&server->files, reply, server->files.wire.not_ready, NULL) == 0) {
        tell_answer(request->client, request->record, request, &answer);
        request_free(request);
    } else {
        refuse_request(request, 'R', 9001, "网关忙, 请稍后再取");
    }
    server->host->release_record(server->host->self, reply);
}

static void
take_file_request(struct request *request, const struct file_kind *kind, struct fep_record *asked)
{
    struct server *server = request->client->server;
    const struct fep_host *host = server->host;
    uint32_t today, clock, day = answer_read_date(host, asked, kind->asked_day);
    const unsigned char *body = request->record + server->codec.head_size;
    bool fresh;
    host->read_local_time(host->self, &today, &clock);
    if (!has_constants(server, kind, asked) ||
        (kind->asked_day[0] != '\0' && (day == 0 || files_shift_day(day, 0) != day))) {
        host->release_record(host->self, asked);
        refuse_request(request, 'N', 1003, "日期或文件类别不对");
        return;
    }
    if (kind->asked_day[0] != '\0' && !files_is_due(kind, day, today, clock)) {
        host->release_record(host->self, asked);
        tell_not_ready(request, kind);
        return;
    }
    struct file_job *job =
        find_job(server, kind, body, request->size - server->codec.head_size, asked, &fresh);
    if (job == NULL) {
        refuse_request(request, 'R', 9001, "网关忙, 请稍后再取");
        return;
    }
    request->job = job;
    if (job->timer == NULL)
        job->timer = host->set_timer(host->self, server->file_wait_ms, on_patience, job);
    if (fresh)
        begin_file(job);
}

/* --- a notice of the peer's file --- */

static void
on_read_more(void *arg)
{
    struct file_job *job = arg;
    struct server *server = job->server;
    const struct fep_host *host = server->host;
    struct fep_error error = {0};
    job->timer = NULL;
    enum reader_state state = reader_step(job->reader, &error);
    if (state == READER_MORE) {
        job->timer = host->set_timer(host->self, 0, on_read_more, job);
        return;
    }
    if (state == READER_REJECTED) {
        host->log_event(host->self, LOG_ERROR_LEVEL, error.text, error.code);
        refuse_waiters(job, 'R', 9001, "文件未通过核对, 请重新提供");
    } else {
        answer_waiters(job, NULL);
    }
    free_job(job);
    serving_check_drained(server);
}

static void
take_notice(struct request *request, const struct file_kind *kind, struct fep_record *notice)
{
    struct server *server = request->client->server;
    const struct fep_host *host = server->host;
    struct file_facts facts;
    struct fep_error error = {0};
    char status[8];
    bool readable =
        has_constants(server, kind, notice) && files_read_told(&server->files, notice, &facts, status) == 0;
    bool is_ready = readable && strcmp(status, server->files.wire.ready) == 0;
    struct file_job *job = is_ready ? add_job(server, kind, (const unsigned char *)"", 0) : NULL;
    if (job != NULL)
        job->reader = reader_open(&server->files, kind, notice, &facts, 1, 0, &error);
    host->release_record(host->self, notice);
    if (!readable) {
        refuse_request(request, 'N', 1003, "日期、文件类别或文件说明不对");
    } else if (!is_ready) {
        const struct answer good = {.code = server->wire.good, .text = server->wire.good_text};
        tell_answer(request->client, request->record, request, &good);
        request_free(request);
    } else if (job == NULL || job->reader == NULL) {
        if (job != NULL)
            free_job(job);
        if (error.text[0] != '\0')
            host->log_event(host->self, LOG_ERROR_LEVEL, error.text, error.code);
        refuse_request(request, 'R', 9001, "文件不在或未通过核对, 请重新提供");
    } else {
        request->job = job;
        job->timer = host->set_timer(host->self, 0, on_read_more, job);
    }
}

/* --- towards the desk --- */

bool
file_desk_knows(const struct server *server, const char *transaction, bool *served)
{
    bool asked = files_by_request(&server->files, transaction) != NULL,
         told = files_by_notice(&server->files, transaction) != NULL;
    *served = (asked && server->files.out != NULL) || (told && server->files.in != NULL);
    return asked || told;
}

void
file_desk_take(struct request *request)
{
    struct server *server = request->client->server;
    struct fep_error error = {0};
    char layout[LOCAL_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-Q", request->transaction);
    struct fep_record *body =
        fixed_decode_body(&server->codec, layout, request->record + server->codec.head_size,
                          request->size - server->codec.head_size, 0, &error);
    const struct file_kind *kind = files_by_request(&server->files, request->transaction);
    if (body == NULL)
        refuse_request(request, 'N', 1003, error.text);
    else if (kind != NULL)
        take_file_request(request, kind, body);
    else
        take_notice(request, files_by_notice(&server->files, request->transaction), body);
}

/* --- every day --- */

/* A request for the file of that day, as the peer would make it. */
static void
prepare_day(struct server *server, const struct file_kind *kind, uint32_t day)
{
    const struct fep_host *host = server->host;
    unsigned char body[BODY_ROOM];
    char layout[24], text[16];
    bool fresh = false;
    snprintf(layout, sizeof layout, "%.12s-Q", kind->request);
    snprintf(text, sizeof text, "%08u", (unsigned)(day % 100000000u));
    struct fep_record *asked = host->create_record(host->self, layout);
    int size = -1;
    if (asked != NULL && files_set_constants(&server->files, kind, asked) == 0 &&
        set_field(host, asked, kind->asked_day, text) == 0)
        size = fixed_encode_record(&server->codec, asked, body, sizeof body, NULL);
    if (size < 0) {
        host->release_record(host->self, asked);
        return;
    }
    struct file_job *job = find_job(server, kind, body, (size_t)size, asked, &fresh);
    if (job == NULL || !fresh)
        return;
    job->daily = day;
    begin_file(job);
}

/* Is the file of this day being made? */
static bool
is_under_way(const struct server *server)
{
    for (const struct file_job *job = server->jobs; job != NULL; job = job->next) {
        if (job->reader == NULL)
            return true;
    }
    return false;
}

static uint32_t
next_to_prepare(const struct server *server, size_t kind)
{
    uint32_t today, clock;
    server->host->read_local_time(server->host->self, &today, &clock);
    for (int back = DAYS_BACK; back > 0; back--) {
        uint32_t day = files_shift_day(today, -back);
        if (day > server->files_prepared[kind] && files_is_due(&server->files.kinds[kind], day, today, clock))
            return day;
    }
    return 0;
}

/* The file of each day is made when its time has come, whether or not somebody asks for it; after a start
 * those of the last days, in case something became known since. One after the other. */
static void
on_clock(void *arg)
{
    struct server *server = arg;
    const struct fep_host *host = server->host;
    server->file_timer = NULL;
    bool begun = server->draining || is_under_way(server);
    for (size_t i = 0; !begun && i < server->files.kind_count; i++) {
        const struct file_kind *kind = &server->files.kinds[i];
        uint32_t day = kind->waits && kind->asked_day[0] != '\0' ? next_to_prepare(server, i) : 0;
        if (day == 0)
            continue;
        prepare_day(server, kind, day); /* if it fails, again after the next pause */
        begun = true;
    }
    server->file_timer = host->set_timer(host->self, server->file_poll_ms, on_clock, server);
}

int
file_desk_open(struct server *server, struct fep_error *error)
{
    const struct fep_host *host = server->host;
    server->file_wait_ms = host->get_integer(server->config, "file_time");
    server->file_poll_ms = host->get_integer(server->config, "file_poll_time");
    return files_open(&server->files, host, &server->codec, host->get_text(server->config, "file_in"),
                      host->get_text(server->config, "file_out"), error);
}

void
file_desk_start(struct server *server)
{
    const struct fep_host *host = server->host;
    if (server->files.out != NULL)
        server->file_timer = host->set_timer(host->self, server->file_poll_ms, on_clock, server);
}

void
file_desk_close(struct server *server)
{
    const struct fep_host *host = server->host;
    host->clear_timer(host->self, server->file_timer);
    server->file_timer = NULL;
    while (server->jobs != NULL)
        free_job(server->jobs);
}
