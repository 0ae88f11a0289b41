/* Calls: what a call is on the wire, step by step, and how it ends.
 *
 * A request is one transfer. An inquiry is a query for the original by its own number. A reversal first looks
 * for the original too, so that a reversal whose answer was lost is never sent blindly again; only what is
 * posted, or has been absent for so long that it can not arrive any more, is reversed. Must never say
 * NOT_SENT once a byte of a request that posts may have left, nor "never arrived" before the quiet time has
 * passed.
 */
#include "national.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statement.h"

/* --- the list --- */

static struct task *
add_task(struct national *national, struct fep_call *call, uint32_t operation)
{
    struct task *task = national->task_count < MAX_TASKS ? calloc(1, sizeof *task) : NULL;
    if (task == NULL)
        return NULL;
    task->national = national;
    task->call = call;
    task->operation = operation;
    task->input = -1;
    if (call != NULL)
        task->attempt = *national->host->call_attempt(call);
    task->before = national->last_task;
    if (national->last_task != NULL)
        national->last_task->next = task;
    else
        national->first_task = task;
    national->last_task = task;
    national->task_count++;
    return task;
}

static void
free_task(struct task *task)
{
    struct national *national = task->national;
    link_drop(task);
    national->host->clear_timer(national->host->self, task->timer);
    if (task->before != NULL)
        task->before->next = task->next;
    else
        national->first_task = task->next;
    if (task->next != NULL)
        task->next->before = task->before;
    else
        national->last_task = task->before;
    national->task_count--;
    national->host->release_record(national->host->self, task->found);
    doc_finish(&task->body);
    free(task->body_text);
    writer_free(&task->out);
    writer_free(&task->in);
    writer_free(&task->in_rows);
    doc_finish(&task->then_output);
    writer_free(&task->then_text);
    if (task->file != NULL)
        fclose(task->file);
    free(task);
}

void
client_check_drained(struct national *national)
{
    struct fep_call *call = national->drain_call;
    for (const struct task *task = national->first_task; call != NULL && task != NULL; task = task->next) {
        if (task->call != NULL)
            return;
    }
    if (call == NULL || national->serves)
        return;
    national->drain_call = NULL;
    national->host->complete_call(national->host->self, call, FEP_ANSWERED,
                                  &(struct fep_result){.size = sizeof(struct fep_result)}, NULL);
}

/* --- ends --- */

static void
complete(struct task *task, enum fep_kind kind, const struct fep_result *result, struct fep_record *answer)
{
    const struct fep_host *host = task->national->host;
    struct fep_call *call = task->call;
    task->call = NULL;
    if (call != NULL)
        host->complete_call(host->self, call, kind, result, answer);
    else if (task->late && task->operation == FEP_OP_SUBMIT && (kind == FEP_ANSWERED || kind == FEP_REFUSED))
        host->report_late(host->self, &task->attempt, kind, result, answer);
    else
        host->release_record(host->self, answer);
}

void
task_finish(struct task *task, enum fep_kind kind, const struct fep_result *result, struct fep_record *answer)
{
    struct national *national = task->national;
    complete(task, kind, result, answer);
    free_task(task);
    client_check_drained(national);
}

void
task_found(struct task *task, enum fep_finding finding, const char *text, struct fep_record *answer,
           const struct fep_result *more)
{
    struct fep_result result = more != NULL ? *more : national_result(FEP_REASON_NONE);
    result.finding = finding;
    result.effect = finding == FEP_FOUND_POSTED ? FEP_EFFECT_POSTED : FEP_EFFECT_NONE;
    result.accounting_date =
        task->attempt.accounting_date != 0 ? task->attempt.accounting_date : task->attempt.serial_date;
    national_copy(result.text, sizeof result.text, text);
    task_finish(task, FEP_ANSWERED, &result, answer);
}

static void
finish_unsent(struct task *task, enum fep_kind kind, enum fep_reason reason, unsigned code, const char *text)
{
    if (task->step == STEP_THEN) {
        task_end_then(task, false);
        return;
    }
    struct fep_result result = national_result(reason);
    result.code = code;
    result.refusal_class = kind == FEP_NOT_SENT ? FEP_REPEATABLE : FEP_FINAL;
    national_copy(result.text, sizeof result.text, text);
    task_finish(task, kind, &result, NULL);
}

