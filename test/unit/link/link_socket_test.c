/* The ZeroMQ sockets on real loopback TCP with CURVE, and on a local endpoint. Waits are polls with a
 * deadline that only a failure reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <zmq.h>

#include "error.h"
#include "link_socket.h"

#define PATIENCE_MS 10000

static struct link_curve keys[4]; /* 0: the listening gateway; 1, 2: known peers; 3: unknown */
static struct link_context *server_context, *client_context;
static struct fep_error error;

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
set_up(void **state)
{
    struct link_peer_key known[2] = {{.name = "450100"}, {.name = "450900"}};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(zmq_curve_keypair(keys[i].public_key, keys[i].secret_key), 0);
    memcpy(known[0].public_key, keys[1].public_key, 41);
    memcpy(known[1].public_key, keys[2].public_key, 41);
    server_context = link_context_create(known, 2, &error);
    client_context = link_context_create(NULL, 0, &error);
    assert_non_null(server_context);
    assert_non_null(client_context);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    link_context_destroy(client_context);
    link_context_destroy(server_context);
    return 0;
}

static struct link_socket *
listen_here(void)
{
    struct link_socket *socket = link_listen(server_context, "tcp://127.0.0.1:*", &keys[0], &error);
    if (socket == NULL)
        fail_msg("%s", error.text);
    return socket;
}

static struct link_socket *
dial(const struct link_socket *to, const struct link_curve *own, const char *name)
{
    struct link_socket *socket =
        link_dial(client_context, link_endpoint(to), own, keys[0].public_key, name, &error);
    if (socket == NULL)
        fail_msg("%s", error.text);
    return socket;
}

/* Until it is taken: a dialled socket queues nothing while its connection does not stand. */
static void
send_when_connected(struct link_socket *socket, const char *text)
{
    int64_t end = now_ms() + PATIENCE_MS;
    zmq_pollitem_t item = {.socket = link_raw(socket), .events = ZMQ_POLLOUT};

    while (link_send(socket, NULL, (const unsigned char *)text, strlen(text), &error) != 0) {
        if (now_ms() > end)
            fail_msg("not connected: %s", error.text);
        zmq_poll(&item, 1, 100);
    }
}

/* The next message, whatever it is: 1 or negative; 0 after `patience_ms`. */
static int
receive(struct link_socket *socket, char from[NODE_SIZE], char text[64], int patience_ms)
{
    int64_t end = now_ms() + patience_ms;
    struct slice whole;

    for (;;) {
        zmq_pollitem_t item = {.socket = link_raw(socket), .events = ZMQ_POLLIN};
        int got = link_receive(socket, from, &whole, &error);
        if (got > 0) {
            assert_true(whole.size < 64);
            memcpy(text, whole.data, whole.size);
            text[whole.size] = '\0';
            slice_release(&whole);
        }
        if (got != 0 || now_ms() >= end)
            return got;
        zmq_poll(&item, 1, 100);
    }
}

static void
expect(struct link_socket *socket, const char *from_wanted, const char *text_wanted)
{
    char from[NODE_SIZE], text[64];
    int got = receive(socket, from, text, PATIENCE_MS);

    if (got != 1)
        fail_msg("expected %s: %s", text_wanted, got < 0 ? error.text : "nothing came");
    assert_string_equal(from, from_wanted);
    assert_string_equal(text, text_wanted);
}

static void
say(struct link_socket *socket, const char *to, const char *text)
{
    if (link_send(socket, to, (const unsigned char *)text, strlen(text), &error) != 0)
        fail_msg("%s", error.text);
}

static void
a_known_key_works_both_ways(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *a = dial(server, &keys[1], "450100"), *b = dial(server, &keys[2], "450900");

    send_when_connected(a, "from a");
    expect(server, "450100", "from a");
    send_when_connected(b, "from b");
    expect(server, "450900", "from b");
    say(server, "450100", "to a");
    say(server, "450900", "to b");
    expect(a, "", "to a");
    expect(b, "", "to b");
    assert_int_equal(link_dropped(server), 0);
    assert_true(link_descriptor(server) >= 0);
    link_close(a);
    link_close(b);
    link_close(server);
}

static void
an_unknown_key_is_refused_and_counted(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *stranger = dial(server, &keys[3], "450100");
    uint64_t before = link_context_refused(server_context);
    int64_t end = now_ms() + PATIENCE_MS;
    char from[NODE_SIZE], text[64];

    while (link_context_refused(server_context) == before) {
        assert_true(now_ms() < end);
        (void)link_send(stranger, NULL, (const unsigned char *)"x", 1, &error);
        assert_int_equal(receive(server, from, text, 20), 0);
    }
    assert_int_equal(link_send(stranger, NULL, (const unsigned char *)"x", 1, &error), -1);
    assert_int_equal(error.kind, FEP_NOT_SENT);
    assert_int_equal(receive(server, from, text, 200), 0);
    link_close(stranger);
    link_close(server);
}

