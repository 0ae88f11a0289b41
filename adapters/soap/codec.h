/* Envelopes with a document inside <-> records under the layouts of a mapping file. No name on the wire
 * stands in C: all come from the mapping's group `wire` and its layouts. Pure but for the host's record and
 * charset services. Host's thread only. */
#ifndef FEP_SOAP_CODEC_H
#define FEP_SOAP_CODEC_H

#include "text.h"
#include "xml.h"

enum { SOAP_NAME_SIZE = 16, SOAP_SERIAL_SIZE = 32 }; /* transactions; serials, which are msgids too */

struct soap_wire { /* facts of the mapping file; see README.md */
    const char *path, *content_type, *media_type, *charsets, *soap_action;
    const char *xml_encoding, *envelope_namespace, *envelope_prefix, *namespace_name, *prefix;
    const char *request_operation, *request_argument, *answer_operation, *answer_argument;
    const char *request_root, *request_body, *answer_root, *answer_body, *head, *row, *row_count;
    const char *fault_code;
    const char *rows_needed, *loose_decimals, *number_limits;
    const char *transaction_field, *serial_field, *original_transaction_field, *original_serial_field;
    const char *time_field, *grant_field, *status_field, *return_field, *text_field, *reference_field;
    const char *good, *status_good, *status_refused, *status_unknown, *posting;
    const char *node, *grant_out, *grant_in, *head_constants, *serial_form, *reference_prefix;
    const char *inquiry_output, *inquiry_reference, *inquiry_status, *inquiry_return, *reversal_reference;
    const char *echo, *echo_field, *echo_clock, *echo_constants, *answer_repeats, *new_connection_is_new;
    const char *own_serials;
    const char *lookup_for, *lookup, *lookup_request, *lookup_row_field, *lookup_order, *lookup_take;
};

struct soap_codec {
    const struct fep_host *host;
    struct soap_wire wire;
    struct xml_limits limits;
    size_t max_body;
    enum charset_scheme scheme;
    unsigned illegal_texts; /* free texts with illegal bytes so far */
};

/* Finds what `wire` names. 0, or negative with the error saying what is missing. */
int soap_codec_open(struct soap_codec *codec, const struct fep_host *host, struct fep_error *error);

/* --- writing; *out is allocated and the caller's to free. The size, or -1 with the error. */

/* A request or an answer: envelope, document, head, body. `body` NULL: an empty one. `inside` (answers, may
 * be NULL): a second record, whose fields follow those of the body within the element wire.inquiry_output. */
long soap_encode(const struct soap_codec *codec, bool request, const struct fep_record *head,
                 const struct fep_record *body, const struct fep_record *inside, unsigned char **out,
                 struct fep_error *error);
/* A Fault that says that a request could not be read. */
long soap_encode_fault(const struct soap_codec *codec, const char *text, unsigned char **out,
                       struct fep_error *error);

/* --- reading --- */

struct soap_document {
    xmlDoc *outer, *inner;
    const xmlNode *head, *body; /* elements of the inner document; body may be NULL */
    bool is_fault;              /* an answer: a Fault, nothing of the above */
    char fault_code[24];        /* Client, Server ..., without prefix and subdivision */
    char fault_text[128];
};

/* Wire bytes -> documents. Negative with the error (code 1001): no envelope, no document in it. Release it in
 * any case. */
int soap_read(struct soap_codec *codec, bool request, const unsigned char *bytes, size_t size,
              struct soap_document *document, struct fep_error *error);
void soap_release(struct soap_document *document);

/* A field of the head as a string, folded; its size, 0 if it is missing, -1 if it does not fit or is no text.
 */
int soap_peek(const struct soap_document *document, const char *field, char *out, size_t out_size);
/* Head and body as records; NULL with the error naming the field, never its value. A request is checked to
 * the letter of its layout, an answer only in its numbers. `element` NULL: empty. */
struct fep_record *soap_decode_head(struct soap_codec *codec, bool request,
                                    const struct soap_document *document, struct fep_error *error);
struct fep_record *soap_decode_body(struct soap_codec *codec, bool request, const char *transaction,
                                    const xmlNode *element, struct fep_error *error);
/* The child element of that name, NULL if there is none or several. */
const xmlNode *soap_find(const xmlNode *parent, const char *name);

/* One word of wire.number_limits: "TRANSACTION:FIELD=LEAST-MOST". */
struct soap_limit {
    char transaction[SOAP_NAME_SIZE], field[64];
    unsigned long long least, most;
};
bool soap_read_limit(const char *word, size_t size, struct soap_limit *limit); /* false: it is none */

/* The value of WORD in "WORD:VALUE ..." into out; false if it is not there. */
bool soap_list_value(const char *list, const char *word, char *out, size_t out_size);

#endif
