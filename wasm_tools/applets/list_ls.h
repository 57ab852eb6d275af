/* ls: what its parts know of each other. */
#ifndef LIST_LS_H
#define LIST_LS_H

#include <sys/stat.h>
#include <time.h>

#include "list.h"

enum format { SINGLE, LONG, COLUMNS, ACROSS, COMMAS };
enum order { BY_NAME, BY_TIME, BY_SIZE, BY_EXTENSION, BY_VERSION, UNSORTED };
enum mark { NO_MARK, SLASH, FILE_TYPE, CLASSIFY };

extern struct ls_options {
    enum format format;
    enum order order;
    enum mark mark;
    enum quoting quoting;
    int all, almost_all, itself, recursive, backwards, inode, blocks, numeric, no_owner, no_group, directories_first, no_backups;
    int human;                /* 1024, 1000, or 0 for plain numbers */
    int follow, follow_given; /* links: all of them, those that were given (2: also to files) */
    int question;             /* '?' for what cannot be shown */
    int which_time;           /* m, a or c */
    int width;                /* of a line */
    const char *time_style;
    const char *ignored[64], *hidden[64]; /* patterns; the hidden are shown with -a and -A */
    size_t ignored_count, hidden_count;
} ls;

struct item {
    char *name; /* as it is shown */
    char *path;
    struct stat st;
    char *target;
    int broken, led_to_directory;
    mode_t target_mode;
    unsigned char type; /* when nothing more is needed */
};

struct timespec ls_time(const struct item *i);
mode_t ls_mode(const struct item *i);
/* Entries in the wanted format; total: with the blocks that they take, where the format has them. */
void ls_put(const struct item *list, size_t count, int total);

#endif
