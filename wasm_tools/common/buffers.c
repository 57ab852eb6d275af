/* Larger buffers for stdio. The C library's hold a kilobyte, and a read or write through WASI takes as long as the work
 * on several: it goes by way of another thread of the host. Its setvbuf takes none of its own accord either. */
#undef fclose
#include <stdio.h>
#include <stdlib.h>

#include "agentsh.h"

enum { SIZE = 64 * 1024, KEPT = 64 };

static char standard_input[SIZE], standard_output[SIZE];

/* Those of open files, by descriptor; and one that can be taken again. */
static char *given[KEPT], *spare;

__attribute__((constructor)) static void enlarge(void)
{
    /* Whole buffers also where the output is a device: none of the sandbox's is a terminal. */
    setvbuf(stdin, standard_input, _IOFBF, SIZE);
    setvbuf(stdout, standard_output, _IOFBF, SIZE);
}

FILE *agentsh_buffered(FILE *file)
{
    if (!file) return NULL;
    int fd = fileno(file);
    if (fd < 0 || fd >= KEPT) return file;
    char *buffer = spare ? spare : malloc(SIZE);
    spare = NULL;
    if (!buffer) return file; /* the library's own will do */
    setvbuf(file, buffer, _IOFBF, SIZE);
    free(given[fd]); /* of a file that was closed by another way */
    given[fd] = buffer;
    return file;
}

int agentsh_fclose(FILE *file);
int agentsh_fclose(FILE *file)
{
    int fd = fileno(file), status = fclose(file);
    if (fd < 0 || fd >= KEPT || !given[fd]) return status;
    if (spare) free(given[fd]);
    else spare = given[fd];
    given[fd] = NULL;
    return status;
}
