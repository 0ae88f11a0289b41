/* Files of fixed records: one header, details, one trailer, each record closed by a line feed, and beside the file NAME a
 * file NAME.ok with its size, checksum and number of details. What a kind of file is (its records, its name, what its
 * trailer sums) is declared by the mapping: the layouts KIND-H, KIND-D, KIND-T and the facts file_… of the group `wire`.
 * Towards the gateway a kind is a transaction of that name: KIND-Q asks for a page, KIND-R is one. Host's thread only. */
#ifndef FEP_FIXED_FILES_H
#define FEP_FIXED_FILES_H

#include "codec.h"

enum {
    FILE_KINDS = 4,
    FILE_NAME_SIZE = 96,
    FILE_FIELD_SIZE = 40,
    FILE_SUMS = 16,
    FILE_PAGE = 500,        /* rows of a page when the gateway's books are read */
    FILE_LAST_BATCH = 999
};

struct file_wire { /* facts of the mapping file; see README.md */
    const char *kinds, *request, *notice, *name, *constants, *asked_day, *from, *sequence, *sums, *counts, *left_out;
    const char *sender, *receiver, *day, *batch, *created, *count;
    const char *status, *ready, *not_ready, *none, *file, *size, *crc, *records;
    const char *page, *page_size, *last_page, *page_rows;
    const char *node, *peer_node;
};

struct file_kind {
    char name[12];
    char request[16], notice[16];     /* local transactions; notice may be empty */
    char form[128];                   /* of its name, "{FIELD}" in it */
    char asked_day[FILE_FIELD_SIZE];  /* field of the request; empty: a file of today */
    char sequence[FILE_FIELD_SIZE];
    uint32_t from;                    /* hhmmss of the next day from which it is offered */
    bool waits;                       /* `from` counts */
    const struct fep_layout *head, *detail, *trailer;
    size_t record_size;               /* without the line feed */
};

/* The file that was read as a whole last: as long as it is untouched its pages need not be searched for from the start. */
struct file_verified {
    char name[FILE_NAME_SIZE];
    uint64_t size, inode;
    uint32_t crc;
    int64_t changed_s, changed_ns;
};

struct files {
    const struct fep_host *host;
    struct fixed_codec *codec;
    struct file_wire wire;
    struct file_kind kinds[FILE_KINDS];
    size_t kind_count;
    const char *in, *out; /* directories, NULL: none */
    struct file_verified verified;
};

/* What is known of a complete file. */
struct file_facts {
    char name[FILE_NAME_SIZE];
    uint64_t size, records; /* records: details */
    uint32_t crc;
};

/* Reads and checks all that concerns files; none at all is good. `in` and `out` (NULL or empty: none) must live as long as
 * `files`. Negative with the error. */
int files_open(struct files *files, const struct fep_host *host, struct fixed_codec *codec, const char *in,
               const char *out, struct fep_error *error);
/* The kind of that name, whose request, or whose notice is that local transaction; NULL if none. */
const struct file_kind *files_by_name(const struct files *files, const char *local);
const struct file_kind *files_by_request(const struct files *files, const char *local);
const struct file_kind *files_by_notice(const struct files *files, const char *local);

/* Walks the items "KIND:REST" of a fact. False at the end. */
bool files_next(const char **at, const struct file_kind *kind, char rest[128]);
/* The constant of a field in files and requests of this kind. False if it has none. */
bool files_constant(const struct files *files, const struct file_kind *kind, const char *field, char value[64]);
/* Sets every field that has a constant of this kind. Negative without memory. */
int files_set_constants(const struct files *files, const struct file_kind *kind, struct fep_record *record);
/* Copies plain fields of the same name that hold something. Negative without memory. */
int files_copy_fields(const struct fep_host *host, const struct fep_record *from, struct fep_record *to);
/* Field of the group of a layout, or -1. */
int files_find_in_group(const struct fep_layout *layout, const char *name);

/* The header of a file of ours (or of the peer's), without its moment of creation: the caller releases it. NULL without memory. */
struct fep_record *files_make_head(const struct files *files, const struct file_kind *kind, bool ours, const char *day,
                                   unsigned batch);
/* The name that follows from the header and the request (NULL: none). Negative: it does not fit, or a field is empty. */
int files_make_name(const struct files *files, const struct file_kind *kind, const struct fep_record *head,
                    const struct fep_record *asked, char name[FILE_NAME_SIZE]);
