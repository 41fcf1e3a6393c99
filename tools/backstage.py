"""Writes into a throw-away server's database what would take an hour to happen, for pictures of it."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

MINUTE_MS: Final = 60_000


class Backstage:
    """A server that uses SQLite, with this data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "soundloom.sqlite"

    def write(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            database.execute(statement, values)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(statement)]

    def copy_job(self, job: Mapping[str, Any], number: int, **changes: object) -> None:
        """Another job like this one; numbers tell copies apart."""
        made = {
            **job,
            "job_id": f"{number:012x}",
            "generation_id": f"{number:020x}",
            "sequence": -number,
            **changes,
        }
        places = ", ".join("?" * len(made))
        self.write(f"INSERT INTO job ({', '.join(made)}) VALUES ({places})", *made.values())  # noqa: S608 - columns

    def give_history(self, prompts: Sequence[str]) -> None:
        """An hour in which the line grew, stood and shrank; and jobs that came to nothing."""
        now_ms = round(time.time() * 1000)
        job = self.rows("SELECT * FROM job LIMIT 1")[0]
        for number in range(1, 121):
            created_ms = now_ms - 58 * MINUTE_MS + number * 25_000
            waited_ms = round(4_000 + 240_000 * max(0.0, 1 - abs(number - 70) / 45) + number * 977 % 20_000)
            ended = {"started_ms": created_ms + waited_ms, "finished_ms": created_ms + waited_ms + 5_000}
            self.copy_job(job, number, status="completed", created_ms=created_ms, **ended)
        endings = (
            ("failed", "The model ran out of memory three times. Try a shorter clip."),
            ("failed", "An admin stopped this job"),
            ("cancelled", None),
        )
        for number, (status, error) in enumerate(endings * 4, 1000):
            prompt = prompts[number % len(prompts)]
            at_ms = now_ms - (number - 999) * 3 * MINUTE_MS
            self.copy_job(
                job,
                number,
                status=status,
                error=error,
                prompt=prompt,
                created_ms=at_ms - 9_000,
                finished_ms=at_ms,
            )

    def age(self) -> None:
        """Waiting jobs came over the last forty minutes, and the first two are being generated."""
        now_ms = round(time.time() * 1000)
        waiting = self.rows("SELECT job_id, starves_ms, created_ms FROM job WHERE status = 'queued'")
        for place, job in enumerate(waiting):
            earlier_ms = (len(waiting) - place) * 24_000
            self.write(
                "UPDATE job SET created_ms = ?, starves_ms = ? WHERE job_id = ?",
                job["created_ms"] - earlier_ms,
                job["starves_ms"] - earlier_ms if place % 7 == 0 else job["starves_ms"],
                job["job_id"],
            )
        for order, job in enumerate(waiting[:2], 1):
            self.write(
                "UPDATE job SET status = 'processing', started_ms = ?, start_order = ?, progress_pct = ?,"
                " lease_expires_ms = ?, worker_id = (SELECT worker_id FROM worker WHERE kind = 'sound')"
                " WHERE job_id = ?",
                now_ms - 20_000,
                order,
                37 * order,
                now_ms + 60 * MINUTE_MS,
                job["job_id"],
            )
        self.write("UPDATE job SET skipped_ms = ? WHERE job_id = ?", now_ms, waiting[40]["job_id"])

    def give_downloads(self) -> None:
        """Weights in every state."""
        found = self.rows("SELECT folder FROM weights_folder")
        folder = found[0]["folder"] if found else "none"
        states = (
            ("musicgen-small", "installed", "", 10, ""),
            ("musicgen-medium", "fetching", "pull", 4, ""),
            ("audiogen-medium", "failed", "", 3, "The disk of this host is full: 2.1 GB more are needed."),
            ("magnet-small-10secs", "cancelled", "", 2, ""),
        )
        for name, state, wish, tenths, error in states:
            self.write(
                "INSERT INTO weights_copy"
                " (folder, name, state, wish, done_bytes, total_bytes, bytes_per_s, error)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(folder, name, state, wish, tenths * 10**8, 10**9, 24_000_000, error),
            )
