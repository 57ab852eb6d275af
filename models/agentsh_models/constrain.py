"""Grammars that an answer must keep: tool calls and JSON schemas.

The work is llguidance's; it is loaded when the first grammar is asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentsh_models.chat import CALL_CLOSE, CALL_OPEN, functions
from agentsh_models.errors import BadRequest, MissingPart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from agentsh_models.tokenizer import Tokenizer

_FORM = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_LONGEST_GRAMMAR = 256 << 10


def tool_grammar(tools: Sequence[Mapping[str, Any]], *, must: bool = False, only: str = "") -> str:
    """The grammar of an answer that may call tools: words, or calls, each of a known tool with fitting arguments.

    Args:
        tools: in the API's form.
        must: a call there has to be.
        only: the one tool that may be called; empty for any.

    Raises:
        BadRequest: a tool is malformed, or ``only`` names none.
    """
    known = functions(tools)
    if only and only not in known:
        raise BadRequest(f"There is no tool {only!r}.")
    forms = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": schema},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for name, schema in known.items()
        if not only or name == only
    ]
    body = json.dumps({"anyOf": forms, "x-guidance": _FORM})
    start = "call" if only else "call+" if must else "TEXT | call+"
    return f'start: {start}\ncall: "{CALL_OPEN}" body "{CALL_CLOSE}"\nbody: %json {body}\nTEXT: /[^<](.|\\n)*/\n'


def schema_grammar(schema: Mapping[str, Any] | None) -> str:
    """The grammar of a JSON value that fits ``schema``; of any object when it is None."""
    body = json.dumps({**({"type": "object"} if schema is None else schema), "x-guidance": _FORM})
    return f"start: body\nbody: %json {body}\n"


class Grammars:
    """Compiles grammars for one vocabulary.

    Args:
        tokenizer: has the vocabulary.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._vocabulary: Any = None

    def matcher(self, grammar: str) -> Matcher:
        """A matcher at the beginning of ``grammar``.

        Raises:
            BadRequest: the grammar cannot be used: a schema with what is not supported, mostly.
            MissingPart: llguidance is not installed.
        """
        try:
            import llguidance
        except ImportError as e:
            raise MissingPart("Constrained answers need the package llguidance.") from e
        if len(grammar) > _LONGEST_GRAMMAR:
            raise BadRequest("The tools or the schema are too large for a grammar.")
        if self._vocabulary is None:
            # The vocabulary with its control tokens marked, so that none of them counts as text.
            data = json.loads(self._tokenizer.base.to_str())
            flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            data["added_tokens"] = [
                {"id": i, "content": t, **flags} for t, i in sorted(self._tokenizer.control.items(), key=lambda x: x[1])
            ]
            self._vocabulary = llguidance.LLTokenizer(
                json.dumps(data), n_vocab=self._tokenizer.vocab_size, eos_token=sorted(self._tokenizer.eos_ids)
            )
        inner = llguidance.LLMatcher(self._vocabulary, llguidance.grammar_from("grammar", grammar), log_level=0)
        if inner.is_error():
            raise BadRequest(f"The tools or the schema cannot be kept to: {inner.get_error()[:300]}")
        return Matcher(inner, self._tokenizer.vocab_size)


class Matcher:
    """Where an answer stands in its grammar."""

    def __init__(self, inner: Any, vocab_size: int) -> None:
        self._inner = inner
        self._vocab_size = vocab_size

    def copy(self) -> Matcher:
        """Another one at the same place."""
        return Matcher(self._inner.deep_copy(), self._vocab_size)

    def mask(self, logits_V: Tensor) -> Tensor:
        """The logits with -inf where a token may not follow."""
        import torch

        bits = torch.frombuffer(bytearray(self._inner.compute_bitmask()), dtype=torch.uint8)
        allowed = (bits.unsqueeze(1) >> torch.arange(8, dtype=torch.uint8)) & 1
        return logits_V.masked_fill(allowed.flatten()[: self._vocab_size] == 0, -torch.inf)

    def accept(self, token: int) -> None:
        """Go on by a token that the mask allowed.

        Raises:
            BadRequest: the grammar grew past the library's bounds.
        """
        if not self._inner.consume_token(token):
            raise BadRequest(f"The answer cannot be kept to its grammar: {self._inner.get_error()[:300]}")

    def forced(self) -> list[int]:
        """Tokens that must follow, whatever the model thinks; they are accepted."""
        tokens: list[int] = self._inner.compute_ff_tokens()
        if tokens:
            self._inner.consume_tokens(tokens)
        return tokens

    @property
    def finished(self) -> bool:
        """Whether nothing may follow."""
        return bool(self._inner.is_stopped())
