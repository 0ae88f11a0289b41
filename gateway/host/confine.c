/* Limits of the process. Must run before the module is loaded; a limit that can not be set stops the start.
 */
#include "confine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

int
confine_process(struct fep_error *error)
{
    umask(077);
    /* 1 and not 0: a system that pipes dumps to a program ignores 0, and 1 byte is too small for a file. */
    const struct rlimit no_core = {1, 1};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot confine the process: %s", strerror(errno));
    /* The keeper has asked for a harder signal; who is started by hand ends with its parent, too. */
    int signal_number = 0;
    if (prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == 0 &&
        prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return error_set(error, 0, FEP_E_SYSTEM, "cannot bind to the parent's life: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    return 0;
}
