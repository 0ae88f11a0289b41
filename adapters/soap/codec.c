/* Envelopes and documents.
 *
 * Must never decode the inner document a second time, whatever charset it declares, and never hand on a number that is
 * not one. A field that is not what its layout says fails the whole message with its name and line; the value itself is
 * never in the text. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MAX_CODE = 4096 };

/* --- opening --- */

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
    const char *const asked[] = {wire->transaction_field,          wire->serial_field,
                                 wire->original_transaction_field, wire->original_serial_field,
                                 wire->time_field,                 wire->grant_field};
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

int
soap_codec_open(struct soap_codec *codec, const struct fep_host *host, struct fep_error *error)
{
    const char *scheme = wire_text(host, "characters");
    *codec = (struct soap_codec){
        .host = host, .max_body = 4u << 20, .limits = {.max_depth = 8, .max_name = 64, .max_elements = 100000}};
    codec->scheme = scheme_by_name(scheme != NULL ? scheme : "gbk");
    if (codec->scheme == 0)
        return set_error(error, 0, 0, "wire.characters is \"%.20s\"; expected single, gbk, gb18030 or utf8",
                         scheme);
    if (read_size(host, "max_body", 1024, 16u << 20, &codec->max_body, error) < 0 ||
        read_size(host, "max_depth", 4, 64, &codec->limits.max_depth, error) < 0 ||
        read_size(host, "max_name", 8, 256, &codec->limits.max_name, error) < 0 ||
        read_document_keys(codec, error) < 0 || read_meaning_keys(codec, error) < 0 ||
        check_fields(codec, error) < 0)
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

static bool
is_row_count(const struct soap_codec *codec, const struct fep_layout *layout, const char *field)
{
    return layout->group_name != NULL && codec->wire.row_count != NULL &&
           strcmp(field, codec->wire.row_count) == 0;
}

/* --- writing --- */

static void
put_rows(const struct soap_codec *codec, struct xml_writer *writer, const struct fep_record *record)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    size_t rows = layout->group_name != NULL ? host->record_rows(record) : 0;
    if (rows == 0)
        return;
    xml_open(writer, layout->group_name);
    for (size_t row = 0; row < rows; row++) {
        xml_open(writer, codec->wire.row);
        for (size_t i = 0; i < layout->group_field_count; i++)
            xml_put_element(writer, layout->group_fields[i].name, host->record_get_in_row(record, row, i));
        xml_close(writer, codec->wire.row);
    }
    xml_close(writer, layout->group_name);
}

static void
put_record(const struct soap_codec *codec, struct xml_writer *writer, const struct fep_record *record)
{
    const struct fep_host *host = codec->host;
    const struct fep_layout *layout = host->record_layout(record);
    for (size_t i = 0; i < layout->field_count; i++) {
        const char *name = layout->fields[i].name;
        struct fep_bytes value = host->record_get(record, i);
        char count[24];
        if (is_row_count(codec, layout, name)) {
            snprintf(count, sizeof count, "%zu", host->record_rows(record));
            value = (struct fep_bytes){(const unsigned char *)count, strlen(count)};
        }
        xml_put_element(writer, name, value);
    }
    put_rows(codec, writer, record);
}

static void
put_declaration(const struct soap_codec *codec, struct xml_writer *writer)
{
    xml_put(writer, "<?xml version=\"1.0\" encoding=\"");
    xml_put(writer, codec->wire.xml_encoding);
    xml_put(writer, "\"?>\n");
}

/* PREFIX:NAME between two marks */
static void
put_qualified(struct xml_writer *writer, const char *before, const char *prefix, const char *name,
              const char *after)
{
    xml_put(writer, before);
    xml_put(writer, prefix);
    xml_put(writer, ":");
    xml_put(writer, name);
    xml_put(writer, after);
}

