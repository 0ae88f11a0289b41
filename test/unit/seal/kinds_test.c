/* Whole messages, each kind there and back, the published ones included; and everything that must not pass.
 */
#include "seal_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>

#include "internal.h"

#define NOW 1704135845000 /* 2024-01-02 03:04:05 in UTC+8 */
#define PLAIN                                                                                                \
    "{\"infno\":\"2207\",\"msgid\":\"H45010000001202401020304050001\",\"cainfo\":\"\",\"input\":{\"data\":{" \
    "\"total\":"                                                                                             \
    "12.30,\"zero\":0.00,\"b\":null,\"a\":\"\\u4e2d\xe5\x8c\xbb\"}},\"unknown\":[1, 2]}"
#define ANSWER                                                                                               \
    "{\"infcode\":0,\"inf_refmsgid\":\"x\",\"output\":{\"setlinfo\":{\"medfee_sumamt\":5.10}},\"err_msg\":"  \
    "null}"

static const struct seal_moment now = {.wall_ms = NOW, .nonce = "n-1"};

static size_t
as_fields(const struct seal_message *wire, struct seal_field *fields)
{
    for (size_t i = 0; i < wire->header_count; i++)
        fields[i] = (struct seal_field){wire->headers[i].name, wire->headers[i].value,
                                        strlen(wire->headers[i].name), strlen(wire->headers[i].value)};
    return wire->header_count;
}

static int
open_request(const struct seal *seal, int64_t wall_ms, const struct seal_message *wire,
             struct seal_message *plain)
{
    struct seal_field fields[SEAL_MOST_HEADERS];
    struct fep_error error = {0};
    int status = seal_open_request(seal, wall_ms, fields, as_fields(wire, fields), wire->body,
                                   wire->body_size, plain, &error);
    assert_true((status == SEAL_GOOD) == (error.text[0] == '\0'));
    assert_null(strstr(error.text, "12.30"));
    assert_true(status == SEAL_GOOD || plain->body == NULL);
    return status;
}

static void
expect_both_ways(const char *profile)
{
    struct seal_message wire, plain;
    struct fep_error error = {0};
    struct seal *seal = rig_open(profile);
    if (seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error) != SEAL_GOOD)
        fail_msg("%s: %s", profile, error.text);
    assert_int_equal(open_request(seal, NOW + 1000, &wire, &plain), SEAL_GOOD);
    struct json_tree tree, expected;
    assert_int_equal(json_tree_read(&tree, plain.body, plain.body_size, NULL), 0);
    assert_int_equal(json_tree_read(&expected, PLAIN, strlen(PLAIN), NULL), 0);
    static const char *const kept[] = {"infno", "msgid", "cainfo", "input", "unknown"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct json_node *a = &tree.nodes[json_find(&tree, 1, kept[i])];
        struct json_node *b = &expected.nodes[json_find(&expected, 1, kept[i])];
        assert_int_equal(a->size, b->size);
        assert_memory_equal(plain.body + a->at, PLAIN + b->at, a->size);
    }
    json_tree_finish(&tree);
    json_tree_finish(&expected);
    seal_message_finish(&plain);
    seal_message_finish(&wire);
    assert_int_equal(seal_answer(seal, NOW, ANSWER, strlen(ANSWER), &wire, &error), SEAL_GOOD);
    assert_int_equal(seal_open_answer(seal, wire.body, wire.body_size, &plain, &error), SEAL_GOOD);
    assert_non_null(strstr(plain.body, "{\"setlinfo\":{\"medfee_sumamt\":5.10}}"));
    assert_true(seal_vouches(seal, &plain));
    seal_message_finish(&plain);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
