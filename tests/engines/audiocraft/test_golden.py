"""Our tokens are AudioCraft's own, where AudioCraft is right; and they do not depend on the batch."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.helpers import (
    GREEDY,
    audiocraft_model,
    audiocraft_tokens,
    request,
    tokens_of,
)
from tests.engines.audiocraft.tiny import Tiny, write_models
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.audiocraft.magnet_runner import context_mask
from webapp.engines.base import Sampling
from webapp.weights.catalogue import Kind

if TYPE_CHECKING:
    from audiocraft.models import MAGNeT

Load = Callable[[str], LoadedModel]
PROMPT = "a slow waltz for two harps"


def differing_frames(tokens: Tensor) -> int:
    """How many different frames there are: a model that repeats itself would prove little."""
    return len(torch.unique(tokens, dim=1).T)


@pytest.mark.parametrize(
    ("name", "kind", "duration_s", "stride_s"),
    [
        ("tiny-musicgen", "musicgen", 0.1, 18),
        ("tiny-musicgen", "musicgen", 7.3, 18),
        ("tiny-musicgen", "musicgen", 30.0, 18),
        ("tiny-musicgen", "musicgen", 55.0, 18),
        ("tiny-audiogen", "audiogen", 5.0, 2),
        ("tiny-audiogen", "audiogen", 10.3, 2),
        ("tiny-audiogen", "audiogen", 23.0, 2),
        ("tiny-stereo", "musicgen", 33.0, 18),
    ],
)
def test_greedy_tokens_are_audiocrafts_own(
    models_dir: Path, loaded: Load, name: str, kind: str, duration_s: float, stride_s: float
) -> None:
    theirs = audiocraft_tokens(audiocraft_model(kind, models_dir / name), [PROMPT], duration_s, stride_s)[0]
    (ours,) = tokens_of(loaded(name), request(PROMPT, duration_s, sampling=GREEDY))
    assert torch.equal(ours, theirs)
    if duration_s > 5:
        assert differing_frames(ours) > ours.shape[-1] / 3


@pytest.fixture
def plain_masked_attention(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AudioCraft's xformers backend, with attention written out: products, mask, softmax, sum."""
    from audiocraft.modules import transformer  # noqa: PLC0415 - after its stand-ins

    def attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, p: float) -> Tensor:
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5
        weights = (scores if bias is None else scores + bias).softmax(dim=-1)
        return torch.einsum("bhqk,bkhd->bqhd", weights, value)

    monkeypatch.setattr(transformer.ops, "memory_efficient_attention", attention)
    transformer.set_efficient_attention_backend("xformers")
    yield
    transformer.set_efficient_attention_backend("torch")


def magnet_tokens(model: "MAGNeT", prompt: Tensor | None = None) -> Tensor:
    from audiocraft.modules.conditioners import ConditioningAttributes  # noqa: PLC0415

    tokens: Tensor = model.lm.generate(
        prompt,
        [ConditioningAttributes(text={"description": PROMPT})],
        max_gen_len=90,
        use_sampling=False,
        temp=3.0,
        top_k=0,
        top_p=0.9,
        max_cfg_coef=10.0,
        min_cfg_coef=1.0,
        decoding_steps=[20, 10, 10, 10],
    )
    return tokens


@pytest.fixture(scope="module")
def whole_spans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MAGNeT whose window is a whole number of spans, which AudioCraft does not shorten."""
    return write_models(tmp_path_factory.mktemp("spans"), Tiny("magnet", segment_s=9), "tiny-magnet")


def test_magnet_equals_a_plain_masked_reference_window_after_window(
    whole_spans: Path, plain_masked_attention: None
) -> None:
    reference = audiocraft_model("magnet", whole_spans)
    first = magnet_tokens(reference)
    second = magnet_tokens(reference, first[..., -36:])
    theirs = torch.cat([first, second[..., 36:]], dim=-1)[0]
    (ours,) = _on_torch_attention(whole_spans, theirs.shape[-1] / 10)
    assert first.shape[-1] == 90
    assert torch.equal(ours, theirs)
    assert differing_frames(ours) > ours.shape[-1] / 3


def _on_torch_attention(folder: Path, duration_s: float) -> list[Tensor]:
    from audiocraft.modules.transformer import set_efficient_attention_backend  # noqa: PLC0415

    set_efficient_attention_backend("torch")
    model = load_model(folder, folder.parent, Kind.MAGNET, device=torch.device("cpu"), dtype=torch.float32)
    return tokens_of(model, request(PROMPT, duration_s, model="magnet", sampling=GREEDY))


def test_stock_attention_would_be_seen_to_drop_the_mask(whole_spans: Path) -> None:
    from audiocraft.modules.transformer import set_efficient_attention_backend  # noqa: PLC0415

    stock = audiocraft_model("magnet", whole_spans)
    set_efficient_attention_backend("torch")
    theirs, (ours,) = magnet_tokens(stock)[0], _on_torch_attention(whole_spans, 9.0)
    assert torch.equal(ours[0], theirs[0])
    assert not torch.equal(ours[1], theirs[1])


def test_the_mask_is_audiocrafts(loaded: Load) -> None:
    model = loaded("tiny-magnet")
    lm = model.lm
    theirs = lm.restricted_context_attn_mask(40, torch.device("cpu"), torch.float32)
    assert torch.equal(context_mask(40, 5)[0, 0], theirs)
    assert model.context_frames == 5


def test_loading_and_using_magnet_leaves_musicgen_alone(loaded: Load) -> None:
    before = tokens_of(loaded("tiny-musicgen"), request(duration_s=4))
    tokens_of(loaded("tiny-magnet"), request(duration_s=4, model="magnet"))
    assert torch.equal(tokens_of(loaded("tiny-musicgen"), request(duration_s=4))[0], before[0])


@pytest.mark.parametrize("name", ["tiny-audiogen", "tiny-magnet", "tiny-stereo"])
def test_tokens_are_the_same_alone_and_in_a_batch(loaded: Load, name: str) -> None:
    model = loaded(name)
    requests = [
        request("rain", 12.0, seed=11),
        request("a very long winding story of thunder over the hills", 3.5, seed=12),
        request("birds", 21.0, seed=13, sampling=Sampling(temperature=0.7, top_p=0.8, guidance=1.5)),
        request("rain", 12.0, seed=14, sampling=Sampling(top_k=5)),
        request("rain", 8.0, seed=11, sampling=GREEDY),
    ]
    together = tokens_of(model, *requests)
    for alone, beside in zip(requests, together, strict=True):
        assert torch.equal(tokens_of(model, alone)[0], beside)
    assert not torch.equal(together[0], together[3])


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet"])
def test_a_seed_decides_and_global_chance_does_not(loaded: Load, name: str) -> None:
    model = loaded(name)
    torch.manual_seed(1)
    (first,) = tokens_of(model, request(seed=5))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    (again,) = tokens_of(model, request(seed=5))
    (other,) = tokens_of(model, request(seed=6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet"])
@pytest.mark.parametrize(
    "sampling", [Sampling(temperature=0.4), Sampling(top_k=2), Sampling(top_p=0.05), Sampling(guidance=0.0)]
)
def test_every_setting_counts_and_none_stays(loaded: Load, name: str, sampling: Sampling) -> None:
    model = loaded(name)
    (usual,) = tokens_of(model, request(duration_s=4))
    (asked,) = tokens_of(model, request(duration_s=4, sampling=sampling))
    (afterwards,) = tokens_of(model, request(duration_s=4))
    assert not torch.equal(usual, asked)
    assert torch.equal(usual, afterwards)
