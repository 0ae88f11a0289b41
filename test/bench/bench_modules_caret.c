/* The caret module's bytes for bench_modules. The floor: the whole line through iconv, then split at the
 * marks. */
#include <string.h>

#include "bench_modules.h"
#include "codec.h"

static struct caret_codec codec;

static int
open_codec(const struct fep_host *host, struct fep_error *error)
{
    return caret_codec_open(&codec, host, error);
}

static long
encode(bool request, const struct fep_record *head, const struct fep_record *body, unsigned char *out,
       struct fep_error *error)
{
    (void)request;
    return caret_encode_line(&codec, head, body, NULL, out, error);
}

static int
decode(bool request, const char *local, const unsigned char *bytes, size_t size, struct fep_record **head,
       struct fep_record **body, struct fep_error *error)
{
    char layout[32] = "";
    struct fep_bytes inside;
    size_t end = caret_find_line(&codec, bytes, size, 0);
    if (end != size)
        return -1;
    *head = caret_decode_head(&codec, request, bytes, size - caret_line_end(&codec), &inside, error);
    if (*head == NULL)
        return -1;
    strncat(layout, local, 20);
    strcat(layout, request ? "-Q" : "-R");
    *body = caret_decode_body(&codec, layout, inside, NULL, error);
    return *body != NULL ? 0 : -1;
}

static size_t
bare(bool request, const char *local, const unsigned char *bytes, size_t size)
{
    static char text[BENCH_ROOM];
    static struct fep_bytes fields[32768];
    size_t count = 0, begin = 0, converted = bench_convert("GB18030", bytes, size, text, sizeof text);
    (void)request;
    (void)local;
    for (size_t at = 0; at < converted && count < sizeof fields / sizeof fields[0]; at++) {
        if (text[at] == '^' || text[at] == '|' || text[at] == '$') {
            fields[count++] = (struct fep_bytes){(const unsigned char *)text + begin, at - begin};
            begin = at + 1;
        }
    }
    return count;
}

static const char *const request_head[] = {
    "OPERATOR", "GW001", "CYCLE", "0002-000GW001-20261122001", "SERIAL", "20261122110811-H44010000002-0003",
    "ONLINE",   "1",     NULL};
static const char *const answer_head[] = {"RETURN-CODE",
                                          "0",
                                          "CODE",
                                          "0",
                                          "CENTRE-SERIAL",
                                          "GW20261122101503000117",
                                          "CYCLE",
                                          "0002-000GW001-20261122001",
                                          NULL};

const struct bench_family bench_family = {.name = "caret",
                                          .mapping = "danxian-450100.cfg",
                                          .settle = "2410",
                                          .details = "2310",
                                          .request_head = request_head,
                                          .answer_head = answer_head,
                                          .transaction_field = "CODE",
                                          .open = open_codec,
                                          .encode = encode,
                                          .decode = decode,
                                          .floor = bare};
