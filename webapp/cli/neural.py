"""`soundloom models setup`: installs what the neural models run on.

AudioCraft's own pins cannot be resolved together with a present torch. So torch is installed first, in
the build that suits the machine, and the rest exactly as the lock says, without resolving anything.
"""

import importlib.util
import shutil
import subprocess
import sys
from argparse import Namespace
from typing import Final

from webapp.assets import asset_folder
from webapp.errors import InvalidRequest

DEFAULT_TORCH: Final = "torch==2.13.0"
LOCKED: Final = ("--no-deps", "--require-hashes")


def install(arguments: Namespace) -> int:
    """Install torch, unless it is there, and AudioCraft with everything that it imports.

    Raises InvalidRequest when there is no installer, or when it fails.
    """
    locks = asset_folder() / "requirements"
    if arguments.torch or importlib.util.find_spec("torch") is None:
        _run_installer(*(arguments.torch or DEFAULT_TORCH).split())
    # Some packages come as source: an isolated build would fetch its tools unhashed.
    _run_installer(*LOCKED, "-r", str(locks / "build.txt"))
    _run_installer(*LOCKED, "--no-build-isolation", "-r", str(locks / "neural.txt"))
    print("The neural models can run now. Fetch one with: soundloom models pull musicgen-small")
    return 0


def _installer() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise InvalidRequest(
        f"The environment of {sys.executable} has no pip, and uv is not on the path; install one of them."
    )


def _run_installer(*arguments: str) -> None:
    try:
        subprocess.run([*_installer(), *arguments], check=True)  # noqa: S603 - our own arguments, no shell
    except subprocess.CalledProcessError as error:
        raise InvalidRequest("The installation failed; the message above says why.") from error
