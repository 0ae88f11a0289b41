/* Measuring helpers; errors end the program, since a benchmark that guesses is worth nothing. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t
measure_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
measure_add(struct latencies *latencies, uint64_t ns)
{
    if (latencies->count == latencies->room) {
        latencies->room = latencies->room == 0 ? 65536 : latencies->room * 2;
        latencies->ns = realloc(latencies->ns, latencies->room * sizeof *latencies->ns);
        if (latencies->ns == NULL)
            abort();
    }
    latencies->ns[latencies->count++] = ns;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void
measure_sort(struct latencies *latencies)
{
    if (latencies->count != 0)
        qsort(latencies->ns, latencies->count, sizeof *latencies->ns, compare);
}

double
measure_quantile_us(const struct latencies *latencies, double quantile)
{
    if (latencies->count == 0)
        return 0;
    return (double)latencies->ns[(size_t)(quantile * (double)(latencies->count - 1) + 0.5)] / 1e3;
}

double
measure_cpu_s(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    unsigned long user = 0, system = 0;
    const char *rest = strrchr(line, ')'); /* the command's name may hold anything */
    if (rest == NULL ||
        sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double
measure_resident_mib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Pss: %lf", &kib) == 1)
            break;
    fclose(file);
    return kib / 1024;
}

void
measure_fill_body(char *out, size_t size, uint64_t seed)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out[i] = letters[state % (sizeof letters - 1)];
    }
    if (size >= 16) {
        memcpy(out, "{\"input\":\"", 10);
        memcpy(out + size - 2, "\"}", 2);
    }
}
