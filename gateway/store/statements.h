/* Every statement on queue.db that runs more than once, prepared once. */
#ifndef FEP_STATEMENTS_H
#define FEP_STATEMENTS_H

#include <sqlite3.h>

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
};

/* SQLite's code; on an error what was prepared is released. */
int statements_prepare(struct statements *statements, sqlite3 *db);
void statements_finish(struct statements *statements);

#endif
