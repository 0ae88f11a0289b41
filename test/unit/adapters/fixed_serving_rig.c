/* The fixed module serving: the local system's requests and how its answers are read. */
#include "fixed_serving_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "wire.h"

static struct fixture *
open_with_poll(const char *poll_time)
{
    struct fixture *f = rig_create_fixed(false);
    f->fake->time = 162040;
    snprintf(f->wire->files, sizeof f->wire->files, "%s/files", f->directory);
    assert_int_equal(mkdir(f->wire->files, 0700), 0);
    rig_open(f, (const char *const[]){"mode", "serve", "listen", f->address, "password_file", "secret",
                                      "window", "2", "state_directory", f->directory, "file_in",
                                      f->wire->files, "file_out", f->wire->files, "file_time", "400",
                                      "file_poll_time", poll_time, NULL});
    rig_expect_serving(f);
    return f;
}

int
rig_set_up(void **state)
{
    *state = open_with_poll("3600000");
    return 0;
}

int
rig_set_up_by_clock(void **state)
{
    *state = open_with_poll("20");
    return 0;
}

struct fep_record *
rig_make_head(struct fixture *f, const char *tran, const char *serial)
{
    return fake_record(f->fake, "head-Q",
                       (const char *const[]){"H-VERSION",  "01",           "H-KIND",      "Q",
                                             "H-TRAN",     tran,           "H-DIR",       "1",
                                             "H-SENDER",   "DJ4509000001", "H-RECEIVER",  "GW4509000001",
                                             "H-SERIAL",   serial,         "H-TREAT-RGN", "450900",
                                             "H-INSU-RGN", "451200",       "H-HOSP",      "H45090000001",
                                             "H-OPER",     "1007",         "H-DATE",      "20261122",
                                             "H-TIME",     "162040",       "H-BUS-DATE",  "20261122",
                                             "H-PAGE",     "0001",         "H-MORE",      "N",
                                             NULL});
}

struct fep_record *
rig_settle_body(struct fixture *f)
{
    return fake_record(f->fake, "400002-Q",
                       (const char *const[]){"SQ-CTR-VISIT",
                                             "GW202611200000000561",
                                             "SQ-VISIT-NO",
                                             "ZY2026110123",
                                             "SQ-PSN-NO",
                                             "45120000000000099999",
                                             "SQ-BILL-NO",
                                             "FP2026112200391",
                                             "SQ-MED-CAT",
                                             "10",
                                             "SQ-TIME",
                                             "20261122162038",
                                             "SQ-OUT-TIME",
                                             "20261122150000",
                                             "SQ-OUT-REASON",
                                             "0",
                                             "SQ-OUT-DIAG",
                                             "I63.900",
                                             "SQ-OUT-DIAG-NAME",
                                             "脑梗死",
                                             "SQ-ACCT-FLAG",
                                             "N",
                                             "SQ-MID-FLAG",
                                             "N",
                                             "SQ-HIS-TOTAL",
                                             "6208.15",
                                             NULL});
}

void
rig_send_frame(struct peer *peer)
{
    rig_send(peer, peer->f->wire->out, peer->f->wire->out_size);
}

void
rig_patch_frame(struct fixture *f, size_t at, const char *text)
{
    char seal[9];
    unsigned char *record = f->wire->out + 6;
    memcpy(record + at, text, strlen(text));
    memset(record + 231, '0', 8);
    snprintf(seal, sizeof seal, "%08X", fixed_crc32(record, f->wire->out_size - 6));
    memcpy(record + 231, seal, 8);
}

void
rig_send_settle(struct peer *peer, const char *serial)
{
    struct fixture *f = peer->f;
    rig_build_frame(f, rig_make_head(f, "400002", serial), rig_settle_body(f));
    rig_send_frame(peer);
}

const struct told *
rig_read_answer(struct peer *peer)
{
    static struct told told;
    static const char *const names[] = {"H-RET-CODE", "H-SERIAL", "H-CTR-SERIAL", "H-BUS-DATE"};
    struct fixture *f = peer->f;
    struct fep_record *head =
        rig_take_frame(peer, f->wire->answer, sizeof f->wire->answer, &f->wire->answer_size);
    for (int i = 0; i < 4; i++)
        snprintf(told.fields[i], sizeof told.fields[i], "%s", fake_get(f->fake, head, names[i]));
    f->fake->host.release_record(f->fake, head);
    return &told;
}

void
rig_expect(struct peer *peer, const char *serial, const char *code)
{
    const struct told *read = rig_read_answer(peer);
    assert_string_equal(read->fields[0], code);
    assert_string_equal(read->fields[1], serial);
    if (strcmp(code, "000000") != 0)
        assert_int_equal(peer->f->wire->answer_size, 256);
}

void
rig_send_sign_on(struct peer *peer, const char *password, const char *window)
{
    struct fixture *f = peer->f;
    struct fep_record *head = rig_make_head(f, "900001", "20261122000000000001");
    set_field(&f->fake->host, head, "H-BUS-DATE", "00000000");
    rig_build_frame(f, head,
                    fake_record(f->fake, "900001-Q",
                                (const char *const[]){"LQ-PASSWORD", password, "LQ-WINDOW", window, NULL}));
    rig_send_frame(peer);
}

struct peer *
rig_sign_on(struct fixture *f, int which)
{
    struct peer *peer = rig_connect(f, which);
    rig_send_sign_on(peer, "secret", "04");
    rig_expect(peer, "20261122000000000001", "000000");
    return peer;
}

struct fep_record *
rig_settled(struct fixture *f)
{
    return fake_record(f->fake, "400002-R",
                       (const char *const[]){"SR-SETL-NO", "S1", "SR-BILL-NO", "FP2026112200391", "SR-TOTAL",
                                             "6208.15", "SR-FUND", "5000.00", "SR-CASH", "1208.15", NULL});
}
