/* Read before the parser generator's sources: what WASI lacks of what they call. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
static inline mode_t umask(mode_t m) { return m; }
static inline int mkstemp(char *t)
{
    static int n;
    for (char *p = t; *p; p++)
        if (*p == 'X') *p = (char)('a' + n);
    n++;
    return open(t, O_RDWR | O_CREAT | O_EXCL, 0600);
}
