/* Compressed streams in both directions, over zlib and bzip2. */
#include <bzlib.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "archive.h"

/* bzip2 without its standard input and output wants to be told what to do when it finds itself broken. */
void bz_internal_error(int code)
{
    archive_fail(2, "bzip2: internal error %d", code);
}

struct source {
    int fd, members, ended, at_end;
    enum format format;
    const char *name, *problem;
    long long taken;
    z_stream gz;
    bz_stream bz;
    unsigned char *in;
    size_t in_at, in_len;
};

/* More of the file, when what was read is used up; 0 at its end. */
static int refill(struct source *s)
{
    if (s->in_at < s->in_len) return 1;
    ssize_t n = read(s->fd, s->in, ARCHIVE_CHUNK);
    if (n < 0) s->problem = strerror(errno);
    s->in_at = 0;
    s->in_len = n > 0 ? (size_t)n : 0;
    s->taken += (long long)s->in_len;
    return n > 0;
}

static int begin_member(struct source *s)
{
    s->members++;
    if (s->format == FORMAT_GZIP) {
        memset(&s->gz, 0, sizeof(s->gz));
        return inflateInit2(&s->gz, 15 + 16) == Z_OK;
    }
    memset(&s->bz, 0, sizeof(s->bz));
    return BZ2_bzDecompressInit(&s->bz, 0, 0) == BZ_OK;
}

static enum format tell(const unsigned char *in, size_t len)
{
    if (len >= 2 && in[0] == 0x1f && in[1] == 0x8b) return FORMAT_GZIP;
    if (len >= 3 && !memcmp(in, "BZh", 3)) return FORMAT_BZIP2;
    if (len >= 6 && !memcmp(in, "\xfd" "7zXZ", 6)) return FORMAT_XZ;
    return FORMAT_PLAIN;
}

struct source *source_open(int fd, enum format format, const char *name)
{
    struct source *s = archive_allocate(NULL, sizeof(*s));
    memset(s, 0, sizeof(*s));
    s->fd = fd;
    s->name = name;
    s->in = archive_allocate(NULL, ARCHIVE_CHUNK);
    while (s->in_len < 6) { /* a pipe may give less than the mark at a time */
        ssize_t n = read(fd, s->in + s->in_len, ARCHIVE_CHUNK - s->in_len);
        if (n < 0) s->problem = strerror(errno);
        if (n <= 0) break;
        s->in_len += (size_t)n;
        s->taken += n;
    }
    enum format found = tell(s->in, s->in_len);
    s->format = format == FORMAT_AUTO ? found : format;
    if (s->format != FORMAT_PLAIN && s->format != found && !s->problem)
        s->problem = !s->in_len ? "unexpected end of file"
                     : s->format == FORMAT_GZIP ? "not in gzip format" : "not a bzip2 file";
    else if (s->format == FORMAT_XZ) s->problem = "xz compression is not supported here; gzip and bzip2 are";
    else if (s->format != FORMAT_PLAIN && !s->problem && !begin_member(s)) s->problem = "out of memory";
    return s;
}

/* What stands behind a member: another one (1), the end (0). Anything else is left out, as gzip does with a warning. */
static int next_member(struct source *s)
{
    while (s->in_len - s->in_at < 3) {
        memmove(s->in, s->in + s->in_at, s->in_len - s->in_at);
        s->in_len -= s->in_at;
        s->in_at = 0;
        ssize_t n = read(s->fd, s->in + s->in_len, ARCHIVE_CHUNK - s->in_len);
        if (n <= 0) break;
        s->in_len += (size_t)n;
        s->taken += n;
    }
    size_t left = s->in_len - s->in_at;
    if (!left) return 0;
    if (tell(s->in + s->in_at, left) == s->format) return begin_member(s);
    for (size_t i = s->in_at; i < s->in_len; i++)
        if (s->in[i]) {
            archive_complain(2, "%s: decompression OK, trailing garbage ignored", s->name);
            break;
        }
    return 0;
}

