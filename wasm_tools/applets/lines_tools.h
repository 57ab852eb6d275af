/* comm, nl, paste, tac and their like: what the commands of this module share. */
#ifndef LINES_TOOLS_H
#define LINES_TOOLS_H

#include "agentsh.h"
#include "lines.h"
#include "out.h"
#include "tool.h"

/* Say so where reading failed, and close it. */
void tool_close(struct lines *in, const char *name);
/* All that a descriptor gives, with a byte to spare behind it. */
char *tool_read_all(int fd, const char *name, size_t *len);
/* A whole number; ends the command where it is none, or less than least. */
long long tool_number(const char *text, long long least, const char *what);
/* "-" alone where there is no operand. */
char **tool_operands(int argc, char *argv[]);

int comm_main(int argc, char *argv[]);
int expand_main(int argc, char *argv[]);
int fmt_main(int argc, char *argv[]);
int nl_main(int argc, char *argv[]);
int paste_main(int argc, char *argv[]);
int rev_main(int argc, char *argv[]);
int seq_main(int argc, char *argv[]);
int tac_main(int argc, char *argv[]);
int unexpand_main(int argc, char *argv[]);

#endif
