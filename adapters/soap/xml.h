/* XML as this family uses it: documents of elements and text, in UTF-8. Reads with libxml2 behind limits of
 * its own, writes by hand. Host's thread only. */
#ifndef FEP_SOAP_XML_H
#define FEP_SOAP_XML_H

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include <fep/adapter.h>

struct xml_limits {
    size_t max_depth, max_name, max_elements;
};

/* Once per process, before anything is parsed. */
void xml_begin(void);
/* UTF-8 text -> document. NULL with the error (code 1001): not well formed, a DOCTYPE, or beyond the limits.
 * What it declares about its charset does not count. */
xmlDoc *xml_parse(const char *text, size_t size, const struct xml_limits *limits, struct fep_error *error);

/* Elements. `space` NULL: in any namespace or none. */
bool xml_is(const xmlNode *node, const char *space, const char *name);
xmlNode *xml_first_element(const xmlNode *parent);
xmlNode *xml_next_element(const xmlNode *node);
/* The only child element of that name, NULL if there is none; *twice is set if there are several. */
xmlNode *xml_find_child(const xmlNode *parent, const char *name, bool *twice);

/* The text of an element, trimmed, borrowed while the document lives and is not changed. Text, CDATA and
 * character references count; comments do not. Negative: there are elements inside. `joined` (never NULL)
 * must be given to xml_free_text afterwards. */
int xml_text(const xmlNode *element, struct fep_bytes *text, char **joined);
void xml_free_text(char *joined);

/* A text that grows, up to `limit` bytes. What fails once stays failed. */
struct xml_writer {
    char *data;
    size_t size, room, limit;
    bool failed;
    size_t rows; /* lines written whole */
};
void xml_put(struct xml_writer *writer, const char *text);
void xml_put_bytes(struct xml_writer *writer, const char *text, size_t size);
void xml_open(struct xml_writer *writer, const char *name);
void xml_close(struct xml_writer *writer, const char *name);
/* <name>text</name>, escaped; control characters other than LF and TAB are left out. */
void xml_put_element(struct xml_writer *writer, const char *name, struct fep_bytes text);
void xml_free(struct xml_writer *writer);

#endif
