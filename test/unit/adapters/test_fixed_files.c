/* Files of fixed records: the reference file, everything that makes a file unbelievable, batches, and what we
 * write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_host.h"
#include "files.h"
#include "wire.h"

enum { SIZE = 240, LINE = SIZE + 1 };

static const char name_1[] = "DZMX_DJ4509000001_GW4509000001_20261122_001.txt";
static const char name_2[] = "DZMX_DJ4509000001_GW4509000001_20261122_002.txt";
static const char ours_1[] = "DZMX_GW4509000001_DJ4509000001_20261122_001.txt";
static const char ours_2[] = "DZMX_GW4509000001_DJ4509000001_20261122_002.txt";

struct fixture {
    struct fake_host *fake;
    struct fixed_codec codec;
    struct files files;
    const struct file_kind *kind;
    char directory[64];
    unsigned char file[64 * LINE];
    size_t lines;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct fep_error error = {0};
    f->fake = fake_create("dajizhong-450900.cfg");
    f->fake->date = 20261123;
    f->fake->time = 23000;
    assert_int_equal(fixed_codec_open(&f->codec, &f->fake->host, &error), 0);
    strcpy(f->directory, "/tmp/fep-files-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    if (files_open(&f->files, &f->fake->host, &f->codec, f->directory, f->directory, &error) < 0)
        fail_msg("%s", error.text);
    f->kind = files_by_request(&f->files, "600002");
    assert_non_null(f->kind);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;
    DIR *folder = opendir(f->directory);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(f->directory);
    assert_int_equal(fake_live_records(f->fake), 0);
    fake_destroy(f->fake);
    free(f);
    return 0;
}

/* --- the reference file, from the protocol's text, byte by byte --- */

static void
put_line(struct fixture *f, size_t line, const char *text)
{
    unsigned char *at = f->file + line * LINE;
    memset(at, ' ', SIZE);
    memcpy(at, text, strlen(text));
    at[SIZE] = '\n';
    if (line >= f->lines)
        f->lines = line + 1;
}

static const char detail[] =
    "D00000001202611220000000012344000022DJ202611221130060088DJ202611150000000091DJS20261122000000451"
    "                    45090000000000055512H4401000000244010045090020261122113006Z110+000001106567"
    "+000000957272+000000123456+0000000258391";
static const char trailer[] = "T000000010000000100000000+000001106567+000000957272+000000123456+000000025839";

static void
make_sample(struct fixture *f)
{
    f->lines = 0;
    put_line(f, 0, "HMXDJ4509000001GW45090000012026112200120261123023000");
    put_line(f, 1, detail);
    put_line(f, 2, trailer);
}

