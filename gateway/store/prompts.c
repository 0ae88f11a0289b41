/* Keeps and closes prompts. Must never let a notice eat the room that outcomes need, never answer "kept"
 * before the commit, never keep more than STORE_PROMPTS_MOST. What can't be kept now is refused, and the host
 * that offered it offers it again. */
#include "prompts.h"

#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "error.h"
#include "log.h"

int
prompts_load(struct sqlite_store *store)
{
    store->prompts.kept = database_number(store->db, "SELECT count(*) FROM prompt");
    int64_t open = database_number(store->db, "SELECT count(*) FROM prompt WHERE closed_ms=0");
    if (store->prompts.kept < 0 || open < 0)
        return sqlite3_extended_errcode(store->db);
    atomic_store(&store->prompts.open, open);
    return SQLITE_OK;
}

/* --- one notice
 * ----------------------------------------------------------------------------------------------------- */

static int
is_kept_already(struct sqlite_store *store, const struct store_prompt *prompt)
{
    sqlite3_stmt *find = store->statements.find_prompt;
    sqlite3_bind_text(find, 1, prompt->msgid, -1, SQLITE_STATIC);
    sqlite3_bind_int64(find, 2, prompt->line);
    return statement_run(find) == SQLITE_ROW;
}

/* Takes the oldest closed one away. SQLITE_OK, SQLITE_DONE if none is closed, or an error. */
static int
make_room(struct sqlite_store *store)
{
    int rc = statement_run(store->statements.drop_prompt);
    if (rc == SQLITE_OK && sqlite3_changes(store->db) == 0)
        return SQLITE_DONE;
    store->prompts.kept -= rc == SQLITE_OK;
    return rc;
}

static int
insert(struct sqlite_store *store, const struct store_prompt *prompt)
{
    sqlite3_stmt *into = store->statements.insert_prompt;
    const char *texts[] = {prompt->instance,         prompt->msgid,      prompt->institution,
                           prompt->institution_name, prompt->treat_area, prompt->visit_id,
                           prompt->settlement_id,    prompt->item_code,  prompt->item_name,
                           prompt->national_code,    prompt->level,      prompt->time};
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < (int)(sizeof texts / sizeof texts[0]); i++)
        rc = sqlite3_bind_text(into, 1 + i, texts[i], -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(into, 13, prompt->line);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(into, 14, prompt->fee_fen);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(into, 15, clock_wall_ms(&clock_system));
    return rc == SQLITE_OK ? statement_run(into) : rc;
}

/* SQLITE_OK: kept, now or before. SQLITE_DONE: there is no room among the prompts. */
static int
keep(struct sqlite_store *store, const struct store_prompt *prompt)
{
    int rc = SQLITE_OK;
    if (is_kept_already(store, prompt))
        return SQLITE_OK;
    if (store->prompts.kept >= STORE_PROMPTS_MOST)
        rc = make_room(store);
    if (rc == SQLITE_OK)
        rc = insert(store, prompt);
    if (rc == SQLITE_OK) {
        store->prompts.kept++;
        atomic_fetch_add(&store->prompts.open, 1);
    }
    return rc;
}

/* SQLITE_DONE: there is no such open prompt. */
static int
close_one(struct sqlite_store *store, const struct store_prompt *closing)
{
    sqlite3_stmt *update = store->statements.close_prompt;
    sqlite3_bind_int64(update, 1, closing->id);
    sqlite3_bind_int64(update, 2, clock_wall_ms(&clock_system));
    sqlite3_bind_int64(update, 3, closing->closed_by);
    sqlite3_bind_text(update, 4, closing->why, -1, SQLITE_STATIC);
    sqlite3_bind_text(update, 5, closing->local_code, -1, SQLITE_STATIC);
    int rc = statement_run(update);
    if (rc == SQLITE_OK && sqlite3_changes(store->db) == 0)
        return SQLITE_DONE;
    atomic_fetch_sub(&store->prompts.open, rc == SQLITE_OK);
    return rc;
}

/* --- a transaction of them
 * ----------------------------------------------------------------------------------------------- */

