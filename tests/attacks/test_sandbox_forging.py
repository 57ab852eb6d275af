"""Changes that try not to be seen, and links that one action lays for the next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Cage


@pytest.mark.parametrize(
    "change",
    [
        "printf 'FILE\\n' > file",
        "printf 'FILE\\n' > new; mv new file",
        "cp file kept; sed -i s/file/FILE/ file; touch -r kept file; rm kept",
        "tr a-z A-Z < file > new; cat new > file; rm new",
    ],
)
def test_a_change_with_its_size_and_time_kept(cage: Cage, change: str):
    """Times can be forged by any module; the change is in the change set all the same."""
    before = (cage.workspace / "file").stat()
    stamp = f"@{before.st_mtime_ns // 10**9}.{before.st_mtime_ns % 10**9:09d}"
    done = cage.run(f"{change}; touch -d {stamp} file; cat file; stat -c %s file")
    assert done.stdout == b"FILE\n5\n", done.stderr
    assert b"file" in cage.view.changed()
    assert (cage.workspace / "file").read_text() == "file\n"


@pytest.mark.parametrize("target", ["../outside", "../../outside", "d/../../outside", "../outside/secret"])
@pytest.mark.parametrize(
    "follow", ["cat {}", "echo x > {}", "tee {} < file", "cp file {}", "cat < {}", "sed -i s/t/x/ {}"]
)
def test_a_link_that_one_action_makes_and_the_next_follows(cage: Cage, target: str, follow: str):
    cage.run(f"ln -s {target} trap; ln -s trap second")
    place = "second" if target.endswith("secret") else "second/secret"
    done = cage.run(follow.format(place))
    assert b"the-host-secret" not in done.stdout
    assert (cage.outside / "secret").read_text() == "the-host-secret"
    assert sorted(os.listdir(cage.outside)) == ["secret"]
