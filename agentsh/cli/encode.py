r"""Core types as JSON values: what ``--json`` prints. ``docs/cli.md`` describes it; its version is ``SCHEMA``.

Paths are raw bytes. ``path`` is their text; where that is not valid UTF-8, undecodable bytes appear as ``\xNN`` and
``path_hex`` holds the exact bytes. Content digests are hexadecimal BLAKE3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentsh.core.errors import ConflictError
from agentsh.core.sanitise import visible_path

if TYPE_CHECKING:
    from agentsh.core.action import ActionRecord, Output
    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.core.effect import FileEffect
    from agentsh.core.entry import Entry
    from agentsh.core.errors import AgentshError
    from agentsh.core.history import PathConflict
    from agentsh.core.report import CheckReport, CommitResult, LogEntry, Recovery, Status
    from agentsh.core.request import RequestEffect


def text(raw: bytes) -> str:
    r"""Bytes as text, undecodable ones as ``\\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def text_fields(name: str, raw: bytes) -> dict[str, str]:
    """``name`` as text, and ``name_hex`` where the text does not say the bytes exactly."""
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {name: text(raw), f"{name}_hex": raw.hex()}


def string(value: str) -> str:
    r"""A string that may hold surrogate-escaped bytes, as valid Unicode: those as ``\\xNN``."""
    return text(value.encode("utf-8", "surrogateescape"))


def plain(value: Any) -> Any:
    """Any value of the core as JSON: the generic case for details whose shape is not fixed here."""
    match value:
        case Enum():
            out = value.value
        case str() | Path():
            out = string(str(value))
        case None | bool() | int() | float():
            out = value
        case bytes():
            out = text(value)
        case Mapping():
            out = {str(plain(k)): plain(v) for k, v in value.items()}
        case Sequence() | set() | frozenset():
            out = [plain(v) for v in value]
        case _ if is_dataclass(value):
            out = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        case _:
            out = str(value)
    return out


def entry(value: Entry | None) -> dict[str, Any] | None:
    """A path's state."""
    if value is None:
        return None
    out: dict[str, Any] = {"type": value.type.value, "mode": f"{value.mode:o}", "size": value.size}
    if value.digest is not None:
        out["digest"] = value.digest.hex()
    if value.target is not None:
        out.update(text_fields("target", value.target))
    if value.xattrs:
        out["xattrs"] = [visible_path(os.fsencode(name)) for name, _ in value.xattrs]
    return out


def effect(value: FileEffect) -> dict[str, Any]:
    """One effect of an action."""
    return {
        **text_fields("path", value.path),
        "kind": value.kind.value,
        "class": value.effect_class.value,
        "state": value.state.value,
        "part": value.part,
        "flags": [f.value for f in value.flags],
        "before": entry(value.before),
        "after": entry(value.after),
    }


def request(value: RequestEffect) -> dict[str, Any]:
    """A request that an action wants to send, or has sent; never the value of a secret."""
    return {
        "id": value.id,
        "action": value.action,
        "method": value.method,
        "url": value.url,
        "headers": [{"name": n, "value": v} for n, v in value.headers],
        "secret": value.secret or None,
        "carried": value.carried or None,
        "idempotency_key": value.key,
        "body": None if value.body is None else {"digest": value.body.hex(), "size": value.size},
        "class": value.effect_class.value,
        "undo": None if value.undo is None else {"method": value.undo.method, "url": value.undo.url},
        "undoes": value.undoes or None,
        "state": value.state.value,
        "status": value.status,
        "answer": value.answer.hex() if value.answer else None,
        "note": value.note,
        "commit": value.commit,
    }


def _output(value: Output) -> dict[str, Any]:
    return {
        "digest": value.digest.hex() if value.digest else None,
        "size": value.size,
        "truncated": value.truncated,
    }


