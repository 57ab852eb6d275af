/* A sed script, run. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "sed_run.h"

static struct text hold;
static int replaced;
static struct regex *last_regex;

int regex_match(struct regex *r, const char *text, size_t len, size_t at, regmatch_t *groups, size_t count)
{
    if (!r && !(r = last_regex)) sed_fail(1, "no previous regular expression");
    last_regex = r;
    const char *text_sought = r->literal ? r->literal : r->needed;
    if (text_sought) {
        size_t n = r->literal ? r->literal_len : r->needed_len;
        const char *hit = memmem(text + at, len - at, text_sought, n);
        if (!hit) return 0;
        if (r->literal) {
            for (size_t i = 1; i < count; i++) groups[i] = (regmatch_t){-1, -1};
            groups[0] = (regmatch_t){hit - text, hit - text + (regoff_t)n};
            return 1;
        }
    }
    if (at && r->looks_back) {
        /* From one character further left, so that what stands before is seen. */
        size_t back = at - 1;
        regmatch_t found[12];
        while (back && ((unsigned char)text[back] & 0xC0) == 0x80) back--;
        if (regexec(&r->after, text + back, 12, found, back ? REG_NOTBOL : 0)) return 0;
        for (size_t i = 0; i < count; i++) {
            groups[i] = i + 2 < 12 ? found[i + 2] : (regmatch_t){-1, -1};
            if (groups[i].rm_so >= 0) groups[i].rm_so += (regoff_t)back, groups[i].rm_eo += (regoff_t)back;
        }
        return 1;
    }
    if (regexec(&r->plain, text + at, count, groups, at ? REG_NOTBOL : 0)) return 0;
    for (size_t i = 0; i < count; i++)
        if (groups[i].rm_so >= 0) groups[i].rm_so += (regoff_t)at, groups[i].rm_eo += (regoff_t)at;
    return 1;
}

static int matches_address(const struct address *a)
{
    regmatch_t unused[1];
    switch (a->kind) {
    case LINE: return now.number == a->first;
    case LAST: return sed_is_last();
    case REGEX: return regex_match(a->regex, now.space.at, now.space.len, 0, unused, 1);
    case STEP: return a->step <= 0 ? now.number == a->first : now.number >= a->first && (now.number - a->first) % a->step == 0;
    default: return 1;
    }
}

static int selected(struct command *c)
{
    if (c->from.kind == NONE) return 1;
    if (c->to.kind == NONE) return matches_address(&c->from);
    if (!c->active) {
        int zero = c->from.kind == LINE && !c->from.first;
        if (zero ? now.number != 1 || c->active_until < 0 : !matches_address(&c->from)) return 0;
        c->active = 1;
        c->active_until = c->to.kind == LINE ? c->to.first : c->to.kind == PLUS ? now.number + c->to.first
                          : c->to.kind == MULTIPLE ? c->to.first > 0 ? (now.number + c->to.first - 1) / c->to.first * c->to.first : now.number
                          : LLONG_MAX;
        if (c->to.kind == LAST) {
            if (sed_is_last()) c->active = 0;
            return 1;
        }
        if (!zero) {
            if (c->active_until <= now.number) c->active = 0;
            return 1;
        }
    }
    if (c->to.kind == REGEX || c->to.kind == LAST) {
        if (matches_address(&c->to)) c->active = 0, c->active_until = -1;
        return 1;
    }
    if (now.number >= c->active_until) c->active = 0;
    /* A range whose end lies before this line was over already. */
    return now.number <= c->active_until || (c->active = 0, 0);
}

/* Append text with the case changes that are in force; *once is for the next character alone. */
static void put_cased(struct text *out, const char *s, size_t n, char mode, char *once)
{
    if (!mode && !*once) {
        text_put(out, s, n);
        return;
    }
    mbstate_t state = {0};
    for (size_t i = 0; i < n;) {
        wchar_t wide;
        char bytes[MB_LEN_MAX];
        size_t used = mbrtowc(&wide, s + i, n - i, &state);
        if (used == 0 || used > n - i) {
            memset(&state, 0, sizeof(state));
            text_put(out, s + i, 1);
            i++;
            continue;
        }
        char how = *once ? *once : mode;
        *once = 0;
        if (how == 'U' || how == 'u') wide = (wchar_t)towupper((wint_t)wide);
        else if (how == 'L' || how == 'l') wide = (wchar_t)towlower((wint_t)wide);
        mbstate_t fresh = {0};
        size_t made = wcrtomb(bytes, wide, &fresh);
        if (made == (size_t)-1) text_put(out, s + i, used);
        else text_put(out, bytes, made);
        i += used;
    }
}

