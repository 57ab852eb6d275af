"""Answers put together from whatever endpoints stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.errors import ModelError
from agentsh.core.secret import Secret
from agentsh.llm import Answer, Usage
from agentsh.llm.assemble import MAX_CALLS, Assembler, error_text
from agentsh.llm.text import TextStream
from agentsh.redact import Redactor
from tests.unit.llm.servers import delta

KEY = Secret("KEY", "sk-0123456789abcdef")


def assemble(*chunks: object, redactor: Redactor | None = None) -> Answer:
    assembler = Assembler(redactor or Redactor())
    for chunk in chunks:
        assembler.feed(chunk)
    return assembler.answer()


def call(index: object = None, *, id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:  # noqa: A002
    piece: dict[str, Any] = {"function": {}}
    if index is not None:
        piece["index"] = index
    if id is not None:
        piece["id"] = id
    if name is not None:
        piece["function"]["name"] = name
    if arguments is not None:
        piece["function"]["arguments"] = arguments
    return delta(tool_calls=[piece])


def test_two_calls_whose_argument_fragments_interleave():
    answer = assemble(
        call(0, id="x", name="shell", arguments=""),
        call(1, id="y", name="read", arguments='{"pa'),
        call(0, arguments='{"line": "l'),
        call(1, arguments='th": "a"}'),
        call(0, arguments='s"}'),
        delta("tool_calls"),
    )
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls] == [
        ("x", "shell", {"line": "ls"}),
        ("y", "read", {"path": "a"}),
    ]
    assert answer.finish == "tool_calls"


def test_calls_without_ids_get_distinct_ones():
    answer = assemble(call(0, name="a"), call(1, name="b"))
    ids = [c.id for c in answer.tool_calls]
    assert len(set(ids)) == 2
    assert all(ids)


def test_calls_with_the_same_id_get_distinct_ones():
    answer = assemble(call(0, id="same", name="a"), call(1, id="same", name="b"))
    assert len({c.id for c in answer.tool_calls}) == 2


def test_pieces_without_index_belong_to_the_call_before():
    answer = assemble(
        call(id="x", name="shell"), call(arguments='{"line":'), call(arguments='"ls"}'), call(id="y", name="read")
    )
    assert [(c.name, c.arguments) for c in answer.tool_calls] == [("shell", {"line": "ls"}), ("read", {})]


def test_parallel_calls_all_numbered_zero_stay_apart():
    answer = assemble(
        call(0, id="x", name="shell", arguments='{"line": "a"}'),
        call(0, id="y", name="shell", arguments='{"line": "b"}'),
    )
    assert [c.arguments for c in answer.tool_calls] == [{"line": "a"}, {"line": "b"}]


def test_a_name_repeated_in_every_piece_counts_once():
    answer = assemble(call(0, id="x", name="shell"), call(0, name="shell", arguments="{}"), call(0, name="shell"))
    assert answer.tool_calls[0].name == "shell"


def test_a_name_in_fragments():
    answer = assemble(call(0, id="x", name="sh"), call(0, name="ell"), call(0, arguments="{}"))
    assert answer.tool_calls[0].name == "shell"


def test_arguments_that_come_decoded():
    assert assemble(call(0, name="shell", arguments={"line": "ls"})).tool_calls[0].arguments == {"line": "ls"}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ('{"line": ', "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"n": NaN}', "not valid JSON"),
        ('{"n": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"a":' * 200_000, "nested too deeply"),
    ],
)
def test_unusable_arguments_are_a_problem_not_a_crash(raw: str, why: str):
    found = assemble(call(0, id="x", name="shell", arguments=raw)).tool_calls[0]
    assert found.arguments is None
    assert why in found.problem
    assert json.loads(found.to_message()["function"]["arguments"]) == {}


def test_lone_surrogates_cannot_reach_the_journal():
    answer = assemble(
        delta(content="a\ud83d"), delta(content="\ude00b\udcff"), call(0, name="w", arguments='{"content": "\\ud800"}')
    )
    assert answer.text == "a\U0001f600b\ufffd"
    assert answer.tool_calls[0].arguments == {"content": "\ufffd"}
    json.dumps(answer.to_message(), ensure_ascii=False).encode()


def test_usage_and_content_parts_and_refusals():
    answer = assemble(
        delta(content=[{"type": "text", "text": "part"}, 3, {"text": 5}]),
        delta(refusal=" no"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": -1}},
    )
    assert answer.text == "part no"
    assert answer.usage == Usage(7, 0)


def test_a_whole_message_is_taken_like_a_stream():
    answer = assemble(
        {"choices": [{"message": {"content": "hi", "tool_calls": [{"id": "x", "function": {"name": "shell"}}]}}]}
    )
    assert (answer.text, answer.tool_calls[0].name) == ("hi", "shell")


def test_an_error_inside_the_stream_is_an_error():
    with pytest.raises(ModelError, match="overloaded"):
        assemble({"error": {"message": "overloaded", "code": 1}})


def test_too_many_calls_are_refused():
    with pytest.raises(ModelError, match=f"more than {MAX_CALLS}"):
        assemble(*(call(i, name="shell") for i in range(MAX_CALLS + 1)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "tool_calls", "function", "arguments", "name", "id", "index"]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(st.lists(JSON, max_size=6))
def test_no_stream_of_json_crashes_it(chunks: list[object]):
    try:
        answer = assemble(*chunks)
    except ModelError:
        return
    json.dumps(answer.to_message()).encode()


@given(st.lists(JSON, max_size=4))
def test_no_well_placed_garbage_crashes_it(values: list[object]):
    for value in values:
        try:
            assemble(
                {"choices": [{"index": 0, "delta": {"content": value, "tool_calls": [value, {"function": value}]}}]}
            )
            assemble({"choices": [value, {"delta": value}], "usage": value})
        except ModelError:
            continue


@given(st.text(alphabet="sk-0123456789abcdef x", max_size=60), st.lists(st.integers(1, 7), max_size=40))
def test_a_key_split_anywhere_never_leaves_the_stream(noise: str, cuts: list[int]):
    text = noise + KEY.reveal() + noise
    stream, shown, at = TextStream(Redactor([KEY])), "", 0
    for cut in [*cuts, len(text)]:
        shown += stream.feed(text[at : at + cut])
        assert KEY.reveal() not in shown
        at += cut
    shown += stream.end()
    assert shown == text.replace(KEY.reveal(), "secret:KEY")


def test_the_key_is_taken_out_of_arguments_however_it_is_escaped():
    escaped = "".join(f"\\u{ord(c):04x}" for c in KEY.reveal())
    answer = assemble(
        call(0, id=KEY.reveal(), name=KEY.reveal(), arguments=f'{{"line": "echo {escaped}", "{KEY.reveal()}": 1}}'),
        redactor=Redactor([KEY]),
    )
    assert KEY.reveal() not in repr(answer)
    assert answer.tool_calls[0].arguments == {"line": "echo secret:KEY", "secret:KEY": 1}


def test_error_text_is_one_bounded_line_without_the_key():
    text = error_text({"error": {"message": f"bad key {KEY.reveal()}\n\x1b[31m" + "x" * 9000}}, Redactor([KEY]))
    assert "secret:KEY" in text
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 600
