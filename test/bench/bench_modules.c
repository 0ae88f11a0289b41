/* Exchanges per second and core through a module's codec and the mapping engine, both roles and both
 * directions, beside the bare libraries' parse of the same bytes: the wire's (bench_family.floor), and with
 * it the canonical documents that the translation reads or writes (json-c: the body, the request behind an
 * answer, the visit). Sockets, the link and the store are not in it. Prints one line a step: bytes on the
 * wire, p50 and p99, the floor of the wire, the whole floor (all in µs), and p50 by the whole floor. Ends
 * with 1 if anything can not be translated.
 *
 *   bench_modules_FAMILY ETC-MAPPING-DIRECTORY [SECONDS-A-STEP [settle|500]]
 */
#include <errno.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "bench_modules.h"
#include "mapping.h"
#include "measure.h"

enum { LINES = 500, MIN_ROUNDS = 20, MAX_ROUNDS = 200000, TURNS = 3 };

struct bench {
    struct mapping *mapping;
    struct mapping_context context;
    struct fep_attempt attempt;
    double seconds;
    /* the case at hand */
    const char *title, *local, *infno;
    bool reads_request;               /* its answers are held against the request */
    char *request_body, *answer_body; /* canonical */
    unsigned char *request, *answer;  /* on the wire */
    unsigned char *made;              /* what was encoded last */
    bool as_caller;                   /* heads as a local system sends them */
    size_t request_size, answer_size;
    struct message_header header;
    struct fep_index index;
};

static struct bench bench;
static struct fep_host host;

static void
fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static struct slice
constant(const char *text)
{
    return (struct slice){.data = (const unsigned char *)text, .size = strlen(text)};
}

/* --- the services of a host that codecs use --- */

static struct fep_record *
create_record(void *self, const char *name)
{
    (void)self;
    const struct fep_layout *layout = mapping_find_layout(bench.mapping, name);
    return layout != NULL ? record_create(layout) : NULL;
}

static void
release_record(void *self, struct fep_record *record)
{
    (void)self;
    record_destroy(record);
}

static const struct fep_layout *
find_layout(void *self, const char *name)
{
    (void)self;
    return mapping_find_layout(bench.mapping, name);
}

static const char *
mapping_text(void *self, const char *section, const char *key)
{
    (void)self;
    return mapping_text_of(bench.mapping, section, key);
}

static int
decode_text(void *self, const unsigned char *in, size_t size, bool lenient, char *out, size_t room,
            struct fep_error *error)
{
    (void)self;
    return mapping_decode_text(bench.mapping, in, size, lenient, out, room, error);
}

static int
encode_text(void *self, const char *in, size_t size, unsigned char *out, size_t room, struct fep_error *error)
{
    (void)self;
    return mapping_encode_text(bench.mapping, in, size, out, room, error);
}

static const struct fep_host services = {.size = sizeof host,
                                         .create_record = create_record,
                                         .release_record = release_record,
                                         .find_layout = find_layout,
                                         .record_layout = record_layout,
                                         .record_rows = record_rows,
                                         .record_add_row = record_add_row,
                                         .record_get = record_get,
                                         .record_set = record_set,
                                         .record_get_in_row = record_get_in_row,
                                         .record_set_in_row = record_set_in_row,
                                         .mapping_text = mapping_text,
                                         .decode_text = decode_text,
                                         .encode_text = encode_text};

size_t
bench_convert(const char *charset, const void *bytes, size_t size, char *out, size_t room)
{
    static iconv_t converter = (iconv_t)-1;
    if (converter == (iconv_t)-1)
        converter = iconv_open("UTF-8", charset);
    char *from = (char *)(uintptr_t)bytes, *to = out;
    size_t left = size, space = room;
    (void)iconv(converter, NULL, NULL, NULL, NULL);
    if (iconv(converter, &from, &left, &to, &space) == (size_t)-1)
        fail("iconv: %s", strerror(errno));
    return room - space;
}

/* --- the canonical messages --- */

static const char visit_request[] =
    "{\"opter\":\"1007\",\"opter_name\":\"陆测试\",\"input\":{\"mdtrtinfo\":{\"psn_no\":"
    "\"45090000000000055512\","
    "\"psn_name\":\"吐尔逊·测试\",\"ipt_no\":\"ZY0021777\",\"med_type\":\"21\",\"insutype\":\"310\"}}}";
