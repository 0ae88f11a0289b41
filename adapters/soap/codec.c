/* What the mapping file says about envelopes and documents, read and checked once. Must never let a name pass
 * that a layout does not have. Fails at the module's opening, saying what is missing. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static int
read_size(const struct fep_host *host, const char *key, size_t least, size_t most, size_t *out,
          struct fep_error *error)
{
    const char *text = wire_text(host, key);
    if (text != NULL)
        *out = (size_t)strtoul(text, NULL, 10);
    return *out >= least && *out <= most
               ? 0
               : set_error(error, 0, 0, "wire.%s is %zu; expected %zu to %zu", key, *out, least, most);
}

struct wire_key {
    const char *name;
    const char **value;
    const char *def; /* NULL: required; "": may be missing */
};

static int
read_keys(const struct fep_host *host, const struct wire_key *keys, size_t count, struct fep_error *error)
{
    for (size_t i = 0; i < count; i++) {
        *keys[i].value = wire_text(host, keys[i].name);
        if (*keys[i].value == NULL && keys[i].def == NULL)
            return set_error(error, 0, 0, "the mapping lacks wire.%s", keys[i].name);
        if (*keys[i].value == NULL && keys[i].def[0] != '\0')
            *keys[i].value = keys[i].def;
    }
    return 0;
}

static int
read_document_keys(struct soap_codec *codec, struct fep_error *error)
{
    struct soap_wire *wire = &codec->wire;
    const struct wire_key keys[] = {
        {"path", &wire->path, NULL},
        {"content_type", &wire->content_type, NULL},
        {"media_type", &wire->media_type, "text/xml"},
        {"charsets", &wire->charsets, NULL},
        {"soap_action", &wire->soap_action, "\"\""},
        {"xml_encoding", &wire->xml_encoding, NULL},
        {"envelope_namespace", &wire->envelope_namespace, "http://schemas.xmlsoap.org/soap/envelope/"},
        {"envelope_prefix", &wire->envelope_prefix, "soapenv"},
        {"namespace", &wire->namespace_name, NULL},
        {"prefix", &wire->prefix, "ns1"},
        {"fault_code", &wire->fault_code, "Client"},
        {"request_operation", &wire->request_operation, NULL},
        {"request_argument", &wire->request_argument, NULL},
        {"answer_operation", &wire->answer_operation, NULL},
        {"answer_argument", &wire->answer_argument, NULL},
        {"request_root", &wire->request_root, NULL},
        {"request_body", &wire->request_body, NULL},
        {"answer_root", &wire->answer_root, NULL},
        {"answer_body", &wire->answer_body, NULL},
        {"head", &wire->head, NULL},
        {"row", &wire->row, NULL},
        {"row_count", &wire->row_count, ""},
        {"rows_needed", &wire->rows_needed, ""},
        {"loose_decimals", &wire->loose_decimals, ""},
        {"number_limits", &wire->number_limits, ""},
    };
    return read_keys(codec->host, keys, sizeof keys / sizeof *keys, error);
}

static int
read_meaning_keys(struct soap_codec *codec, struct fep_error *error)
{
    struct soap_wire *wire = &codec->wire;
    const struct wire_key keys[] = {
        {"transaction_field", &wire->transaction_field, NULL},
        {"serial_field", &wire->serial_field, NULL},
        {"original_transaction_field", &wire->original_transaction_field, NULL},
        {"original_serial_field", &wire->original_serial_field, NULL},
        {"time_field", &wire->time_field, NULL},
        {"grant_field", &wire->grant_field, NULL},
        {"status_field", &wire->status_field, NULL},
        {"return_field", &wire->return_field, NULL},
        {"text_field", &wire->text_field, NULL},
        {"reference_field", &wire->reference_field, NULL},
        {"good", &wire->good, NULL},
        {"status_good", &wire->status_good, NULL},
        {"status_refused", &wire->status_refused, NULL},
        {"status_unknown", &wire->status_unknown, NULL},
        {"posting", &wire->posting, NULL},
        {"node", &wire->node, NULL},
        {"grant_out", &wire->grant_out, NULL},
        {"grant_in", &wire->grant_in, NULL},
        {"head_constants", &wire->head_constants, ""},
        {"serial_form", &wire->serial_form, ""},
        {"reference_prefix", &wire->reference_prefix, ""},
        {"inquiry_output", &wire->inquiry_output, ""},
        {"inquiry_reference", &wire->inquiry_reference, ""},
        {"inquiry_status", &wire->inquiry_status, ""},
        {"inquiry_return", &wire->inquiry_return, ""},
        {"reversal_reference", &wire->reversal_reference, ""},
        {"echo", &wire->echo, ""},
        {"echo_field", &wire->echo_field, ""},
        {"echo_clock", &wire->echo_clock, ""},
        {"echo_constants", &wire->echo_constants, ""},
        {"answer_repeats", &wire->answer_repeats, ""},
        {"new_connection_is_new", &wire->new_connection_is_new, ""},
        {"own_serials", &wire->own_serials, ""},
        {"lookup_for", &wire->lookup_for, ""},
        {"lookup", &wire->lookup, ""},
        {"lookup_request", &wire->lookup_request, ""},
        {"lookup_row_field", &wire->lookup_row_field, ""},
        {"lookup_order", &wire->lookup_order, ""},
        {"lookup_take", &wire->lookup_take, ""},
    };
    return read_keys(codec->host, keys, sizeof keys / sizeof *keys, error);
}

