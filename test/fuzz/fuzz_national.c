/* Fuzzes what callers and platforms send to the national module, under shipped profiles. First line of an
 * input: "r PROFILE" (a caller's envelope) or "a PROFILE INFNO STATUS" (an answer); PROFILE is a digit. The
 * rest is the body of an HTTP message, after its seal. What a posting's answer says is never a refusal
 * without a code of the platform's own; what is told is clean text; what travels on is JSON with the input,
 * or output, as it stood. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "message.h"

const char *const fuzz_words[] = {"\"infcode\":",
                                  "\"infcode\":\"0\"",
                                  "\"infcode\":-1",
                                  "\"output\":",
                                  "\"input\":",
                                  "\"err_msg\":\"",
                                  "\"setlinfo\":{",
                                  "\"setl_id\":\"S\"",
                                  "null",
                                  "\"\"",
                                  "\"eyJhIjoxfQ==\"",
                                  "\"{\\\"a\\\":1}\"",
                                  "\\u0007",
                                  "12.30",
                                  "<html>",
                                  "\"feedetail\":[{",
                                  "\"medins_setl_id\":\"M1\"",
                                  "\"refd_setl_flag\":\"1\"",
                                  "\"psn_no\":\"P\"",
                                  "\"det_item_fee_sumamt\":0.1",
                                  "\xef\xbb\xbf",
                                  "}{",
                                  NULL};

enum { PROFILES = 3 };
static const char *const files[PROFILES] = {"etc/profile/plain.cfg", "etc/profile/hebei.cfg",
                                            "etc/profile/x-tif.cfg"};
static struct profile *profiles[PROFILES];

static const struct profile *
open_profile(char which)
{
    unsigned number = (unsigned char)which % PROFILES;
    struct fep_error error = {0};
    if (profiles[number] == NULL) {
        profiles[number] = malloc(sizeof *profiles[number]);
        must(profiles[number] != NULL &&
                 profile_read(fuzz_source(files[number]), profiles[number], &error) == 0,
             "the profile is read");
    }
    return profiles[number];
}

/* The canonical request once more, as it would go to a platform. */
static void
send_on(const struct profile *profile, const struct writer *canonical)
{
    struct json body;
    struct fep_error error = {0};
    struct writer out = {0};
    if (doc_parse(&body, canonical->data, canonical->size, &error) == 0) {
        struct scope scope = {.infno = "2301",
                              .wire = "2301",
                              .msgid = "M1",
                              .date = 20261122,
                              .body = &body,
                              .input = doc_member(&body, 0, "input")};
        if (message_request(profile, &scope, NULL, &out, &error) < 0)
            must_explain(&error);
    } else {
        must_explain(&error); /* deeper by one level than what may travel */
    }
    doc_finish(&body);
    writer_free(&out);
}

static void
take_request(const struct profile *profile, const char *text, size_t size)
{
    struct request request = {0};
    struct fep_error error = {0};
    struct writer out = {0};
    char value[64];
    if (request_read(profile, text, size, &request, &error) == 0) {
        (void)request_source(profile, &request, "wire.infno", value, sizeof value);
        if (request_source(profile, &request, "wire.infno", request.wire, sizeof request.wire) < 0)
            request.wire[0] = '\0';
        const struct profile_transaction *transaction = profile_find_wire(profile, request.wire);
        bool filled = transaction != NULL && transaction->serve_fill.count > 0;
        if (request_canonical(profile, &request, &out, &error) < 0) {
            must(filled && error.code == 1003, "only a rule can fail");
        } else {
            must(!out.failed &&
                     (filled || memmem(out.data, out.size, request.input.text, request.input.size) != NULL),
                 "the input travels as it stood");
            send_on(profile, &out);
        }
    } else if (error.text[0] != '\0') {
        must_explain(&error);
    }
    writer_free(&out);
    request_finish(&request);
}

static void
take_verdict(const struct profile *profile, const char *infno, bool posts, int status, const char *text,
             size_t size)
{
    struct verdict verdict;
    struct fep_error error = {0};
    struct writer out = {0}, found = {0};
    static const char original[] = "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\"}}}";
    struct json body;
    must(doc_parse(&body, original, sizeof original - 1, &error) == 0, "the original is read");
    struct scope scope = {
        .infno = infno, .wire = infno, .msgid = "M1", .body = &body, .input = doc_member(&body, 0, "input")};
    verdict_read(profile, posts, status, text, size, &verdict);
    int code = verdict.body.count > 0 ? doc_member(&verdict.body, 0, profile->infcode) : -1;
    char http[16];
    snprintf(http, sizeof http, "%d", status);
    must(!posts || verdict.kind != FEP_REFUSED || !doc_is_empty(&verdict.body, code) ||
             profile_lists(profile->http_refused, http),
         "a posting is refused by the platform's own code only");
    must(verdict.kind != FEP_ANSWERED || (status >= 200 && status < 300), "an answer has a good status");
    if (verdict.kind != FEP_ANSWERED)
        must_be_clean(verdict.text);
    if (verdict.kind == FEP_ANSWERED) {
        if (message_answer_in(profile, profile_find(profile, infno), &scope, &verdict, &out, &error) < 0)
            must_explain(&error);
        else
            must(memmem(out.data, out.size, "\"output\":", 9) != NULL, "an answer has its output");
        const struct profile_inquiry *inquiry = profile_find_inquiry(profile, infno);
        if (inquiry != NULL)
            (void)message_inquired(profile, inquiry, &scope, &verdict, &found);
    }
    verdict_finish(&verdict);
    doc_finish(&body);
    writer_free(&out);
    writer_free(&found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[32], infno[INFNO_ROOM] = "";
    int status = 200;
    if (size > 65536)
        return 0;
    fuzz_take_line(&data, &size, line, sizeof line);
    const struct profile *profile = open_profile(line[0] != '\0' && line[1] == ' ' ? line[2] : '0');
    char *text = fuzz_copy(data, size);
    if (line[0] == 'r') {
        take_request(profile, text, size);
    } else {
        if (strlen(line) > 4)
            (void)sscanf(line + 4, "%7s %d", infno, &status);
        take_verdict(profile, infno, true, status, text, size);
        take_verdict(profile, infno, false, status, text, size);
    }
    free(text);
    return 0;
}
