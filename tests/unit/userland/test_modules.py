"""The toolbox: what it loads, and what it refuses to load."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import agentsh_tools
from agentsh.core.errors import SandboxError
from agentsh.sandbox.modules import Toolbox, names_without_engine

if TYPE_CHECKING:
    import wasmtime


pytestmark = pytest.mark.usefixtures("built")


def natives(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.native"))


def test_every_command_of_the_manifest_has_a_module(toolbox: Toolbox) -> None:
    assert tuple(toolbox.names()) == names_without_engine()
    for name in toolbox.names():
        tool = toolbox.get(name)
        assert tool is not None
        assert tool.argv0 == name
    assert toolbox.get("no-such-command") is None


def test_nothing_is_compiled_before_it_is_asked_for(engine: wasmtime.Engine, tmp_path: Path) -> None:
    toolbox = Toolbox(engine, tmp_path / "cache")
    assert natives(tmp_path / "cache") == []
    toolbox.get("view")
    assert len(natives(tmp_path / "cache")) == 1
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_prepare_compiles_everything_and_reports(engine: wasmtime.Engine, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    Toolbox(engine, tmp_path).prepare(lambda *step: seen.append(step))
    count = len(agentsh_tools.manifest())
    assert [number for _, number, _ in seen] == list(range(1, count + 1))
    assert len(natives(tmp_path)) == count


def test_a_second_toolbox_takes_what_the_first_one_kept(engine: wasmtime.Engine, tmp_path: Path) -> None:
    Toolbox(engine, tmp_path).get("view")
    before = natives(tmp_path)[0].stat()
    Toolbox(engine, tmp_path).get("view")
    after = natives(tmp_path)[0].stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "foreign"])
def test_a_damaged_cache_entry_is_rebuilt(engine: wasmtime.Engine, tmp_path: Path, damage: str) -> None:
    Toolbox(engine, tmp_path).get("view")
    path = natives(tmp_path)[0]
    good = path.read_bytes()
    damaged = {
        "flip": good[:-1] + bytes([good[-1] ^ 1]),
        "cut": good[: len(good) // 2],
        "empty": b"",
        "foreign": b"\x7fELF not a module",
    }[damage]
    path.write_bytes(damaged)
    assert Toolbox(engine, tmp_path).get("view") is not None
    assert [p.read_bytes() == damaged for p in natives(tmp_path)] == [False]


def test_an_entry_of_another_engine_s_settings_is_not_taken(tmp_path: Path) -> None:
    import wasmtime  # noqa: PLC0415

    plain = wasmtime.Engine()
    config = wasmtime.Config()
    config.epoch_interruption = True
    other = wasmtime.Engine(config)
    # The same key on purpose: the engine itself must be asked too.
    Toolbox(plain, tmp_path).get("view")
    assert Toolbox(other, tmp_path).get("view") is not None


def test_a_module_that_is_not_the_manifest_s_is_refused(
    engine: wasmtime.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "files.wasm"
    copy.write_bytes(agentsh_tools.module_path("files").read_bytes() + b"\0")
    monkeypatch.setattr(agentsh_tools, "module_path", lambda _name: copy)
    with pytest.raises(SandboxError, match="'files'"):
        Toolbox(engine, tmp_path / "cache").get("view")


def test_a_missing_module_says_how_to_build_it(
    engine: wasmtime.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agentsh_tools, "module_path", lambda name: tmp_path / f"{name}.wasm")
    with pytest.raises(SandboxError) as caught:
        Toolbox(engine, tmp_path / "cache").get("view")
    assert "build.py" in caught.value.next_step


def test_the_names_need_no_engine() -> None:
    code = (
        "import sys; from agentsh.sandbox.modules import names_without_engine as n; "
        "assert 'grep' in n(); assert 'wasmtime' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_build_gives_the_same_bytes_in_another_directory(tmp_path: Path) -> None:
    here = Path(agentsh_tools.__file__).parents[1]
    there = tmp_path / "somewhere else"
    shutil.copytree(here, there, ignore=shutil.ignore_patterns(".build", "bin", "__pycache__"))
    done = subprocess.run(
        [sys.executable, str(there / "build.py"), "files"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = {entry.name: entry.sha256 for entry in agentsh_tools.manifest()}["files"]
    assert expected in done.stdout


def test_the_build_refuses_a_result_that_the_manifest_does_not_have(tmp_path: Path) -> None:
    here = Path(agentsh_tools.__file__).parents[1]
    there = tmp_path / "copy"
    shutil.copytree(here, there, ignore=shutil.ignore_patterns(".build", "bin", "__pycache__"))
    with (there / "applets/files.c").open("a") as source:
        source.write('\n__attribute__((used)) const char added[] = "added";\n')
    build = [sys.executable, str(there / "build.py"), "files"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "--update-manifest" in done.stderr
