/* Log lines as a syslog server on a real socket gets them: shape, order, masking, injection, and what happens
 * when nobody listens or nobody reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "log_format.h"

static char folder[64], path[108];

static int
listen_on_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The next line, or "" if there is none. */
static const char *
receive_line(int fd)
{
    static char line[LOG_LINE_SIZE + 100];
    ssize_t size = recv(fd, line, sizeof line - 1, 0);
    if (size < 0)
        assert_int_equal(errno, EAGAIN);
    line[size < 0 ? 0 : size] = '\0';
    return line;
}

static int
set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/fep-log-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    log_close();
    log_set_debug(0);
    unlink(path);
    return rmdir(folder);
}

static void
assert_matches(const char *line, const char *pattern)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int result = regexec(&regex, line, 0, NULL, 0);
    regfree(&regex);
    if (result != 0)
        fail_msg("<%s> does not match <%s>", line, pattern);
}

static void
test_line_shape(void **state)
{
    (void)state;
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "GW4501000001", path), 0);
    log_line(LOG_EVENT_LINK_UP, LOG_SEV_NOTICE, LOG_T("peer", "GW4500000001"),
             LOG_T("address", "tcp://127.0.0.1:7001"), LOG_N("offset_ms", -12));
    assert_matches(receive_line(fd),
                   "^<133>1 20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}"
                   "\\+08:00 GW4501000001 fepd [0-9]+ link_up - event=link_up peer=GW4500000001 "
                   "address=tcp://127.0.0.1:7001 offset_ms=-12$");
    close(fd);
}

static void
test_keys_come_in_the_listed_order(void **state)
{
    (void)state;
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "N", path), 0);
    log_line(LOG_EVENT_EXCHANGE, LOG_SEV_INFO, LOG_S("done"), LOG_T("delays", "12/3/45/160"),
             LOG_T("infno", "2207"), LOG_T("reason", NULL), LOG_T("code", ""),
             LOG_T("msgid", "H45010000001202611221015020001"));
    assert_matches(receive_line(fd), " - event=exchange msgid=H45010000001202611221015020001 infno=2207 "
                                     "delays=12/3/45/160 text=\"done\"$");
    close(fd);
}

static void
test_debug_lines_only_when_asked(void **state)
{
    (void)state;
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "N", path), 0);
    log_line(LOG_EVENT_STEP, LOG_SEV_DEBUG, LOG_T("what", "sent"));
    assert_string_equal(receive_line(fd), "");
    log_set_debug(1);
    log_line(LOG_EVENT_STEP, LOG_SEV_DEBUG, LOG_T("what", "sent"));
    assert_matches(receive_line(fd), "^<135>1 .* event=step what=sent$");
    close(fd);
}

static size_t
format_one(char out[LOG_LINE_SIZE], struct log_field field)
{
    struct log_origin origin = {"fepd", "N", 1};
    enum log_event event = LOG_EVENT_EXCHANGE;
    size_t size = log_format_line(out, true, &origin, 0, event, LOG_SEV_INFO, &field, 1);
    assert_int_equal(strlen(out), size);
    return size;
}

/* What stands behind "event=exchange ". */
static const char *
formatted(struct log_field field)
{
    static char line[LOG_LINE_SIZE];
    format_one(line, field);
    const char *at = strstr(line, "event=exchange");
    assert_non_null(at);
    at += strlen("event=exchange");
    return *at == ' ' ? at + 1 : at;
}

static void
test_text_holds_codes_only(void **state)
{
    (void)state;
    assert_string_equal(formatted(LOG_T("from", "GW-1_a.b:c/d+e,f@g")), "from=GW-1_a.b:c/d+e,f@g");
    assert_string_equal(formatted(LOG_T("from", "a b\nc=d\"e\\f")), "from=a?b?c?d?e?f");
    assert_string_equal(formatted(LOG_T("from", "张三")), "from=??????");
    char longer[300];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(strlen(formatted(LOG_T("from", longer))), strlen("from=") + 120);
    assert_string_equal(formatted(LOG_T("from", "")), "");
}

