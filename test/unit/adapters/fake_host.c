/* The host's side of the ABI, as small as tests need it. A misuse by the module (releasing twice, an unknown
 * option) ends the test. */
#include "fake_host.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <libconfig.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_LAYOUTS = 80, MAX_FIELDS = 64, MAX_WATCHES = 64 };

struct fep_record {
    const struct fep_layout *layout;
    char **plain;
    char **rows;
    size_t row_count;
};

struct fep_watch {
    int fd;
    uint32_t events;
    void (*fn)(void *arg, uint32_t events);
    void *arg;
    struct fep_watch *next;
    bool gone;
};

struct fep_timer {
    int64_t due;
    void (*fn)(void *arg);
    void *arg;
    struct fep_timer *next;
};

struct fep_config {
    const struct fep_option *table;
    const char *const *given;
};

struct fake_state {
    config_t file;
    struct fep_layout layouts[MAX_LAYOUTS];
    size_t layout_count;
    struct fep_watch *watches;
    struct fep_timer *timers;
    int64_t clock_offset;
    size_t live_records;
    const char *charset;
    struct fep_config config;
};

static struct fake_state *
state_of(void *host)
{
    return ((struct fake_host *)host)->state;
}

/* --- the mapping file --- */

static uint32_t
type_by_name(const char *name)
{
    static const char *const names[] = {"text", "code", "digits", "decimal", "ratio"};
    for (uint32_t i = 0; i < 5; i++) {
        if (strcmp(name, names[i]) == 0)
            return i + 1;
    }
    abort();
}

static const struct fep_field *
read_fields(const config_setting_t *list, size_t *count)
{
    *count = (size_t)config_setting_length(list);
    struct fep_field *fields = calloc(*count > 0 ? *count : 1, sizeof *fields);
    for (unsigned i = 0; i < *count; i++) {
        const config_setting_t *one = config_setting_get_elem(list, i);
        int length = config_setting_length(one);
        fields[i].name = config_setting_get_string_elem(one, 0);
        fields[i].type = type_by_name(config_setting_get_string_elem(one, 1));
        fields[i].length = (uint32_t)config_setting_get_int_elem(one, 2);
        for (int k = 3; k < length; k++) {
            const char *flags = config_setting_get_string_elem(one, k);
            if (flags == NULL)
                fields[i].scale = (uint32_t)config_setting_get_int_elem(one, k);
            else if (strstr(flags, "required") != NULL)
                fields[i].flags |= FEP_FIELD_REQUIRED;
        }
    }
    return fields;
}

static void
read_layouts(struct fake_state *state)
{
    const config_setting_t *list = config_lookup(&state->file, "layouts");
    for (int i = 0; i < config_setting_length(list); i++) {
        config_setting_t *one = config_setting_get_elem(list, (unsigned)i);
        struct fep_layout *layout = &state->layouts[state->layout_count++];
        assert(state->layout_count < MAX_LAYOUTS);
        config_setting_lookup_string(one, "name", &layout->name);
        layout->fields = read_fields(config_setting_get_member(one, "fields"), &layout->field_count);
        config_setting_t *group = config_setting_get_member(one, "group");
        if (group == NULL)
            continue;
        int max = 0;
        config_setting_lookup_string(group, "name", &layout->group_name);
        config_setting_lookup_int(group, "max", &max);
        layout->group_max_rows = (size_t)max;
        layout->group_fields =
            read_fields(config_setting_get_member(group, "fields"), &layout->group_field_count);
    }
}

static const char *
find_pair(const config_setting_t *list, const char *key)
{
    for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
        const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
        if (strcmp(config_setting_get_string_elem(row, 0), key) == 0)
            return config_setting_get_string_elem(row, 1);
    }
    return NULL;
}

