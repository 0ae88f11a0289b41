/* The fixed module calling: what each answer of the local system means, inquiries and reversals among them.
 */
#include "fixed_calling_rig.h"

#include <stdio.h>
#include <string.h>

static void
query_and_settlement_are_answered_in_any_order(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *first = rig_submit(f, &rig_person), *second = rig_submit(f, &rig_settle);
    struct request a = rig_take_request(f), b = rig_take_request(f);
    assert_string_equal(a.local, "100001");
    assert_string_equal(a.serial, "20261122000000000101");
    assert_string_equal(b.local, "400002");
    assert_memory_equal(b.record, "01Q4000022GW4509000001DJ450900000120261122000000000102", 54);
    assert_memory_equal(b.record + 114, "2026112210150020261122",
                        22); /* clock and the system's accounting date */
    rig_answer(f, &b, "000000", rig_settled(f));
    struct fake_completion *done = rig_wait_for(f, second);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_POSTED);
    assert_int_equal(done->result.accounting_date, 20261122);
    assert_string_equal(done->result.local_reference, "DJ202611221130060088");
    assert_string_equal(fake_get(f->fake, done->answer, "SR-FUND"), "60.00");
    assert_null(fake_completion_of(f->fake, first));
    struct fep_record *body =
        fake_record(f->fake, "100001-R", (const char *const[]){"PR-NAME", "覃检", NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "Z1", NULL});
    rig_answer(f, &a, "000000", body);
    done = rig_wait_for(f, first);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.effect, FEP_EFFECT_NONE);
    assert_int_equal(f->fake->host.record_rows(done->answer), 1);
}

static void
refusals_carry_class_and_code(void **state)
{
    static const struct {
        const char *code;
        enum fep_kind kind;
        uint32_t class, canonical;
    } cases[] = {{"200301", FEP_REFUSED, FEP_FINAL, 2301}, {"900001", FEP_REFUSED, FEP_REPEATABLE, 9001},
                 {"900002", FEP_UNKNOWN, 0, 9002},         {"900999", FEP_UNKNOWN, 0, 9999},
                 {"777777", FEP_UNKNOWN, 0, 9002},         {"100007", FEP_REFUSED, FEP_FINAL, 1001}};
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fep_call *call = rig_submit(f, &rig_settle);
        struct request request = rig_take_request(f);
        rig_answer(f, &request, cases[i].code, NULL);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, cases[i].kind);
        assert_int_equal(done->result.code, cases[i].canonical);
        assert_string_equal(done->result.text, "出错了");
        if (done->kind == FEP_REFUSED)
            assert_int_equal(done->result.refusal_class, cases[i].class);
    }
    struct fep_call *call = rig_submit(f, &rig_person); /* an unknown code of a query is no unknown outcome */
    struct request request = rig_take_request(f);
    rig_answer(f, &request, "777777", NULL);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_REFUSED);
}

/* The protocol's list: local code, class, canonical code. */
static void
every_return_code_has_its_class(void **state)
{
    struct fixture *f = *state;
    static const unsigned final[] = {1001, 1002, 1003, 1004, 1005, 1006, 2001, 2002, 2003,
                                     2004, 2005, 2101, 2102, 2103, 2201, 2202, 2203, 2204,
                                     2301, 2302, 2303, 2401, 2402, 2403, 2503, 2504};
    static const unsigned others[][2] = {{'R', 2601}, {'R', 9001}, {'U', 9002}, {'U', 9999}};
    const struct fep_host *host = &f->fake->host;
    char local[16], wanted[16];
    for (size_t i = 0; i < sizeof final / sizeof *final + 4; i++) {
        bool is_final = i < sizeof final / sizeof *final;
        const unsigned *other = others[is_final ? 0 : i - sizeof final / sizeof *final];
        unsigned code = is_final ? final[i] : other[1];
        snprintf(local, sizeof local, "%u00%03u", code / 1000, code % 1000);
        snprintf(wanted, sizeof wanted, "%c:%u", is_final ? 'N' : (char)other[0], code);
        assert_string_equal(host->mapping_text(f->fake, "errors", local), wanted);
        assert_string_equal(host->mapping_text(f->fake, "results", wanted), local);
    }
    assert_string_equal(host->mapping_text(f->fake, "errors", "100007"), "N:1001");
    assert_string_equal(host->mapping_text(f->fake, "errors", "900201"), "R:9001");
    assert_string_equal(host->mapping_text(f->fake, "errors", "900202"), "R:9001");
}