/* xmlns:PREFIX="NAMESPACE"> */
static void
put_namespace(struct xml_writer *writer, const char *prefix, const char *space)
{
    xml_put(writer, " xmlns:");
    xml_put(writer, prefix);
    xml_put(writer, "=\"");
    xml_put(writer, space);
    xml_put(writer, "\">");
}

static void
begin_envelope(const struct soap_codec *codec, struct xml_writer *writer)
{
    const struct soap_wire *wire = &codec->wire;
    put_declaration(codec, writer);
    put_qualified(writer, "<", wire->envelope_prefix, "Envelope", "");
    put_namespace(writer, wire->envelope_prefix, wire->envelope_namespace);
    put_qualified(writer, "<", wire->envelope_prefix, "Body", ">");
}

static void
end_envelope(const struct soap_codec *codec, struct xml_writer *writer)
{
    put_qualified(writer, "</", codec->wire.envelope_prefix, "Body", ">");
    put_qualified(writer, "</", codec->wire.envelope_prefix, "Envelope", ">");
}

/* The text in the wire's charset. What the charset can not hold becomes a reference inside the inner document, if the
 * mapping says so: the envelope itself is ASCII. */
static long
finish(const struct soap_codec *codec, struct xml_writer *writer, unsigned char **out, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    *out = NULL;
    if (writer->failed) {
        xml_free(writer);
        return set_error(error, FEP_REFUSED, 1003, "a message that is larger than %zu bytes, or no memory",
                         codec->max_body);
    }
    size_t room = writer->size * 4 < codec->max_body ? writer->size * 4 : codec->max_body;
    unsigned char *bytes = malloc(room);
    if (bytes == NULL) {
        xml_free(writer);
        return set_error(error, FEP_NOT_SENT, 9001, "no memory for a message of %zu bytes", room);
    }
    int size = host->encode_text(host->self, writer->data, writer->size, bytes, room, error);
    xml_free(writer);
    if (size < 0) {
        free(bytes);
        return -1;
    }
    unsigned char *fitting = realloc(bytes, (size_t)size);
    *out = fitting != NULL ? fitting : bytes;
    return size;
}

static void
put_document(const struct soap_codec *codec, bool request, const struct fep_record *head,
             const struct fep_record *body, const struct fep_record *inside, struct xml_writer *writer)
{
    const struct soap_wire *wire = &codec->wire;
    const char *root = request ? wire->request_root : wire->answer_root,
               *part = request ? wire->request_body : wire->answer_body;
    put_declaration(codec, writer);
    xml_open(writer, root);
    xml_put(writer, "\n");
    xml_open(writer, wire->head);
    put_record(codec, writer, head);
    xml_close(writer, wire->head);
    xml_put(writer, "\n");
    xml_open(writer, part);
    if (body != NULL)
        put_record(codec, writer, body);
    if (inside != NULL && wire->inquiry_output != NULL) {
        xml_open(writer, wire->inquiry_output);
        put_record(codec, writer, inside);
        xml_close(writer, wire->inquiry_output);
    }
    xml_close(writer, part);
    xml_put(writer, "\n");
    xml_close(writer, root);
}

long
soap_encode(const struct soap_codec *codec, bool request, const struct fep_record *head,
            const struct fep_record *body, const struct fep_record *inside, unsigned char **out,
            struct fep_error *error)
{
    const struct soap_wire *wire = &codec->wire;
    const char *operation = request ? wire->request_operation : wire->answer_operation,
               *argument = request ? wire->request_argument : wire->answer_argument;
    struct xml_writer writer = {.limit = codec->max_body};
    begin_envelope(codec, &writer);
    put_qualified(&writer, "<", wire->prefix, operation, "");
    put_namespace(&writer, wire->prefix, wire->namespace_name);
    xml_open(&writer, argument);
    xml_put(&writer, "<![CDATA["); /* every > of the data is escaped, so nothing inside ends it */
    put_document(codec, request, head, body, inside, &writer);
    xml_put(&writer, "]]>");
    xml_close(&writer, argument);
    put_qualified(&writer, "</", wire->prefix, operation, ">");
    end_envelope(codec, &writer);
    return finish(codec, &writer, out, error);
}

