/* Looks at what a directory holds, by the real store, and judges it against a life. Must never take something
 * for right that differs from what was submitted by a single byte. */
#include "life.h"

#include <dirent.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "life_record.h"

#define PATIENCE_MS 20000
#define NEW_ONE     9999

struct look {
    const struct life *life;
    struct life_view *view;
    struct store *store;
};

static int __attribute__((format(printf, 2, 3))) say(struct life_view *view, const char *format, ...)
{
    va_list arguments;
    if (view->wrong[0] != '\0')
        return -1;
    va_start(arguments, format);
    vsnprintf(view->wrong, sizeof view->wrong, format, arguments);
    va_end(arguments);
    return -1;
}

/* --- one exchange */

static int
same_slice(const struct slice *found, struct slice expected)
{
    int same = found->size == expected.size &&
               (found->size == 0 || memcmp(found->data, expected.data, found->size) == 0);
    slice_release(&expected);
    return same;
}

#define DAMAGED "part of what was stored of it is damaged"

/* Either nothing that a decision rests on is told, or all of it is what was written. */
static enum life_sight
compare_said(unsigned n, const struct exchange_record *record, uint32_t *version)
{
    struct exchange_record expected;
    int unclear = record->state == (record->role == ROLE_DESTINATION ? STATE_UNKNOWN : STATE_REVERSING);
    *version = record->attempt - 1;
    if (record->index.has_money || record->index.total_fen != 0)
        return SIGHT_WRONG;
    if (unclear && record->target[0] == '\0' && record->local.serial == 0)
        return SIGHT_SAID;
    life_make_record(&expected, n, *version);
    return record->state == expected.state && record->code == expected.code &&
                   record->local.serial == expected.local.serial &&
                   strcmp(record->target, expected.target) == 0 &&
                   message_key_equal(&record->header.key, &expected.header.key)
               ? SIGHT_SAID
               : SIGHT_WRONG;
}

/* Is it, byte for byte, a version of exchange n? */
static enum life_sight
compare(unsigned n, const struct exchange_record *record, const struct slice *body,
        const struct slice *answer, uint32_t *version, int *bodies_missing)
{
    struct exchange_record expected;
    *bodies_missing = 0;
    if (record->times.accepted == 0 && strncmp(record->text, "settled on ", 11) == 0) {
        life_make_record(&expected, n, record->attempt - 1);
        *version = record->attempt - 1;
        return record->state == expected.state && record->code == expected.code ? SIGHT_KEY : SIGHT_WRONG;
    }
    if (strncmp(record->text, DAMAGED, sizeof DAMAGED - 1) == 0)
        return compare_said(n, record, version);
    *version = (uint32_t)record->times.told;
    life_make_record(&expected, n, *version);
    if (memcmp(&expected, record, sizeof expected) != 0)
        return SIGHT_WRONG;
    uint32_t answered = life_answer_version(*version);
    *bodies_missing = body->size == 0 || (answered && answer->size == 0); /* they did not pass their check */
    if ((body->size > 0 && !same_slice(body, life_make_body(n))) ||
        (answer->size > 0 && (!answered || !same_slice(answer, life_make_answer(n, answered)))))
        return SIGHT_WRONG;
    return SIGHT_TRUE;
}

static unsigned
number_of(const struct exchange_record *record)
{
    unsigned n = LIFE_EXCHANGES;
    if (strlen(record->header.key.msgid) == 30)
        (void)sscanf(record->header.key.msgid + 26, "%u", &n);
    return n;
}

static int
take_open(void *arg, const struct exchange_record *record, struct slice body, struct slice answer)
{
    struct look *look = arg;
    unsigned n = number_of(record);
    uint32_t version;
    int missing;
    int damaged = strncmp(record->text, DAMAGED, sizeof DAMAGED - 1) == 0;
    if (n >= LIFE_EXCHANGES) {
        if (!damaged) /* under a key that is perhaps not the true one */
            say(look->view, "recovered %s, which was never submitted", record->header.key.msgid);
        return 0;
    }
    enum life_sight sight = compare(n, record, &body, &answer, &version, &missing);
    if (sight != SIGHT_SAID && sight != SIGHT_TRUE)
        say(look->view, "recovered exchange %u as no version of it ever was (told as %u)", n,
            (unsigned)version);
    if (look->view->exchanges[n].open)
        say(look->view, "recovered exchange %u twice", n);
    look->view->exchanges[n].open = 1;
    return 0;
}

/* --- asking the store */

static void
take_found(struct look *look, const struct store_event *event)
{
    unsigned n = (unsigned)event->reference;
    if (!event->found)
        return;
    if (n >= LIFE_EXCHANGES) {
        say(look->view, "found what was never submitted");
        return;
    }
    look->view->exchanges[n].sight =
        compare(n, &event->record, &event->body, &event->answer, &look->view->exchanges[n].version,
                &look->view->exchanges[n].bodies_missing);
}

