"""Approving for longer than once: the rule is shown before it is kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agentsh.cli import encode
from agentsh.cli.output import can_ask, data, data_json, say, write_bytes
from agentsh.cli.words import names
from agentsh.core.errors import ApprovalNeeded
from agentsh.core.lasting import Lasting
from agentsh.core.sanitise import visible_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentsh import Workspace
    from agentsh.core.action import ActionRecord
    from agentsh.core.lasting import Offer


def may_last(record: ActionRecord) -> bool:
    """Whether it is worth offering: what has requests or belongs to no session is answered once."""
    return record.session is not None and not record.changes.requests and bool(record.changes)


def preview(offer: Offer) -> None:
    """What would be kept, and where, on stderr."""
    if offer.lasting is Lasting.SESSION:
        say(f"For the rest of session {offer.session} this would be approved unasked:")
    else:
        say(f"From now on this would be approved unasked; it goes into {visible_line(offer.place)}:")
    for line in offer.rules.splitlines():
        say(f"    {line}")


def approve_lasting(
    workspace: Workspace,
    action: str,
    lasting: str,
    *,
    paths: Sequence[bytes],
    comment: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Show the rule, ask, and keep it.

    Raises:
        ApprovalNeeded: there is nobody to ask, or they did not mean it; nothing was approved.
    """
    offer = workspace.offer(action, Lasting(lasting), paths=paths)
    if not as_json:
        preview(offer)
    if not yes and not _meant(as_json=as_json):
        raise ApprovalNeeded(
            "Nothing was approved: the rule was not said yes to.",
            next_step="Read it, and answer y; a script says --yes.",
        )
    records = workspace.approve_for(offer, comment=comment)
    if as_json:
        kept = {"for": offer.lasting.value, "rules": offer.rules, "place": offer.place, "session": offer.session}
        data_json({"actions": [encode.action(r) for r in records], "kept": kept})
        return
    data(f"approved {action}: {names(list(offer.paths))}")
    say("write it: agentsh commit")
    say("take it back: agentsh policy grants" if offer.session else f"take it back: edit {visible_line(offer.place)}")


def _meant(*, as_json: bool) -> bool:
    if as_json or not can_ask():
        return False
    write_bytes(b"Is that meant? [y]es ", sys.stderr)
    return sys.stdin.readline().strip().lower()[:1] == "y"