long
soap_encode_fault(const struct soap_codec *codec, const char *text, unsigned char **out,
                  struct fep_error *error)
{
    const struct soap_wire *wire = &codec->wire;
    struct xml_writer writer = {.limit = codec->max_body};
    begin_envelope(codec, &writer);
    put_qualified(&writer, "<", wire->envelope_prefix, "Fault", ">");
    put_qualified(&writer, "<faultcode>", wire->envelope_prefix, wire->fault_code, "</faultcode>");
    xml_put_element(&writer, "faultstring", (struct fep_bytes){(const unsigned char *)text, strlen(text)});
    put_qualified(&writer, "</", wire->envelope_prefix, "Fault", ">");
    end_envelope(codec, &writer);
    return finish(codec, &writer, out, error);
}

/* --- reading: envelope and document --- */

const xmlNode *
soap_find(const xmlNode *parent, const char *name)
{
    bool twice = false;
    const xmlNode *found = name != NULL ? xml_find_child(parent, name, &twice) : NULL;
    return twice ? NULL : found;
}

static int
unreadable(struct fep_error *error, const char *why)
{
    return set_error(error, FEP_REFUSED, 1001, "envelope: %s", why);
}

/* The header block of another specification that insists on being understood can not be passed over. */
static int
check_header(const struct soap_codec *codec, const xmlNode *header, struct fep_error *error)
{
    const char *space = codec->wire.envelope_namespace;
    for (xmlNode *block = xml_first_element(header); block != NULL; block = xml_next_element(block)) {
        xmlChar *must = xmlGetNsProp(block, (const xmlChar *)"mustUnderstand", (const xmlChar *)space);
        bool insists = must != NULL && strcmp((const char *)must, "1") == 0;
        xmlFree(must);
        if (insists)
            return unreadable(error, "a header block that must be understood");
    }
    return 0;
}

/* The one element in the envelope's body. */
static const xmlNode *
find_payload(const struct soap_codec *codec, const xmlDoc *document, struct fep_error *error)
{
    const char *space = codec->wire.envelope_namespace;
    const xmlNode *root = xmlDocGetRootElement(document), *payload;
    if (!xml_is(root, space, "Envelope")) {
        unreadable(error, "no Envelope");
        return NULL;
    }
    const xmlNode *part = xml_first_element(root);
    if (xml_is(part, space, "Header")) {
        if (check_header(codec, part, error) < 0)
            return NULL;
        part = xml_next_element(part);
    }
    payload = xml_is(part, space, "Body") ? xml_first_element(part) : NULL;
    if (payload == NULL || xml_next_element(payload) != NULL) {
        unreadable(error, "no Body with one element");
        return NULL;
    }
    return payload;
}

/* A child's text as a string; empty if there is none. */
static void
copy_child(const xmlNode *parent, const char *name, char *out, size_t out_size)
{
    const xmlNode *child = soap_find(parent, name);
    struct fep_bytes value = {NULL, 0};
    char *joined = NULL;
    if (child != NULL && xml_text(child, &value, &joined) == 0 && value.size > 0)
        copy_text(out, out_size, (const char *)value.data, value.size);
    xml_free_text(joined);
}

static int
read_fault(const xmlNode *payload, struct soap_document *document)
{
    char code[64] = "";
    copy_child(payload, "faultcode", code, sizeof code);
    copy_child(payload, "faultstring", document->fault_text, sizeof document->fault_text);
    const char *colon = strchr(code, ':'), *local = colon != NULL ? colon + 1 : code;
    snprintf(document->fault_code, sizeof document->fault_code, "%.*s", (int)strcspn(local, "."), local);
    document->is_fault = true;
    return 0;
}

