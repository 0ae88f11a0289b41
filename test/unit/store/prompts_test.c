/* Prompts: the same promises asked of the memory store and of the SQLite store, and what only files can show.
 */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include "error_codes.h"

static const char *kind = "sqlite";

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_init(f);
    if (strcmp(kind, "encrypted") == 0)
        fixture_make_key(f);
    if (strcmp(kind, "memory") == 0)
        f->store = memory_store_open();
    else
        fixture_open(f);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

static struct store_prompt
prompt_of(unsigned n, unsigned line)
{
    struct store_prompt prompt = {.line = line, .fee_fen = 12345};
    strcpy(prompt.instance, "450900");
    snprintf(prompt.msgid, sizeof prompt.msgid, "H45010000001202611221%09u", n);
    strcpy(prompt.institution, "H45010000001");
    strcpy(prompt.institution_name, "\xe5\x8d\x97\xe5\xae\x81");
    strcpy(prompt.treat_area, "450100");
    snprintf(prompt.visit_id, sizeof prompt.visit_id, "V%u", n);
    strcpy(prompt.item_code, "GX-77");
    strcpy(prompt.item_name, "item");
    strcpy(prompt.level, "02");
    strcpy(prompt.time, "2026-11-22 09:00:00");
    return prompt;
}

static int
put(struct fixture *f, const struct store_prompt *prompt)
{
    uint64_t reference = ++f->sequence;
    assert_int_equal(store_put_prompt(f->store, prompt, reference), 0);
    fixture_wait(f, STORE_PROMPT);
    assert_int_equal(f->last.reference, reference);
    return f->last.found;
}

static int
close_prompt(struct fixture *f, int64_t id, const char *local)
{
    struct store_prompt closing = {.id = id, .closed_by = 1000, .why = "mapped"};
    uint64_t reference = ++f->sequence;
    strcpy(closing.local_code, local);
    assert_int_equal(store_close_prompt(f->store, &closing, reference), 0);
    fixture_wait(f, STORE_PROMPT);
    assert_int_equal(f->last.reference, reference);
    return f->last.found;
}

static void
a_prompt_is_kept_once_and_closed_once(void **state)
{
    struct fixture *f = *state;
    struct store_prompt prompt = prompt_of(1, 3);
    assert_true(put(f, &prompt));
    assert_true(put(f, &prompt)); /* offered again: kept already */
    assert_true(close_prompt(f, 1, "L1"));
    assert_false(close_prompt(f, 1, "L2"));
    assert_int_equal(f->last.error.code, FEP_E_NOTHING_KNOWN);
    assert_false(close_prompt(f, 2, "L1"));
    assert_true(put(f, &prompt)); /* the same notice does not open it again */
    assert_false(close_prompt(f, 1, "L2"));
}

struct seen {
    struct store_prompt first, last;
    unsigned count;
};

static int
see(void *arg, const struct store_prompt *prompt)
{
    struct seen *seen = arg;
    if (seen->count++ == 0)
        seen->first = *prompt;
    seen->last = *prompt;
    return 0;
}

static struct seen
read_prompts(struct fixture *f, int all, int64_t id)
{
    struct seen seen = {0};
    struct fep_error error = {0};
    if (store_read_prompts(f->directory, all, id, see, &seen, &error) != 0)
        fail_msg("%s", error.text);
    return seen;
}

static void
prompts_survive_and_can_be_read_from_outside(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    for (unsigned i = 1; i <= 150; i++) {
        struct store_prompt prompt = prompt_of(i, i);
        assert_int_equal(store_put_prompt(f->store, &prompt, i), 0);
    }
    for (unsigned i = 1; i <= 150; i++) {
        fixture_wait(f, STORE_PROMPT);
        assert_int_equal(f->last.reference, i);
        assert_true(f->last.found);
    }
    assert_true(close_prompt(f, 2, "L2"));
    fixture_close(f);
    seen = read_prompts(f, 0, 0);
    assert_int_equal(seen.count, 149);
    seen = read_prompts(f, 1, 0);
    assert_int_equal(seen.count, 150);
    assert_int_equal(seen.first.id, 1);
    assert_int_equal(seen.last.id, 150);
    assert_string_equal(seen.first.institution_name, "\xe5\x8d\x97\xe5\xae\x81");
    assert_string_equal(seen.first.item_code, "GX-77");
    assert_int_equal(seen.first.fee_fen, 12345);
    assert_int_equal(seen.last.line, 150);
    seen = read_prompts(f, 0, 2);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.first.local_code, "L2");
    assert_string_equal(seen.first.why, "mapped");
    assert_int_equal(seen.first.closed_by, 1000);
    assert_true(seen.first.closed_ms > 0);
    fixture_open(f);
    assert_true(close_prompt(f, 1, ""));
    struct store_identity identity;
    store_read_identity(f->store, &identity);
    assert_int_equal(identity.open_prompts, 148);
}

