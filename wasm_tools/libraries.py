"""Libraries that are linked into our own modules: where each comes from and how it is compiled."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sources import Origin, Source, obtain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Library:
    """One library.

    Attributes:
        source: the pinned release.
        files: what to compile, relative to the release.
        include: directories with its headers, relative to the release; for the library and for who uses it.
        defines: flags of the preprocessor, for both.
        licence: its SPDX name, and the file with the text.
        made: files that the release has under another name: (as it is called, as it shall be called).
    """

    source: Source
    files: tuple[str, ...]
    include: tuple[str, ...]
    defines: tuple[str, ...]
    licence: tuple[str, str]
    made: tuple[tuple[str, str], ...] = ()


ZLIB: Final = Library(
    source=Source(
        name="zlib-1.2.13",
        origins=(
            Origin("apt", "zlib", "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1"),
            Origin("upstream", "https://zlib.net/fossils/zlib-1.2.13.tar.gz"),
        ),
        content=("LICENSE", "*.[ch]"),
        content_sha256="980d72b3c3523327ccb4112aa618dbe3a7687967f17213a3fb6e45e389f93c46",
    ),
    files=("adler32.c", "crc32.c", "deflate.c", "inffast.c", "inflate.c", "inftrees.c", "trees.c", "zutil.c"),
    include=(".",),
    defines=(),
    licence=("Zlib", "LICENSE"),
)

BZIP2: Final = Library(
    source=Source(
        name="bzip2-1.0.8",
        origins=(
            Origin("apt", "bzip2", "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269"),
            Origin("upstream", "https://sourceware.org/pub/bzip2/bzip2-1.0.8.tar.gz"),
        ),
        content=("LICENSE", "*.[ch]"),
        content_sha256="461485934da461edc65854afcca672a988ac9112d24d167a770b46cd80254ec9",
    ),
    files=("blocksort.c", "bzlib.c", "compress.c", "crctable.c", "decompress.c", "huffman.c", "randtable.c"),
    include=(".",),
    defines=("-DBZ_NO_STDIO",),
    licence=("bzip2-1.0.6", "LICENSE"),
)

PCRE2: Final = Library(
    source=Source(
        name="pcre2-10.42",
        origins=(
            Origin("apt", "pcre2", "c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f"),
            Origin(
                "upstream", "https://github.com/PCRE2Project/pcre2/releases/download/pcre2-10.42/pcre2-10.42.tar.gz"
            ),
        ),
        content=("LICENCE", "src/*.[ch]", "src/*.generic", "src/*.dist"),
        content_sha256="6c8d321238150088a4f59c0b6de03d2f127cc80394736b9becb987d8e3b9777b",
    ),
    files=tuple(
        f"src/pcre2_{name}.c"
        for name in (
            "auto_possess",
            "chartables",
            "compile",
            "context",
            "error",
            "extuni",
            "find_bracket",
            "match",
            "match_data",
            "newline",
            "ord2utf",
            "pattern_info",
            "script_run",
            "string_utils",
            "study",
            "tables",
            "ucd",
            "valid_utf",
            "xclass",
        )
    ),
    include=("src",),
    defines=("-DHAVE_CONFIG_H", "-DPCRE2_CODE_UNIT_WIDTH=8", "-DSUPPORT_UNICODE", "-DPCRE2_STATIC"),
    licence=("BSD-3-Clause", "LICENCE"),
    made=(
        ("src/config.h.generic", "src/config.h"),
        ("src/pcre2.h.generic", "src/pcre2.h"),
        ("src/pcre2_chartables.c.dist", "src/pcre2_chartables.c"),
    ),
)

LINKED: Final[Mapping[str, tuple[Library, ...]]] = {"archive": (ZLIB, BZIP2), "grep": (PCRE2,)}
"""Which of our modules has which libraries in it."""


def unpacked(library: Library, work: Path, say: Callable[[str], None]) -> Path:
    """A copy of the library's release, ready to be compiled.

    Args:
        library: which one.
        work: the build's directory.
        say: takes a line of progress.

    Raises:
        SourceError: the release cannot be had.
    """
    pristine = obtain(library.source, work / "sources", say)
    tree = work / "libraries" / library.source.name
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(pristine, tree)
    for old, new in library.made:
        shutil.copyfile(tree / old, tree / new)
    return tree


def user_flags(library: Library, work: Path) -> tuple[str, ...]:
    """What a source that uses the library is compiled with."""
    tree = work / "libraries" / library.source.name
    return (*library.defines, *(flag for d in library.include for flag in ("-isystem", str(tree / d))))