static void
a_wrong_server_key_does_not_connect(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *client =
        link_dial(client_context, link_endpoint(server), &keys[1], keys[2].public_key, "450100", &error);
    char from[NODE_SIZE], text[64];

    assert_non_null(client);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(link_send(client, NULL, (const unsigned char *)"x", 1, &error), -1);
        assert_int_equal(receive(server, from, text, 50), 0);
    }
    link_close(client);
    link_close(server);
}

/* Without this libzmq lets everybody in should the handler ever be gone. */
static void
the_key_handler_is_demanded(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    int enforced = 0, mechanism = 0;
    size_t size = sizeof enforced;

    assert_int_equal(zmq_getsockopt(link_raw(server), 93 /* ZMQ_ZAP_ENFORCE_DOMAIN */, &enforced, &size), 0);
    assert_int_equal(enforced, 1);
    size = sizeof mechanism;
    assert_int_equal(zmq_getsockopt(link_raw(server), ZMQ_MECHANISM, &mechanism, &size), 0);
    assert_int_equal(mechanism, ZMQ_CURVE);
    link_close(server);
}

/* The plain NULL mechanism and a plain client are not let in either. */
static void
a_client_without_keys_gets_nowhere(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    void *context = zmq_ctx_new(), *client = zmq_socket(context, ZMQ_DEALER);
    int linger = 0;
    char from[NODE_SIZE], text[64];

    zmq_setsockopt(client, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(client, link_endpoint(server)), 0);
    zmq_send(client, "x", 1, ZMQ_DONTWAIT);
    assert_int_equal(receive(server, from, text, 300), 0);
    zmq_close(client);
    zmq_ctx_term(context);
    link_close(server);
}

/* The right key of 450100, but calling itself 450900: dropped, counted, and 450900's frames do not go there.
 */
static void
a_known_key_cannot_take_another_name(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *honest = dial(server, &keys[2], "450900");
    char from[NODE_SIZE], text[64];

    send_when_connected(honest, "hello");
    expect(server, "450900", "hello");
    struct link_socket *impostor = dial(server, &keys[1], "450900");
    send_when_connected(impostor, "I am 450900");
    assert_int_equal(receive(server, from, text, PATIENCE_MS), -1);
    assert_int_equal(error.code, FEP_E_PEER_NAME);
    assert_int_equal(link_dropped(server), 1);
    say(server, "450900", "for the honest one");
    expect(honest, "", "for the honest one");
    assert_int_equal(receive(impostor, from, text, 200), 0);
    link_close(impostor);
    link_close(honest);
    link_close(server);
}

static void
names_without_the_random_part_are_dropped(void **state)
{
    (void)state;
    static const char *const ids[] = {"450100", "450100/", "45010", "4501000/x", "/", "450100\n/x"};
    struct link_socket *server = listen_here();
    void *context = zmq_ctx_new();
    int linger = 0;

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        void *client = zmq_socket(context, ZMQ_DEALER);
        char from[NODE_SIZE], text[64];

        zmq_setsockopt(client, ZMQ_LINGER, &linger, sizeof linger);
        zmq_setsockopt(client, ZMQ_ROUTING_ID, ids[i], strlen(ids[i]));
        zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, keys[1].public_key, 41);
        zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, keys[1].secret_key, 41);
        zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, keys[0].public_key, 41);
        assert_int_equal(zmq_connect(client, link_endpoint(server)), 0);
        assert_int_equal(zmq_send(client, "x", 1, 0), 1);
        assert_int_equal(receive(server, from, text, PATIENCE_MS), -1);
        zmq_close(client);
    }
    assert_int_equal(link_dropped(server), sizeof ids / sizeof ids[0]);
    zmq_ctx_term(context);
    link_close(server);
}

/* Twice: a new process while the old one still hangs there, and a new one after the old one's end. */
static void
a_restarted_peer_takes_over(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *old = dial(server, &keys[1], "450100");
    char from[NODE_SIZE], text[64];

    send_when_connected(old, "old");
    expect(server, "450100", "old");
    struct link_socket *new = dial(server, &keys[1], "450100");
    send_when_connected(new, "new");
    expect(server, "450100", "new");
    say(server, "450100", "for the new one");
    expect(new, "", "for the new one");
    assert_int_equal(receive(old, from, text, 100), 0);
    link_close(old);
    link_close(new);
    new = dial(server, &keys[1], "450100");
    send_when_connected(new, "third");
    expect(server, "450100", "third");
    say(server, "450100", "for the third");
    expect(new, "", "for the third");
    link_close(new);
    link_close(server);
}

