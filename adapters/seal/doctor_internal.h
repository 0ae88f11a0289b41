/* What the parts of the doctor share. */
#ifndef FEP_SEAL_DOCTOR_INTERNAL_H
#define FEP_SEAL_DOCTOR_INTERNAL_H

#include "doctor.h"
#include "internal.h"

int64_t doctor_now_ms(void);

/* --- doctor_plain.c: the encrypted part */
/* Tries every key, mode, padding and encoding on `text`; the profile's first. True: `plain` is JSON, and `found` says how. */
bool doctor_decrypt(const struct seal *seal, const char *text, size_t size, struct seal_cipher *found,
                    struct bytes *plain);

/* --- doctor_search.c: the text that was signed */
struct doctor_subject {
    const struct json_tree *plain;  /* node 1 is what is signed under text.data "plain" */
    const struct json_tree *cipher; /* under "cipher"; NULL: there is none */
    const char *signature;
    size_t signature_size;
};
enum { DOCTOR_SHALLOW = 2, DOCTOR_DEEP = 99 };
/* Looks for a dialect of `section->found` (given: where to begin) that verifies, at most `deepest` rules of the text
 * being changed at once; sets end, notes, tried, changes. */
void doctor_search(const struct seal *seal, const struct doctor_subject *subject, unsigned deepest, int64_t until_ms,
                   struct doctor_section *section);

/* --- doctor_headers.c */
void doctor_look_at_headers(const struct seal *seal, const struct capture *capture, int64_t until_ms,
                            struct doctor_section *section);

#endif
