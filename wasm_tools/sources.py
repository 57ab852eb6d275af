"""Third-party source: fetched by name through the package clients, pinned, unpacked. It never enters git.

A program's source comes from wherever a client that the machine has can get it: the system's source packages, PyPI,
npm, and the upstream release last. Whichever it was, one hash over the contents of the files that are built from must
hold.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SourceError(Exception):
    """A source could not be fetched, or is not the one that was pinned."""


@dataclass(frozen=True)
class Origin:
    """One place that a source can be had from.

    Attributes:
        client: ``apt``, ``pip``, ``npm``, or ``upstream``.
        what: what the client is asked for: a source package, ``NAME==VERSION``, ``NAME@VERSION``, or an address.
        sha256: of the file that it gives. Empty for an upstream release: a distribution may repack it, so that the two
            have not one hash; the source's ``content_sha256`` holds for both.
        inner: where in that file the source is: a tarball or a directory, below the one top directory. Empty for the
            top directory itself.
    """

    client: str
    what: str
    sha256: str = ""
    inner: str = ""


@dataclass(frozen=True)
class Source:
    """One upstream release.

    Attributes:
        name: the directory that it is unpacked into.
        origins: where to get it, the first that works.
        content: globs of the files that are built from.
        content_sha256: over their names and contents.
    """

    name: str
    origins: tuple[Origin, ...]
    content: tuple[str, ...]
    content_sha256: str

    def described(self) -> str:
        """Where it comes from, for the manifest."""
        words = {"apt": "Debian source package", "pip": "PyPI source distribution", "npm": "npm package"}
        return ", or ".join(f"{words.get(o.client, '')} {o.what}".strip() for o in self.origins)


def sha256_file(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def content_digest(tree: Path, globs: tuple[str, ...]) -> str:
    """One hash over the names and contents of the files that match."""
    digest = hashlib.sha256()
    for path in sorted({p for g in globs for p in tree.glob(g)}):
        digest.update(f"{path.relative_to(tree).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _source_entries() -> str:
    """The machine's own package sources, asking for source packages: deb822 stanzas and one-line entries."""
    etc = Path("/etc/apt")
    stanzas = []
    for path in sorted(etc.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text("utf-8")):
            if re.search(r"^Types:.*\bdeb\b", stanza, re.MULTILINE) and re.search(
                r"^Components:.*\bmain\b", stanza, re.MULTILINE
            ):
                kept = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
                stanzas.append(re.sub(r"^Types:.*$", "Types: deb-src", kept, flags=re.MULTILINE))
    for path in (etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))):
        if not path.exists():
            continue
        for line in path.read_text("utf-8").splitlines():
            m = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*\bmain\b.*)$", line.strip())
            if m:
                options, uri, suite, components = m.groups()
                signed = re.search(r"signed-by=(\S+)", options or "")
                stanza = f"Types: deb-src\nURIs: {uri}\nSuites: {suite}\nComponents: {components}"
                stanzas.append(stanza + (f"\nSigned-By: {signed.group(1)}" if signed else ""))
    return "\n\n".join(stanzas) + "\n"


