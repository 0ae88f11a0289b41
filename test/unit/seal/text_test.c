/* What is signed, to the byte: the published examples, and each rule alone. And the reader of JSON beneath.
 */
#include "seal_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "json_tree.h"
#include "text.h"

static const struct fep_bytes no_secret = {NULL, 0};

static void
expect_built(const struct seal_text *rules, const char *json, const char *secret, const char *expected)
{
    struct json_tree tree;
    struct bytes out = {0};
    struct fep_error error = {0};
    struct fep_bytes key = {(const unsigned char *)secret, strlen(secret)};
    if (json_tree_read(&tree, json, strlen(json), &error) != 0)
        fail_msg("%s", error.text);
    if (text_build(rules, &tree, 1, key, &out, &error) != 0)
        fail_msg("%s", error.text);
    assert_string_equal(out.data != NULL ? out.data : "", expected);
    bytes_finish(&out);
    json_tree_finish(&tree);
}

static void
published_texts(void **state)
{
    (void)state;
    struct seal_profile profile = rig_profile("message = \"envelope\";");
    expect_built(
        &profile.text,
        "{\"appCode\":\"T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ\",\"version\":\"1.0.0\",\"encType\":\"SM4\","
        "\"signType\":\"SM2\",\"timestamp\":1675237317,\"encData\":\"DAC5\",\"signData\":\"x\",\"extra\":{},"
        "\"data\":{\"addr\":\"\",\"areaCode\":\"110000\",\"optinsName\":\"\",\"pageNo\":3,\"pageSize\":10}}",
        "NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P",
        "appCode=T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ&data={\"areaCode\":\"110000\",\"pageNo\":\"3\","
        "\"pageSize\":"
        "\"10\"}&encType=SM4&signType=SM2&timestamp=1675237317&version=1.0.0&key="
        "NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P");
    expect_built(&profile.text,
                 "{\"version\":\"1.0.0\",\"transType\":null,\"appId\":\"" RIG_APP_ID "\",\"timestamp\":"
                 "\"20240102030405\",\"signType\":\"SM2\",\"encType\":\"SM4\","
                 "\"data\":{ \"rows\" : [ {\"b\":\"x\",\"a\":1} ],\"page\":2,\"infno\":\"1101\",\"e\":[] }}",
                 RIG_APP_SECRET,
                 "appId=" RIG_APP_ID
                 "&data={\"infno\":\"1101\",\"page\":\"2\",\"rows\":[{\"a\":\"1\",\"b\":\"x\"}]}"
                 "&encType=SM4&signType=SM2&timestamp=20240102030405&version=1.0.0&key=" RIG_APP_SECRET);
}

/* The rules of kind envelope with one key changed, over one object under `data`; without the secret. */
static void
expect_data(const char *keys, const char *data, const char *expected)
{
    char profile_text[256], *json = NULL, *whole = NULL;
    snprintf(profile_text, sizeof profile_text, "message = \"envelope\"; text = { secret = \"none\"; %s };",
             keys);
    struct seal_profile profile = rig_profile(profile_text);
    assert_true(asprintf(&json, "{\"data\":%s}", data) > 0);
    assert_true(asprintf(&whole, "data=%s", expected) > 0);
    expect_built(&profile.text, json, "", whole);
    free(json);
    free(whole);
}

static void
order_of_names(void **state)
{
    (void)state;
    static const char data[] =
        "{\"medfee\":\"1\",\"medOrgOrd\":\"2\",\"med_type\":\"3\",\"Z\":\"4\",\"a\":\"5\"}";
    expect_data("", data,
                "{\"Z\":\"4\",\"a\":\"5\",\"medOrgOrd\":\"2\",\"med_type\":\"3\",\"medfee\":\"1\"}");
    expect_data("order = \"caseless\";", data,
                "{\"a\":\"5\",\"med_type\":\"3\",\"medfee\":\"1\",\"medOrgOrd\":\"2\",\"Z\":\"4\"}");
    expect_data("order = \"given\";", data, data);
}

