/* The soap codec beside a fake host: texts to bytes of the wire, and what reading them gives. */
#include "soap_codec_rig.h"

#include <stdlib.h>
#include <string.h>

struct fake_host *rig_fake;
struct soap_codec rig_codec;

int
rig_begin(void **state)
{
    (void)state;
    struct fep_error error;
    rig_fake = fake_create("wuxian-450300.cfg");
    if (soap_codec_open(&rig_codec, &rig_fake->host, &error) < 0)
        fail_msg("%s", error.text);
    return 0;
}

int
rig_end(void **state)
{
    (void)state;
    fake_destroy(rig_fake);
    return 0;
}

unsigned char *
rig_to_wire(const char *text, size_t *size)
{
    size_t room = strlen(text) * 3 + 16;
    unsigned char *wire = malloc(room);
    assert_non_null(wire);
    *size = fake_encode(rig_fake, text, wire, room);
    return wire;
}

int
rig_read_text(bool request, const char *text, struct soap_document *document, struct fep_error *error)
{
    size_t size;
    unsigned char *wire = rig_to_wire(text, &size);
    int status = soap_read(&rig_codec, request, wire, size, document, error);
    free(wire);
    return status;
}

/* Reads a message and gives the value of a field of its body under `layout`; NULL if it can not be read. */
const char *
rig_value_in(bool request, const char *text, const char *transaction, const char *field,
             struct fep_error *error)
{
    struct soap_document document;
    const char *value = NULL;
    if (rig_read_text(request, text, &document, error) == 0) {
        struct fep_record *body = soap_decode_body(&rig_codec, request, transaction, document.body, error);
        if (body != NULL)
            value = fake_get(rig_fake, body, field);
        rig_fake->host.release_record(rig_fake, body);
    }
    soap_release(&document);
    return value;
}

void
rig_assert_refused(const char *text, unsigned code, const char *why)
{
    struct soap_document document;
    struct fep_error error = {0};
    int status = rig_read_text(true, text, &document, &error);
    soap_release(&document);
    if (status == 0)
        fail_msg("accepted: %.80s", text);
    assert_int_equal(error.code, code);
    if (strstr(error.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
}
