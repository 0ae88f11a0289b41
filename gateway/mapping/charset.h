/* The wire's charset: bytes <-> UTF-8. One thread. */
#ifndef FEP_CHARSET_H
#define FEP_CHARSET_H

#include <fep/adapter.h>

enum charset_unmappable { UNMAPPABLE_REFUSE = 1, UNMAPPABLE_GETA, UNMAPPABLE_REFERENCE };

struct charset;

/* name: "GBK", "GB18030", "UTF-8". NULL with the error: unknown, or this system's tables differ from what is
 * expected. */
struct charset *charset_open(const char *name, enum charset_unmappable unmappable, struct fep_error *error);
void charset_close(struct charset *charset);

/* Wire -> UTF-8. Illegal bytes: U+FFFD when lenient, else an error with the byte offset. A byte that could
 * begin a character but is not followed by its rest stands for itself alone: what follows is read. Bytes
 * written, or negative. */
int charset_decode(struct charset *charset, const unsigned char *in, size_t size, bool lenient, char *out,
                   size_t out_size, struct fep_error *error);
/* UTF-8 -> wire. What the charset can not hold: by the policy. U+FFFD is never sent: 〓 instead; a BOM is
 * dropped. */
int charset_encode(struct charset *charset, const char *in, size_t size, unsigned char *out, size_t out_size,
                   struct fep_error *error);
/* Can a character be refused: is the policy so, and is there anything that the charset can not hold? */
bool charset_refuses(const struct charset *charset);
/* How many of the first bytes of `in`, whole characters, take at most `limit` bytes on the wire. */
size_t charset_fit(struct charset *charset, const char *in, size_t size, size_t limit);

#endif
