/* Test builds only: ends the process at a named point, as a power cut would. Must never run a handler, flush
 * or unlock anything on the way, and must not exist in a shipped build. */
#include "kill_point.h"

#ifdef FEP_KILL_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
kill_point(const char *name)
{
    const char *wanted = getenv("FEP_KILL_POINT");
    if (!wanted || strcmp(wanted, name) != 0)
        return;
    const char *file = getenv("FEP_KILL_FILE");
    if (file) {
        int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return; /* it has struck already */
        close(fd);
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause(); /* the signal may reach another thread of this process first */
}
#endif