both_ways_in_every_dialect(void **state)
{
    (void)state;
    static const char *const profiles[] = {
        "",
        "message = \"envelope\";",
        "message = \"envelope\"; text = { data = \"cipher\"; }; names = { app_id = \"clientId\"; transaction "
        "= \"transType\"; };",
        "message = \"envelope\"; cipher = { algorithm = \"none\"; };",
        "message = \"envelope\"; sign = { algorithm = \"none\"; };",
        "message = \"envelope\"; names = { answer = ((\"code\", \"0\"), (\"message\", \"成功\")); time = "
        "\"seconds\"; };",
        "message = \"envelope\"; cipher = { mode = \"cbc\"; iv = \"prefix\"; padding = \"zero\"; encoding = "
        "\"base64url\"; };",
        "message = \"envelope\"; cipher = { mode = \"cbc\"; iv = \"key\"; key = \"app_secret\"; encoding = "
        "\"base64-lines\"; };",
        "message = \"envelope\"; sign = { form = \"der\"; encoding = \"HEX\"; digest = \"sm3-HEX\"; id_from "
        "= \"app_secret\"; };",
        "message = \"envelope\"; text = { charset = \"gbk\"; order = \"caseless\"; depth = \"first\"; };",
        "message = \"input\";",
        "message = \"input\"; text = { style = \"json\"; escapes = \"unicode\"; }; cipher = { algorithm = "
        "\"none\"; };",
        "message = \"input\"; sign = { algorithm = \"none\"; };",
        "message = \"input\"; sign = { form = \"der\"; encoding = \"base64-lines\"; };",
        "message = \"input\"; text = { data = \"cipher\"; };",
        "message = \"head\";",
        "message = \"head\"; text = { style = \"values\"; secret = \"app_secret\"; }; names = { sign_name = "
        "\"\"; };",
        "header = \"x-tif\"; message = \"envelope\";",
        "header = \"x-tif\"; headers = { service = \"s1\"; hash = \"sm3\"; time = \"milliseconds\"; };",
        "header = \"hmac\"; message = \"input\";",
        "header = \"hmac\"; headers = { parts = \"id colon timestamp body\"; encoding = \"base64\"; hash = "
        "\"sha256\"; };",
        "header = \"bearer\"; message = \"head\";"};
    rig_put_all();
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        expect_both_ways(profiles[i]);
}

static void
keys_are_derived_as_published(void **state)
{
    (void)state;
    static const char *const triples[][3] = {
        {"T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ", "NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P", "C3AE5873D08418DA"},
        {"43AF047BBA47FC8A1AE8EFB232BDBBCB", "4117E877F5FA0A0188891283E4B617D5", "863B5F40C70B71EA"},
        {RIG_APP_ID, RIG_APP_SECRET, "D02A86F9E70C47D8"}};
    for (size_t i = 0; i < 3; i++) {
        unsigned char key[16];
        rig_put("app_id", triples[i][0], 0600);
        rig_put("app_secret", triples[i][1], 0600);
        struct seal *seal = rig_open("message = \"envelope\";");
        assert_true(seal_derive_key(seal, SEAL_KEY_DERIVED, key));
        assert_memory_equal(key, triples[i][2], 16);
        seal_close(seal);
    }
}

#define PORTAL_SECRETS()                                                                                     \
    do {                                                                                                     \
        rig_put("app_id", "T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ", 0600);                                         \
        rig_put("app_secret", "NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P", 0600);                                     \
        rig_put("verify_key",                                                                                \
                "BEKaw3Qtc31LG/hTPHFPlriKuAn/nzTWl8LiRxLw4iQiSUIyuglptFxNkdCiNXcXvkqTH79Rh/A2sEFU6hjeK3k=",  \
                0600);                                                                                       \
    } while (0)
#define PORTAL_PROFILE "message = \"envelope\"; names = { app_id = \"appCode\"; time = \"seconds\"; };"
#define PORTAL_HEAD                                                                                          \
    "{\"data\":{},\"appCode\":\"T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ\",\"version\":\"1.0.0\",\"encType\":"       \
    "\"SM4\","                                                                                               \
    "\"signType\":\"SM2\",\"timestamp\":1675237317,"                                                         \
    "\"signData\":\"DitO6d6O8oyO8NiXQbeSA2bxX0Iw+fl76yT72empkT1SFHivjr7lmoNfLa6THo4ouzq0EG4HBoiPyp2ZU4K8TA=" \
    "=\","                                                                                                   \
    "\"encData\":"                                                                                           \
    "\"DAC536D90758AB68AF4373A349F3BBDF4CE34C33DC32F1068E9E23CA546C9EA8E639B26A7D25A6C1B97CCC02DDB933E4"     \
    "77A9AAE02ED054FCBFB6DEA99372702FE64D17BF28F141090CC5289421E593DD\"}"

