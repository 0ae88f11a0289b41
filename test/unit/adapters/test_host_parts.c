/* Parts of the host by themselves: module check, options, loop, memory of visits. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "module.h"
#include "options.h"

/* --- module -------------------------------------------------------------------------------------- */

static int
open_nothing(const struct fep_host *host, const struct fep_config *config, void **self,
             struct fep_error *error)
{
    (void)host, (void)config, (void)self, (void)error;
    return 0;
}
static void
start_nothing(void *self, struct fep_call *call)
{
    (void)self, (void)call;
}
static void
submit_nothing(void *self, struct fep_call *call, const struct fep_message *message)
{
    (void)self, (void)call, (void)message;
}
static void
cancel_nothing(void *self, struct fep_call *call, enum fep_reason reason)
{
    (void)self, (void)call, (void)reason;
}
static void
close_nothing(void *self)
{
    (void)self;
}

static const struct fep_adapter_ops good_ops = {.size = sizeof good_ops,
                                                .open = open_nothing,
                                                .start = start_nothing,
                                                .submit = submit_nothing,
                                                .cancel = cancel_nothing,
                                                .close = close_nothing};

static struct fep_adapter
good_adapter(void)
{
    return (struct fep_adapter){.magic = FEP_ADAPTER_MAGIC,
                                .abi_major = FEP_ABI_MAJOR,
                                .abi_minor = FEP_ABI_MINOR,
                                .size = sizeof(struct fep_adapter),
                                .name = "x",
                                .version = "1",
                                .abilities = FEP_CALLS_OUT,
                                .ops = &good_ops};
}

static void
refused_module(struct fep_adapter adapter, const char *expected)
{
    struct fep_error error = {0};
    assert_true(module_check(&adapter, "x.so", &error) < 0);
    if (strstr(error.text, expected) == NULL)
        fail_msg("%s", error.text);
}

static void
test_module_versions(void **state)
{
    struct fep_adapter adapter = good_adapter();
    struct fep_error error = {0};
    struct fep_adapter_ops ops = good_ops;
    (void)state;
    assert_int_equal(module_check(&adapter, "x.so", &error), 0);
    adapter.magic = 1;
    refused_module(adapter, "not an adapter's descriptor");
    adapter = good_adapter();
    adapter.abi_major++;
    refused_module(adapter, "made for ABI 2.0; this host has 1.0");
    adapter = good_adapter();
    adapter.abi_minor++;
    refused_module(adapter, "made for ABI 1.1");
    adapter = good_adapter();
    adapter.size = 8;
    refused_module(adapter, "shorter than ABI");
    adapter = good_adapter();
    ops.size = 8;
    adapter.ops = &ops;
    refused_module(adapter, "shorter than ABI");
    ops = good_ops;
    ops.cancel = NULL;
    refused_module(adapter, "operation cancel is missing");
    ops = good_ops;
    adapter.abilities |= FEP_INQUIRES;
    refused_module(adapter, "operation inquire is missing");
    adapter.abilities = FEP_REVERSES;
    refused_module(adapter, "operation reverse is missing");
}

static void
test_module_files(void **state)
{
    struct fep_error error = {0};
    (void)state;
    assert_null(module_load("/no/such/module.so", &error));
    assert_non_null(strstr(error.text, "/no/such/module.so"));
    assert_null(module_load("libm.so.6", &error));
    assert_non_null(strstr(error.text, "no symbol fep_adapter"));
}

/* --- options ------------------------------------------------------------------------------------- */

static const struct fep_option table[] = {
    {.name = "host", .type = FEP_TEXT, .flags = FEP_OPTION_REQUIRED},
    {.name = "port", .type = FEP_INTEGER, .def = "7021", .minimum = 1, .maximum = 65535},
    {.name = "strict", .type = FEP_FLAG, .def = "false"},
    {.name = "wait", .type = FEP_DURATION_MS, .def = "3s"},
    {.name = "password", .type = FEP_SECRET_FILE},
    {.name = "mode", .type = FEP_TEXT, .unit = "serve|call"},
    {.name = "connect", .type = FEP_TEXT, .unit = "ADDRESS:PORT"},
    {.name = NULL}};

