/* The fixed module serving local systems played by the test, as the host answers. */
#ifndef FIXED_SERVING_RIG_H
#define FIXED_SERVING_RIG_H

#include "fixed_frames.h"

int rig_set_up(void **state);
int rig_set_up_by_clock(void **state); /* as rig_set_up, looking for files to make all the time */

struct fep_record *rig_make_head(struct fixture *f, const char *tran, const char *serial);
struct fep_record *rig_settle_body(struct fixture *f);
void rig_send_frame(struct peer *peer); /* the one built last */
/* Writes over a place of the record built last, and seals it anew. */
void rig_patch_frame(struct fixture *f, size_t at, const char *text);
void rig_send_settle(struct peer *peer, const char *serial);
void rig_send_sign_on(struct peer *peer, const char *password, const char *window);
struct peer *rig_sign_on(struct fixture *f, int which);

/* Return code, serial, our serial, accounting date. */
struct told {
    char fields[4][64];
};
/* The next answer, into f->wire->answer; valid until the next one. */
const struct told *rig_read_answer(struct peer *peer);
void rig_expect(struct peer *peer, const char *serial, const char *code);
struct fep_record *rig_settled(struct fixture *f);

#endif
