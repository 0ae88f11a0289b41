/* The bytes of a fixed-width family: records under the layouts of a mapping file, framed by a length, sealed by CRC-32.
 * Pure but for the host's record and charset services. Host's thread only. */
#ifndef FEP_FIXED_CODEC_H
#define FEP_FIXED_CODEC_H

#include <fep/adapter.h>

#include "crc.h"
#include "text.h"

#define FIXED_MAX_RECORD (1u << 20)

struct fixed_codec {
    const struct fep_host *host;
    enum charset_scheme scheme;
    const struct fep_layout *head_q, *head_r; /* same sizes */
    size_t head_size;
    size_t max_record, length_digits;
    size_t mac_offset;   /* in the head; 8 bytes; SIZE_MAX: no seal */
    size_t count_field;  /* head field with the number of rows; SIZE_MAX: none */
    unsigned illegal_texts; /* free texts with illegal bytes so far */
};

/* Finds heads and the names that `wire` gives. 0, or negative with the error saying what is missing. */
int fixed_codec_open(struct fixed_codec *codec, const struct fep_host *host, struct fep_error *error);

/* Bytes of a layout's plain fields, and of one of its rows. NULL is 0. */
size_t fixed_plain_size(const struct fep_layout *layout);
size_t fixed_row_size(const struct fep_layout *layout);

/* Writes one record, plain fields and rows, into at most `room` bytes. Returns its size, or -1 with the error naming the
 * field. */
int fixed_encode_record(struct fixed_codec *codec, const struct fep_record *record, unsigned char *out, size_t room,
                        struct fep_error *error);

/* Writes the whole frame: length digits, head, body (NULL: none), with row count and seal set. The caller's head is
 * not changed. Returns the frame's size, or -1 with the error naming the field (nothing usable in `out`).
 * `out` must hold max_record + length_digits bytes. */
long fixed_encode_frame(struct fixed_codec *codec, const struct fep_record *head, const struct fep_record *body,
                        unsigned char *out, struct fep_error *error);

/* Writes one field into the bytes of a head, in place. Negative with the error: no such field, or the value does not fit. */
int fixed_patch_head(struct fixed_codec *codec, unsigned char *head, const char *name, const char *text,
                     struct fep_error *error);
/* Writes a frame of a head's bytes as they are and up to two records behind it (NULL: none), with the row count of the
 * first, and seal. As fixed_encode_frame. */
long fixed_build_answer(struct fixed_codec *codec, const unsigned char *head, const struct fep_record *body,
                        const struct fep_record *more, unsigned char *out, struct fep_error *error);

/* Is the seal of this record right? */
bool fixed_seal_holds(const struct fixed_codec *codec, const unsigned char *record, size_t size);

/* Reads the head of a record of `size` bytes, of an answer or of a request. NULL with the error. */
struct fep_record *fixed_decode_head(struct fixed_codec *codec, const unsigned char *record, size_t size,
                                     struct fep_error *error);
struct fep_record *fixed_decode_request_head(struct fixed_codec *codec, const unsigned char *record, size_t size,
                                             struct fep_error *error);
/* Reads a body under a layout: plain fields and `rows` rows; size must fit exactly. NULL with the error. */
struct fep_record *fixed_decode_body(struct fixed_codec *codec, const char *layout_name, const unsigned char *body,
                                     size_t size, size_t rows, struct fep_error *error);
/* As above with the number of rows following from the size: for a body without its head. */
struct fep_record *fixed_decode_loose_body(struct fixed_codec *codec, const char *layout_name,
                                           const unsigned char *body, size_t size, struct fep_error *error);

/* The frame at the beginning of `data`: its record's size, 0 for a heartbeat, -1 not complete yet, -2 no frame at all
 * (nothing after it can be read either). */
long fixed_frame_size(const struct fixed_codec *codec, const unsigned char *data, size_t size);

#endif
