"""Which ways of staging work on this machine, for these two directories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentsh.core.errors import SandboxError
from agentsh.core.sanitise import visible_path
from agentsh.core.tree import Tree
from agentsh.sandbox.staging.files import clone_file, write_atomic

if TYPE_CHECKING:
    from agentsh.sandbox.staging.view import Kind

_RECORD = "probe"
_TIMEOUT_S = 10.0


def choose(directory: Path, workspace: Path, wanted: Literal["auto"] | Kind) -> tuple[Kind, str]:
    """The kind to use, and why no faster one.

    A view keeps the kind it was made with: another would not know what is staged.

    Raises:
        SandboxError: ``wanted`` does not work here, or differs from what the view was made with.
    """
    made_with = _made_with(directory)
    if wanted == "auto" and made_with and made_with != "overlay":
        return made_with, _kept(directory / "reason")
    reasons: dict[Kind, str] = {}
    kinds: tuple[Kind, ...] = ("overlay", "clone", "copy")
    for kind in kinds:
        if wanted not in ("auto", kind):
            continue
        if made_with and kind != made_with:
            reasons[kind] = f"this view was made as {made_with}"
            continue
        reason = "" if kind == "copy" else _why_not(directory, workspace, kind)
        if not reason:
            why_not = "; ".join(f"no {k}: {why}" for k, why in reasons.items())
            if made_with is None:
                write_atomic(directory / "reason", why_not.encode())
                write_atomic(directory / "kind", kind.encode())
            return kind, why_not
        reasons[kind] = reason
    raise SandboxError(
        "The staging view cannot be made: " + "; ".join(f"no {k}: {why}" for k, why in reasons.items()) + ".",
        next_step="Choose another way of staging ('copy' works everywhere), or discard what is staged.",
    )


def _kept(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def _made_with(directory: Path) -> Kind | None:
    text = _kept(directory / "kind")
    kinds: tuple[Kind, ...] = ("overlay", "clone", "copy")
    return next((kind for kind in kinds if kind == text), None)


def _circumstances(directory: Path, workspace: Path) -> str:
    """What the answer depends on: the kernel since its start, who asks, and the two devices."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return " ".join(
        (
            os.uname().release,
            boot.read_text().strip() if boot.exists() else "",
            str(os.geteuid()),
            str(directory.stat().st_dev),
            str(workspace.stat().st_dev),
        )
    )


def _recorded(directory: Path, workspace: Path) -> dict[str, str]:
    """The answers found before, if they are about the same circumstances; kind -> reason against it."""
    try:
        record = json.loads((directory / _RECORD).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    if record.pop("circumstances", None) != _circumstances(directory, workspace):
        return {}
    return {str(k): str(v) for k, v in record.items()}


def _why_not(directory: Path, workspace: Path, kind: Literal["overlay", "clone"]) -> str:
    if kind == "overlay":
        inside = _mounts_inside(workspace)
        if inside:
            return f"{inside} in the workspace is a file system of its own, which an overlay does not show"
        if _made_with(directory) is None and os.geteuid() != 0 and (theirs := _of_others(workspace)):
            return f"{theirs} belongs to another user or group, which an overlay without root cannot change"
    known = _recorded(directory, workspace)
    if kind not in known:
        known[kind] = _try_overlay(directory, workspace) if kind == "overlay" else _try_clone(directory, workspace)
        record = {**known, "circumstances": _circumstances(directory, workspace)}
        write_atomic(directory / _RECORD, json.dumps(record).encode())
    return known[kind]


def _mounts_inside(workspace: Path) -> str:
    """A mount point below the workspace, if there is one."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except FileNotFoundError:
        return ""
    prefix = os.fsencode(os.path.realpath(workspace)).rstrip(b"/") + b"/"
    for line in lines:
        point = line.split(b" ")[4].decode("unicode_escape").encode("latin-1")
        if point.startswith(prefix):
            return os.fsdecode(point)
    return ""


def _of_others(workspace: Path) -> str:
    """A path whose owner or group is not ours, if there is one.

    Without root the kernel maps our own two ids alone into the worker's namespace, and refuses to copy up what has
    others. Looked for when a view is made, since it takes a walk.
    """
    ours = os.geteuid(), os.getegid()
    todo = [os.fsencode(workspace)]
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue  # what we cannot list is no part of the view
        for entry in entries:
            st = entry.stat(follow_symlinks=False)
            if (st.st_uid, st.st_gid) != ours:
                return visible_path(os.path.relpath(entry.path, os.fsencode(workspace)))
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
    return ""


def _try_overlay(directory: Path, workspace: Path) -> str:
    """Mount one in a child process, write through it, and say what went wrong."""
    if sys.platform != "linux":
        return "overlayfs is part of Linux"
    from agentsh.sandbox.worker.start import python_command  # noqa: PLC0415 - starts a process, as the worker's start

    trial = directory / "trial"
    for name in ("upper", "work", "merged"):
        (trial / name).mkdir(parents=True, exist_ok=True)
    plan = {"lower": str(workspace), **{name: str(trial / name) for name in ("upper", "work", "merged")}}
    code = "from agentsh.sandbox.worker.linux import try_overlay; try_overlay(%r)"
    try:
        done = subprocess.run(
            python_command(code % json.dumps(plan)),
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return f"the trial did not end: {e}"
    finally:
        _remove_trial(trial)
    if done.returncode == 0:
        return ""
    return done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or f"exit status {done.returncode}"


def _remove_trial(trial: Path) -> None:
    from agentsh.sandbox.staging.files import remove  # noqa: PLC0415

    with Tree(trial.parent) as above:
        remove(above.fd, os.fsencode(trial.name))


def _try_clone(directory: Path, workspace: Path) -> str:
    """Clone a file from the workspace's file system to ours."""
    if directory.stat().st_dev != workspace.stat().st_dev:
        return "the workspace and the staging directory are on different file systems"
    with tempfile.TemporaryDirectory(dir=directory) as trial:
        one = Path(trial) / "one"
        one.write_bytes(b"x" * 4096)
        try:
            with Tree(trial) as tree, one.open("rb") as source:
                os.close(clone_file(source.fileno(), tree.fd, b"two", 4096))
        except OSError as e:
            return f"the file system cannot share blocks ({e.strerror})"
    return ""
