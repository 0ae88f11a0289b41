/* Fuzzes catalogue crosswalks. What is refused leaves the old one in force; what is taken is within its
 * bounds, and one more row can be written to the file and read again. */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "mapping.h"
#include "utf8.h"

const char *const fuzz_words[] = {"local_code,national_code,name,level,valid_from,valid_to",
                                  ",kind,fee_category,ratio,ceiling",
                                  ",unit,spec,form",
                                  "\"",
                                  "\"\"",
                                  ",",
                                  "\r\n",
                                  "\n",
                                  "20200101",
                                  "20269999",
                                  "0.1000",
                                  "\xEF\xBB\xBF",
                                  "01",
                                  "-1",
                                  NULL};

static const char text[] =
    "name = \"t\"; system = \"t\"; family = \"t\"; charset = \"GBK\"; unmappable = \"geta\"; region = "
    "\"450100\";\n"
    "errors = ( (\"0\", \"N\", 1) ); errors_default = ( (\"N\", \"-1\"), (\"R\", \"-2\"), (\"U\", \"-3\") "
    ");\n"
    "msgid = ( (\"M\", 0, 4) );\ncrosswalk = \"crosswalk.csv\";\n"
    "layouts = ( { name = \"head-Q\"; fields = ( (\"M\", \"code\", 20), (\"A\", \"code\", 6) ); },\n"
    "{ name = \"T1-Q\"; fields = ( (\"F\", \"code\", 20) ); }, { name = \"T1-R\"; fields = ( (\"F\", "
    "\"text\", 20) ); } );\n"
    "head = { request = ( (\"A\", \"header.insured_area\") ); };\n"
    "transactions = ( { infno = \"2304\"; local = \"T1\"; request = ( (\"F\", \"data.c\", { convert = "
    "\"catalogue\"; }) ); } "
    ");\n";
static const char first[] = "local_code,national_code,name,level,valid_from,valid_to\nA,B,C,01,20200101,\n";
static struct mapping *mapping;

static void
begin(void)
{
    struct fep_error error = {0};
    (void)fuzz_write("crosswalk.csv", first, strlen(first));
    mapping = mapping_load(fuzz_write("map.cfg", text, strlen(text)), fuzz_directory(), NULL, NULL, &error);
    must(mapping != NULL, error.text);
}

struct seen {
    size_t rows;
    char last[4096];
    uint32_t last_to;
};

static bool
see(void *arg, const struct mapping_item *item)
{
    struct seen *seen = arg;
    const char *const texts[] = {item->local, item->national,     item->name,  item->level,
                                 item->kind,  item->fee_category, item->ratio, item->ceiling,
                                 item->unit,  item->spec,         item->form};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        must(texts[i] != NULL && strlen(texts[i]) < 4096 && utf8_is_valid(texts[i], strlen(texts[i]), NULL),
             "a value is there, bounded, and UTF-8");
    must(item->local[0] != '\0', "a row has a local code");
    must(item->valid_to == 0 || item->valid_from <= item->valid_to, "days are in order");
    must(strcmp(seen->last, item->local) <= 0 || seen->rows == 0, "rows are ordered by local code");
    must(seen->rows == 0 || strcmp(seen->last, item->local) != 0 ||
             (seen->last_to != 0 && item->valid_from > seen->last_to),
         "a local code means one thing on a day");
    snprintf(seen->last, sizeof seen->last, "%s", item->local);
    seen->last_to = item->valid_to;
    seen->rows++;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fep_error error = {0};
    struct seen before = {0}, after = {0};
    if (mapping == NULL)
        begin();
    if (size > 65536)
        return 0;
    must(mapping_crosswalk_each(mapping, see, &before) == 0, "there is a crosswalk");
    (void)fuzz_write("crosswalk.csv", data, size);
    if (mapping_reload_crosswalk(mapping, fuzz_report, NULL, &error) < 0) {
        must_be_clean(error.text);
        must(mapping_crosswalk_each(mapping, see, &after) == 0 && after.rows == before.rows,
             "what is refused changes nothing");
        return 0;
    }
    must(mapping_crosswalk_each(mapping, see, &after) == 0, "what is taken is in force");
    must(strlen(mapping_crosswalk_version(mapping)) > 0, "what is in force has a version");
    struct mapping_item item = {
        .local = "ZZ-FUZZ-1", .national = "N1", .name = "名, \"引\"", .level = "01", .valid_from = 20260101};
    error = (struct fep_error){0};
    if (mapping_crosswalk_add(mapping, &item, &error) < 0) {
        must_be_clean(error.text);
    } else {
        struct seen again = {0};
        must(mapping_reload_crosswalk(mapping, fuzz_report, NULL, &error) == 0, "what was written is read");
        must(mapping_crosswalk_each(mapping, see, &again) == 0 && again.rows == after.rows + 1,
             "what was written has one row more");
    }
    return 0;
}
