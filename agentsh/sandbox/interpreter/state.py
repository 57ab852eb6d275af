"""What a shell knows: variables, functions, options, descriptors, directory. A subshell gets a copy."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from agentsh.sandbox.contract import GUEST_ROOT
from agentsh.sandbox.interpreter.control import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentsh.shell.tree import Body, Command

ROOT = GUEST_ROOT.decode()


class IndexedArray(dict[int, str]):
    """``a=(x y)``: sparse, read in the order of its indices."""


class AssociativeArray(dict[str, str]):
    """``declare -A``."""


Value: TypeAlias = str | IndexedArray | AssociativeArray


def encode(text: str) -> bytes:
    """Shell text as the bytes it stands for."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Bytes as shell text; reversible."""
    return data.decode("utf-8", "surrogateescape")


@dataclass
class State:
    """The state of one shell.

    Attributes:
        logical: the working directory as the script named it, absolute (``$PWD``).
        cwd: where that is, relative to the tree's root, links resolved.
        fds: shell descriptor -> descriptor of this process.
        condition_depth: how many conditions we are in; ``set -e`` waits until none.
        line: of the script, where the command stands that runs (``$LINENO``).
        line_stays: a trap runs, which is to know where it was called from.
        fatal_status: what the shell ends with where an expansion fails.
    """

    variables: dict[str, Value] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    readonly: set[str] = field(default_factory=set)
    integers: set[str] = field(default_factory=set)
    functions: dict[str, Command] = field(default_factory=dict)
    parameters: list[str] = field(default_factory=list)
    name: str = "agentsh"
    options: set[str] = field(default_factory=set)
    shell_options: set[str] = field(default_factory=lambda: {"extglob"})
    logical: str = ROOT
    cwd: bytes = b""
    fds: dict[int, int] = field(default_factory=dict)
    status: int = 0
    traps: dict[str, Body] = field(default_factory=dict)
    trap_sources: dict[str, str] = field(default_factory=dict)
    frames: list[dict[str, tuple[Value | None, bool]]] = field(default_factory=list)
    call_names: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    loops: int = 0
    condition_depth: int = 0
    last_job: str = ""
    substitution_status: int = 0
    pipe_status: tuple[int, ...] = (0,)
    option_index: int = 0
    option_position: int = 1
    started: float = field(default_factory=time.monotonic)
    line: int = 1
    line_stays: bool = False
    fatal_status: int = 127

    def copy(self) -> State:
        """A subshell's state: equal, and independent from now on. Of traps, ERR is inherited with ``set -E``."""
        kept = ("ERR",) if "E" in self.options else ()
        return State(
            {k: v if isinstance(v, str) else type(v)(v) for k, v in self.variables.items()},  # type: ignore[arg-type]
            set(self.exported),
            set(self.readonly),
            set(self.integers),
            dict(self.functions),
            list(self.parameters),
            self.name,
            set(self.options),
            set(self.shell_options),
            self.logical,
            self.cwd,
            dict(self.fds),
            self.status,
            {k: v for k, v in self.traps.items() if k in kept},
            {k: v for k, v in self.trap_sources.items() if k in kept},
            [dict(f) for f in self.frames],
            list(self.call_names),
            list(self.directories),
            dict(self.aliases),
            0,
            self.condition_depth,
            self.last_job,
            0,
            self.pipe_status,
            self.option_index,
            self.option_position,
            self.started,
            self.line,
            self.line_stays,
            fatal_status=1,
        )

    # --- variables -------------------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A variable's scalar value (an array's element 0), special parameters included; None where unset."""
        value = self.variables.get(name)
        if value is None:
            special = _SPECIAL.get(name)
            if special is not None:
                return special(self)
            if name.isdigit():
                n = int(name) if len(name) < 10 else 1 << 30
                return self.parameters[n - 1] if 0 < n <= len(self.parameters) else self.name if n == 0 else None
            return None
        if isinstance(value, str):
            return value
        return value.get(0) if isinstance(value, IndexedArray) else value.get("0")

    def array(self, name: str) -> Value | None:
        """A variable with all its elements, the shell's own arrays included."""
        value = self.variables.get(name)
        if value is None:
            if name == "PIPESTATUS":
                return IndexedArray((i, str(s)) for i, s in enumerate(self.pipe_status))
            if name == "FUNCNAME":
                return IndexedArray(enumerate(reversed(self.call_names)))
        return value

    def set(self, name: str, value: str) -> None:
        """Assign a scalar (an array's element 0).

        Raises:
            CommandError: the variable is read-only.
        """
        self.check_writable(name)
        old = self.variables.get(name)
        if isinstance(old, IndexedArray):
            old[0] = value
        elif isinstance(old, AssociativeArray):
            old["0"] = value
        else:
            self.variables[name] = value
            if "a" in self.options:
                self.exported.add(name)

    def check_writable(self, name: str) -> None:
        """Raise when ``name`` is read-only."""
        if name in self.readonly:
            raise CommandError(f"{name}: readonly variable", fatal=True)

    def unset(self, name: str) -> None:
        """Forget a variable."""
        self.check_writable(name)
        self.variables.pop(name, None)
        self.exported.discard(name)
        self.integers.discard(name)

    def make_local(self, name: str) -> None:
        """Give the running function its own ``name``, unset until assigned."""
        frame = self.frames[-1]
        if name not in frame:
            self.check_writable(name)
            frame[name] = (self.variables.pop(name, None), name in self.exported)
            self.exported.discard(name)

    def pop_frame(self) -> None:
        """Leave a function: its locals go, what they hid comes back."""
        for name, (value, exported) in self.frames.pop().items():
            self.variables.pop(name, None)
            self.exported.discard(name)
            self.readonly.discard(name)
            if value is not None:
                self.variables[name] = value
            if exported:
                self.exported.add(name)

    def attributes(self, name: str) -> str:
        """The letters that ``declare`` knows a variable's kind by."""
        value = self.variables.get(name)
        letters = "a" if isinstance(value, IndexedArray) else "A" if isinstance(value, AssociativeArray) else ""
        return letters + "i" * (name in self.integers) + "r" * (name in self.readonly) + "x" * (name in self.exported)

    def environment(self) -> dict[str, str]:
        """What commands see: exported scalars."""
        variables = self.variables
        return {k: v for k in self.exported if isinstance(v := variables.get(k), str)}


_SPECIAL: dict[str, Callable[[State], str | None]] = {
    "?": lambda s: str(s.status),
    "#": lambda s: str(len(s.parameters)),
    "$": lambda _: "1",
    "!": lambda s: s.last_job or None,
    "-": lambda s: "".join(sorted(o for o in s.options if len(o) == 1)) + "c",
    "0": lambda s: s.name,
    "LINENO": lambda s: str(s.line),
    "PPID": lambda _: "0",
    "UID": lambda _: "0",
    "EUID": lambda _: "0",
    "HOSTNAME": lambda _: "agentsh",
    "RANDOM": lambda _: str(random.randrange(32768)),  # noqa: S311 - a shell's $RANDOM promises no secrecy
    "SECONDS": lambda s: str(int(time.monotonic() - s.started)),
    "EPOCHSECONDS": lambda _: str(int(time.time())),
    "BASHPID": lambda _: "1",
    "PIPESTATUS": lambda s: str(s.pipe_status[0]),
    "SHLVL": lambda _: "1",
    "FUNCNAME": lambda s: s.call_names[-1] if s.call_names else None,
}
