"""Where a value of an action came from."""

from __future__ import annotations

from enum import StrEnum

from agentsh.core.record import record


class Source(StrEnum):
    """Who or what named a value first."""

    PERSON = "person"
    """The person: in their words to the model, or in their configuration."""
    WORKSPACE = "workspace"
    """A file that was read or searched."""
    TOOL = "tool"
    """What a command printed."""
    PAGE = "page"
    """What a server answered."""
    MODEL = "model"
    """Nothing that the model was told has it: its own, or put together in a way that cannot be followed."""


@record(frozen=True, slots=True)
class Traced:
    """A destination that an action names: a host, or somebody's address.

    Attributes:
        value: in its one spelling, ASCII.
        sources: everything that named it before; the person's naming it settles where it came from.
    """

    value: str
    sources: frozenset[Source]

    @property
    def came_from(self) -> frozenset[Source]:
        """What it is put down to."""
        return frozenset({Source.PERSON}) if Source.PERSON in self.sources else self.sources
