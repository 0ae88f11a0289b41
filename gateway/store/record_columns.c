/* Moves an exchange record into a row and back. Must never shorten a value: what does not fit is reported,
 * since a cut key or amount would be an untrue one. */
#include "record_columns.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mutation.h"

enum column_type { TEXT, BYTES, DIGEST, U8, U16, U32, I64 };
#define CHECK_SIZE 8
#define FIRST_HASH 0xCBF29CE484222325ull
struct column {
    const char *name;
    enum column_type type;
    int course; /* decisions rest on it; without it the row only describes */
    size_t offset, size;
};

#define MEMBER_SIZE(member) sizeof(((struct exchange_record *)0)->member)
#define COLUMN(name, type, course, member)                                                                   \
    {                                                                                                        \
        name, type, course, offsetof(struct exchange_record, member), MEMBER_SIZE(member)                    \
    }
#define C(name, type, member) COLUMN(name, type, 1, member)
#define D(name, type, member) COLUMN(name, type, 0, member)

/* clang-format off */
static const struct column columns[] = {
    C("origin", TEXT, header.key.origin), C("msgid", TEXT, header.key.msgid), C("role", U8, role),
    C("infno", TEXT, header.infno), C("class", U8, header.transaction_class),
    C("treat_area", TEXT, header.treat_area), C("insured_area", TEXT, header.insured_area),
    C("institution", TEXT, header.institution), C("day", U32, header.day),
    C("original_msgid", TEXT, header.original_msgid), C("original_infno", TEXT, header.original_infno),
    C("digest", DIGEST, digest),
    C("state", U8, state), C("tombstone", U8, tombstone), C("attempt", U32, attempt),
    D("hops_left", U8, hops_left), C("previous", TEXT, previous), C("target", TEXT, target),
    C("local_serial", I64, local.serial), C("local_date", U32, local.serial_date),
    C("local_accounting_date", U32, local.accounting_date), C("local_mapping", U32, local.mapping_generation),
    C("local_cycle", TEXT, local.cycle),
    C("kind", U8, kind), C("effect", U8, effect), C("refusal_class", U8, refusal_class), C("reason", U8, reason),
    C("code", U16, code), D("text", TEXT, text),
    C("order_key", BYTES, index.order_key), C("visit_id", TEXT, index.visit_id),
    C("settlement_id", TEXT, index.settlement_id), D("med_type", TEXT, index.med_type),
    D("insutype", TEXT, index.insutype), D("total_fen", I64, index.total_fen), D("fund_fen", I64, index.fund_fen),
    D("account_fen", I64, index.account_fen), D("cash_fen", I64, index.cash_fen),
    D("index_effect", U32, index.effect), D("accounting_day", U32, index.accounting_day),
    D("has_money", U32, index.has_money),
    C("reversal_cause", U8, reversal_cause), C("reversal_attempt", U32, reversal_attempt),
    C("reversal_relayed", U8, reversal_relayed), C("cure", U8, cure),
    C("cancel_serial", I64, cancel.serial), C("cancel_date", U32, cancel.serial_date),
    C("cancel_accounting_date", U32, cancel.accounting_date),
    C("cancel_mapping", U32, cancel.mapping_generation), C("cancel_cycle", TEXT, cancel.cycle),
    C("outcome_relayed", U8, outcome_relayed),
    D("accepted_ms", I64, times.accepted), D("sent_ms", I64, times.sent), D("relayed_ms", I64, times.relayed),
    D("outcome_ms", I64, times.outcome), D("told_ms", I64, times.told),
};
/* clang-format on */
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])
const int record_column_count = (int)COLUMN_COUNT;

struct sql_text {
    char *out;
    size_t length;
};

static void __attribute__((format(printf, 2, 3))) append(struct sql_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text->out + text->length, RECORD_SQL_SIZE - text->length, format, arguments);
    va_end(arguments);
    assert(n >= 0 && text->length + (size_t)n < RECORD_SQL_SIZE); /* the patterns are ours */
    text->length += (size_t)n;
}

static void
append_list(struct sql_text *text, char form)
{
    for (size_t i = form == 'A' ? RECORD_KEY_COLUMNS : 0; i < COLUMN_COUNT; i++) {
        const char *comma = i == 0 || (form == 'A' && i == RECORD_KEY_COLUMNS) ? "" : ",";
        if (form == 'N')
            append(text, "%s%s", comma, columns[i].name);
        else if (form == 'P')
            append(text, "%s?%zu", comma, i + 1);
        else
            append(text, "%s%s=?%zu", comma, columns[i].name, i + 1);
    }
}

