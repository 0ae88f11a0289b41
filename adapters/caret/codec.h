/* The bytes of the caret family: one line per message, head fields closed by `^`, body fields closed by `|`, records
 * opened by `$`. Splits by characters, never by bytes. Pure but for the host's record and charset services. Host's
 * thread only. */
#ifndef FEP_CARET_CODEC_H
#define FEP_CARET_CODEC_H

#include <fep/adapter.h>

#include "text.h"

struct caret_codec {
    const struct fep_host *host;
    enum charset_scheme scheme;
    size_t max_line;             /* bytes, CR LF included */
    size_t request_min_fields, answer_min_fields;
    size_t request_body, answer_body; /* place of the body among the head's fields */
    const char *counts;          /* "LAYOUT:FIELD …": fields that hold the number of records */
    unsigned illegal_texts;      /* free texts with illegal bytes so far */
};

/* 0, or negative with the error saying what the mapping lacks. */
int caret_codec_open(struct caret_codec *codec, const struct fep_host *host, struct fep_error *error);

/* Where a line ends: the offset behind CR LF, 0 if it is not complete, or SIZE_MAX if it can not become one (longer than
 * max_line, or a lone CR or LF). `from` is where an earlier search of the same bytes stopped. */
size_t caret_find_line(const struct caret_codec *codec, const unsigned char *data, size_t size, size_t from);

/* Reads the head of a line (without CR LF) under "head-Q" or "head-R"; *body points into the line. NULL with the error;
 * error->code is canonical: 1001 unreadable, 1003 a field is not what it must be. */
struct fep_record *caret_decode_head(struct caret_codec *codec, bool request, const unsigned char *line, size_t size,
                                     struct fep_bytes *body, struct fep_error *error);
/* Only splits the head and reads field `index` as a code of at most out_size - 1 bytes: what can be said about a line
 * that can not be read as a whole. Negative if it is not there. */
int caret_peek_field(struct caret_codec *codec, const unsigned char *line, size_t size, size_t index, char *out,
                     size_t out_size);
/* Reads a body under a layout. NULL with the error, code 1001, 1003 or 2204. */
struct fep_record *caret_decode_body(struct caret_codec *codec, const char *layout_name, struct fep_bytes body,
                                     struct fep_error *error);

/* Writes a whole line, CR LF included; the head's layout says whether it is a request or an answer; body may be NULL.
 * Returns its size, or -1 with the error naming the field. `out` must hold max_line bytes. */
long caret_encode_line(struct caret_codec *codec, const struct fep_record *head, const struct fep_record *body,
                       unsigned char *out, struct fep_error *error);

#endif