/* No complete answer. */
void
task_lost(struct task *task, enum fep_reason reason, const char *text)
{
    struct fep_result result = national_result(reason);
    if (task->step == STEP_THEN) {
        task_end_then(task, false);
        return;
    }
    bool unsent = !task->left || task->step == STEP_CHECK;
    result.code = unsent ? 9001 : 9002;
    result.refusal_class = FEP_REPEATABLE;
    national_copy(result.text, sizeof result.text, text);
    task_finish(task, unsent ? FEP_NOT_SENT : FEP_UNKNOWN, &result, NULL);
}

void
task_end_then(struct task *task, bool good)
{
    const struct fep_host *host = task->national->host;
    struct fep_record *answer = task->found;
    struct fep_result result = task->kept;
    task->found = NULL;
    if (!good)
        host->log_event(host->self, LOG_WARNING_LEVEL, "what follows a posting was not taken by the platform",
                        0);
    task_finish(task, FEP_ANSWERED, &result, answer);
}

/* --- errands of our own --- */

static void
on_errand_timer(void *arg)
{
    struct national *national = arg;
    national->errand_timer = NULL;
    client_run_errand(national);
}

void
task_end_errand(struct task *task, bool good, const char *why)
{
    struct national *national = task->national;
    const struct fep_host *host = national->host;
    bool signs = task->operation == OP_SIGN_IN;
    free_task(task);
    national->on_errand = false;
    if (signs)
        national->signed_in = good;
    client_report(national, good ? FEP_UP : FEP_DOWN, why);
    if (good) {
        national->pause_ms = national->pause_min_ms;
        return;
    }
    if (national->errand_timer == NULL)
        national->errand_timer = host->set_timer(host->self, national->pause_ms, on_errand_timer, national);
    national->pause_ms =
        national->pause_ms * 2 < national->pause_max_ms ? national->pause_ms * 2 : national->pause_max_ms;
}

void
client_run_errand(struct national *national)
{
    bool signs = national->profile.sign_in.infno[0] != '\0';
    if (national->on_errand || national->draining || national->closing || national->errand_timer != NULL)
        return;
    struct task *task = add_task(national, NULL, signs ? OP_SIGN_IN : OP_PROBE);
    if (task == NULL)
        return;
    national->on_errand = true;
    task->step = STEP_SEND;
    national_copy(task->infno, sizeof task->infno, signs ? national->profile.sign_in.infno : "");
    memcpy(task->wire, task->infno, sizeof task->wire);
    national_copy(task->treat_area, sizeof task->treat_area, national->area);
    national_copy(task->insured_area, sizeof task->insured_area, national->area);
    national_copy(task->institution, sizeof task->institution, national->institution);
    national_draw_msgid(national, national->institution, task->msgid);
    task_advance(task);
}

/* --- sending --- */

void
task_scope(const struct task *task, struct scope *scope)
{
    const struct national *national = task->national;
    const struct fep_host *host = national->host;
    *scope = (struct scope){.infno = task->infno,
                            .wire = task->wire,
                            .msgid = task->msgid,
                            .treat_area = task->treat_area,
                            .insured_area = task->insured_area,
                            .institution = task->institution,
                            .sign_no = national->sign_no,
                            .serial20 = task->serial20,
                            .body = task->body.count > 0 ? &task->body : NULL,
                            .input = task->input};
    host->read_local_time(host->self, &scope->date, &scope->time);
    scope->millisecond = (uint32_t)(host->read_monotonic_ms(host->self) % 1000);
}

/* What goes out in this step: number, rules of its input, message id. An inquiry and a reversal are messages
 * of their own about the original. */
