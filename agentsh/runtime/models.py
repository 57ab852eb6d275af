"""The model that a session uses: the configuration's profiles, and the keys that they name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agentsh.config import Config
    from agentsh.llm import Model


def model_for(spec: str, config: Config, *, retrieval: bool = True) -> Model:
    """The model that ``spec`` names, with its key from the keyring or the environment.

    Args:
        spec: as ``agentsh run --model`` takes it; empty for the configured default.
        config: has the profiles.
        retrieval: the local model is shown lines that did similar things, where the configuration says so too.

    Raises:
        UsageError: ``spec`` names nothing.
        ConfigError: the profile cannot be used.
        ModelError: the key that the profile names is not stored anywhere, or a recording cannot be played.
    """
    from agentsh.llm import open_model  # noqa: PLC0415 - this module is imported for its types too
    from agentsh.secrets import Keychain  # noqa: PLC0415 - brings the keyring package

    if not retrieval:
        config = replace(config, local_retrieval=False)
    return open_model(spec, config, keys=Keychain().api_key)


def candidates_for(spec: str, config: Config, asked: int | None = None) -> int:
    """How many answers a model is asked for at each turn.

    Args:
        spec: as of :func:`model_for`.
        config: has the profiles.
        asked: what the person said; goes before all else.
    """
    spec = spec or config.default_model
    if asked is not None:
        return asked
    if (profile := config.model_profile(spec)) is not None:
        return profile.candidates
    return config.local_candidates if spec.partition(":")[0] == "local" else 1


def serve_local(
    path: Path | None, *, host: str, port: int, network: bool, token: str, ready: Callable[[str, str], None]
) -> None:
    """Serve the local model over HTTP; see :func:`agentsh.llm.local.serve_model`."""
    from agentsh.llm.local import serve_model  # noqa: PLC0415 - brings the model's package

    serve_model(path, host=host, port=port, network=network, token=token, ready=ready)


def add_pairs(path: Path) -> tuple[int, Path]:
    """Add pairs to those that the local model is shown: how many were new, and where they are kept.

    Raises:
        UsageError: the file cannot be used.
    """
    from agentsh.llm.retrieve import add_pairs as add  # noqa: PLC0415 - as above
    from agentsh.llm.retrieve import own_pairs_file  # noqa: PLC0415

    return add(path), own_pairs_file()


def upcycle_local(out: Path, **options: Any) -> int:
    """See :func:`agentsh.llm.local_training.upcycle_model`."""
    from agentsh.llm.local_training import upcycle_model  # noqa: PLC0415 - brings the model's package

    return upcycle_model(out, **options)


def train_local(data: Path, **options: Any) -> bool:
    """See :func:`agentsh.llm.local_training.train_model`."""
    from agentsh.llm.local_training import train_model  # noqa: PLC0415 - brings the model's package

    return train_model(data, **options)