static int
read_inner(struct soap_codec *codec, bool request, const xmlNode *payload, struct soap_document *document,
           struct fep_error *error)
{
    const struct soap_wire *wire = &codec->wire;
    const char *operation = request ? wire->request_operation : wire->answer_operation,
               *argument = request ? wire->request_argument : wire->answer_argument;
    const xmlNode *text_node = soap_find(payload, argument);
    struct fep_bytes text;
    char *joined = NULL;
    if (!xml_is(payload, wire->namespace_name, operation))
        return unreadable(error, "another operation");
    if (text_node == NULL)
        return unreadable(error, "not exactly one argument");
    int status = xml_text(text_node, &text, &joined);
    if (status < 0)
        unreadable(error, "the argument is no text");
    else if (text.size == 0)
        status = unreadable(error, "the argument is empty");
    else if ((document->inner = xml_parse((const char *)text.data, text.size, &codec->limits, error)) == NULL)
        status = -1;
    xml_free_text(joined);
    if (status < 0)
        return -1;
    const xmlNode *root = xmlDocGetRootElement(document->inner);
    document->head = soap_find(root, wire->head);
    document->body = soap_find(root, request ? wire->request_body : wire->answer_body);
    if (!xml_is(root, NULL, request ? wire->request_root : wire->answer_root) || document->head == NULL)
        return set_error(error, FEP_REFUSED, 1001, "the document has no %.40s with one %.40s",
                         request ? wire->request_root : wire->answer_root, wire->head);
    return 0;
}

int
soap_read(struct soap_codec *codec, bool request, const unsigned char *bytes, size_t size,
          struct soap_document *document, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    *document = (struct soap_document){0};
    if (size == 0 || size > codec->max_body)
        return set_error(error, FEP_REFUSED, 1001, "a body of %zu bytes; expected 1 to %zu", size,
                         codec->max_body);
    /* An illegal byte becomes three, U+FFFD; only free texts may hold one in the end. */
    size_t room = size * 3;
    char *text = malloc(room);
    if (text == NULL)
        return set_error(error, FEP_NOT_SENT, 9001, "no memory for a message of %zu bytes", size);
    int decoded = host->decode_text(host->self, bytes, size, true, text, room, error);
    if (decoded >= 0)
        document->outer = xml_parse(text, (size_t)decoded, &codec->limits, error);
    else if (error != NULL)
        error->code = 1001;
    explicit_bzero(text, decoded > 0 ? (size_t)decoded : 0);
    free(text);
    const xmlNode *payload =
        document->outer != NULL ? find_payload(codec, document->outer, error) : NULL;
    if (payload == NULL)
        return -1;
    if (!request && xml_is(payload, codec->wire.envelope_namespace, "Fault"))
        return read_fault(payload, document);
    return read_inner(codec, request, payload, document, error);
}

void
soap_release(struct soap_document *document)
{
    xmlFreeDoc(document->inner);
    xmlFreeDoc(document->outer);
    *document = (struct soap_document){0};
}

/* --- reading: fields --- */

static int
name_place(struct fep_error *error, const char *layout, const char *field, size_t row)
{
    char text[FEP_ERROR_TEXT];
    if (error == NULL)
        return -1;
    if (row > 0)
        snprintf(text, sizeof text, "%.40s line %zu %.40s: %.300s", layout, row, field, error->text);
    else
        snprintf(text, sizeof text, "%.40s %.40s: %.300s", layout, field, error->text);
    memcpy(error->text, text, sizeof error->text);
    return -1;
}

/* Bytes of the text in the wire's charset; a reference counts as the two bytes a character usually takes. */
static size_t
wire_length(const struct soap_codec *codec, const char *text, size_t size)
{
    size_t ascii = 0, characters = 0;
    if (codec->scheme == SCHEME_UTF8)
        return size;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        ascii += c < 0x80;
        characters += (c & 0xC0) != 0x80;
    }
    return ascii + (characters - ascii) * 2;
}

