/* Making keys. Must never overwrite a body or pseudonym key (what was encrypted or ordered under it would be
 * lost), and never print a secret. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "body_cipher.h"
#include "error.h"
#include "link_socket.h"

/* A key in use that is replaced by mistake is lost: this says so before anything is tried. */
static bool
refuse_existing(const struct ctl *ctl, const char *path)
{
    struct fep_error error = {0};
    struct stat state;
    if (ctl->overwrite || lstat(path, &state) != 0)
        return false;
    error_set(&error, 0, FEP_E_USAGE, "%s exists already and is not overwritten", path);
    ctl_fail(ctl, &error, CTL_BAD);
    return true;
}

int
ctl_keys_link(struct ctl *ctl)
{
    struct fep_error error = {0};
    char public_file[PATH_MAX], key[41];
    int length = snprintf(public_file, sizeof public_file, "%s.pub", ctl->words[0]);
    if (length < 0 || (size_t)length >= sizeof public_file) {
        error_set(&error, 0, FEP_E_USAGE, "the path is too long");
        return ctl_fail(ctl, &error, CTL_MISUSED);
    }
    if (refuse_existing(ctl, ctl->words[0]) || refuse_existing(ctl, public_file))
        return CTL_BAD;
    if (link_keys_create(ctl->words[0], public_file, ctl->overwrite, &error) != 0 ||
        link_public_key_read(public_file, key, &error) != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    printf("%s %s\n%s %s  %s\n", ctl_text(ctl, "私钥", "secret"), ctl->words[0],
           ctl_text(ctl, "公钥", "public"), public_file, key);
    return CTL_GOOD;
}

int
ctl_keys_body(struct ctl *ctl)
{
    struct fep_error error = {0};
    if (refuse_existing(ctl, ctl->words[0]))
        return CTL_BAD;
    if (body_key_create(ctl->words[0], &error) != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    printf("%s %s\n%s\n", ctl_text(ctl, "已生成", "made"), ctl->words[0],
           ctl_text(ctl, "请另存一份到安全处：没有它，已存的内容再也读不出来。",
                    "Keep a copy in a safe place: without it what is stored can never be read again."));
    return CTL_GOOD;
}

/* All or nothing: a file with half a key would be taken for one later. */
static int
write_key(const char *path, const char *text, size_t size, struct fep_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(errno));
    ssize_t written = write(fd, text, size);
    int saved = written < 0 ? errno : ENOSPC;
    bool good = written == (ssize_t)size && fsync(fd) == 0;
    if (close(fd) != 0 || !good) {
        unlink(path);
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(saved));
    }
    return 0;
}

int
ctl_keys_pseudonym(struct ctl *ctl)
{
    static const char digits[] = "0123456789abcdef";
    struct fep_error error = {0};
    unsigned char key[32];
    char text[65];
    if (refuse_existing(ctl, ctl->words[0]))
        return CTL_BAD;
    if (getrandom(key, sizeof key, 0) != sizeof key) {
        error_set(&error, 0, FEP_E_SYSTEM, "no random numbers: %s", strerror(errno));
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    }
    for (size_t i = 0; i < sizeof key; i++) {
        text[2 * i] = digits[key[i] >> 4];
        text[2 * i + 1] = digits[key[i] & 15];
    }
    text[64] = '\n';
    int status = write_key(ctl->words[0], text, sizeof text, &error);
    explicit_bzero(key, sizeof key);
    explicit_bzero(text, sizeof text);
    if (status != 0)
        return ctl_fail(ctl, &error, CTL_SURROUNDINGS);
    printf(
        "%s %s\n%s\n", ctl_text(ctl, "已生成", "made"), ctl->words[0],
        ctl_text(
            ctl, "请另存一份到安全处：换了它，同一人的业务就认不出先后。",
            "Keep a copy in a safe place: under another one, one person's updates are not kept in order."));
    return CTL_GOOD;
}
