"""``.gitattributes``: which files have their line ends changed, and which are shown as binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .files import read_small
from .wildmatch import compiled

if TYPE_CHECKING:
    from .repository import Repository

Value = bytes | bool
_MACROS: dict[bytes, dict[bytes, Value]] = {b"binary": {b"diff": False, b"merge": False, b"text": False}}


class Attributes:
    """The attributes of a working tree's paths."""

    def __init__(self, repo: Repository) -> None:
        self._top = repo.top
        self._own = _parse(read_small(repo.common_dir + b"/info/attributes"))
        self._of: dict[bytes, list[tuple[bytes, dict[bytes, Value]]]] = {}
        self._autocrlf = (repo.config.get("core.autocrlf") or b"false").lower()

    def _rules(self, directory: bytes) -> list[tuple[bytes, dict[bytes, Value]]]:
        rules = self._of.get(directory)
        if rules is None:
            content = b"" if self._top is None else read_small(self._top + b"/" + directory + b".gitattributes")
            rules = self._of[directory] = _parse(content)
        return rules

    def of(self, path: bytes) -> dict[bytes, Value]:
        """A path's attributes: True when set, False when unset, or a value."""
        found: dict[bytes, Value] = {}
        directory = b""
        places = [b""]
        for part in path.split(b"/")[:-1]:
            directory += part + b"/"
            places.append(directory)
        for place in places:
            _apply(found, self._rules(place), path[len(place) :])
        _apply(found, self._own, path)
        return found

    def converts(self, path: bytes) -> bytes:
        """How line ends are changed on the way into the repository: ``yes``, ``auto`` or ``no``."""
        attributes = self.of(path)
        text = attributes.get(b"text", attributes.get(b"crlf"))
        if text is True or (text is None and b"eol" in attributes):
            return b"yes"
        if text == b"auto" or (text is None and self._autocrlf in (b"true", b"input", b"1", b"yes", b"on")):
            return b"auto"
        return b"no"


def _parse(content: bytes) -> list[tuple[bytes, dict[bytes, Value]]]:
    rules = []
    for raw in content.split(b"\n"):
        line = raw.strip()
        if not line or line.startswith((b"#", b"[attr]", b"!")):
            continue
        if line.startswith(b'"'):
            pattern, _, rest = line[1:].partition(b'"')
            words = rest.split()
        else:
            pattern, *words = line.split()
        values: dict[bytes, Value] = {}
        for word in words:
            if word.startswith(b"-"):
                values[word[1:]] = False
            elif b"=" in word:
                name, _, value = word.partition(b"=")
                values[name] = value
            elif word in _MACROS:
                values.update(_MACROS[word])
                values[word] = True
            elif not word.startswith(b"!"):
                values[word] = True
        rules.append((pattern, values))
    return rules


def _apply(found: dict[bytes, Value], rules: list[tuple[bytes, dict[bytes, Value]]], path: bytes) -> None:
    name = path.rpartition(b"/")[2]
    for pattern, values in rules:
        subject = path if b"/" in pattern else name
        if compiled(pattern.removeprefix(b"/")).match(subject):
            found.update(values)
