/* Dates as people write them. The forms are those of the GNU manual's chapter 'Date input formats'. */
#define _GNU_SOURCE
#include "dates.h"

#include "date_words.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct state {
    const char *at;
    struct token now, next, third;
    long long year, month, day, hour, minute, second;
    long nano;
    int dates, times, zones, weekdays, relatives, epochs, year_seen;
    long long offset; /* of the zone, in minutes east */
    int weekday;
    long long ordinal;
    long long rel_year, rel_month, rel_day, rel_hour, rel_minute, rel_second;
    long rel_nano;
    long long epoch;
};

static void advance(struct state *s)
{
    s->now = s->next;
    s->next = s->third;
    s->third = date_token(&s->at);
}

static int is_punct(const struct token *t, int c) { return t->kind == PUNCT && t->punct == c; }

static int add_relative(struct state *s, int unit, long long n, long nano)
{
    if (s->now.kind == WORD && !strcmp(s->now.text, "ago")) {
        advance(s);
        n = -n;
        nano = -nano;
    }
    long long *fields[] = {&s->rel_second, &s->rel_minute, &s->rel_hour, &s->rel_day, &s->rel_month, &s->rel_year};
    if (__builtin_add_overflow(*fields[unit - 1], n, fields[unit - 1])) return 0;
    if (unit == 1) s->rel_nano += nano;
    s->relatives = 1;
    return 1;
}

static long long full_year(long long year, int digits)
{
    return digits > 2 || year < 0 ? year : year < 69 ? year + 2000 : year + 1900;
}

/* +HH, +HHMM or +HH:MM; the sign's token is the present one. */
static int zone_offset(struct state *s)
{
    long long n = s->now.number < 0 ? -s->now.number : s->now.number, minutes;
    int sign = s->now.sign, digits = s->now.digits;
    advance(s);
    if (is_punct(&s->now, ':') && s->next.kind == NUMBER) {
        minutes = n * 60 + s->next.number;
        advance(s);
        advance(s);
    } else minutes = digits <= 2 ? n * 60 : n / 100 * 60 + n % 100;
    if (minutes > 24 * 60) return 0;
    s->offset += sign * minutes;
    return 1;
}

static int meridian(struct state *s)
{
    int pm = s->now.kind == WORD && (!strcmp(s->now.text, "pm") || !strcmp(s->now.text, "p"));
    if (!pm && !(s->now.kind == WORD && (!strcmp(s->now.text, "am") || !strcmp(s->now.text, "a")))) return 0;
    advance(s);
    if (s->hour < 1 || s->hour > 12) s->hour = 99;
    else s->hour = s->hour % 12 + (pm ? 12 : 0);
    return 1;
}

/* The present token is the hour, ':' comes next. */
static int clock_time(struct state *s)
{
    s->times++;
    s->hour = s->now.number;
    advance(s);
    advance(s);
    if (s->now.kind != NUMBER) return 0;
    s->minute = s->now.number;
    advance(s);
    if (is_punct(&s->now, ':') && s->next.kind == NUMBER) {
        advance(s);
        s->second = s->now.number;
        s->nano = s->now.nano;
        advance(s);
    }
    if (meridian(s)) return 1;
    if (s->now.kind == SIGNED) {
        s->zones++;
        return zone_offset(s);
    }
    return 1;
}

