"""Names of commits and other objects: ``HEAD~2``, ``v1^{tree}``, ``main:path``, ``a..b``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .failure import GitError

if TYPE_CHECKING:
    from .repository import Repository

_HEX = re.compile(r"[0-9a-fA-F]{4,40}")
_STEP = re.compile(r"~(\d*)|\^(\d*)(?!\{)|\^\{([a-z]*)\}|\^\{/([^}]*)\}")
_AT = re.compile(r"(.*)@\{([^}]*)\}")
_RULES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD")
_DESCRIBED = re.compile(r".+-\d+-g([0-9a-f]{4,40})")


def unknown(name: str) -> GitError:
    """What git says about a name that means nothing."""
    return GitError(
        f"ambiguous argument '{name}': unknown revision or path not in the working tree.\n"
        "Use '--' to separate paths from revisions, like this:\n"
        "'git <command> [<revision>...] -- [<file>...]'"
    )


def full_name(repo: Repository, name: str) -> bytes | None:
    """The whole name of the reference that a short one means; None where there is none."""
    for rule in _RULES:
        full = rule.format(name).encode("utf-8", "surrogateescape")
        if repo.refs.raw(full) is not None:
            return full
    return None


def resolve(repo: Repository, name: str) -> str:
    """The object that an expression names.

    Raises:
        GitError: there is none.
    """
    found = try_resolve(repo, name)
    if found is None:
        raise unknown(name)
    return found


def try_resolve(repo: Repository, name: str) -> str | None:
    """As :func:`resolve`, but None where there is no such object.

    Raises:
        GitError: it is ambiguous, or a path in it does not exist.
    """
    base, colon, path = name.partition(":")
    if colon and not base:
        return _in_index(repo, path)
    if colon and "{/" not in base:
        return _in_tree(repo, base, path)
    return _commitish(repo, name)


def _commitish(repo: Repository, name: str) -> str | None:
    first = min((i for i in (name.find("^"), name.find("~")) if i >= 0), default=len(name))
    oid = _base(repo, name[:first])
    at = first
    while oid is not None and at < len(name):
        step = _STEP.match(name, at)
        if step is None:
            return None
        oid = _walk(repo, oid, step)
        at = step.end()
    return oid


def _walk(repo: Repository, oid: str, step: re.Match[str]) -> str | None:
    tilde, caret, kind, message = step.groups()
    objects = repo.objects
    if message is not None:
        return _by_message(repo, oid, message)
    if kind is not None:
        if not kind:
            while objects.read(oid)[0] == "tag":
                oid = objects.peel(oid, _tagged_kind(repo, oid))
            return oid
        return oid if kind == "object" else objects.peel(oid, kind)
    oid = objects.peel(oid)
    if tilde is not None:
        for _ in range(int(tilde or 1)):
            parents = objects.commit(oid).parents
            if not parents:
                return None
            oid = parents[0]
        return oid
    number = int(caret or 1)
    parents = objects.commit(oid).parents
    return oid if number == 0 else parents[number - 1] if number <= len(parents) else None


def _tagged_kind(repo: Repository, oid: str) -> str:
    for line in repo.objects.of_kind(oid, "tag").split(b"\n"):
        if line.startswith(b"type "):
            return line[5:].decode("ascii", "replace")
    raise GitError(f"tag {oid} is corrupt")


def _by_message(repo: Repository, oid: str, pattern: str) -> str | None:
    wanted = re.compile(pattern.encode("utf-8", "surrogateescape"))
    stack, seen = [repo.objects.peel(oid)], set[str]()
    while stack:
        stack.sort(key=lambda o: repo.objects.commit(o).date)
        commit = repo.objects.commit(stack.pop())
        if wanted.search(commit.message):
            return commit.oid
        for parent in commit.parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return None


def _base(repo: Repository, name: str) -> str | None:
    if name in ("@", ""):
        return repo.refs.get(b"HEAD") if name else None
    at = _AT.fullmatch(name)
    if at:
        return _at(repo, at[1], at[2])
    full = full_name(repo, name)
    if full is not None:
        oid = repo.refs.get(full)
        if oid is not None:
            return oid
    described = _DESCRIBED.fullmatch(name)
    digits = described[1] if described else name
    if _HEX.fullmatch(digits):
        digits = digits.lower()
        # A whole name is taken as it is: whether there is such an object shows when it is read.
        found = [digits] if len(digits) == 40 else repo.objects.with_prefix(digits)
        if len(found) > 1:  # a commit is meant before anything else
            commits = [o for o in found if repo.objects.read(o)[0] in ("commit", "tag")]
            if len(commits) != 1:
                raise GitError(f"ambiguous argument '{name}': short object ID {name} is ambiguous")
            found = commits
        return found[0] if found else None
    return None


def upstream(repo: Repository, branch: bytes) -> bytes | None:
    """The reference that a branch follows; None where none is configured."""
    short = branch.removeprefix(b"refs/heads/").decode("utf-8", "surrogateescape")
    remote, merge = repo.config.get(f"branch.{short}.remote"), repo.config.get(f"branch.{short}.merge")
    if remote is None or merge is None:
        return None
    if remote == b".":
        return merge
    return b"refs/remotes/" + remote + b"/" + merge.removeprefix(b"refs/heads/")


def _at(repo: Repository, name: str, inside: str) -> str | None:
    full = full_name(repo, name) if name else b"HEAD"
    if full is None:
        return None
    if inside.lower() in ("u", "upstream"):
        branch = repo.head()[0] if full == b"HEAD" else full
        other = upstream(repo, branch) if branch else None
        return None if other is None else repo.refs.get(other)
    if inside.startswith("-") and inside[1:].isdigit() and not name:
        return _before(repo, int(inside[1:]))
    if not inside.isdigit():
        raise GitError(f"'@{{{inside}}}' is not supported here; name a commit, or a place in the log like @{{1}}")
    if not name:
        full = repo.head()[0] or b"HEAD"
    log = repo.refs.log(full)
    number = int(inside)
    if number < len(log):
        return log[-1 - number][1]
    return log[0][0] if log and number == len(log) else None


def _before(repo: Repository, number: int) -> str | None:
    """The branch that was checked out ``number`` switches ago."""
    moves = [m for *_, m in repo.refs.log(b"HEAD") if m.startswith(b"checkout: moving from ")]
    if not 0 < number <= len(moves):
        return None
    name = moves[-number].removeprefix(b"checkout: moving from ").partition(b" to ")[0]
    return try_resolve(repo, name.decode("utf-8", "surrogateescape"))


def repository_path(repo: Repository, path: str) -> bytes:
    """A path after a colon: from the root, or with a leading dot from the current directory."""
    raw = path.encode("utf-8", "surrogateescape")
    if raw.startswith((b"./", b"../")) or raw in (b".", b".."):
        import posixpath

        joined = posixpath.normpath(posixpath.join(b"/" + repo.prefix, raw))
        return joined.lstrip(b"/")
    return raw


def _in_tree(repo: Repository, base: str, path: str) -> str | None:
    oid = _commitish(repo, base)
    if oid is None:
        raise GitError(f"invalid object name '{base}'.")
    oid = repo.objects.peel(oid, "tree")
    wanted = repository_path(repo, path)
    for part in filter(None, wanted.split(b"/")):
        entries = {e.name: e for e in repo.objects.tree(oid)}
        if part not in entries:
            shown = wanted.decode("utf-8", "backslashreplace")
            raise GitError(f"path '{shown}' does not exist in '{base}'")
        oid = entries[part].oid
    return oid


def _in_index(repo: Repository, path: str) -> str | None:
    from .index import read_index

    stage = 0
    if path[:2] in ("0:", "1:", "2:", "3:"):
        stage, path = int(path[0]), path[2:]
    wanted = repository_path(repo, path)
    for entry in read_index(repo):
        if entry.path == wanted and entry.stage == stage:
            return entry.oid
    raise GitError(f"path '{wanted.decode('utf-8', 'backslashreplace')}' is not in the index")
