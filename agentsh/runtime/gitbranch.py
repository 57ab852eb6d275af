"""Write a history to a new branch of the person's git repository: objects and one reference, nothing else.

``git fast-import`` reads it from a pipe, so neither the working tree nor the index is touched. The repository's own
configuration may have been written by an action: hooks, filters, monitors and remotes are switched off.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.entry import EntryType
from agentsh.core.errors import ActionFailed, ConflictError, UsageError
from agentsh.core.sanitise import visible
from agentsh.runtime.export import Exported, steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentsh.core.entry import Entry
    from agentsh.runtime.export import Step
    from agentsh.store import Store

_OFF = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.attributesFile=/dev/null",
    "gpg.program=false",
)
_PERSONS = {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"}
"""What stays of git's own environment: where the person's configuration is. The rest may name another repository."""

_AGENT = b"agentsh <agentsh@localhost>"


class Git:
    """git on the repository that a workspace is in.

    Args:
        workspace: the directory.

    Raises:
        UsageError: there is no git, or no repository.
    """

    def __init__(self, workspace: Path) -> None:
        found = shutil.which("git")
        if found is None or Path(found).resolve().is_relative_to(workspace):
            raise UsageError("There is no git on this machine.", next_step="Install git, or use --patches DIR.")
        self._command = [found, *(part for option in _OFF for part in ("-c", option))]
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _PERSONS},
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }
        self._workspace = workspace
        self.prefix = self._ask("rev-parse", "--show-prefix").rstrip(b"\n")
        self.hash = self._ask("rev-parse", "--show-object-format").decode().strip()

    def _ask(self, *arguments: str, stdin: bytes = b"", codes: Sequence[int] = (0,)) -> bytes:
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=self._workspace,
            env=self._environment,
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode not in codes:
            said = visible(done.stderr.decode("utf-8", "replace")).strip().splitlines()
            raise UsageError(
                f"git {arguments[0]} failed: {said[-1] if said else f'it ended with {done.returncode}'}",
                next_step="The workspace must be in a git repository, and the names be git's.",
            )
        return done.stdout

    def base(self, revision: str) -> str:
        """The commit that ``revision`` names.

        Raises:
            UsageError: there is none.
        """
        return self._ask("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()

    def free(self, branch: str) -> None:
        """Make sure that a branch can be made.

        Raises:
            UsageError: that is no name for a branch.
            ConflictError: it exists.
        """
        self._ask("check-ref-format", f"refs/heads/{branch}")
        if branch.startswith("-"):
            raise UsageError("A branch's name does not begin with a dash.")
        if self._ask("for-each-ref", f"refs/heads/{branch}"):
            raise ConflictError(
                f"The branch {visible(branch)} exists already.", next_step="Name another one, or delete it."
            )

    def tree(self, commit: str) -> dict[bytes, tuple[bytes, bytes]]:
        """Every path of a commit, with its mode and object id."""
        listed = self._ask("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
        return {path: (meta.split()[0], meta.split()[2]) for meta, _, path in (x.partition(b"\t") for x in listed if x)}

    def ignored(self, paths: Sequence[bytes]) -> set[bytes]:
        """Those of ``paths``, relative to the workspace, that git would not take unasked."""
        given = b"".join(b"./" + p + b"\0" for p in paths)
        found = self._ask("check-ignore", "--no-index", "-z", "--stdin", stdin=given, codes=(0, 1)).split(b"\0")
        return {p.removeprefix(b"./") for p in found if p}

    def identity(self) -> bytes:
        """Who commits: the person, as git knows them."""
        name, mail = (self._ask("config", "--get", f"user.{x}", codes=(0, 1)).strip() for x in ("name", "email"))
        clean = [bytes(c for c in x if c not in b"<>\n\0") for x in (name or b"agentsh", mail or b"agentsh@localhost")]
        return b"%s <%s>" % (clean[0], clean[1])

    def load(self, stream: Iterator[bytes]) -> None:
        """Give ``git fast-import`` a history.

        Raises:
            ActionFailed: it did not take it; nothing is changed but objects that nothing refers to.
        """
        with subprocess.Popen(
            [*self._command, "fast-import", "--quiet", "--done", "--date-format=raw"],
            cwd=self._workspace,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            if process.stdin is None or process.stderr is None:
                raise RuntimeError("pipes")
            try:
                for piece in stream:
                    process.stdin.write(piece)
                process.stdin.close()
            except BrokenPipeError:
                pass  # it says why below
            said = process.stderr.read()
        if process.returncode != 0:
            raise ActionFailed(f"git fast-import failed: {visible(said.decode('utf-8', 'replace')).strip()[:300]}")


def to_branch(store: Store, workspace: Path, branch: str, *, onto: str = "HEAD") -> Exported:
    """Write the history to a new branch.

    Args:
        store: has it.
        workspace: in a git repository, maybe not at its top.
        branch: its name; it must not exist.
        onto: the commit that it starts from.

    Raises:
        UsageError: no git, no repository, no such commit, no such name.
        ConflictError: the branch exists.
        SealedError: content is sealed, and its key cannot be had. Nothing was written.
        NotFoundError: content is not kept any more. Nothing was written.
        ActionFailed: git did not take it.
    """
    git = Git(workspace)
    git.free(branch)
    base = git.base(onto)
    tree = git.tree(base)
    touched = sorted({e.path for c in store.commits() for e in c.effects})
    out = git.ignored(touched) - {p for p in touched if git.prefix + p in tree}
    out |= {p for p in touched if b".git" in p.split(b"/") or _is_nested(workspace, p)}
    # What is sealed here could be read there, and is soon pushed; what the starting commit has is there already.
    sealed = store.seals.paths if store.seals is not None else None
    if sealed is not None:
        out |= {p for p in touched if sealed(p) and git.prefix + p not in tree}
    left: set[bytes] = set()

    def wanted(path: bytes) -> bool:
        left.update({path} & out)
        return path not in out

    def known(path: bytes, entry: Entry | None) -> bool:
        there = tree.get(git.prefix + path)
        return there == (None if entry is None else (_mode(entry), _object_id(store, entry, git.hash)))

    found = list(steps(store, known, wanted))
    if not found:
        raise UsageError("There is nothing to export: nothing was committed that git would take.")
    with store.view():
        for digest in {e.after.digest for step in found for e in step.effects if e.after and e.after.digest}:
            store.require_blob(digest)  # before git has begun
    git.load(_stream(store, git, found, branch, base))
    return Exported(branch, len(found), tuple(sorted(left)))


def _is_nested(workspace: Path, path: bytes) -> bool:
    """True in a repository of its own."""
    names = path.split(b"/")
    root = os.fsencode(workspace)
    return any(os.path.lexists(b"/".join([root, *names[:n], b".git"])) for n in range(1, len(names)))


def _mode(entry: Entry) -> bytes:
    if entry.type is EntryType.SYMLINK:
        return b"120000"
    return b"100755" if entry.mode & 0o100 else b"100644"


def _pieces(store: Store, entry: Entry) -> Iterator[bytes]:
    if entry.type is EntryType.SYMLINK:
        yield entry.target or b""
    elif entry.digest is not None:
        yield from map(bytes, store.blob_pieces(entry.digest))


def _size(entry: Entry) -> int:
    return len(entry.target or b"") if entry.type is EntryType.SYMLINK else entry.size


def _object_id(store: Store, entry: Entry, algorithm: str) -> bytes:
    """The id that git gives to content."""
    h = hashlib.new(algorithm, b"blob %d\0" % _size(entry), usedforsecurity=False)
    for piece in _pieces(store, entry):
        h.update(piece)
    return h.hexdigest().encode()


def _stream(store: Store, git: Git, found: Sequence[Step], branch: str, base: str) -> Iterator[bytes]:
    """The history in fast-import's language."""
    person = git.identity()
    for n, step in enumerate(found):
        message = "\n".join([step.subject, "", *step.body]).encode("utf-8", "replace") + b"\n"
        author = _AGENT if step.body else person
        yield b"commit refs/heads/%s\n" % branch.encode()
        yield b"author %s %d +0000\ncommitter %s %d +0000\n" % (author, step.at, person, step.at)
        yield b"data %d\n%s" % (len(message), message)
        yield b"from %s\n" % base.encode() if n == 0 else b""
        for effect in sorted(step.effects, key=lambda e: (e.after is not None, e.path)):
            path = _quoted(git.prefix + effect.path)
            if effect.after is None:
                yield b"D %s\n" % path
                continue
            yield b"M %s inline %s\ndata %d\n" % (_mode(effect.after), path, _size(effect.after))
            yield from _pieces(store, effect.after)
            yield b"\n"
    yield b"done\n"


def _quoted(path: bytes) -> bytes:
    return b'"' + b"".join(b"\\%03o" % c if c < 32 or c in b'"\\' or c > 126 else bytes([c]) for c in path) + b'"'
