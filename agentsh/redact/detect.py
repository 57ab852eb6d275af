"""Credentials that nobody told us about, by their form.

The forms (tokens of GitHub, Slack, Stripe and so on) are those that the detect-secrets package keeps; private keys are
taken out whole, from their first line to their last.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# Detectors that have a form of their own, and so hardly err. Left out: the guesses (entropy, keywords) and addresses.
_DETECTORS: Final = (
    ("artifactory", "ArtifactoryDetector"),
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("cloudant", "CloudantDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
_GUARDS: Final = {
    "artifactory": (b"AKC", b"AP"),
    "aws": (b"AKIA", b"ASIA", b"ABIA", b"ACCA", b"A3T"),
    "cloudant": (b"cloudant",),
    "discord": (b".",),
    "mailchimp": (b"-us",),
    "slack": (b"xox", b"hooks.slack.com"),
    "stripe": (b"k_live_",),
    "telegram_token": (b":AA",),
}
"""What a text must contain for the slow forms of a detector to be tried at all."""

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.{0,32768}?"
    rb"(?:-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
# What newer services give out, which the package does not know.
_OURS: Final = (
    (b"sk-", "openai-key", re.compile(rb"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{32,}")),
    (b"sk-ant-", "anthropic-key", re.compile(rb"\bsk-ant-[a-z0-9]{2,8}-[A-Za-z0-9_-]{32,}")),
    (b"AIza", "google-key", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b")),
    (b"hf_", "huggingface-token", re.compile(rb"\bhf_[A-Za-z0-9]{30,}\b")),
)


def find_credentials(data: bytes) -> list[tuple[int, int, str]]:
    """What looks like a credential: start, end, kind; in order, none within another."""
    found = sorted(_all(data))
    out: list[tuple[int, int, str]] = []
    for start, end, kind in found:
        if out and start < out[-1][1]:
            continue
        out.append((start, end, kind))
    return out


def _all(data: bytes) -> Iterator[tuple[int, int, str]]:
    for m in _PRIVATE_KEY.finditer(data):
        yield m.start(), m.end(), "private-key"
    for guard, kind, form in _OURS:
        if guard in data:
            for m in form.finditer(data):
                yield m.start(), m.end(), kind
    for guards, kind, form in _forms():
        if guards and not any(g in data for g in guards):
            continue
        for m in form.finditer(data):
            group = 1 if m.re.groups and m[1] is not None else 0  # a form may name what is around the value
            start, end = m.span(group)
            if start < end:
                yield start, end, kind


@cache
def _forms() -> tuple[tuple[tuple[bytes, ...], str, re.Pattern[bytes]], ...]:
    from importlib import import_module  # noqa: PLC0415 - detect-secrets is loaded only where it is used

    forms = []
    for module, name in _DETECTORS:
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        kind = str(detector.secret_type).lower().replace(" ", "-")
        forms += [
            (_GUARDS.get(module, ()), kind, re.compile(form.pattern.encode(), form.flags & ~re.UNICODE))
            for form in detector.denylist
        ]
    return tuple(forms)