static void replace(struct text *out, const struct command *c, const regmatch_t *groups)
{
    char mode = 0, once = 0;
    for (int i = 0; i < c->piece_count; i++) {
        const struct piece *p = &c->pieces[i];
        put_cased(out, p->text, p->len, mode, &once);
        if (p->group >= 0 && groups[p->group].rm_so >= 0)
            put_cased(out, now.space.at + groups[p->group].rm_so, (size_t)(groups[p->group].rm_eo - groups[p->group].rm_so), mode, &once);
        if (p->change == 'E') mode = once = 0;
        else if (p->change == 'L' || p->change == 'U') mode = p->change, once = 0;
        else if (p->change) once = p->change;
    }
}

static int substitute(struct command *c)
{
    static struct text out;
    regmatch_t groups[10];
    size_t at = 0, copied = 0, last_end = (size_t)-1;
    int count = 0, done = 0;
    out.len = 0;
    text_put(&out, "", 0);
    while (at <= now.space.len && regex_match(c->regex, now.space.at, now.space.len, at, groups, 10)) {
        size_t start = (size_t)groups[0].rm_so, stop = (size_t)groups[0].rm_eo;
        if (start == stop && start == last_end) {
            /* Nothing, right behind a match: not a match of its own. */
            at = stop + 1;
            while (at < now.space.len && ((unsigned char)now.space.at[at] & 0xC0) == 0x80) at++;
            continue;
        }
        count++;
        last_end = stop;
        if (count >= (c->nth ? c->nth : 1)) {
            text_put(&out, now.space.at + copied, start - copied);
            replace(&out, c, groups);
            copied = stop;
            done = 1;
            if (!c->global) break;
        }
        at = stop;
        if (start == stop) {
            at++;
            while (at < now.space.len && ((unsigned char)now.space.at[at] & 0xC0) == 0x80) at++;
        }
    }
    if (!done) return 0;
    text_put(&out, now.space.at + copied, now.space.len - copied);
    struct text swap = now.space;
    now.space = out;
    out = swap;
    return 1;
}

static void transliterate(struct command *c)
{
    struct text out = {0};
    text_put(&out, "", 0);
    for (size_t i = 0; i < now.space.len;) {
        int hit = 0;
        for (int k = 0; k < c->wide_count && !hit; k++) {
            size_t n = strlen(c->wide[k].from);
            if (n <= now.space.len - i && !memcmp(now.space.at + i, c->wide[k].from, n)) {
                text_put(&out, c->wide[k].to, strlen(c->wide[k].to));
                i += n;
                hit = 1;
            }
        }
        if (hit) continue;
        char one = (char)c->map[(unsigned char)now.space.at[i++]];
        text_put(&out, &one, 1);
    }
    free(now.space.at);
    now.space = out;
}

static void list(long long width)
{
    static const char codes[] = "\\\a\b\f\n\r\t\v", names[] = "\\abfnrtv";
    struct text out = {0};
    size_t column = 0;
    for (size_t i = 0; i < now.space.len; i++) {
        char shown[8];
        unsigned char b = (unsigned char)now.space.at[i];
        const char *code = b ? strchr(codes, b) : NULL;
        if (code) snprintf(shown, sizeof(shown), "\\%c", names[code - codes]);
        else if (b >= 32 && b < 127) snprintf(shown, sizeof(shown), "%c", b);
        else snprintf(shown, sizeof(shown), "\\%03o", b);
        size_t n = strlen(shown);
        if (width > 1 && column + n > (size_t)width - 1) {
            text_put(&out, "\\\n", 2);
            column = 0;
        }
        text_put(&out, shown, n);
        column += n;
    }
    text_put(&out, "$\n", 2);
    sed_write(now.current, out.at, out.len);
    free(out.at);
}

static void queue_file(const char *path)
{
    FILE *file = agentsh_fopen(path, "r");
    char buffer[4096];
    size_t n;
    if (!file) return;
    while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0) text_put(&now.queued, buffer, n);
    fclose(file);
}

static void end_cycle(int print)
{
    if (print && !sed.quiet) sed_write_line(now.current, now.space.at, now.space.len, !now.no_newline);
    sed_flush_queue();
}

