/* Serving: the answer to a caller who asks what became of another of his requests. Must never make "nothing
 * is known" of a finding that the mapping has no word for. */
#include "caret.h"

#include <stdio.h>
#include <string.h>

#include "finding.h"
#include "wire.h"

/* What the original was answered with. */
static const char *
original_code(const struct caret *caret, const struct fep_result *result)
{
    switch (result->finding) {
    case FEP_FOUND_POSTED:
    case FEP_FOUND_STAYS_POSTED:
    case FEP_FOUND_CANCELLED:
    case FEP_FOUND_REVERSED:
        return caret->wire.good;
    case FEP_FOUND_REFUSED:
        return desk_return_code(caret, result->refusal_class == FEP_REPEATABLE ? 'R' : 'N', result->code);
    default:
        return "";
    }
}

struct fep_record *
inquiry_make_body(const struct caret *caret, const struct fep_result *result)
{
    const struct fep_host *host = caret->host;
    const struct caret_wire *wire = &caret->wire;
    char layout[TRANSACTION_SIZE + 4], key[32];
    if (support_finding_word(result->finding)[0] == '\0')
        return NULL;
    snprintf(layout, sizeof layout, "%.12s-R", wire->inquiry);
    snprintf(key, sizeof key, "finding:%s", support_finding_word(result->finding));
    const char *state = host->mapping_text(host->self, "serve_inquire", key);
    const char *field = host->mapping_text(host->self, "serve_inquire", "field");
    struct fep_record *body = state != NULL && field != NULL ? host->create_record(host->self, layout) : NULL;
    if (body != NULL && set_field(host, body, field, state) == 0 &&
        (wire->inquiry_return == NULL ||
         set_field(host, body, wire->inquiry_return, original_code(caret, result)) == 0) &&
        (wire->inquiry_reference == NULL ||
         set_field(host, body, wire->inquiry_reference, result->local_reference) == 0))
        return body;
    host->release_record(host->self, body);
    return NULL;
}
