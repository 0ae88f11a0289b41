/* The caret module with pipe.cfg: its start in either direction. */
#include "caret_pipe_rig.h"

#include <stdio.h>
#include <stdlib.h>

const char *
rig_pipe_file(void)
{
    static char path[512];
    const char *source = getenv("FEP_SOURCE");
    snprintf(path, sizeof path, "%s/test/unit/adapters/pipe.cfg", source != NULL ? source : ".");
    char *whole = realpath(path, NULL);
    assert_non_null(whole);
    snprintf(path, sizeof path, "%s", whole);
    free(whole);
    return path;
}

static struct fixture *
open_pipe(bool module_calls)
{
    struct fixture *f = rig_create(rig_pipe_file(), module_calls, sizeof *f->wire);
    f->wire->line_end = "\n";
    rig_open(f, (const char *const[]){"mode", module_calls ? "call" : "serve",
                                      module_calls ? "connect" : "listen", f->address, NULL});
    rig_expect_serving(f);
    f->fake->completion_count = 0;
    return f;
}

int
rig_set_up_calling(void **state)
{
    *state = open_pipe(true);
    return 0;
}

int
rig_set_up_serving(void **state)
{
    struct fixture *f = open_pipe(false);
    rig_connect(f, 0);
    *state = f;
    return 0;
}

struct fep_call *
rig_call_with(struct fixture *f, uint64_t serial)
{
    struct fep_call *call = rig_next_call(f);
    call->attempt.serial = serial;
    return call;
}
