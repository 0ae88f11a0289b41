/* Beside host_rig: the test as router, caller and local system of the relay module. */
#ifndef REPORT_RIG_H
#define REPORT_RIG_H

#include "host_rig.h"

struct report_rig {
    struct rig rig;
    int caller, local; /* connections; local = the local system's */
    int local_listener;
    char heard[65536]; /* the last line */
};

int report_rig_set_up(void **state); /* of cmocka: a rig that is not open yet */
int report_rig_tear_down(void **state);
/* The path of the mapping file of that name beside the tests; kept until the next call. */
const char *report_rig_mapping(const char *name);
/* gateway: further settings of the configuration's group gateway, "" for none. The crosswalk has the rows
 * given. */
void report_rig_open(struct report_rig *rig, const char *mapping, const char *gateway, const char *crosswalk);
void report_rig_close(struct report_rig *rig);
void report_rig_ask(struct report_rig *rig, const char *line);
const char *report_rig_told(struct report_rig *rig);              /* the caller's next line */
const char *report_rig_asked(struct report_rig *rig);             /* the local system's next line */
void report_rig_answer(struct report_rig *rig, const char *line); /* as the local system */

/* A LIST that must come; returns its sequence and checks that its body holds the text. */
uint64_t report_rig_list(struct report_rig *rig, const char *part);
/* What the router sends as one stored exchange. */
struct stored {
    const char *infno, *msgid, *settlement_id, *insutype, *med_type, *insured_area, *body, *answer;
    uint8_t state, effect;
    uint16_t code;
    int64_t total, fund, account, cash;
    uint64_t serial, cancel_serial;
    uint32_t accounting_date; /* 0: that of the serial, 20261122 */
};
void report_rig_entry(struct report_rig *rig, uint64_t list, const struct stored *stored);
void report_rig_list_end(struct report_rig *rig, uint64_t list, const char *cursor);
/* TASK; the result comes as report_rig_result: its body, with flag ok as given. */
void report_rig_task(struct report_rig *rig, uint64_t number, const char *body);
const char *report_rig_result(struct report_rig *rig, bool ok, bool more);

#endif
