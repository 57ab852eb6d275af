"""The few places where toybox's own text must change for WASM: (file, what stands there, what shall stand there)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PATCHES: Final = (
    # Called through a pointer with an argument: WASM checks the type of an indirect call.
    ("lib/lib.c", "static void tempfile_handler(void)", "static void tempfile_handler(int sig)"),
    # Ours is in toybox/stubs.c.
    ("lib/xwrap.c", "char *xabspath(char *path, int flags)", "char *unused_xabspath(char *path, int flags)"),
    # Our stat and lstat are macros: they must be called where they are named.
    (
        "toys/posix/test.c",
        "      if (-1 == ((i<2) ? lstat : stat)(args[1], &st)) return 0;",
        "      if (-1 == ((i<2) ? lstat(args[1], &st) : stat(args[1], &st))) return 0;",
    ),
    (
        "toys/posix/file.c",
        "(FLAG(L) ? stat : lstat)(name, &sb)",
        "(FLAG(L) ? stat(name, &sb) : lstat(name, &sb))",
    ),
    (
        "toys/posix/ln.c",
        "((FLAG(n)||FLAG(T)) ? lstat : stat)(dest, &buf)",
        "((FLAG(n)||FLAG(T)) ? lstat(dest, &buf) : stat(dest, &buf))",
    ),
    # There is no /tmp: say what to write instead.
    (
        "toys/lsb/mktemp.c",
        '  if (!dir || !*dir) dir = "/tmp";\n  if (!template)',
        (
            '  if (!dir || !*dir) dir = "/tmp";\n'
            '  if ((!template || FLAG(p) || FLAG(t)) && !strcmp(dir, "/tmp"))\n'
            '    error_exit("there is no /tmp here: write mktemp -p . or set TMPDIR to a directory");\n'
            "  if (!template)"
        ),
    ),
    # Messages and exit codes as GNU's.
    (
        "toys/posix/rm.c",
        'printf("%s%s \'%s\'\\n", toys.which->name, dir ? "dir" : "", s);',
        'printf("removed %s\'%s\'\\n", dir ? "directory " : "", s);',
    ),
    (
        "toys/posix/cmp.c",
        "      } else toys.exitval = 1;\n      break;",
        "      }\n      toys.exitval = 1;\n      break;",
    ),
    ("toys/posix/cmp.c", "differ: char %lld", "differ: byte %lld"),
    ("toys/posix/ln.c", "fprintf(stderr, \"'%s' -> '%s'\\n\", new, try)", "printf(\"'%s' -> '%s'\\n\", new, try)"),
    ("lib/lib.c", 'fprintf(stderr, "%s: created directory', 'printf("%s: created directory'),
    # Pieces of a pipe are files like others.
    ("toys/posix/split.c", "O_TRUNC, st.st_mode & 0777);", "O_TRUNC, 0666);"),
    # A text ends where its last line does.
    ("toys/pending/fold.c", "    xwrite(1, buf, bufsz);\n  }\n  xputc('\\n');\n", "    xwrite(1, buf, bufsz);\n  }\n"),
    # At the end of the input there comes no 'else' any more.
    (
        "toys/pending/bc.c",
        "    if (comment) s = bc_parse_err(&BC_VM->prs, BC_ERROR_PARSE_COMMENT);",
        (
            "    if (!comment && !string && BC_VM->prs.flags.len == 1 && BC_PARSE_IF_END(&BC_VM->prs)) {\n"
            "      bc_parse_noElse(&BC_VM->prs);\n"
            "      if (!BC_PARSE_NO_EXEC(&BC_VM->prs)) s = bc_program_exec(&BC_VM->prog);\n"
            "      if (s && s != BC_STATUS_EOF) goto err;\n    }\n"
            "    if (comment) s = bc_parse_err(&BC_VM->prs, BC_ERROR_PARSE_COMMENT);"
        ),
    ),
    # Which of two files is newer, or whether they are one.
    (
        "toys/posix/test.c",
        "    if ((*s=='<' || *s=='>') && !s[1]) {",
        (
            '    if (!strcmp(s, "-nt") || !strcmp(s, "-ot") || !strcmp(s, "-ef"))\n'
            "      return agentsh_compare_files(args[0], s[1], args[2]);\n    if ((*s=='<' || *s=='>') && !s[1]) {"
        ),
    ),
    # cp, mv, install: -v in GNU's words, -b, mv -u, and mv to itself.
    (
        "toys/posix/cp.c",
        "RHLPprudaslvnF(remove-destination)fit:T[-HLPd]",
        "RHLPprdaslb(backup)u(update)vnF(remove-destination)fit:T[-HLPd]",
    ),
    (
        "toys/posix/cp.c",
        'NEWTOY(mv, "<1v(verbose)nF',
        'NEWTOY(mv, "<1b(backup)u(update)v(verbose)nF',
    ),
    (
        "toys/posix/cp.c",
        (
            "      printf(\"%s '%s'\\n\", toys.which->name, s = dirtree_path(try, 0));\n"
            "      free(s);\n    }\n\n    // Loop for -f"
        ),
        (
            "      struct dirtree *top = try;\n"
            "      s = dirtree_path(try, 0);\n"
            "      while (top->parent) top = top->parent;\n"
            "      printf(\"'%s' -> '%s%s'\", s, TT.destname, s+strlen(top->name));\n"
            "      if (backup) printf(\" (backup: '%s%s~')\", TT.destname, s+strlen(top->name));\n"
            "      xputc('\\n');\n"
            "      free(s);\n    }\n\n    // Loop for -f"
        ),
    ),
    (
        "toys/posix/cp.c",
        "      if (!rc) return save;\n    }\n",
        (
            "      if (!rc) return save;\n"
            "      if ((flags & FLAG_b) && !S_ISDIR(try->st.st_mode)) {\n"
            '        s = xmprintf("%s~", catch);\n'
            "        if (renameat(cfd, catch, cfd, s)) perror_msg(\"cannot backup '%s'\", catch);\n"
            "        else backup = 1;\n"
            "        free(s);\n"
            "      }\n"
            "    }\n"
        ),
    ),
    (
        "toys/posix/cp.c",
        "rc = 0,\n      tfd = dirtree_parentfd(try);",
        "rc = 0,\n      backup = 0, tfd = dirtree_parentfd(try);",
    ),
    (
        "toys/posix/cp.c",
        "      if (send) send = rename(src, TT.destname);\n",
        (
            "      if (send && agentsh_same_file(src, TT.destname)) {\n"
            "        error_msg(\"'%s' and '%s' are the same file\", src, TT.destname);\n"
            "        send = 0;\n"
            "      }\n"
            "      if (send) send = agentsh_move(src, TT.destname, FLAG(u), FLAG(b), FLAG(v));\n"
        ),
    ),
    ("lib/lib.c", 'xstrdup(to[j] ? to+j : ".")', "xstrdup(to[j] ? to+j+(to[j]=='/') : \".\")"),
    # realpath --relative-to=/
    (
        "lib/lib.c",
        "  for (i = j = 0;; i++) {\n    if (!from[i] || !to[i]) {",
        (
            '  if (!abs && *from && !from[1]) from = "";\n  if (!abs && *to && !to[1]) to = "";\n'
            "  for (i = j = 0;; i++) {\n    if (!from[i] || !to[i]) {"
        ),
    ),
    # rm -d and -I.
    ("toys/posix/rm.c", 'NEWTOY(rm, "f(force)iRrv[-fi]"', 'NEWTOY(rm, "f(force)iId(dir)Rrv[-fiI]"'),
    (
        "toys/posix/rm.c",
        "  if (dir && !(toys.optflags & (FLAG_r|FLAG_R))) goto skip;\n",
        (
            "  if (dir && !(toys.optflags & (FLAG_r|FLAG_R))) {\n"
            "    using = FLAG(d) ? AT_REMOVEDIR : 0;\n"
            "    goto skip;\n"
            "  }\n"
        ),
    ),
    (
        "toys/posix/rm.c",
        'if (!toys.optc && !FLAG(f)) help_exit("Needs 1 argument");\n',
        (
            'if (!toys.optc && !FLAG(f)) help_exit("Needs 1 argument");\n'
            "  if (FLAG(I) && (toys.optc>3 || FLAG(r) || FLAG(R))) {\n"
            '    fprintf(stderr, "rm: remove %d argument%s%s? ", toys.optc, toys.optc==1 ? "" : "s",\n'
            '      FLAG(r) || FLAG(R) ? " recursively" : "");\n'
            "    if (!yesno(0)) return;\n"
            "  }\n"
        ),
    ),
    # rmdir -v, chmod -v and -c.
    ("toys/posix/rmdir.c", 'p(parents)"', 'p(parents)v(verbose)"'),
    ("toys/posix/rmdir.c", "    if (!toys.optflags) return;\n", "    if (!FLAG(p)) return;\n"),
    (
        "toys/posix/rmdir.c",
        "  do {\n    if (rmdir(name)) {\n",
        ("  do {\n    if (FLAG(v)) printf(\"rmdir: removing directory, '%s'\\n\", name);\n    if (rmdir(name)) {\n"),
    ),
    ("toys/posix/chmod.c", '"<2?vfR[-vf]"', '"<2?c(changes)vfR[-vfc]"'),
    (
        "toys/posix/chmod.c",
        (
            "    if (FLAG(v)) {\n      char *s = dirtree_path(try, 0);\n\n"
            "      printf(\"chmod '%s' to %s\\n\", s, TT.mode);\n      free(s);\n    }\n"
            "    wfchmodat(dirtree_parentfd(try), try->name, mode);\n"
        ),
        (
            "    wfchmodat(dirtree_parentfd(try), try->name, mode);\n"
            "    if (FLAG(v) || FLAG(c)) {\n"
            "      char *s = dirtree_path(try, 0), was[16], is[16];\n"
            "      mode_t old = try->st.st_mode & 07777;\n\n"
            "      mode_to_string(try->st.st_mode, was);\n"
            "      mode_to_string((try->st.st_mode & S_IFMT) | mode, is);\n"
            "      if (old != mode)\n"
            "        printf(\"mode of '%s' changed from %04o (%s) to %04o (%s)\\n\", s, old, was+1, mode, is+1);\n"
            "      else if (FLAG(v)) printf(\"mode of '%s' retained as %04o (%s)\\n\", s, mode, is+1);\n"
            "      free(s);\n"
            "    }\n"
        ),
    ),
)


def apply(tree: Path) -> None:
    """Patch an unpacked toybox.

    Raises:
        ValueError: a text is not there exactly once: this is another toybox.
    """
    for name, old, new in PATCHES:
        path = tree / name
        text = path.read_text("utf-8")
        if text.count(old) != 1:
            msg = f"{name}: expected once, found {text.count(old)} times: {old!r}"
            raise ValueError(msg)
        path.write_text(text.replace(old, new), "utf-8")
