/* The fixed module's bytes for bench_modules. The floor: a field after the other copied, texts through iconv.
 */
#include <string.h>

#include "bench_modules.h"
#include "codec.h"

static struct fixed_codec codec;

static int
open_codec(const struct fep_host *host, struct fep_error *error)
{
    return fixed_codec_open(&codec, host, error);
}

static long
encode(bool request, const struct fep_record *head, const struct fep_record *body, unsigned char *out,
       struct fep_error *error)
{
    (void)request;
    return fixed_encode_frame(&codec, head, body, out, error);
}

static size_t
count_rows(const unsigned char *record)
{
    const struct fep_field *fields = codec.head_q->fields;
    size_t at = 0, rows = 0;
    for (size_t i = 0; i < codec.count_field; i++)
        at += fields[i].length;
    for (size_t i = 0; i < fields[codec.count_field].length; i++)
        rows = rows * 10 + (size_t)(record[at + i] - '0');
    return rows;
}

static int
decode(bool request, const char *local, const unsigned char *bytes, size_t size, struct fep_record **head,
       struct fep_record **body, struct fep_error *error)
{
    char layout[32] = "";
    long record_size = fixed_frame_size(&codec, bytes, size);
    const unsigned char *record = bytes + codec.length_digits;
    if (record_size < 0 || !fixed_seal_holds(&codec, record, (size_t)record_size))
        return -1;
    *head =
        (request ? fixed_decode_request_head : fixed_decode_head)(&codec, record, (size_t)record_size, error);
    if (*head == NULL)
        return -1;
    strncat(layout, local, 20);
    strcat(layout, request ? "-Q" : "-R");
    *body = fixed_decode_body(&codec, layout, record + codec.head_size, (size_t)record_size - codec.head_size,
                              count_rows(record), error);
    return *body != NULL ? 0 : -1;
}

static const unsigned char *
copy_fields(const struct fep_field *fields, size_t count, const unsigned char *at, size_t *found)
{
    char value[512];
    for (size_t i = 0; i < count; at += fields[i++].length) {
        if (fields[i].type == FEP_FIELD_TEXT)
            *found += bench_convert("GBK", at, fields[i].length, value, sizeof value);
        else
            memcpy(value, at, fields[i].length);
        *found += (unsigned char)value[0];
    }
    return at;
}

static size_t
bare(bool request, const char *local, const unsigned char *bytes, size_t size)
{
    char name[32] = "";
    size_t found = 0;
    const unsigned char *end = bytes + size, *at = bytes + codec.length_digits;
    at = copy_fields(codec.head_q->fields, codec.head_q->field_count, at, &found);
    strncat(name, local, 20);
    strcat(name, request ? "-Q" : "-R");
    const struct fep_layout *layout = codec.host->find_layout(codec.host->self, name);
    at = copy_fields(layout->fields, layout->field_count, at, &found);
    while (at < end)
        at = copy_fields(layout->group_fields, layout->group_field_count, at, &found);
    return found;
}

static const char *const request_head[] = {
    "H-SERIAL", "20261122000000001234", "H-DATE",   "20261122", "H-TIME",
    "113005",   "H-BUS-DATE",           "20261122", NULL};
static const char *const answer_head[] = {"H-VERSION",
                                          "01",
                                          "H-KIND",
                                          "R",
                                          "H-TRAN",
                                          "400002",
                                          "H-DIR",
                                          "2",
                                          "H-SENDER",
                                          "DJ4509000001",
                                          "H-RECEIVER",
                                          "GW4509000001",
                                          "H-SERIAL",
                                          "20261122000000001234",
                                          "H-TREAT-RGN",
                                          "440100",
                                          "H-INSU-RGN",
                                          "450900",
                                          "H-HOSP",
                                          "H44010000002",
                                          "H-OPER",
                                          "GW",
                                          "H-DATE",
                                          "20261122",
                                          "H-TIME",
                                          "113006",
                                          "H-BUS-DATE",
                                          "20261122",
                                          "H-RET-CODE",
                                          "000000",
                                          "H-RET-MSG",
                                          "交易成功",
                                          "H-CTR-SERIAL",
                                          "DJ202611221130060088",
                                          "H-PAGE",
                                          "0001",
                                          "H-MORE",
                                          "N",
                                          NULL};

static const char *const caller_head[] = {
    "H-DIR",      "1",      "H-SENDER", "DJ4509000001", "H-RECEIVER", "GW4509000001", "H-TREAT-RGN", "450900",
    "H-INSU-RGN", "440100", "H-HOSP",   "H45090000001", NULL};

const struct bench_family bench_family = {.name = "fixed",
                                          .mapping = "dajizhong-450900.cfg",
                                          .settle = "400002",
                                          .details = "300001",
                                          .request_head = request_head,
                                          .answer_head = answer_head,
                                          .caller_head = caller_head,
                                          .transaction_field = "H-TRAN",
                                          .open = open_codec,
                                          .encode = encode,
                                          .decode = decode,
                                          .floor = bare};
