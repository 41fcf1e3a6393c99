"""Environments of their own, in `build/`, for tools that are large and that only one check needs."""

import shutil
import subprocess
import sys
from pathlib import Path

from tools.setup_env import content_key

ROOT = Path(__file__).resolve().parent.parent


def installed(name: str, lock: str) -> Path:
    """Return the folder of an environment with what a lock names, made unless it is there."""
    folder = ROOT / "build" / name
    stamp = folder / "installed"
    key = content_key(lock)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    locked = ["--no-deps", "--require-hashes", "--requirement", str(ROOT / lock)]
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *locked], check=True)
    stamp.write_text(key, encoding="utf-8")
    return folder
