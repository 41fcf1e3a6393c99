"""Measures how fast the files of many sounds are copied for a backup, against one thread hop for each file.

`make bench-copying`. Both ways read, digest and write the same files, which the system has in memory: what
differs is how often the event loop hands work to a thread.
"""

import argparse
import asyncio
import hashlib
import os
import time
from pathlib import Path

from benchmarks.report import keep, machine
from benchmarks.servers import data_folder
from webapp.storage import LocalStorage
from webapp.storage.names import FILE_NAMES
from webapp.storage.storage import Wanted


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the copying of sounds.")
    arguments.add_argument("--sounds", type=int, default=5_000)
    arguments.add_argument("--kilobytes", type=int, default=20, help="of each of a sound's five files")
    options = arguments.parse_args()
    where = machine()
    with data_folder() as folder:
        figures = asyncio.run(_measure(folder, options.sounds, options.kilobytes * 1000))
    for name, seconds in figures.items():
        per_hundred = seconds / options.sounds * 100_000 / 60
        print(f"{name:<24} {seconds:8.2f} s   {per_hundred:6.1f} min for 100,000 sounds")
    print(keep("copying", where, {"sounds": options.sounds, "kilobytes": options.kilobytes, **figures}))


async def _measure(folder: Path, sounds: int, size: int) -> dict[str, float]:
    storage, content = LocalStorage(folder), os.urandom(size)
    wanted: Wanted = {f"{number:020x}-1": FILE_NAMES for number in range(sounds)}
    for key in wanted:
        group = storage.path(key, FILE_NAMES[0]).parent
        group.mkdir(parents=True)
        for name in FILE_NAMES:
            (group / name).write_bytes(content)
    # Once before, so that both find the files in memory.
    await storage.copy_out(wanted, folder / "first")
    figures = {}
    begun_s = time.perf_counter()
    await _one_by_one(storage, wanted, folder / "one")
    figures["one hop for each file"] = time.perf_counter() - begun_s
    begun_s = time.perf_counter()
    copied = await storage.copy_out(wanted, folder / "many")
    figures["many at once"] = time.perf_counter() - begun_s
    assert sum(map(len, copied.values())) == sounds * len(FILE_NAMES)
    return figures


async def _one_by_one(storage: LocalStorage, wanted: Wanted, target: Path) -> None:
    """Copy as backups did before: a hop to find each file, and one to copy it."""
    for key, names in wanted.items():
        for name in names:
            path = storage.path(key, name)
            if await asyncio.to_thread(path.is_file):
                await asyncio.to_thread(_copy, path, target / key / name)


def _copy(path: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as copy:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
                copy.write(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
