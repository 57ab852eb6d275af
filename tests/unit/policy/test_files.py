"""Policy files: rules, their examples, what is hardly meant about them, and why something was decided."""

from __future__ import annotations

import pytest

from agentsh.core.action import ActionKind, ActionRecord, ActionSpec, ActionStatus, Origin
from agentsh.core.decision import Verdict
from agentsh.core.effect import FileEffect, change_set
from agentsh.core.entry import Entry, EntryType
from agentsh.core.errors import ConfigError
from agentsh.policy import flag_effect, parse_policy, preset
from agentsh.policy.examples import run_examples
from agentsh.policy.explain import explain, lint
from agentsh.shell import parse, summarise

FILE = Entry(EntryType.FILE, 0o644, 5, b"0" * 32)
WRITE = ActionSpec(ActionKind.WRITE, {"path": "x"}, Origin.AGENT)


def judge(policy: str, line: str) -> Verdict:
    spec = ActionSpec(ActionKind.SHELL, {"line": line}, Origin.AGENT)
    return parse_policy(policy, name="test").judge_action(spec, summarise(parse(line))).verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("rm -rf build", "deny"),
        ("rm -fr build", "deny"),
        ("rm build/x", "allow"),
        ("env A=1 rm -rf .", "deny"),
        ("find . -exec rm -rf {} +", "deny"),
        ("echo -rf", "allow"),
        ("rm $flags build", "deny"),  # it may be -rf
        ("echo $flags", "allow"),
        ("$tool -rf", "deny"),  # it may be rm
    ],
)
def test_arguments_are_those_of_the_parsed_command(line: str, verdict: str) -> None:
    policy = '[[rule]]\nverdict = "deny"\ncommands = ["rm"]\narguments = ["-*r*f*", "-*f*r*"]\n'
    assert judge(policy, line) == verdict


def test_word_patterns_do_not_take_forever() -> None:
    policy = '[[rule]]\nverdict = "deny"\narguments = ["*a*a*a*a*a*a*a*a*a*a*a*a*b"]\n'
    assert judge(policy, f"echo {'a' * 5000}") == "allow"


def test_effects_and_sizes() -> None:
    policy = parse_policy(
        '[[rule]]\nverdict = "deny"\neffects = ["delete"]\n[[rule]]\nverdict = "deny"\nlarger_than = 100\n',
        name="test",
    )
    big = Entry(EntryType.FILE, 0o644, 101, b"1" * 32)
    assert policy.judge_effect(WRITE, FileEffect(b"x", FILE, None)).verdict == "deny"
    assert policy.judge_effect(WRITE, FileEffect(b"x", None, big)).verdict == "deny"
    assert policy.judge_effect(WRITE, FileEffect(b"x", None, FILE)).verdict == "ask"


@pytest.mark.parametrize(
    "text",
    [
        '[[rule]]\nverdict = "deny"\narguments = ["-r"]\npaths = ["x"]',
        '[[rule]]\nverdict = "deny"\nlarger_than = "1 MB"',
        '[[rule]]\nverdict = "deny"\neffects = ["explode"]',
        '[[rule]]\nverdict = "never"',
        'rule = "deny"',
        "[[example]]\nline = 1",
    ],
)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        run_examples(text, parse_policy(text, name="test"))


def test_ci_denies_what_trusted_asks_about() -> None:
    hook = flag_effect(FileEffect(b".github/workflows/ci.yml", FILE, Entry(EntryType.FILE, 0o644, 5, b"1" * 32)))
    plain = FileEffect(b"src/a.py", None, FILE)
    ci, trusted = preset("ci"), preset("trusted")
    assert ci is not None
    assert trusted is not None
    assert [p.judge_effect(WRITE, hook).verdict.value for p in (ci, trusted)] == ["deny", "ask"]
    assert [p.judge_effect(WRITE, plain).verdict.value for p in (ci, trusted)] == ["allow", "allow"]


EXAMPLES = """
preset = "trusted"

[[rule]]
name = "migrations"
verdict = "deny"
paths = ["db/migrations/**"]

[[example]]
path = "db/migrations/0001.sql"
effect = "create"
expect = "deny"
rule = "migrations"

[[example]]
path = "bin/tool"
executable = true
expect = "ask"

[[example]]
path = "src/x.py"
expect = "allow"

[[example]]
path = "out"
target = "/etc"
effect = "create"
expect = "ask"

[[example]]
line = "python x.py"
expect = "deny"
"""


def test_examples_are_decided_as_actions_are() -> None:
    results = run_examples(EXAMPLES, parse_policy(EXAMPLES, name="test"))
    assert [r.holds for r in results] == [True, True, True, True, False]
    assert results[-1].decision.verdict is Verdict.ALLOW
    assert results[-1].title == "python x.py"


