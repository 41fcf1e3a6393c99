"""SQLite's connections are closed once what still runs on them has come to its end."""

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

from webapp.database.sqlite import PersistentSQLiteEngine


async def test_a_transaction_whose_task_was_cancelled_ends_first(tmp_path: Path) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
    engine = PersistentSQLiteEngine(tmp_path / "closing.sqlite")
    await engine.run_ddl("CREATE TABLE noted (id INTEGER)")
    busy: list[asyncio.Future[bool]] = []
    gate, is_written = threading.Event(), asyncio.Event()

    async def write() -> None:
        async with engine.transaction():
            await engine.run("INSERT INTO noted VALUES (1)", ())
            # The connection's thread is busy when the end of the transaction is asked for.
            busy.append(asyncio.ensure_future(engine.writer.run(lambda _raw: gate.wait())))
            await asyncio.sleep(0)
            is_written.set()

    writing = asyncio.create_task(write())
    await is_written.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    writing.cancel()
    closing = asyncio.create_task(engine.close())
    for _ in range(5):
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(writing, closing, *busy, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert faults == []
    again = PersistentSQLiteEngine(tmp_path / "closing.sqlite")
    assert await again.run("SELECT id FROM noted", ()) == [{"id": 1}]
    await again.close()
