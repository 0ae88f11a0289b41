/* How a log line is written; used by log.c and its tests only. */
#ifndef FEP_LOG_FORMAT_H
#define FEP_LOG_FORMAT_H

#include "log.h"

#define LOG_LINE_SIZE 3072

struct log_origin { /* already cleaned with log_clean_name */
    char program[48];
    char node[48];
    int pid;
};

/* RFC 5424 "<PRI>1 ..." where `syslog`, else a line for a terminal. Always ends with NUL and fits; returns
 * its length. Keys outside the event's description abort in unoptimised and sanitizer builds, elsewhere they
 * show as unlisted=KEY, without their value. */
size_t log_format_line(char out[LOG_LINE_SIZE], bool syslog, const struct log_origin *origin, int64_t wall_ms,
                       enum log_event event, enum log_severity severity, const struct log_field *fields,
                       size_t count);
/* A header field: allowed characters only, "-" if nothing is left. */
void log_clean_name(char *out, size_t out_size, const char *name);

#endif
