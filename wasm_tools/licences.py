"""The licence texts of what is linked into the modules, kept beside them: whoever passes the modules on needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIBC = "lib/libc/wasi"
_LINKED = (
    ("wasi-libc", f"{_LIBC}/LICENSE"),
    ("wasi-libc: Apache-2.0 WITH LLVM-exception", f"{_LIBC}/LICENSE-APACHE-LLVM"),
    ("wasi-libc: MIT", f"{_LIBC}/LICENSE-MIT"),
    ("wasi-libc: cloudlibc", f"{_LIBC}/libc-bottom-half/cloudlibc/LICENSE"),
    ("wasi-libc: musl", f"{_LIBC}/libc-top-half/musl/COPYRIGHT"),
    ("compiler-rt of Zig", "LICENSE"),
)


def write_licences(target: Path, *, ziglang: Path, others: Mapping[str, Path]) -> None:
    """Write every licence text into one file, if it is not what is there already.

    Args:
        target: the file.
        ziglang: the directory of the ``ziglang`` package.
        others: what else is in the modules, with the file of its licence.

    Raises:
        OSError: a text is not where it belongs.
    """
    texts = [(title, ziglang / path) for title, path in _LINKED]
    texts += others.items()
    rule = "=" * 78
    parts = ["The WebAssembly modules in this directory contain code under these licences."]
    parts += [f"{rule}\n{title}\n{rule}\n\n{_text(path)}" for title, path in texts]
    content = "\n\n".join(parts) + "\n"
    if not target.exists() or target.read_text("utf-8") != content:
        target.write_text(content, "utf-8")


def _text(path: Path) -> str:
    """A licence's text: a file of its own, or the comment at the head of a source."""
    text = path.read_text("utf-8", "replace")
    if path.suffix in (".c", ".h"):
        text = text[text.index("/*") + 2 : text.index("*/")]
        text = "\n".join(line.removeprefix(" ").lstrip("*").removeprefix(" ") for line in text.splitlines())
    return text.strip()
