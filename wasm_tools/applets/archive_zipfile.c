/* zip files: reading their directory and data. Everything in them is hostile: each number is checked before its use. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "archive_zip.h"

enum { END_SIZE = 22, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, COMMENT_MAX = 65535 };

static unsigned get16(const unsigned char *p) { return p[0] | (unsigned)p[1] << 8; }
static uint32_t get32(const unsigned char *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const unsigned char *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static time_t dos_time(unsigned date, unsigned clock)
{
    struct tm tm = {.tm_year = (int)(date >> 9) + 80, .tm_mon = (int)(date >> 5 & 15) - 1, .tm_mday = (int)(date & 31),
                    .tm_hour = (int)(clock >> 11), .tm_min = (int)(clock >> 5 & 63), .tm_sec = (int)(clock & 31) * 2};
    return timegm(&tm);
}

/* Sizes beyond 32 bits, and the time in seconds. */
static void read_extra(struct zip_entry *e, const unsigned char *p, size_t len)
{
    while (len >= 4) {
        unsigned id = get16(p), n = get16(p + 2);
        p += 4, len -= 4;
        if (n > len) return;
        if (id == 1) {
            size_t at = 0;
            if (e->size == 0xffffffff && at + 8 <= n) e->size = get64(p + at), at += 8;
            if (e->packed == 0xffffffff && at + 8 <= n) e->packed = get64(p + at), at += 8;
            if (e->offset == 0xffffffff && at + 8 <= n) e->offset = get64(p + at);
        } else if (id == 0x5455 && n >= 5 && (p[0] & 1)) e->mtime = (time_t)(int32_t)get32(p + 1);
        p += n, len -= n;
    }
}

/* All of it or nothing: one call may give less than what was asked for. */
static int read_at(int fd, void *buf, size_t len, off_t from)
{
    for (char *to = buf; len;) {
        ssize_t n = pread(fd, to, len, from);
        if (n <= 0) return 0;
        to += n, from += n, len -= (size_t)n;
    }
    return 1;
}

const char *zip_read_directory(int fd, struct zip_directory *into)
{
    static const char *const damaged = "its directory is damaged";
    struct stat st;
    if (agentsh_fstat(fd, &st)) return strerror(errno);
    size_t tail = st.st_size < COMMENT_MAX + END_SIZE ? (size_t)st.st_size : COMMENT_MAX + END_SIZE;
    unsigned char *buf = archive_allocate(NULL, tail + 1), *end = NULL;
    off_t from = st.st_size - (off_t)tail;
    if (!read_at(fd, buf, tail, from)) return "it cannot be read";
    for (size_t i = tail >= END_SIZE ? tail - END_SIZE + 1 : 0; i-- > 0;)
        if (get32(buf + i) == ZIP_END) {
            end = buf + i;
            break;
        }
    if (!end) {
        free(buf);
        return "End-of-central-directory signature not found";
    }
    uint64_t count = get16(end + 10), size = get32(end + 12), at = get32(end + 16);
    if (end - buf >= 20 && get32(end - 20) == 0x07064b50) {
        unsigned char big[56];
        uint64_t where = get64(end - 12);
        if (where > (uint64_t)st.st_size || !read_at(fd, big, 56, (off_t)where) || get32(big) != 0x06064b50) return damaged;
        count = get64(big + 32), size = get64(big + 40), at = get64(big + 48);
    }
    free(buf);
    if (at > (uint64_t)st.st_size || size > (uint64_t)st.st_size - at || size > 256u << 20) return damaged;
    unsigned char *all = archive_allocate(NULL, size + 1), *p = all, *stop = all + size;
    if (!read_at(fd, all, size, (off_t)at)) return damaged;
    for (uint64_t i = 0; i < count; i++) {
        if (stop - p < CENTRAL_SIZE || get32(p) != ZIP_CENTRAL) return damaged;
        unsigned name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
        if ((size_t)(stop - p) < (size_t)CENTRAL_SIZE + name + extra + comment) return damaged;
        struct zip_entry e = {.version_made = get16(p + 4), .flags = get16(p + 8), .method = get16(p + 10), .crc = get32(p + 16),
                              .packed = get32(p + 20), .size = get32(p + 24), .attributes = get32(p + 38), .offset = get32(p + 42)};
        e.mtime = dos_time(get16(p + 14), get16(p + 12));
        e.name = archive_allocate(NULL, name + 1u);
        memcpy(e.name, p + CENTRAL_SIZE, name);
        e.name[name] = 0;
        if (strlen(e.name) != name) return damaged; /* a NUL in a name: two readers would see two names */
        read_extra(&e, p + CENTRAL_SIZE + name, extra);
        if (e.offset > (uint64_t)st.st_size || e.packed > (uint64_t)st.st_size) return damaged;
        into->list = archive_allocate(into->list, (into->count + 1) * sizeof(e));
        into->list[into->count++] = e;
        p += CENTRAL_SIZE + name + extra + comment;
    }
    free(all);
    return NULL;
}

