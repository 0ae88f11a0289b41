/* fepctl prompts: the fee lines of other places for which the insured place has no local code. Reads the
 * store's file itself, so that it answers while the router is down; closing goes through the router, the
 * store's only writer. An exported file is only for its owner and never replaces another. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "store.h"

enum { WAIT_MS = 10000, TASK_S = 30 };

struct told {
    const struct ctl *ctl;
    struct json_object *list; /* for --json */
    FILE *file;               /* for export */
    struct store_prompt one;  /* for close */
    size_t count;
};

/* "1234.50" */
static void
format_fen(int64_t fen, char out[32])
{
    uint64_t amount = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(out, 32, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", amount / 100, amount % 100);
}

/* --- list
 * -----------------------------------------------------------------------------------------------------------
 */

static void
add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

static struct json_object *
describe(const struct store_prompt *prompt)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "id", json_object_new_int64(prompt->id));
    add_text(object, "state", prompt->closed_ms != 0 ? "closed" : "open");
    add_text(object, "instance", prompt->instance);
    add_text(object, "msgid", prompt->msgid);
    json_object_object_add(object, "line", json_object_new_int64(prompt->line));
    add_text(object, "institution", prompt->institution);
    add_text(object, "fixmedins_name", prompt->institution_name);
    add_text(object, "treat_area", prompt->treat_area);
    add_text(object, "visit_id", prompt->visit_id);
    add_text(object, "settlement_id", prompt->settlement_id);
    add_text(object, "medins_list_codg", prompt->item_code);
    add_text(object, "medins_list_name", prompt->item_name);
    add_text(object, "med_list_codg", prompt->national_code);
    add_text(object, "chrgitm_lv", prompt->level);
    json_object_object_add(object, "fee_fen", json_object_new_int64(prompt->fee_fen));
    add_text(object, "time", prompt->time);
    json_object_object_add(object, "raised_ms", json_object_new_int64(prompt->raised_ms));
    if (prompt->closed_ms == 0)
        return object;
    json_object_object_add(object, "closed_ms", json_object_new_int64(prompt->closed_ms));
    json_object_object_add(object, "closed_by", json_object_new_int64(prompt->closed_by));
    add_text(object, "why", prompt->why);
    add_text(object, "local", prompt->local_code);
    return object;
}

static void
print_prompt(const struct ctl *ctl, const struct store_prompt *prompt)
{
    char fee[32], raised[32];
    format_fen(prompt->fee_fen, fee);
    ctl_format_time(prompt->raised_ms, raised);
    printf("%6" PRId64 "  %.16s  %s %s  %s\n", prompt->id, raised, prompt->treat_area, prompt->institution,
           prompt->institution_name);
    printf("        %s %s   %s %s   %s %s   %s\n", prompt->item_code, prompt->item_name,
           ctl_text(ctl, "国家编码", "national code"),
           prompt->national_code[0] != '\0' ? prompt->national_code : "-", ctl_text(ctl, "收费等级", "level"),
           prompt->level[0] != '\0' ? prompt->level : "-", fee);
    printf("        %s %s   %s %" PRIu32 "   %s %s\n", ctl_text(ctl, "业务", "message"), prompt->msgid,
           ctl_text(ctl, "行", "line"), prompt->line, ctl_text(ctl, "结算", "settlement"),
           prompt->settlement_id[0] != '\0' ? prompt->settlement_id
                                            : ctl_text(ctl, "未结算", "not settled yet"));
    if (prompt->closed_ms != 0) {
        ctl_format_time(prompt->closed_ms, raised);
        printf("        %s %.16s   uid %" PRIu32 "   %s%s%s\n", ctl_text(ctl, "已办结", "closed"), raised,
               prompt->closed_by, prompt->why, prompt->local_code[0] != '\0' ? "   -> " : "",
               prompt->local_code);
    }
}

static int
take_prompt(void *arg, const struct store_prompt *prompt)
{
    struct told *told = arg;
    told->count++;
    if (told->list != NULL)
        json_object_array_add(told->list, describe(prompt));
    else
        print_prompt(told->ctl, prompt);
    return 0;
}

