/* Reading and writing XML.
 *
 * Must never open a file or a connection, expand an entity, or take memory or time out of proportion: a scan
 * over the text refuses declarations of document types, depth, long names and long tags before libxml2 sees a
 * byte. (An element of four bytes becomes a node of 120, and the attributes of one tag are compared each with
 * each: the size of the text alone bounds neither.) Fails with code 1001. */
#include "xml.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "wire.h"

enum { MAX_TAG = 4096 };

void
xml_begin(void)
{
    xmlInitParser();
}

static int
refuse(struct fep_error *error, const char *why)
{
    return set_error(error, FEP_REFUSED, 1001, "XML: %s", why);
}

/* --- the scan --- */

struct scan {
    const char *at, *end;
    size_t depth, elements;
    const struct xml_limits *limits;
    struct fep_error *error;
};

static bool
looking_at(const struct scan *scan, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(scan->end - scan->at) >= size && memcmp(scan->at, text, size) == 0;
}

/* Behind the next `mark`. */
static int
skip_to(struct scan *scan, const char *mark)
{
    size_t size = strlen(mark);
    const char *found = memmem(scan->at, (size_t)(scan->end - scan->at), mark, size);
    if (found == NULL)
        return refuse(scan->error, "it breaks off");
    scan->at = found + size;
    return 0;
}

/* Behind the tag that begins here; quotes may hold any sign but `<`. */
static int
skip_tag(struct scan *scan, bool *empty)
{
    const char *begin = scan->at;
    char quote = '\0';
    for (; scan->at < scan->end; scan->at++) {
        char c = *scan->at;
        if (scan->at - begin > MAX_TAG)
            return refuse(scan->error, "a tag that is longer than allowed");
        if (quote != '\0') {
            if (c == quote)
                quote = '\0';
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            *empty = scan->at[-1] == '/';
            scan->at++;
            return 0;
        }
    }
    return refuse(scan->error, "it breaks off");
}

static int
scan_tag(struct scan *scan)
{
    const struct xml_limits *limits = scan->limits;
    const char *name = scan->at + 1;
    bool ends = name < scan->end && *name == '/', empty = false;
    size_t size = 0;
    for (name += ends; name + size < scan->end && strchr(" \t\r\n/>", name[size]) == NULL; size++) {
        if (size >= limits->max_name)
            return refuse(scan->error, "a name that is longer than allowed");
    }
    if (memmem(name, size, "\xEF\xBF\xBD", 3) !=
        NULL) /* what was a broken byte must not become another name */
        return refuse(scan->error, "illegal bytes in a name");
    if (skip_tag(scan, &empty) < 0)
        return -1;
    if (ends) {
        scan->depth -= scan->depth > 0;
        return 0;
    }
    if (++scan->elements > limits->max_elements)
        return refuse(scan->error, "more elements than allowed");
    if (scan->depth + 1 > limits->max_depth)
        return refuse(scan->error, "deeper than allowed");
    scan->depth += !empty;
    return 0;
}

