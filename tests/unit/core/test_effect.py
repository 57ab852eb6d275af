"""Effects know their kind; a change set's hash covers everything that would land."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentsh.core.effect import EffectKind, EffectState, FileEffect, change_set
from agentsh.core.entry import Entry, EntryType

FILE = Entry(EntryType.FILE, 0o644, 3, b"x" * 32)
LINK = Entry(EntryType.SYMLINK, target=b"a")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, FILE, EffectKind.CREATE),
        (FILE, None, EffectKind.DELETE),
        (FILE, replace(FILE, mode=0o755), EffectKind.MODE),
        (FILE, replace(FILE, digest=b"y" * 32), EffectKind.MODIFY),
        (FILE, LINK, EffectKind.RETYPE),
        (LINK, replace(LINK, target=b"b"), EffectKind.MODIFY),
    ],
)
def test_kind(before: Entry | None, after: Entry | None, kind: EffectKind) -> None:
    assert FileEffect(b"p", before, after).kind is kind


def test_the_digest_depends_on_every_path_and_state() -> None:
    base = FileEffect(b"p", None, FILE)
    digests = {
        change_set([e]).digest
        for e in (
            base,
            replace(base, path=b"q"),
            replace(base, after=replace(FILE, mode=0o755)),
            replace(base, after=replace(FILE, digest=b"z" * 32)),
            replace(base, after=LINK),
            replace(base, before=FILE, after=None),
        )
    }
    assert len(digests) == 6


def test_the_digest_ignores_order_review_state_and_time() -> None:
    a, b = FileEffect(b"a", None, FILE), FileEffect(b"b", FILE, None)
    changed = replace(a, state=EffectState.APPROVED, after=replace(FILE, mtime_ns=5))
    assert change_set([a, b]).digest == change_set([b, changed]).digest


def test_paths_and_states_cannot_be_shifted_into_each_other() -> None:
    one = change_set([FileEffect(b"a", None, None), FileEffect(b"b", None, None)])
    two = change_set([FileEffect(b"a\0-\0-b", None, None)])
    assert one.digest != two.digest
