/* A sed script, run. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "sed.h"

struct output sed_stdout;

static struct {
    char **files;
    FILE *file;
    const char *name;
    int status;
    /* In place: what is written goes here, and takes the file's name at its end. */
    char *temporary, *target;
    int mode;
} in;

static struct output *outputs, *current = &sed_stdout;
static struct text space, hold, queued;
static int no_newline; /* the line read last had none */
static long long number;
static int replaced;
static struct regex *last_regex;

struct output *sed_output(const char *path)
{
    if (!strcmp(path, "/dev/stdout")) return &sed_stdout;
    for (struct output *o = outputs; o; o = o->next)
        if (!strcmp(o->path, path)) return o;
    struct output *o = sed_allocate(NULL, sizeof(*o));
    *o = (struct output){.path = strdup(path), .next = outputs};
    o->file = !strcmp(path, "/dev/stderr") ? stderr : NULL;
    if (!o->file) {
        int fd = agentsh_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        o->file = fd < 0 ? NULL : fdopen(fd, "w");
    }
    if (!o->file) sed_fail(4, "couldn't open file %s: %s", path, strerror(errno));
    return outputs = o;
}

static void write_text(struct output *o, const char *s, size_t n)
{
    FILE *file = o == &sed_stdout ? stdout : o->file;
    if (o->missing_newline) {
        o->missing_newline = 0;
        putc(sed.end, file);
    }
    if (n) fwrite(s, 1, n, file);
}

static void write_line(struct output *o, const char *s, size_t n, int newline)
{
    write_text(o, s, n);
    if (newline) putc(sed.end, o == &sed_stdout ? stdout : o->file);
    else o->missing_newline = 1;
}

int regex_match(struct regex *r, const char *text, size_t len, size_t at, regmatch_t *groups, size_t count)
{
    if (!r && !(r = last_regex)) sed_fail(1, "no previous regular expression");
    last_regex = r;
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
    (void)len;
    if (regexec(&r->plain, text + at, count, groups, at ? REG_NOTBOL : 0)) return 0;
    for (size_t i = 0; i < count; i++)
        if (groups[i].rm_so >= 0) groups[i].rm_so += (regoff_t)at, groups[i].rm_eo += (regoff_t)at;
    return 1;
}

static void finish_file(void)
{
    if (in.file && in.file != stdin) fclose(in.file);
    in.file = NULL;
    if (!in.temporary) return;
    current->missing_newline = 0;
    int bad = fclose(current->file);
    free(current);
    current = &sed_stdout;
    if (!bad && in.mode >= 0) {
        int err = host_set_mode(in.temporary, strlen(in.temporary), in.mode & 0777);
        if (err) errno = err, bad = 1;
    }
    if (!bad && sed.suffix && *sed.suffix) {
        /* A star in the suffix is the file's own name; a slash makes it another directory's. */
        struct text backup = {0};
        char *base = strrchr(in.target, '/') + 1;
        if (!strchr(sed.suffix, '/')) text_put(&backup, in.target, (size_t)(base - in.target));
        if (strchr(sed.suffix, '*')) {
            for (const char *s = sed.suffix; *s; s++)
                if (*s == '*') text_put(&backup, base, strlen(base));
                else text_put(&backup, s, 1);
        } else {
            text_put(&backup, base, strlen(base));
            text_put(&backup, sed.suffix, strlen(sed.suffix));
        }
        bad = rename(in.target, backup.at);
        free(backup.at);
    }
    if (!bad) bad = rename(in.temporary, in.target);
    if (bad) {
        int err = errno;
        unlink(in.temporary);
        sed_fail(4, "cannot rename %s: %s", in.target, strerror(err));
    }
    free(in.temporary);
    free(in.target);
    in.temporary = in.target = NULL;
}

