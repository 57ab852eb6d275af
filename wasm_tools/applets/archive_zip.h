/* zip files: what zip and unzip share. The format is PKWARE's APPNOTE.TXT; times beyond it are Info-ZIP's extra field. */
#ifndef ARCHIVE_ZIP_H
#define ARCHIVE_ZIP_H

#include "archive.h"

enum { ZIP_STORED = 0, ZIP_DEFLATED = 8, ZIP_ENCRYPTED = 1 };
enum { ZIP_LOCAL = 0x04034b50, ZIP_CENTRAL = 0x02014b50, ZIP_END = 0x06054b50 };

struct zip_entry {
    char *name;
    unsigned method, flags, version_made;
    uint32_t crc, attributes;
    uint64_t packed, size, offset;
    time_t mtime;
    int keep; /* of an archive that is being changed: its data is taken over as it is */
};

struct zip_directory {
    struct zip_entry *list;
    size_t count;
};

/* Read the directory of an archive; returns what is wrong with it, or NULL. */
const char *zip_read_directory(int fd, struct zip_directory *into);
/* Where an entry's data begins, or -1. */
off_t zip_data_at(int fd, const struct zip_entry *e);
/* Unpack an entry's data, a piece at a time; returns what is wrong with it, or NULL. */
const char *zip_unpack(int fd, const struct zip_entry *e, void (*take)(void *context, const void *data, size_t len), void *context);

/* zip's patterns: "*" goes over "/" too. */
int zip_matches(const char *pattern, const char *name);
int zip_percent(uint64_t size, uint64_t packed);

static inline mode_t zip_mode(const struct zip_entry *e)
{
    return e->version_made >> 8 == 3 ? (mode_t)(e->attributes >> 16) : 0;
}
static inline int zip_is_link(const struct zip_entry *e) { return S_ISLNK(zip_mode(e)); }

#endif
