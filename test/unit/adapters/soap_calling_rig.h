/* The soap module calling a scripted local system. */
#ifndef SOAP_CALLING_RIG_H
#define SOAP_CALLING_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "fake_wait.h"
#include "http.h"

enum { PEERS = 32 };

struct peer { /* one connection of the gateway's */
    int fd;
    struct http_reader in;
    char local[8], serial[32], original[32];
};

struct fixture {
    struct fake_host *fake;
    struct soap_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, calls[24];
    size_t call_count, peer_count;
    int listener;
    struct peer peers[PEERS];
    char address[64];
    const char *options[24];
    unsigned char raw[1 << 16]; /* of the last request */
    size_t raw_size;
};

#define GOOD          "<RETURNNUM>1</RETURNNUM><ERRORCODE>0000</ERRORCODE>"
#define REFUSED(code) "<RETURNNUM>-1</RETURNNUM><ERRORCODE>" code "</ERRORCODE><ERRORMSG>不行</ERRORMSG>"
#define SETTLED       "<AAZ216>S1</AAZ216><AKC264>100.00</AKC264><AKC260>60.00</AKC260><AKC261>40.00</AKC261>"

extern const char *const rig_head[];
extern const struct fake_message rig_settle, rig_nameless, rig_registration, rig_person, rig_day, rig_totals;

/* The module is started and has not been answered yet; `connections` is its option. */
int rig_open_module(void **state, const char *connections);
int rig_set_up(void **state); /* the first echo is answered: it is up */
int rig_tear_down(void **state);

/* The next request on its own connection. */
struct peer *rig_take_request(struct fixture *f);
void rig_hang_up(struct peer *peer);
void rig_send(struct peer *peer, const void *bytes, size_t size);
/* HTTP head and body of an answer, in GBK; the size. */
size_t rig_make_http(struct fixture *f, const char *status, const char *body, unsigned char *out, size_t room);
void rig_answer_http(struct fixture *f, struct peer *peer, const char *status, const char *body);
/* An answer under this serial with GOOD or REFUSED and the output; the size. */
size_t rig_make_answer(struct fixture *f, const struct peer *peer, const char *serial, const char *codes,
                       const char *output, unsigned char *out, size_t room);
void rig_answer(struct fixture *f, struct peer *peer, const char *codes, const char *output);

/* A call with the router's next serial: incarnation 49, a counter that makes the example's MSGID. */
struct fep_call *rig_new_call(struct fixture *f);
const struct fep_message *rig_message(const struct fake_message *what);
struct fep_call *rig_submit(struct fixture *f, const struct fake_message *what);
/* Begins an operation (inquire, reverse) about rig_settle as the first call submitted it. */
struct fep_call *rig_ask_about(struct fixture *f,
                               void (*operation)(void *, struct fep_call *, const struct fep_message *));
const struct fake_completion *rig_await(struct fixture *f, const struct fep_call *call);
void rig_assert_ended(struct fixture *f, const struct fep_call *call, enum fep_kind kind, unsigned code);

#endif
