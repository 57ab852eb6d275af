/* find: the primaries, each with its test filled in by the parser. */
#ifndef FIND_CHECKS_H
#define FIND_CHECKS_H

#include "find.h"

int check_name(const struct test *t, struct entry *e);
int check_path(const struct test *t, struct entry *e);
int check_lname(const struct test *t, struct entry *e);
int check_regex(const struct test *t, struct entry *e);
int check_type(const struct test *t, struct entry *e);
int check_xtype(const struct test *t, struct entry *e);
int check_size(const struct test *t, struct entry *e);
int check_links(const struct test *t, struct entry *e);
int check_inode(const struct test *t, struct entry *e);
int check_user(const struct test *t, struct entry *e);
int check_age(const struct test *t, struct entry *e);
int check_newer(const struct test *t, struct entry *e);
int check_same_file(const struct test *t, struct entry *e);
int check_perm(const struct test *t, struct entry *e);
int check_may(const struct test *t, struct entry *e);
int check_empty(const struct test *t, struct entry *e);
int check_print(const struct test *t, struct entry *e);
int check_print_formatted(const struct test *t, struct entry *e);
int check_prune(const struct test *t, struct entry *e);
int check_quit(const struct test *t, struct entry *e);
int check_delete(const struct test *t, struct entry *e);

#endif
