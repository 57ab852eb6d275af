/* How sort compares lines: numbers, months, versions, text, by keys. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sort.h"

int sort_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Where field number n starts. */
static const char *field_start(const char *p, const char *end, size_t n)
{
    while (--n && p < end) {
        if (sort_separator >= 0) {
            while (p < end && *p != (char)sort_separator) p++;
            if (p < end) p++;
        } else {
            while (p < end && sort_is_blank(*p)) p++;
            while (p < end && !sort_is_blank(*p)) p++;
        }
    }
    return p;
}

static const char *field_end(const char *p, const char *end)
{
    if (sort_separator >= 0) {
        while (p < end && *p != (char)sort_separator) p++;
    } else {
        while (p < end && sort_is_blank(*p)) p++;
        while (p < end && !sort_is_blank(*p)) p++;
    }
    return p;
}

void sort_find_key(const struct key *k, const char *line, size_t len, const char **start, size_t *length)
{
    const char *end = line + len, *from = field_start(line, end, k->field), *to = end;
    if (k->how.blanks)
        while (from < end && sort_is_blank(*from)) from++;
    from = (size_t)(end - from) > k->chr - 1 ? from + (k->chr - 1) : end;
    if (k->end_field) {
        to = field_start(line, end, k->end_field);
        if (k->end_chr) {
            if (k->how.blanks_end)
                while (to < end && sort_is_blank(*to)) to++;
            to = (size_t)(end - to) > k->end_chr ? to + k->end_chr : end;
        } else to = field_end(to, end);
    }
    *start = from;
    *length = to > from ? (size_t)(to - from) : 0;
}

struct number {
    int negative, zero;
    const char *whole, *fraction;
    size_t whole_len, fraction_len;
    const char *after;
};

static struct number parse_number(const char *p, const char *end)
{
    struct number n = {0};
    while (p < end && sort_is_blank(*p)) p++;
    if (p < end && *p == '-') n.negative = 1, p++;
    while (p < end && *p == '0') p++;
    n.whole = p;
    while (p < end && isdigit((unsigned char)*p)) p++;
    n.whole_len = (size_t)(p - n.whole);
    if (p < end && *p == '.') {
        n.fraction = ++p;
        while (p < end && isdigit((unsigned char)*p)) p++;
        n.fraction_len = (size_t)(p - n.fraction);
        while (n.fraction_len && n.fraction[n.fraction_len - 1] == '0') n.fraction_len--;
    }
    n.after = p;
    n.zero = !n.whole_len && !n.fraction_len;
    return n;
}

static int compare_numbers(const struct number *a, const struct number *b)
{
    int na = a->negative && !a->zero, nb = b->negative && !b->zero;
    if (a->zero && b->zero) return 0;
    if (na != nb) return na ? -1 : 1;
    int order = 0;
    if (a->whole_len != b->whole_len) order = a->whole_len < b->whole_len ? -1 : 1;
    else order = memcmp(a->whole, b->whole, a->whole_len);
    if (!order) {
        size_t n = a->fraction_len < b->fraction_len ? a->fraction_len : b->fraction_len;
        order = n ? memcmp(a->fraction, b->fraction, n) : 0;
        if (!order) order = (a->fraction_len > b->fraction_len) - (a->fraction_len < b->fraction_len);
    }
    return na ? -order : order;
}

static int unit(const struct number *n, const char *end)
{
    static const char units[] = "KMGTPEZY";
    char c = n->after < end ? *n->after : 0;
    const char *at = c == 'k' ? units : c ? strchr(units, c) : NULL;
    int rank = at ? (int)(at - units) + 1 : 0;
    return n->zero ? 0 : n->negative ? -rank : rank;
}

static int month(const char *p, const char *end)
{
    static const char names[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";
    while (p < end && sort_is_blank(*p)) p++;
    if (end - p < 3) return 0;
    for (int m = 0; m < 12; m++)
        if (!strncasecmp(p, names + 3 * m, 3)) return m + 1;
    return 0;
}

/* Letters before everything else, a tilde before the end. */
static int version_rank(const char *p, const char *end)
{
    if (p == end || isdigit((unsigned char)*p)) return 0;
    if (isalpha((unsigned char)*p)) return (unsigned char)*p;
    return *p == '~' ? -1 : (unsigned char)*p + 256;
}

static int compare_versions(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while (a < a_end || b < b_end) {
        while ((a < a_end && !isdigit((unsigned char)*a)) || (b < b_end && !isdigit((unsigned char)*b))) {
            int order = version_rank(a, a_end) - version_rank(b, b_end);
            if (order) return order;
            a += a < a_end;
            b += b < b_end;
        }
        while (a < a_end && *a == '0') a++;
        while (b < b_end && *b == '0') b++;
        int first = 0;
        while (a < a_end && b < b_end && isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            if (!first) first = *a - *b;
            a++, b++;
        }
        if (a < a_end && isdigit((unsigned char)*a)) return 1;
        if (b < b_end && isdigit((unsigned char)*b)) return -1;
        if (first) return first;
    }
    return 0;
}

static uint64_t mix(const char *p, size_t len)
{
    uint64_t h = sort_salt ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++) h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
    h ^= h >> 29;
    return h * 0x9E3779B97F4A7C15u;
}

