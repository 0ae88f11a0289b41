/* Fuzzes the reader of captured messages, what opens sealed ones, and the doctor. First byte: the profile,
 * and what is done. What opens can be sealed and opens again as the same; a text built of a built text is
 * that text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "doctor.h"
#include "fuzz.h"
#include "json_tree.h"
#include "text.h"

const char *const fuzz_words[] = {"{\"infno\":\"2207\",\"input\":{}}",
                                  "\"cainfo\":\"\"",
                                  "\"signData\":\"",
                                  "\"encData\":\"",
                                  "\"data\":{",
                                  "\"output\":null",
                                  "x-tif-signature: ",
                                  "x-ca-signature: 1700000000:",
                                  "x-tif-timestamp: 1700000000\n",
                                  "\r\n\r\n",
                                  "> POST / HTTP/1.1\n",
                                  "\\u4e2d",
                                  "\\ud842\\udfb7",
                                  "\\\"",
                                  "[1,-0.50]",
                                  "null",
                                  "{\"a\":",
                                  "}",
                                  "A",
                                  NULL};

enum { PROFILES = 8, NOW_S = 1700000000 };

static const char *const groups[PROFILES] = {
    "message = \"envelope\";",
    "message = \"input\";",
    "message = \"head\";",
    "header = \"x-tif\"; message = \"envelope\"; cipher = { mode = \"cbc\"; iv = \"prefix\"; padding = "
    "\"zero\"; };"
    " text = { data = \"cipher\"; };",
    "header = \"hmac\"; message = \"input\"; text = { style = \"json\"; escapes = \"unicode\"; charset = "
    "\"gbk\"; };"
    " sign = { form = \"der\"; encoding = \"base64-lines\"; digest = \"sm3-hex\"; }; cipher = { encoding = "
    "\"hex\"; };",
    "header = \"bearer\"; message = \"head\"; text = { style = \"values\"; order = \"caseless\"; };",
    "message = \"envelope\"; sign = { algorithm = \"none\"; }; cipher = { algorithm = \"none\"; };",
    "message = \"input\"; sign = { algorithm = \"none\"; }; unsealed_answers = \"accept\";"};
static struct seal *seals[PROFILES];

static void
put(const char *name, const char *value)
{
    (void)fuzz_write(name, value, strlen(value));
}

static void
close_all(void)
{
    for (size_t i = 0; i < PROFILES; i++)
        seal_close(seals[i]);
}

static void
open_all(void)
{
    if (seals[0] != NULL)
        return;
    put("app_id", "00112233445566778899AABBCCDDEEFF");
    put("app_secret", "FFEEDDCCBBAA99887766554433221100");
    put("sign_key", "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    put("verify_key", "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
                      "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13");
    put("header_id", "H45010000001");
    put("header_token", "0123456789ABCDEF");
    put("bearer_token", "abc.def");
    for (size_t i = 0; i < PROFILES; i++) {
        struct seal_profile profile;
        struct fep_error error = {0};
        char text[512];
        int size = snprintf(text, sizeof text, "seal = { %s };\n", groups[i]);
        must(seal_load_profile(fuzz_write("profile", text, (size_t)size), NULL, NULL, &profile, &error) ==
                     0 &&
                 seal_open(&profile, fuzz_directory(), SEAL_ANY, &seals[i], &error) == 0,
             "the harness's own profiles hold");
    }
    (void)atexit(close_all);
}

/* It opened: sealed anew it opens as what it was. */
static void
seal_again(const struct seal *seal, const struct seal_message *plain)
{
    struct seal_moment moment = {.wall_ms = (int64_t)NOW_S * 1000, .nonce = "n"};
    struct seal_message wire, again = {0};
    struct seal_field fields[SEAL_MOST_HEADERS];
    struct fep_error error = {0};
    if (seal_request(seal, &moment, plain->body, plain->body_size, &wire, &error) == SEAL_GOOD) {
        for (size_t i = 0; i < wire.header_count; i++)
            fields[i] = (struct seal_field){wire.headers[i].name, wire.headers[i].value,
                                            strlen(wire.headers[i].name), strlen(wire.headers[i].value)};
        int status = seal_open_request(seal, moment.wall_ms, fields, wire.header_count, wire.body,
                                       wire.body_size, &again, &error);
        if (status != SEAL_GOOD)
            must_explain(&error);
        must(status == SEAL_GOOD, "what was sealed here opens here");
        must(seal_get_profile(seal)->message != SEAL_MESSAGE_ENVELOPE || again.body_size <= plain->body_size,
             "and is what it was");
    } else {
        must_explain(&error);
        must(wire.body == NULL || wire.headers != NULL, "what is not sealed has no body");
    }
    seal_message_finish(&wire);
    seal_message_finish(&again);
}

