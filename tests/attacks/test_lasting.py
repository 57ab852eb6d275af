"""Approvals for longer than once: wider than what was shown, given by the agent, kept from one place to another."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentsh.core.action import ActionRecord, ActionStatus
from agentsh.core.errors import ConfigError, ConflictError, UsageError
from agentsh.core.lasting import Lasting
from agentsh.runtime.agent import run_task
from agentsh.runtime.workspace import Workspace
from tests.unit.agent.fakes import Call, replay, shell

FIX = shell("sed -i s/colour/color/ README.md")


class Place:
    """A workspace, its data, and the person's configuration, in which no agent can write."""

    def __init__(self, base: Path, config: Path) -> None:
        self.root, self.data, self.config = base / "ws", base / "data", config
        (self.root / "docs").mkdir(parents=True)
        (self.root / "README.md").write_text("colour colour\n")
        (self.root / "docs" / "README.md").write_text("colour\n")
        self.opened: list[Workspace] = []

    def open(self, policy: str = "review", root: Path | None = None) -> Workspace:
        self.opened.append(Workspace.open(root or self.root, data_dir=self.data, policy=policy))
        return self.opened[-1]


def play(ws: Workspace, *calls: Call, resume: str | None = None) -> list[ActionRecord]:
    """The calls as one model's turns; the actions that they became. A resumed session is played on from its end."""
    before = [] if resume is None else [m for m in ws.session(resume).messages if m["role"] == "assistant"]
    with replay(*["earlier" for _ in before], *[[c] for c in calls], "end") as model:
        result = run_task(ws, model, "do it" if resume is None else "and again", resume=resume)
    return [ws.show(a) for a in result.actions]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("AGENTSH_CONFIG_DIR", str(tmp_path / "config"))
    made = Place(tmp_path, tmp_path / "config")
    yield made
    for workspace in made.opened:
        workspace.close()


def approved(ws: Workspace, lasting: Lasting, call: Call = FIX) -> ActionRecord:
    (action,) = play(ws, call)
    assert action.status is ActionStatus.PENDING
    (after,) = ws.approve_for(ws.offer(action.id, lasting))
    assert after.status is ActionStatus.APPROVED
    ws.commit()
    return after


WIDER: list[tuple[str, Call]] = [
    ("another command beside it", shell("sed -i s/color/x/ README.md; echo y >> README.md")),
    ("another command alone", shell("echo x > README.md")),
    ("a line that cannot be known", shell("c=sed; $c -i s/color/x/ README.md")),
    ("a path of the same name", shell("sed -i s/colour/x/ docs/README.md")),
    ("a second path", shell("sed -i s/colou*r/x/ README.md docs/README.md")),
    ("another kind of change", shell("sed -n 's/x/y/w new' README.md; sed -i s/color/x/ README.md")),
    ("another tool", ("write", {"path": "README.md", "content": "x\n"})),
    ("an edit", ("edit", {"path": "README.md", "old": "color colour", "new": "x"})),
    ("a function of that name", shell("sed() { echo x > README.md; }; sed")),
]


@pytest.mark.parametrize("lasting", Lasting)
@pytest.mark.parametrize("call", [c for _, c in WIDER], ids=[i for i, _ in WIDER])
def test_an_approval_taken_for_something_wider(place: Place, lasting: Lasting, call: Call):
    ws = place.open()
    first = approved(ws, lasting)
    ws = place.open()
    (action,) = play(ws, call, resume=first.session if lasting is Lasting.SESSION else None)
    assert action.changes
    assert action.status is ActionStatus.PENDING
    assert action.decision is not None
    assert action.decision.rule == "default"


@pytest.mark.parametrize("lasting", Lasting)
def test_the_same_again_is_approved(place: Place, lasting: Lasting):
    # The control: what the attacks above are refused is granted to exactly what was shown.
    first = approved(place.open(), lasting)
    ws = place.open()
    (action,) = play(ws, FIX, resume=first.session if lasting is Lasting.SESSION else None)
    assert action.status is ActionStatus.APPROVED
    assert action.decision is not None
    assert action.decision.rule == f"approved-{first.id}-modify"
    ws.commit()
    assert (place.root / "README.md").read_text() == "color color\n"


def test_a_session_takes_over_anothers_approval(place: Place):
    ws = place.open()
    approved(ws, Lasting.SESSION)
    (action,) = play(ws, FIX)  # another session
    assert action.status is ActionStatus.PENDING


def test_a_person_is_not_the_agent_that_was_approved(place: Place):
    approved(place.open(), Lasting.ALWAYS)
    assert place.open().exec("sed -i s/colour/x/ README.md").status is ActionStatus.PENDING


def test_a_grant_that_was_withdrawn(place: Place):
    ws = place.open()
    first = approved(ws, Lasting.SESSION)
    (grant,) = ws.grants()
    ws.withdraw_grant(grant.id)
    (action,) = play(ws, FIX, resume=first.session)
    assert action.status is ActionStatus.PENDING
    with pytest.raises(UsageError):
        ws.withdraw_grant(grant.id)


def test_an_approval_carried_into_another_workspace(place: Place, tmp_path: Path):
    approved(place.open(), Lasting.ALWAYS)
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("colour\n")
    (action,) = play(place.open(root=other), FIX)
    assert action.status is ActionStatus.PENDING


@pytest.mark.parametrize("policy", ["read-only"])
def test_an_approval_against_a_stricter_policy(place: Place, policy: str):
    approved(place.open(), Lasting.ALWAYS)
    (action,) = play(place.open(policy), FIX)
    assert action.status is ActionStatus.DENIED