static int compare_text(const struct how *how, const char *a, size_t na, const char *b, size_t nb)
{
    if (!how->fold && !how->dictionary && !how->printable) {
        int order = memcmp(a, b, na < nb ? na : nb);
        return order ? order : (na > nb) - (na < nb);
    }
    const char *a_end = a + na, *b_end = b + nb;
    for (;; a++, b++) {
#define LEFT_OUT(c) \
    ((how->dictionary && !isalnum((unsigned char)(c)) && !sort_is_blank(c)) || (how->printable && !isprint((unsigned char)(c))))
        while (a < a_end && LEFT_OUT(*a)) a++;
        while (b < b_end && LEFT_OUT(*b)) b++;
        if (a == a_end || b == b_end) return (a < a_end) - (b < b_end);
        int order = how->fold ? toupper((unsigned char)*a) - toupper((unsigned char)*b) : (unsigned char)*a - (unsigned char)*b;
        if (order) return order;
    }
}

static int compare_keys(const struct how *how, const char *a, size_t na, const char *b, size_t nb)
{
    int order = 0;
    switch (how->order) {
    case BYTES: order = compare_text(how, a, na, b, nb); break;
    case NUMERIC:
    case HUMAN: {
        struct number x = parse_number(a, a + na), y = parse_number(b, b + nb);
        if (how->order == HUMAN) order = unit(&x, a + na) - unit(&y, b + nb);
        if (!order) order = compare_numbers(&x, &y);
        break;
    }
    case GENERAL: {
        char x[128], y[128], *xe, *ye;
        snprintf(x, sizeof(x), "%.*s", (int)(na < 120 ? na : 120), a);
        snprintf(y, sizeof(y), "%.*s", (int)(nb < 120 ? nb : 120), b);
        double p = strtod(x, &xe), q = strtod(y, &ye);
        if (xe == x || ye == y) order = (xe != x) - (ye != y);
        else order = p < q ? -1 : p > q ? 1 : p == q ? 0 : (p == p) - (q == q);
        break;
    }
    case MONTH: order = month(a, a + na) - month(b, b + nb); break;
    case VERSION: order = compare_versions(a, a + na, b, b + nb); break;
    case RANDOM: {
        uint64_t x = mix(a, na), y = mix(b, nb);
        order = x < y ? -1 : x > y;
        break;
    }
    }
    return how->reverse ? -order : order;
}

/* The sign, how many digits stand before the point, and the first thirteen digits: as an order of numbers has them. */
static uint64_t rank_number(const char *key, size_t len)
{
    enum { DIGITS = 13, MOST = 1023 };
    struct number n = parse_number(key, key + len);
    int huge = n.whole_len >= MOST;
    uint64_t rank = huge ? MOST : n.whole_len;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t f = i - n.whole_len;
        char digit = huge ? '0' : i < n.whole_len ? n.whole[i] : n.fraction && f < n.fraction_len ? n.fraction[f] : '0';
        rank = rank << 4 | (uint64_t)(digit - '0');
    }
    rank |= 1ull << 63;
    return n.negative && !n.zero ? ~rank : rank;
}

static const struct how *first_how(void)
{
    return sort_key_count ? &sort_keys[0].how : &sort_global;
}

uint64_t sort_rank(const char *key, size_t len)
{
    const struct how *how = first_how();
    if (how->order == NUMERIC) return rank_number(key, len);
    if (how->order != BYTES || how->fold || how->dictionary || how->printable) return 0;
    uint64_t rank = 0;
    for (size_t i = 0; i < RANKED; i++) rank = rank << 8 | (i < len ? (unsigned char)key[i] : 0);
    return rank;
}

int sort_plain(void)
{
    const struct how *how = &sort_global;
    return !sort_key_count && how->order == BYTES && !how->fold && !how->dictionary && !how->printable && !how->blanks;
}

int sort_compare(const struct line *a, const struct line *b)
{
    const struct how *how = first_how();
    if (a->rank != b->rank) return (a->rank < b->rank) == !how->reverse ? -1 : 1;
    int order = compare_keys(how, a->key, a->key_len, b->key, b->key_len);
    for (size_t i = 1; !order && i < sort_key_count; i++) {
        const char *x, *y;
        size_t nx, ny;
        sort_find_key(&sort_keys[i], a->at, a->len, &x, &nx);
        sort_find_key(&sort_keys[i], b->at, b->len, &y, &ny);
        order = compare_keys(&sort_keys[i].how, x, nx, y, ny);
    }
    if (order || sort_unique || sort_stable) return order;
    /* The whole lines decide, in the order that was asked for of all. */
    order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    if (!order) order = (a->len > b->len) - (a->len < b->len);
    return sort_global.reverse ? -order : order;
}