static const struct rules *
choose_message(struct task *task, struct scope *scope, char own_wire[INFNO_ROOM])
{
    const struct profile *profile = &task->national->profile;
    const struct profile_inquiry *inquiry = profile_find_inquiry(profile, task->infno);
    const struct rules *rules = NULL;
    const char *infno = task->infno;
    if (task->operation == OP_SIGN_IN)
        rules = &profile->sign_in.request;
    if (task->step == STEP_CHECK && inquiry != NULL) {
        rules = &inquiry->request;
        infno = inquiry->infno;
    } else if (task->step == STEP_UNDO) {
        rules = &profile->reversal.request;
        infno = profile->reversal.infno;
    }
    if (task->step == STEP_THEN) {
        rules = &profile_find(profile, task->infno)->then_request;
        infno = profile_find(profile, task->infno)->then;
    } else if (task->step >= STEP_TOTALS) {
        rules = statement_rules(task, &infno);
    }
    const struct profile_transaction *transaction = profile_find(profile, infno);
    snprintf(own_wire, INFNO_ROOM, "%s", transaction != NULL ? transaction->wire : infno);
    if (task->step != STEP_SEND)
        national_draw_msgid(task->national, task->institution, task->own_msgid);
    (void)scope;
    return rules;
}

static const char *
choose_path(const struct profile *profile, const char *wire, char out[320])
{
    const struct profile_transaction *transaction = profile_find_wire(profile, wire);
    if (profile->prefix[0] == '\0' || transaction == NULL)
        return profile->endpoint;
    snprintf(out, 320, "%s%s", profile->prefix, transaction->path);
    return out;
}

/* The envelope names the message that goes out; rules of its input speak of the original. So the input is
 * made first. */
static int
write_message(struct task *task, struct scope *scope, const char **path, char path_room[320],
              struct fep_error *error)
{
    const struct profile *profile = &task->national->profile;
    char own_wire[INFNO_ROOM];
    const struct rules *rules = choose_message(task, scope, own_wire);
    struct rules fixed = {0};
    writer_free(&task->out);
    *path = choose_path(profile, own_wire, path_room);
    bool about_original = task->step < STEP_TOTALS;
    for (size_t i = 0; about_original && rules != NULL && i < rules->count; i++) {
        struct rule *rule = &fixed.list[fixed.count++];
        char text[72];
        *rule = rules->list[i];
        if (message_source_text(scope, rule->source, text, sizeof text) <= 0 &&
            (rule->otherwise[0] == '\0' ||
             message_source_text(scope, rule->otherwise, text, sizeof text) <= 0))
            text[0] = '\0';
        snprintf(rule->source, sizeof rule->source, "=%s", text);
        rule->otherwise[0] = '\0';
    }
    if (task->step != STEP_SEND)
        scope->msgid = task->own_msgid;
    scope->wire = own_wire;
    if (!about_original) {
        scope->answer = task->step == STEP_THEN ? &task->then_output : NULL;
        scope->row = statement_row(task);
        scope->file_number = task->file_number;
        scope->file_name = task->file_name;
    }
    return message_request(profile, scope,
                           rules == NULL    ? NULL
                           : about_original ? &fixed
                                            : rules,
                           &task->out, error);
}

static void
send_step(struct task *task)
{
    struct national *national = task->national;
    struct fep_error error = {0};
    struct scope scope;
    char room[320];
    const char *path = "";
    task_scope(task, &scope);
    if (task->operation != OP_PROBE) {
        if (write_message(task, &scope, &path, room, &error) < 0) {
            bool memory = error.code == 9001;
            finish_unsent(task, memory ? FEP_NOT_SENT : FEP_REFUSED,
                          memory ? FEP_REASON_BOUND : FEP_REASON_MALFORMED, error.code, error.text);
            return;
        }
        if (national->seal != NULL && keys_seal_request(task, &error) != SEAL_GOOD) {
            finish_unsent(task, FEP_NOT_SENT, FEP_REASON_BOUND, 9001, error.text);
            return;
        }
        task->content_type[0] = '\0';
        if (task->step == STEP_UPLOAD && (!statement_wrap(task) || !keys_sign_form(task))) {
            finish_unsent(task, FEP_REFUSED, FEP_REASON_BOUND, 9001,
                          "no memory for a file, or a tab in a value");
            return;
        }
    }
    if (link_send(task, path))
        return;
    if (task->call == NULL && task->operation != FEP_OP_SUBMIT) {
        task_end_errand(task, false, "no memory");
        return;
    }
    (void)national;
    finish_unsent(task, FEP_NOT_SENT, FEP_REASON_BOUND, 9001, "no memory for a connection");
}

