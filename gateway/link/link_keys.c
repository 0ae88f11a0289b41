/* CURVE keys in files: Z85 text, one line. The secret one is 0600 and refused if others may read it. Must
 * never print a secret key, and never leave half a file: a new pair is written beside, synced, and renamed;
 * the secret first, so that a public key that was given away always has its secret here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "error.h"
#include "link_socket.h"

#define KEY_TEXT 40

static int
write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -1;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* The rename counts only once the directory is on disk. */
static int
sync_directory(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    int fd, status;

    if (size >= sizeof directory)
        return -1;
    memcpy(directory, path, size);
    directory[size] = '\0';
    fd = open(slash == NULL ? "." : size == 0 ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    status = fsync(fd);
    close(fd);
    return status;
}

static int
write_key(const char *path, const char key[41], mode_t mode, struct fep_error *error)
{
    char beside[4096], line[KEY_TEXT + 1];
    int fd, size = snprintf(beside, sizeof beside, "%s.new", path);

    if (size < 0 || (size_t)size >= sizeof beside)
        return error_set(error, 0, FEP_E_KEY_INVALID, "path of a key file is too long");
    memcpy(line, key, KEY_TEXT);
    line[KEY_TEXT] = '\n';
    if (unlink(beside) != 0 && errno != ENOENT)
        return error_set(error, 0, FEP_E_SYSTEM, "%s: %s", beside, strerror(errno));
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_set(error, 0, FEP_E_SYSTEM, "%s: %s", beside, strerror(errno));
    /* fchmod: the umask may have taken away what others need to read the public key */
    if (fchmod(fd, mode) != 0 || write_all(fd, line, sizeof line) != 0 || fsync(fd) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "%s: %s", beside, strerror(errno));
        close(fd);
        goto remove;
    }
    if (close(fd) != 0 || rename(beside, path) != 0 || sync_directory(path) != 0) {
        error_set(error, 0, FEP_E_SYSTEM, "%s: %s", path, strerror(errno));
        goto remove;
    }
    explicit_bzero(line, sizeof line);
    return 0;

remove:
    explicit_bzero(line, sizeof line);
    (void)unlink(beside);
    return -1;
}

int
link_keys_create(const char *secret_file, const char *public_file, int overwrite, struct fep_error *error)
{
    char public_key[41], secret_key[41];
    int status;

    if (!overwrite && (access(secret_file, F_OK) == 0 || access(public_file, F_OK) == 0))
        return error_set(error, 0, FEP_E_KEY_INVALID, "%s exists already and is not overwritten",
                         access(secret_file, F_OK) == 0 ? secret_file : public_file);
    if (zmq_curve_keypair(public_key, secret_key) != 0)
        return error_set(error, 0, FEP_E_LINK_CRYPTO, "libzmq makes no keys: %s", zmq_strerror(errno));
    status = write_key(secret_file, secret_key, 0600, error);
    if (status == 0)
        status = write_key(public_file, public_key, 0644, error);
    explicit_bzero(secret_key, sizeof secret_key);
    return status;
}

/* One line of Z85, with or without its newline. */
static int
read_key(const char *path, int secret, char key[41], struct fep_error *error)
{
    char text[KEY_TEXT + 2];
    uint8_t bytes[32];
    struct stat info;
    ssize_t size = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC), status = -1;

    if (fd < 0)
        return error_set(error, 0, FEP_E_KEY_MISSING, "key file %s: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0) {
        error_set(error, 0, FEP_E_KEY_MISSING, "key file %s: %s", path, strerror(errno));
        goto close_file;
    }
    if (secret && (info.st_mode & 0077) != 0) {
        error_set(error, 0, FEP_E_KEY_INVALID, "secret key %s has mode 0%o; it must be 0600", path,
                  info.st_mode & 0777u);
        goto close_file;
    }
    do {
        size = read(fd, text, sizeof text);
    } while (size < 0 && errno == EINTR);
    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size != KEY_TEXT) {
        error_set(error, 0, FEP_E_KEY_INVALID, "key file %s is not one line of 40 characters", path);
        goto close_file;
    }
    memcpy(key, text, KEY_TEXT);
    key[KEY_TEXT] = '\0';
    if (zmq_z85_decode(bytes, key) == NULL)
        error_set(error, 0, FEP_E_KEY_INVALID, "key file %s is not Z85 text", path);
    else
        status = 0;
    explicit_bzero(bytes, sizeof bytes);

close_file:
    explicit_bzero(text, sizeof text);
    close(fd);
    return status;
}

int
link_keys_read(const char *secret_file, struct link_curve *keys, struct fep_error *error)
{
    if (read_key(secret_file, 1, keys->secret_key, error) != 0)
        return -1;
    if (zmq_curve_public(keys->public_key, keys->secret_key) != 0)
        return error_set(error, 0, FEP_E_KEY_INVALID, "key file %s: libzmq finds no public key to it: %s",
                         secret_file, zmq_strerror(errno));
    return 0;
}

int
link_public_key_read(const char *public_file, char key[41], struct fep_error *error)
{
    return read_key(public_file, 0, key, error);
}
