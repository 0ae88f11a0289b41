/* One line per event, RFC 5424 to the syslog socket: `event=` first, then fixed keys in fixed order.
 *
 * The list of events and their fields is closed (log_events.h). Fields are typed and no type can hold a name, a card
 * number or a body: text fields accept only what log_text lets through (codes, node names, file names: letters,
 * digits and -_.:/+,@ ; anything else becomes '?'; at most 120 bytes). Sending never blocks: a bounded ring, and a
 * counter of what was dropped. With no socket configured lines go to standard error.
 */
#ifndef FEP_LOG_H
#define FEP_LOG_H

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include "log_events.h"

enum log_severity { LOG_SEV_ALERT = 1, LOG_SEV_CRITICAL, LOG_SEV_ERROR, LOG_SEV_WARNING, LOG_SEV_NOTICE,
                    LOG_SEV_INFO, LOG_SEV_DEBUG };

enum log_field_type { LOG_TEXT, LOG_NUMBER, LOG_MONEY_FEN, LOG_SENTENCE };
struct log_field {
    const char *key;
    enum log_field_type type;
    const char *text;
    int64_t number;
};
#define LOG_T(key, value) ((struct log_field){(key), LOG_TEXT, (value), 0})
#define LOG_N(key, value) ((struct log_field){(key), LOG_NUMBER, NULL, (int64_t)(value)})
#define LOG_M(key, fen) ((struct log_field){(key), LOG_MONEY_FEN, NULL, (int64_t)(fen)})
/* Our own sentence for people, last on the line, quoted: error texts written by this program; digits runs of 15 or
 * more are masked as a last defence. */
#define LOG_S(value) ((struct log_field){"text", LOG_SENTENCE, (value), 0})

/* program: "fepd", "fep-adapter", ...; node: the gateway's node code; socket_path NULL = standard error. Returns 0,
 * or negative if the socket path is too long. A socket that nobody serves is not an error: it is tried again. */
int log_open(const char *program, const char *node, const char *socket_path);
void log_close(void);
void log_set_debug(int on);
/* Written in the order of the event's description, whatever the order of `fields`; absent, NULL and empty ones are left
 * out. Unknown keys abort in debug builds. Thread-safe. */
void log_write(enum log_event event, enum log_severity severity, const struct log_field *fields, size_t count);
#define log_line(event, severity, ...)                                                                                 \
    log_write((event), (severity), (const struct log_field[]){__VA_ARGS__},                                            \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* Tries to send what the ring holds; called from the loop. */
void log_flush(void);
uint64_t log_dropped(void);

#endif
