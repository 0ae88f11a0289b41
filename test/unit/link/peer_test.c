/* A peer link's memory: numbering, window, acknowledgement, resend, death, and that nothing handed over is
 * lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "channel.h"
#include "error.h"
#include "frame_layout.h"

/* --- one peer alone: what it sends is looked at --- */

#define SENT_ROOM 20000
static struct {
    unsigned kind;
    uint64_t sequence;
    uint32_t tag, time_left_ms;
} sent[SENT_ROOM];
static size_t sent_count;
static struct peer_acked acked[SENT_ROOM];
static size_t acked_count;

static void
look(void *arg, const unsigned char *data, size_t size)
{
    size_t travel_at = frame_travel_offset(data);

    (void)arg;
    assert_true(sent_count < SENT_ROOM && size >= PREAMBLE_SIZE);
    sent[sent_count].kind = data[AT_KIND];
    sent[sent_count].sequence = load_64(data + AT_SEQUENCE);
    sent[sent_count].tag = load_32(data + AT_EPOCH);
    sent[sent_count].time_left_ms = travel_at != 0 ? load_32(data + travel_at + TRAVEL_AT_TIME_LEFT) : 0;
    sent_count++;
}

static void
note_acked(void *arg, const struct peer_acked *what)
{
    (void)arg;
    acked[acked_count++] = *what;
}

static struct peer *
new_peer(uint32_t window)
{
    struct peer_config config = {.name = "450900", .window = window};
    struct peer *peer = peer_create(&config, look, NULL);

    assert_non_null(peer);
    sent_count = acked_count = 0;
    peer_set_session_tag(peer, 77);
    return peer;
}

static void
hand_over(struct peer *peer, enum frame_kind kind, unsigned number, int64_t deadline_ms, int64_t now_ms)
{
    struct frame frame;

    channel_frame(&frame, kind, number);
    assert_int_equal(peer_send_numbered(peer, &frame, deadline_ms, now_ms), 0);
}

static int
take(struct peer *peer, enum frame_kind kind, uint64_t sequence, int64_t now_ms, uint64_t *reference,
     struct fep_error *error)
{
    struct frame frame;
    int status;

    channel_frame(&frame, kind, (unsigned)sequence);
    if (kind == FRAME_ACK || kind == FRAME_PING || kind == FRAME_PONG)
        frame.sections = 0;
    frame.sequence = sequence;
    frame.epoch = 77;
    status = peer_receive(peer, &frame, now_ms, note_acked, NULL, error);
    if (reference != NULL)
        *reference = frame.sequence;
    return status;
}

static void
numbers_begin_at_one_and_wait_for_a_session(void **state)
{
    (void)state;
    struct peer *peer = new_peer(0);
    struct peer_figures figures;

    hand_over(peer, FRAME_UPDATE, 1, 0, 10);
    hand_over(peer, FRAME_OUTCOME, 2, 0, 10);
    assert_int_equal(sent_count, 0);
    peer_read_figures(peer, &figures);
    assert_int_equal(figures.waiting, 2);
    peer_begin_session(peer, 20);
    hand_over(peer, FRAME_REVERSAL, 3, 0, 30);
    assert_int_equal(sent_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sent[i].sequence, i + 1);
        assert_int_equal(sent[i].tag, 77);
    }
    assert_int_equal(sent[2].kind, FRAME_REVERSAL);
    peer_destroy(peer);
}

static void
the_window_holds_back_and_acknowledgements_open_it(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    struct peer_figures figures;

    peer_begin_session(peer, 0);
    for (unsigned i = 1; i <= 25; i++)
        hand_over(peer, FRAME_UPDATE, i, 0, 0);
    assert_int_equal(sent_count, 10);
    assert_int_equal(take(peer, FRAME_ACK, 7, 5, NULL, NULL), 0); /* many at a time */
    assert_int_equal(acked_count, 7);
    assert_int_equal(channel_number(&acked[0].key), 1);
    assert_int_equal(channel_number(&acked[6].key), 7);
    assert_int_equal(acked[6].kind, FRAME_UPDATE);
    assert_int_equal(acked[6].attempt, 1);
    assert_int_equal(sent_count, 17);
    assert_int_equal(take(peer, FRAME_ACK, 7, 6, NULL, NULL), 0); /* the same again, and an older one */
    assert_int_equal(take(peer, FRAME_ACK, 3, 6, NULL, NULL), 0);
    assert_int_equal(acked_count, 7);
    peer_read_figures(peer, &figures);
    assert_int_equal(figures.unacknowledged, 10);
    assert_int_equal(figures.waiting, 8);
    assert_int_equal(take(peer, FRAME_ACK, 17, 7, NULL, NULL), 0);
    assert_int_equal(take(peer, FRAME_ACK, 25, 7, NULL, NULL), 0);
    assert_int_equal(acked_count, 25);
    peer_read_figures(peer, &figures);
    assert_int_equal(figures.unacknowledged + figures.waiting, 0);
    peer_destroy(peer);
}

