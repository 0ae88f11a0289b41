/* fepctl quarantine: what was found damaged in the store and put aside. Reads the store's files itself, so
 * that it answers while the router is down; changes nothing. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include "error.h"
#include "store.h"

struct told {
    const struct ctl *ctl;
    struct json_object *list; /* for --json */
    size_t count;
};

static struct json_object *
describe(const struct store_quarantined *one)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "source", json_object_new_string(one->source));
    json_object_object_add(object, "found_ms", json_object_new_int64(one->found_ms));
    json_object_object_add(object, "msgid", json_object_new_string(one->msgid));
    json_object_object_add(object, "origin", json_object_new_string(one->origin));
    json_object_object_add(object, "role", json_object_new_string(role_name(one->role)));
    json_object_object_add(object, "day", json_object_new_int64(one->day));
    json_object_object_add(object, "became", json_object_new_string(one->became));
    return object;
}

static int
take_one(void *arg, const struct store_quarantined *one)
{
    struct told *told = arg;
    char found[32] = "-";
    told->count++;
    if (told->list != NULL) {
        json_object_array_add(told->list, describe(one));
        return 0;
    }
    if (one->found_ms != 0)
        ctl_format_time(one->found_ms, found);
    printf("%-30s  %-15s  %-11s  %-16s  %.19s  %s\n", one->msgid[0] != '\0' ? one->msgid : "-",
           one->origin[0] != '\0' ? one->origin : "-", one->role != 0 ? role_name(one->role) : "-",
           one->source, found, one->became);
    return 0;
}

int
ctl_quarantine(struct ctl *ctl)
{
    struct fep_error error = {0};
    struct told told = {.ctl = ctl, .list = ctl->json ? json_object_new_array() : NULL};
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int status = store_read_quarantine(conf->state_directory, take_one, &told, &error);
    conf_destroy(conf);
    if (status != 0) {
        json_object_put(told.list);
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    }
    size_t count = told.count;
    if (told.list != NULL)
        ctl_print_json(told.list);
    else if (count == 0)
        puts(ctl_text(ctl, "隔离区是空的", "nothing is in quarantine"));
    else
        puts(ctl_text(
            ctl,
            "以上各行与写入时不符，已原样移出，其余业务照常。未明的用 fepctl unknown 查看、由两人核实办结；"
            "金额以参保地对账为准。",
            "These rows were not as they had been written and were put aside as they are; everything else "
            "is served.\nWhat is unknown stands in `fepctl unknown`; two people settle it. For amounts the "
            "insured place's reconciliation decides."));
    return count == 0 ? CTL_GOOD : CTL_BAD;
}