static void
say_full(struct sqlite_store *store)
{
    if (!store->prompts.full_said)
        log_line(LOG_EVENT_ALARM, LOG_SEV_CRITICAL, LOG_N("code", FEP_E_BOUND),
                 LOG_S("as many prompts are open as can be kept; close some (fepctl prompts)"));
    store->prompts.full_said = 1;
}

/* The event for one item; `rc` as keep and close_one return it. */
static int
report(struct sqlite_store *store, struct mail_list *mails, const struct item *item, int rc)
{
    struct mail *mail = mail_append(mails, STORE_PROMPT, 0);
    if (mail == NULL)
        return SQLITE_NOMEM;
    mail->event.reference = item->reference;
    mail->event.found = rc == SQLITE_OK;
    if (rc == SQLITE_OK)
        return SQLITE_OK;
    if (item->type == ITEM_PROMPT_PUT) {
        say_full(store);
        error_set(&mail->event.error, 0, FEP_E_BOUND, "there is no room for another prompt");
    } else {
        error_set(&mail->event.error, 0, FEP_E_NOTHING_KNOWN, "no open prompt has the number %lld",
                  (long long)item->prompt->id);
    }
    return SQLITE_OK;
}

static int
run(struct sqlite_store *store, const struct item *item, size_t count, struct mail_list *mails)
{
    int rc = statement_run(store->statements.begin);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++, item = item->next) {
        int done = item->type == ITEM_PROMPT_PUT ? keep(store, item->prompt) : close_one(store, item->prompt);
        rc = done == SQLITE_OK || done == SQLITE_DONE ? report(store, mails, item, done) : done;
    }
    return rc == SQLITE_OK ? statement_run(store->statements.commit) : rc;
}

static void
refuse_all(struct sqlite_store *store, const struct item *item, size_t count)
{
    struct mail_list mails = {0};
    for (size_t i = 0; i < count; i++, item = item->next) {
        struct mail *mail = mail_append(&mails, STORE_PROMPT, 0);
        if (mail == NULL)
            continue; /* offered again */
        mail->event.reference = item->reference;
        error_set(&mail->event.error, 0, FEP_E_DISK_FULL, "the disk is full; nothing was stored");
    }
    mailbox_post(&store->base.mailbox, &mails);
}

int
prompts_commit(struct sqlite_store *store, const struct item *first, size_t count)
{
    struct mail_list mails = {0};
    char message[160];
    if (!store->room.ballast_held) {
        refuse_all(store, first, count);
        return 0;
    }
    int rc = run(store, first, count, &mails);
    if (rc == SQLITE_OK) {
        if (store->prompts.kept < STORE_PROMPTS_MOST ||
            atomic_load(&store->prompts.open) < store->prompts.kept)
            store->prompts.full_said = 0;
        mailbox_post(&store->base.mailbox, &mails);
        return 0;
    }
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(store->db));
    int full = code_is_full(store->db, rc), back = SQLITE_OK;
    mail_list_release(&mails);
    if (!sqlite3_get_autocommit(store->db))
        back = statement_run(store->statements.rollback);
    if (back == SQLITE_OK)
        back = prompts_load(store);
    if (full && back == SQLITE_OK) {
        refuse_all(store, first, count);
        return 0;
    }
    batch_fail(store, back != SQLITE_OK ? back : rc, message);
    return -1;
}

int
prompts_note_settlement(struct sqlite_store *store, const struct exchange_record *record)
{
    sqlite3_stmt *update = store->statements.settle_prompts;
    if (atomic_load(&store->prompts.open) == 0 || record->role != ROLE_DESTINATION ||
        record->state != STATE_ANSWERED || record->index.visit_id[0] == '\0' ||
        record->index.settlement_id[0] == '\0')
        return SQLITE_OK;
    sqlite3_bind_text(update, 1, record->index.visit_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(update, 2, record->target, -1, SQLITE_STATIC);
    sqlite3_bind_text(update, 3, record->index.settlement_id, -1, SQLITE_STATIC);
    return statement_run(update);
}
