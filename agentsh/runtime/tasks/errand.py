"""Errands: tasks of several steps, as data. A directory of files, what to do in it, and how to tell that it was done.

One TOML file an errand; docs/models.md describes it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

from agentsh.core.errors import AgentshError, UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agentsh.llm.replay import Recording

Level = Literal["easy", "middle", "hard"]
LEVELS: tuple[Level, ...] = get_args(Level)
_CALLS = ("shell", "read", "write", "edit", "search")
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Line:
    """A shell line that is run in what was left.

    Attributes:
        line: it must end with exit code 0.
        prints: what it must print, up to spaces; None for anything.
    """

    line: str
    prints: str | None = None


@dataclass(frozen=True)
class Checks:
    """What must hold when the model is done. A path that none of it names must be as it was.

    Attributes:
        answer: regular expressions; each must match somewhere in the model's last words.
        answer_lacks: regular expressions that must not.
        files: the text of files, up to white space at the ends of lines and of the file.
        contains: for paths, regular expressions that match in their text.
        lacks: for paths, regular expressions that do not.
        gone: paths at which there must be nothing.
        may_change: patterns of paths that may have changed, or be new, without being looked at.
        run: lines that must go well.
        hidden: files that are put in place for those lines: tests that the model has not seen.
    """

    answer: tuple[str, ...] = ()
    answer_lacks: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    contains: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    run: tuple[Line, ...] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Played:
    """What a recorded model does and says.

    Attributes:
        does: calls of tools, one after the other: name and arguments.
        says: its last words.
        why: what it shows, for people.
    """

    does: tuple[tuple[str, Mapping[str, Any]], ...]
    says: str
    why: str = ""

    def recording(self, name: str) -> Recording:
        """As a recording, one call a turn."""
        from agentsh.llm.replay.recording import Recording, Turn  # noqa: PLC0415 - only to play one

        turns = [Turn(tool_calls=((tool, arguments),)) for tool, arguments in self.does]
        return Recording(name, (*turns, Turn(self.says)))


@dataclass(frozen=True)
class Errand:
    """A task of several steps.

    Attributes:
        name: its file's, without the suffix.
        level: how hard it is meant to be.
        kind: what it is about, in a word.
        task: what the model is asked to do.
        files: what is in the workspace: text by path.
        setup: a shell line that is run on that, before the model sees it: archives, databases, modes.
        checks: what must hold in the end.
        solution: one way that is known to be right.
        wrong: plausible ways that are not.
        python: its solution or its checks run the sandbox's Python.
        digest: of the file, so that results of another version are known for that.
    """

    name: str
    level: Level
    kind: str
    task: str
    files: Mapping[str, str]
    setup: str
    checks: Checks
    solution: Played
    wrong: tuple[Played, ...]
    python: bool
    digest: str


def read_errands(directory: Path) -> list[Errand]:
    """The errands of a directory, easy ones first.

    Raises:
        UsageError: there are none, or one cannot be read.
    """
    try:
        files = sorted(directory.glob("*.toml"))
    except OSError as e:
        raise UsageError(f"The tasks in {visible_line(str(directory))} cannot be read: {e.strerror}.") from e
    errands = [read_errand(file) for file in files]
    if not errands:
        raise UsageError(
            f"There are no tasks in {visible_line(str(directory))}.",
            next_step="Tasks are TOML files; docs/models.md describes them.",
        )
    return sorted(errands, key=lambda e: (LEVELS.index(e.level), e.name))


def read_errand(file: Path) -> Errand:
    """One errand.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with file.open("rb") as f:
            raw = f.read(_MOST_BYTES)
        return _errand(file.stem, tomllib.loads(raw.decode()), hashlib.sha256(raw).hexdigest()[:16])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, re.error) as e:
        why = f"it lacks {e}" if isinstance(e, KeyError) else str(e)
        raise UsageError(
            f"The task {visible_line(str(file))} cannot be read: {visible_line(why)[:300]}.",
            next_step="docs/models.md describes the format.",
        ) from e


def _errand(name: str, raw: dict[str, Any], digest: str) -> Errand:
    _known("a task", raw, ("level", "kind", "task", "files", "setup", "check", "solution", "wrong", "python"))
    if raw["level"] not in LEVELS:
        raise ValueError(f"its level is none of {', '.join(LEVELS)}")
    checks = _checks(raw["check"])
    wrong = tuple(_played(w) for w in raw["wrong"])
    if not wrong:
        raise ValueError("it has no wrong solution, so nothing shows that its checks can fail")
    return Errand(
        name,
        raw["level"],
        _text(raw["kind"]),
        _text(raw["task"]).strip(),
        _texts(raw["files"]),
        _text(raw.get("setup", "")),
        checks,
        _played(raw["solution"]),
        wrong,
        bool(raw.get("python", False)),
        digest,
    )


def _checks(raw: dict[str, Any]) -> Checks:
    _known("'check'", raw, tuple(Checks.__dataclass_fields__))
    patterns = [*raw.get("answer", ()), *raw.get("answer_lacks", ())]
    for key in ("contains", "lacks"):
        patterns += [p for many in raw.get(key, {}).values() for p in many]
    for pattern in patterns:
        re.compile(_text(pattern))
    runs = [Line(r) if isinstance(r, str) else Line(**r) for r in raw.get("run", ())]
    return Checks(
        tuple(raw.get("answer", ())),
        tuple(raw.get("answer_lacks", ())),
        _texts(raw.get("files", {})),
        raw.get("contains", {}),
        raw.get("lacks", {}),
        tuple(_path(p) for p in raw.get("gone", ())),
        tuple(_text(p) for p in raw.get("may_change", ())),
        tuple(runs),
        _texts(raw.get("hidden", {})),
    )


def _played(raw: dict[str, Any]) -> Played:
    _known("a solution", raw, ("does", "says", "why"))
    return Played(tuple(_call(c) for c in raw["does"]), _text(raw["says"]), _text(raw.get("why", "")))


def _call(raw: str | dict[str, Any]) -> tuple[str, Mapping[str, Any]]:
    if isinstance(raw, str):
        return "shell", {"line": raw}
    tool = raw["tool"]
    if tool not in _CALLS:
        raise ValueError(f"there is no tool {json.dumps(tool)}")
    return tool, {k: v for k, v in raw.items() if k != "tool"}


def _known(what: str, raw: dict[str, Any], keys: tuple[str, ...]) -> None:
    if unknown := sorted(set(raw) - set(keys)):
        raise ValueError(f"{what} has no {', '.join(unknown)}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{json.dumps(value, default=str)} is no text")
    return value


def _texts(raw: dict[str, Any]) -> dict[str, str]:
    return {_path(path): _text(text) for path, text in raw.items()}


def _path(path: str) -> str:
    """A path that stays where it is put: task files may come from anywhere."""
    parts = PurePosixPath(_text(path)).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or "\\" in path:
        raise ValueError(f"{json.dumps(path)} is no path within a workspace")
    return "/".join(parts)


def is_ending(error: AgentshError) -> bool:
    """Whether an error of a run that got no answer says something of the endpoint, and nothing of the model."""
    return "empty answer" not in error.what