static const char visit_answer[] =
    "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"result\":{\"mdtrt_id\":\"DJ202611150000000091\"}}}";

/* The settlement of the protocol text's byte example. */
static const char settle_request[] =
    "{\"opter\":\"1007\",\"opter_name\":\"陆测试\",\"input\":{\"data\":{\"mdtrt_id\":"
    "\"DJ202611150000000091\","
    "\"ipt_otp_no\":\"ZY0021777\",\"psn_no\":\"45090000000000055512\",\"psn_name\":\"吐尔逊·测试\","
    "\"invono\":\"GZ2026112200512\",\"med_type\":\"21\",\"setl_time\":\"2026-11-22 11:30:01\","
    "\"endtime\":\"2026-11-22 10:30:00\",\"dscg_way\":\"1\",\"dscg_maindiag_code\":\"K80.100\","
    "\"dscg_maindiag_name\":\"胆囊结石伴慢性胆囊炎\",\"acct_used_flag\":\"1\",\"mid_setl_flag\":\"0\","
    "\"medfee_sumamt\":11065.67}}}";
static const char settle_answer[] =
    "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"setlinfo\":{\"setl_id\":\"DJS20261122000000451\","
    "\"invono\":\"GZ2026112200512\",\"setl_time\":\"2026-11-22 11:30:06\",\"medfee_sumamt\":11065.67,"
    "\"fund_pay_sumamt\":9572.72,\"acct_pay\":1234.56,\"psn_cash_pay\":258.39,\"hifp_pay\":9068.89,"
    "\"hifob_pay\":0.00,\"hifmi_pay\":0.00,\"cvlserv_pay\":503.83,\"hifes_pay\":0.00,\"maf_pay\":0.00,"
    "\"oth_pay\":0.00,\"fulamt_ownpay_amt\":120.00,\"preselfpay_amt\":469.13,\"overlmt_selfpay\":0.00,"
    "\"inscp_scp_amt\":10476.54,\"act_pay_dedc\":400.00,\"balc\":0.00}}}";

static void
append(char **text, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int put = vsnprintf(*text + *used, BENCH_ROOM - *used, format, arguments);
    va_end(arguments);
    *used += (size_t)put;
    if (*used >= BENCH_ROOM)
        fail("the sample is too long");
}

static char *
make_lines(bool request)
{
    char *text = malloc(BENCH_ROOM);
    size_t used = 0;
    if (text == NULL)
        fail("no memory");
    append(&text, &used,
           request ? "{\"opter\":\"1007\",\"input\":{\"data\":{\"mdtrt_id\":\"DJ202611150000000091\","
                     "\"ipt_otp_no\":\"ZY0021777\",\"psn_no\":\"45090000000000055512\","
                     "\"det_item_fee_sumamt\":%d.00},\"feedetail\":["
                   : "{\"infcode\":0,\"err_msg\":\"\",\"output\":{\"data\":{\"det_item_fee_sumamt\":%d.00},"
                     "\"result\":[",
           LINES * 10);
    for (int i = 0; i < LINES; i++) {
        append(&text, &used, "%s{\"feedetl_sn\":\"20261122%05d\",", i > 0 ? "," : "", i);
        if (request)
            append(&text, &used,
                   "\"rxno\":\"RX%06d\",\"fee_ocur_time\":\"2026-11-22 "
                   "09:%02d:00\",\"medins_list_codg\":\"H%05d\","
                   "\"medins_list_name\":\"注射用头孢曲松钠（测试）\",\"med_list_codg\":\"T000001\","
                   "\"med_list_name\":\"测试胶囊甲\",\"item_kind\":\"1\",\"med_chrgitm_type\":\"09\","
                   "\"pric\":5.0000,"
                   "\"cnt\":2.0000,\"prcunt\":\"盒\",\"spec\":\"0.25g*24片\",\"dosform_name\":\"胶囊剂\","
                   "\"bilg_dept_name\":\"消化内科\",\"bilg_dr_name\":\"韦医生\",",
                   i / 10, i % 60, i);
        append(&text, &used,
               "\"det_item_fee_sumamt\":10.00,\"chrgitm_lv\":\"01\",\"selfpay_prop\":0.0000,"
               "\"fulamt_ownpay_amt\":0.00,\"preselfpay_amt\":0.00,\"overlmt_amt\":0.00,\"inscp_scp_amt\":10."
               "00%s}",
               request ? "" : ",\"pric_uplmt_amt\":0.0000");
    }
    append(&text, &used, "]}}");
    return text;
}

