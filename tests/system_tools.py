"""Programs of the system that some tests start."""

import os
import shutil
from typing import Final

import pytest

# `.ci/run` sets it: there no test may be left out.
REQUIRED: Final = "SYSTEM_TOOLS_REQUIRED"


def system_tool(name: str, package: str) -> str:
    """Return the path of a program. Without it the test is skipped, or fails where it is required."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        missing = f"{name} was not found; Debian has it in the package {package}"
        if os.environ.get(REQUIRED):
            pytest.fail(missing)
        pytest.skip(missing)
    return found
