/* Sessions: who may have one, when one begins and ends, and that both ends agree, whatever the channel and
 * restarts do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "channel.h"
#include "error.h"

static struct channel channel;
static struct channel_end *const dialler = &channel.ends[0], *const listener = &channel.ends[1];

static void
every_verdict_is_decided(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *node;
        uint64_t theirs[4];         /* incarnation, commit sequence, what they hold of ours: the same */
        struct session_marks marks; /* own incarnation, own commit; theirs */
        enum session_verdict verdict;
        unsigned code;
    } cases[] = {
        {"first meeting", "B", {1, 10, 0, 0}, {1, 5, 0, 0}, SESSION_GOOD, 0},
        {"nothing new", "B", {1, 10, 1, 5}, {1, 5, 1, 10}, SESSION_GOOD, 0},
        {"both went on", "B", {1, 20, 1, 4}, {1, 5, 1, 10}, SESSION_GOOD, 0},
        {"less than they had", "B", {1, 9, 1, 5}, {1, 5, 1, 10}, SESSION_FORK_THEIRS, FEP_E_PEER_FORK},
        {"nothing, where they had some",
         "B",
         {1, 0, 1, 5},
         {1, 5, 1, 10},
         SESSION_FORK_THEIRS,
         FEP_E_PEER_FORK},
        {"an older incarnation", "B", {1, 99, 1, 5}, {1, 5, 2, 3}, SESSION_FORK_THEIRS, FEP_E_PEER_FORK},
        {"restored, with less", "B", {2, 3, 1, 5}, {1, 5, 1, 10}, SESSION_RESTORED, 0},
        {"they hold more of us", "B", {1, 10, 1, 6}, {1, 5, 1, 10}, SESSION_FORK_OURS, FEP_E_PEER_FORK},
        {"they know a later us", "B", {1, 10, 2, 0}, {1, 5, 1, 10}, SESSION_FORK_OURS, FEP_E_PEER_FORK},
        {"we were restored", "B", {1, 10, 1, 600}, {2, 5, 1, 10}, SESSION_GOOD, 0},
        {"both forked: ours first", "B", {1, 1, 1, 6}, {1, 5, 1, 10}, SESSION_FORK_OURS, FEP_E_PEER_FORK},
        {"another node", "C", {1, 10, 1, 5}, {1, 5, 1, 10}, SESSION_NAME, FEP_E_PEER_NAME},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame_hello theirs = {.incarnation = cases[i].theirs[0],
                                     .commit_sequence = cases[i].theirs[1],
                                     .seen_incarnation = cases[i].theirs[2],
                                     .seen_commit_sequence = cases[i].theirs[3]};
        struct fep_error error = {0};
        strcpy(theirs.node, cases[i].node);
        theirs.version_min = theirs.version_max = FRAME_VERSION;
        enum session_verdict verdict = session_judge(&theirs, &cases[i].marks, "B", &error);
        if (verdict != cases[i].verdict || error.code != cases[i].code)
            fail_msg("%s: %s, code %u", cases[i].why, session_verdict_name(verdict), error.code);
        theirs.version_min = theirs.version_max = FRAME_VERSION + 1;
        assert_int_equal(session_judge(&theirs, &cases[i].marks, "B", &error), SESSION_VERSION);
        assert_int_equal(error.code, FEP_E_PEER_VERSION);
    }
    struct frame_hello any = {.node = "X", .version_min = 0, .version_max = 9};
    assert_int_equal(session_judge(&any, &cases[0].marks, NULL, NULL), SESSION_GOOD);
    assert_int_equal(session_judge(&any, &cases[0].marks, "", NULL), SESSION_GOOD);
}

static void
a_session_begins_and_carries_what_was_told(void **state)
{
    (void)state;
    struct frame_hello theirs;
    struct peer_figures figures;

    channel_open(&channel, 1);
    channel_connect(&channel);
    assert_int_equal(dialler->ups, 1);
    assert_int_equal(listener->ups, 1);
    assert_int_equal(session_theirs(dialler->session, &theirs), 1);
    assert_string_equal(theirs.node, "450000");
    assert_int_equal(theirs.commit_sequence, 2000);
    assert_int_equal(session_theirs(listener->session, &theirs), 1);
    assert_int_equal(theirs.commit_sequence, 1000);
    assert_int_equal(listener->marks.their_commit_sequence, 1000);
    /* heartbeats keep it up, tell what went on, and measure the clocks */
    session_set_own(dialler->session, 1, 1500);
    channel_run(&channel, channel.now_ms + 60000);
    assert_int_equal(dialler->ups + listener->ups, 2);
    assert_int_equal(dialler->downs + listener->downs, 0);
    assert_int_equal(session_theirs(listener->session, &theirs), 1);
    assert_int_equal(theirs.commit_sequence, 1500);
    peer_read_figures(dialler->peer, &figures);
    assert_int_equal(figures.clock_offset_ms, 250);
    peer_read_figures(listener->peer, &figures);
    assert_int_equal(figures.clock_offset_ms, -250);
    channel_close(&channel);
}

