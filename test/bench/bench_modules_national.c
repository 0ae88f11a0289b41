/* What the national interface costs a core, calling and serving, plain and with SM2 and SM4: canonical body
 * to sealed bytes and back, beside json-c's parse of the same bytes. Sockets, the link and the store are not
 * in it. Prints one line a step: bytes on the wire, p50 and p99, the floor twice (in µs; there is one floor
 * only), p50 by it. Ends with 1 if anything fails.
 *
 *   bench_modules_national ETC-DIRECTORY [SECONDS-A-STEP]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"
#include "message.h"
#include "seal.h"

enum { LINES = 500, MIN_ROUNDS = 20, MAX_ROUNDS = 200000, TURNS = 3, ROOM = 1 << 20 };

static struct {
    struct profile profile;
    struct seal *seal; /* NULL: plain */
    const char *kind, *title, *infno;
    double seconds;
    char *body, *answer;        /* canonical request; answer as a platform writes it */
    struct writer request;      /* plain, as it is called */
    struct seal_message sealed; /* the same as it travels */
    struct seal_message sealed_answer;
    struct seal_field fields[SEAL_MOST_HEADERS];
    const char *wire;
    size_t wire_size;
} bench;

static void
must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_modules_national: %s\n", what);
    exit(1);
}

static int64_t
wall_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

/* --- the steps --- */

static void
fill_scope(const struct json *body, struct scope *scope)
{
    *scope = (struct scope){.infno = bench.infno,
                            .wire = bench.infno,
                            .msgid = "H44010000002202611221130010001",
                            .treat_area = "440100",
                            .insured_area = "450900",
                            .institution = "H44010000002",
                            .sign_no = "1",
                            .serial20 = "20261122000000001234",
                            .date = 20261122,
                            .time = 113005,
                            .body = body,
                            .input = doc_member(body, 0, "input")};
}

static void
make_request(struct writer *out)
{
    struct json body = {0};
    struct scope scope;
    struct fep_error error;
    must(doc_parse(&body, bench.body, strlen(bench.body), &error) == 0, "the canonical request");
    fill_scope(&body, &scope);
    must(message_request(&bench.profile, &scope, NULL, out, &error) == 0, "a request");
    doc_finish(&body);
}

static size_t
request_out(void)
{
    struct writer out = {0};
    struct seal_message wire = {0};
    struct seal_moment moment = {.wall_ms = wall_ms()};
    struct fep_error error;
    make_request(&out);
    if (bench.seal != NULL)
        must(seal_request(bench.seal, &moment, out.data, out.size, &wire, &error) == SEAL_GOOD, "sealing");
    size_t size = out.size + wire.body_size;
    seal_message_finish(&wire);
    writer_free(&out);
    return size;
}

static size_t
answer_in(void)
{
    struct seal_message plain = {0};
    struct verdict verdict;
    struct json body = {0};
    struct scope scope;
    struct writer out = {0};
    struct fep_error error;
    const char *text = bench.answer;
    size_t size = strlen(bench.answer);
    if (bench.seal != NULL) {
        must(seal_open_answer(bench.seal, bench.sealed_answer.body, bench.sealed_answer.body_size, &plain,
                              &error) == SEAL_GOOD,
             "opening an answer");
        text = plain.body;
        size = plain.body_size;
    }
    must(doc_parse(&body, bench.body, strlen(bench.body), &error) == 0, "the canonical request");
    fill_scope(&body, &scope);
    verdict_read(&bench.profile, true, 200, text, size, &verdict);
    must(verdict.kind == FEP_ANSWERED, "an answer");
    must(message_answer_in(&bench.profile, profile_find(&bench.profile, bench.infno), &scope, &verdict, &out,
                           &error) == 0,
         "a canonical answer");
    size = out.size;
    writer_free(&out);
    verdict_finish(&verdict);
    doc_finish(&body);
    seal_message_finish(&plain);
    return size;
}

