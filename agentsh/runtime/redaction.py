"""Which values must not be seen, and keeping them out of what an action prints and what the journal keeps of it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from agentsh.config import keyring_mark
from agentsh.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentsh.config import Config
    from agentsh.core.action import ActionSpec, OutputSink, StreamName
    from agentsh.core.diff import FileDiff, Hunk
    from agentsh.redact import RedactedStream, Redactor
    from agentsh.sandbox import Outcome


_STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")


def open_redactor(config: Config, *, environ: Mapping[str, str] | None = None) -> Redactor | None:
    """A redactor for every value that is known here: the keyring's, and keys of model endpoints in the environment.

    None where there are no values: then there is nothing to look for, and nothing to load.

    The keyring is asked only where something was ever stored: loading it takes longer than most actions.

    Raises:
        ActionFailed: the keyring holds values and cannot be read (it is locked, say). Nothing runs then, because what
            it prints could not be kept from anybody.
    """
    known = [
        Secret(profile.key, value)
        for profile in config.models.values()
        if profile.key and (value := (os.environ if environ is None else environ).get(profile.key, ""))
    ]
    if keyring_mark().exists():
        from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

        keychain = Keychain()
        known += [secret for name in keychain.names() if (secret := keychain.get(name)) is not None]
    if not known:
        return None
    from agentsh.redact import Redactor  # noqa: PLC0415 - only with secrets

    return Redactor(known)


def clean_spec(spec: ActionSpec, redactor: Redactor | None) -> ActionSpec:
    """``spec`` as the journal keeps it."""
    return spec if redactor is None else replace(spec, arguments=redactor.value(dict(spec.arguments)))


class CleanRun:
    """Runs something that prints, and lets no value through.

    Args:
        redactor: knows the values.
        on_output: receives what may be seen, as it comes.
    """

    def __init__(self, redactor: Redactor | None, on_output: OutputSink | None) -> None:
        self._redactor = redactor
        self._on_output = on_output
        self._streams: dict[StreamName, RedactedStream] = {}

    def __call__(self, run: Callable[[OutputSink | None], Outcome]) -> Outcome:
        """What ``run`` gives, without values, and a note where there were some."""
        if self._redactor is None:
            return run(self._on_output)
        from agentsh.redact import RedactedStream  # noqa: PLC0415 - loaded with the redactor

        self._streams = {name: RedactedStream(self._redactor) for name in _STREAMS}
        outcome = run(self._take if self._on_output is not None else None)
        for name, stream in self._streams.items():
            self._pass_on(name, stream.end())
        out, err = self._redactor.redact(outcome.stdout), self._redactor.redact(outcome.stderr)
        if not out.names and not err.names:
            return outcome
        marks = ", ".join(f"secret:{n}" for n in sorted({*out.names, *err.names}))
        note = f"{outcome.note} What it printed held {marks}: the value was taken out.".lstrip()
        return replace(outcome, stdout=out.data, stderr=err.data, note=note)

    def _take(self, name: StreamName, data: bytes) -> None:
        self._pass_on(name, self._streams[name].feed(data))

    def _pass_on(self, name: StreamName, data: bytes) -> None:
        if data and self._on_output is not None:
            self._on_output(name, data)


def clean_diffs(diffs: list[FileDiff], redactor: Redactor | None) -> list[FileDiff]:
    """``diffs`` with names in place of values, which one cannot tell from a line that says so: a view, not content."""
    if redactor is None:
        return diffs
    return [
        replace(
            d,
            hunks=tuple(_clean_hunk(h, redactor) for h in d.hunks),
            inside=tuple(_clean_hunk(h, redactor) for h in d.inside),
        )
        for d in diffs
    ]


def _clean_hunk(hunk: Hunk, redactor: Redactor) -> Hunk:
    # Together first, for a value that is split over lines; the lines stay as many, but where an archive went.
    together = redactor.redact(b"".join(line.text for line in hunk.lines))
    if not together.names:
        return hunk
    texts = together.data.splitlines(keepends=True)
    if len(texts) != len(hunk.lines):
        mark = b" ".join(f"secret:{n}".encode() for n in together.names)
        texts = [mark + b"\n"] * len(hunk.lines)
    return replace(hunk, lines=tuple(replace(line, text=text) for line, text in zip(hunk.lines, texts, strict=True)))
