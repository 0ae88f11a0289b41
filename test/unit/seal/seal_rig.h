/* What the tests of the seal share: profiles as text, a folder of secrets, and the keys of the published vectors. */
#ifndef SEAL_RIG_H
#define SEAL_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "seal.h"

/* The standard's own key pair, on the recommended curve. */
#define RIG_PRIVATE "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
#define RIG_POINT                                                                                                      \
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
#define RIG_APP_ID     "00112233445566778899AABBCCDDEEFF"
#define RIG_APP_SECRET "FFEEDDCCBBAA99887766554433221100"

/* Reads `text` as the content of a profile's group `seal`; fails the test if it does not hold. */
struct seal_profile rig_profile(const char *text);
/* True if the group is refused; the first problem is in `error`. */
bool rig_refuses(const char *text, struct fep_error *error);

/* The folder of secrets: made anew by each test's setup, removed by its teardown. */
int rig_setup(void **state);
int rig_teardown(void **state);
const char *rig_folder(void);
void rig_put(const char *name, const char *text, unsigned mode);
/* Own and other side alike: app_id, app_secret, sign_key, verify_key, header_id, header_token, bearer_token. */
void rig_put_all(void);
/* Opened over that folder. */
struct seal *rig_open(const char *text);

void rig_expect_text(const struct seal_message *message, const char *text);
size_t rig_unhex(const char *hex, unsigned char *out);

#endif
