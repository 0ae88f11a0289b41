/* Fuzzes what a peer's file of fixed records may hold, and the small file beside it that declares it
 * complete. First line: NAME.ok as it stands, or nothing: then it says what the file is. The rest is the
 * file. What is handed over is bounded, and is a file that anybody can check: as many details as it says. */
#include <stdio.h>
#include <string.h>

#include "fake_host.h"
#include "files.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"\n",
                                  "H",
                                  "D",
                                  "T",
                                  "00000001",
                                  "+000001106567",
                                  "20261122",
                                  "                ",
                                  "GW4509000001",
                                  "DJ4509000001",
                                  NULL};

static const char name[] = "DZMX_DJ4509000001_GW4509000001_20261122_001.txt";
static struct fake_host *fake;
static struct fixed_codec codec;
static struct files files;
static const struct file_kind *kind;

static void
begin(void)
{
    struct fep_error error;
    fake = fake_create("dajizhong-450900.cfg");
    fake->date = 20261123;
    fake->time = 23000;
    must(fixed_codec_open(&codec, &fake->host, &error) == 0, "the codec opens");
    must(files_open(&files, &fake->host, &codec, fuzz_directory(), fuzz_directory(), &error) == 0,
         "the directory opens");
    kind = files_by_request(&files, "600002");
    must(kind != NULL, "the mapping has details");
}

static void
read_file(const struct file_facts *announced, uint64_t first, uint64_t count)
{
    struct fep_error error = {0};
    struct fep_record *asked =
        fake_record(fake, "MX-Q", (const char *const[]){"DQ-BUS-DATE", "20261122", "DQ-KIND", "MX", NULL});
    struct file_reader *reader = reader_open(&files, kind, asked, announced, first, count, &error);
    enum reader_state state = READER_MORE;
    fake->host.release_record(fake->host.self, asked);
    for (uint64_t steps = 0; reader != NULL && state == READER_MORE; steps++) {
        must(steps <= announced->records + 2, "reading a file ends");
        state = reader_step(reader, &error);
    }
    if (reader == NULL || state == READER_REJECTED) {
        must_explain(&error);
    } else {
        struct fep_record *page = reader_take_page(reader);
        must(page != NULL, "a file that was read gives a page");
        uint64_t rows = fake->host.record_rows(page),
                 expected = first > announced->records ? 0 : announced->records - first + 1;
        must(rows == (expected < count ? expected : count), "a page has the rows that were asked for");
        fake->host.release_record(fake->host.self, page);
    }
    reader_close(reader);
    must(fake_live_records(fake) == 0, "every record is released");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char ok[128], beside[96];
    if (fake == NULL)
        begin();
    if (size > 200000)
        return 0;
    fuzz_take_line(&data, &size, ok, sizeof ok - 1);
    size_t line = kind->record_size + 1;
    struct file_facts facts = {.size = size, .records = size / line >= 2 ? size / line - 2 : 0}, told;
    snprintf(facts.name, sizeof facts.name, "%s", name);
    facts.crc = fixed_crc32(data, size);
    if (ok[0] == '\0')
        files_write_ok_line(&facts, ok);
    else
        strcat(ok, "\n");
    (void)fuzz_write(name, data, size);
    snprintf(beside, sizeof beside, "%s.ok", name);
    (void)fuzz_write(beside, ok, strlen(ok));
    snprintf(beside, sizeof beside, "%s.taken", name); /* of the input before this one */
    (void)fuzz_write(beside, "", 0);
    files.verified = (struct file_verified){0};
    if (files_read_ok(fuzz_directory(), name, &told) == 0) {
        snprintf(told.name, sizeof told.name, "%s", name);
        if (told.size == size && told.records <= size)
            facts = told;
    }
    read_file(&facts, 1, FILE_PAGE);
    read_file(&facts, 2, 3);
    return 0;
}
