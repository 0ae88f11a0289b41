/* What is in quarantine, for fepctl, from any process: rows of queue.db, and journal days as a whole. Must
 * never change a file; a list that can't be read to its end is reported as such. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "database.h"
#include "error.h"
#include "journal.h"

static void
take_text(sqlite3_stmt *row, int at, char *to, size_t room)
{
    const unsigned char *text = sqlite3_column_text(row, at);
    snprintf(to, room, "%s", text != NULL ? (const char *)text : "");
}

static int
read_rows(const char *directory, int (*fn)(void *arg, const struct store_quarantined *one), void *arg,
          struct fep_error *error)
{
    char path[STORE_PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/queue.db", directory) >= sizeof path)
        return error_set(error, 0, FEP_E_STORE_READ, "the path %.100s... is too long", directory);
    enum database_result opened = database_open_to_read(path, QUEUE_APPLICATION, &db, error);
    if (opened != DATABASE_GOOD)
        return opened == DATABASE_NONE ? 0 : -1;
    int rc = sqlite3_prepare_v2(
            db, "SELECT source,found_ms,origin,msgid,role,day,became FROM quarantined ORDER BY number", -1,
            &select, NULL),
        broken_off = 0;
    while (rc == SQLITE_OK && !broken_off && (rc = sqlite3_step(select)) == SQLITE_ROW) {
        struct store_quarantined one = {.found_ms = sqlite3_column_int64(select, 1),
                                        .role = (uint8_t)sqlite3_column_int(select, 4),
                                        .day = (uint32_t)sqlite3_column_int64(select, 5)};
        take_text(select, 0, one.source, sizeof one.source);
        take_text(select, 2, one.origin, sizeof one.origin);
        take_text(select, 3, one.msgid, sizeof one.msgid);
        take_text(select, 6, one.became, sizeof one.became);
        broken_off = fn(arg, &one) != 0;
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE && rc != SQLITE_OK)
        error_set(error, 0, FEP_E_STORE_READ, "%s: %s", path, sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    return broken_off ? 1 : rc == SQLITE_DONE || rc == SQLITE_OK ? 0 : -1;
}

/* "msgid origin role ending" of one line of a day's list. */
static int
read_list(const char *folder, const char *name, int (*fn)(void *arg, const struct store_quarantined *one),
          void *arg, struct fep_error *error)
{
    char path[STORE_PATH_SIZE + 300], line[256], role[16], ending[16];
    int broken_off = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *list = fopen(path, "re");
    if (list == NULL)
        return error_set(error, 0, FEP_E_STORE_READ, "%s: %s", path, strerror(errno));
    struct store_quarantined one = {.day = (uint32_t)strtoul(name, NULL, 10)};
    snprintf(one.source, sizeof one.source, "journal %.8s", name);
    while (!broken_off && fgets(line, sizeof line, list) != NULL) {
        if (line[0] == '#' || sscanf(line, "%30s %15s %15s %15s", one.msgid, one.origin, role, ending) != 4)
            continue;
        one.role = strcmp(role, role_name(ROLE_ORIGIN)) == 0    ? ROLE_ORIGIN
                   : strcmp(role, role_name(ROLE_TRANSIT)) == 0 ? ROLE_TRANSIT
                                                                : ROLE_DESTINATION;
        snprintf(one.became, sizeof one.became, "settled as %s; body no longer held", ending);
        broken_off = fn(arg, &one) != 0;
    }
    if (ferror(list))
        error_set(error, 0, FEP_E_STORE_READ, "%s can't be read to its end", path);
    int failed = ferror(list);
    fclose(list);
    return failed ? -1 : broken_off;
}

int
store_read_quarantine(const char *directory, int (*fn)(void *arg, const struct store_quarantined *one),
                      void *arg, struct fep_error *error)
{
    char folder_name[STORE_PATH_SIZE];
    int result = read_rows(directory, fn, arg, error);
    snprintf(folder_name, sizeof folder_name, "%.4080s/journal", directory);
    DIR *folder = opendir(folder_name);
    if (folder == NULL)
        return result < 0 ? -1 : 0; /* no day was ever made */
    for (struct dirent *entry; result == 0 && (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length > 20 && strncmp(entry->d_name + 8, ".db.quarantined", 15) == 0 &&
            strcmp(entry->d_name + length - 5, ".list") == 0)
            result = read_list(folder_name, entry->d_name, fn, arg, error);
    }
    closedir(folder);
    return result < 0 ? -1 : 0;
}
