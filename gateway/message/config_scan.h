/* What libconfig 1.5 accepts silently and must be found in the raw file; used by config_reader.c. */
#ifndef FEP_CONFIG_SCAN_H
#define FEP_CONFIG_SCAN_H

#define CONFIG_FILE_LIMIT  (1024 * 1024)     /* bytes per file: libconfig's time grows with the square */
#define CONFIG_TOTAL_LIMIT (4 * 1024 * 1024) /* bytes with all that is included */
#define CONFIG_DEPTH_LIMIT 8

/* `number`: of a number that libconfig would read wrongly, what stands there as far as 64 bits go; else NULL. */
typedef void config_scan_report(void *arg, const char *file, int line, const char *text,
                                const long long *number);

/* Reads `path` and all that it includes (relative to `folder`) and reports: a file that cannot be read or is
 * too large, bytes that are not UTF-8, comments and strings without an end, integers that libconfig would
 * wrap or saturate, numbers with a leading zero, includes by absolute path or too deep. 0, or -1 if a file
 * could not be read or is too large, so that it must not be parsed. */
int config_scan(const char *path, const char *folder, config_scan_report *report, void *arg);

#endif
