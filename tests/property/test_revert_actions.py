"""Whatever shell action runs on whatever tree, on every kind of staging: the workspace stays as it is until the commit,
then is what the action saw, and after the revert is byte for byte what it was."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentsh import ActionStatus, Workspace
from tests.worlds import trees
from tests.worlds.strategies import worlds

TEMPLATES = (
    "echo new > {new}",
    "printf '' > {new}",
    "echo more >> {path}",
    "rm -rf {path}",
    "mv {path} {new}",
    "mv {path} {other}",
    "cp -r {path} {new}",
    "cp {path} {other}",
    "mkdir -p {new}/deep/er",
    "ln -s {other} {new}",
    "ln -s ../../outside {new}",
    "rm -rf {path} && mkdir {path}",
    "rm -rf {path} && echo file > {path}",
    "chmod 700 {path}",
    "chmod 444 {path}",
    "sed -i 's/a/b/g' {path}",
    "head -c 5 {path} | tee {new}",
    "find . -type f | sort > {new}",
    "head -c 100000 /dev/zero | tr '\\0' x > {new}",
    "rm -rf ./*",
)


@st.composite
def lines(draw: st.DrawFn, world: trees.World) -> str:
    """One to four commands over the tree's own names; WASI knows UTF-8 names alone."""
    known = sorted(os.fsdecode(p) for p in world if _is_utf8(p)) or ["nothing"]
    names = st.sampled_from(known)
    made = st.sampled_from(["fresh", "new dir/x", "a", "b/c", "ü"])
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        template = draw(st.sampled_from(TEMPLATES))
        values = {"path": draw(names), "other": draw(names), "new": draw(made)}
        parts.append(template.format(**{k: shlex.quote(f"./{v}") for k, v in values.items()}))
    return "; ".join(parts)


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("kind", ["auto", "copy"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_revert_of_an_action_is_the_tree_before_it(kind: str, data: st.DataObject) -> None:
    before = data.draw(worlds, label="before")
    with tempfile.TemporaryDirectory() as home:
        root = Path(home) / "ws"
        root.mkdir()
        trees.build(before, root)
        config = Path(home) / "config"
        config.mkdir()
        (config / "config.toml").write_text(f'staging = "{kind}"\n')
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AGENTSH_CONFIG_DIR", str(config))
            with Workspace.open(root, data_dir=Path(home) / "data") as ws:
                landed: list[str] = []
                states = [before]
                for _ in range(data.draw(st.integers(1, 3))):
                    action = ws.exec(data.draw(lines(states[-1]), label="line"))
                    assert trees.read(root) == states[-1]
                    if action.status in (ActionStatus.DONE, ActionStatus.DENIED):  # nothing, or the insides of a .git
                        continue
                    ws.approve([action.id])
                    result = ws.commit()
                    assert set(result.paths) == {e.path for e in action.changes}
                    landed.append(action.id)
                    states.append(trees.read(root))
                    assert states[-1] != states[-2]
                if landed:
                    ws.revert(data.draw(st.permutations(landed)))
                assert trees.read(root) == before
                assert ws.check().ok
