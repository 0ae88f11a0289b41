/* What the benchmark programs share: time, percentiles, CPU and memory of other processes, a body that does not
 * compress to nothing. */
#ifndef FEP_BENCH_MEASURE_H
#define FEP_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct latencies {
    uint64_t *ns;
    size_t count, room;
};

uint64_t measure_now_ns(void);
void measure_add(struct latencies *latencies, uint64_t ns);
/* Sorts; then the quantile (0..1) in microseconds, 0 without samples. */
void measure_sort(struct latencies *latencies);
double measure_quantile_us(const struct latencies *latencies, double quantile);
/* User and system seconds of a process so far; 0 if it is gone. */
double measure_cpu_s(pid_t pid);
/* Resident memory in MiB (proportional share); 0 if it is gone. */
double measure_resident_mib(pid_t pid);
/* JSON-looking text of exactly `size` bytes, different for each seed. */
void measure_fill_body(char *out, size_t size, uint64_t seed);
/* json-c's parse of a text, the floor of JSON messages (floor_json.c); its size. Ends the process if it is no JSON. */
size_t measure_parse_json(const char *text, size_t size);

#endif
