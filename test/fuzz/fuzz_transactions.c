/* Fuzzes the transaction table. What is accepted is a table that everybody can rely on. */
#include <string.h>

#include "fuzz.h"
#include "transaction_table.h"
#include "utf8.h"

const char *const fuzz_words[] = {"transactions = (",
                                  "infno = \"2304\"",
                                  "class = \"update\"",
                                  "class = \"query\"",
                                  "ways = ( \"inquire\", \"reverse\" )",
                                  "inverse = \"2305\"",
                                  "call_time",
                                  "routable = true",
                                  "zh = \"",
                                  "en = \"",
                                  "{ ",
                                  " },",
                                  ");",
                                  "\"",
                                  "#",
                                  "/*",
                                  "-1",
                                  "2147483648",
                                  NULL};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fep_error error = {0};
    size_t problems = 0, count = 0;
    if (size > 16384)
        return 0;
    const char *path = fuzz_write("transactions.cfg", data, size);
    struct transaction_table *table = transaction_table_load(path, fuzz_report, &problems, &error);
    if (table == NULL) {
        must_be_clean(error.text);
        must(problems > 0, "what is refused is reported");
        return 0;
    }
    must(problems == 0, "with a problem there is no table");
    const struct transaction *list = transaction_list(table, &count);
    must(count > 0, "a table has transactions");
    for (size_t i = 0; i < count; i++) {
        const struct transaction *one = &list[i];
        must(infno_is_valid(one->infno), "a transaction has a number");
        must(transaction_find(table, one->infno) == one, "a transaction is found, and once");
        must(one->transaction_class >= CLASS_QUERY && one->transaction_class <= CLASS_INQUIRY,
             "a class is one");
        must(one->call_time_ms > 0, "a call has a time");
        must(one->inverse[0] == '\0' || transaction_find(table, one->inverse) != NULL,
             "an inverse is in the table");
        must(utf8_is_valid(one->name_zh, strlen(one->name_zh), NULL) &&
                 utf8_is_valid(one->name_en, strlen(one->name_en), NULL),
             "names are UTF-8");
    }
    transaction_table_destroy(table);
    return 0;
}
