/* patch: what is done to one file. */
#ifndef PATCH_FILE_H
#define PATCH_FILE_H

#include "patch.h"

/* Apply a change to its file, or to the one that is named; 0, or 1 where some of it could not be applied. */
int file_patch(struct change *change, const char *target);

#endif
