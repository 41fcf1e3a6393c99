"""Run our client and other people's, unchanged, against a server: each journey in `clients/journeys/`.

The clients get environments of their own, from `requirements/clients.txt` and `clients/javascript`. A journey
is a program that takes an address and a token, and fails when something is not as its client expects.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import httpx

from tools.setup_env import content_key
from tools.throwaway_server import throwaway_server
from tools.tool_environment import ROOT, installed

LOCK: Final = "requirements/clients.txt"
JAVASCRIPT: Final = ROOT / "clients/javascript"
JOURNEYS: Final = ROOT / "clients/journeys"
OWN_CLIENT: Final = ROOT / "clients/python"
ACCOUNT: Final = {"username": "journey", "password": "of one throwaway account"}
# More than the journeys use together.
HOURLY: Final = "1000"
# redocly tells nobody that it was used, and does not look for a newer version of itself.
SILENT: Final = {
    "LANG": "C.UTF-8",
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
}
LIMIT_S: Final = 300


def main() -> int:
    """Run every journey, or those that are named; returns the exit status for the shell."""
    tools = installed("client-tools", LOCK)
    javascript = _javascript()
    wanted = sys.argv[1:] or sorted(path.stem for path in JOURNEYS.glob("*.py"))
    failed = []
    with throwaway_server(free_hourly=HOURLY) as server, tempfile.TemporaryDirectory() as folder:
        token, own = _account(server.address), _own_client(Path(folder))
        for name in wanted:
            print(f"{name} …", flush=True)
            if not _passes((tools, javascript, own), name, server.address, token, Path(folder)):
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


def _own_client(folder: Path) -> Path:
    """Return the wheel of our own client; what is imported from it is what people install."""
    build = ["wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *build, str(OWN_CLIENT)], check=True)
    (wheel,) = folder.glob("soundloom_client-*.whl")
    return wheel


def _javascript() -> Path:
    """Return the folder with the installed tools of JavaScript, and the programs that use them."""
    folder = ROOT / "build/client-javascript"
    folder.mkdir(parents=True, exist_ok=True)
    key = content_key("clients/javascript/package-lock.json")
    for file in (*JAVASCRIPT.iterdir(), ROOT / ".npmrc"):
        shutil.copyfile(file, folder / file.name)
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != key:
        npm = Path(sys.executable).with_name("npm")
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([npm, "ci", *options], cwd=folder, check=True)
        stamp.write_text(key, encoding="utf-8")
    return folder


def _passes(tools: tuple[Path, Path, Path], name: str, address: str, token: str, folder: Path) -> bool:
    python, javascript, own = tools
    command: list[str | Path] = [python / "bin/python", JOURNEYS / f"{name}.py", address, token]
    # node is in the project's environment.
    binaries = (python / "bin", javascript / "node_modules/.bin", Path(sys.executable).parent)
    path = os.pathsep.join((*map(str, binaries), os.environ["PATH"]))
    # Its own packages only, and a folder in which it may write.
    environment = {
        "PATH": path,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "JAVASCRIPT": str(javascript),
        "PYTHONPATH": str(own),
        **SILENT,
    }
    try:
        finished = subprocess.run(command, cwd=folder, env=environment, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LIMIT_S} s", file=sys.stderr)
        return False
    return finished.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
