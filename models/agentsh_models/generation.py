"""Answers, token by token: several at once, each with its own sampling, grammar, stop texts and way out."""

from __future__ import annotations

import codecs
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from agentsh_models.constrain import Grammars, Matcher
from agentsh_models.errors import BadRequest, ModelFault, NotFinite, PromptTooLong, Stopped
from agentsh_models.request import Generation, Request, Token
from agentsh_models.sampling import Sampling, pick

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from agentsh_models.loading import Loaded
    from agentsh_models.packed import Precision
    from agentsh_models.request import Runner, SequenceState

_PIECE = 256  # tokens of a prompt read in one step, so that other answers go on and a stop is noticed
_KEPT_STATES = 4
_KEPT_BYTES = 128 << 20


class Engine:
    """A model with what answering needs.

    Args:
        loaded: the model.
        runner: what computes; by default the packed form on the CPU.
        precision: of the packed form.

    Attributes:
        loaded: the model.
        runner: what computes.
        grammars: compiles grammars for its vocabulary.
    """

    def __init__(self, loaded: Loaded, *, runner: Runner | None = None, precision: Precision = "auto") -> None:
        if runner is None:
            from agentsh_models.packed import PackedModel

            runner = PackedModel(loaded, precision)
        self.loaded = loaded
        self.runner = runner
        self.grammars = Grammars(loaded.tokenizer)
        self._kept: OrderedDict[tuple[int, ...], SequenceState] = OrderedDict()

    def complete(
        self,
        prompt: Sequence[int],
        sampling: Sampling | None = None,
        *,
        n: int = 1,
        grammar: str = "",
        stop: threading.Event | None = None,
    ) -> list[Generation]:
        """``n`` answers to a prompt.

        Raises:
            ModelFault: what :class:`Batch` says.
        """
        answers: dict[int, Generation] = {}
        request = Request(
            prompt, sampling or Sampling(), n, grammar, stop or threading.Event(), on_end=answers.__setitem__
        )
        for _ in _drive(self, request):
            pass
        return [answers[k] for k in range(n)]

    def keep(self, tokens: Sequence[int], state: SequenceState) -> None:
        """Remember a sequence: the next prompt may begin like it."""
        if not tokens:
            return
        self._kept[tuple(tokens)] = state
        while len(self._kept) > _KEPT_STATES or sum(s.nbytes for s in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)

    def begin(self, prompt: Sequence[int]) -> SequenceState:
        """A state that holds as much of the prompt's beginning as is known; at least one token is left to read."""
        best, shared = None, 0
        for known in self._kept:
            n = _common(known, prompt)
            if n > shared:
                best, shared = known, n
        if best is None:
            state: SequenceState = self.runner.new_state()
            return state
        state = self._kept.pop(best)
        state.truncate(min(shared, len(prompt) - 1))
        return state


