"""Training that also listens to a teacher: what it thought of every token, not only which one came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from agentsh_models.errors import BadRequest
from agentsh_models.train import Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from agentsh_models.architecture import Model
    from agentsh_models.train import Batch, Example, Recipe


class DistillingTrainer(Trainer):
    """A :class:`Trainer` whose loss has a part of the divergence from a teacher (Hinton et al. 2015).

    Args:
        model: what is trained.
        examples: documents.
        recipe: how.
        teacher: with the same vocabulary; it is moved to ``device`` and not trained.
        share: of the loss that is the divergence, 0 to 1.
        options: as of :class:`Trainer`.

    Raises:
        BadRequest: the teacher has another vocabulary, or as :class:`Trainer`.
    """

    def __init__(
        self,
        model: Model,
        examples: Sequence[Example],
        recipe: Recipe,
        *,
        teacher: Model,
        share: float = 0.5,
        **options: Any,
    ) -> None:
        if teacher.config.vocab_size != model.config.vocab_size:
            raise BadRequest("A teacher must have the vocabulary of what it teaches.")
        super().__init__(model, examples, recipe, **options)
        self._teacher = teacher.to(self.device).eval()
        self._share = share

    def _losses(self, part: Batch) -> tuple[Tensor, Tensor]:
        logits, target, extra = self._forward(part)
        said = F.cross_entropy(logits, target, reduction="sum")
        if not self.model.training:
            return said, extra
        with torch.no_grad():
            wanted, _, _ = self._forward(part, self._teacher)
        apart = F.kl_div(logits.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="sum")
        return (1 - self._share) * said + self._share * apart, extra
