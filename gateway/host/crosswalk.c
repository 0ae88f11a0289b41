/* The crosswalk in force, changed while traffic goes on. Must never leave the instance without one: with any
 * problem the old one stays, and every problem is told. */
#include <string.h>

#include "bodies.h"
#include "error.h"
#include "log.h"
#include "tasks.h"

enum { MOST_PROBLEMS = 200 };

struct problems {
    struct json_object *list;
    size_t count;
    bool failed;
};

static void
take_problem(void *arg, const char *line)
{
    struct problems *problems = arg;
    if (problems->count++ < MOST_PROBLEMS)
        body_append(problems->list, json_object_new_string(line), &problems->failed);
}

static void
log_in_force(const struct host *host)
{
    log_line(LOG_EVENT_CONFIG, LOG_SEV_NOTICE, LOG_T("file", mapping_crosswalk_version(host->mapping)),
             LOG_S("a crosswalk is in force"));
}

int
crosswalk_reload(struct host *host, uint64_t number, struct fep_error *error)
{
    struct problems problems = {.list = json_object_new_array()};
    struct json_object *result = json_object_new_object();
    bool failed = false;
    bool good = mapping_reload_crosswalk(host->mapping, take_problem, &problems, error) == 0;
    if (good)
        log_in_force(host);
    body_put_text(result, "version", mapping_crosswalk_version(host->mapping), &failed);
    body_put_number(result, "next", mapping_crosswalk_next(host->mapping), &failed);
    body_put(result, "problems", problems.list, &failed);
    if (!good)
        body_put_text(result, "error", error->text, &failed);
    task_say(host, number, good, false, result);
    return 0;
}

/* At the day on which the next version comes into force. Tried again at the next tick if it fails. */
static void
report_to_log(void *arg, const char *line)
{
    host_log(arg, LOG_SEV_ERROR, line, 0);
}

void
crosswalk_tick(struct host *host)
{
    if (host->mapping == NULL)
        return;
    uint32_t next = mapping_crosswalk_next(host->mapping);
    uint32_t today = clock_date(clock_wall_ms(host->loop.clock));
    struct fep_error error = {0};
    if (next == 0 || next > today || host->crosswalk_failed == today)
        return;
    if (mapping_reload_crosswalk(host->mapping, report_to_log, host, &error) == 0) {
        log_in_force(host);
        return;
    }
    host->crosswalk_failed = today; /* once a day is enough to be told */
    host_log(host, LOG_SEV_ERROR, error.text, error.code);
}

int
crosswalk_add(struct host *host, uint64_t number, struct json_object *wish, struct fep_error *error)
{
    static const char *const names[] = {"local", "national", "name", "level", "kind", "fee_category",
                                        "ratio", "ceiling",  "unit", "spec",  "form"};
    enum { NAMES = sizeof names / sizeof names[0] };
    char texts[NAMES][256];
    for (size_t i = 0; i < NAMES; i++)
        body_text(wish, names[i], texts[i], sizeof texts[i]);
    struct mapping_item item = {.local = texts[0],
                                .national = texts[1],
                                .name = texts[2],
                                .level = texts[3],
                                .kind = texts[4],
                                .fee_category = texts[5],
                                .ratio = texts[6],
                                .ceiling = texts[7],
                                .unit = texts[8],
                                .spec = texts[9],
                                .form = texts[10],
                                .valid_from = body_date(wish, "from"),
                                .valid_to = body_date(wish, "to")};
    if (item.valid_from == 0)
        item.valid_from = clock_date(clock_wall_ms(host->loop.clock));
    if (mapping_crosswalk_add(host->mapping, &item, error) < 0)
        return -1;
    log_in_force(host);
    bool failed = false;
    struct json_object *result = json_object_new_object();
    body_put_text(result, "version", mapping_crosswalk_version(host->mapping), &failed);
    body_put_number(result, "next", mapping_crosswalk_next(host->mapping), &failed);
    task_say(host, number, true, false, result);
    return 0;
}
