"""Approvals for longer than once: offered, given, and found again when an action is judged."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.config import approved_file
from agentsh.core.errors import ConfigError, ConflictError, UsageError
from agentsh.core.lasting import Lasting, Offer
from agentsh.core.lock import FileLock
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentsh.core.action import ActionRecord
    from agentsh.core.effect import FileEffect
    from agentsh.policy import Policy

_HEAD = "# What you approved with 'agentsh approve --for always'. Take a table out to be asked again.\n"
_MOST_BYTES = 1 << 20


def offer(
    policy: Policy, action: ActionRecord, effects: Sequence[FileEffect], lasting: Lasting, workspace: Path
) -> Offer:
    """What a lasting approval of ``effects`` would be.

    Raises:
        UsageError: there can be none; it says why.
    """
    from agentsh.policy.approved import lasting_rules, rules_toml  # noqa: PLC0415 - few approvals last

    if action.changes.requests:
        raise UsageError(
            "It cannot be approved for longer than once: it has requests, and each of those is a person's to send.",
            next_step="Approve it once instead, without --for.",
        )
    if lasting is Lasting.SESSION and action.session is None:
        raise UsageError(
            f"{action.id} belongs to no session of an agent, so there is none for whose rest it could hold.",
            next_step="Approve it once, without --for, or with --for always.",
        )
    rules = lasting_rules(policy, action.id, action.spec, effects)
    paths = tuple(e.path for e in effects)
    if lasting is Lasting.SESSION:
        text = rules_toml(rules)
        return Offer(action.id, lasting, action.changes.digest, paths, text, session=action.session or "")
    text = rules_toml(rules, workspace=_name(workspace))
    return Offer(action.id, lasting, action.changes.digest, paths, text, place=str(approved_file()))


def _name(workspace: Path) -> str:
    try:
        os.fsencode(workspace).decode()
    except UnicodeDecodeError as e:
        raise UsageError("The workspace's own path is no Unicode, so no rule can name it.") from e
    return str(workspace)


def same_offer(shown: Offer, now: Offer) -> None:
    """Check that what was shown is what would be kept now.

    Raises:
        ConflictError: it is not.
    """
    if shown != now:
        raise ConflictError(
            f"What approving {shown.action} for longer would mean is not what was shown; nothing was approved.",
            next_step=f"Look at 'agentsh diff {shown.action}' and answer again.",
        )


def with_always(policy: Policy, workspace: Path) -> Policy:
    """``policy`` with what the person approved for always in this workspace.

    Raises:
        ConfigError: their file cannot be read, or is wrong.
    """
    place = approved_file()
    text = _read(place)
    if not text:
        return policy
    from agentsh.policy.approved import with_approved  # noqa: PLC0415 - most people have none

    return with_approved(policy, text, name=str(place), workspace=str(workspace))


def with_grants(policy: Policy, rules: Sequence[str]) -> Policy:
    """``policy`` with what the person approved for the session."""
    if not rules:
        return policy
    from agentsh.policy.approved import with_approved  # noqa: PLC0415 - few sessions have any

    return with_approved(policy, "\n".join(rules), name="what was approved for the session")


def _read(place: Path) -> str:
    try:
        with place.open("rb") as f:
            raw = f.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ConfigError(f"{visible_line(str(place))} is larger than 1 MiB.")
        return raw.decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"What was approved for always cannot be read: {visible_line(str(place))}.",
            next_step="Mend the file, or move it away.",
        ) from e


def keep_always(rules: str) -> None:
    """Add rules to the person's file: all of it is there afterwards, or it is as it was.

    Raises:
        ConfigError: the file is wrong as it is, or cannot be written.
    """
    from agentsh.policy.parse import parse_rules  # noqa: PLC0415 - few approvals last

    place = approved_file()
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = place.resolve()  # a person may keep the file elsewhere, behind a link
        with FileLock(place.with_name(f".{place.name}.lock")):
            before = _read(place) or _HEAD
            known = [(of, replace(rule, name="", reason="")) for of, rule in parse_rules(before, name=str(place))]
            if all((of, replace(rule, name="", reason="")) in known for of, rule in parse_rules(rules, name="")):
                return
            _replace(place, f"{before.rstrip()}\n\n{rules}".encode())
    except OSError as e:
        raise ConfigError(
            f"{visible_line(str(place))} cannot be written: {e.strerror}.",
            files="The action itself was approved, once.",
            next_step="Mend that, and approve a later action for always.",
        ) from e


def _replace(place: Path, content: bytes) -> None:
    work = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        with open(work, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        work.replace(place)
    except BaseException:
        with suppress(FileNotFoundError):
            work.unlink()
        raise
    directory = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