int
ctl_prompts_list(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct told told = {.ctl = ctl, .list = ctl->json ? json_object_new_array() : NULL};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status = store_read_prompts(conf->state_directory, ctl->all, 0, take_prompt, &told, &error);
    conf_destroy(conf);
    if (status != 0) {
        json_object_put(told.list);
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    }
    if (told.list != NULL)
        ctl_print_json(told.list);
    else if (told.count == 0)
        puts(ctl->all ? ctl_text(ctl, "没有提示", "no prompts")
                      : ctl_text(ctl, "没有未办结的提示", "no open prompts"));
    return CTL_GOOD;
}

/* --- export
 * ---------------------------------------------------------------------------------------------------------
 */

/* A cell of a CSV file; what a spreadsheet would take for a formula gets an apostrophe before it. */
static void
write_cell(FILE *file, const char *text)
{
    fputs(strchr("=+-@", text[0]) != NULL && text[0] != '\0' ? "\"'" : "\"", file);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static int
write_row(void *arg, const struct store_prompt *prompt)
{
    struct told *told = arg;
    char fee[32], raised[32], closed[32];
    format_fen(prompt->fee_fen, fee);
    ctl_format_time(prompt->raised_ms, raised);
    ctl_format_time(prompt->closed_ms, closed);
    fprintf(told->file, "%" PRId64 ",%s,%" PRIu32 ",%s,", prompt->id,
            prompt->closed_ms != 0 ? "closed" : "open", prompt->line, fee);
    const char *cells[] = {prompt->instance,
                           prompt->msgid,
                           prompt->institution,
                           prompt->institution_name,
                           prompt->treat_area,
                           prompt->visit_id,
                           prompt->settlement_id,
                           prompt->item_code,
                           prompt->item_name,
                           prompt->national_code,
                           prompt->level,
                           prompt->time,
                           raised,
                           closed,
                           prompt->why,
                           prompt->local_code};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        if (i > 0)
            fputc(',', told->file);
        write_cell(told->file, cells[i]);
    }
    fputs("\r\n", told->file);
    told->count++;
    return ferror(told->file);
}

static const char heading[] =
    "\xef\xbb\xbf" /* spreadsheets know UTF-8 by it */
    "id,state,line,fee,instance,msgid,institution,fixmedins_name,treat_area,visit_id,settlement_id,"
    "medins_list_codg,medins_list_name,med_list_codg,chrgitm_lv,time,raised,closed,why,local\r\n";

