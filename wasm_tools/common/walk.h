/* Records of a search: see agentsh/sandbox/walk.py. */
#ifndef AGENTSH_WALK_H
#define AGENTSH_WALK_H

#include <stdint.h>

enum { WALK_FILE = 1, WALK_BIG = 2, WALK_FAILED = 3 };

struct walk_record {
    uint32_t kind, path_len, content_len;
};

#endif
