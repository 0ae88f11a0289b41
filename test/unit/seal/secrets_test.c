/* Secrets that are missing, open to others or no keys; and what a profile may not say. */
#include "seal_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int
try_open(const char *profile_text, enum seal_role role, struct fep_error *error)
{
    struct seal *seal;
    struct seal_profile profile = rig_profile(profile_text);
    int status = seal_open(&profile, rig_folder(), role, &seal, error);
    assert_true((status == 0) == (seal != NULL));
    seal_close(seal);
    return status;
}

static void
open_to_others_is_refused(void **state)
{
    (void)state;
    static const unsigned modes[] = {0640, 0604, 0660, 0666, 0610};
    struct fep_error error = {0};
    rig_put_all();
    assert_int_equal(try_open("message = \"envelope\";", SEAL_CLIENT, &error), 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        rig_put("app_secret", RIG_APP_SECRET, modes[i]);
        assert_int_equal(try_open("message = \"envelope\";", SEAL_CLIENT, &error), -1);
        assert_int_equal(error.code, 1021);
        assert_non_null(strstr(error.text, "app_secret"));
        assert_null(strstr(error.text, RIG_APP_SECRET));
    }
    rig_put("app_secret", RIG_APP_SECRET, 0400);
    assert_int_equal(try_open("message = \"envelope\";", SEAL_CLIENT, &error), 0);
    char path[128];
    snprintf(path, sizeof path, "%s/app_secret", rig_folder());
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not make the start wait */
    assert_int_equal(try_open("message = \"envelope\";", SEAL_CLIENT, &error), -1);
}

static void
what_is_missing_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *profile, *missing;
        enum seal_role role;
        bool needed;
    } cases[] = {{"message = \"envelope\";", "app_id", SEAL_CLIENT, true},
                 {"message = \"envelope\";", "app_secret", SEAL_SERVER, true},
                 {"message = \"envelope\";", "sign_key", SEAL_CLIENT, true},
                 {"message = \"envelope\";", "verify_key", SEAL_CLIENT, true},
                 {"message = \"envelope\"; answers = \"plain\";", "verify_key", SEAL_CLIENT, false},
                 {"message = \"envelope\"; answers = \"plain\";", "sign_key", SEAL_SERVER, false},
                 {"message = \"envelope\"; answers = \"plain\";", "verify_key", SEAL_SERVER, true},
                 {"message = \"input\";", "app_id", SEAL_CLIENT, true},
                 {"message = \"input\";", "app_secret", SEAL_CLIENT, false},
                 {"message = \"input\"; cipher = { key = \"content\"; };", "content_key", SEAL_CLIENT, true},
                 {"message = \"head\";", "app_id", SEAL_CLIENT, false},
                 {"message = \"head\";", "sign_key", SEAL_CLIENT, true},
                 {"header = \"x-tif\";", "header_id", SEAL_CLIENT, true},
                 {"header = \"x-tif\";", "header_token", SEAL_CLIENT, false},
                 {"header = \"hmac\";", "header_token", SEAL_SERVER, true},
                 {"header = \"bearer\";", "bearer_token", SEAL_CLIENT, false},
                 {"header = \"bearer\";", "bearer_token", SEAL_SERVER, true},
                 {"", "sign_key", SEAL_CLIENT, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        struct fep_error error = {0};
        rig_put_all();
        rig_put("content_key", "0123456789abcdef", 0600);
        assert_int_equal(try_open(cases[i].profile, cases[i].role, &error), 0);
        snprintf(path, sizeof path, "%s/%s", rig_folder(), cases[i].missing);
        unlink(path);
        assert_int_equal(try_open(cases[i].profile, cases[i].role, &error), cases[i].needed ? -1 : 0);
        if (cases[i].needed) {
            assert_int_equal(error.code, 1020);
            assert_non_null(strstr(error.text, cases[i].missing));
        }
        assert_int_equal(try_open(cases[i].profile, SEAL_ANY, &error), 0);
    }
}

static void
keys_that_are_none(void **state)
{
    (void)state;
    struct fep_error error = {0};
    rig_put_all();
    rig_put("sign_key", "not a key", 0600);
    assert_int_equal(try_open("message = \"head\";", SEAL_CLIENT, &error), -1);
    assert_int_equal(error.code, 1021);
    assert_null(strstr(error.text, "not a key"));
    rig_put_all();
    rig_put("app_id", "short", 0600);
    assert_int_equal(try_open("message = \"input\";", SEAL_CLIENT, &error), -1);
    rig_put("content_key", "0123456789abcdeg0123456789abcdef", 0600);
    assert_int_equal(
        try_open("message = \"input\"; cipher = { key = \"content-hex\"; };", SEAL_CLIENT, &error), -1);
}

static void
profiles_that_do_not_hold(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "heder = \"none\";",
        "header = \"xtif\";",
        "message = \"head\"; cipher = { algorithm = \"sm4\"; };",
        "message = \"envelope\"; text = { style = \"raw\"; };",
        "message = \"head\"; text = { data = \"cipher\"; };",
        "message = \"input\"; text = { data = \"cipher\"; style = \"json\"; };",
        "header = \"hmac\"; headers = { parts = \"timestamp bdoy\"; };",
        "header = \"hmac\"; headers = { parts = \"\"; };",
        "header = \"hmac\"; headers = { encoding = \"base64-lines\"; };",
        "header = \"x-tif\"; headers = { id_name = \"a b\"; };",
        "header = \"x-tif\"; headers = { skew_s = 86401; };",
        "message = \"envelope\"; names = { data = \"\"; };",
        "message = \"envelope\"; names = { app_id = \"a\\\"b\"; };",
        "message = \"envelope\"; names = { answer = ((\"code\")); };",
        "message = \"envelope\"; sign = { id = 5; };",
        "message = \"envelope\"; text = { leaving = \"a b c d e f g h i j k l m\"; };"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fep_error error = {0};
        if (!rig_refuses(bad[i], &error))
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(error.text, "profile:"));
    }
}

static void
folder_beside_the_profile(void **state)
{
    (void)state;
    char expected[128];
    struct seal_profile profile = rig_profile("secrets = \"../keys/one\";");
    snprintf(expected, sizeof expected, "%s/../keys/one", rig_folder());
    assert_string_equal(profile.secrets, expected);
    profile = rig_profile("secrets = \"/etc/fep/keys\";");
    assert_string_equal(profile.secrets, "/etc/fep/keys");
}

static void
shipped_groups_hold(void **state)
{
    (void)state;
    static const char *const names[] = {"bearer", "envelope", "head", "hmac", "input", "portal", "x-tif"};
    rig_put_all();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct seal_profile profile;
        struct seal *seal;
        struct fep_error error = {0};
        snprintf(path, sizeof path, "%s/etc/profile/seal-%s.cfg", getenv("FEP_SOURCE"), names[i]);
        if (seal_load_profile(path, NULL, NULL, &profile, &error) != 0 ||
            seal_open(&profile, rig_folder(), SEAL_CLIENT, &seal, &error) != 0)
            fail_msg("%s", error.text);
        assert_true(profile.header != SEAL_HEADER_NONE || profile.message != SEAL_MESSAGE_NONE);
        seal_close(seal);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(open_to_others_is_refused), TEST(what_is_missing_is_said),   TEST(keys_that_are_none),
        TEST(profiles_that_do_not_hold), TEST(folder_beside_the_profile), TEST(shipped_groups_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
