"""Watches what processes leave behind in a home folder of their own, and whom they would speak to."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Runs in every Python process before anything else, and notes each look-up and each connection elsewhere.
SITE = """
import os, sys

LOCAL = (None, "", "127.0.0.1", "::1", "localhost", b"127.0.0.1", b"localhost")

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in LOCAL:
        with open(os.environ["WATCHED_NOTES"], "a") as notes:
            notes.write(f"{event} {host}\\n")

sys.addaudithook(watch)
"""
STRACE = shutil.which("strace")


@dataclass(frozen=True, slots=True)
class Watched:
    """Folders that must stay empty, and the environment that makes processes use them."""

    folder: Path
    has_xdg: bool = False

    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """The environment with a home of its own."""
        home, site = self.folder / "home", self.folder / "site"
        for folder in (home, site, self._temporary):
            folder.mkdir(parents=True)
        (site / "sitecustomize.py").write_text(SITE, encoding="utf-8")
        kept = {
            name: value
            for name, value in environment.items()
            if not name.startswith(("XDG_", "HF_", "MPL", "NUMBA_", "TORCH", "TRITON_", "ORT_"))
        }
        xdg = ("CACHE", "CONFIG", "DATA", "STATE") if self.has_xdg else ()
        return {
            **kept,
            **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in xdg},
            "HOME": str(home),
            "TMPDIR": str(self._temporary),
            "PYTHONPATH": str(site),
            "WATCHED_NOTES": str(self._notes),
        }

    def left_behind(self) -> list[str]:
        """What there is in the home folder and in the folder for temporary files."""
        return [str(path) for part in ("home", "tmp") for path in (self.folder / part).rglob("*")]

    def spoken_to(self) -> list[str]:
        """Whom processes looked up or would have connected to."""
        return self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []

    def traced(self, command: Sequence[str], environment: dict[str, str], text: bytes = b"") -> list[str]:
        """Run a command to its end; its connections over a network, native code's among them."""
        assert STRACE is not None
        trace = self.folder / "trace"
        done = subprocess.run(
            [STRACE, "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace),
             sys.executable, *command],
            env=environment, input=text, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [line for line in trace.read_text().splitlines() if "AF_INET" in line]

    @property
    def _notes(self) -> Path:
        return self.folder / "notes"

    @property
    def _temporary(self) -> Path:
        return self.folder / "tmp"
