/* A search through one file: which lines, and how they are printed. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agentsh.h"
#include "grep.h"

/* One file on its way through the search. */
struct file {
    const char *name;
    size_t name_len;
    long long line;       /* number of the line at counted */
    long long offset;     /* of the buffer's first byte in the file */
    const char *counted;  /* where line is the number of */
    const char *printed;  /* end of what was printed last; NULL for nothing yet in this buffer */
    long long selected;   /* lines */
    long long after;      /* lines of context still to print */
    int separate;         /* something was printed before: a gap asks for "--" */
    int binary, done;
};

static long long count_lines(const char *from, const char *to)
{
    long long n = 0;
    while (from < to) {
        /* In runs that a byte counter holds, so that the loop becomes vector code. */
        const char *stop = to - from > 255 ? from + 255 : to;
        unsigned char part = 0;
        for (; from < stop; from++) part = (unsigned char)(part + (*from == grep.eol));
        n += part;
    }
    return n;
}

static void prefix(struct file *f, const char *line, char mark)
{
    if (grep.with_name) {
        out_bytes(f->name, f->name_len);
        out_byte(grep.null_name ? 0 : mark);
    }
    if (grep.number) {
        f->line += count_lines(f->counted, line);
        f->counted = line;
        out_number(f->line, mark);
    }
}

static void print_line(struct file *f, const char *line, const char *end, char mark)
{
    prefix(f, line, mark);
    if (grep.byte_offset) out_number(f->offset + (line - grep_matcher.buffer), mark);
    out_bytes(line, (size_t)(end - line));
    if (end == line || end[-1] != grep.eol) out_byte(grep.eol);
    f->printed = end;
}

static void print_matches(struct file *f, char *line, char *end)
{
    size_t len = (size_t)(end - line) - (end > line && end[-1] == grep.eol), at = 0;
    struct span s;
    while (at <= len && matcher_line(&grep_matcher, line, len, at, &s)) {
        if (s.end > s.start) {
            prefix(f, line, ':');
            if (grep.byte_offset) out_number(f->offset + (line - grep_matcher.buffer) + (long long)s.start, ':');
            out_bytes(line + s.start, s.end - s.start);
            out_byte(grep.eol);
        }
        at = s.end > s.start ? s.end : s.end + 1;
    }
    f->printed = end;
}

static char *line_end(char *line, char *end)
{
    char *newline = memchr(line, grep.eol, (size_t)(end - line));
    return newline ? newline + 1 : end;
}

/* Context after a selected line, up to the next one. */
static void print_after(struct file *f, char *from, char *to)
{
    for (; f->after > 0 && from < to; f->after--) {
        char *end = line_end(from, to);
        print_line(f, from, end, '-');
        from = end;
    }
}

/* A line that was asked for. Returns 0 when the file is done with. */
static int select_line(struct file *f, char *start, char *line, char *end)
{
    f->selected++;
    grep_selected = 1;
    if (grep.quiet) {
        /* Nothing more can change the answer. */
        out_flush();
        exit(0);
    }
    if (grep.names || grep.names_without) return 0;
    if (!grep.count) {
        if (f->binary) {
            out_flush();
            fprintf(stderr, "grep: %s: binary file matches\n", f->name);
            return 0;
        }
        if (grep.only) {
            if (!grep.invert) print_matches(f, line, end);
        } else {
            char *from = line;
            const char *floor = f->printed ? f->printed : start;
            for (long long n = 0; n < grep.before && from > floor; n++) {
                char *previous = memrchr(floor, grep.eol, (size_t)(from - 1 - floor));
                from = previous ? previous + 1 : (char *)floor;
            }
            if ((grep.before || grep.after) && f->separate && from != f->printed) out_bytes("--\n", 3);
            for (; from < line; from = line_end(from, line)) print_line(f, from, line_end(from, line), '-');
            print_line(f, line, end, ':');
            f->separate = 1;
        }
        f->after = grep.after;
    }
    return grep.max < 0 || f->selected < grep.max;
}