static const char *
find_error(struct fake_state *state, const char *key, bool by_local)
{
    static char text[8][24];
    static unsigned turn;
    const config_setting_t *list = config_lookup(&state->file, "errors");
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
        const char *way = config_setting_length(row) > 3 ? config_setting_get_string_elem(row, 3) : NULL;
        if (way != NULL && strcmp(way, by_local ? "out" : "in") == 0)
            continue;
        char *out = text[turn++ % 8];
        snprintf(out, 24, "%s:%d", config_setting_get_string_elem(row, 1),
                 config_setting_get_int_elem(row, 2));
        const char *local = config_setting_get_string_elem(row, 0);
        if (strcmp(by_local ? local : out, key) == 0)
            return by_local ? out : local;
    }
    char class_only[2] = {key[0], '\0'};
    return by_local ? NULL : find_pair(config_lookup(&state->file, "errors_default"), class_only);
}

static const char *
find_finding(struct fake_state *state, const char *section, const char *key)
{
    char path[64];
    const char *text = NULL;
    if (strcmp(key, "field") == 0 || strcmp(key, "local") == 0) {
        snprintf(path, sizeof path, "%s.%s", section, key);
        config_lookup_string(&state->file, path, &text);
        return text;
    }
    if (strncmp(key, "error:", 6) == 0) {
        snprintf(path, sizeof path, "%s.findings_by_error", section);
        const config_setting_t *list = config_lookup(&state->file, path);
        for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
            const config_setting_t *row = config_setting_get_elem(list, (unsigned)i);
            if (config_setting_get_int_elem(row, 0) == atoi(key + 6))
                return config_setting_get_string_elem(row, 1);
        }
        return NULL;
    }
    snprintf(path, sizeof path, "%s.findings", section);
    const config_setting_t *findings = config_lookup(&state->file, path);
    if (strncmp(key, "finding:", 8) != 0)
        return find_pair(findings, key);
    for (int i = 0; findings != NULL && i < config_setting_length(findings); i++) {
        const config_setting_t *row = config_setting_get_elem(findings, (unsigned)i);
        if (strcmp(config_setting_get_string_elem(row, 1), key + 8) == 0)
            return config_setting_get_string_elem(row, 0);
    }
    return NULL;
}

static const char *
mapping_text(void *host, const char *section, const char *key)
{
    struct fake_state *state = state_of(host);
    char path[128];
    const char *text = NULL;
    if (strcmp(section, "errors") == 0 || strcmp(section, "results") == 0)
        return find_error(state, key, section[0] == 'e');
    if (strcmp(section, "wire") != 0)
        return find_finding(state, section, key);
    snprintf(path, sizeof path, "wire.%s", key);
    config_lookup_string(&state->file, path, &text);
    return text;
}

/* --- records --- */

static const struct fep_layout *
find_layout(void *host, const char *name)
{
    struct fake_state *state = state_of(host);
    for (size_t i = 0; i < state->layout_count; i++) {
        if (strcmp(state->layouts[i].name, name) == 0)
            return &state->layouts[i];
    }
    return NULL;
}

static struct fep_record *
create_record(void *host, const char *name)
{
    const struct fep_layout *layout = find_layout(host, name);
    if (layout == NULL)
        return NULL;
    struct fep_record *record = calloc(1, sizeof *record);
    record->layout = layout;
    record->plain = calloc(layout->field_count + 1, sizeof(char *));
    record->rows = calloc(layout->group_max_rows * layout->group_field_count + 1, sizeof(char *));
    state_of(host)->live_records++;
    return record;
}

static void
release_record(void *host, struct fep_record *record)
{
    if (record == NULL)
        return;
    for (size_t i = 0; i < record->layout->field_count; i++)
        free(record->plain[i]);
    for (size_t i = 0; i < record->row_count * record->layout->group_field_count; i++)
        free(record->rows[i]);
    free(record->plain);
    free(record->rows);
    free(record);
    assert(state_of(host)->live_records > 0);
    state_of(host)->live_records--;
}

static const struct fep_layout *
record_layout(const struct fep_record *record)
{
    return record->layout;
}

static size_t
record_rows(const struct fep_record *record)
{
    return record->row_count;
}

static int
record_add_row(struct fep_record *record)
{
    if (record->row_count >= record->layout->group_max_rows)
        return -1;
    record->row_count++;
    return 0;
}

static struct fep_bytes
view_of(const char *text)
{
    return (struct fep_bytes){(const unsigned char *)text, text != NULL ? strlen(text) : 0};
}

