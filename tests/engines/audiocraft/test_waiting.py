"""On a GPU no step waits for the device: no operator of a step reads a number back.

Seen on a processor, from the operators that steps consist of.
"""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.engines.audiocraft.helpers import request, sequences_of
from tests.engines.audiocraft.traced import TracedCapture
from webapp.engines.audiocraft.decoder.autoregressive_runner import AutoregressiveRunner
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.linears import plain
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.magnet_runner import MagnetRunner
from webapp.engines.audiocraft.magnet_schedule import Segment
from webapp.engines.audiocraft.model_runner import ModelRunner

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
    """Records operators that would synchronize with a GPU."""

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
    """Records reads by Python without an operator."""

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


def music(model: LoadedModel) -> ModelRunner:
    steps = columns_of(model.window_frames, model.delays)
    backend = GraphBackend(model.weights, 6, steps, dtype=torch.float32, capture=TracedCapture())
    return AutoregressiveRunner(backend, model.codebooks, model.card, model.delays, check_every=32)


def magnet(model: LoadedModel) -> ModelRunner:
    transformer = Transformer(model.weights, model.window_frames, torch.float32, plain)
    segment = Segment(model.window_frames, model.span_frames, model.context_frames)
    return MagnetRunner(transformer, segment, 2, checks_every_pass=False)


@pytest.mark.parametrize(("name", "make"), [("tiny-musicgen", music), ("tiny-magnet", magnet)])
def test_no_step_waits_for_the_device(
    loaded: Load, name: str, make: Callable[[LoadedModel], ModelRunner]
) -> None:
    model = loaded(name)
    runner = make(model)
    kind = "magnet" if name == "tiny-magnet" else "music"
    sequences = sequences_of(
        model, runner, *(request(duration_s=12.0, model=kind, seed=seed) for seed in (1, 2))
    )
    with torch.inference_mode():
        for sequence in sequences:
            runner.add(sequence)
        # The first steps record and remember what the others repeat.
        for _ in range(3):
            runner.step()
        with Waits() as waits, Asked(waits.seen):
            for _ in range(28):
                runner.step()
        assert waits.seen == []
        # Those that come next look, once: else a pass of this test would mean nothing.
        with Waits() as waits, Asked(waits.seen):
            while not waits.seen and not any(sequence.is_decoded for sequence in sequences):
                runner.step()
        assert waits.seen


def test_a_sequence_that_joins_a_batch_waits_for_nothing(loaded: Load) -> None:
    """Nor does the prefill of its window; the other sequences continue meanwhile."""
    model = loaded("tiny-musicgen")
    runner = music(model)
    sequences = sequences_of(
        model, runner, *(request(duration_s=10.0, model="music", seed=seed) for seed in (1, 2))
    )
    with torch.inference_mode():
        for sequence in sequences:
            runner.add(sequence)
            runner.step()
        for _ in range(35):
            runner.step()
        runner.remove(sequences[1])
        with Waits() as waits, Asked(waits.seen):
            runner.add(sequences[1])
            runner.step()
        assert waits.seen == []
        assert not sequences[1].is_decoded
