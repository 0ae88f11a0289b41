/* Key files: what is written is what is read, nobody else can read the secret, and nothing is overwritten
 * unasked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "error.h"
#include "link_socket.h"

static char directory[64], secret[96], public[96];
static struct fep_error error;

static int
set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/fep-keys-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(secret, sizeof secret, "%s/link.secret", directory);
    snprintf(public, sizeof public, "%s/link.public", directory);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    unlink(secret);
    unlink(public);
    return rmdir(directory); /* fails if anything was left behind */
}

static void
put_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void
a_pair_is_written_and_read(void **state)
{
    (void)state;
    struct link_curve curve;
    struct stat info;
    char key[41];

    umask(0077);
    assert_int_equal(link_keys_create(secret, public, 0, &error), 0);
    assert_int_equal(stat(secret, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(public, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(link_keys_read(secret, &curve, &error), 0);
    assert_int_equal(link_public_key_read(public, key, &error), 0);
    assert_string_equal(curve.public_key, key);
    assert_int_equal(strlen(curve.secret_key), 40);
}

static void
nothing_is_overwritten_unasked(void **state)
{
    (void)state;
    char before[41], after[41];

    assert_int_equal(link_keys_create(secret, public, 0, &error), 0);
    assert_int_equal(link_public_key_read(public, before, &error), 0);
    assert_int_equal(link_keys_create(secret, public, 0, &error), -1);
    assert_int_equal(link_public_key_read(public, after, &error), 0);
    assert_string_equal(before, after);
    assert_int_equal(link_keys_create(secret, public, 1, &error), 0);
    assert_int_equal(link_public_key_read(public, after, &error), 0);
    assert_string_not_equal(before, after);
}

static void
bad_files_are_refused(void **state)
{
    (void)state;
    struct link_curve curve;
    char key[41];

    assert_int_equal(link_keys_read(secret, &curve, &error), -1);
    assert_int_equal(error.code, FEP_E_KEY_MISSING);
    assert_int_equal(link_keys_create(secret, public, 0, &error), 0);
    assert_int_equal(chmod(secret, 0640), 0);
    assert_int_equal(link_keys_read(secret, &curve, &error), -1);
    assert_int_equal(error.code, FEP_E_KEY_INVALID);
    put_file(secret, "short\n", 0600);
    assert_int_equal(link_keys_read(secret, &curve, &error), -1);
    put_file(secret, "", 0600);
    assert_int_equal(link_keys_read(secret, &curve, &error), -1);
    put_file(public, "0123456789012345678901234567890123456789x\n", 0644);
    assert_int_equal(link_public_key_read(public, key, &error), -1);
    put_file(public, "01234567890123456789012345678901234567~~\n", 0644);
    assert_int_equal(link_public_key_read(public, key, &error), -1);
    assert_null(strstr(error.text, "0123456"));
    put_file(public, "0123456789012345678901234567890123456789", 0644); /* no newline is no harm */
    assert_int_equal(link_public_key_read(public, key, &error), 0);
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(link_keys_create("/nonexistent/a", "/nonexistent/b", 0, &error), -1);
    assert_int_equal(error.code, FEP_E_SYSTEM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pair_is_written_and_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_overwritten_unasked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_files_are_refused, set_up, tear_down),
        cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests_name("link_keys", tests, NULL, NULL);
}