static void
an_acknowledgement_of_what_was_not_sent_is_an_error(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    struct fep_error error = {0};

    peer_begin_session(peer, 0);
    hand_over(peer, FRAME_UPDATE, 1, 0, 0);
    assert_int_equal(take(peer, FRAME_ACK, 2, 0, NULL, &error), -1);
    assert_int_equal(error.code, FEP_E_LINK_SEQUENCE);
    assert_int_equal(acked_count, 0);
    peer_destroy(peer);
}

static void
time_left_is_written_at_each_sending(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    struct frame frame;

    hand_over(peer, FRAME_UPDATE, 1, 10000, 0); /* before there is a session */
    peer_begin_session(peer, 4000);
    assert_int_equal(sent[0].time_left_ms, 6000);
    assert_int_equal(take(peer, FRAME_PING, 1, 6500, NULL, NULL), 0);
    sent_count = 0;
    assert_int_equal(peer_tick(peer, 7000), 0);
    assert_int_equal(sent[sent_count - 1].kind, FRAME_UPDATE);
    assert_int_equal(sent[sent_count - 1].time_left_ms, 3000);
    peer_end_session(peer);
    sent_count = 0;
    peer_begin_session(peer, 20000); /* past it: the other side refuses it undispatched, but must see it */
    assert_int_equal(sent[0].time_left_ms, 0);
    channel_frame(&frame, FRAME_REVERSAL, 2); /* without a deadline */
    frame.travel.time_left_ms = 555;
    assert_int_equal(peer_send_numbered(peer, &frame, 0, 20000), 0);
    assert_int_equal(sent[1].time_left_ms, 555);
    peer_destroy(peer);
}

static void
what_is_not_acknowledged_is_sent_again_with_growing_pauses(void **state)
{
    (void)state;
    struct peer *peer = new_peer(100);
    int64_t last = 0;
    static const int64_t pauses[] = {3000, 6000, 12000, 24000, 30000, 30000};
    size_t found = 0;

    peer_begin_session(peer, 0);
    hand_over(peer, FRAME_UPDATE, 1, 0, 0);
    hand_over(peer, FRAME_UPDATE, 2, 0, 0);
    sent_count = 0;
    for (int64_t now = 1; now <= 110000; now++) {
        size_t before = sent_count;
        if (now % 1000 == 0)
            assert_int_equal(take(peer, FRAME_PONG, 0, now, NULL, NULL), 0); /* the peer is alive, but slow */
        assert_int_equal(peer_tick(peer, now), 0);
        for (size_t i = before; i < sent_count; i++) {
            if (sent[i].kind != FRAME_UPDATE || sent[i].sequence != 1)
                continue;
            assert_int_equal(sent[i + 1].sequence, 2); /* oldest first, all that are due */
            assert_true(found < 6);
            assert_int_equal(now - last, pauses[found++]);
            last = now;
        }
        if (sent_count > SENT_ROOM / 2)
            sent_count = 0;
    }
    assert_int_equal(found, 6);
    /* progress makes it patient again */
    assert_int_equal(take(peer, FRAME_ACK, 1, 110001, NULL, NULL), 0);
    assert_true(peer_next_due(peer) <= 110001 + 3000);
    peer_destroy(peer);
}

static void
a_new_session_numbers_anew(void **state)
{
    (void)state;
    struct peer *peer = new_peer(3);

    peer_begin_session(peer, 0);
    for (unsigned i = 1; i <= 5; i++)
        hand_over(peer, FRAME_UPDATE, i, 0, 0);
    assert_int_equal(take(peer, FRAME_ACK, 2, 1, NULL, NULL), 0);
    peer_end_session(peer);
    assert_false(peer_is_up(peer));
    assert_int_equal(peer_next_due(peer), INT64_MAX);
    sent_count = 0;
    peer_set_session_tag(peer, 78);
    peer_begin_session(peer, 10);
    assert_int_equal(sent_count, 3); /* 3, 4, 5 as 1, 2, 3 */
    assert_int_equal(sent[0].sequence, 1);
    assert_int_equal(sent[0].tag, 78);
    /* an acknowledgement of the old session does nothing */
    assert_int_equal(take(peer, FRAME_ACK, 3, 11, NULL, NULL), 0);
    assert_int_equal(acked_count, 2);
    peer_set_session_tag(peer, 77);
    assert_int_equal(take(peer, FRAME_ACK, 3, 12, NULL, NULL), 0);
    assert_int_equal(acked_count, 5);
    assert_int_equal(channel_number(&acked[2].key), 3);
    /* also without an end in between */
    hand_over(peer, FRAME_UPDATE, 6, 0, 13);
    sent_count = 0;
    peer_begin_session(peer, 14);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].sequence, 1);
    peer_destroy(peer);
}

