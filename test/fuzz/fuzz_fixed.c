/* Fuzzes the records of the fixed family under shipped mappings. First line of an input: a digit (even: a
 * request, odd: an answer; then which mapping) and the layout of the body, "0 400002"; the rest is what came
 * from the wire. What is read as a whole and can be written gives the same frame when it is read and written
 * once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fake_host.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"00000000", "+000000000000",    "-000000000001", "20261122", "        ",
                                  "\xA1\xFE", "\x81\x30\x81\x30", "\x81",          "0001",     "99999999",
                                  NULL};

enum { MAPPINGS = 2 };
static const char *const files[MAPPINGS] = {"etc/mapping/dajizhong-450900.cfg",
                                            "etc/mapping/examples/dajizhong-451300.cfg"};
static struct fake_host *hosts[MAPPINGS];
static struct fixed_codec codecs[MAPPINGS];

struct frame {
    struct fep_record *head, *body;
};

static void
release(struct fixed_codec *codec, struct frame *frame)
{
    codec->host->release_record(codec->host->self, frame->head);
    codec->host->release_record(codec->host->self, frame->body);
    *frame = (struct frame){0};
}

static bool
read_record(struct fixed_codec *codec, bool request, const char *layout, const unsigned char *record,
            size_t size, struct frame *frame, struct fep_error *error)
{
    *frame = (struct frame){.head = request ? fixed_decode_request_head(codec, record, size, error)
                                            : fixed_decode_head(codec, record, size, error)};
    if (frame->head == NULL)
        return false;
    must(size >= codec->head_size, "a head has its bytes");
    frame->body =
        fixed_decode_loose_body(codec, layout, record + codec->head_size, size - codec->head_size, error);
    if (frame->body != NULL)
        return true;
    release(codec, frame);
    return false;
}

static void
write_and_read_again(struct fixed_codec *codec, bool request, const char *layout, struct frame *frame)
{
    size_t room = codec->max_record + codec->length_digits;
    unsigned char *first = malloc(room), *second = malloc(room);
    struct frame again;
    struct fep_error error = {0};
    must(first != NULL && second != NULL, "memory");
    long size = fixed_encode_frame(codec, frame->head, frame->body, first, &error);
    if (size < 0) {
        must_explain(&error);
    } else {
        must((size_t)size <= room, "a frame is not longer than it may be");
        long record = fixed_frame_size(codec, first, (size_t)size);
        must(record + (long)codec->length_digits == size, "what is written is one frame");
        must(fixed_seal_holds(codec, first + codec->length_digits, (size_t)record),
             "what is written is sealed");
        if (!read_record(codec, request, layout, first + codec->length_digits, (size_t)record, &again,
                         &error))
            must(false, error.text);
        must(fixed_encode_frame(codec, again.head, again.body, second, &error) == size &&
                 memcmp(first, second, (size_t)size) == 0,
             "written, read and written is the same");
        release(codec, &again);
    }
    free(first);
    free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[32], layout[16];
    struct fep_error error = {0};
    struct frame frame;
    if (size > 100000)
        return 0;
    fuzz_take_line(&data, &size, line, sizeof line);
    unsigned which = (unsigned char)line[0] / 2 % MAPPINGS;
    bool request = (unsigned char)line[0] % 2 == 0;
    struct fixed_codec *codec = &codecs[which];
    if (hosts[which] == NULL) {
        hosts[which] = fake_create(fuzz_source(files[which]));
        must(fixed_codec_open(codec, &hosts[which]->host, &error) == 0, "the codec opens");
    }
    long told = fixed_frame_size(codec, data, size);
    must(told >= -2 && (told <= 0 || (size_t)told + codec->length_digits <= size),
         "a frame has bytes that are there");
    if (size < codec->length_digits)
        return 0;
    snprintf(layout, sizeof layout, "%.10s-%c",
             line[0] != '\0' && line[1] == ' ' && fuzz_is_name(line + 2) ? line + 2 : "",
             request ? 'Q' : 'R');
    /* The record as long as it is, whatever the length says: the reader must stand anything. */
    const unsigned char *record = data + codec->length_digits;
    size -= codec->length_digits;
    (void)fixed_seal_holds(codec, record, size);
    if (read_record(codec, request, layout, record, size, &frame, &error)) {
        write_and_read_again(codec, request, layout, &frame);
        release(codec, &frame);
    } else {
        must_explain(&error);
    }
    must(fake_live_records(hosts[which]) == 0, "every record is released");
    return 0;
}