static int
check_decimal(const struct soap_codec *codec, const struct fep_field *field, const char *value, size_t size,
              struct fep_error *error)
{
    bool negative;
    char digits[24];
    bool loose = list_has(codec->wire.loose_decimals, field->name, strlen(field->name));
    bool good = loose ? parse_decimal(value, size, field->scale, &negative, digits) >= 0
                      : is_strict_decimal(value, size, field->scale);
    if (field->type == FEP_FIELD_RATIO)
        good = good && value[0] != '-' && value[0] <= '1' && value[1] == '.';
    if (!good)
        return set_error(error, FEP_REFUSED, 1003, "expected %s with %s%u decimals",
                         field->type == FEP_FIELD_RATIO ? "a ratio" : "a number", loose ? "at most " : "",
                         field->scale);
    size_t positions = size - (value[0] == '-') - (memchr(value, '.', size) != NULL) + 1;
    if (field->type == FEP_FIELD_DECIMAL && field->length > 0 && positions > field->length)
        return set_error(error, FEP_REFUSED, 1003, "too large for %u positions", field->length);
    return 0;
}

/* `strict` is for requests: what a caller sends is refused to the letter, what answers us is taken if it means one
 * thing only. */
static int
check_value(const struct soap_codec *codec, const struct fep_field *field, const char *value, size_t size,
            bool strict, struct fep_error *error)
{
    if (size == 0)
        return strict && (field->flags & FEP_FIELD_REQUIRED) != 0
                   ? set_error(error, FEP_REFUSED, 1003, "empty")
                   : 0;
    switch (field->type) {
    case FEP_FIELD_DIGITS:
        if (!is_all_digits(value, size) || size > 18 || (field->length > 0 && size != field->length))
            return set_error(error, FEP_REFUSED, 1003, "expected %u digits", field->length);
        return 0;
    case FEP_FIELD_DECIMAL:
    case FEP_FIELD_RATIO:
        return check_decimal(codec, field, value, size, error);
    default:
        if (strict && field->length > 0 && size > field->length &&
            wire_length(codec, value, size) > field->length)
            return set_error(error, FEP_REFUSED, 1003, "longer than %u bytes", field->length);
        return 0;
    }
}

static bool
holds_replacement(struct fep_bytes text)
{
    return text.size > 0 && memmem(text.data, text.size, "\xEF\xBF\xBD", 3) != NULL;
}

/* A value, folded where it is structure. Returns its size in *out (which points into the document or into `folded`). */
static int
read_value(struct soap_codec *codec, const struct fep_field *field, struct fep_bytes text, bool strict,
           char folded[MAX_CODE], const char **out, struct fep_error *error)
{
    *out = (const char *)text.data;
    size_t size = text.size;
    if (field->type == FEP_FIELD_TEXT) {
        codec->illegal_texts += holds_replacement(text);
    } else if (size > 0) {
        if (holds_replacement(text))
            return set_error(error, FEP_REFUSED, 1001, "illegal bytes");
        if (size > MAX_CODE)
            return set_error(error, FEP_REFUSED, 1003, "%zu bytes; at most %d", size, MAX_CODE);
        memcpy(folded, text.data, size);
        struct text_view view = trim_text(folded, fold_full_width(folded, size));
        *out = view.data;
        size = view.size;
    }
    return check_value(codec, field, *out, size, strict, error) < 0 ? -1 : (int)size;
}

/* Where a record's fields are read into, and what was there already. */
struct reading {
    struct soap_codec *codec;
    struct fep_record *record;
    const struct fep_layout *layout;
    bool strict;
    size_t row; /* from 1; 0: plain fields */
    struct fep_error *error;
};

