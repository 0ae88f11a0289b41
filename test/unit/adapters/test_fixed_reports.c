/* The fixed module serving: totals, files of details and catalogue, notices of the other side's files. */
#include "fixed_serving_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

static void
totals_bring_the_day_asked_for(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    struct fep_record *head = rig_make_head(f, "600001", "20261122000000000301");
    set_field(&f->fake->host, head, "H-BUS-DATE", "20261120"); /* here alone it may be in the past */
    struct fep_record *body = fake_record(f->fake, "600001-Q", (const char *const[]){NULL});
    fake_set_row(f->fake, body,
                 (const char *const[]){"TQ-INS-TYPE", "Z1", "TQ-CLR-CAT", "OP", "TQ-POS", "2", NULL});
    rig_build_frame(f, head, body);
    assert_int_equal(f->wire->out_size, 6 + 256 + 72);
    rig_send_frame(peer);
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "600001");
    assert_string_equal(fake_get(f->fake, request->head, "H-BUS-DATE"), "20261120");
    struct fep_record *answer = fake_record(f->fake, "600001-R", (const char *const[]){NULL});
    fake_set_row(f->fake, answer,
                 (const char *const[]){"TR-INS-TYPE", "Z1", "TR-CLR-CAT", "OP", "TR-POS", "2", "TR-RESULT",
                                       "0", NULL});
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0}, answer);
    rig_expect(peer, "20261122000000000301", "000000");
    assert_int_equal(f->wire->answer_size, 256 + 73);
    assert_memory_equal(f->wire->answer + 256, "Z1OP0000000200000000+000000000000", 33);
}

static void
send_file_request(struct peer *peer, const char *tran, const char *serial, const char *const *values)
{
    struct fixture *f = peer->f;
    char layout[16];
    snprintf(layout, sizeof layout, "%s-Q", tran);
    rig_build_frame(f, rig_make_head(f, tran, serial), fake_record(f->fake, layout, values));
    rig_send_frame(peer);
}

static const char *const of_the_21st[] = {"DQ-BUS-DATE", "20261121", "DQ-KIND", "MX", NULL};

static struct fep_record *
make_page(struct fixture *f, const char *count, const char *serial, const char *last)
{
    struct fep_record *page = fake_record(
        f->fake, "MX-R",
        (const char *const[]){"T-CNT", count, "T-POS", count, "T-NEG", "0", "T-TOTAL",
                              strcmp(count, "2") == 0 ? "20.00" : "10.00", "LAST-PAGE", last, NULL});
    fake_set_row(f->fake, page,
                 (const char *const[]){"D-SERIAL", serial, "D-TRAN", "400002", "D-TOTAL", "10.00", "D-STATE",
                                       "1", NULL});
    return page;
}

/* The answer in f->wire->answer says: ready, and the file is there as told. */
static void
expect_file(struct fixture *f, const char *name, size_t size)
{
    char path[256], text[64] = "", wanted[64];
    unsigned char bytes[2000];
    struct stat status;
    assert_int_equal(f->wire->answer_size, 256 + 93);
    assert_int_equal(f->wire->answer[256], '1');
    assert_memory_equal(f->wire->answer + 257, name, strlen(name));
    snprintf(path, sizeof path, "%s/%s", f->wire->files, name);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, size);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), size);
    fclose(file);
    snprintf(wanted, sizeof wanted, "%012zu%08X", size, fixed_crc32(bytes, size));
    assert_memory_equal(f->wire->answer + 321, wanted, 20);
    strcat(path, ".ok");
    file = fopen(path, "r");
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_memory_equal(text, wanted, 12);
    assert_memory_equal(text + 13, wanted + 12, 8);
}

static const char of_21[] = "DZMX_GW4509000001_DJ4509000001_20261121_001.txt";

static void
detail_file_is_made_from_the_books_page_by_page(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    f->fake->time = 22959;
    send_file_request(peer, "600002", "20261122000000000309",
                      (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
    assert_string_equal(rig_read_answer(peer)->fields[0], "100006"); /* the clock comes first */
    f->fake->time = 162040;
    send_file_request(peer, "600002", "20261122000000000310",
                      (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
    rig_expect(peer, "20261122000000000310", "000000");
    assert_int_equal(f->wire->answer[256], '0'); /* not to be had before tomorrow */
    assert_int_equal(f->fake->request_count, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "MX");
    assert_string_equal(fake_get(f->fake, request->body, "DQ-BUS-DATE"), "20261121");
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "1");
    assert_string_equal(fake_get(f->fake, request->head, "H-SENDER"), "DJ4509000001");
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "2", "20261121000000000001", "0"));
    request = rig_wait_request(f, 2);
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "2");
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "2", "20261121000000000002", "1"));
    rig_expect(peer, "20261122000000000311", "000000");
    expect_file(f, of_21, 4 * 241);
    assert_memory_equal(f->wire->answer + 341, "00000002", 8);
}

