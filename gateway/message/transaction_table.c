/* Reads schema/transactions.cfg. Must never guess: the table decides whether something may be repeated, so a
 * table with any problem is no table. Fails with all problems reported, and the daemon does not start. */
#include "transaction_table.h"

#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "error.h"

#define TRANSACTION_LIMIT 1000

struct transaction_table {
    size_t count;
    struct transaction transactions[];
};

static const struct config_word class_words[] = {
    {"query", CLASS_QUERY},
    {"update", CLASS_UPDATE},
    {"notice", CLASS_NOTICE},
    {"reversal", CLASS_REVERSAL},
    {0},
};
static const struct config_word way_words[] = {
    {"inquire", WAY_INQUIRE}, {"reverse", WAY_REVERSE}, {"repeat_same_keys", WAY_REPEAT_SAME_KEYS},
    {"repeat", WAY_REPEAT},   {"person", WAY_PERSON},   {0},
};
static const struct config_word trait_words[] = {
    {"opens_visit", TRAIT_OPENS_VISIT},
    {"money", TRAIT_MONEY},
    {"one_use", TRAIT_ONE_USE},
    {"batches", TRAIT_BATCHES},
    {0},
};
static const char *const root_keys[] = {"transactions", NULL};
static const char *const transaction_keys[] = {"infno", "zh",     "en",      "class",    "call_time_s",
                                               "ways",  "traits", "inverse", "routable", NULL};

static int
compare_infno(const void *a, const void *b)
{
    return strcmp(((const struct transaction *)a)->infno, ((const struct transaction *)b)->infno);
}

/* Which ways out make sense for which class. */
static void
check_ways(struct config_reader *reader, const config_setting_t *at, const struct transaction *transaction)
{
    const uint32_t for_unknown = WAY_INQUIRE | WAY_REVERSE | WAY_REPEAT_SAME_KEYS | WAY_PERSON;
    uint32_t ways = transaction->ways;
    const char *infno = transaction->infno;
    switch (transaction->transaction_class) {
    case CLASS_QUERY:
        if (ways & for_unknown)
            config_reader_problem(reader, at, "%s: a query changes nothing: its only way out is repeat",
                                  infno);
        if (!(ways & WAY_REPEAT) == !(ways & TRAIT_ONE_USE))
            config_reader_problem(reader, at, "%s: a query has either the way repeat or the trait one_use",
                                  infno);
        break;
    case CLASS_UPDATE:
        if (ways & WAY_REPEAT)
            config_reader_problem(reader, at,
                                  "%s: an update is never repeated freely: expected repeat_same_keys", infno);
        if (!(ways & for_unknown))
            config_reader_problem(reader, at, "%s: an update needs a way out of an unknown outcome", infno);
        break;
    case CLASS_REVERSAL:
        if (ways & WAY_REVERSE)
            config_reader_problem(reader, at, "%s: a reversal is not itself reversed", infno);
        break;
    default:
        break;
    }
    if (transaction->inverse[0] && transaction->transaction_class != CLASS_UPDATE)
        config_reader_problem(reader, at, "%s: only an update has an inverse", infno);
}

static void
read_transaction(struct config_reader *reader, const config_setting_t *at, struct transaction *transaction)
{
    uint32_t class = 0, ways = 0, traits = 0;
    int64_t seconds = 0;
    config_reader_check_keys(reader, at, transaction_keys);
    if (config_reader_text(reader, at, "infno", CONFIG_REQUIRED, transaction->infno,
                           sizeof transaction->infno) &&
        !infno_is_valid(transaction->infno))
        config_reader_problem(reader, at, "infno: expected four to six letters and digits");
    config_reader_text(reader, at, "zh", CONFIG_REQUIRED, transaction->name_zh, sizeof transaction->name_zh);
    config_reader_text(reader, at, "en", CONFIG_REQUIRED, transaction->name_en, sizeof transaction->name_en);
    bool has_class = config_reader_choice(reader, at, "class", CONFIG_REQUIRED, class_words, &class);
    config_reader_integer(reader, at, "call_time_s", CONFIG_REQUIRED, 1, 600, &seconds);
    bool has_ways = config_reader_words(reader, at, "ways", CONFIG_REQUIRED, way_words, &ways);
    bool has_traits = !config_reader_has(at, "traits") ||
                      config_reader_words(reader, at, "traits", 0, trait_words, &traits);
    config_reader_text(reader, at, "inverse", 0, transaction->inverse, sizeof transaction->inverse);
    config_reader_flag(reader, at, "routable", CONFIG_REQUIRED, &transaction->routable);
    transaction->transaction_class = (enum transaction_class) class;
    transaction->ways = ways | traits;
    transaction->call_time_ms = (uint32_t)seconds * 1000;
    if (has_class && has_ways && has_traits)
        check_ways(reader, at, transaction);
}

