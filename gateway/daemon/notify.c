/* Readiness and signs of life for a service manager. Must never keep the keeper waiting, and does nothing
 * where no manager asked for it. */
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int64_t
read_number(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    int64_t number = text != NULL ? strtoll(text, &end, 10) : 0;
    return text == NULL || *text == '\0' || *end != '\0' || number < 0 ? 0 : number;
}

void
notify_take(struct notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    int64_t usec = read_number("WATCHDOG_USEC"), pid = read_number("WATCHDOG_PID");
    memset(notify, 0, sizeof *notify);
    if (path != NULL && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof notify->socket)
        memcpy(notify->socket, path, strlen(path) + 1);
    if (notify->socket[0] != '\0' && (pid == 0 || pid == getpid()))
        notify->watchdog_ms = usec / 2000;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void
notify_tell(const struct notify *notify, const char *word)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(notify->socket);
    if (length == 0)
        return;
    memcpy(address.sun_path, notify->socket, length);
    if (address.sun_path[0] == '@') /* an abstract name */
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return; /* said again with the next sign of life; READY is lost only where nothing else works either
                 */
    (void)sendto(fd, word, strlen(word), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

void
notify_tick(struct notify *notify, int64_t now_ms)
{
    if (notify->watchdog_ms == 0 || now_ms < notify->watchdog_due)
        return;
    notify->watchdog_due = now_ms + notify->watchdog_ms;
    notify_tell(notify, "WATCHDOG=1");
}
