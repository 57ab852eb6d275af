"""Commits as text: the named formats, and placeholders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import dates
from .failure import GitError
from .objects import headers
from .people import Mailmap, Person, person

if TYPE_CHECKING:
    from .objects import Commit
    from .repository import Repository

NAMED = frozenset(["oneline", "short", "medium", "full", "fuller", "raw", "reference"])
_PLACEHOLDER = re.compile(
    rb"%(?:([+\- ]?)(x[0-9a-fA-F]{2}|C\([^)]*\)|Creset|Cred|Cgreen|Cblue|Cyellow|(?:a|c)(?:[neNEdDrtiIshl]|L)"
    rb"|G[?GSKFPT]|g[dDs]|[HhTtPpsfbBdDSnNmeK%]|\([^)]*\)|w\([^)]*\)))"
)


class Pretty:
    """Prints commits in one format.

    Args:
        repo: the repository.
        form: a name of :data:`NAMED`, or ``format:...``, ``tformat:...``, or placeholders alone.
        date: how dates are shown; empty for the format's own way.
        digits: of short names; 0 for as many as are needed.
        short: whether ``commit`` lines have short names.
        decorate: what decorates commits: '', 'short' or 'full'.

    Attributes:
        ends: whether each commit's text is ended by a line feed (else they are separated by one).

    Raises:
        GitError: there is no such format.
    """

    def __init__(
        self, repo: Repository, form: str, *, date: str = "", digits: int = 0, short: bool = False, decorate: str = ""
    ) -> None:
        self._repo = repo
        self._date = date or "default"
        self._digits = digits
        self._short = short
        self._decorate = decorate
        self._mailmap = Mailmap(repo)
        self._names: dict[str, list[bytes]] | None = None
        self.pattern = b""
        self.name = form
        self.ends = True
        if form == "reference":
            self._date = date or "short"
            self.pattern, self.name = b"%C(auto)%h (%s, %ad)", "user"
        elif form.startswith(("format:", "tformat:")) or "%" in form:
            self.ends = not form.startswith("format:")
            text = form.removeprefix("t").removeprefix("format:") if form.startswith(("format:", "tformat:")) else form
            self.pattern, self.name = text.encode("utf-8", "surrogateescape"), "user"
        elif form not in NAMED:
            raise GitError(f"invalid --pretty format: {form}")
        else:
            self.ends = form == "oneline"

    def text(self, commit: Commit) -> bytes:
        """The commit's text; without the line feed that may end it."""
        if self.name == "user":
            return self.expand(self.pattern, commit)
        oid = self._abbreviated(commit.oid) if self._short else commit.oid.encode()
        marks = self._marks(commit.oid)
        decorated = b" (" + b", ".join(marks) + b")" if marks and self._decorate else b""
        message = _recoded(commit)
        if self.name == "oneline":
            return oid + decorated + b" " + subject(message)
        lines = [b"commit " + oid + decorated]
        if self.name == "raw":
            lines += commit.raw.partition(b"\n\n")[0].split(b"\n")
        else:
            lines += self._people(commit)
        lines.append(b"")
        body = message.lstrip(b"\n")
        if self.name == "short":
            body = body.partition(b"\n\n")[0]
        expand = self.name in ("medium", "full", "fuller")
        shown = [line.rstrip() for line in body.split(b"\n")]
        while shown and not shown[-1]:
            shown.pop()
        lines += [b"    " + (line.expandtabs(8) if expand else line) for line in shown]
        return b"\n".join(lines) + b"\n"

    def _people(self, commit: Commit) -> list[bytes]:
        author = self._mailmap.proper(person(commit.author))
        committer = self._mailmap.proper(person(commit.committer))
        lines = []
        if len(commit.parents) > 1:
            lines.append(b"Merge: " + b" ".join(self._abbreviated(p) for p in commit.parents))
        wide = b"    " if self.name == "fuller" else b""
        lines.append(b"Author: " + wide + author.name + b" <" + author.email + b">")
        if self.name == "medium":
            lines.append(b"Date:   " + self._when(author))
        elif self.name == "fuller":
            lines.append(b"AuthorDate: " + self._when(author))
        if self.name in ("full", "fuller"):
            lines.append(b"Commit: " + wide + committer.name + b" <" + committer.email + b">")
        if self.name == "fuller":
            lines.append(b"CommitDate: " + self._when(committer))
        return lines

    def _when(self, who: Person, how: str = "") -> bytes:
        return dates.show(who.seconds, who.zone, how or self._date).encode("utf-8", "surrogateescape")

    def _abbreviated(self, oid: str) -> bytes:
        return self._repo.objects.abbreviated(oid, self._digits).encode()

    def _marks(self, oid: str) -> list[bytes]:
        """What points at a commit, as decorations name it."""
        if self._names is None:
            self._names = decorations(self._repo, full=self._decorate == "full")
        return self._names.get(oid, [])

    def expand(self, pattern: bytes, commit: Commit) -> bytes:
        """The pattern with its placeholders replaced; unknown ones stay, as in git."""

        def one(match: re.Match[bytes]) -> bytes:
            value = self._value(match[2], commit)
            if match[1] == b"+":
                return b"\n" + value if value else b""
            if match[1] == b" ":
                return b" " + value if value else b""
            return value

        return _PLACEHOLDER.sub(one, pattern)

    def _value(self, what: bytes, commit: Commit) -> bytes:
        key = what.decode("ascii", "replace")
        if key[0] in "ac" and len(key) == 2:
            return self._of_person(person(commit.author if key[0] == "a" else commit.committer), key[1])
        if key[0] == "x" and len(key) == 3:
            return bytes([int(key[1:], 16)])
        if key[0] == "C":
            return b""  # colours: this is no terminal
        message = _recoded(commit)
        match key:
            case "H":
                return commit.oid.encode()
            case "h":
                return self._abbreviated(commit.oid)
            case "T":
                return commit.tree.encode()
            case "t":
                return self._abbreviated(commit.tree)
            case "P":
                return " ".join(commit.parents).encode()
            case "p":
                return b" ".join(self._abbreviated(p) for p in commit.parents)
            case "s":
                return subject(message)
            case "f":
                return re.sub(rb"[^A-Za-z0-9_.]+", b"-", re.sub(rb"\.+", b".", subject(message))).strip(b"-.")
            case "b":
                return body(message)
            case "B":
                return message.lstrip(b"\n")
            case "d":
                marks = self._marks(commit.oid)
                return b" (" + b", ".join(marks) + b")" if marks else b""
            case "D":
                return b", ".join(self._marks(commit.oid))
            case "n":
                return b"\n"
            case "%":
                return b"%"
            case "m":
                return b">"
            case "e":
                return dict(headers(commit.raw)[0]).get(b"encoding", b"")
            case "N" | "S" | "gd" | "gD" | "gs":
                return b""
            case "G?":
                return b"N" if b"\ngpgsig" not in commit.raw.partition(b"\n\n")[0] else b"E"
        raise GitError(f"the placeholder %{key} is not supported here")

    def _of_person(self, who: Person, letter: str) -> bytes:
        mapped = self._mailmap.proper(who) if letter in "NEL" else who
        match letter:
            case "n" | "N":
                return mapped.name
            case "e" | "E":
                return mapped.email
            case "l" | "L":
                return mapped.email.partition(b"@")[0]
            case "d":
                return self._when(who)
        names = {"D": "rfc", "r": "relative", "t": "unix", "i": "iso", "I": "iso-strict", "s": "short", "h": "default"}
        return self._when(who, names[letter])


