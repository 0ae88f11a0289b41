/* The trailer's figures against the details, in whole units of the field's last decimal. Must never round. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

static bool
read_units(struct fep_bytes value, uint32_t scale, int64_t *units)
{
    char digits[24] = "0";
    bool negative = false;
    if (value.size > 0) {
        int count = parse_decimal((const char *)value.data, value.size, scale, &negative, digits);
        if (count < 0)
            return false;
        digits[count] = '\0';
    }
    *units = strtoll(digits, NULL, 10);
    if (negative)
        *units = -*units;
    return true;
}

/* "TRAILER=DETAIL" or, for counts, "TRAILER=DETAIL=VALUE". */
static int
add_sum(struct file_sums *sums, const struct file_kind *kind, char *item, bool counts,
        struct fep_error *error)
{
    char *detail = strchr(item, '='), *value = detail != NULL && counts ? strchr(detail + 1, '=') : NULL;
    if (sums->count == FILE_SUMS || detail == NULL || (counts && value == NULL))
        return set_error(error, 0, 0, "wire.file_%s: \"%.60s\" says nothing usable",
                         counts ? "counts" : "sums", item);
    *detail++ = '\0';
    if (value != NULL)
        *value++ = '\0';
    struct file_sum *sum = &sums->sums[sums->count++];
    *sum = (struct file_sum){.trailer = find_field(kind->trailer, item),
                             .detail = find_field(kind->detail, detail),
                             .counts = counts};
    if (sum->trailer < 0 || sum->detail < 0)
        return set_error(error, 0, 0, "wire.file_%s: %.40s or %.40s is no field of %s-T or %s-D",
                         counts ? "counts" : "sums", item, detail, kind->name, kind->name);
    snprintf(sum->value, sizeof sum->value, "%s", value != NULL ? value : "");
    sum->scale = kind->detail->fields[sum->detail].scale;
    if (!counts && sum->scale != kind->trailer->fields[sum->trailer].scale)
        return set_error(error, 0, 0, "wire.file_sums: %.40s and %.40s have other decimals", item, detail);
    return 0;
}

int
sums_open(struct file_sums *sums, const struct files *files, const struct file_kind *kind,
          struct fep_error *error)
{
    char item[128];
    *sums = (struct file_sums){.host = files->host, .left_out = -1};
    for (const char *at = files->wire.sums; files_next(&at, kind, item);) {
        if (add_sum(sums, kind, item, false, error) < 0)
            return -1;
    }
    for (const char *at = files->wire.counts; files_next(&at, kind, item);) {
        if (add_sum(sums, kind, item, true, error) < 0)
            return -1;
    }
    const char *at = files->wire.left_out;
    if (!files_next(&at, kind, item))
        return 0;
    char *value = strchr(item, '=');
    if (value != NULL)
        *value++ = '\0';
    sums->left_out = find_field(kind->detail, item);
    if (value == NULL || sums->left_out < 0)
        return set_error(error, 0, 0, "wire.file_left_out: %.40s is no field of %s-D", item, kind->name);
    snprintf(sums->left_out_value, sizeof sums->left_out_value, "%s", value);
    return 0;
}

int
sums_add(struct file_sums *sums, const struct fep_record *detail, struct fep_error *error)
{
    const struct fep_host *host = sums->host;
    if (sums->left_out >= 0 &&
        bytes_equal(host->record_get(detail, (size_t)sums->left_out), sums->left_out_value))
        return 0;
    for (size_t i = 0; i < sums->count; i++) {
        struct file_sum *sum = &sums->sums[i];
        struct fep_bytes value = host->record_get(detail, (size_t)sum->detail);
        int64_t units = sum->counts && bytes_equal(value, sum->value);
        if (!sum->counts && !read_units(value, sum->scale, &units))
            return set_error(error, 0, 1003, "an amount that is none");
        if (__builtin_add_overflow(sum->total, units, &sum->total))
            return set_error(error, 0, 1003, "a sum beyond all bounds");
    }
    return 0;
}

int
sums_check(const struct file_sums *sums, const struct fep_record *trailer, struct fep_error *error)
{
    const struct fep_host *host = sums->host;
    const struct fep_layout *layout = host->record_layout(trailer);
    for (size_t i = 0; i < sums->count; i++) {
        const struct file_sum *sum = &sums->sums[i];
        int64_t units = 0;
        uint32_t scale = sum->counts ? 0 : sum->scale;
        if (!read_units(host->record_get(trailer, (size_t)sum->trailer), scale, &units) ||
            units != sum->total)
            return set_error(error, 0, 1001, "%.40s of the trailer is not that of the details",
                             layout->fields[sum->trailer].name);
    }
    return 0;
}
