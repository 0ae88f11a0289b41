/* The soap codec beside a fake host; both are the test's while it runs. */
#ifndef SOAP_CODEC_RIG_H
#define SOAP_CODEC_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "http.h"

extern struct fake_host *rig_fake;
extern struct soap_codec rig_codec;

int rig_begin(void **state);
int rig_end(void **state);
/* In the mapping's charset; free() it. */
unsigned char *rig_to_wire(const char *text, size_t *size);
/* soap_read of a text. */
int rig_read_text(bool request, const char *text, struct soap_document *document, struct fep_error *error);
/* Reads a message and gives the value of a field of its body under `layout`; NULL if it can not be read. */
const char *rig_value_in(bool request, const char *text, const char *transaction, const char *field,
                         struct fep_error *error);
/* A request that can not be read, with this code and a text that contains `why`. */
void rig_assert_refused(const char *text, unsigned code, const char *why);

#endif
