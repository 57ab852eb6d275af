"""Held requests through the real program: shown, approved, sent in order, taken back; and by a recorded model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PROGRAM, Program
from tests.unit.egress.servers import TEXT, Site, site

JSON = {"Content-Type": "application/json"}


def configure(agentsh: Program, text: str) -> Path:
    config = Path(agentsh.environment["AGENTSH_CONFIG_DIR"]) / "config.toml"
    config.write_text(text)
    return config


@pytest.fixture
def server(agentsh: Program) -> Iterator[Site]:
    with site() as s:
        configure(agentsh, f'[http]\ngrant_private = ["{s.host}"]\n')
        s.pages["/items"] = (201, JSON, b'{"id": 7, "data": {"name": "x/../y"}}')
        s.pages["/mail"] = (202, TEXT, b"on its way")
        s.pages["/no"] = (422, TEXT, b"not like that")
        s.pages["/broken"] = (500, TEXT, b"oh")
        s.pages["/items/7"] = (204, {}, b"")
        yield s


def asked(server: Site) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in server.asked]


def post(agentsh: Program, url: str, *more: str, code: int = 0) -> Any:
    return agentsh("http", "POST", url, "--data", "{}", *more, code=code)


def states(agentsh: Program) -> list[str]:
    return [r["state"] for r in agentsh.json("outbox")["requests"]]


def test_the_way_of_a_request(agentsh: Program, server: Site) -> None:
    told = agentsh("http", "post", f"{server.url}/items?a=1", "--data", '{"n": "\u202e1"}', "--header", "X-A: b")
    assert b"held" in told.stderr
    assert server.asked == []
    [action] = agentsh.json("status")["pending"]
    [request] = action["requests"]
    assert (action["status"], request["state"], request["class"]) == ("pending", "held", "irreversible")
    assert action["effects"] == []
    key = request["idempotency_key"]
    url = f"{server.url}/items?a=1".encode()
    for command in (("show", "a1"), ("diff", "a1"), ("outbox", "q1")):
        out = agentsh(*command)
        if command[0] != "diff":  # to a pipe that is a patch
            assert b"POST " + url in out.stdout
            assert b"X-A: b" in out.stdout
            assert b"Content-Type: application/json" in out.stdout
            assert b'| {"n": "\\u202e1"}' in out.stdout
            assert key.encode() in out.stdout
            assert b"nothing takes it back" in out.stdout
    assert b"agentsh outbox" in agentsh("diff").stderr
    assert agentsh.json("diff")["requests"] == [request]
    assert b"1 request" in agentsh("status").stdout
    assert b"nothing is approved" in agentsh("commit", code=4).stderr.lower()
    assert b"q1 POST" in agentsh("approve", "a1").stdout
    assert server.asked == []
    server.pages["/items?a=1"] = server.pages["/items"]
    out = agentsh("commit").stdout
    assert b"sent q1: POST " + url in out
    assert b"HTTP 201" in out
    assert asked(server) == [("POST", "/items?a=1")]
    headers = server.asked[0][2]
    assert (headers["idempotency-key"], headers["x-a"]) == (key, "b")
    assert server.bodies == ['{"n": "\u202e1"}'.encode()]
    shown = agentsh.json("outbox", "q1")
    assert shown["answer"]["text"].startswith('{"id": 7')
    assert (shown["request"]["state"], shown["request"]["status"], shown["request"]["commit"]) == ("sent", 201, "c1")
    agentsh("commit")
    assert len(server.asked) == 1
    entries = [(e["id"], e["status"]) for e in agentsh.json("log")["entries"] if e["kind"] == "request"]
    assert entries == [("q1", "sent")]
    assert b"cannot be taken back" in agentsh("revert", "a1", code=2).stderr
    assert agentsh.json("check")["ok"] is True


@pytest.mark.parametrize("word", ["reject", "discard"])
def test_what_is_dropped_is_never_sent(agentsh: Program, server: Site, word: str) -> None:
    post(agentsh, f"{server.url}/items")
    agentsh("approve", "a1")
    agentsh(word, *(["a1"] if word == "reject" else []))
    assert states(agentsh) == [f"{word}ed"]
    agentsh("commit")
    agentsh("outbox", "q1", "--again", code=2)
    agentsh("approve", "a1", code=2)
    assert server.asked == []
    assert agentsh.json("check")["ok"] is True


def test_files_first_then_what_can_be_taken_back_then_the_rest(agentsh: Program, server: Site) -> None:
    seen: list[bool] = []

    def mail(_: dict[str, str]) -> Any:
        seen.append((agentsh.root / "f").exists())
        return 202, TEXT, b""

    server.pages["/mail"] = mail
    post(agentsh, f"{server.url}/mail")
    post(agentsh, f"{server.url}/items", "--undo", f"DELETE {server.url}/items/{{id}}")
    agentsh("exec", "echo 1 > f")
    agentsh("approve", "a1", "a2", "a3")
    agentsh("commit")
    assert asked(server) == [("POST", "/items"), ("POST", "/mail")]
    assert seen == [True]
    assert states(agentsh) == ["sent", "sent"]

    preview = agentsh.json("revert", "a2", "--dry-run")
    assert [r["url"] for r in preview["requests"]] == [f"{server.url}/items/7"]
    assert len(server.asked) == 2
    agentsh("revert", "a2")
    assert asked(server)[2:] == [("DELETE", "/items/7")]
    assert states(agentsh) == ["sent", "undone", "sent"]
    agentsh("revert", "a2", code=2)
    assert len(server.asked) == 3
    told = agentsh.json("revert", "a1", "a3")
    assert [r["id"] for r in told["stands"]] == ["q1"]
    assert not (agentsh.root / "f").exists()
    assert agentsh.json("check")["ok"] is True


def test_a_failure_part_way_takes_back_what_can_be(agentsh: Program, server: Site) -> None:
    agentsh("exec", "echo 1 > f")
    post(agentsh, f"{server.url}/items", "--undo", f"DELETE {server.url}/items/{{id}}")
    post(agentsh, f"{server.url}/no")
    post(agentsh, f"{server.url}/mail")
    agentsh("approve", "a1", "a2", "a3", "a4")
    told = agentsh.json("commit", code=1)
    assert told["error"] == "RequestsStopped"
    assert [(r["id"], r["state"], r["status"]) for r in told["requests"]] == [
        ("q1", "undone", 201),
        ("q2", "refused", 422),
        ("q3", "approved", None),
    ]
    assert "taken back" in told["files"]
    assert asked(server) == [("POST", "/items"), ("POST", "/no"), ("DELETE", "/items/7")]
    assert not (agentsh.root / "f").exists()
    assert agentsh.pending() == ["a1", "a4"]
    agentsh("commit")  # what is left of it, by the same approvals
    assert (agentsh.root / "f").read_text() == "1\n"
    assert asked(server)[3:] == [("POST", "/mail")]
    agentsh("undo")
    assert agentsh.json("check")["ok"] is True


def test_what_was_sent_for_good_stands_and_so_do_the_files(agentsh: Program, server: Site) -> None:
    agentsh("exec", "echo 1 > f")
    post(agentsh, f"{server.url}/mail")
    post(agentsh, f"{server.url}/broken")
    agentsh("approve", "a1", "a2", "a3")
    told = agentsh("commit", code=1).stderr
    assert b"The files of c1 stand. Of its requests: q1 sent, q2 unknown." in told
    assert b"agentsh outbox q2 --sent" in told
    assert (agentsh.root / "f").exists()
    assert states(agentsh) == ["sent", "unknown"]
    agentsh("outbox", "q2", "--again", code=1)
    assert states(agentsh) == ["sent", "unknown"]
    agentsh("outbox", "q2", "--not-sent")
    assert states(agentsh) == ["sent", "refused"]
    assert agentsh.pending() == []
    assert asked(server) == [("POST", "/mail"), ("POST", "/broken"), ("POST", "/broken")]
    assert server.asked[1][2]["idempotency-key"] == server.asked[2][2]["idempotency-key"]
    assert agentsh.json("check")["ok"] is True


def test_a_server_that_is_not_there(agentsh: Program, server: Site) -> None:
    with site() as gone:
        other = gone.host
    config = configure(agentsh, f'[http]\ngrant_private = ["{other}", "{server.host}"]\n')
    (agentsh.root / "f").write_text("0\n")
    agentsh("exec", "echo 1 > f; mkdir d; echo 2 > d/g")
    post(agentsh, f"http://{other}/items")
    agentsh("approve", "a1", "a2")
    told = agentsh("commit", code=1).stderr
    assert b"was not sent" in told
    assert b"taken back and are staged again" in told
    assert (agentsh.root / "f").read_text() == "0\n"
    assert not (agentsh.root / "d").exists()
    assert states(agentsh) == ["approved"]
    assert agentsh.pending() == ["a1", "a2"]
    assert agentsh("exec", "cat f d/g").stdout == b"1\n2\n"
    assert agentsh("undo", code=2).stderr  # nothing stands that could be undone
    config.write_text(f'[http]\ngrant_private = ["{server.host}"]\n')
    assert b"may not send" in agentsh("commit", code=3).stderr  # the person does not allow it any more
    agentsh("reject", "a2")
    agentsh("commit")
    assert (agentsh.root / "d" / "g").read_text() == "2\n"
    assert agentsh.json("check")["ok"] is True


def test_an_unknown_one_that_arrived(agentsh: Program, server: Site) -> None:
    post(agentsh, f"{server.url}/broken", "--undo", f"DELETE {server.url}/items/7")
    agentsh("approve", "a1")
    agentsh("commit", code=1)
    assert b"unknown" in agentsh("status").stdout
    agentsh("discard")
    assert states(agentsh) == ["unknown"]
    agentsh("outbox", "q1", "--sent")
    agentsh("outbox", "q1", "--sent", code=2)
    assert states(agentsh) == ["sent"]
    agentsh("revert", "a1")
    assert asked(server) == [("POST", "/broken"), ("DELETE", "/items/7")]
    assert agentsh.json("check")["ok"] is True


def test_ctrl_c_while_the_answer_is_awaited(agentsh: Program, server: Site) -> None:
    over = threading.Event()

    def slow(_: dict[str, str]) -> Any:
        over.wait(60)
        return 201, TEXT, b""

    server.pages["/items"] = slow
    agentsh("exec", "echo 1 > f")
    post(agentsh, f"{server.url}/items")
    post(agentsh, f"{server.url}/mail")
    agentsh("approve", "a1", "a2", "a3")
    process = subprocess.Popen(
        [*PROGRAM, "commit"],
        cwd=agentsh.root,
        env={**os.environ, **agentsh.environment, "AGENTSH_DATA_DIR": str(agentsh.data)},
        stderr=subprocess.PIPE,
    )
    try:
        end = time.monotonic() + 60
        while not server.asked and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        over.set()
        process.kill()
    assert process.returncode == 130, told
    assert b"The files of c1 stand. Of its requests: q1 unknown, q2 approved." in told
    assert asked(server) == [("POST", "/items")]
    assert states(agentsh) == ["unknown", "approved"]
    agentsh("outbox", "q1", "--sent")
    agentsh("commit")
    assert asked(server) == [("POST", "/items"), ("POST", "/mail")]
    assert agentsh.json("check")["ok"] is True


def test_an_api_that_the_person_described(agentsh: Program, server: Site) -> None:
    configure(
        agentsh,
        f'[http]\ngrant_private = ["{server.host}"]\n'
        f'[[api]]\ncall = "POST {server.url}/shops/{{shop}}/items"\n'
        f'undo = "DELETE {server.url}/shops/{{shop}}/items/{{data.name}}"\n'
        f'[[api]]\ncall = "POST {server.url}/mail"\nclass = "irreversible"\n',
    )
    server.pages["/shops/my%20shop/items"] = server.pages["/items"]
    server.pages["/shops/my%20shop/items/x%2F..%2Fy"] = (204, {}, b"")
    post(agentsh, f"{server.url}/shops/my%20shop/items", "--undo", f"DELETE {server.url}/everything")
    post(agentsh, f"{server.url}/mail", "--undo", f"DELETE {server.url}/mail")
    assert [r["class"] for r in agentsh.json("outbox")["requests"]] == ["compensable", "irreversible"]
    agentsh("reject", "a2")
    agentsh("approve", "a1")
    agentsh("commit")
    agentsh("undo")
    assert asked(server)[1:] == [("DELETE", "/shops/my%20shop/items/x%2F..%2Fy")]


def recording(agentsh: Program, *calls: dict[str, Any]) -> str:
    turns = [{"tool_calls": [call]} for call in calls]
    path = agentsh.root.parent / "recording.json"
    path.write_text(
        json.dumps(
            {"agentsh_recording": 1, "name": "web", "task": "", "turns": [*turns, {"text": "Approved, all of it."}]}
        )
    )
    return f"replay:{path}"


@pytest.mark.parametrize("policy", ["trusted", "review"])
def test_yes_is_no_answer_to_what_nobody_has_seen(agentsh: Program, server: Site, policy: str) -> None:
    call = {"url": f"{server.url}/mail", "method": "POST", "body": "hello", "headers": {"Content-Type": "text/plain"}}
    model = recording(
        agentsh,
        {"name": "http", "arguments": call},
        {"name": "write", "arguments": {"path": "f", "content": "1\n"}},
        {"name": "shell", "arguments": {"line": "agentsh approve a1; agentsh commit; agentsh outbox q1 --again"}},
    )
    done = agentsh("run", f"mail with {server.url}", "--model", model, "--policy", policy, "--yes", code=4)
    assert b"POST" in done.stderr
    assert b"| hello" in done.stderr
    assert server.asked == []
    assert (agentsh.root / "f").read_text() == "1\n"
    assert states(agentsh) == ["held"]
    agentsh("approve", "a1")
    agentsh("commit")
    assert server.bodies == [b"hello"]


@pytest.mark.parametrize(
    ("rule", "sends"),
    [
        ('hosts = ["{host}"]\nmethods = ["POST"]', True),
        ('hosts = ["{host}"]', False),
        ('methods = ["POST"]', False),
        ('hosts = ["{host}"]\nmethods = ["PUT"]', False),
        ('kinds = ["http"]', False),
    ],
)
def test_a_rule_that_names_host_and_method(agentsh: Program, server: Site, rule: str, sends: bool) -> None:
    policy = agentsh.root.parent / "policy.toml"
    text = rule.format(host=server.host)
    policy.write_text(f'preset = "trusted"\n[[rule]]\nname = "mail"\nverdict = "allow"\n{text}\n')
    call = {"url": f"{server.url}/mail", "method": "POST"}
    model = recording(agentsh, {"name": "http", "arguments": call})
    agentsh("run", "mail", "--model", model, "--policy", str(policy), "--yes", code=0 if sends else 4)
    assert asked(server) == ([("POST", "/mail")] if sends else [])


@pytest.mark.parametrize("policy", ["ci", "read-only"])
def test_a_policy_that_sends_nothing(agentsh: Program, server: Site, policy: str) -> None:
    post(agentsh, f"{server.url}/mail", "--policy", policy, code=3)
    assert states(agentsh) == []


def test_the_description_of_an_api(agentsh: Program, server: Site) -> None:
    schema = {"properties": {"id": {"type": "integer"}}}
    made = {"201": {"content": {"application/json": {"schema": schema}}}}
    paths = {"/items": {"post": {"responses": made}}, "/items/{itemId}": {"delete": {}}, "/mail": {"post": {}}}
    document = agentsh.root.parent / "openapi.json"
    document.write_text(json.dumps({"openapi": "3.1.0", "servers": [{"url": server.url}], "paths": paths}))
    add = ("api", "add", str(document), "--name", "shop")
    assert b"--yes" in agentsh(*add, code=4).stderr
    assert agentsh.json("api", "list")["apis"] == {}
    shown = agentsh(*add, "--yes").stderr
    assert f"taken back by DELETE {server.url}/items/{{id}}".encode() in shown
    assert b"left out: POST /mail" in shown
    post(agentsh, f"{server.url}/items")
    assert [r["class"] for r in agentsh.json("outbox")["requests"]] == ["compensable"]
    agentsh("approve", "a1")
    agentsh("commit")
    agentsh("revert", "a1")
    assert asked(server) == [("POST", "/items"), ("DELETE", "/items/7")]
    agentsh("api", "remove", "shop")
    agentsh("api", "remove", "../config", code=2)
    post(agentsh, f"{server.url}/items")
    assert agentsh.json("outbox")["requests"][-1]["class"] == "irreversible"
