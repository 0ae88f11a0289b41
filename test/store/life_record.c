/* See life_record.h. Ends the program without memory. */
#include "life_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 20261122

static struct slice
make_text(const char *word, unsigned n, uint32_t version, size_t size)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%s %u %u ", word, n, (unsigned)version);
    struct buffer *buffer = buffer_create(size + (size_t)length);
    if (buffer == NULL)
        abort();
    for (size_t i = 0; i < size; i++)
        buffer_data(buffer)[(size_t)length + i] = (uint8_t)('a' + (i * 7 + n * 3 + version) % 26);
    memcpy(buffer_data(buffer), text, (size_t)length);
    return slice_of(buffer);
}

struct slice
life_make_body(unsigned n)
{
    return make_text("body", n, 0, 100 + n * 997 % 3000 + (n % 13 == 5 ? 30000 : 0));
}

struct slice
life_make_answer(unsigned n, uint32_t version)
{
    return make_text("answer", n, version, 50 + n * 131 % 900);
}

uint32_t
life_answer_version(uint32_t version)
{
    return version % 2 == 1 ? version : version > 0 ? version - 1 : 0;
}

void
life_make_record(struct exchange_record *record, unsigned n, uint32_t version)
{
    struct message_header *header = &record->header;
    memset(record, 0, sizeof *record);
    strcpy(header->key.origin, "450100000001");
    snprintf(header->key.msgid, sizeof header->key.msgid, "H4501000000120261122101502%04u", n);
    strcpy(header->infno, "2304");
    header->transaction_class = CLASS_UPDATE;
    strcpy(header->treat_area, "450100");
    strcpy(header->insured_area, "450900");
    strcpy(header->institution, "H45010000001");
    header->day = DAY - n % 6;
    record->role = n % 2 ? ROLE_DESTINATION : ROLE_ORIGIN;
    record->state =
        (uint8_t)(version == 0 ? STATE_QUEUED : STATE_SENT + version % (STATE_COUNT - STATE_SENT));
    record->attempt = 1 + version;
    record->hops_left = 7;
    strcpy(record->previous, "danxian");
    strcpy(record->target, "450000000001");
    record->local.serial = 1000 + n;
    record->local.serial_date = DAY;
    record->code = (uint16_t)(version * 11);
    snprintf(record->text, sizeof record->text, "exchange %u version %u", n, (unsigned)version);
    record->index.size = sizeof record->index;
    record->index.order_key[0] = (uint8_t)(n + 1);
    snprintf(record->index.settlement_id, sizeof record->index.settlement_id, "S%u", n);
    record->index.total_fen = 100000 + n * 1000 + version;
    record->index.fund_fen = 70000 + n * 700 + version;
    record->index.has_money = 1;
    record->times.accepted = 1795313702000 + n;
    record->times.told = version;
    struct slice body = life_make_body(n);
    if (message_digest(header, &body, record->digest) != 0)
        abort();
    slice_release(&body);
}

void
life_make_prompt(struct store_prompt *prompt, unsigned line)
{
    *prompt = (struct store_prompt){.line = line + 1, .fee_fen = 100 + line, .raised_ms = 1795313702000};
    strcpy(prompt->instance, "danxian");
    strcpy(prompt->msgid, "H45010000001202611221000000001");
    strcpy(prompt->visit_id, "V1");
    snprintf(prompt->item_name, sizeof prompt->item_name, "item %u", line);
}
