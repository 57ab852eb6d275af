/* Runs before main in every module: go to the action's directory. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char *__wasilibc_cwd; /* where wasi-libc's chdir keeps the current directory */

__attribute__((constructor)) static void go_to_pwd(void)
{
    const char *pwd = getenv("PWD");
    if (!pwd || *pwd != '/') return;
    /* Not by chdir: it would ask the host twice whether the directory is there, and every command waits for that. Where
       it is gone, relative names fail one by one, as elsewhere. */
    char *own = strdup(pwd);
    if (own) __wasilibc_cwd = own;
    else chdir(pwd);
}
