/* The soap module's bytes for bench_modules. The floor: libxml2 reads the envelope (and converts GBK), then
 * the document that stands in it as text. */
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "bench_modules.h"
#include "codec.h"

static struct soap_codec codec;

static int
open_codec(const struct fep_host *host, struct fep_error *error)
{
    xml_begin();
    return soap_codec_open(&codec, host, error);
}

static long
encode(bool request, const struct fep_record *head, const struct fep_record *body, unsigned char *out,
       struct fep_error *error)
{
    unsigned char *made = NULL;
    long size = soap_encode(&codec, request, head, body, NULL, &made, error);
    if (size > 0 && size <= BENCH_ROOM)
        memcpy(out, made, (size_t)size);
    free(made);
    return size;
}

static int
decode(bool request, const char *local, const unsigned char *bytes, size_t size, struct fep_record **head,
       struct fep_record **body, struct fep_error *error)
{
    struct soap_document document = {0};
    *head = *body = NULL;
    if (soap_read(&codec, request, bytes, size, &document, error) == 0) {
        *head = soap_decode_head(&codec, request, &document, error);
        *body = soap_decode_body(&codec, request, local, document.body, error);
    }
    soap_release(&document);
    return *head != NULL && *body != NULL ? 0 : -1;
}

static size_t
bare(bool request, const char *local, const unsigned char *bytes, size_t size)
{
    (void)request;
    (void)local;
    xmlDoc *outer = xmlReadMemory((const char *)bytes, (int)size, NULL, NULL, XML_PARSE_NONET);
    const xmlNode *node = outer != NULL ? xmlDocGetRootElement(outer) : NULL;
    while (node != NULL && xmlFirstElementChild((xmlNode *)(uintptr_t)node) != NULL)
        node = xmlFirstElementChild((xmlNode *)(uintptr_t)node);
    xmlChar *text = node != NULL ? xmlNodeGetContent(node) : NULL;
    xmlDoc *inner = text != NULL ? xmlReadMemory((const char *)text, (int)strlen((const char *)text), NULL,
                                                 "UTF-8", XML_PARSE_NONET)
                                 : NULL;
    if (inner == NULL)
        abort();
    xmlFree(text);
    xmlFreeDoc(inner);
    xmlFreeDoc(outer);
    return 1;
}

static const char *const request_head[] = {"MSGID",    "GW4503000001202611221105400032",
                                           "OPTTIME",  "20261122110540",
                                           "OPERID",   "GW",
                                           "OPERNAME", "前置机",
                                           "GRANTID",  "GW450300",
                                           NULL};
static const char *const answer_head[] = {"MSGNO",     "1402",
                                          "MSGID",     "GW4503000001202611221105400032",
                                          "REFMSGID",  "WX4503000001202611221105410045",
                                          "RETURNNUM", "1",
                                          "ERRORCODE", "0000",
                                          "OPTTIME",   "20261122110541",
                                          NULL};

static const char *const caller_head[] = {"JYFX",    "1",        "AAB301", "450300",
                                          "AAA027",  "450900",   "AKB020", "H45030000001",
                                          "GRANTID", "WX450300", NULL};

const struct bench_family bench_family = {.name = "soap",
                                          .mapping = "wuxian-450300.cfg",
                                          .settle = "1402",
                                          .details = "1301",
                                          .request_head = request_head,
                                          .answer_head = answer_head,
                                          .caller_head = caller_head,
                                          .transaction_field = "MSGNO",
                                          .open = open_codec,
                                          .encode = encode,
                                          .decode = decode,
                                          .floor = bare};
