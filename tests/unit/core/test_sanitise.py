"""What is shown cannot steer a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsh.core.sanitise import visible, visible_line, visible_path, visible_title


def test_ordinary_text_is_unchanged() -> None:
    for text in ("plain", "two\nlines\twith tab", "Grüße, 世界, 🙂", "e\u0301"):
        assert visible(text) == text


def test_controls_become_visible_escapes() -> None:
    assert visible("\x1b]52;c;aGk=\x07") == "\\x1b]52;c;aGk=\\x07"
    assert visible("a\rb\x9b1m") == "a\\x0db\\x9b1m"
    assert visible("\u202egpj.exe") == "\\u202egpj.exe"
    assert visible("zero\u200bwidth\U000e0041") == "zero\\u200bwidth\\U000e0041"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("p\u0430ypal", "p\\u0430ypal"),  # Cyrillic
        ("is_\u0430dmin", "is_\\u0430dmin"),
        ("\u0391dmin", "\\u0391dmin"),  # Greek
        ("x\U0001d41a", "x\\U0001d41a"),
        ("r\uff4d", "r\\uff4d"),
        ("src\u2215main", "src\\u2215main"),
        ("setup\u2024py", "setup\\u2024py"),
        ("rm\u00a0-rf", "rm\\xa0-rf"),
        ("\u0301over", "\\u0301over"),
        ("x\n\u0301", "x\n\\u0301"),
        ("Z" + "\u0335" * 6, "Z" + "\u0335" * 4 + "\\u0335" * 2),
    ],
)
def test_what_poses_as_something_else_is_told_apart(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Привет, мир",
        "Ελληνικά",
        "файл.txt",
        "Δx = 3 µs",
        "½ cup, 1\u20442",
        "日本語：テスト\u3000次",
        "tiếng Việt",
        "שלום",
        "नमस्ते",
        "ไทย",
    ],
)
def test_other_scripts_are_as_they_are(text: str) -> None:
    assert visible(text) == text
    assert visible(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFD", text)


def test_paths_are_one_line_and_show_odd_bytes() -> None:
    assert visible_path(b"a\nb\t\xff\x1b[2J") == "a\\nb\\t\\xff\\x1b[2J"


@given(st.text() | st.binary().map(lambda b: b.decode("utf-8", "surrogateescape")))
def test_no_unsafe_character_is_left(text: str) -> None:
    out = visible_line(text)
    assert all(unicodedata.category(ch) not in ("Cc", "Cs", "Cf", "Co", "Cn", "Zl", "Zp") for ch in out)
    out.encode()


def test_a_title_is_one_line_whatever_it_holds() -> None:
    assert visible_title("python -c '\n\n  import os\n\x1b[2Jx'") == "python -c ' ↵ import os ↵ \\x1b[2Jx'"
    assert visible_title("a\rb\tc\u2028d") == "a\\x0db\\tc\\u2028d"
