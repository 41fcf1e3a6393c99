"""A step is few launches, and what is launched computes what it stands for."""

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

from tests.engines.audiocraft.helpers import jobs_of, request
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
from webapp.engines.audiocraft.decoder.autoregressive_runner import RowsDecoding
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
    """Counts operators that a GPU would be told of."""

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
    """Counts what is recorded. A replay does the work as it comes, and is counted as the one launch it is."""

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


def first_is_quickest(_recorded: Recorded) -> float:
    return 1.0


class Prefers:
    """Finds what was asked second quicker: fused kernels, which are asked after torch's operators."""

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
        pace=Prefers(),
    )


def test_a_step_of_small_takes_few_launches() -> None:
    """musicgen-small has 24 layers; of torch's operators it were more than 500 launches, and 42 outside."""
    weights = random_weights(dim=64, heads=4, layers=24, card=64)
    capture = CountingCapture()
    backend = GraphBackend(
        weights, 4, 304, dtype=torch.float32, capture=capture, is_fused=True, pace=Prefers()
    )
    decoding = RowsDecoding(backend, 4, 64, (0, 1, 2, 3), look_every=32)
    with torch.inference_mode():
        backend.record_usual()
    assert capture.recorded[1] < 250 < capture.recorded[0]
    del decoding


def test_nothing_is_launched_beside_the_graph(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    capture = CountingCapture()
    backend = fused_backend(model, 4, capture)
    decoding = RowsDecoding(backend, model.codebooks, model.card, model.delays, look_every=32)
    jobs = jobs_of(model, decoding, *(request(duration_s=10.0, seed=seed) for seed in (1, 2)))
    with torch.inference_mode():
        for job in jobs:
            decoding.join(job)
        for _ in range(3):
            decoding.advance()
        with Launches() as launches:
            capture.launches = launches
            for _ in range(20):
                decoding.advance()
        assert launches.seen["graph"] == 20
        assert launches.count <= 20 * 5


@pytest.mark.parametrize("is_fused", [True, False])
def test_whole_steps_draw_the_tokens_that_single_ones_do(loaded: Load, is_fused: bool) -> None:
    """Jobs of other settings join, leave, go on to their next window, and come back."""
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

    def tokens(*, is_whole: bool) -> list[Tensor]:
        backend = GraphBackend(
            model.weights, 8, columns_of(model.window_frames, model.delays), dtype=torch.float32,
            capture=TracedCapture(), is_fused=is_fused, pace=Prefers(),
        )  # fmt: skip
        decoding = RowsDecoding(backend, model.codebooks, model.card, model.delays, look_every=7)
        if not is_whole:
            decoding._whole = None  # noqa: SLF001 - what a backend without whole steps looks like
        jobs = jobs_of(model, decoding, *asked)
        waiting, at_work, step = list(jobs), list[object](), 0
        with torch.inference_mode():
            while waiting or at_work:
                if waiting and step % 9 == 0:
                    at_work.append(waiting.pop(0))
                    decoding.join(at_work[-1])  # type: ignore[arg-type]
                if step == 40:
                    decoding.leave(jobs[0])
                    decoding.join(jobs[0])
                decoding.advance()
                step += 1
                for job in [job for job in jobs if job in at_work and job.is_decoded]:
                    at_work.remove(job)
                    decoding.leave(job)
        return [job.tokens for job in jobs]

    for whole, single in zip(tokens(is_whole=True), tokens(is_whole=False), strict=True):
        assert torch.equal(whole, single)


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_fused_steps_give_audiocrafts_logits(loaded: Load, name: str) -> None:
    model = loaded(name)
    encoder, backend = PromptEncoder(model), fused_backend(model, 8)
    columns = [some_columns(model, 120, seed) for seed in range(3)]
    expected = [audiocraft_logits(model, *job) for job in zip(PROMPTS[:3], columns, strict=True)]
    given = (0, 70, 3)
    for job in range(3):
        begin(backend, (2 * job, 2 * job + 1), encoder.encode(PROMPTS[job]))
        backend.prefill((2 * job, 2 * job + 1), columns[job][:, : given[job]].expand(2, -1, -1))
    for step in range(40):
        at = [given[job] + step for job in range(3)]
        logits = backend.step(range(6), torch.stack([columns[row // 2][:, at[row // 2]] for row in range(6)]))
        for row in range(6):
            assert relative_error(logits[row], expected[row // 2][at[row // 2], row % 2]) < 1e-4


def test_fused_kernels_that_are_wrong_are_not_used(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = loaded("tiny-musicgen")
    monkeypatch.setattr(operators, "attend_text", lambda queries, *_: torch.zeros_like(queries))
    backend = fused_backend(model, 2)
    columns = some_columns(model, 6)
    expected = audiocraft_logits(model, PROMPTS[1], columns)
    begin(backend, (0, 1), PromptEncoder(model).encode(PROMPTS[1]))
    for step in range(6):
        logits = backend.step((0, 1), columns[:, step].expand(2, -1))
        assert relative_error(logits, expected[step]) < 1e-4
    assert len([message for message in caplog.messages if "fused kernels are not used" in message]) == 1


@pytest.mark.parametrize("way", ["torch's", "fused", "fused and wrong"])
def test_what_is_not_taken_leaves_what_is(loaded: Load, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Of a size's two recordings one is used; the other one must not take its work space with it."""
    model = loaded("tiny-musicgen")
    if way == "fused and wrong":
        monkeypatch.setattr(operators, "attend_text", lambda queries, *_: torch.zeros_like(queries))
    backend = GraphBackend(
        model.weights, 4, 304, dtype=torch.float32, capture=FragileCapture(), is_fused=True,
        pace=first_is_quickest if way == "torch's" else Prefers(),
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
            # A long text takes larger places, for which all is recorded anew.
            backend.begin(3, torch.zeros(100, model.weights.dim))
    assert len(backend.recorded) == 1


def test_the_quicker_way_is_taken(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    for pace, expected in ((Prefers(), 1), (first_is_quickest, 0)):
        capture = CountingCapture()
        backend = GraphBackend(
            model.weights, 2, 256, dtype=torch.float32, capture=capture, is_fused=True, pace=pace
        )
        backend.record_usual()
        taken = backend._graphs[False, 2, 256]  # noqa: SLF001 - nobody tells which it was
        assert len(capture.outputs) == 2
        assert taken.output is capture.outputs[expected]


SETTINGS = (
    TokenSampling(1.0, 250, 0.0, 3.0), TokenSampling(0.0, 0, 0.0, 3.0), TokenSampling(1.3, 0, 0.9, 2.0),
    TokenSampling(0.7, 20, 0.5, 3.0), TokenSampling(1.0, 0, 0.0, 1.0),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_tokens_are_drawn_as_anywhere_else(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(12, 4, 512, generator=generator)
    pairs, places = torch.tensor([[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]), torch.tensor([0, 2, 1, 4, 3])
    steps, uniform = torch.tensor([3, 1, 2, 5, 4, 1]), torch.rand(6, 8, 4, generator=generator)
    settings = torch.zeros(6, 4)
    for place, one in zip(places.tolist(), SETTINGS, strict=True):
        settings[place] = torch.tensor([one.temperature, one.top_k, one.top_p, one.guidance])
    tokens, sick = torch.full((6, 8, 4), -1), torch.zeros(6, dtype=torch.bool)
    tokens[2, 2, 1] = 77
    reference.draw(logits, pairs, places, steps, settings, uniform, tokens, sick)
    draw = GuidedSampler(SETTINGS, 512, torch.device("cpu"))
    expected, _ = draw(torch.stack([logits[pairs[0]], logits[pairs[1]]], 1), uniform[places, steps[places]])
    expected[1, 1] = 77  # it was there already
    assert torch.equal(tokens[places, steps[places]], expected)
    assert not sick.any()
    logits[3, 0, 5] = torch.nan
    reference.draw(logits, pairs, places, steps, settings, uniform, tokens, sick)
    assert sick.tolist() == [False, False, True, False, False, False]


def test_triton_s_kernels_compute_what_the_reference_does() -> None:
    """In Triton's own interpreter, which needs no GPU."""
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton comes with torch for CUDA, and this is not that")
    command = [sys.executable, "-m", "tests.engines.audiocraft.triton_parity"]
    done = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
