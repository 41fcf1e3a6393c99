"""Measures how soon a sound is heard, how far listeners are behind, and what they cost.

Run it as ``make bench-stream``. The server is a process of its own; the worker runs here, so that the moment
at which the engine hands over each chunk is known. First sound is the time from sending the request
for the job to the first byte of audio. The lag of a chunk is the time from its hand-over until all of its
samples had arrived as WAV; it begins once the gain is fixed. With ``--neural`` the engine is MusicGen of full
size (small), with weights that are made up, which take the time that trained ones do.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.bench_live import tokens
from benchmarks.report import keep, machine, processor_s
from benchmarks.servers import NO_LIMIT, data_folder, serve
from webapp.audio.live.levelling import JUDGED_S
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.services.container import Services, open_services
from webapp.services.workers.metrics import WorkerMetrics
from webapp.settings import Settings
from webapp.weights.catalogue import published
from webapp.worker.engine_set import EngineSet
from webapp.worker.engine_thread import EngineThread
from webapp.worker.loop import Processor, WorkerProcess
from webapp.worker.making import SoundMaker

WORKER = "b" * 12
PROMPT = "slow piano over heavy rain"
BYTES_PER_SAMPLE = 2
WAV_HEADER = 44


class Watched:
    """An engine's thread whose chunks are noted: how much sound there was, and when."""

    def __init__(self, engine: EngineThread) -> None:
        self._engine = engine
        self.chunks: list[tuple[float, float]] = []
        self.channels = 1
        self.rate = 1

    async def generate(
        self,
        request: GenerationRequest,
        progress: Callable[[float], None],
        cancel: CancelToken,
        heard: Callable[[Waveform], None],
    ) -> Waveform:
        self.chunks = []

        def noted(chunk: Waveform) -> None:
            before_s = self.chunks[-1][1] if self.chunks else 0.0
            self.chunks.append((time.perf_counter(), before_s + chunk.duration_s))
            self.channels, self.rate = chunk.channels, chunk.sample_rate
            heard(chunk)

        return await self._engine.generate(request, progress, cancel, noted)


@asynccontextmanager
async def working(services: Services, watched: Watched, engines: EngineSet) -> AsyncIterator[None]:
    metrics, settings = WorkerMetrics(), services.settings
    maker = SoundMaker(
        watched, engines, services.ids, ThreadPoolExecutor(1), metrics=metrics,
        low_quality_below=0, target_lufs=settings.target_lufs,
    )  # fmt: skip
    worker = WorkerProcess(WORKER, "here", 1, "cpu")
    processor = Processor(
        services, maker, worker, metrics=metrics, report=engines.report, places=engines.places
    )
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    running = asyncio.create_task(processor.run())
    try:
        yield
    finally:
        processor.stop()
        await running


class Studio:
    """A worker in a thread of this process, until `end`."""

    def __init__(self, settings: Settings) -> None:
        engines = EngineSet.from_settings(settings)
        self.watched = Watched(EngineThread(engines.serve))
        self._ready, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work(settings, engines)))
        self._thread.start()
        self._ready.wait()

    async def _work(self, settings: Settings, engines: EngineSet) -> None:
        async with open_services(settings) as services, working(services, self.watched, engines):
            self._ready.set()
            await asyncio.to_thread(self._done.wait)

    def end(self) -> None:
        self._done.set()
        self._thread.join()


def submit(client: httpx.Client, duration: float) -> str:
    body = {"prompt": PROMPT, "duration": duration, "model": "music"}
    job_id: str = client.post("/generate", json=body).raise_for_status().json()["job_id"]
    return job_id


def listen(client: httpx.Client, job_id: str, stream_format: str) -> list[tuple[float, int]]:
    """When each part arrived, and how many bytes had arrived by then."""
    arrived, size = [], 0
    with client.stream("GET", f"/job/{job_id}/stream?format={stream_format}") as answer:
        for part in answer.iter_raw():
            size += len(part)
            arrived.append((time.perf_counter(), size))
    return arrived