static void
test_long_digit_runs_are_masked(void **state)
{
    (void)state;
    assert_string_equal(formatted(LOG_T("from", "45010019800101123X")), "from=***X");
    assert_string_equal(formatted(LOG_T("from", "12345678901234")), "from=12345678901234");
    assert_string_equal(formatted(LOG_N("bytes", 450100198001011234)), "bytes=***");
    assert_string_equal(formatted(LOG_T("msgid", "H45010000001202611221015020001")),
                        "msgid=H45010000001202611221015020001");
    assert_string_equal(formatted(LOG_S("person 450100198001011234 not found")),
                        "text=\"person *** not found\"");
    assert_string_equal(formatted(LOG_S("450100198001011")), "text=\"***\"");
}

static void
test_sentence_cannot_break_the_line(void **state)
{
    (void)state;
    assert_string_equal(formatted(LOG_S("a \"b\" c\\d")), "text=\"a \\\"b\\\" c\\\\d\"");
    assert_string_equal(formatted(LOG_S("one\ntwo\r\x1b[31m event=exchange\t\x7f")),
                        "text=\"one\\ntwo  [31m event=exchange  \"");
    assert_string_equal(formatted(LOG_S("参保地已拒绝")), "text=\"参保地已拒绝\"");
    /* GBK bytes: what happens to be legal UTF-8 passes, the rest does not. */
    assert_string_equal(formatted(LOG_S("a\xB1\xA3z")), "text=\"a??z\"");
    assert_string_equal(formatted(LOG_S("a\xE2\x80\xAE"
                                        "b\xC2\x85"
                                        "c\xE2\x80\xA8"
                                        "d")),
                        "text=\"a?b?c?d\"");
}

static void
test_longest_line_is_whole(void **state)
{
    (void)state;
    char sentence[4000], line[LOG_LINE_SIZE];
    memset(sentence, '"', sizeof sentence);
    sentence[sizeof sentence - 1] = '\0';
    size_t size = format_one(line, LOG_S(sentence));
    assert_true(size < LOG_LINE_SIZE);
    assert_int_equal(line[size - 1], '"');
    /* Every quote inside is escaped, so only the last one ends the text. */
    const char *inside = strstr(line, "text=\"") + strlen("text=\"");
    for (; inside < line + size - 1; inside += 2)
        assert_int_equal(strncmp(inside, "\\\"", 2), 0);
    assert_ptr_equal(inside, line + size - 1);
}

static void
test_money(void **state)
{
    (void)state;
    char line[LOG_LINE_SIZE];
    struct log_origin origin = {"fepd", "N", 1};
    const struct log_field cases[] = {LOG_M("number", 1230), LOG_M("number", -5), LOG_M("number", INT64_MIN)};
    const char *const expected[] = {" number=12.30", " number=-0.05", " number=-92233720368547758.08"};
    for (size_t i = 0; i < 3; i++) {
        log_format_line(line, true, &origin, 0, LOG_EVENT_ADAPTER, LOG_SEV_INFO, &cases[i], 1);
        assert_non_null(strstr(line, expected[i]));
    }
}

static void
test_names_in_the_head_are_cleaned(void **state)
{
    (void)state;
    char name[8];
    log_clean_name(name, sizeof name, "a b\n");
    assert_string_equal(name, "a?b?");
    log_clean_name(name, sizeof name, NULL);
    assert_string_equal(name, "-");
    log_clean_name(name, sizeof name, "abcdefghij");
    assert_string_equal(name, "abcdefg");
}

static void
test_unlisted_key(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char line[LOG_LINE_SIZE];
        close(STDERR_FILENO);
        const struct log_field field = LOG_T("psn_name", "secret");
        struct log_origin origin = {"fepd", "N", 1};
        log_format_line(line, true, &origin, 0, LOG_EVENT_EXCHANGE, LOG_SEV_INFO, &field, 1);
        _exit(strstr(line, "unlisted=psn_name") && !strstr(line, "secret") ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    assert_true(WIFSIGNALED(status));
#else
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

static void
test_table_is_sound(void **state)
{
    (void)state;
    const struct log_event_description *table = log_event_table();
    for (size_t i = 0; i < LOG_EVENT_COUNT; i++) {
        assert_matches(table[i].name, "^[a-z_]{4,32}$");
        assert_matches(table[i].keys, "^[a-z_]+( [a-z_]+)*$");
        assert_null(strstr(table[i].keys, "text"));
        assert_in_range(table[i].severity, LOG_SEV_ALERT, LOG_SEV_DEBUG);
        assert_true(strlen(table[i].zh) > 5 && strlen(table[i].en) > 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(table[i].name, table[j].name);
    }
}

static void
test_server_that_comes_late(void **state)
{
    (void)state;
    assert_int_equal(log_open("fepd", "N", path), 0);
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 1));
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 2));
    int fd = listen_on_socket();
    log_flush();
    assert_matches(receive_line(fd), "number=1$");
    assert_matches(receive_line(fd), "number=2$");
    assert_string_equal(receive_line(fd), "");
    assert_int_equal(log_dropped(), 0);
    close(fd);
}

