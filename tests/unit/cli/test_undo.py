"""Undoing by the command line: parts, answers to conflicts, the editor."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.core.history import PathConflict, Resolution
from agentsh.core.report import CommitResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Cli = Callable[..., Any] if TYPE_CHECKING else object

NOW = Entry(EntryType.FILE, 0o644, 5, b"n" * 32)
TEXT = b"<<<<<<< now\nmine\n||||||| after a1\nits\n=======\nold\n>>>>>>> before a1\n"
CONFLICT = PathConflict(b"src/\x1b[2Japp.py", "a1", "was changed on both sides in one place", NOW, NOW, None, TEXT)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["revert", "a1", "--path", "x"], {"paths": [b"x"]}),
        (["revert", "a1", "--path", "x", "--hunk", "2", "--hunk", "3"], {"hunks": {b"x": (2, 3)}}),
        (["revert", "a1", "--path", "x", "--lines", "4-9", "--lines", "12"], {"lines": {b"x": ((4, 9), (12, 12))}}),
        (["revert", "a1", "--ours"], {"answers": [Resolution("ours")]}),
        (
            ["revert", "a1", "--resolve", "ours:./a:b/", "--theirs"],
            {"answers": [Resolution("ours", path=b"a:b"), Resolution("theirs")]},
        ),
    ],
)
def test_what_is_asked_for(arguments: list[str], expected: dict[str, Any], workspace: Any, cli: Cli) -> None:
    assert cli(*arguments).code == 0
    assert workspace.called("revert") == [(("a1",), False, expected)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["revert", "a1", "--hunk", "1"],
        ["revert", "a1", "a2", "--path", "x", "--hunk", "1"],
        ["approve", "a1", "--path", "x", "--path", "y", "--lines", "1"],
        ["revert", "a1", "--path", "x", "--lines", "x-2"],
        ["revert", "a1", "--path", "x", "--hunk", "0"],
        ["revert", "a1", "--resolve", "mine:x"],
        ["revert", "a1", "--resolve", "ours:/etc"],
    ],
)
def test_what_cannot_be_asked_for(arguments: list[str], workspace: Any, cli: Cli) -> None:
    assert cli(*arguments).code == 2
    assert not workspace.called("revert")
    assert not workspace.called("approve")


def test_an_approval_of_hunks(workspace: Any, cli: Cli, make: Any) -> None:
    workspace.records["a1"] = make.action(1, paths=[b"x"])
    assert cli("approve", "a1", "--path", "x", "--hunk", "2").code == 0
    assert workspace.called("approve") == [(("a1",), (), "", {"hunks": {b"x": (2,)}})]


def test_a_conflict_is_told_with_both_sides(workspace: Any, cli: Cli) -> None:
    workspace.errors["revert"] = ConflictError("In the way.", conflicts=[CONFLICT])
    result = cli("revert", "a1")
    assert result.code == 5
    assert "(a1): was changed on both sides" in result.err
    assert "now:    a file of 5 B, mode 644" in result.err
    assert "undone: nothing" in result.err
    assert "\x1b" not in result.err
    (conflict,) = cli("revert", "a1", "--json").json["conflicts"]
    assert (conflict["action"], conflict["theirs"], conflict["ours"]["size"]) == ("a1", None, 5)


def test_a_dry_run_with_conflicts_shows_them_and_ends_with_5(
    workspace: Any, cli: Cli, make: Any, monkeypatch: Any
) -> None:
    diff = make.created(CONFLICT.path, b"mine\n")
    found = CommitResult(None, None, dry_run=True, conflicts=(replace(CONFLICT, diff=diff),), stays=(b"d",))
    monkeypatch.setattr(workspace, "revert", lambda *_, **__: found)
    result = cli("revert", "a1", "--dry-run")
    assert result.code == 5
    assert "+ mine" in result.err
    assert "stays" in result.err
    assert "\x1b" not in result.err
    out = cli("revert", "a1", "--dry-run", "--json")
    assert (out.code, len(out.json["conflicts"]), out.json["stays"]) == (5, 1, [{"path": "d"}])


@pytest.fixture
def editor(workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Set an editor, a shell script that gets the file as $1; gives the answers that the workspace then receives."""
    given: list[Any] = []

    def revert(*_: object, answers: list[Resolution], **__: object) -> CommitResult:
        if not answers:
            raise ConflictError("In the way.", conflicts=[CONFLICT])
        given.extend(answers)
        return CommitResult("c2", "s2", ("a9",), (b"x",))

    def use(script: str) -> list[Any]:
        program = tmp_path / "an editor"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"'{program}'")
        return given

    monkeypatch.setattr(workspace, "revert", revert)
    return use


def test_a_conflict_is_merged_in_the_editor(editor: Any, cli: Cli, tmp_path: Path) -> None:
    given = editor(f'cp "$1" {tmp_path}/seen; ls -ld "$1" "$(dirname "$1")" > {tmp_path}/modes; echo merged > "$1"')
    assert cli("revert", "a1", "--edit").code == 0
    assert given == [Resolution(text=b"merged\n", conflict=CONFLICT, path=CONFLICT.path)]
    assert (tmp_path / "seen").read_bytes() == TEXT
    folder, file = (tmp_path / "modes").read_text().splitlines()
    assert file.startswith("-rw-------")
    assert file.endswith("/merge-__2Japp.py")
    assert folder.startswith("drwx------")
    assert list((tmp_path / "data" / "edit").iterdir()) == []
    assert stat.S_IMODE(os.stat(tmp_path / "data" / "edit").st_mode) == 0o700


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("true", 5),  # saved as it was
        ('echo "<<<<<<< now" > "$1"', 5),
        ("false", 1),
        ('rm "$1"; ln -s /etc/passwd "$1"', 1),
        ('rm "$1"', 1),
    ],
)
def test_an_editor_that_merged_nothing(script: str, code: int, editor: Any, cli: Cli, tmp_path: Path) -> None:
    given = editor(script)
    assert cli("revert", "a1", "--edit").code == code
    assert given == []
    assert list((tmp_path / "data" / "edit").iterdir()) == []


def test_without_an_editor(editor: Any, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    editor("true")
    monkeypatch.delenv("EDITOR")
    result = cli("revert", "a1", "--edit")
    assert result.code == 2
    assert "EDITOR" in result.err
