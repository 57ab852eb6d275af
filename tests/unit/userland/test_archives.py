"""tar, gzip, bzip2, zip and unzip against Python's own modules: what one writes, the other one reads."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.unit.userland.conftest import plant, tree_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.userland.conftest import Runner


@pytest.fixture
def project(run: Runner) -> Path:
    """The usual small project, in a directory of its own, with one long name and one second name of a file."""
    root = run.root / "p"
    root.mkdir()
    plant(root)
    deep = root / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    (deep / "long").write_bytes(b"long\n")
    os.link(root / "a.txt", root / "second")
    return root


def ok(run: Runner, *argv: str, stdin: bytes = b"") -> bytes:
    result = run(*argv, stdin=stdin)
    assert (result.code, result.err) == (0, b"")
    return result.out


@pytest.mark.parametrize(("letter", "mode"), [("", "r:"), ("z", "r:gz"), ("j", "r:bz2")])
def test_python_reads_what_tar_writes(run: Runner, project: Path, tmp_path: Path, letter: str, mode: str) -> None:
    ok(run, "tar", f"-c{letter}f", "x.tar", "p")
    with tarfile.open(run.root / "x.tar", mode) as archive:
        archive.extractall(tmp_path / "out", filter="fully_trusted")  # noqa: S202 - written by this test
        assert archive.getmember("p/second").islnk() or archive.getmember("p/a.txt").islnk()
    assert tree_of(tmp_path / "out" / "p") == tree_of(project)
    assert (tmp_path / "out/p/src/util.py").stat().st_mtime == (project / "src/util.py").stat().st_mtime


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_tar_reads_what_python_writes(run: Runner, project: Path, kind: int, mode: str) -> None:
    with tarfile.open(run.root / "x.tar", mode, format=kind) as archive:  # type: ignore[call-overload]
        archive.add(project, "p")
    (run.root / "out").mkdir()
    ok(run, "tar", "-xf", "x.tar", "-C", "out")
    assert tree_of(run.root / "out/p") == tree_of(project)
    assert (run.root / "out/p/second").samefile(run.root / "out/p/a.txt")
    assert int((run.root / "out/p/src").stat().st_mtime) == int((project / "src").stat().st_mtime)


@pytest.mark.usefixtures("project")
def test_tar_takes_the_forms_that_people_write(run: Runner) -> None:
    ok(run, "tar", "czf", "x.tgz", "p/src", "p/a.txt")
    names = ok(run, "tar", "tzf", "x.tgz").split()
    assert names[0] == b"p/src/"
    assert b"p/src/pkg/mod.py" in names
    assert ok(run, "tar", "-tf", "x.tgz", "p/a.txt") == b"p/a.txt\n"
    assert ok(run, "tar", "-xOf", "x.tgz", "p/src/pkg/data.json").startswith(b'{"foo"')
    (run.root / "out").mkdir()
    ok(run, "tar", "xf", "x.tgz", "-C", "out", "--strip-components=2", "p/src")
    assert sorted(os.listdir(run.root / "out")) == ["main.py", "pkg", "util.py"]
    ok(run, "tar", "-cf", "y.tar", "--exclude=*.py", "--exclude", "data.json", "-C", "p", "src")
    assert ok(run, "tar", "tf", "y.tar") == b"src/\nsrc/pkg/\n"
    ok(run, "tar", "-rf", "y.tar", "-C", "p", "b.txt")
    assert ok(run, "tar", "tf", "y.tar") == b"src/\nsrc/pkg/\nb.txt\n"
    ok(run, "tar", "-caf", "z.tar.gz", "--transform", "s,^p/,q/,", "p/b.txt")
    assert gzip.decompress((run.root / "z.tar.gz").read_bytes())[:7] == b"q/b.txt"
    assert ok(run, "tar", "-tzf", "-", stdin=(run.root / "x.tgz").read_bytes()).split() == names
    assert ok(run, "tar", "-tf", "x.tgz", "--wildcards", "*.json") == b"p/src/pkg/data.json\n"


def test_tar_lists_as_gnu_does(run: Runner, project: Path) -> None:
    (project / "run.sh").chmod(0o755)
    ok(run, "tar", "-cf", "x.tar", "--owner=root", "--group=root", "--mtime=@0", "p/run.sh", "p/link", "p/src/pkg")
    assert ok(run, "tar", "-tvf", "x.tar").splitlines() == [
        b"-rwxr-xr-x root/root        19 1970-01-01 00:00 p/run.sh",
        b"lrwxrwxrwx root/root         0 1970-01-01 00:00 p/link -> a.txt",
        b"drwxr-xr-x root/root         0 1970-01-01 00:00 p/src/pkg/",
        b"-rw-r--r-- root/root         0 1970-01-01 00:00 p/src/pkg/__init__.py",
        b"-rw-r--r-- root/root        41 1970-01-01 00:00 p/src/pkg/data.json",
        b"-rw-r--r-- root/root        84 1970-01-01 00:00 p/src/pkg/mod.py",
    ]


def test_one_archive_has_one_form(run: Runner, project: Path) -> None:
    ok(run, "tar", "-cf", "one.tar", "--mtime=@0", "p")
    for path in sorted(project.rglob("*.py"), reverse=True):
        path.write_bytes(path.read_bytes())
    ok(run, "tar", "-cf", "two.tar", "--mtime=@0", "p")
    assert (run.root / "one.tar").read_bytes() == (run.root / "two.tar").read_bytes()


def test_tar_says_what_is_wrong(run: Runner, project: Path) -> None:
    ok(run, "tar", "-czf", "x.tgz", "p/long.txt")
    whole = (run.root / "x.tgz").read_bytes()
    (run.root / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    (run.root / "flip.tgz").write_bytes(whole[:-6] + bytes([whole[-6] ^ 64]) + whole[-5:])
    (run.root / "x.tar.xz").write_bytes(b"\xfd7zXZ\0 and more")
    for argv, said in [
        (("tar", "xf", "cut.tgz"), b"unexpected end of file"),
        (("tar", "xf", "flip.tgz"), b"invalid compressed data"),
        (("tar", "xf", "p/long.txt"), b"does not look like a tar archive"),
        (("tar", "xf", "x.tar.xz"), b"xz compression is not supported"),
        (("tar", "xf", "none.tar"), b"No such file"),
        (("tar", "tf", "x.tgz", "other"), b"Not found in archive"),
        (("tar", "-cf", "y.tar", "none"), b"Cannot stat"),
        (("tar", "-cf", "y.tar"), b"Cowardly refusing"),
        (("tar", "-f", "y.tar"), b"You must specify one of"),
    ]:
        result = run(*argv)
        assert result.code == 2, argv
        assert said in result.err, argv
    assert project.is_dir()


@pytest.mark.parametrize(("tool", "module", "end"), [("gzip", gzip, ".gz"), ("bzip2", bz2, ".bz2")])
def test_files_are_packed_and_unpacked_in_place(run: Runner, tool: str, module: type[gzip], end: str) -> None:  # type: ignore[valid-type]
    plant(run.root)
    content = (run.root / "long.txt").read_bytes()
    mtime = (run.root / "long.txt").stat().st_mtime
    (run.root / "long.txt").chmod(0o600)
    ok(run, tool, "long.txt")
    packed = run.root / f"long.txt{end}"
    assert not (run.root / "long.txt").exists()
    assert module.decompress(packed.read_bytes()) == content  # type: ignore[attr-defined]
    assert (packed.stat().st_mtime, packed.stat().st_mode & 0o777) == (mtime, 0o600)
    assert ok(run, tool, "-dc", packed.name) == content
    ok(run, tool, "-t", packed.name)
    assert run(tool, packed.name).code == 2
    ok(run, tool, "-dk", packed.name)
    assert packed.exists()
    assert run(tool, "-d", packed.name).code == 2  # it is there already
    ok(run, tool, "-df", packed.name)
    assert (run.root / "long.txt").read_bytes() == content
    two = module.compress(b"one\n") + module.compress(b"two\n")  # type: ignore[attr-defined]
    assert ok(run, tool, "-dc", stdin=two) == b"one\ntwo\n"
    assert module.decompress(ok(run, tool, "-c9", stdin=content)) == content  # type: ignore[attr-defined]
    broken = run(tool, "-dc", stdin=two[:-9])
    assert (broken.code, broken.out[:4]) == (1, b"one\n")
    assert run(tool, "-dc", stdin=b"plain").code == 1
    assert ok(run, tool, "-dcf", "a.txt") == (run.root / "a.txt").read_bytes()


def test_zcat_and_gunzip_find_the_suffix(run: Runner) -> None:
    (run.root / "a.gz").write_bytes(gzip.compress(b"text\n"))
    (run.root / "b.tgz").write_bytes(gzip.compress(b"archive\n"))
    assert ok(run, "zcat", "a", "b.tgz") == b"text\narchive\n"
    assert ok(run, "gunzip", "-c", "a") == b"text\n"
    ok(run, "gunzip", "a.gz", "b.tgz")
    assert sorted(os.listdir(run.root)) == ["a", "b.tar"]
    (run.root / "c.bz2").write_bytes(bz2.compress(b"text\n"))
    assert ok(run, "bzcat", "c.bz2") == b"text\n"
    ok(run, "bunzip2", "c.bz2")
    assert (run.root / "c").read_bytes() == b"text\n"


@pytest.mark.usefixtures("project")
def test_python_reads_what_zip_writes(run: Runner, tmp_path: Path) -> None:
    (run.root / "p/dangling").unlink()
    said = ok(run, "zip", "-r", "x.zip", "p", "-x", "p/dirlink*")
    assert b"  adding: p/long.txt (deflated " in said
    assert b"  adding: p/empty (stored 0%)\n" in said
    with zipfile.ZipFile(run.root / "x.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")  # noqa: S202 - written by this test
        assert archive.getinfo("p/run.sh").external_attr >> 16 == 0o100755
    for name in ("src/pkg/mod.py", "binary.bin", "empty", "docs/read me.md"):
        assert (tmp_path / "out/p" / name).read_bytes() == (run.root / "p" / name).read_bytes()


def test_unzip_reads_what_python_writes(run: Runner, project: Path) -> None:
    with zipfile.ZipFile(run.root / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(project.rglob("*")):
            if not path.is_symlink():
                archive.write(path, path.relative_to(project))
    ok(run, "unzip", "-q", "x.zip", "-d", "out")
    got, expected = tree_of(run.root / "out"), tree_of(project)
    assert got == {name: entry for name, entry in expected.items() if entry[0] != "link"}
    assert ok(run, "unzip", "-p", "x.zip", "src/pkg/data.json") == (project / "src/pkg/data.json").read_bytes()
    with zipfile.ZipFile(run.root / "x.zip") as archive:
        assert ok(run, "unzip", "-Z1", "x.zip").decode().splitlines() == archive.namelist()
    ok(run, "unzip", "-qoj", "x.zip", "src/*", "-x", "*.json", "-d", "flat")
    assert sorted(os.listdir(run.root / "flat")) == ["__init__.py", "main.py", "mod.py", "util.py"]
    kept = run("unzip", "x.zip", "-d", "out")
    assert kept.code == 1
    assert b"-o to overwrite" in kept.err


def test_zip_changes_an_archive(run: Runner) -> None:
    (run.root / "a").write_bytes(b"a" * 1000)
    (run.root / "b").write_bytes(b"b")
    ok(run, "zip", "-q", "x", "a", "b")
    (run.root / "b").write_bytes(b"new")
    assert ok(run, "zip", "x.zip", "b") == b"updating: b (stored 0%)\n"
    with zipfile.ZipFile(run.root / "x.zip") as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {"a": b"a" * 1000, "b": b"new"}
    assert ok(run, "zip", "-d", "x.zip", "a") == b"deleting: a\n"
    assert ok(run, "unzip", "-Z1", "x.zip") == b"b\n"
    assert run("zip", "x.zip", "none").code == 12
    os.symlink("b", run.root / "link")
    ok(run, "zip", "-qy", "y.zip", "link")
    with zipfile.ZipFile(run.root / "y.zip") as archive:
        assert archive.read("link") == b"b"
    (run.root / "link").unlink()
    ok(run, "unzip", "-q", "y.zip")
    assert os.readlink(run.root / "link") == "b"


def test_a_damaged_zip_file_is_told(run: Runner) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", os.urandom(200) * 10)
    whole = buffer.getvalue()
    (run.root / "cut.zip").write_bytes(whole[:-30])
    (run.root / "flip.zip").write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert run("unzip", "-l", "cut.zip").code == 9
    assert run("unzip", "-tq", "flip.zip").code == 2
    assert run("unzip", "none.zip").code == 9
