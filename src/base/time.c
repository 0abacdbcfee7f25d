/* Clocks, and times as text. */
#include "mews/base.h"

#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t time_now(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint64_t time_mono(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

const char *time_format(uint64_t ts, enum time_form form, bool utc, char out[40])
{
    static const struct {
        const char *pattern;
        bool fraction;
    } forms[] = {
        [TIME_CLOCK] = {"%H:%M:%S", true},
        [TIME_CLOCK_S] = {"%H:%M:%S", false},
        [TIME_DATETIME] = {"%Y-%m-%d %H:%M:%S", true},
        [TIME_DATETIME_S] = {"%Y-%m-%d %H:%M:%S", false},
        [TIME_ISO8601] = {"%Y-%m-%dT%H:%M:%S", true},
        [TIME_SHORT] = {"%m-%d %H:%M:%S", false},
    };
    time_t s = (time_t)(ts / NS_PER_S);
    struct tm tm;
    size_t n;

    if (utc || form == TIME_ISO8601)
        gmtime_r(&s, &tm);
    else
        localtime_r(&s, &tm);
    n = strftime(out, 24, forms[form].pattern, &tm);
    if (forms[form].fraction)
        snprintf(out + n, 40 - n, ".%09u%s", (unsigned)(ts % NS_PER_S),
                 form == TIME_ISO8601 ? "+0000" : "");
    return out;
}