/* A name that stays in its directory. */
bool files_name_is_safe(const char *name);

/* What an answer or a notice says of a file: status, name, size, checksum, details. Negative: a number that is none. */
int files_read_told(const struct files *files, const struct fep_record *record, struct file_facts *facts, char status[8]);
/* `facts` NULL: only the status. Negative without memory. */
int files_set_told(const struct files *files, struct fep_record *record, const char *status,
                   const struct file_facts *facts);

/* The highest batch of that day that is complete in this directory, ours or the peer's. Negative if there is none. */
int files_find_latest(const struct files *files, const struct file_kind *kind, const char *directory, bool ours,
                      const char *day, const struct fep_record *asked, struct file_facts *facts);
/* Is the file of this day (yyyymmdd) to be had at this moment? */
bool files_is_due(const struct file_kind *kind, uint32_t day, uint32_t today, uint32_t clock);
/* The day so many days later, yyyymmdd. */
uint32_t files_shift_day(uint32_t day, int by);

/* Reads NAME.ok. 0; negative: not there, or not of the form. */
int files_read_ok(const char *directory, const char *name, struct file_facts *facts);
void files_write_ok_line(const struct file_facts *facts, char line[64]);
/* Writes a small file so that it is whole or not there: under another name, flushed, renamed. Negative with errno. */
int files_put(const char *directory, const char *name, const char *suffix, const char *text);
/* NAME + suffix of this directory, as text; negative: not there, longer, or unreadable. */
int files_get(const char *directory, const char *name, const char *suffix, char *text, size_t size);
/* Flushes the directory itself. */
int files_sync_directory(const char *directory);

/* --- sums.c: what a trailer says of the details --- */

struct file_sum {
    int trailer, detail; /* fields */
    uint32_t scale;
    bool counts;         /* 1 for each detail whose field is `value`, else the field's amount */
    char value[24];
    int64_t total;
};

struct file_sums {
    const struct fep_host *host;
    struct file_sum sums[FILE_SUMS];
    size_t count;
    int left_out; /* field of details, -1: all count */
    char left_out_value[24];
};

int sums_open(struct file_sums *sums, const struct files *files, const struct file_kind *kind, struct fep_error *error);
/* Negative with the error: an amount that is none, or too much. */
int sums_add(struct file_sums *sums, const struct fep_record *detail, struct fep_error *error);
/* Are the trailer's figures these? Negative with the error naming the field. */
int sums_check(const struct file_sums *sums, const struct fep_record *trailer, struct fep_error *error);

/* --- file_read.c: a file is believed as a whole or not at all --- */

struct file_reader;
enum reader_state { READER_MORE = 0, READER_DONE, READER_REJECTED };

/* Opens the file that was announced, or a higher batch of the same that is complete; keeps `row_count` details from
 * `first_row` (from 1) on. `asked` (KIND-Q or the notice, may be NULL) is only read here. NULL with the error: not to be
 * believed, or not there. */
struct file_reader *reader_open(struct files *files, const struct file_kind *kind, const struct fep_record *asked,
                                const struct file_facts *announced, uint64_t first_row, uint64_t row_count,
                                struct fep_error *error);
/* Takes some records more. REJECTED with the error. */
enum reader_state reader_step(struct file_reader *reader, struct fep_error *error);
/* After DONE: the page, under KIND-R; the caller takes it. NULL without memory. */
struct fep_record *reader_take_page(struct file_reader *reader);
const char *reader_name(const struct file_reader *reader);
void reader_close(struct file_reader *reader); /* NULL is nothing */

/* --- file_write.c --- */

struct file_writer;

/* `day` is yyyymmdd. NULL with the error. */
struct file_writer *writer_open(const struct files *files, const struct file_kind *kind, const char *day,
                                const struct fep_record *asked, struct fep_error *error);
/* Takes the details of a page (KIND-R). Negative with the error; code 9001: the books changed while they were read. */
int writer_add(struct file_writer *writer, const struct fep_record *page, struct fep_error *error);
/* Declares it complete; where the last complete file says the same, that one stays. facts->name is empty if there is
 * nothing to say and never was. Negative with the error. */
int writer_finish(struct file_writer *writer, struct file_facts *facts, struct fep_error *error);
/* Removes what is not complete. NULL is nothing. */
void writer_close(struct file_writer *writer);

#endif
