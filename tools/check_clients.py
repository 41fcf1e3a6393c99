"""Run other people's clients, unchanged, against a server: each journey in `clients/journeys/` in turn.

The clients get an environment of their own, from `requirements/clients.txt`. A journey is a program that
takes the server's address and a token, and fails when something is not as its client expects.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import httpx

from tools.throwaway_server import throwaway_server
from tools.tool_environment import ROOT, installed

LOCK: Final = "requirements/clients.txt"
JOURNEYS: Final = ROOT / "clients/journeys"
ACCOUNT: Final = {"username": "journey", "password": "of one throwaway account"}
# More than the journeys use together.
HOURLY: Final = "1000"
LIMIT_S: Final = 300


def main() -> int:
    """Run every journey, or those that are named; returns the exit status for the shell."""
    tools = installed("client-tools", LOCK)
    wanted = sys.argv[1:] or sorted(path.stem for path in JOURNEYS.glob("*.py"))
    failed = []
    with throwaway_server(free_hourly=HOURLY) as server, tempfile.TemporaryDirectory() as folder:
        token = _account(server.address)
        for name in wanted:
            print(f"{name} …", flush=True)
            if not _passes(tools, name, server.address, token, Path(folder)):
                failed.append(name)
        if failed:
            print(server.log_file.read_text(encoding="utf-8")[-5_000:], file=sys.stderr)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


def _account(address: str) -> str:
    """Make an account; return a token of it."""
    with httpx.Client(base_url=address) as client:
        client.post("/api/auth/register", json=ACCOUNT).raise_for_status()
        answer = client.post("/api/auth/token", json=ACCOUNT).raise_for_status()
    token: str = answer.json()["token"]
    return token


def _passes(tools: Path, name: str, address: str, token: str, folder: Path) -> bool:
    command: list[str | Path] = [tools / "bin/python", JOURNEYS / f"{name}.py", address, token]
    path = f"{tools / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # Its own packages only, and a folder in which it may write.
    environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}
    try:
        finished = subprocess.run(command, cwd=folder, env=environment, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LIMIT_S} s", file=sys.stderr)
        return False
    return finished.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
