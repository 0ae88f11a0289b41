/* fepctl reload and catalogue: an instance's crosswalk, loaded again without a pause or compared with the
 * catalogue of its local system. The instance does the work; the old crosswalk stays in force until the new
 * one has been checked. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "reply.h"

enum { RELOAD_S = 60, CATALOGUE_S = 1800, MOST_SHOWN = 1000 };

int
ctl_reload(struct ctl *ctl)
{
    int exit_code;
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *task = json_object_new_object();
    json_object_object_add(task, "do", json_object_new_string("reload"));
    struct json_object *result =
        ctl_run_task(ctl, conf, ctl->words[0], task, RELOAD_S, NULL, NULL, &exit_code);
    if (result != NULL) {
        ctl_audit(conf, "reload", ctl->words[0], 0, ctl->reason);
        printf("%s: %s %s\n", ctl->words[0], ctl_text(ctl, "对照表已加载，版本", "crosswalk loaded, version"),
               reply_shown(result, "version"));
        json_object_put(result);
    }
    conf_destroy(conf);
    return exit_code;
}

/* One line for each item that the two have differently. */
static void
print_rows(const struct ctl *ctl, struct json_object *result)
{
    struct json_object *rows = NULL;
    size_t count = 0;
    if (json_object_object_get_ex(result, "differences", &rows) && json_object_is_type(rows, json_type_array))
        count = json_object_array_length(rows);
    for (size_t i = 0; i < count && i < MOST_SHOWN; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        printf("  %-16s %s  %s  %s %s  %s %s\n", reply_shown(row, "kind"), reply_shown(row, "local"),
               reply_shown(row, "name"), ctl_text(ctl, "对照表：", "crosswalk:"), reply_shown(row, "ours"),
               ctl_text(ctl, "本地系统：", "local system:"), reply_shown(row, "theirs"));
    }
    if (count > MOST_SHOWN)
        printf("  %s %zu %s\n", ctl_text(ctl, "另有", "and"), count - MOST_SHOWN,
               ctl_text(ctl, "条，用 --json 查看全部", "more, all of them with --json"));
}

static int
print_catalogue(const struct ctl *ctl, struct json_object *result)
{
    struct json_object *rows = NULL, *equal = NULL;
    bool differs = json_object_object_get_ex(result, "differences", &rows) &&
                   json_object_is_type(rows, json_type_array) && json_object_array_length(rows) > 0;
    if (json_object_object_get_ex(result, "equal", &equal))
        differs = !json_object_get_boolean(equal);
    if (ctl->json) {
        ctl_print_json(json_object_get(result));
        return differs ? CTL_BAD : CTL_GOOD;
    }
    printf("%s: ", ctl->words[0]);
    json_object_object_foreach(result, name, value)
    {
        if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_string))
            printf("%s %s   ", name, json_object_get_string(value));
    }
    puts(differs ? ctl_text(ctl, "有差异", "DIFFERENCES") : ctl_text(ctl, "相符", "equal"));
    print_rows(ctl, result);
    return differs ? CTL_BAD : CTL_GOOD;
}

int
ctl_catalogue(struct ctl *ctl)
{
    int exit_code;
    const char *kind = ctl->count > 1 ? ctl->words[1] : NULL;
    if (kind != NULL && (strlen(kind) != 1 || strchr("1234", kind[0]) == NULL)) {
        fprintf(stderr, "fepctl: %s\n", ctl_text(ctl, "目录类别是 1 至 4", "a catalogue's kind is 1 to 4"));
        return CTL_MISUSED;
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    struct json_object *task = json_object_new_object();
    json_object_object_add(task, "do", json_object_new_string("catalogue"));
    if (kind != NULL)
        json_object_object_add(task, "kinds", json_object_new_string(kind));
    struct json_object *result =
        ctl_run_task(ctl, conf, ctl->words[0], task, CATALOGUE_S, NULL, NULL, &exit_code);
    conf_destroy(conf);
    if (result == NULL)
        return exit_code;
    exit_code = print_catalogue(ctl, result);
    json_object_put(result);
    return exit_code;
}
