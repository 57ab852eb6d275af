"""Files whose content is not to be kept: said before, committed all the same, and nowhere to be found afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from agentsh.core.action import ActionKind, ActionSpec, ActionStatus, Output
from agentsh.core.effect import EffectState, FileEffect, Flag
from agentsh.core.errors import NotFoundError
from agentsh.core.limits import Keep
from agentsh.core.tree import Tree
from agentsh.policy import excluded
from agentsh.runtime.capture import capture
from agentsh.runtime.snapshot import take_snapshot
from agentsh.store.packing import PIECE, digest_of, packed
from tests.worlds import trees
from tests.worlds.scene import Scene, entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = b"TOKEN=" + os.urandom(200).hex().encode()
NEW = b"TOKEN=" + os.urandom(200).hex().encode()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with Scene(tmp_path, {b"conf": trees.directory(), b"conf/.env": trees.file(OLD), b"f": trees.file(b"f")}) as scene:
        scene.store.excluded = excluded(Keep(exclude_secret_like=True, exclude=("*.key",)))
        yield scene


def kept(scene: Scene, content: bytes) -> bool:
    """Whether the content is anywhere in the store's files, plain or packed."""
    digest = scene.store.manifest("s1")[b"f"].digest
    assert digest
    found = scene.store.has_blob(digest_of(content))
    raw = b"".join(p.read_bytes() for p in scene.path.parent.iterdir() if p.name.startswith("store.db"))
    return found or content in raw or packed(content)[1] in raw


def change(scene: Scene, content: bytes) -> FileEffect:
    before = scene.store.manifest(scene.store.latest_snapshot() or "")[b"conf/.env"]
    with Tree(scene.root) as tree, tree.directory(b"conf"):
        fd = tree.open(b"conf/.env")
        scene.store.put_fd(fd)  # what an action's effect starts from is there while it waits
        os.close(fd)
    return FileEffect(b"conf/.env", before, entry(scene.store, trees.file(content)))


@pytest.mark.parametrize(
    ("path", "answer"),
    [(b"conf/.env", True), (b"a.key", True), (b"d/b.KEY", True), (b"f", False), (b".env.example", False)],
)
def test_which_paths(path: bytes, answer: bool) -> None:
    question = excluded(Keep(exclude_secret_like=True, exclude=("*.key",)))
    assert question is not None
    assert question(path) == answer
    assert excluded(Keep()) is None


def test_a_scan_keeps_the_digest_alone(scene: Scene) -> None:
    take_snapshot(scene.store, scene.tree)
    assert not kept(scene, OLD)
    found = scene.store.manifest("s1")[b"conf/.env"]
    assert found.size == len(OLD)
    with pytest.raises(NotFoundError, match="excludes"):
        scene.store.read_blob(found.digest or b"")
    assert scene.store.check().problems == ()
    assert take_snapshot(scene.store, scene.tree).changed == ()


def test_it_is_there_while_an_action_waits_and_gone_when_it_landed(scene: Scene) -> None:
    take_snapshot(scene.store, scene.tree)
    effect = change(scene, NEW)
    scene.act([effect])
    scene.store.forget_excluded()
    assert scene.store.has_blob(effect.after.digest)  # type: ignore[union-attr, arg-type]
    scene.store.set_effect_states("a1", None, EffectState.APPROVED)
    action, _ = scene.commit([effect])
    scene.store.set_status("a1", ActionStatus.REJECTED)
    assert scene.world()[b"conf/.env"][1] == NEW
    assert scene.store.forget_excluded() == 2
    assert not kept(scene, OLD)
    assert not kept(scene, NEW)
    assert scene.store.check().problems == ()
    before = scene.world()
    with pytest.raises(NotFoundError, match="excludes"):
        scene.revert(action)
    assert scene.world() == before


@pytest.mark.parametrize("content", [OLD, os.urandom(PIECE) + os.urandom(PIECE)], ids=["whole", "in pieces"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_was_printed_stays_in_the_record(scene: Scene, content: bytes, stream: str) -> None:
    """Also where it is one piece of a file that goes."""
    printed = content[-PIECE:]
    take_snapshot(scene.store, scene.tree)
    scene.become({**scene.world(), b"a.key": trees.file(content)})
    action = scene.store.begin_action(ActionSpec(ActionKind.SHELL, {"line": "cat a.key"}))
    output = {stream: Output(scene.store.put_bytes(printed), len(printed))}
    scene.store.finish_action(action, status=ActionStatus.DONE, exit_code=0, **output)
    (scene.root / "conf" / ".env").unlink()
    scene.store.forget_excluded()
    kept_output = getattr(scene.store.action(action), stream)
    assert scene.store.read_blob(kept_output.digest) == printed
    assert scene.store.has_blob(digest_of(content)) == (content == printed)
    assert scene.store.check().problems == ()


def test_content_that_another_path_has_too_stays_for_that_path(scene: Scene) -> None:
    (scene.root / "copy.txt").write_bytes(OLD)
    take_snapshot(scene.store, scene.tree)
    assert scene.store.forget_excluded() == 0
    assert scene.store.read_blob(scene.store.manifest("s1")[b"copy.txt"].digest or b"") == OLD


def test_the_effect_says_so_before_it_is_approved(scene: Scene, tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    (staged / "conf").mkdir(parents=True)
    (staged / "conf" / ".env").write_bytes(NEW)
    (staged / "new.key").write_bytes(NEW)
    with Tree(staged) as view:
        (changed, made) = capture(
            [b"conf/.env", b"new.key"],
            staged=view,
            workspace=scene.tree,
            pending={},
            store=scene.store,
            started_ns=1 << 62,
            most_bytes=1 << 20,
        )
    assert Flag.NOT_KEPT in changed.flags
    assert Flag.NOT_KEPT not in made.flags, "what was made can be removed again"
