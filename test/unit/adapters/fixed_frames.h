/* Frames between a fixed module and the test's local system: what is common to both directions. */
#ifndef FIXED_FRAMES_H
#define FIXED_FRAMES_H

#include "codec.h"
#include "module_rig.h"

struct wire {
    struct fixed_codec codec;
    char files[96];             /* the folder of files exchanged */
    unsigned char out[1 << 19]; /* the frame to be sent */
    size_t out_size;
    unsigned char answer[70000]; /* the last one read, without its length */
    size_t answer_size;
};

/* A fixture whose wire speaks dajizhong. */
struct fixture *rig_create_fixed(bool module_calls);
/* A whole frame has come, a heartbeat among them; or the module has closed. Fits fake_run_until. */
bool rig_frame_there(void *peer);
/* Waits for the next frame, copies it without its length to `out` and reads its head, which is the caller's. */
struct fep_record *rig_take_frame(struct peer *peer, unsigned char *out, size_t room, size_t *size);
void rig_expect_heartbeat(struct peer *peer);
/* Encodes into f->wire->out; releases both records. */
void rig_build_frame(struct fixture *f, struct fep_record *head, struct fep_record *body);
/* Writes a file of the folder of files. */
void rig_write_file(const struct fixture *f, const char *name, const char *suffix, const void *bytes, size_t size);

#endif