/* Takes events until `count` of `type` came; returns how many came before the store failed. */
static size_t
take(struct look *look, enum store_event_type type, size_t count)
{
    size_t came = 0;
    while (came < count) {
        struct pollfd descriptor = {.fd = store_descriptor(look->store), .events = POLLIN};
        struct store_event event;
        if (poll(&descriptor, 1, PATIENCE_MS) != 1) {
            say(look->view, "the opened store does not answer");
            break;
        }
        if (store_take_events(look->store, &event, 1) == 0)
            continue;
        came += event.type == type;
        if (event.type == STORE_FOUND)
            take_found(look, &event);
        int failed = event.type == STORE_FAILED;
        slice_release(&event.body);
        slice_release(&event.answer);
        if (failed) {
            look->view->store_failed = 1;
            break;
        }
    }
    return came;
}

static int
ask(struct look *look, unsigned n)
{
    struct exchange_record record;
    life_make_record(&record, n, 0);
    return store_find(look->store, &record.header.key, record.role, n) < 0 ? -1 : 0;
}

static int
take_prompt(void *arg, const struct store_prompt *prompt)
{
    struct look *look = arg;
    struct store_prompt expected;
    unsigned line = prompt->line - 1;
    if (line >= LIFE_PROMPTS) {
        say(look->view, "a prompt that was never put");
        return 0;
    }
    life_make_prompt(&expected, line);
    if (strcmp(expected.item_name, prompt->item_name) != 0 || expected.fee_fen != prompt->fee_fen ||
        strcmp(expected.msgid, prompt->msgid) != 0)
        say(look->view, "prompt %u differs from what was put", line);
    look->view->prompts[line] = 1;
    return 0;
}

/* A key that is known is a conflict, whichever way it is known; a new write is committed. */
static void
try_writes(struct look *look, unsigned known)
{
    struct store_write write = {.type = STORE_INSERT, .sequence = 1};
    if (known < LIFE_EXCHANGES) {
        life_make_record(&write.record, known, 0);
        write.body = life_make_body(known);
        if (store_submit(look->store, &write, 1) < 0 ||
            (take(look, STORE_CONFLICT, 1) != 1 && !look->view->store_failed))
            say(look->view, "exchange %u, which is known, was not a conflict", known);
    }
    write = (struct store_write){.type = STORE_INSERT, .sequence = 2};
    life_make_record(&write.record, NEW_ONE, 0);
    write.body = life_make_body(NEW_ONE);
    if (!look->view->store_failed && (store_submit(look->store, &write, 1) < 0 ||
                                      take(look, STORE_COMMITTED, known < LIFE_EXCHANGES ? 2 : 1) == 0))
        say(look->view, "the opened store does not take a new write");
}

/* What was lost by damage must still be known when it comes again. */
static void
try_lost(struct look *look)
{
    for (unsigned n = 0; n < look->life->exchange_count && !look->view->store_failed; n++) {
        struct store_write write = {.type = STORE_INSERT, .sequence = 100 + n};
        if (look->view->exchanges[n].sight != SIGHT_ABSENT || !look->life->exchanges[n].inserted)
            continue;
        life_make_record(&write.record, n, 0);
        write.body = life_make_body(n);
        if (store_submit(look->store, &write, 1) < 0 ||
            (take(look, STORE_CONFLICT, 1) != 1 && !look->view->store_failed))
            say(look->view, "exchange %u was lost and would run again", n);
    }
}

static int
count_aside(void *arg, const struct store_quarantined *one)
{
    struct life_view *view = arg;
    view->aside += strncmp(one->source, "journal ", 8) != 0;
    return 0;
}

static int
count_quarantined(const char *directory)
{
    char path[700];
    int count = 0;
    snprintf(path, sizeof path, "%s/journal", directory);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        count += strstr(entry->d_name, ".quarantined") != NULL && strstr(entry->d_name, ".list") != NULL;
    if (folder != NULL)
        closedir(folder);
    return count;
}

int
life_look(const struct life *life, const char *directory, int probe, struct life_view *view,
          struct fep_error *error)
{
    struct look look = {.life = life, .view = view};
    struct store_config config = life->config;
    struct store_identity identity;
    struct store_peer_mark mark;
    memset(view, 0, sizeof *view);
    memset(error, 0, sizeof *error);
    config.directory = directory;
    look.store = store_open(&config, error);
    if (look.store == NULL)
        return -1;
    if (store_read_quarantine(directory, count_aside, view, error) < 0)
        view->recovered_untold = 1;
    if (store_recover(look.store, take_open, &look, &view->quarantined, error) < 0)
        view->recovered_untold = 1;
    store_read_identity(look.store, &identity);
    view->serial_counter = identity.serial_counter;
    unsigned known = LIFE_EXCHANGES;
    size_t asked = 0;
    for (unsigned n = 0; n < life->exchange_count + 2 && n < LIFE_EXCHANGES; n++)
        asked += ask(&look, n) == 0;
    (void)take(&look, STORE_FOUND, asked);
    for (unsigned n = 0; n < LIFE_EXCHANGES; n++)
        if (view->exchanges[n].sight == SIGHT_TRUE && (known == LIFE_EXCHANGES || n % 3 == 0))
            known = n;
    memset(&mark, 0, sizeof mark);
    view->mark_found = store_read_peer_mark(look.store, "peer", &mark) > 0;
    view->mark = mark.commit_sequence;
    if (store_read_prompts(directory, 1, 0, take_prompt, &look, error) < 0)
        view->recovered_untold = 1;
    if (probe == PROBE_SOME && !view->store_failed)
        try_writes(&look, known);
    if (probe == PROBE_LOST && !view->store_failed)
        try_lost(&look);
    store_close(look.store);
    view->journals_quarantined = count_quarantined(directory);
    return 0;
}

