"""Extended attributes are a part of a path's state, from the snapshot to the revert."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agentsh.core.attributes import decode_attributes, encode_attributes
from agentsh.core.effect import EffectKind, FileEffect, Flag
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ActionFailed, ConflictError
from agentsh.policy import flag_effect
from agentsh.runtime.diff import diff_effects
from agentsh.runtime.hunks import Choice, divide
from agentsh.runtime.restore import plan_restore
from agentsh.runtime.snapshot import take_snapshot
from tests.worlds import trees
from tests.worlds.scene import Scene, effects_between

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes in os are Linux's")

NOTE, TAG = ("user.note", b"mine\0\xff"), ("user.tag", b"")
OLD = {
    b"f": trees.file(b"text\n", 0o644, (NOTE, TAG)),
    b"closed": trees.file(b"text\n", 0o400, (NOTE,)),
    b"d": trees.directory(0o755, (NOTE,)),
    b"shut": trees.directory(0o500, (TAG,)),
    b"bare": trees.file(b"bare\n"),
}


def test_a_snapshot_has_them_and_a_restore_brings_them_back(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree)
        assert scene.store.manifest(first.snapshot)[b"f"].xattrs == (NOTE, TAG)
        os.setxattr(scene.root / "f", "user.note", b"other")
        os.removexattr(scene.root / "f", "user.tag")
        os.setxattr(scene.root / "bare", "user.new", b"x")
        os.removexattr(scene.root / "d", "user.note")
        os.setxattr(scene.root / "shut", "user.more", b"1")
        assert set(take_snapshot(scene.store, scene.tree).changed) == {b"f", b"bare", b"d", b"shut"}
        scene.commit(plan_restore(scene.store, scene.tree, first.snapshot), kind="restore")
        assert scene.world() == OLD


def test_a_scan_reads_them_of_what_changed_alone(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        first = take_snapshot(scene.store, scene.tree)
        assert take_snapshot(scene.store, scene.tree).snapshot == first.snapshot


def test_a_commit_writes_exactly_those_of_the_state(tmp_path: Path) -> None:
    new = {
        b"f": trees.file(b"text\n", 0o644, (("user.note", b"other"),)),
        b"closed": trees.file(b"new\n", 0o400, (NOTE, TAG)),
        b"d": trees.directory(0o555, (TAG,)),
        b"d/in": trees.file(b"in", 0o444, (NOTE,)),
        b"shut": trees.directory(0o500),
        b"bare": trees.file(b"bare\n", 0o600),
    }
    with Scene(tmp_path, OLD) as scene:
        action = scene.become(new)
        assert scene.world() == new
        assert scene.store.check().ok
        scene.revert(action)
        assert scene.world() == OLD


def test_one_that_the_person_changed_meanwhile_is_a_conflict(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        effects = effects_between(scene.store, scene.world(), {**OLD, b"f": trees.file(b"new\n", 0o644, (NOTE, TAG))})
        os.setxattr(scene.root / "f", "user.note", b"newer")
        with pytest.raises(ConflictError):
            scene.commit(effects)
        assert os.getxattr(scene.root / "f", "user.note") == b"newer"


def test_a_revert_merges_each_by_itself(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        action = scene.become({**OLD, b"f": trees.file(b"new\n", 0o644, (("user.note", b"other"), TAG))})
        os.setxattr(scene.root / "f", "user.tag", b"later")
        scene.revert(action)
        assert scene.world()[b"f"] == trees.file(b"text\n", 0o644, (NOTE, ("user.tag", b"later")))
        again = scene.become({**scene.world(), b"f": trees.file(b"text\n", 0o644, (("user.note", b"1"),))})
        os.setxattr(scene.root / "f", "user.note", b"2")
        with pytest.raises(ConflictError, match=r"user\.note"):
            scene.revert(again)


def test_a_diff_names_what_changes(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        new = {**OLD, b"f": trees.file(b"text\n", 0o644, (("user.note", b"o"), ("user.\x1b[2J", b"")))}
        (effect,) = effects_between(scene.store, OLD, new)
        (diff,) = diff_effects([effect], scene.store.read_blob)
        assert (effect.kind, diff.hunks) == (EffectKind.XATTR, ())
        assert diff.note == "xattr user.\\x1b[2J added; xattr user.note changed; xattr user.tag removed"


def test_those_of_the_system_are_named_and_flagged_where_they_go(tmp_path: Path) -> None:
    with Scene(tmp_path, OLD) as scene:
        try:
            os.setxattr(scene.root / "f", "trusted.label", b"1")
        except OSError as e:
            pytest.skip(f"takes root: {e}")
        entry = scene.store.manifest(take_snapshot(scene.store, scene.tree).snapshot)[b"f"]
        assert (entry.unkept, entry.xattrs) == (("trusted.label",), (NOTE, TAG))
        gone = flag_effect(FileEffect(b"f", entry, None))
        assert Flag.XATTR_NOT_KEPT in gone.flags
        (diff,) = diff_effects([gone], scene.store.read_blob)
        assert diff.note == "xattr trusted.label is not kept"
        kept = flag_effect(FileEffect(b"f", entry, replace(entry, mode=0o600)))
        assert Flag.XATTR_NOT_KEPT not in kept.flags
        scene.become({**OLD, b"f": trees.file(b"new\n", 0o644, (NOTE, TAG))})
        assert os.getxattr(scene.root / "f", "trusted.label") == b"1"


def test_a_filesystem_without_them_refuses_before_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Scene(tmp_path, {b"bare": OLD[b"bare"]}) as scene:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.ENOTSUP, "Operation not supported")

        monkeypatch.setattr(os, "setxattr", refuse)
        with pytest.raises(ActionFailed, match=r"user\.note, user\.tag"):
            scene.become({b"bare": trees.file(b"new\n"), b"f": OLD[b"f"]})
        assert scene.world() == {b"bare": OLD[b"bare"]}


def test_attributes_go_with_the_rest_of_a_change_in_parts(tmp_path: Path) -> None:
    with Scene(tmp_path, {}) as scene:
        before, after = b"".join(b"%d\n" % n for n in range(40)), b"".join(b"%d\n" % n for n in range(1, 39))
        old = {b"f": trees.file(before, 0o644, (NOTE,))}
        new = {b"f": trees.file(after, 0o644, (TAG,))}
        (effect,) = effects_between(scene.store, old, new)
        division = divide(scene.store, effect, Choice(frozenset({1})))
        assert division.chosen is not None
        assert division.chosen.after is not None
        assert division.chosen.after.xattrs == (NOTE,)


def test_the_encoding_is_unambiguous_and_old_hashes_hold() -> None:
    kept = (("user.a", b"\0user.b\x003:abc"), ("user.\udcff:", b""))
    assert decode_attributes(encode_attributes(kept, ("trusted.x",))) == (kept, ("trusted.x",))
    for end in range(1, len(encode_attributes(kept)) - 1):
        cut = encode_attributes(kept)[:end]
        try:
            assert decode_attributes(cut).kept != kept
        except ValueError:
            continue
    plain = Entry(EntryType.DIRECTORY, 0o755)
    assert plain.encode() == b"directory\x00755\x000\x00"
    assert plain.encode() != Entry(EntryType.DIRECTORY, 0o755, xattrs=(("user.a", b""),)).encode()
