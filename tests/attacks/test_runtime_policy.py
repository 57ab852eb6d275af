"""Getting past the policy: other spellings of commands and paths, hostile configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentsh.config import load_config
from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Origin
from agentsh.core.decision import Verdict
from agentsh.core.effect import FileEffect, Flag
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConfigError
from agentsh.core.sanitise import visible, visible_path
from agentsh.policy import flag_effect, parse_policy, preset
from agentsh.policy.rules import glob_pattern
from agentsh.shell import parse, summarise

if TYPE_CHECKING:
    from .conftest import Opener

NO_RM = parse_policy('[[rule]]\nname = "no-rm"\nverdict = "deny"\ncommands = ["rm"]\n', name="no-rm")
SPELLINGS = (Path(__file__).parent / "rm_spellings.txt").read_text().splitlines()
FILE = Entry(EntryType.FILE, 0o644, 1, b"x" * 32)


@pytest.mark.parametrize("line", SPELLINGS)
def test_another_spelling_of_a_denied_command(line: str):
    line = line.replace("␤", "\n")
    decision = NO_RM.judge_action(ActionSpec(ActionKind.SHELL, {"line": line}), summarise(parse(line)))
    assert decision.verdict is Verdict.DENY


@pytest.mark.parametrize(
    "line", ["python -c 'import os; os.remove(\"file\")'", "mv file /dev/null", "> file", "find . -name file -delete"]
)
def test_the_same_by_another_command_is_left_to_the_rules_about_effects(
    opener: Opener, tmp_path: Path, root: Path, line: str
):
    (root / "file").write_text("precious")
    (tmp_path / "policy.toml").write_text(
        '[[rule]]\nname = "keep"\nverdict = "deny"\npaths = ["file"]\n'
        '[[rule]]\nname = "no-rm"\nverdict = "deny"\ncommands = ["rm"]\n'
    )
    ws = opener(policy=str(tmp_path / "policy.toml"))
    record = ws.exec(line)
    assert record.status in (ActionStatus.DENIED, ActionStatus.DONE)
    assert not ws.status().pending
    assert ws.output(ws.exec("cat file").id) == b"precious"


GIT = [
    ".git/config",
    ".git/hooks/pre-commit",
    ".GIT/config",
    ".Git/HEAD",
    "sub/.git",
    "sub/.gIt/hooks/x",
    ".git",
    ".g\u200cit/config",
    ".gi\ufefft/config",
    "git~1/config",
    ".git./config",
    ".git /config",
    "\uff0egit/config",
]


@pytest.mark.parametrize("path", GIT)
def test_the_insides_of_git_by_another_name(path: str):
    effect = flag_effect(FileEffect(path.encode(), None, FILE))
    for name in ("review", "trusted", "read-only"):
        policy = preset(name)
        assert policy is not None
        for origin in Origin:
            assert policy.judge_effect(ActionSpec(ActionKind.SHELL, {}, origin), effect).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "line",
    [
        "echo '[core] fsmonitor=evil' > .git/config",
        "echo x > .git/hooks/post-checkout",
        "mv sub renamed",
        "mv sub/.git sub/git",
        "rm -r sub",
        "mv .git other",
        "ln -s .git alias; echo x > alias/config",
        "rm -r sub/.git; ln -s ../elsewhere sub/.git",
        "rm -r sub/.git; echo 'gitdir: ../elsewhere' > sub/.git",
        "mkdir deep; echo 'gitdir: x' > deep/.git",
        "mkdir deep; cp -r .git deep/",
        "cd sub/.git && echo x > config",
        'python -c \'open(".git/config", "a").write("x")\'',
        "chmod 777 .git/config",
        "mkdir .GIT; echo x > .GIT/config",
    ],
)
def test_git_internals_through_the_sandbox(opener: Opener, root: Path, line: str):
    for place in (root, root / "sub"):
        (place / ".git" / "hooks").mkdir(parents=True)
        (place / ".git" / "config").write_text("[core]\n")
    before = {p: p.read_bytes() if p.is_file() else None for p in root.rglob("*")}
    ws = opener(policy="trusted")
    record = ws.exec(line)
    assert record.status is ActionStatus.DENIED, ws.output(record.id, "stderr")
    assert record.decision is not None
    assert record.decision.rule == "git-internals"
    ws.commit()
    assert {p: p.read_bytes() if p.is_file() else None for p in root.rglob("*")} == before
    assert ws.output(ws.exec("cat .git/config sub/.git/config").id) == b"[core]\n[core]\n"


@pytest.mark.parametrize(
    "path", ["repo/HEAD", "a/b/head", "mirror.git/config", "mirror.git/hooks/update", "x/hooks/post-checkout"]
)
def test_a_bare_repository_that_git_would_obey(path: str):
    assert Flag.RUNS_CODE in flag_effect(FileEffect(path.encode(), None, FILE)).flags


@pytest.mark.parametrize("path", [".agentsh.toml", ".AGENTSH.TOML", "sub/.agentsh.toml", ".agent\u200bsh.toml"])
@pytest.mark.parametrize("name", ["review", "trusted", "read-only"])
def test_an_agent_writes_agentshs_own_configuration(name: str, path: str):
    policy = preset(name)
    assert policy is not None
    effect = flag_effect(FileEffect(path.encode(), None, FILE))
    assert policy.judge_effect(ActionSpec(ActionKind.WRITE, {}, Origin.AGENT), effect).verdict is Verdict.DENY


@pytest.mark.parametrize("kind", ["fifo", "directory", "socket", "large", "binary", "deep", "patterns"])
def test_a_workspace_file_that_is_no_configuration(root: Path, tmp_path: Path, kind: str):
    path = root / ".agentsh.toml"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "socket":
            os.mknod(path, 0o140600)
        case "large":
            path.write_bytes(b"#" * (2 << 20))
        case "binary":
            path.write_bytes(b"\xff\xfe\0")
        case "deep":
            path.write_text("x = " + "[" * 100_000)
        case _:
            path.write_text("protected = [" + '"*a",' * 100_000 + "]")
    with pytest.raises(ConfigError):
        load_config(root, user_dir=tmp_path)


def test_a_workspace_file_that_is_a_symlink_is_not_read(root: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("token = 'abc'\n")
    (root / ".agentsh.toml").symlink_to(tmp_path / "secret")
    assert load_config(root, user_dir=tmp_path).protected == ()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e308", "0", "-1", "1" + "0" * 400, "true", '"1"', "-0.0"])
@pytest.mark.parametrize("where", ["workspace", "user"])
def test_limits_that_are_none(root: Path, tmp_path: Path, value: str, where: str):
    place = root / ".agentsh.toml" if where == "workspace" else tmp_path / "config.toml"
    place.write_text(f"[limits]\nwall_s = {value}\n")
    with pytest.raises(ConfigError):
        load_config(root, user_dir=tmp_path)


@pytest.mark.parametrize(
    "glob", ["*a" * 100 + "b", "**/a" * 100 + "/**/b", "**a" * 100 + "b", "?*" * 100 + "b", "**/*a*" * 50 + "/b"]
)
def test_patterns_that_take_forever(glob: str):
    """Each of these takes a backtracking matcher longer than anybody waits: it is enough that it ends."""
    assert glob_pattern(glob).fullmatch("a/" * 1000 + "a" * 255) is None


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("*.key", "a/b/x.key", "x.keys"),
        ("docs/**/x", "docs/x", "docs/xy"),
        ("docs/**/x", "docs/a/b/x/below", "other/docs/x"),
        ("a*b*c", "x/a1b2c/y", "a1b2/c"),
        ("**/a?/**", "x/ab/c", "x/a/c"),
        ("a/*/b", "a/x/b", "a/x/y/b"),
        ("a**b", "a/x/yb", "ba"),
    ],
)
def test_patterns_still_mean_what_they_say(glob: str, yes: str, no: str):
    assert glob_pattern(glob).fullmatch(yes)
    assert not glob_pattern(glob).fullmatch(no)


INVISIBLE = [
    "\u3164",
    "\uffa0",
    "\u115f",
    "\u034f",
    "\ufe0f",
    "\U000e0100",
    "\u200b",
    "\u202e",
    "\u2066",
    "\U000e0041",
    "\u2800",
    "\u180b",
    "\x1b",
    "\x9b",
    "\x07",
    "\x00",
    "\x7f",
    "\u0600",
    "\ud800",
    "\ue000",
    "\U0010ffff",
]


@pytest.mark.parametrize("ch", INVISIBLE)
def test_characters_that_cannot_be_seen(ch: str):
    shown = visible(f"a{ch}b")
    assert ch not in shown
    assert "\\" in shown


def test_names_that_look_alike():
    assert visible_path("run\ufe0f.sh".encode()) != visible_path(b"run.sh")
    assert visible_path("\u3164".encode()).strip()
    assert "\n" not in visible_path(b"a\nb\rc\x85d")