def action(value: ActionRecord) -> dict[str, Any]:
    """An action as the journal has it."""
    decision = value.decision
    return {
        "id": value.id,
        "kind": value.spec.kind.value,
        "arguments": plain(value.spec.arguments),
        "origin": value.spec.origin.value,
        "status": value.status.value,
        "session": value.session,
        "decision": decision and {"verdict": decision.verdict.value, "rule": decision.rule, "reason": decision.reason},
        "exit_code": value.exit_code,
        "stopped": value.stopped or None,
        "note": value.note,
        "started_at": value.started_at,
        "duration": value.duration,
        "stdout": _output(value.stdout),
        "stderr": _output(value.stderr),
        "change_set": value.changes.digest if value.changes else None,
        "effects": [effect(e) for e in value.changes],
        "requests": [request(r) for r in value.changes.requests],
        "commit": value.commit,
    }


def _hunk(value: Hunk) -> dict[str, Any]:
    return {
        "number": value.number or None,
        "old_start": value.old_start,
        "old_count": value.old_count,
        "new_start": value.new_start,
        "new_count": value.new_count,
        "lines": [{"tag": line.tag, **text_fields("text", line.text)} for line in value.lines],
    }


def file_diff(value: FileDiff) -> dict[str, Any]:
    """One file's difference with its hunks."""
    return {
        **text_fields("path", value.path),
        "kind": value.kind.value,
        "action": value.action or None,
        "state": value.state.value if value.state else None,
        "flags": [f.value for f in value.flags],
        "before": entry(value.before),
        "after": entry(value.after),
        "binary": value.binary,
        "note": value.note,
        "added": value.added,
        "removed": value.removed,
        "hunks": [_hunk(h) for h in value.hunks],
        "inside": [_hunk(h) for h in value.inside],
    }


def commit_result(value: CommitResult) -> dict[str, Any]:
    """What a commit, a revert or a restore did."""
    return {
        "commit": value.commit,
        "snapshot": value.snapshot,
        "actions": list(value.actions),
        "paths": [text_fields("path", p) for p in value.paths],
        "stays": [text_fields("path", p) for p in value.stays],
        "dry_run": value.dry_run,
        "requests": [request(r) for r in value.requests],
        "stands": [request(r) for r in value.stands],
    }


def conflict(value: PathConflict) -> dict[str, Any]:
    """A path that cannot be undone without losing something, with both sides."""
    return {
        **text_fields("path", value.path),
        "action": value.action or None,
        "why": value.why,
        "base": entry(value.base),
        "ours": entry(value.ours),
        "theirs": entry(value.theirs),
        "diff": None if value.diff is None else file_diff(value.diff),
    }


def error(value: AgentshError) -> dict[str, Any]:
    """An error, and of a conflict both sides of every path."""
    conflicts = value.conflicts if isinstance(value, ConflictError) else ()
    return {**value.to_json(), **({"conflicts": [conflict(c) for c in conflicts]} if conflicts else {})}


def recovery(value: Recovery) -> dict[str, Any]:
    """What was put right after a crash."""
    return {
        "commit": value.commit or None,
        "action": value.action or None,
        "outcome": value.outcome,
        "paths": [text_fields("path", p) for p in value.paths],
        "request": value.request or None,
    }


def status(value: Status) -> dict[str, Any]:
    """A workspace at a glance."""
    return {
        "workspace": string(value.workspace),
        "staging": value.staging,
        "policy": value.policy,
        "pending": [action(a) for a in value.pending],
        "last_commit": value.last_commit,
        "last_snapshot": value.last_snapshot,
        "store_bytes": value.store_bytes,
        "store_max_bytes": value.store_max_bytes,
        "store_growth": value.store_growth,
        "recovered": [recovery(r) for r in value.recovered],
        "unknown": [request(r) for r in value.unknown],
    }


def log_entry(value: LogEntry) -> dict[str, Any]:
    """One line of the log."""
    return {
        "id": value.id,
        "kind": value.kind.value,
        "at": value.at,
        "title": string(value.title),
        "status": value.status,
        "details": plain(value.details),
        **({"parents": list(value.parents), "undoes": list(value.undoes)} if value.parents or value.undoes else {}),
    }


def check(report: CheckReport) -> dict[str, Any]:
    """What a check found."""
    return {
        "ok": report.ok,
        "problems": plain(report.problems),
        "objects": report.objects,
        "affected": list(report.affected),
        "paths": [text_fields("path", path) for path in report.paths],
        "given_up": report.given_up,
        "locked": report.locked,
    }