void
task_advance(struct task *task)
{
    link_drop(task);
    send_step(task);
}

void
client_transferred(struct task *task, CURLcode code)
{
    struct national *national = task->national;
    const char *why = task->too_large ? "an answer that is too long" : curl_easy_strerror(code);
    if (task->operation == OP_PROBE || (task->operation == OP_SIGN_IN && code != CURLE_OK)) {
        task_end_errand(task, code == CURLE_OK, code == CURLE_OK ? "" : why);
        return;
    }
    if (code == CURLE_OK) {
        if (national->health.state != FEP_UP &&
            (national->signed_in || national->profile.sign_in.infno[0] == '\0'))
            client_report(national, FEP_UP, "");
        answer_take(task);
        return;
    }
    if (task->step == STEP_THEN && !task->repeated) {
        task->repeated = true;
        task_advance(task);
        return;
    }
    if (!task->left && !task->late) {
        client_report(national, FEP_DOWN, why);
        client_run_errand(national);
    }
    task_lost(task, task->left ? FEP_REASON_PEER_CLOSED : FEP_REASON_LINK_DOWN, why);
}

/* --- calls --- */

static bool
copy_head(const struct fep_host *host, const struct fep_record *head, struct task *task)
{
    const struct fep_layout *layout = host->record_layout(head);
    const struct {
        const char *name;
        char *out;
        size_t room;
    } fields[] = {{"msgid", task->msgid, sizeof task->msgid},
                  {"insured_area", task->insured_area, sizeof task->insured_area},
                  {"treat_area", task->treat_area, sizeof task->treat_area},
                  {"institution", task->institution, sizeof task->institution}};
    size_t found = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (size_t field = 0; field < layout->field_count; field++) {
            struct fep_bytes text = host->record_get(head, field);
            if (strcmp(layout->fields[field].name, fields[i].name) != 0 || text.size >= fields[i].room)
                continue;
            if (text.size > 0)
                memcpy(fields[i].out, text.data, text.size);
            fields[i].out[text.size] = '\0';
            found++;
        }
    }
    return found == sizeof fields / sizeof fields[0];
}

static int
take_message(struct task *task, const struct fep_message *message, struct fep_error *error)
{
    struct national *national = task->national;
    const struct fep_host *host = national->host;
    struct fep_record *head = NULL, *body = NULL;
    const char *infno =
        host->translate_out(host->self, message, task->operation, &task->attempt, &head, &body, error);
    bool good = infno != NULL && head != NULL && body == NULL && strlen(infno) < sizeof task->infno &&
                copy_head(host, head, task);
    if (good)
        snprintf(task->infno, sizeof task->infno, "%s", infno);
    host->release_record(host->self, head);
    host->release_record(host->self, body);
    if (!good) {
        national_copy(error->text, sizeof error->text,
                      "a message without its head; an instance of this module has no mapping");
        return -1;
    }
    const struct profile_transaction *transaction = profile_find(&national->profile, task->infno);
    snprintf(task->wire, sizeof task->wire, "%s", transaction != NULL ? transaction->wire : task->infno);
    snprintf(task->serial20, sizeof task->serial20, "%08u%012llu", task->attempt.serial_date % 100000000u,
             (unsigned long long)(task->attempt.serial % 1000000000000ull));
    task->posts = profile_lists(national->profile.posting, task->infno);
    struct fep_bytes text = host->message_body(host->self, message);
    task->body_text = malloc(text.size + 1);
    if (task->body_text == NULL) {
        error->code = 9001;
        return -1;
    }
    memcpy(task->body_text, text.data, text.size);
    if (doc_parse(&task->body, task->body_text, text.size, error) < 0)
        return -1;
    task->input = doc_member(&task->body, 0, "input");
    return 0;
}

