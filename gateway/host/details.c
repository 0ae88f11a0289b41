/* Details of one day's postings. Must never change the order in which they come, and never count a reversed
 * one in the sums. */
#include "details.h"

#include <string.h>

#include "bodies.h"
#include "decimal.h"
#include "error.h"

void
details_begin(struct details *details, int64_t page, int64_t page_size)
{
    *details = (struct details){.page = page, .page_size = page_size, .rows = json_object_new_array()};
}

void
details_finish(struct details *details)
{
    json_object_put(details->rows);
    details->rows = NULL;
}

bool
details_wants_bodies(const struct details *details)
{
    int64_t first = (details->page - 1) * details->page_size;
    return details->count >= first && details->count < first + details->page_size;
}

const char *
details_state(enum posting_state state)
{
    return state == POSTING_POSTED      ? "1"
           : state == POSTING_REVERSED  ? "4"
           : state == POSTING_CANCELLED ? "5"
                                        : "";
}

static struct json_object *
write_row(const struct details *details, const struct posting *posting, bool *failed)
{
    struct json_object *row = json_object_new_object();
    body_put_number(row, "seq", details->count + 1, failed);
    body_put_text(row, "msgid", posting->msgid, failed);
    if (posting->serial[0] != '\0')
        body_put_text(row, "local_serial", posting->serial, failed);
    body_put_text(row, "infno", posting->infno, failed);
    body_put_text(row, "mdtrt_id", posting->visit_id, failed);
    body_put_text(row, "setl_id", posting->settlement_id, failed);
    if (posting->original_id[0] != '\0')
        body_put_text(row, "org_setl_id", posting->original_id, failed);
    body_put_text(row, "psn_no", posting->person, failed);
    body_put_text(row, "fixmedins_code", posting->institution, failed);
    body_put_text(row, "setl_time", posting->time, failed);
    body_put_text(row, "insutype", posting->insutype, failed);
    body_put_text(row, "med_type", posting->med_type, failed);
    body_put_text(row, "clr_type", posting->clr_type, failed);
    body_put_text(row, "treat_area", posting->treat_area, failed);
    body_put_text(row, "insured_area", posting->insured_area, failed);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        body_put_fen(row, figure_names[i], posting->fen[i], failed);
    body_put_text(row, "state", details_state(posting->state), failed);
    return row;
}

int
details_add(struct details *details, const struct posting *posting, struct fep_error *error)
{
    if (details_state(posting->state)[0] == '\0')
        return 0;
    bool failed = false;
    if (details_wants_bodies(details))
        body_append(details->rows, write_row(details, posting, &failed), &failed);
    if (failed)
        return error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for details");
    details->count++;
    if (posting->state == POSTING_REVERSED)
        return 0;
    details->settlements += !posting->is_cancel;
    details->cancels += posting->is_cancel;
    for (size_t i = 0; i < FIGURE_COUNT; i++) {
        if (!decimal_add(details->fen[i], posting->fen[i], &details->fen[i]))
            return error_set(error, FEP_REFUSED, FEP_E_AMOUNT, "a sum of the day is out of range");
    }
    return 0;
}

struct json_object *
details_answer(struct details *details)
{
    bool failed = details->rows == NULL;
    size_t here = failed ? 0 : json_object_array_length(details->rows);
    struct json_object *output = json_object_new_object(), *data = json_object_new_object();
    body_put_number(data, "rec_cnt", details->count, &failed);
    body_put_number(data, "page_num", details->page, &failed);
    body_put_text(data, "last_page", details->page * details->page_size >= details->count ? "1" : "0",
                  &failed);
    body_put_number(data, "page_cnt", (int64_t)here, &failed);
    body_put_number(data, "pos_cnt", details->settlements, &failed);
    body_put_number(data, "neg_cnt", details->cancels, &failed);
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        body_put_fen(data, figure_names[i], details->fen[i], &failed);
    body_put(output, "data", data, &failed);
    body_put(output, "rows", details->rows, &failed);
    details->rows = NULL;
    if (failed) {
        json_object_put(output);
        return NULL;
    }
    return output;
}
