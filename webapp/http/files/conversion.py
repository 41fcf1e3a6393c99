"""Sound in encodings that it is not kept in, converted in a process of its own."""

import asyncio
import sys
from contextlib import aclosing, suppress
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.errors import Unavailable
from webapp.storage import StoredFile

# Each loads numpy and takes a core for a moment.
AT_ONCE: Final = 2
TIMEOUT_S: Final = 60.0
TOO_SLOW: Final = "The sound could not be converted in time; please try again in a moment"


class Conversions:
    """Converts sounds, a few at once."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def converted(self, file: StoredFile, name: str, sample_rate: int, channels: int | None) -> bytes:
        """Return a stored sound in another encoding (see `webapp.audio.convert`). The file is closed.

        Raises Unavailable when it takes too long.
        """
        try:
            async with aclosing(file.read(0, file.size_bytes)) as pieces:
                sound = b"".join([piece async for piece in pieces])
        finally:
            file.close()
        command = [sys.executable, "-m", "webapp.audio.convert", name, str(sample_rate)]
        if channels is not None:
            command += ["--channels", str(channels)]
        async with self._slots:
            return await _output(command, sound)


InjectedConversions: TypeAlias = NamedDependency[SkipValidation[Conversions]]


async def _output(command: list[str], sound: bytes) -> bytes:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output, errors = await process.communicate(sound)
    except TimeoutError as error:
        raise Unavailable(TOO_SLOW) from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"a sound was not converted: {errors.decode(errors='replace')[-500:]}")
    return output
