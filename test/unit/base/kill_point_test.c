/* A kill point strikes where it is named, as SIGKILL, and once per kill file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kill_point.h"

/* The signal that ended a child which passed `name`, 0 if it went on. */
static int
pass_in_child(const char *name)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        kill_point(name);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
test_strikes_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/fep-kill-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char file[64];
    snprintf(file, sizeof file, "%s/struck", folder);
    unsetenv("FEP_KILL_POINT");
    assert_int_equal(pass_in_child("queued"), 0);
    setenv("FEP_KILL_POINT", "queued", 1);
    setenv("FEP_KILL_FILE", file, 1);
    assert_int_equal(pass_in_child("sent"), 0);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(pass_in_child("queued"), SIGKILL);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(pass_in_child("queued"), 0);
    unsetenv("FEP_KILL_FILE");
    assert_int_equal(pass_in_child("queued"), SIGKILL);
    unlink(file);
    rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strikes_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