static void
the_same_frame_is_not_kept_twice(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    struct peer_figures figures;
    struct frame frame;

    for (unsigned i = 0; i < 1000; i++) {
        hand_over(peer, FRAME_REVERSAL, 1, (int64_t)i * 10 + 10, i * 10);
        hand_over(peer, FRAME_REVERSAL, 2, 0, i * 10);
    }
    hand_over(peer, FRAME_UPDATE, 1, 0, 0); /* another kind, another attempt, another content: other frames */
    channel_frame(&frame, FRAME_REVERSAL, 1);
    frame.travel.attempt = 2;
    assert_int_equal(peer_send_numbered(peer, &frame, 0, 0), 0);
    channel_frame(&frame, FRAME_REVERSAL, 1);
    frame.sections |= FRAME_HAS_BODY;
    frame.body = (struct slice){NULL, (const unsigned char *)"{}", 2};
    assert_int_equal(peer_send_numbered(peer, &frame, 0, 0), 0);
    frame.body.data = (const unsigned char *)"[]"; /* as long, but another */
    assert_int_equal(peer_send_numbered(peer, &frame, 0, 0), 0);
    peer_read_figures(peer, &figures);
    assert_int_equal(figures.waiting, 6);
    peer_begin_session(peer, 0);
    assert_int_equal(take(peer, FRAME_ACK, 6, 0, NULL, NULL), 0);
    hand_over(peer, FRAME_REVERSAL, 1, 0, 0); /* acknowledged before: a new frame */
    assert_int_equal(sent[sent_count - 1].sequence, 7);
    peer_destroy(peer);
}

static void
many_kept_frames_stay_in_order(void **state)
{
    (void)state;
    struct peer *peer = new_peer(4096);

    for (unsigned i = 1; i <= 4096; i++)
        hand_over(peer, FRAME_UPDATE, i, 0, 0);
    peer_begin_session(peer, 0);
    assert_int_equal(sent_count, 4096);
    assert_int_equal(take(peer, FRAME_ACK, 4096, 0, NULL, NULL), 0);
    for (unsigned i = 0; i < 4096; i++)
        assert_int_equal(channel_number(&acked[i].key), i + 1);
    peer_destroy(peer);
}

static void
only_what_is_settled_is_acknowledged(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    uint64_t references[6];

    peer_begin_session(peer, 0);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(take(peer, FRAME_UPDATE, i, 0, &references[i], NULL), 1);
    peer_flush(peer);
    assert_int_equal(sent_count, 0);
    peer_settle(peer, references[2]);
    peer_settle(peer, references[3]);
    peer_flush(peer);
    assert_int_equal(sent_count, 0); /* 1 is still open */
    peer_settle(peer, references[1]);
    peer_settle(peer, references[1]);
    peer_flush(peer);
    peer_flush(peer);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, FRAME_ACK);
    assert_int_equal(sent[0].sequence, 3);
    /* what was settled is a duplicate and acknowledged again; what is open is for the core again */
    assert_int_equal(take(peer, FRAME_UPDATE, 2, 1, NULL, NULL), 0);
    assert_int_equal(take(peer, FRAME_UPDATE, 4, 1, NULL, NULL), 1);
    peer_flush(peer);
    assert_int_equal(sent_count, 2);
    assert_int_equal(sent[1].sequence, 3);
    peer_settle(peer, references[5]);
    assert_int_equal(take(peer, FRAME_UPDATE, 5, 1, NULL, NULL), 0); /* settled ahead of 4 */
    peer_settle(peer, references[4]);
    peer_flush(peer);
    assert_int_equal(sent[2].sequence, 5);
    peer_destroy(peer);
}