static void
wrong_accounting_date_is_corrected_under_the_same_serial(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_settle);
    struct request request = rig_take_request(f);
    char serial[24];
    strcpy(serial, request.serial);
    rig_send_frame(f, rig_make_answer(f, &request, "900202", "20261123", NULL));
    request = rig_take_request(f);
    assert_string_equal(request.serial, serial);
    assert_memory_equal(request.record + 128, "20261123", 8);
    assert_null(fake_completion_of(f->fake, call));
    rig_send_frame(f, rig_make_answer(f, &request, "000000", "20261123", rig_settled(f)));
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.accounting_date, 20261123);
    call = rig_submit(f, &rig_settle); /* a system that never agrees is not asked for ever */
    for (int i = 0; i < 3; i++) {
        request = rig_take_request(f);
        rig_send_frame(f, rig_make_answer(f, &request, "900202", "20261124", NULL));
    }
    done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
}

static void
inquiry_brings_the_original_answer(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_next_call(f);
    call->attempt.serial = 777;
    f->ops->inquire(f->self, call, rig_message(&rig_settle));
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "500002");
    assert_memory_equal(request.record + 54, "40000220261122000000000777", 26);
    assert_memory_equal(request.serial, "2026112299", 10); /* its own serial, apart from the router's */
    /* the original's body byte by byte behind the state */
    struct fep_error error;
    struct fep_record *head = fake_record(f->fake, "head-Q", (const char *const[]){NULL}),
                      *body = rig_settled(f);
    long size = fixed_encode_frame(&f->wire->codec, head, body, f->wire->out, &error);
    unsigned char original[261];
    assert_int_equal(size, 6 + 256 + 261);
    memcpy(original, f->wire->out + 262, 261);
    f->fake->host.release_record(f->fake, head);
    f->fake->host.release_record(f->fake, body);
    body = fake_record(f->fake, "500002-R",
                       (const char *const[]){"IR-STATE", "1", "IR-ORG-RET", "000000", "IR-ORG-CTR", "DJ9",
                                             "IR-ORG-LEN", "261", NULL});
    size_t frame = rig_make_answer(f, &request, "000000", "20261122", body);
    memcpy(f->wire->out + frame, original, 261);
    char text[16];
    snprintf(text, sizeof text, "%06zu", frame - 6 + 261);
    memcpy(f->wire->out, text, 6);
    memcpy(f->wire->out + 6 + 231, "00000000", 8);
    snprintf(text, sizeof text, "%08X", fixed_crc32(f->wire->out + 6, frame - 6 + 261));
    memcpy(f->wire->out + 6 + 231, text, 8);
    rig_send_frame(f, frame + 261);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_string_equal(done->result.local_reference, "DJ9");
    assert_non_null(done->answer);
    assert_string_equal(fake_get(f->fake, done->answer, "SR-SETL-NO"), "DJS1");
}

static void
inquiry_states_and_reversal_results_become_findings(void **state)
{
    static const struct {
        const char *value;
        enum fep_finding finding;
    } states[] = {{"0", FEP_FOUND_NOTHING},
                  {"2", FEP_FOUND_REFUSED},
                  {"3", FEP_FOUND_IN_PROGRESS},
                  {"4", FEP_FOUND_REVERSED},
                  {"5", FEP_FOUND_CANCELLED}},
      results[] = {{"1", FEP_FOUND_REVERSED}, {"2", FEP_FOUND_NEVER_ARRIVED}, {"3", FEP_FOUND_REVERSED}},
      errors[] = {{"200503", FEP_FOUND_STAYS_POSTED},
                  {"200504", FEP_FOUND_NEVER_ARRIVED},
                  {"900001", FEP_FOUND_IN_PROGRESS}};
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    for (size_t i = 0; i < 5; i++) {
        struct fep_call *call = rig_next_call(f);
        f->ops->inquire(f->self, call, rig_message(&rig_settle));
        struct request request = rig_take_request(f);
        rig_answer(
            f, &request, "000000",
            fake_record(f->fake, "500002-R",
                        (const char *const[]){"IR-STATE", states[i].value, "IR-ORG-RET", "200301", NULL}));
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, FEP_ANSWERED);
        assert_int_equal(done->result.finding, states[i].finding);
        assert_int_equal(done->result.code, states[i].finding == FEP_FOUND_REFUSED ? 2301 : 0);
    }
    char last[24] = "";
    for (size_t i = 0; i < 6; i++) {
        struct fep_call *call = rig_next_call(f);
        f->ops->reverse(f->self, call, rig_message(&rig_settle));
        struct request request = rig_take_request(f);
        assert_string_equal(request.local, "500001");
        assert_string_not_equal(request.serial, last); /* each has a serial of its own */
        strcpy(last, request.serial);
        if (i < 3)
            rig_answer(
                f, &request, "000000",
                fake_record(f->fake, "500001-R", (const char *const[]){"VR-RESULT", results[i].value, NULL}));
        else
            rig_answer(f, &request, errors[i - 3].value, NULL);
        struct fake_completion *done = rig_wait_for(f, call);
        assert_int_equal(done->kind, FEP_ANSWERED);
        assert_int_equal(done->result.finding, i < 3 ? results[i].finding : errors[i - 3].finding);
    }
}

