"""What is fuzzed: each target takes bytes, and holds what it must whatever they are.

A target raises for a fault. What the code under test is documented to raise is an answer.
"""

from __future__ import annotations

import contextlib
import json
import unicodedata
from typing import TYPE_CHECKING

from agentsh.core.action import ActionKind, ActionSpec, Origin
from agentsh.core.effect import FileEffect
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConfigError, ModelError, ShellSyntaxError
from agentsh.core.sanitise import visible, visible_line
from agentsh.core.secret import Secret
from agentsh.llm.assemble import Assembler
from agentsh.llm.sse import data_events
from agentsh.policy import flag_effect, parse_policy
from agentsh.redact import RedactedStream, Redactor
from agentsh.sandbox.walk import parse_filters
from agentsh.shell import parse, summarise

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE = Entry(EntryType.FILE, 0o644, 5, b"0" * 32)
_VALUE = "sk-Tr0ub4dor/and+3=horses"
_STEERING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_REDACTOR = Redactor([Secret("KEY", _VALUE)])


def shell(data: bytes) -> None:
    """Every text is a tree or a syntax error, and every tree has a summary."""
    try:
        tree = parse(data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
    except ShellSyntaxError:
        return
    summarise(tree)


def policy(data: bytes) -> None:
    """Every text is a policy or a configuration error, and every policy decides about every path and line."""
    text, _, rest = data.partition(b"\0")
    try:
        made = parse_policy(text.decode("utf-8", "replace"), name="fuzzed")
    except ConfigError:
        return
    path = rest.replace(b"\0", b"").strip(b"/") or b"a"
    spec = ActionSpec(ActionKind.WRITE, {"path": "a"}, Origin.AGENT)
    effect = flag_effect(FileEffect(path, None, _FILE))
    decision = made.judge_effect(spec, effect)
    # Whatever a file says, what every policy holds stays denied.
    git = flag_effect(FileEffect(b".git/" + path, None, _FILE))
    assert made.judge_effect(spec, git).verdict == "deny"
    assert decision.reason
    with contextlib.suppress(ShellSyntaxError):
        made.judge_action(spec, summarise(parse(rest.replace(b"\0", b"").decode("utf-8", "surrogateescape"))))


def redact(data: bytes) -> None:
    """A value that is put anywhere does not come out, whole or as a stream; what holds none is left alone."""
    cut = data[:1][0] % (len(data) or 1) if data else 0
    rest = data[1:]
    planted = rest[:cut] + _VALUE.encode() + rest[cut:]
    assert _VALUE.encode() not in _REDACTOR.redact(planted).data
    stream = RedactedStream(_REDACTOR)
    step = cut % 7 + 1
    out = b"".join(stream.feed(planted[i : i + step]) for i in range(0, len(planted), step)) + stream.end()
    assert _VALUE.encode() not in out
    plain = _REDACTOR.redact(rest)
    assert plain.names or plain.data == rest


def endpoint(data: bytes) -> None:
    """Whatever an endpoint streams becomes an answer or an error, and never says the key."""
    assembler = Assembler(_REDACTOR)
    said = ""
    try:
        for event in data_events([data[i : i + 50] for i in range(0, len(data), 50)]):
            with contextlib.suppress(ValueError, RecursionError):
                assembler.feed(json.loads(event))
        said = repr(assembler.answer())
    except ModelError as e:
        said = e.what
    assert _VALUE not in said


def filters(data: bytes) -> None:
    """What a guest packs for a search is filters or a refusal."""
    with contextlib.suppress(OSError):
        parse_filters(data)


def sanitise(data: bytes) -> None:
    """What is shown cannot steer a terminal."""
    for text in (data.decode("utf-8", "surrogateescape"), data.decode("latin-1"), data.decode("utf-16", "ignore")):
        assert not _STEERING & {unicodedata.category(ch) for ch in visible_line(text)}
        assert visible(text).replace("\n", "\\n").replace("\t", "\\t") == visible_line(text)


TARGETS: dict[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (shell, policy, redact, endpoint, filters, sanitise)
}

SEEDS: dict[str, list[bytes]] = {
    "shell": [b'for i in {1..3}; do echo "$i"; done | sort', b"x=$(cat <<E\na\nE\n); [[ $x =~ a+ ]] && f() { :; }"],
    "policy": [
        b'preset = "trusted"\n[[rule]]\nname = "a"\nverdict = "deny"\npaths = ["**/x*", "db/?"]\n\0docs/x/y',
        b'[[rule]]\nverdict = "ask"\ncommands = ["rm"]\narguments = ["-*r*f*"]\n\0rm -rf x',
    ],
    "redact": [b"\x05H4sIAAAA %41 \\x41 &#65; 12\tabc", b"\x00" + bytes(range(256))],
    "endpoint": [
        b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\ndata: [DONE]\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "a"}}]}}]}\n\n',
    ],
    "filters": [b"\x01\x00\x00\x00*.py"],
    "sanitise": [b"\x1b]52;c;aGk=\x07", "\u202egpj.exe".encode()],
}
"""What a run starts from."""
