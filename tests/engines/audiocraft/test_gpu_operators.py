"""What a GPU is told to compute, seen on tensors that have a device and no numbers."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tests.engines.audiocraft.helpers import request, sequences_of
from tests.engines.audiocraft.shapes import random_weights
from tests.engines.audiocraft.test_waiting import magnet
from webapp.engines.audiocraft.decoder import capture, graph_backend
from webapp.engines.audiocraft.decoder.autoregressive_runner import AutoregressiveRunner
from webapp.engines.audiocraft.decoder.capture import Recorded
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.linears import plain, with_float32_output
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.decoder.weights import DecoderWeights, Projection
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.magnet_runner import MagnetRunner
from webapp.engines.audiocraft.magnet_schedule import Segment

Load = Callable[[str], LoadedModel]
T = TypeVar("T")
ELSEWHERE = torch.device("meta")


def elsewhere(part: T) -> T:
    """A copy whose tensors are where there are no numbers: whoever asks for one fails."""
    if isinstance(part, Tensor):
        return torch.empty_like(part, device=ELSEWHERE)  # type: ignore[return-value]
    if isinstance(part, tuple):
        return tuple(elsewhere(each) for each in part)  # type: ignore[return-value]
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{field.name: elsewhere(getattr(part, field.name)) for field in fields(part)})
    return part


def eager(work: Callable[[], Tensor]) -> Recorded:
    return Recorded(work, work())


@pytest.fixture(scope="module")
def weights() -> DecoderWeights:
    return random_weights(dim=64, heads=4, layers=2, card=64)


@pytest.mark.parametrize("is_fused", [True, False])
def test_all_of_a_step_is_where_the_weights_are(
    weights: DecoderWeights, monkeypatch: pytest.MonkeyPatch, is_fused: bool
) -> None:
    """A tensor of the host among them is an error here, as on a GPU, and so is asking for a number."""
    for module in (capture, graph_backend):
        monkeypatch.setattr(module, "relative_error", lambda *_: 0.0)
    backend = GraphBackend(
        elsewhere(weights), 4, 304, dtype=torch.float16, capture=eager, is_fused=is_fused,
        measure_s=lambda _: 1.0,
    )  # fmt: skip
    AutoregressiveRunner(backend, 4, 64, (0, 1, 2, 3))
    with torch.inference_mode():
        backend.capture_common()
        for row, words in ((0, 7), (1, 1), (2, 100), (3, 1)):
            backend.begin(row, torch.zeros(words, 64, device=ELSEWHERE))
        backend.prefill((0, 1), torch.zeros(2, 4, 9, dtype=torch.int64, device=ELSEWHERE))
        logits = backend.step((2, 3), torch.zeros(2, 4, dtype=torch.int64, device=ELSEWHERE))
        backend.full_step([(0, 0, 1), (1, 2, 3)])
        backend.release(0)
        backend.rewind(2)
    assert (logits.device, logits.dtype, logits.shape) == (ELSEWHERE, torch.float32, (2, 4, 64))


def test_a_device_takes_in_all_that_a_window_begins_with_and_is_looked_at_now_and_then(
    weights: DecoderWeights,
) -> None:
    runner = AutoregressiveRunner(PlainBackend(elsewhere(weights), 2, 304), 4, 64, (0, 1, 2, 3))
    assert (runner._prefill_columns, runner._check_every) == (304, 32)  # noqa: SLF001 - nobody tells
    runner = AutoregressiveRunner(PlainBackend(weights, 2, 304), 4, 64, (0, 1, 2, 3))
    assert (runner._prefill_columns, runner._check_every) == (64, 1)  # noqa: SLF001


def test_attention_on_cuda_is_what_suits_a_mask(
    weights: DecoderWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what a version of torch likes best, such as one that plans anew for each shape."""
    seen: list[tuple[bool, ...]] = []

    def run(_self: Transformer, hidden: Tensor, _attention: object) -> Tensor:
        ways = ("mem_efficient", "math", "flash", "cudnn")
        seen.append(tuple(getattr(torch.backends.cuda, f"{way}_sdp_enabled")() for way in ways))
        return hidden

    monkeypatch.setattr(Transformer, "_run", run)
    transformer = Transformer(weights, 8, torch.float32, plain)
    transformer.run(torch.zeros(1, 64), object())  # type: ignore[arg-type]
    with FakeTensorMode():
        transformer.run(torch.empty(1, 64, device="cuda"), object())  # type: ignore[arg-type]
    assert seen == [(True, True, True, True), (True, True, False, False)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_on_cuda_are_summed_and_kept_in_full(dtype: torch.dtype) -> None:
    """And of matrices as they are: a copy in float32 would be read in each step."""
    products: list[tuple[torch.dtype, torch.dtype]] = []

    class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self,
            func: torch._ops.OpOverload,
            types: object,
            args: tuple[Tensor, ...] = (),
            kwargs: dict[str, object] | None = None,
        ) -> object:
            result = func(*args, **(kwargs or {}))
            if "mm" in func.__name__:
                products.append((args[1].dtype, result.dtype))
            return result

    with FakeTensorMode():
        bias = torch.empty(8, device="cuda", dtype=dtype)
        multiply = with_float32_output(
            Projection(torch.empty(8, 16, device="cuda", dtype=dtype), bias), dtype, plain
        )
        with Products():  # type: ignore[no-untyped-call]
            logits = multiply(torch.empty(2, 16, device="cuda", dtype=dtype))
    assert products == [(dtype, torch.float32)]
    assert (logits.dtype, logits.shape) == (torch.float32, (2, 8))


