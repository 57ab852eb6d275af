"""Directories for tasks to work on: small, of the kinds of files that people have, and a function of a number alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

_TOPICS = tuple(
    "report invoice parser server client cache router widget budget garden kitchen travel music photo recipe weather "
    "survey payroll library museum orchard harbor rocket battery compass lantern meadow pebble saddle thimble".split(
        " "
    )
)
_NAMES = tuple("Ada Ben Chen Dora Emil Fay Gita Hugo Iris Jon Kai Lena Milo Nora Omar Pia Quinn Rosa Sam Tess".split())
_CITIES = ("Oslo", "Lima", "Cairo", "Quito", "Paris", "Delhi", "Turin", "Kyoto", "Accra", "Perth")
_WORDS = tuple(
    "red green blue cold warm fast slow open closed first last north south river stone cloud paper glass copper silver "
    "apple bread honey pepper ginger".split()
)
_LEVELS = ("INFO", "INFO", "INFO", "WARNING", "ERROR", "DEBUG")
_EVENTS = ("started", "stopped", "timeout", "retry", "connection lost", "saved", "user login", "disk full")


@dataclass(frozen=True)
class Tree:
    """A directory: text by path.

    Attributes:
        number: what it was made from.
        files: content by path, relative, with ``/`` between names.
    """

    number: int
    files: dict[str, str]

    def paths(self, suffix: str = "") -> list[str]:
        """Paths with that suffix, in order."""
        return sorted(p for p in self.files if p.endswith(suffix))

    def lines(self, path: str) -> list[str]:
        """A file's lines without their ends."""
        return self.files[path].splitlines()


def make_tree(number: int) -> Tree:
    """The tree of that number."""
    draw = Random(f"tree {number}")
    topics = draw.sample(_TOPICS, 12)
    files: dict[str, str] = {}
    kinds = (("src", "lib", "app"), ("docs", "manual"), ("logs", "var/log"), ("data", "tables"), ("notes", "text"))
    source, docs, logs, data, notes = (draw.choice(names) for names in kinds)
    for topic in topics[:4]:
        files[f"{source}/{topic}.py"] = _python(draw, topic)
    files[f"{source}/util/{topics[4]}_helpers.py"] = _python(draw, topics[4])
    for topic in topics[4:6]:
        files[f"{docs}/{topic}.md"] = _markdown(draw, topic)
    for topic in topics[6:8]:
        files[f"{logs}/{topic}.log"] = _log(draw)
    for topic in topics[7:9]:
        files[f"{data}/{topic}.csv"] = _csv(draw)
    for topic in topics[8:11]:
        files[f"{notes}/{topic}.txt"] = _text(draw)
    files[f"{topics[11]}.json"] = _json(draw, topics[11])
    files["README.md"] = _markdown(draw, topics[0])
    files["todo.txt"] = _text(draw)
    for n in range(draw.randrange(1, 4)):
        files[f"{draw.choice((source, notes, data))}/{draw.choice(topics)}{n}.{draw.choice(('tmp', 'bak'))}"] = "old\n"
    _add_odd_ones(draw, files, topics, notes, data)
    return Tree(number, files)


def _add_odd_ones(draw: Random, files: dict[str, str], topics: list[str], notes: str, data: str) -> None:
    """Settings, scripts, letters, a table with quotes, editors' backups."""
    settings, scripts = draw.choice(("conf", "config", "etc")), draw.choice(("bin", "tools", "scripts"))
    for topic in draw.sample(topics, 3):
        files[f"{settings}/{topic}.ini"] = _settings(draw, topic)
    for topic in draw.sample(topics, 2):
        files[f"{scripts}/{topic}.sh"] = f"#!/bin/sh\necho {draw.choice(_WORDS)} {topic}\n"
    files[f"{notes}/{draw.choice(('letters', 'inbox', 'contacts', 'replies'))}.txt"] = _letters(draw)
    files[f"{data}/{draw.choice(('orders', 'sales', 'bookings', 'costs'))}.csv"] = _quoted_csv(draw)
    path = draw.choice(sorted(files))
    files[path + "~"] = files[path]


