/* fepctl capture: the next exchanges of an instance as goldens beside a mapping, masked by the instance
 * before they leave it. Must never overwrite a file, and leaves an audit line with who and why. What is
 * captured says nothing of what is right: `fepctl map golden --overwrite` fills in what the mapping makes of
 * it, and a person reads that. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "reply.h"

enum { CAPTURE_S = 600, BESIDE_S = 30, MOST_EXCHANGES = 100 };

struct capturing {
    struct ctl *ctl;
    int64_t written;
    struct fep_error error;
};

/* The canonical transaction, or the local one: for the file's name. */
static const char *
transaction_of(struct json_object *example)
{
    struct json_object *header = NULL;
    const char *infno =
        json_object_object_get_ex(example, "header", &header) ? reply_text(header, "infno") : "";
    return infno[0] != '\0' ? infno : reply_text(example, "local");
}

static void
add_text(struct json_object *object, const char *key, const char *text)
{
    json_object_object_add(object, key, json_object_new_string(text));
}

/* A golden without what is expected. */
static void
make_golden(struct json_object *example, const char *name)
{
    json_object_object_del(example, "expect");
    json_object_object_del(example, "expect_answer");
    add_text(example, "name", name);
}

static int
write_whole(int fd, const char *text)
{
    size_t size = strlen(text), at = 0;
    while (at < size) {
        ssize_t count = write(fd, text + at, size - at);
        if (count < 0 && errno != EINTR)
            return -1;
        at += count > 0 ? (size_t)count : 0;
    }
    return write(fd, "\n", 1) == 1 ? 0 : -1;
}

/* A part of the task's result: one example. Negative gives up. */
static int
take_example(void *arg, struct json_object *example)
{
    struct capturing *capturing = arg;
    char path[CONF_PATH + 64], name[64], transaction[16];
    if (example == NULL || !json_object_is_type(example, json_type_object))
        return error_set(&capturing->error, 0, FEP_E_SYSTEM,
                         "the instance sent something that is no example");
    snprintf(transaction, sizeof transaction, "%.8s", transaction_of(example));
    if (transaction[strspn(transaction, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-")] !=
        '\0')
        snprintf(transaction, sizeof transaction, "other");
    snprintf(name, sizeof name, "captured-%s-%03" PRId64, transaction, capturing->written + 1);
    make_golden(example, name);
    snprintf(path, sizeof path, "%s/%s.json", capturing->ctl->out, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(&capturing->error, 0, FEP_E_SYSTEM, "%s: %s", path, strerror(errno));
    int status = write_whole(fd, json_object_to_json_string_ext(example, JSON_C_TO_STRING_PRETTY |
                                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    if (close(fd) != 0 || status < 0)
        return error_set(&capturing->error, 0, FEP_E_SYSTEM, "%s: %s", path, strerror(errno));
    capturing->written++;
    printf("%s\n", path);
    fflush(stdout);
    return 0;
}

static int
run(struct capturing *capturing, const struct conf *conf, int64_t count)
{
    struct ctl *ctl = capturing->ctl;
    int exit_code;
    struct json_object *task = json_object_new_object();
    add_text(task, "do", "capture");
    json_object_object_add(task, "count", json_object_new_int64(count));
    json_object_object_add(task, "seconds", json_object_new_int(CAPTURE_S));
    ctl_audit(conf, "capture", ctl->words[0], count, ctl->reason);
    struct json_object *result = ctl_run_task(ctl, conf, ctl->words[0], task, CAPTURE_S + BESIDE_S,
                                              take_example, capturing, &exit_code);
    if (capturing->error.text[0] != '\0') { /* our own reason to give up says more */
        json_object_put(result);
        return ctl_fail(ctl, &capturing->error, CTL_SURROUNDINGS);
    }
    if (result == NULL)
        return exit_code;
    printf("%" PRId64 " %s, %" PRId64 " %s\n", capturing->written, ctl_text(ctl, "份样本", "captured"),
           reply_number(result, "left_out"),
           ctl_text(ctl, "份无法脱敏后重译，未写", "left out: not translatable when masked"));
    json_object_put(result);
    return capturing->written > 0 ? CTL_GOOD : CTL_BAD;
}

int
ctl_capture(struct ctl *ctl)
{
    struct capturing capturing = {.ctl = ctl};
    struct stat state;
    char *end;
    int64_t count = strtoll(ctl->words[1], &end, 10);
    if (*end != '\0' || count < 1 || count > MOST_EXCHANGES || ctl->out == NULL) {
        error_set(&capturing.error, 0, FEP_E_USAGE, "COUNT is 1 to %d; --out names a directory",
                  MOST_EXCHANGES);
        return ctl_fail(ctl, &capturing.error, CTL_MISUSED);
    }
    if (stat(ctl->out, &state) != 0 || !S_ISDIR(state.st_mode) || strlen(ctl->out) > CONF_PATH) {
        error_set(&capturing.error, 0, FEP_E_USAGE, "--out %.200s: not a directory", ctl->out);
        return ctl_fail(ctl, &capturing.error, CTL_MISUSED);
    }
    struct conf *conf = ctl_load_conf(ctl);
    if (conf == NULL)
        return CTL_MISUSED;
    int exit_code = run(&capturing, conf, count);
    conf_destroy(conf);
    return exit_code;
}
