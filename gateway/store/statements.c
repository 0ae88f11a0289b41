/* The SQL of the queue in one table. Nothing else runs on the hot path. Fails with SQLite's code if the
 * schema is not the one that the program knows. */
#include "statements.h"

#include <stddef.h>
#include <string.h>
#include "database.h"
#include "record_columns.h"
#include "seal.h"

/* $N, $P, $A, $1: see record_sql. */
#define S(name, sql)                                                                                         \
    {                                                                                                        \
        offsetof(struct statements, name), sql                                                               \
    }
static const struct {
    size_t offset;
    const char *sql;
} table[] = {
    S(begin, "BEGIN IMMEDIATE"),
    S(commit, "COMMIT"),
    S(rollback, "ROLLBACK"),
    S(insert_exchange, "INSERT INTO exchange($N,body_id,answer_id,sequence,id) VALUES($P,$1,$2,$3,$4)"),
    S(update_exchange, "UPDATE exchange SET $A,body_id=coalesce($1,body_id),answer_id=coalesce($2,answer_id),"
                       "sequence=$3 WHERE id=$4"),
    S(select_exchange, "SELECT $N,(SELECT data FROM body WHERE body.id=body_id),"
                       "(SELECT data FROM body WHERE body.id=answer_id) FROM exchange WHERE id=?1"),
    S(delete_exchange, "DELETE FROM exchange WHERE id=?1"),
    S(insert_body, "INSERT INTO body(id,data) VALUES(?1,?2)"),
    S(delete_body, "DELETE FROM body WHERE id=?1"),
    S(insert_closed, "INSERT INTO closed(number,exchange,seal) VALUES(?1,?2,fep_seal(?1,?2))"),
    S(delete_closed, "DELETE FROM closed WHERE number=?1"),
    S(select_closed, "SELECT $N,(SELECT data FROM body WHERE body.id=body_id),"
                     "(SELECT data FROM body WHERE body.id=answer_id),number,exchange.id,body_id,answer_id "
                     "FROM closed CROSS JOIN exchange ON exchange.id=closed.exchange "
                     "WHERE number>?1 ORDER BY number LIMIT ?2"),
    S(write_number, "INSERT OR REPLACE INTO meta(name,number,seal) VALUES(?1,?2,fep_seal(?1,?2,'',NULL))"),
    S(insert_visit,
      "INSERT OR IGNORE INTO visit(insured_area,visit_id,origin,msgid,day) VALUES(?1,?2,?3,?4,?5)"),
    S(select_visit, "SELECT origin,msgid FROM visit WHERE insured_area=?1 AND visit_id=?2"),
    S(write_mark, "INSERT OR REPLACE INTO peer_mark(name,incarnation,commit_sequence,seal) "
                  "VALUES(?1,?2,?3,fep_seal(?1,?2,?3))"),
    S(read_mark, "SELECT incarnation,commit_sequence FROM peer_mark "
                 "WHERE name=?1 AND " SEAL_FITS(MARK_COLUMNS)),
    S(find_prompt, "SELECT id FROM prompt WHERE msgid=?1 AND line=?2"),
    S(insert_prompt,
      "INSERT INTO prompt(instance,msgid,institution,institution_name,treat_area,visit_id,settlement_id,"
      "item_code,item_name,national_code,level,time,line,fee_fen,raised_ms,closed_ms,closed_by,why,"
      "local_code,seal) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,0,0,'','',"
      "fep_seal(?1,?2,?13,?3,?4,?5,?6,?7,?8,?9,?10,?11,?14,?12,?15,0,0,'',''))"),
    S(drop_prompt, "DELETE FROM prompt WHERE id=(SELECT id FROM prompt WHERE closed_ms<>0 "
                   "ORDER BY closed_ms,id LIMIT 1)"),
    S(close_prompt,
      "UPDATE prompt SET closed_ms=?2,closed_by=?3,why=?4,local_code=?5,seal=fep_seal(" PROMPT_SEALED_1
      ",settlement_id," PROMPT_SEALED_2 ",?2,?3,?4,?5) "
      "WHERE id=?1 AND closed_ms=0 AND " SEAL_FITS(PROMPT_COLUMNS)),
    S(put_proposal,
      "INSERT OR REPLACE INTO proposal VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
      "?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26)"),
    S(trim_proposals, "DELETE FROM proposal WHERE state>2 AND id<=(SELECT max(id) FROM proposal)-?1"),
    S(settle_prompts, "UPDATE prompt SET settlement_id=?3,seal=fep_seal(" PROMPT_SEALED_1
                      ",?3," PROMPT_SEALED_2 ",closed_ms,closed_by,why,local_code) "
                      "WHERE closed_ms=0 AND visit_id=?1 AND instance=?2 AND " SEAL_FITS(PROMPT_COLUMNS)),
};
#define STATEMENT_COUNT (sizeof table / sizeof table[0])

static sqlite3_stmt **
place_of(struct statements *statements, size_t i)
{
    return (sqlite3_stmt **)(void *)((char *)statements + table[i].offset);
}

int
statements_prepare(struct statements *statements, sqlite3 *db)
{
    char sql[RECORD_SQL_SIZE];
    memset(statements, 0, sizeof *statements);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        record_sql(table[i].sql, sql);
        int rc = database_prepare(db, sql, place_of(statements, i));
        if (rc != SQLITE_OK) {
            statements_finish(statements);
            return rc;
        }
    }
    return SQLITE_OK;
}

void
statements_finish(struct statements *statements)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(*place_of(statements, i));
    memset(statements, 0, sizeof *statements);
}
