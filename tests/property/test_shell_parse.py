"""The parser answers every text: with a tree or with a syntax error, never with anything else."""

from __future__ import annotations

import shlex

from hypothesis import given, settings
from hypothesis import strategies as st

from agentsh.core.errors import ShellSyntaxError
from agentsh.sandbox.interpreter.parameters import quote
from agentsh.shell import parse, summarise
from agentsh.shell.tree import SimpleCommand, Word

_TOKENS = """
    if then elif else fi for in do done while until case esac function { } [[ ]] ! time select coproc x f() x= x[ x+=(
    $(( $( ${ ${x:- ${x// ${#x} ${!x[@]} $'\\x41' $" <<E <<-'E' <<< &> >& 2>&1 <( >( (( )) ;; ;& ;;& && || |&
    {a,b} {1..9} !(a|b) =~ == -eq -f export local $@ $* ${a[@]:1:2} 08 1/0 é
""".split()  # noqa: SIM905 - words
_PIECES = st.sampled_from([*"\"'`\\$(){}[]<>|&;!#*?~=+-@ \t\n,.:/%^0a_", *_TOKENS, "\nE\n", "\udcff", "\0"])
SOURCES = st.one_of(
    st.text(max_size=60),
    st.lists(_PIECES, max_size=40).map("".join),
    st.lists(_PIECES, max_size=40).map(" ".join),
)
TEXTS = st.binary(max_size=40).map(lambda b: b.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


@given(SOURCES)
@settings(max_examples=1500, deadline=None)
def test_any_text_has_a_tree_or_a_syntax_error(source: str) -> None:
    try:
        script = parse(source)
    except ShellSyntaxError as e:
        place = (e.offset, len(e.source))
    else:
        summarise(script)
        place = (0, 0)
    assert 0 <= place[0] <= place[1]


def _words(source: str) -> list[str | None]:
    found = parse(source).body[0].first.commands[0]
    assert isinstance(found, SimpleCommand)
    return [w.static for w in found.words if isinstance(w, Word)]


@given(st.lists(TEXTS, max_size=5))
def test_quoted_words_come_back_as_they_were(texts: list[str]) -> None:
    assert _words(" ".join(["x", *map(shlex.quote, texts)])) == ["x", *texts]
    assert _words(" ".join(["x", *map(quote, texts)])) == ["x", *texts]


@given(TEXTS)
def test_double_quotes_and_backslashes_keep_text(text: str) -> None:
    doubled = '"' + "".join("\\" + c if c in '"\\$`' else c for c in text) + '"'
    assert _words(f"x {doubled}") == ["x", text]
    escaped = "".join("'\n'" if c == "\n" else "\\" + c for c in text)
    assert _words(f"x ''{escaped}") == ["x", text]


@given(TEXTS.filter(lambda t: not t.endswith("\n")))
def test_a_quoted_here_document_is_kept_byte_for_byte(text: str) -> None:
    found = parse(f"cat <<'THE END'\n{text}\nTHE END\n").body[0].first.commands[0]
    assert isinstance(found, SimpleCommand)
    if "THE END" not in text.split("\n"):
        assert found.redirects[0].target.static == text + "\n"
