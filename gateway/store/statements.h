/* Every statement on queue.db that runs more than once, prepared once. */
#ifndef FEP_STATEMENTS_H
#define FEP_STATEMENTS_H

#include <sqlite3.h>

/* The columns that a seal covers, in its order. */
#define MARK_COLUMNS    "name,incarnation,commit_sequence"
#define META_COLUMNS    "name,number,text,bytes"
#define CLOSED_COLUMNS  "number,exchange"
#define PROMPT_SEALED_1 "instance,msgid,line,institution,institution_name,treat_area,visit_id"
#define PROMPT_SEALED_2 "item_code,item_name,national_code,level,fee_fen,time,raised_ms"
#define PROMPT_COLUMNS  PROMPT_SEALED_1 ",settlement_id," PROMPT_SEALED_2 ",closed_ms,closed_by,why,local_code"

struct statements {
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *insert_exchange; /* ?1..?N record, then body_id, answer_id, sequence, id */
    sqlite3_stmt *update_exchange; /* the same; NULL ids keep what is there */
    sqlite3_stmt *select_exchange; /* id -> record, body, answer */
    sqlite3_stmt *delete_exchange; /* id */
    sqlite3_stmt *insert_body;     /* id, data */
    sqlite3_stmt *delete_body;     /* id */
    sqlite3_stmt *insert_closed;   /* number, exchange */
    sqlite3_stmt *delete_closed;   /* number */
    sqlite3_stmt
        *select_closed; /* after number, at most -> record, body, answer, number, id, body_id, answer_id */
    sqlite3_stmt *write_number; /* meta: name, number */
    sqlite3_stmt *insert_visit; /* insured_area, visit_id, origin, msgid, day; the first one stays */
    sqlite3_stmt *select_visit; /* insured_area, visit_id -> origin, msgid */
    sqlite3_stmt *write_mark, *read_mark; /* peer_mark */
    sqlite3_stmt *find_prompt;    /* msgid, line -> a row if there is one */
    sqlite3_stmt *insert_prompt;  /* the texts in the order of the table, then line, fee_fen, raised_ms */
    sqlite3_stmt *drop_prompt;    /* the one that was closed first */
    sqlite3_stmt *close_prompt;   /* id, closed_ms, closed_by, why, local_code; only an open one */
    sqlite3_stmt *put_proposal;   /* the columns in the order of the table */
    sqlite3_stmt *trim_proposals; /* how many stay */
    sqlite3_stmt *settle_prompts; /* visit_id, instance, settlement_id */
};

/* SQLite's code; on an error what was prepared is released. */
int statements_prepare(struct statements *statements, sqlite3 *db);
void statements_finish(struct statements *statements);

#endif