@cache
def _apt() -> tuple[str, ...]:
    """The package client with a state of its own, refreshed; needs no root and leaves the system's state alone."""
    entries = _source_entries()
    if not entries.strip():
        msg = "apt has no sources with the component 'main'"
        raise SourceError(msg)
    state = tempfile.TemporaryDirectory(prefix="agentsh-apt-")
    _KEPT.append(state)
    work = Path(state.name)
    for sub in ("state/lists/partial", "cache/archives/partial"):
        (work / sub).mkdir(parents=True)
    (work / "agentsh.sources").write_text(entries, "utf-8")
    options = {
        "Dir::State": work / "state",
        "Dir::State::lists": work / "state/lists",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": work / "agentsh.sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
    }
    apt = ("apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items()))
    _call([*apt, "update"], work)
    return apt


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Directories that go when the build ends."""


def _call(command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"{' '.join(command[:2])} failed:\n{done.stderr.strip()[-2000:]}"
        raise SourceError(msg)


def _from_apt(origin: Origin, work: Path) -> None:
    """The original tarball of a source package."""
    _call([*_apt(), "source", "--download-only", "--tar-only", origin.what], work)


def _from_pip(origin: Origin, work: Path) -> None:
    """A source distribution of PyPI. pip asks it for its metadata, after it has checked the hash."""
    wanted = work / "wanted.txt"
    wanted.write_text(f"{origin.what} --hash=sha256:{origin.sha256}\n", "utf-8")
    name = origin.what.partition("==")[0]
    options = ["--quiet", "--no-deps", "--require-hashes", "--no-binary", name, "--dest", str(work)]
    _call([sys.executable, "-m", "pip", "download", *options, "--requirement", str(wanted)], work)
    wanted.unlink()


def _from_npm(origin: Origin, work: Path) -> None:
    """A package of npm's, as it was published; nothing of it runs."""
    _call(["npm", "pack", "--ignore-scripts", "--silent", origin.what], work)


def _from_upstream(origin: Origin, work: Path) -> None:
    """The upstream release. What it holds is checked after unpacking, by content."""
    if not origin.what.startswith("https://"):
        msg = f"not fetching {origin.what}: only https"
        raise SourceError(msg)
    target = work / "upstream.tar"
    try:
        with urllib.request.urlopen(origin.what, timeout=60) as response, target.open("wb") as out:  # noqa: S310  (https)
            shutil.copyfileobj(response, out)
    except OSError as e:
        msg = f"{origin.what}: {e}"
        raise SourceError(msg) from e


_CLIENTS: dict[str, tuple[str, str | None, Callable[[Origin, Path], None]]] = {
    "apt": ("the system's source packages", "apt-get", _from_apt),
    "pip": ("PyPI", None, _from_pip),
    "npm": ("npm", "npm", _from_npm),
    "upstream": ("upstream", None, _from_upstream),
}


def _fetch(origin: Origin, work: Path) -> Path:
    """The one file that an origin gives, with the hash that is pinned."""
    _, program, fetch = _CLIENTS[origin.client]
    if program is not None and shutil.which(program) is None:
        msg = f"this machine has no {program}"
        raise SourceError(msg)
    fetch(origin, work)
    found = sorted(work.iterdir())
    if len(found) != 1:
        msg = f"{origin.what} gave {len(found)} files"
        raise SourceError(msg)
    if origin.sha256 and (got := sha256_file(found[0])) != origin.sha256:
        msg = f"{found[0].name} has sha256 {got}, pinned is {origin.sha256}"
        raise SourceError(msg)
    return found[0]


def _top(tarball: Path, into: Path) -> Path:
    """Unpack; the one directory that is in there."""
    into.mkdir()
    with tarfile.open(tarball) as tar:
        tar.extractall(into, filter="data")
    tops = list(into.iterdir())
    if len(tops) != 1:
        msg = f"{tarball.name} does not hold one directory"
        raise SourceError(msg)
    return tops[0]


def _unpack(tarball: Path, source: Source, origin: Origin, work: Path) -> Path:
    """Unpack and check."""
    top = _top(tarball, work / "outer")
    if origin.inner:
        top = top / origin.inner
        if top.is_file():
            top = _top(top, work / "inner")
    if (got := content_digest(top, source.content)) != source.content_sha256:
        msg = f"the files in {tarball.name} have the digest {got}, pinned is {source.content_sha256}"
        raise SourceError(msg)
    return top


def obtain(source: Source, work: Path, say: Callable[[str], None]) -> Path:
    """The unpacked source, fetched when it is not there yet.

    Args:
        source: what is wanted.
        work: where trees are kept.
        say: takes a line of progress.

    Returns:
        A directory with the pinned files.

    Raises:
        SourceError: no way to fetch it worked, or what came is not what was pinned.
    """
    work.mkdir(parents=True, exist_ok=True)
    tree = work / source.name
    if tree.is_dir() and content_digest(tree, source.content) == source.content_sha256:
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    failures = []
    for origin in source.origins:
        title = _CLIENTS[origin.client][0]
        say(f"fetching {source.name} from {title}")
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=work) as name:
            get = Path(name) / "get"
            get.mkdir()
            try:
                _unpack(_fetch(origin, get), source, origin, Path(name)).rename(tree)
            except (SourceError, OSError, tarfile.TarError) as e:
                failures.append(f"- {title}: {e}")
                continue
        return tree
    msg = f"cannot get the source of {source.name}:\n" + "\n".join(failures)
    raise SourceError(msg)