/* The listening gateway restarts on the same port; the dialling one finds it again by itself. */
static void
a_restarted_listener_is_found_again(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *client = dial(server, &keys[1], "450100");
    char endpoint[256];

    snprintf(endpoint, sizeof endpoint, "%s", link_endpoint(server));
    send_when_connected(client, "one");
    expect(server, "450100", "one");
    link_close(server);
    int64_t end = now_ms() + PATIENCE_MS;
    do { /* the old socket is closed by ZeroMQ's own thread */
        server = link_listen(server_context, endpoint, &keys[0], &error);
        assert_true(server != NULL || (error.code == FEP_E_ENDPOINT_IN_USE && now_ms() < end));
    } while (server == NULL);
    char from[NODE_SIZE], text[64];
    int got = 0;
    while (got == 0) {
        assert_true(now_ms() < end);
        (void)link_send(client, NULL, (const unsigned char *)"two", 3, &error);
        got = receive(server, from, text, 50);
    }
    assert_int_equal(got, 1);
    assert_string_equal(text, "two");
    link_close(client);
    link_close(server);
}

static void
sends_that_cannot_arrive_fail(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    unsigned char byte = 0;

    assert_int_equal(link_send(server, "450100", &byte, 1, &error), -1); /* never heard */
    assert_int_equal(error.code, FEP_E_LINK_DOWN);
    assert_int_equal(link_send(server, "nobody", &byte, 1, &error), -1);
    assert_int_equal(link_send(server, "450100", &byte, (size_t)FRAME_MAX_SIZE + 1, &error), -1);
    assert_int_equal(error.code, FEP_E_OVERSIZE);
    struct link_socket *second = link_listen(server_context, link_endpoint(server), &keys[0], &error);
    assert_null(second);
    assert_int_equal(error.code, FEP_E_ENDPOINT_IN_USE);
    link_close(server);
}

