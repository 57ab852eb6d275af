"""The JSON form of events is a contract: docs/events.md holds it, and real runs keep it."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

from agentsh.runtime.agent import run_task
from agentsh.runtime.events import (
    EVENTS,
    CandidatesRanked,
    CandidateSummary,
    EffectSummary,
    Event,
    OutputPiece,
    json_schema,
)
from tests.unit.agent.fakes import FakeWorkspace, replay, shell

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text()


def test_the_documented_schema_is_the_one_of_the_code():
    block = re.search(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.type)
def test_every_event_is_documented_with_its_fields_in_order(event: type[Event]):
    section = PAGE.split(f"## `{event.type}`\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [f.name for f in fields(event)]


def test_every_line_of_a_run_fits_the_schema():
    ws = FakeWorkspace({"a": b"1"})
    ws.lines["ls"] = b"\x1b[31m a \xff\n"
    events: list[Event] = []
    turns = (
        [shell("ls"), ("write", {"path": "b", "content": "2"}), ("nothing", "{")],
        [("write", {"path": ".git/x", "content": ""})],
        "done",
    )
    with replay(*turns) as model:
        run_task(ws, model, "do \u2603 it", on_event=events.append)
    assert {e.type for e in events} == {e.type for e in EVENTS} - {"notice", "candidates"}
    validator = jsonschema.Draft202012Validator(json_schema())
    for event in events:
        line = event.to_json()
        assert line.isascii()
        assert line.isprintable()
        validator.validate(json.loads(line))


def test_the_candidates_of_a_turn_fit_the_schema():
    effects = (EffectSummary("b", "create", (), 1, 0, "tried"),)
    candidates = (CandidateSummary("I look", ("ls",), 1.5, ("exit code 0",), 0, "a\x1b", effects, -0.5),)
    line = CandidatesRanked("r1", step=1, candidates=candidates, prompt_tokens=3).to_json()
    jsonschema.validate(json.loads(line), json_schema())
    assert line.isprintable()


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": 2, "type": "output", "session": "r1", "stream": "stdout", "text": ""},
        {"schema": 1, "type": "output", "session": "r1", "stream": "screen", "text": ""},
        {"schema": 1, "type": "output", "session": "r1", "text": ""},
        {"schema": 1, "type": "surprise", "session": "r1"},
    ],
)
def test_the_schema_refuses_what_is_no_event(broken: dict[str, object]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


def test_an_event_is_one_line():
    line = OutputPiece("r1", stream="stdout", text="a\nb\u2028c\x1b\x7f").to_json()
    assert line == (
        '{"schema": 1, "type": "output", "session": "r1", "stream": "stdout", "text": "a\\nb\\u2028c\\u001b\\u007f"}'
    )
