/* The shortest way from one list of lines to the other (E. Myers, "An O(ND) Difference Algorithm and Its Variations",
 * 1986, in linear space), with a bound on the work, and changes moved to where people expect them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

int diff_is_loose(void)
{
    return opt.ignore_case || opt.ignore_all_space || opt.ignore_space_change || opt.ignore_trailing_space || opt.ignore_tabs || opt.strip_cr;
}

/* The canonical form of a line under the options; returns its length. */
static size_t canonical(char *to, const char *from, size_t len)
{
    size_t n = 0;
    if (opt.strip_cr && len && from[len - 1] == '\r') len--;
    if (opt.ignore_space_change || opt.ignore_all_space || opt.ignore_trailing_space)
        while (len && isspace((unsigned char)from[len - 1])) len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        if (isspace(c) && opt.ignore_all_space) continue;
        if (isspace(c) && opt.ignore_space_change) {
            while (i + 1 < len && isspace((unsigned char)from[i + 1])) i++;
            c = ' ';
        }
        if (c == '\t' && opt.ignore_tabs) {
            do to[n++] = ' ';
            while (n % 8);
            continue;
        }
        to[n++] = (char)(opt.ignore_case ? tolower(c) : c);
    }
    return n;
}

static void split(struct side *s)
{
    int cap = 1024;
    s->lines = diff_allocate((size_t)cap * sizeof(*s->lines));
    for (const char *at = s->content, *end = at + s->len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (s->count == cap) {
            s->lines = realloc(s->lines, (size_t)(cap *= 2) * sizeof(*s->lines));
            if (!s->lines) diff_fail("out of memory");
        }
        size_t len = (size_t)((newline ? newline : end) - at);
        s->lines[s->count++] = (struct line){at, len, 0};
        s->no_newline = !newline;
        at += len + 1;
    }
    s->changed = diff_allocate((size_t)s->count + 2);
    memset(s->changed, 0, (size_t)s->count + 2);
    s->changed++;
}

struct slot {
    const char *at;
    size_t len;
    uint32_t hash, id;
};

void diff_lines(struct side *a, struct side *b)
{
    split(a);
    split(b);
    size_t size = 1024, used = 0;
    while (size < 2 * ((size_t)a->count + (size_t)b->count)) size *= 2;
    struct slot *table = diff_allocate(size * sizeof(*table));
    memset(table, 0, size * sizeof(*table));
    int loose = diff_is_loose();
    for (int which = 0; which < 2; which++) {
        struct side *s = which ? b : a;
        for (int i = 0; i < s->count; i++) {
            struct line *line = &s->lines[i];
            const char *at = line->at;
            size_t len = line->len;
            if (loose) {
                char *own = diff_allocate(opt.ignore_tabs ? 8 * len + 1 : len + 1);
                len = canonical(own, at, len);
                at = own;
            }
            /* A last line without its newline equals none that has one. */
            uint32_t hash = 2166136261u ^ (s->no_newline && i == s->count - 1 && !loose ? 0x9E3779B9u : 0);
            int open = s->no_newline && i == s->count - 1 && !loose;
            for (size_t k = 0; k < len; k++) hash = (hash ^ (unsigned char)at[k]) * 16777619u;
            size_t place = hash & (size - 1);
            for (;; place = (place + 1) & (size - 1)) {
                struct slot *t = &table[place];
                if (!t->id) {
                    *t = (struct slot){at, len, hash, (uint32_t)(++used) << 1 | (uint32_t)open};
                    break;
                }
                if (t->hash == hash && t->len == len && (t->id & 1) == (uint32_t)open && !memcmp(t->at, at, len)) break;
            }
            line->id = table[place].id;
        }
    }
    free(table);
}

struct work {
    const struct side *a, *b;
    int *forward, *backward; /* furthest places by diagonal, from the middle of the arrays */
    int bound;
};

struct middle {
    int x, y;
};

static int same(const struct work *w, int x, int y)
{
    return w->a->lines[x].id == w->b->lines[y].id;
}