static int
put(char **slot, const char *text, size_t size)
{
    free(*slot);
    *slot = calloc(1, size + 1);
    if (size > 0)
        memcpy(*slot, text, size);
    return 0;
}

static struct fep_bytes
record_get(const struct fep_record *record, size_t field)
{
    assert(field < record->layout->field_count);
    return view_of(record->plain[field]);
}

static int
record_set(struct fep_record *record, size_t field, const char *text, size_t size)
{
    assert(field < record->layout->field_count);
    return put(&record->plain[field], text, size);
}

static struct fep_bytes
record_get_in_row(const struct fep_record *record, size_t row, size_t field)
{
    assert(row < record->row_count && field < record->layout->group_field_count);
    return view_of(record->rows[row * record->layout->group_field_count + field]);
}

static int
record_set_in_row(struct fep_record *record, size_t row, size_t field, const char *text, size_t size)
{
    assert(row < record->row_count && field < record->layout->group_field_count);
    return put(&record->rows[row * record->layout->group_field_count + field], text, size);
}

static int
field_index(const struct fep_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return (int)i;
    }
    fprintf(stderr, "no field %s\n", name);
    abort();
}

/* --- charset --- */

static int
fail(struct fep_error *error, const char *text)
{
    if (error != NULL) {
        *error = (struct fep_error){.code = 1001};
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return -1;
}

static int
convert(const char *to, const char *from, const char *replacement, const void *in, size_t size, void *out,
        size_t out_size, struct fep_error *error)
{
    iconv_t cd = iconv_open(to, from);
    assert(cd != (iconv_t)-1);
    char *source = malloc(size + 1);
    assert(source != NULL);
    if (size > 0)
        memcpy(source, in, size);
    char *at = source, *into = out;
    size_t left = size, room = out_size;
    int result = 0;
    while (left > 0 && result == 0) {
        if (iconv(cd, &at, &left, &into, &room) != (size_t)-1)
            break;
        if (errno == E2BIG || replacement == NULL || room < strlen(replacement)) {
            result = fail(error, errno == E2BIG ? "too long" : "illegal bytes");
        } else {
            size_t step = 1;
            if (strcmp(from, "UTF-8") == 0)
                while (step < left && ((unsigned char)at[step] & 0xC0) == 0x80)
                    step++;
            memcpy(into, replacement, strlen(replacement));
            into += strlen(replacement);
            room -= strlen(replacement);
            at += step;
            left -= step;
        }
    }
    iconv_close(cd);
    free(source);
    return result < 0 ? -1 : (int)(into - (char *)out);
}

static int
decode_text(void *host, const unsigned char *in, size_t size, bool lenient, char *out, size_t out_size,
            struct fep_error *error)
{
    return convert("UTF-8", state_of(host)->charset, lenient ? "\xEF\xBF\xBD" : NULL, in, size, out, out_size,
                   error);
}

/* "&#x4DAE;" for each character the charset can not hold; `from` and `to` may not overlap. */
static size_t
write_references(const char *charset, const char *from, size_t size, char *to)
{
    size_t written = 0;
    for (size_t at = 0; at < size;) {
        size_t width = 1;
        unsigned char first = (unsigned char)from[at], wire[8];
        while (at + width < size && ((unsigned char)from[at + width] & 0xC0) == 0x80)
            width++;
        unsigned point = width == 1 ? first : first & (0xFFu >> (width + 1));
        for (size_t i = 1; i < width; i++)
            point = point << 6 | ((unsigned char)from[at + i] & 0x3F);
        if (convert(charset, "UTF-8", NULL, from + at, width, wire, sizeof wire, NULL) >= 0) {
            memcpy(to + written, from + at, width);
            written += width;
        } else {
            written += (size_t)sprintf(to + written, "&#x%X;", point);
        }
        at += width;
    }
    return written;
}

static int
encode_text(void *host, const char *in, size_t size, unsigned char *out, size_t out_size,
            struct fep_error *error)
{
    struct fake_state *state = state_of(host);
    const char *policy = NULL;
    if (config_lookup_string(&state->file, "unmappable", &policy) != CONFIG_TRUE ||
        strcmp(policy, "reference") != 0)
        return convert(state->charset, "UTF-8", "\xA1\xFE", in, size, out, out_size, error);
    int plain = convert(state->charset, "UTF-8", NULL, in, size, out, out_size, NULL);
    if (plain >= 0)
        return plain;
    char *text = malloc(size * 10 + 1);
    assert(text != NULL);
    int result = convert(state->charset, "UTF-8", NULL, text,
                         write_references(state->charset, in, size, text), out, out_size, error);
    free(text);
    return result;
}

/* --- calls and requests --- */

static void
complete_call(void *host, struct fep_call *call, enum fep_kind kind, const struct fep_result *result,
              struct fep_record *answer)
{
    struct fake_host *fake = host;
    for (size_t i = 0; i < fake->completion_count; i++)
        assert(fake->completions[i].call != call); /* exactly once */
    assert(fake->completion_count < 64);
    fake->completions[fake->completion_count++] =
        (struct fake_completion){call, kind, result != NULL ? *result : (struct fep_result){0}, answer};
}

static void
report_late(void *host, const struct fep_attempt *attempt, enum fep_kind kind,
            const struct fep_result *result, struct fep_record *answer)
{
    struct fake_host *fake = host;
    (void)attempt;
    assert(fake->late_count < 16);
    fake->late[fake->late_count++] = (struct fake_completion){NULL, kind, *result, answer};
}

static int
begin_request(void *host, const char *local, struct fep_record *head, struct fep_record *body, bool fresh,
              fep_on_answer *on_answer, fep_try_answer *try_answer, void *ticket, struct fep_error *error)
{
    struct fake_host *fake = host;
    if (fake->refuse_requests != 0) {
        release_record(host, head);
        release_record(host, body);
        fail(error, "refused by the test");
        error->code = (uint32_t)fake->refuse_requests;
        error->kind = FEP_REFUSED;
        return -1;
    }
    assert(fake->request_count < 64);
    struct fake_request *request = &fake->requests[fake->request_count++];
    *request = (struct fake_request){.head = head,
                                     .body = body,
                                     .fresh = fresh,
                                     .on_answer = on_answer,
                                     .try_answer = try_answer,
                                     .ticket = ticket};
    snprintf(request->local, sizeof request->local, "%s", local);
    return 0;
}

static void
forget_request(void *host, void *ticket)
{
    struct fake_host *fake = host;
    for (size_t i = 0; i < fake->request_count; i++) {
        if (fake->requests[i].ticket == ticket)
            fake->requests[i].forgotten = true;
    }
}

static void
fill(struct fake_host *fake, struct fep_record *record, const char *const *values)
{
    for (; values != NULL && values[0] != NULL; values += 2) {
        int at = field_index(record->layout->fields, record->layout->field_count, values[0]);
        record_set(record, (size_t)at, values[1], strlen(values[1]));
    }
    (void)fake;
}

/* What the mapping's rules would fill: only where the layout has such a field. */
static void
fill_known(struct fep_record *record, const char *name, const char *value)
{
    for (size_t i = 0; i < record->layout->field_count; i++) {
        if (strcmp(record->layout->fields[i].name, name) == 0)
            record_set(record, i, value, strlen(value));
    }
}

static const char *
translate_out(void *host, const struct fep_message *message, uint32_t operation,
              const struct fep_attempt *attempt, struct fep_record **head, struct fep_record **body,
              struct fep_error *error)
{
    struct fake_host *fake = host;
    const struct fake_message *what = (const struct fake_message *)(const void *)message;
    static char serial[32], date[16];
    snprintf(serial, sizeof serial, "%08u%012llu", attempt->serial_date, (unsigned long long)attempt->serial);
    snprintf(date, sizeof date, "%08u", attempt->serial_date);
    if (what->local == NULL) {
        fail(error, "not mapped");
        error->code = 1003;
        return NULL;
    }
    const char *local = operation == FEP_OP_SUBMIT    ? what->local
                        : operation == FEP_OP_INQUIRE ? find_finding(fake->state, "inquire", "local")
                                                      : find_finding(fake->state, "reverse", "local");
    char layout[32];
    snprintf(layout, sizeof layout, "%s-Q", local);
    *head = create_record(host, "head-Q");
    *body = create_record(host, layout);
    fill(fake, *head, what->head);
    if (operation == FEP_OP_SUBMIT) {
        fill_known(*head, "H-SERIAL", serial);
        fill_known(*head, "SERIAL", serial);
        fill(fake, *body, what->body);
        if (what->row != NULL)
            fake_set_row(fake, *body, what->row);
    } else {
        fill_known(*head, "H-ORG-TRAN", what->local);
        fill_known(*head, "H-ORG-SERIAL", serial);
        fill_known(*head, "ORGMSGNO", what->local);
        fill_known(*body, "VQ-ORG-DATE", date);
        fill_known(*body, "ORGDATE", date);
        fill_known(*head, "SERIAL", "20261122990000000001");
        fill_known(*body, "ORG-CODE", what->local);
        fill_known(*body, "ORG-SERIAL", serial);
        fill_known(*body, "ORG-DATE", date);
    }
    return local;
}

static int64_t
call_deadline_ms(const struct fep_call *call)
{
    return call->deadline_ms;
}

static const struct fep_attempt *
call_attempt(const struct fep_call *call)
{
    return &call->attempt;
}

static void
report_health(void *host, const struct fep_health *health)
{
    struct fake_host *fake = host;
    fake->health = *health;
    fake->health_reports++;
}

static void
log_event(void *host, int severity, const char *what, int64_t number)
{
    struct fake_host *fake = host;
    snprintf(fake->last_log, sizeof fake->last_log, "%s", what);
    if (getenv("FAKE_LOG") != NULL)
        fprintf(stderr, "log %d %s %lld\n", severity, what, (long long)number);
}

/* --- the loop --- */

static int64_t
real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
read_monotonic_ms(void *host)
{
    return real_ms() + state_of(host)->clock_offset;
}

static void
read_local_time(void *host, uint32_t *date, uint32_t *time)
{
    struct fake_host *fake = host;
    *date = fake->date;
    *time = fake->time;
}

static int
fill_random(void *host, void *out, size_t size)
{
    (void)host;
    memset(out, 7, size);
    return 0;
}

static struct fep_watch *
watch_descriptor(void *host, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg)
{
    struct fake_state *state = state_of(host);
    struct fep_watch *watch = calloc(1, sizeof *watch);
    *watch = (struct fep_watch){.fd = fd, .events = events, .fn = fn, .arg = arg, .next = state->watches};
    state->watches = watch;
    return watch;
}

static void
change_watch(void *host, struct fep_watch *watch, uint32_t events)
{
    (void)host;
    assert(!watch->gone);
    watch->events = events;
}

static void
unwatch(void *host, struct fep_watch *watch)
{
    (void)host;
    if (watch == NULL)
        return;
    assert(!watch->gone);
    watch->gone = true;
}

static struct fep_timer *
set_timer(void *host, int64_t after_ms, void (*fn)(void *arg), void *arg)
{
    struct fake_state *state = state_of(host);
    struct fep_timer *timer = calloc(1, sizeof *timer);
    *timer = (struct fep_timer){read_monotonic_ms(host) + after_ms, fn, arg, state->timers};
    state->timers = timer;
    return timer;
}

static void
clear_timer(void *host, struct fep_timer *timer)
{
    if (timer == NULL)
        return;
    for (struct fep_timer **at = &state_of(host)->timers; *at != NULL; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            free(timer);
            return;
        }
    }
    abort(); /* cleared after it fired */
}

