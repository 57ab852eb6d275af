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
    # Which of two files is newer, or whether they are one.
    (
        "toys/posix/test.c",
        "    if ((*s=='<' || *s=='>') && !s[1]) {",
        (
            '    if (!strcmp(s, "-nt") || !strcmp(s, "-ot") || !strcmp(s, "-ef"))\n'
            "      return agentsh_compare_files(args[0], s[1], args[2]);\n    if ((*s=='<' || *s=='>') && !s[1]) {"
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