ssize_t source_read(struct source *s, void *buf, size_t len)
{
    if (s->problem) return -1;
    if (s->format == FORMAT_PLAIN) {
        if (!refill(s)) return s->problem ? -1 : 0;
        size_t n = s->in_len - s->in_at < len ? s->in_len - s->in_at : len;
        memcpy(buf, s->in + s->in_at, n);
        s->in_at += n;
        return (ssize_t)n;
    }
    for (size_t got = 0; !s->at_end;) {
        int more = refill(s), result;
        if (s->problem) return -1;
        size_t before = s->in_len - s->in_at;
        if (s->format == FORMAT_GZIP) {
            s->gz.next_in = s->in + s->in_at;
            s->gz.avail_in = (uInt)before;
            s->gz.next_out = buf;
            s->gz.avail_out = (uInt)len;
            result = inflate(&s->gz, Z_NO_FLUSH);
            s->in_at = s->in_len - s->gz.avail_in;
            got = len - s->gz.avail_out;
            s->ended = result == Z_STREAM_END;
            if (result == Z_MEM_ERROR) s->problem = "out of memory";
            else if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
                s->problem = s->gz.msg && !strcmp(s->gz.msg, "incorrect data check") ? "invalid compressed data--crc error"
                             : s->gz.msg && !strcmp(s->gz.msg, "incorrect length check")
                                 ? "invalid compressed data--length error"
                                 : "invalid compressed data--format violated";
            if (s->ended) inflateEnd(&s->gz);
        } else {
            s->bz.next_in = (char *)s->in + s->in_at;
            s->bz.avail_in = (unsigned)before;
            s->bz.next_out = buf;
            s->bz.avail_out = (unsigned)len;
            result = BZ2_bzDecompress(&s->bz);
            s->in_at = s->in_len - s->bz.avail_in;
            got = len - s->bz.avail_out;
            s->ended = result == BZ_STREAM_END;
            if (result == BZ_MEM_ERROR) s->problem = "out of memory";
            else if (result != BZ_OK && result != BZ_STREAM_END) s->problem = "data integrity error when decompressing";
            if (s->ended) BZ2_bzDecompressEnd(&s->bz);
        }
        if (s->problem) return -1;
        if (s->ended) s->at_end = !next_member(s);
        else if (!more && !got) s->problem = "unexpected end of file";
        if (s->problem) return -1;
        if (got) return (ssize_t)got;
    }
    return 0;
}

const char *source_problem(const struct source *s) { return s->problem; }
enum format source_format(const struct source *s) { return s->format; }
long long source_taken(const struct source *s) { return s->taken; }

void source_close(struct source *s)
{
    free(s->in);
    free(s);
}

struct sink {
    int fd;
    enum format format;
    const char *name;
    z_stream gz;
    bz_stream bz;
    size_t used;
    char out[ARCHIVE_CHUNK];
};

struct sink *sink_open(int fd, enum format format, int level, const char *name, const char *stored_name, time_t mtime)
{
    struct sink *s = archive_allocate(NULL, sizeof(*s));
    memset(s, 0, sizeof(*s));
    s->fd = fd;
    s->format = format;
    s->name = name;
    if (format == FORMAT_GZIP) {
        static gz_header header;
        memset(&header, 0, sizeof(header));
        header.os = 3;
        header.time = (uLong)mtime;
        header.name = (Bytef *)(uintptr_t)stored_name;
        if (deflateInit2(&s->gz, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
            deflateSetHeader(&s->gz, &header) != Z_OK)
            archive_fail(2, "out of memory");
    } else if (format == FORMAT_BZIP2 && BZ2_bzCompressInit(&s->bz, level, 0, 0) != BZ_OK)
        archive_fail(2, "out of memory");
    return s;
}

static void press(struct sink *s, const void *data, size_t len, int end)
{
    for (int done = 0; !done;) {
        char out[ARCHIVE_CHUNK];
        size_t made;
        if (s->format == FORMAT_GZIP) {
            s->gz.next_in = (Bytef *)(uintptr_t)data;
            s->gz.avail_in = (uInt)len;
            s->gz.next_out = (Bytef *)out;
            s->gz.avail_out = sizeof(out);
            int result = deflate(&s->gz, end ? Z_FINISH : Z_NO_FLUSH);
            made = sizeof(out) - s->gz.avail_out;
            data = s->gz.next_in;
            len = s->gz.avail_in;
            done = end ? result == Z_STREAM_END : !len;
        } else {
            s->bz.next_in = (char *)(uintptr_t)data;
            s->bz.avail_in = (unsigned)len;
            s->bz.next_out = out;
            s->bz.avail_out = sizeof(out);
            int result = BZ2_bzCompress(&s->bz, end ? BZ_FINISH : BZ_RUN);
            made = sizeof(out) - s->bz.avail_out;
            data = s->bz.next_in;
            len = s->bz.avail_in;
            done = end ? result == BZ_STREAM_END : !len;
        }
        archive_write(s->fd, out, made, s->name);
    }
}

void sink_write(struct sink *s, const void *data, size_t len)
{
    if (s->format == FORMAT_PLAIN) {
        if (s->used + len > sizeof(s->out)) {
            archive_write(s->fd, s->out, s->used, s->name);
            s->used = 0;
        }
        if (len > sizeof(s->out)) return archive_write(s->fd, data, len, s->name);
        memcpy(s->out + s->used, data, len);
        s->used += len;
    } else if (len) press(s, data, len, 0);
}

void sink_close(struct sink *s)
{
    if (s->format == FORMAT_PLAIN) archive_write(s->fd, s->out, s->used, s->name);
    else press(s, NULL, 0, 1);
    if (s->format == FORMAT_GZIP) deflateEnd(&s->gz);
    if (s->format == FORMAT_BZIP2) BZ2_bzCompressEnd(&s->bz);
    free(s);
}
