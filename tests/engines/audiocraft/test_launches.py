"""A step has few launches, and its kernels compute what their references compute."""

import importlib.util
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.engines.audiocraft.helpers import request, sequences_of
from tests.engines.audiocraft.shapes import random_weights
from tests.engines.audiocraft.test_backends import (
    PROMPTS,
    Load,
    audiocraft_logits,
    begin,
    relative_error,
    some_columns,
)
from tests.engines.audiocraft.traced import FragileCapture, TracedCapture
from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.autoregressive_runner import AutoregressiveRunner
from webapp.engines.audiocraft.decoder.capture import Recorded
from webapp.engines.audiocraft.decoder.delays import columns_of
from webapp.engines.audiocraft.decoder.fused import operators, reference
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.sampling import GuidedSampler, TokenSampling
from webapp.engines.base import Sampling

# Other names for the same memory, and memory itself: nothing is launched for these.
FREE = {
    *("view", "_unsafe_view", "select", "slice", "expand", "t", "transpose", "permute", "unsqueeze"),
    *("squeeze", "unbind", "as_strided", "detach", "alias", "split", "reshape", "_reshape_alias"),
    *("empty", "new_empty", "empty_like", "empty_strided"),
}


class Launches(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operators that a GPU would launch."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    @property
    def count(self) -> int:
        return sum(operators.LAUNCHES.get(name, 1) * count for name, count in self.seen.items())

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        name = func.__name__.partition(".")[0]
        if name not in FREE:
            self.seen[name] += 1
        return func(*args, **(kwargs or {}))


class CountingCapture:
    """Counts captured launches. A replay runs the work eagerly, and counts as the one launch that it is."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.outputs: list[Tensor] = []
        self.launches: Launches | None = None

    def __call__(self, work: Callable[[], Tensor]) -> Recorded:
        with Launches() as launches:
            output = work()
        self.recorded.append(launches.count)
        self.outputs.append(output)
        return Recorded(lambda: self._replay(output, work), output)

    def _replay(self, output: Tensor, work: Callable[[], Tensor]) -> None:
        from torch.utils._python_dispatch import _disable_current_modes  # noqa: PLC0415

        with _disable_current_modes():
            output.copy_(work())
        if self.launches is not None:
            self.launches.seen["graph"] += 1


def first_is_fastest(_recorded: Recorded) -> float:
    return 1.0


class Prefers:
    """Measures the second of two as faster: fused kernels, which are measured after torch's operators."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, _recorded: Recorded) -> float:
        self._asked += 1
        return 1.0 / self._asked


def fused_backend(model: LoadedModel, rows: int, capture: object = None) -> GraphBackend:
    return GraphBackend(
        model.weights,
        rows,
        columns_of(model.window_frames, model.delays),
        dtype=torch.float32,
        capture=capture or TracedCapture(),  # type: ignore[arg-type]
        is_fused=True,
        measure_s=Prefers(),
    )


def test_a_step_of_small_takes_few_launches() -> None:
    """musicgen-small has 24 layers; torch's operators would be more than 500 launches, and 42 outside."""
    weights = random_weights(dim=64, heads=4, layers=24, card=64)
    capture = CountingCapture()
    backend = GraphBackend(
        weights, 4, 304, dtype=torch.float32, capture=capture, is_fused=True, measure_s=Prefers()
    )
    runner = AutoregressiveRunner(backend, 4, 64, (0, 1, 2, 3), check_every=32)
    with torch.inference_mode():
        backend.capture_common()
    assert capture.recorded[1] < 250 < capture.recorded[0]
    del runner


def test_nothing_is_launched_beside_the_graph(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    capture = CountingCapture()
    backend = fused_backend(model, 4, capture)
    runner = AutoregressiveRunner(backend, model.codebooks, model.card, model.delays, check_every=32)
    sequences = sequences_of(model, runner, *(request(duration_s=10.0, seed=seed) for seed in (1, 2)))
    with torch.inference_mode():
        for sequence in sequences:
            runner.add(sequence)
        for _ in range(3):
            runner.step()
        with Launches() as launches:
            capture.launches = launches
            for _ in range(20):
                runner.step()
        assert launches.seen["graph"] == 20
        assert launches.count <= 20 * 5


@pytest.mark.parametrize("is_fused", [True, False])
def test_full_steps_sample_the_same_tokens(loaded: Load, is_fused: bool) -> None:
    """Sequences with different settings join, leave, start their next window, and come back."""
    model = loaded("tiny-musicgen")
    settings = (
        Sampling(),
        Sampling(temperature=0.0),
        Sampling(temperature=1.3, top_p=0.8),
        Sampling(top_k=5),
    )
    asked = [
        request(text, duration_s, seed=seed, sampling=sampling)
        for seed, (text, duration_s, sampling) in enumerate(
            zip(
                ("rain", "a long story of thunder", "birds", "rain"),
                (12.0, 4.0, 3.0, 2.0),
                settings,
                strict=True,
            )
        )
    ]

    def tokens(*, is_full: bool) -> list[Tensor]:
        backend = GraphBackend(
            model.weights, 8, columns_of(model.window_frames, model.delays), dtype=torch.float32,
            capture=TracedCapture(), is_fused=is_fused, measure_s=Prefers(),
        )  # fmt: skip
        runner = AutoregressiveRunner(backend, model.codebooks, model.card, model.delays, check_every=7)
        if not is_full:
            runner._full_step = None  # noqa: SLF001 - what a backend without whole steps looks like
        sequences = sequences_of(model, runner, *asked)
        waiting, active, step = list(sequences), list[object](), 0
        with torch.inference_mode():
            while waiting or active:
                if waiting and step % 9 == 0:
                    active.append(waiting.pop(0))
                    runner.add(active[-1])  # type: ignore[arg-type]
                if step == 40:
                    runner.remove(sequences[0])
                    runner.add(sequences[0])
                runner.step()
                step += 1
                for sequence in [
                    sequence for sequence in sequences if sequence in active and sequence.is_decoded
                ]:
                    active.remove(sequence)
                    runner.remove(sequence)
        return [sequence.tokens for sequence in sequences]

    for full, single in zip(tokens(is_full=True), tokens(is_full=False), strict=True):
        assert torch.equal(full, single)


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_fused_steps_give_audiocrafts_logits(loaded: Load, name: str) -> None:
    model = loaded(name)
    encoder, backend = PromptEncoder(model), fused_backend(model, 8)
    columns = [some_columns(model, 120, seed) for seed in range(3)]
    expected = [audiocraft_logits(model, *sequence) for sequence in zip(PROMPTS[:3], columns, strict=True)]
    given = (0, 70, 3)
    for sequence in range(3):
        begin(backend, (2 * sequence, 2 * sequence + 1), encoder.encode(PROMPTS[sequence]))
        backend.prefill(
            (2 * sequence, 2 * sequence + 1), columns[sequence][:, : given[sequence]].expand(2, -1, -1)
        )
    for step in range(40):
        at = [given[sequence] + step for sequence in range(3)]
        logits = backend.step(range(6), torch.stack([columns[row // 2][:, at[row // 2]] for row in range(6)]))
        for row in range(6):
            assert relative_error(logits[row], expected[row // 2][at[row // 2], row % 2]) < 1e-4


def test_fused_kernels_that_are_wrong_are_not_used(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = loaded("tiny-musicgen")
    monkeypatch.setattr(operators, "text_attention", lambda queries, *_: torch.zeros_like(queries))
    backend = fused_backend(model, 2)
    columns = some_columns(model, 6)
    expected = audiocraft_logits(model, PROMPTS[1], columns)
    begin(backend, (0, 1), PromptEncoder(model).encode(PROMPTS[1]))
    for step in range(6):
        logits = backend.step((0, 1), columns[:, step].expand(2, -1))
        assert relative_error(logits, expected[step]) < 1e-4
    assert len([message for message in caplog.messages if "fused kernels are not used" in message]) == 1


@pytest.mark.parametrize("way", ["torch's", "fused", "fused and wrong"])
def test_an_unused_capture_does_not_affect_the_used_one(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """One of a size's two captures is used; the other one must not free its workspace."""
    model = loaded("tiny-musicgen")
    if way == "fused and wrong":
        monkeypatch.setattr(operators, "text_attention", lambda queries, *_: torch.zeros_like(queries))
    backend = GraphBackend(
        model.weights, 4, 304, dtype=torch.float32, capture=FragileCapture(), is_fused=True,
        measure_s=first_is_fastest if way == "torch's" else Prefers(),
    )  # fmt: skip
    columns, encoder = some_columns(model, 9), PromptEncoder(model)
    expected = audiocraft_logits(model, PROMPTS[1], columns)
    begin(backend, (0, 1), encoder.encode(PROMPTS[1]))
    for step in range(9):
        logits = backend.step((0, 1), columns[:, step].expand(2, -1))
        assert relative_error(logits, expected[step]) < 1e-4
        if step == 2:
            backend.begin(2, encoder.encode(PROMPTS[0]).text)
        if step == 5:
            # A long text enlarges the text cache, for which all graphs are captured again.
            backend.begin(3, torch.zeros(100, model.weights.dim))
    assert len(backend.recorded) == 1


def test_the_faster_capture_is_used(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    for measure_s, expected in ((Prefers(), 1), (first_is_fastest, 0)):
        capture = CountingCapture()
        backend = GraphBackend(
            model.weights, 2, 256, dtype=torch.float32, capture=capture, is_fused=True, measure_s=measure_s
        )
        backend.capture_common()
        taken = backend._graphs[False, 2, 256]  # noqa: SLF001 - nobody tells which it was
        assert len(capture.outputs) == 2
        assert taken.output is capture.outputs[expected]


SETTINGS = (
    TokenSampling(1.0, 250, 0.0, 3.0), TokenSampling(0.0, 0, 0.0, 3.0), TokenSampling(1.3, 0, 0.9, 2.0),
    TokenSampling(0.7, 20, 0.5, 3.0), TokenSampling(1.0, 0, 0.0, 1.0),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_tokens_are_those_of_the_guided_sampler(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(12, 4, 512, generator=generator)
    pairs, slots = torch.tensor([[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]), torch.tensor([0, 2, 1, 4, 3])
    steps, uniform = torch.tensor([3, 1, 2, 5, 4, 1]), torch.rand(6, 8, 4, generator=generator)
    settings = torch.zeros(6, 4)
    for slot, one in zip(slots.tolist(), SETTINGS, strict=True):
        settings[slot] = torch.tensor([one.temperature, one.top_k, one.top_p, one.guidance])
    tokens, not_finite = torch.full((6, 8, 4), -1), torch.zeros(6, dtype=torch.bool)
    tokens[2, 2, 1] = 77
    reference.draw(logits, pairs, slots, steps, settings, uniform, tokens, not_finite)
    draw = GuidedSampler(SETTINGS, 512, torch.device("cpu"))
    expected, _ = draw(torch.stack([logits[pairs[0]], logits[pairs[1]]], 1), uniform[slots, steps[slots]])
    expected[1, 1] = 77  # it was there already
    assert torch.equal(tokens[slots, steps[slots]], expected)
    assert not not_finite.any()
    logits[3, 0, 5] = torch.nan
    reference.draw(logits, pairs, slots, steps, settings, uniform, tokens, not_finite)
    assert not_finite.tolist() == [False, False, True, False, False, False]


def test_triton_s_kernels_compute_what_the_reference_does() -> None:
    """In Triton's own interpreter, which needs no GPU."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton comes with torch for CUDA, and this is not that")
    command = [sys.executable, "-m", "tests.engines.audiocraft.triton_parity"]
    done = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
