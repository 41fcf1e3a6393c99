"""What half precision costs, at the width of a published model: errors of logits under teacher forcing."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.engines.audiocraft.shapes import random_weights
from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.linears import can_pack, packed, plain
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.decoder.transformer import Transformer
from webapp.engines.audiocraft.decoder.weights import DecoderWeights

STATED_BOUND = 0.02
STEPS = 24


@pytest.fixture(scope="module")
def weights() -> DecoderWeights:
    return random_weights()


@pytest.fixture(scope="module")
def exact(weights: DecoderWeights) -> Tensor:
    return forced(PlainBackend(weights, 2, 200), (0, 1))


def columns(seed: int = 3) -> Tensor:
    return torch.randint(0, 2048, (4, 100 + STEPS), generator=torch.Generator().manual_seed(seed))


def begin(backend: Backend, rows: Sequence[int], seed: int = 3) -> None:
    """Take in 100 columns after a text of 12 words, or none."""
    text = torch.randn(12, 1024, generator=torch.Generator().manual_seed(seed))
    backend.begin(rows[0], text)
    backend.begin(rows[1], torch.zeros(1, 1024))
    backend.prefill(rows, columns(seed)[:, :100].expand(2, -1, -1))


def forced(backend: Backend, rows: Sequence[int], others: Sequence[int] = ()) -> Tensor:
    """Logits (steps, 2, codebooks, card) of two rows that are told every column."""
    begin(backend, rows)
    told = columns()
    logits = []
    for step in range(100, 100 + STEPS):
        beside = (told[:, step] + 7).remainder(2048).expand(len(others), -1)
        given = torch.cat([beside, told[:, step].expand(2, -1)])
        logits.append(backend.step((*others, *rows), given)[len(others) :].clone())
    return torch.stack(logits)


def relative_error(ours: Tensor, exact: Tensor) -> float:
    """The largest of any step: norm of the difference over the norm."""
    return float(((ours - exact).flatten(1).norm(dim=1) / exact.flatten(1).norm(dim=1)).max())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_within_the_stated_bound(
    weights: DecoderWeights, exact: Tensor, dtype: torch.dtype
) -> None:
    backend = PlainBackend(weights, 2, 200, dtype=dtype, make_linear=plain)
    assert 0 < relative_error(forced(backend, (0, 1)), exact) < STATED_BOUND


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_weights_are_the_same_weights(
    weights: DecoderWeights, exact: Tensor, dtype: torch.dtype
) -> None:
    assert can_pack(dtype)
    backend = PlainBackend(weights, 2, 200, dtype=dtype, make_linear=packed)
    bound = 1e-5 if dtype == torch.float32 else STATED_BOUND
    assert relative_error(forced(backend, (0, 1)), exact) < bound


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_company_changes_nothing(weights: DecoderWeights, dtype: torch.dtype) -> None:
    alone = forced(PlainBackend(weights, 2, 200, dtype=dtype), (0, 1))
    backend = PlainBackend(weights, 8, 200, dtype=dtype)
    begin(backend, (0, 1), seed=4)
    begin(backend, (6, 7), seed=5)
    together = forced(backend, (2, 3), others=(0, 1, 6, 7))
    if dtype == torch.float32:
        assert torch.equal(together, alone)
    assert relative_error(together, alone) < STATED_BOUND


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_are_not_rounded_to_the_precision_of_the_layers(dtype: torch.dtype) -> None:
    """Guidance takes the difference of two logits three times: 8 bits are few for that."""
    weights = random_weights(dim=256, heads=4, layers=1)
    transformer = Transformer(weights, 8, dtype, plain)
    hidden = torch.randn(6, 256, generator=torch.Generator().manual_seed(2))
    logits = transformer.logits(hidden)
    normed = functional.layer_norm(hidden, (256,)).to(dtype)
    exact = (normed.double() @ weights.output.weight.double().t()).view(logits.shape)
    assert float((logits - exact).norm() / exact.norm()) < 4e-4
    for codebook in range(4):
        assert torch.allclose(transformer.logits_of(codebook, hidden), logits[:, codebook], atol=1e-4)
