"""Which effects deserve a second look, by path and by what happened to it."""

from __future__ import annotations

import re
import stat
import unicodedata
from dataclasses import replace
from functools import lru_cache

from agentsh.core.effect import FileEffect, Flag
from agentsh.core.entry import EntryType

# Things that run later without anybody asking: a person opens the directory, commits, pulls, tests, or logs in.
_RUNS_CODE_NAMES = frozenset(
    [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".bash_aliases",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".zlogin",
        ".zlogout",
        ".kshrc",
        ".cshrc",
        ".tcshrc",
        ".login",
        ".logout",
        ".inputrc",
        ".envrc",
        ".env.fish",
        "config.fish",
        ".vimrc",
        ".exrc",
        ".nvimrc",
        ".lvimrc",
        ".gvimrc",
        ".emacs",
        ".dir-locals.el",
        ".gdbinit",
        ".lldbinit",
        ".pythonrc.py",
        ".pystartup",
        ".irbrc",
        ".rspec",
        ".gitconfig",
        ".gitattributes",
        ".gitmodules",
        ".pre-commit-config.yaml",
        ".pre-commit-config.yml",
        ".lefthook.yml",
        "lefthook.yml",
        ".overcommit.yml",
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "noxfile.py",
        "tox.ini",
        ".pdbrc",
        ".gitlab-ci.yml",
        ".gitlab-ci.yaml",
        ".travis.yml",
        "appveyor.yml",
        ".appveyor.yml",
        "azure-pipelines.yml",
        "azure-pipelines.yaml",
        "bitbucket-pipelines.yml",
        "jenkinsfile",
        ".drone.yml",
        ".woodpecker.yml",
        ".cirrus.yml",
        "cloudbuild.yaml",
        ".npmrc",
        ".yarnrc",
        ".yarnrc.yml",
        ".pnpmfile.cjs",
        "pnpmfile.cjs",
        ".pypirc",
        "pip.conf",
        ".mcp.json",
        "mcp.json",
        ".cursorrules",
        ".windsurfrules",
        ".aider.conf.yml",
        "agents.md",
        "claude.md",
        "gemini.md",
        ".agentsh.toml",
        ".xinitrc",
        ".xprofile",
        ".xsession",
        "crontab",
        ".ssh",
        # A bare repository needs no telling name, but has these; git obeys its configuration and runs its hooks.
        "head",
        "applypatch-msg",
        "commit-msg",
        "fsmonitor-watchman",
        "post-checkout",
        "post-commit",
        "post-merge",
        "post-rewrite",
        "pre-applypatch",
        "pre-commit",
        "pre-merge-commit",
        "pre-push",
        "pre-rebase",
        "prepare-commit-msg",
        "reference-transaction",
    ]
)
_RUNS_CODE_DIRS = (
    ".github/workflows",
    ".github/actions",
    ".circleci",
    ".ci",
    ".buildkite",
    ".woodpecker",
    ".gitea/workflows",
    ".forgejo/workflows",
    ".husky",
    ".githooks",
    ".vscode",
    ".idea",
    ".zed",
    ".vim",
    ".nvim",
    ".devcontainer",
    ".claude",
    ".cursor",
    ".codex",
    ".gemini",
    ".config/fish",
    ".config/autostart",
    ".config/systemd",
    ".config/git",
    ".direnv",
    ".ssh",
    "library/launchagents",
)
_RUNS_CODE_SUFFIXES = (".pth", ".desktop", ".service", ".timer", ".plist")
_SECRET_NAMES = re.compile(
    r"\.env(\..*)?|\.netrc|_netrc|\.pypirc|\.npmrc|\.git-credentials|credentials(\.(json|toml|ya?ml|ini))?"
    r"|id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|jks|keystore|kdbx)|secrets?\.(json|toml|ya?ml|env)"
    r"|service[-_]account.*\.json"
)
_ENV_EXAMPLE = re.compile(r"\.env\.(example|sample|template|dist)")


@lru_cache(maxsize=65536)
def fold(path: bytes) -> str:
    """A path as the least strict filesystem compares it: no case, one Unicode form (APFS, NTFS, casefold ext4).

    Characters that such filesystems ignore in a name (HFS+: zero-width ones) are dropped, as git does (CVE-2014-9390).
    """
    text = path.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text.lower()
    text = "".join(ch for ch in text if unicodedata.category(ch) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())


def in_git_internals(path: bytes) -> bool:
    """Whether ``path`` is a ``.git`` (of the workspace or nested), or lies in one.

    ``.git`` may also be a file that points elsewhere (worktrees, submodules), so the name itself counts.
    """
    return any(name.rstrip(". ") in (".git", "git~1") for name in fold(path).split("/"))


def runs_code(path: bytes) -> bool:
    """Whether something executes ``path`` later without asking."""
    text = fold(path)
    name = text.rpartition("/")[2]
    if name in _RUNS_CODE_NAMES or name.endswith(_RUNS_CODE_SUFFIXES):
        return True
    inside = f"/{text}/"
    # A bare repository (name.git) has its hooks and its configuration directly below it.
    return (
        any(f"/{d}/" in inside for d in _RUNS_CODE_DIRS)
        or ".git/hooks/" in inside
        or re.search(r"[^/]\.git/config/$", inside) is not None
    )


def secret_like(path: bytes) -> bool:
    """Whether the name says that the file holds credentials."""
    name = fold(path).rpartition("/")[2]
    return _SECRET_NAMES.fullmatch(name) is not None and _ENV_EXAMPLE.fullmatch(name) is None


def escapes(path: bytes, target: bytes) -> bool:
    """Whether a symlink at ``path`` with the text ``target`` may lead out of the workspace, by its names alone."""
    if target.startswith(b"/"):
        return True
    depth = path.count(b"/")
    inside = False
    for name in target.split(b"/"):
        if name == b"..":
            depth -= 1
            # What '..' means after a name depends on where that name leads: it may be a symlink itself.
            if depth < 0 or inside:
                return True
        elif name not in (b"", b"."):
            inside = True
    return False


def flag_effect(effect: FileEffect) -> FileEffect:
    """``effect`` with the flags that it deserves."""
    flags: list[Flag] = []
    before, after = effect.before, effect.after
    if in_git_internals(effect.path):
        flags.append(Flag.GIT_INTERNALS)
    if runs_code(effect.path):
        flags.append(Flag.RUNS_CODE)
    if secret_like(effect.path):
        flags.append(Flag.SECRET_LIKE)
    if EntryType.OTHER in (before and before.type, after and after.type):
        flags.append(Flag.SPECIAL)
    if before is not None and before.unkept and (after is None or after.type is not before.type):
        flags.append(Flag.XATTR_NOT_KEPT)
    if after is not None:
        if after.type is EntryType.SYMLINK and after.target is not None and escapes(effect.path, after.target):
            flags.append(Flag.ESCAPING_SYMLINK)
        if after.type is EntryType.FILE and after.mode & 0o111:
            was = before.mode if before is not None and before.type is EntryType.FILE else 0
            if not was & 0o111 or after.mode & ~was & (stat.S_ISUID | stat.S_ISGID):
                flags.append(Flag.EXECUTABLE)
    return replace(effect, flags=tuple(flags))
