#include "seal_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coding.h"

static char folder[64];
static const char *const names[] = {"app_id",    "app_secret",   "sign_key",     "verify_key", "content_key",
                                    "header_id", "header_token", "bearer_token", "profile"};

int
rig_setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/fep-seal-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int
rig_teardown(void **state)
{
    (void)state;
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

const char *
rig_folder(void)
{
    return folder;
}

void
rig_put(const char *name, const char *text, unsigned mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

void
rig_put_all(void)
{
    rig_put("app_id", RIG_APP_ID "\n", 0600);
    rig_put("app_secret", RIG_APP_SECRET "\n", 0600);
    rig_put("sign_key", RIG_PRIVATE "\n", 0600);
    rig_put("verify_key", RIG_POINT "\n", 0400);
    rig_put("header_id", "H45010000001", 0600);
    rig_put("header_token", "0123456789ABCDEF", 0600);
    rig_put("bearer_token", "abc.def-ghi", 0600);
}

static int
load(const char *text, struct seal_profile *profile, struct fep_error *error)
{
    char path[128];
    char *whole = NULL;
    assert_true(asprintf(&whole, "seal = {\n%s\n};\n", text) > 0);
    rig_put("profile", whole, 0600);
    free(whole);
    snprintf(path, sizeof path, "%s/profile", folder);
    return seal_load_profile(path, NULL, NULL, profile, error);
}

struct seal_profile
rig_profile(const char *text)
{
    struct seal_profile profile;
    struct fep_error error = {0};
    if (load(text, &profile, &error) != 0)
        fail_msg("%s", error.text);
    return profile;
}

bool
rig_refuses(const char *text, struct fep_error *error)
{
    struct seal_profile profile;
    return load(text, &profile, error) != 0;
}

struct seal *
rig_open(const char *text)
{
    struct seal_profile profile = rig_profile(text);
    struct seal *seal;
    struct fep_error error = {0};
    if (seal_open(&profile, folder, SEAL_ANY, &seal, &error) != 0)
        fail_msg("%s", error.text);
    return seal;
}

void
rig_expect_text(const struct seal_message *message, const char *text)
{
    assert_non_null(message->body);
    assert_string_equal(message->body, text);
    assert_int_equal(message->body_size, strlen(text));
}

size_t
rig_unhex(const char *hex, unsigned char *out)
{
    long size = coding_decode(SEAL_HEX, hex, strlen(hex), out, strlen(hex) / 2);
    assert_true(size >= 0);
    return (size_t)size;
}
