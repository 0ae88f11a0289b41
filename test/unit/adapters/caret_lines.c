/* Lines between a caret module and the test's local system: cut, converted, compared. */
#include "caret_lines.h"

#include <stdio.h>
#include <string.h>

bool
rig_line_there(void *arg)
{
    struct peer *peer = arg;
    rig_receive(peer);
    return peer->closed || strstr((char *)peer->in, peer->f->wire->line_end) != NULL;
}

const char *
rig_read_line(struct peer *peer)
{
    struct fake_host *fake = peer->f->fake;
    struct wire *wire = peer->f->wire;
    assert_true(fake_run_until(fake, rig_line_there, peer));
    char *in = (char *)peer->in, *end = strstr(in, wire->line_end);
    assert_non_null(end);
    int size = fake->host.decode_text(fake, peer->in, (size_t)(end - in), true, wire->line,
                                      sizeof wire->line - 1, NULL);
    assert_true(size >= 0);
    wire->line[size] = '\0';
    size_t taken = (size_t)(end - in) + strlen(wire->line_end);
    memmove(peer->in, peer->in + taken, peer->size - taken + 1);
    peer->size -= taken;
    return wire->line;
}

void
rig_expect_line(struct peer *peer, const char *begins)
{
    const char *line = rig_read_line(peer);
    if (strncmp(line, begins, strlen(begins)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", line, begins);
}

void
rig_send_text(struct peer *peer, const char *text)
{
    unsigned char wire[4096];
    rig_send(peer, wire, fake_encode(peer->f->fake, text, wire, sizeof wire));
}

void
rig_send_line(struct peer *peer, const char *text)
{
    rig_send_text(peer, text);
    rig_send_text(peer, peer->f->wire->line_end);
}

const char *
rig_field_of(const char *line, int index)
{
    static char text[4][256];
    static unsigned turn;
    char *out = text[turn++ % 4];
    for (; index > 0 && (line = strchr(line, '^')) != NULL; index--)
        line++;
    snprintf(out, 256, "%.*s", line != NULL ? (int)strcspn(line, "^") : 0, line != NULL ? line : "");
    return out;
}