/* A commit that ends after a reconnect must not acknowledge whatever bears its number now. */
static void
a_reference_of_an_earlier_session_settles_nothing(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    uint64_t old, new;

    peer_begin_session(peer, 0);
    assert_int_equal(take(peer, FRAME_UPDATE, 1, 0, &old, NULL), 1);
    peer_end_session(peer);
    peer_settle(peer, old);
    peer_begin_session(peer, 1);
    assert_int_equal(take(peer, FRAME_UPDATE, 1, 1, &new, NULL), 1);
    assert_int_not_equal(old, new);
    peer_settle(peer, old);
    peer_flush(peer);
    assert_int_equal(sent_count, 0);
    peer_settle(peer, new + 1); /* never received */
    peer_settle(peer, new);
    peer_flush(peer);
    assert_int_equal(sent[0].sequence, 1);
    peer_destroy(peer);
}

static void
numbers_out_of_reach_and_wrong_kinds_break_the_protocol(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    struct fep_error error = {0};

    assert_int_equal(take(peer, FRAME_UPDATE, 1, 0, NULL, &error), 0); /* no session: nothing to break */
    peer_begin_session(peer, 0);
    assert_int_equal(take(peer, FRAME_UPDATE, 0, 0, NULL, &error), -1);
    assert_int_equal(take(peer, FRAME_UPDATE, PEER_WINDOW_MAX + 1, 0, NULL, &error), -1);
    assert_int_equal(error.code, FEP_E_LINK_SEQUENCE);
    assert_int_equal(take(peer, FRAME_UPDATE, UINT64_MAX, 0, NULL, &error), -1);
    assert_int_equal(take(peer, FRAME_UPDATE, PEER_WINDOW_MAX, 0, NULL, &error), 1);
    assert_int_equal(take(peer, FRAME_SUBMIT, 1, 0, NULL, &error), -1);
    assert_int_equal(error.code, FEP_E_MALFORMED_FRAME);
    assert_int_equal(take(peer, FRAME_QUERY, 0, 0, NULL, &error), 1);
    assert_int_equal(take(peer, FRAME_ANSWER, 0, 0, NULL, &error), 1);
    struct frame wrong = {.kind = FRAME_PING};
    assert_int_equal(peer_send_numbered(peer, &wrong, 0, 0), -1);
    struct frame unencodable;
    channel_frame(&unencodable, FRAME_UPDATE, 1);
    unencodable.sections = FRAME_HAS_HEADER;
    assert_int_equal(peer_send_numbered(peer, &unencodable, 0, 0), -1);
    peer_destroy(peer);
}

static void
silence_is_death_and_a_word_is_life(void **state)
{
    (void)state;
    struct peer *peer = new_peer(10);
    size_t pings = 0;

    peer_begin_session(peer, 0);
    for (int64_t now = 0; now < 7000; now += 100)
        assert_int_equal(peer_tick(peer, now), 0);
    for (size_t i = 0; i < sent_count; i++)
        pings += sent[i].kind == FRAME_PING;
    assert_int_equal(pings, 3);
    assert_int_equal(take(peer, FRAME_PONG, 3, 6999, NULL, NULL), 0);
    assert_int_equal(peer_tick(peer, 13998), 0);
    assert_int_equal(peer_tick(peer, 13999), 1);
    assert_false(peer_is_up(peer));
    assert_int_equal(peer_tick(peer, 14000), 0); /* said once */
    struct frame query;
    channel_frame(&query, FRAME_QUERY, 1);
    assert_int_equal(peer_send_once(peer, &query), -1);
    peer_begin_session(peer, 15000);
    assert_int_equal(peer_send_once(peer, &query), 0);
    assert_int_equal(sent[sent_count - 1].kind, FRAME_QUERY);
    assert_int_equal(sent[sent_count - 1].tag, 77);
    assert_int_equal(take(peer, FRAME_PING, 9, 15001, NULL, NULL), 0);
    assert_int_equal(sent[sent_count - 1].kind, FRAME_PONG);
    assert_int_equal(sent[sent_count - 1].sequence, 9);
    peer_destroy(peer);
}

/* --- two peers over a bad channel --- */

#define MESSAGES 400
struct book { /* what an end's core has done */
    unsigned handed, acked;
    unsigned char delivered[MESSAGES], is_acked[MESSAGES];
    uint64_t open[MESSAGES]; /* references not settled yet */
    size_t open_count;
    unsigned duplicates_in_session;
    uint64_t seen_settled; /* never passed on again once settled in the session */
};
static struct book books[2];
static struct channel channel;

static void
core_takes(struct channel_end *end, struct frame *frame)
{
    struct book *book = &books[end->self];
    unsigned number = channel_number(&frame->header.key);

    assert_true(number < MESSAGES);
    book->delivered[number] = 1;
    for (size_t i = 0; i < book->open_count; i++) {
        if (book->open[i] == frame->sequence) { /* a duplicate of one that is open: the same reference */
            book->duplicates_in_session++;
            return;
        }
    }
    if (book->open_count < MESSAGES)
        book->open[book->open_count++] = frame->sequence;
}