static void
books_that_change_while_they_are_read_are_read_again(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    rig_tell(f, rig_wait_request(f, 1), FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "2", "20261121000000000001", "0"));
    rig_tell(f, rig_wait_request(f, 2), FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "1", "20261121000000000002", "1"));
    struct fake_request *request = rig_wait_request(f, 3);
    assert_string_equal(fake_get(f->fake, request->body, "PAGE"), "1");
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "1", "20261121000000000001", "1"));
    rig_expect(peer, "20261122000000000311", "000000");
    expect_file(f, of_21, 3 * 241);
}

static void
a_file_that_takes_long_is_not_ready_yet(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = rig_wait_request(f, 1);
    rig_expect(peer, "20261122000000000311", "000000");
    assert_int_equal(f->wire->answer[256], '0');
    send_file_request(peer, "600002", "20261122000000000312", of_the_21st); /* joins what is under way */
    fake_run_ms(f->fake, 10);
    assert_int_equal(f->fake->request_count, 1);
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "1", "20261121000000000001", "1"));
    rig_expect(peer, "20261122000000000312", "000000");
    expect_file(f, of_21, 3 * 241);
}

static void
a_caller_that_goes_away_leaves_its_file_to_be_made(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    send_file_request(peer, "600002", "20261122000000000311", of_the_21st);
    struct fake_request *request = rig_wait_request(f, 1);
    rig_hang_up(peer);
    fake_run_ms(f->fake, 20);
    assert_false(request->forgotten);
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
             make_page(f, "1", "20261121000000000001", "1"));
    char path[256];
    snprintf(path, sizeof path, "%s/%s.ok", f->wire->files, of_21);
    assert_int_equal(access(path, R_OK), 0);
}

static void
refused_books_and_wrong_kinds_are_refused(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    send_file_request(peer, "600002", "20261122000000000311",
                      (const char *const[]){"DQ-BUS-DATE", "20261121", "DQ-KIND", "XX", NULL});
    rig_expect(peer, "20261122000000000311", "100003");
    send_file_request(peer, "600002", "20261122000000000312",
                      (const char *const[]){"DQ-BUS-DATE", "20261131", "DQ-KIND", "MX", NULL});
    rig_expect(peer, "20261122000000000312", "100003");
    send_file_request(peer, "600002", "20261122000000000313", of_the_21st);
    rig_tell(f, rig_wait_request(f, 1), FEP_REFUSED,
             (struct fep_result){.refusal_class = FEP_REPEATABLE, .code = 2601}, NULL);
    rig_expect(peer, "20261122000000000313", "200601");
    send_file_request(peer, "600002", "20261122000000000314", of_the_21st);
    rig_tell(f, rig_wait_request(f, 2), FEP_UNKNOWN, (struct fep_result){.code = 9002}, NULL);
    rig_expect(peer, "20261122000000000314", "900001");
}

static void
catalogue_goes_out_as_a_file(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    static const char *const drugs[] = {"KQ-KIND", "1", "KQ-SINCE", "00000000000000", NULL};
    send_file_request(peer, "700001", "20261122000000000320", drugs);
    struct fake_request *request = rig_wait_request(f, 1);
    assert_string_equal(request->local, "ML");
    struct fep_record *page =
        fake_record(f->fake, "ML-R",
                    (const char *const[]){"T-CNT", "1", "KR-VERSION", "20260101", "LAST-PAGE", "1", NULL});
    fake_set_row(f->fake, page,
                 (const char *const[]){"K-CODE", "4509-0001", "K-NAME", "测试胶囊甲", "K-KIND", "1",
                                       "K-VALID", "Y", NULL});
    rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0}, page);
    rig_expect(peer, "20261122000000000320", "000000");
    assert_int_equal(f->wire->answer_size, 256 + 113);
    assert_memory_equal(f->wire->answer + 256, "1MLXZ_1_20261122162040.txt ", 27);
    assert_memory_equal(f->wire->answer + 349, "20260101            ", 20);
    send_file_request(peer, "700001", "20261122000000000321",
                      (const char *const[]){"KQ-KIND", "4", "KQ-SINCE", "00000000000000", NULL});
    rig_tell(f, rig_wait_request(f, 2), FEP_ANSWERED, (struct fep_result){0},
             fake_record(f->fake, "ML-R", (const char *const[]){"T-CNT", "0", "LAST-PAGE", "1", NULL}));
    rig_expect(peer, "20261122000000000321", "000000");
    assert_int_equal(f->wire->answer[256], '2');
}

