"""What can be configured, with the defaults."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Literal, get_args

from agentsh.core.limits import Keep, Limits
from agentsh.core.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS = ("read-only", "review", "ci", "trusted")
"""Policy presets."""

STRICTER: Mapping[str, frozenset[str]] = {
    "read-only": frozenset(),
    "review": frozenset({"read-only"}),
    # 'review' asks about what 'ci' denies, and 'ci' approves what 'review' asks about.
    "ci": frozenset({"read-only"}),
    "trusted": frozenset({"read-only", "review", "ci"}),
}
"""For each preset those that decide as strictly or more so about everything: what a workspace file may ask for."""

MOST_CANDIDATES = 16
"""Answers that one turn may ask for."""

StagingKind = Literal["auto", "overlay", "clone", "copy"]
STAGING_KINDS: tuple[StagingKind, ...] = get_args(StagingKind)


@record(frozen=True, slots=True)
class ModelProfile:
    """An endpoint and a model at it.

    Attributes:
        name: what ``--model`` calls it.
        model: the model's name at the endpoint.
        base_url: the endpoint, an OpenAI-compatible API's root (``https://api.openai.com/v1``).
        key: the *name* of the secret that opens it, looked up in the keyring and then in the environment; empty for
            an endpoint that needs none. The value is never configured here.
        timeout_s: seconds to wait for the endpoint's next byte.
        max_tokens: bound of one answer; None leaves it to the endpoint.
        temperature: None leaves it to the endpoint.
        headers: further request headers.
        candidates: answers that are asked for at each turn, of which the best goes on.
        input_price: dollars for a million tokens that the model reads; None when nobody said.
        output_price: the same for tokens that it writes.
    """

    name: str
    model: str
    base_url: str = "https://api.openai.com/v1"
    key: str = "OPENAI_API_KEY"
    timeout_s: float = 120.0
    max_tokens: int | None = None
    temperature: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    candidates: int = 1
    input_price: float | None = None
    output_price: float | None = None


@record(frozen=True, slots=True)
class SecretBinding:
    """Where a secret may go. Its value is not here: the keyring alone holds it.

    Attributes:
        hosts: patterns of hosts, without wildcards.
        methods: methods of the requests that may carry it.
        header: the header that carries it.
        prefix: what stands before the value in that header, such as ``Bearer`` and a space.
    """

    hosts: tuple[str, ...]
    methods: frozenset[str] = frozenset({"GET"})
    header: str = "Authorization"
    prefix: str = ""


@record(frozen=True, slots=True)
class Web:
    """What actions may read over HTTP. Nothing, unless it says so.

    Attributes:
        allow: patterns of hosts: a name, ``*.`` and a domain, either with a port.
        grant_private: hosts, each with its port where it is not the usual one, whose address may be private. They are
            allowed by that, too.
        within: a second allow-list, the workspace's, that must hold as well; None without one.
        mime: media types of bodies; ``text/*`` and ``application/*+json`` are patterns.
        max_bytes: of a body, before and after decompression.
        timeout_s: seconds from the look-up of the name to the last byte, redirects included.
        person_only: whether a host that a wildcard alone allows must have been named by the person.
    """

    allow: tuple[str, ...] = ()
    grant_private: tuple[str, ...] = ()
    within: tuple[str, ...] | None = None
    mime: tuple[str, ...] = (
        "text/*",
        "application/json",
        "application/*+json",
        "application/xml",
        "application/*+xml",
        "application/javascript",
        "application/yaml",
        "application/toml",
        "application/x-ndjson",
    )
    max_bytes: int = 4 << 20
    timeout_s: float = 30.0
    person_only: bool = True


@record(frozen=True, slots=True)
class Api:
    """What the person says of a call that changes something.

    Attributes:
        method: of the call.
        url: of the call; a segment of its path may be a place such as ``{repo}``.
        undo: the call that takes it back, a method and a URL; its places are those of the call, or what the response
            says. Empty for a call that cannot be taken back, whatever anybody else declares.
    """

    method: str
    url: str
    undo: str = ""


@record(frozen=True, slots=True)
class Config:
    """The merged configuration.

    Attributes:
        policy: a preset's name, or the path of a policy file.
        limits: what one action may use.
        staging: how the staging view is made; 'auto' takes the best that works.
        clock: whether actions may read the time; without it every clock they see stands still.
        default_model: what ``agentsh run`` uses without ``--model``; empty when none is set.
        models: profiles by name.
        local_retrieval: whether the local model is shown lines that did similar things.
        local_candidates: answers that the local model is asked for at each turn.
        protected: further path patterns that an agent's actions may not change.
        detect_credentials: whether what looks like a credential is kept from models, known to the keyring or not.
        keep: how much the store keeps.
        http: what actions may read over HTTP.
        bindings: for names of secrets, where each may go.
        apis: what is known of calls that change something; the first that fits one holds.
        notices: what a workspace file asked for and did not get, one sentence each; for the person's eyes.
    """

    policy: str = "review"
    limits: Limits = field(default_factory=Limits)
    staging: StagingKind = "auto"
    clock: bool = True
    default_model: str = ""
    models: Mapping[str, ModelProfile] = field(default_factory=dict)
    local_retrieval: bool = True
    local_candidates: int = 1
    protected: tuple[str, ...] = ()
    detect_credentials: bool = True
    keep: Keep = field(default_factory=Keep)
    http: Web = field(default_factory=Web)
    bindings: Mapping[str, SecretBinding] = field(default_factory=dict)
    apis: tuple[Api, ...] = ()
    notices: tuple[str, ...] = ()

    def model_profile(self, name: str) -> ModelProfile | None:
        """The profile of ``--model name``: a configured one, or ``openai:MODEL`` at the default endpoint."""
        if name in self.models:
            return self.models[name]
        scheme, _, model = name.partition(":")
        if scheme != "openai" or not model:
            return None
        endpoint = self.models.get("openai")
        if endpoint is None:
            return ModelProfile(name=name, model=model)
        return replace(endpoint, name=name, model=model)
