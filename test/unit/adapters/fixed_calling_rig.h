/* The fixed module calling a scripted local system. */
#ifndef FIXED_CALLING_RIG_H
#define FIXED_CALLING_RIG_H

#include "fixed_frames.h"

/* One request the local system took; its head is released by the answer. */
struct request {
    struct fep_record *head;
    char local[8], serial[24];
    unsigned char record[4096];
    size_t size;
};

extern const char *const rig_person_head[];
extern const struct fake_message rig_person, rig_settle, rig_registration;

int rig_set_up(void **state); /* the module has begun to connect */

/* The module has connected and is signed on, with this window. */
void rig_sign_on(struct fixture *f, const char *window);
void rig_sign_on_at(struct fixture *f, const char *window, const char *clock);
struct request rig_take_request(struct fixture *f);
/* Builds the answer's frame in f->wire->out, returns its size. Releases the request and the body. */
size_t rig_make_answer(struct fixture *f, struct request *request, const char *code, const char *date,
                       struct fep_record *body);
void rig_send_frame(struct fixture *f, size_t size); /* of f->wire->out */
void rig_answer(struct fixture *f, struct request *request, const char *code, struct fep_record *body);
struct fep_record *rig_settled(struct fixture *f);
/* A settlement that is taken and answered well: and completed so. */
void rig_settle_well(struct fixture *f);
/* A request that is taken, not answered, and cancelled at its deadline. */
void rig_time_out(struct fixture *f);

#endif
