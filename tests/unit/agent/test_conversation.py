"""Shortening a conversation so that any endpoint still takes it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentsh.runtime.conversation import Conversation

ROUND = st.tuples(st.integers(0, 3), st.integers(0, 3000), st.integers(0, 3000))


@given(st.lists(ROUND, max_size=15), st.integers(200, 20_000))
def test_whatever_is_left_out_calls_and_results_stay_paired(rounds: list[tuple[int, int, int]], bound: int):
    journal: list[Any] = []
    talk = Conversation(journal.append, bound=bound)
    talk.add({"role": "system", "content": "s"})
    talk.add({"role": "user", "content": "the task"})
    for n, (calls, argument_size, result_size) in enumerate(rounds):
        arguments = json.dumps({"path": "p", "content": "x" * argument_size})
        message: dict[str, Any] = {"role": "assistant", "content": "t"}
        if calls:
            message["tool_calls"] = [
                {"id": f"{n}.{i}", "type": "function", "function": {"name": "write", "arguments": arguments}}
                for i in range(calls)
            ]
        talk.add(message)
        for i in range(calls):
            talk.add({"role": "tool", "tool_call_id": f"{n}.{i}", "content": "r" * result_size})
        talk.fit()
        sent = talk.to_send()
        assert [m["content"] for m in sent[:2]] == ["s", "the task"]
        asked = [c["id"] for m in sent for c in m.get("tool_calls", ())]
        assert [m["tool_call_id"] for m in sent if m["role"] == "tool"] == asked
        for m in sent:
            for c in m.get("tool_calls", ()):
                assert isinstance(json.loads(c["function"]["arguments"]), dict)
    total = sum(c + 1 for c, _, _ in rounds)
    assert len(journal) == 2 + total
    assert all("characters of an earlier result" not in json.dumps(m) for m in journal)


def test_within_the_bound_nothing_changes():
    talk = Conversation(lambda _: None, bound=1000)
    talk.add({"role": "user", "content": "x" * 900})
    assert talk.fit() == 0
    assert talk.to_send() == [{"role": "user", "content": "x" * 900}]


def test_calls_without_result_are_looked_for_in_the_newest_turn_alone():
    def asks(*ids: str) -> dict[str, Any]:
        return {"role": "assistant", "content": "", "tool_calls": [{"id": i} for i in ids]}

    answered = {"role": "tool", "tool_call_id": "a", "content": ""}
    assert Conversation(lambda _: None, messages=[asks("a"), answered, asks("a", "b"), answered]).open_calls() == ["b"]
    assert Conversation(lambda _: None, messages=[asks("a"), answered]).open_calls() == []
    assert Conversation(lambda _: None).open_calls() == []
