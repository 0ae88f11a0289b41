/* A captured message as text: an HTTP message (its first line and headers, an empty line, the body), or the body alone.
 * As tools write it down: lines may end in LF or CR LF, header lines may begin with "> " or "< ", the body may have line
 * ends behind it that were not sent. */
#ifndef FEP_SEAL_CAPTURE_H
#define FEP_SEAL_CAPTURE_H

#include "seal.h"

enum { CAPTURE_FIELDS = 64, CAPTURE_MOST_BYTES = 16 * 1024 * 1024 };

struct capture { /* views of the text given */
    struct seal_field fields[CAPTURE_FIELDS];
    size_t field_count;
    const char *body;
    size_t body_size; /* with whatever stands behind the JSON */
    size_t json_size; /* without blanks and line ends at its end */
};

/* 0, or -1 with the error (no body; too many headers; too large). The text must outlive the capture. */
int capture_read(struct capture *capture, const char *text, size_t size, struct fep_error *error);
/* The one header of that name, or NULL. */
const struct seal_field *capture_find(const struct capture *capture, const char *name);

#endif
