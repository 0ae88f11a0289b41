/* Fuzzes envelopes with a document inside, under shipped mappings. First line of an input: a digit (even: a
 * request, odd: an answer; then which mapping) and the transaction, "0 1402"; the rest is the body of an HTTP
 * message. What is read as a whole and can be written gives the same bytes when it is read and written once
 * more. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "fake_host.h"
#include "fuzz.h"

const char *const fuzz_words[] = {"<![CDATA[",
                                  "]]>",
                                  "<!--",
                                  "-->",
                                  "&lt;",
                                  "&#x4DAE;",
                                  "&#0;",
                                  "<!DOCTYPE a [",
                                  "<?xml",
                                  "encoding=\"UTF-8\"",
                                  "encoding=\"GBK\"",
                                  "<ROW>",
                                  "</ROW>",
                                  "<HEAD>",
                                  "</HEAD>",
                                  "<INPUT/>",
                                  "<AAC001>",
                                  "</AAC001>",
                                  "xmlns:a=\"b\"",
                                  "\xEF\xBB\xBF",
                                  "\x81\x30\x81\x30",
                                  "\xA1\xFE",
                                  "12.30",
                                  "<soapenv:Fault>",
                                  NULL};

enum { MAPPINGS = 2 };
static const char *const files[MAPPINGS] = {"etc/mapping/wuxian-450300.cfg",
                                            "etc/mapping/examples/prm-450800.cfg"};
static struct fake_host *hosts[MAPPINGS], *fake; /* fake, codec: of this input */
static struct soap_codec codecs[MAPPINGS], *codec;

struct message {
    struct fep_record *head, *body;
};

static void
release(struct message *message)
{
    fake->host.release_record(fake->host.self, message->head);
    fake->host.release_record(fake->host.self, message->body);
    *message = (struct message){0};
}

static bool
read_message(bool request, const char *transaction, const uint8_t *data, size_t size, struct message *message,
             struct fep_error *error)
{
    struct soap_document document;
    char field[SOAP_SERIAL_SIZE];
    *message = (struct message){0};
    if (soap_read(codec, request, data, size, &document, error) < 0) {
        must_explain(error);
        soap_release(&document);
        return false;
    }
    if (!document.is_fault) {
        (void)soap_peek(&document, codec->wire.serial_field, field, sizeof field);
        message->head = soap_decode_head(codec, request, &document, error);
        if (message->head != NULL)
            message->body = soap_decode_body(codec, request, transaction, document.body, error);
        if (message->body == NULL)
            must_explain(error);
    }
    soap_release(&document);
    if (message->body != NULL)
        return true;
    release(message);
    return false;
}

static void
write_and_read_again(bool request, const char *transaction, struct message *message)
{
    unsigned char *first = NULL, *second = NULL;
    struct message again;
    struct fep_error error = {0};
    long size = soap_encode(codec, request, message->head, message->body, NULL, &first, &error);
    if (size < 0) {
        must_explain(&error);
        return;
    }
    if (!read_message(request, transaction, first, (size_t)size, &again, &error))
        must(false, error.text);
    must(soap_encode(codec, request, again.head, again.body, NULL, &second, &error) == size &&
             memcmp(first, second, (size_t)size) == 0,
         "written, read and written is the same");
    release(&again);
    free(first);
    free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[32];
    struct fep_error error = {0};
    struct message message;
    if (size > 65536)
        return 0;
    fuzz_take_line(&data, &size, line, sizeof line);
    unsigned which = (unsigned char)line[0] / 2 % MAPPINGS;
    codec = &codecs[which];
    if (hosts[which] == NULL) {
        hosts[which] = fake_create(fuzz_source(files[which]));
        must(soap_codec_open(codec, &hosts[which]->host, &error) == 0, "the codec opens");
    }
    fake = hosts[which];
    bool request = (unsigned char)line[0] % 2 == 0;
    const char *transaction = line[0] != '\0' && line[1] == ' ' && fuzz_is_name(line + 2) ? line + 2 : "";
    if (read_message(request, transaction, data, size, &message, &error)) {
        write_and_read_again(request, transaction, &message);
        release(&message);
    }
    must(fake_live_records(fake) == 0, "every record is released");
    return 0;
}
