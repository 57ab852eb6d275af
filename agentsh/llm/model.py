"""What every model is to the rest of agentsh: messages in, one answer out."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import threading

Message = Mapping[str, Any]
"""A chat message as the OpenAI-compatible APIs have it."""

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that an answer cost, as the endpoint counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asks for.

    Attributes:
        id: names the call within the conversation; made up when the endpoint gave none.
        name: the tool's, as the model wrote it: may name no tool that exists.
        arguments: the decoded arguments; None when what the model wrote is not a JSON object.
        problem: why ``arguments`` is None; empty otherwise.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] | None
    problem: str = ""

    def to_message(self) -> dict[str, Any]:
        """The call as part of an assistant message.

        Arguments that were no JSON object go back as an empty one: many endpoints parse them and would refuse the
        whole conversation. The tool's answer says what was wrong.
        """
        arguments = json.dumps(self.arguments if self.arguments is not None else {}, ensure_ascii=False)
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


@dataclass(frozen=True, slots=True)
class Answer:
    """One turn of the model.

    Attributes:
        text: what it says; may be empty when it calls tools.
        tool_calls: what it asks for, in order.
        finish: why it stopped: ``stop``, ``tool_calls``, ``length``, or another word of the endpoint's.
        usage: what it cost; zeros when the endpoint does not say.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    usage: Usage = field(default_factory=Usage)

    def to_message(self) -> dict[str, Any]:
        """The answer as a message for the next request."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.tool_calls:
            message["tool_calls"] = [c.to_message() for c in self.tool_calls]
        return message


@dataclass(frozen=True, slots=True)
class Sample:
    """One of several answers to the same conversation.

    Attributes:
        answer: it. What all of them cost stands at the first.
        logprob: the mean over its tokens; None when the endpoint does not say.
    """

    answer: Answer
    logprob: float | None = None


class Model(ABC):
    """A chat model that can call tools. A context manager: leaving it closes its connections.

    Attributes:
        name: what ``--model`` called it.
        context_bound: characters of conversation that it can take at most; None when it does not say.
    """

    name: str
    context_bound: int | None = None

    def cost(self, usage: Usage) -> float | None:
        """What tokens cost, in dollars; None when nobody has said what they do."""
        del usage
        return None

    @abstractmethod
    def complete(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        *,
        on_text: OnText | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Ask for the next turn.

        Args:
            messages: the conversation so far.
            tools: the tools that may be called, in the API's ``tools`` form.
            on_text: gets the text piece by piece while it arrives. After a broken stream the text starts again.
            on_notice: gets a sentence when a request is tried again.
            stop: set by another thread to give up; noticed while waiting to retry and at each piece that arrives.

        Raises:
            ModelError: the endpoint cannot be reached, refuses, or gives nothing usable after the retries.
            Interrupted: ``stop`` was set.
        """

    def sample(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        many: int,
        *,
        at_most: int | None = None,
        on_notice: OnText | None = None,
        stop: threading.Event | None = None,
    ) -> list[Sample]:
        """Ask for several next turns of which one will be taken; at least one comes, and ``many`` at most.

        A model that cannot give several gives one.

        Args:
            messages: as for :meth:`complete`; so with what follows.
            tools: the tools.
            many: how many.
            at_most: tokens of each, where the model can be told.
            on_notice: gets a sentence when a request is tried again.
            stop: set by another thread to give up.

        Raises:
            ModelError: as of :meth:`complete`.
            Interrupted: ``stop`` was set.
        """
        del many, at_most
        return [Sample(self.complete(messages, tools, on_notice=on_notice, stop=stop))]

    def close(self) -> None:  # noqa: B027 - optional: most models hold nothing
        """Close connections; the model cannot be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