static void
sweep_watches(struct fake_state *state)
{
    for (struct fep_watch **at = &state->watches; *at != NULL;) {
        struct fep_watch *watch = *at;
        if (watch->gone) {
            *at = watch->next;
            free(watch);
        } else {
            at = &watch->next;
        }
    }
}

static void
run_timers(struct fake_host *fake)
{
    for (;;) {
        struct fep_timer **first = NULL;
        for (struct fep_timer **at = &fake->state->timers; *at != NULL; at = &(*at)->next) {
            if ((*at)->due <= read_monotonic_ms(fake) && (first == NULL || (*at)->due < (*first)->due))
                first = at;
        }
        if (first == NULL)
            return;
        struct fep_timer *timer = *first;
        *first = timer->next;
        void (*fn)(void *arg) = timer->fn;
        void *arg = timer->arg;
        free(timer);
        fn(arg);
    }
}

static void
turn(struct fake_host *fake, int wait_ms)
{
    struct pollfd polled[MAX_WATCHES];
    struct fep_watch *watched[MAX_WATCHES];
    nfds_t count = 0;
    sweep_watches(fake->state);
    for (struct fep_watch *watch = fake->state->watches; watch != NULL; watch = watch->next) {
        short events = (short)(((watch->events & FEP_READABLE) != 0 ? POLLIN : 0) |
                               ((watch->events & FEP_WRITABLE) != 0 ? POLLOUT : 0));
        assert(count < MAX_WATCHES);
        polled[count] = (struct pollfd){.fd = watch->fd, .events = events};
        watched[count++] = watch;
    }
    if (poll(polled, count, wait_ms) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            uint32_t events = ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? FEP_READABLE : 0u) |
                              ((polled[i].revents & POLLOUT) != 0 ? FEP_WRITABLE : 0u);
            if (!watched[i]->gone && (events & watched[i]->events) != 0)
                watched[i]->fn(watched[i]->arg, events & watched[i]->events);
        }
    }
    run_timers(fake);
}

