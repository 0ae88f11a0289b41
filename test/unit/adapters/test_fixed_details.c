/* The fixed module calling: files that a local system offers, and ours that it is told of. */
#include "fixed_calling_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char theirs[] = "DZMX_DJ4509000001_GW4509000001_20261121_001.txt";
static const char ours[] = "DZMX_GW4509000001_DJ4509000001_20261121_001.txt";
static const char *const page_body[] = {"DQ-BUS-DATE", "20261121",  "DQ-KIND", "MX", "PAGE",
                                        "1",           "PAGE-SIZE", "100",     NULL};
static const struct fake_message details = {"MX", rig_person_head, page_body, NULL};

struct offered {
    char size[24], crc[16];
};

/* A file with one detail; `change`: its trailer says otherwise. */
static struct offered
put_file(struct fixture *f, const char *name, const char *nodes, bool change)
{
    unsigned char file[3 * 241];
    char line[64];
    struct offered offered;
    memset(file, ' ', sizeof file);
    memcpy(file, "HMX", 3);
    memcpy(file + 3, nodes, 24);
    memcpy(file + 27, "2026112100120261122023000", 25);
    memcpy(file + 241, "D0000000120261121000000000001400002", 35);
    memcpy(file + 241 + 160, "20261121113006Z110+000000001000+000000000600+000000000000+0000000004001", 71);
    memcpy(file + 482, "T000000010000000100000000+000000001000+000000000600+000000000000+000000000400", 77);
    if (change)
        file[482 + 37] = '1';
    file[240] = file[481] = file[722] = '\n';
    snprintf(offered.size, sizeof offered.size, "%zu", sizeof file);
    snprintf(offered.crc, sizeof offered.crc, "%08X", fixed_crc32(file, sizeof file));
    rig_write_file(f, name, "", file, sizeof file);
    snprintf(line, sizeof line, "%012zu %s 00000001\n", sizeof file, offered.crc);
    rig_write_file(f, name, ".ok", line, strlen(line));
    return offered;
}

static struct fake_completion *
ask_for_file(struct fixture *f, const char *status, const struct offered *offered)
{
    struct fep_call *call = rig_submit(f, &details);
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "600002");
    assert_int_equal(request.size, 256 + 10);
    assert_memory_equal(request.record + 256, "20261121MX", 10);
    rig_answer(
        f, &request, "000000",
        fake_record(f->fake, "600002-R",
                    (const char *const[]){"DR-STATUS", status, "DR-FILE", offered != NULL ? theirs : "",
                                          "DR-SIZE", offered != NULL ? offered->size : "0", "DR-CRC",
                                          offered != NULL ? offered->crc : "", "DR-CNT",
                                          offered != NULL ? "1" : "0", NULL}));
    return rig_wait_for(f, call);
}

static void
details_are_read_from_the_file_that_is_named(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct fake_completion *done = ask_for_file(f, "0", NULL);
    assert_int_equal(done->kind, FEP_REFUSED);
    assert_int_equal(done->result.refusal_class, FEP_REPEATABLE);
    assert_int_equal(done->result.code, 2601);
    done = ask_for_file(f, "2", NULL);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_string_equal(fake_get(f->fake, done->answer, "LAST-PAGE"), "1");
    assert_int_equal(f->fake->host.record_rows(done->answer), 0);
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", false);
    done = ask_for_file(f, "1", &offered);
    assert_int_equal(done->kind, FEP_ANSWERED);
    assert_int_equal(f->fake->host.record_rows(done->answer), 1);
    assert_string_equal(fake_get(f->fake, done->answer, "T-FUND"), "6.00");
    assert_string_equal(fake_get_in_row(f->fake, done->answer, 0, "D-SERIAL"), "20261121000000000001");
}