static int
write_file(struct told *told, const struct conf *conf, const char *path, struct fep_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot make %s: %s", path, strerror(errno));
    told->file = fdopen(fd, "w");
    if (told->file == NULL) {
        close(fd);
        return error_set(error, 0, FEP_E_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    }
    fputs(heading, told->file);
    int status = store_read_prompts(conf->state_directory, told->ctl->all, 0, write_row, told, error);
    int bad = ferror(told->file) | (fflush(told->file) != 0) | (fsync(fileno(told->file)) != 0);
    bad |= fclose(told->file) != 0;
    if (bad)
        status = error_set(error, 0, FEP_E_SYSTEM, "%s could not be written: %s", path, strerror(errno));
    if (status != 0)
        (void)unlink(path); /* no half a file; one that stays is named by the error */
    return status;
}

int
ctl_prompts_export(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct told told = {.ctl = ctl};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status = write_file(&told, conf, ctl->words[0], &error);
    conf_destroy(conf);
    if (status != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    printf("%s: %zu %s\n", ctl->words[0], told.count, ctl_text(ctl, "条提示", "prompts"));
    return CTL_GOOD;
}

/* --- close
 * ----------------------------------------------------------------------------------------------------------
 */

static int
keep_one(void *arg, const struct store_prompt *prompt)
{
    struct told *told = arg;
    told->one = *prompt;
    told->count++;
    return 1;
}

/* The crosswalk first: if that is refused the prompt stays open and can be closed again. */
static int
add_to_crosswalk(struct ctl *ctl, const struct conf *conf, const struct store_prompt *prompt)
{
    struct json_object *task = json_object_new_object();
    int exit_code;
    add_text(task, "do", "crosswalk_add");
    add_text(task, "national", prompt->national_code);
    add_text(task, "local", ctl->local);
    add_text(task, "name", prompt->item_name);
    add_text(task, "level", prompt->level);
    struct json_object *result =
        ctl_run_task(ctl, conf, prompt->instance, task, TASK_S, NULL, NULL, &exit_code);
    if (result == NULL)
        return exit_code;
    json_object_put(result);
    ctl_audit(conf, "crosswalk-add", prompt->instance, prompt->id, ctl->reason);
    return CTL_GOOD;
}

static int
close_prompt(struct ctl *ctl, const struct conf *conf, const struct store_prompt *prompt)
{
    struct fep_error error = {0};
    struct json_object *request = json_object_new_object(), *reply, *value = NULL;
    add_text(request, "do", "prompt_close");
    json_object_object_add(request, "id", json_object_new_int64(prompt->id));
    json_object_object_add(request, "uid", json_object_new_int64(getuid()));
    add_text(request, "why", ctl->reason);
    add_text(request, "local", ctl->local != NULL ? ctl->local : "");
    reply = ctl_ask(conf, request, WAIT_MS, NULL, NULL, &error);
    if (reply == NULL)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    bool ok = json_object_object_get_ex(reply, "ok", &value) && json_object_get_boolean(value);
    if (!ok) {
        unsigned code =
            json_object_object_get_ex(reply, "code", &value) ? (unsigned)json_object_get_int(value) : 0;
        error_set(&error, 0, code, "%.200s",
                  json_object_object_get_ex(reply, "error", &value) ? json_object_get_string(value) : "-");
    }
    json_object_put(reply);
    if (!ok)
        return ctl_fail(ctl, &error, CTL_BAD);
    ctl_audit(conf, "prompt-close", prompt->instance, prompt->id, ctl->reason);
    return CTL_GOOD;
}

static int
find_and_close(struct ctl *ctl, const struct conf *conf, int64_t id)
{
    struct fep_error error = {0};
    struct told told = {.ctl = ctl};
    if (store_read_prompts(conf->state_directory, 1, id, keep_one, &told, &error) != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    if (told.count == 0 || told.one.closed_ms != 0) {
        fprintf(stderr, "fepctl: %s\n",
                told.count == 0 ? ctl_text(ctl, "没有这个编号的提示；用 fepctl prompts 查看",
                                           "there is no prompt of that number; see fepctl prompts")
                                : ctl_text(ctl, "这条提示已经办结", "that prompt is closed already"));
        return CTL_BAD;
    }
    if (ctl->local != NULL && told.one.national_code[0] == '\0') {
        fprintf(
            stderr, "fepctl: %s\n",
            ctl_text(ctl, "这一行没有国家编码，不能加入对照表；不带 --local 办结",
                     "the line has no national code, so that nothing can be added to the crosswalk; close "
                     "it without --local"));
        return CTL_BAD;
    }
    if (ctl->local != NULL) {
        int status = add_to_crosswalk(ctl, conf, &told.one);
        if (status != CTL_GOOD)
            return status;
    }
    int status = close_prompt(ctl, conf, &told.one);
    if (status == CTL_GOOD)
        printf("%s %" PRId64 " %s\n", ctl_text(ctl, "提示", "prompt"), id,
               ctl_text(ctl, "已办结", "is closed"));
    return status;
}

int
ctl_prompts_close(struct ctl *ctl)
{
    char *end;
    int64_t id = strtoll(ctl->words[0], &end, 10);
    if (id <= 0 || *end != '\0' || (ctl->local != NULL && ctl->local[0] == '\0')) {
        fprintf(stderr, "fepctl: %s\n",
                ctl_text(ctl, "提示编号是一个正整数，本地编码不能为空",
                         "a prompt's number is a whole number above zero, and a local code is not empty"));
        return CTL_MISUSED;
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status = find_and_close(ctl, conf, id);
    conf_destroy(conf);
    return status;
}
