/* A reversal was declined for good: the original is posted and stays posted. If its answer never came, nobody
 * knows the id by which it can be cancelled. A protocol without inquiry tells it in the details of the day.
 *
 * Must never take another posting's figures: only a row that holds the original's own serial counts, and what
 * the row does not say stays empty. Fails to the old word: it stays posted. */
#include "caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { MOST_PAGES = 1000 };

/* "FIELD=VALUE": both, or false. */
static bool
read_pair(const char *text, char field[48], char value[48])
{
    const char *equal = strchr(text, '=');
    if (equal == NULL || equal - text >= 48 || strlen(equal + 1) >= 48)
        return false;
    snprintf(field, 48, "%.*s", (int)(equal - text), text);
    snprintf(value, 48, "%s", equal + 1);
    return true;
}

/* The day the original was posted under, if that is known, else the day its serial was drawn. */
static struct fep_record *
make_request(struct caller *caller, const struct errand *errand)
{
    const struct fep_host *host = caller->host;
    const struct caller_wire *wire = &caller->wire;
    const struct fep_attempt *original = host->call_attempt(errand->call);
    uint32_t day = original->accounting_date != 0 ? original->accounting_date : original->serial_date;
    char layout[TRANSACTION_SIZE + 4], date[16], page[16], size_field[48], size[48];
    snprintf(layout, sizeof layout, "%.12s-Q", wire->details);
    snprintf(date, sizeof date, "%08u", (unsigned)(day % 100000000u));
    snprintf(page, sizeof page, "%u", errand->page);
    struct fep_record *body = host->create_record(host->self, layout);
    if (body != NULL && read_pair(wire->details_size, size_field, size) &&
        set_field(host, body, wire->details_date, date) == 0 &&
        set_field(host, body, wire->details_page, page) == 0 && set_field(host, body, size_field, size) == 0)
        return body;
    host->release_record(host->self, body);
    return NULL;
}

static bool
ask_page(struct caller *caller, struct errand *errand)
{
    errand->page++;
    if (errand->page > MOST_PAGES ||
        errand_become(caller, errand, caller->wire.details, make_request(caller, errand)) < 0) {
        errand->page = 0;
        return false;
    }
    errand_wait_again(errand);
    return true;
}

bool
search_begin(struct caller *caller, struct errand *errand)
{
    const struct caller_wire *wire = &caller->wire;
    return wire->details != NULL && list_has(wire->details_for, errand->original, strlen(errand->original)) &&
           ask_page(caller, errand);
}

static struct fep_bytes
row_value(const struct fep_host *host, const struct fep_record *page, size_t row, const char *name)
{
    const struct fep_layout *layout = host->record_layout(page);
    size_t field = reply_find_row_field(layout, name, strlen(name));
    return field < layout->group_field_count ? host->record_get_in_row(page, row, field)
                                             : (struct fep_bytes){NULL, 0};
}

/* What the row tells of the original's answer, under its layout; NULL if that can not be made. */
static struct fep_record *
make_answer(struct caller *caller, const struct errand *errand, const struct fep_record *page, size_t row)
{
    const struct fep_host *host = caller->host;
    char layout[TRANSACTION_SIZE + 4];
    const char *at = caller->wire.details_take, *word;
    size_t size;
    snprintf(layout, sizeof layout, "%.12s-R", errand->original);
    struct fep_record *answer = host->create_record(host->self, layout);
    while (answer != NULL && next_word(&at, &word, &size)) {
        char pair[96], field[48], from[48];
        snprintf(pair, sizeof pair, "%.*s", (int)size, word);
        int place = read_pair(pair, field, from) ? find_field(host->record_layout(answer), field) : -1;
        struct fep_bytes value = place >= 0 ? row_value(host, page, row, from) : (struct fep_bytes){NULL, 0};
        if (place < 0 || host->record_set(answer, (size_t)place, (const char *)value.data, value.size) < 0) {
            host->release_record(host->self, answer);
            return NULL;
        }
    }
    return answer;
}

static void
end_with_row(struct caller *caller, struct errand *errand, const struct fep_record *page, size_t row)
{
    const struct fep_host *host = caller->host;
    struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_BUSINESS, .code = 2503};
    char field[48], reversed[48];
    errand->page = 0;
    if (read_pair(caller->wire.details_reversed, field, reversed) &&
        bytes_equal(row_value(host, page, row, field), reversed)) {
        reply_end_reversal(caller, errand, FEP_FOUND_REVERSED, &result, NULL);
        return;
    }
    host->log_event(host->self, LOG_NOTICE_LEVEL, "a posting that stays was found in the day's details",
                    row + 1);
    reply_end_reversal(caller, errand, FEP_FOUND_STAYS_POSTED, &result,
                       make_answer(caller, errand, page, row));
}

static bool
is_last(const struct caller *caller, const struct fep_record *page)
{
    char field[48], last[48];
    return !read_pair(caller->wire.details_last, field, last) || caller->host->record_rows(page) == 0 ||
           bytes_equal(get_field(caller->host, page, field), last);
}

bool
search_take(struct caller *caller, struct errand *errand, struct fep_bytes bytes, struct fep_error *error)
{
    const struct fep_host *host = caller->host;
    char layout[TRANSACTION_SIZE + 4];
    snprintf(layout, sizeof layout, "%.12s-R", caller->wire.details);
    struct fep_record *page = caret_decode_body(&caller->codec, layout, bytes, NULL, error);
    if (page == NULL)
        return false;
    size_t rows = host->record_rows(page), row = 0;
    while (row < rows &&
           !bytes_equal(row_value(host, page, row, caller->wire.details_serial), errand->original_serial))
        row++;
    if (row < rows) {
        end_with_row(caller, errand, page, row);
    } else if (is_last(caller, page) || !ask_page(caller, errand)) {
        struct fep_result result = {.size = sizeof result, .reason = FEP_REASON_BUSINESS, .code = 2503};
        errand->page = 0;
        host->log_event(host->self, LOG_WARNING_LEVEL, "a posting that stays is not in the day's details",
                        (int64_t)rows);
        reply_end_reversal(caller, errand, FEP_FOUND_STAYS_POSTED, &result, NULL);
    }
    host->release_record(host->self, page);
    return true;
}