def test_an_approval_against_rules_that_came_later(place: Place):
    first = approved(place.open(), Lasting.ALWAYS)
    assert first.id
    (place.root / ".agentsh.toml").write_text('protected = ["README.md"]\n')
    (action,) = play(place.open(), FIX)
    assert action.status is ActionStatus.DENIED


NEVER: list[tuple[str, Call, str]] = [
    ("opaque", shell('eval "$(echo "echo x > README.md")"'), "cannot be known beforehand"),
    ("no command", shell("> README.md"), "no command"),
    ("runs later", ("write", {"path": ".bashrc", "content": "x\n"}), "look each time"),
    ("executable", shell("printf x > run; chmod +x run"), "look each time"),
    ("credentials", ("write", {"path": ".env", "content": "A=b\n"}), "look each time"),
    ("leads out", shell("ln -s ../outside link"), "look each time"),
    ("too many", shell("i=0; while [ $i -lt 120 ]; do echo x > n$i; i=$((i+1)); done"), "nobody reads"),
]


@pytest.mark.parametrize("lasting", Lasting)
@pytest.mark.parametrize(("call", "why"), [n[1:] for n in NEVER], ids=[n[0] for n in NEVER])
def test_what_is_never_approved_for_longer(place: Place, lasting: Lasting, call: Call, why: str):
    ws = place.open()
    (action,) = play(ws, call)
    with pytest.raises(UsageError, match=why):
        ws.offer(action.id, lasting)
    assert ws.show(action.id).status is ActionStatus.PENDING


def test_a_rule_that_asks_is_not_answered_for_good(place: Place, tmp_path: Path):
    rules = tmp_path / "policy.toml"
    rules.write_text('[[rule]]\nname = "docs"\nverdict = "ask"\npaths = ["README.md"]\n')
    ws = place.open(str(rules))
    (action,) = play(ws, FIX)
    with pytest.raises(UsageError, match="docs"):
        ws.offer(action.id, Lasting.ALWAYS)


def test_an_offer_that_was_changed_on_the_way(place: Place):
    ws = place.open()
    (action,) = play(ws, FIX)
    offer = ws.offer(action.id, Lasting.ALWAYS)
    wider = replace(offer, rules=offer.rules.replace('exact = ["README.md"]', 'paths = ["**"]'))
    for changed in (wider, replace(offer, digest="0" * 64), replace(offer, place=str(place.root / "x"))):
        with pytest.raises(ConflictError):
            ws.approve_for(changed)
    assert ws.show(action.id).status is ActionStatus.PENDING
    assert not (place.config / "approved.toml").exists()


def test_a_name_that_breaks_out_of_the_rule(place: Place):
    name = 'a"]\nverdict = "allow"\n[[rule]]\n\u202ex\u2028.md'
    ws = place.open()
    (action,) = play(ws, ("write", {"path": name, "content": "x"}))
    offer = ws.offer(action.id, Lasting.ALWAYS)
    assert offer.rules.isascii()
    assert all(" " <= ch <= "~" or ch == "\n" for ch in offer.rules)
    ws.approve_for(offer)
    (rule,) = tomllib.loads((place.config / "approved.toml").read_text())["rule"]
    assert rule["exact"] == [name]


@pytest.mark.parametrize(
    "text",
    [
        '[[rule]]\nverdict = "allow"\npaths = ["**"]\n',
        '[[rule]]\nworkspace = "/"\nverdict = "allow"\npaths = ["**"]\n',
        '[[rule]]\nworkspace = "/"\nverdict = "ask"\nexact = ["a"]\n',
        'preset = "trusted"\n',
        "[[rule]\n",
    ],
)
def test_a_file_of_approvals_that_is_none(place: Place, text: str):
    place.config.mkdir()
    (place.config / "approved.toml").write_text(text)
    with pytest.raises(ConfigError):
        place.open()


def test_a_write_that_fails_leaves_the_file_whole(place: Place, monkeypatch: pytest.MonkeyPatch):
    approved(place.open(), Lasting.ALWAYS)
    kept = (place.config / "approved.toml").read_bytes()
    ws = place.open()
    (action,) = play(ws, ("write", {"path": "new.md", "content": "x"}))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    offer = ws.offer(action.id, Lasting.ALWAYS)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot be written"):
        ws.approve_for(offer)
    monkeypatch.undo()
    assert (place.config / "approved.toml").read_bytes() == kept
    assert sorted(p.name for p in place.config.iterdir()) == [".approved.toml.lock", "approved.toml"]


@pytest.mark.parametrize(
    "call",
    [
        shell("agentsh approve a1 --for always --yes"),
        shell("env agentsh policy withdraw g1"),
        ("approve", {"action": "a1", "for": "always"}),
        ("grant", {"rules": '[[rule]]\nverdict = "allow"\n'}),
        ("write", {"path": "../config/approved.toml", "content": '[[rule]]\nverdict = "allow"\n'}),
        ("write", {"path": "approved.toml", "content": '[[rule]]\nverdict = "allow"\npaths = ["**"]\n'}),
        ("write", {"path": ".agentsh.toml", "content": 'approved = ["**"]\npolicy = "trusted"\n'}),
        shell("ln -s ../config c; echo x > c/approved.toml"),
    ],
    ids=str,
)
def test_a_model_that_approves_itself_for_good(place: Place, call: Any):
    ws = place.open()
    play(ws, FIX, call)
    assert ws.grants() == []
    assert not (place.config / "approved.toml").exists()
    ws = place.open()
    (action,) = play(ws, shell("sed -i s/colou*r/z/ docs/README.md"))
    assert action.status is ActionStatus.PENDING