static int start_in_place(void)
{
    struct stat st;
    in.target = sed.follow ? agentsh_resolve(in.name, RESOLVE_EXISTS) : agentsh_abspath(AT_FDCWD, in.name);
    if (!in.target || agentsh_stat(in.target, &st)) return -1;
    if (!S_ISREG(st.st_mode)) {
        fflush(stdout);
        fprintf(stderr, "sed: couldn't edit %s: not a regular file\n", in.name);
        in.status = 4;
        return 1;
    }
    in.mode = host_get_mode(in.target, strlen(in.target), 1);
    in.temporary = sed_allocate(NULL, strlen(in.target) + 32);
    size_t stem = (size_t)(strrchr(in.target, '/') - in.target) + 1;
    unsigned char random[8];
    if (getentropy(random, sizeof(random))) return -1;
    int n = sprintf(in.temporary, "%.*s.sed-", (int)stem, in.target);
    for (size_t i = 0; i < sizeof(random); i++) n += sprintf(in.temporary + n, "%02x", random[i]);
    int fd = agentsh_open(in.temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (fd < 0) sed_fail(4, "couldn't open temporary file %s: %s", in.temporary, strerror(errno));
    current = sed_allocate(NULL, sizeof(*current));
    *current = (struct output){.file = fdopen(fd, "w")};
    if (!current->file) sed_fail(4, "out of memory");
    setvbuf(current->file, NULL, _IOFBF, 1 << 16);
    return 0;
}

static void cannot_read(void)
{
    fflush(stdout);
    fprintf(stderr, "sed: can't read %s: %s\n", in.name, strerror(errno));
    in.status = 2;
}

/* Open the next file that can be; 0 when there is none. */
static int next_file(void)
{
    while (*in.files) {
        in.name = *in.files++;
        if (!strcmp(in.name, "-") && !sed.in_place) {
            in.file = stdin;
            return 1;
        }
        struct stat st;
        int fd = agentsh_open(in.name, O_RDONLY);
        if (fd < 0) {
            cannot_read();
            continue;
        }
        if (!agentsh_fstat(fd, &st) && S_ISDIR(st.st_mode)) {
            fflush(stdout);
            fprintf(stderr, sed.in_place ? "sed: couldn't edit %s: not a regular file\n" : "sed: read error on %s: Is a directory\n",
                    in.name);
            in.status = sed.in_place ? 4 : 2;
            agentsh_close(fd);
            continue;
        }
        if (sed.in_place && start_in_place()) {
            agentsh_close(fd);
            continue;
        }
        in.file = fdopen(fd, "r");
        if (!in.file) sed_fail(4, "out of memory");
        setvbuf(in.file, NULL, _IOFBF, 1 << 16);
        return 1;
    }
    return 0;
}

/* Whether the line at hand is the last one. */
static int is_last(void)
{
    for (;;) {
        if (in.file) {
            int c = getc(in.file);
            if (c != EOF) {
                ungetc(c, in.file);
                return 0;
            }
            if (sed.separate) return 1;
            finish_file();
        }
        if (sed.separate || !next_file()) return 1;
    }
}

/* Text that was to come after the line: of a, r and R. */
static void flush_queue(void)
{
    if (queued.len) write_text(current, queued.at, queued.len);
    queued.len = 0;
}

/* Read the next line into (or behind) the pattern space; 0 at the end of everything. */
static int read_line(int append)
{
    static char *line;
    static size_t cap;
    for (;;) {
        if (!in.file) {
            if (!next_file()) return 0;
            if (sed.separate) {
                /* Each file counts its own lines. */
                number = 0;
            }
        }
        ssize_t n = getdelim(&line, &cap, sed.end, in.file);
        if (n > 0) {
            no_newline = line[n - 1] != sed.end;
            if (append) text_put(&space, "\n", 1);
            else space.len = 0;
            if (append && !sed.end) space.at[space.len - 1] = sed.end;
            text_put(&space, line, (size_t)(n - !no_newline));
            number++;
            return 1;
        }
        finish_file();
    }
}

static int matches_address(const struct address *a)
{
    regmatch_t unused[1];
    switch (a->kind) {
    case LINE: return number == a->first;
    case LAST: return is_last();
    case REGEX: return regex_match(a->regex, space.at, space.len, 0, unused, 1);
    case STEP: return a->step <= 0 ? number == a->first : number >= a->first && (number - a->first) % a->step == 0;
    default: return 1;
    }
}

static int selected(struct command *c)
{
    if (c->from.kind == NONE) return 1;
    if (c->to.kind == NONE) return matches_address(&c->from);
    if (!c->active) {
        int zero = c->from.kind == LINE && !c->from.first;
        if (zero ? number != 1 || c->active_until < 0 : !matches_address(&c->from)) return 0;
        c->active = 1;
        c->active_until = c->to.kind == LINE ? c->to.first : c->to.kind == PLUS ? number + c->to.first
                          : c->to.kind == MULTIPLE ? c->to.first > 0 ? (number + c->to.first - 1) / c->to.first * c->to.first : number
                          : LLONG_MAX;
        if (c->to.kind == LAST) {
            if (is_last()) c->active = 0;
            return 1;
        }
        if (!zero) {
            if (c->active_until <= number) c->active = 0;
            return 1;
        }
    }
    if (c->to.kind == REGEX || c->to.kind == LAST) {
        if (matches_address(&c->to)) c->active = 0, c->active_until = -1;
        return 1;
    }
    if (number >= c->active_until) c->active = 0;
    /* A range whose end lies before this line was over already. */
    return number <= c->active_until || (c->active = 0, 0);
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
            put_cased(out, space.at + groups[p->group].rm_so, (size_t)(groups[p->group].rm_eo - groups[p->group].rm_so), mode, &once);
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
    while (at <= space.len && regex_match(c->regex, space.at, space.len, at, groups, 10)) {
        size_t start = (size_t)groups[0].rm_so, stop = (size_t)groups[0].rm_eo;
        if (start == stop && start == last_end) {
            /* Nothing, right behind a match: not a match of its own. */
            at = stop + 1;
            while (at < space.len && ((unsigned char)space.at[at] & 0xC0) == 0x80) at++;
            continue;
        }
        count++;
        last_end = stop;
        if (count >= (c->nth ? c->nth : 1)) {
            text_put(&out, space.at + copied, start - copied);
            replace(&out, c, groups);
            copied = stop;
            done = 1;
            if (!c->global) break;
        }
        at = stop;
        if (start == stop) {
            at++;
            while (at < space.len && ((unsigned char)space.at[at] & 0xC0) == 0x80) at++;
        }
    }
    if (!done) return 0;
    text_put(&out, space.at + copied, space.len - copied);
    struct text swap = space;
    space = out;
    out = swap;
    return 1;
}

static void transliterate(struct command *c)
{
    struct text out = {0};
    text_put(&out, "", 0);
    for (size_t i = 0; i < space.len;) {
        int hit = 0;
        for (int k = 0; k < c->wide_count && !hit; k++) {
            size_t n = strlen(c->wide[k].from);
            if (n <= space.len - i && !memcmp(space.at + i, c->wide[k].from, n)) {
                text_put(&out, c->wide[k].to, strlen(c->wide[k].to));
                i += n;
                hit = 1;
            }
        }
        if (hit) continue;
        char one = (char)c->map[(unsigned char)space.at[i++]];
        text_put(&out, &one, 1);
    }
    free(space.at);
    space = out;
}

static void list(long long width)
{
    static const char codes[] = "\\\a\b\f\n\r\t\v", names[] = "\\abfnrtv";
    struct text out = {0};
    size_t column = 0;
    for (size_t i = 0; i < space.len; i++) {
        char shown[8];
        unsigned char b = (unsigned char)space.at[i];
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
    write_text(current, out.at, out.len);
    free(out.at);
}

static void queue_file(const char *path)
{
    FILE *file = agentsh_fopen(path, "r");
    char buffer[4096];
    size_t n;
    if (!file) return;
    while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0) text_put(&queued, buffer, n);
    fclose(file);
}

static void end_cycle(int print)
{
    if (print && !sed.quiet) write_line(current, space.at, space.len, !no_newline);
    flush_queue();
}

/* Returns the exit status. */
static int leave(int status)
{
    /* In place, the rest of the file stays as it is. */
    if (in.temporary && in.file) {
        char buffer[4096];
        size_t n;
        while ((n = fread(buffer, 1, sizeof(buffer), in.file)) > 0) write_text(current, buffer, n);
    }
    finish_file();
    int bad = fflush(stdout) || ferror(stdout);
    for (struct output *o = outputs; o; o = o->next) bad |= fflush(o->file) != 0;
    return bad ? 4 : status;
}

int sed_run(struct command *program, char **files)
{
    in.files = files;
    text_put(&space, "", 0);
    text_put(&hold, "", 0);
    int restart = 0;
    while (restart || read_line(0)) {
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
                write_text(current, text, (size_t)snprintf(text, sizeof(text), "%lld\n", number));
                break;
            }
            case 'a': text_put(&queued, c->text.at, c->text.len); break;
            case 'i': write_text(current, c->text.at, c->text.len); break;
            case 'c':
                if (c->to.kind == NONE || c->negated || !c->active) write_text(current, c->text.at, c->text.len);
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
                char *newline = memchr(space.at, '\n', space.len);
                print = 0;
                if (!newline) goto cycle_done;
                space.len -= (size_t)(newline + 1 - space.at);
                memmove(space.at, newline + 1, space.len + 1);
                restart = 1;
                goto cycle_done;
            }
            case 'F': {
                const char *name = strcmp(in.name, "-") ? in.name : "-";
                write_text(current, name, strlen(name));
                write_text(current, "\n", 1);
                break;
            }
            case 'g':
                space.len = 0;
                text_put(&space, hold.at, hold.len);
                break;
            case 'G':
                text_put(&space, "\n", 1);
                text_put(&space, hold.at, hold.len);
                break;
            case 'h':
                hold.len = 0;
                text_put(&hold, space.at, space.len);
                break;
            case 'H':
                text_put(&hold, "\n", 1);
                text_put(&hold, space.at, space.len);
                break;
            case 'l': list(c->number >= 0 ? c->number : sed.line_length); break;
            case 'n':
                if (is_last()) {
                    if (sed.separate && *in.files) goto cycle_done;
                    end_cycle(1);
                    return leave(in.status);
                }
                end_cycle(1);
                read_line(0);
                break;
            case 'N':
                if (is_last()) {
                    /* As GNU: what is there is printed. */
                    if (sed.separate && *in.files) goto cycle_done;
                    end_cycle(1);
                    return leave(in.status);
                }
                flush_queue();
                read_line(1);
                break;
            case 'p': write_line(current, space.at, space.len, 1); break;
            case 'P': {
                char *newline = memchr(space.at, '\n', space.len);
                write_line(current, space.at, newline ? (size_t)(newline - space.at) : space.len, 1);
                break;
            }
            case 'q':
                end_cycle(1);
                return leave(c->number >= 0 ? (int)c->number : in.status);
            case 'Q': return leave(c->number >= 0 ? (int)c->number : in.status);
            case 'r': queue_file(c->text.at); break;
            case 'R': {
                /* A line for each time: the file stays open between them. */
                static char *line;
                static size_t cap;
                ssize_t n;
                if (!c->regex) c->regex = (struct regex *)agentsh_fopen(c->text.at, "r");
                if (c->regex && (n = getline(&line, &cap, (FILE *)c->regex)) > 0) {
                    text_put(&queued, line, (size_t)n);
                    if (line[n - 1] != '\n') text_put(&queued, "\n", 1);
                }
                break;
            }
            case 's':
                if (substitute(c)) {
                    replaced = 1;
                    if (c->print) write_line(current, space.at, space.len, 1);
                    if (c->output) write_line(c->output, space.at, space.len, 1);
                }
                break;
            case 'w': write_line(c->output, space.at, space.len, 1); break;
            case 'W': {
                char *newline = memchr(space.at, '\n', space.len);
                write_line(c->output, space.at, newline ? (size_t)(newline - space.at) : space.len, 1);
                break;
            }
            case 'x': {
                struct text swap = space;
                space = hold;
                hold = swap;
                break;
            }
            case 'y': transliterate(c); break;
            case 'z':
                space.len = 0;
                *space.at = 0;
                break;
            default: break; /* { } : v */
            }
            c = next;
        }
    cycle_done:
        end_cycle(print);
    }
    return leave(in.status);
}
