"""Read the configuration: defaults, then the person's file, then the workspace's, which can only narrow."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agentsh.config.places import config_dir
from agentsh.config.schema import MOST_CANDIDATES, PRESETS, STAGING_KINDS, STRICTER, Config, ModelProfile
from agentsh.config.values import Table, bad, known, sub, switch, text, texts
from agentsh.core.errors import ConfigError
from agentsh.core.limits import Keep, Limits
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from pathlib import Path

    from agentsh.config.schema import Api

WORKSPACE_FILE = ".agentsh.toml"
USER_FILE = "config.toml"
_MAX_BYTES = 1 << 20
_MOST = 1 << 53  # of any limit: whole numbers up to here are exact everywhere


def load_config(workspace: Path, *, user_dir: Path | None = None) -> Config:
    """The configuration that holds in ``workspace``.

    Args:
        workspace: the workspace; its ``.agentsh.toml`` is untrusted, as the repository is.
        user_dir: where the person's ``config.toml`` is; the platform's place by default.

    Raises:
        ConfigError: a file is no TOML, or a value has the wrong type or an unknown name.
    """
    user_file = (user_dir or config_dir()) / USER_FILE
    config = Config()
    if (table := _read(user_file)) is not None:
        config = _apply_user(config, table, user_file)
    if (place := user_file.parent / "apis").is_dir():
        registered = [api for file in sorted(place.glob("*.toml")) for api in load_api_file(file)]
        config = replace(config, apis=(*config.apis, *registered))
    workspace_file = workspace / WORKSPACE_FILE
    if not workspace_file.is_symlink() and (table := _read(workspace_file)) is not None:
        config = _narrow(config, table, workspace_file)
    return config


def load_api_file(file: Path) -> tuple[Api, ...]:
    """The calls in one file of the registry of APIs.

    Raises:
        ConfigError: it is no TOML, or a value is wrong.
    """
    from agentsh.config.api import apis  # noqa: PLC0415 - most people have none

    table = _read(file) or {}
    known(table, {"api"}, file)
    return apis(table.get("api", []), file)


def _read(path: Path) -> Table | None:
    try:
        # Without waiting: in place of a file there may be a FIFO that nobody ever writes.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as f:
            if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
                raise ConfigError(f"The configuration {visible_line(str(path))} is not a regular file.")
            data = f.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        raise ConfigError(f"The configuration {visible_line(str(path))} cannot be read: {e.strerror}.") from e
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"The configuration {visible_line(str(path))} is larger than 1 MiB.")
    import tomllib  # noqa: PLC0415 - most people have no such file

    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
        raise ConfigError(
            f"The configuration {visible_line(str(path))} is not valid TOML: {visible_line(str(e))}.",
            next_step="Mend the file, or move it away.",
        ) from e


def _limits(table: Table, base: Limits, path: Path) -> Limits:
    known(table, {f.name for f in fields(Limits)}, path, "limits.")
    changed: dict[str, Any] = {}
    for key, value in table.items():
        whole = isinstance(getattr(base, key), int)
        good = isinstance(value, int) if whole else isinstance(value, (int, float))
        if isinstance(value, bool) or not good or not 0 < value <= _MOST:
            raise bad(path, f"limits.{key}", f"must be a positive number, {_MOST} at most")
        changed[key] = value if whole else float(value)
    return replace(base, **changed)


_KEEP = {"keep_days": "days", "keep_snapshots": "snapshots", "max_bytes": "max_bytes"}


def _keep(table: Table, path: Path) -> Keep:
    known(table, {*_KEEP, "exclude", "exclude_secret_like", "seal", "seal_secret_like"}, path, "store.")
    for key, value in table.items():
        if key not in _KEEP:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
            raise bad(path, f"store.{key}", f"must be a whole number, 0 (no bound) to {_MOST}")
    return Keep(
        **{name: table[key] for key, name in _KEEP.items() if key in table},
        exclude=texts(table, "exclude", path),
        exclude_secret_like=switch(table, "exclude_secret_like", False, path),
        seal=texts(table, "seal", path),
        seal_secret_like=switch(table, "seal_secret_like", False, path),
    )


def _profile(name: str, table: Table, path: Path) -> ModelProfile:
    # The default key belongs to the default endpoint: another one gets a key only when its profile names it.
    base = ModelProfile(name=name, model=name)
    if "base_url" in table:
        base = replace(base, key="")
    known(table, {f.name for f in fields(ModelProfile)} - {"name"}, path, f"models.{name}.")
    kinds: dict[str, tuple[type, ...]] = {
        "timeout_s": (int, float),
        "max_tokens": (int,),
        "temperature": (int, float),
        "headers": (Mapping,),
        "candidates": (int,),
        "input_price": (int, float),
        "output_price": (int, float),
    }
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, kinds.get(key, (str,))):
            raise bad(path, f"models.{name}.{key}", "has the wrong type")
    _candidates(table, "candidates", 1, path, f"models.{name}.")
    for key in ("input_price", "output_price"):
        if not 0 <= table.get(key, 0) < float("inf"):
            raise bad(path, f"models.{name}.{key}", "must be 0 or more: dollars for a million tokens")
    profile = replace(base, **dict(table))
    if not profile.base_url.startswith(("http://", "https://")):
        raise bad(path, f"models.{name}.base_url", "must start with http:// or https://")
    return profile


def _candidates(table: Table, key: str, default: int, path: Path, where: str = "") -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CANDIDATES:
        raise bad(path, where + key, f"must be a whole number from 1 (off) to {MOST_CANDIDATES}")
    return value


def _policy(name: str, path: Path) -> str:
    """A preset's name, or the policy file's path: relative to the configuration, not to wherever one happens to be."""
    return name if name in PRESETS else str(path.parent / name)


def _apply_user(base: Config, table: Table, path: Path) -> Config:
    known(
        table,
        {
            *("policy", "limits", "staging", "clock", "default_model", "models", "protected", "detect_credentials"),
            *("store", "http", "secrets", "api", "local_retrieval", "local_candidates"),
        },
        path,
    )
    wanted = text(table, "staging", base.staging, path)
    staging = next((kind for kind in STAGING_KINDS if kind == wanted), None)
    if staging is None:
        raise bad(path, "staging", f"must be one of {', '.join(STAGING_KINDS)}")
    models: dict[str, ModelProfile] = {}
    for name, value in sub(table, "models", path).items():
        if not isinstance(value, Mapping):
            raise bad(path, f"models.{name}", "must be a table")
        models[name] = _profile(name, value, path)
    if "http" in table or "secrets" in table:
        from agentsh.config.web import bindings, web  # noqa: PLC0415 - most people have none

        base = replace(
            base, http=web(sub(table, "http", path), path), bindings=bindings(sub(table, "secrets", path), path)
        )
    if "api" in table:
        from agentsh.config.api import apis  # noqa: PLC0415 - most people have none

        base = replace(base, apis=apis(table["api"], path))
    return replace(
        base,
        policy=_policy(text(table, "policy", base.policy, path), path),
        limits=_limits(sub(table, "limits", path), base.limits, path),
        staging=staging,
        clock=switch(table, "clock", base.clock, path),
        default_model=text(table, "default_model", base.default_model, path),
        models=models,
        local_candidates=_candidates(table, "local_candidates", base.local_candidates, path),
        local_retrieval=switch(table, "local_retrieval", base.local_retrieval, path),
        protected=texts(table, "protected", path),
        detect_credentials=switch(table, "detect_credentials", base.detect_credentials, path),
        keep=_keep(sub(table, "store", path), path),
    )


def _narrow(base: Config, table: Table, path: Path) -> Config:
    """Take from an untrusted file what makes things stricter; tell the person what was not taken."""
    known(table, {"policy", "limits", "clock", "protected", "http"}, path)
    notices: list[str] = []
    if "http" in table:
        from agentsh.config.web import narrow_web  # noqa: PLC0415 - most workspaces have none

        http, refused = narrow_web(base.http, sub(table, "http", path), path)
        base = replace(base, http=http)
        notices += [f"{WORKSPACE_FILE} asks for {visible_line(what)}: not taken." for what in refused]
    policy = text(table, "policy", base.policy, path)
    if policy not in PRESETS:
        raise bad(path, "policy", f"must be one of {', '.join(PRESETS)}")
    if base.policy in PRESETS and policy != base.policy and policy not in STRICTER[base.policy]:
        notices.append(
            f"{WORKSPACE_FILE} asks for policy '{policy}', which is not stricter than your '{base.policy}': not taken."
        )
        policy = base.policy
    elif base.policy not in PRESETS and policy != PRESETS[0]:
        policy = base.policy
    wanted = _limits(sub(table, "limits", path), base.limits, path)
    narrowed: dict[str, Any] = {}
    for f in fields(Limits):
        ours, theirs = getattr(base.limits, f.name), getattr(wanted, f.name)
        if theirs > ours:
            notices.append(f"{WORKSPACE_FILE} asks for {f.name} = {theirs}, more than your {ours}: not taken.")
        narrowed[f.name] = min(ours, theirs)
    clock = switch(table, "clock", base.clock, path)
    if clock and not base.clock:
        notices.append(f"{WORKSPACE_FILE} asks for a clock, which your configuration does not grant: not taken.")
    return replace(
        base,
        policy=policy,
        limits=Limits(**narrowed),
        clock=base.clock and clock,
        protected=base.protected + texts(table, "protected", path),
        notices=tuple(notices),
    )