off_t zip_data_at(int fd, const struct zip_entry *e)
{
    unsigned char h[LOCAL_SIZE];
    if (!read_at(fd, h, sizeof(h), (off_t)e->offset) || get32(h) != ZIP_LOCAL) return -1;
    return (off_t)e->offset + LOCAL_SIZE + get16(h + 26) + get16(h + 28);
}

const char *zip_unpack(int fd, const struct zip_entry *e, void (*take)(void *, const void *, size_t), void *context)
{
    if (e->flags & ZIP_ENCRYPTED) return "it is encrypted, which is not supported here";
    if (e->method != ZIP_STORED && e->method != ZIP_DEFLATED) return "unsupported compression method";
    off_t at = zip_data_at(fd, e);
    if (at < 0) return "bad zipfile offset";
    static unsigned char in[ARCHIVE_CHUNK], out[ARCHIVE_CHUNK];
    z_stream z;
    memset(&z, 0, sizeof(z));
    if (e->method == ZIP_DEFLATED && inflateInit2(&z, -15) != Z_OK) return "out of memory";
    uint64_t left = e->packed, made = 0;
    uLong crc = crc32(0, NULL, 0);
    const char *problem = NULL;
    for (int done = 0; !done && !problem;) {
        size_t want = left < sizeof(in) ? (size_t)left : sizeof(in);
        ssize_t n = want ? pread(fd, in, want, at) : 0;
        if (n < 0 || (!n && want)) {
            problem = "unexpected end of file";
            break;
        }
        at += n, left -= (uint64_t)n;
        if (e->method == ZIP_STORED) {
            crc = crc32(crc, in, (uInt)n);
            take(context, in, (size_t)n);
            made += (uint64_t)n;
            done = !left;
            continue;
        }
        z.next_in = in;
        z.avail_in = (uInt)n;
        do {
            z.next_out = out;
            z.avail_out = sizeof(out);
            int result = inflate(&z, Z_NO_FLUSH);
            size_t got = sizeof(out) - z.avail_out;
            crc = crc32(crc, out, (uInt)got);
            made += got;
            if (made > e->size) problem = "it unpacks to more than its directory says";
            else take(context, out, got);
            done = result == Z_STREAM_END;
            if (result != Z_OK && !done && result != Z_BUF_ERROR) problem = "invalid compressed data to inflate";
        } while (!done && !problem && !z.avail_out);
        if (!done && !problem && !left) problem = "unexpected end of file";
    }
    if (e->method == ZIP_DEFLATED) inflateEnd(&z);
    if (!problem && (made != e->size || crc != e->crc)) problem = "bad CRC";
    return problem;
}

int zip_matches(const char *pattern, const char *name)
{
    return !fnmatch(pattern, name, 0);
}

int zip_percent(uint64_t size, uint64_t packed)
{
    return size > packed ? (int)((1 + 200 * (size - packed) / size) / 2) : 0;
}