static int number_first(struct state *s)
{
    struct token n = s->now;
    long long times;
    int month;
    if (is_punct(&s->next, ':')) return clock_time(s);
    if (is_punct(&s->next, '/') && s->third.kind == NUMBER) {
        advance(s);
        advance(s);
        struct token second = s->now;
        advance(s);
        s->dates++;
        if (is_punct(&s->now, '/') && s->next.kind == NUMBER) {
            advance(s);
            s->year_seen = 1;
            if (n.digits > 3) s->year = n.number, s->month = second.number, s->day = s->now.number;
            else s->month = n.number, s->day = second.number, s->year = full_year(s->now.number, s->now.digits);
            advance(s);
        } else s->month = n.number, s->day = second.number;
        return 1;
    }
    /* 2020-01-02: the dashes came as signs. */
    if (s->next.kind == SIGNED && s->next.sign < 0 && !s->next.spaced && s->third.kind == SIGNED && s->third.sign < 0 && !s->third.spaced) {
        s->dates++;
        s->year_seen = 1;
        s->year = full_year(n.number, n.digits);
        s->month = -s->next.number;
        advance(s);
        s->day = -s->next.number;
        advance(s);
        advance(s);
        if (s->now.kind == WORD && !strcmp(s->now.text, "t") && s->next.kind == NUMBER) advance(s);
        return 1;
    }
    /* 02-Jan-2020 */
    if (is_punct(&s->next, '-') && s->third.kind == WORD && (month = date_month_of(s->third.text))) {
        advance(s);
        advance(s);
        s->dates++;
        s->day = n.number;
        s->month = month;
        advance(s);
        if (s->now.kind == SIGNED && s->now.sign < 0) {
            s->year_seen = 1;
            s->year = full_year(-s->now.number, s->now.digits);
            advance(s);
        }
        return 1;
    }
    if (s->next.kind == WORD) {
        if ((month = date_month_of(s->next.text))) {
            s->dates++;
            s->day = n.number;
            s->month = month;
            advance(s);
            advance(s);
            if (s->now.kind == NUMBER && !is_punct(&s->next, ':') && s->now.digits >= 3) {
                s->year = s->now.number;
                s->year_seen = 1;
                advance(s);
            }
            return 1;
        }
        int unit = date_unit_of(s->next.text, &times);
        if (unit) {
            advance(s);
            advance(s);
            return (!n.fraction || unit == 1) && n.digits < 19 && add_relative(s, unit, n.number * times, n.nano);
        }
        int weekday = date_weekday_of(s->next.text);
        if (weekday >= 0) {
            s->weekdays++;
            s->ordinal = n.number;
            s->weekday = weekday;
            advance(s);
            advance(s);
            return 1;
        }
        if (!strcmp(s->next.text, "am") || !strcmp(s->next.text, "pm")) {
            s->times++;
            s->hour = n.number;
            s->minute = s->second = 0;
            advance(s);
            return meridian(s);
        }
        if (!strcmp(s->next.text, "t") && n.digits == 8 && s->third.kind == NUMBER) {
            s->dates++;
            s->year_seen = 1;
            s->year = n.number / 10000, s->month = n.number / 100 % 100, s->day = n.number % 100;
            advance(s);
            advance(s);
            return 1;
        }
    }
    advance(s);
    if (n.fraction) return 0;
    if (s->dates && !s->year_seen && !s->relatives && (s->times || n.digits > 2)) {
        s->year_seen = 1;
        s->year = full_year(n.number, n.digits);
        return 1;
    }
    if (n.digits > 4) {
        s->dates++;
        s->year_seen = 1;
        s->day = n.number % 100, s->month = n.number / 100 % 100, s->year = full_year(n.number / 10000, n.digits - 4);
        return n.digits <= 10;
    }
    s->times++;
    s->hour = n.digits <= 2 ? n.number : n.number / 100;
    s->minute = n.digits <= 2 ? 0 : n.number % 100;
    s->second = 0;
    if (s->now.kind == SIGNED) {
        s->zones++;
        return zone_offset(s);
    }
    return 1;
}

static int word_first(struct state *s)
{
    struct token w = s->now;
    long long n, times;
    int unit, month, weekday;
    if ((month = date_month_of(w.text))) {
        advance(s);
        s->dates++;
        s->month = month;
        if (s->now.kind == SIGNED && s->now.sign < 0 && s->next.kind == SIGNED) { /* Jan-02-2020 */
            s->day = -s->now.number;
            advance(s);
            s->year = full_year(-s->now.number, s->now.digits);
        } else if (s->now.kind == NUMBER) {
            s->day = s->now.number;
            if (s->now.digits > 2) return 0;
        } else return 0;
        advance(s);
        return 1;
    }
    if ((weekday = date_weekday_of(w.text)) >= 0) {
        advance(s);
        s->weekdays++;
        s->ordinal = 0;
        s->weekday = weekday;
        return 1;
    }
    if (date_ordinal_of(w.text, &n)) {
        advance(s);
        if (s->now.kind != WORD) return 0;
        if ((unit = date_unit_of(s->now.text, &times))) {
            advance(s);
            return add_relative(s, unit, n * times, 0);
        }
        if ((weekday = date_weekday_of(s->now.text)) < 0) return 0;
        advance(s);
        s->weekdays++;
        s->ordinal = n;
        s->weekday = weekday;
        return 1;
    }
    int shift = date_find_word("yesterday today tomorrow now", w.text, 0);
    if (shift >= 0) {
        advance(s);
        s->rel_day += shift == 3 ? 0 : shift - 1;
        s->relatives = 1;
        return 1;
    }
    if (date_zone_of(w.text, &n)) {
        advance(s);
        s->zones++;
        s->offset = n;
        if (s->now.kind == SIGNED && !date_unit_of(s->next.kind == WORD ? s->next.text : "", &times)) return zone_offset(s);
        return 1;
    }
    if ((unit = date_unit_of(w.text, &times))) {
        advance(s);
        return add_relative(s, unit, times, 0);
    }
    if (!strcmp(w.text, "t") && s->next.kind == NUMBER) { /* between a date and a time */
        advance(s);
        return 1;
    }
    return 0;
}