static size_t
request_in(void)
{
    struct seal_message plain = {0};
    struct request request = {0};
    struct writer out = {0};
    struct fep_error error;
    const char *text = bench.request.data;
    size_t size = bench.request.size;
    if (bench.seal != NULL) {
        must(seal_open_request(bench.seal, wall_ms(), bench.fields, bench.sealed.header_count,
                               bench.sealed.body, bench.sealed.body_size, &plain, &error) == SEAL_GOOD,
             "opening a request");
        text = plain.body;
        size = plain.body_size;
    }
    must(request_read(&bench.profile, text, size, &request, &error) == 0, "a caller's request");
    must(request_source(&bench.profile, &request, "wire.infno", request.wire, sizeof request.wire) > 0,
         "its number");
    must(request_canonical(&bench.profile, &request, &out, &error) == 0, "its canonical form");
    size = out.size;
    writer_free(&out);
    request_finish(&request);
    seal_message_finish(&plain);
    return size;
}

static size_t
answer_out(void)
{
    struct json body = {0};
    struct writer out = {0};
    struct seal_message wire = {0};
    struct fep_error error;
    must(doc_parse(&body, bench.answer, strlen(bench.answer), &error) == 0, "the canonical answer");
    writer_say(&out, "{\"infcode\":0,\"inf_refmsgid\":\"450900202611221130050000000001\",\"output\":");
    answer_output(profile_find(&bench.profile, bench.infno), &body, doc_member(&body, 0, "output"), &out);
    writer_say(&out, "}");
    if (bench.seal != NULL)
        must(seal_answer(bench.seal, wall_ms(), out.data, out.size, &wire, &error) == SEAL_GOOD,
             "sealing an answer");
    size_t size = out.size + wire.body_size;
    seal_message_finish(&wire);
    writer_free(&out);
    doc_finish(&body);
    return size;
}

static size_t
bare(void)
{
    return measure_parse_json(bench.wire, bench.wire_size);
}

/* --- measuring: CPU time of this thread, in turns, the best turn of each --- */

static uint64_t
cpu_now_ns(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0, "clock_gettime");
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
measure(size_t (*step)(void), double *p50, double *p99)
{
    struct latencies latencies = {0};
    volatile size_t found = 0;
    uint64_t now = cpu_now_ns(), end = now + (uint64_t)(bench.seconds / TURNS * 1e9);
    for (int i = 0; i < MIN_ROUNDS || (now < end && i < MAX_ROUNDS); i++) {
        found += step();
        uint64_t after = cpu_now_ns();
        measure_add(&latencies, after - now);
        now = after;
    }
    measure_sort(&latencies);
    double median = measure_quantile_us(&latencies, 0.50);
    if (*p50 == 0 || median < *p50) {
        *p50 = median;
        *p99 = measure_quantile_us(&latencies, 0.99);
    }
    free(latencies.ns);
}

static double
report(const char *step, const char *wire, size_t size, size_t (*work)(void))
{
    double p50 = 0, p99 = 0, floor50 = 0, floor99 = 0;
    bench.wire = wire;
    bench.wire_size = size;
    for (int turn = 0; turn < TURNS; turn++) {
        measure(work, &p50, &p99);
        measure(bare, &floor50, &floor99);
    }
    printf("%-6s %-9s %-18s %7zu %9.1f %9.1f %9.1f %9.1f %6.2f\n", bench.kind, bench.title, step, size, p50,
           p99, floor50, floor50, p50 / floor50);
    (void)fflush(stdout);
    return p50;
}

static void
run_case(void)
{
    struct seal_moment moment = {.wall_ms = wall_ms()};
    struct fep_error error;
    make_request(&bench.request);
    const char *request = bench.request.data, *answer = bench.answer;
    size_t request_size = bench.request.size, answer_size = strlen(bench.answer);
    if (bench.seal != NULL) {
        must(seal_request(bench.seal, &moment, request, request_size, &bench.sealed, &error) == SEAL_GOOD,
             "sealing");
        must(seal_answer(bench.seal, moment.wall_ms, answer, answer_size, &bench.sealed_answer, &error) ==
                 SEAL_GOOD,
             "sealing an answer");
        for (size_t i = 0; i < bench.sealed.header_count; i++) {
            const struct seal_header *header = &bench.sealed.headers[i];
            bench.fields[i] =
                (struct seal_field){header->name, header->value, strlen(header->name), strlen(header->value)};
        }
        request = bench.sealed.body;
        request_size = bench.sealed.body_size;
        answer = bench.sealed_answer.body;
        answer_size = bench.sealed_answer.body_size;
    }
    double us = report("call: request out", request, request_size, request_out);
    us += report("call: answer in", answer, answer_size, answer_in);
    printf("%-6s %-9s %-18s %.0f\n", bench.kind, bench.title, "calling, a core/s", 1e6 / us);
    us = report("serve: request in", request, request_size, request_in);
    us += report("serve: answer out", answer, answer_size, answer_out);
    printf("%-6s %-9s %-18s %.0f\n", bench.kind, bench.title, "serving, a core/s", 1e6 / us);
    writer_free(&bench.request);
    seal_message_finish(&bench.sealed);
    seal_message_finish(&bench.sealed_answer);
}