bool
fake_run_until(struct fake_host *fake, bool (*fn)(void *arg), void *arg)
{
    int64_t end = real_ms() + 5000;
    while (!fn(arg)) {
        if (real_ms() > end)
            return false;
        turn(fake, 2);
    }
    return true;
}

void
fake_run_ms(struct fake_host *fake, int ms)
{
    for (int64_t end = real_ms() + ms; real_ms() < end;)
        turn(fake, 2);
}

void
fake_advance(struct fake_host *fake, int64_t ms)
{
    fake->state->clock_offset += ms;
}

/* --- options and life --- */

static const char *
option_text(const struct fep_config *config, const char *name)
{
    for (const char *const *given = config->given; given != NULL && given[0] != NULL; given += 2) {
        if (strcmp(given[0], name) == 0)
            return given[1];
    }
    for (const struct fep_option *option = config->table; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option->def;
    }
    fprintf(stderr, "no option %s\n", name);
    abort();
}

static int64_t
option_integer(const struct fep_config *config, const char *name)
{
    const char *text = option_text(config, name);
    if (text == NULL || strcmp(text, "false") == 0)
        return 0;
    if (strcmp(text, "true") == 0)
        return 1;
    char *end;
    int64_t value = strtoll(text, &end, 10);
    return strcmp(end, "s") == 0 ? value * 1000 : strcmp(end, "min") == 0 ? value * 60000 : value;
}

