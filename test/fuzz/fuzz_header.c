/* Fuzzes the fixed header of a message. What is read is legal and is written back to the byte. */
#include <string.h>

#include "fuzz.h"
#include "header.h"

const char *const fuzz_words[] = {"450900", "H45010000001", "GW4501000001", "2304", "2601", NULL};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_header header;
    struct fep_error error = {0};
    uint8_t again[HEADER_WIRE_SIZE];

    if (message_header_decode(&header, data, size, &error) < 0) {
        must_explain(&error);
        return 0;
    }
    must(message_header_check(&header, &error) == 0, "what is read passes the checks of what is sent");
    must(header.treat_area[0] == '\0' || area_is_valid(header.treat_area), "an area is six digits");
    message_header_encode(&header, again);
    must(size == sizeof again && memcmp(again, data, size) == 0, "what is read is written back to the byte");
    uint32_t day = msgid_day(header.key.msgid);
    must(day == 0 || (day > 20000000 && day < 21000000), "a day of a msgid is one of this century");
    must(message_key_equal(&header.key, &header.key), "a key equals itself");
    (void)message_key_hash(&header.key);
    return 0;
}
