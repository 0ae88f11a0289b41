/* The store's small parts: the queue's map, the filter over the key tables, the cipher of bodies at rest. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "body_cipher.h"
#include "error_codes.h"
#include "key_filter.h"
#include "queue_map.h"

static struct exchange_key
key_of(unsigned n)
{
    struct message_key name = {.origin = "450100000001"};
    snprintf(name.msgid, sizeof name.msgid, "M%u", n);
    return exchange_key_make(&name, (uint8_t)(ROLE_ORIGIN + n % 3));
}

static void
the_map_holds_what_a_plain_list_holds(void **state)
{
    enum { KEYS = 5000, STEPS = 60000 };
    static uint8_t there[KEYS];
    struct queue_map map;
    unsigned seed = 7, count = 0;
    (void)state;
    queue_map_init(&map, 12345);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned n = (unsigned)rand_r(&seed) % KEYS;
        struct exchange_key key = key_of(n);
        struct queued *queued = queue_map_find(&map, &key);
        assert_int_equal(queued != NULL, there[n]);
        if (queued) {
            assert_int_equal(queued->id, n + 1);
            queue_map_remove(&map, &key);
        } else {
            assert_non_null(queue_map_add(&map, &key, n + 1));
        }
        there[n] ^= 1;
        count += there[n] ? 1 : (unsigned)-1;
        assert_int_equal(map.count, count);
    }
    queue_map_finish(&map);
}

static void
the_filter_never_says_no_to_what_was_added(void **state)
{
    struct key_filter filter;
    unsigned wrong = 0;
    (void)state;
    assert_int_equal(key_filter_init(&filter), 0);
    for (unsigned n = 0; n < 40000; n++) { /* grows on the way */
        struct exchange_key key = key_of(n);
        key_filter_add(&filter, exchange_key_hash(&key, 99), n % 5);
    }
    for (unsigned n = 0; n < 40000; n++) {
        struct exchange_key key = key_of(n);
        uint64_t slots = key_filter_find(&filter, exchange_key_hash(&key, 99));
        assert_true(slots >> n % 5 & 1);
    }
    for (unsigned n = 100000; n < 120000; n++) {
        struct exchange_key key = key_of(n);
        wrong += key_filter_find(&filter, exchange_key_hash(&key, 99)) != 0;
    }
    assert_true(wrong < 2000); /* of 20000 */
    key_filter_clear(&filter, 3);
    struct exchange_key three = key_of(3), four = key_of(4);
    assert_false(key_filter_find(&filter, exchange_key_hash(&three, 99)) >> 3 & 1);
    assert_true(key_filter_find(&filter, exchange_key_hash(&four, 99)) >> 4 & 1);
    key_filter_finish(&filter);
}

static struct body_cipher *
new_cipher(struct fixture *f)
{
    struct fep_error error = {0};
    struct body_cipher *cipher = body_cipher_create(f->key_file, &error);
    if (!cipher)
        fail_msg("%s", error.text);
    return cipher;
}

static void
a_blob_opens_only_unchanged_and_under_its_own_name(void **state)
{
    struct fixture *f = *state;
    struct exchange_key mine = key_of(1), other = key_of(2);
    uint8_t plain[5000], sealed[sizeof plain + BODY_CIPHER_OVERHEAD], again[sizeof sealed],
        opened[sizeof plain];
    struct body_cipher *cipher = new_cipher(f), *second = body_cipher_copy(cipher);
    static const size_t sizes[] = {1, 15, 16, 17, 1000, 5000};
    assert_non_null(second);
    memset(plain, 'x', sizeof plain);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], stored = size + BODY_CIPHER_OVERHEAD;
        assert_int_equal(body_cipher_seal(cipher, &mine, BLOB_BODY, plain, size, sealed), 0);
        assert_int_equal(body_cipher_open(second, &mine, BLOB_BODY, sealed, stored, opened), 0);
        assert_memory_equal(opened, plain, size);
        assert_int_equal(body_cipher_open(cipher, &mine, BLOB_ANSWER, sealed, stored, opened), -1);
        assert_int_equal(body_cipher_open(cipher, &other, BLOB_BODY, sealed, stored, opened), -1);
        assert_int_equal(body_cipher_open(cipher, &mine, BLOB_BODY, sealed, stored - 1, opened), -1);
        assert_int_equal(body_cipher_open(cipher, &mine, BLOB_BODY, sealed, BODY_CIPHER_OVERHEAD - 1, opened),
                         -1);
        for (size_t at = 0; at < stored; at += stored / 20 + 1) {
            sealed[at] ^= 4;
            assert_int_equal(body_cipher_open(cipher, &mine, BLOB_BODY, sealed, stored, opened), -1);
            sealed[at] ^= 4;
        }
        /* the same content never looks the same */
        assert_int_equal(body_cipher_seal(cipher, &mine, BLOB_BODY, plain, size, again), 0);
        assert_int_not_equal(memcmp(sealed, again, stored), 0);
    }
    body_cipher_destroy(cipher);
    body_cipher_destroy(second);
}

static void
a_key_file_is_made_once_and_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    struct fep_error error = {0};
    struct stat status;
    assert_int_equal(stat(f->key_file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 65);
    assert_int_equal(body_key_create(f->key_file, &error), -1); /* never written over */
    assert_non_null(strstr(error.text, f->key_file));
    struct body_cipher *cipher = new_cipher(f);
    uint8_t check[BODY_KEY_CHECK_SIZE], again[BODY_KEY_CHECK_SIZE];
    assert_int_equal(body_cipher_key_check(cipher, check), 0);
    body_cipher_destroy(cipher);
    cipher = new_cipher(f);
    assert_int_equal(body_cipher_key_check(cipher, again), 0);
    assert_memory_equal(check, again, sizeof check);
    body_cipher_destroy(cipher);
}

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_init(fixture);
    fixture_make_key(fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_finish(*state);
    free(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_map_holds_what_a_plain_list_holds),
        cmocka_unit_test(the_filter_never_says_no_to_what_was_added),
        cmocka_unit_test_setup_teardown(a_blob_opens_only_unchanged_and_under_its_own_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_key_file_is_made_once_and_for_its_owner_only, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store parts", tests, NULL, NULL);
}