/* A field that `wire` names and a layout does not have is found now, not at the first settlement. */
static int
check_fields(const struct soap_codec *codec, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const struct soap_wire *wire = &codec->wire;
    const struct fep_layout *q = host->find_layout(host->self, "head-Q"),
                            *r = host->find_layout(host->self, "head-R");
    const char *const asked[] = {
        wire->transaction_field,     wire->serial_field, wire->original_transaction_field,
        wire->original_serial_field, wire->time_field,   wire->grant_field};
    const char *const answered[] = {wire->transaction_field, wire->serial_field, wire->status_field,
                                    wire->return_field,      wire->text_field,   wire->reference_field,
                                    wire->time_field};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (find_field(q, asked[i]) < 0)
            return set_error(error, 0, 0, "wire names %.40s; layout head-Q has no such field", asked[i]);
    }
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
        if (find_field(r, answered[i]) < 0)
            return set_error(error, 0, 0, "wire names %.40s; layout head-R has no such field", answered[i]);
    }
    return 0;
}

static const struct fep_layout *
find_message(const struct fep_host *host, const char *transaction, size_t size, const char *suffix)
{
    char name[SOAP_NAME_SIZE + 4];
    snprintf(name, sizeof name, "%.*s%s", (int)(size < SOAP_NAME_SIZE ? size : 0), transaction, suffix);
    return host->find_layout(host->self, name);
}

static bool
has_row_field(const struct fep_layout *layout, const char *name)
{
    bool found = false;
    for (size_t i = 0; layout != NULL && i < layout->group_field_count; i++)
        found |= strcmp(layout->group_fields[i].name, name) == 0;
    return found;
}

bool
soap_read_limit(const char *word, size_t size, struct soap_limit *limit)
{
    char text[128];
    int end = 0;
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : 0), word);
    return sscanf(text, "%15[^:]:%63[^=]=%llu-%llu%n", limit->transaction, limit->field, &limit->least,
                  &limit->most, &end) == 4 &&
           (size_t)end == size && limit->least <= limit->most;
}

/* A limit, or a serial of ours, of a field that is not there would be none. */
static int
check_lists(const struct soap_codec *codec, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    const char *at = codec->wire.number_limits, *word;
    struct soap_limit limit;
    size_t size;
    while (at != NULL && next_word(&at, &word, &size)) {
        if (!soap_read_limit(word, size, &limit) ||
            find_field(find_message(host, limit.transaction, strlen(limit.transaction), "-Q"), limit.field) <
                0)
            return set_error(error, 0, 0, "wire.number_limits: \"%.*s\"; expected T:FIELD=LEAST-MOST",
                             (int)(size < 60 ? size : 60), word);
    }
    at = codec->wire.own_serials;
    while (at != NULL && next_word(&at, &word, &size)) {
        const char *mark = memchr(word, ':', size);
        char field[64] = "";
        if (mark != NULL)
            snprintf(field, sizeof field, "%.*s", (int)(word + size - mark - 1), mark + 1);
        if (mark == NULL || !has_row_field(find_message(host, word, (size_t)(mark - word), "-R"), field))
            return set_error(error, 0, 0, "wire.own_serials: \"%.*s\"; expected T:FIELD of the rows of T-R",
                             (int)(size < 60 ? size : 60), word);
    }
    return 0;
}

int
soap_codec_open(struct soap_codec *codec, const struct fep_host *host, struct fep_error *error)
{
    const char *scheme = wire_text(host, "characters");
    *codec = (struct soap_codec){.host = host,
                                 .max_body = 4u << 20,
                                 .limits = {.max_depth = 8, .max_name = 64, .max_elements = 100000}};
    codec->scheme = scheme_by_name(scheme != NULL ? scheme : "gbk");
    if (codec->scheme == 0)
        return set_error(error, 0, 0, "wire.characters is \"%.20s\"; expected single, gbk, gb18030 or utf8",
                         scheme);
    if (read_size(host, "max_body", 1024, 16u << 20, &codec->max_body, error) < 0 ||
        read_size(host, "max_depth", 4, 64, &codec->limits.max_depth, error) < 0 ||
        read_size(host, "max_name", 8, 256, &codec->limits.max_name, error) < 0 ||
        read_document_keys(codec, error) < 0 || read_meaning_keys(codec, error) < 0 ||
        check_fields(codec, error) < 0 || check_lists(codec, error) < 0)
        return -1;
    xml_begin();
    return 0;
}

bool
soap_list_value(const char *list, const char *word, char *out, size_t out_size)
{
    const char *at = list, *found;
    size_t size, name = strlen(word);
    while (at != NULL && next_word(&at, &found, &size)) {
        if (size > name + 1 && memcmp(found, word, name) == 0 && found[name] == ':' &&
            size - name - 1 < out_size) {
            memcpy(out, found + name + 1, size - name - 1);
            out[size - name - 1] = '\0';
            return true;
        }
    }
    return false;
}
