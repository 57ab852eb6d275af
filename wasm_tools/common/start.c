/* Runs before main in every module: go to the action's directory. */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void go_to_pwd(void)
{
    const char *pwd = getenv("PWD");
    if (pwd && *pwd == '/') chdir(pwd); /* a directory that is gone: relative names fail one by one, as elsewhere */
}