static void
unusable_original_is_posted_but_inconsistent(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_next_call(f);
    f->ops->inquire(f->self, call, rig_message(&rig_settle));
    struct request request = rig_take_request(f);
    rig_answer(f, &request, "000000",
               fake_record(f->fake, "500002-R", (const char *const[]){"IR-STATE", "1", NULL}));
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(done->result.finding, FEP_FOUND_POSTED);
    assert_int_equal(done->result.reason, FEP_REASON_INCONSISTENT);
    assert_null(done->answer);
}

static void
missing_insurance_type_is_looked_up_first(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &rig_registration);
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "100001");
    assert_memory_equal(request.record + 256, "P45090000000000000002          ", 31);
    assert_memory_equal(request.record + 256 + 81, "0620261122", 10);
    struct fep_record *body = fake_record(f->fake, "100001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "R1", NULL});
    fake_set_row(f->fake, body, (const char *const[]){"PR-INS-TYPE", "Z1", NULL});
    rig_answer(f, &request, "000000", body);
    request = rig_take_request(f);
    assert_string_equal(request.local, "200001");
    assert_string_equal(request.serial, "20261122000000000101");
    assert_memory_equal(request.record + 256 + 90, "Z1", 2);
    rig_answer(f, &request, "000000",
               fake_record(f->fake, "200001-R", (const char *const[]){"RR-CTR-VISIT", "V1", NULL}));
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
    /* lost during the query: the registration itself has not left */
    call = rig_submit(f, &rig_registration);
    request = rig_take_request(f);
    f->fake->host.release_record(f->fake, request.head);
    rig_hang_up(&f->peers[0]);
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_NOT_SENT);
    rig_sign_on(f, "16");
    call = rig_submit(f, &rig_registration);
    request = rig_take_request(f);
    rig_answer(f, &request, "200001", NULL);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.code, 2001);
}

static void
what_can_not_be_written_is_refused_before_it_leaves(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    static const char *const long_body[] = {"SQ-BILL-NO", "123456789012345678901", NULL};
    static const struct fake_message unfit = {"400002", rig_person_head, long_body, NULL};
    static const struct fake_message unmapped = {NULL, NULL, NULL, NULL};
    struct fake_completion *done = rig_wait_for(f, rig_submit(f, &unfit));
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.reason, FEP_REASON_MALFORMED);
    assert_non_null(strstr(done->result.text, "SQ-BILL-NO"));
    done = rig_wait_for(f, rig_submit(f, &unmapped));
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_false(rig_frame_there(&f->peers[0]));
}

static void
totals_carry_the_day_that_is_asked_for(void **state)
{
    struct fixture *f = *state;
    static const char *const head[] = {"H-BUS-DATE", "20261120", NULL};
    static const char *const row[] = {"TQ-INS-TYPE", "Z1", "TQ-CLR-CAT", "IP", NULL};
    static const char *const body[] = {NULL};
    static const struct fake_message totals = {"600001", head, body, row};
    rig_sign_on(f, "16");
    struct fep_call *call = rig_submit(f, &totals);
    struct request request = rig_take_request(f);
    assert_memory_equal(request.record + 128, "20261120", 8);
    struct fep_record *answered = fake_record(f->fake, "600001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, answered,
                 (const char *const[]){"TR-INS-TYPE", "Z1", "TR-CLR-CAT", "IP", "TR-POS", "3", "TR-RESULT",
                                       "1", NULL});
    rig_answer(f, &request, "000000", answered);
    struct fake_completion *done = rig_wait_for(f, call);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "TR-POS"), "00000003");
    call = rig_submit(f, &rig_settle); /* the next one has the current day again */
    request = rig_take_request(f);
    assert_memory_equal(request.record + 128, "20261122", 8);
    rig_answer(f, &request, "000000", rig_settled(f));
    assert_int_equal(rig_wait_for(f, call)->kind, FEP_ANSWERED);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(query_and_settlement_are_answered_in_any_order),
        TEST(refusals_carry_class_and_code),
        TEST(every_return_code_has_its_class),
        TEST(wrong_accounting_date_is_corrected_under_the_same_serial),
        TEST(inquiry_brings_the_original_answer),
        TEST(inquiry_states_and_reversal_results_become_findings),
        TEST(unusable_original_is_posted_but_inconsistent),
        TEST(missing_insurance_type_is_looked_up_first),
        TEST(what_can_not_be_written_is_refused_before_it_leaves),
        TEST(totals_carry_the_day_that_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
