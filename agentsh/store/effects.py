"""The effects of actions, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.effect import ChangeSet
from agentsh.store.outbox import requests_of_action
from agentsh.store.rows import (
    PATH_VALUE,
    STATE_VALUES,
    effect_of,
    intern_paths,
    missing,
    select_state,
    state_columns,
    state_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping

    from agentsh.core.effect import EffectState, FileEffect

SELECT_EFFECTS = f"""
SELECT f.action, p.name, {select_state("f.before_", "b")}, {select_state("f.after_", "d")}, f.flags, f.state, f.landed,
  f.part
FROM effects f JOIN paths p ON p.id = f.path
LEFT JOIN blobs b ON b.id = f.before_blob LEFT JOIN blobs d ON d.id = f.after_blob
"""  # noqa: S608 - fixed column names

_INSERT = f"""
INSERT INTO effects(action, path, part, {state_columns("before_")}, {state_columns("after_")}, flags, state)
VALUES (?, {PATH_VALUE}, ?, {STATE_VALUES}, {STATE_VALUES}, ?, ?)
"""  # noqa: S608 - fixed column names


def replace_effects(connection: sqlite3.Connection, key: int, changes: Iterable[FileEffect]) -> None:
    """Give an action these effects instead of those that it has."""
    effects = list(changes)
    connection.execute("DELETE FROM effects WHERE action = ?", (key,))
    if not effects:
        return
    intern_paths(connection, (e.path for e in effects))
    connection.executemany(
        _INSERT,
        (
            (
                key,
                e.path,
                e.part,
                *state_of(e.before),
                *state_of(e.after),
                ",".join(f.value for f in e.flags),
                e.state.value,
            )
            for e in effects
        ),
    )


def set_states(
    connection: sqlite3.Connection,
    key: int,
    id_: str,
    paths: Collection[bytes] | None,
    state: EffectState,
    *,
    only: EffectState | None = None,
    parts: Mapping[bytes, int] | None = None,
) -> None:
    """Move the effects of an action on ``paths`` (None: all) to ``state``; what has landed stays as it is.

    Args:
        connection: in a transaction.
        key: the action's number.
        id_: the action.
        paths: the paths.
        state: where the effects stand from now on.
        only: of them, those that are in this state.
        parts: of these paths, this part alone.

    Raises:
        NotFoundError: the action has no effect on one of them.
    """
    guard, values = ("AND landed IS NULL AND state = ?", [only.value]) if only else ("AND landed IS NULL", [])
    if paths is None:
        connection.execute(f"UPDATE effects SET state = ? WHERE action = ? {guard}", [state.value, key, *values])  # noqa: S608
        return
    for path in paths:
        known = connection.execute(
            f"SELECT 1 FROM effects WHERE action = ? AND path = {PATH_VALUE}",  # noqa: S608
            (key, path),
        ).fetchone()
        if known is None:
            raise missing(f"effect of {id_} on", path.decode("utf-8", "backslashreplace"))
        part = None if parts is None else parts.get(path)
        connection.execute(
            f"UPDATE effects SET state = ? WHERE action = ? AND path = {PATH_VALUE}"  # noqa: S608
            f" AND part = coalesce(?, part) {guard}",
            [state.value, key, path, part, *values],
        )


def effects_of_action(connection: sqlite3.Connection, key: int) -> ChangeSet:
    """All effects of an action."""
    rows = connection.execute(SELECT_EFFECTS + "WHERE f.action = ? ORDER BY p.name, f.part", (key,))
    effects = tuple(effect_of(r[1], r[2:9], r[9:16], r[16], r[17], part=r[19]) for r in rows)
    return ChangeSet(effects, requests_of_action(connection, key))