/* --- the messages --- */

static const char settle_request[] =
    "{\"opter\":\"1007\",\"opter_name\":\"测试员\",\"fixmedins_name\":\"测试医院\",\"input\":{\"data\":{"
    "\"mdtrt_id\":"
    "\"450900G202611150000001\",\"psn_no\":\"45090000000000000003\",\"ipt_otp_no\":\"ZY0000001\","
    "\"insutype\":\"310\","
    "\"med_type\":\"21\",\"invono\":\"FP00000001\",\"setl_time\":\"2026-11-22 "
    "11:30:01\",\"acct_used_flag\":\"1\","
    "\"mid_setl_flag\":\"0\",\"medfee_sumamt\":11065.67,\"endtime\":\"2026-11-22 "
    "11:00:00\",\"dscg_way\":\"1\","
    "\"dscg_maindiag_code\":\"Z51.102\",\"dscg_maindiag_name\":\"恶性肿瘤术后化学治疗\"}}}";
static const char settle_answer[] =
    "{\"infcode\":0,\"inf_refmsgid\":\"450900202611221130050000000001\",\"refmsg_time\":"
    "\"20261122113005000\","
    "\"respond_time\":\"20261122113005120\",\"err_msg\":\"成功\",\"warn_msg\":null,\"output\":{\"setlinfo\":{"
    "\"setl_id\":"
    "\"450900S20261122000000001\",\"mdtrt_id\":\"450900G202611150000001\",\"psn_no\":"
    "\"45090000000000000003\","
    "\"medins_setl_id\":\"H44010000002202611221130010001\",\"setl_time\":\"2026-11-22 "
    "11:30:05\",\"medfee_sumamt\":"
    "11065.67,\"fund_pay_sumamt\":8000.00,\"acct_pay\":0.00,\"psn_cash_pay\":3065.67,\"hifp_pay\":8000.00,"
    "\"hifob_pay\":"
    "0.00,\"hifmi_pay\":0.00,\"cvlserv_pay\":0.00,\"hifes_pay\":0.00,\"maf_pay\":0.00,\"oth_pay\":0.00,"
    "\"fulamt_ownpay_amt\":1000.00,\"preselfpay_amt\":500.00,\"overlmt_selfpay\":0.00,\"inscp_scp_amt\":9565."
    "67,"
    "\"act_pay_dedc\":400.00,\"balc\":1234.56,\"invono\":\"FP00000001\"},\"setldetail\":[{\"fund_pay_type\":"
    "\"310100\","
    "\"fund_payamt\":8000.00,\"inscp_scp_amt\":null,\"setl_proc_info\":\"{}\"}]}}";

static char *
make_lines(const char *begin, const char *format, const char *end)
{
    char *text = malloc(ROOM);
    must(text != NULL, "memory");
    size_t at = (size_t)snprintf(text, ROOM, "%s", begin);
    for (int i = 0; i < LINES; i++) {
        char line[800];
        snprintf(line, sizeof line, "%d", i + 1);
        const char *mark = strchr(format, '#');
        at += (size_t)snprintf(text + at, ROOM - at, "%s%.*s%s%s", i > 0 ? "," : "", (int)(mark - format),
                               format, line, mark + 1);
    }
    (void)snprintf(text + at, ROOM - at, "%s", end);
    return text;
}

static void
write_secret(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    must(file != NULL && fchmod(fileno(file), 0600) == 0 && fputs(text, file) >= 0 && fclose(file) == 0,
         path);
}