/* --- heads --- */

static void
set_field(struct fep_record *record, const char *name, size_t name_size, const char *value, size_t size)
{
    char field[32];
    snprintf(field, sizeof field, "%.*s", (int)name_size, name);
    int at = layout_find_field(record_layout(record), field, false);
    if (at >= 0 && record_set(record, (size_t)at, value, size) < 0)
        fail("field %s can not be set", field);
}

static void
set_fields(struct fep_record *record, const char *const *fields)
{
    for (; fields != NULL && *fields != NULL; fields += 2)
        set_field(record, fields[0], strlen(fields[0]), fields[1], strlen(fields[1]));
}

static void
complete_head(struct fep_record *head, bool request)
{
    const char *constants = request ? mapping_text_of(bench.mapping, "wire", "head_constants") : NULL;
    while (constants != NULL && *constants != '\0') { /* NAME=VALUE ... */
        size_t name = strcspn(constants, "="), whole = strcspn(constants, " ");
        set_field(head, constants, name, constants + name + 1, whole - name - 1);
        constants += whole + strspn(constants + whole, " ");
    }
    set_fields(head, request ? bench_family.request_head : bench_family.answer_head);
    if (bench.as_caller)
        set_fields(head, bench_family.caller_head);
    if (request)
        set_field(head, bench_family.transaction_field, strlen(bench_family.transaction_field), bench.local,
                  strlen(bench.local));
}

/* --- the four translations --- */

/* The gateway asks: canonical request -> wire. */
static size_t
ask_out(void)
{
    struct fep_error error = {0};
    struct fep_record *head, *body;
    if (mapping_request_out(bench.mapping, &bench.header, &bench.index, constant(bench.request_body),
                            FEP_OP_SUBMIT, &bench.context, &head, &body, &error) == NULL)
        fail("%s, request out: %s", bench.title, error.text);
    complete_head(head, true);
    long size = bench_family.encode(true, head, body, bench.made, &error);
    if (size < 0)
        fail("%s, request encoded: %s", bench.title, error.text);
    record_destroy(head);
    record_destroy(body);
    return (size_t)size;
}

/* Its answer: wire -> canonical. */
static size_t
ask_in(void)
{
    struct fep_error error = {0};
    struct fep_record *head, *body;
    struct fep_index index = bench.index;
    struct fep_result result = {.size = sizeof result, .effect = FEP_EFFECT_POSTED};
    struct slice answer;
    if (bench_family.decode(false, bench.local, bench.answer, bench.answer_size, &head, &body, &error) < 0)
        fail("%s, answer decoded: %s", bench.title, error.text);
    if (mapping_answer_in(bench.mapping, &bench.header, constant(bench.request_body), body, &bench.context,
                          &answer, &index, &result, &error) < 0)
        fail("%s, answer in: %s", bench.title, error.text);
    if (result.reason != FEP_REASON_NONE)
        fail("%s, answer in: %s", bench.title, result.text);
    size_t size = answer.size;
    slice_release(&answer);
    record_destroy(head);
    record_destroy(body);
    return size;
}

/* A local system asks the gateway: wire -> canonical. */
static size_t
serve_in_as(struct mapping_request *request)
{
    struct fep_error error = {0};
    struct fep_record *head, *body;
    char visit[32], area[AREA_SIZE];
    if (bench_family.decode(true, bench.local, bench.request, bench.request_size, &head, &body, &error) < 0)
        fail("%s, request decoded: %s", bench.title, error.text);
    if (mapping_needs_visit(bench.mapping, bench.local, head, body, visit, area) < 0 ||
        mapping_request_in(bench.mapping, bench.local, head, body, &bench.context, request, &error) < 0)
        fail("%s, request in: %s", bench.title, error.text);
    record_destroy(head);
    record_destroy(body);
    return request->body.size;
}