static const struct fep_field *
fields_of(const struct reading *reading, size_t *count)
{
    *count = reading->row > 0 ? reading->layout->group_field_count : reading->layout->field_count;
    return reading->row > 0 ? reading->layout->group_fields : reading->layout->fields;
}

static struct fep_bytes
value_of(const struct reading *reading, size_t index)
{
    const struct fep_host *host = reading->codec->host;
    return reading->row > 0 ? host->record_get_in_row(reading->record, reading->row - 1, index)
                            : host->record_get(reading->record, index);
}

/* The field of that name, looked for from `from` on: senders keep the order of their tables. */
static size_t
find_from(const struct fep_field *fields, size_t count, size_t from, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = from + i < count ? from + i : from + i - count;
        if (strcmp(fields[at].name, name) == 0)
            return at;
    }
    return count;
}

static int
take_field(struct reading *reading, const xmlNode *element, size_t index)
{
    const struct fep_host *host = reading->codec->host;
    size_t count;
    const struct fep_field *field = &fields_of(reading, &count)[index];
    struct fep_bytes text;
    char *joined, folded[MAX_CODE];
    const char *value;
    int size = -1;
    if (value_of(reading, index).data != NULL)
        set_error(reading->error, FEP_REFUSED, 1003, "it stands there twice");
    else if (xml_text(element, &text, &joined) < 0)
        set_error(reading->error, FEP_REFUSED, 1001, "expected a text");
    else {
        size = read_value(reading->codec, field, text, reading->strict, folded, &value, reading->error);
        if (size >= 0) {
            int set = reading->row > 0
                          ? host->record_set_in_row(reading->record, reading->row - 1, index,
                                                    size > 0 ? value : "", (size_t)size)
                          : host->record_set(reading->record, index, size > 0 ? value : "", (size_t)size);
            if (set < 0)
                size = set_error(reading->error, FEP_NOT_SENT, 9001, "no memory");
        }
        xml_free_text(joined);
    }
    return size < 0 ? name_place(reading->error, reading->layout->name, field->name, reading->row) : 0;
}

/* Fields that are missing altogether. */
static int
check_missing(const struct reading *reading)
{
    size_t count;
    const struct fep_field *fields = fields_of(reading, &count);
    for (size_t i = 0; i < count; i++) {
        if (value_of(reading, i).size == 0 &&
            check_value(reading->codec, &fields[i], "", 0, reading->strict, reading->error) < 0)
            return name_place(reading->error, reading->layout->name, fields[i].name, reading->row);
    }
    return 0;
}

static int
take_fields(struct reading *reading, const xmlNode *parent)
{
    size_t count, next = 0;
    const struct fep_field *fields = fields_of(reading, &count);
    for (xmlNode *child = xml_first_element(parent); child != NULL; child = xml_next_element(child)) {
        const char *name = (const char *)child->name;
        size_t index = find_from(fields, count, next, name);
        if (index == count) /* unknown elements are passed over */
            continue;
        if (take_field(reading, child, index) < 0)
            return -1;
        next = index + 1 < count ? index + 1 : 0;
    }
    return 0;
}

static int
take_rows(struct reading *reading, const xmlNode *parent)
{
    const struct fep_host *host = reading->codec->host;
    const struct fep_layout *layout = reading->layout;
    bool twice = false;
    const xmlNode *group =
        layout->group_name != NULL ? xml_find_child(parent, layout->group_name, &twice) : NULL;
    if (twice)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s: %.40s stands there twice", layout->name,
                         layout->group_name);
    for (xmlNode *row = xml_first_element(group); row != NULL; row = xml_next_element(row)) {
        if (!xml_is(row, NULL, reading->codec->wire.row))
            continue;
        if (host->record_add_row(reading->record) < 0)
            return set_error(reading->error, FEP_REFUSED, 2204, "%.40s: more than %zu lines", layout->name,
                             layout->group_max_rows);
        reading->row++;
        if (take_fields(reading, row) < 0 || check_missing(reading) < 0)
            return -1;
    }
    reading->row = 0;
    return 0;
}

