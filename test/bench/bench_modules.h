/* What a module's translation costs: the parts that differ from family to family. */
#ifndef FEP_BENCH_MODULES_H
#define FEP_BENCH_MODULES_H

#include <stdbool.h>

#include <fep/adapter.h>

enum { BENCH_ROOM = 4 << 20 };

struct bench_family {
    const char *name, *mapping;   /* a file under etc/mapping */
    const char *settle, *details; /* local transactions */
    /* What the module itself puts into heads, NAME, VALUE ..., NULL; beside wire.head_constants. */
    const char *const *request_head, *const *answer_head;
    const char *const *caller_head; /* what is otherwise when a local system asks; may be NULL */
    const char *transaction_field;  /* of the head of a request */
    int (*open)(const struct fep_host *host, struct fep_error *error);
    /* A whole message into `out`; its size, or negative with the error. */
    long (*encode)(bool request, const struct fep_record *head, const struct fep_record *body,
                   unsigned char *out, struct fep_error *error);
    /* Bytes of a message -> records, the caller's to release. Negative with the error. */
    int (*decode)(bool request, const char *local, const unsigned char *bytes, size_t size,
                  struct fep_record **head, struct fep_record **body, struct fep_error *error);
    /* The bare library: reads the same bytes and does nothing with them. Returns what it found, so that no
     * compiler leaves it out. */
    size_t (*floor)(bool request, const char *local, const unsigned char *bytes, size_t size);
};

extern const struct bench_family bench_family;

/* For floors: bytes of the mapping's charset as UTF-8, by iconv alone; how many came out. */
size_t bench_convert(const char *charset, const void *bytes, size_t size, char *out, size_t room);

#endif
