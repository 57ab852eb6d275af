"""What every way of staging must do, whichever it is."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
from typing import TYPE_CHECKING, BinaryIO

import pytest

from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConfigError, SandboxError
from agentsh.sandbox import open_staging

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Stage

    Blobs = Callable[[bytes], BinaryIO]


def file(content: bytes, mode: int = 0o644) -> Entry:
    return Entry(EntryType.FILE, mode, len(content), content)


def populate(workspace: Path) -> None:
    (workspace / "a").write_bytes(b"a\n")
    (workspace / "empty").mkdir()
    (workspace / "d" / "e").mkdir(parents=True)
    (workspace / "d" / "x").write_bytes(b"x\n")
    (workspace / "d" / "e" / "y").write_bytes(b"y\n")
    (workspace / ".gitignore").write_text("ignored\n")
    (workspace / "ignored").write_bytes(b"i")
    (workspace / "run").write_bytes(b"#!/bin/sh\n")
    (workspace / "run").chmod(0o755)
    (workspace / "private").write_bytes(b"p")
    (workspace / "private").chmod(0o600)
    (workspace / "link").symlink_to("d/x")
    (workspace / "dangling").symlink_to("nowhere")
    (workspace / "outside").symlink_to("/etc/passwd")


def workspace_bytes(workspace: Path) -> dict[str, object]:
    return {
        str(p.relative_to(workspace)): p.readlink() if p.is_symlink() else p.read_bytes() if p.is_file() else None
        for p in sorted(workspace.rglob("*"))
    }


def test_the_view_shows_the_workspace_as_it_is(stage: Stage):
    populate(stage.workspace)
    (stage.workspace / os.fsdecode(b"not\xffutf8 \n name")).write_bytes(b"raw")
    shown = stage.tree()
    assert shown[b"a"] == (0o644, b"a\n")
    assert shown[b"run"] == (0o755, b"#!/bin/sh\n")
    assert shown[b"private"] == (0o600, b"p")
    assert shown[b"ignored"] == (0o644, b"i")
    assert shown[b"empty"] == stat.S_IMODE((stage.workspace / "empty").stat().st_mode)
    assert shown[b"link"] == b"d/x"
    assert shown[b"dangling"] == b"nowhere"
    assert shown[b"outside"] == b"/etc/passwd"
    assert shown[b"not\xffutf8 \n name"] == (0o644, b"raw")
    assert stage.view.changed() == []


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o500])
def test_the_root_has_its_mode_and_can_be_written(stage: Stage, mode: int):
    stage.workspace.chmod(mode)
    try:
        assert stage.act("stat -c %a .; touch new; ls") == f"{mode | 0o700:o}\nnew\n"
    finally:
        stage.workspace.chmod(0o755)


def test_times_are_kept(stage: Stage):
    populate(stage.workspace)
    os.utime(stage.workspace / "a", ns=(1, 1_234_567_890_123_456_789))
    st = stage.view.lstat(b"a")
    assert st is not None
    assert st.st_mtime_ns == 1_234_567_890_123_456_789


def test_actions_see_each_others_effects_and_the_workspace_stays(stage: Stage):
    populate(stage.workspace)
    before = workspace_bytes(stage.workspace)
    stage.act("echo new > n; echo more >> a; rm d/x; mkdir m; ln -s a s; chmod 700 run")
    assert stage.act("cat n a; ls d m; cat s") == "new\na\nmore\nd:\ne\n\nm:\na\nmore\n"
    assert workspace_bytes(stage.workspace) == before


def test_changes_are_listed_once_and_exactly(stage: Stage):
    populate(stage.workspace)
    stage.act("echo new > n; echo more >> a; rm d/x; mkdir -p m/k; ln -s a s; chmod 700 run")
    assert stage.view.changed() == [b"a", b"d/x", b"m", b"m/k", b"n", b"run", b"s"]
    stage.view.settle()
    assert stage.view.changed() == []
    stage.act("echo again >> n; rmdir m/k")
    assert stage.view.changed() == [b"m/k", b"n"]


def test_looking_changes_nothing(stage: Stage):
    populate(stage.workspace)
    stage.act("cat a d/x; ls -la . d; grep -r x . || true")
    assert stage.view.changed() == []


def test_everything_below_a_deleted_directory_is_listed(stage: Stage):
    populate(stage.workspace)
    stage.act("rm -r d")
    assert stage.view.changed() == [b"d", b"d/e", b"d/e/y", b"d/x"]
    assert stage.view.lstat(b"d/e/y") is None


def test_a_directory_replaced_by_a_file(stage: Stage):
    populate(stage.workspace)
    stage.act("rm -r d; echo f > d")
    assert stage.view.changed() == [b"d", b"d/e", b"d/e/y", b"d/x"]
    assert stage.tree()[b"d"] == (0o644, b"f\n")


def test_a_directory_made_again(stage: Stage):
    populate(stage.workspace)
    stage.act("rm -r d; mkdir d; echo z > d/z")
    assert set(stage.view.changed()) >= {b"d/e", b"d/e/y", b"d/x", b"d/z"}
    assert [p for p in stage.tree() if p.startswith(b"d/")] == [b"d/z"]
    stage.view.settle()
    stage.act("echo x > d/x")
    assert stage.view.changed() == [b"d/x"]


def test_a_renamed_directory(stage: Stage):
    populate(stage.workspace)
    stage.act("mv d moved")
    assert set(stage.view.changed()) == {
        b"d", b"d/e", b"d/e/y", b"d/x", b"moved", b"moved/e", b"moved/e/y", b"moved/x",
    }  # fmt: skip
    assert stage.tree()[b"moved/e/y"] == (0o644, b"y\n")


def test_a_file_deleted_and_made_again(stage: Stage):
    populate(stage.workspace)
    stage.act("rm a")
    stage.view.settle()
    stage.act("echo back > a")
    assert stage.view.changed() == [b"a"]


def test_same_size_and_forged_time_do_not_hide_a_change(stage: Stage):
    populate(stage.workspace)
    stage.act("echo 1 > f")
    stage.view.settle()
    stage.act("touch -r f t; echo 2 > f; touch -r t f; rm t")
    assert b"f" in stage.view.changed()


def test_the_next_process_goes_on_where_this_one_was(stage: Stage):
    populate(stage.workspace)
    stage.act("echo one > one; rm a")
    stage.view.settle()
    stage.act("echo two > two")
    view = stage.reopen()
    assert view.kind == stage.kind
    assert view.changed() == [b"two"]
    assert stage.tree()[b"one"] == (0o644, b"one\n")
    assert view.lstat(b"a") is None


def test_what_the_person_edits_meanwhile_is_shown(stage: Stage):
    populate(stage.workspace)
    assert stage.act("cat a; ls d") == "a\ne\nx\n"
    (stage.workspace / "a").write_text("edited\n")
    (stage.workspace / "new").write_text("new\n")
    (stage.workspace / "d" / "x").unlink()
    (stage.workspace / "run").chmod(0o700)
    assert stage.act("cat a new; ls d") == "edited\nnew\ne\n"
    assert stage.view.changed() == []
    st = stage.view.lstat(b"run")
    assert st is not None
    assert stat.S_IMODE(st.st_mode) == 0o700


def test_what_the_person_edits_under_a_staged_change_stays_hidden(stage: Stage):
    populate(stage.workspace)
    stage.act("echo mine > a; echo mine > d/n; rm run")
    stage.view.settle()
    (stage.workspace / "a").write_text("theirs\n")
    (stage.workspace / "run").write_text("theirs\n")
    subprocess.run(["rm", "-r", stage.workspace / "d"], check=True)
    assert stage.act("cat a d/n; ls run 2>/dev/null || echo gone") == "mine\nmine\ngone\n"
    assert stage.view.changed() == []


def test_rebuild_makes_exactly_the_wanted_states(stage: Stage, blobs: Blobs):
    populate(stage.workspace)
    stage.act("echo junk > junk; rm a; echo changed > d/x; rm -r d/e")
    wanted = {
        b"d/x": None,
        b"new": file(b"new", 0o755),
        b"deep/er/file": file(b"deep"),
        b"deep": Entry(EntryType.DIRECTORY, 0o700),
        b"deep/er": Entry(EntryType.DIRECTORY, 0o755),
        b"link": Entry(EntryType.SYMLINK, target=b"elsewhere"),
        b"empty": None,
        b"private": file(b"", 0o600),
    }
    stage.view.rebuild(wanted, blobs)
    shown = stage.tree()
    assert shown[b"a"] == (0o644, b"a\n")
    assert shown[b"d/e/y"] == (0o644, b"y\n")
    assert b"junk" not in shown
    assert b"d/x" not in shown
    assert b"empty" not in shown
    assert shown[b"new"] == (0o755, b"new")
    assert shown[b"deep"] == 0o700
    assert shown[b"deep/er/file"] == (0o644, b"deep")
    assert shown[b"link"] == b"elsewhere"
    assert shown[b"private"] == (0o600, b"")
    assert stage.view.changed() == []
    assert not stage.view.needs_rebuild
    assert stage.act("cat new deep/er/file; ls d") == "newdeepe\n"


def test_rebuild_replaces_types(stage: Stage, blobs: Blobs):
    populate(stage.workspace)
    stage.view.rebuild(
        {
            b"d": file(b"now a file"),
            b"d/e": None,
            b"d/e/y": None,
            b"d/x": None,
            b"a": Entry(EntryType.DIRECTORY, 0o755),
            b"a/b": file(b"b"),
        },
        blobs,
    )
    assert stage.tree()[b"d"] == (0o644, b"now a file")
    assert stage.tree()[b"a/b"] == (0o644, b"b")
    stage.view.rebuild({}, blobs)
    assert stage.tree()[b"d/e/y"] == (0o644, b"y\n")
    assert stage.tree()[b"a"] == (0o644, b"a\n")


def test_rebuild_with_a_deleted_directory(stage: Stage, blobs: Blobs):
    populate(stage.workspace)
    stage.view.rebuild({b"d": None, b"d/e": None, b"d/e/y": None, b"d/x": None}, blobs)
    assert [p for p in stage.tree() if p.startswith(b"d")] == [b"dangling"]
    stage.act("mkdir d")
    assert [p for p in stage.tree() if p.startswith(b"d/")] == []


def test_rebuild_shows_what_the_person_did_meanwhile(stage: Stage, blobs: Blobs):
    populate(stage.workspace)
    stage.act("echo mine > a; echo mine > b")
    stage.view.settle()
    (stage.workspace / "a").write_text("theirs\n")
    stage.view.rebuild({b"b": file(b"mine\n")}, blobs)
    assert stage.act("cat a b") == "theirs\nmine\n"


def test_a_rebuild_that_was_killed_is_noticed_and_done_again(stage: Stage):
    populate(stage.workspace)
    stage.act("echo mine > a")

    def dies(_digest: bytes) -> BinaryIO:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage.view.rebuild({b"n": file(b"n"), b"a": None}, dies)
    assert stage.view.needs_rebuild
    view = stage.reopen()
    assert view.needs_rebuild
    view.rebuild({b"n": file(b"n")}, io.BytesIO)
    assert not view.needs_rebuild
    assert stage.tree()[b"n"] == (0o644, b"n")
    assert stage.tree()[b"a"] == (0o644, b"a\n")
    assert view.changed() == []


def test_a_hard_link_to_the_outside_is_never_written_through(stage: Stage):
    outside = stage.base / "outside"
    outside.write_bytes(b"precious\n")
    os.link(outside, stage.workspace / "linked")
    stage.act("echo overwritten > linked; chmod 777 linked")
    assert outside.read_bytes() == b"precious\n"
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert outside.stat().st_nlink == 2


def test_sparse_files_stay_sparse_and_right(stage: Stage):
    with (stage.workspace / "sparse").open("wb") as f:
        f.seek(64 << 20)
        f.write(b"end")
    st = stage.view.lstat(b"sparse")
    assert st is not None
    assert st.st_size == (64 << 20) + 3
    assert st.st_blocks * 512 < 1 << 20
    assert stage.act("tail -c 3 sparse") == "end"


def test_usage_counts_what_is_new(stage: Stage):
    populate(stage.workspace)
    (stage.workspace / "big").write_bytes(b"x" * 1_000_000)
    assert stage.view.usage() == (0, 0)
    stage.act("head -c 100000 /dev/zero > n 2>/dev/null || seq 1 20000 > n; mkdir k; touch k/1 k/2")
    size, count = stage.view.usage()
    assert 90_000 < size < 400_000
    assert count == 4
    stage.view.settle()
    assert stage.view.usage() == (0, 0)


def test_open_refuses_what_is_no_regular_file(stage: Stage):
    populate(stage.workspace)
    for path in (b"link", b"d", b"missing", b"outside"):
        with pytest.raises(OSError):
            os.close(stage.view.open(path))
    with pytest.raises(OSError):
        stage.view.children(b"a")


def test_destroy_leaves_nothing_and_touches_nothing(stage: Stage):
    populate(stage.workspace)
    before = workspace_bytes(stage.workspace)
    stage.act("mkdir locked; echo x > locked/x; chmod 000 locked")
    view = stage.reopen()
    view.destroy()
    assert not (stage.base / "staging").exists()
    assert workspace_bytes(stage.workspace) == before


def test_a_directory_nested_beyond_any_path_limit(stage: Stage):
    (stage.workspace / "a").write_text("a")
    stage.act("mkdir -p " + "/".join("n" * 200 for _ in range(15)))
    stage.act("cd " + "/".join("n" * 200 for _ in range(15)) + " && mkdir -p x/y && echo deep > x/y/z || true")
    assert len(stage.view.changed()) >= 15
    view = stage.reopen()
    view.destroy()
    assert not (stage.base / "staging").exists()


@pytest.mark.parametrize("place", ["inside", "around", "same"])
def test_overlapping_places_are_refused(tmp_path: Path, place: str):
    workspace = tmp_path / "w" / "x"
    workspace.mkdir(parents=True)
    directory = {"inside": workspace / "s", "around": tmp_path / "w", "same": workspace}[place]
    with pytest.raises(ConfigError):
        open_staging(directory, workspace)


def test_a_missing_workspace_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError):
        open_staging(tmp_path / "s", tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_the_person_may_not_read_does_not_stop_the_rest(stage: Stage):
    populate(stage.workspace)
    (stage.workspace / "private").chmod(0)
    (stage.workspace / "d" / "e").chmod(0)
    try:
        assert stage.act("cat a d/x") == "a\nx\n"
        assert stage.view.changed() == []
        if stage.kind != "overlay":
            assert stage.view.left_out == {b"private": "may not be read", b"d/e": "may not be read"}
        stage.act("echo more >> a")
        assert stage.view.changed() == [b"a"]
    finally:
        (stage.workspace / "d" / "e").chmod(0o755)


def test_special_files_are_left_out_of_a_copy(stage: Stage):
    populate(stage.workspace)
    os.mkfifo(stage.workspace / "fifo")
    if stage.kind == "overlay":
        assert stage.act("cat a") == "a\n"
        assert stage.view.changed() == []
        return
    assert b"fifo" not in stage.tree()
    assert stage.view.left_out == {b"fifo": "a socket, device or FIFO"}


def test_read_only_files_and_directories(stage: Stage, blobs: Blobs):
    populate(stage.workspace)
    (stage.workspace / "a").chmod(0o444)
    (stage.workspace / "d").chmod(0o555)
    try:
        assert stage.tree()[b"a"] == (0o444, b"a\n")
        assert stage.tree()[b"d"] == 0o555
        assert stage.act("cat a d/x") == "a\nx\n"
        (stage.workspace / "a").chmod(0o644)
        (stage.workspace / "a").write_text("edited\n")
        assert stage.act("cat a") == "edited\n"
        stage.view.rebuild({b"d/new": file(b"new"), b"d/x": None}, blobs)
        assert stage.tree()[b"d/new"] == (0o644, b"new")
        assert b"d/x" not in stage.tree()
        assert stage.tree()[b"d"] == 0o555
        assert stage.view.changed() == []
    finally:
        (stage.workspace / "d").chmod(0o755)


@pytest.mark.overlay
def test_a_mount_inside_the_workspace_rules_out_an_overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    workspace = tmp_path / "w"
    workspace.mkdir()
    monkeypatch.setattr("agentsh.sandbox.staging.probe._mounts_inside", lambda _: f"{workspace}/data")
    view = open_staging(tmp_path / "s", workspace)
    assert view.kind != "overlay"
    assert "file system of its own" in view.reason


@pytest.mark.overlay
def test_a_view_keeps_the_kind_it_was_made_with(tmp_path: Path):
    workspace = tmp_path / "w"
    workspace.mkdir()
    assert open_staging(tmp_path / "s", workspace, kind="copy").kind == "copy"
    assert open_staging(tmp_path / "s", workspace).kind == "copy"
    with pytest.raises(SandboxError, match="made as copy"):
        open_staging(tmp_path / "s", workspace, kind="overlay")


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes in os are Linux's")
def test_extended_attributes_are_those_of_the_workspace(stage: Stage) -> None:
    (stage.workspace / "d").mkdir()
    for path in ("f", "g", "d/h"):
        (stage.workspace / path).write_text("text\n")
        os.setxattr(stage.workspace / path, "user.note", path.encode())
    os.setxattr(stage.workspace / "d", "user.note", b"d")
    stage.act("echo more >> f; mv g moved; chmod 600 d/h")
    assert stage.view.bare == ""
    assert stage.view.attributes(b"f").kept == (("user.note", b"f"),)
    assert stage.view.attributes(b"moved").kept == (("user.note", b"g"),)
    assert stage.view.attributes(b"d/h").kept == (("user.note", b"d/h"),)
    assert stage.view.attributes(b"d").kept == (("user.note", b"d"),)
    entry = Entry(EntryType.FILE, 0o644, 0, xattrs=(("user.new", b"1"),))
    stage.view.rebuild({b"n": entry, b"d": Entry(EntryType.DIRECTORY, 0o700, xattrs=(("user.new", b"2"),))}, io.BytesIO)
    assert stage.view.attributes(b"n").kept == (("user.new", b"1"),)
    assert dict(stage.view.attributes(b"d").kept)["user.new"] == b"2"


def test_a_view_that_cannot_keep_attributes_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    if stage.kind == "overlay":
        pytest.skip("an overlay needs them itself")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse, raising=False)
    (stage.workspace / "f").write_text("text\n")
    assert "does not keep them" in stage.view.bare
    assert stage.view.bare in stage.view.reason
    assert stage.act("cat f") == "text\n"