static const struct transaction *
find_among(const struct transaction *transactions, size_t count, const char *infno)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(transactions[i].infno, infno) == 0)
            return &transactions[i];
    return NULL;
}

/* What can be said only when all are read. `places` are the settings of transactions[0..count). */
static void
check_all(struct config_reader *reader, const struct transaction *transactions,
          const config_setting_t **places, size_t count)
{
    size_t reversals = 0;
    for (size_t i = 0; i < count; i++) {
        const struct transaction *transaction = &transactions[i];
        reversals += transaction->transaction_class == CLASS_REVERSAL;
        if (transaction->infno[0] && find_among(transactions, i, transaction->infno))
            config_reader_problem(reader, places[i], "%s stands in the table twice", transaction->infno);
        if (!transaction->inverse[0])
            continue;
        const struct transaction *inverse = find_among(transactions, count, transaction->inverse);
        if (!inverse || inverse->transaction_class != CLASS_UPDATE || inverse == transaction)
            config_reader_problem(reader, places[i], "%s: inverse %s must be another update of this table",
                                  transaction->infno, transaction->inverse);
    }
    if (reversals != 1)
        config_reader_problem(reader, NULL, "%zu transactions of class reversal; expected exactly one",
                              reversals);
}

static struct transaction_table *
read_table(struct config_reader *reader)
{
    const config_setting_t *root = config_reader_root(reader);
    config_reader_check_keys(reader, root, root_keys);
    const config_setting_t *list = config_reader_list(reader, root, "transactions", CONFIG_REQUIRED);
    int count = config_reader_count(list);
    if (list && (count == 0 || count > TRANSACTION_LIMIT))
        config_reader_problem(reader, list, "%d transactions; expected 1 to %d", count, TRANSACTION_LIMIT);
    if (count == 0 || count > TRANSACTION_LIMIT)
        return NULL;
    struct transaction_table *table = calloc(
        1, sizeof *table + (size_t)count * sizeof(struct transaction)); /* zero: absent texts are empty */
    const config_setting_t **places = calloc((size_t)count, sizeof(const config_setting_t *));
    if (!table || !places) {
        config_reader_problem(reader, NULL, "no memory for %d transactions", count);
        count = 0;
    }
    for (int i = 0; i < count; i++) {
        const config_setting_t *at = config_reader_item(reader, list, i, CONFIG_TYPE_GROUP);
        if (!at)
            continue;
        places[table->count] = at;
        read_transaction(reader, at, &table->transactions[table->count]);
        table->count++;
    }
    if (table && places) {
        check_all(reader, table->transactions, places, table->count);
        qsort(table->transactions, table->count, sizeof(struct transaction), compare_infno);
    }
    free(places);
    return table;
}

struct transaction_table *
transaction_table_load(const char *path, void (*report)(void *arg, const char *line), void *arg,
                       struct fep_error *error)
{
    struct config_reader reader;
    struct transaction_table *table = NULL;
    if (config_reader_open(&reader, path, FEP_E_TRANSACTIONS_INVALID, report, arg, error) == 0)
        table = read_table(&reader);
    if (config_reader_close(&reader) < 0) {
        transaction_table_destroy(table);
        return NULL;
    }
    return table;
}

void
transaction_table_destroy(struct transaction_table *table)
{
    free(table);
}

const struct transaction *
transaction_find(const struct transaction_table *table, const char *infno)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->transactions[middle].infno, infno);
        if (order == 0)
            return &table->transactions[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct transaction *
transaction_list(const struct transaction_table *table, size_t *count)
{
    *count = table->count;
    return table->transactions;
}
