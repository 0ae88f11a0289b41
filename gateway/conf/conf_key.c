/* Key files: 32 bytes as 64 hex digits. Must not accept a file that others can read or write, nor leave key
 * bytes in memory that is given back. Fails with the path and the reason, never with a part of the content.
 */
#include "conf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

enum { KEY_DIGITS = 64 };

static int
hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool
parse_key(const char *text, size_t size, uint8_t key[32])
{
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    if (size != KEY_DIGITS)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t)(high * 16 + low);
    }
    return true;
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

int
conf_read_key(const char *path, uint8_t key[32], struct fep_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in its place must not stop the start */
    if (fd < 0)
        return error_set(error, 0, errno == ENOENT ? FEP_E_KEY_MISSING : FEP_E_KEY_INVALID, "%s: %s", path,
                         strerror(errno));
    char text[KEY_DIGITS + 8];
    int status = check_file(fd, path, error);
    if (status == 0) {
        ssize_t size = read(fd, text, sizeof text);
        if (size < 0)
            status = error_set(error, 0, FEP_E_KEY_INVALID, "%s: %s", path, strerror(errno));
        else if (!parse_key(text, (size_t)size, key))
            status = error_set(error, 0, FEP_E_KEY_INVALID, "%s: not a key; expected 64 hex digits", path);
        explicit_bzero(text, sizeof text);
    }
    close(fd);
    if (status != 0)
        explicit_bzero(key, 32);
    return status;
}
