"""Decodes what anybody may send, in processes of their own: none of it is read in this one."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from webapp.errors import InvalidRequest, StorageFull, Unavailable
from webapp.policy.library.uploads import MAX_UPLOAD_S, MIN_UPLOAD_S, TOO_COSTLY, refusal_error
from webapp.services.library.storage_limits import DISK_FULL

COMMAND: Final = (sys.executable, "-m", "webapp.audio.intake.process")
# The process has limits of its own; this one is for one that waits instead of working.
LIMIT_S: Final = 90.0
AT_ONCE: Final = 2
WAIT_S: Final = 30.0
BUSY: Final = "The server is decoding as many files as it can; please try again in a moment"
SHOWN_CHARACTERS: Final = 2_000
# A library that is fed hostile bytes need not know how to reach the database. One thread each: threads would
# take most of the memory that the process may have.
_WITHHELD: Final = ("SOUNDLOOM_", "AWS_", "PG")
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_TOO_MUCH: Final = frozenset({signal.SIGXCPU, signal.SIGKILL, signal.SIGXFSZ})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DecodedUpload:
    """The facts about a file that was decoded; `kind` is what was sent."""

    kind: str
    duration_s: float
    sample_rate: int
    channels: int


class UploadDecoder:
    """Runs decoder processes, a few at a time."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        limit_s: float = LIMIT_S,
        wait_s: float = WAIT_S,
        at_once: int = AT_ONCE,
    ) -> None:
        self._command = tuple(command)
        self._limit_s = limit_s
        self._wait_s = wait_s
        self._slots = asyncio.Semaphore(at_once)

    async def decode(self, source: Path, target: Path) -> DecodedUpload:
        """Decode a file into a FLAC. `source` may be changed by it.

        Raises InvalidRequest and UnsupportedMediaType for what is no usable sound, StorageFull, and
        Unavailable while too many others are being decoded.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable(BUSY) from None
        try:
            return _decoded(await self._answer(source, target))
        finally:
            self._slots.release()

    async def _answer(self, source: Path, target: Path) -> Mapping[str, Any]:
        log_path = source.with_suffix(".log")
        with await asyncio.to_thread(log_path.open, "w+b") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command, str(source), str(target), str(MIN_UPLOAD_S), str(MAX_UPLOAD_S),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )  # fmt: skip
            try:
                async with asyncio.timeout(self._limit_s):
                    answer, _ = await process.communicate()
            except TimeoutError:
                raise InvalidRequest(TOO_COSTLY, field="file") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            complaint = await asyncio.to_thread(_beginning, log_path)
        if process.returncode:
            return _of_ending(process.returncode, complaint)
        if complaint:
            logger.info("a decoder complained of a file", extra={"complaint": complaint})
        head: Mapping[str, Any] = json.loads(answer)
        return head


def _decoded(answer: Mapping[str, Any]) -> DecodedUpload:
    if answer.get("refusal") == "disk_full":
        raise StorageFull(DISK_FULL)
    if "refusal" in answer:
        raise refusal_error(answer["refusal"], answer["kind"], answer["detail"])
    return DecodedUpload(**answer)


def _of_ending(code: int, complaint: str) -> Mapping[str, Any]:
    """Return the refusal that a process's end by a signal amounts to. Raises RuntimeError for another end."""
    if code > 0:
        raise RuntimeError(f"the decoder process ended with {code}: {complaint}")
    ended_by = signal.Signals(-code)
    logger.warning("a decoder process was ended by a signal", extra={"signal": ended_by.name})
    refusal = "too_costly" if ended_by in _TOO_MUCH else "damaged"
    return {"refusal": refusal, "kind": "", "detail": ""}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_WITHHELD)}
    return {**kept, **_ONE_THREAD}


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(SHOWN_CHARACTERS).decode("utf-8", "replace").strip()