static void
the_portals_request_opens(void **state)
{
    (void)state;
    struct seal_message plain;
    struct fep_error error = {0};
    PORTAL_SECRETS();
    struct seal *seal = rig_open(PORTAL_PROFILE);
    if (seal_open_request(seal, NOW, NULL, 0, PORTAL_HEAD, strlen(PORTAL_HEAD), &plain, &error) != SEAL_GOOD)
        fail_msg("%s", error.text);
    rig_expect_text(
        &plain, "{\"addr\":\"\",\"areaCode\":\"110000\",\"optinsName\":\"\",\"pageNo\":3,\"pageSize\":10}");
    assert_true(plain.verified && plain.decrypted);
    seal_message_finish(&plain);
    seal_close(seal);
}

#define OURS "{\"infno\":\"1101\",\"page\":\"2\",\"rows\":[{\"a\":\"1\",\"b\":\"x\"}]}"
#define OURS_CIPHER                                                                                          \
    "54CF77C2AF19D6B10649A7FA87E361F337CBEB4EFF8F2C210928740EE00ACADCC87704B6432A36F7A98AFCBFB8A783AF030396" \
    "40E16E37"                                                                                               \
    "699415402E1C211A96"
#define OURS_HEAD                                                                                            \
    "{\"appId\":\"" RIG_APP_ID "\",\"version\":\"1.0.0\",\"encType\":\"SM4\",\"signType\":\"SM2\","          \
    "\"timestamp\":\"20240102030405\",\"encData\":\"" OURS_CIPHER "\",\"signData\":\"%s\"}"

static int
open_ours(const char *profile, const char *signature)
{
    char body[1024];
    struct seal_message plain;
    struct fep_error error = {0};
    struct seal *seal = rig_open(profile);
    snprintf(body, sizeof body, OURS_HEAD, signature);
    int status = seal_open_request(seal, NOW, NULL, 0, body, strlen(body), &plain, &error);
    if (status == SEAL_GOOD)
        rig_expect_text(&plain, OURS);
    seal_message_finish(&plain);
    seal_close(seal);
    return status;
}

static void
the_reference_message_opens(void **state)
{
    (void)state;
    static const char by_id[] =
        "lA/j9p0Ys7vj7clOJ90IIY3jcNdGZm5SKENEodqOCg51f57bTMeNFPo0rAF3QXtg+hneVM2xRohB2j3jfj4Cbg==";
    static const char by_secret[] =
        "hoz69bOFndunl+2g31vtwDrJzkWnSu9gco8Qvacu8906y4sOd1zmiwWpgEDX7jiQnvtK3RRegVPtSlkRBq8GcQ==";
    rig_put_all();
    assert_int_equal(open_ours("message = \"envelope\";", by_id), SEAL_GOOD);
    assert_int_equal(open_ours("message = \"envelope\";", by_secret), SEAL_BAD_SIGNATURE);
    assert_int_equal(open_ours("message = \"envelope\"; sign = { id_from = \"app_secret\"; };", by_secret),
                     SEAL_GOOD);
    assert_int_equal(open_ours("message = \"envelope\"; sign = { form = \"der\"; };", by_id),
                     SEAL_BAD_SIGNATURE);
    assert_int_equal(open_ours("message = \"envelope\";", ""), SEAL_BAD_SIGNATURE);
}

