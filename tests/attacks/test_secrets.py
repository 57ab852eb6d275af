"""A model, or a file that speaks to it, tries to get at the value of a secret that stands in the workspace."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyring
import pytest
import zstandard
from keyring.errors import KeyringLocked

from agentsh.core.errors import ActionFailed
from agentsh.llm import Answer, Model, ToolCall
from agentsh.runtime.agent import run_task
from agentsh.runtime.events import Event
from agentsh.secrets import Keychain
from tests.unit.secrets.test_keychain import MemoryKeyring

if TYPE_CHECKING:
    from tests.attacks.conftest import Opener

VALUE = "sk-Tr0ub4dor-and-3-horses/battery+staple"
FRAGMENTS = [VALUE[i : i + 12] for i in range(0, len(VALUE) - 12, 7)]


@pytest.fixture(autouse=True)
def _keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    Keychain().set("API_KEY", VALUE)
    yield
    keyring.set_keyring(before)


class Asking(Model):
    """Runs lines, and keeps what it is told."""

    name = "asking"

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.told: list[str] = []

    def complete(self, messages: Sequence[Mapping[str, Any]], *_: Any, **__: Any) -> Answer:
        self.told.append(json.dumps(messages, ensure_ascii=False))
        if not self.lines:
            return Answer("done", (), "stop")
        return Answer("", (ToolCall(f"c{len(self.lines)}", "shell", {"line": self.lines.pop(0)}),), "tool_calls")


def everything_kept(data: Path) -> bytes:
    """Every byte of the store, with the content that it compresses."""
    out = [place.read_bytes() for place in data.rglob("*.db*")]
    for place in data.rglob("store.db"):
        with sqlite3.connect(place) as db:
            for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in db.execute(f'select * from "{table}"'):  # noqa: S608 - names of our own tables
                    for cell in row:
                        raw = cell.encode() if isinstance(cell, str) else cell
                        if isinstance(raw, bytes):
                            out.append(raw)
                            if raw[:4] == b"\x28\xb5\x2f\xfd":
                                out.append(zstandard.ZstdDecompressor().decompressobj().decompress(raw))
    return b"\n".join(out)


@pytest.mark.parametrize(
    "line",
    [
        "cat .env",
        "cat -A .env; rev .env; tac .env",
        "base64 .env; base64 -w 0 .env",
        "tail -c +4 .env | base64",
        "xxd .env; xxd -p .env; od -c .env",
        "fold -w 5 .env",
        "fold -w 5 .env | cat -n",
        "grep -o . .env | tr '\\n' ' '",
        "sed 's/-/%2D/g' .env",
        "while read -r l; do printf '%s\\n' \"$l\"; done < .env",
        'x=$(<.env); echo "${x:8:14}${x:22}"',
        "cat .env >&2; false",
        "cat $(cat .env)",
        "base64 .env | base64",
    ],
)
def test_a_model_that_prints_a_file_with_a_known_secret(line: str, root: Path, opener: Opener, tmp_path: Path) -> None:
    (root / ".env").write_text(f"API_KEY={VALUE}\n")
    model, events = Asking(line), list[Event]()
    workspace = opener()
    run_task(workspace, model, "look at the configuration", on_event=events.append)
    seen = "\n".join([*model.told, *(e.to_json() for e in events)])
    assert "secret:API_KEY" in seen
    for fragment in FRAGMENTS:
        assert fragment not in seen
        assert fragment[::-1] not in seen
    assert any(getattr(e, "code", "") == "secret" for e in events) or "taken out" in seen
    workspace.close()
    kept = everything_kept(tmp_path / "data")
    assert b"look at the configuration" in kept
    assert not any(f.encode() in kept for f in FRAGMENTS)


def test_a_person_who_pastes_the_secret_into_the_task(opener: Opener, tmp_path: Path) -> None:
    model = Asking()
    workspace = opener()
    run_task(workspace, model, f"log in with {VALUE} please")
    assert "log in with secret:API_KEY please" in model.told[0]
    workspace.close()
    assert VALUE.encode() not in everything_kept(tmp_path / "data")


def test_a_line_with_the_secret_runs_as_it_is_and_is_kept_without(root: Path, opener: Opener) -> None:
    workspace = opener()
    record = workspace.exec(f"echo {VALUE} > token; wc -c < token; echo {VALUE}")
    assert workspace.output(record.id) == f"{len(VALUE) + 1}\nsecret:API_KEY\n".encode()
    assert record.spec.arguments["line"] == "echo secret:API_KEY > token; wc -c < token; echo secret:API_KEY"
    assert "secret:API_KEY" in record.note
    [diff] = workspace.diff(record.id)
    assert [line.text for h in diff.hunks for line in h.lines] == [b"secret:API_KEY\n"]
    workspace.approve([record.id])
    workspace.commit()
    assert (root / "token").read_text() == f"{VALUE}\n"


def test_a_secret_in_a_row_of_a_database(root: Path, opener: Opener) -> None:
    with sqlite3.connect(root / "s.db") as db:
        db.execute("CREATE TABLE t(x)")
        db.execute("INSERT INTO t VALUES (?)", (VALUE,))
    workspace = opener()
    [diff] = workspace.diff(workspace.exec("rm s.db").id)
    shown = b"".join(line.text for h in diff.inside for line in h.lines)
    assert b"secret:API_KEY" in shown
    assert not any(f.encode() in shown for f in FRAGMENTS)


def test_output_that_streams_in_pieces(opener: Opener) -> None:
    pieces: list[bytes] = []
    line = "; ".join(f"printf %s '{VALUE[i : i + 3]}'" for i in range(0, len(VALUE), 3))
    record = opener().exec(line, on_output=lambda _, data: pieces.append(data))
    assert b"".join(pieces) == b"secret:API_KEY"
    assert not any(f.encode() in b"".join(pieces) for f in FRAGMENTS)
    assert record.exit_code == 0


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPL2\n", "AKIAIOSFODNN7EXAMPL2"),
        ("url = postgres://app:correct-horse@db.internal/x\n", "correct-horse"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----\n", "MIIEowIBAAKCAQEA7"),
    ],
)
def test_credentials_that_the_keyring_does_not_know(content: str, value: str, root: Path, opener: Opener) -> None:
    (root / "settings").write_text(content)
    model = Asking("cat settings")
    run_task(opener(), model, "look")
    assert value not in model.told[-1]
    assert "secret:" in model.told[-1]


def test_a_keyring_that_is_locked_stops_everything_that_could_print(
    opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: str) -> str:
        raise KeyringLocked(VALUE)

    monkeypatch.setattr(keyring.get_keyring(), "get_password", locked)
    with pytest.raises(ActionFailed) as refused:
        opener().exec("echo hi")
    assert VALUE not in str(refused.value.to_json())
