"""Templates of tasks that ask for more than one command gives: largest, longest, settings, addresses, quoted tables."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from agentsh.runtime.tasks.templates import Made, folder_of, said_lines, template

if TYPE_CHECKING:
    from random import Random

    from agentsh.runtime.tasks.trees import Tree


def _by_size(tree: Tree, folder: str = "") -> list[tuple[int, str]]:
    """Size and path, the smallest first."""
    return sorted((len(text.encode()), p) for p, text in tree.files.items() if p.startswith(folder))


def _folder(draw: Random, tree: Tree) -> str:
    return draw.choice(sorted({p.split("/")[0] for p in tree.files if "/" in p}))


# -- find ------------------------------------------------------------------------------------------------------------


@template(
    "find",
    "Which file is the largest? Print its size and path.",
    "Find the biggest file below this directory, with its size in bytes.",
    "What is the largest file here and below, and how many bytes has it?",
    "Show size and path of the file that takes the most bytes.",
    "Print the largest file under this directory and its size.",
)
def _largest(_draw: Random, tree: Tree) -> Made | None:
    sizes = _by_size(tree)
    if sizes[-1][0] == sizes[-2][0]:
        return None
    line = "find . -type f -printf '%s %p\\n' | sort -n | tail -n 1"
    return Made({}, line, f"{sizes[-1][0]} ./{sizes[-1][1]}\n")


@template(
    "find",
    "Print the {n} largest files below {dir} with their sizes, the largest last.",
    "Show sizes and paths of the {n} biggest files under {dir}, in ascending order.",
    "Which {n} files below {dir} are the largest? Sizes in bytes, smallest of them first.",
    "List the top {n} files by size under {dir}, the biggest at the end.",
)
def _largest_of(draw: Random, tree: Tree) -> Made | None:
    folder, n = _folder(draw, tree), draw.randrange(2, 4)
    sizes = _by_size(tree, folder + "/")
    if len(sizes) < n or len({s for s, _ in sizes}) < len(sizes):
        return None
    line = f"find {folder} -type f -printf '%s %p\\n' | sort -n | tail -n {n}"
    return Made({"dir": folder, "n": str(n)}, line, said_lines([f"{s} {p}" for s, p in sizes[-n:]]))


@template(
    "find",
    "Which file is the smallest? Print its size and path.",
    "Find the smallest file here and below, with its size in bytes.",
    "Show size and path of the file that takes the fewest bytes.",
    "What is the smallest file in this directory tree, and how many bytes has it?",
)
def _smallest(_draw: Random, tree: Tree) -> Made | None:
    sizes = _by_size(tree)
    if sizes[0][0] == sizes[1][0]:
        return None
    line = "find . -type f -printf '%s %p\\n' | sort -n | head -n 1"
    return Made({}, line, f"{sizes[0][0]} ./{sizes[0][1]}\n")


@template(
    "find",
    "Which file sets {key} to {value}?",
    "In which configuration file is {key} equal to {value}?",
    "Find the file where {key} has the value {value}.",
    "One file has {key} set to {value}: print its path.",
    "Where is {key} configured as {value}?",
)
def _setting_file(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".ini"))
    key, value = draw.choice(re.findall(r"^(\w+) = (\d+)$", tree.files[path], re.MULTILINE))
    found = ["./" + p for p in tree.paths() if re.search(rf"^{key} *= *{value}$", tree.files[p], re.MULTILINE)]
    line = f"grep -rlE '^{key} *= *{value}$' ."
    return Made({"key": key, "value": value}, line, said_lines(found), ordered=False)


@template(
    "find",
    "Where is the file {name}?",
    "Find the path of {name}.",
    "In which directory is {name}? Print its path.",
    "Locate the file named {name}.",
)
def _by_name(draw: Random, tree: Tree) -> Made:
    name = draw.choice([p.rsplit("/", 1)[-1] for p in tree.paths() if "/" in p])
    found = ["./" + p for p in tree.paths() if p.rsplit("/", 1)[-1] == name]
    return Made({"name": name}, f"find . -name {name}", said_lines(found), ordered=False)


# -- count -----------------------------------------------------------------------------------------------------------


@template(
    "count",
    "How many files are in {dir} and below?",
    "Count all files under {dir}.",
    "Print the number of files below the directory {dir}.",
    "What is the total number of files in {dir}, with its subdirectories?",
)
def _files_in(draw: Random, tree: Tree) -> Made:
    folder = _folder(draw, tree)
    return Made(
        {"dir": folder}, f"find {folder} -type f | wc -l", f"{sum(p.startswith(folder + '/') for p in tree.files)}\n"
    )


@template(
    "count",
    "How many bytes does {path} have?",
    "What is the size of {path} in bytes?",
    "Print the size of {path}, in bytes.",
    "Count the bytes of {path}.",
)
def _bytes(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"wc -c < {path}", f"{len(tree.files[path].encode())}\n")


@template(
    "count",
    "How many lines do the .{ext} files have together?",
    "Count the lines of all {ext} files, the total alone.",
    "Print the total number of lines in every .{ext} file.",
    "What is the sum of the line counts of the {ext} files?",
)
def _lines_together(draw: Random, tree: Tree) -> Made:
    ext = draw.choice(("py", "md", "log", "txt"))
    total = sum(tree.files[p].count("\n") for p in tree.paths("." + ext))
    return Made({"ext": ext}, f"find . -name '*.{ext}' -exec cat {{}} + | wc -l", f"{total}\n")


# -- extract ---------------------------------------------------------------------------------------------------------


@template(
    "extract",
    "Print the longest line of {path}.",
    "Which line of {path} is the longest? Show it.",
    "Show the line with the most characters in {path}.",
    "Find the longest line in {path}.",
)
def _longest_line(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".md"), *tree.paths(".py")])
    lines = sorted(tree.lines(path), key=len)
    if len(lines) < 2 or len(lines[-1]) == len(lines[-2]):
        return None
    line = f"awk 'length($0) > n {{ n = length($0); l = $0 }} END {{ print l }}' {path}"
    return Made({"path": path}, line, lines[-1] + "\n")


@template(
    "extract",
    "What is the number of the longest line in {path}?",
    "On which line number is the longest line of {path}?",
    "Print the line number of the line with the most characters in {path}.",
    "Which line of {path}, by number, is its longest?",
)
def _longest_number(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".md"), *tree.paths(".py")])
    lengths = [len(x) for x in tree.lines(path)]
    if len(lengths) < 2 or lengths.count(max(lengths)) > 1:
        return None
    line = f"awk 'length($0) > n {{ n = length($0); at = NR }} END {{ print at }}' {path}"
    return Made({"path": path}, line, f"{lengths.index(max(lengths)) + 1}\n")


@template(
    "extract",
    "Print every e-mail address in {path}, sorted, each once.",
    "List the e-mail addresses that occur in {path}: sorted, without repeats.",
    "Extract all e-mail addresses from {path}, none twice, in order.",
    "Which e-mail addresses are in {path}? Each once, sorted.",
)
def _addresses(draw: Random, tree: Tree) -> Made:
    path = draw.choice([p for p in tree.paths(".txt") if "@" in tree.files[p]])
    found = sorted(set(mails(tree.files[path])))
    return Made({"path": path}, f"grep -oE '{MAIL}' {path} | sort -u", said_lines(found))


MAIL = "[[:alnum:]._-]+@[[:alnum:].-]*[[:alnum:]]"
"""An e-mail address for ``grep -E``, without the dot that ends a sentence."""


def mails(text: str) -> list[str]:
    """The e-mail addresses that :data:`MAIL` finds in a text."""
    return re.findall(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]*[A-Za-z0-9]", text)


@template(
    "extract",
    "What is {key} set to in {path}?",
    "Print the value of the setting {key} in {path}.",
    "Read the setting {key} out of {path}, the value alone.",
    "Which value has {key} in {path}?",
)
def _setting(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".ini"))
    key, value = draw.choice(re.findall(r"^(\w+) = (\d+)$", tree.files[path], re.MULTILINE))
    return Made({"path": path, "key": key}, f"sed -n 's/^{key} *= *//p' {path}", f"{value}\n")


@template(
    "extract",
    "Show {path}.",
    "Print the whole of {path}.",
    "What is in {path}?",
    "Display the content of {path}.",
    "Read {path}.",
)
def _whole(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"cat {path}", tree.files[path])


@template(
    "extract",
    "Show {path} with line numbers.",
    "Print {path} and number its lines.",
    "Number all lines of {path} and print them.",
    "Display {path} with a number before every line.",
)
def _numbered(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".txt"))
    said = said_lines([f"{n:6d}\t{line}" for n, line in enumerate(tree.lines(path), 1)])
    return Made({"path": path}, f"cat -n {path}", said)


# -- tables with quotes ----------------------------------------------------------------------------------------------


def _quoted(draw: Random, tree: Tree) -> tuple[str, list[dict[str, str]]]:
    path = draw.choice([p for p in tree.paths(".csv") if tree.files[p].startswith("city,")])
    return path, list(csv.DictReader(tree.lines(path)))


@template(
    "table",
    "Sum the column amount of {path} with python, to two decimals: fields may be quoted.",
    "Use python to add up amount in {path}, which has quoted fields. Two decimals.",
    "What is the total of the amount column in {path}? It has quotes, so take python; print two decimals.",
    "In python, print the sum of amount over {path} with two decimals.",
    "Total amount of the quoted CSV {path}, with two decimals, by python.",
)
def _python_sum(draw: Random, tree: Tree) -> Made:
    path, rows = _quoted(draw, tree)
    line = f"python -c \"import csv; print('%.2f' % sum(float(r['amount']) for r in csv.DictReader(open('{path}'))))\""
    return Made({"path": path}, line, f"{sum(float(r['amount']) for r in rows):.2f}\n")


@template(
    "table",
    "Use python to print the city with the highest amount in {path}; fields may be quoted.",
    "Which city has the largest amount in {path}? Take python: there are quoted fields.",
    "With python's csv module, print the city of the row of {path} whose amount is greatest.",
    "Find the city of the maximum amount in the quoted CSV {path}, by python.",
)
def _python_maximum(draw: Random, tree: Tree) -> Made:
    path, rows = _quoted(draw, tree)
    line = (
        f"python -c \"import csv; print(max(csv.DictReader(open('{path}')), "
        "key=lambda r: float(r['amount']))['city'])\""
    )
    return Made({"path": path}, line, max(rows, key=lambda r: float(r["amount"]))["city"] + "\n")


@template(
    "table",
    "Use python to print the column note of {path}; fields may be quoted.",
    "With python, list every note in {path}, without quotes.",
    "Print the note of each row of {path} with python's csv module.",
    "Extract the notes from the quoted CSV {path}, by python.",
)
def _python_column(draw: Random, tree: Tree) -> Made:
    path, rows = _quoted(draw, tree)
    line = f"python -c \"import csv; [print(r['note']) for r in csv.DictReader(open('{path}'))]\""
    return Made({"path": path}, line, said_lines([r["note"] for r in rows]))


@template(
    "sort",
    "List the files of {dir}, sorted by name.",
    "What is in the directory {dir}?",
    "Show the names in {dir}.",
    "List the directory {dir}.",
)
def _listing(draw: Random, tree: Tree) -> Made:
    folder = folder_of(draw.choice([p for p in tree.paths() if "/" in p]))
    names = {p.removeprefix(folder + "/").split("/")[0] for p in tree.files if p.startswith(folder + "/")}
    return Made({"dir": folder}, f"ls {folder}", said_lines(sorted(names)), ordered=False)