static char lines[4096];

static void
keep_line(void *arg, const char *line)
{
    (void)arg;
    strncat(lines, line, sizeof lines - strlen(lines) - 2);
    strcat(lines, "\n");
}

static struct fep_config *
check(const char *const given[][2], size_t count)
{
    struct given_option options[8];
    struct fep_error error = {0};
    lines[0] = '\0';
    for (size_t i = 0; i < count; i++)
        options[i] = (struct given_option){given[i][0], given[i][1], "fepd.cfg", (int)i + 10};
    struct fep_config *config = options_check(table, options, count, "local1", keep_line, NULL, &error);
    assert_true((config == NULL) == (error.text[0] != '\0'));
    return config;
}

static void
test_options_good(void **state)
{
    static const char *const given[][2] = {{"host", "127.0.0.1"}, {"strict", "yes"}, {"wait", "2min"}};
    (void)state;
    struct fep_config *config = check(given, 3);
    assert_non_null(config);
    assert_string_equal(options_text(config, "host"), "127.0.0.1");
    assert_int_equal(options_integer(config, "port"), 7021);
    assert_int_equal(options_integer(config, "strict"), 1);
    assert_int_equal(options_integer(config, "wait"), 120000);
    assert_null(options_secret(config, "password"));
    options_destroy(config);
}

static void
test_options_all_problems_at_once(void **state)
{
    static const char *const given[][2] = {{"port", "70000"},  {"strict", "perhaps"},
                                           {"wait", "3 days"}, {"colour", "red"},
                                           {"port", "1"},      {"password", "/no/such/file"}};
    (void)state;
    assert_null(check(given, 6));
    assert_non_null(strstr(lines, "fepd.cfg:10: option port is 70000; expected 1 to 65535"));
    assert_non_null(strstr(lines, "fepd.cfg:11: option strict is \"perhaps\"; expected true or false"));
    assert_non_null(strstr(lines, "fepd.cfg:12: option wait"));
    assert_non_null(strstr(lines, "fepd.cfg:13: unknown option colour"));
    assert_non_null(strstr(lines, "fepd.cfg:14: option port is given twice"));
    assert_non_null(strstr(lines, "fepd.cfg:15: option password"));
    assert_non_null(strstr(lines, "option host is missing"));
}

static void
test_texts_that_are_one_of_several(void **state)
{
    static const char *const good[] = {"127.0.0.1:7031", "[::1]:7031", "0.0.0.0:0"};
    static const char *const bad[] = {"localhost:7031", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                                      "::1:7031",       "[::1]",     ":7031",      ""};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const char *const given[][2] = {
            {"host", "h"}, {"mode", i == 0 ? "serve" : "call"}, {"connect", good[i]}};
        struct fep_config *config = check(given, 3);
        if (config == NULL)
            fail_msg("%s", lines);
        options_destroy(config);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const given[][2] = {{"host", "h"}, {"connect", bad[i]}};
        if (check(given, 2) != NULL)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(lines, "fepd.cfg:11: option connect is \""));
    }
    static const char *const modes[] = {"serv", "serve|call", "", "calls"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const char *const given[][2] = {{"host", "h"}, {"mode", modes[i]}};
        assert_null(check(given, 2));
        assert_non_null(strstr(lines, "expected serve|call"));
    }
}

static void
test_secrets_come_from_guarded_files(void **state)
{
    char path[] = "/tmp/fep-secret-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    const char *const given[][2] = {{"host", "h"}, {"password", path}};
    struct fep_config *config = check(given, 2);
    assert_non_null(config);
    assert_string_equal(options_secret(config, "password"), "s3cret");
    options_destroy(config);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_null(check(given, 2));
    assert_non_null(strstr(lines, "other users may read it"));
    close(fd);
    unlink(path);
}

/* --- loop
 * ---------------------------------------------------------------------------------------------------------
 */

struct seen {
    struct loop *loop;
    struct loop_timer timer;
    struct fep_watch *watches[2];
    int timers, reads, posts;
};

static void
on_timer(void *arg)
{
    struct seen *seen = arg;
    if (++seen->timers < 3)
        assert_int_equal(loop_set_timer(seen->loop, &seen->timer, 1), 0);
}

