"""sqlite3: the library and its shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ports.port import PORTS_DIRECTORY, Port, own_units, patch, their_units
from sources import Origin, Source

if TYPE_CHECKING:
    from pathlib import Path

    from compiler import Unit

SOURCE = Source(
    name="sqlite-3.53.4",
    origins=(
        Origin(
            "npm",
            "@appthreat/sqlite3@9.0.2",
            "a52fcf4edad7be543c9b3a212ac77820f7520b379b355a2e68fa22c746780984",
            inner="deps/sqlite-amalgamation-3530400",
        ),
        Origin("upstream", "https://sqlite.org/2026/sqlite-autoconf-3530400.tar.gz"),
    ),
    content=("sqlite3.c", "sqlite3.h", "sqlite3ext.h", "shell.c"),
    content_sha256="2d344e804af7c92ff04d7b1b641e9186dd2cb1ba2546ca56bb2fb6a00a2419aa",
)

_OPTIONS = (
    "SQLITE_THREADSAFE=0",
    "SQLITE_DQS=3",  # as distributions have it: agents write "text" in double quotes
    "SQLITE_ENABLE_FTS3",
    "SQLITE_ENABLE_FTS3_PARENTHESIS",
    "SQLITE_ENABLE_FTS4",
    "SQLITE_ENABLE_FTS5",
    "SQLITE_ENABLE_RTREE",
    "SQLITE_ENABLE_GEOPOLY",
    "SQLITE_ENABLE_MATH_FUNCTIONS",
    "SQLITE_ENABLE_DBSTAT_VTAB",
    "SQLITE_ENABLE_DBPAGE_VTAB",
    "SQLITE_ENABLE_BYTECODE_VTAB",
    "SQLITE_ENABLE_STMTVTAB",
    "SQLITE_ENABLE_EXPLAIN_COMMENTS",
    "SQLITE_ENABLE_COLUMN_METADATA",
    "SQLITE_ENABLE_UPDATE_DELETE_LIMIT=0",
    "SQLITE_ENABLE_PERCENTILE",
    "SQLITE_ENABLE_OFFSET_SQL_FUNC",
    "SQLITE_OMIT_LOAD_EXTENSION",
    "SQLITE_TEMP_STORE=3",  # no temporary files: there is no /tmp
    'SQLITE_DEFAULT_UNIX_VFS="unix"',
    "SQLITE_OMIT_SHARED_CACHE",
)

_CHANGES = (
    # A write-ahead log needs shared memory, which WASI has not, unless the database is one program's alone.
    (
        "sqlite3.c",
        "  return pPager->exclusiveMode || (pMethods->iVersion>=2 && pMethods->xShmMap);",
        "  if( pMethods->iVersion<2 || !pMethods->xShmMap ) pPager->exclusiveMode = 1;\n  return 1;",
    ),
    # Lines end as other commands' do.
    (
        "shell.c",
        '   { 0,   "\\n",   "|",    " ",    ",",  "\\r\\n",',
        '   { 0,   "\\n",   "|",    " ",    ",",  "\\n",',
    ),
    ("shell.c", '      p->spec.zRowSep = "\\r\\n";', '      p->spec.zRowSep = "\\n";'),
    # A program that was not started is a failure.
    (
        "shell.c",
        '    if( x ) cli_printf(stderr,"System command returns %d\\n", x);',
        "    if( x ) rc = 1;",
    ),
    # Ours, where a pointer is taken: they know permission bits, and a journal gets those of its database.
    (
        "sqlite3.c",
        '{ "stat",         (sqlite3_syscall_ptr)stat,',
        '{ "stat",         (sqlite3_syscall_ptr)agentsh_stat,',
    ),
    (
        "sqlite3.c",
        '{ "fstat",        (sqlite3_syscall_ptr)fstat,',
        '{ "fstat",        (sqlite3_syscall_ptr)agentsh_fstat,',
    ),
)


def units(tree: Path) -> list[Unit]:
    """The translation units."""
    patch(tree, _CHANGES)
    options = [f"-D{o}" for o in _OPTIONS]
    flags = ("-Os", *options, "-D_WASI_EMULATED_PROCESS_CLOCKS", "-include", str(PORTS_DIRECTORY / "sqlite/shim.h"))
    return their_units(tree, ["sqlite3.c", "shell.c"], *flags) + own_units((PORTS_DIRECTORY / "sqlite").glob("*.c"))


PORT = Port(
    name="sqlite",
    source=SOURCE,
    units=units,
    licence_texts=(("sqlite: public domain", "sqlite3.h"),),
)