static void
a_lost_answer_costs_a_second(void **state)
{
    (void)state;
    channel_open(&channel, 2);
    channel.loss_percent = 60;
    channel_connect(&channel);
    channel_close(&channel);
}

static void
silence_ends_it_on_both_sides_and_it_comes_back(void **state)
{
    (void)state;
    channel_open(&channel, 3);
    channel_connect(&channel);
    session_set_own(dialler->session, 1, 1200);
    channel_run(&channel, channel.now_ms + 5000);
    channel.cut = 1;
    channel_run(&channel, channel.now_ms + 10000);
    assert_int_equal(dialler->downs, 1);
    assert_int_equal(listener->downs, 1);
    assert_int_equal(listener->marks.their_commit_sequence, 1200); /* written at the end too */
    channel.cut = 0;
    channel_connect(&channel);
    assert_int_equal(dialler->ups, 2);
    assert_int_equal(listener->ups, 2);
    channel_close(&channel);
}

/* Within a second or two, not after the seven that a silence takes. */
static void
a_restart_of_either_end_is_noticed_at_once(void **state)
{
    (void)state;
    channel_open(&channel, 4);
    channel_connect(&channel);
    channel_restart(&channel, 0);
    channel_run(&channel, channel.now_ms + 100);
    assert_int_equal(listener->downs, 1);
    assert_int_equal(listener->ups, 2);
    assert_int_equal(dialler->ups, 2);
    channel_restart(&channel, 1);
    channel_run(&channel, channel.now_ms + 2500); /* until the next PING is answered by BYE */
    assert_int_equal(dialler->downs, 1);
    assert_int_equal(dialler->ups, 3);
    assert_true(peer_is_up(listener->peer));
    channel_close(&channel);
}

static void
an_orderly_end_is_told(void **state)
{
    (void)state;
    channel_open(&channel, 5);
    channel_connect(&channel);
    assert_int_equal(session_end(listener->session, "stopping") & SESSION_WENT_DOWN, SESSION_WENT_DOWN);
    channel_run(&channel, channel.now_ms + 5);
    assert_int_equal(dialler->downs, 1);
    channel_connect(&channel);
    assert_int_equal(session_end(dialler->session, NULL) & SESSION_WENT_DOWN, SESSION_WENT_DOWN);
    assert_int_equal(session_end(dialler->session, NULL), 0);
    channel_connect(&channel);
    channel_close(&channel);
}

/* Rule 23, found by the listening side. */
static void
an_old_copy_that_dials_is_shut_out(void **state)
{
    (void)state;
    enum session_verdict verdict;

    channel_open(&channel, 6);
    channel_connect(&channel);
    dialler->marks.own_commit_sequence = 999;
    channel_restart(&channel, 0);
    channel_run(&channel, channel.now_ms + 20000);
    assert_false(peer_is_up(dialler->peer));
    assert_false(peer_is_up(listener->peer));
    assert_int_equal(dialler->refusals, 1); /* said once, however often it comes */
    assert_int_equal(listener->refusals, 1);
    assert_int_equal(listener->error.code, FEP_E_PEER_FORK);
    assert_non_null(strstr(session_refusal(dialler->session, &verdict), "commit 999"));
    assert_true(session_refusal(listener->session, &verdict)[0] != '\0');
    assert_int_equal(verdict, SESSION_FORK_THEIRS);
    channel_run(&channel, channel.now_ms + 70000);
    assert_false(peer_is_up(dialler->peer));
    assert_int_equal(dialler->refusals + listener->refusals, 2);
    /* the operator decides */
    session_clear_refusal(listener->session);
    channel_connect(&channel);
    assert_string_equal(session_refusal(listener->session, &verdict), "");
    assert_string_equal(session_refusal(dialler->session, &verdict), "");
    channel_close(&channel);
}

