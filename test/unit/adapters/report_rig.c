/* See report_rig.h. */
#include "report_rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "exchange_record.h"

int
report_rig_set_up(void **state)
{
    *state = calloc(1, sizeof(struct report_rig));
    return *state != NULL ? 0 : -1;
}

int
report_rig_tear_down(void **state)
{
    report_rig_close(*state);
    free(*state);
    return 0;
}

const char *
report_rig_mapping(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/test/unit/adapters/%s.cfg", getenv("FEP_SOURCE"), name);
    return path;
}

static void
write_text(const char *directory, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
copy_file(const char *from, const char *directory, const char *name)
{
    static char text[262144];
    FILE *file = fopen(from, "re");
    if (file == NULL)
        fail_msg("no %s", from);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    write_text(directory, name, text);
}

static void
listen_as_local(struct report_rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/local", rig->rig.directory);
    rig->local_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rig->local_listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(rig->local_listener, 1), 0);
}

static void
limit_waits(int fd)
{
    struct timeval limit = {.tv_sec = RIG_WAIT_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

/* mapping/x.cfg and the crosswalk side by side, as the host finds them: as a file, and as a directory of one
 * version. */
static void
write_files(struct report_rig *rig, const char *mapping, const char *gateway, const char *crosswalk)
{
    char text[8192], path[256];
    const char *directory = rig->rig.directory;
    snprintf(path, sizeof path, "%s/mapping", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    copy_file(mapping, directory, "mapping/x.cfg");
    snprintf(path, sizeof path, "%s/crosswalk", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(text, sizeof text, "local_code,national_code,name,level,valid_from,valid_to\n%s", crosswalk);
    write_text(directory, "crosswalk/450100.csv", text);
    snprintf(path, sizeof path, "%s/crosswalk/450100", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    write_text(directory, "crosswalk/450100/20200101.csv", text);
    snprintf(
        text, sizeof text,
        "gateway = { node = \"GW4501000001\"; name = \"test\"; region = \"450100\"; %s\n"
        "  state_directory = \"%s\"; run_directory = \"%s\"; pseudonym_key_file = \"key\"; };\n"
        "routes = \"routes.cfg\"; schema_directory = \"%s/schema\"; adapter_directory = \"%s/adapters\";\n"
        "instances = ( { name = \"local1\"; module = \"%s/test/unit/adapters/relay.so\"; window = 16;\n"
        "  mapping = \"%s/mapping/x.cfg\"; options = { listen = \"%s/callers\"; peer = \"%s/local\"; }; } "
        ");\n",
        gateway, directory, directory, getenv("FEP_SOURCE"), getenv("FEP_BUILD"), getenv("FEP_BUILD"),
        directory, directory, directory);
    write_text(directory, "fepd.cfg", text);
}

void
report_rig_open(struct report_rig *rig, const char *mapping, const char *gateway, const char *crosswalk)
{
    memset(rig, 0, sizeof *rig);
    rig_open(&rig->rig, "null", NULL, "");
    write_files(rig, mapping, gateway, crosswalk);
    listen_as_local(rig);
    rig_bind(&rig->rig);
    rig_start(&rig->rig, RIG_EPOCH);
    rig_introduce(&rig->rig);
    rig->local = accept(rig->local_listener, NULL, NULL);
    assert_true(rig->local >= 0);
    limit_waits(rig->local);
    rig->caller = rig_call(&rig->rig);
}

void
report_rig_close(struct report_rig *rig)
{
    close(rig->caller);
    close(rig->local);
    close(rig->local_listener);
    if (rig->rig.pid > 0) /* orderly, so that the sanitizer looks for leaks */
        assert_int_equal(rig_end(&rig->rig), 0);
    rig_close(&rig->rig);
}

static void
say(int fd, const char *line)
{
    size_t size = strlen(line);
    assert_int_equal(send(fd, line, size, MSG_NOSIGNAL), size);
    assert_int_equal(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
}

static const char *
hear(struct report_rig *rig, int fd)
{
    size_t used = 0;
    while (used < sizeof rig->heard - 1) {
        ssize_t count = recv(fd, rig->heard + used, 1, 0);
        if (count != 1)
            fail_msg("no line came");
        if (rig->heard[used] == '\n')
            break;
        used++;
    }
    rig->heard[used] = '\0';
    return rig->heard;
}

void
report_rig_ask(struct report_rig *rig, const char *line)
{
    say(rig->caller, line);
}

const char *
report_rig_told(struct report_rig *rig)
{
    return hear(rig, rig->caller);
}

const char *
report_rig_asked(struct report_rig *rig)
{
    return hear(rig, rig->local);
}

void
report_rig_answer(struct report_rig *rig, const char *line)
{
    say(rig->local, line);
}

static void
copy_body(struct report_rig *rig, struct slice body)
{
    assert_true(body.size < sizeof rig->heard);
    memcpy(rig->heard, body.data, body.size);
    rig->heard[body.size] = '\0';
}

uint64_t
report_rig_list(struct report_rig *rig, const char *part)
{
    struct frame *frame = rig_take(&rig->rig, FRAME_LIST);
    copy_body(rig, frame->body);
    if (strstr(rig->heard, part) == NULL)
        fail_msg("no %s in %s", part, rig->heard);
    return frame->sequence;
}

void
report_rig_entry(struct report_rig *rig, uint64_t list, const struct stored *stored)
{
    struct frame frame = {.kind = FRAME_ENTRY,
                          .sequence = list,
                          .ok = 1,
                          .sections = FRAME_HAS_HEADER | FRAME_HAS_INDEX | FRAME_HAS_RESULT | FRAME_HAS_TEXT};
    const char *area = stored->insured_area != NULL ? stored->insured_area : "450900";
    frame.header = (struct message_header){.key = {"GW4501000001", ""},
                                           .transaction_class = CLASS_UPDATE,
                                           .treat_area = "450100",
                                           .institution = "H45010000003",
                                           .day = 20261122};
    snprintf(frame.header.key.msgid, sizeof frame.header.key.msgid, "%s", stored->msgid);
    snprintf(frame.header.infno, sizeof frame.header.infno, "%s", stored->infno);
    snprintf(frame.header.insured_area, sizeof frame.header.insured_area, "%s", area);
    frame.index = (struct fep_index){.size = sizeof frame.index,
                                     .total_fen = stored->total,
                                     .fund_fen = stored->fund,
                                     .account_fen = stored->account,
                                     .cash_fen = stored->cash,
                                     .has_money = 1};
    snprintf(frame.index.settlement_id, sizeof frame.index.settlement_id, "%s", stored->settlement_id);
    snprintf(frame.index.insutype, sizeof frame.index.insutype, "%s", stored->insutype);
    snprintf(frame.index.med_type, sizeof frame.index.med_type, "%s", stored->med_type);
    frame.result = (struct frame_result){.state = stored->state,
                                         .kind = stored->state == STATE_ANSWERED ? FEP_ANSWERED : 0,
                                         .effect = stored->effect,
                                         .code = stored->code,
                                         .accounting_date = stored->accounting_date};
    snprintf(frame.text, sizeof frame.text, "2026-11-22 10:11:12");
    if (stored->serial != 0) {
        frame.sections |= FRAME_HAS_ATTEMPT;
        frame.attempt =
            (struct frame_attempt){.serial = stored->serial,
                                   .serial_date = 20261122,
                                   .cancel_serial = stored->cancel_serial,
                                   .cancel_serial_date = stored->cancel_serial != 0 ? 20261122 : 0};
    }
    if (stored->body != NULL) {
        frame.sections |= FRAME_HAS_BODY | FRAME_HAS_ANSWER;
        frame.body =
            (struct slice){.data = (const unsigned char *)stored->body, .size = strlen(stored->body)};
        frame.answer =
            (struct slice){.data = (const unsigned char *)stored->answer, .size = strlen(stored->answer)};
    }
    rig_send(&rig->rig, &frame);
}

void
report_rig_list_end(struct report_rig *rig, uint64_t list, const char *cursor)
{
    struct frame frame = {.kind = FRAME_ENTRY, .sequence = list};
    if (cursor != NULL) {
        frame.sections = FRAME_HAS_TEXT;
        snprintf(frame.text, sizeof frame.text, "%s", cursor);
    }
    rig_send(&rig->rig, &frame);
}

void
report_rig_task(struct report_rig *rig, uint64_t number, const char *body)
{
    struct frame frame = {.kind = FRAME_TASK,
                          .sequence = number,
                          .sections = FRAME_HAS_BODY,
                          .body = {.data = (const unsigned char *)body, .size = strlen(body)}};
    rig_send(&rig->rig, &frame);
}

const char *
report_rig_result(struct report_rig *rig, bool ok, bool more)
{
    struct frame *frame = rig_take(&rig->rig, FRAME_TASK_RESULT);
    copy_body(rig, frame->body);
    if ((frame->ok != 0) != ok || (frame->more != 0) != more)
        fail_msg("ok %d more %d: %s", frame->ok, frame->more, rig->heard);
    return rig->heard;
}
