/* Decides, before toybox runs, what its command needs of the host. */
#include <string.h>

#include "agentsh.h"

int toybox_start(int argc, char *argv[]);

/* Whether one of the arguments is a short option out of letters, or starts with word. */
static int has(char *argv[], const char *letters, const char *word)
{
    for (; *argv; argv++) {
        if ((*argv)[0] != '-') continue;
        if (word && !strncmp(*argv, word, strlen(word))) return 1;
        if ((*argv)[1] != '-' && strpbrk(*argv + 1, letters)) return 1;
    }
    return 0;
}

int main(int argc, char *argv[])
{
    static const char *const always[] = {"[", "chmod", "cp", "install", "mv", "patch", "stat", "test"};
    const char *name = argc ? strrchr(argv[0], '/') : NULL;
    name = name ? name + 1 : argc ? argv[0] : "";
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        if (!strcmp(name, always[i])) agentsh_want_modes = 1;
    if (!strcmp(name, "ls")) agentsh_want_modes = has(argv + 1, "lFogn", "--full-time") || has(argv + 1, "", "--color");
    if (!strcmp(name, "sed")) agentsh_want_modes = has(argv + 1, "i", "--in-place");
    if (!strcmp(name, "find"))
        agentsh_want_modes =
            has(argv + 1, "", "-perm") || has(argv + 1, "", "-exec") || has(argv + 1, "", "-ls") ||
            has(argv + 1, "", "-printf");
    return toybox_start(argc, argv);
}
