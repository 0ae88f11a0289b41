/* The algorithms against the standards' examples and against what was published in the wild; and where
 * OpenSSL goes wrong silently. */
#include "seal_rig.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "coding.h"
#include "sm.h"
#include "sm2.h"

#define DEFAULT_ID ((struct sm2_id){"1234567812345678", 16})
#define STANDARD_R "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
#define STANDARD_S "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"

static EVP_PKEY *
read_private(const char *text)
{
    const char *why = NULL;
    EVP_PKEY *key = sm2_read_private(text, strlen(text), &why);
    if (key == NULL)
        print_message("# %s\n", why);
    return key;
}

static EVP_PKEY *
read_public(const char *text)
{
    const char *why = NULL;
    EVP_PKEY *key = sm2_read_public(text, strlen(text), &why);
    if (key == NULL)
        print_message("# %s\n", why);
    return key;
}

static void
expect_hex(const unsigned char *data, size_t size, const char *hex)
{
    char text[512];
    coding_encode(SEAL_HEX, data, size, text);
    assert_string_equal(text, hex);
}

static void
hashes_as_the_standard(void **state)
{
    (void)state;
    unsigned char out[32];
    assert_true(sm_ready());
    assert_true(sm_hash(SEAL_SM3, "abc", 3, out));
    expect_hex(out, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    assert_true(sm_hash(SEAL_SHA256, "1720489942M0mc5pgk1720489942", 28, out));
    expect_hex(out, 32, "67991916da3259a78eac1925bbeb617eef5847841c51aa25064f63d2e7be0fdf");
    const char *text = "1700000000\n{\"infno\":\"9001\"}";
    assert_true(sm_hmac(SEAL_SM3, "secret", 6, text, strlen(text), out));
    expect_hex(out, 32, "c342084d16be352f283d5b45682a59227038d3cf05a74dc306dae2519f6e737a");
}

static void
sm4_as_the_standard(void **state)
{
    (void)state;
    unsigned char key[16], out[64], back[64];
    rig_unhex("0123456789abcdeffedcba9876543210", key);
    struct sm4_form form = {.mode = SEAL_ECB, .padding = SEAL_ZERO, .key = key};
    assert_true(sm_ready());
    assert_int_equal(sm4_encrypt(&form, key, 16, out), 16);
    expect_hex(out, 16, "681edf34d206965e86b3e94f536e4246");
    form.padding = SEAL_PKCS7;
    assert_int_equal(sm4_encrypt(&form, key, 16, out), 32);
    assert_int_equal(sm4_decrypt(&form, out, 32, back), 16);
    assert_memory_equal(back, key, 16);
    out[31] ^= 1;
    assert_int_equal(sm4_decrypt(&form, out, 32, back), -1);
    assert_int_equal(sm4_decrypt(&form, out, 31, back), -1);
    form.mode = SEAL_CBC;
    form.iv = key;
    assert_int_equal(sm4_encrypt(&form, "short", 5, out), 16);
    assert_int_equal(sm4_decrypt(&form, out, 16, back), 5);
    form.padding = SEAL_ZERO;
    assert_int_equal(sm4_encrypt(&form, "short", 5, out), 16);
    assert_int_equal(sm4_decrypt(&form, out, 16, back), 5);
    assert_memory_equal(back, "short", 5);
}

static void
signature_of_the_standard_holds(void **state)
{
    (void)state;
    unsigned char rs[64], z[32];
    EVP_PKEY *key = read_public(RIG_POINT);
    assert_non_null(key);
    assert_true(sm2_compute_z(key, DEFAULT_ID, z));
    expect_hex(z, 32, "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3");
    rig_unhex(STANDARD_R STANDARD_S, rs);
    assert_true(sm2_verify(key, DEFAULT_ID, "message digest", 14, rs));
    assert_false(sm2_verify(key, DEFAULT_ID, "message digesT", 14, rs));
    /* the id counts, all 16 bytes of it and no NUL behind them */
    assert_false(sm2_verify(key, (struct sm2_id){"1234567812345678", 17}, "message digest", 14, rs));
    assert_false(sm2_verify(key, (struct sm2_id){"", 0}, "message digest", 14, rs));
    rs[63] ^= 1;
    assert_false(sm2_verify(key, DEFAULT_ID, "message digest", 14, rs));
    EVP_PKEY_free(key);
}

static void
signature_tells_the_digest(void **state)
{
    (void)state;
    unsigned char rs[64], found[32], text[32 + 14], digest[32];
    EVP_PKEY *key = read_public(RIG_POINT);
    rig_unhex(STANDARD_R STANDARD_S, rs);
    assert_true(sm2_find_digest(key, rs, found));
    assert_true(sm2_compute_z(key, DEFAULT_ID, text));
    memcpy(text + 32, "message digest", 14);
    assert_true(sm_hash(SEAL_SM3, text, sizeof text, digest));
    assert_memory_equal(found, digest, 32);
    memset(rs, 0, 32);
    assert_false(sm2_find_digest(key, rs, found));
    memset(rs, 0xff, 32);
    assert_false(sm2_find_digest(key, rs, found));
    EVP_PKEY_free(key);
}

static void
signatures_from_the_wild_hold(void **state)
{
    (void)state;
    static const char text[] =
        "appCode=T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ&data={\"areaCode\":\"110000\",\"pageNo\":\"3\","
        "\"pageSize\":\"10\"}"
        "&encType=SM4&signType=SM2&timestamp=1675237317&version=1.0.0&key=NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P";
    static const char signature[] =
        "DitO6d6O8oyO8NiXQbeSA2bxX0Iw+fl76yT72empkT1SFHivjr7lmoNfLa6THo4ouzq0EG4HBoiPyp2ZU4K8TA==";
    unsigned char rs[64];
    EVP_PKEY *key = read_public(
        "BEKaw3Qtc31LG/hTPHFPlriKuAn/nzTWl8LiRxLw4iQiSUIyuglptFxNkdCiNXcXvkqTH79Rh/A2sEFU6hjeK3k=");
    assert_non_null(key);
    assert_int_equal(coding_decode(SEAL_BASE64, signature, strlen(signature), rs, sizeof rs), 64);
    assert_true(sm2_verify(key, DEFAULT_ID, text, strlen(text), rs));
    EVP_PKEY_free(key);
}

static void
an_id_is_always_used(void **state)
{
    (void)state;
    unsigned char rs[64];
    EVP_PKEY *key = read_private(RIG_PRIVATE);
    assert_true(sm2_sign(key, DEFAULT_ID, "text", 4, rs));
    assert_true(sm2_verify(key, DEFAULT_ID, "text", 4, rs));
    assert_false(
        sm2_verify(key, (struct sm2_id){"", 0}, "text", 4, rs)); /* what OpenSSL takes when none is said */
    assert_true(sm2_sign(key, (struct sm2_id){"", 0}, "text", 4, rs));
    assert_true(sm2_verify(key, (struct sm2_id){"", 0}, "text", 4, rs));
    assert_false(sm2_verify(key, DEFAULT_ID, "text", 4, rs));
    EVP_PKEY_free(key);
}

static void
a_key_of_type_ec_does_not_sign(void **state)
{
    (void)state;
    unsigned char rs[64];
    EVP_PKEY *disguised = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "SM2");
    assert_non_null(disguised);
    assert_int_equal(EVP_PKEY_is_a(disguised, "SM2"), 0);
    assert_false(sm2_sign(disguised, DEFAULT_ID, "text", 4, rs));
    EVP_PKEY_free(disguised);
}

