/* The words of the log format, one by one: a changed word breaks what people search for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange_record.h"

static void
test_names(void **state)
{
    (void)state;
    static const char *const states[] = {"none",       "queued",   "sent",      "relayed",
                                         "dispatched", "unknown",  "reversing", "answered",
                                         "refused",    "reversed", "stands",    "invalid"};
    for (unsigned i = 0; i <= STATE_COUNT; i++)
        assert_string_equal(exchange_state_name((enum exchange_state)i), states[i]);
    static const char *const reasons[] = {"none",      "deadline", "bound",       "link_down",    "cancelled",
                                          "malformed", "protocol", "peer_closed", "inconsistent", "business",
                                          "host_lost", "no_route", "clarifying",  "invalid"};
    for (unsigned i = 0; i <= FEP_REASON_COUNT; i++)
        assert_string_equal(reason_name((enum fep_reason)i), reasons[i]);
    static const char *const kinds[] = {"none", "answered", "not_sent", "refused", "unknown", "invalid"};
    for (unsigned i = 0; i < 6; i++)
        assert_string_equal(kind_name((enum fep_kind)i), kinds[i]);
    static const char *const classes[] = {"invalid",  "query",   "update", "notice",
                                          "reversal", "inquiry", "invalid"};
    for (unsigned i = 0; i < 7; i++)
        assert_string_equal(class_name((enum transaction_class)i), classes[i]);
    static const char *const roles[] = {"invalid", "origin", "transit", "destination", "invalid"};
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(role_name((enum exchange_role)i), roles[i]);
    static const char *const causes[] = {"none",     "deadline",     "caller", "peer",
                                         "schedule", "inconsistent", "invalid"};
    for (unsigned i = 0; i < 7; i++)
        assert_string_equal(reversal_cause_name((enum reversal_cause)i), causes[i]);
    assert_string_equal(effect_name(FEP_EFFECT_NONE), "none");
    assert_string_equal(effect_name(FEP_EFFECT_POSTED), "posted");
    assert_string_equal(effect_name((enum fep_effect)77), "invalid");
}

static void
test_endings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < STATE_COUNT; i++)
        assert_int_equal(exchange_state_is_ending((enum exchange_state)i), i >= STATE_ANSWERED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_endings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
