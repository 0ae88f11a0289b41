/* What a signature says of the text it was made over. SM2 signs e = SM3(Z || text) with r = e + x1 mod n,
 * where x1 is the abscissa of sG + (r + s)P: both are known to whoever has the signature and the public key,
 * so e is. One point multiplication then replaces one per text that is tried. Fails with false. */
#include "sm2.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "seal_profile.h"
#include "sm.h"

enum { MOST_ID = 8191 }; /* its length in bits is said in 16 */

/* a, b, Gx, Gy of the recommended curve, as they stand in Z */
static const unsigned char curve[128] = {
    0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFC,
    0x28, 0xE9, 0xFA, 0x9E, 0x9D, 0x9F, 0x5E, 0x34, 0x4D, 0x5A, 0x9E, 0x4B, 0xCF, 0x65, 0x09, 0xA7,
    0xF3, 0x97, 0x89, 0xF5, 0x15, 0xAB, 0x8F, 0x92, 0xDD, 0xBC, 0xBD, 0x41, 0x4D, 0x94, 0x0E, 0x93,
    0x32, 0xC4, 0xAE, 0x2C, 0x1F, 0x19, 0x81, 0x19, 0x5F, 0x99, 0x04, 0x46, 0x6A, 0x39, 0xC9, 0x94,
    0x8F, 0xE3, 0x0B, 0xBF, 0xF2, 0x66, 0x0B, 0xE1, 0x71, 0x5A, 0x45, 0x89, 0x33, 0x4C, 0x74, 0xC7,
    0xBC, 0x37, 0x36, 0xA2, 0xF4, 0xF6, 0x77, 0x9C, 0x59, 0xBD, 0xCE, 0xE3, 0x6B, 0x69, 0x21, 0x53,
    0xD0, 0xA9, 0x87, 0x7C, 0xC6, 0x2A, 0x47, 0x40, 0x02, 0xDF, 0x32, 0xE5, 0x21, 0x39, 0xF0, 0xA0};

bool
sm2_compute_z(const EVP_PKEY *key, struct sm2_id id, unsigned char z[32])
{
    unsigned char point[SM2_POINT], bits[2] = {(unsigned char)(id.size >> 5), (unsigned char)(id.size << 3)};
    unsigned written = 0;
    if (id.size > MOST_ID || !sm_ready() || !sm2_get_point(key, point))
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex2(context, sm_get_hash(SEAL_SM3), NULL) == 1 &&
                EVP_DigestUpdate(context, bits, sizeof bits) == 1 &&
                (id.size == 0 || EVP_DigestUpdate(context, id.data, id.size) == 1) &&
                EVP_DigestUpdate(context, curve, sizeof curve) == 1 &&
                EVP_DigestUpdate(context, point + 1, SM2_POINT - 1) == 1 &&
                EVP_DigestFinal_ex(context, z, &written) == 1 && written == 32;
    EVP_MD_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return good;
}

bool
sm2_find_digest(const EVP_PKEY *key, const unsigned char rs[SM2_SIGNATURE], unsigned char digest[32])
{
    unsigned char bytes[SM2_POINT];
    if (!sm2_get_point(key, bytes))
        return false;
    bool good = false;
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *own = group != NULL ? EC_POINT_new(group) : NULL,
             *sum = group != NULL ? EC_POINT_new(group) : NULL;
    BIGNUM *r = BN_bin2bn(rs, 32, NULL), *s = BN_bin2bn(rs + 32, 32, NULL), *t = BN_new(), *x = BN_new();
    if (context != NULL && own != NULL && sum != NULL && r != NULL && s != NULL && t != NULL && x != NULL) {
        const BIGNUM *order = EC_GROUP_get0_order(group);
        good = !BN_is_zero(r) && !BN_is_zero(s) && BN_cmp(r, order) < 0 && BN_cmp(s, order) < 0 &&
               BN_mod_add(t, r, s, order, context) == 1 && !BN_is_zero(t) &&
               EC_POINT_oct2point(group, own, bytes, sizeof bytes, context) == 1 &&
               EC_POINT_mul(group, sum, s, own, t, context) == 1 &&
               EC_POINT_get_affine_coordinates(group, sum, x, NULL, context) == 1 &&
               BN_mod_sub(x, r, x, order, context) == 1 && BN_bn2binpad(x, digest, 32) == 32;
    }
    BN_free(r);
    BN_free(s);
    BN_free(t);
    BN_free(x);
    EC_POINT_free(own);
    EC_POINT_free(sum);
    EC_GROUP_free(group);
    BN_CTX_free(context);
    if (!good)
        ERR_clear_error();
    return good;
}
