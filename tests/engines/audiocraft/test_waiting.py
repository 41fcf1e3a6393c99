"""On a GPU no step waits for the device: nothing that a step does would need to know a number there.

Seen on a processor, from the operators that steps consist of.
"""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.engines.audiocraft.helpers import jobs_of, request
from tests.engines.audiocraft.traced import TracedCapture
from webapp.engines.audiocraft.decoder.autoregressive_runner import RowsDecoding
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.linears import plain
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.magnet_runner import MagnetDecoding, Segment
from webapp.engines.audiocraft.sequence import Decoding

Load = Callable[[str], LoadedModel]
# A number that Python asks for, a size that depends on numbers, and numbers that only Python has.
WAITS = (
    "_local_scalar_dense",
    "is_nonzero",
    "item",
    "nonzero",
    "masked_select",
    "lift_fresh",
    "_unique",
    "equal",
)


class Waits(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes operators for which a GPU's queue would have to run empty."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        name = func.__name__.partition(".")[0]
        places = args[1] if name.startswith("index") and len(args) > 1 else ()
        by_mask = isinstance(places, Sequence) and any(
            isinstance(place, Tensor) and place.dtype == torch.bool for place in places
        )
        if name in WAITS or by_mask:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Asked(TorchFunctionMode):
    """Notes what Python asks for without an operator."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func in (Tensor.tolist, Tensor.numpy, Tensor.cpu):
            self._seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


def music(model: LoadedModel) -> Decoding:
    steps = columns_of(model.window_frames, model.delays)
    backend = GraphBackend(model.weights, 6, steps, dtype=torch.float32, capture=TracedCapture())
    return RowsDecoding(backend, model.codebooks, model.card, model.delays, look_every=32)


def magnet(model: LoadedModel) -> Decoding:
    transformer = Transformer(model.weights, model.window_frames, torch.float32, plain)
    segment = Segment(model.window_frames, model.span_frames, model.context_frames)
    return MagnetDecoding(transformer, segment, 2, looks_always=False)


@pytest.mark.parametrize(("name", "make"), [("tiny-musicgen", music), ("tiny-magnet", magnet)])
def test_no_step_waits_for_the_device(
    loaded: Load, name: str, make: Callable[[LoadedModel], Decoding]
) -> None:
    model = loaded(name)
    decoding = make(model)
    kind = "magnet" if name == "tiny-magnet" else "music"
    jobs = jobs_of(model, decoding, *(request(duration_s=12.0, model=kind, seed=seed) for seed in (1, 2)))
    with torch.inference_mode():
        for job in jobs:
            decoding.join(job)
        # The first steps record and remember what the others repeat.
        for _ in range(3):
            decoding.advance()
        with Waits() as waits, Asked(waits.seen):
            for _ in range(28):
                decoding.advance()
        assert waits.seen == []
        # Those that come next look, once: else a pass of this test would mean nothing.
        with Waits() as waits, Asked(waits.seen):
            while not waits.seen and not any(job.is_decoded for job in jobs):
                decoding.advance()
        assert waits.seen


def test_a_job_that_joins_in_the_middle_waits_for_nothing(loaded: Load) -> None:
    """Nor does taking in what its window begins with: jobs at other places of theirs go on meanwhile."""
    model = loaded("tiny-musicgen")
    decoding = music(model)
    jobs = jobs_of(model, decoding, *(request(duration_s=10.0, model="music", seed=seed) for seed in (1, 2)))
    with torch.inference_mode():
        for job in jobs:
            decoding.join(job)
            decoding.advance()
        for _ in range(35):
            decoding.advance()
        decoding.leave(jobs[1])
        with Waits() as waits, Asked(waits.seen):
            decoding.join(jobs[1])
            decoding.advance()
        assert waits.seen == []
        assert not jobs[1].is_decoded
