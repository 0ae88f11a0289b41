/* What operators propose and confirm: kept, changed, read back at the start, its answer sealed. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

static const char secret[] = "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"S1\"}}}";

static struct store_proposal
proposal_of(int64_t id)
{
    struct store_proposal row = {.id = id,
                                 .verb = 1,
                                 .state = PROPOSAL_OPEN,
                                 .role = ROLE_DESTINATION,
                                 .attempt = 2,
                                 .serial = 480000000001,
                                 .proposed_ms = 1795226400000,
                                 .proposed_by = 1001};
    strcpy(row.origin, "GW4501000001");
    snprintf(row.msgid, sizeof row.msgid, "H45010000001202611221%09u", (unsigned)id % 1000000000);
    strcpy(row.infno, "2207");
    strcpy(row.instance, "asked");
    strcpy(row.why, "seen in the details");
    strcpy(row.index.settlement_id, "S1");
    row.index.total_fen = 10000;
    row.index.has_money = 1;
    return row;
}

static void
put(struct fixture *f, const struct store_proposal *row)
{
    assert_int_equal(store_put_proposal(f->store, row, 77), 0);
    fixture_wait(f, STORE_PROPOSAL);
    assert_int_equal(f->last.reference, 77);
    assert_int_equal(f->last.found, 1);
}

struct loaded {
    struct store_proposal rows[8];
    char answer[128];
    size_t count;
};

static int
take(void *arg, const struct store_proposal *row)
{
    struct loaded *loaded = arg;
    if (loaded->count == 8)
        return -1;
    loaded->rows[loaded->count++] = *row;
    if (row->answer.size != 0 && row->answer.size < sizeof loaded->answer) {
        memcpy(loaded->answer, row->answer.data, row->answer.size);
        loaded->answer[row->answer.size] = '\0';
    }
    return 0;
}

static void
load(struct fixture *f, size_t limit, struct loaded *loaded)
{
    struct fep_error error = {0};
    memset(loaded, 0, sizeof *loaded);
    if (store_load_proposals(f->store, limit, take, loaded, &error) != 0)
        fail_msg("%s", error.text);
}

static void
kept_over_a_restart(struct fixture *f)
{
    struct loaded loaded;
    struct store_proposal row = proposal_of(1);
    fixture_open(f);
    row.answer = slice_copy(secret, strlen(secret));
    put(f, &row);
    row.state = PROPOSAL_CONFIRMED;
    row.decided_by = 1002;
    row.decided_ms = row.proposed_ms + 1000;
    put(f, &row);
    slice_release(&row.answer);
    fixture_close(f);
    fixture_open(f);
    load(f, 10, &loaded);
    assert_int_equal(loaded.count, 1);
    assert_string_equal(loaded.answer, secret);
    assert_int_equal(loaded.rows[0].state, PROPOSAL_CONFIRMED);
    assert_int_equal(loaded.rows[0].proposed_by, 1001);
    assert_int_equal(loaded.rows[0].decided_by, 1002);
    assert_int_equal(loaded.rows[0].serial, 480000000001);
    assert_int_equal(loaded.rows[0].index.total_fen, 10000);
    assert_string_equal(loaded.rows[0].msgid, row.msgid);
    assert_string_equal(loaded.rows[0].why, "seen in the details");
}

static void
a_row_is_kept_and_changed(void **state)
{
    struct fixture *f = *state;
    kept_over_a_restart(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT instr(answer,'setl_id')>0 FROM proposal"), 1);
}

static void
an_answer_is_sealed_where_bodies_are(void **state)
{
    struct fixture *f = *state;
    fixture_make_key(f);
    kept_over_a_restart(f);
    assert_int_equal(fixture_number(f, "queue.db", "SELECT instr(answer,'setl_id') FROM proposal"), 0);
    fixture_close(f);
    fixture_run(f, "queue.db",
                "UPDATE proposal SET answer=CAST(substr(answer,1,60)||x'00'||substr(answer,62) AS BLOB)");
    fixture_open(f);
    struct loaded loaded;
    load(f, 10, &loaded);
    assert_string_equal(loaded.answer, ""); /* one that does not pass its check is none */
}

static void
what_is_open_is_always_loaded(void **state)
{
    struct fixture *f = *state;
    struct loaded loaded;
    fixture_open(f);
    for (int64_t id = 1; id <= 6; id++) {
        struct store_proposal row = proposal_of(id);
        row.state = id == 2 ? PROPOSAL_OPEN : PROPOSAL_APPLIED;
        put(f, &row);
    }
    load(f, 2, &loaded);
    assert_int_equal(loaded.count, 3);
    assert_int_equal(loaded.rows[0].id, 2);
    assert_int_equal(loaded.rows[1].id, 5);
    assert_int_equal(loaded.rows[2].id, 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_CASE(a_row_is_kept_and_changed),
        FIXTURE_CASE(an_answer_is_sealed_where_bodies_are),
        FIXTURE_CASE(what_is_open_is_always_loaded),
    };
    return cmocka_run_group_tests_name("proposals", tests, NULL, NULL);
}