void
fake_use_options(struct fake_host *fake, const struct fep_option *table, const char *const *given)
{
    fake->state->config = (struct fep_config){table, given};
}

const struct fep_config *
fake_config(struct fake_host *fake)
{
    return &fake->state->config;
}

struct fake_host *
fake_create(const char *file)
{
    struct fake_host *fake = calloc(1, sizeof *fake);
    fake->state = calloc(1, sizeof *fake->state);
    fake->date = 20261122;
    fake->time = 101500;
    char path[512];
    const char *source = getenv("FEP_SOURCE");
    if (file[0] == '/')
        snprintf(path, sizeof path, "%s", file);
    else
        snprintf(path, sizeof path, "%s/etc/mapping/%s", source != NULL ? source : ".", file);
    config_init(&fake->state->file);
    if (!config_read_file(&fake->state->file, path)) {
        fprintf(stderr, "%s:%d: %s\n", path, config_error_line(&fake->state->file),
                config_error_text(&fake->state->file));
        abort();
    }
    config_lookup_string(&fake->state->file, "charset", &fake->state->charset);
    read_layouts(fake->state);
    fake->host = (struct fep_host){.size = sizeof fake->host,
                                   .self = fake,
                                   .complete_call = complete_call,
                                   .report_late = report_late,
                                   .begin_request = begin_request,
                                   .forget_request = forget_request,
                                   .translate_out = translate_out,
                                   .create_record = create_record,
                                   .release_record = release_record,
                                   .find_layout = find_layout,
                                   .record_layout = record_layout,
                                   .record_rows = record_rows,
                                   .record_add_row = record_add_row,
                                   .record_get = record_get,
                                   .record_set = record_set,
                                   .record_get_in_row = record_get_in_row,
                                   .record_set_in_row = record_set_in_row,
                                   .mapping_text = mapping_text,
                                   .decode_text = decode_text,
                                   .encode_text = encode_text,
                                   .watch_descriptor = watch_descriptor,
                                   .change_watch = change_watch,
                                   .unwatch = unwatch,
                                   .set_timer = set_timer,
                                   .clear_timer = clear_timer,
                                   .read_monotonic_ms = read_monotonic_ms,
                                   .read_local_time = read_local_time,
                                   .fill_random = fill_random,
                                   .report_health = report_health,
                                   .log_event = log_event,
                                   .get_text = option_text,
                                   .get_integer = option_integer,
                                   .get_secret = option_text,
                                   .call_deadline_ms = call_deadline_ms,
                                   .call_attempt = call_attempt};
    return fake;
}