def _python(draw: Random, topic: str) -> str:
    lines = ["import os", "import sys", "", ""]
    for verb in draw.sample(("load", "save", "check", "merge", "print"), draw.randrange(1, 4)):
        lines += [
            f"def {verb}_{topic}(path):",
            f"    # {draw.choice(('TODO', 'NOTE', 'FIXME'))}: {draw.choice(_WORDS)}",
        ]
        lines += [f"    {draw.choice(_WORDS)} = {draw.randrange(100)}", f"    return os.path.join(path, {topic!r})", ""]
    return "\n".join(lines)


def _markdown(draw: Random, topic: str) -> str:
    lines = [f"# {topic.title()}", ""]
    for word in draw.sample(_WORDS, draw.randrange(2, 5)):
        lines += [f"## {word.title()}", "", f"The {topic} is {draw.choice(_WORDS)} and {draw.choice(_WORDS)}.", ""]
    return "\n".join(lines)


def _log(draw: Random) -> str:
    day = draw.randrange(1, 28)
    lines = []
    for n in range(draw.randrange(8, 25)):
        clock = f"{8 + n // 4:02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}"
        lines.append(f"2024-03-{day:02d} {clock} {draw.choice(_LEVELS)} {draw.choice(_EVENTS)}")
    return "\n".join(lines) + "\n"


def _csv(draw: Random) -> str:
    column = draw.choice(("amount", "price", "score", "hours"))
    lines = [f"name,city,{column}"]
    scores = draw.sample(range(10, 500), 12)  # all different: an order by them is the only one
    names = draw.sample(_NAMES, draw.randrange(6, 13))
    lines += [f"{name},{draw.choice(_CITIES)},{scores.pop()}" for name in names]
    return "\n".join(lines) + "\n"


def _quoted_csv(draw: Random) -> str:
    lines = ["city,note,amount"]
    for city in draw.sample(_CITIES, draw.randrange(4, 8)):
        note = draw.choice((f'"{_phrase(draw)}, {_phrase(draw)}"', _phrase(draw), f'"he said ""{_phrase(draw)}"""', ""))
        lines.append(f"{city},{note},{draw.randrange(50, 9000) / 100:.2f}")
    return "\n".join(lines) + "\n"


def _settings(draw: Random, topic: str) -> str:
    keys = draw.sample(("retry_limit", "timeout", "port", "workers", "depth", "max_size", "log_level", "cache_mb"), 4)
    return f"[{topic}]\n" + "".join(f"{key} = {draw.randrange(1, 60)}\n" for key in keys)


def _letters(draw: Random) -> str:
    hosts = ("example.org", "mail.example.com", "example.net")
    known = [f"{name.lower()}{draw.choice(('', '.k', '_7'))}@{draw.choice(hosts)}" for name in draw.sample(_NAMES, 4)]
    lines = []
    for _ in range(draw.randrange(4, 9)):
        a, b = draw.sample(known, 2)
        lines.append(draw.choice((f"From: {a}", f"Write to {a} or {b}.", _phrase(draw))))
    return "\n".join([*lines, f"To: {known[0]}"]) + "\n"


def _text(draw: Random) -> str:
    many = draw.randrange(6, 16)
    lines = [
        "" if draw.random() < 0.15 else " ".join(draw.choices(_WORDS, k=draw.randrange(1, 4))) for _ in range(many)
    ]
    return "\n".join(lines) + "\n"


def _phrase(draw: Random) -> str:
    return " ".join(draw.choices(_WORDS, k=draw.randrange(1, 4)))


def _json(draw: Random, topic: str) -> str:
    keys = draw.sample(("port", "timeout", "retries", "workers", "depth"), 3)
    return json.dumps({"name": topic, **{k: draw.randrange(1, 9000) for k in keys}}, indent=2) + "\n"
