/* Reading libconfig files safely: the one way in which configuration, routes, the transaction table, mapping files and
 * crosswalks are opened. libconfig 1.5 wraps large integers, accepts unknown keys and swallows the file behind an
 * unclosed comment; here each of these is a problem with file and line. Problems are collected, not fatal one by one:
 * read everything, then ask config_reader_close whether it holds.
 *
 *     struct config_reader reader;
 *     static const char *const keys[] = {"name", "port", "peers", NULL};
 *     if (config_reader_open(&reader, path, FEP_E_CONFIG_INVALID, report, arg, error) == 0) {
 *         const config_setting_t *root = config_reader_root(&reader);
 *         config_reader_check_keys(&reader, root, keys);
 *         config_reader_text(&reader, root, "name", CONFIG_REQUIRED, name, sizeof name);
 *         config_reader_integer(&reader, root, "port", 0, 1, 65535, &port);   // port keeps its default if absent
 *         const config_setting_t *peers = config_reader_list(&reader, root, "peers", 0);
 *         for (int i = 0; i < config_reader_count(peers); i++)
 *             read_peer(&reader, config_reader_item(&reader, peers, i, CONFIG_TYPE_GROUP));
 *     }
 *     if (config_reader_close(&reader) < 0) ...    // error holds the first problem; report saw all of them
 *
 * Settings and strings obtained are valid until config_reader_close. One thread per reader. `@include "file"` stands
 * at the beginning of a line and is looked for in the folder of the file given to config_reader_open. No floating-point
 * numbers: money, ratios and versions are texts.
 */
#ifndef FEP_CONFIG_READER_H
#define FEP_CONFIG_READER_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fep/adapter.h>

enum { CONFIG_REQUIRED = 1 }; /* absent is a problem; else the output keeps what it held */

struct config_reader { /* members are private */
    config_t config;
    char path[1024], folder[1024];
    void (*report)(void *arg, const char *line);
    void *arg;
    struct fep_error *error;
    unsigned code;
    size_t problems;
    struct {
        int line;
        long long value;
    } misread[32]; /* numbers that were reported before parsing */
    size_t misread_count;
    char first[FEP_ERROR_TEXT - 32];
};

struct config_word { /* a table of these ends with word == NULL */
    const char *word;
    uint32_t value;
};

/* Checks and parses. `code` is the FEP code of the error; `report` (may be NULL) gets each problem as
 * "file:line: what is wrong, what was expected"; `error` (may be NULL) the first at config_reader_close. 0, or -1 when
 * there is no tree to read. config_reader_close must be called in both cases. */
int config_reader_open(struct config_reader *reader, const char *path, unsigned code,
                       void (*report)(void *arg, const char *line), void *arg, struct fep_error *error);
/* Frees the tree. 0 if there was no problem, else -1 with the error filled. */
int config_reader_close(struct config_reader *reader);
const config_setting_t *config_reader_root(const struct config_reader *reader);

/* Adds a problem of the caller's own at a setting (NULL: the file as a whole). printf; no newline. */
void config_reader_problem(struct config_reader *reader, const config_setting_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Where a setting stands: file into out (as it is to be opened from here), line returned; 0 = the file as a whole. */
int config_reader_where(const struct config_reader *reader, const config_setting_t *at, char *out, size_t out_size);

/* Every key of the group must be in `allowed` (ends with NULL); what is not is reported with the nearest name. */
void config_reader_check_keys(struct config_reader *reader, const config_setting_t *group,
                              const char *const allowed[]);
bool config_reader_has(const config_setting_t *group, const char *name);
/* No such member, or an empty text: a member of a wrong type is not missing but wrong, and reported as that. */
bool config_reader_lacks(const config_setting_t *group, const char *name);
/* Is this setting a number that was reported already because it can not be read as it stands? */
bool config_reader_is_misread(const struct config_reader *reader, const config_setting_t *at);

/* Members of a group by name. true: the output was set. false: absent, or wrong and reported. */
bool config_reader_text(struct config_reader *reader, const config_setting_t *group, const char *name, unsigned flags,
                        char *out, size_t out_size); /* out_size with NUL; no control characters; "" counts as absent
                                                        where CONFIG_REQUIRED */
bool config_reader_integer(struct config_reader *reader, const config_setting_t *group, const char *name,
                           unsigned flags, int64_t minimum, int64_t maximum, int64_t *out);
bool config_reader_flag(struct config_reader *reader, const config_setting_t *group, const char *name, unsigned flags,
                        bool *out); /* true or false; 0 and 1 are not accepted */
/* One word of the table. */
bool config_reader_choice(struct config_reader *reader, const config_setting_t *group, const char *name,
                          unsigned flags, const struct config_word *words, uint32_t *out);
/* A list of words, their values or-ed together; an empty list gives 0. */
bool config_reader_words(struct config_reader *reader, const config_setting_t *group, const char *name, unsigned flags,
                         const struct config_word *words, uint32_t *out);
/* NULL: absent, or wrong and reported. */
const config_setting_t *config_reader_group(struct config_reader *reader, const config_setting_t *group,
                                            const char *name, unsigned flags);
const config_setting_t *config_reader_list(struct config_reader *reader, const config_setting_t *group,
                                           const char *name, unsigned flags); /* (...) or [...] */

/* Elements of a list; count of NULL is 0. item: NULL if it is not of that CONFIG_TYPE_* (reported). */
int config_reader_count(const config_setting_t *list);
const config_setting_t *config_reader_item(struct config_reader *reader, const config_setting_t *list, int place,
                                           int type);
/* An element that is a text, as config_reader_text. */
bool config_reader_item_text(struct config_reader *reader, const config_setting_t *list, int place, char *out,
                             size_t out_size);

#endif