void
fake_destroy(struct fake_host *fake)
{
    struct fake_state *state = fake->state;
    for (size_t i = 0; i < fake->completion_count; i++)
        release_record(fake, fake->completions[i].answer);
    for (size_t i = 0; i < fake->late_count; i++)
        release_record(fake, fake->late[i].answer);
    for (size_t i = 0; i < fake->request_count; i++) {
        release_record(fake, fake->requests[i].head);
        release_record(fake, fake->requests[i].body);
    }
    sweep_watches(state);
    assert(state->watches == NULL && state->timers == NULL && state->live_records == 0); /* nothing leaked */
    for (size_t i = 0; i < state->layout_count; i++) {
        free((void *)(uintptr_t)state->layouts[i].fields);
        free((void *)(uintptr_t)state->layouts[i].group_fields);
    }
    config_destroy(&state->file);
    free(state);
    free(fake);
}

size_t
fake_open_watches(const struct fake_host *fake)
{
    size_t count = 0;
    for (const struct fep_watch *watch = fake->state->watches; watch != NULL; watch = watch->next)
        count += !watch->gone;
    return count;
}

size_t
fake_live_records(const struct fake_host *fake)
{
    return fake->state->live_records;
}

struct fep_record *
fake_record(struct fake_host *fake, const char *layout, const char *const *values)
{
    struct fep_record *record = create_record(fake, layout);
    assert(record != NULL);
    fill(fake, record, values);
    return record;
}

static const char *
hold(struct fep_bytes value)
{
    static char text[8][1024];
    static unsigned turns;
    char *out = text[turns++ % 8];
    snprintf(out, 1024, "%.*s", (int)value.size, value.size > 0 ? (const char *)value.data : "");
    return out;
}

const char *
fake_get(struct fake_host *fake, const struct fep_record *record, const char *name)
{
    (void)fake;
    return hold(
        record_get(record, (size_t)field_index(record->layout->fields, record->layout->field_count, name)));
}

const char *
fake_get_in_row(struct fake_host *fake, const struct fep_record *record, size_t row, const char *name)
{
    (void)fake;
    const struct fep_layout *layout = record->layout;
    return hold(record_get_in_row(
        record, row, (size_t)field_index(layout->group_fields, layout->group_field_count, name)));
}

void
fake_set_row(struct fake_host *fake, struct fep_record *record, const char *const *values)
{
    (void)fake;
    const struct fep_layout *layout = record->layout;
    assert(record_add_row(record) == 0);
    for (; values[0] != NULL; values += 2)
        record_set_in_row(record, record->row_count - 1,
                          (size_t)field_index(layout->group_fields, layout->group_field_count, values[0]),
                          values[1], strlen(values[1]));
}

size_t
fake_encode(struct fake_host *fake, const char *text, unsigned char *out, size_t out_size)
{
    int size = encode_text(fake, text, strlen(text), out, out_size, NULL);
    assert(size >= 0);
    return (size_t)size;
}
