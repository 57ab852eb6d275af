"""A workspace in memory, and models that say what a test writes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Output
from agentsh.core.decision import Decision, Verdict
from agentsh.core.diff import FileDiff
from agentsh.core.effect import FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import NotFoundError
from agentsh.core.report import Rejection
from agentsh.core.secret import Secret
from agentsh.core.session import SessionRecord
from agentsh.core.tool import UserTool
from agentsh.llm.replay import Recording, ReplayModel, Turn
from agentsh.redact import Redactor
from agentsh.runtime.trial import Trial

Stream = Literal["stdout", "stderr"]
ASK = Decision(Verdict.ASK, "review", "A person looks at every change.")
DENY = Decision(Verdict.DENY, "no-git", "Actions may not write inside .git.")


class FakeWorkspace:
    """Files in a dictionary. A shell line is looked up in ``lines``: its output, or a function that gives it."""

    policy_name = "review"
    added: tuple[UserTool, ...] = ()
    web_hosts: tuple[str, ...] = ()

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.lines: dict[str, bytes | Callable[[], bytes]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.records: list[ActionRecord] = []
        self.outputs: dict[tuple[str, Stream], bytes] = {}
        self.journal: list[str] = []
        self.secrets: list[Secret] = []
        self.rejected: list[Rejection] = []
        self.tried: list[Sequence[Sequence[ActionSpec]]] = []

    def user_tools(self) -> tuple[UserTool, ...]:
        return self.added

    def act(
        self,
        spec: ActionSpec,
        *,
        session: str | None = None,
        on_output: Callable[[Stream, bytes], None] | None = None,
    ) -> ActionRecord:
        action = f"a{len(self.records) + 1}"
        self.journal.append(f"act {action}")
        path = str(spec.arguments.get("path", ""))
        if path.startswith(".git"):
            return self._record(ActionRecord(action, spec, ActionStatus.DENIED, session, DENY, note=DENY.reason))
        before = dict(self.files)
        code, out, err = self._run(spec, path)
        for stream, data in (("stdout", out), ("stderr", err)):
            self.outputs[action, stream] = data  # type: ignore[index]
            if data and on_output is not None:
                on_output(stream, data)  # type: ignore[arg-type]
        effects = [
            FileEffect(p.encode(), _entry(before.get(p)), _entry(self.files.get(p)))
            for p in sorted(before.keys() | self.files.keys())
            if before.get(p) != self.files.get(p)
        ]
        return self._record(
            ActionRecord(
                action,
                spec,
                ActionStatus.PENDING if effects else ActionStatus.DONE,
                session,
                ASK,
                code,
                stdout=Output(None, len(out)),
                stderr=Output(None, len(err)),
                changes=change_set(effects),
            )
        )

    def try_out(self, options: Sequence[Sequence[ActionSpec]]) -> list[Trial]:
        tried = []
        for option in options:
            before, records = dict(self.files), list(self.records)
            done = [self._run(s, str(s.arguments.get("path", ""))) for s in option]
            changed = [
                FileEffect(p.encode(), _entry(before.get(p)), _entry(self.files.get(p)))
                for p in sorted(before.keys() | self.files.keys())
                if before.get(p) != self.files.get(p)
            ]
            self.files, self.records = before, records
            code, out, err = done[-1]
            outcome = repr((out, [(e.path, e.after) for e in changed])).encode()
            tried.append(Trial(code, stdout=out, stderr=err, changes=change_set(changed), outcome=outcome))
        self.tried.append(options)
        return tried

    def _run(self, spec: ActionSpec, path: str) -> tuple[int, bytes, bytes]:
        given = spec.arguments
        match spec.kind:
            case ActionKind.SHELL:
                answer = self.lines.get(given["line"])
                if answer is None:
                    return 127, b"", b"not found\n"
                return 0, answer() if callable(answer) else answer, b""
            case ActionKind.WRITE:
                self.files[path] = given["content"].encode()
                return 0, b"", b""
            case ActionKind.READ if path in self.files:
                return 0, self.files[path], b""
            case ActionKind.EDIT if path in self.files:
                self.files[path] = self.files[path].replace(given["old"].encode(), given["new"].encode())
                return 0, b"", b""
        return 1, b"", b"no such file\n"

    def _record(self, record: ActionRecord) -> ActionRecord:
        self.records.append(record)
        return record

    def output(self, action: str, stream: Stream = "stdout") -> bytes:
        return self.outputs[action, stream]

    def diff(self, action: str | None = None) -> list[FileDiff]:
        del action
        return []

    def start_session(self, task: str, model: str) -> str:
        session = f"r{len(self.sessions) + 1}"
        self.sessions[session] = {"task": task, "model": model, "status": "running", "messages": []}
        return session

    def end_session(self, session: str, status: str) -> None:
        self.sessions[session]["status"] = status

    def rejections(self, session: str, after: int = 0) -> list[Rejection]:
        return [r for r in self.rejected if r.number > after and session in self.sessions]

    def session(self, session: str) -> SessionRecord:
        if session not in self.sessions:
            raise NotFoundError(f"There is no session {session}.")
        s = self.sessions[session]
        return SessionRecord(
            session, s["task"], s["model"], "review", s["status"], 0.0, tuple(copy.deepcopy(s["messages"]))
        )

    def clean(self, value: Any, *, found: set[str] | None = None) -> Any:
        return Redactor(self.secrets).value(value, found=found)

    def add_message(self, session: str, message: Mapping[str, Any]) -> None:
        self.journal.append(f"message {message['role']}")
        self.sessions[session]["messages"].append(copy.deepcopy(dict(message)))

    def status(self, session: str = "r1") -> str:
        return str(self.sessions[session]["status"])

    def messages(self, role: str, session: str = "r1") -> list[dict[str, Any]]:
        return [m for m in self.sessions[session]["messages"] if m["role"] == role]

    def results(self, session: str = "r1") -> list[str]:
        return [m["content"] for m in self.messages("tool", session)]


def _entry(content: bytes | None) -> Entry | None:
    if content is None:
        return None
    return Entry(EntryType.FILE, 0o644, len(content), hashlib.sha256(content).digest())


Call = tuple[str, Mapping[str, Any] | str]


def shell(line: str) -> Call:
    return "shell", {"line": line}


def replay(*turns: str | Sequence[Call]) -> ReplayModel:
    """A model that plays these turns: a text, or tool calls."""
    return ReplayModel(
        "replay", Recording("test", tuple(Turn(t) if isinstance(t, str) else Turn("", tuple(t)) for t in turns))
    )
