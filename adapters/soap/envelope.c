/* Wire bytes -> envelope -> inner document. Must never decode the inner document a second time, whatever
 * charset it declares, and never pass over a header block that insists on being understood. Fails with code
 * 1001. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

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
    const xmlNode *payload = document->outer != NULL ? find_payload(codec, document->outer, error) : NULL;
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
