"""``[http]`` and ``[secrets.NAME]``: which hosts actions may read from, and where a secret may go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agentsh.config.schema import SecretBinding, Web
from agentsh.config.values import Table, bad, known, switch, text, texts
from agentsh.core.errors import UsageError
from agentsh.core.request import HELD_METHODS
from agentsh.core.secret import check_secret_name

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {f.name for f in fields(Web)} - {"within"}
_USUAL, _BINDING = Web(), SecretBinding(())
_MOST_BYTES, _MOST_SECONDS = 1 << 30, 3600.0
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/(?:\*|(?:\*\+)?[a-z0-9!#$&^_.+-]+)")
_PREFIX = re.compile(r"[\x20-\x7e]{0,64}")
# Whoever sets these sets how the request itself is read.
_NO_SECRET_IN = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "idempotency-key",
}


def web(table: Table, path: Path) -> Web:
    """The ``[http]`` table of the person's file.

    Raises:
        ConfigError: a key is unknown or a value is wrong.
    """
    known(table, _KEYS, path, "http.")
    mime = tuple(m.lower() for m in texts(table, "mime", path)) if "mime" in table else _USUAL.mime
    if wrong := [m for m in mime if not _TYPE.fullmatch(m)]:
        raise bad(path, f"http.mime: {wrong[0]}", "is no media type such as text/html, text/* or application/*+json")
    return Web(
        allow=texts(table, "allow", path),
        grant_private=texts(table, "grant_private", path),
        mime=mime,
        max_bytes=int(_number(table, "max_bytes", _USUAL.max_bytes, _MOST_BYTES, path)),
        timeout_s=float(_number(table, "timeout_s", _USUAL.timeout_s, _MOST_SECONDS, path)),
        person_only=switch(table, "person_only", _USUAL.person_only, path),
    )


def _number(table: Table, key: str, default: float, most: float, path: Path) -> float:
    value = table.get(key, default)
    good = isinstance(value, int) if isinstance(default, int) else isinstance(value, (int, float))
    if isinstance(value, bool) or not good or not 0 < value <= most:
        raise bad(path, f"http.{key}", f"must be a positive number, {most:g} at most")
    return float(value)


def narrow_web(base: Web, table: Table, path: Path) -> tuple[Web, list[str]]:
    """``base`` with what the workspace's ``[http]`` table makes stricter, and what of it was not taken.

    A host must then be allowed by both, so nothing that stands in ``table`` can add one.

    Raises:
        ConfigError: a key is unknown or a value is wrong.
    """
    asked = web(table, path)
    refused: list[str] = []
    changed: dict[str, Any] = {}
    if "allow" in table:
        changed["within"] = asked.allow
        ours = (*base.allow, *base.grant_private)
        refused += [f"http.allow = '{h}', which you do not allow" for h in asked.allow if not _covered(h, ours)]
    if asked.grant_private:
        refused.append("http.grant_private, which is yours alone to give")
    if "mime" in table:
        changed["mime"] = tuple(m for m in asked.mime if m in base.mime)
        refused += [f"http.mime = '{m}', which you do not allow" for m in asked.mime if m not in base.mime]
    for key in ("max_bytes", "timeout_s"):
        if key in table:
            changed[key] = min(getattr(base, key), getattr(asked, key))
            if getattr(asked, key) > getattr(base, key):
                refused.append(f"http.{key} = {getattr(asked, key)}, more than your {getattr(base, key)}")
    if "person_only" in table:
        changed["person_only"] = base.person_only or asked.person_only
        if base.person_only and not asked.person_only:
            refused.append("http.person_only = false, which is yours alone to say")
    return replace(base, **changed), refused


def _covered(host: str, ours: tuple[str, ...]) -> bool:
    """Whether an entry asks for no more than ours do; for the notice alone, since both must allow a host anyway."""
    return any(host == our or (our.startswith("*.") and host.endswith(our[1:])) for our in ours)


def bindings(table: Table, path: Path) -> dict[str, SecretBinding]:
    """The ``[secrets.NAME]`` tables of the person's file: names and places, never values.

    Raises:
        ConfigError: a key is unknown or a value is wrong.
    """
    return {name: _binding(name, value, path) for name, value in table.items()}


def _binding(name: str, table: Any, path: Path) -> SecretBinding:
    where = f"secrets.{name}"
    if not isinstance(table, Mapping):
        raise bad(path, where, "must be a table that says where the secret may go; its value is in the keyring alone")
    known(table, {"hosts", "methods", "header", "prefix"}, path, f"{where}.")
    try:
        check_secret_name(name)
    except UsageError as e:
        raise bad(path, where, "cannot name a secret") from e
    methods = frozenset(texts(table, "methods", path)) if "methods" in table else _BINDING.methods
    if methods - {"GET", *HELD_METHODS}:
        raise bad(path, f"{where}.methods", f"can hold GET, {', '.join(HELD_METHODS)}: nothing else is sent")
    header = text(table, "header", _BINDING.header, path)
    if not _HEADER.fullmatch(header) or header.lower() in _NO_SECRET_IN:
        raise bad(path, f"{where}.header", "must be the name of a header that can carry a secret")
    prefix = text(table, "prefix", _BINDING.prefix, path)
    if not _PREFIX.fullmatch(prefix):
        raise bad(path, f"{where}.prefix", "must be at most 64 printable ASCII characters")
    hosts = texts(table, "hosts", path)
    if any("*" in h for h in hosts):
        raise bad(path, f"{where}.hosts", "must name each host: a wildcard would send the secret to names unseen")
    return SecretBinding(hosts, methods, header, prefix)