static void
settle_visit(struct fixture *f, unsigned n, int settles, enum exchange_state end)
{
    struct exchange_record record;
    fixture_posted(&record, n, FIXTURE_DAY);
    record.state = STATE_DISPATCHED;
    struct store_write write = {
        .type = STORE_INSERT, .sequence = ++f->sequence, .settles = 1, .record = record};
    write.body = fixture_body("body", n, 0);
    assert_int_equal(store_submit(f->store, &write, 1), 0);
    fixture_settle(f);
    assert_string_equal(read_prompts(f, 1, 0).first.settlement_id, ""); /* not before it has ended */
    record.state = (uint8_t)end;
    write = (struct store_write){.type = STORE_UPDATE,
                                 .sequence = ++f->sequence,
                                 .settles = (uint8_t)settles,
                                 .record = record,
                                 .answer = fixture_body("answer", n, 0)};
    assert_int_equal(store_submit(f->store, &write, 1), 0);
    fixture_settle(f);
}

static void
a_settlement_is_noted_in_its_visits_open_prompts(void **state)
{
    struct fixture *f = *state;
    for (unsigned line = 1; line <= 3; line++) {
        struct store_prompt prompt = prompt_of(7, line);
        if (line == 3)
            strcpy(prompt.visit_id, "V8");
        assert_true(put(f, &prompt));
    }
    assert_true(close_prompt(f, 2, ""));
    settle_visit(f, 7, 1, STATE_ANSWERED);
    assert_string_equal(read_prompts(f, 1, 1).first.settlement_id, "S7");
    assert_string_equal(read_prompts(f, 1, 2).first.settlement_id, ""); /* closed before */
    assert_string_equal(read_prompts(f, 1, 3).first.settlement_id, ""); /* another visit */
}

static void
what_is_no_settlement_or_was_refused_is_not_noted(void **state)
{
    struct fixture *f = *state;
    struct store_prompt prompt = prompt_of(7, 1);
    assert_true(put(f, &prompt));
    settle_visit(f, 7, 0, STATE_ANSWERED);
    assert_string_equal(read_prompts(f, 1, 1).first.settlement_id, "");
    prompt = prompt_of(8, 1);
    settle_visit(f, 8, 1, STATE_REFUSED);
    assert_string_equal(read_prompts(f, 1, 1).first.settlement_id, "");
}

/* Fills the table from outside; the store counts anew when it is opened. */
static void
fill_prompts(struct fixture *f, unsigned count, unsigned closed)
{
    char sql[600];
    fixture_close(f);
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%u) INSERT INTO prompt SELECT "
        "i,'450900','M'||i,1,'H','','450100','V','','C','','','',0,'',i,CASE WHEN i<=%u THEN i ELSE 0 END,0,"
        "'','',NULL FROM n",
        count, closed);
    fixture_run(f, "queue.db", sql);
    fixture_open(f);
}

static void
prompts_are_bounded_and_the_oldest_closed_ones_make_room(void **state)
{
    struct fixture *f = *state;
    struct store_prompt prompt;
    fill_prompts(f, STORE_PROMPTS_MOST, 2);
    for (unsigned i = 1; i <= 2; i++) {
        prompt = prompt_of(i, 1);
        assert_true(put(f, &prompt));
    }
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), STORE_PROMPTS_MOST);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt WHERE closed_ms<>0"), 0);
    prompt = prompt_of(3, 1);
    assert_false(put(f, &prompt)); /* all are open */
    assert_int_equal(f->last.error.code, FEP_E_BOUND);
    assert_true(close_prompt(f, 5, ""));
    assert_true(put(f, &prompt));
    assert_int_equal(fixture_number(f, "queue.db", "SELECT count(*) FROM prompt"), STORE_PROMPTS_MOST);
}

#define CASE(name)                                                                                           \
    {                                                                                                        \
#name, name, set_up, tear_down, NULL                                                                 \
    }

int
main(int argc, char **argv)
{
    const struct CMUnitTest both[] = {
        CASE(a_prompt_is_kept_once_and_closed_once),
    };
    const struct CMUnitTest files[] = {
        CASE(prompts_survive_and_can_be_read_from_outside),
        CASE(a_settlement_is_noted_in_its_visits_open_prompts),
        CASE(what_is_no_settlement_or_was_refused_is_not_noted),
        CASE(prompts_are_bounded_and_the_oldest_closed_ones_make_room),
    };
    kind = argc > 2 ? argv[1] : kind;
    return argc > 2 && strcmp(argv[2], "files") == 0 ? cmocka_run_group_tests_name(kind, files, NULL, NULL)
                                                     : cmocka_run_group_tests_name(kind, both, NULL, NULL);
}