void
record_sql(const char *pattern, char out[RECORD_SQL_SIZE])
{
    struct sql_text text = {.out = out};
    for (; *pattern; pattern++) {
        if (*pattern != '$') {
            append(&text, "%c", *pattern);
            continue;
        }
        pattern++;
        if (*pattern >= '1' && *pattern <= '9')
            append(&text, "?%d", record_column_count + (*pattern - '0'));
        else
            append_list(&text, *pattern);
    }
}

static int
bytes_are_zero(const unsigned char *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* --- the row's checks: SQLite notices a damaged page only where its structure breaks */

/* Three checks stand behind the digest: of the whole row, of its course, of its key. Which of them fit tells
 * what of a damaged row may still be believed. */
enum { CHECK_ROW, CHECK_COURSE, CHECK_KEY, CHECKS };
#define SEAL_SIZE ((size_t)CHECKS * CHECK_SIZE)

static uint64_t
mix(uint64_t hash, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3ull; /* FNV-1a */
    return (hash ^ 0xFF) * 0x100000001B3ull;
}

static void
put_hash(uint64_t hash, unsigned char out[CHECK_SIZE])
{
    for (int i = 0; i < CHECK_SIZE; i++)
        out[i] = (unsigned char)(hash >> (8 * i));
}

static int64_t
get_hash(const unsigned char bytes[CHECK_SIZE])
{
    uint64_t hash = 0;
    for (int i = 0; i < CHECK_SIZE; i++)
        hash |= (uint64_t)bytes[i] << (8 * i);
    return (int64_t)hash;
}

int64_t
record_key_check(const struct exchange_key *key)
{
    return (int64_t)mix(FIRST_HASH, (const unsigned char *)key, sizeof *key);
}

/* Over the columns as they stand in memory, the same on every machine of one byte order, on which a store
 * stays. */
static void
make_checks(const struct exchange_record *record, unsigned char checks[SEAL_SIZE])
{
    static const unsigned char gone = 0;
    uint64_t row = FIRST_HASH, course = FIRST_HASH;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const unsigned char *value = (const unsigned char *)record + columns[i].offset;
        size_t size = columns[i].size;
        if (columns[i].type == TEXT)
            size = strnlen((const char *)value, size);
        if (columns[i].offset == offsetof(struct exchange_record, outcome_relayed))
            row =
                mix(row, &gone, 1); /* a column stood here, always 0: rows written with it keep their check */
        row = mix(row, value, size);
        if (columns[i].course)
            course = mix(course, value, size);
    }
    struct exchange_key key = exchange_key_of(record);
    put_hash(row, checks + CHECK_ROW * CHECK_SIZE);
    put_hash(course, checks + CHECK_COURSE * CHECK_SIZE);
    put_hash((uint64_t)record_key_check(&key), checks + CHECK_KEY * CHECK_SIZE);
}

static int
bind_digest(sqlite3_stmt *statement, int at, const struct exchange_record *record)
{
    unsigned char sealed[DIGEST_SIZE + SEAL_SIZE];
    int none = bytes_are_zero(record->digest, DIGEST_SIZE);
    memcpy(sealed, record->digest, DIGEST_SIZE);
    make_checks(record, sealed + DIGEST_SIZE);
    return none ? sqlite3_bind_blob(statement, at, sealed + DIGEST_SIZE, SEAL_SIZE, SQLITE_TRANSIENT)
                : sqlite3_bind_blob(statement, at, sealed, sizeof sealed, SQLITE_TRANSIENT);
}

struct checks { /* as they stand in the row */
    const unsigned char *bytes;
    size_t size; /* all, the first alone, or none: rows of earlier versions */
};

static int
read_digest(sqlite3_stmt *statement, int at, struct exchange_record *record, struct checks *checks)
{
    const unsigned char *bytes = sqlite3_column_blob(statement, at);
    size_t size = (size_t)sqlite3_column_bytes(statement, at);
    size_t digest = size >= DIGEST_SIZE ? DIGEST_SIZE : 0;
    if (size != digest && size != digest + CHECK_SIZE && size != digest + SEAL_SIZE)
        return -1;
    if (digest > 0)
        memcpy(record->digest, bytes, digest);
    *checks = (struct checks){bytes + digest, size - digest};
    return 0;
}

static int
bind_column(sqlite3_stmt *statement, int at, const struct column *column, const unsigned char *value)
{
    uint16_t u16;
    uint32_t u32;
    int64_t i64;
    switch (column->type) {
    case TEXT:
        return sqlite3_bind_text(statement, at, (const char *)value,
                                 (int)strnlen((const char *)value, column->size), SQLITE_STATIC);
    case BYTES: /* nothing but zeros means "none" and takes no room */
        if (bytes_are_zero(value, column->size))
            return sqlite3_bind_null(statement, at);
        return sqlite3_bind_blob(statement, at, value, (int)column->size, SQLITE_STATIC);
    case DIGEST:
        break; /* with the row's check: bind_digest */
    case U8:
        return sqlite3_bind_int(statement, at, value[0]);
    case U16:
        memcpy(&u16, value, sizeof u16);
        return sqlite3_bind_int(statement, at, u16);
    case U32:
        memcpy(&u32, value, sizeof u32);
        return sqlite3_bind_int64(statement, at, u32);
    case I64:
        memcpy(&i64, value, sizeof i64);
        return sqlite3_bind_int64(statement, at, i64);
    }
    return SQLITE_MISUSE;
}

