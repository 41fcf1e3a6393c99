"""A task that ran out of memory is run once more, and whoever listens hears nothing twice."""

import numpy as np

from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, EngineOutOfMemory, GenerationRequest
from webapp.engines.batch import BatchTask, ListedTasks
from webapp.engines.oom_retry import OutOfMemoryRetries

WHOLE = Waveform(np.arange(10, dtype=np.float32)[np.newaxis], 1000)


def _part(begin: int, end: int) -> Waveform:
    return WHOLE.with_samples(WHOLE.samples[:, begin:end])


def test_a_retry_does_not_hand_over_again_what_the_first_attempt_did() -> None:
    task = BatchTask(
        0, GenerationRequest("rain", 1.0, "music", 1), lambda _index, _share: None, CancelToken()
    )
    source = OutOfMemoryRetries(ListedTasks([task]), lambda: True)
    (first,) = source.take(1)
    first.streamed(_part(0, 3))
    first.streamed(_part(3, 4))
    first.failed(EngineOutOfMemory("full"))
    (second,) = source.take(1)
    for begin, end in ((0, 2), (2, 6), (6, 10)):
        second.streamed(_part(begin, end))
    joined = np.concatenate([chunk.samples for chunk in task.chunks], axis=1)
    np.testing.assert_array_equal(joined, WHOLE.samples)