def first_sound_s(client: httpx.Client, duration: float) -> float:
    began = time.perf_counter()
    return listen(client, submit(client, duration), "mp3")[0][0] - began


def lags_s(client: httpx.Client, studio: Studio, duration: float) -> list[float]:
    """The lag of each chunk."""
    arrived = listen(client, submit(client, duration), "wav")
    watched, lags = studio.watched, []
    frame_bytes = BYTES_PER_SAMPLE * watched.channels
    for handed_over, until_s in watched.chunks:
        # The limiter is this far behind; the rest comes with the end.
        needed_s = min(until_s, duration) - 0.06
        size = WAV_HEADER + int(needed_s * watched.rate) * frame_bytes
        if needed_s < JUDGED_S[0]:
            continue
        lags.append(next(at for at, until in arrived if until >= size) - handed_over)
    return lags


def worker_cost_s(options: argparse.Namespace, listeners: int) -> float:
    """Processor time that a worker of its own takes for a job, while so many listen to it."""
    with ExitStack() as stack:
        settings = Settings(data_dir=str(stack.enter_context(data_folder())), port=0, engine="sketch")
        secret = asyncio.run(tokens(settings))[0]
        server, port = stack.enter_context(serve(settings))
        client = stack.enter_context(connected(port, secret, listeners))
        # The first job warms the worker up.
        heard_by_all(client, submit(client, 1.0), listeners)
        (worker,) = (child for child in psutil.Process(server.pid).children() if "worker" in child.cmdline())
        before_s = processor_s(worker.pid)
        heard_by_all(client, submit(client, options.duration), listeners)
        return processor_s(worker.pid) - before_s


def heard_by_all(client: httpx.Client, job_id: str, listeners: int) -> None:
    with ThreadPoolExecutor(listeners) as pool:
        list(pool.map(lambda _: listen(client, job_id, "mp3"), range(listeners)))


def connected(port: int, secret: str, connections: int = 4) -> httpx.Client:
    headers = {"Authorization": f"Bearer {secret}"}
    limits = httpx.Limits(max_connections=connections + 2)
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600, limits=limits)


def measure(options: argparse.Namespace, models_dir: Path) -> dict[str, float]:
    """First sound and lag, with the worker in this process."""
    with ExitStack() as stack:
        settings = Settings(
            data_dir=str(stack.enter_context(data_folder())), port=0, workers=0, creator_hourly=NO_LIMIT,
            engine="audiocraft" if options.neural else "sketch", models_dir=str(models_dir),
        )  # fmt: skip
        secret = asyncio.run(tokens(settings))[0]
        _, port = stack.enter_context(serve(settings))
        client = stack.enter_context(connected(port, secret))
        studio = Studio(settings)
        stack.callback(studio.end)
        # The first job loads what it needs.
        first_sound_s(client, 2.0)
        firsts = [first_sound_s(client, options.duration) for _ in range(options.times)]
        lags = [lag for _ in range(options.times) for lag in lags_s(client, studio, options.duration)]
    return {
        "first_sound_s": min(firsts),
        "first_sound_median_s": statistics.median(firsts),
        "lag_median_s": statistics.median(lags),
        "lag_most_s": max(lags),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--neural", action="store_true")
    parser.add_argument("--duration", type=float, default=30.0)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--listeners", type=int, default=50)
    options = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="soundloom-bench-") as folder:
        models_dir = Path(folder)
        if options.neural:
            from benchmarks.full_size import write_full_size  # noqa: PLC0415 - brings torch

            checkpoint = published("musicgen-small")
            assert checkpoint is not None
            write_full_size(models_dir, checkpoint)
        figures = measure(options, models_dir)
    if not options.neural:
        for listeners in (1, options.listeners):
            figures[f"worker_s_with_{listeners}"] = worker_cost_s(options, listeners)
    for name, figure in figures.items():
        print(f"{name:24} {figure:8.3f}")
    print(keep("stream_neural" if options.neural else "stream", where, figures))


if __name__ == "__main__":
    main()
