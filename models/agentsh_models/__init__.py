"""The local model: architecture, weights, generation and serving, apart from agentsh.

Importing this package loads nothing heavy; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentsh_models.architecture import Model, Output
    from agentsh_models.cache import Cache
    from agentsh_models.config import Config, MoD, MoE
    from agentsh_models.errors import ModelFault
    from agentsh_models.generation import Engine, generate
    from agentsh_models.loading import Loaded, load, load_base, load_deltas, load_released, save_deltas
    from agentsh_models.request import Generation, Request, Token
    from agentsh_models.sampling import Sampling
    from agentsh_models.tokenizer import Tokenizer

_PLACES = {
    "Cache": "cache",
    "Config": "config",
    "Engine": "generation",
    "generate": "generation",
    "Generation": "request",
    "load": "loading",
    "load_base": "loading",
    "load_deltas": "loading",
    "load_released": "loading",
    "Loaded": "loading",
    "MoD": "config",
    "Model": "architecture",
    "ModelFault": "errors",
    "MoE": "config",
    "Output": "architecture",
    "Request": "request",
    "Sampling": "sampling",
    "save_deltas": "loading",
    "Token": "request",
    "Tokenizer": "tokenizer",
}

__all__ = [
    "Cache",
    "Config",
    "Engine",
    "Generation",
    "Loaded",
    "MoD",
    "MoE",
    "Model",
    "ModelFault",
    "Output",
    "Request",
    "Sampling",
    "Token",
    "Tokenizer",
    "generate",
    "load",
    "load_base",
    "load_deltas",
    "load_released",
    "save_deltas",
]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'agentsh_models' has no attribute '{name}'")
    return getattr(importlib.import_module(f"agentsh_models.{_PLACES[name]}"), name)
