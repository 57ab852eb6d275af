"""Templates of tasks that keep a result in a file, change some of several files, insert lines, set modes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.runtime.tasks.looking import MAIL, mails
from agentsh.runtime.tasks.templates import Made, folder_of, said_lines, template

if TYPE_CHECKING:
    from random import Random

    from agentsh.runtime.tasks.trees import Tree

_NEW = ("result.txt", "summary.txt", "out.txt", "found.txt", "list.txt")


@template(
    "make",
    "Write the lines of {path} that contain {word} into {new}.",
    "Save every line of {path} with {word} in it to {new}.",
    "Put all {word} lines of {path} into the file {new}.",
    "Store the lines mentioning {word} from {path} in {new}.",
)
def _save_matches(draw: Random, tree: Tree) -> Made:
    path, new = draw.choice([*tree.paths(".log"), *tree.paths(".txt")]), draw.choice(_NEW)
    word = draw.choice(sorted(set(re.findall(r"[A-Za-z]{4,}", tree.files[path]))))
    found = said_lines([x for x in tree.lines(path) if word in x])
    return Made({"path": path, "word": word, "new": new}, f"grep {word} {path} > {new}", files={new: found})


@template(
    "make",
    "Write the lines of {path}, sorted and each once, into {new}.",
    "Sort {path}, drop repeated lines, and save the rest as {new}.",
    "Put the different lines of {path} in order into {new}.",
    "Save {path} sorted without duplicates in {new}.",
)
def _save_sorted(draw: Random, tree: Tree) -> Made:
    path, new = draw.choice(tree.paths(".txt")), draw.choice(_NEW)
    return Made(
        {"path": path, "new": new},
        f"sort -u {path} > {new}",
        files={new: said_lines(sorted(set(tree.lines(path))))},
    )


@template(
    "make",
    "Write the e-mail addresses of {path} into {new}, sorted, each once.",
    "Save all e-mail addresses that are in {path} to {new}: one a line, sorted, without repeats.",
    "Extract the e-mail addresses from {path} and put them, sorted and none twice, into {new}.",
    "Collect every e-mail address of {path} in {new}, in order, once each.",
)
def _save_addresses(draw: Random, tree: Tree) -> Made:
    path, new = draw.choice([p for p in tree.paths(".txt") if "@" in tree.files[p]]), draw.choice(_NEW)
    found = sorted(set(mails(tree.files[path])))
    line = f"grep -oE '{MAIL}' {path} | sort -u > {new}"
    return Made({"path": path, "new": new}, line, files={new: said_lines(found)})


@template(
    "make",
    "Write the number of lines of every .{ext} file in {dir} into {new}.",
    "Save the line counts of the {ext} files of {dir} as {new}, as wc prints them.",
    "Put the output of wc -l for the .{ext} files in {dir} into {new}.",
    "Store how many lines each {ext} file in {dir} has, with the total, in {new}.",
)
def _save_counts(draw: Random, tree: Tree) -> Made | None:
    folder, ext = folder_of(draw.choice([p for p in tree.paths() if "/" in p])), draw.choice(("py", "md", "txt", "log"))
    new = draw.choice(_NEW)
    paths = [p for p in tree.paths("." + ext) if folder_of(p) == folder]
    if len(paths) < 2:
        return None
    counts = [tree.files[p].count("\n") for p in paths]
    said = said_lines([f"{n:3d} {p}" for n, p in zip([*counts, sum(counts)], [*paths, "total"], strict=True)])
    return Made({"ext": ext, "dir": folder, "new": new}, f"wc -l {folder}/*.{ext} > {new}", files={new: said})


@template(
    "make",
    "Create the file {new} with the text {text}.",
    "Write {text} into a new file {new}.",
    "Make a file {new} that says {text}.",
    "Put the line {text} into {new}, a new file.",
)
def _new_file(draw: Random, tree: Tree) -> Made:
    parent = draw.choice(sorted({folder_of(p) for p in tree.files if "/" in p}))
    new = f"{parent}/{draw.choice(('hello.txt', 'NOTICE', 'note.md', 'version.txt'))}"
    text = draw.choice(("hello world", "version 2", "to be done", "all is well", "see the readme"))
    return Made({"new": new, "text": f"'{text}'"}, f"echo '{text}' > {new}", files={new: text + "\n"})


@template(
    "make",
    "Join all .{ext} files of {dir} into {new}.",
    "Concatenate the {ext} files in {dir} and save them as {new}.",
    "Put the .{ext} files of {dir} one after the other into {new}.",
    "Merge every {ext} file in {dir} into one file {new}, in the order of names.",
)
def _join(draw: Random, tree: Tree) -> Made | None:
    folder, ext = folder_of(draw.choice([p for p in tree.paths() if "/" in p])), draw.choice(("md", "txt", "log", "py"))
    paths, new = [p for p in tree.paths("." + ext) if folder_of(p) == folder], draw.choice(_NEW)
    if len(paths) < 2:
        return None
    text = "".join(tree.files[p] for p in paths)
    return Made({"ext": ext, "dir": folder, "new": new}, f"cat {folder}/*.{ext} > {new}", files={new: text})


# -- change ----------------------------------------------------------------------------------------------------------


@template(
    "replace",
    "In every .{ext} file in {dir}, replace {old} with {new}.",
    "Change {old} to {new} in all {ext} files of the directory {dir}.",
    "Replace the word {old} by {new} in the .{ext} files in {dir}, and nowhere else.",
    "In the directory {dir}, turn {old} into {new} in each {ext} file.",
)
def _replace_in_folder(draw: Random, tree: Tree) -> Made:
    path = draw.choice([p for p in (*tree.paths(".txt"), *tree.paths(".md"), *tree.paths(".py")) if "/" in p])
    folder, ext = folder_of(path), path.rsplit(".", 1)[-1]
    old = draw.choice(sorted(set(re.findall(r"[A-Za-z]{4,}", tree.files[path]))))
    new = draw.choice(("orange", "purple", "tiny", "grand", "modern"))
    files: dict[str, str | None] = {
        p: tree.files[p].replace(old, new)
        for p in tree.paths("." + ext)
        if folder_of(p) == folder and old in tree.files[p]
    }
    line = f"sed -i 's/{old}/{new}/g' {folder}/*.{ext}"
    return Made({"ext": ext, "dir": folder, "old": old, "new": new}, line, files=files)


@template(
    "replace",
    "Set {key} to {value} in {path}.",
    "Change the setting {key} in {path} to {value}.",
    "In {path}, make {key} equal to {value}.",
    "Edit {path} so that {key} is {value}.",
)
def _set(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".ini"))
    key, _ = draw.choice(re.findall(r"^(\w+) = (\d+)$", tree.files[path], re.MULTILINE))
    value = str(draw.randrange(100, 900))
    changed = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", tree.files[path])
    line = f"sed -i 's/^{key} *=.*/{key} = {value}/' {path}"
    return Made({"path": path, "key": key, "value": value}, line, files={path: changed})


@template(
    "replace",
    "Insert the line {text} after the line {at} in {path}.",
    "Add {text} as a new line below the line {at} of {path}.",
    "In {path}, put the line {text} right after {at}.",
    "Write the line {text} under {at} in {path}.",
)
def _insert(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice(tree.paths(".md"))
    lines = tree.lines(path)
    at = draw.choice([x for x in lines if x.startswith("#")])
    if lines.count(at) > 1:
        return None
    text = draw.choice(("- One more entry.", "See the manual.", "- Faster start.", "To be written."))
    n = lines.index(at)
    changed = said_lines([*lines[: n + 1], text, *lines[n + 1 :]])
    line = f"sed -i '/^{at}$/a\\{text}' {path}"
    return Made({"path": path, "at": f"'{at}'", "text": f"'{text}'"}, line, files={path: changed})


@template(
    "delete",
    "Delete the files whose names end in {a} or {b}, here and below.",
    "Remove all files that end in {a} or in {b}.",
    "Clean up: delete every file ending in {a} or {b} in this directory tree.",
    "Get rid of the {a} and the {b} files, wherever they are below here.",
)
def _delete_two(draw: Random, tree: Tree) -> Made | None:
    a, b = draw.sample(("~", ".bak", ".tmp", ".log"), 2)
    files: dict[str, str | None] = dict.fromkeys([*tree.paths(a), *tree.paths(b)])
    line = f"find . -type f \\( -name '*{a}' -o -name '*{b}' \\) -delete"
    return Made({"a": a, "b": b}, line, files=files) if files else None


@template(
    "delete",
    "Delete {path}.",
    "Remove the file {path}.",
    "Get rid of {path}.",
    "I do not need {path} any more: delete it.",
)
def _delete_one(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"rm {path}", files={path: None})


@template(
    "mode",
    "Make {path} executable.",
    "Give everyone the right to run {path}.",
    "Set the executable bit of {path} for all.",
    "Let {path} be run as a program by everyone.",
)
def _executable(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths(".sh"))
    return Made({"path": path}, f"chmod a+x {path}", files={path: tree.files[path]})


@template(
    "mode",
    "Make all shell scripts in {dir} executable for everyone.",
    "Set the executable bit of every .sh file in {dir}.",
    "Give all the right to run the scripts in {dir} that end in .sh.",
    "The .sh files in {dir} must be executable: do it.",
)
def _executable_all(draw: Random, tree: Tree) -> Made:
    folder = folder_of(draw.choice(tree.paths(".sh")))
    files: dict[str, str | None] = {p: tree.files[p] for p in tree.paths(".sh") if folder_of(p) == folder}
    return Made({"dir": folder}, f"chmod a+x {folder}/*.sh", files=files)


@template(
    "mode",
    "Make {path} read-only for everyone.",
    "Take away all rights to write {path}.",
    "Protect {path} from being written by anyone.",
    "Remove the write permission of {path} for all.",
)
def _read_only(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    return Made({"path": path}, f"chmod a-w {path}", files={path: tree.files[path]})
