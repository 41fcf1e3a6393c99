"""One thread serves requests in the order in which they come, those of one model together."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    DeviceLost,
    EngineError,
    GenerationFailed,
    GenerationRequest,
    GenerationTask,
    ModelLoadError,
    TaskSource,
)
from webapp.worker.engine_thread import EngineThread

SOUND = Waveform(np.zeros((1, 10), dtype=np.float32), 100)


class Stage:
    """An engine that waits for the test between two steps, and writes down what it does."""

    def __init__(self) -> None:
        self.room = 2
        self.log: list[str] = []
        self.may_step = threading.Semaphore(0)
        self.stepped = threading.Semaphore(0)
        self.load_error: EngineError | None = None
        self.forgets = False
        self.breaks = False

    def serve(self, model: str, source: TaskSource) -> None:
        if self.load_error is not None:
            raise self.load_error
        in_hand: list[GenerationTask] = []
        while True:
            joining = source.take(self.room - len(in_hand))
            in_hand += joining
            if joining:
                self.log.append(f"{model}: " + " ".join(task.request.prompt for task in joining))
            if not in_hand or self.forgets:
                return
            if self.breaks:
                raise ZeroDivisionError
            self.stepped.release()
            assert self.may_step.acquire(timeout=60)
            task = in_hand.pop(0)
            task.progressed(1.0)
            task.finished(SOUND)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def thread(stage: Stage) -> AsyncIterator[EngineThread]:
    thread = EngineThread(stage.serve)
    yield thread
    thread.close()


Ask = Callable[[str, str], asyncio.Task[Waveform]]


@pytest.fixture
def ask(thread: EngineThread) -> Ask:
    def submit(prompt: str, model: str) -> asyncio.Task[Waveform]:
        request = GenerationRequest(prompt, 1.0, model, 1)
        return asyncio.create_task(thread.generate(request, lambda _share: None, CancelToken()))

    return submit


async def _step(stage: Stage) -> None:
    """Wait until the engine stands between two steps, and let it go on."""
    assert await asyncio.to_thread(stage.stepped.acquire, timeout=60)
    stage.may_step.release()


async def _stands(stage: Stage) -> None:
    assert await asyncio.to_thread(stage.stepped.acquire, timeout=60)
    stage.stepped.release()


async def test_requests_of_the_model_in_hand_join_until_another_is_next(stage: Stage, ask: Ask) -> None:
    first = ask("a", "music")
    await _stands(stage)
    rest = [ask("b", "music"), ask("c", "audio"), ask("d", "music")]
    for _ in range(4):
        await _step(stage)
    assert await asyncio.gather(first, *rest) == [SOUND] * 4
    assert stage.log == ["music: a", "music: b", "audio: c", "music: d"]


async def test_no_more_join_than_there_is_room_for(stage: Stage, ask: Ask) -> None:
    tasks = [ask(prompt, "music") for prompt in "abc"]
    await _stands(stage)
    stage.room = 1
    for _ in range(3):
        await _step(stage)
    await asyncio.gather(*tasks)
    assert [line.split(": ")[1] for line in stage.log] in (["a b", "c"], ["a", "b", "c"])


async def test_a_call_goes_before_requests_that_wait(stage: Stage, thread: EngineThread, ask: Ask) -> None:
    first = ask("a", "music")
    await _stands(stage)
    call = asyncio.create_task(thread.call(lambda: stage.log.append("call")))
    second = ask("b", "music")
    await asyncio.sleep(0)
    await _step(stage)
    await _step(stage)
    await asyncio.gather(first, second, call)
    assert stage.log == ["music: a", "call", "music: b"]


async def test_a_call_raises_where_it_was_made(thread: EngineThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 / 0)


async def test_a_model_that_cannot_be_loaded_fails_who_asked_for_it(stage: Stage, ask: Ask) -> None:
    stage.load_error = ModelLoadError("damaged")
    with pytest.raises(ModelLoadError, match="damaged"):
        await ask("a", "music")
    stage.load_error = None
    after = ask("b", "music")
    await _step(stage)
    assert await after is SOUND


async def test_an_engine_that_breaks_or_forgets_a_task_leaves_nobody_waiting(stage: Stage, ask: Ask) -> None:
    stage.breaks = True
    with pytest.raises(GenerationFailed, match="ZeroDivisionError"):
        await ask("a", "music")
    stage.breaks, stage.forgets = False, True
    with pytest.raises(GenerationFailed, match="unfinished"):
        await ask("b", "music")


async def test_a_lost_device_is_told_and_nothing_is_begun_or_ended_any_more(
    stage: Stage, thread: EngineThread, ask: Ask
) -> None:
    lost = threading.Event()
    thread.lost = lost.set
    stage.load_error = DeviceLost("gone")
    first, second = ask("a", "music"), ask("b", "audio")
    assert await asyncio.to_thread(lost.wait, 60)
    third = ask("c", "music")
    await asyncio.wait([first, second, third], timeout=0.05)
    assert not any(one.done() for one in (first, second, third))
    for one in (first, second, third):
        one.cancel()


async def test_a_device_lost_in_a_call_is_told_to_the_caller_too(thread: EngineThread) -> None:
    lost = threading.Event()
    thread.lost = lost.set

    def unload() -> None:
        raise DeviceLost("gone")

    with pytest.raises(DeviceLost):
        await thread.call(unload)
    assert await asyncio.to_thread(lost.wait, 60)