static char *
as_pem(EVP_PKEY *key, bool private, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int good = private ? PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                       : PEM_write_bio_PUBKEY(bio, key);
    assert_int_equal(good, 1);
    int length = BIO_read(bio, out, (int)size - 1);
    assert_true(length > 0);
    out[length] = '\0';
    BIO_free(bio);
    return out;
}

static void
keys_in_every_form(void **state)
{
    (void)state;
    static const char *const publics[] = {
        RIG_POINT, "04" RIG_POINT, "0309F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020",
        "CfnfMR5UIaFQ3X0WHkvFxnIXn60YM/wHa7CP81bzUCDM6kkM4md1pS3G6nGMwapgCu0F+/NeCEpmMvYHLamtEw==",
        "BAn53zEeVCGhUN19Fh5LxcZyF5+tGDP8B2uwj/NW81AgzOpJDOJndaUtxupxjMGqYArtBfvzXghKZjL2By2prRM="};
    static const char *const privates[] = {
        RIG_PRIVATE, "00" RIG_PRIVATE,
        "OUUgj3shRLE/NuOKxtOflYiTk2koYLUaQvuB7033xbg=", "ADlFII97IUSxPzbjisbTn5WIk5NpKGC1GkL7ge9N98W4"};
    unsigned char point[65], expected[65] = {4};
    char pem[1024];
    rig_unhex(RIG_POINT, expected + 1);
    for (size_t i = 0; i < sizeof publics / sizeof *publics; i++) {
        EVP_PKEY *key = read_public(publics[i]);
        assert_true(sm2_get_point(key, point));
        assert_memory_equal(point, expected, 65);
        EVP_PKEY_free(key);
    }
    for (size_t i = 0; i < sizeof privates / sizeof *privates; i++) {
        EVP_PKEY *key = read_private(privates[i]);
        assert_true(sm2_get_point(key, point));
        assert_memory_equal(point, expected, 65);
        EVP_PKEY *again = read_private(as_pem(key, true, pem, sizeof pem));
        assert_true(EVP_PKEY_eq(key, again) == 1);
        EVP_PKEY_free(again);
        again = read_public(as_pem(key, false, pem, sizeof pem));
        assert_true(EVP_PKEY_eq(key, again) == 1);
        EVP_PKEY_free(again);
        EVP_PKEY_free(key);
    }
}

