/* The C library's searches through memory, sixteen bytes at a time; its own look at one byte, or one word, after the
 * other. Defined under its names, so that everything that is linked with this file uses them. Nothing is read past the
 * end that was given. */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <wasm_simd128.h>

enum { WIDTH = 16 };

/* Which of the sixteen bytes at p are c, a bit for each. */
static unsigned equal(const unsigned char *p, v128_t c)
{
    return wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(p), c));
}

void *memchr(const void *from, int c, size_t len)
{
    const unsigned char *p = from, *end = p + len;
    v128_t wanted = wasm_i8x16_splat((signed char)c);
    for (; end - p >= WIDTH; p += WIDTH) {
        unsigned hits = equal(p, wanted);
        if (hits) return (void *)(p + __builtin_ctz(hits));
    }
    for (; p < end; p++)
        if (*p == (unsigned char)c) return (void *)p;
    return NULL;
}

void *memrchr(const void *from, int c, size_t len)
{
    const unsigned char *start = from, *p = start + len;
    v128_t wanted = wasm_i8x16_splat((signed char)c);
    while (p - start >= WIDTH) {
        unsigned hits = equal(p -= WIDTH, wanted);
        if (hits) return (void *)(p + 31 - __builtin_clz(hits));
    }
    while (p > start)
        if (*--p == (unsigned char)c) return (void *)p;
    return NULL;
}

/* memmem where the search below would compare too much: linear, by the longest border of each prefix (Knuth, Morris,
 * Pratt, 1977). The first BORDERS bytes of a longer needle are looked for so, and what follows them compared. */
enum { BORDERS = 1024 };

static void *find_steadily(const unsigned char *p, const unsigned char *end, const unsigned char *needle, size_t n)
{
    unsigned short border[BORDERS + 1];
    size_t m = n < BORDERS ? n : BORDERS, at = 0;
    border[0] = border[1] = 0;
    for (size_t i = 1; i < m; i++) {
        size_t b = border[i];
        while (b && needle[i] != needle[b]) b = border[b];
        border[i + 1] = (unsigned short)(needle[i] == needle[b] ? b + 1 : 0);
    }
    for (; p < end; p++) {
        while (at && *p != needle[at]) at = border[at];
        if (*p == needle[at]) at++;
        if (at < m) continue;
        const unsigned char *hit = p + 1 - m;
        if ((size_t)(end - hit) < n) return NULL;
        if (!memcmp(hit + m, needle + m, n - m)) return (void *)hit;
        at = border[at];
    }
    return NULL;
}

void *memmem(const void *hay, size_t len, const void *what, size_t n)
{
    const unsigned char *p = hay, *end = p + len, *needle = what;
    if (!n) return (void *)hay;
    if (n > len) return NULL;
    if (n == 1) return memchr(hay, *needle, len);
    v128_t first = wasm_i8x16_splat((signed char)needle[0]), last = wasm_i8x16_splat((signed char)needle[n - 1]);
    /* Where both the first and the last byte agree, the ones between are compared. Text in which that is often in vain
     * is not worth it: what may be compared grows with what was passed. */
    size_t allowed = 4096;
    for (; (size_t)(end - p) >= n - 1 + WIDTH; p += WIDTH, allowed += 2 * WIDTH) {
        unsigned hits = equal(p, first);
        if (hits) hits &= equal(p + n - 1, last);
        for (; hits; hits &= hits - 1) {
            const unsigned char *hit = p + __builtin_ctz(hits);
            if (n == 2 || !memcmp(hit + 1, needle + 1, n - 2)) return (void *)hit;
            if (allowed < n) return find_steadily(hit + 1, end, needle, n);
            allowed -= n;
        }
    }
    for (; (size_t)(end - p) >= n; p++)
        if (*p == *needle && !memcmp(p, needle, n)) return (void *)p;
    return NULL;
}