/* From a peer that does not keep to the limit: the connection is cut, other peers go on. */
static void
oversize_costs_the_sender_only(void **state)
{
    (void)state;
    struct link_socket *server = listen_here();
    struct link_socket *good = dial(server, &keys[2], "450900");
    void *context = zmq_ctx_new(), *bad = zmq_socket(context, ZMQ_DEALER);
    size_t size = (size_t)FRAME_MAX_SIZE + 100;
    unsigned char *large = calloc(1, size);
    int linger = 0;
    char from[NODE_SIZE], text[64];

    assert_non_null(large);
    zmq_setsockopt(bad, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(bad, ZMQ_ROUTING_ID, "450100/x", 8);
    zmq_setsockopt(bad, ZMQ_CURVE_PUBLICKEY, keys[1].public_key, 41);
    zmq_setsockopt(bad, ZMQ_CURVE_SECRETKEY, keys[1].secret_key, 41);
    zmq_setsockopt(bad, ZMQ_CURVE_SERVERKEY, keys[0].public_key, 41);
    assert_int_equal(zmq_connect(bad, link_endpoint(server)), 0);
    assert_int_equal(zmq_send(bad, large, size, 0), (int)size);
    assert_int_equal(receive(server, from, text, 500), 0);
    send_when_connected(good, "still here");
    expect(server, "450900", "still here");
    /* the largest that is allowed comes through */
    assert_int_equal(link_send(good, NULL, large, FRAME_MAX_SIZE, &error), 0);
    int64_t end = now_ms() + PATIENCE_MS;
    struct slice whole;
    int got;
    while ((got = link_receive(server, from, &whole, &error)) == 0) {
        zmq_pollitem_t item = {.socket = link_raw(server), .events = ZMQ_POLLIN};
        assert_true(now_ms() < end);
        zmq_poll(&item, 1, 100);
    }
    assert_int_equal(got, 1);
    assert_int_equal(whole.size, FRAME_MAX_SIZE);
    slice_release(&whole);
    free(large);
    zmq_close(bad);
    zmq_ctx_term(context);
    link_close(good);
    link_close(server);
}

static void
messages_of_more_parts_are_dropped(void **state)
{
    (void)state;
    char path[64], endpoint[80];
    snprintf(path, sizeof path, "/tmp/fep-link-test-%d", (int)getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    struct link_socket *router = link_bind_local(server_context, endpoint, &error);
    struct link_socket *host = link_connect_local(client_context, endpoint, "yulin_dajizhong", &error);
    char from[NODE_SIZE], text[64];

    assert_non_null(router);
    assert_non_null(host);
    zmq_send(link_raw(host), "one", 3, ZMQ_SNDMORE);
    zmq_send(link_raw(host), "two", 3, 0);
    zmq_send(link_raw(host), "three", 5, 0);
    assert_int_equal(receive(router, from, text, PATIENCE_MS), -1);
    expect(router, "yulin_dajizhong", "three");
    assert_int_equal(link_dropped(router), 1);
    link_close(host);
    link_close(router);
    unlink(path);
}

static void
hosts_and_fepctl_share_the_local_socket(void **state)
{
    (void)state;
    char path[64], endpoint[80], from[NODE_SIZE], other[NODE_SIZE], text[64];
    struct stat info;
    snprintf(path, sizeof path, "/tmp/fep-link-test-%d", (int)getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    struct link_socket *router = link_bind_local(server_context, endpoint, &error);
    struct link_socket *host = link_connect_local(client_context, endpoint, "danxian", &error);
    struct link_socket *ctl = link_connect_local(client_context, endpoint, NULL, &error);
    struct link_socket *ctl2 = link_connect_local(client_context, endpoint, NULL, &error);

    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    say(host, NULL, "host");
    expect(router, "danxian", "host");
    say(ctl, NULL, "ctl");
    assert_int_equal(receive(router, from, text, PATIENCE_MS), 1);
    say(ctl2, NULL, "ctl2");
    assert_int_equal(receive(router, other, text, PATIENCE_MS), 1);
    assert_int_equal(from[0], '#');
    assert_string_not_equal(from, other);
    say(router, from, "to ctl");
    say(router, other, "to ctl2");
    say(router, "danxian", "to host");
    expect(ctl, "", "to ctl");
    expect(ctl2, "", "to ctl2");
    expect(host, "", "to host");
    assert_int_equal(link_send(router, "#zz", (const unsigned char *)"x", 1, &error), -1);
    assert_int_equal(link_send(router, "#", (const unsigned char *)"x", 1, &error), -1);
    assert_int_equal(link_send(router, "absent", (const unsigned char *)"x", 1, &error), -1);

    /* a new process of the same instance takes over */
    struct link_socket *again = link_connect_local(client_context, endpoint, "danxian", &error);
    say(again, NULL, "again");
    expect(router, "danxian", "again");
    say(router, "danxian", "to the new one");
    expect(again, "", "to the new one");
    link_close(again);
    link_close(host);
    link_close(ctl);
    link_close(ctl2);
    link_close(router);
    unlink(path);
}

static void
bad_keys_and_names_are_refused_at_start(void **state)
{
    (void)state;
    struct link_peer_key bad = {.name = "450100", .public_key = "too short"};
    struct link_peer_key twice[2] = {{.name = "450100"}, {.name = "450900"}};
    struct link_curve broken = {{0}, {0}};

    assert_null(link_context_create(&bad, 1, &error));
    assert_int_equal(error.code, FEP_E_KEY_INVALID);
    memcpy(twice[0].public_key, keys[1].public_key, 41);
    memcpy(twice[1].public_key, keys[1].public_key, 41);
    assert_null(link_context_create(twice, 2, &error));
    assert_null(link_listen(server_context, "tcp://127.0.0.1:*", &broken, &error));
    assert_null(link_listen(server_context, "nonsense", &keys[0], &error));
    assert_null(link_dial(client_context, "tcp://127.0.0.1:1", &keys[1], "short", "450100", &error));
    assert_null(link_connect_local(client_context, "ipc:///tmp/x", "", &error));
    assert_null(link_connect_local(client_context, "ipc:///tmp/x", "a name that is too long", &error));
    link_close(NULL);
    link_context_destroy(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_key_works_both_ways),
        cmocka_unit_test(an_unknown_key_is_refused_and_counted),
        cmocka_unit_test(a_wrong_server_key_does_not_connect),
        cmocka_unit_test(the_key_handler_is_demanded),
        cmocka_unit_test(a_client_without_keys_gets_nowhere),
        cmocka_unit_test(a_known_key_cannot_take_another_name),
        cmocka_unit_test(names_without_the_random_part_are_dropped),
        cmocka_unit_test(a_restarted_peer_takes_over),
        cmocka_unit_test(a_restarted_listener_is_found_again),
        cmocka_unit_test(sends_that_cannot_arrive_fail),
        cmocka_unit_test(oversize_costs_the_sender_only),
        cmocka_unit_test(messages_of_more_parts_are_dropped),
        cmocka_unit_test(hosts_and_fepctl_share_the_local_socket),
        cmocka_unit_test(bad_keys_and_names_are_refused_at_start),
    };
    return cmocka_run_group_tests_name("link_socket", tests, set_up, tear_down);
}
