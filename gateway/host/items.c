/* The crosswalk in force as pages of a catalogue. Must never mix two versions: a page names the version it is
 * of. */
#include "items.h"

#include <stdlib.h>
#include <string.h>

#include "bodies.h"
#include "error.h"

struct page {
    const char *kind;
    uint32_t today;
    int64_t first, last; /* places on the page, from 0; last not included */
    int64_t count;
    struct json_object *rows;
    bool failed;
};

static bool
is_valid(const struct mapping_item *item, uint32_t today)
{
    return item->valid_from <= today && (item->valid_to == 0 || today <= item->valid_to);
}

static void
put_number(struct json_object *row, const char *name, const char *text, bool *failed)
{
    if (text[0] != '\0')
        body_put(row, name, canonical_new_number(text), failed);
}

static struct json_object *
write_item(const struct mapping_item *item, const struct page *page, bool *failed)
{
    struct json_object *row = json_object_new_object();
    body_put_text(row, "med_list_codg", item->national, failed);
    body_put_text(row, "medins_list_codg", item->local, failed);
    body_put_text(row, "hilist_name", item->name, failed);
    body_put_text(row, "list_type", page->kind, failed);
    body_put_text(row, "med_chrgitm_type", item->fee_category, failed);
    body_put_text(row, "chrgitm_lv", item->level, failed);
    put_number(row, "selfpay_prop", item->ratio, failed);
    put_number(row, "pric_uplmt_amt", item->ceiling, failed);
    body_put_text(row, "prcunt", item->unit, failed);
    body_put_text(row, "spec", item->spec, failed);
    body_put_text(row, "dosform_name", item->form, failed);
    body_put_date(row, "begndate", item->valid_from, failed);
    body_put_date(row, "enddate", item->valid_to, failed);
    body_put_text(row, "vali_flag", is_valid(item, page->today) ? "1" : "0", failed);
    return row;
}

static bool
take_item(void *arg, const struct mapping_item *item)
{
    struct page *page = arg;
    const char *kind = item->kind[0] != '\0' ? item->kind : "1";
    if (strcmp(kind, page->kind) != 0)
        return true;
    if (page->count >= page->first && page->count < page->last)
        body_append(page->rows, write_item(item, page, &page->failed), &page->failed);
    page->count++;
    return !page->failed;
}

struct json_object *
items_answer(const struct mapping *mapping, const char *kind, uint32_t since, int64_t page_number,
             int64_t page_size, uint32_t today, struct fep_error *error)
{
    const char *version = mapping_crosswalk_version(mapping);
    struct page page = {.kind = kind,
                        .today = today,
                        .first = (page_number - 1) * page_size,
                        .last = page_number * page_size,
                        .rows = json_object_new_array()};
    bool changed = since == 0 || strtoul(version, NULL, 10) >= since;
    if (changed && mapping_crosswalk_each(mapping, take_item, &page) < 0) {
        json_object_put(page.rows);
        error_set(error, FEP_REFUSED, FEP_E_NOT_MAPPED, "the mapping has no crosswalk");
        return NULL;
    }
    bool failed = page.failed;
    struct json_object *output = json_object_new_object(), *data = json_object_new_object();
    body_put_number(data, "rec_cnt", page.count, &failed);
    body_put_number(data, "page_num", page_number, &failed);
    body_put_text(data, "last_page", page.last >= page.count ? "1" : "0", &failed);
    body_put_text(data, "ver", version, &failed);
    body_put(output, "data", data, &failed);
    body_put(output, "rows", page.rows, &failed);
    if (failed) {
        json_object_put(output);
        error_set(error, FEP_NOT_SENT, FEP_E_NO_MEMORY, "no memory for a catalogue");
        return NULL;
    }
    return output;
}