static void
test_server_that_is_restarted(void **state)
{
    (void)state;
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "N", path), 0);
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 1));
    assert_matches(receive_line(fd), "number=1$");
    close(fd);
    unlink(path);
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 2));
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 3));
    fd = listen_on_socket();
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", 4));
    for (int i = 2; i <= 4; i++) {
        char pattern[32];
        snprintf(pattern, sizeof pattern, "number=%d$", i);
        assert_matches(receive_line(fd), pattern);
    }
    close(fd);
}

/* Nobody reads: nothing waits, lines are kept up to the bound, the rest is counted, and the count is told. */
static void
test_full_ring_counts_every_line(void **state)
{
    (void)state;
    enum { LINES = 8000 };
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "N", path), 0);
    for (int i = 0; i < LINES; i++)
        log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", i));
    uint64_t dropped = log_dropped();
    assert_true(dropped > 0 && dropped < LINES - 4000);
    uint64_t received = 0, told = 0;
    int expected = 0;
    for (int quiet = 0; quiet < 3;) {
        const char *line = receive_line(fd);
        const char *count = strstr(line, "event=dropped count=");
        const char *number = strstr(line, "number=");
        quiet = line[0] ? 0 : quiet + 1;
        if (count)
            told += strtoull(count + strlen("event=dropped count="), NULL, 10);
        if (number) {
            assert_int_equal(atoi(number + strlen("number=")), expected++);
            received++;
        }
        log_flush();
    }
    assert_int_equal(told, dropped);
    assert_int_equal(received + told, LINES);
    assert_int_equal(log_dropped(), dropped);
    log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_N("number", LINES));
    assert_matches(receive_line(fd), "number=8000$");
    close(fd);
}

static void *
write_lines(void *arg)
{
    for (int i = 0; i < 500; i++)
        log_line(LOG_EVENT_ADAPTER, LOG_SEV_INFO, LOG_T("what", arg), LOG_N("number", i));
    return NULL;
}

static void
test_threads(void **state)
{
    (void)state;
    int fd = listen_on_socket();
    assert_int_equal(log_open("fepd", "N", path), 0);
    pthread_t threads[4];
    char names[4][2] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int next[4] = {0};
    for (int total = 0; total < 2000; log_flush()) {
        const char *line = receive_line(fd);
        if (!line[0])
            continue;
        const char *at = strstr(line, "what=");
        assert_non_null(at);
        int writer = at[5] - 'a', number = 0;
        assert_in_range(writer, 0, 3);
        assert_int_equal(sscanf(at + 7, "number=%d", &number), 1);
        assert_int_equal(number, next[writer]++);
        total++;
    }
    close(fd);
}

static void
test_path_too_long(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'p', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_true(log_open("fepd", "N", longer) < 0);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_line_shape),
        CASE(test_keys_come_in_the_listed_order),
        CASE(test_debug_lines_only_when_asked),
        CASE(test_text_holds_codes_only),
        CASE(test_long_digit_runs_are_masked),
        CASE(test_sentence_cannot_break_the_line),
        CASE(test_longest_line_is_whole),
        CASE(test_money),
        CASE(test_names_in_the_head_are_cleaned),
        CASE(test_unlisted_key),
        CASE(test_table_is_sound),
        CASE(test_server_that_comes_late),
        CASE(test_server_that_is_restarted),
        CASE(test_full_ring_counts_every_line),
        CASE(test_threads),
        CASE(test_path_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