static void
on_first(void *arg, uint32_t events)
{
    struct seen *seen = arg;
    assert_true((events & FEP_READABLE) != 0);
    seen->reads++;
    /* Both became readable in one turn; whoever comes first takes the other away. */
    for (int i = 0; i < 2; i++) {
        if (seen->watches[i] != NULL)
            loop_unwatch(seen->loop, seen->watches[i]);
        seen->watches[i] = NULL;
    }
}

static void
on_post(void *arg)
{
    ((struct seen *)arg)->posts++;
}

static void *
post_many(void *arg)
{
    for (int i = 0; i < 1000; i++)
        assert_int_equal(loop_post(((struct seen *)arg)->loop, on_post, arg), 0);
    return NULL;
}

static void
test_loop(void **state)
{
    struct loop loop;
    struct seen seen = {.loop = &loop, .timer = {.fn = on_timer, .arg = &seen}};
    int pipes[2][2];
    pthread_t thread;
    (void)state;
    assert_int_equal(loop_init(&loop, &clock_system, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        assert_int_equal(write(pipes[i][1], "x", 1), 1);
        seen.watches[i] = loop_watch(&loop, pipes[i][0], FEP_READABLE, on_first, &seen);
        assert_non_null(seen.watches[i]);
    }
    loop_turn(&loop, 1000);
    loop_turn(&loop, 0);
    assert_int_equal(seen.reads, 1);
    assert_int_equal(loop_set_timer(&loop, &seen.timer, 1), 0);
    while (seen.timers < 3)
        loop_turn(&loop, 1000);
    assert_int_equal(pthread_create(&thread, NULL, post_many, &seen), 0);
    while (seen.posts < 1000)
        loop_turn(&loop, 1000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    loop_finish(&loop);
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

/* --- visits -------------------------------------------------------------------------------------- */

static void
test_visits_forget_the_least_used(void **state)
{
    struct visit_cache *cache = visits_create(2);
    struct slice text = {.data = (const unsigned char *)"x", .size = 1};
    (void)state;
    visits_remember(cache, "450900", "A", "2401", text, SLICE_NONE);
    visits_remember(cache, "450900", "B", "2201", text, SLICE_NONE);
    assert_non_null(visits_find(cache, "450900", "A"));
    visits_remember(cache, "450900", "C", "2201", text, SLICE_NONE);
    assert_null(visits_find(cache, "450900", "B"));
    assert_string_equal(visits_find(cache, "450900", "A")->infno, "2401");
    assert_null(visits_find(cache, "450100", "A"));
    visits_remember(cache, "450900", "A", "2201", SLICE_NONE, text);
    assert_string_equal(visits_find(cache, "450900", "A")->infno, "2201");
    assert_int_equal(visits_find(cache, "450900", "A")->answer.size, 1);
    assert_non_null(visits_find(cache, "450900", "C"));
    visits_destroy(cache);
}

/* --- serials of our own -------------------------------------------------------------------------- */

static int64_t
wall(void *self)
{
    return *(int64_t *)self;
}

static void
test_own_serials_are_never_the_same(void **state)
{
    static struct host host;
    int64_t now = 1795312800000; /* 2026-11-22 in China */
    const struct clock clock = {.wall_ms = wall, .self = &now};
    uint64_t last = 0;
    uint32_t date;
    (void)state;
    host.loop.clock = &clock;
    for (int i = 0; i < 1000; i++) {
        uint64_t serial = translate_own_serial(&host, &date);
        assert_true(serial > last);
        assert_true(serial / 10000000000ull == 99);
        last = serial;
        now -= i % 7 == 0 ? 5 : 0; /* the clock may go back */
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_module_versions),
        cmocka_unit_test(test_module_files),
        cmocka_unit_test(test_options_good),
        cmocka_unit_test(test_options_all_problems_at_once),
        cmocka_unit_test(test_texts_that_are_one_of_several),
        cmocka_unit_test(test_secrets_come_from_guarded_files),
        cmocka_unit_test(test_loop),
        cmocka_unit_test(test_visits_forget_the_least_used),
        cmocka_unit_test(test_own_serials_are_never_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
