/* Lines between a caret module and the test's local system, in both directions. */
#ifndef CARET_LINES_H
#define CARET_LINES_H

#include "module_rig.h"

struct wire {
    const char *line_end; /* "\r\n" or "\n" */
    char line[70000];     /* the last one read, as UTF-8 without its end */
};

/* A whole line has come, or the module has closed. Fits fake_run_until. */
bool rig_line_there(void *peer);
/* The next line; valid until the next one. Fails the test if the connection closes first. */
const char *rig_read_line(struct peer *peer);
void rig_expect_line(struct peer *peer, const char *begins);
/* As it stands, in the mapping's charset. */
void rig_send_text(struct peer *peer, const char *text);
void rig_send_line(struct peer *peer, const char *text); /* and the line's end */
/* The index-th field between carets of a line; four at a time. */
const char *rig_field_of(const char *line, int index);

#endif