static size_t
serve_in(void)
{
    struct mapping_request request;
    size_t size = serve_in_as(&request);
    slice_release(&request.body);
    return size;
}

static struct mapping_request served;

/* Its answer: canonical -> wire. */
static size_t
serve_out(void)
{
    struct fep_error error = {0};
    struct fep_record *body, *head = create_record(NULL, "head-R");
    struct fep_result result = {
        .size = sizeof result, .effect = FEP_EFFECT_POSTED, .accounting_date = 20261122};
    if (mapping_answer_out(bench.mapping, &served, constant(bench.answer_body), &result, &bench.context,
                           &body, &error) < 0)
        fail("%s, answer out: %s", bench.title, error.text);
    complete_head(head, false);
    long size = bench_family.encode(false, head, body, bench.made, &error);
    if (size < 0)
        fail("%s, answer encoded: %s", bench.title, error.text);
    record_destroy(head);
    record_destroy(body);
    return (size_t)size;
}

static size_t
parse_json(const char *text)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)strlen(text));
    size_t found = object != NULL;
    json_object_put(object);
    json_tokener_free(tokener);
    return found;
}

/* Wire and canonical documents of each translation: read once, by the bare libraries. */
static size_t
wire_request(void)
{
    return bench_family.floor(true, bench.local, bench.request, bench.request_size);
}

static size_t
wire_answer(void)
{
    return bench_family.floor(false, bench.local, bench.answer, bench.answer_size);
}

static size_t
floor_ask_out(void)
{
    return wire_request() + parse_json(bench.request_body);
}

static size_t
floor_answer(void)
{
    size_t found = wire_answer() + parse_json(bench.answer_body);
    return bench.reads_request ? found + parse_json(bench.request_body) : found;
}

static size_t
floor_serve_in(void)
{
    return wire_request() + parse_json(bench.request_body) + parse_json(visit_request) +
           parse_json(visit_answer);
}

/* --- measuring --- */

struct figures {
    double mean_us, p50_us, p99_us;
};

