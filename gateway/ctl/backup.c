/* fepctl backup and restore: one reads a running gateway's store from beside it, the other puts a copy in its
 * place while no daemon runs. Must say what is not in a backup, and after a restore what has to follow. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backup.h"
#include "clock.h"
#include "error.h"

static void
add_summary(struct json_object *object, const struct backup_summary *summary)
{
    json_object_object_add(object, "node", json_object_new_string(summary->node));
    json_object_object_add(object, "incarnation", json_object_new_int64((int64_t)summary->incarnation));
    json_object_object_add(object, "commit_sequence",
                           json_object_new_int64((int64_t)summary->commit_sequence));
    json_object_object_add(object, "taken_ms", json_object_new_int64(summary->taken_ms));
    json_object_object_add(object, "files", json_object_new_int64((int64_t)summary->files));
    json_object_object_add(object, "rows", json_object_new_int64((int64_t)summary->rows));
    json_object_object_add(object, "bytes", json_object_new_int64((int64_t)summary->bytes));
}

static void
print_summary(const struct ctl *ctl, const struct backup_summary *summary)
{
    char when[32];
    ctl_format_time(summary->taken_ms, when);
    printf("%s %s  %s %" PRIu64 "  %s %" PRIu64 "  %s %s\n", ctl_text(ctl, "网关", "node"), summary->node,
           ctl_text(ctl, "世代", "incarnation"), summary->incarnation, ctl_text(ctl, "提交", "commit"),
           summary->commit_sequence, ctl_text(ctl, "时间", "taken"), when);
    printf("%s %" PRIu64 "  %s %" PRIu64 "  %s %" PRIu64 "\n", ctl_text(ctl, "文件", "files"), summary->files,
           ctl_text(ctl, "业务行", "rows"), summary->rows, ctl_text(ctl, "字节", "bytes"), summary->bytes);
}

int
ctl_backup(struct ctl *ctl)
{
    struct backup_summary summary;
    struct fep_error error = {0};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status =
        backup_write(conf->state_directory, ctl->words[0], clock_wall_ms(&clock_system), &summary, &error);
    if (status == 0)
        ctl_audit(conf, "backup", "", (int64_t)summary.commit_sequence, ctl->reason);
    conf_destroy(conf);
    if (status != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    if (ctl->json) {
        struct json_object *object = json_object_new_object();
        add_summary(object, &summary);
        ctl_print_json(object);
        return CTL_GOOD;
    }
    print_summary(ctl, &summary);
    puts(ctl_text(
        ctl, "已逐行核验。不含密钥和配置：没有存储密钥，其中的内容读不出来，请另行妥善保管。",
        "every row was verified. Keys and configuration are not in it: without the body key its bodies\n"
        "can't be read; keep that elsewhere, under lock."));
    return CTL_GOOD;
}

static int
print_restored(const struct ctl *ctl, const struct restore_summary *summary)
{
    if (ctl->json) {
        struct json_object *object = json_object_new_object(), *backup = json_object_new_object();
        add_summary(backup, &summary->backup);
        json_object_object_add(object, "backup", backup);
        json_object_object_add(object, "incarnation", json_object_new_int64((int64_t)summary->incarnation));
        json_object_object_add(object, "serial_counter",
                               json_object_new_int64((int64_t)summary->serial_counter));
        json_object_object_add(object, "put_aside", json_object_new_string(summary->put_aside));
        ctl_print_json(object);
        return CTL_GOOD;
    }
    print_summary(ctl, &summary->backup);
    printf("%s %" PRIu64 "\n", ctl_text(ctl, "新世代", "new incarnation"), summary->incarnation);
    if (summary->put_aside[0] != '\0')
        printf("%s %s\n", ctl_text(ctl, "原存储移到", "the store that was there is now"), summary->put_aside);
    puts(ctl_text(
        ctl,
        "请启动 fepd。各对端会告知恢复点之后的业务；每个本地接口须先核对当日明细才入账：\n"
        "fepctl resolving 查看，fepctl resolve 接口 核对，fepctl resolved 接口 --why 结束。",
        "start fepd now. Peers tell what happened since; each local instance posts nothing before its day's\n"
        "details were compared: see `fepctl resolving`, `fepctl resolve INSTANCE`, `fepctl resolved "
        "INSTANCE`."));
    return CTL_GOOD;
}

int
ctl_restore(struct ctl *ctl)
{
    const char *names[CONF_PEERS + CONF_INSTANCES];
    struct restore_summary summary;
    struct fep_error error = {0};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct restore_wish wish = {.backup = ctl->words[0],
                                .state_directory = conf->state_directory,
                                .node = conf->node,
                                .key_file = conf->body_key_file[0] != '\0' ? conf->body_key_file : NULL,
                                .names = names,
                                .wall_ms = clock_wall_ms(&clock_system)};
    for (size_t i = 0; i < conf->peer_count; i++)
        names[wish.name_count++] = conf->peers[i].name;
    for (size_t i = 0; i < conf->instance_count; i++)
        names[wish.name_count++] = conf->instances[i].name;
    int status = restore_store(&wish, &summary, &error);
    if (status == 0)
        ctl_audit(conf, "restore", "", (int64_t)summary.backup.commit_sequence, ctl->reason);
    conf_destroy(conf);
    return status == 0 ? print_restored(ctl, &summary) : ctl_fail(ctl, &error, CTL_SURROUNDINGS);
}
