/* Reading prompts for fepctl, from any process: read-only, from the oldest on, in pages, so that no
 * transaction is held while the caller prints. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include "database.h"
#include "error.h"
#include "seal.h"
#include "statements.h"

#define PAGE_ROWS 64

static const char select_prompts[] =
    "SELECT id,instance,msgid,line,institution,institution_name,treat_area,visit_id,settlement_id,item_code,"
    "item_name,national_code,level,fee_fen,time,raised_ms,closed_ms,closed_by,why,local_code FROM prompt "
    "WHERE id>?1 AND (?2 OR closed_ms=0) AND (?3=0 OR id=?3) AND " SEAL_FITS(
        PROMPT_COLUMNS) " ORDER BY id LIMIT ?4";

static void
take_text(sqlite3_stmt *select, int at, char *to, size_t room)
{
    const unsigned char *text = sqlite3_column_text(select, at);
    snprintf(to, room, "%s", text != NULL ? (const char *)text : "");
}

#define TEXT(at, member) take_text(select, at, prompt->member, sizeof prompt->member)
static void
read_row(sqlite3_stmt *select, struct store_prompt *prompt)
{
    prompt->id = sqlite3_column_int64(select, 0);
    TEXT(1, instance);
    TEXT(2, msgid);
    prompt->line = (uint32_t)sqlite3_column_int64(select, 3);
    TEXT(4, institution);
    TEXT(5, institution_name);
    TEXT(6, treat_area);
    TEXT(7, visit_id);
    TEXT(8, settlement_id);
    TEXT(9, item_code);
    TEXT(10, item_name);
    TEXT(11, national_code);
    TEXT(12, level);
    prompt->fee_fen = sqlite3_column_int64(select, 13);
    TEXT(14, time);
    prompt->raised_ms = sqlite3_column_int64(select, 15);
    prompt->closed_ms = sqlite3_column_int64(select, 16);
    prompt->closed_by = (uint32_t)sqlite3_column_int64(select, 17);
    TEXT(18, why);
    TEXT(19, local_code);
}
#undef TEXT

/* One page, in a transaction of its own; *count rows. SQLite's code. */
static int
read_page(sqlite3_stmt *select, int64_t after, int all, int64_t id, struct store_prompt *page, size_t *count)
{
    int rc = SQLITE_ROW;
    *count = 0;
    sqlite3_bind_int64(select, 1, after);
    sqlite3_bind_int(select, 2, all || id != 0);
    sqlite3_bind_int64(select, 3, id);
    sqlite3_bind_int(select, 4, PAGE_ROWS);
    while (*count < PAGE_ROWS && (rc = sqlite3_step(select)) == SQLITE_ROW)
        read_row(select, &page[(*count)++]);
    sqlite3_reset(select);
    return rc;
}

int
store_read_prompts(const char *directory, int all, int64_t id,
                   int (*fn)(void *arg, const struct store_prompt *prompt), void *arg,
                   struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    struct store_prompt *page = malloc(PAGE_ROWS * sizeof *page);
    int64_t after = 0;
    size_t count;
    if (page == NULL)
        return error_set(error, 0, FEP_E_NO_MEMORY, "no memory to read prompts");
    enum database_result opened = DATABASE_FAILED;
    if ((size_t)snprintf(path, sizeof path, "%s/queue.db", directory) >= sizeof path)
        error_set(error, 0, FEP_E_STORE_READ, "the path %.100s... is too long", directory);
    else
        opened = database_open_to_read(path, QUEUE_APPLICATION, &db, error);
    if (opened != DATABASE_GOOD) {
        free(page);
        return opened == DATABASE_NONE ? 0 : -1;
    }
    int rc = sqlite3_prepare_v2(db, select_prompts, -1, &select, NULL), broken_off = 0;
    for (rc = rc == SQLITE_OK ? SQLITE_ROW : rc; rc == SQLITE_ROW && !broken_off;) {
        rc = read_page(select, after, all, id, page, &count);
        for (size_t i = 0; i < count && !broken_off; i++) {
            after = page[i].id;
            broken_off = fn(arg, &page[i]) != 0;
        }
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        error_set(error, 0, FEP_E_STORE_READ, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    free(page);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}
