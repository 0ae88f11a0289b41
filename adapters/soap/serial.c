/* Serials: node (12), a time of 14 digits, four digits. The router names an attempt by its day and twelve
 * digits: two of its incarnation, ten of a counter. Both fit into one day's 864 million times and numbers as
 * long as an incarnation draws fewer than eight million a day; beyond that a call is refused unsent, because
 * two requests under one serial would get one answer.
 *
 *     0 .. 791 999 999              the router's: incarnation * 8 000 000 + counter modulo 8 000 000
 *     792 000 000 .. 863 999 999    our own: by the second of the day, so that a restart draws none again
 *
 * The time in a serial is therefore no clock. Must never give two attempts of one day the same serial. */
#include "soap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum { PER_INCARNATION = 8000000, OWN_FIRST = 792000000, OWN_PER_SECOND = 833, SECONDS_A_DAY = 86400 };
#define COUNTER_SIZE 10000000000ull

static void
write_serial(const struct soap *soap, uint32_t date, uint32_t number, char serial[SOAP_SERIAL_SIZE])
{
    unsigned second = number / 10000;
    snprintf(serial, SOAP_SERIAL_SIZE, "%.12s%08u%02u%02u%02u%04u", soap->codec.wire.node, date % 100000000u,
             second / 3600 % 24, second / 60 % 60, second % 60, number % 10000);
}

int
serial_of_attempt(struct soap *soap, const struct fep_attempt *attempt, char serial[SOAP_SERIAL_SIZE],
                  struct fep_error *error)
{
    uint64_t incarnation = attempt->serial / COUNTER_SIZE, counter = attempt->serial % COUNTER_SIZE;
    if (incarnation >= 99) { /* the host's own, for a query */
        serial_draw(soap, serial);
        return 0;
    }
    uint64_t key = incarnation * COUNTER_SIZE + counter;
    if (attempt->serial_date > soap->serial_date) {
        soap->serial_date = attempt->serial_date;
        soap->serial_first = key;
    } else if (attempt->serial_date == soap->serial_date &&
               soap->serial_first / COUNTER_SIZE == incarnation) {
        if (key < soap->serial_first)
            soap->serial_first = key;
        if (key - soap->serial_first >= PER_INCARNATION)
            return set_error(error, FEP_NOT_SENT, 9001, "the serials of the day are used up");
    }
    write_serial(soap, attempt->serial_date,
                 (uint32_t)(incarnation * PER_INCARNATION + counter % PER_INCARNATION), serial);
    return 0;
}

void
serial_draw(struct soap *soap, char serial[SOAP_SERIAL_SIZE])
{
    const struct fep_host *host = soap->host;
    uint32_t date, time;
    host->read_local_time(host->self, &date, &time);
    uint32_t second = time / 10000 * 3600 + time / 100 % 100 * 60 + time % 100;
    uint32_t least = second % SECONDS_A_DAY * OWN_PER_SECOND;
    if (date != soap->own_date) {
        soap->own_date = date;
        soap->own_number = least;
    } else {
        soap->own_number = soap->own_number + 1 > least ? soap->own_number + 1 : least;
    }
    write_serial(soap, date, OWN_FIRST + soap->own_number % (SECONDS_A_DAY * OWN_PER_SECOND), serial);
}

/* Of the counters that a serial may stand for, the one nearest to those drawn lately. */
static uint64_t
find_counter(const struct soap *soap, uint64_t incarnation, uint64_t rest)
{
    if (soap->serial_date == 0 || soap->serial_first / COUNTER_SIZE != incarnation)
        return rest;
    uint64_t known = soap->serial_first % COUNTER_SIZE, counter = known - known % PER_INCARNATION + rest;
    if (counter > known + PER_INCARNATION / 2 && counter >= PER_INCARNATION)
        counter -= PER_INCARNATION;
    else if (counter + PER_INCARNATION / 2 < known)
        counter += PER_INCARNATION;
    return counter;
}

bool
serial_to_attempt(const struct soap *soap, struct fep_bytes serial, char out[24])
{
    const char *text = (const char *)serial.data;
    size_t node = strlen(soap->codec.wire.node);
    unsigned date, hour, minute, second, last;
    char digits[19];
    if (serial.size != 30 || node != 12 || memcmp(text, soap->codec.wire.node, node) != 0 ||
        !is_all_digits(text + node, 18))
        return false;
    memcpy(digits, text + node, 18);
    digits[18] = '\0';
    if (sscanf(digits, "%8u%2u%2u%2u%4u", &date, &hour, &minute, &second, &last) != 5 || hour > 23 ||
        minute > 59 || second > 59 || date / 100 % 100 - 1 > 11 || date % 100 - 1 > 30)
        return false;
    uint64_t number = ((uint64_t)hour * 3600 + minute * 60 + second) * 10000 + last;
    if (number >= OWN_FIRST)
        return false;
    uint64_t incarnation = number / PER_INCARNATION,
             counter = find_counter(soap, incarnation, number % PER_INCARNATION);
    snprintf(out, 24, "%08u%02u%010llu", date, (unsigned)incarnation,
             (unsigned long long)(counter % COUNTER_SIZE));
    return true;
}

uint32_t
serial_date(struct fep_bytes serial)
{
    char digits[9];
    if (serial.size != 30 || !is_all_digits((const char *)serial.data + 12, 18))
        return 0;
    memcpy(digits, serial.data + 12, 8);
    digits[8] = '\0';
    return (uint32_t)strtoul(digits, NULL, 10);
}
