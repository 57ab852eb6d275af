"""The chain of uncommitted effects: netting, dropping one, landing some."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus
from agentsh.core.effect import ChangeSet, EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConflictError
from agentsh.runtime.pending import landing, named_effects, netted, staged_states, without

DIRECTORY = Entry(EntryType.DIRECTORY, 0o755)


def text(content: str) -> Entry:
    return Entry(EntryType.FILE, 0o644, len(content), hashlib.sha256(content.encode()).digest())


def action(number: int, *effects: FileEffect, state: EffectState = EffectState.PENDING) -> ActionRecord:
    changes = change_set([replace(e, state=state) for e in effects])
    spec = ActionSpec(ActionKind.SHELL, {"line": "true"})
    return ActionRecord(f"a{number}", spec, ActionStatus.PENDING, changes=changes)


def never(path: bytes, *_: Entry | None) -> Entry | None:
    raise ConflictError("no merge", paths=[path])


A, B, C = text("a"), text("b"), text("c")


def test_netting_keeps_the_first_before_and_the_last_after() -> None:
    net = netted([action(1, FileEffect(b"x", A, B)), action(2, FileEffect(b"x", B, C), FileEffect(b"y", None, A))])
    assert [(e.path, e.before, e.after) for e in net] == [(b"x", A, C), (b"y", None, A)]


def test_what_was_made_and_removed_again_is_no_effect() -> None:
    actions = [action(1, FileEffect(b"x", None, A)), action(2, FileEffect(b"x", A, None))]
    assert not netted(actions)
    assert staged_states(actions) == {b"x": None}


def test_dropping_an_action_leaves_unrelated_ones_alone() -> None:
    actions = [action(1, FileEffect(b"x", None, A)), action(2, FileEffect(b"y", None, A))]
    assert without(actions, {("a1", b"x", 0)}, never, EffectState.REJECTED) == []


def test_dropping_an_action_merges_the_later_ones() -> None:
    actions = [action(1, FileEffect(b"x", A, B)), action(2, FileEffect(b"x", B, C))]
    merged = text("merged")
    seen: list[tuple[Entry | None, ...]] = []

    def merge(_: bytes, *states: Entry | None) -> Entry:
        seen.append(states)
        return merged

    rebased = without(actions, {("a1", b"x", 0)}, merge, EffectState.REJECTED)
    assert seen == [(B, A, C)]
    assert [(r.action, r.changes.effects) for r in rebased] == [("a2", (FileEffect(b"x", A, merged),))]


def test_dropping_what_a_later_action_needs_is_a_conflict_that_names_it() -> None:
    actions = [action(1, FileEffect(b"x", A, B)), action(2, FileEffect(b"x", B, C))]
    with pytest.raises(ConflictError, match="a2"):
        without(actions, {("a1", b"x", 0)}, never, EffectState.REJECTED)
    assert without(actions, {("a1", b"x", 0), ("a2", b"x", 0)}, never, EffectState.REJECTED) == []


def test_landing_takes_the_approved_effects_alone() -> None:
    first = action(1, FileEffect(b"x", None, A), state=EffectState.APPROVED)
    second = action(2, FileEffect(b"y", None, B))
    assert [e.path for e in landing([first, second])] == [b"x"]


def test_an_approved_effect_on_top_of_an_unapproved_one_cannot_land() -> None:
    first = action(1, FileEffect(b"x", None, A))
    second = action(2, FileEffect(b"x", A, B), state=EffectState.APPROVED)
    with pytest.raises(ConflictError, match="a1"):
        landing([first, second])


def test_committed_effects_of_a_partly_landed_action_are_not_staged() -> None:
    done = FileEffect(b"x", None, A, state=EffectState.COMMITTED)
    left = FileEffect(b"y", None, B)
    record = replace(action(1), changes=ChangeSet((done, left)))
    assert staged_states([record]) == {b"y": B}


def test_naming_a_directory_names_what_is_below_it() -> None:
    record = action(1, FileEffect(b"d", None, DIRECTORY), FileEffect(b"d/x", None, A), FileEffect(b"dx", None, A))
    assert named_effects(record, [b"d"]) == (b"d", b"d/x")
    assert named_effects(record, [b""]) == (b"d", b"d/x", b"dx")


def test_naming_a_file_names_the_new_directories_it_needs() -> None:
    record = action(
        1,
        FileEffect(b"d", None, DIRECTORY),
        FileEffect(b"d/e", A, DIRECTORY),
        FileEffect(b"d/e/x", None, A),
        FileEffect(b"d/y", None, A),
    )
    assert named_effects(record, [b"d/e/x"]) == (b"d", b"d/e", b"d/e/x")


def test_naming_a_deleted_file_does_not_remove_its_directory() -> None:
    record = action(1, FileEffect(b"d", DIRECTORY, None), FileEffect(b"d/x", A, None), FileEffect(b"d/y", A, None))
    assert named_effects(record, [b"d/x"]) == (b"d/x",)
    assert named_effects(record, [b"none"]) == ()