/* Rule 23, found by the dialling side: the listener is the old copy. */
static void
an_old_copy_that_listens_is_shut_out(void **state)
{
    (void)state;
    enum session_verdict verdict;

    channel_open(&channel, 7);
    channel_connect(&channel);
    listener->marks.own_commit_sequence = 5;
    channel_restart(&channel, 1);
    channel_run(&channel, channel.now_ms + 20000);
    assert_false(peer_is_up(dialler->peer));
    assert_false(peer_is_up(listener->peer));
    /* the listener hears from the dialler's HELLO that more of it is known there than it has */
    (void)session_refusal(listener->session, &verdict);
    assert_int_equal(verdict, SESSION_FORK_OURS);
    assert_true(dialler->refusals >= 1);
    channel_close(&channel);
}

static void
a_restored_peer_with_a_new_incarnation_is_let_in(void **state)
{
    (void)state;
    enum session_verdict verdict;

    channel_open(&channel, 8);
    channel_connect(&channel);
    dialler->marks.own_incarnation = 2;
    dialler->marks.own_commit_sequence = 10;
    channel_restart(&channel, 0);
    channel_connect(&channel);
    (void)session_refusal(listener->session, &verdict);
    assert_int_equal(verdict, SESSION_RESTORED);
    assert_int_equal(listener->marks.their_incarnation, 2);
    channel_close(&channel);
}

static void
the_wrong_node_is_shut_out(void **state)
{
    (void)state;
    enum session_verdict verdict;

    channel_open(&channel, 9);
    dialler->config.node = "451300";
    channel_restart(&channel, 0);
    channel_run(&channel, channel.now_ms + 5000);
    assert_false(peer_is_up(listener->peer));
    (void)session_refusal(listener->session, &verdict);
    assert_int_equal(verdict, SESSION_NAME);
    channel_close(&channel);
}

static void
give(struct channel_end *end, struct frame frame, int64_t now_ms)
{
    struct fep_error error = {0};
    (void)session_receive(end->session, &frame, now_ms, 0, NULL, NULL, &error);
}

/* What the process before had sent and nobody had read: it neither shuts the new one out nor is taken for it.
 */
static void
a_leftover_hello_is_no_fork(void **state)
{
    (void)state;
    struct frame old = {.kind = FRAME_HELLO, .sections = FRAME_HAS_HELLO, .epoch = 4711};

    channel_open(&channel, 10);
    channel_connect(&channel);
    old.hello = (struct frame_hello){.node = "450100", .incarnation = 1, .commit_sequence = 900};
    old.hello.version_min = old.hello.version_max = FRAME_VERSION;
    for (int i = 0; i < 5; i++)
        give(listener, old, channel.now_ms);
    assert_true(peer_is_up(listener->peer));
    channel_run(&channel, channel.now_ms + 5000);
    assert_true(peer_is_up(listener->peer));
    assert_int_equal(listener->downs + dialler->downs, 0);
    /* one that goes on saying so is alive */
    give(listener, old, channel.now_ms);
    give(listener, old, channel.now_ms + 1000);
    assert_false(peer_is_up(listener->peer));
    channel_close(&channel);
}

/* A peer gone mad costs its session, and only that: it is told, and a new one begins. */
static void
what_breaks_the_protocol_ends_the_session(void **state)
{
    (void)state;
    struct frame bad;

    channel_open(&channel, 11);
    channel_connect(&channel);
    channel_frame(&bad, FRAME_SUBMIT, 1); /* has no place between gateways; sent within the session */
    bad.sections |= FRAME_HAS_ATTEMPT;
    assert_int_equal(peer_send_once(dialler->peer, &bad), 0);
    channel_run(&channel, channel.now_ms + 5);
    assert_int_equal(listener->broken, 1);
    assert_int_equal(listener->error.code, FEP_E_MALFORMED_FRAME);
    assert_int_equal(listener->downs, 1);
    assert_int_equal(dialler->downs, 1);
    channel_connect(&channel);
    assert_int_equal(listener->ups, 2);
    channel_close(&channel);
}

static unsigned arrived[2];

static void
count_arrival(struct channel_end *end, struct frame *frame)
{
    arrived[end->self]++;
    peer_settle(end->peer, frame->sequence);
}

/* One frame each way: it reaches the other core, and is acknowledged. */
static void
frames_must_get_through(const char *when)
{
    struct frame frame;
    struct peer_figures figures;

    dialler->on_frame = listener->on_frame = count_arrival;
    for (int end = 0; end < 2; end++) {
        arrived[0] = arrived[1] = 0;
        channel_frame(&frame, FRAME_UPDATE, (unsigned)channel.order);
        assert_int_equal(peer_send_numbered(channel.ends[end].peer, &frame, 0, channel.now_ms), 0);
        channel_run(&channel, channel.now_ms + 40000);
        peer_read_figures(channel.ends[end].peer, &figures);
        if (figures.unacknowledged + figures.waiting != 0 || arrived[!end] == 0)
            fail_msg("%s: end %d is stuck: %u arrived, %u not acknowledged", when, end, arrived[!end],
                     (unsigned)(figures.unacknowledged + figures.waiting));
    }
}

