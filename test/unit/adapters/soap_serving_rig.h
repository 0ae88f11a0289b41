/* The soap module serving: the test is hospital and host. */
#ifndef SOAP_SERVING_RIG_H
#define SOAP_SERVING_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"
#include "fake_host.h"
#include "fake_wait.h"
#include "http.h"

struct fixture {
    struct fake_host *fake;
    struct soap_codec codec;
    void *self;
    const struct fep_adapter_ops *ops;
    struct fep_call start, drain;
    char address[64];
    int port;
    const char *options[24];
    struct http_reader told;
    int hospital; /* its connection, -1: none */
    struct soap_document document;
};

/* Head of a request of a Guilin hospital; the serial's last digit is `n`. */
#define HEAD(msgno, n, more)                                                                                 \
    "<MSGNO>" msgno "</MSGNO><MSGID>H4503000000120261122093015000" n "</MSGID>" more                         \
    "<JYFX>1</JYFX><AAB301>450300</AAB301><AAA027>451200</AAA027><AKB020>H45030000001</AKB020>"              \
    "<OPERID>1007</OPERID><OPERNAME>陆测试</OPERNAME><OPTTIME>20261122093015</OPTTIME>"                   \
    "<GRANTID>WX450300</GRANTID>"
#define PERSON_INPUT "<BKA895>01</BKA895><BKA896>45120000000000012345</BKA896><AAE030>20261122</AAE030>"

int rig_set_up(void **state);
int rig_tear_down(void **state);

/* --- the hospital --- */

int rig_connect(struct fixture *f);
void rig_hang_up(struct fixture *f);
void rig_send(int fd, const void *bytes, size_t size);
/* HTTP with this envelope; the size. */
size_t rig_make_request(struct fixture *f, const char *text, unsigned char *out, size_t room);
void rig_send_request(struct fixture *f, int fd, const char *text);
/* Opens a connection and asks. */
void rig_ask(struct fixture *f, const char *text);
int rig_await_status(struct fixture *f);
/* Reads the answer; its document stays in f->document. */
void rig_await_answer(struct fixture *f);
const char *rig_head_value(struct fixture *f, const char *field);
const char *rig_output_value(struct fixture *f, const char *transaction, const char *field);
void rig_assert_told(struct fixture *f, const char *status, const char *code);
/* The module has closed the connection. Fits fake_run_until. */
bool rig_is_cut_off(void *fixture);

/* --- the host --- */

struct fake_request *rig_await_request(struct fixture *f, size_t count);
void rig_end_request(struct fixture *f, struct fake_request *request, enum fep_kind kind,
                     struct fep_result result, struct fep_record *answer);
struct fep_record *rig_settled(struct fixture *f);

#endif
