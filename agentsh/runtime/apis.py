"""The person's registry of calls that can be taken back: a file for each API, beside the configuration."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from agentsh.config import apis_dir, load_api_file
from agentsh.core.errors import NotFoundError, UsageError
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.config import Api

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_BYTES = 16 << 20


def read_description(file: Path, *, server: str = "") -> tuple[list[Api], list[str]]:
    """The pairs of an OpenAPI description in JSON, and a sentence for each POST that has none.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    from agentsh.policy.openapi import pairs  # noqa: PLC0415 - only for this

    shown = visible_line(str(file))
    try:
        with file.open("rb") as f:
            raw = f.read(_MOST_BYTES + 1)
    except OSError as e:
        raise UsageError(f"{shown} cannot be read: {e.strerror}.", files="Nothing was added.") from e
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"{shown} is larger than {_MOST_BYTES >> 20} MiB.", files="Nothing was added.")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise UsageError(
            f"{shown} is not JSON.",
            files="Nothing was added.",
            next_step="Most APIs offer their description as openapi.json; YAML is not read.",
        ) from e
    return pairs(document, server=server)


def keep_api(name: str, apis: list[Api]) -> Path:
    """Write an API's pairs to the registry, in place of what was there under that name.

    Raises:
        UsageError: the name cannot be one, or the file cannot be written.
    """
    target = _file(name)
    tables = [f"[[api]]\ncall = {json.dumps(f'{a.method} {a.url}')}\nundo = {json.dumps(a.undo)}\n" for a in apis]
    work = target.with_name(f".{target.name}.new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        work.write_text("\n".join(tables), encoding="ascii")
        work.replace(target)
    except OSError as e:
        raise UsageError(f"{target} cannot be written: {e.strerror}.", files="Nothing was added.") from e
    return target


def list_apis() -> dict[str, tuple[Api, ...]]:
    """What is registered, by name.

    Raises:
        ConfigError: a file is wrong.
    """
    place = apis_dir()
    files = sorted(place.glob("*.toml")) if place.is_dir() else []
    return {file.name.removesuffix(".toml"): load_api_file(file) for file in files}


def remove_api(name: str) -> None:
    """Take an API out of the registry. What is held keeps the reverse call that it was approved with.

    Raises:
        NotFoundError: there is none of that name.
    """
    try:
        os.unlink(_file(name))  # noqa: PTH108 - no other file than that
    except FileNotFoundError as e:
        raise NotFoundError(f"There is no API '{name}'.", next_step="'agentsh api list' lists them.") from e


def _file(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{visible_line(name[:80])}' cannot name an API.",
            files="Nothing was changed.",
            next_step="Use small letters, digits, '.', '_' and '-'.",
        )
    return apis_dir() / f"{name}.toml"
