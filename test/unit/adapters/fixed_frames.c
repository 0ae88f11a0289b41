/* Frames between a fixed module and the test's local system, by the module's own codec, which
 * test_fixed_codec checks against the protocol text. */
#include "fixed_frames.h"

#include <stdio.h>
#include <string.h>

struct fixture *
rig_create_fixed(bool module_calls)
{
    struct fixture *f = rig_create("dajizhong-450900.cfg", module_calls, sizeof *f->wire);
    struct fep_error error = {0};
    if (fixed_codec_open(&f->wire->codec, &f->fake->host, &error) != 0)
        fail_msg("%s", error.text);
    return f;
}

bool
rig_frame_there(void *arg)
{
    struct peer *peer = arg;
    rig_receive(peer);
    return peer->closed || fixed_frame_size(&peer->f->wire->codec, peer->in, peer->size) >= 0;
}

static void
drop_frame(struct peer *peer, size_t size)
{
    peer->size -= 6 + size;
    memmove(peer->in, peer->in + 6 + size, peer->size);
}

struct fep_record *
rig_take_frame(struct peer *peer, unsigned char *out, size_t room, size_t *size)
{
    struct fixed_codec *codec = &peer->f->wire->codec;
    struct fep_error error;
    assert_true(fake_run_until(peer->f->fake, rig_frame_there, peer));
    long length = fixed_frame_size(codec, peer->in, peer->size);
    assert_true(length > 0 && (size_t)length <= room);
    *size = (size_t)length;
    memcpy(out, peer->in + 6, *size);
    drop_frame(peer, *size);
    assert_true(fixed_seal_holds(codec, out, *size));
    struct fep_record *head = fixed_decode_head(codec, out, *size, &error);
    assert_non_null(head);
    return head;
}

void
rig_expect_heartbeat(struct peer *peer)
{
    assert_true(fake_run_until(peer->f->fake, rig_frame_there, peer));
    assert_int_equal(fixed_frame_size(&peer->f->wire->codec, peer->in, peer->size), 0);
    drop_frame(peer, 0);
}

void
rig_build_frame(struct fixture *f, struct fep_record *head, struct fep_record *body)
{
    struct fep_error error;
    long size = fixed_encode_frame(&f->wire->codec, head, body, f->wire->out, &error);
    if (size < 0)
        fail_msg("%s", error.text);
    f->wire->out_size = (size_t)size;
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
}

void
rig_write_file(const struct fixture *f, const char *name, const char *suffix, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", f->wire->files, name, suffix);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(out);
}