/* A point on a shortest way through the box [x0,x1) x [y0,y1), whose corners differ. */
static struct middle find_middle(const struct work *w, int x0, int x1, int y0, int y1)
{
    int *f = w->forward, *g = w->backward;
    int low = x0 - y1, high = x1 - y0, start = x0 - y0, stop = x1 - y1;
    int flow = start, fhigh = start, glow = stop, ghigh = stop, odd = (start - stop) & 1;
    f[start] = x0;
    g[stop] = x1;
    for (int cost = 1;; cost++) {
        if (flow > low) f[--flow - 1] = -1;
        else flow++;
        if (fhigh < high) f[++fhigh + 1] = -1;
        else fhigh--;
        for (int d = fhigh; d >= flow; d -= 2) {
            int x = f[d - 1] >= f[d + 1] ? f[d - 1] + 1 : f[d + 1], y;
            for (y = x - d; x < x1 && y < y1 && same(w, x, y); x++, y++) {}
            f[d] = x;
            if (odd && glow <= d && d <= ghigh && g[d] <= x) return (struct middle){x, y};
        }
        if (glow > low) g[--glow - 1] = x1 + 1;
        else glow++;
        if (ghigh < high) g[++ghigh + 1] = x1 + 1;
        else ghigh--;
        for (int d = ghigh; d >= glow; d -= 2) {
            int x = g[d - 1] < g[d + 1] ? g[d - 1] : g[d + 1] - 1, y;
            for (y = x - d; x > x0 && y > y0 && same(w, x - 1, y - 1); x--, y--) {}
            g[d] = x;
            if (!odd && flow <= d && d <= fhigh && x <= f[d]) return (struct middle){x, y};
        }
        if (cost < w->bound) continue;
        /* Enough: from the furthest place either way it goes on, no longer the shortest. */
        struct middle best = {x0, y0};
        long furthest = -1;
        for (int d = fhigh; d >= flow; d -= 2) {
            int x = f[d] < x1 ? f[d] : x1, y = x - d;
            if (y > y1) x = y1 + d, y = y1;
            if (x >= x0 && y >= y0 && (long)x + y - x0 - y0 > furthest) furthest = (long)x + y - x0 - y0, best = (struct middle){x, y};
        }
        for (int d = ghigh; d >= glow; d -= 2) {
            int x = g[d] > x0 ? g[d] : x0, y = x - d;
            if (y < y0) x = y0 + d, y = y0;
            if (x <= x1 && y <= y1 && (long)x1 + y1 - x - y > furthest) furthest = (long)x1 + y1 - x - y, best = (struct middle){x, y};
        }
        return best;
    }
}

static void compare_box(const struct work *w, int x0, int x1, int y0, int y1)
{
    for (;;) {
        while (x0 < x1 && y0 < y1 && same(w, x0, y0)) x0++, y0++;
        while (x0 < x1 && y0 < y1 && same(w, x1 - 1, y1 - 1)) x1--, y1--;
        if (x0 == x1 || y0 == y1) {
            for (; x0 < x1; x0++) w->a->changed[x0] = 1;
            for (; y0 < y1; y0++) w->b->changed[y0] = 1;
            return;
        }
        struct middle m = find_middle(w, x0, x1, y0, y1);
        if ((m.x == x0 && m.y == y0) || (m.x == x1 && m.y == y1)) {
            for (; x0 < x1; x0++) w->a->changed[x0] = 1;
            for (; y0 < y1; y0++) w->b->changed[y0] = 1;
            return;
        }
        compare_box(w, x0, m.x, y0, m.y);
        x0 = m.x;
        y0 = m.y;
    }
}

/* A run of changed lines can slide where the line that enters equals the one that leaves. Slide each one down as far as
 * it goes, joining the ones it meets, but back to where the other side changed too. */
static void slide(struct side *s, const struct side *other)
{
    int i = 0, j = 0;
    for (;;) {
        while (i < s->count && !s->changed[i]) {
            while (j < other->count && other->changed[j]) j++;
            i++, j++;
        }
        if (i >= s->count) return;
        int start = i;
        while (i < s->count && s->changed[i]) i++;
        while (j < other->count && other->changed[j]) j++;
        int length, meets;
        do {
            length = i - start;
            while (start > 0 && s->lines[start - 1].id == s->lines[i - 1].id) {
                s->changed[--start] = 1;
                s->changed[--i] = 0;
                while (start > 0 && s->changed[start - 1]) start--;
                while (j > 0 && other->changed[--j]) {}
            }
            meets = j > 0 && other->changed[j - 1] ? i : s->count;
            while (i < s->count && s->lines[start].id == s->lines[i].id) {
                s->changed[start++] = 0;
                s->changed[i++] = 1;
                while (i < s->count && s->changed[i]) i++;
                j++;
                while (j < other->count && other->changed[j]) j++, meets = i;
            }
        } while (length != i - start);
        while (meets < i) {
            s->changed[--start] = 1;
            s->changed[--i] = 0;
            while (j > 0 && other->changed[--j]) {}
        }
    }
}

void diff_compare(struct side *a, struct side *b)
{
    size_t diagonals = (size_t)a->count + (size_t)b->count + 3;
    int *room = diff_allocate(2 * diagonals * sizeof(*room)), bound = 256;
    for (size_t n = diagonals; n > 65536; n >>= 2) bound *= 2;
    struct work w = {a, b, room + b->count + 1, room + diagonals + b->count + 1, bound < 4096 ? 4096 : bound};
    compare_box(&w, 0, a->count, 0, b->count);
    free(room);
    slide(a, b);
    slide(b, a);
}
