/* Dates as people write them: what GNU's date -d, touch -d and find -newermt take. The zone is UTC. */
#ifndef AGENTSH_DATES_H
#define AGENTSH_DATES_H

#include <time.h>

/* What text says, seen from now; 0 when it is no date. */
int date_parse(const char *text, struct timespec now, struct timespec *out);

#endif