static void
the_reference_message_is_made(void **state)
{
    (void)state;
    struct seal_message wire;
    struct fep_error error = {0};
    rig_put_all();
    struct seal *seal = rig_open("message = \"envelope\";");
    assert_int_equal(seal_request(seal, &now, OURS, strlen(OURS), &wire, &error), SEAL_GOOD);
    assert_non_null(strstr(wire.body,
                           "\"appId\":\"" RIG_APP_ID "\",\"version\":\"1.0.0\",\"encType\":\"SM4\","
                           "\"signType\":\"SM2\",\"timestamp\":\"20240102030405\",\"encData\":\"" OURS_CIPHER
                           "\",\"signData\":\""));
    assert_int_equal(wire.header_count, 0);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
the_jilin_answer_opens(void **state)
{
    (void)state;
    static const char body[] = "{\"infcode\":0,\"output\":\"PznBlnVSzpDlyl54Vk3/hg==\",\"err_msg\":\"\"}";
    struct seal_message plain;
    struct fep_error error = {0};
    rig_put("app_id", "ACC10563D7382BF6", 0600);
    struct seal *seal =
        rig_open("message = \"input\"; sign = { algorithm = \"none\"; }; unsealed_answers = \"accept\";");
    assert_int_equal(seal_open_answer(seal, body, strlen(body), &plain, &error), SEAL_GOOD);
    rig_expect_text(&plain, "{\"infcode\":0,\"output\":{\"result\":null},\"err_msg\":\"\"}");
    assert_true(plain.decrypted && !plain.verified);
    seal_message_finish(&plain);
    seal_close(seal);
}

static void
headers_as_published(void **state)
{
    (void)state;
    struct seal_message wire;
    struct fep_error error = {0};
    struct seal_moment then = {.wall_ms = 1700000000123, .nonce = "18bcfe56800-1a2b3c"};
    rig_put_all();
    struct seal *seal = rig_open("header = \"x-tif\";");
    assert_int_equal(seal_request(seal, &then, "{}", 2, &wire, &error), SEAL_GOOD);
    assert_int_equal(wire.header_count, 4);
    assert_string_equal(wire.headers[0].name, "x-tif-paasid");
    assert_string_equal(wire.headers[1].value, "1700000000");
    assert_string_equal(wire.headers[3].name, "x-tif-signature");
    assert_string_equal(wire.headers[3].value,
                        "5de35ce2e25973da1d42c2c05dbc701219b4fc2239969c09678fe9ca025c161b");
    seal_message_finish(&wire);
    seal_close(seal);
    rig_put("header_token", "", 0600); /* a browser signs with an empty token */
    then = (struct seal_moment){.wall_ms = 1720489942000, .nonce = "M0mc5pgk"};
    seal = rig_open("header = \"x-tif\";");
    assert_int_equal(seal_request(seal, &then, "{}", 2, &wire, &error), SEAL_GOOD);
    assert_string_equal(wire.headers[3].value,
                        "67991916da3259a78eac1925bbeb617eef5847841c51aa25064f63d2e7be0fdf");
    seal_message_finish(&wire);
    seal_close(seal);
    rig_put("header_token", "secret", 0600);
    then = (struct seal_moment){.wall_ms = 1700000000000};
    seal = rig_open("header = \"hmac\";");
    assert_int_equal(seal_request(seal, &then, "{\"infno\":\"9001\"}", 16, &wire, &error), SEAL_GOOD);
    assert_int_equal(wire.header_count, 2);
    assert_string_equal(wire.headers[1].value,
                        "1700000000:C342084D16BE352F283D5B45682A59227038D3CF05A74DC306DAE2519F6E737A");
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
headers_that_do_not_hold(void **state)
{
    (void)state;
    struct seal_message wire, plain;
    struct fep_error error = {0};
    static const char *const profiles[] = {"header = \"x-tif\";", "header = \"hmac\";",
                                           "header = \"bearer\";"};
    rig_put_all();
    for (size_t i = 0; i < 3; i++) {
        struct seal *seal = rig_open(profiles[i]);
        assert_int_equal(seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error), SEAL_GOOD);
        assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_GOOD);
        seal_message_finish(&plain);
        if (i < 2) {
            assert_int_equal(open_request(seal, NOW + 301000, &wire, &plain), SEAL_STALE);
            assert_int_equal(open_request(seal, NOW - 301000, &wire, &plain), SEAL_STALE);
        }
        struct seal_header *last = &wire.headers[wire.header_count - 1];
        char *end = last->value + strlen(last->value) - 1;
        *end = *end == '0' ? '1' : '0';
        assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
        wire.header_count--;
        assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
        seal_message_finish(&wire);
        seal_close(seal);
    }
    struct seal *seal =
        rig_open("header = \"hmac\";"); /* the body is part of what is signed; a header may not come twice */
    assert_int_equal(seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error), SEAL_GOOD);
    wire.body[wire.body_size - 2] = '9';
    assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
    seal_message_finish(&wire);
    assert_int_equal(seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error), SEAL_GOOD);
    wire.headers[wire.header_count++] = wire.headers[0];
    assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
    seal_message_finish(&wire);
    seal_close(seal);
}

