"""The compiled codec makes the sound that torch makes of the same tokens, but for an error with a bound."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engines.audiocraft.native.test_instructions import PROCESSORS, processor_has
from tests.engines.audiocraft.tiny import CARD, Tiny, write_codec, write_models
from webapp.engines.audiocraft.codec.backends import (
    CodecBackend,
    CodecBackendUnavailable,
    TorchCodecBackend,
    faster_backends,
    fold_weight_norms,
)
from webapp.engines.audiocraft.codec.decoder import MIN_SNR_DB, CodecDecoder
from webapp.engines.audiocraft.codec.native.backend import NativeCodecBackend
from webapp.engines.audiocraft.codec.native.library import CodecLibrary, codec_builder, default_codec_library
from webapp.engines.audiocraft.codec.native.program import Program, UnsupportedCodec
from webapp.engines.audiocraft.decoder.native.compiler import LibraryBuilder, NativeUnavailable
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.weights.catalogue import Kind

USUAL = {
    "dimension": 16,
    "n_filters": 8,
    "ratios": [5, 4, 2],
    "n_residual_layers": 1,
    "norm": "weight_norm",
    "lstm": 2,
    "pad_mode": "constant",
}
OTHERS: dict[str, dict[str, Any]] = {
    "as published": {},
    "causal": {"causal": True},
    "causal, trimmed at both ends": {"causal": True, "trim_right_ratio": 0.6},
    "reflecting ends": {"pad_mode": "reflect"},
    "dilated residuals": {"n_residual_layers": 3, "pad_mode": "reflect"},
    "convolved shortcuts": {"true_skip": False},
    "two channels": {"channels": 2},
    "widths that fill no vector": {"n_filters": 6, "ratios": [4, 2, 3, 2]},
}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def codec_library() -> CodecLibrary:
    try:
        return default_codec_library()
    except NativeUnavailable as error:
        pytest.skip(str(error))


def parts(**other: object) -> tuple[nn.LSTM, nn.Sequential]:
    """LSTM and tail of a decoder as AudioCraft builds it, its weights such that sound keeps its size."""
    import_audiocraft()
    from audiocraft.modules.seanet import SEANetDecoder  # noqa: PLC0415 - after its stand-ins

    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch deprecates in AudioCraft
        decoder = SEANetDecoder(**(USUAL | other))
    layers = list(decoder.eval().requires_grad_(requires_grad=False).model)
    tail = nn.Sequential(*layers[2:])
    fold_weight_norms(tail)
    return layers[1].lstm, tail


def snr_db(exact: Tensor, ours: Tensor) -> float:
    return float(20 * torch.log10(exact.norm() / (ours - exact).norm()))


def sound(backend: CodecBackend, latent: Tensor) -> Tensor:
    """Decoded in two parts, the second from where the first left the LSTM."""
    first, state = backend.lstm(latent[:5], None)
    rest, _ = backend.lstm(latent[5:], state)
    return backend.tail(torch.cat([first, rest]).permute(1, 2, 0))


@torch.inference_mode()
def compare(library: CodecLibrary, frames: int = 23, **other: object) -> float:
    lstm, tail = parts(**other)
    latent = torch.randn(frames, 2, lstm.input_size)
    exact, ours = (
        sound(TorchCodecBackend(lstm, tail), latent),
        sound(NativeCodecBackend(library, lstm, tail), latent),
    )
    assert exact.shape == ours.shape
    return snr_db(exact, ours)


@pytest.mark.parametrize("name", OTHERS)
def test_it_sounds_as_torch_does(codec_library: CodecLibrary, name: str) -> None:
    assert compare(codec_library, **OTHERS[name]) > MIN_SNR_DB


def test_the_published_shape_keeps_the_bound(codec_library: CodecLibrary) -> None:
    shape = {"dimension": 128, "n_filters": 64, "ratios": [8, 5, 4, 4]}
    assert compare(codec_library, frames=9, **shape) > MIN_SNR_DB


@pytest.mark.parametrize("name", PROCESSORS)
def test_every_kind_of_processor_keeps_the_bound(
    codec_library: CodecLibrary, name: str, tmp_path: Path
) -> None:
    target, wanted = PROCESSORS[name]
    if not processor_has(wanted):
        pytest.skip(f"this processor has no {name}")
    library = CodecLibrary(codec_builder(LibraryBuilder(tmp_path, targets=(target,))).library())
    assert (library.instructions, codec_library.lanes >= library.lanes) == ("float32", True)
    assert compare(library, ratios=[4, 3], pad_mode="reflect") > MIN_SNR_DB


@torch.inference_mode()
def test_each_of_two_sounds_is_what_it_would_be_alone(codec_library: CodecLibrary) -> None:
    lstm, tail = parts()
    backend, latent = NativeCodecBackend(codec_library, lstm, tail), torch.randn(12, 2, lstm.input_size)
    both = sound(backend, latent)
    for number in range(2):
        assert torch.equal(sound(backend, latent[:, number : number + 1].contiguous())[0], both[number])


@torch.inference_mode()
def test_what_is_no_number_stays_none(codec_library: CodecLibrary) -> None:
    lstm, tail = parts()
    hidden = torch.randn(1, lstm.hidden_size, 12)
    hidden[0, 3, 6] = torch.nan
    assert torch.isnan(NativeCodecBackend(codec_library, lstm, tail).tail(hidden)).any()


@pytest.mark.parametrize(
    "change",
    [
        lambda tail: tail[1:],
        lambda tail: tail[:-1],
        lambda tail: nn.Sequential(*tail, nn.Tanh()),
        lambda tail: nn.Sequential(nn.ELU(0.5), *tail[1:]),
    ],
)
def test_what_it_does_not_know_it_refuses(change: Callable[[nn.Sequential], nn.Sequential]) -> None:
    with pytest.raises(UnsupportedCodec):
        Program.of(change(parts()[1]), 16)


def tokens_of(model: LoadedModel, frames: int) -> Tensor:
    chance = torch.Generator().manual_seed(4)
    return torch.randint(0, CARD, (model.codebooks, frames), generator=chance)


def compiled(library: CodecLibrary) -> Callable[[nn.LSTM | None, nn.Sequential], CodecBackend]:
    def make(lstm: nn.LSTM | None, tail: nn.Sequential) -> CodecBackend:
        assert lstm is not None
        return NativeCodecBackend(library, lstm, tail)

    return make


@pytest.mark.parametrize("is_named_only", [False, True])
def test_in_pieces_it_is_as_near_as_whole(
    codec_library: CodecLibrary, tmp_path: Path, *, is_named_only: bool
) -> None:
    folder = write_models(tmp_path, Tiny("musicgen", stereo=not is_named_only), "some")
    if is_named_only:
        write_codec(tmp_path / "encodec_tiny", folder)
    model = load_model(folder, tmp_path, Kind.MUSICGEN, device=CPU, dtype=torch.float32)
    tokens = tokens_of(model, 110)
    exact = CodecDecoder(model.codec, 110).decode(tokens)
    decoder = CodecDecoder(model.codec, 25, faster=[compiled(codec_library)])
    assert isinstance(decoder.backend, NativeCodecBackend)
    ours = decoder.decode(tokens)
    assert snr_db(torch.from_numpy(exact), torch.from_numpy(ours)) > MIN_SNR_DB


class Noisy(TorchCodecBackend):
    """What a codec would be that loses too much in a quicker way."""

    def tail(self, hidden: Tensor) -> Tensor:
        return 1.02 * super().tail(hidden)


def test_what_is_too_far_from_float32_is_not_used(loaded: Callable[[str], LoadedModel]) -> None:
    model = loaded("tiny-musicgen")

    def cannot(_lstm: nn.LSTM | None, _tail: nn.Sequential) -> CodecBackend:
        raise CodecBackendUnavailable("a reason")

    decoder = CodecDecoder(model.codec, faster=[cannot, Noisy])
    tokens = tokens_of(model, 40)
    assert not isinstance(decoder.backend, Noisy)
    assert np.array_equal(decoder.decode(tokens), CodecDecoder(model.codec).decode(tokens))


def test_float32_is_never_left() -> None:
    assert not faster_backends(Precision.FLOAT32, CPU)
