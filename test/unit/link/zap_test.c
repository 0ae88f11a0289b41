/* The handler that judges keys, asked directly: only a well-formed question about a known key is answered
 * with 200. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <zmq.h>

#include "zap.h"

static struct link_peer_key peers[2] = {{.name = "450100"}, {.name = "450900"}};
static uint8_t known[32], unknown[32];
static void *context, *asking;
static struct zap *zap;

static int
set_up(void **state)
{
    char secret[41], other[41];
    struct fep_error error;

    (void)state;
    assert_int_equal(zmq_curve_keypair(peers[0].public_key, secret), 0);
    assert_int_equal(zmq_curve_keypair(peers[1].public_key, secret), 0);
    assert_int_equal(zmq_curve_keypair(other, secret), 0);
    assert_non_null(zmq_z85_decode(known, peers[1].public_key));
    assert_non_null(zmq_z85_decode(unknown, other));
    context = zmq_ctx_new();
    zap = zap_start(context, peers, 2, &error);
    assert_non_null(zap);
    asking = zmq_socket(context, ZMQ_REQ);
    int patience_ms = 10000, linger = 0;
    zmq_setsockopt(asking, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    zmq_setsockopt(asking, ZMQ_LINGER, &linger, sizeof linger);
    return zmq_connect(asking, "inproc://zeromq.zap.01");
}

static int
tear_down(void **state)
{
    (void)state;
    zmq_close(asking);
    zmq_ctx_shutdown(context);
    zap_stop(zap);
    zap_stop(NULL);
    return zmq_ctx_term(context);
}

/* Asks; puts status and user id where they are wanted. */
static void
ask(const struct slice *parts, size_t count, char status[8], char user[NODE_SIZE])
{
    for (size_t i = 0; i < count; i++)
        assert_true(zmq_send(asking, parts[i].data, parts[i].size, i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
    for (int part = 0; part < 6; part++) {
        char text[64] = {0};
        int size = zmq_recv(asking, text, sizeof text - 1, 0), more = 0;
        size_t more_size = sizeof more;
        assert_true(size >= 0);
        if (part == 2)
            memcpy(status, text, 8);
        if (part == 4)
            memcpy(user, text, NODE_SIZE);
        assert_int_equal(zmq_getsockopt(asking, ZMQ_RCVMORE, &more, &more_size), 0);
        assert_int_equal(more, part < 5);
    }
}

static struct slice
text(const char *content)
{
    return (struct slice){NULL, (const unsigned char *)content, strlen(content)};
}

static void
only_a_whole_question_about_a_known_key_is_granted(void **state)
{
    (void)state;
    static unsigned char large[1000];
    struct slice good[8] = {text("1.0"), text("1"),     text("fep"),       text("127.0.0.1"),
                            text("id"),  text("CURVE"), {NULL, known, 32}, text("more")};
    static const struct {
        size_t part, count;
        const char *content; /* NULL: the unknown key */
    } wrong[] = {
        {6, 7, NULL},    {0, 7, "2.0"},   {0, 7, ""}, {2, 7, "other"}, {2, 7, ""},  {5, 7, "NULL"},
        {5, 7, "PLAIN"}, {6, 7, "short"}, {6, 7, ""}, {7, 8, "more"},  {1, 6, "1"}, {1, 2, "1"},
    };
    char status[8] = "", user[NODE_SIZE] = "";

    ask(good, 7, status, user);
    assert_string_equal(status, "200");
    assert_string_equal(user, "450900");
    assert_int_equal(zap_refused(zap), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct slice parts[8];
        memcpy(parts, good, sizeof parts);
        parts[wrong[i].part] =
            wrong[i].content != NULL ? text(wrong[i].content) : (struct slice){NULL, unknown, 32};
        memset(user, 0, sizeof user);
        ask(parts, wrong[i].count, status, user);
        assert_string_equal(status, "400");
        assert_string_equal(user, "");
        assert_int_equal(zap_refused(zap), i + 1);
    }
    good[6] = (struct slice){NULL, large, sizeof large}; /* longer than any buffer here */
    ask(good, 7, status, user);
    assert_string_equal(status, "400");
    good[6] = (struct slice){NULL, known, 32};
    good[1] = (struct slice){NULL, large, sizeof large};
    good[0] = (struct slice){NULL, large, sizeof large};
    ask(good, 7, status, user);
    assert_string_equal(status, "400");
}

static void
there_is_one_handler_only(void **state)
{
    (void)state;
    struct fep_error error;
    assert_null(zap_start(context, peers, 2, &error));
    assert_true(error.text[0] != '\0');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_question_about_a_known_key_is_granted),
        cmocka_unit_test(there_is_one_handler_only),
    };
    return cmocka_run_group_tests_name("zap", tests, set_up, tear_down);
}