static void
what_is_no_key_is_refused(void **state)
{
    (void)state;
    char pem[1024];
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_null(read_private(as_pem(other, true, pem, sizeof pem)));
    assert_null(read_public(as_pem(other, false, pem, sizeof pem)));
    EVP_PKEY_free(other);
    assert_null(read_private(""));
    assert_null(read_private("0000000000000000000000000000000000000000000000000000000000000000"));
    assert_null(read_private("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    assert_null(read_private("-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n"));
    assert_null(read_public(
        "0009F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")); /* not compressed */
    assert_null(
        read_public("19F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020" /* not on the curve */
                    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"));
}

static void
signatures_as_der_and_back(void **state)
{
    (void)state;
    unsigned char rs[64], back[64], der[SM2_MOST_DER + 1];
    rig_unhex(STANDARD_R STANDARD_S, rs);
    size_t size = sm2_to_der(rs, der);
    assert_int_equal(size, 72);
    assert_true(sm2_from_der(der, size, back));
    assert_memory_equal(rs, back, 64);
    der[size] = 0;
    assert_false(sm2_from_der(der, size + 1, back));
    assert_false(sm2_from_der(der, size - 1, back));
    memset(rs, 0, 31); /* a short number takes fewer bytes, and comes back with its zeros */
    size = sm2_to_der(rs, der);
    assert_true(sm2_from_der(der, size, back));
    assert_memory_equal(rs, back, 64);
}

static void
encrypts_in_every_layout(void **state)
{
    (void)state;
    /* GM/T 0003.5 annex: the standard's encryption example on the recommended curve */
    static const char c1[] = "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
                             "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0";
    static const char c3[] = "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766";
    static const char c2[] = "21886CA989CA9C7D58087307CA93092D651EFA";
    unsigned char cipher[512], plain[512];
    char hex[512];
    EVP_PKEY *key = read_private(RIG_PRIVATE);
    snprintf(hex, sizeof hex, "04%s%s%s", c1, c3, c2);
    long size = sm2_decrypt(key, SM2_C1C3C2, cipher, rig_unhex(hex, cipher), plain);
    assert_int_equal(size, 19);
    assert_memory_equal(plain, "encryption standard", 19);
    size = sm2_decrypt(key, SM2_C1C3C2, cipher + 1, rig_unhex(hex, cipher) - 1, plain); /* without its 04 */
    assert_int_equal(size, 19);
    snprintf(hex, sizeof hex, "04%s%s%s", c1, c2, c3);
    size = sm2_decrypt(key, SM2_C1C2C3, cipher, rig_unhex(hex, cipher), plain);
    assert_int_equal(size, 19);
    assert_int_equal(sm2_decrypt(key, SM2_C1C3C2, cipher, rig_unhex(hex, cipher), plain), -1);
    for (enum sm2_layout layout = SM2_C1C3C2; layout <= SM2_ASN1; layout++) {
        size = sm2_encrypt(key, layout, "0123456789ABCDEF", 16, cipher);
        assert_true(size > 0 && size <= 16 + SM2_OVERHEAD);
        assert_int_equal(sm2_decrypt(key, layout, cipher, (size_t)size, plain), 16);
        assert_memory_equal(plain, "0123456789ABCDEF", 16);
        cipher[size - 1] ^= 1;
        assert_int_equal(sm2_decrypt(key, layout, cipher, (size_t)size, plain), -1);
        assert_int_equal(sm2_decrypt(key, layout, cipher, 20, plain), -1);
    }
    EVP_PKEY_free(key);
}

static void
base64_has_dialects(void **state)
{
    (void)state;
    unsigned char bytes[100], back[100];
    char text[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 41 + 251);
    for (size_t size = 0; size <= sizeof bytes; size++)
        for (uint32_t encoding = SEAL_BASE64; encoding <= SEAL_HEX_UPPER; encoding++) {
            size_t length = coding_encode(encoding, bytes, size, text);
            assert_true(length < coding_room(encoding, size));
            assert_int_equal(coding_decode(encoding, text, length, back, sizeof back), size);
            assert_memory_equal(back, bytes, size);
            if (size > 0)
                assert_int_equal(coding_decode(encoding, text, length, back, size - 1), -1);
        }
    assert_int_equal(coding_decode(SEAL_BASE64, "+/8=", 4, back, 3), 2);
    assert_int_equal(coding_decode(SEAL_BASE64_URL, "-_8", 3, back, 3), 2);
    assert_int_equal(coding_decode(SEAL_BASE64, "-_8=", 4, back, 3), -1);
    assert_int_equal(coding_decode(SEAL_BASE64, "+/9=", 4, back, 3), -1); /* bits left over */
    assert_int_equal(coding_decode(SEAL_BASE64, "+/8=\n", 5, back, 3), -1);
    assert_int_equal(coding_decode(SEAL_BASE64_LINES, "+/\r\n8=\n", 7, back, 3), 2);
    assert_int_equal(coding_decode(SEAL_HEX, "0g", 2, back, 3), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_as_the_standard),          cmocka_unit_test(sm4_as_the_standard),
        cmocka_unit_test(signature_of_the_standard_holds), cmocka_unit_test(signature_tells_the_digest),
        cmocka_unit_test(signatures_from_the_wild_hold),   cmocka_unit_test(an_id_is_always_used),
        cmocka_unit_test(a_key_of_type_ec_does_not_sign),  cmocka_unit_test(keys_in_every_form),
        cmocka_unit_test(what_is_no_key_is_refused),       cmocka_unit_test(signatures_as_der_and_back),
        cmocka_unit_test(encrypts_in_every_layout),        cmocka_unit_test(base64_has_dialects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