/* CPU time of this thread: what else runs on the machine is not in it. */
static uint64_t
cpu_now_ns(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        fail("clock_gettime: %s", strerror(errno));
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct figures
measure(size_t (*step)(void))
{
    struct latencies latencies = {0};
    struct figures figures;
    volatile size_t found = 0;
    for (int i = 0; i < 20; i++)
        found += step();
    uint64_t begin = cpu_now_ns(), end = begin + (uint64_t)(bench.seconds / TURNS * 1e9), now = begin;
    for (int i = 0; i < MIN_ROUNDS || (now < end && i < MAX_ROUNDS); i++) {
        found += step();
        uint64_t after = cpu_now_ns();
        measure_add(&latencies, after - now);
        now = after;
    }
    figures.mean_us = (double)(now - begin) / 1e3 / (double)latencies.count;
    measure_sort(&latencies);
    figures.p50_us = measure_quantile_us(&latencies, 0.50);
    figures.p99_us = measure_quantile_us(&latencies, 0.99);
    free(latencies.ns);
    return figures;
}

static void
keep_best(struct figures *best, struct figures turn)
{
    if (best->p50_us == 0 || turn.p50_us < best->p50_us)
        *best = turn;
}

/* In turns, the best turn of each: shared caches and clock rates disturb all of them alike. */
static double
report(const char *step, size_t wire_size, size_t (*work)(void), size_t (*floor)(void), size_t (*wire)(void))
{
    struct figures ours = {0}, bare = {0}, wire_only = {0};
    for (int turn = 0; turn < TURNS; turn++) {
        keep_best(&ours, measure(work));
        keep_best(&bare, measure(floor));
        keep_best(&wire_only, measure(wire));
    }
    printf("%-6s %-9s %-18s %7zu %9.1f %9.1f %9.1f %9.1f %6.2f\n", bench_family.name, bench.title, step,
           wire_size, ours.p50_us, ours.p99_us, wire_only.p50_us, bare.p50_us, ours.p50_us / bare.p50_us);
    fflush(stdout);
    return ours.mean_us;
}

static void
run_case(void)
{
    bench.as_caller = true;
    bench.request_size = ask_out();
    bench.as_caller = false;
    memcpy(bench.request, bench.made, bench.request_size);
    serve_in_as(&served);
    bench.answer_size = serve_out();
    memcpy(bench.answer, bench.made, bench.answer_size);
    double out = report("ask: request out", bench.request_size, ask_out, floor_ask_out, wire_request);
    double in = report("ask: answer in", bench.answer_size, ask_in, floor_answer, wire_answer);
    printf("%-6s %-9s %-18s %.0f\n", bench_family.name, bench.title, "asking, exchanges/s", 1e6 / (out + in));
    in = report("serve: request in", bench.request_size, serve_in, floor_serve_in, wire_request);
    out = report("serve: answer out", bench.answer_size, serve_out, floor_answer, wire_answer);
    printf("%-6s %-9s %-18s %.0f\n", bench_family.name, bench.title, "serving, exchanges/s",
           1e6 / (out + in));
    slice_release(&served.body);
}

static void
say_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void
prepare(const char *directory)
{
    char path[1024], base[1024];
    struct fep_error error = {0};
    snprintf(path, sizeof path, "%s/%s", directory, bench_family.mapping);
    snprintf(base, sizeof base, "%s/..", directory);
    bench.mapping = mapping_load(path, base, say_problem, NULL, &error);
    if (bench.mapping == NULL)
        fail("%s: %s", path, error.text);
    host = services;
    if (bench_family.open(&host, &error) < 0)
        fail("%s: %s", bench_family.name, error.text);
    bench.attempt = (struct fep_attempt){.size = sizeof bench.attempt,
                                         .number = 1,
                                         .serial = 1234,
                                         .serial_date = 20261122,
                                         .accounting_date = 20261122};
    static const uint8_t key[32] = {1};
    bench.context = (struct mapping_context){.attempt = &bench.attempt,
                                             .clock_date = 20261122,
                                             .clock_time = 113005,
                                             .visit_infno = "2401",
                                             .visit_request = constant(visit_request),
                                             .visit_answer = constant(visit_answer),
                                             .pseudonym_key = key,
                                             .pseudonym_key_size = sizeof key};
    bench.request = malloc(BENCH_ROOM);
    bench.answer = malloc(BENCH_ROOM);
    bench.made = malloc(BENCH_ROOM);
    if (bench.request == NULL || bench.answer == NULL || bench.made == NULL)
        fail("no memory");
}

static void
begin_case(const char *title, const char *infno, const char *local)
{
    bench.title = title;
    bench.local = local;
    bench.header = (struct message_header){
        .insured_area = "450900", .treat_area = "440100", .institution = "H44010000002"};
    bench.index = (struct fep_index){0};
    snprintf(bench.header.infno, sizeof bench.header.infno, "%s", infno);
    snprintf(bench.header.key.msgid, sizeof bench.header.key.msgid, "H44010000002202611221130010001");
}

int
main(int argc, char **argv)
{
    static char settle_in[sizeof settle_request], settle_out[sizeof settle_answer];
    if (argc < 2)
        fail("usage: %s ETC-MAPPING-DIRECTORY [SECONDS-A-STEP [settle|500]]", argv[0]);
    bench.seconds = argc > 2 ? strtod(argv[2], NULL) : 1.0;
    prepare(argv[1]);
    const char *only = argc > 3 ? argv[3] : "";
    if (strcmp(only, "500") != 0) {
        begin_case("settle", "2304", bench_family.settle);
        bench.reads_request = true;
        bench.request_body = memcpy(settle_in, settle_request, sizeof settle_request);
        bench.answer_body = memcpy(settle_out, settle_answer, sizeof settle_answer);
        run_case();
    }
    if (strcmp(only, "settle") != 0) {
        begin_case("500 lines", "2301", bench_family.details);
        bench.reads_request = false;
        bench.request_body = make_lines(true);
        bench.answer_body = make_lines(false);
        run_case();
        free(bench.request_body);
        free(bench.answer_body);
    }
    free(bench.request);
    free(bench.answer);
    free(bench.made);
    mapping_destroy(bench.mapping);
    return 0;
}