static int
check_rows(const struct reading *reading, const char *transaction)
{
    const struct soap_wire *wire = &reading->codec->wire;
    const struct fep_host *host = reading->codec->host;
    const struct fep_layout *layout = reading->layout;
    if (layout->group_name == NULL)
        return 0;
    size_t rows = host->record_rows(reading->record);
    int field = find_field(layout, wire->row_count);
    struct fep_bytes said = field >= 0 ? host->record_get(reading->record, (size_t)field) : (struct fep_bytes){0};
    char number[24] = "";
    snprintf(number, sizeof number, "%.*s", (int)(said.size < 20 ? said.size : 20),
             said.size > 0 ? (const char *)said.data : "");
    if (rows == 0 && reading->strict && list_has(wire->rows_needed, transaction, strlen(transaction)))
        return set_error(reading->error, FEP_REFUSED, 2204, "%.40s: no lines", layout->name);
    if (said.size == 0 && field >= 0 && reading->strict)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s %.40s: empty", layout->name,
                         wire->row_count);
    if (said.size > 0 && strtoull(number, NULL, 10) != rows)
        return set_error(reading->error, FEP_REFUSED, 1003, "%.40s %.40s says %s, there are %zu lines",
                         layout->name, wire->row_count, number, rows);
    return 0;
}

static struct fep_record *
new_record(const struct soap_codec *codec, const char *name, struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *record = host->create_record(host->self, name);
    if (record == NULL)
        set_error(error, FEP_REFUSED, 1002, "no layout %.40s, or no memory", name);
    return record;
}

struct fep_record *
soap_decode_head(struct soap_codec *codec, bool request, const struct soap_document *document,
                 struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    struct fep_record *record = new_record(codec, request ? "head-Q" : "head-R", error);
    if (record == NULL)
        return NULL;
    struct reading reading = {.codec = codec,
                              .record = record,
                              .layout = host->record_layout(record),
                              .strict = request,
                              .error = error};
    if (take_fields(&reading, document->head) == 0 && check_missing(&reading) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

struct fep_record *
soap_decode_body(struct soap_codec *codec, bool request, const char *transaction, const xmlNode *element,
                 struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    char name[SOAP_NAME_SIZE + 4];
    snprintf(name, sizeof name, "%.15s-%s", transaction, request ? "Q" : "R");
    struct fep_record *record = new_record(codec, name, error);
    if (record == NULL)
        return NULL;
    struct reading reading = {.codec = codec,
                              .record = record,
                              .layout = host->record_layout(record),
                              .strict = request,
                              .error = error};
    if (take_fields(&reading, element) == 0 && check_missing(&reading) == 0 && take_rows(&reading, element) == 0 &&
        check_rows(&reading, transaction) == 0)
        return record;
    host->release_record(host->self, record);
    return NULL;
}

int
soap_peek(const struct soap_document *document, const char *field, char *out, size_t out_size)
{
    const xmlNode *element = soap_find(document->head, field);
    struct fep_bytes text = {NULL, 0};
    char *joined = NULL;
    int size = 0;
    out[0] = '\0';
    if (element == NULL)
        return 0;
    if (xml_text(element, &text, &joined) < 0 || text.size >= out_size * 3 || holds_replacement(text)) {
        size = -1;
    } else if (text.size > 0) {
        char folded[MAX_CODE];
        size_t copied = text.size < sizeof folded ? text.size : sizeof folded;
        memcpy(folded, text.data, copied);
        struct text_view view = trim_text(folded, fold_full_width(folded, copied));
        size = view.size < out_size ? (int)view.size : -1;
        if (size > 0)
            memcpy(out, view.data, (size_t)size);
        out[size > 0 ? size : 0] = '\0';
    }
    xml_free_text(joined);
    return size;
}
