"""Reaching a file outside the staging view."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Cage

OUT = "../outside/secret"


@pytest.mark.parametrize(
    "path",
    [
        OUT,
        "d/../../outside/secret",
        "/workspace/../outside/secret",
        "{outside}/secret",
        "//{outside}/secret",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/1/environ",
        "/workspace/../../../../../../etc/passwd",
        "/dev/mem",
        "/",
        "..",
        "/proc/self/fd",
    ],
)
@pytest.mark.parametrize("how", ["read", "write", "list", "stat", "unlink", "mkdir"])
def test_names_that_lead_out(cage: Cage, path: str, how: str):
    done = cage.attack(how, path.format(outside=cage.outside))
    assert b"YES" not in done.stdout
    assert b"secret" not in done.stdout
    assert b"root:" not in done.stdout
    assert done.exit_code == 1
    cage.assert_unharmed()


def test_a_symlink_of_one_action_followed_by_the_next(cage: Cage):
    for name, target in (("absolute", f"{cage.outside}/secret"), ("relative", "../../outside/secret"), ("up", "..")):
        cage.run(f"ln -s {target} d/{name}; true")
        cage.attack("symlink", target, f"d/c-{name}")
    done = cage.run(
        "cat d/absolute d/relative d/c-absolute d/c-relative d/up/../../outside/secret; cat d/up/../outside/secret"
    )
    assert b"the-host-secret" not in done.stdout
    for name in ("d/relative", "d/c-relative"):
        assert b"YES" not in cage.attack("write", name).stdout
        assert cage.run(f"echo owned > {name}").exit_code != 0 or not os.path.lexists(cage.outside / "owned")
    cage.assert_unharmed()


def test_the_parent_reads_a_planted_symlink_as_a_link(cage: Cage):
    cage.run(f"ln -s {cage.outside} planted; ln -s {cage.outside}/secret leaf; true")
    for path in (b"planted/secret", b"leaf"):
        with pytest.raises(OSError):
            os.close(cage.view.open(path))
    assert cage.view.lstat(b"planted/secret") is None
    cage.assert_unharmed()


def test_a_workspace_symlink_to_the_outside(cage: Cage):
    (cage.workspace / "d" / "given").symlink_to(cage.outside)
    (cage.workspace / "d" / "leaf").symlink_to(cage.outside / "secret")
    done = cage.run("cat d/given/secret d/leaf; echo owned > d/given/secret; echo owned > d/leaf; ls d/given")
    assert b"the-host-secret" not in done.stdout + done.stderr
    assert b"YES" not in cage.attack("read", "d/leaf").stdout
    assert b"YES" not in cage.attack("write", "d/given/new").stdout
    (cage.workspace / "d" / "given").unlink()
    (cage.workspace / "d" / "leaf").unlink()
    cage.assert_unharmed()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("file", "../outside/stolen"),
        ("file", "{outside}/stolen"),
        (OUT, "stolen"),
        ("{outside}/secret", "stolen"),
        ("d/out/secret", "stolen"),
        ("file", "d/out/stolen"),
        ("d/out/", "stolen"),
        ("..", "stolen"),
        (".", "d/inside"),
        ("d", "d/inside"),
        ("file", "d/out/../../outside/stolen"),
        ("/", "stolen"),
    ],
)
def test_renames_across_the_border(cage: Cage, old: str, new: str):
    cage.attack("symlink", "../../outside", "d/out")
    cage.attack("symlink", "../outside", "out")
    done = cage.attack("rename", old.format(outside=cage.outside), new.format(outside=cage.outside))
    assert b"YES" not in done.stdout
    done = cage.run(f"mv {old.format(outside=cage.outside)} {new.format(outside=cage.outside)}; cat stolen")
    assert b"the-host-secret" not in done.stdout
    cage.assert_unharmed()


def test_a_rename_from_a_directory_of_its_own(cage: Cage):
    assert b"YES" not in cage.attack("renameat", "d").stdout
    cage.assert_unharmed()


@pytest.mark.parametrize(
    ("old", "new"),
    [(OUT, "stolen"), ("{outside}/secret", "stolen"), ("file", "../outside/x"), ("out/secret", "stolen")],
)
def test_hard_links_across_the_border(cage: Cage, old: str, new: str):
    cage.attack("symlink", "../outside", "out")
    done = cage.attack("link", old.format(outside=cage.outside), new)
    assert b"YES" not in done.stdout
    assert cage.view.lstat(b"stolen") is None
    cage.assert_unharmed()


def test_a_hard_link_that_the_workspace_already_has(cage: Cage):
    os.link(cage.outside / "secret", cage.workspace / "d" / "linked")
    cage.attack("write", "d/linked")
    cage.run("echo owned > d/linked; chmod 777 d/linked; rm d/linked")
    (cage.workspace / "d" / "linked").unlink()
    cage.assert_unharmed()


def test_the_workspace_itself_is_never_written(cage: Cage):
    done = cage.run(
        "echo owned > file; echo owned > d/x; rm d/x; echo new > new; mkdir m; chmod 777 file; touch -d 2001-01-01 file"
    )
    assert done.exit_code == 0, done
    cage.assert_unharmed()


def test_the_overlay_does_not_show_its_own_places(cage: Cage):
    for path in ("../upper", "../work", "../merged", "../view", "../../staging", f"{cage.base}/staging/upper"):
        assert b"YES" not in cage.attack("stat", path).stdout
    cage.assert_unharmed()
