/* Secrets out of a folder of small files. Must never take one that others may read, nor leave its bytes
 * behind. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

enum { MOST_SECRET = 16 * 1024 };

static const char *const names[SECRET_COUNT] = {"app_id",      "app_secret", "sign_key",     "verify_key",
                                                "content_key", "header_id",  "header_token", "bearer_token"};

const char *
secrets_name(enum secret secret)
{
    return names[secret];
}

static int
check_file(int fd, const char *path, struct fep_error *error)
{
    struct stat state;
    if (fstat(fd, &state) != 0)
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(errno));
    if (!S_ISREG(state.st_mode))
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: not a file", path);
    if ((state.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: others may use it (mode %04o); expected mode 0600",
                         path, (unsigned)(state.st_mode & 07777));
    return 0;
}

static int
read_all(int fd, const char *path, struct bytes *out, struct fep_error *error)
{
    for (;;) {
        char *place = bytes_reserve(out, 1024);
        ssize_t size = place != NULL ? read(fd, place, 1024) : -1;
        if (place == NULL)
            return error_set(error, 0, FEP_E_NO_MEMORY, "%s", path);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(errno));
        if (size == 0)
            break;
        out->size += (size_t)size;
        if (out->size > MOST_SECRET)
            return error_set(error, 0, FEP_E_KEY_INVALID, "%s: larger than a secret", path);
    }
    while (out->size > 0 && (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->size--;
    out->data[out->size] = '\0';
    return 0;
}

int
secrets_read(const char *folder, enum secret secret, struct bytes *out, struct fep_error *error)
{
    char path[1024];
    int size = snprintf(path, sizeof path, "%s/%s", folder, names[secret]);
    if (size < 0 || (size_t)size >= sizeof path)
        return error_set(error, 0, FEP_E_KEY_INVALID, "the path of the secrets is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in its place must not stop the start */
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(errno));
    int status = check_file(fd, path, error);
    if (status == 0)
        status = read_all(fd, path, out, error);
    close(fd);
    if (status != 0)
        bytes_finish(out);
    return status == 0 ? 1 : -1;
}