/* Every byte of a sealed body, changed alone, is refused; or it opens to the same message (the case of a hex
 * digit). */
static void
expect_no_byte_can_change(const char *profile)
{
    struct seal_message wire, plain, first;
    struct fep_error error = {0};
    struct seal *seal = rig_open(profile);
    static const char text[] = "{\"infno\":\"2207\",\"msgid\":\"1\",\"input\":{\"total\":12.30,\"a\":\"b\"}}";
    assert_int_equal(seal_request(seal, &now, text, strlen(text), &wire, &error), SEAL_GOOD);
    assert_int_equal(open_request(seal, NOW, &wire, &first), SEAL_GOOD);
    for (size_t i = 0; i < wire.body_size; i++) {
        char was = wire.body[i];
        wire.body[i] = (char)(was ^ 1);
        if (open_request(seal, NOW, &wire, &plain) == SEAL_GOOD)
            fail_msg("byte %zu of %s", i, profile);
        seal_message_finish(&plain);
        wire.body[i] = was;
    }
    seal_message_finish(&first);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
no_byte_can_change(void **state)
{
    (void)state;
    rig_put_all();
    expect_no_byte_can_change("message = \"envelope\";");
    expect_no_byte_can_change("message = \"head\"; text = { leaving = \"cainfo\"; };");
}

static void
anothers_key_or_application(void **state)
{
    (void)state;
    struct seal_message wire, plain;
    struct fep_error error = {0};
    rig_put_all();
    struct seal *ours = rig_open("message = \"envelope\";");
    assert_int_equal(seal_request(ours, &now, PLAIN, strlen(PLAIN), &wire, &error), SEAL_GOOD);
    rig_put("verify_key",
            "BEKaw3Qtc31LG/hTPHFPlriKuAn/nzTWl8LiRxLw4iQiSUIyuglptFxNkdCiNXcXvkqTH79Rh/A2sEFU6hjeK3k=", 0600);
    struct seal *other = rig_open("message = \"envelope\";");
    assert_int_equal(open_request(other, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
    seal_close(other);
    rig_put("verify_key", RIG_POINT, 0600);
    rig_put("app_id", "00112233445566778899AABBCCDDEEF0", 0600);
    other = rig_open("message = \"envelope\";");
    assert_int_equal(open_request(other, NOW, &wire, &plain), SEAL_BAD_SIGNATURE);
    seal_close(other);
    rig_put("app_id", RIG_APP_ID, 0600);
    rig_put("app_secret", "FFEEDDCCBBAA99887766554433221101", 0600);
    other = rig_open("message = \"envelope\";");
    assert_int_not_equal(open_request(other, NOW, &wire, &plain), SEAL_GOOD);
    seal_close(other);
    seal_message_finish(&wire);
    seal_close(ours);
}

static void
old_envelopes(void **state)
{
    (void)state;
    struct seal_message wire, plain;
    struct fep_error error = {0};
    rig_put_all();
    struct seal *seal = rig_open("message = \"envelope\"; names = { skew_s = 60; };");
    assert_int_equal(seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error), SEAL_GOOD);
    assert_int_equal(open_request(seal, NOW + 60000, &wire, &plain), SEAL_GOOD);
    seal_message_finish(&plain);
    assert_int_equal(open_request(seal, NOW + 61000, &wire, &plain), SEAL_STALE);
    assert_int_equal(open_request(seal, NOW - 61000, &wire, &plain), SEAL_STALE);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
unsealed_answers(void **state)
{
    (void)state;
    static const char refusal[] = "{\"infcode\":-2,\"err_msg\":\"x\",\"cainfo\":null,\"output\":null}";
    static const char *const kinds[] = {"envelope", "input", "head"};
    struct seal_message plain;
    struct fep_error error = {0};
    rig_put_all();
    for (size_t i = 0; i < 3; i++) {
        char profile[128];
        snprintf(profile, sizeof profile, "message = \"%s\";", kinds[i]);
        struct seal *seal = rig_open(profile);
        assert_int_equal(seal_open_answer(seal, refusal, strlen(refusal), &plain, &error),
                         SEAL_BAD_SIGNATURE);
        seal_close(seal);
        snprintf(profile, sizeof profile, "message = \"%s\"; unsealed_answers = \"accept\";", kinds[i]);
        seal = rig_open(profile);
        assert_int_equal(seal_open_answer(seal, refusal, strlen(refusal), &plain, &error), SEAL_GOOD);
        rig_expect_text(&plain, refusal);
        assert_false(plain.verified);
        assert_false(seal_vouches(seal, &plain));
        seal_message_finish(&plain);
        assert_int_equal(seal_open_answer(seal, "<html>", 6, &plain, &error), SEAL_BAD_FORM);
        seal_close(seal);
        snprintf(profile, sizeof profile, "message = \"%s\"; answers = \"plain\";", kinds[i]);
        seal = rig_open(profile);
        assert_int_equal(seal_open_answer(seal, "<html>", 6, &plain, &error),
                         SEAL_GOOD); /* not ours to judge */
        seal_message_finish(&plain);
        seal_close(seal);
    }
}

static void
anothers_cainfo_is_not_overwritten(void **state)
{
    (void)state;
    static const char text[] = "{\"infno\":\"2207\",\"cainfo\":\"04PIN\",\"input\":{\"a\":1}}";
    struct seal_message wire;
    struct fep_error error = {0};
    static const char *const kinds[] = {"message = \"input\";", "message = \"head\";"};
    rig_put_all();
    for (size_t i = 0; i < 2; i++) {
        struct seal *seal = rig_open(kinds[i]);
        assert_int_equal(seal_request(seal, &now, text, strlen(text), &wire, &error), SEAL_BAD_FORM);
        assert_null(wire.body);
        seal_message_finish(&wire);
        seal_close(seal);
    }
    struct seal *seal = rig_open("message = \"none\";");
    assert_int_equal(seal_request(seal, &now, text, strlen(text), &wire, &error), SEAL_GOOD);
    rig_expect_text(&wire, text);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void
input_that_is_a_text(void **state)
{
    (void)state;
    static const char text[] = "{\"infno\":\"1101\",\"input\":\"{\\\"data\\\":{\\\"a\\\":1}}\"}";
    struct seal_message wire, plain;
    struct fep_error error = {0};
    rig_put_all();
    struct seal *seal = rig_open("message = \"input\";");
    assert_int_equal(seal_request(seal, &now, text, strlen(text), &wire, &error), SEAL_GOOD);
    assert_int_equal(open_request(seal, NOW, &wire, &plain), SEAL_GOOD);
    assert_non_null(strstr(plain.body, "\"input\":{\"data\":{\"a\":1}}"));
    seal_message_finish(&plain);
    seal_message_finish(&wire);
    seal_close(seal);
}

static void *
seal_and_open(void *arg)
{
    const struct seal *seal = arg;
    size_t good = 0;
    for (size_t i = 0; i < 25; i++) {
        struct seal_message wire, plain = {0};
        struct fep_error error;
        if (seal_request(seal, &now, PLAIN, strlen(PLAIN), &wire, &error) == SEAL_GOOD &&
            seal_open_request(seal, NOW, NULL, 0, wire.body, wire.body_size, &plain, &error) == SEAL_GOOD)
            good++;
        seal_message_finish(&plain);
        seal_message_finish(&wire);
    }
    return good == 25 ? arg : NULL;
}

static void
one_seal_for_many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    rig_put_all();
    struct seal *seal = rig_open("message = \"envelope\";");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open, seal), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, seal);
    }
    seal_close(seal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(both_ways_in_every_dialect),
        TEST(keys_are_derived_as_published),
        TEST(the_portals_request_opens),
        TEST(the_reference_message_opens),
        TEST(the_reference_message_is_made),
        TEST(the_jilin_answer_opens),
        TEST(headers_as_published),
        TEST(headers_that_do_not_hold),
        TEST(no_byte_can_change),
        TEST(anothers_key_or_application),
        TEST(old_envelopes),
        TEST(unsealed_answers),
        TEST(anothers_cainfo_is_not_overwritten),
        TEST(input_that_is_a_text),
        TEST(one_seal_for_many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