class Batch:
    """Answers under way, advanced together step by step (continuous batching).

    Args:
        engine: computes.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading: list[_Reading] = []
        self._running: list[_Answer] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._reading or self._running)

    def add(self, request: Request) -> None:
        """Take a request up. What is wrong with it, it is told."""
        try:
            self._reading.append(_Reading(self._engine, request))
        except ModelFault as fault:
            request.on_fault(fault)

    def step(self) -> None:
        """Read a piece of each new prompt, and say one token of each answer."""
        for thing in self._things():
            if thing.request.stop.is_set():
                self._drop(thing.request, Stopped("The answer was given up."))
        things = self._things()
        if not things:
            return
        pieces = [(t.state, t.next_piece()) for t in things]
        try:
            logits = self._engine.runner.extend(pieces)
        except ModelFault as fault:
            for thing in things:
                self._drop(thing.request, fault)
            return
        for (_, piece), thing, row in zip(pieces, things, logits, strict=True):
            try:
                self._advance(thing, len(piece), row)
            except ModelFault as fault:
                self._drop(thing.request, fault)

    def fail(self, fault: ModelFault) -> None:
        """End everything that is under way with ``fault``."""
        for thing in self._things():
            self._drop(thing.request, fault)

    def _advance(self, thing: _Reading | _Answer, read: int, logits: Tensor) -> None:
        if isinstance(thing, _Answer):
            if thing in self._running and not thing.take(logits):  # it may have been dropped in this very step
                self._end(thing)
        elif thing in self._reading:
            thing.at += read
            self._read(thing, logits)

    def _things(self) -> list[_Reading | _Answer]:
        return [*self._reading, *self._running]

    def _read(self, reading: _Reading, logits: Tensor) -> None:
        if reading.at < len(reading.request.prompt):
            return
        self._reading.remove(reading)
        answers = reading.answers()
        self._running += answers
        for answer in answers:
            if not answer.take(logits):
                self._end(answer)

    def _end(self, answer: _Answer) -> None:
        if answer in self._running:
            self._running.remove(answer)
            if answer.number == 0:
                read = [*answer.request.prompt, *answer.generation.ids][: answer.state.length]
                self._engine.keep(read, answer.state)
            answer.request.on_end(answer.number, answer.generation)

    def _drop(self, request: Request, fault: ModelFault) -> None:
        known = any(t.request is request for t in self._things())
        self._reading = [r for r in self._reading if r.request is not request]
        self._running = [a for a in self._running if a.request is not request]
        if known:
            request.on_fault(fault)


class _Reading:
    """A prompt that is being read."""

    def __init__(self, engine: Engine, request: Request) -> None:
        self._engine, self.request = engine, request
        if not request.prompt:
            raise BadRequest("The prompt is empty.")
        if request.n < 1:
            raise BadRequest("At least one answer must be asked for.")
        vocab = engine.runner.config.vocab_size
        if any(not 0 <= i < vocab for i in request.prompt):
            raise BadRequest("The prompt has a token that the vocabulary has not.")
        context = engine.runner.config.context
        if len(request.prompt) >= context:
            raise PromptTooLong(f"The prompt has {len(request.prompt)} tokens; the model's context is {context}.")
        self._matcher = engine.grammars.matcher(request.grammar) if request.grammar else None
        self.state: Any = engine.begin(request.prompt)
        self.at = request.prefix = self.state.length

    def next_piece(self) -> Sequence[int]:
        return self.request.prompt[self.at : self.at + _PIECE]

    def answers(self) -> list[_Answer]:
        return [
            _Answer(
                self._engine,
                self.request,
                number,
                self.state if number == 0 else self.state.copy(),
                None if self._matcher is None else self._matcher.copy(),
            )
            for number in range(self.request.n)
        ]


class _Answer:
    """An answer under way."""

    def __init__(self, engine: Engine, request: Request, number: int, state: Any, matcher: Matcher | None) -> None:
        import torch

        self.request, self.number, self.state = request, number, state
        self.generation = Generation()
        self.pending: list[int] = []
        self._tokenizer = engine.loaded.tokenizer
        self._room = engine.runner.config.context - len(request.prompt)
        self._matcher = matcher
        self._draw = torch.Generator().manual_seed((request.sampling.seed + number) & 0x7FFFFFFFFFFFFFFF)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._hold = max((len(s) for s in request.sampling.stop), default=1) - 1

    def next_piece(self) -> Sequence[int]:
        return self.pending

    def take(self, logits_V: Tensor) -> bool:
        """Choose the next token; False when the answer has ended."""
        if not bool(logits_V.amax().isfinite()):
            raise NotFinite("The model computed something that is no number.")
        self.pending = []
        sampling = self.request.sampling
        chosen_from = logits_V if self._matcher is None else self._matcher.mask(logits_V)
        token = pick(chosen_from, sampling, self.generation.ids, self._draw)
        whole = logits_V.logsumexp(-1)
        top: tuple[tuple[int, float], ...] = ()
        if sampling.logprobs:
            best = logits_V.topk(sampling.logprobs)
            top = tuple(zip(best.indices.tolist(), (best.values - whole).tolist(), strict=True))
        if not self._say(token, float(logits_V[token] - whole), top):
            return False
        if self._matcher is not None:
            self._matcher.accept(token)
            for forced in self._matcher.forced():
                if not self._say(forced, 0.0, ()):
                    return False
            if self._matcher.finished:
                return self._finish("stop")
        return True

    def _say(self, token: int, logprob: float, top: tuple[tuple[int, float], ...]) -> bool:
        if token in self._tokenizer.eos_ids:
            return self._finish("stop")
        self.pending.append(token)
        self.generation.ids.append(token)
        control = token in self._tokenizer.control.values()
        self._held += "" if control else self._decode.decode(self._tokenizer.token_bytes(token))
        for stop in self.request.sampling.stop:
            if (at := self._held.find(stop)) >= 0:
                self._held = self._held[:at]
                self._tell(Token(token, self._held, logprob, top))
                self._held = ""
                return self._finish("stop")
        ready = len(self._held) - self._hold
        text = self._held[: max(ready, 0)]
        self._held = self._held[len(text) :]
        self._tell(Token(token, text, logprob, top))
        if len(self.generation.ids) >= min(self.request.sampling.max_tokens, self._room):
            return self._finish("length")
        return True

    def _tell(self, token: Token) -> None:
        self.generation.tokens.append(token)
        self.generation.text += token.text
        self.request.on_token(self.number, token)

    def _finish(self, why: str) -> bool:
        rest = self._held + self._decode.decode(b"", final=True)
        self._held = ""
        if rest:
            self._tell(Token(-1, rest, 0.0))
        self.generation.finish = why
        return False


def generate(
    engine: Engine,
    prompt: Sequence[int],
    sampling: Sampling | None = None,
    *,
    grammar: str = "",
    stop: threading.Event | None = None,
) -> Iterator[Token]:
    """One answer, token by token. Leaving the iterator ends it.

    Raises:
        ModelFault: what :class:`Batch` says: the prompt does not fit, ``stop`` was set, the model computed NaN.
    """
    yield from _drive(engine, Request(prompt, sampling or Sampling(), 1, grammar, stop or threading.Event()))


def _drive(engine: Engine, request: Request) -> Iterator[Token]:
    """Run one request in this thread; yields the tokens of all its answers."""
    said: list[Token] = []
    faults: list[ModelFault] = []
    request.on_token = lambda _n, token: said.append(token)
    request.on_fault = faults.append
    batch = Batch(engine)
    batch.add(request)
    while batch.busy:
        batch.step()
        yield from said
        said.clear()
    if faults:
        raise faults[0]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n
