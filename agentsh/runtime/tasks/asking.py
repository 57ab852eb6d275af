"""Templates of tasks that ask: find, count, extract, sort, tables."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from agentsh.runtime.tasks.templates import Made, said_lines, template

if TYPE_CHECKING:
    from random import Random

    from agentsh.runtime.tasks.trees import Tree


def _some(draw: Random, tree: Tree, suffix: str) -> str:
    return draw.choice(tree.paths(suffix))


def _suffix(draw: Random) -> str:
    return draw.choice(("py", "md", "log", "csv", "txt", "json"))


def _table(draw: Random, tree: Tree) -> tuple[str, str, list[list[str]]]:
    path = draw.choice([p for p in tree.paths(".csv") if tree.files[p].startswith("name,")])
    head, *rows = (line.split(",") for line in tree.lines(path))
    return path, head[2], rows


# -- find ------------------------------------------------------------------------------------------------------------


@template(
    "find",
    "List all .{ext} files.",
    "Find every file whose name ends in .{ext}.",
    "Show the paths of the {ext} files below this directory.",
    "Which files have the extension {ext}?",
    "Print where all {ext} files are.",
)
def _by_extension(draw: Random, tree: Tree) -> Made:
    ext = draw.choice(("py", "md", "log", "csv", "txt", "json", "tmp", "bak"))
    return Made(
        {"ext": ext}, f"find . -name '*.{ext}'", said_lines(["./" + p for p in tree.paths("." + ext)]), ordered=False
    )


@template(
    "find",
    "Find the files in {dir} with {part} in their name.",
    "List files below {dir} whose name contains {part}.",
    "Which files under {dir} have names that contain {part}?",
    "Search {dir} for file names containing {part}.",
)
def _by_part_of_the_name(draw: Random, tree: Tree) -> Made:
    path = draw.choice([p for p in tree.files if "/" in p])
    folder, name = path.split("/")[0], path.rsplit("/", 1)[-1]
    part = name[: draw.randrange(3, 6)]
    found = [p for p in tree.paths() if p.startswith(folder + "/") and part in p.rsplit("/", 1)[-1]]
    return Made(
        {"dir": folder, "part": part}, f"find {folder} -type f -name '*{part}*'", said_lines(found), ordered=False
    )


@template(
    "find",
    "Which {ext} files contain the word {word}?",
    "List the {ext} files that mention {word}.",
    "Show the names of all .{ext} files with {word} in them.",
    "Find {ext} files in which {word} occurs.",
)
def _by_content(draw: Random, tree: Tree) -> Made | None:
    ext = _suffix(draw)
    word = draw.choice(sorted({w for p in tree.paths("." + ext) for w in re.findall(r"[A-Za-z]{4,}", tree.files[p])}))
    found = ["./" + p for p in tree.paths("." + ext) if word in tree.files[p]]
    return Made({"ext": ext, "word": word}, f"grep -rl {word} --include='*.{ext}' .", said_lines(found), ordered=False)


# -- count -----------------------------------------------------------------------------------------------------------


@template(
    "count",
    "How many lines does {path} have?",
    "Count the lines of {path}.",
    "Print the number of lines in {path}.",
    "Tell me how long {path} is, in lines.",
    "Line count of {path}, the number alone.",
)
def _lines(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"wc -l < {path}", f"{tree.files[path].count(chr(10))}\n")


@template(
    "count",
    "How many words are in {path}?",
    "Count the words of {path}.",
    "Print the number of words in {path}.",
    "Give me the word count of {path}.",
)
def _words(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"wc -w < {path}", f"{len(tree.files[path].split())}\n")


@template(
    "count",
    "How many {ext} files are there?",
    "Count the .{ext} files.",
    "Print the number of files that end in .{ext}.",
    "What is the number of {ext} files in this directory and below?",
)
def _files(draw: Random, tree: Tree) -> Made:
    ext = draw.choice(("py", "md", "log", "csv", "txt", "json", "tmp", "bak"))
    return Made({"ext": ext}, f"find . -name '*.{ext}' | wc -l", f"{len(tree.paths('.' + ext))}\n")


@template(
    "count",
    "How many lines of {path} contain {word}?",
    "Count the lines with {word} in {path}.",
    "In {path}, how many lines mention {word}?",
    "Print how often a line of {path} has {word} in it.",
)
def _matches(draw: Random, tree: Tree) -> Made:
    path = draw.choice([*tree.paths(".log"), *tree.paths(".txt"), *tree.paths(".py")])
    word = draw.choice(sorted(set(re.findall(r"[A-Za-z]{3,}", tree.files[path]))))
    return Made({"path": path, "word": word}, f"grep -c {word} {path}", f"{sum(word in x for x in tree.lines(path))}\n")


# -- search and extract ----------------------------------------------------------------------------------------------


@template(
    "extract",
    "Show the {level} lines of {path}.",
    "Print every line with {level} in {path}.",
    "Get all {level} entries from {path}.",
    "Filter {path} for lines that contain {level}.",
)
def _log_lines(draw: Random, tree: Tree) -> Made | None:
    path, level = _some(draw, tree, ".log"), draw.choice(("ERROR", "WARNING", "INFO", "DEBUG"))
    found = [x for x in tree.lines(path) if level in x]
    return Made({"path": path, "level": level}, f"grep {level} {path}", said_lines(found)) if found else None


@template(
    "extract",
    "Show the lines of {path} without {word}.",
    "Print {path} except the lines that contain {word}.",
    "Leave out every line with {word} when printing {path}.",
    "Print all lines of {path} that do not mention {word}.",
)
def _other_lines(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice([*tree.paths(".log"), *tree.paths(".txt")])
    word = draw.choice(sorted(set(re.findall(r"[A-Za-z]{3,}", tree.files[path]))))
    found = [x for x in tree.lines(path) if word not in x]
    return Made({"path": path, "word": word}, f"grep -v {word} {path}", said_lines(found)) if found else None


@template(
    "extract",
    "Show the first {n} lines of {path}.",
    "Print the top {n} lines of {path}.",
    "Give me the first {n} lines from {path}.",
    "Display only lines 1 to {n} of {path}.",
)
def _first_lines(draw: Random, tree: Tree) -> Made:
    path, n = draw.choice(tree.paths()), draw.randrange(2, 8)
    return Made({"path": path, "n": str(n)}, f"head -n {n} {path}", said_lines(tree.lines(path)[:n]))


@template(
    "extract",
    "Show the last {n} lines of {path}.",
    "Print the final {n} lines of {path}.",
    "Give me the end of {path}, {n} lines.",
    "Display the bottom {n} lines of {path}.",
)
def _last_lines(draw: Random, tree: Tree) -> Made:
    path, n = draw.choice([*tree.paths(".log"), *tree.paths(".txt"), *tree.paths(".csv")]), draw.randrange(2, 8)
    return Made({"path": path, "n": str(n)}, f"tail -n {n} {path}", said_lines(tree.lines(path)[-n:]))


@template(
    "extract",
    "Print line {n} of {path}.",
    "Show only the line number {n} of {path}.",
    "What is on line {n} of {path}?",
    "Give me the {n}th line of {path}.",
)
def _one_line(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".txt") + tree.paths(".log"))
    n = draw.randrange(4, 7)
    return Made({"path": path, "n": str(n)}, f"sed -n {n}p {path}", said_lines(tree.lines(path)[n - 1 : n]))


@template(
    "extract",
    "List the functions that {path} defines.",
    "Print the def lines of {path}.",
    "Show every line of {path} that begins with def.",
    "Which functions are defined in {path}? Show their def lines.",
)
def _functions(draw: Random, tree: Tree) -> Made:
    path = _some(draw, tree, ".py")
    return Made(
        {"path": path}, f"grep '^def ' {path}", said_lines([x for x in tree.lines(path) if x.startswith("def ")])
    )


@template(
    "extract",
    "Print the {key} of {path}.",
    "What is the value of {key} in {path}?",
    "Read {key} from {path}.",
    "Get the field {key} out of the JSON file {path}.",
)
def _json_field(draw: Random, tree: Tree) -> Made:
    path = _some(draw, tree, ".json")
    key, value = draw.choice(sorted(json.loads(tree.files[path]).items(), key=str))
    return Made({"path": path, "key": key}, f"jq -r .{key} {path}", f"{value}\n")


# -- sort ------------------------------------------------------------------------------------------------------------


@template(
    "sort",
    "Sort the lines of {path}.",
    "Print {path} in alphabetical order.",
    "Show the lines of {path} sorted.",
    "Order {path} by line and print it.",
)
def _sorted(draw: Random, tree: Tree) -> Made:
    path = _some(draw, tree, ".txt")
    return Made({"path": path}, f"sort {path}", said_lines(sorted(tree.lines(path))))


@template(
    "sort",
    "Print the different lines of {path}, sorted, each once.",
    "Sort {path} and drop duplicate lines.",
    "Show the unique lines of {path} in order.",
    "List {path} sorted without repeated lines.",
)
def _unique(draw: Random, tree: Tree) -> Made:
    path = _some(draw, tree, ".txt")
    return Made({"path": path}, f"sort -u {path}", said_lines(sorted(set(tree.lines(path)))))


@template(
    "sort",
    "How often does each level occur in {path}? Most frequent first.",
    "Count the log levels of {path}, the most common at the top.",
    "Make a histogram of the third field of {path}, largest count first.",
    "Show the counts of the log levels in {path} in descending order.",
)
def _levels(draw: Random, tree: Tree) -> Made | None:
    path = _some(draw, tree, ".log")
    counts = Counter(line.split()[2] for line in tree.lines(path))
    if len(set(counts.values())) < len(counts):
        return None  # ties have no order
    said = said_lines([f"{n:7d} {level}" for level, n in counts.most_common()])
    return Made({"path": path}, f"awk '{{print $3}}' {path} | sort | uniq -c | sort -nr", said)


# -- tables ----------------------------------------------------------------------------------------------------------


@template(
    "table",
    "Sum the {column} column of {path}.",
    "What is the total {column} in {path}?",
    "Add up all {column} values in {path}.",
    "Print the sum of {column} over the rows of {path}.",
    "Total of the third column of {path}, which is {column}.",
)
def _sum(draw: Random, tree: Tree) -> Made:
    path, column, rows = _table(draw, tree)
    line = f"awk -F, 'NR>1 {{s+=$3}} END {{print s}}' {path}"
    return Made({"path": path, "column": column}, line, f"{sum(int(r[2]) for r in rows)}\n")


@template(
    "table",
    "What is the highest {column} in {path}?",
    "Print the maximum of the {column} column of {path}.",
    "Find the largest {column} value in {path}.",
    "Show the biggest {column} of {path}.",
)
def _maximum(draw: Random, tree: Tree) -> Made:
    path, column, rows = _table(draw, tree)
    line = f"tail -n +2 {path} | cut -d, -f3 | sort -n | tail -n 1"
    return Made({"path": path, "column": column}, line, f"{max(int(r[2]) for r in rows)}\n")


@template(
    "table",
    "Print the {which} column of {path} without the header.",
    "List the values of {which} in {path}.",
    "Extract {which} from every row of {path}, leaving out the header.",
    "Show only the column {which} of {path}, no header.",
)
def _column(draw: Random, tree: Tree) -> Made:
    path, _, rows = _table(draw, tree)
    n = draw.randrange(2)
    line = f"tail -n +2 {path} | cut -d, -f{n + 1}"
    return Made({"path": path, "which": ("name", "city")[n]}, line, said_lines([r[n] for r in rows]))


@template(
    "table",
    "Who is from {city} in {path}? Print the names.",
    "List the names of the rows of {path} whose city is {city}.",
    "Print the name of everybody in {path} with the city {city}.",
    "Names in {path} where city equals {city}.",
)
def _from_city(draw: Random, tree: Tree) -> Made:
    path, _, rows = _table(draw, tree)
    city = draw.choice(rows)[1]
    line = f"awk -F, '$2==\"{city}\" {{print $1}}' {path}"
    return Made({"path": path, "city": city}, line, said_lines([r[0] for r in rows if r[1] == city]))


@template(
    "table",
    "Print the rows of {path} with {column} above {n}.",
    "Which rows of {path} have a {column} greater than {n}?",
    "Filter {path} for {column} over {n}, without the header.",
    "Show all rows of {path} where {column} is more than {n}.",
)
def _above(draw: Random, tree: Tree) -> Made | None:
    path, column, rows = _table(draw, tree)
    n = draw.randrange(50, 400, 10)
    found = [",".join(r) for r in rows if int(r[2]) > n]
    line = f"awk -F, 'NR>1 && $3>{n}' {path}"
    return Made({"path": path, "column": column, "n": str(n)}, line, said_lines(found)) if found else None


@template(
    "table",
    "Sort the rows of {path} by {column}, highest first, without the header.",
    "Print {path} without its header, ordered by {column} descending.",
    "Order the rows of {path} from the largest {column} to the smallest, no header.",
    "List the rows of {path}, largest {column} first, leaving out the header.",
)
def _by_column(draw: Random, tree: Tree) -> Made:
    path, column, rows = _table(draw, tree)
    found = [",".join(r) for r in sorted(rows, key=lambda r: -int(r[2]))]
    return Made({"path": path, "column": column}, f"tail -n +2 {path} | sort -t, -k3,3nr", said_lines(found))
