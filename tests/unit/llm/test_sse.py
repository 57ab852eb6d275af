"""Server-sent events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.errors import ModelError
from agentsh.llm import sse
from agentsh.llm.sse import data_events

STREAM = b": hello\n\ndata: one\r\n\r\nevent: x\ndata:two\ndata:  three\n\nid: 4\n\ndata: [DONE]\n\ndata: torn"
EVENTS = [b"one", b"two\n three", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_events_are_the_same_wherever_the_stream_is_split(cuts: list[int]):
    bounds = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(bounds)]
    assert list(data_events(chunks)) == EVENTS


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_crash_it(chunks: list[bytes]):
    assert all(isinstance(e, bytes) for e in data_events(chunks))


def test_an_endless_line_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="line of more than"):
        list(data_events(b"x" * 65536 for _ in range(100)))


def test_an_endless_event_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="event of more than"):
        list(data_events(b"data: " + b"x" * 65536 + b"\n" for _ in range(100)))


def test_an_endless_stream_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "MAX_STREAM_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="answer is larger"):
        list(data_events(b": nothing\n\n" * 1000 for _ in range(1000)))
