/* What goes wrong with files that systems leave for each other, held against the reader of the fixed module:
 * a file is believed as a whole or not at all, and stays where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crc.h"
#include "fake_host.h"
#include "files.h"

enum { RECORD = 241, RECORDS = 4, SIZE = RECORDS * RECORD };

static const char name[] = "DZMX_DJ4509000001_GW4509000001_20261121_001.txt";

struct disk {
    struct fake_host *fake;
    struct fixed_codec codec;
    struct files files;
    char directory[64];
    unsigned char file[SIZE + 8];
    size_t size;
};

static void
put(struct disk *disk, const char *suffix, const void *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", disk->directory, name, suffix);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void
take_away(const struct disk *disk, const char *suffix)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s%s", disk->directory, name, suffix);
    (void)unlink(path);
}

/* Two settlements of 10.00 and the sums that go with them. */
static void
make_file(struct disk *disk)
{
    unsigned char *file = disk->file;
    memset(file, ' ', SIZE);
    memcpy(file, "HMXDJ4509000001GW45090000012026112100120261122023000", 52);
    for (int i = 1; i <= 2; i++) {
        char head[40];
        snprintf(head, sizeof head, "D%08d2026112100000000000%d400002", i, i);
        memcpy(file + i * RECORD, head, 35);
        memcpy(file + i * RECORD + 160,
               "20261121113006Z110+000000001000+000000000600+000000000000+0000000004001", 71);
    }
    memcpy(file + 3 * RECORD, "T000000020000000200000000+000000002000+000000001200+000000000000+000000000800",
           77);
    for (int i = 1; i <= RECORDS; i++)
        file[i * RECORD - 1] = '\n';
    disk->size = SIZE;
}

static struct file_facts
declare(struct disk *disk)
{
    struct file_facts facts = {.size = disk->size, .records = 2, .crc = fixed_crc32(disk->file, disk->size)};
    char line[64];
    snprintf(facts.name, sizeof facts.name, "%s", name);
    put(disk, "", disk->file, disk->size);
    files_write_ok_line(&facts, line);
    put(disk, ".ok", line, strlen(line));
    return facts;
}

/* Is it believed? The request asked for 21 November. */
static bool
read_file(struct disk *disk, const struct file_facts *facts, size_t *rows)
{
    struct fep_error error = {0};
    const struct file_kind *kind = files_by_name(&disk->files, "MX");
    struct fep_record *asked =
        fake_record(disk->fake, "MX-Q", (const char *const[]){"DQ-BUS-DATE", "20261121", NULL});
    struct file_reader *reader = reader_open(&disk->files, kind, asked, facts, 1, 100, &error);
    enum reader_state state = reader != NULL ? READER_MORE : READER_REJECTED;
    while (state == READER_MORE)
        state = reader_step(reader, &error);
    if (state == READER_DONE && rows != NULL) {
        struct fep_record *page = reader_take_page(reader);
        *rows = disk->fake->host.record_rows(page);
        disk->fake->host.release_record(disk->fake, page);
    }
    reader_close(reader);
    disk->fake->host.release_record(disk->fake, asked);
    if (state == READER_REJECTED)
        assert_true(error.text[0] != '\0');
    return state == READER_DONE;
}

/* The file with `size` bytes at `offset` replaced, declared as it is now. */
static bool
believed_with(struct disk *disk, size_t offset, const char *bytes)
{
    make_file(disk);
    memcpy(disk->file + offset, bytes, strlen(bytes));
    struct file_facts facts = declare(disk);
    return read_file(disk, &facts, NULL);
}

static void
test_hazard_24_file_trouble(void **state)
{
    struct disk *disk = *state;
    char path[256];
    size_t rows = 0;
    make_file(disk);
    struct file_facts facts = declare(disk);
    assert_true(read_file(disk, &facts, &rows));
    assert_int_equal(rows, 2);
    assert_true(read_file(disk, &facts, &rows)); /* read again: the same */

    take_away(disk, ".ok"); /* still being written */
    assert_false(read_file(disk, &facts, NULL));

    facts = declare(disk); /* another file under the name than was declared */
    disk->file[2 * RECORD + 40] = 'X';
    put(disk, "", disk->file, disk->size);
    assert_false(read_file(disk, &facts, NULL));

    make_file(disk); /* the end is missing, though declared so */
    disk->size = SIZE - 1;
    facts = declare(disk);
    assert_false(read_file(disk, &facts, NULL));
    make_file(disk);
    disk->size = 3 * RECORD;
    facts = declare(disk);
    assert_false(read_file(disk, &facts, NULL));

    assert_true(believed_with(disk, 2 * RECORD + 1, "00000002"));
    assert_false(believed_with(disk, 2 * RECORD + 1, "00000003")); /* a gap */
    assert_false(believed_with(disk, 27, "20261120"));             /* another day inside */
    assert_false(believed_with(disk, 3, "DJ4503000001"));          /* somebody else's */
    assert_false(believed_with(disk, 3 * RECORD + 1, "00000003")); /* trailer: details */
    assert_false(believed_with(disk, 3 * RECORD + 9, "00000001")); /* trailer: settlements */
    assert_false(believed_with(disk, 3 * RECORD + 38, "+000000001201"));
    assert_false(believed_with(disk, RECORD - 1, "\r")); /* a record's end */

    snprintf(path, sizeof path, "%s/%s", disk->directory, name);
    assert_int_equal(access(path, F_OK), 0); /* what was not believed stays for people */
}

static int
set_up(void **state)
{
    struct disk *disk = calloc(1, sizeof *disk);
    struct fep_error error = {0};
    strcpy(disk->directory, "/tmp/fep-hazard-XXXXXX");
    assert_non_null(mkdtemp(disk->directory));
    disk->fake = fake_create("dajizhong-450900.cfg");
    assert_int_equal(fixed_codec_open(&disk->codec, &disk->fake->host, &error), 0);
    if (files_open(&disk->files, &disk->fake->host, &disk->codec, disk->directory, disk->directory, &error) <
        0)
        fail_msg("%s", error.text);
    *state = disk;
    return 0;
}

static int
tear_down(void **state)
{
    struct disk *disk = *state;
    take_away(disk, "");
    take_away(disk, ".ok");
    take_away(disk, ".taken");
    (void)rmdir(disk->directory);
    fake_destroy(disk->fake);
    free(disk);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hazard_24_file_trouble, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
