/* The caret module serving local systems played by the test, as the host answers. */
#ifndef CARET_SERVING_RIG_H
#define CARET_SERVING_RIG_H

#include "caret_lines.h"

/* Requests of one hospital in one cycle; the number in a serial is the test's. */
#define CYCLE "0003-00000012-20261122001"
#define HEAD(code, serial)                                                                                   \
    code "^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-" serial "^450900^"
#define CANCEL(serial) HEAD("2240", serial) "MZ1|V1|陈珅|^1^"
#define OWN_HEAD(code, serial)                                                                               \
    code "^H45010000003^000012^" CYCLE "^20261122101502-H45010000003-" serial "^450100^"
#define PAGE(code, page, size)     OWN_HEAD(code, "0001") "20261122|" page "|" size "|^1^"
#define TOTALS(serial, date, kind) OWN_HEAD("1110", serial) date "|" kind "|1|0|125.55|55.65|0.00|69.90|^1^"
#define SIGN_OUT(serial)           OWN_HEAD("9110", serial) "0|^1^"
#define SETTLE(serial)             HEAD("2410", serial) "MZ1|V1|FP1|11|20261122101455|||J06.900|感染|0|125.55|陈珅|0|^1^"

int rig_set_up(void **state);
/* Asks for a cycle and gets the first of the day. */
void rig_sign_in(struct peer *peer);
struct fep_record *rig_settled(struct fixture *f);

#endif
