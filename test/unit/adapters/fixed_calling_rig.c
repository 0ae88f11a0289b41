/* The fixed module calling: the local system's side of sign-on and answers. */
#include "fixed_calling_rig.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

const char *const rig_person_head[] = {"H-TREAT-RGN", "450100",       "H-INSU-RGN", "450900",
                                       "H-HOSP",      "H45010000003", NULL};
static const char *const person_body[] = {"PQ-KIND", "P", "PQ-VALUE", "45090000000000000003", NULL};
static const char *const settle_body[] = {"SQ-CTR-VISIT", "DJ1",    "SQ-VISIT-NO", "Z1",
                                          "SQ-HIS-TOTAL", "100.00", NULL};
static const char *const register_body[] = {"RQ-PSN-NO", "45090000000000000002", "RQ-MED-CAT", "06",
                                            "RQ-TIME",   "20261122101500",       NULL};
const struct fake_message rig_person = {"100001", rig_person_head, person_body, NULL};
const struct fake_message rig_settle = {"400002", rig_person_head, settle_body, NULL};
const struct fake_message rig_registration = {"200001", rig_person_head, register_body, NULL};

int
rig_set_up(void **state)
{
    struct fixture *f = rig_create_fixed(true);
    snprintf(f->wire->files, sizeof f->wire->files, "%s", f->directory);
    rig_open(f, (const char *const[]){"connect", f->address, "password_file", "secret", "pause_min", "20",
                                      "pause_max", "50", "file_in", f->wire->files, "file_out",
                                      f->wire->files, "file_poll_time", "30", NULL});
    *state = f;
    return 0;
}

struct request
rig_take_request(struct fixture *f)
{
    struct request request = {0};
    request.head = rig_take_frame(&f->peers[0], request.record, sizeof request.record, &request.size);
    snprintf(request.local, sizeof request.local, "%s", fake_get(f->fake, request.head, "H-TRAN"));
    snprintf(request.serial, sizeof request.serial, "%s", fake_get(f->fake, request.head, "H-SERIAL"));
    return request;
}

size_t
rig_make_answer(struct fixture *f, struct request *request, const char *code, const char *date,
                struct fep_record *body)
{
    set_field(&f->fake->host, request->head, "H-KIND", "R");
    set_field(&f->fake->host, request->head, "H-RET-CODE", code);
    set_field(&f->fake->host, request->head, "H-RET-MSG",
              strcmp(code, "000000") == 0 ? "交易成功" : "出错了");
    set_field(&f->fake->host, request->head, "H-CTR-SERIAL", "DJ202611221130060088");
    set_field(&f->fake->host, request->head, "H-BUS-DATE", date);
    rig_build_frame(f, request->head, body);
    return f->wire->out_size;
}

void
rig_send_frame(struct fixture *f, size_t size)
{
    rig_send(&f->peers[0], f->wire->out, size);
}

void
rig_answer(struct fixture *f, struct request *request, const char *code, struct fep_record *body)
{
    rig_send_frame(f, rig_make_answer(f, request, code, "20261122", body));
}

struct fep_record *
rig_settled(struct fixture *f)
{
    return fake_record(f->fake, "400002-R",
                       (const char *const[]){"SR-SETL-NO", "DJS1", "SR-TOTAL", "100.00", "SR-FUND", "60.00",
                                             "SR-CASH", "40.00", NULL});
}

void
rig_sign_on_at(struct fixture *f, const char *window, const char *clock)
{
    rig_accept(f, 0);
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "900001");
    assert_memory_equal(request.record + 256, "secret                          ", 32);
    assert_memory_equal(request.record + 128, "00000000", 8);
    rig_answer(f, &request, "000000",
               fake_record(f->fake, "900001-R",
                           (const char *const[]){"LR-BUS-DATE", "20261122", "LR-CTR-TIME", clock, "LR-WINDOW",
                                                 window, NULL}));
}

void
rig_sign_on(struct fixture *f, const char *window)
{
    rig_sign_on_at(f, window, "20261122101500");
}

void
rig_settle_well(struct fixture *f)
{
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
}

void
rig_time_out(struct fixture *f)
{
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_UNKNOWN);
}
