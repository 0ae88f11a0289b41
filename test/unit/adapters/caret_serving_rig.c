/* The caret module serving: its start, the local system's sign-in, a settlement's answer. */
#include "caret_serving_rig.h"

int
rig_set_up(void **state)
{
    struct fixture *f = rig_create("danxian-450100.cfg", false, sizeof *f->wire);
    f->wire->line_end = "\r\n";
    rig_open(f, (const char *const[]){"listen", f->address, "password_file", "secret", "state_directory",
                                      f->directory, "max_connections", "3", NULL});
    rig_expect_serving(f);
    *state = f;
    return 0;
}

void
rig_sign_in(struct peer *peer)
{
    rig_send_line(
        peer,
        "9100^H45010000003^000012^^20261122101400-H45010000003-0001^450100^secret|T1|20261122101455|^1^");
    rig_expect_line(peer, "0^GW20261122101400H450100000030001^0003-00000012-20261122001^20261122101500|");
}

struct fep_record *
rig_settled(struct fixture *f)
{
    return fake_record(f->fake, "2410-R",
                       (const char *const[]){"SETL-ID", "S1", "BILL-NO", "FP1", "TOTAL", "125.55", "FUND",
                                             "55.65", "ACCT", "0.00", "CASH", "69.90", NULL});
}