static int item(struct state *s)
{
    long long times;
    if (s->now.kind == NUMBER) return number_first(s);
    if (s->now.kind == WORD) return word_first(s);
    if (s->now.kind == SIGNED) {
        struct token n = s->now;
        advance(s);
        int unit = s->now.kind == WORD ? date_unit_of(s->now.text, &times) : 0;
        if (!unit || n.digits >= 19 || (n.fraction && unit != 1)) return 0;
        advance(s);
        return add_relative(s, unit, n.number * times, n.nano);
    }
    return 0;
}

static int seconds_since_epoch(const char *text, struct timespec *out)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    int negative = *text == '-';
    long nano = 0, unit = 100000000;
    if (end == text) return 0;
    if (*end == '.' || *end == ',')
        for (end++; isdigit((unsigned char)*end); end++, unit /= 10) nano += unit * (*end - '0');
    while (isspace((unsigned char)*end)) end++;
    if (*end) return 0;
    if (negative && nano) n--, nano = 1000000000 - nano;
    *out = (struct timespec){.tv_sec = (time_t)n, .tv_nsec = nano};
    return 1;
}

int date_parse(const char *text, struct timespec now, struct timespec *out)
{
    struct state s = {.at = text};
    while (isspace((unsigned char)*text)) text++;
    if (*text == '@') return seconds_since_epoch(text + 1, out);
    struct tm base;
    gmtime_r(&now.tv_sec, &base);
    s.year = base.tm_year + 1900, s.month = base.tm_mon + 1, s.day = base.tm_mday;
    for (int i = 0; i < 3; i++) advance(&s);
    while (s.now.kind != END)
        if (!item(&s)) return 0;
    if (s.dates > 1 || s.times > 1 || s.zones > 1 || s.weekdays > 1) return 0;
    if (s.times || s.dates || s.weekdays) {
        if (!s.times) s.hour = s.minute = s.second = 0, s.nano = 0;
    } else if (*text == 0 || (s.zones && !s.relatives)) {
        s.hour = s.minute = s.second = 0;
    } else {
        s.hour = base.tm_hour, s.minute = base.tm_min, s.second = base.tm_sec;
        s.nano = now.tv_nsec;
    }
    if (s.hour > 24 || s.minute > 59 || s.second > 60 || s.year > INT_MAX || s.month > 12 || s.month < 1 || s.day > 31 || s.day < 1) return 0;
    struct tm tm = {.tm_year = (int)(s.year - 1900), .tm_mon = (int)s.month - 1, .tm_mday = (int)s.day, .tm_hour = (int)s.hour,
                    .tm_min = (int)s.minute, .tm_sec = (int)s.second};
    struct tm given = tm;
    timegm(&tm);
    if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday || tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min) return 0;
    if (s.weekdays && !s.dates)
        tm.tm_mday += (s.weekday - tm.tm_wday + 7) % 7 + (int)(7 * (s.ordinal - (s.ordinal > 0 && tm.tm_wday != s.weekday)));
    if (llabs(s.rel_year) > INT_MAX / 4 || llabs(s.rel_month) > INT_MAX / 4 || llabs(s.rel_day) > INT_MAX / 4) return 0;
    tm.tm_year += (int)s.rel_year;
    tm.tm_mon += (int)s.rel_month;
    tm.tm_mday += (int)s.rel_day;
    long long seconds = timegm(&tm), nano = (long long)s.nano + s.rel_nano;
    long long more;
    if (__builtin_mul_overflow(s.rel_hour, 3600, &more) || __builtin_add_overflow(seconds, more, &seconds) ||
        __builtin_mul_overflow(s.rel_minute, 60, &more) || __builtin_add_overflow(seconds, more, &seconds) ||
        __builtin_add_overflow(seconds, s.rel_second - s.offset * 60, &seconds))
        return 0;
    seconds += nano / 1000000000;
    nano %= 1000000000;
    if (nano < 0) nano += 1000000000, seconds--;
    *out = (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)nano};
    return 1;
}
