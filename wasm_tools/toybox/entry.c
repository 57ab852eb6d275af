/* Decides, before toybox runs, what its command needs of the host. */
#include <string.h>

#include "agentsh.h"

int toybox_start(int argc, char *argv[]);

int main(int argc, char *argv[])
{
    static const char *const always[] = {"[", "chmod", "cp", "install", "mv", "patch", "test"};
    const char *name = argc ? strrchr(argv[0], '/') : NULL;
    name = name ? name + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        if (!strcmp(name, always[i])) agentsh_want_modes = 1;
    return toybox_start(argc, argv);
}
