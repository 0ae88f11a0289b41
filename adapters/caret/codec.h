/* The bytes of the caret family: one line per message, a list of head fields, a list of body fields and records, marks
 * between them. Which bytes the marks are, whether they close fields or stand between them, and where the body and its
 * records stand, are facts of the mapping file. Splits by characters, never by bytes. Pure but for the host's record and
 * charset services. Host's thread only. */
#ifndef FEP_CARET_CODEC_H
#define FEP_CARET_CODEC_H

#include <fep/adapter.h>

#include "text.h"

enum { CARET_MAX_VALUE = 4096, CARET_SCRATCH = 4 * CARET_MAX_VALUE };

enum caret_decimals {
    DECIMALS_EXACT = 1, /* 12.30, to the digit */
    DECIMALS_LOOSE,     /* 12.3 and 012.30 are read too */
    DECIMALS_IMPLIED    /* 1230: in the smallest unit, without a point */
};

struct caret_codec {
    const struct fep_host *host;
    enum charset_scheme scheme;
    enum caret_decimals decimals;
    unsigned char field_mark, body_mark, record_mark, record_field_mark;
    char marks[5];            /* all of them: what data must not hold */
    bool closed;              /* a mark closes each field; else it stands between two */
    bool flat;                /* the body's fields follow the head's in one list; else they stand in a field of the head */
    bool packed;              /* records stand in one field, with marks between them; else each is opened by a mark */
    bool lf;                  /* a line ends with LF; else with CR LF */
    const char *replacement;  /* what a mark in data becomes; NULL: its full-width form */
    const char *empty;        /* the text that stands for an empty field; NULL: nothing does */
    size_t max_line;          /* bytes, line end included */
    size_t request_min_fields, answer_min_fields;
    size_t request_body, answer_body; /* place of the body among the head's fields; SIZE_MAX: behind them */
    const char *counts;       /* "LAYOUT:FIELD …": fields that hold the number of records */
    unsigned illegal_texts;   /* free texts with illegal bytes so far */
};

/* 0, or negative with the error saying what the mapping lacks. */
int caret_codec_open(struct caret_codec *codec, const struct fep_host *host, struct fep_error *error);

/* Where a line ends: the offset behind its end, 0 if it is not complete, or SIZE_MAX if it can not become one (longer than
 * max_line, or a lone CR or LF). `from` is where an earlier search of the same bytes stopped. */
size_t caret_find_line(const struct caret_codec *codec, const unsigned char *data, size_t size, size_t from);
/* Bytes of a line's end. */
size_t caret_line_end(const struct caret_codec *codec);

/* A list of fields, one after the other. */
struct caret_list {
    const unsigned char *data;
    size_t size, at;
    unsigned char mark;
    bool over; /* the last field was not followed by a mark */
};
/* The next field; false at the end. list->at is then where it stopped: what is left there is not closed. */
bool caret_next_field(const struct caret_codec *codec, struct caret_list *list, struct fep_bytes *field);

/* Reads the head of a line (without its end) under "head-Q" or "head-R"; *body points into the line. NULL with the error;
 * error->code is canonical: 1001 unreadable, 1003 a field is not what it must be. */
struct fep_record *caret_decode_head(struct caret_codec *codec, bool request, const unsigned char *line, size_t size,
                                     struct fep_bytes *body, struct fep_error *error);
/* Only splits the head and reads field `index` as a code of at most out_size - 1 bytes: what can be said about a line
 * that can not be read as a whole. Negative if it is not there. */
int caret_peek_field(struct caret_codec *codec, const unsigned char *line, size_t size, size_t index, char *out,
                     size_t out_size);
/* Reads a body under a layout. NULL with the error, code 1001, 1003 or 2204. With `rest` the layout's plain fields are
 * only the beginning of the list: what follows them is handed on. */
struct fep_record *caret_decode_body(struct caret_codec *codec, const char *layout_name, struct fep_bytes body,
                                     struct fep_bytes *rest, struct fep_error *error);
/* Nothing but marks and blanks. */
bool caret_is_blank(const struct caret_codec *codec, struct fep_bytes body);

/* Writes a whole line, its end included; the head's layout says whether it is a request or an answer; body may be NULL;
 * `more`, if not NULL, is a second body whose fields follow the first one's. Returns its size, or -1 with the error naming
 * the field. `out` must hold max_line bytes. */
long caret_encode_line(struct caret_codec *codec, const struct fep_record *head, const struct fep_record *body,
                       const struct fep_record *more, unsigned char *out, struct fep_error *error);

/* --- between the parts --- */

/* The field of this layout that holds the number of records, or -1. */
int caret_count_field(const struct caret_codec *codec, const struct fep_layout *layout);
/* Says in the error which field it is about; always -1. */
int caret_name_place(struct fep_error *error, const char *layout, const char *field, size_t row, size_t position);

#endif