@pytest.mark.parametrize("name", ["step", "prefill", "magnet"])
def test_masks_are_added_and_made_once(
    weights: DecoderWeights, loaded: Load, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of one that says yes or no, or is in another precision, a GPU makes what is added in each layer."""
    masks: list[Tensor] = []
    attend = functional.scaled_dot_product_attention

    def attended(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
        if attn_mask is not None:
            assert attn_mask.dtype == query.dtype == torch.bfloat16
            masks.append(attn_mask)
        return attend(query, key, value, attn_mask=attn_mask)

    if name == "magnet":
        model = loaded("tiny-magnet")
        transformer = Transformer(model.weights, model.window_frames, torch.bfloat16, plain)
        segment = Segment(model.window_frames, model.span_frames, model.context_frames, first_passes=1)
        runner = MagnetRunner(transformer, segment, 1, checks_every_pass=False)
        (sequence,) = sequences_of(model, runner, request(duration_s=2.0, model="magnet"))
        monkeypatch.setattr(functional, "scaled_dot_product_attention", attended)
        with torch.inference_mode():
            runner.add(sequence)
            runner.step()
            assert not masks, "the first codebook looks everywhere"
            runner.step()
    else:
        backend = GraphBackend(weights, 2, 304, dtype=torch.bfloat16, capture=eager, is_fused=False)
        for row in (0, 1):
            backend.begin(row, torch.zeros(3, 64))
        monkeypatch.setattr(functional, "scaled_dot_product_attention", attended)
        if name == "prefill":
            backend.prefill((0, 1), torch.zeros(2, 4, 9, dtype=torch.int64))
        else:
            backend.step((0, 1), torch.zeros(2, 4, dtype=torch.int64))
            # Before it was recorded, and its replay compared.
            del masks[:-4]
    assert len(masks) >= 2
    assert len({mask.data_ptr() for mask in masks}) <= 2


def test_a_pass_of_magnet_asks_for_no_number(loaded: Load) -> None:
    model = loaded("tiny-magnet")
    there = replace(model, weights=elsewhere(model.weights), device=ELSEWHERE)
    runner = magnet(there)
    (sequence,) = sequences_of(model, runner, request(duration_s=2.0, model="magnet"))
    sequence.prompt = elsewhere(sequence.prompt)
    sequence.tokens = sequence.tokens.to(ELSEWHERE)
    with torch.inference_mode():
        runner.add(sequence)
        for _ in range(30):
            runner.step()
    assert sequence.steps_done == 30