/* The published test key: both ends are the same here. */
static void
open_seal(const char *path)
{
    static const char *const secrets[][2] = {
        {"app_id", "00112233445566778899AABBCCDDEEFF"},
        {"app_secret", "FFEEDDCCBBAA99887766554433221100"},
        {"sign_key", "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"},
        {"verify_key",
         "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA60"
         "0AED05FBF35E084A6632F6072DA9AD13"}};
    struct seal_profile profile;
    struct fep_error error;
    char folder[] = "/tmp/fep-bench-XXXXXX", file[512];
    must(mkdtemp(folder) != NULL && chmod(folder, 0700) == 0, "a folder");
    for (size_t i = 0; i < 4; i++)
        write_secret(folder, secrets[i][0], secrets[i][1]);
    bool good = seal_load_profile(path, NULL, NULL, &profile, &error) == 0 &&
                seal_open(&profile, folder, SEAL_ANY, &bench.seal, &error) == 0;
    for (size_t i = 0; i < 4; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, secrets[i][0]);
        (void)unlink(file);
    }
    (void)rmdir(folder);
    must(good, error.text);
}

static void
run_kind(const char *directory, const char *name, const char *kind, char *lines, char *line_answers)
{
    char path[512];
    struct fep_error error;
    static char request[sizeof settle_request], answer[sizeof settle_answer];
    bench.kind = kind;
    snprintf(path, sizeof path, "%s/profile/%s.cfg", directory, name);
    must(profile_read(path, &bench.profile, &error) == 0, error.text);
    if (strcmp(name, "plain") != 0)
        open_seal(path);
    bench.title = "settle";
    bench.infno = "2304";
    bench.body = memcpy(request, settle_request, sizeof request);
    bench.answer = memcpy(answer, settle_answer, sizeof answer);
    run_case();
    bench.title = "500 lines";
    bench.infno = "2301";
    bench.body = lines;
    bench.answer = line_answers;
    run_case();
    seal_close(bench.seal);
    bench.seal = NULL;
}

int
main(int argc, char **argv)
{
    must(argc > 1, "usage: bench_modules_national ETC-DIRECTORY [SECONDS-A-STEP]");
    bench.seconds = argc > 2 ? strtod(argv[2], NULL) : 1.0;
    char *lines = make_lines(
        "{\"opter\":\"1007\",\"input\":{\"data\":{\"mdtrt_id\":\"450900G202611150000001\",\"psn_no\":"
        "\"45090000000000000003\","
        "\"ipt_otp_no\":\"ZY0000001\",\"det_item_fee_sumamt\":50000.00},\"feedetail\":[",
        "{\"feedetl_sn\":\"#\",\"fee_ocur_time\":\"2026-11-22 "
        "10:00:00\",\"medins_list_codg\":\"4401-0001\",\"medins_list_name\":"
        "\"测试胶囊甲\",\"med_list_codg\":\"T000001\",\"item_kind\":\"1\",\"med_chrgitm_type\":\"09\","
        "\"pric\":100.0000,\"cnt\":1.0000,"
        "\"det_item_fee_sumamt\":100.00,\"chrgitm_lv\":\"01\",\"selfpay_prop\":0.0000,\"fulamt_ownpay_amt\":"
        "0.00,"
        "\"preselfpay_amt\":0.00,\"overlmt_amt\":0.00,\"inscp_scp_amt\":100.00,\"bilg_dept_name\":\"内科\"}",
        "]}}");
    char *answers =
        make_lines("{\"infcode\":0,\"inf_refmsgid\":\"1\",\"err_msg\":null,\"output\":{\"result\":[",
                   "{\"feedetl_sn\":\"#\",\"det_item_fee_sumamt\":100.00,\"chrgitm_lv\":\"01\",\"selfpay_"
                   "prop\":\"0.0000\",\"pric_uplmt_amt\":"
                   "999999,\"fulamt_ownpay_amt\":0.00,\"preselfpay_amt\":0.00,\"overlmt_amt\":0.00,\"inscp_"
                   "scp_amt\":100.00,\"memo\":null}",
                   "]}}");
    run_kind(argv[1], "plain", "nat", lines, answers);
    run_kind(argv[1], "envelope", "nat-sm", lines, answers);
    free(lines);
    free(answers);
    return 0;
}