def test_lint_finds_what_never_decides() -> None:
    text = """
    [[rule]]
    name = "all"
    verdict = "deny"
    paths = ["docs/**"]
    [[rule]]
    name = "again"
    verdict = "deny"
    paths = ["docs/**"]
    kinds = ["write"]
    [[rule]]
    name = "never"
    verdict = "allow"
    paths = ["docs/**"]
    [[rule]]
    name = "up"
    verdict = "ask"
    paths = ["../x"]
    """
    found = {(f.rule, f.text.split(":")[0]) for f in lint(parse_policy(text, name="test"))}
    assert found == {
        ("again", "It says what 'all' says already."),
        ("never", "It never decides"),
        ("up", "'../x' has '..' in it, which no path of an effect has"),
    }
    assert lint(parse_policy(EXAMPLES, name="test")) == []


def test_explaining_names_every_rule_that_had_a_say() -> None:
    policy = parse_policy(
        '[[rule]]\nname = "docs"\nverdict = "allow"\npaths = ["docs/**"]\n'
        '[[rule]]\nname = "frozen"\nverdict = "deny"\npaths = ["docs/old/**"]\n',
        name="test",
    )
    changes = change_set([FileEffect(b"docs/old/a", None, FILE), FileEffect(b"docs/b", None, FILE)])
    record = ActionRecord("a1", WRITE, ActionStatus.PENDING, changes=changes)
    running, new, old = explain(policy, record, None)
    assert (running.about, running.decision.rule) == (None, "default")
    assert (new.about, new.decision.rule, [d.rule for d in new.said]) == (b"docs/b", "docs", ["docs"])
    assert (old.about, old.decision.rule, [d.rule for d in old.said]) == (b"docs/old/a", "frozen", ["docs", "frozen"])


REQUESTS = """
preset = "trusted"
[[rule]]
name = "mirror"
verdict = "deny"
hosts = ["*.mirror.example", "old.example:8080"]
[[rule]]
name = "changing"
verdict = "ask"
methods = ["POST", "PUT"]
[[example]]
url = "https://a.mirror.example/x"
expect = "deny"
rule = "mirror"
[[example]]
url = "https://a.mirror.example:8443/x"
expect = "deny"
[[example]]
url = "https://mirror.example/x"
expect = "allow"
[[example]]
url = "http://old.example/"
expect = "allow"
[[example]]
url = "http://old.example:8080/"
expect = "deny"
[[example]]
url = "https://x.example/"
method = "POST"
expect = "ask"
[[example]]
url = "https://a.mirror.example\\\\@x.example/"
expect = "deny"
[[example]]
line = "echo https://a.mirror.example/"
expect = "allow"
"""


def test_rules_about_requests() -> None:
    policy = parse_policy(REQUESTS, name="test")
    results = run_examples(REQUESTS, policy)
    assert [r.holds for r in results] == [True] * 8
    assert lint(policy) == []


@pytest.mark.parametrize(
    "rule",
    [
        'hosts = ["*"]',
        'hosts = ["https://x.example"]',
        'methods = ["get"]',
        'hosts = ["x.example"]\npaths = ["a"]',
        'methods = ["GET"]\ncommands = ["curl"]',
    ],
)
def test_rules_about_requests_that_say_nothing(rule: str) -> None:
    with pytest.raises(ConfigError):
        parse_policy(f'[[rule]]\nverdict = "deny"\n{rule}\n', name="test")


def test_a_rule_that_allows_a_request_is_hardly_meant() -> None:
    found = lint(parse_policy('[[rule]]\nverdict = "allow"\nhosts = ["x.example"]\n', name="test"))
    assert any("It allows nothing" in f.text for f in found)
    both = '[[rule]]\nverdict = "allow"\nhosts = ["x.example"]\nmethods = ["POST"]\n'
    assert not any("allows" in f.text for f in lint(parse_policy(both, name="test")))


def test_a_rule_about_what_the_lines_of_a_command_did() -> None:
    text = '[[rule]]\nname = "r"\nverdict = "deny"\ncommands = ["rm"]\nexact = ["src/x"]'
    policy = parse_policy(text, name="p")
    effect = FileEffect(b"src/x", None, Entry(EntryType.FILE, 0o644, 1, b"\1" * 32))

    def rule(line: str, path: bytes = b"src/x") -> str:
        spec = ActionSpec(ActionKind.SHELL, {"line": line})
        return policy.judge_effect(spec, FileEffect(path, effect.before, effect.after)).rule

    assert rule("env rm -r src") == "r"
    assert rule("$unknown src") == "r"
    assert rule("rm x", b"SRC/X") == "r"
    assert rule("mv a src/x") == "default"
    assert rule("rm y", b"src/x/y") == "default"
