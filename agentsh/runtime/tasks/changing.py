"""Templates of tasks that change files: rename, replace, delete, make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentsh.runtime.tasks.templates import Made, folder_of, said_lines, template

if TYPE_CHECKING:
    from random import Random

    from agentsh.runtime.tasks.trees import Tree


# -- changes ---------------------------------------------------------------------------------------------------------


@template(
    "rename",
    "Rename {path} to {new}.",
    "Change the name of {path} to {new}.",
    "Move {path} to {new}.",
    "Give {path} the new name {new}.",
)
def _rename(draw: Random, tree: Tree) -> Made:
    path = draw.choice([p for p in tree.paths() if "/" in p])
    new = f"{folder_of(path)}/{draw.choice(('old', 'new', 'final', 'main', 'draft'))}_{path.rsplit('/', 1)[-1]}"
    return Made({"path": path, "new": new}, f"mv {path} {new}", files={path: None, new: tree.files[path]})


@template(
    "rename",
    "Rename all .{old} files in {dir} to .{new}.",
    "Change the extension of the {old} files in {dir} to {new}.",
    "In {dir}, give every .{old} file the extension .{new} instead.",
    "Make the {old} files in {dir} end in .{new}.",
)
def _rename_all(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice([p for p in tree.paths() if "/" in p])
    folder, old = folder_of(path), path.rsplit(".", 1)[-1]
    new = draw.choice([e for e in ("text", "old", "backup", "markdown", "orig") if e != old])
    files: dict[str, str | None] = {}
    for p in tree.paths("." + old):
        if folder_of(p) == folder:
            files |= {p: None, p.removesuffix(old) + new: tree.files[p]}
    line = f'for f in {folder}/*.{old}; do mv "$f" "${{f%.{old}}}.{new}"; done'
    return Made({"dir": folder, "old": old, "new": new}, line, files=files)


@template(
    "replace",
    "Replace {old} with {new} in {path}.",
    "Change every {old} to {new} in {path}.",
    "In {path}, substitute {new} for {old} everywhere.",
    "Edit {path} so that {old} reads {new}.",
)
def _replace(draw: Random, tree: Tree) -> Made:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".md"), *tree.paths(".py")])
    old = draw.choice(sorted(set(re.findall(r"[A-Za-z]{4,}", tree.files[path]))))
    new = draw.choice(("orange", "purple", "tiny", "grand", "modern"))
    changed = tree.files[path].replace(old, new)
    return Made({"path": path, "old": old, "new": new}, f"sed -i 's/{old}/{new}/g' {path}", files={path: changed})


@template(
    "replace",
    "Replace {old} with {new} in all {ext} files.",
    "Change {old} to {new} in every .{ext} file.",
    "Substitute {new} for {old} across the {ext} files.",
    "Everywhere in the .{ext} files, turn {old} into {new}.",
)
def _replace_everywhere(draw: Random, tree: Tree) -> Made:
    ext = draw.choice(("txt", "md", "py"))
    old = draw.choice(sorted({w for p in tree.paths("." + ext) for w in re.findall(r"[A-Za-z]{4,}", tree.files[p])}))
    new = draw.choice(("orange", "purple", "tiny", "grand", "modern"))
    files: dict[str, str | None] = {
        p: tree.files[p].replace(old, new) for p in tree.paths("." + ext) if old in tree.files[p]
    }
    line = f"find . -name '*.{ext}' -exec sed -i 's/{old}/{new}/g' {{}} +"
    return Made({"ext": ext, "old": old, "new": new}, line, files=files)


@template(
    "delete",
    "Delete all .{ext} files.",
    "Remove every file that ends in .{ext}.",
    "Clean up the {ext} files.",
    "Get rid of all {ext} files below this directory.",
)
def _delete(draw: Random, tree: Tree) -> Made | None:
    ext = draw.choice(("tmp", "bak", "log"))
    files: dict[str, str | None] = dict.fromkeys(tree.paths("." + ext))
    return Made({"ext": ext}, f"find . -name '*.{ext}' -delete", files=files) if files else None


@template(
    "delete",
    "Remove the blank lines from {path}.",
    "Delete empty lines in {path}.",
    "Edit {path} so that it has no empty lines.",
    "Strip all blank lines out of {path}.",
)
def _blank_lines(draw: Random, tree: Tree) -> Made | None:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".md")])
    if "" not in tree.lines(path):
        return None
    return Made({"path": path}, f"sed -i '/^$/d' {path}", files={path: said_lines([x for x in tree.lines(path) if x])})


@template(
    "delete",
    "Delete the lines with {word} from {path}.",
    "Remove every line of {path} that contains {word}.",
    "Drop the lines mentioning {word} in {path}.",
    "Edit {path}: take out all lines that have {word} in them.",
)
def _matching_lines(draw: Random, tree: Tree) -> Made:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".log")])
    word = draw.choice(sorted(set(re.findall(r"[A-Za-z]{4,}", tree.files[path]))))
    kept = said_lines([x for x in tree.lines(path) if word not in x])
    return Made({"path": path, "word": word}, f"sed -i '/{word}/d' {path}", files={path: kept})


@template(
    "make",
    "Copy {path} to {new}.",
    "Make a copy of {path} called {new}.",
    "Duplicate {path} as {new}.",
    "Back up {path} as {new}.",
)
def _copy(draw: Random, tree: Tree) -> Made:
    path = draw.choice(tree.paths())
    new = path + draw.choice((".orig", ".copy", ".save", ".old"))
    return Made({"path": path, "new": new}, f"cp {path} {new}", files={new: tree.files[path]})


@template(
    "make",
    "Create the directory {dir}.",
    "Make a folder {dir}, with its parents.",
    "Add a new directory {dir}.",
    "I need a directory named {dir}.",
)
def _directory(draw: Random, tree: Tree) -> Made:
    parent = draw.choice(sorted({folder_of(p) for p in tree.files if "/" in p}))
    new = f"{parent}/{draw.choice(('archive', 'output', 'drafts', 'build', '2024', 'assets'))}"
    return Made({"dir": new}, f"mkdir -p {new}", files={new + "/": ""})


@template(
    "make",
    "Append the line {text} to {path}.",
    "Add {text} at the end of {path}.",
    "Write {text} as a new last line of {path}.",
    "Put {text} on a new line below everything in {path}.",
)
def _append(draw: Random, tree: Tree) -> Made:
    path = draw.choice([*tree.paths(".txt"), *tree.paths(".log")])
    text = f"'{draw.choice(('done', 'see above', 'checked by Ada', 'end of file', 'to be sorted'))}'"
    return Made(
        {"path": path, "text": text}, f"echo {text} >> {path}", files={path: tree.files[path] + text[1:-1] + "\n"}
    )


@template(
    "make",
    "Move all {ext} files of {dir} into {dir}/{new}.",
    "Create {dir}/{new} and put the .{ext} files of {dir} there.",
    "Collect the {ext} files in {dir} in a new directory {dir}/{new}.",
    "Sort the .{ext} files of {dir} away into {dir}/{new}.",
)
def _collect(draw: Random, tree: Tree) -> Made:
    path = draw.choice([p for p in tree.paths() if "/" in p])
    folder, ext = folder_of(path), path.rsplit(".", 1)[-1]
    new = draw.choice(("archive", "kept", "old", "done"))
    files: dict[str, str | None] = {f"{folder}/{new}/": ""}
    for p in tree.paths("." + ext):
        if folder_of(p) == folder:
            files |= {p: None, f"{folder}/{new}/{p.rsplit('/', 1)[-1]}": tree.files[p]}
    line = f"mkdir -p {folder}/{new} && mv {folder}/*.{ext} {folder}/{new}/"
    return Made({"ext": ext, "dir": folder, "new": new}, line, files=files)