static void
a_notice_is_answered_only_after_the_file_was_read(void **state)
{
    struct fixture *f = *state;
    struct peer *peer = rig_sign_on(f, 0);
    static const char name[] = "DZMX_DJ4509000001_GW4509000001_20261121_001.txt";
    char crc[16], line[64];
    unsigned char file[2 * 241];
    memset(file, ' ', sizeof file);
    memcpy(file, "HMXDJ4509000001GW45090000012026112100120261122023000", 52);
    memcpy(file + 241, "T000000000000000000000000", 25);
    file[240] = file[481] = '\n';
    snprintf(crc, sizeof crc, "%08X", fixed_crc32(file, sizeof file));
    const char *const notice[] = {"DQ-BUS-DATE", "20261121", "DQ-KIND", "MX",      "DR-STATUS",
                                  "1",           "DR-FILE",  name,      "DR-SIZE", "482",
                                  "DR-CRC",      crc,        "DR-CNT",  "0",       NULL};
    send_file_request(peer, "600003", "20261122000000000330", notice);
    rig_expect(peer, "20261122000000000330", "900001");
    rig_write_file(f, name, "", file, sizeof file);
    send_file_request(peer, "600003", "20261122000000000331", notice);
    rig_expect(peer, "20261122000000000331", "900001"); /* without .ok it does not exist */
    snprintf(line, sizeof line, "000000000482 %s 00000000\n", crc);
    rig_write_file(f, name, ".ok", line, strlen(line));
    send_file_request(peer, "600003", "20261122000000000332", notice);
    rig_expect(peer, "20261122000000000332", "000000");
    assert_int_equal(f->wire->answer_size, 256);
    assert_int_equal(f->fake->request_count, 0); /* nothing of it is the host's business */
    file[300] = 'X';
    rig_write_file(f, name, "", file, sizeof file);
    send_file_request(peer, "600003", "20261122000000000333", notice);
    rig_expect(peer, "20261122000000000333", "900001");
}

static void
the_days_file_is_made_unasked(void **state)
{
    struct fixture *f = *state;
    /* 02:30 has passed: first the oldest of the last days. */
    for (size_t i = 0; i < 3; i++) {
        static const char *const days[] = {"20261119", "20261120", "20261121"};
        struct fake_request *request = rig_wait_request(f, i + 1);
        assert_string_equal(fake_get(f->fake, request->body, "DQ-BUS-DATE"), days[i]);
        rig_tell(f, request, FEP_ANSWERED, (struct fep_result){0},
                 make_page(f, "1", "20261121000000000001", "1"));
    }
    fake_run_ms(f->fake, 60);
    assert_int_equal(f->fake->request_count, 3);
    f->fake->date = 20261123;
    f->fake->time = 22959;
    fake_run_ms(f->fake, 60);
    assert_int_equal(f->fake->request_count, 3);
    f->fake->time = 23000;
    assert_string_equal(fake_get(f->fake, rig_wait_request(f, 4)->body, "DQ-BUS-DATE"), "20261122");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(totals_bring_the_day_asked_for),
        TEST(detail_file_is_made_from_the_books_page_by_page),
        TEST(books_that_change_while_they_are_read_are_read_again),
        TEST(a_file_that_takes_long_is_not_ready_yet),
        TEST(a_caller_that_goes_away_leaves_its_file_to_be_made),
        TEST(refused_books_and_wrong_kinds_are_refused),
        TEST(catalogue_goes_out_as_a_file),
        TEST(a_notice_is_answered_only_after_the_file_was_read),
        cmocka_unit_test_setup_teardown(the_days_file_is_made_unasked, rig_set_up_by_clock, rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
