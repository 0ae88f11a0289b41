/* What stored exchanges amount to: settlements and their cancels, for totals and details. Pure. */
#ifndef FEP_LEDGER_H
#define FEP_LEDGER_H

#include "listings.h"
#include "transaction_table.h"

enum posting_state {
    POSTING_NONE = 0, /* no settlement, or it had no effect: counts nowhere, shown nowhere */
    POSTING_OPEN,     /* not known yet */
    POSTING_POSTED,
    POSTING_REVERSED, /* for information only */
    POSTING_CANCELLED /* posted, and a later cancel of it too; counts like posted */
};

enum { FIGURE_TOTAL = 0, FIGURE_FUND, FIGURE_ACCOUNT, FIGURE_CASH, FIGURE_COUNT };
extern const char *const figure_names[FIGURE_COUNT]; /* medfee_sumamt, fund_pay_sumamt, acct_pay, psn_cash_pay */

struct posting {
    enum posting_state state;
    bool is_cancel;
    char msgid[MSGID_SIZE], infno[INFNO_SIZE], institution[13], treat_area[AREA_SIZE], insured_area[AREA_SIZE];
    char visit_id[32], settlement_id[32], med_type[8], insutype[8], clr_type[4];
    int64_t fen[FIGURE_COUNT]; /* of a cancel negative, as its answer has them */
    char serial[21];           /* under which the gateway posted it; empty if it did not */
    char undo_serial[21];      /* of the cancel that the gateway posted to undo it; else empty */
    uint32_t undo_day;         /* yyyymmdd it was drawn on */
    char time[20];             /* yyyy-MM-dd HH:mm:ss */
    /* from the bodies */
    char person[64], original_id[32]; /* psn_no; of a cancel the settlement that it cancels */
};

/* The settlements and cancels of the transaction table (NULL: the national ones), at most `room`. */
size_t ledger_transactions(const struct transaction_table *table, const char **infnos, size_t room);
/* A question for the cancels that may be of settlements of `day`: from that day to today, with bodies; time_ms is the
 * caller's to set. */
void ledger_ask_cancels(const struct transaction_table *table, uint32_t day, uint32_t today, unsigned role,
                        struct listing_question *question);
/* 11 out-patient, 21 in-patient, 41 pharmacy; by the transaction where the kind of treatment is not known. */
const char *ledger_clr_type(const char *med_type, const char *infno);
/* From an ENTRY without its bodies. */
void ledger_read(const struct transaction_table *table, const struct frame *entry, struct posting *posting);
/* What only the bodies say. Negative with the error: they can not be read. */
int ledger_read_bodies(const struct frame *entry, struct posting *posting, struct fep_error *error);

/* Which settlements were cancelled: a set of insured area and settlement id. */
struct cancelled {
    char (*ids)[AREA_SIZE + 32];
    size_t count, room;
    bool sorted;
};
enum { CANCELLED_MOST = 100000 };
int cancelled_add(struct cancelled *set, const char *insured_area, const char *settlement_id,
                  struct fep_error *error);
bool cancelled_has(struct cancelled *set, const char *insured_area, const char *settlement_id);
void cancelled_free(struct cancelled *set);
/* An ENTRY of a cancel, with bodies: adds what it cancels, if it is posted. */
int cancelled_take(struct cancelled *set, const struct transaction_table *table, const struct frame *entry,
                   struct fep_error *error);

#endif
