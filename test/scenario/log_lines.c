/* Writes one line of each kind to a syslog socket through the real log library, for the test of the shipped
 * syslog-ng configuration: log_lines SOCKET NODE. Ends when its standard input does. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

static void
write_exchange(const char *msgid, const char *end, enum log_severity severity)
{
    log_line(LOG_EVENT_EXCHANGE, severity, LOG_T("msgid", msgid), LOG_T("infno", "2304"),
             LOG_T("role", "origin"), LOG_T("from", "danxian"), LOG_T("to", "GW4500000001"),
             LOG_T("path", "450100-450900"), LOG_T("insured", "450900"), LOG_T("treat", "450100"),
             LOG_T("end", end), LOG_T("kind", "answered"), LOG_T("effect", "posted"), LOG_T("reason", "none"),
             LOG_N("code", 0), LOG_N("attempt", 1), LOG_T("delays", "12/3/5/220"),
             LOG_S("a sentence with \"quotes\", key=value and 中文"));
}

/* What `fepctl events` lists as an event of its own severity, without any key. */
static void
write_bare(enum log_event event)
{
    log_write(event, (enum log_severity)log_event_table()[event].severity, NULL, 0);
}

int
main(int argc, char **argv)
{
    if (argc != 3 || log_open("fepd", argv[2], argv[1]) != 0) {
        fputs("usage: log_lines SOCKET NODE\n", stderr);
        return 100;
    }
    log_set_debug(1);
    write_exchange("H45010000001202611221105400001", "answered", LOG_SEV_INFO);
    write_exchange("H45010000001202611221105400002", "reversed", LOG_SEV_WARNING);
    for (int event = 0; event < LOG_EVENT_COUNT; event++)
        if (event != LOG_EVENT_EXCHANGE)
            write_bare((enum log_event)event);
    log_line(LOG_EVENT_LINK_DOWN, LOG_SEV_WARNING, LOG_T("peer", "GW4500000001"), LOG_T("reason", "silent"),
             LOG_N("silent_ms", 15000), LOG_S("line one\nevent=exchange msgid=forged"));
    /* The socket holds a few lines only; the rest goes out as syslog-ng takes them, until the test has seen
     * all. */
    struct pollfd done = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&done, 1, 1) == 0)
        log_flush();
    printf("%llu\n", (unsigned long long)log_dropped());
    log_close();
    return 0;
}
