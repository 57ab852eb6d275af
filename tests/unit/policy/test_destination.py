"""URLs, hosts, patterns of hosts, and what may be reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.decision import Verdict
from agentsh.core.errors import UsageError
from agentsh.policy.destination import Destination, host_pattern, named_hosts, normal_host, parse_url
from agentsh.policy.reach import reach


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Docs.Example.ORG", "https://docs.example.org/"),
        ("HTTPS://docs.example.org.:443/a?b#c", "https://docs.example.org/a?b"),
        ("http://docs.example.org:8080?q=1", "http://docs.example.org:8080/?q=1"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),  # IDNA 2008, not 2003's fass
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
        ("http://192.0.2.1/%2e%2e/x", "http://192.0.2.1/%2e%2e/x"),
        ("https://example.org/a|b", "https://example.org/a%7Cb"),
    ],
)
def test_a_url_in_its_one_spelling(text: str, url: str) -> None:
    found = parse_url(text)
    assert found.url == url
    assert parse_url(found.url) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "//example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///path",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org:http/",
        "https://exa mple.org/",
        "https://-example.org/",
        "https://example..org/",
        "https://xn--a/",
        "https://[::1%25eth0]/",
        "https://[1.2.3.4]/",
        "https://example.org/" + "a" * 5000,
        "https://" + "a" * 64 + ".org/",
        "https://example.org/\udcff",
    ],
)
def test_what_is_no_url(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        parse_url(text)


@given(st.text(max_size=60))
def test_a_url_that_is_read_is_read_the_same_again(text: str) -> None:
    for url in (text, f"http://{text}", f"https://example.org{text}"):
        try:
            found = parse_url(url)
        except UsageError:
            continue
        assert found.url.isascii()
        assert found.url.isprintable()
        assert " " not in found.url
        assert parse_url(found.url) == found
        assert normal_host(f"[{found.host}]" if ":" in found.host else found.host) == found.host


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "{:#X}", "0{:o}", "{:011o}"]))
def test_an_address_as_one_number_is_never_a_host(number: int, spelling: str) -> None:
    with pytest.raises(UsageError):
        parse_url(f"http://{spelling.format(number)}/")


@pytest.mark.parametrize(
    ("pattern", "url", "covers"),
    [
        ("example.org", "https://example.org/", True),
        ("Example.ORG.", "https://example.org/", True),
        ("example.org", "http://example.org/", True),
        ("example.org", "https://example.org:8443/", False),
        ("example.org:8443", "https://example.org:8443/", True),
        ("example.org:8443", "https://example.org/", False),
        ("example.org", "https://www.example.org/", False),
        ("*.example.org", "https://www.example.org/", True),
        ("*.example.org", "https://a.b.example.org/", True),
        ("*.example.org", "https://example.org/", False),
        ("*.example.org", "https://badexample.org/", False),
        ("*.example.org", "https://www.example.org.evil.com/", False),
        ("[::1]:8000", "http://[0:0::1]:8000/", True),
        ("bücher.example", "https://xn--bcher-kva.example/", True),
    ],
)
def test_patterns_of_hosts(pattern: str, url: str, covers: bool) -> None:
    assert host_pattern(pattern).covers(parse_url(url)) is covers


@pytest.mark.parametrize("pattern", ["", "*", "*.", "*.org", "a*.org", "https://x.org", "x.org/a", "*.1.2.3.4", "x:0"])
def test_what_is_no_pattern_of_hosts(pattern: str) -> None:
    with pytest.raises(UsageError):
        host_pattern(pattern)


def test_hosts_that_a_text_names() -> None:
    text = """Read https://Docs.Example.org:8443/a?b=other.example.net, then (api.example.org), "bücher.example"
    and [::1] or localhost:8000. Not: example, 0x7f.1, v1..2"""
    named = named_hosts([text])
    assert {"docs.example.org", "api.example.org", "xn--bcher-kva.example", "::1", "localhost"} <= named
    assert not {"example", "0x7f.1", "a"} & named


@given(st.text(max_size=200))
def test_any_text_names_hosts_in_one_spelling(text: str) -> None:
    for host in named_hosts([text]):
        assert normal_host(f"[{host}]" if ":" in host else host) == host


def judge(url: str, *, method: str = "GET", named: tuple[str, ...] = (), **lists: object) -> tuple[Verdict, str]:
    decision = reach(**lists).judge(parse_url(url), method=method, named=frozenset(named))  # type: ignore[arg-type]
    return decision.verdict, decision.rule


DENIED, ALLOWED = (Verdict.DENY, "http.allow"), (Verdict.ALLOW, "http.allow")


def test_nothing_is_reached_by_default() -> None:
    assert judge("https://example.org/", allow=()) == DENIED


def test_a_host_that_is_allowed_by_name() -> None:
    assert judge("https://example.org/", allow=["example.org"]) == ALLOWED
    assert judge("https://example.org/", allow=["example.org"], method="POST") == ALLOWED  # and is held: test_rules
    assert judge("https://example.org/", allow=["example.org"], method="TRACE") == (Verdict.DENY, "http.method")
    assert judge("https://example.org/", allow=["example.org"], method="get") == (Verdict.DENY, "http.method")


def test_a_host_that_a_wildcard_alone_allows_is_the_persons_to_name() -> None:
    only = (Verdict.DENY, "http.person-only")
    assert judge("https://a.example.org/", allow=["*.example.org"]) == only
    assert judge("https://a.example.org/", allow=["*.example.org"], named=("example.org",)) == only
    assert judge("https://a.example.org/", allow=["*.example.org"], named=("a.example.org",)) == ALLOWED
    assert judge("https://a.example.org/", allow=["*.example.org"], person_only=False) == ALLOWED
    assert judge("https://a.example.org/", allow=["*.example.org", "a.example.org"]) == ALLOWED
    assert judge("https://a.example.net/", allow=["*.example.org"], named=("a.example.net",)) == DENIED


def test_the_workspace_narrows_and_never_adds() -> None:
    both = {"allow": ["a.org", "b.org"], "within": ["b.org", "c.org"]}
    assert judge("https://b.org/", **both) == ALLOWED
    assert judge("https://a.org/", **both) == DENIED
    assert judge("https://c.org/", **both) == DENIED
    # Its exact entry does not stand in for the person's.
    narrowed = {"allow": ["*.a.org"], "within": ["x.a.org"]}
    assert judge("https://x.a.org/", **narrowed) == (Verdict.DENY, "http.person-only")


HOSTS = st.sampled_from(["a.org", "x.a.org", "b.org", "y.x.a.org"])
PATTERNS = st.lists(st.sampled_from(["a.org", "*.a.org", "b.org", "x.a.org"]), max_size=3)


@given(HOSTS, PATTERNS, PATTERNS, st.frozensets(HOSTS), st.booleans())
def test_a_second_list_never_allows_more(
    host: str, allow: list[str], within: list[str], named: frozenset[str], person_only: bool
) -> None:
    wide = reach(allow=allow, person_only=person_only)
    narrow = reach(allow=allow, within=within, person_only=person_only)
    goal = Destination("https", host, 443)
    if narrow.judge(goal, named=named).verdict is Verdict.ALLOW:
        assert wide.judge(goal, named=named).verdict is Verdict.ALLOW
    if wide.judge(goal).verdict is Verdict.ALLOW:
        assert wide.judge(goal, named=named).verdict is Verdict.ALLOW
