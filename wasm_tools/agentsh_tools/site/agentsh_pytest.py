"""A plugin that lets pytest run in the sandbox, where there are no users, no ``/tmp`` and no ``/dev/null`` to write to.

What pytest keeps for a session goes into a directory of the workspace that is removed again at its end, so that a run
of the tests leaves no effect to review.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

_USER = 1000  # the sandbox's only one


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Give the session a place for temporary directories, and for the log that nobody asked for."""
    if not hasattr(os, "getuid"):
        os.getuid = lambda: _USER
    place = Path(tempfile.mkdtemp(prefix=".pytest-", dir=config.rootpath))
    config.add_cleanup(lambda: shutil.rmtree(place, ignore_errors=True))
    if config.option.basetemp is None:
        config.option.basetemp = str(place / "tmp")
    if not config.option.log_file and not config.getini("log_file"):
        config.option.log_file = str(place / "log")
