"""Archives made to write elsewhere, to lead the person astray after a commit, or to fill the disk."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .conftest import Cage

PAYLOAD = b"written by the archive\n"


def tar_with(path: Path, *members: tuple[str, bytes, str]) -> None:
    """An archive of (name, type, link target), where files hold the payload."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, 0o644
            content = PAYLOAD if kind == tarfile.REGTYPE else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def zip_with(path: Path, *members: tuple[str, bytes, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, target in members:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (0o120777 if kind == tarfile.SYMTYPE else 0o100644) << 16
            archive.writestr(info, target if kind == tarfile.SYMTYPE else PAYLOAD)


FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
SLIPS: dict[str, Sequence[tuple[str, bytes, str]]] = {
    "dotdot": [("../outside/new", FILE, "")],
    "dotdot inside": [("d/../../outside/new", FILE, "")],
    "dotdot at the end": [("d/..", FILE, "")],
    "absolute": [("/outside/new", FILE, "")],
    "link out, then through it": [("l", LINK, "../outside"), ("l/new", FILE, "")],
    "absolute link, then through it": [("l", LINK, "/etc"), ("l/new", FILE, "")],
    "link over link": [("a", LINK, "d"), ("a/l", LINK, "../.."), ("a/l/outside/new", FILE, "")],
    "depth that is none": [("a", LINK, "."), ("a/a/a/l", LINK, "../../../outside")],
    "link on a file": [("l", LINK, "../outside/secret"), ("l", FILE, "")],
    "through a file's link": [("new", LINK, "file"), ("new", FILE, "")],
}


TREE = """find . | while IFS= read -r p; do
if [ -L "$p" ]; then echo "link $p $(readlink "$p")"; elif [ -d "$p" ]; then echo "dir $p"; else echo "file $p"; fi
done"""


def links_out(cage: Cage, into: Path) -> list[str]:
    """Links of the view that lead out of it, taken as a system would: in a copy of its names."""
    root, found = into / "as" / "deep" / "as" / "this", []
    root.mkdir(parents=True)
    entries = [line.split(" ") for line in cage.run(TREE).stdout.decode().splitlines()]
    for kind, name, *target in sorted(entries, key=lambda e: (e[0] == "link", e[1])):
        if kind == "dir":
            (root / name).mkdir(parents=True, exist_ok=True)
        elif kind == "file":
            (root / name).touch()
        else:
            (root / name).symlink_to(target[0])
    view = os.path.realpath(root)
    for directory, names, files in os.walk(view):
        for name in names + files:
            path = os.path.join(directory, name)
            if os.path.islink(path) and not (os.path.realpath(path) + os.sep).startswith(view + os.sep):
                found.append(path)
    return found


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("slip", SLIPS)
def test_slips(cage: Cage, tmp_path: Path, slip: str, kind: str):
    archive = cage.workspace / "d" / "archive"
    (tar_with if kind == "tar" else zip_with)(archive, *SLIPS[slip])
    command = "tar -xzf d/archive" if kind == "tar" else "unzip -o d/archive"
    done = cage.run(f"mkdir in; {command} -C in || {command} -d in" if kind == "tar" else f"{command} -d in")
    assert links_out(cage, tmp_path / "copy") == []
    assert cage.run("cat new outside/new 2>&1; cat file").stdout.endswith(b"file\n")
    assert PAYLOAD not in cage.run("cat new outside/new").stdout
    if slip not in ("through a file's link", "link on a file"):
        assert done.exit_code != 0 or slip == "absolute"
    archive.unlink()
    cage.assert_unharmed()


@pytest.mark.parametrize("target", ["../outside/secret", "/etc/passwd", "d/../../outside/secret"])
def test_a_hard_link_out(cage: Cage, target: str):
    archive = cage.workspace / "d" / "archive"
    tar_with(archive, ("hard", HARD, target), ("hard", FILE, ""))
    done = cage.run("tar -xzf d/archive")
    assert done.exit_code == 2
    assert cage.run("cat hard").stdout == PAYLOAD  # the second member: a file of its own
    archive.unlink()
    cage.assert_unharmed()


def test_a_hard_link_to_a_link_of_the_archive(cage: Cage, tmp_path: Path):
    archive = cage.workspace / "d" / "archive"
    tar_with(archive, ("l", LINK, "../outside/secret"), ("hard", HARD, "l"), ("hard", FILE, ""))
    assert cage.run("tar -xzf d/archive").exit_code == 2
    assert links_out(cage, tmp_path / "copy") == []
    archive.unlink()
    cage.assert_unharmed()


def test_names_that_would_move_the_terminal_are_shown_harmless(cage: Cage):
    archive = cage.workspace / "d" / "archive"
    tar_with(archive, ("\x1b[2Jname", FILE, ""))
    assert b"\x1b" not in cage.run("tar -tvf d/archive").stdout
    zip_with(archive, ("\x1b[2Jname", FILE, ""))
    assert b"\x1b" not in cage.run("unzip -l d/archive; unzip -o d/archive").stdout
    archive.unlink()
    cage.assert_unharmed()


BOMB = 64 << 20


def bomb(path: Path, kind: str) -> str:
    """An archive of 64 MiB of zeros in some 64 KiB; the command that unpacks it."""
    if kind == "gzip":
        path.write_bytes(gzip.compress(bytes(BOMB), 9))
        return "gzip -dc d/bomb > out"
    if kind == "tar":
        with tarfile.open(path, "w:gz") as archive:
            info = tarfile.TarInfo("out")
            info.size = BOMB
            archive.addfile(info, io.BytesIO(bytes(BOMB)))
        return "tar -xzf d/bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("out", bytes(BOMB))
    return "unzip -q d/bomb"


@pytest.mark.parametrize("kind", ["gzip", "tar", "zip"])
def test_a_bomb_stops_at_the_staged_bytes(cage: Cage, kind: str):
    command = bomb(cage.workspace / "d" / "bomb", kind)
    start = time.monotonic()
    done = cage.run(command, staged_bytes=8 << 20)
    assert (done.exit_code, done.stopped) == (6, "staged_bytes")
    assert time.monotonic() - start < 10
    (cage.workspace / "d" / "bomb").unlink()
    cage.assert_unharmed()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_bomb_of_many_files_stops_at_the_staged_files(cage: Cage, kind: str):
    path = cage.workspace / "d" / "bomb"
    names = [(f"many/{n}", FILE, "") for n in range(3000)]
    (tar_with if kind == "tar" else zip_with)(path, *names)
    done = cage.run("tar -xzf d/bomb" if kind == "tar" else "unzip -q d/bomb", staged_files=500)
    assert (done.exit_code, done.stopped) == (6, "staged_files")
    path.unlink()
    cage.assert_unharmed()


def test_a_zip_file_that_understates_its_size_is_not_believed(cage: Cage):
    path = cage.workspace / "d" / "bomb"
    bomb(path, "zip")
    data = path.read_bytes()
    size = BOMB.to_bytes(4, "little")
    path.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    done = cage.run("unzip -q d/bomb")
    assert done.exit_code == 2
    assert b"more than its directory says" in done.stderr
    assert cage.run("wc -c < out").stdout == b"0\n"
    path.unlink()
    cage.assert_unharmed()