static void
numbers_keep_their_digits(void **state)
{
    (void)state;
    static const char data[] =
        "{\"a\":12.30,\"b\":-0.00,\"c\":99999999999999999999,\"d\":true,\"e\":[1,false]}";
    expect_data("", data,
                "{\"a\":\"12.30\",\"b\":\"-0.00\",\"c\":\"99999999999999999999\",\"d\":\"true\","
                "\"e\":[\"1\",\"false\"]}");
    expect_data("numbers = \"plain\";", data, data);
    expect_data("depth = \"first\";", data,
                "{\"a\":\"12.30\",\"b\":\"-0.00\",\"c\":\"99999999999999999999\","
                "\"d\":\"true\",\"e\":[1,false]}");
}

static void
empty_members(void **state)
{
    (void)state;
    static const char data[] =
        "{\"a\":null,\"b\":\"\",\"c\":[],\"d\":{},\"e\":{\"y\":1,\"x\":null,\"w\":\"\"}}";
    expect_data("", data, "{\"d\":{},\"e\":{\"y\":\"1\"}}");
    expect_data("empties = \"drop-null\";", data,
                "{\"b\":\"\",\"c\":[],\"d\":{},\"e\":{\"w\":\"\",\"y\":\"1\"}}");
    expect_data("empties = \"keep\";", data,
                "{\"a\":null,\"b\":\"\",\"c\":[],\"d\":{},\"e\":{\"w\":\"\",\"x\":null,\"y\":\"1\"}}");
    expect_data("depth = \"first\";", data, "{\"d\":{},\"e\":{\"w\":\"\",\"x\":null,\"y\":1}}");
}

static void
texts_and_escapes(void **state)
{
    (void)state;
    static const char data[] = "{\"a\":\"\\u4e2d/\\\"\\n\\u0001\xe5\x8c\xbb\xf0\xa0\xae\xb7\"}";
    expect_data("", data, "{\"a\":\"\xe4\xb8\xad/\\\"\\n\\u0001\xe5\x8c\xbb\xf0\xa0\xae\xb7\"}");
    expect_data("escapes = \"unicode\";", data, "{\"a\":\"\\u4e2d/\\\"\\n\\u0001\\u533b\\ud842\\udfb7\"}");
    expect_data("escapes = \"UNICODE\";", data, "{\"a\":\"\\u4E2D/\\\"\\n\\u0001\\u533B\\uD842\\uDFB7\"}");
    expect_data("escapes = \"slash\";", data,
                "{\"a\":\"\xe4\xb8\xad\\/\\\"\\n\\u0001\xe5\x8c\xbb\xf0\xa0\xae\xb7\"}");
    expect_data("charset = \"gbk\";", "{\"a\":\"\\u4e2d\"}", "{\"a\":\"\xd6\xd0\"}");
}

static void
styles(void **state)
{
    (void)state;
    static const char head[] =
        "{\"infver\":\"V1.0\",\"infno\":\"9001\",\"input\":{\"a\":1},\"cainfo\":\"x\",\"opter\":\"\","
        "\"n\":1.50}";
    struct seal_profile profile = rig_profile("message = \"head\";");
    expect_built(&profile.text, head, "", "infno=9001&infver=V1.0&n=1.50");
    profile = rig_profile("message = \"head\"; text = { style = \"values\"; };");
    expect_built(&profile.text, head, "", "9001V1.01.50");
    profile = rig_profile(
        "message = \"head\"; text = { style = \"json\"; empties = \"keep\"; leaving = \"cainfo\"; };");
    expect_built(&profile.text, head, "",
                 "{\"infno\":\"9001\",\"infver\":\"V1.0\",\"input\":{\"a\":1},\"n\":1.50,\"opter\":\"\"}");
    profile = rig_profile("message = \"input\";");
    expect_built(&profile.text, "{ \"b\" : 1, \"a\":null }", "", "{ \"b\" : 1, \"a\":null }");
    profile = rig_profile("message = \"input\"; text = { style = \"json\"; };");
    expect_built(&profile.text, "{ \"b\" : 1, \"a\":null }", "", "{\"a\":null,\"b\":1}");
}

