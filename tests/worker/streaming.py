"""An engine that hands over its sound chunk by chunk."""

from collections.abc import Callable

from tests.worker.scripted import RATE, Behaviour, ScriptedEngine, hum
from webapp.audio.waveform import Waveform
from webapp.engines.base import GenerationTask, TaskSource
from webapp.engines.batch import run_task

Act = Callable[[int], None]


class StreamingEngine(ScriptedEngine):
    """Hands over half a second at a time; `between` is called before each chunk, with its index."""

    def __init__(self, between: Act = lambda _index: None, sounds: tuple[Behaviour, ...] = (hum,)) -> None:
        super().__init__(*sounds)
        self._between = between

    def serve(self, model: str, source: TaskSource) -> None:
        while tasks := source.take(1):
            for task in tasks:
                run_task(task, self._stream)

    def _stream(self, task: GenerationTask) -> Waveform:
        waveform = self._play(task)
        for index, start in enumerate(range(0, waveform.frames, RATE // 2)):
            task.cancel.raise_if_cancelled()
            self._between(index)
            task.streamed(waveform.with_samples(waveform.samples[:, start : start + RATE // 2]))
        return waveform
