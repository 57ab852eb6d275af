"""The real client against real servers, most of them broken."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentsh.config import ModelProfile
from agentsh.core.errors import ConfigError, Interrupted, ModelError
from agentsh.core.secret import Secret
from agentsh.llm import Answer, EndpointModel, Retry
from tests.unit.llm.servers import Handler, Respond, ScriptedServer, delta, event, says, status, stream

KEY = Secret("TEST_KEY", "sk-0123456789abcdef")
QUICK = Retry(attempts=3, base_s=0.0)
HELLO = [{"role": "user", "content": "hello"}]


def profile(server: ScriptedServer, **fields: Any) -> ModelProfile:
    return ModelProfile(name="test", model="m", base_url=server.url, key="TEST_KEY", **({"timeout_s": 10.0} | fields))


def ask(
    *responses: Respond, retry: Retry = QUICK, on_notice: Callable[[str], None] | None = None, **fields: Any
) -> tuple[Answer, ScriptedServer]:
    with ScriptedServer(responses) as server, EndpointModel(profile(server, **fields), KEY, retry=retry) as model:
        return model.complete(HELLO, [], on_notice=on_notice), server


def failure(*responses: Respond, **kwargs: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(*responses, **kwargs)
    assert KEY.reveal() not in f"{caught.value!r} {caught.value.to_json()}"
    return caught.value


def test_a_streamed_answer():
    pieces: list[str] = []
    chunks = stream(delta(content="Hel"), delta(content="lo"), delta("stop"))
    with ScriptedServer([chunks]) as server, EndpointModel(profile(server), KEY) as model:
        answer = model.complete(HELLO, [{"type": "function"}], on_text=pieces.append)
    assert (answer.text, pieces, answer.finish) == ("Hello", ["Hel", "lo"], "stop")
    sent = server.seen[0]
    assert sent.path == "/v1/chat/completions"
    assert sent.body["messages"] == HELLO
    assert sent.body["tools"] == [{"type": "function"}]
    assert sent.body["stream"] is True


def test_only_known_headers_leave(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-someone")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-someone")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Injected: yes")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    _, server = ask(says("hi"), headers={"X-Title": "mine"})
    headers = server.seen[0].headers
    assert headers["authorization"] == f"Bearer {KEY.reveal()}"
    assert headers["x-title"] == "mine"
    assert headers["user-agent"] == "agentsh"
    known = {"host", "accept", "accept-encoding", "connection", "content-type", "content-length", "user-agent"}
    assert set(headers) - known == {"authorization", "x-title", "x-stainless-raw-response"}


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer, _ = ask(says("direct"))
    assert answer.text == "direct"


def test_without_a_key_no_authorization_is_sent():
    with ScriptedServer([says("hi")]) as server, EndpointModel(replace(profile(server), key=""), None) as model:
        assert model.complete(HELLO, []).text == "hi"
    assert "authorization" not in server.seen[0].headers


def test_a_server_that_does_not_stream():
    body = json.dumps({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}).encode()
    answer, _ = ask(lambda h: h.plain(200, body))
    assert answer.text == "whole"


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(code: int):
    notices: list[str] = []
    answer, server = ask(status(code), says("ok"), on_notice=notices.append)
    assert answer.text == "ok"
    assert len(server.seen) == 2
    assert f"HTTP {code}" in notices[0]
    assert "(2 of 3)" in notices[0]


def test_retries_end():
    with ScriptedServer([status(503)]) as server, EndpointModel(profile(server), KEY, retry=QUICK) as model:
        with pytest.raises(ModelError, match="HTTP 503: as scripted"):
            model.complete(HELLO, [])
        assert len(server.seen) == 3


def test_retry_after_is_honoured_up_to_the_longest_wait():
    answer, server = ask(status(429, Retry_After="0"), says("ok"))
    assert (answer.text, len(server.seen)) == ("ok", 2)
    assert "asks to wait 7200 s" in failure(status(429, Retry_After="7200"), says("never asked")).what


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
def test_answers_are_not_tried_again(code: int):
    with ScriptedServer([status(code)]) as server, EndpointModel(profile(server), KEY, retry=QUICK) as model:
        with pytest.raises(ModelError):
            model.complete(HELLO, [])
        assert len(server.seen) == 1


def test_a_refused_key_is_named_and_not_shown():
    error = failure(status(401, {"error": {"message": f"Incorrect API key: {KEY.reveal()}"}}))
    assert "refused secret:TEST_KEY" in error.what
    assert "agentsh secrets set TEST_KEY" in error.next_step


def test_an_unknown_model_is_named():
    assert "no model 'm'" in failure(status(404)).what


def test_a_refused_connection():
    with socket.socket() as s:  # bound and not listening: nobody else can take the port
        s.bind(("127.0.0.1", 0))
        where = ModelProfile("t", "m", base_url=f"http://127.0.0.1:{s.getsockname()[1]}/v1", key="")
        with (
            EndpointModel(where, None, retry=QUICK) as model,
            pytest.raises(ModelError, match=r"cannot be reached: .*refused"),
        ):
            model.complete(HELLO, [])


def test_a_silent_endpoint_times_out():
    def silent(h: Handler) -> None:
        h.scripted.released.wait(30)

    assert "did not answer in time" in failure(silent, timeout_s=0.2, retry=Retry(attempts=1)).what


def test_a_slow_drip_ends_at_the_longest_answer():
    def drip(h: Handler) -> None:
        h.begin_stream()
        while not h.scripted.released.wait(0.01):
            h.wfile.write(b": still here\n\n")
            h.wfile.flush()

    with (
        ScriptedServer([drip]) as server,
        EndpointModel(profile(server), KEY, retry=QUICK, longest_answer_s=0.3) as model,
        pytest.raises(ModelError, match="takes too long"),
    ):
        model.complete(HELLO, [])


@pytest.mark.parametrize(
    "broken",
    [
        stream(delta(content="half an ans"), done=False),
        stream(b"data: {not json}\n\n"),
        stream(b"data: " + b"[" * 100_000 + b"\n\n"),
        stream(b"\xff\xfe\x00garbage without any event\r\n\r\n" * 50, done=False),
        stream(done=False),
        lambda h: h.plain(200, b"<html>hello</html>"),
        lambda h: h.plain(200, b""),
    ],
    ids=["broken off", "no json", "nested", "binary", "nothing", "html", "empty"],
)
def test_garbage_is_tried_again_and_then_an_error(broken: Respond):
    answer, server = ask(broken, says("better"))
    assert (answer.text, len(server.seen)) == ("better", 2)
    assert failure(broken).what


def test_an_empty_answer_is_tried_again_and_then_an_error():
    answer, _ = ask(says(" "), says("better"))
    assert answer.text == "better"
    assert "empty answer" in failure(says("")).what


def test_a_connection_that_dies_in_the_middle():
    def dies(h: Handler) -> None:
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"ff\r\n" + event(delta(content="hal")))
        h.wfile.flush()
        h.close_connection = True

    answer, _ = ask(dies, says("whole"))
    assert answer.text == "whole"


def test_a_finish_without_the_done_mark_is_an_answer():
    answer, _ = ask(stream(delta(content="hi"), delta("stop"), done=False))
    assert answer.text == "hi"


def test_the_content_filter_is_not_tried_again():
    assert "content filter" in failure(stream(delta("content_filter", content="no"))).what


def test_huge_chunks_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agentsh.llm.sse.MAX_EVENT_BYTES", 1 << 20)

    def flood(h: Handler) -> None:
        h.begin_stream()
        while not h.scripted.released.is_set():
            h.wfile.write(b"x" * (1 << 20))

    assert "line of more than 1 MiB" in failure(flood).what


def test_an_error_page_without_end_is_cut():
    def flood(h: Handler) -> None:
        h.send_response(400)
        h.send_header("Connection", "close")
        h.end_headers()
        h.close_connection = True
        while not h.scripted.released.is_set():
            h.wfile.write(b"no " * 100_000)

    assert len(failure(flood).what) < 1000


def test_an_error_page_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("agentsh.llm.endpoint._ERROR_S", 0.1)

    def drip(h: Handler) -> None:
        h.send_response(400)
        h.send_header("Connection", "close")
        h.end_headers()
        h.close_connection = True
        while not h.scripted.released.wait(0.01):
            h.wfile.write(b".")
            h.wfile.flush()

    assert "HTTP 400" in failure(drip).what


def test_a_compressed_answer_is_refused():
    body = gzip.compress(b"0" * 10_000_000)
    error = failure(lambda h: h.plain(200, body, Content_Encoding="gzip"))
    assert "compresses its answer" in error.what


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_redirects_are_not_followed(code: int):
    with ScriptedServer([says("the wrong place")]) as other:
        target = f"http://localhost:{other.port}/v1/chat/completions"
        error = failure(status(code, Location=target))
        assert "redirects to" in error.what
        assert other.seen == []


def test_optional_fields_that_an_endpoint_refuses_are_left_out():
    refuses = status(400, {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."}})
    with ScriptedServer(
        [status(400, {"detail": "unknown field stream_options"}), refuses, says("ok"), says("again")]
    ) as server:
        with EndpointModel(profile(server, max_tokens=9, temperature=0.5), KEY, retry=QUICK) as model:
            assert model.complete(HELLO, []).text == "ok"
            assert model.complete(HELLO, []).text == "again"
        assert server.seen[0].body["max_tokens"] == 9
        last = server.seen[3].body
        assert "stream_options" not in last
        assert "max_tokens" not in last
        assert (last["max_completion_tokens"], last["temperature"]) == (9, 0.5)


def test_stop_ends_the_wait_between_tries():
    stop = threading.Event()
    with (
        ScriptedServer([status(500)]) as server,
        EndpointModel(profile(server), KEY, retry=Retry(attempts=3, base_s=60)) as model,
        pytest.raises(Interrupted),
    ):
        model.complete(HELLO, [], on_notice=lambda _: stop.set(), stop=stop)


def test_stop_ends_a_running_stream():
    stop = threading.Event()

    def endless(h: Handler) -> None:
        h.begin_stream()
        while not h.scripted.released.wait(0.01):
            h.wfile.write(event(delta(content="more ")))
            h.wfile.flush()

    with (
        ScriptedServer([endless]) as server,
        EndpointModel(profile(server), KEY) as model,
        pytest.raises(Interrupted),
    ):
        model.complete(HELLO, [], on_text=lambda _: stop.set(), stop=stop)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"base_url": "http://example.com/v1"}, "clear text"),
        ({"base_url": "https://name:password@example.com/v1"}, "without a name or password"),
        ({"base_url": "file:///etc/passwd"}, "must be http"),
        ({"base_url": "http://[::1/v1"}, "no URL"),
        ({"headers": {"Authorization": "Bearer sk-oops"}}, "keys do not belong"),
        ({"headers": {"X": "a\r\nAuthorization: b"}}, "not printable"),
    ],
)
def test_profiles_that_would_lose_the_key_are_refused(fields: dict[str, Any], why: str):
    with pytest.raises(ConfigError, match=why) as caught:
        EndpointModel(replace(ModelProfile("t", "m", base_url="https://example.com/v1"), **fields), KEY)
    assert "sk-oops" not in str(caught.value.to_json())


def test_repr_names_no_key():
    model = EndpointModel(ModelProfile("t", "m", base_url="https://example.com/v1"), KEY)
    assert repr(model) == "<model t: m at https://example.com/v1>"
