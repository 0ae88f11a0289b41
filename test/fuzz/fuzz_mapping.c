/* Fuzzes mapping files. What is accepted can be used: its layouts make records, its texts are there, its
 * charset works. */
#include <string.h>

#include "fuzz.h"
#include "mapping.h"

const char *const fuzz_words[] = {"name = \"",
                                  "layouts = (",
                                  "fields = (",
                                  "transactions = (",
                                  "\"code\", 20",
                                  "\"text\"",
                                  "\"digits\"",
                                  "\"decimal\", 12, 2",
                                  "\"ratio\"",
                                  "\"header.insured_area\"",
                                  "required",
                                  "convert = \"",
                                  "codes = ",
                                  "group = {",
                                  "when = \"",
                                  "sum(",
                                  "person.",
                                  "{0:4}",
                                  "?",
                                  "answered_by = \"store\"",
                                  "\"M\", 0, 4",
                                  "wire = {",
                                  "max = ",
                                  "/*",
                                  "*/",
                                  "#",
                                  "\"",
                                  "@include \"map.cfg\"\n",
                                  "2147483648",
                                  "0x",
                                  "form = \"{6:8}\"",
                                  "crosswalk = \"",
                                  NULL};

static void
use(struct mapping *mapping)
{
    static const char *const layouts[] = {"head-Q", "head-R", "T1-Q", "T1-R"};
    unsigned char wire[64];
    must(mapping_name(mapping)[0] != '\0' && mapping_family(mapping)[0] != '\0',
         "a mapping has a name and a family");
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const struct fep_layout *layout = mapping_find_layout(mapping, layouts[i]);
        if (layout == NULL)
            continue;
        struct fep_record *record = record_create(layout);
        must(record != NULL, "a layout makes a record");
        for (size_t row = 0; row < 3 && record_add_row(record) == 0; row++)
            must(record_rows(record) <= layout->group_max_rows, "no more rows than the layout has");
        for (size_t field = 0; field < layout->field_count; field++)
            must(record_set(record, field, "1", 1) == 0 && record_get(record, field).size == 1,
                 "a value stays");
        record_destroy(record);
    }
    struct fep_result result = {.size = sizeof result};
    enum fep_kind kind;
    (void)mapping_error_out(mapping, FEP_REFUSED, &result);
    mapping_error_in(mapping, "0", true, &kind, &result);
    (void)mapping_crosswalk_version(mapping);
    must(mapping_encode_text(mapping, "A", 1, wire, sizeof wire, NULL) == 1, "the charset works");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fep_error error = {0};
    size_t problems = 0;
    if (size > 16384)
        return 0;
    const char *path = fuzz_write("map.cfg", data, size);
    struct mapping *mapping = mapping_load(path, fuzz_directory(), fuzz_report, &problems, &error);
    if (mapping == NULL) {
        must_be_clean(error.text);
        return 0;
    }
    must(problems == 0, "with a problem there is no mapping");
    use(mapping);
    mapping_destroy(mapping);
    return 0;
}