static void
core_hears_ack(void *arg, const struct peer_acked *what)
{
    struct channel_end *end = arg;
    struct book *book = &books[end->self];
    unsigned number = channel_number(&what->key);

    assert_true(books[!end->self].delivered[number]); /* acknowledged implies delivered */
    assert_int_equal(book->is_acked[number], 0);      /* once */
    book->is_acked[number] = 1;
    book->acked++;
}

/* The store commits some of what is open, in any order. */
static void
commit_some(struct channel_end *end)
{
    struct book *book = &books[end->self];

    while (book->open_count > 0 && channel_random(&channel, 4) != 0) {
        size_t which = channel_random(&channel, (uint32_t)book->open_count);
        peer_settle(end->peer, book->open[which]);
        book->open[which] = book->open[--book->open_count];
    }
    peer_flush(end->peer);
}

static void
hand_over_some(struct channel_end *end)
{
    struct book *book = &books[end->self];

    for (uint32_t i = channel_random(&channel, 8); i > 0 && book->handed < MESSAGES; i--) {
        struct frame frame;
        channel_frame(&frame, end->self ? FRAME_OUTCOME : FRAME_UPDATE, book->handed++);
        assert_int_equal(peer_send_numbered(end->peer, &frame, channel.now_ms + 30000, channel.now_ms), 0);
    }
}

static void
draw_weather(void)
{
    channel.loss_percent = channel_random(&channel, 40);
    channel.repeat_percent = channel_random(&channel, 30);
    channel.delay_most_ms = 1 + channel_random(&channel, 300);
    channel.cut = channel_random(&channel, 12) == 0;
}

static void
play(uint64_t seed)
{
    memset(books, 0, sizeof books);
    channel_open(&channel, seed);
    for (int i = 0; i < 2; i++) {
        channel.ends[i].on_frame = core_takes;
        channel.ends[i].on_acked = core_hears_ack;
    }
    for (int step = 0; step < 300; step++) {
        if (step % 10 == 0)
            draw_weather();
        channel_run(&channel, channel.now_ms + 50 + channel_random(&channel, 200));
        for (int i = 0; i < 2; i++) {
            hand_over_some(&channel.ends[i]);
            commit_some(&channel.ends[i]);
        }
    }
    channel.loss_percent = channel.repeat_percent = 0;
    channel.cut = 0;
    for (int step = 0; step < 3000 && books[0].acked + books[1].acked < books[0].handed + books[1].handed;
         step++) {
        channel_run(&channel, channel.now_ms + 100);
        commit_some(&channel.ends[0]);
        commit_some(&channel.ends[1]);
    }
    for (int i = 0; i < 2; i++) {
        if (books[i].acked != books[i].handed || books[i].handed != MESSAGES)
            fail_msg("seed %llu, end %d: %u handed over, %u acknowledged", (unsigned long long)seed, i,
                     books[i].handed, books[i].acked);
        assert_int_equal(channel.ends[i].broken, 0);
    }
    channel_close(&channel);
}

static void
nothing_is_lost_over_a_bad_channel(void **state)
{
    (void)state;
    unsigned duplicates = 0;

    for (uint64_t seed = 1; seed <= 150; seed++) {
        play(seed);
        duplicates += books[0].duplicates_in_session + books[1].duplicates_in_session;
    }
    assert_true(duplicates > 0); /* else the channel was too kind to say anything */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_begin_at_one_and_wait_for_a_session),
        cmocka_unit_test(the_window_holds_back_and_acknowledgements_open_it),
        cmocka_unit_test(an_acknowledgement_of_what_was_not_sent_is_an_error),
        cmocka_unit_test(time_left_is_written_at_each_sending),
        cmocka_unit_test(what_is_not_acknowledged_is_sent_again_with_growing_pauses),
        cmocka_unit_test(a_new_session_numbers_anew),
        cmocka_unit_test(the_same_frame_is_not_kept_twice),
        cmocka_unit_test(many_kept_frames_stay_in_order),
        cmocka_unit_test(only_what_is_settled_is_acknowledged),
        cmocka_unit_test(a_reference_of_an_earlier_session_settles_nothing),
        cmocka_unit_test(numbers_out_of_reach_and_wrong_kinds_break_the_protocol),
        cmocka_unit_test(silence_is_death_and_a_word_is_life),
        cmocka_unit_test(nothing_is_lost_over_a_bad_channel),
    };
    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
