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
        "toys/other/stat.c",
        "(FLAG(L) ? stat : lstat)(TT.file, (void *)&TT.stat)",
        "(FLAG(L) ? stat(TT.file, (void *)&TT.stat) : lstat(TT.file, (void *)&TT.stat))",
    ),
    # The date as GNU writes it in the C locale: a time for the last half year, the year otherwise.
    (
        "toys/posix/ls.c",
        'strftime(tmp, sizeof(tmp), " %F %H:%M", tm);',
        'strftime(tmp, sizeof(tmp), TT.l>1 ? " %F %H:%M" : (time(0)-st->st_mtim.tv_sec)/15778476ULL '
        + '? " %b %e  %Y" : " %b %e %H:%M", tm);',
    ),
    (
        "toys/posix/ls.c",
        'zprint(zap, "s ", 17+(TT.l>1)*13, (unsigned long)tmp);',
        'zprint(zap, "s ", TT.l>1 ? 30 : 13, (unsigned long)tmp);',
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