static void
json_is_strict(void **state)
{
    (void)state;
    static const char *const good[] = {"{}", " [1,-0.5e+3,\"\",null,true] ", "\"\\ud842\\udfb7\"",
                                       "{\"a\":{\"a\":1}}"};
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":1,}",
                                      "[1,]",
                                      "{'a':1}",
                                      "NaN",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "\"\\x\"",
                                      "\"\\ud842\"",
                                      "\"\\udfb7\"",
                                      "\"\\u0000\"",
                                      "\"\x01\"",
                                      "\"\xff\"",
                                      "\"\xed\xa0\x80\"",
                                      "{\"a\":1,\"a\":1}",
                                      "{\"\\u0061\":1}",
                                      "1 2",
                                      "tru",
                                      "\"",
                                      "{\"a\" 1}",
                                      "{1:1}",
                                      "// x\n1"};
    struct json_tree tree;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(json_tree_read(&tree, good[i], strlen(good[i]), NULL), 0);
        json_tree_finish(&tree);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fep_error error = {0};
        if (json_tree_read(&tree, bad[i], strlen(bad[i]), &error) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_true(error.text[0] != '\0');
        json_tree_finish(&tree);
    }
}

static void
json_is_bounded(void **state)
{
    (void)state;
    struct json_tree tree;
    char deep[80];
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    assert_int_equal(json_tree_read(&tree, deep, 66, NULL), -1);
    json_tree_finish(&tree);
    assert_int_equal(json_tree_read(&tree, deep + 1, 64, NULL), 0);
    json_tree_finish(&tree);
    size_t size = 2 * (size_t)(JSON_TREE_NODES + 10) + 1;
    char *many = malloc(size);
    for (size_t i = 0; i < size; i++)
        many[i] = i == 0 ? '[' : i == size - 1 ? ']' : i % 2 == 1 ? '1' : ',';
    assert_int_equal(json_tree_read(&tree, many, size, NULL), -1);
    json_tree_finish(&tree);
    free(many);
}

static void
twins_among_many(void **state)
{
    (void)state;
    struct json_tree tree;
    char text[4096] = "{";
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text), "\"m%d\":1,", i);
    size_t size = strlen(text);
    strcpy(text + size, "\"last\":1}");
    assert_int_equal(json_tree_read(&tree, text, strlen(text), NULL), 0);
    assert_int_not_equal(json_find(&tree, 1, "m150"), JSON_NONE);
    assert_int_equal(json_find(&tree, 1, "m15"), json_find(&tree, 1, "m14") + 1);
    json_tree_finish(&tree);
    strcpy(text + size, "\"m77\":1}");
    assert_int_equal(json_tree_read(&tree, text, strlen(text), NULL), -1);
    json_tree_finish(&tree);
}

static void
gbk_has_not_all(void **state)
{
    (void)state;
    struct seal_profile profile = rig_profile("message = \"head\"; text = { charset = \"gbk\"; };");
    struct json_tree tree;
    struct bytes out = {0};
    struct fep_error error = {0};
    static const char text[] = "{\"a\":\"\xf0\xa0\xae\xb7\"}";
    assert_int_equal(json_tree_read(&tree, text, strlen(text), NULL), 0);
    assert_int_equal(text_build(&profile.text, &tree, 1, no_secret, &out, &error), -1);
    assert_null(strstr(error.text, "\xf0\xa0\xae\xb7"));
    bytes_finish(&out);
    json_tree_finish(&tree);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_texts),
                                       cmocka_unit_test(order_of_names),
                                       cmocka_unit_test(numbers_keep_their_digits),
                                       cmocka_unit_test(empty_members),
                                       cmocka_unit_test(texts_and_escapes),
                                       cmocka_unit_test(styles),
                                       cmocka_unit_test(json_is_strict),
                                       cmocka_unit_test(json_is_bounded),
                                       cmocka_unit_test(twins_among_many),
                                       cmocka_unit_test(gbk_has_not_all)};
    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
