"""Waiting before the next try."""

from __future__ import annotations

import pytest

from agentsh.llm.retry import Retry, retry_after


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("1e9", None),
        ("\u0665", None),
    ],
)
def test_retry_after(raw: str, seconds: float | None):
    assert retry_after({"retry-after": raw}, now=1445412480.0) == seconds


def test_backoff_doubles_within_bounds():
    retry = Retry(attempts=9, base_s=1.0, longest_s=10.0)
    for attempt, full in enumerate([1, 2, 4, 8, 10, 10], 1):
        delay = retry.delay(attempt, None)
        assert delay is not None
        assert 0.75 * full <= delay <= full
    assert retry.delay(9, None) is None


def test_an_endpoint_that_asks_for_too_long_is_given_up():
    retry = Retry(longest_s=10.0)
    assert retry.delay(1, 10.0) == 10.0
    assert retry.delay(1, 10.1) is None
