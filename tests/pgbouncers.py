"""PgBouncers for tests: before a PostgreSQL server, pooling transactions over few connections."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.system_tools import system_tool

START_S: Final = 20
# So few that statements of one connection of ours meet other connections of the pooler's.
SERVER_CONNECTIONS: Final = 3
CONFIGURATION: Final = """
[databases]
{name} = host={socket_folder} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
server_login_retry = 0.2
logfile = {folder}/log
"""


@dataclass
class PgBouncer:
    """A PgBouncer before one database, which can be stopped and started again."""

    command: list[str]
    port: int
    url: str
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(self.command)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            assert self._process.poll() is None, "PgBouncer ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("PgBouncer did not listen")

    def stop(self) -> None:
        """End it at once: every connection breaks."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None


@contextmanager
def pgbouncer(direct_url: str, folder: Path) -> Iterator[PgBouncer]:
    """Run a PgBouncer before the database of an address that names a folder of sockets."""
    found = system_tool("pgbouncer", "pgbouncer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parts = urlsplit(direct_url)
    socket_folder, name = Path(parse_qs(parts.query)["host"][0]), parts.path.removeprefix("/")
    # Root is refused; whoever owns the server's sockets may use them.
    user = ["-u", socket_folder.owner()] if os.geteuid() == 0 else []
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            name=name, socket_folder=socket_folder, port=port, connections=SERVER_CONNECTIONS, folder=folder
        )
    )
    if user:
        shutil.chown(folder, user[1])
    one = PgBouncer(
        [found, "-q", *user, str(configuration)], port, f"postgresql://postgres@127.0.0.1:{port}/{name}"
    )
    one.start()
    try:
        yield one
    finally:
        one.stop()