int
record_bind(sqlite3_stmt *statement, const struct exchange_record *record)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        int rc = columns[i].type == DIGEST ? bind_digest(statement, (int)i + 1, record)
                                           : bind_column(statement, (int)i + 1, &columns[i],
                                                         (const unsigned char *)record + columns[i].offset);
        if (MUTATED(INDEX_UNSTORED) && columns[i].offset == offsetof(struct exchange_record, index.fund_fen))
            rc = sqlite3_bind_int64(statement, (int)i + 1, 0);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int
record_bind_key(sqlite3_stmt *statement, const struct message_key *key, uint8_t role)
{
    int rc = sqlite3_bind_text(statement, 1, key->origin, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(statement, 2, key->msgid, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(statement, 3, role);
    return rc;
}

static int
read_bytes(sqlite3_stmt *statement, int at, const struct column *column, unsigned char *value)
{
    size_t limit = column->type == TEXT ? column->size - 1 : column->size;
    const void *bytes = sqlite3_column_blob(statement, at);
    size_t size = (size_t)sqlite3_column_bytes(statement, at);
    if (size > limit || (column->type == BYTES && size != 0 && size != limit))
        return -1;
    if (size > 0)
        memcpy(value, bytes, size);
    return 0;
}

static int
read_number(sqlite3_stmt *statement, int at, const struct column *column, unsigned char *value)
{
    int64_t number = sqlite3_column_int64(statement, at);
    uint64_t highest = column->type == U8 ? UINT8_MAX : column->type == U16 ? UINT16_MAX : UINT32_MAX;
    if (column->type != I64 && (number < 0 || (uint64_t)number > highest))
        return -1;
    uint16_t u16 = (uint16_t)number;
    uint32_t u32 = (uint32_t)number;
    if (column->type == U8)
        value[0] = (uint8_t)number;
    else if (column->type == U16)
        memcpy(value, &u16, sizeof u16);
    else if (column->type == U32)
        memcpy(value, &u32, sizeof u32);
    else
        memcpy(value, &number, sizeof number);
    return 0;
}

static int
read_columns(sqlite3_stmt *statement, struct exchange_record *record, struct checks *checks)
{
    int bad = 0;
    memset(record, 0, sizeof *record);
    record->index.size = sizeof record->index;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];
        unsigned char *value = (unsigned char *)record + column->offset;
        if (column->type == DIGEST)
            bad |= read_digest(statement, (int)i, record, checks) != 0;
        else if (column->type == TEXT || column->type == BYTES)
            bad |= read_bytes(statement, (int)i, column, value) != 0;
        else
            bad |= read_number(statement, (int)i, column, value) != 0;
    }
    return bad;
}

unsigned
record_examine(sqlite3_stmt *statement, struct exchange_record *record, int64_t *key_check)
{
    unsigned char expected[SEAL_SIZE];
    struct checks checks = {0};
    unsigned damage = 0;
    int bad = read_columns(statement, record, &checks);
    *key_check = 0;
    if (checks.size == SEAL_SIZE)
        *key_check = get_hash(checks.bytes + CHECK_KEY * CHECK_SIZE);
    make_checks(record, expected);
    if (bad || record->state >= STATE_COUNT ||
        (checks.size > 0 && memcmp(checks.bytes, expected, CHECK_SIZE) != 0))
        damage |= RECORD_ROW;
    if (damage != 0 && (checks.size != SEAL_SIZE || record->state >= STATE_COUNT ||
                        memcmp(checks.bytes + CHECK_COURSE * CHECK_SIZE, expected + CHECK_COURSE * CHECK_SIZE,
                               CHECK_SIZE) != 0))
        damage |= RECORD_COURSE;
    if (damage & RECORD_COURSE &&
        (checks.size != SEAL_SIZE || *key_check != get_hash(expected + CHECK_KEY * CHECK_SIZE)))
        damage |= RECORD_KEY;
    return damage;
}

int
record_read(sqlite3_stmt *statement, struct exchange_record *record)
{
    unsigned char expected[SEAL_SIZE];
    struct checks checks = {0};
    if (read_columns(statement, record, &checks) != 0 || record->state >= STATE_COUNT)
        return -1;
    make_checks(record, expected);
    return memcmp(checks.bytes, expected, checks.size) == 0 ? 0 : -1;
}
