/* A multipart form with a message and a file, as 9101 travels. Pure; threads: any. */
#ifndef FEP_NATIONAL_FORM_H
#define FEP_NATIONAL_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct form_part {
    const char *data; /* in the body; NULL: there is no such part */
    size_t size;
};

/* Is this the content type of a form? */
bool form_is_one(const char *content_type);
/* The parts of these names. False: no form, a part twice, a body that ends before its last boundary. */
bool form_read(const char *content_type, const char *body, size_t size, const char *message_name, const char *file_name,
               struct form_part *message, struct form_part *file);

#endif