/* Search whole lines: start..end, looking from begin; what is before it is context alone. */
static void search(struct file *f, char *start, char *begin, char *end)
{
    char *at = begin;
    int certain = matcher_certain(&grep_matcher);
    struct span s;
    matcher_buffer(&grep_matcher, start, end);
    while (at < end) {
        char *line = at, *stop;
        if (!grep.invert) {
            line = (char *)matcher_candidate(&grep_matcher, at);
            if (!line) break;
            stop = line_end(line, end);
            size_t len = (size_t)(stop - line) - (stop[-1] == grep.eol);
            if (!certain && !matcher_line(&grep_matcher, line, len, 0, &s)) {
                print_after(f, at, stop);
                at = stop;
                continue;
            }
        } else {
            /* Everything up to the next match is selected. */
            const char *match = matcher_candidate(&grep_matcher, at);
            stop = line_end(at, end);
            if (match == at && (certain || matcher_line(&grep_matcher, at, (size_t)(stop - at) - (stop[-1] == grep.eol), 0, &s))) {
                print_after(f, at, stop);
                at = stop;
                continue;
            }
        }
        print_after(f, at, line);
        if (!select_line(f, start, line, stop)) {
            if (grep.max >= 0 && f->selected >= grep.max && !grep.count && !f->binary) print_after(f, stop, end);
            f->done = 1;
            return;
        }
        at = stop;
    }
    print_after(f, at, end);
}

static void finish(struct file *f)
{
    if (grep.count) {
        if (grep.with_name) {
            out_bytes(f->name, f->name_len);
            out_byte(grep.null_name ? 0 : ':');
        }
        out_number(f->selected, '\n');
    }
    if (grep.names ? f->selected > 0 : grep.names_without ? f->selected == 0 : 0) {
        out_bytes(f->name, f->name_len);
        out_byte(grep.null_name ? 0 : '\n');
    }
}

/* Context was printed of an earlier file: "--" stands between files too. */
static int gap;

static struct file new_file(const char *name)
{
    return (struct file){.name = name, .name_len = strlen(name), .line = 1, .separate = gap};
}

/* A file that lies in memory whole, with a byte to spare behind it. */
void grep_memory(const char *name, char *content, size_t len)
{
    struct file f = new_file(name);
    if (grep.max == 0) {
        finish(&f);
        return;
    }
    if (len && grep.eol && grep.binary != BINARY_TEXT && memchr(content, 0, len)) {
        if (grep.binary == BINARY_SKIP) return;
        f.binary = 1;
        for (char *p = content; (p = memchr(p, 0, (size_t)(content + len - p))); p++) *p = '\n';
    }
    f.counted = content;
    if (len) search(&f, content, content, content + len);
    finish(&f);
    gap |= f.separate;
}

/* A stream, in chunks of whole lines with the context before them. */
void grep_stream(const char *name, int fd)
{
    struct file f = new_file(name);
    size_t cap = GREP_CHUNK, used = 0, begin = 0;
    char *buffer = grep_allocate(NULL, cap + 1);
    ssize_t got = 1;
    f.counted = buffer;
    if (grep.max == 0) f.done = 1;
    while (!f.done && got > 0) {
        if (used == cap) {
            char *old = buffer;
            buffer = grep_allocate(buffer, (cap *= 2) + 1);
            if (f.printed) f.printed = buffer + (f.printed - old);
            f.counted = buffer + (f.counted - old);
        }
        got = read(fd, buffer + used, cap - used);
        if (got < 0) {
            grep_complain(name, errno);
            break;
        }
        char *fresh = buffer + used;
        used += (size_t)got;
        if (!f.binary && grep.eol && grep.binary != BINARY_TEXT && got && memchr(fresh, 0, (size_t)got)) {
            if (grep.binary == BINARY_SKIP) {
                free(buffer);
                return;
            }
            f.binary = 1;
        }
        if (f.binary)
            for (char *p = fresh; (p = memchr(p, 0, (size_t)(buffer + used - p))); p++) *p = '\n';
        char *end = buffer + used;
        if (got) {
            char *newline = memrchr(buffer + begin, grep.eol, used - begin);
            if (!newline) continue;
            end = newline + 1;
        }
        if (end > buffer + begin) search(&f, buffer, buffer + begin, end);
        /* Keep the lines that may be context to come, and the one that is not whole yet. */
        char *keep = end;
        for (long long n = 0; n < grep.before && keep > buffer; n++) {
            char *previous = memrchr(buffer, grep.eol, (size_t)(keep - 1 - buffer));
            keep = previous ? previous + 1 : buffer;
        }
        if (grep.number) {
            f.line += count_lines(f.counted, keep < f.counted ? f.counted : keep);
            if (keep < f.counted) f.line -= count_lines(keep, f.counted);
        }
        f.counted = buffer;
        f.offset += keep - buffer;
        f.printed = f.printed && f.printed > keep ? buffer + (f.printed - keep) : f.printed ? buffer : NULL;
        if (f.printed == buffer && keep != buffer && f.separate) f.printed = NULL;
        begin = (size_t)(end - keep);
        used -= (size_t)(keep - buffer);
        memmove(buffer, keep, used);
    }
    free(buffer);
    finish(&f);
    gap |= f.separate;
}
