/* Records -> envelopes. Must never write a byte that a strict reader of this family could take for something
 * else: marks are escaped, control characters left out, what the charset can not hold becomes a reference.
 * Fails with the size or the character that does not go. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static bool
is_row_count(const struct soap_codec *codec, const struct fep_layout *layout, const char *field)
{
    return layout->group_name != NULL && codec->wire.row_count != NULL &&
           strcmp(field, codec->wire.row_count) == 0;
}

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
        writer->rows += !writer->failed;
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

/* The text in the wire's charset. What the charset can not hold becomes a reference inside the inner
 * document, if the mapping says so: the envelope itself is ASCII. */
static long
finish(const struct soap_codec *codec, struct xml_writer *writer, unsigned char **out,
       struct fep_error *error)
{
    const struct fep_host *host = codec->host;
    *out = NULL;
    if (writer->failed && writer->rows > 0) {
        size_t rows = writer->rows;
        xml_free(writer);
        return set_error(error, FEP_REFUSED, 2204,
                         "a message that is larger than %zu bytes: %zu lines fit, and nothing took effect",
                         codec->max_body, rows);
    }
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