int sed_run(struct command *program, char **files)
{
    in.files = files;
    text_put(&now.space, "", 0);
    text_put(&hold, "", 0);
    int restart = 0;
    while (restart || sed_read_line(0)) {
        struct command *c = program;
        int print = 1;
        restart = 0;
        replaced = 0;
        while (c) {
            struct command *next = c->next;
            if (selected(c) == c->negated) {
                c = c->name == '{' ? c->target->next : next;
                continue;
            }
            switch (c->name) {
            case '=': {
                char text[24];
                sed_write(now.current, text, (size_t)snprintf(text, sizeof(text), "%lld\n", now.number));
                break;
            }
            case 'a': text_put(&now.queued, c->text.at, c->text.len); break;
            case 'i': sed_write(now.current, c->text.at, c->text.len); break;
            case 'c':
                if (c->to.kind == NONE || c->negated || !c->active) sed_write(now.current, c->text.at, c->text.len);
                print = 0;
                goto cycle_done;
            case 'b': next = c->target; if (!next && !c->text.len) goto cycle_done; break;
            case 't':
                if (replaced) {
                    replaced = 0;
                    if (!c->target) goto cycle_done;
                    next = c->target;
                }
                break;
            case 'T':
                if (!replaced) {
                    if (!c->target) goto cycle_done;
                    next = c->target;
                }
                replaced = 0;
                break;
            case 'd': print = 0; goto cycle_done;
            case 'D': {
                char *newline = memchr(now.space.at, '\n', now.space.len);
                print = 0;
                if (!newline) goto cycle_done;
                now.space.len -= (size_t)(newline + 1 - now.space.at);
                memmove(now.space.at, newline + 1, now.space.len + 1);
                restart = 1;
                goto cycle_done;
            }
            case 'F': {
                const char *name = strcmp(in.name, "-") ? in.name : "-";
                sed_write(now.current, name, strlen(name));
                sed_write(now.current, "\n", 1);
                break;
            }
            case 'g':
                now.space.len = 0;
                text_put(&now.space, hold.at, hold.len);
                break;
            case 'G':
                text_put(&now.space, "\n", 1);
                text_put(&now.space, hold.at, hold.len);
                break;
            case 'h':
                hold.len = 0;
                text_put(&hold, now.space.at, now.space.len);
                break;
            case 'H':
                text_put(&hold, "\n", 1);
                text_put(&hold, now.space.at, now.space.len);
                break;
            case 'l': list(c->number >= 0 ? c->number : sed.line_length); break;
            case 'n':
                if (sed_is_last()) {
                    if (sed.separate && *in.files) goto cycle_done;
                    end_cycle(1);
                    return sed_leave(in.status);
                }
                end_cycle(1);
                sed_read_line(0);
                break;
            case 'N':
                if (sed_is_last()) {
                    /* As GNU: what is there is printed. */
                    if (sed.separate && *in.files) goto cycle_done;
                    end_cycle(1);
                    return sed_leave(in.status);
                }
                sed_flush_queue();
                sed_read_line(1);
                break;
            case 'p': sed_write_line(now.current, now.space.at, now.space.len, !now.no_newline); break;
            case 'P': {
                char *newline = memchr(now.space.at, '\n', now.space.len);
                sed_write_line(now.current, now.space.at, newline ? (size_t)(newline - now.space.at) : now.space.len, newline || !now.no_newline);
                break;
            }
            case 'q':
                end_cycle(1);
                return sed_leave(c->number >= 0 ? (int)c->number : in.status);
            case 'Q': return sed_leave(c->number >= 0 ? (int)c->number : in.status);
            case 'r': queue_file(c->text.at); break;
            case 'R': {
                /* A line for each time: the file stays open between them. */
                static char *line;
                static size_t cap;
                ssize_t n;
                if (!c->regex) c->regex = (struct regex *)agentsh_fopen(c->text.at, "r");
                if (c->regex && (n = getline(&line, &cap, (FILE *)c->regex)) > 0) {
                    text_put(&now.queued, line, (size_t)n);
                    if (line[n - 1] != '\n') text_put(&now.queued, "\n", 1);
                } else if (c->regex && ferror((FILE *)c->regex)) sed_fail(4, "%s: %s", c->text.at, strerror(errno));
                break;
            }
            case 's':
                if (substitute(c)) {
                    replaced = 1;
                    if (c->print) sed_write_line(now.current, now.space.at, now.space.len, !now.no_newline);
                    if (c->output) sed_write_line(c->output, now.space.at, now.space.len, !now.no_newline);
                }
                break;
            case 'w': sed_write_line(c->output, now.space.at, now.space.len, !now.no_newline); break;
            case 'W': {
                char *newline = memchr(now.space.at, '\n', now.space.len);
                sed_write_line(c->output, now.space.at, newline ? (size_t)(newline - now.space.at) : now.space.len, newline || !now.no_newline);
                break;
            }
            case 'x': {
                struct text swap = now.space;
                now.space = hold;
                hold = swap;
                break;
            }
            case 'y': transliterate(c); break;
            case 'z':
                now.space.len = 0;
                *now.space.at = 0;
                break;
            default: break; /* { } : v */
            }
            c = next;
        }
    cycle_done:
        end_cycle(print);
    }
    return sed_leave(in.status);
}