def subject(message: bytes) -> bytes:
    """The first paragraph, as one line."""
    first = re.split(rb"\n[ \t]*\n", message.lstrip(b"\n"), maxsplit=1)[0]
    return b" ".join(line.rstrip() for line in first.split(b"\n") if line.strip())


def body(message: bytes) -> bytes:
    """What comes after the first paragraph."""
    parts = re.split(rb"\n(?:[ \t]*\n)+", message.lstrip(b"\n"), maxsplit=1)
    return parts[1] if len(parts) > 1 else b""


def _recoded(commit: Commit) -> bytes:
    """The message in UTF-8."""
    if b"\nencoding " not in commit.raw.partition(b"\n\n")[0]:
        return commit.message
    name = dict(headers(commit.raw)[0]).get(b"encoding", b"utf-8").decode("ascii", "replace")
    try:
        return commit.message.decode(name).encode()
    except (LookupError, UnicodeError):
        return commit.message


def decorations(repo: Repository, *, full: bool = False) -> dict[str, list[bytes]]:
    """What points at each commit: ``HEAD``, tags, branches."""
    found: dict[str, list[bytes]] = {}
    branch, head = repo.head()
    kinds = ((b"refs/tags/", b"tag: "), (b"refs/heads/", b""), (b"refs/remotes/", b""), (b"refs/stash", b""))
    stash = repo.refs.get(b"refs/stash")
    refs = repo.refs.below(b"refs/") | ({b"refs/stash": stash} if stash else {})
    for name, oid in sorted(refs.items()):
        prefix, mark = next(((p, m) for p, m in kinds if name.startswith(p)), (b"", b""))
        if not prefix:
            continue
        try:
            commit = repo.objects.peel(oid)
        except GitError:
            continue
        shown = name if full or not prefix.endswith(b"/") else name.removeprefix(prefix)
        found.setdefault(commit, []).insert(0, mark + shown)
    if head is not None:
        names = found.setdefault(head, [])
        if branch is None:
            names.insert(0, b"HEAD")
        else:
            shown = branch if full else branch.removeprefix(b"refs/heads/")
            if shown in names:
                names.remove(shown)
            names.insert(0, b"HEAD -> " + shown)
    return found