static int
scan_text(const char *text, size_t size, const struct xml_limits *limits, struct fep_error *error)
{
    struct scan scan = {.at = text, .end = text + size, .limits = limits, .error = error};
    if (memchr(text, '\0', size) != NULL)
        return refuse(error, "a NUL inside");
    while (scan.at < scan.end && (scan.at = memchr(scan.at, '<', (size_t)(scan.end - scan.at))) != NULL) {
        int status;
        if (looking_at(&scan, "<![CDATA["))
            status = skip_to(&scan, "]]>");
        else if (looking_at(&scan, "<!--"))
            status = skip_to(&scan, "-->");
        else if (looking_at(&scan, "<?"))
            status = skip_to(&scan, "?>");
        else if (looking_at(&scan, "<!"))
            status = refuse(error, "a document type is not allowed");
        else
            status = scan_tag(&scan);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* --- parsing --- */

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

xmlDoc *
xml_parse(const char *text, size_t size, const struct xml_limits *limits, struct fep_error *error)
{
    while (size > 0 && is_blank(text[0])) { /* blanks before a declaration are an error to XML */
        text++;
        size--;
    }
    if (size == 0 || size > INT32_MAX) {
        refuse(error, "no document");
        return NULL;
    }
    if (scan_text(text, size, limits, error) < 0)
        return NULL;
    /* The encoding given here wins over the one declared: the bytes were decoded already. */
    xmlDoc *document =
        xmlReadMemory(text, (int)size, NULL, "UTF-8",
                      XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (document == NULL || xmlDocGetRootElement(document) == NULL || xmlGetIntSubset(document) != NULL) {
        xmlFreeDoc(document);
        refuse(error, "not well formed");
        return NULL;
    }
    return document;
}

bool
xml_is(const xmlNode *node, const char *space, const char *name)
{
    if (node == NULL || node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0)
        return false;
    return space == NULL || (node->ns != NULL && strcmp((const char *)node->ns->href, space) == 0);
}

static xmlNode *
element_from(xmlNode *node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

xmlNode *
xml_first_element(const xmlNode *parent)
{
    return parent != NULL ? element_from(parent->children) : NULL;
}

xmlNode *
xml_next_element(const xmlNode *node)
{
    return element_from(node->next);
}

xmlNode *
xml_find_child(const xmlNode *parent, const char *name, bool *twice)
{
    xmlNode *found = NULL;
    for (xmlNode *child = xml_first_element(parent); child != NULL; child = xml_next_element(child)) {
        if (!xml_is(child, NULL, name))
            continue;
        if (found != NULL)
            *twice = true;
        else
            found = child;
    }
    return found;
}

static struct fep_bytes
trim(const char *text)
{
    size_t size = strlen(text);
    while (size > 0 && is_blank(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    return (struct fep_bytes){(const unsigned char *)text, size};
}

static bool
is_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

int
xml_text(const xmlNode *element, struct fep_bytes *text, char **joined)
{
    const xmlNode *only = NULL;
    size_t size = 0, pieces = 0;
    *joined = NULL;
    *text = (struct fep_bytes){NULL, 0};
    for (const xmlNode *child = element->children; child != NULL; child = child->next) {
        if (is_text(child)) {
            only = child;
            pieces++;
            size += child->content != NULL ? strlen((const char *)child->content) : 0;
        } else if (child->type != XML_COMMENT_NODE && child->type != XML_PI_NODE) {
            return -1;
        }
    }
    if (pieces == 1 && only->content != NULL)
        *text = trim((const char *)only->content);
    if (pieces <= 1)
        return 0;
    char *out = *joined = malloc(size + 1);
    if (out == NULL)
        return -1;
    for (const xmlNode *child = element->children; child != NULL; child = child->next) {
        if (is_text(child) && child->content != NULL)
            out = stpcpy(out, (const char *)child->content);
    }
    *out = '\0';
    *text = trim(*joined);
    return 0;
}

void
xml_free_text(char *joined)
{
    free(joined);
}

/* --- writing --- */

void
xml_put_bytes(struct xml_writer *writer, const char *text, size_t size)
{
    if (writer->failed || size > writer->limit - writer->size) {
        writer->failed = true;
        return;
    }
    if (writer->size + size > writer->room) {
        size_t room = writer->room == 0 ? 4096 : writer->room * 2;
        while (room < writer->size + size)
            room *= 2;
        char *more = realloc(writer->data, room);
        if (more == NULL) {
            writer->failed = true;
            return;
        }
        writer->data = more;
        writer->room = room;
    }
    if (size > 0)
        memcpy(writer->data + writer->size, text, size);
    writer->size += size;
}

void
xml_put(struct xml_writer *writer, const char *text)
{
    xml_put_bytes(writer, text, strlen(text));
}

void
xml_open(struct xml_writer *writer, const char *name)
{
    xml_put_bytes(writer, "<", 1);
    xml_put(writer, name);
    xml_put_bytes(writer, ">", 1);
}

void
xml_close(struct xml_writer *writer, const char *name)
{
    xml_put_bytes(writer, "</", 2);
    xml_put(writer, name);
    xml_put_bytes(writer, ">", 1);
}

/* What the character at `at` becomes: NULL as it is, else the text to write. *size: its bytes. */
static const char *
replacement(const unsigned char *at, size_t rest, size_t *size)
{
    *size = 1;
    switch (at[0]) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\t':
    case '\n':
        return NULL;
    case 0xC2: /* U+0080..U+009F: control characters as well */
        if (rest > 1 && at[1] < 0xA0) {
            *size = 2;
            return "";
        }
        return NULL;
    case 0xEF: /* U+FFFE and U+FFFF are no characters */
        if (rest > 2 && at[1] == 0xBF && (at[2] == 0xBE || at[2] == 0xBF)) {
            *size = 3;
            return "";
        }
        return NULL;
    default:
        return at[0] < 0x20 || at[0] == 0x7F ? "" : NULL;
    }
}

void
xml_put_element(struct xml_writer *writer, const char *name, struct fep_bytes text)
{
    size_t from = 0, at = 0;
    xml_open(writer, name);
    while (at < text.size) {
        size_t size;
        const char *instead = replacement(text.data + at, text.size - at, &size);
        if (instead != NULL) {
            xml_put_bytes(writer, (const char *)text.data + from, at - from);
            xml_put(writer, instead);
            from = at + size;
        }
        at += size;
    }
    if (at > from)
        xml_put_bytes(writer, (const char *)text.data + from, at - from);
    xml_close(writer, name);
}

void
xml_free(struct xml_writer *writer)
{
    if (writer->data != NULL)
        explicit_bzero(writer->data, writer->size);
    free(writer->data);
    writer->data = NULL;
    writer->size = writer->room = 0;
}
