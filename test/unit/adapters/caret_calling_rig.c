/* The caret module calling: its start and the local system's side of the sign-in. */
#include "caret_calling_rig.h"

const char *const rig_head[] = {"HOSPITAL", "H45090000001", "CENTRE", "450900", NULL};
static const char *const settle_body[] = {"VISIT-NO",    "ZY1",     "VISIT-ID",  "NN1",    "BILL-NO",
                                          "FP1",         "MED-CAT", "21",        "TIME",   "20261122101500",
                                          "USE-ACCOUNT", "0",       "HIS-TOTAL", "125.55", NULL};
static const char *const person_body[] = {"KIND", "3", "VALUE", "45010000000000000003", NULL};
const struct fake_message rig_settle = {"2410", rig_head, settle_body, NULL};
const struct fake_message rig_person = {"2100", rig_head, person_body, NULL};

int
rig_set_up(void **state)
{
    struct fixture *f = rig_create("danxian-450100.cfg", true, sizeof *f->wire);
    f->wire->line_end = "\r\n";
    f->first_serial = 70000000101;
    rig_open(f, (const char *const[]){"mode", "call", "connect", f->address, "password_file", "secret",
                                      "state_directory", f->directory, "pause_min", "20", "pause_max", "50",
                                      "doubt_time", "300", "queue_time", "2000", "connections", "4", NULL});
    *state = f;
    return 0;
}

struct peer *
rig_sign_in(struct fixture *f)
{
    struct peer *peer = rig_accept(f, 0);
    rig_expect_line(peer, "9100^GW4501000001^GW001^^");
    rig_send_text(peer, "0^DX1^" CYCLE "^20261122101500|0|^^\r\n");
    return peer;
}
