"""Several answers to one request: the chunks of a stream sorted by choice, and how sure the model was of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentsh.llm.assemble import Assembler
from agentsh.llm.model import Sample, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentsh.redact import Redactor


TEMPERATURE = 0.7
"""With none in the profile: at 0 all answers would be the same."""


class Several:
    """Takes the chunks of an answer with several choices, as :class:`Assembler` takes those of one.

    Args:
        redactor: takes the endpoint's key out of what it says.
        many: how many were asked for; an endpoint that gives others gives nothing that is used.
    """

    def __init__(self, redactor: Redactor, many: int) -> None:
        self._each = [Assembler(redactor) for _ in range(many)]
        self._sure: list[list[float]] = [[] for _ in range(many)]

    @property
    def finish(self) -> str:
        """Why they stopped, once all that began have."""
        begun = [a.finish for a in self._each if a.begun]
        return "stop" if begun and all(begun) else ""

    def feed(self, chunk: object) -> None:
        """Take one decoded chunk.

        Raises:
            ModelError: as of :meth:`Assembler.feed`.
        """
        if not isinstance(chunk, dict):
            return
        choices = chunk.get("choices")
        if chunk.get("error") or not isinstance(choices, list) or not choices:
            self._each[0].feed(chunk)
            return
        usage = {"usage": chunk.get("usage")}
        for choice in choices:
            index = choice.get("index") or 0 if isinstance(choice, dict) else None
            if isinstance(index, int) and 0 <= index < len(self._each):
                self._each[index].feed({"choices": [{**choice, "index": 0}]})
                self._sure[index] += _logprobs(choice)
        self._each[0].feed(usage)

    def samples(self) -> list[Sample]:
        """The answers that say or ask for anything. What all of them cost stands at the first."""
        found: list[Sample] = []
        usage = self._each[0].answer().usage
        for assembler, sure in zip(self._each, self._sure, strict=True):
            answer = assembler.answer()
            if answer.finish != "content_filter" and (answer.text.strip() or answer.tool_calls):
                cost = Usage() if found else usage
                found.append(Sample(replace(answer, usage=cost), sum(sure) / len(sure) if sure else None))
        return found


def _logprobs(choice: Mapping[str, Any]) -> list[float]:
    told = choice.get("logprobs")
    content = told.get("content") if isinstance(told, dict) else None
    values = [t.get("logprob") for t in content if isinstance(t, dict)] if isinstance(content, list) else []
    return [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and -1e6 < v <= 0]