/* --- the judgement */

struct range {
    size_t low, high;
};

/* Which prefixes of the life explain what is seen of one exchange (or of the serials)? */
static int
narrow(const struct life *life, int serials, unsigned n, struct life_view *view, struct range *range)
{
    size_t begin = LIFE_NEVER, end = life->count;
    int absent = serials ? view->serial_counter == 1 : view->exchanges[n].sight == SIGHT_ABSENT;
    if (absent)
        begin = 0;
    for (size_t i = 0; i < life->count; i++) {
        const struct life_op *op = &life->ops[i];
        if (op->refused || op->kind == LIFE_AGAIN || (op->kind == LIFE_SERIALS) != serials ||
            (!serials && op->n != n))
            continue;
        if (begin != LIFE_NEVER) {
            end = i;
            if (absent && !serials && life->faulty && op->reported == LIFE_NEVER)
                end = life->count; /* it may have been refused, and the store ended before it could say so */
            break;
        }
        int here = serials ? view->serial_counter == op->version
                           : view->exchanges[n].version == op->version &&
                                 view->exchanges[n].open == (op->kind != LIFE_CLOSE);
        if (here)
            begin = i + 1;
    }
    if (begin == LIFE_NEVER)
        return serials
                   ? say(view, "serial counter %llu was never submitted",
                         (unsigned long long)view->serial_counter)
                   : say(view, "exchange %u: version %u (%s) was never submitted", n,
                         (unsigned)view->exchanges[n].version, view->exchanges[n].open ? "open" : "closed");
    if (begin > range->low)
        range->low = begin;
    if (end < range->high)
        range->high = end;
    return 0;
}

static int
judge_notes(const struct life *life, size_t position, struct life_view *view)
{
    for (unsigned i = 0; i < LIFE_PROMPTS; i++) {
        if (view->prompts[i] && (i >= life->prompt_count || life->prompts[i].submitted > position))
            return say(view, "prompt %u was never put", i);
        if (!view->prompts[i] && i < life->prompt_count && life->prompts[i].reported <= position)
            return say(view, "prompt %u was reported and is gone", i);
    }
    if (life->mark_reported > 0 && life->mark_at <= position &&
        (!view->mark_found || view->mark < life->mark_reported))
        return say(view, "the peer's mark went back");
    return 0;
}

int
life_judge(const struct life *life, size_t position, struct life_view *view, size_t *prefix)
{
    struct range range = {.high = life->count};
    size_t committed = 0, submitted = 0;
    if (view->wrong[0] != '\0')
        return -1;
    if (view->quarantined + view->aside > 0 || view->journals_quarantined > 0 || view->recovered_untold ||
        view->store_failed)
        return say(view, "an undamaged store has %llu rows and %d days in quarantine, or can't be read",
                   (unsigned long long)view->quarantined + view->aside, view->journals_quarantined);
    for (unsigned n = 0; n < LIFE_EXCHANGES; n++) {
        if (view->exchanges[n].sight > SIGHT_TRUE || view->exchanges[n].bodies_missing)
            return say(view, "exchange %u is not as it was written", n);
        if (narrow(life, 0, n, view, &range) < 0)
            return -1;
    }
    if (narrow(life, 1, 0, view, &range) < 0)
        return -1;
    for (size_t i = 0; i < life->count; i++) {
        if (life->ops[i].reported <= position && !life->ops[i].refused && life->ops[i].kind != LIFE_AGAIN)
            committed = i + 1;
        if (life->ops[i].submitted <= position)
            submitted = i + 1;
    }
    if (range.low > range.high)
        return say(view, "a later write is there, an earlier one is not (writes %zu and %zu)", range.low,
                   range.high);
    if (range.high < committed)
        return say(view, "write %zu was reported committed, %zu is the last that is there", committed,
                   range.high);
    if (range.low > submitted)
        return say(view, "write %zu is there, %zu were submitted", range.low, submitted);
    *prefix = range.high < submitted ? range.high : submitted;
    return judge_notes(life, position, view);
}
