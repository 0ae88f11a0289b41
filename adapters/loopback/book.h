/* The loopback's "local system": which local serials were posted, reversed or blocked. In memory, and in an
 * append-only file if one is given, so that a test can compare the books after it has killed everything. */
#ifndef LOOPBACK_BOOK_H
#define LOOPBACK_BOOK_H

#include <stdbool.h>
#include <stdint.h>

enum book_state { BOOK_NOTHING = 0, BOOK_POSTED, BOOK_REVERSED, BOOK_BLOCKED };

struct book;

/* Reads what the file holds (path "" = memory only). NULL: `why` says it. */
struct book *book_open(const char *path, const char **why);
void book_close(struct book *book);
enum book_state book_find(const struct book *book, uint32_t date, uint64_t serial);
/* Notes a new state; on disk only after book_sync. Negative: no memory, or the file can not be written. */
int book_note(struct book *book, enum book_state state, uint32_t date, uint64_t serial, const char *infno,
              const char *msgid);
int book_sync(struct book *book);
bool book_is_on_disk(const struct book *book);

#endif
