"""Templates of tasks: the words of a wish, the line that fulfils it, and what must come of it.

What must come of it is computed here in Python from the tree, not by the line: a line is kept only where both agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from agentsh.runtime.tasks.trees import Tree


@dataclass(frozen=True)
class Made:
    """One instance of a template.

    Attributes:
        words: what stands in the wish's braces.
        command: the line.
        stdout: what it must print; None where that does not count.
        files: what becomes of paths: their content, or None for gone; a name with ``/`` at its end is a directory.
        ordered: the order of printed lines counts.
    """

    words: dict[str, str]
    command: str
    stdout: str | None = None
    files: dict[str, str | None] = field(default_factory=dict)
    ordered: bool = True


@dataclass(frozen=True)
class Template:
    """A kind of task.

    Attributes:
        family: what it is about.
        name: its own.
        wordings: ways to wish for it.
        make: an instance for a tree; None where the tree has nothing for it.
    """

    family: str
    name: str
    wordings: tuple[str, ...]
    make: Callable[[Random, Tree], Made | None]


TEMPLATES: list[Template] = []
"""All of them, once :mod:`agentsh.runtime.tasks.make` is imported."""


def template(family: str, *wordings: str) -> Callable[..., Callable[[Random, Tree], Made | None]]:
    """Register a function that makes instances; its name is the template's."""

    def register(make: Callable[[Random, Tree], Made | None]) -> Callable[[Random, Tree], Made | None]:
        TEMPLATES.append(Template(family, make.__name__.strip("_"), wordings, make))
        return make

    return register


def said_lines(lines: list[str]) -> str:
    """What printing these lines gives."""
    return "".join(line + "\n" for line in lines)


def folder_of(path: str) -> str:
    """The directory of a path."""
    return path.rsplit("/", 1)[0] if "/" in path else "."
