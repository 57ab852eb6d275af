"""The errors of the local model.

::

    ModelFault
     ├── MissingPart          a package or file that the model needs is not there
     ├── BadWeights           a weights file is damaged, tampered with, or does not fit
     ├── UnknownArchitecture  a weights file holds something else than a Llama-family decoder
     ├── BadRequest           what was asked for cannot be asked
     │    └── PromptTooLong   the prompt does not fit the context
     ├── NotFinite            the model computed NaN or infinity
     ├── OutOfMemory          the machine has too little memory for it
     └── Stopped              whoever asked gave up

None of them touches a person's files. Each says what happened and what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class ModelFault(Exception):
    """Base of every error that the local model raises on purpose.

    Args:
        what: what happened, one sentence.
        next_step: what to do next; defaults to the class's sentence.
    """

    default_next: ClassVar[str] = ""

    def __init__(self, what: str, *, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = self.default_next if next_step is None else next_step


class MissingPart(ModelFault):
    """A package or a file that the model needs is not installed."""

    default_next = "Install it: pip install 'agentsh[local]'"


class BadWeights(ModelFault):
    """A weights file is truncated, was changed, or does not belong to this model."""

    default_next = "Install the weights again."


class UnknownArchitecture(ModelFault):
    """A weights file holds an architecture, a tokenizer or a number format that is not known here."""

    default_next = "Use a GGUF or safetensors file of a Llama-family model, or serve the model with another program."


class BadRequest(ModelFault):
    """What was asked for cannot be asked."""


class PromptTooLong(BadRequest):
    """The prompt, with what is to be generated, does not fit the model's context."""

    default_next = "Shorten the task, or start a new session."


class NotFinite(ModelFault):
    """The model computed NaN or infinity: its weights are damaged, or its training went wrong."""

    default_next = "Install the weights again; if you trained them, go back to an earlier state."


class OutOfMemory(ModelFault):
    """The machine has too little memory."""

    default_next = "Close other programs, or use a smaller model or a shorter prompt."


class Stopped(ModelFault):
    """Whoever asked gave up."""