static void
write_named(struct fixture *f, const char *name, const char *suffix, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", f->directory, name, suffix);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Puts the file and what declares it complete. */
static struct file_facts
put_file(struct fixture *f, const char *name)
{
    char line[64];
    struct file_facts facts = {.size = f->lines * LINE, .records = f->lines - 2};
    snprintf(facts.name, sizeof facts.name, "%s", name);
    facts.crc = fixed_crc32(f->file, f->lines * LINE);
    write_named(f, name, "", f->file, f->lines * LINE);
    files_write_ok_line(&facts, line);
    write_named(f, name, ".ok", line, strlen(line));
    return facts;
}

static struct fep_record *
ask(struct fixture *f)
{
    return fake_record(f->fake, "MX-Q",
                       (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
}

/* The page, or NULL with the reason in `error`. */
static struct fep_record *
read_file(struct fixture *f, const struct file_facts *facts, uint64_t first, uint64_t count,
          struct fep_error *error)
{
    struct fep_record *asked = ask(f), *page = NULL;
    struct file_reader *reader = reader_open(&f->files, f->kind, asked, facts, first, count, error);
    f->fake->host.release_record(f->fake, asked);
    enum reader_state state = READER_MORE;
    while (reader != NULL && state == READER_MORE)
        state = reader_step(reader, error);
    if (reader != NULL && state == READER_DONE)
        page = reader_take_page(reader);
    reader_close(reader);
    return page;
}

static void
expect_rejected(struct fixture *f, const struct file_facts *facts, const char *why)
{
    struct fep_error error = {0};
    assert_null(read_file(f, facts, 1, 10, &error));
    if (strstr(error.text, why) == NULL)
        fail_msg("rejected with: %s; expected: %s", error.text, why);
}

static void
reference_file_is_read(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    make_sample(f);
    struct file_facts facts = put_file(f, name_1);
    assert_int_equal(facts.size, 723);
    assert_int_equal(facts.crc, 0xA4264A3C);
    struct fep_record *page = read_file(f, &facts, 1, 10, &error);
    if (page == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(fake_get(f->fake, page, "T-CNT"), "00000001");
    assert_string_equal(fake_get(f->fake, page, "T-TOTAL"), "11065.67");
    assert_string_equal(fake_get(f->fake, page, "LAST-PAGE"), "1");
    assert_string_equal(fake_get_in_row(f->fake, page, 0, "D-SERIAL"), "20261122000000001234");
    assert_string_equal(fake_get_in_row(f->fake, page, 0, "D-CASH"), "258.39");
    f->fake->host.release_record(f->fake, page);
    /* Again: the same name and checksum. */
    page = read_file(f, &facts, 1, 10, &error);
    assert_non_null(page);
    f->fake->host.release_record(f->fake, page);
}

static void
file_without_ok_does_not_exist(void **state)
{
    struct fixture *f = *state;
    char path[256];
    make_sample(f);
    struct file_facts facts = put_file(f, name_1);
    snprintf(path, sizeof path, "%s/%s.ok", f->directory, name_1);
    assert_int_equal(unlink(path), 0);
    expect_rejected(f, &facts, ".ok");
    write_named(f, name_1, ".ok", "000000000723 a4264a3c 00000001\n", 31);
    expect_rejected(f, &facts, ".ok");
    write_named(f, name_1, ".ok", "000000000723 A4264A3C 00000001\n", 31);
    struct fep_error error = {0};
    struct fep_record *page = read_file(f, &facts, 1, 10, &error);
    assert_non_null(page);
    f->fake->host.release_record(f->fake, page);
}

/* One change of the sample, with all that is outside it made to fit again. */
static void
expect_change_rejected(struct fixture *f, size_t line, size_t at, const char *text, const char *why)
{
    make_sample(f);
    memcpy(f->file + line * LINE + at, text, strlen(text));
    struct file_facts facts = put_file(f, name_1);
    expect_rejected(f, &facts, why);
    assert_int_equal(access(f->directory, F_OK), 0);
}

static void
what_does_not_fit_rejects_the_whole_file(void **state)
{
    struct fixture *f = *state;
    expect_change_rejected(f, 0, 0, "D", "M-TYPE");
    expect_change_rejected(f, 0, 1, "ML", "M-KIND");
    expect_change_rejected(f, 0, 3, "DJ4501000001", "nodes");
    expect_change_rejected(f, 0, 27, "20261121", "another day");
    expect_change_rejected(f, 0, 35, "002", "another name");
    expect_change_rejected(f, 1, 1, "00000002", "sequence");
    expect_change_rejected(f, 1, 0, "X", "D-TYPE");
    expect_change_rejected(f, 1, 178, "x", "record 2");
    expect_change_rejected(f, 1, 178, "+000001106568", "T-TOTAL");
    expect_change_rejected(f, 1, 29, "400003", "T-");
    expect_change_rejected(f, 1, 230, "4", "T-TOTAL");
    expect_change_rejected(f, 2, 1, "00000002", "counts other");
    expect_change_rejected(f, 2, 38, "+000000957273", "T-FUND");
    expect_change_rejected(f, 2, 240, " ", "line feed");
}

/* Any byte of it: with the old .ok it is never believed; with a fitting one it is read or refused, and no
 * more. */
static void
a_damaged_file_is_never_believed(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    make_sample(f);
    struct file_facts facts = put_file(f, name_1);
    for (size_t at = 0; at < f->lines * LINE; at += 5) {
        make_sample(f);
        f->file[at] ^= (unsigned char)(1 + at % 255);
        write_named(f, name_1, "", f->file, f->lines * LINE);
        assert_null(read_file(f, &facts, 1, 10, &error));
        struct file_facts fitting = put_file(f, name_1);
        f->fake->host.release_record(f->fake, read_file(f, &fitting, 1, 10, &error));
        make_sample(f);
        put_file(f, name_1);
    }
}

static void
size_and_checksum_must_be_those_of_ok(void **state)
{
    struct fixture *f = *state;
    make_sample(f);
    struct file_facts facts = put_file(f, name_1), other = facts;
    other.size++;
    expect_rejected(f, &other, "announced");
    other = facts;
    other.crc ^= 1;
    expect_rejected(f, &other, "announced");
    f->file[LINE + 60] = 'X'; /* written again after .ok had been made */
    write_named(f, name_1, "", f->file, f->lines * LINE);
    expect_rejected(f, &facts, "checksum");
    write_named(f, name_1, "", f->file, f->lines * LINE - 1);
    expect_rejected(f, &facts, "bytes");
    snprintf(other.name, sizeof other.name, "../%.40s", name_1);
    expect_rejected(f, &other, "name");
    snprintf(other.name, sizeof other.name, "DZMX_DJ4509000001_GW4509000001_20261121_001.txt");
    expect_rejected(f, &other, "not the one of this day");
}

static void
other_content_under_a_name_that_was_taken_is_another_file(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    char taken[64], again[64];
    make_sample(f);
    struct file_facts facts = put_file(f, name_1);
    struct fep_record *page = read_file(f, &facts, 1, 10, &error);
    f->fake->host.release_record(f->fake, page);
    assert_int_equal(files_get(f->directory, name_1, ".taken", taken, sizeof taken), 31);
    memcpy(f->file + LINE + 9, "20261122000000009999", 20);
    facts = put_file(f, name_1);
    page = read_file(f, &facts, 1, 10, &error);
    assert_non_null(page);
    assert_string_equal(fake_get_in_row(f->fake, page, 0, "D-SERIAL"), "20261122000000009999");
    f->fake->host.release_record(f->fake, page);
    assert_int_equal(files_get(f->directory, name_1, ".taken", again, sizeof again), 31);
    assert_string_not_equal(taken, again);
    assert_non_null(strstr(f->fake->last_log, name_1));
}

static void
highest_complete_batch_replaces_lower_ones(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    make_sample(f);
    struct file_facts facts = put_file(f, name_1);
    memcpy(f->file + 35, "002", 3);
    memcpy(f->file + LINE + 9, "20261122000000009999", 20);
    write_named(f, name_2, "", f->file, f->lines * LINE); /* not complete */
    struct fep_record *page = read_file(f, &facts, 1, 10, &error);
    assert_string_equal(fake_get_in_row(f->fake, page, 0, "D-SERIAL"), "20261122000000001234");
    f->fake->host.release_record(f->fake, page);
    put_file(f, name_2);
    page = read_file(f, &facts, 1, 10, &error);
    assert_non_null(page);
    assert_string_equal(fake_get_in_row(f->fake, page, 0, "D-SERIAL"), "20261122000000009999");
    f->fake->host.release_record(f->fake, page);
}

static void
pages_are_cut_from_the_whole(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    char number[16];
    make_sample(f);
    for (size_t i = 1; i <= 40; i++) {
        put_line(f, i, detail);
        snprintf(number, sizeof number, "%08zu", i);
        memcpy(f->file + i * LINE + 1, number, 8);
        memcpy(f->file + i * LINE + 178, "+000000000100+000000000060+000000000000+000000000040", 52);
    }
    put_line(f, 41, "T000000400000004000000000+000000004000+000000002400+000000000000+000000001600");
    struct file_facts facts = put_file(f, name_1);
    struct fep_record *page = read_file(f, &facts, 1, 15, &error);
    if (page == NULL)
        fail_msg("%s", error.text);
    assert_string_equal(fake_get(f->fake, page, "LAST-PAGE"), "0");
    f->fake->host.release_record(f->fake, page);
    page = read_file(f, &facts, 31, 15, &error);
    assert_int_equal(f->fake->host.record_rows(page), 10);
    assert_string_equal(fake_get_in_row(f->fake, page, 9, "D-SEQ"), "00000040");
    assert_string_equal(fake_get(f->fake, page, "LAST-PAGE"), "1");
    assert_string_equal(fake_get(f->fake, page, "T-TOTAL"), "40.00");
    f->fake->host.release_record(f->fake, page);
    /* Beyond the end: nothing but the trailer. */
    page = read_file(f, &facts, 61, 15, &error);
    assert_int_equal(f->fake->host.record_rows(page), 0);
    assert_string_equal(fake_get(f->fake, page, "LAST-PAGE"), "1");
    f->fake->host.release_record(f->fake, page);
    /* Touched since, though it says the same: it is read as a whole again. */
    f->file[5 * LINE + 60] = 'X';
    write_named(f, name_1, "", f->file, f->lines * LINE);
    expect_rejected(f, &facts, "checksum");
}

/* --- ours --- */

static struct fep_record *
make_page(struct fixture *f, const char *count, const char *total, const char *last)
{
    return fake_record(f->fake, "MX-R",
                       (const char *const[]){"T-CNT", count, "T-POS", count, "T-NEG", "0", "T-TOTAL", total,
                                             "T-FUND", "0.00", "T-ACCT", "0.00", "T-CASH", total, "LAST-PAGE",
                                             last, NULL});
}

static void
add_row(struct fixture *f, struct fep_record *page, const char *serial, const char *amount,
        const char *row_state)
{
    fake_set_row(f->fake, page,
                 (const char *const[]){"D-SERIAL", serial,      "D-TRAN", "400002",   "D-DIR",
                                       "1",        "D-SETL-NO", "S1",     "D-PSN-NO", "45010000000000000001",
                                       "D-TOTAL",  amount,      "D-FUND", "0.00",     "D-ACCT",
                                       "0.00",     "D-CASH",    amount,   "D-STATE",  row_state,
                                       NULL});
}

/* Takes the page. */
static int
write_page(struct fixture *f, struct fep_record *page, struct file_facts *facts, struct fep_error *error)
{
    struct fep_record *asked = ask(f);
    struct file_writer *writer = writer_open(&f->files, f->kind, "20261122", asked, error);
    f->fake->host.release_record(f->fake, asked);
    assert_non_null(writer);
    int status = writer_add(writer, page, error);
    if (status == 0)
        status = writer_finish(writer, facts, error);
    writer_close(writer);
    f->fake->host.release_record(f->fake, page);
    return status;
}

static size_t
count_files(const struct fixture *f, const char *suffix)
{
    size_t count = 0;
    DIR *folder = opendir(f->directory);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        const char *at = strstr(entry->d_name, suffix);
        count += at != NULL && strcmp(at, suffix) == 0;
    }
    closedir(folder);
    return count;
}

/* Two requests of other content that lead to one name. */
static void
a_file_has_one_writer(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct file_facts facts;
    struct fep_record *asked = ask(f), *page = make_page(f, "1", "12.34", "1");
    add_row(f, page, "20261122000000000001", "12.34", "1");
    write_named(f, ours_1, ".tmp", "left behind", 11);
    struct file_writer *first = writer_open(&f->files, f->kind, "20261122", asked, &error);
    assert_non_null(first);
    assert_null(writer_open(&f->files, f->kind, "20261122", asked, &error));
    assert_non_null(strstr(error.text, "it is being written"));
    assert_int_equal(writer_add(first, page, &error), 0);
    assert_int_equal(writer_finish(first, &facts, &error), 0);
    writer_close(first);
    assert_string_equal(facts.name, ours_1);
    assert_int_equal(count_files(f, ".tmp"), 0);
    f->fake->host.release_record(f->fake, page);
    f->fake->host.release_record(f->fake, asked);
}

static void
our_file_has_header_details_and_trailer(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct file_facts facts;
    char path[256], bytes[5 * LINE];
    struct fep_record *page = make_page(f, "2", "12.34", "1");
    add_row(f, page, "20261122000000000001", "12.34", "1");
    add_row(f, page, "20261122000000000002", "99.00", "4");
    /* The reversed one is in no sum and in no count. */
    set_field(&f->fake->host, page, "T-POS", "1");
    if (write_page(f, page, &facts, &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(facts.name, ours_1);
    assert_int_equal(facts.size, 4 * LINE);
    assert_int_equal(facts.records, 2);
    snprintf(path, sizeof path, "%s/%s", f->directory, ours_1);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 4 * LINE);
    fclose(file);
    assert_int_equal(fixed_crc32((unsigned char *)bytes, 4 * LINE), facts.crc);
    assert_memory_equal(bytes, "HMXGW4509000001DJ45090000012026112200120261123023000 ", 53);
    assert_memory_equal(bytes + LINE, "D00000001202611220000000000014000021", 36);
    assert_memory_equal(bytes + LINE + 178, "+000000001234+000000000000+000000000000+0000000012341", 53);
    assert_memory_equal(bytes + 2 * LINE, "D0000000220261122000000000002", 29);
    assert_memory_equal(bytes + 3 * LINE, "T000000020000000100000000+000000001234+000000000000+0000", 56);
    assert_int_equal(count_files(f, ".tmp"), 0);
    struct file_facts read;
    assert_int_equal(files_read_ok(f->directory, ours_1, &read), 0);
    assert_int_equal(read.crc, facts.crc);
}

static void
what_has_changed_becomes_the_next_batch(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct file_facts facts;
    for (int i = 0; i < 2; i++) {
        struct fep_record *page = make_page(f, "1", "12.34", "1");
        add_row(f, page, "20261122000000000001", "12.34", "1");
        assert_int_equal(write_page(f, page, &facts, &error), 0);
        assert_string_equal(facts.name, ours_1);
        f->fake->time += 100; /* another moment of writing is no change */
    }
    struct fep_record *page = make_page(f, "1", "12.35", "1");
    add_row(f, page, "20261122000000000001", "12.35", "1");
    assert_int_equal(write_page(f, page, &facts, &error), 0);
    assert_string_equal(facts.name, ours_2);
    assert_int_equal(count_files(f, ".ok"), 2);
    assert_int_equal(count_files(f, ".tmp"), 0);
}

static void
a_day_without_postings_has_no_file(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct file_facts facts;
    assert_int_equal(write_page(f, make_page(f, "0", "0.00", "1"), &facts, &error), 0);
    assert_string_equal(facts.name, "");
    assert_int_equal(count_files(f, ".txt") + count_files(f, ".ok") + count_files(f, ".tmp"), 0);
}

static void
figures_that_do_not_add_up_make_no_file(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct file_facts facts;
    struct fep_record *page = make_page(f, "1", "12.35", "1");
    add_row(f, page, "20261122000000000001", "12.34", "1");
    assert_true(write_page(f, page, &facts, &error) < 0);
    assert_int_equal(error.code, 9001);
    page = make_page(f, "2", "12.34", "1");
    add_row(f, page, "20261122000000000001", "12.34", "1");
    assert_true(write_page(f, page, &facts, &error) < 0);
    assert_int_equal(count_files(f, ".txt") + count_files(f, ".ok") + count_files(f, ".tmp"), 0);
}

static void
files_are_due_after_the_days_reversals_have_ended(void **state)
{
    struct fixture *f = *state;
    assert_false(files_is_due(f->kind, 20261231, 20261231, 235959));
    assert_false(files_is_due(f->kind, 20261231, 20270101, 22959));
    assert_true(files_is_due(f->kind, 20261231, 20270101, 23000));
    assert_true(files_is_due(f->kind, 20261231, 20270102, 0));
    assert_false(files_is_due(f->kind, 20270105, 20270101, 120000));
}

int
main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reference_file_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_without_ok_does_not_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_rejects_the_whole_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_never_believed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_and_checksum_must_be_those_of_ok, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_content_under_a_name_that_was_taken_is_another_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(highest_complete_batch_replaces_lower_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_are_cut_from_the_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_has_one_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(our_file_has_header_details_and_trailer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_changed_becomes_the_next_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_day_without_postings_has_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(figures_that_do_not_add_up_make_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_due_after_the_days_reversals_have_ended, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("fixed_files", tests, NULL, NULL);
}
