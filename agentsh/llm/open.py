"""From ``--model`` to a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agentsh.core.errors import ConfigError, UsageError
from agentsh.core.sanitise import visible_line
from agentsh.core.secret import Secret
from agentsh.llm.endpoint import EndpointModel
from agentsh.llm.origin import is_loopback

if TYPE_CHECKING:
    from agentsh.config import Config
    from agentsh.llm.model import Model

KeySource = Callable[[str], Secret | None]
"""Finds the key of a name; None when there is none."""


def open_model(spec: str, config: Config, *, keys: KeySource) -> Model:
    """The model that ``spec`` names.

    Args:
        spec: ``openai:MODEL``; a profile of the configuration; ``local`` for the model of this machine, or
            ``local:FILE`` for other weights (GGUF, or a directory of safetensors) and ``local:base`` for those it was
            made from; ``replay`` for the packaged
            demonstration or ``replay:FILE`` for a recording. Empty takes the configuration's ``default_model``.
        config: has the profiles.
        keys: looks up a key by its name.

    Raises:
        UsageError: ``spec`` names nothing, or the local model is not installed.
        ConfigError: the profile cannot be used.
        ConfigError: the key that the profile names is not stored anywhere.
        ModelError: a recording cannot be played.
    """
    spec = spec or config.default_model
    if not spec:
        raise UsageError(
            "No model was chosen.",
            next_step="Give --model openai:NAME, or set default_model in the configuration; '--model local' works on "
            "this machine alone, and '--model replay' is a recorded demonstration.",
        )
    if (profile := config.model_profile(spec)) is not None:
        key = keys(profile.key) if profile.key else None
        if profile.key and key is None and not is_loopback(profile.base_url):
            raise ConfigError(
                f"There is no key {profile.key} in the keyring or the environment for {profile.base_url}.",
                next_step=f"Store it with 'agentsh secrets set {profile.key}', or set the environment variable.",
            )
        return EndpointModel(profile, key)
    scheme, _, rest = spec.partition(":")
    if scheme == "local":
        from agentsh.llm.local import LocalModel  # noqa: PLC0415 - brings the model's package

        return LocalModel(spec, Path(rest) if rest else None, retrieval=config.local_retrieval)
    if scheme == "replay":
        from agentsh.llm.replay import ReplayModel, demo_recording, load_recording  # noqa: PLC0415 - brings a server

        recording = load_recording(Path(rest)) if rest else demo_recording()
        return ReplayModel(spec, recording)
    known = ", ".join(["openai:NAME", "local", "local:FILE", "replay", "replay:FILE", *sorted(config.models)])
    raise UsageError(
        f"There is no model '{visible_line(spec)}'.",
        next_step=f"Known are: {visible_line(known)}. A profile is a [models.NAME] table in the configuration.",
    )
