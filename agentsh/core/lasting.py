"""Approvals that outlast the action that they were given for."""

from __future__ import annotations

from enum import StrEnum

from agentsh.core.record import record


class Lasting(StrEnum):
    """For how long an approval holds, beyond the action itself."""

    SESSION = "session"
    """For the rest of the agent's session, also when it is gone on with."""
    ALWAYS = "always"
    """In this workspace, until the person takes the rule out of their file."""


@record(frozen=True, slots=True)
class Offer:
    """What a lasting approval would be, before it is given.

    Attributes:
        action: what it would be given with.
        lasting: for how long.
        digest: :attr:`ChangeSet.digest` of what the person is shown.
        paths: the effects that are meant.
        rules: exactly what would be kept, as a policy file has it; ASCII, and without control characters.
        place: the file that would get them; empty for a session.
        session: for which they would hold; empty for always.
    """

    action: str
    lasting: Lasting
    digest: str
    paths: tuple[bytes, ...]
    rules: str
    place: str = ""
    session: str = ""


@record(frozen=True, slots=True)
class Grant:
    """An approval that holds for a session.

    Attributes:
        id: ``g1``, ``g2``, ... per workspace.
        session: for which it holds.
        action: with which it was given.
        rules: as a policy file has them.
    """

    id: str
    session: str
    action: str
    rules: str
