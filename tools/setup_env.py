"""Set-up in steps: torch, build tools, locked requirements, the project itself, front-end files.

Run by `make` with the interpreter of the virtual environment. Each step is keyed by the content of
what it reads and is skipped when a run with the same key has succeeded, so that a finished set-up
costs a few file reads. Package registries are whatever pip and npm are configured to use here.
"""

import argparse
import fcntl
import hashlib
import json
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.frontend import install_frontend
from tools.lint_scripts import BIOME

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_TORCH = "torch==2.13.0"
FETCHED = ("static/vendor", "samples", "build/test-assets")
# torch shows its progress, since some builds are gigabytes; the rest is quick.
ERRORS_ONLY = ("--quiet", "--quiet")
LOCKED = (*ERRORS_ONLY, "--no-deps", "--require-hashes")


@dataclass(frozen=True)
class Step:
    """One part of the set-up; `key` changes when it has to be done again."""

    name: str
    key: str
    run: Callable[[], None]
    made: tuple[Path, ...] = ()

    def is_done(self, stamps: dict[str, str]) -> bool:
        return stamps.get(self.name) == self.key and all(path.exists() for path in self.made)


def content_key(*paths: str) -> str:
    """SHA-256 over the content of files given relative to the repository."""
    digest = hashlib.sha256()
    for path in paths:
        content = (ROOT / path).read_bytes()
        digest.update(f"{path} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def pip_install(*arguments: str) -> None:
    """Install into the running interpreter's environment.

    Raises:
        subprocess.CalledProcessError: pip could not install; it has said why on its own output.
    """
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, *arguments], cwd=ROOT, check=True)


def torch_key(asked: str, stamps: dict[str, str]) -> str:
    """Say which torch belongs here, as its step's key: who decided, then what pip is told to install.

    A choice is kept, so that `make run` after `make setup TORCH=…` does not undo it.
    """
    if asked:
        return f"chosen {asked}"
    kept = stamps.get("torch", "")
    return kept if kept.startswith("chosen ") else f"default {DEFAULT_TORCH}"


def install_torch(key: str) -> None:
    """Install torch with its dependencies; `none` leaves it out, for machines that only sketch."""
    _, _, spec = key.partition(" ")
    if spec != "none":
        pip_install(*spec.split())


def fetch_frontend() -> None:
    """Fetch the locked front-end packages and lay out the files that pages and tests load."""
    install_frontend(ROOT, npm=Path(sys.executable).parent / "npm")


def planned_steps(torch: str) -> list[Step]:
    """List the steps in the order in which they build on each other."""
    return [
        Step("torch", torch, lambda: install_torch(torch)),
        Step(
            "build tools",
            content_key("requirements/build.txt"),
            lambda: pip_install(*LOCKED, "-r", "requirements/build.txt"),
        ),
        Step(
            "requirements",
            content_key("requirements/dev.txt"),
            # Some packages come as source; an isolated build would fetch its tools unhashed.
            lambda: pip_install(*LOCKED, "--no-build-isolation", "-r", "requirements/dev.txt"),
        ),
        Step(
            "project",
            content_key("pyproject.toml") + str(ROOT),
            lambda: pip_install(*ERRORS_ONLY, "--no-deps", "--no-build-isolation", "--editable", "."),
        ),
        Step(
            "front-end files",
            content_key("package.json", "package-lock.json", ".npmrc", "tools/frontend.py"),
            fetch_frontend,
            made=(*(ROOT / name / "manifest.json" for name in FETCHED), BIOME),
        ),
    ]


def read_stamps(path: Path) -> dict[str, str]:
    """Read which steps were finished with which key; a missing or damaged record means none."""
    try:
        stamps = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(key) for name, key in stamps.items()} if isinstance(stamps, dict) else {}


def write_stamps(path: Path, stamps: dict[str, str]) -> None:
    """Record finished steps, in one move."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(stamps, indent=2), encoding="utf-8")
    aside.replace(path)


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the set-up lock, so that two `make` commands at once do not install over each other."""
    with path.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_steps(steps: list[Step], stamps: dict[str, str], stamps_path: Path) -> None:
    """Do the first step that is not done and all that follow it, recording each as it finishes.

    The later ones are redone because torch may bring other versions than the lock's, and the lock has
    the last word.
    """
    first = next((place for place, step in enumerate(steps) if not step.is_done(stamps)), len(steps))
    for step in steps[first + 1 :]:
        stamps.pop(step.name, None)
    for step in steps[first:]:
        print(f"set-up: {step.name} …", flush=True)
        started = time.monotonic()
        step.run()
        stamps[step.name] = step.key
        write_stamps(stamps_path, stamps)
        print(f"set-up: {step.name}, done in {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    """Bring the environment up to date; returns the exit status for the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", default="", help=f"what to tell pip to install (default: {DEFAULT_TORCH})")
    asked = " ".join(parser.parse_args().torch.split())
    site_packages = Path(sysconfig.get_path("purelib"))
    stamps_path = site_packages / "soundloom-setup.json"
    stamps = read_stamps(stamps_path)
    if all(step.is_done(stamps) for step in planned_steps(torch_key(asked, stamps))):
        return 0
    if not (site_packages / "pip").is_dir():
        print(
            "The environment in .venv is incomplete: delete that folder and run make setup.", file=sys.stderr
        )
        return 1
    try:
        with only_one(site_packages / "soundloom-setup.lock"):
            # Another make may have done it all while this one waited for the lock.
            stamps = read_stamps(stamps_path)
            run_steps(planned_steps(torch_key(asked, stamps)), stamps, stamps_path)
    except subprocess.CalledProcessError as error:
        print(f"Set-up stopped: {' '.join(error.cmd[:4])} … failed; its message is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