void
client_begin(struct national *national, struct fep_call *call, uint32_t operation,
             const struct fep_message *message)
{
    struct fep_error error = {0};
    struct fep_result bound = national_result(FEP_REASON_BOUND);
    struct task *task = national->draining ? NULL : add_task(national, call, operation);
    bound.code = 9001;
    if (task == NULL) {
        national->host->complete_call(national->host->self, call, FEP_NOT_SENT, &bound, NULL);
        return;
    }
    if (take_message(task, message, &error) < 0) {
        bool memory = error.code == 9001;
        finish_unsent(task, memory ? FEP_NOT_SENT : FEP_REFUSED, FEP_REASON_MALFORMED, memory ? 9001 : 1001,
                      error.text);
        return;
    }
    if (national->profile.sign_in.infno[0] != '\0' && !national->signed_in) {
        client_run_errand(national);
        finish_unsent(task, FEP_NOT_SENT, FEP_REASON_LINK_DOWN, 9001, "not signed in");
        return;
    }
    if (operation == FEP_OP_SUBMIT && statement_begin(task))
        return;
    bool asks = profile_find_inquiry(&national->profile, task->infno) != NULL;
    if (operation == FEP_OP_SUBMIT) {
        task->step = STEP_SEND;
    } else if (asks) {
        task->step = STEP_CHECK;
    } else if (operation == FEP_OP_REVERSE && profile_lists(national->profile.reversal.of, task->infno)) {
        task->step = STEP_UNDO;
    } else if (operation == FEP_OP_REVERSE) {
        task_found(task, FEP_FOUND_STAYS_POSTED, "neither inquiry nor reversal for this transaction", NULL,
                   NULL);
        return;
    } else {
        finish_unsent(task, FEP_NOT_SENT, FEP_REASON_PROTOCOL, 9001, "no inquiry for this transaction");
        return;
    }
    task_advance(task);
}

static void
on_late_timer(void *arg)
{
    struct task *task = arg;
    task->timer = NULL;
    free_task(task);
}

/* Of those whose answer may still come only the latest are kept. */
static void
limit_late(struct national *national)
{
    struct task *oldest = NULL;
    size_t count = 0;
    for (struct task *task = national->first_task; task != NULL; task = task->next) {
        count += task->late;
        if (task->late && oldest == NULL)
            oldest = task;
    }
    if (count > MAX_LATE)
        free_task(oldest);
}

void
client_cancel(struct national *national, struct fep_call *call, enum fep_reason reason)
{
    const struct fep_host *host = national->host;
    struct task *task = national->first_task;
    while (task != NULL && task->call != call)
        task = task->next;
    if (task == NULL)
        return;
    if (!task->left || task->operation != FEP_OP_SUBMIT || task->step >= STEP_TOTALS) {
        task_lost(task, reason, "");
        return;
    }
    struct fep_result result = national_result(reason);
    complete(task, FEP_UNKNOWN, &result, NULL);
    task->late = true;
    task->timer = host->set_timer(host->self, national->late_ms, on_late_timer, task);
    if (task->timer == NULL)
        free_task(task);
    limit_late(national);
    client_check_drained(national);
}

/* --- life --- */

void
client_report(struct national *national, enum fep_state state, const char *reason)
{
    const struct fep_host *host = national->host;
    national->health.size = sizeof national->health;
    national->health.state = national->draining ? FEP_STOPPING : state;
    national->health.open_calls = (uint32_t)national->task_count;
    national_copy(national->health.reason, sizeof national->health.reason, reason);
    host->report_health(host->self, &national->health);
}

int
client_open(struct national *national, struct fep_error *error)
{
    national->pause_ms = national->pause_min_ms;
    return link_open(national, error);
}

void
client_start(struct national *national)
{
    client_run_errand(national);
}

void
client_drain(struct national *national)
{
    const struct fep_host *host = national->host;
    host->clear_timer(host->self, national->errand_timer);
    national->errand_timer = NULL;
    client_report(national, FEP_STOPPING, "");
    client_check_drained(national);
}

void
client_close(struct national *national)
{
    const struct fep_host *host = national->host;
    while (national->first_task != NULL)
        free_task(national->first_task);
    host->clear_timer(host->self, national->errand_timer);
    national->errand_timer = NULL;
    statement_clear(&national->statement);
    link_close(national);
}
