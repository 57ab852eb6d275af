"""Examples in a policy file: what the policy has to decide, run by ``agentsh policy test``."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.decision import Decision, Verdict
from agentsh.core.effect import EffectKind, FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConfigError
from agentsh.core.explanation import ExampleResult
from agentsh.core.request import HELD_METHODS
from agentsh.core.sanitise import visible_line
from agentsh.policy.flags import flag_effect
from agentsh.policy.parse import tables
from agentsh.shell import parse, summarise

if TYPE_CHECKING:
    from agentsh.policy.rules import Policy

_KEYS = {
    *("line", "path", "url", "sql", "expect", "rule", "origin"),
    *("kind", "effect", "executable", "target", "size"),
    *("method", "connection", "schema"),
}
_ANY_DIGEST = b"\0" * 32


def run_examples(text: str, policy: Policy) -> list[ExampleResult]:
    """Hold ``policy`` against the ``[[example]]`` tables of its file.

    Args:
        text: the file's content.
        policy: what was read from it.

    Raises:
        ConfigError: an example is written in a way that says nothing.
    """
    examples = tables(tomllib.loads(text), "example", policy.name)
    return [_run(table, number, policy) for number, table in enumerate(examples, 1)]


def _run(table: dict[str, Any], number: int, policy: Policy) -> ExampleResult:
    where = f"example {number} of the policy {visible_line(policy.name)}"
    if unknown := [k for k in table if k not in _KEYS]:
        raise ConfigError(f"In {where}, '{visible_line(unknown[0])}' is unknown; known are {', '.join(sorted(_KEYS))}.")
    try:
        expected = Verdict(str(table.get("expect")))
        origin = Origin(str(table.get("origin", "agent")))
        title, decision = _decide(table, policy, origin)
    except ValueError as e:
        raise ConfigError(f"In {where}: {visible_line(str(e))}.") from e
    rule = table.get("rule")
    holds = decision.verdict is expected and rule in (None, decision.rule)
    return ExampleResult(number, title, f"{expected}: {rule}" if rule else expected.value, decision, holds)


def _decide(table: dict[str, Any], policy: Policy, origin: Origin) -> tuple[str, Decision]:
    if "sql" in table:
        return _decide_sql(table, policy, origin)
    line = table.get("line")
    if isinstance(line, str) and "path" not in table:
        spec = ActionSpec(ActionKind.SHELL, {"line": line}, origin)
        return line, policy.judge_action(spec, summarise(parse(line)))
    path = table.get("path")
    url = table.get("url")
    if isinstance(url, str) and path is None and line is None:
        spec = ActionSpec(ActionKind.HTTP, {"method": str(table.get("method", "GET")), "url": url}, origin)
        held = spec.arguments["method"] in HELD_METHODS
        return spec.title, policy.judge_request(spec) if held else policy.judge_action(spec)
    if not isinstance(path, str) or not path or line is not None or url is not None:
        raise ValueError("write one of 'line', a shell line, 'path', a path that an action changes, 'url', and 'sql'")
    kind = EffectKind(str(table.get("effect", "modify")))
    spec = ActionSpec(ActionKind(str(table.get("kind", "write"))), {"path": path}, origin)
    effect = flag_effect(_effect(table, path, kind))
    return f"{kind} {path}", policy.judge_effect(spec, effect)


def _decide_sql(table: dict[str, Any], policy: Policy, origin: Origin) -> tuple[str, Decision]:
    given: dict[str, Any] = {key: table[key] for key in ("connection", "schema") if key in table}
    statement = table["sql"]
    if not all(isinstance(v, str) for v in (statement, *given.values())) or table.keys() & {"line", "path", "url"}:
        raise ValueError("'sql' is one statement, with 'connection' and 'schema' as text, and no other thing to judge")
    spec = ActionSpec(ActionKind.SQL, {**given, "statement": statement}, origin)
    return statement, policy.judge_action(spec)


def _effect(table: dict[str, Any], path: str, kind: EffectKind) -> FileEffect:
    size = table.get("size", 0)
    if not isinstance(size, int):
        raise ValueError("'size' must be a number of bytes")  # noqa: TRY004 - one kind of error for the file's author
    old = Entry(EntryType.FILE, 0o644, size, _ANY_DIGEST)
    if "target" in table:
        new = Entry(EntryType.SYMLINK, target=str(table["target"]).encode())
    else:
        new = Entry(EntryType.FILE, 0o755 if table.get("executable") is True else 0o644, size, b"\1" * 32)
    before = None if kind is EffectKind.CREATE else old
    return FileEffect(path.encode(), before, None if kind is EffectKind.DELETE else new)