static void
a_file_that_does_not_fit_is_not_used_and_stays(void **state)
{
    struct fixture *f = *state;
    char path[256];
    rig_sign_on(f, "16");
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", true);
    struct fake_completion *done = ask_for_file(f, "1", &offered);
    assert_int_equal(done->kind, FEP_UNKNOWN);
    assert_int_equal(done->result.reason, FEP_REASON_INCONSISTENT);
    assert_non_null(strstr(done->result.text, theirs));
    assert_null(done->answer);
    snprintf(path, sizeof path, "%s/%s", f->wire->files, theirs);
    assert_int_equal(access(path, F_OK), 0);
}

static void
a_late_answer_that_names_a_file_is_nothing(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    struct offered offered = put_file(f, theirs, "DJ4509000001GW4509000001", false);
    struct fep_call *call = rig_submit(f, &details);
    struct request request = rig_take_request(f);
    f->ops->cancel(f->self, call, FEP_REASON_DEADLINE);
    rig_answer(f, &request, "000000",
               fake_record(f->fake, "600002-R",
                           (const char *const[]){"DR-STATUS", "1", "DR-FILE", theirs, "DR-SIZE", offered.size,
                                                 "DR-CRC", offered.crc, "DR-CNT", "1", NULL}));
    fake_run_ms(f->fake, 20);
    assert_int_equal(fake_completion_of(f->fake, call)->kind, FEP_UNKNOWN);
    assert_int_equal(f->fake->late_count, 0);
    assert_int_equal(f->fake->health.state, FEP_UP);
}

static void
our_file_is_told_of_until_it_is_taken(void **state)
{
    struct fixture *f = *state;
    rig_sign_on(f, "16");
    put_file(f, ours, "GW4509000001DJ4509000001", false);
    struct request request = rig_take_request(f);
    assert_string_equal(request.local, "600003");
    assert_memory_equal(request.record + 256, "20261121MX1DZMX_GW4509000001_DJ4509000001_20261121_001.txt ",
                        59);
    rig_answer(f, &request, "900001", NULL); /* has not seen the file yet */
    request = rig_take_request(f);
    assert_string_equal(request.local, "600003");
    rig_answer(f, &request, "000000", NULL);
    fake_run_ms(f->fake, 100);
    assert_false(rig_frame_there(&f->peers[0]));
}

/* The peer answers a notice after it was given up and a newer batch was told of: the answer is that of the
 * older batch, and the newer one is told of until it is taken itself. */
static void
a_late_answer_to_a_notice_is_not_the_newer_batchs(void **state)
{
    struct fixture *f = *state;
    char told[256];
    rig_sign_on(f, "16");
    put_file(f, ours, "GW4509000001DJ4509000001", false);
    struct request first = rig_take_request(f);
    assert_memory_equal(first.record + 256 + 11, ours, sizeof ours - 1);
    char newer[sizeof ours];
    memcpy(newer, ours, sizeof ours);
    newer[sizeof ours - 6] = '2';
    put_file(f, newer, "GW4509000001DJ4509000001", true);
    struct request second = rig_take_request(f);
    assert_memory_equal(second.record + 256 + 11, newer, sizeof newer - 1);
    rig_answer(f, &first, "000000", NULL);
    snprintf(told, sizeof told, "%s/%s.told", f->wire->files, newer);
    fake_run_ms(f->fake, 20);
    assert_int_not_equal(access(told, F_OK), 0);
    f->fake->host.release_record(f->fake, second.head);
    second = rig_take_request(f);
    assert_memory_equal(second.record + 256 + 11, newer, sizeof newer - 1);
    rig_answer(f, &second, "000000", NULL);
    fake_run_ms(f->fake, 100);
    assert_int_equal(access(told, F_OK), 0);
    assert_false(rig_frame_there(&f->peers[0]));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(details_are_read_from_the_file_that_is_named),
        TEST(a_file_that_does_not_fit_is_not_used_and_stays),
        TEST(a_late_answer_that_names_a_file_is_nothing),
        TEST(our_file_is_told_of_until_it_is_taken),
        TEST(a_late_answer_to_a_notice_is_not_the_newer_batchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
