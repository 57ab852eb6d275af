"""Whether an errand was done: the files that were left, the last words, and lines run in what was left."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.errors import AgentshError
from agentsh.core.limits import Limits
from agentsh.core.sanitise import visible_line
from agentsh.runtime.tasks.bench import normalised
from agentsh.runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentsh.runtime.tasks.errand import Checks

Files = dict[str, bytes]
_LIMITS = Limits(wall_s=60.0, cpu_s=60.0)


def write_files(place: Path, files: Mapping[str, str]) -> None:
    """Put files into a directory."""
    for path, text in files.items():
        file = place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)


def read_files(place: Path) -> Files:
    """Every file and link below a directory: its content, or ``->`` and where it leads. Nothing is followed."""
    found: Files = {}
    for directory, folders, names in os.walk(place):
        for name in (*folders, *names):
            path = Path(directory, name)
            shown = path.relative_to(place).as_posix()
            if path.is_symlink():
                found[shown] = b"->" + os.fsencode(path.readlink())
            elif name in names:
                found[shown] = path.read_bytes() if path.is_file() else b"(no regular file)"
    return found


def judge_errand(checks: Checks, *, place: Path, before: Files, said: str, scratch: Path) -> str:
    """Why an errand was not done; empty when it was.

    Args:
        checks: what must hold.
        place: the workspace as it was left.
        before: what was in it.
        said: the model's last words.
        scratch: an empty directory.
    """
    after = read_files(place)
    # Each looks at what the one before found in order: one fault is enough.
    faults = chain(
        _answer(checks, said), _paths(checks, before, after), _texts(checks, after), _lines(checks, place, scratch)
    )
    return next(faults, "")


def _answer(checks: Checks, said: str) -> Iterator[str]:
    said = said.replace("*", "").replace("`", "")  # emphasis says nothing
    for pattern in checks.answer:
        if not re.search(pattern, said, re.MULTILINE):
            yield f"the answer has nothing like {pattern}"
    for pattern in checks.answer_lacks:
        if re.search(pattern, said, re.MULTILINE):
            yield f"the answer has something like {pattern}"


def _paths(checks: Checks, before: Files, after: Files) -> Iterator[str]:
    named = {*checks.files, *checks.contains, *checks.lacks}
    for path in sorted(named - after.keys()):
        yield f"there is no {path}"
    for path in sorted(after):
        if any(path == gone or path.startswith(f"{gone}/") for gone in checks.gone):
            yield f"{path} is still there"
    free = named | {p for p in before if any(p == g or p.startswith(f"{g}/") for g in checks.gone)}
    for path in sorted(before.keys() | after.keys()):
        if path in free or any(fnmatchcase(path, pattern) for pattern in checks.may_change):
            continue
        if before.get(path) != after.get(path):
            change = "is gone" if path not in after else "is new" if path not in before else "was changed"
            yield f"{visible_line(path)} {change}"


def _texts(checks: Checks, after: Files) -> Iterator[str]:
    for path, text in checks.files.items():
        if _lines_of(after[path].decode("utf-8", "replace")) != _lines_of(text):
            yield f"{path} does not say what it should"
    for patterns, wanted in ((checks.contains, True), (checks.lacks, False)):
        for path, many in patterns.items():
            text = after[path].decode("utf-8", "replace")
            for pattern in many:
                if bool(re.search(pattern, text, re.MULTILINE)) is not wanted:
                    yield f"{path} has {'nothing' if wanted else 'something'} like {pattern}"


def _lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _lines(checks: Checks, place: Path, scratch: Path) -> Iterator[str]:
    """Run the lines in the sandbox, on a view of what was left: it stays as it is."""
    if not checks.run:
        return
    for path in checks.hidden:  # never through a link that the model left
        for above in [place.joinpath(*Path(path).parts[: n + 1]) for n in range(len(Path(path).parts))]:
            if above.is_symlink():
                yield f"{path} is a link"
                return
    write_files(place, checks.hidden)
    with Workspace.open(place, policy="review", data_dir=scratch, limits=_LIMITS) as workspace:
        for line in checks.run:
            try:
                record = workspace.exec(line.line)
            except AgentshError as e:
                yield f"{line.line}: {visible_line(e.what)}"
                return
            if record.exit_code:
                tail = (workspace.output(record.id) + workspace.output(record.id, "stderr"))[-300:]
                yield f"{line.line}: exit code {record.exit_code}: {visible_line(tail.decode('utf-8', 'replace'))}"
            elif line.prints is not None:
                printed = workspace.output(record.id).decode("utf-8", "replace")
                if normalised(printed) != normalised(line.prints):
                    yield f"{line.line}: it printed {visible_line(printed)[:200]}"
