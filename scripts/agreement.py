"""How far the sandbox agrees with bash and the machine's own commands, written as a page of the documentation.

    python scripts/agreement.py docs/agreement.md

Every line of the two corpora (tests/unit/userland/corpus.txt and tests/unit/interpreter/lines.txt) is run twice in twin
directories: by the whole sandbox, each command a WASM module, and by bash with the commands of this machine. A line
agrees when standard output, the exit code, whether something was said on standard error, and the tree afterwards are
the same. A line whose commands this machine does not have is left out, and counted.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[1]))

from agentsh.config import cache_dir
from agentsh.core.errors import ShellSyntaxError
from agentsh.core.limits import Limits
from agentsh.sandbox import Job, Sandbox, open_staging
from agentsh.shell import parse, summarise
from tests.unit.interpreter.conftest import fill
from tests.unit.userland.conftest import plant, tree_of
from tests.unit.userland.test_differential import corpus, owned_by_agent, split

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = Path(__file__).parents[1]
LINES = HOME / "tests/unit/interpreter/lines.txt"
VERSIONS = ("bash", "grep", "sed", "sort", "find", "awk", "tar", "jq", "sqlite3", "bc", "git")


@dataclass(frozen=True)
class Line:
    """One line of a corpus: ``known`` is why it is known to differ, empty when it should agree."""

    text: str
    stdin: bytes
    known: str
    plant: Callable[[Path], object]


@dataclass(frozen=True)
class Outcome:
    """What is compared."""

    stdout: bytes
    code: int
    talks: bool
    tree: object


def lines() -> list[Line]:
    """Both corpora."""
    found = []
    for entry in corpus():
        argv, stdin = split(entry)
        found.append(Line(shlex.join(argv), stdin, entry.partition(" ## ")[2], plant))
    found += [Line(text.rstrip("\n"), b"", "", fill) for text in LINES.read_text().split("\n%%\n")]
    return found


def commands(line: Line) -> list[str]:
    """The commands that a line names; 'syntax' for one that is refused."""
    try:
        summary = summarise(parse(line.text))
    except ShellSyntaxError:
        return ["(syntax)"]
    return sorted({c.name for c in summary.commands}) or ["(shell)"]


class Pair:
    """Runs a line in both worlds."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._workspace = base / "workspace"
        self._workspace.mkdir()
        self._view = open_staging(base / "staging", self._workspace, kind="copy")
        self._sandbox = Sandbox(self._view, cache_dir=cache_dir())
        self._shown = base / "staging" / "view"

    def close(self) -> None:
        """Stop the sandbox."""
        self._sandbox.close()

    def ours(self, line: Line) -> Outcome:
        """Run a line in the sandbox."""
        _plant(self._shown, line)
        try:
            parse(line.text)
        except ShellSyntaxError as e:  # refused before anything runs
            return Outcome(b"", e.exit_code, talks=True, tree=tree_of(self._shown))
        done = self._sandbox.run(Job(script=line.text, stdin=line.stdin, limits=Limits(wall_s=30)))
        return Outcome(done.stdout, done.exit_code, bool(done.stderr), tree_of(self._shown))

    def theirs(self, line: Line) -> Outcome:
        """Run a line with bash."""
        twin = self._base / "twin"
        twin.mkdir(exist_ok=True)
        _plant(twin, line)
        environment = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "PATH": os.environ["PATH"], "TZ": "UTC"}
        done = subprocess.run(
            ["bash", "-c", line.text, "agentsh"],
            cwd=twin,
            input=line.stdin,
            capture_output=True,
            env={**environment, "HOME": "/workspace"},
            timeout=60,
            check=False,
        )
        code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        # Where a command prints its directory or the owner of a file, each prints its own.
        stdout = done.stdout.replace(os.fsencode(twin), b"/workspace")
        if line.text.startswith("ls "):
            stdout = owned_by_agent(stdout)
        return Outcome(stdout, code, bool(done.stderr), tree_of(twin))


def _plant(root: Path, line: Line) -> None:
    for entry in root.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            subprocess.run(["chmod", "-R", "u+rwX", entry], check=True)
            shutil.rmtree(entry)
        else:
            entry.unlink()
    # 'fill' makes its directory itself.
    line.plant(root)


def main() -> int:
    """Compare, and write the page."""
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    differing: list[tuple[Line, str]] = []
    agreed = missing = 0
    todo = lines()
    with tempfile.TemporaryDirectory() as base:
        pair = Pair(Path(base))
        try:
            for line in track(todo, description="comparing", console=None, transient=True):
                names = commands(line)
                if any(shutil.which(n) is None and not _builtin(n) for n in names if not n.startswith("(")):
                    missing += 1
                    continue
                ours, theirs = pair.ours(line), pair.theirs(line)
                same = ours == theirs
                agreed += same
                for name in names:
                    tally[name][0] += 1
                    tally[name][1] += same
                if not same:
                    differing.append((line, line.known or _what(ours, theirs)))
        finally:
            pair.close()
    Path(sys.argv[1]).write_text(_page(len(todo), agreed, missing, tally, differing))
    print(f"{agreed} of {len(todo) - missing} lines agree; {len(differing)} differ, {missing} left out")
    return 0


def _builtin(name: str) -> bool:
    return (
        subprocess.run(["bash", "-c", f"type -t {shlex.quote(name)}"], capture_output=True, check=False).returncode == 0
    )


def _what(ours: Outcome, theirs: Outcome) -> str:
    if ours.code != theirs.code:
        return f"exit code {ours.code} in place of {theirs.code}"
    if ours.stdout != theirs.stdout:
        return "another output"
    return "another tree" if ours.tree != theirs.tree else "stderr"


def _page(
    total: int,
    agreed: int,
    missing: int,
    tally: dict[str, list[int]],
    differing: list[tuple[Line, str]],
) -> str:
    compared = total - missing
    out = [
        "# Agreement with bash and GNU",
        "",
        "Written by `python scripts/agreement.py docs/agreement.md`, which says what is compared. The peers:",
        "",
        *(f"- {version}" for version in _versions()),
        "",
        f"**{agreed} of {compared} lines agree: {100 * agreed / compared:.2f} %.** {missing} more were left out.",
        "",
        "| command | lines | agree | % |",
        "| --- | --- | --- | --- |",
    ]
    for name, (lines_, same) in sorted(tally.items()):
        out.append(f"| {name} | {lines_} | {same} | {100 * same / lines_:.1f} |")
    out += ["", "## The lines that differ", "", "| line | why |", "| --- | --- |"]
    for line, why in differing:
        text = line.text.replace("|", "\\|").replace("\n", "↵")
        out.append(f"| `{text[:200]}` | {why} |")
    return "\n".join(out) + "\n"


def _versions() -> list[str]:
    found = [f"{platform.system()} {platform.machine()}"]
    for name in VERSIONS:
        if shutil.which(name):
            done = subprocess.run(
                [name, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
            first = (done.stdout or done.stderr).splitlines()[:1]
            found.append(f"{name}: {first[0] if first and done.returncode == 0 else 'there'}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
