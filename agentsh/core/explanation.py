"""Why a policy decides as it does: for a person who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentsh.core.record import record

if TYPE_CHECKING:
    from agentsh.core.decision import Decision


@record(frozen=True, slots=True)
class Explained:
    """One decision, and all that had a say in it.

    Attributes:
        about: a path as raw bytes, or None for the running of the action.
        decision: what holds.
        said: what each rule that matched would have decided, in the policy's order; the strictest holds.
    """

    about: bytes | None
    decision: Decision
    said: tuple[Decision, ...] = ()


@record(frozen=True, slots=True)
class ExampleResult:
    """What came of an example that is written in a policy file.

    Attributes:
        number: its place in the file, from 1.
        title: what it is about, one line of raw text.
        expected: the verdict that it names, and behind a colon the rule, where it names one.
        decision: what the policy decides.
        holds: whether the two agree.
    """

    number: int
    title: str
    expected: str
    decision: Decision
    holds: bool


@record(frozen=True, slots=True)
class Lint:
    """Something about a policy file that is hardly meant.

    Attributes:
        rule: the rule's name; empty when it is about the whole file.
        text: one sentence.
    """

    rule: str
    text: str
