/* Reading and writing single members of canonical bodies. Must never round an amount and never take a text
 * that does not fit for a shorter one. Writing fails for want of memory only. */
#include "bodies.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "decimal.h"
#include "error.h"

void
body_text(struct json_object *node, const char *name, char *out, size_t room)
{
    struct fep_bytes text = {NULL, 0};
    out[0] = '\0';
    if (!canonical_text(canonical_member(node, name), &text) || text.size >= room || text.size == 0)
        return;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

uint32_t
body_date(struct json_object *node, const char *name)
{
    char text[24];
    uint32_t date = 0;
    unsigned digits = 0;
    body_text(node, name, text, sizeof text);
    text[strcspn(text, " T")] = '\0';
    for (const char *at = text; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9') {
            date = date * 10 + (uint32_t)(*at - '0');
            digits++;
        } else if (*at != '-' || (digits != 4 && digits != 6)) {
            return 0;
        }
    }
    return digits == 8 && clock_date_is_valid(date) ? date : 0;
}

int64_t
body_number(struct json_object *node, const char *name, int64_t most, int64_t otherwise)
{
    char text[24];
    int64_t value;
    body_text(node, name, text, sizeof text);
    if (text[0] == '\0' || !decimal_parse(text, strlen(text), 0, &value) || value < 0 || value > most)
        return otherwise;
    return value;
}

int64_t
body_fen(struct json_object *node, const char *name, bool *bad)
{
    struct json_object *member = canonical_member(node, name);
    struct fep_bytes text = {NULL, 0};
    int64_t fen = 0;
    if (member == NULL)
        return 0;
    if (!canonical_text(member, &text) ||
        (text.size > 0 && !decimal_parse((const char *)text.data, text.size, 2, &fen)))
        *bad = true;
    return fen;
}

void
body_put(struct json_object *node, const char *name, struct json_object *value, bool *failed)
{
    if (node != NULL && value != NULL && json_object_object_add(node, name, value) == 0)
        return;
    json_object_put(value);
    *failed = true;
}

void
body_put_text(struct json_object *node, const char *name, const char *text, bool *failed)
{
    body_put(node, name, json_object_new_string(text), failed);
}

void
body_put_date(struct json_object *node, const char *name, uint32_t date, bool *failed)
{
    char text[16];
    snprintf(text, sizeof text, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100, date % 100);
    body_put_text(node, name, date != 0 ? text : "", failed);
}

void
body_put_number(struct json_object *node, const char *name, int64_t number, bool *failed)
{
    body_put(node, name, json_object_new_int64(number), failed);
}

void
body_put_fen(struct json_object *node, const char *name, int64_t fen, bool *failed)
{
    char text[DECIMAL_TEXT];
    (void)decimal_write(fen, 2, text);
    body_put(node, name, canonical_new_number(text), failed);
}

void
body_append(struct json_object *array, struct json_object *value, bool *failed)
{
    if (array != NULL && value != NULL && json_object_array_add(array, value) == 0)
        return;
    json_object_put(value);
    *failed = true;
}

static int
write_body(struct json_object *envelope, bool failed, struct slice *body, struct fep_error *error)
{
    *body = SLICE_NONE;
    int status = failed ? error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a body")
                        : canonical_write(envelope, body, error);
    json_object_put(envelope);
    return status;
}

int
body_of_request(struct json_object *input, struct slice *body, struct fep_error *error)
{
    bool failed = false;
    struct json_object *envelope = json_object_new_object();
    body_put_text(envelope, "opter", "", &failed);
    body_put_text(envelope, "opter_name", "", &failed);
    body_put_text(envelope, "fixmedins_name", "", &failed);
    body_put(envelope, "input", input, &failed);
    return write_body(envelope, failed, body, error);
}

int
body_of_answer(struct json_object *output, struct slice *body, struct fep_error *error)
{
    bool failed = false;
    struct json_object *envelope = json_object_new_object();
    body_put_number(envelope, "infcode", 0, &failed);
    body_put_text(envelope, "err_msg", "", &failed);
    body_put(envelope, "output", output, &failed);
    return write_body(envelope, failed, body, error);
}

/* Noon of that day: the China Standard Time of the clock has no summer time to stumble over. */
uint32_t
date_after(uint32_t date, int days)
{
    if (date == 0)
        return 0;
    const int64_t day_ms = 86400000, noon_ms = 4 * 3600000;
    int64_t since_epoch = clock_days_between(19700101, date);
    return clock_date((since_epoch + days) * day_ms + noon_ms);
}
