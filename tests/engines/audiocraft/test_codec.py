"""Audio decoded in chunks equals audio decoded whole, and no chunk grows with the length."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.engines.audiocraft.test_waiting import Waits
from tests.engines.audiocraft.tiny import CARD, Tiny, write_codec, write_models
from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.backends import TorchCodecBackend, copied_to_cpu
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.codec.waveform_stream import NotFinite
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.weights.catalogue import Kind

if TYPE_CHECKING:
    from audiocraft.models import CompressionModel

Load = Callable[[str], LoadedModel]
# Rounding differs with the length of what is convolved at once; 16 bits resolve 3e-5.
TOLERANCE = 2e-6


def some_tokens(codebooks: int, frames: int) -> Tensor:
    return torch.randint(0, CARD, (codebooks, frames), generator=torch.Generator().manual_seed(4))


def whole(codec: "CompressionModel", tokens: Tensor) -> Samples:
    with torch.no_grad():
        decoded: Samples = codec.decode(tokens[None], None)[0].numpy()
    return decoded


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
@pytest.mark.parametrize(("frames", "chunk"), [(1, 250), (40, 250), (251, 250), (300, 40), (97, 13), (30, 1)])
def test_chunks_join_to_the_whole(loaded: Load, name: str, frames: int, chunk: int) -> None:
    model = loaded(name)
    tokens = some_tokens(model.codebooks, frames)
    sound = CodecDecoder(model.codec, chunk).decode(tokens)
    expected = whole(model.codec, tokens)
    assert sound.shape == expected.shape == (model.channels, frames * 160)
    assert np.abs(sound - expected).max() < TOLERANCE
    assert np.abs(expected).max() > 1000 * TOLERANCE


def test_a_lost_state_would_be_heard(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    tokens = some_tokens(4, 200)
    decoder = CodecDecoder(model.codec)
    halves = np.concatenate([decoder.decode(tokens[:, :100]), decoder.decode(tokens[:, 100:])], axis=1)
    assert np.abs(halves - whole(model.codec, tokens)).max() > 100 * TOLERANCE


def test_no_chunk_grows_with_the_length(loaded: Load) -> None:
    codec = loaded("tiny-musicgen").codec
    lengths: list[int] = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, out: lengths.append(out.shape[-1]))
        for module in codec.decoder.modules()
        if isinstance(module, torch.nn.Conv1d)
    ]
    decoder = CodecDecoder(codec, 50)
    lengths.clear()
    decoder.decode(some_tokens(4, 1000))
    for hook in hooks:
        hook.remove()
    assert 50 * decoder.hop <= max(lengths) <= 70 * decoder.hop


def test_a_codec_with_reflecting_ends(tmp_path: Path) -> None:
    folder = write_models(tmp_path, Tiny("musicgen", pad_mode="reflect"), "reflecting")
    model = load_model(folder, tmp_path, Kind.MUSICGEN, device=torch.device("cpu"), dtype=torch.float32)
    tokens = some_tokens(4, 120)
    assert np.abs(CodecDecoder(model.codec, 25).decode(tokens) - whole(model.codec, tokens)).max() < TOLERANCE


def test_a_codec_that_the_checkpoint_only_names(tmp_path: Path) -> None:
    folder = write_models(tmp_path, Tiny("musicgen"), "pointing")
    write_codec(tmp_path / "encodec_tiny", folder)
    model = load_model(folder, tmp_path, Kind.MUSICGEN, device=torch.device("cpu"), dtype=torch.float32)
    tokens = some_tokens(4, 90)
    assert model.sample_rate == 1600
    assert model.frame_rate == 10
    assert np.abs(CodecDecoder(model.codec, 25).decode(tokens) - whole(model.codec, tokens)).max() < TOLERANCE


def test_chunks_come_as_soon_as_their_frames_are_final(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    tokens, decoder = some_tokens(4, 100), CodecDecoder(model.codec, 30)
    expected = decoder.decode(tokens)
    growing = torch.zeros_like(tokens)
    stream, chunks, came_at = decoder.stream(growing), [], []
    for final in range(1, 101):
        growing[:, :final] = tokens[:, :final]
        while (chunk := stream.next_chunk(final)) is not None:
            chunks.append(chunk)
            came_at.append(final)
    assert np.array_equal(np.concatenate(chunks, axis=1), expected)
    ahead = decoder.head_field.right + decoder.tail_field.right
    assert came_at == [30 + ahead, 60 + ahead, 90 + ahead, 100]
    assert stream.is_done


def test_a_chunk_that_failed_can_be_decoded_again_in_a_smaller_size(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    tokens, decoder = some_tokens(4, 100), CodecDecoder(model.codec, 50)
    expected, stream = whole(model.codec, tokens), decoder.stream(tokens)
    first = stream.next_chunk(100)
    upsampling = model.codec.decoder.model[3]
    hook = upsampling.register_forward_pre_hook(lambda *_: print(1 / 0))  # noqa: T201
    with pytest.raises(ZeroDivisionError):
        stream.next_chunk(100)
    hook.remove()
    decoder.chunk_frames = 13
    chunks = [first]
    while not stream.is_done:
        chunks.append(stream.next_chunk(100))
    joined = np.concatenate([chunk for chunk in chunks if chunk is not None], axis=1)
    assert len(chunks) == 5
    assert np.abs(joined - expected).max() < TOLERANCE


def test_samples_that_are_not_finite_are_detected(loaded: Load) -> None:
    codec = loaded("tiny-musicgen").codec
    decoder = CodecDecoder(codec, 30)
    hook = codec.decoder.model[-1].register_forward_hook(lambda _m, _i, out: out * torch.nan)
    with pytest.raises(NotFinite):
        decoder.decode(some_tokens(4, 10))
    hook.remove()


class Overflowing(TorchCodecBackend):
    """A faster backend whose samples are infinite in the third chunk of a sound."""

    chunks = 0

    def tail(self, hidden: Tensor) -> Tensor:
        self.chunks += 1
        return super().tail(hidden) * (torch.inf if self.chunks == 4 else 1)


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_a_stream_with_samples_that_are_not_finite_continues_in_float32(loaded: Load, name: str) -> None:
    model = loaded(name)
    tokens, decoder = some_tokens(model.codebooks, 110), CodecDecoder(model.codec, 25, faster=[Overflowing])
    backend = decoder.backend
    assert isinstance(backend, Overflowing)
    assert backend.chunks == 1, "it is tried once as it is loaded"
    sound = decoder.decode(tokens)
    assert backend.chunks == 4, "it was used after it had failed"
    assert np.abs(sound - whole(model.codec, tokens)).max() < TOLERANCE
    again = decoder.decode(tokens)
    assert backend.chunks == 9, "the next sound begins with it again"
    assert np.abs(again - sound).max() < TOLERANCE


def test_the_receptive_field_is_measured_where_a_nan_does_not_spread_further(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU's library may convolve by Fourier transform, where one NaN spoils everything."""
    model = loaded("tiny-musicgen")
    expected = CodecDecoder(model.codec)
    convolutions = [module for module in model.codec.decoder.modules() if isinstance(module, nn.Conv1d)]

    def spread(_module: nn.Module, _inputs: object, out: Tensor) -> Tensor:
        return torch.full_like(out, torch.nan) if out.isnan().any() else out

    hooks = [module.register_forward_hook(spread) for module in convolutions]

    def on_cpu(part: nn.Sequential) -> nn.Sequential:
        for hook in hooks:
            hook.remove()
        return copied_to_cpu(part)

    monkeypatch.setattr("webapp.engines.audiocraft.codec.decoder.on_cpu", on_cpu)
    measured = CodecDecoder(model.codec)
    assert (measured.head_field, measured.tail_field, measured.hop) == (
        expected.head_field,
        expected.tail_field,
        expected.hop,
    )


def test_no_convolution_of_transformers_waits_for_the_device(tmp_path: Path) -> None:
    """It keeps its padding in tensors, and would wait for the device for each of them."""
    folder = write_models(tmp_path, Tiny("musicgen"), "pointing")
    write_codec(tmp_path / "encodec_tiny", folder)
    model = load_model(folder, tmp_path, Kind.MUSICGEN, device=torch.device("cpu"), dtype=torch.float32)
    tokens = some_tokens(model.codebooks, 150)
    with torch.inference_mode(), Waits() as waits:
        model.codec.decode(tokens[None])
    assert "item" in waits.seen, "as it is, it asks"
    stream = CodecDecoder(model.codec).stream(tokens)
    with torch.inference_mode(), Waits() as waits:
        stream.next_chunk(150)
    # The sum over codebooks begins with a number of its own.
    assert set(waits.seen) <= {"lift_fresh"}
