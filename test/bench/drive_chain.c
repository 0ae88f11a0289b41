/* A caller with many requests in flight: drives a chain of gateways through the loopback module's serving
 * side.
 *
 *   drive_chain SOCKET BYTES IN_FLIGHT SECONDS [PID ...]
 *
 * Prints: updates/s, p50, p99, p99.9 in microseconds, CPU microseconds per update over the processes named
 * (this one included), and how many answers were not "answered". Each update is of another person, so that
 * none waits for another's order. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

enum { MOST_IN_FLIGHT = 4096, MOST_PIDS = 32, READ_ROOM = 1 << 20 };

struct driver {
    int fd;
    size_t bytes;
    char *body, *out, *in;
    size_t in_size, in_room;
    char stamp[32];
    uint64_t sent, back, bad;
    uint64_t sent_ns[1 << 16]; /* by number, modulo: far more than are ever in flight */
    struct latencies latencies;
};

static void
fail(const char *doing)
{
    fprintf(stderr, "drive_chain: %s: %s\n", doing, strerror(errno));
    exit(1);
}

static void
write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, data, size);
        if (wrote <= 0)
            fail("write");
        data += wrote;
        size -= (size_t)wrote;
    }
}

static void
send_request(struct driver *driver)
{
    uint64_t number = ++driver->sent;
    int head = snprintf(driver->out + 4, 512,
                        "{\"infno\":\"2207\",\"msgid\":\"H45010000001%s%04llu\",\"insured_area\":\"450900\","
                        "\"treat_area\":\"450100\",\"person\":\"P%llu\"}\n",
                        driver->stamp, (unsigned long long)number, (unsigned long long)number);
    memcpy(driver->out + 4 + head, driver->body + number % 4096, driver->bytes);
    uint32_t size = htonl((uint32_t)((size_t)head + driver->bytes));
    memcpy(driver->out, &size, 4);
    driver->sent_ns[number & 0xffff] = measure_now_ns();
    write_all(driver->fd, driver->out, 4 + (size_t)head + driver->bytes);
}

static void
take_answer(struct driver *driver, char *message, size_t size)
{
    char *msgid = memmem(message, size < 512 ? size : 512, "\"msgid\":\"H45010000001", 21);
    if (msgid == NULL) {
        fprintf(stderr, "drive_chain: an answer without msgid\n");
        exit(1);
    }
    uint64_t number = strtoull(msgid + 21 + strlen(driver->stamp), NULL, 10);
    measure_add(&driver->latencies, measure_now_ns() - driver->sent_ns[number & 0xffff]);
    driver->back++;
    if (memmem(message, size < 512 ? size : 512, "\"kind\":\"answered\"", 17) == NULL)
        driver->bad++;
}

static void
read_answers(struct driver *driver)
{
    if (driver->in_room - driver->in_size < READ_ROOM) {
        driver->in_room = driver->in_room * 2 + 2 * READ_ROOM;
        driver->in = realloc(driver->in, driver->in_room);
        if (driver->in == NULL)
            abort();
    }
    ssize_t got = read(driver->fd, driver->in + driver->in_size, READ_ROOM);
    if (got <= 0)
        fail("the gateway's adapter closed the connection");
    driver->in_size += (size_t)got;
    size_t at = 0;
    while (driver->in_size - at >= 4) {
        uint32_t size;
        memcpy(&size, driver->in + at, 4);
        size = ntohl(size);
        if (driver->in_size - at - 4 < size)
            break;
        take_answer(driver, driver->in + at + 4, size);
        at += 4 + size;
    }
    driver->in_size -= at;
    memmove(driver->in, driver->in + at, driver->in_size);
}

static uint64_t
drive(struct driver *driver, uint64_t in_flight, double seconds)
{
    uint64_t end = measure_now_ns() + (uint64_t)(seconds * 1e9), start = driver->back;
    driver->latencies.count = 0;
    while (measure_now_ns() < end) {
        while (driver->sent - driver->back < in_flight)
            send_request(driver);
        read_answers(driver);
    }
    return driver->back - start;
}

static double
sum_cpu(char **pids, int count)
{
    double sum = measure_cpu_s(getpid());
    for (int i = 0; i < count; i++)
        sum += measure_cpu_s((pid_t)atoi(pids[i]));
    return sum;
}

int
main(int argc, char **argv)
{
    static struct driver driver;
    if (argc < 5) {
        fputs("usage: drive_chain SOCKET BYTES IN_FLIGHT SECONDS [PID ...]\n", stderr);
        return 2;
    }
    driver.bytes = strtoul(argv[2], NULL, 10);
    uint64_t in_flight = strtoull(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    if (in_flight == 0 || in_flight > MOST_IN_FLIGHT)
        return 2;
    driver.out = malloc(driver.bytes + 1024);
    driver.body = malloc(driver.bytes + 4096);
    if (driver.out == NULL || driver.body == NULL)
        abort();
    measure_fill_body(driver.body, driver.bytes + 4096, 7);
    time_t now = time(NULL);
    struct tm parts;
    strftime(driver.stamp, sizeof driver.stamp, "%d%H%M%S", localtime_r(&now, &parts));

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    driver.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (driver.fd < 0 || connect(driver.fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail(argv[1]);

    drive(&driver, in_flight, seconds / 5); /* to working size */
    double cpu = sum_cpu(argv + 5, argc - 5);
    uint64_t start = measure_now_ns(), done = drive(&driver, in_flight, seconds);
    double elapsed = (double)(measure_now_ns() - start) / 1e9;
    cpu = sum_cpu(argv + 5, argc - 5) - cpu;
    measure_sort(&driver.latencies);
    printf("%.0f %.0f %.0f %.0f %.0f %llu\n", (double)done / elapsed,
           measure_quantile_us(&driver.latencies, .5), measure_quantile_us(&driver.latencies, .99),
           measure_quantile_us(&driver.latencies, .999), cpu / (double)(done != 0 ? done : 1) * 1e6,
           (unsigned long long)driver.bad);
    while (driver.back < driver.sent)
        read_answers(&driver);
    return driver.bad != 0;
}
