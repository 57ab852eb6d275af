"""Authors and committers, under the names that ``.mailmap`` gives them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .files import read_small
from .objects import stamp

if TYPE_CHECKING:
    from .repository import Repository

_MAPPED = re.compile(rb"([^<]*)<([^>]*)>(?:([^<]*)<([^>]*)>)?")


class Person(NamedTuple):
    """Who, and when."""

    name: bytes
    email: bytes
    seconds: int
    zone: int


def person(line: bytes) -> Person:
    """An author or committer line."""
    name, _, rest = line.partition(b"<")
    return Person(name.strip(), rest.partition(b">")[0].strip(), *stamp(line))


class Mailmap:
    """The names that a repository's ``.mailmap`` gives."""

    def __init__(self, repo: Repository) -> None:
        content = read_small(repo.top + b"/.mailmap") if repo.top is not None else b""
        self._by_email: dict[bytes, tuple[bytes, bytes]] = {}
        self._by_both: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
        for line in content.split(b"\n"):
            match = None if line.startswith(b"#") else _MAPPED.match(line)
            if match is None:
                continue
            name, email, old_name, old_email = (g.strip() if g is not None else None for g in match.groups())
            if old_email is None:
                self._by_email[(email or b"").lower()] = name or b"", b""
            elif old_name:
                self._by_both[old_name.lower(), old_email.lower()] = name or b"", email or b""
            else:
                self._by_email[old_email.lower()] = name or b"", email or b""

    def proper(self, who: Person) -> Person:
        """A person under the mapped name."""
        if not self._by_email and not self._by_both:
            return who
        email = who.email.lower()
        found = self._by_both.get((who.name.lower(), email)) or self._by_email.get(email)
        if found is None:
            return who
        return Person(found[0] or who.name, found[1] or who.email, who.seconds, who.zone)
