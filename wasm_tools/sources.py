"""Third-party source: fetched by name through the system's package client, pinned, unpacked. It never enters git."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class SourceError(Exception):
    """A source could not be fetched, or is not the one that was pinned."""


@dataclass(frozen=True)
class Source:
    """One upstream release.

    Attributes:
        name: the directory that it unpacks to, and the tarball's name.
        package: the distribution's source package, as ``apt-get source`` takes it.
        tarball_sha256: of the distribution's original tarball.
        url: the upstream release, for machines without apt. A distribution may repack upstream's tarball, so the two
            need not have one hash; ``content_sha256`` holds for both.
        content: globs of the files that are built from.
        content_sha256: over their names and contents.
    """

    name: str
    package: str
    tarball_sha256: str
    url: str
    content: tuple[str, ...]
    content_sha256: str


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


def _from_apt(source: Source, into: Path) -> None:
    """The original tarball of a source package; needs no root and leaves the system's package state alone."""
    entries = _source_entries()
    if not entries.strip():
        msg = "apt has no sources with the component 'main'"
        raise SourceError(msg)
    with tempfile.TemporaryDirectory(prefix="agentsh-source-") as name:
        work = Path(name)
        for sub in ("state/lists/partial", "cache/archives/partial", "get"):
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
        apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
        for command in (["update"], ["source", "--download-only", "--tar-only", source.package]):
            done = subprocess.run([*apt, *command], cwd=work / "get", capture_output=True, text=True, check=False)
            if done.returncode:
                msg = f"apt-get {' '.join(command)} failed:\n{done.stderr.strip()}"
                raise SourceError(msg)
        found = sorted((work / "get").glob("*.orig.tar.*"))
        if len(found) != 1:
            msg = f"apt-get gave {len(found)} tarballs for {source.package}"
            raise SourceError(msg)
        if (got := sha256_file(found[0])) != source.tarball_sha256:
            msg = f"{found[0].name} has sha256 {got}, pinned is {source.tarball_sha256}"
            raise SourceError(msg)
        shutil.move(found[0], into)


def _from_upstream(source: Source, into: Path) -> None:
    """The upstream release. What it holds is checked after unpacking, by content."""
    if not source.url.startswith("https://"):
        msg = f"not fetching {source.url}: only https"
        raise SourceError(msg)
    try:
        with urllib.request.urlopen(source.url, timeout=60) as response, into.open("wb") as out:  # noqa: S310  (https)
            shutil.copyfileobj(response, out)
    except OSError as e:
        msg = f"{source.url}: {e}"
        raise SourceError(msg) from e


def _unpack(tarball: Path, source: Source, into: Path) -> None:
    """Unpack and check; ``into`` appears whole or not at all."""
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=into.parent) as name:
        with tarfile.open(tarball) as tar:
            tar.extractall(name, filter="data")
        tops = list(Path(name).iterdir())
        if len(tops) != 1:
            msg = f"{tarball.name} does not hold one directory"
            raise SourceError(msg)
        if (got := content_digest(tops[0], source.content)) != source.content_sha256:
            msg = f"the files in {tarball.name} have the digest {got}, pinned is {source.content_sha256}"
            raise SourceError(msg)
        tops[0].rename(into)


def obtain(source: Source, work: Path, say: Callable[[str], None]) -> Path:
    """The unpacked source, fetched when it is not there yet.

    Args:
        source: what is wanted.
        work: where tarballs and trees are kept.
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
    tarball = work / f"{source.name}.tar"
    failures = []
    ways = [("upstream", _from_upstream)]
    if shutil.which("apt-get"):
        ways.insert(0, ("the system's source packages", _from_apt))
    for title, fetch in ways:
        say(f"fetching {source.name} from {title}")
        try:
            fetch(source, tarball)
            _unpack(tarball, source, tree)
        except SourceError as e:
            failures.append(f"- {title}: {e}")
            tarball.unlink(missing_ok=True)
            continue
        return tree
    msg = f"cannot get the source of {source.name}:\n" + "\n".join(failures)
    raise SourceError(msg)
