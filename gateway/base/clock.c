/* The system's clocks and the calendar of China Standard Time (UTC+8, no summer time). Must not depend on the
 * process's TZ or on libc's time zone data: a wrong TZ would date settlements wrongly. Cannot fail. */
#include "clock.h"

#include <stdio.h>
#include <time.h>

#define DAY_MS    86400000ll
#define OFFSET_MS (8 * 3600000ll)

static int64_t
read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
read_monotonic(void *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t
read_wall(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

const struct clock clock_system = {read_monotonic, read_wall, NULL};

/* Days since 1970-01-01 of a Gregorian date; March-based years, so that the leap day comes last. */
static int64_t
days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static uint32_t
civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return (uint32_t)(year * 10000 + month * 100 + day);
}

/* Splits local time into whole days and the rest of the day, also before 1970. */
static int64_t
split_day(int64_t wall_ms, int64_t *rest_ms)
{
    int64_t local = wall_ms + OFFSET_MS;
    int64_t days = local / DAY_MS;
    int64_t rest = local % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    *rest_ms = rest;
    return days;
}

uint32_t
clock_date(int64_t wall_ms)
{
    int64_t rest;
    return civil_from_days(split_day(wall_ms, &rest));
}

uint32_t
clock_time(int64_t wall_ms)
{
    int64_t rest;
    split_day(wall_ms, &rest);
    int64_t seconds = rest / 1000;
    return (uint32_t)(seconds / 3600 * 10000 + seconds / 60 % 60 * 100 + seconds % 60);
}

static int64_t
days_of(uint32_t date)
{
    return days_from_civil(date / 10000, date / 100 % 100, date % 100);
}

int
clock_days_between(uint32_t from, uint32_t to)
{
    return (int)(days_of(to) - days_of(from));
}

bool
clock_date_is_valid(uint32_t date)
{
    uint32_t month = date / 100 % 100, day = date % 100;
    if (date < 19000101 || date > 99991231 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    return civil_from_days(days_of(date)) == date;
}

void
clock_format(int64_t wall_ms, char out[32])
{
    int64_t rest;
    uint32_t date = civil_from_days(split_day(wall_ms, &rest));
    uint32_t time = clock_time(wall_ms);
    snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03u+08:00", date / 10000 % 10000, date / 100 % 100,
             date % 100, time / 10000 % 100, time / 100 % 100, time % 100, (unsigned)(rest % 1000));
}
