/* Bytes as text: Base64 in its dialects, hex. Pure. */
#ifndef FEP_SEAL_CODING_H
#define FEP_SEAL_CODING_H

#include <stdbool.h>
#include <stddef.h>
#include "seal_profile.h"

/* Room that coding_encode needs for `size` bytes, with the NUL. */
size_t coding_room(uint32_t encoding, size_t size);
/* Writes text and NUL; returns its length. */
size_t coding_encode(uint32_t encoding, const unsigned char *data, size_t size, char *out);
/* Reads text that is written so; case of hex digits is no matter, Base64 may have its = or not, line ends are skipped in
 * SEAL_BASE64_LINES only. Bytes written, or -1 if it is no such text or does not fit. `out` may be where `text` is. */
long coding_decode(uint32_t encoding, const char *text, size_t size, unsigned char *out, size_t out_size);

#endif