/* Each of these leaves one end in a session that the other has left. A number that counts in the one and not
 * in the other would be taken for a copy, acknowledged, and lost. */
static void
both_ends_are_in_the_same_session_or_in_none(void **state)
{
    (void)state;
    struct frame welcome = {.kind = FRAME_WELCOME, .sections = FRAME_HAS_HELLO, .epoch = 1, .sequence = 2};

    channel_open(&channel, 12);
    channel_connect(&channel);
    frames_must_get_through("at first");

    channel.cut = 1; /* the dialler ends it and its BYE is lost; the listener still is in it */
    (void)session_end(dialler->session, NULL);
    channel.cut = 0;
    channel_connect(&channel);
    frames_must_get_through("dialler left");

    channel.cut = 1; /* the listener ends it, its BYE is lost, and the HELLO it began with comes again */
    (void)session_end(listener->session, NULL);
    channel.cut = 0;
    channel_repeat_hello(&channel);
    channel_run(&channel, channel.now_ms + 2);
    assert_true(peer_is_up(listener->peer));
    frames_must_get_through("listener began anew");

    channel_restart(&channel, 1); /* the same with a new process */
    channel_repeat_hello(&channel);
    channel_run(&channel, channel.now_ms + 2);
    assert_true(peer_is_up(listener->peer));
    frames_must_get_through("listener was restarted");

    channel.cut = 1; /* the answer to a HELLO that was not asked */
    (void)session_end(dialler->session, NULL);
    strcpy(welcome.hello.node, "450000");
    welcome.hello.incarnation = 1;
    welcome.hello.commit_sequence = 3000;
    welcome.hello.version_min = welcome.hello.version_max = FRAME_VERSION;
    give(dialler, welcome, channel.now_ms);
    assert_false(peer_is_up(dialler->peer));
    channel_close(&channel);
}

/* Everything at once: both processes die at any moment while HELLOs, WELCOMEs and frames are under way, late,
 * twice and out of order. After the faults stop, both are up, in the same session, and frames get through. */
static void
play(uint64_t seed)
{
    struct frame frame;

    channel_open(&channel, seed);
    dialler->on_frame = listener->on_frame = count_arrival;
    for (int step = 0; step < 60; step++) {
        channel.loss_percent = channel_random(&channel, 50);
        channel.repeat_percent = channel_random(&channel, 50);
        channel.delay_most_ms = 1 + channel_random(&channel, 3000);
        channel.cut = channel_random(&channel, 8) == 0;
        channel_run(&channel, channel.now_ms + channel_random(&channel, 3000));
        if (channel_random(&channel, 4) == 0)
            channel_restart(&channel, (int)channel_random(&channel, 2));
        for (int end = 0; end < 2; end++) {
            channel_frame(&frame, FRAME_UPDATE, (unsigned)step);
            assert_int_equal(peer_send_numbered(channel.ends[end].peer, &frame, 0, channel.now_ms), 0);
        }
    }
    channel.loss_percent = channel.repeat_percent = 0;
    channel.delay_most_ms = 10;
    channel.cut = 0;
    channel_run(&channel, channel.now_ms + 60000);
    if (!peer_is_up(dialler->peer) || !peer_is_up(listener->peer))
        fail_msg("seed %llu: not up", (unsigned long long)seed);
    frames_must_get_through("after the faults");
    channel_close(&channel);
}

static void
both_ends_agree_after_any_number_of_restarts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        play(seed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_is_decided),
        cmocka_unit_test(a_session_begins_and_carries_what_was_told),
        cmocka_unit_test(a_lost_answer_costs_a_second),
        cmocka_unit_test(silence_ends_it_on_both_sides_and_it_comes_back),
        cmocka_unit_test(a_restart_of_either_end_is_noticed_at_once),
        cmocka_unit_test(an_orderly_end_is_told),
        cmocka_unit_test(an_old_copy_that_dials_is_shut_out),
        cmocka_unit_test(an_old_copy_that_listens_is_shut_out),
        cmocka_unit_test(a_restored_peer_with_a_new_incarnation_is_let_in),
        cmocka_unit_test(the_wrong_node_is_shut_out),
        cmocka_unit_test(a_leftover_hello_is_no_fork),
        cmocka_unit_test(what_breaks_the_protocol_ends_the_session),
        cmocka_unit_test(both_ends_are_in_the_same_session_or_in_none),
        cmocka_unit_test(both_ends_agree_after_any_number_of_restarts),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