static void
open_it(const struct seal *seal, const struct capture *capture, bool answer)
{
    struct seal_message plain;
    struct fep_error error = {0};
    int status = answer
                     ? seal_open_answer(seal, capture->body, capture->json_size, &plain, &error)
                     : seal_open_request(seal, (int64_t)NOW_S * 1000, capture->fields, capture->field_count,
                                         capture->body, capture->json_size, &plain, &error);
    if (status == SEAL_GOOD) {
        must(plain.body != NULL && strnlen(plain.body, plain.body_size + 1) <= plain.body_size,
             "a body ends");
        if (!answer)
            seal_again(seal, &plain);
    } else {
        must_explain(&error);
        must(plain.body == NULL, "what does not hold is not given out");
    }
    seal_message_finish(&plain);
}

static void
build_twice(const struct seal *seal, const struct capture *capture)
{
    struct seal_text rules = seal_get_profile(seal)->text;
    struct fep_bytes none = {NULL, 0};
    struct bytes once = {0}, twice = {0};
    struct json_tree tree, again = {0};
    struct fep_error error = {0};
    rules.style = SEAL_JSON;
    rules.secret = SEAL_SECRET_NONE;
    rules.charset = SEAL_UTF8;
    if (json_tree_read(&tree, capture->body, capture->json_size, &error) < 0) {
        must_explain(&error);
    } else {
        must(text_build(&rules, &tree, 1, none, &once, &error) == 0, "a text can be built of any JSON");
        must(json_tree_read(&again, once.data, once.size, NULL) == 0, "and is JSON");
        must(text_build(&rules, &again, 1, none, &twice, &error) == 0 && once.size == twice.size &&
                 memcmp(once.data, twice.data, once.size) == 0,
             "building it again changes nothing");
    }
    json_tree_finish(&tree);
    json_tree_finish(&again);
    bytes_finish(&once);
    bytes_finish(&twice);
}

static void
ask_the_doctor(const struct seal *seal, const struct capture *capture)
{
    static struct doctor_report report;
    struct fep_error error = {0};
    if (doctor_explain(seal, capture, 2, &report, &error) < 0)
        must_explain(&error);
    else
        must(report.headers.end <= DOCTOR_IMPOSSIBLE && report.message.end <= DOCTOR_IMPOSSIBLE,
             "it comes to an end");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture capture;
    struct fep_error error = {0};
    if (size == 0 || size > 65536)
        return 0;
    open_all();
    const struct seal *seal = seals[data[0] % PROFILES];
    unsigned action = data[0] / PROFILES % 4;
    if (capture_read(&capture, (const char *)data + 1, size - 1, &error) < 0) {
        must_explain(&error);
        return 0;
    }
    must(capture.json_size <= capture.body_size && capture.body_size < size, "a body is part of the capture");
    if (action == 0)
        open_it(seal, &capture, false);
    else if (action == 1)
        open_it(seal, &capture, true);
    else if (action == 2)
        build_twice(seal, &capture);
    else
        ask_the_doctor(seal, &capture);
    return 0;
}
