/* Texts for the person at the terminal. Must never print personal data: what comes here are our own texts,
 * codes and names of nodes and files. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "error.h"

const char *
ctl_text(const struct ctl *ctl, const char *zh, const char *en)
{
    return ctl->chinese ? zh : en;
}

int
ctl_fail(const struct ctl *ctl, const struct fep_error *error, int exit_code)
{
    const struct error_description *description = error_describe(error->code);
    if (description == NULL) { /* not ours: a code of the reference protocols, or none */
        if (error->code > 0)
            fprintf(stderr, "fepctl: %04u %s\n", error->code, error->text);
        else
            fprintf(stderr, "fepctl: %s\n", error->text);
        return exit_code;
    }
    fprintf(stderr, "fepctl: FEP-%04u %s\n", error->code, ctl_text(ctl, description->zh, description->en));
    if (error->text[0] != '\0')
        fprintf(stderr, "        %s\n", error->text);
    fprintf(stderr, "        %s\n", ctl_text(ctl, description->next_zh, description->next_en));
    return exit_code;
}

void
ctl_report(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

void
ctl_format_span(const struct ctl *ctl, int64_t ms, char out[40])
{
    int64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (ms < 1000)
        snprintf(out, 40, "%" PRId64 " %s", ms, ctl_text(ctl, "毫秒", "ms"));
    else if (seconds < 10)
        snprintf(out, 40, "%" PRId64 ".%" PRId64 " %s", seconds, ms % 1000 / 100, ctl_text(ctl, "秒", "s"));
    else if (seconds < 120)
        snprintf(out, 40, "%" PRId64 " %s", seconds, ctl_text(ctl, "秒", "s"));
    else if (minutes < 120)
        snprintf(out, 40, "%" PRId64 " %s", minutes, ctl_text(ctl, "分", "min"));
    else if (hours < 48)
        snprintf(out, 40, "%" PRId64 " %s %" PRId64 " %s", hours, ctl_text(ctl, "小时", "h"), minutes % 60,
                 ctl_text(ctl, "分", "min"));
    else
        snprintf(out, 40, "%" PRId64 " %s %" PRId64 " %s", days, ctl_text(ctl, "天", "d"), hours % 24,
                 ctl_text(ctl, "小时", "h"));
}

void
ctl_format_time(int64_t wall_ms, char out[32])
{
    if (wall_ms == 0) {
        snprintf(out, 32, "-");
        return;
    }
    clock_format(wall_ms, out);
    out[10] = ' ';
    out[23] = '\0'; /* the zone is the same everywhere */
}

void
ctl_print_json(struct json_object *object)
{
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}

struct conf *
ctl_load_conf(const struct ctl *ctl)
{
    struct fep_error error = {0};
    struct conf *conf = conf_load(ctl->conf_path, ctl_report, NULL, &error);
    if (conf == NULL)
        ctl_fail(ctl, &error, CTL_MISUSED);
    return conf;
}
