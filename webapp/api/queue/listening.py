"""Listening to a job's sound while it is made."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from litestar import Controller, Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse

from webapp.api.accounts.authentication import InjectedReader, Reader, provide_event_reader
from webapp.errors import InvalidRequest, NotAuthorized, NotFound, StorageAway
from webapp.events import Bus, Event, Subscription
from webapp.http.dependencies import (
    InjectedBus,
    InjectedLibrary,
    InjectedListening,
    InjectedQueue,
    InjectedStreams,
    Streams,
)
from webapp.http.files.file_response import FileAnswer
from webapp.http.openapi import BEARER_SECURITY, SESSION_SECURITY, binary, describes, problems
from webapp.http.streams.sound_stream import SoundCut, SoundStream
from webapp.policy.queue.job_ids import JOB_ID_PATTERN, JOB_ID_RULE
from webapp.policy.queue.live_sound import MEDIA_TYPES, STREAM_FORMATS, Piece, StreamFormat
from webapp.services.library.facade import LibraryServices
from webapp.services.listening.facade import ListeningServices
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import JobView
from webapp.storage import StoredFile

# Hints may be lost; this is how late a piece is sent then.
POLL_S: Final = 1.0
NO_SOUND: Final = "This job has no sound"
SOUND: Final = binary(*MEDIA_TYPES.values())

JobId = Annotated[
    str,
    PathParameter(description=f"The job's id, {JOB_ID_RULE}.", schema_extra={"pattern": JOB_ID_PATTERN}),
]
# Read by us: a refusal tells the limit as well.
Format = Annotated[
    str,
    QueryParameter(
        name="format",
        description="How the sound is encoded.",
        schema_extra={"enum": list(STREAM_FORMATS)},
    ),
]


@dataclass(frozen=True, slots=True)
class Ear:
    """Who listens, for how long they are let in, and where sounds come from."""

    bus: Bus
    queue: QueueServices
    library: LibraryServices
    listening: ListeningServices
    reader: Reader

    async def job(self, job_id: str) -> JobView:
        """Return the job. Raises what `Jobs.get` raises."""
        return await self.queue.jobs.get(self.reader.identity, job_id)

    async def finished_file(self, job: JobView, stream_format: StreamFormat) -> StoredFile:
        """Open the finished sound of a job. Raises NotFound and StorageAway."""
        if job.sound is None:
            raise NotFound(NO_SOUND)
        files = self.library.files
        return await files.open(await files.audio_file(f"{job.sound.generation_id}.{stream_format}"))


@dataclass(frozen=True, slots=True)
class Listener:
    """One job's sound in one format, as it is made."""

    ear: Ear
    job_id: str
    stream_format: StreamFormat

    async def sound(self) -> AsyncGenerator[bytes, None]:
        """Give the sound of the first run that can be heard, from its beginning to the end of the job.

        Raises SoundCut when that run ends without the sound: it failed, or another one makes it again.
        """
        attempt = index = 0
        is_over = False
        with self.ear.bus.subscribe() as hints:
            while (job := await self._job()).status != "completed":
                if attempt and (job.live.attempt != attempt or job.status == "queued"):
                    raise SoundCut
                if not is_over and job.status == "processing":
                    async with aclosing(self._pieces(job, index)) as pieces:
                        async for piece in pieces:
                            attempt, index, is_over = job.live.attempt, index + 1, piece.is_last
                            yield piece.data
                await self._news(hints)
        if attempt and job.live.attempt != attempt:
            raise SoundCut
        if not is_over:
            async with aclosing(self._rest(job, index)) as parts:
                async for data in parts:
                    yield data

    async def _rest(self, job: JobView, index: int) -> AsyncGenerator[bytes, None]:
        """Give what is missing once the job is completed. Raises SoundCut if it is not to be had."""
        if not index:
            async with aclosing(self._finished(job)) as finished:
                async for data in finished:
                    yield data
            return
        is_over = False
        async with aclosing(self._pieces(job, index)) as pieces:
            async for piece in pieces:
                is_over = piece.is_last
                yield piece.data
        if not is_over:
            raise SoundCut

    async def _news(self, hints: Subscription) -> None:
        """Wait until something may have changed, or it is time to look anyway."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + POLL_S
        while (left_s := deadline_s - loop.time()) > 0:
            if Event("job", self.job_id) in await hints.wait(left_s):
                return

    async def _job(self) -> JobView:
        try:
            job = await self.ear.job(self.job_id)
        except (NotFound, NotAuthorized) as error:
            raise SoundCut from error
        if job.status in ("failed", "cancelled"):
            raise SoundCut
        return job

    async def _pieces(self, job: JobView, index: int) -> AsyncGenerator[Piece, None]:
        """Give the pieces from `index` on, as far as they are there."""
        while True:
            try:
                piece = await self.ear.listening.pieces.get(job.live, self.stream_format, index)
            except StorageAway:
                # The next look may find it back.
                return
            if piece is None:
                return
            yield piece
            if piece.is_last:
                return
            index += 1

    async def _finished(self, job: JobView) -> AsyncGenerator[bytes, None]:
        """Give the finished sound to who has heard nothing of it. Raises SoundCut if it is gone."""
        try:
            file = await self.ear.finished_file(job, self.stream_format)
        except (NotFound, StorageAway) as error:
            raise SoundCut from error
        try:
            async with aclosing(file.read(0, file.size_bytes)) as parts:
                async for part in parts:
                    yield part
        finally:
            file.close()


def provide_ear(
    bus: InjectedBus,
    queue: InjectedQueue,
    library: InjectedLibrary,
    listening: InjectedListening,
    reader: InjectedReader,
) -> Ear:
    """Return where the reader of a request hears sounds."""
    return Ear(bus, queue, library, listening, reader)


InjectedEar: TypeAlias = NamedDependency[SkipValidation[Ear]]


class ListeningController(Controller):
    """Sounds that are still being made."""

    tags = ("Generation",)
    security = BEARER_SECURITY

    @get(
        "/job/{job_id:str}/stream",
        summary="One job's sound, while it is made",
        operation_class=describes(content=SOUND, is_limited=True),
        dependencies={
            "reader": Provide(provide_event_reader),
            "ear": Provide(provide_ear, sync_to_thread=False),
        },
        security=SESSION_SECURITY,
        responses=problems(400, 401, 403, 404, 429),
    )
    async def stream(
        self,
        request: Request[Any, Any, Any],
        job_id: JobId,
        ear: InjectedEar,
        streams: InjectedStreams,
        wanted: Format = "mp3",
    ) -> ASGIResponse:
        """The sound from its beginning, for as long as it is being made; afterwards, the finished sound.

        A waiting job is waited for, and the answer ends with the job. When an attempt fails, or its sound is
        thrown away, the connection is cut instead: `interruption` and `attempt` of the job say why, and the
        next request gets what is made then. Parts cannot be asked for before the sound is finished. Who
        stops listening does not stop the job.
        """
        release = await streams.sounds.hold_for(request, ear.reader.identity.account_id, "")
        try:
            stream_format = _stream_format(wanted)
            job = await ear.job(job_id)
            if job.has_ended:
                media_type = MEDIA_TYPES[stream_format]
                answer = await FileAnswer.of(ear.finished_file(job, stream_format), media_type, request)
                release()
                return answer
            return await streamed(ear, streams, job, stream_format, release)
        except BaseException:
            release()
            raise


async def streamed(
    ear: Ear, streams: Streams, job: JobView, stream_format: StreamFormat, release: Callable[[], None]
) -> SoundStream:
    """Answer with the sound of a job that has not ended, as it is made. `release` is called at the end."""
    await ear.listening.runs.want(job.job_id, job.live, stream_format)
    sound = Listener(ear, job.job_id, stream_format).sound()
    return SoundStream(
        sound,
        streams.stop,
        media_type=MEDIA_TYPES[stream_format],
        welcome=ear.reader.welcome,
        on_close=release,
    )


def _stream_format(wanted: str) -> StreamFormat:
    """Return a format by its name. Raises InvalidRequest."""
    found = next((one for one in STREAM_FORMATS if one == wanted), None)
    if found is None:
        raise InvalidRequest(f"The format must be one of {', '.join(STREAM_FORMATS)}", field="format")
    return found
