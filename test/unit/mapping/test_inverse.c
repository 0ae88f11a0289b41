/* The cancels that the gateway itself sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "map_rig.h"

static void
gives(const char *infno, const char *request, const char *answer, const char *inverse, const char *expected)
{
    struct message_header original = {.key.msgid = "M1"}, header;
    struct fep_error error = {0};
    struct slice body;
    strcpy(original.infno, infno);
    if (mapping_build_inverse(&original, rig_slice(request), rig_slice(answer), NULL, &header, &body,
                              &error) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(header.infno, inverse);
    assert_string_equal(header.key.msgid, "M1");
    if (body.size != strlen(expected) || memcmp(body.data, expected, body.size) != 0)
        fail_msg("%.*s", (int)body.size, (const char *)body.data);
    slice_release(&body);
}

static void
fails(const char *infno, const char *request, const char *answer, const char *expected)
{
    struct message_header original = {.key.msgid = "M1"}, header;
    struct fep_error error = {0};
    struct slice body;
    strcpy(original.infno, infno);
    assert_true(mapping_build_inverse(&original, rig_slice(request), rig_slice(answer), NULL, &header, &body,
                                      &error) < 0);
    if (strstr(error.text, expected) == NULL)
        fail_msg("%s", error.text);
}

#define MEMO "\"memo\":\"网关撤销未确认的结算\""

static void
test_settlements(void **state)
{
    static const char request[] = "{\"opter\":\"1\",\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\","
                                  "\"ipt_otp_no\":\"Z\",\"invono\":\"F\","
                                  "\"setl_time\":\"2026-11-22 10:00:00\"}}}";
    static const char answer[] = "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"S\"}}}";
    static const char expected[] = "{\"opter\":\"1\",\"input\":{\"data\":{\"setl_id\":\"S\",\"mdtrt_id\":"
                                   "\"V\",\"psn_no\":\"P\",\"ipt_otp_no\":\"Z\","
                                   "\"invono\":\"F\",\"setl_time\":\"2026-11-22 10:00:00\"," MEMO "}}}";
    (void)state;
    gives("2304", request, answer, "2305", expected);
    gives("2207", request, answer, "2208", expected);
    gives("2102", request, answer, "2103", expected);
    fails("2304", request, "{\"output\":{\"setlinfo\":{}}}", "no setl_id is known");
    fails("2304", request, "", "no setl_id is known");
}

static void
test_registrations(void **state)
{
    (void)state;
    gives("2401", "{\"input\":{\"mdtrtinfo\":{\"psn_no\":\"P\",\"ipt_no\":\"Z\"}}}",
          "{\"output\":{\"result\":{\"mdtrt_id\":\"V\"}}}", "2404",
          "{\"input\":{\"data\":{\"mdtrt_id\":\"V\",\"psn_no\":\"P\",\"ipt_otp_no\":\"Z\"}}}");
    gives("2201", "{\"input\":{\"data\":{\"psn_no\":\"P\",\"ipt_otp_no\":\"Z\"}}}",
          "{\"output\":{\"data\":{\"mdtrt_id\":\"V\"}}}", "2202",
          "{\"input\":{\"data\":{\"mdtrt_id\":\"V\",\"psn_no\":\"P\",\"ipt_otp_no\":\"Z\"}}}");
}

static void
test_lines_take_back_their_own_only(void **state)
{
    static const char request[] = "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\"},\"feedetail\":["
                                  "{\"feedetl_sn\":\"1\"},{\"feedetl_sn\":"
                                  "\"2\"}]}}";
    (void)state;
    gives("2301", request, "{}", "2302",
          "{\"input\":{\"data\":[{\"feedetl_sn\":\"1\",\"mdtrt_id\":\"V\",\"psn_no\":\"P\"},{\"feedetl_sn\":"
          "\"2\","
          "\"mdtrt_id\":\"V\",\"psn_no\":\"P\"}]}}");
    fails("2204", "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\"},\"feedetail\":[]}}", "{}",
          "no lines");
    fails("2204", "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\"},\"feedetail\":[{}]}}", "{}",
          "no feedetl_sn");
}

static void
test_what_has_no_inverse(void **state)
{
    (void)state;
    fails("2305", "{}", "{}", "2305 has no inverse");
    fails("1101", "{}", "{}", "no inverse");
    fails("2304", "not json", "{}", "JSON");
}

/* At the asked system such a cancel is an ordinary request of its own mapping. */
static void
test_it_fits_the_shipped_mapping(void **state)
{
    static const char request[] =
        "{\"input\":{\"data\":{\"psn_no\":\"P\",\"mdtrt_id\":\"V\",\"ipt_otp_no\":\"Z\",\"invono\":\"F\","
        "\"setl_time\":"
        "\"2026-11-22 10:00:00\"},\"feedetail\":[{\"feedetl_sn\":\"1\"},{\"feedetl_sn\":\"2\"}]}}";
    static const char *const infnos[] = {"2304", "2301"}, *const locals[] = {"400003", "300002"};
    struct fep_attempt attempt = {.size = sizeof attempt, .serial = 1, .serial_date = 20261122};
    struct mapping_context context = {.attempt = &attempt};
    struct mapping *mapping = rig_load_shipped("dajizhong-450900.cfg");
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct message_header original = {.key.msgid = "M1"}, header;
        struct fep_error error = {0};
        struct fep_record *head, *record;
        struct slice body;
        strcpy(original.infno, infnos[i]);
        assert_int_equal(mapping_build_inverse(&original, rig_slice(request),
                                               rig_slice("{\"output\":{\"setlinfo\":{\"setl_id\":\"S\"}}}"),
                                               NULL, &header, &body, &error),
                         0);
        const char *local = mapping_request_out(mapping, &header, NULL, body, FEP_OP_SUBMIT, &context, &head,
                                                &record, &error);
        if (local == NULL)
            fail_msg("%s", error.text);
        assert_string_equal(local, locals[i]);
        if (i == 1) {
            assert_int_equal(record_rows(record), 2);
            assert_string_equal(rig_get(record, "FC-ALL"), "N");
            assert_string_equal(rig_get_row(record, 1, "FC-LINE-NO"), "2");
        }
        record_destroy(head);
        record_destroy(record);
        slice_release(&body);
    }
    mapping_destroy(mapping);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settlements),
        cmocka_unit_test(test_registrations),
        cmocka_unit_test(test_lines_take_back_their_own_only),
        cmocka_unit_test(test_what_has_no_inverse),
        cmocka_unit_test(test_it_fits_the_shipped_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
