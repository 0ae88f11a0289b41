/* The closed lists for people and programs: log events and error codes, printed from the tables that the
 * gateway itself uses. */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"

static const char *
severity_name(int severity)
{
    static const char *const names[] = {
        [LOG_SEV_ALERT] = "alert",     [LOG_SEV_CRITICAL] = "critical", [LOG_SEV_ERROR] = "error",
        [LOG_SEV_WARNING] = "warning", [LOG_SEV_NOTICE] = "notice",     [LOG_SEV_INFO] = "info",
        [LOG_SEV_DEBUG] = "debug"};
    return severity >= LOG_SEV_ALERT && severity <= LOG_SEV_DEBUG ? names[severity] : "-";
}

int
ctl_events(struct ctl *ctl)
{
    const struct log_event_description *table = log_event_table();
    struct json_object *list = ctl->json ? json_object_new_array() : NULL;
    for (size_t i = 0; i < LOG_EVENT_COUNT; i++) {
        const struct log_event_description *event = &table[i];
        if (!ctl->json) {
            printf("event=%s (%s)\n    %s\n    %s %s\n", event->name, severity_name(event->severity),
                   ctl_text(ctl, event->zh, event->en), ctl_text(ctl, "字段：", "keys:"), event->keys);
            continue;
        }
        struct json_object *entry = json_object_new_object();
        json_object_object_add(entry, "event", json_object_new_string(event->name));
        json_object_object_add(entry, "severity", json_object_new_string(severity_name(event->severity)));
        json_object_object_add(entry, "keys", json_object_new_string(event->keys));
        json_object_object_add(entry, "zh", json_object_new_string(event->zh));
        json_object_object_add(entry, "en", json_object_new_string(event->en));
        json_object_array_add(list, entry);
    }
    if (ctl->json)
        ctl_print_json(list);
    return CTL_GOOD;
}

static struct json_object *
describe_code(const struct error_description *code)
{
    struct json_object *entry = json_object_new_object();
    json_object_object_add(entry, "code", json_object_new_int((int)code->code));
    json_object_object_add(entry, "name", json_object_new_string(code->name));
    json_object_object_add(entry, "zh", json_object_new_string(code->zh));
    json_object_object_add(entry, "en", json_object_new_string(code->en));
    json_object_object_add(entry, "next_zh", json_object_new_string(code->next_zh));
    json_object_object_add(entry, "next_en", json_object_new_string(code->next_en));
    return entry;
}

/* "FEP-2113" or "2113" -> 2113; 0 for anything else. */
static unsigned
parse_code(const char *text)
{
    const char *digits = strncmp(text, "FEP-", 4) == 0 ? text + 4 : text;
    return strlen(digits) == 4 && strspn(digits, "0123456789") == 4 ? (unsigned)atoi(digits) : 0;
}

int
ctl_codes(struct ctl *ctl)
{
    size_t count, shown = 0;
    const struct error_description *table = error_table(&count);
    unsigned wanted = ctl->count > 0 ? parse_code(ctl->words[0]) : 0;
    struct json_object *list = ctl->json ? json_object_new_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        if (ctl->count > 0 && table[i].code != wanted)
            continue;
        shown++;
        if (ctl->json)
            json_object_array_add(list, describe_code(&table[i]));
        else
            printf("FEP-%04u %s\n    %s\n", table[i].code, ctl_text(ctl, table[i].zh, table[i].en),
                   ctl_text(ctl, table[i].next_zh, table[i].next_en));
    }
    if (ctl->json)
        ctl_print_json(list);
    if (shown == 0)
        fprintf(stderr, "fepctl: %s %s\n", ctl->words[0],
                ctl_text(ctl, "：没有这个代码", "is not one of the codes"));
    return shown > 0 ? CTL_GOOD : CTL_BAD;
}
