/* One number over the values of a row. Must never depend on anything but the values, since it is stored: not
 * on the machine's run, not on the text's encoding in memory beyond UTF-8. */
#include "seal.h"

#include <stdint.h>
#include <string.h>

static uint64_t
mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001B3ull; /* FNV-1a */
    return hash;
}

static uint64_t
mix_value(uint64_t hash, sqlite3_value *value)
{
    int type = sqlite3_value_type(value);
    unsigned char tag = (unsigned char)type;
    hash = mix(hash, &tag, 1);
    if (type == SQLITE_INTEGER) {
        int64_t number = sqlite3_value_int64(value);
        return mix(hash, &number, sizeof number);
    }
    if (type == SQLITE_NULL)
        return hash;
    const void *bytes = sqlite3_value_blob(value);
    int64_t size = sqlite3_value_bytes(value);
    hash = mix(hash, bytes, (size_t)size);
    return mix(hash, &size, sizeof size);
}

static void
make_seal(sqlite3_context *context, int count, sqlite3_value **values)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (int i = 0; i < count; i++)
        hash = mix_value(hash, values[i]);
    sqlite3_result_int64(context, (sqlite3_int64)hash);
}

int
seal_register(sqlite3 *db)
{
    return sqlite3_create_function_v2(db, "fep_seal", -1,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, make_seal,
                                      NULL, NULL, NULL);
}
