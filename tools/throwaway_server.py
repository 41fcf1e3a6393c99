"""A whole server on a data folder that goes away with it, for browser tests and pictures."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_S = 15


@dataclass(frozen=True)
class ThrowawayServer:
    """Where it is, and the one-time link that makes its admin."""

    address: str
    setup_link: str
    log_file: Path


@contextmanager
def throwaway_server(port: int = 0, folder: Path | None = None, **settings: str) -> Iterator[ThrowawayServer]:
    """`soundloom serve` with the sketch engine, stopped at the end; `settings` as in `free_hourly="9"`.

    Raises RuntimeError when it does not start. It takes connections when this returns: it says where it
    is after it has begun to listen.
    """
    with tempfile.TemporaryDirectory() as temporary:
        home = folder or Path(temporary)
        given = {"data_dir": str(home), "port": str(port), "engine": "sketch", **settings}
        # A developer's own settings, such as a database, are none of this server's business.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDLOOM_")}
        environment = inherited | {f"SOUNDLOOM_{name.upper()}": value for name, value in given.items()}
        log_file = home / "server.log"
        with log_file.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "webapp", "serve"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            yield _started(process, log_file)
        finally:
            process.terminate()
            process.communicate(timeout=STOP_S)


def _started(process: subprocess.Popen[str], log_file: Path) -> ThrowawayServer:
    printed = [process.stdout.readline() if process.stdout else "" for _ in range(2)]
    found = [re.search(r"http://\S+", line) for line in printed]
    if found[0] is None:
        raise RuntimeError(f"The server did not start: {log_file.read_text(encoding='utf-8')}")
    return ThrowawayServer(found[0][0], found[1][0] if found[1] else "", log_file)
