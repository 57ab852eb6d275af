"""What lists of references share: which are meant, in which order, and ``--format``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .failure import GitError, UsageError
from .objects import headers, stamp
from .pretty import Pretty, subject
from .revisions import resolve, upstream
from .walk import merge_bases

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .options import Options
    from .repository import Repository


def is_asked(repo: Repository, oid: str, options: Options, asked: Sequence[str]) -> bool:
    """Whether a branch or tag passes ``--contains`` and its like."""
    names = [
        n for n, _ in options.found if n in ("--contains", "--no-contains", "--merged", "--no-merged", "--points-at")
    ]
    for name in names:
        value = options.value(name) or (asked[0] if asked else "") or "HEAD"
        try:
            other = repo.objects.peel(resolve(repo, value))
        except GitError as e:
            raise GitError(f"malformed object name {value}", 129, "error: ") from e
        mine = repo.objects.peel(oid)
        if name == "--points-at":
            passes = other in {mine, oid}
        elif name.endswith("contains"):
            passes = is_ancestor(repo, other, mine) != name.startswith("--no")
        else:
            passes = is_ancestor(repo, mine, other) != name.startswith("--no")
        if not passes:
            return False
    return True


def is_ancestor(repo: Repository, old: str, new: str) -> bool:
    """Whether ``new`` builds on ``old``."""
    return old == new or merge_bases(repo, old, new) == [old]


def sort_refs(repo: Repository, found: list[tuple[bytes, bytes, str]], keys: Iterable[str]) -> None:
    """Sort references (full name, short name, object) in place, by ``--sort`` keys, the last one first."""
    for key in reversed(list(keys)):
        reverse, name = key.startswith("-"), key.lstrip("-")
        if name in ("committerdate", "creatordate", "authordate", "taggerdate"):
            found.sort(key=lambda f: (ref_date(repo, f[2]), f[0]), reverse=reverse)
        elif name in ("version:refname", "v:refname"):
            found.sort(
                key=lambda f: [int(p) if p.isdigit() else -1 for p in re.findall(rb"\d+|\D+", f[0])], reverse=reverse
            )
        elif name == "refname":
            found.sort(reverse=reverse)
        else:
            raise UsageError(f"--sort={key} is not supported in this sandbox")


def ref_date(repo: Repository, oid: str) -> int:
    """When what a reference names was made, in seconds of the epoch; 0 for what has no time."""
    kind, content = repo.objects.read(oid)
    if kind == "tag":
        return stamp(dict(headers(content)[0]).get(b"tagger", b""))[0]
    return repo.objects.commit(oid).date if kind == "commit" else 0


def formatted(repo: Repository, form: str, full: bytes, short: bytes, oid: str) -> bytes:
    """``--format`` with ``%(field)`` of ``for-each-ref``."""
    kind, content = repo.objects.read(oid)
    commit = repo.objects.commit(oid) if kind == "commit" else None
    pretty = Pretty(repo, "medium")

    def field(match: re.Match[str]) -> str:
        name, _, how = match[1].partition(":")
        value: bytes
        if name == "refname":
            value = short if how == "short" else full
        elif name == "objectname":
            value = (repo.objects.abbreviated(oid) if how.startswith("short") else oid).encode()
        elif name == "objecttype":
            value = kind.encode()
        elif name == "HEAD":
            value = b"*" if repo.head()[0] == full else b" "
        elif name in ("upstream", "push"):
            other = upstream(repo, full) or b""
            value = re.sub(rb"^refs/(?:heads|remotes)/", b"", other) if how.startswith("short") else other
        elif name in ("subject", "contents"):
            message = commit.message if commit else headers(content)[1]
            value = subject(message) if name == "subject" or how == "subject" else message
        elif commit and name in ("authorname", "committername", "authoremail", "committeremail"):
            letter = "a" if name.startswith("author") else "c"
            plain = pretty.expand(f"%{letter}{'n' if name.endswith('name') else 'e'}".encode(), commit)
            value = plain if name.endswith("name") else b"<" + plain + b">"
        elif commit and name in ("authordate", "committerdate", "creatordate"):
            letter = "a" if name.startswith("author") else "c"
            value = Pretty(repo, "medium", date=how).expand(f"%{letter}d".encode(), commit)
        else:
            raise UsageError(f"the field %({match[1]}) is not supported in this sandbox")
        return value.decode("utf-8", "surrogateescape")

    text_ = re.sub(r"%\(([^)]*)\)|%([0-9a-fA-F]{2})", lambda m: field(m) if m[1] else chr(int(m[2], 16)), form)
    return text_.encode("utf-8", "surrogateescape")
