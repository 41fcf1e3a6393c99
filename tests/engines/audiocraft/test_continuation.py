"""Continuing sounds: our tokens are AudioCraft's own, and what was made once is not encoded again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.helpers import GREEDY, audiocraft_model, request, tokens_of
from webapp.audio.waveform import Waveform
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import scheduler_for
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.engines.audiocraft.material import TokenArchive
from webapp.engines.audiocraft.windows import Window, plan_windows
from webapp.engines.base import (
    CancelToken,
    GenerationRequest,
    GenerationTask,
    RequestNotSupported,
    Sampling,
)
from webapp.engines.batch import BatchTask, ListedTasks
from webapp.engines.continuation import Continuation, material_of

Load = Callable[[str], LoadedModel]
PROMPT = "a slow waltz for two harps"


def noise(model: LoadedModel, duration_s: float) -> Waveform:
    frames = round(duration_s * model.sample_rate)
    samples = np.random.default_rng(3).normal(0, 0.1, (model.channels, frames))
    return Waveform(samples.astype(np.float32), model.sample_rate)


def theirs(kind: str, folder: Path, head: Waveform, duration_s: float, stride_s: float) -> Tensor:
    """The tokens of AudioCraft's own `generate_continuation`."""
    model = audiocraft_model(kind, folder)
    model.set_generation_params(use_sampling=False, duration=duration_s, extend_stride=stride_s)
    _, tokens = model.generate_continuation(
        torch.from_numpy(head.samples)[None], head.sample_rate, [PROMPT], return_tokens=True
    )
    found: Tensor = tokens[0]
    return found


@pytest.mark.parametrize(
    ("name", "kind", "head_s", "duration_s", "stride_s"),
    [
        ("tiny-musicgen", "musicgen", 2.0, 7.3, 18),
        ("tiny-musicgen", "musicgen", 12.3, 30.0, 18),
        ("tiny-musicgen", "musicgen", 29.9, 41.0, 18),
        ("tiny-musicgen", "musicgen", 12.0, 55.0, 18),
        ("tiny-audiogen", "audiogen", 4.0, 13.0, 2),
        ("tiny-stereo", "musicgen", 5.0, 9.0, 18),
    ],
)
def test_greedy_tokens_are_those_of_audiocrafts_continuation(
    models_dir: Path, loaded: Load, name: str, kind: str, head_s: float, duration_s: float, stride_s: float
) -> None:
    model = loaded(name)
    head = noise(model, head_s)
    asked = replace(request(PROMPT, duration_s, sampling=GREEDY), continuation=Continuation(head))
    (ours,) = tokens_of(model, asked)
    expected = theirs(kind, models_dir / name, head, duration_s, stride_s)
    known = int(head_s * model.frame_rate)
    assert torch.equal(ours, expected)
    assert len(torch.unique(ours[:, known:], dim=1).T) > (ours.shape[1] - known) / 3


def made(model: LoadedModel, asked: GenerationRequest) -> Waveform:
    task = BatchTask(0, asked, lambda _index, _share: None, CancelToken())
    tasks: list[GenerationTask] = [task]
    scheduler_for(model, Precision.FLOAT32, batch=1).serve(ListedTasks(tasks))
    return task.result()


def cut(waveform: Waveform, duration_s: float) -> Waveform:
    return waveform.with_samples(waveform.samples[:, : round(duration_s * waveform.sample_rate)].copy())


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-magnet"])
def test_tokens_are_kept_with_a_sound_and_not_encoded_again(
    loaded: Load, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = loaded(name)
    first = made(model, request(PROMPT, 3.0))
    material = material_of(first)
    assert len(material) < 1_000 * 3
    monkeypatch.setattr(type(model.codec), "encode", None)
    going_on = Continuation(cut(first, 2.0), material)
    asked = replace(request(PROMPT, 4.0, seed=2), continuation=going_on)
    second, other = made(model, asked), made(model, replace(asked, seed=3))
    archive = TokenArchive.of(model)
    tokens = [archive.prompt_tokens(Continuation(each, material_of(each))) for each in (first, second, other)]
    known = int(2 * model.frame_rate)
    known -= known % model.span_frames
    for each in tokens[1:]:
        assert torch.equal(each[:, :known], tokens[0][:, :known])
    assert not torch.equal(tokens[1], tokens[2])
    # The codec hears a little ahead: but for that, the beginning sounds the same.
    same = model.sample_rate
    np.testing.assert_allclose(second.samples[:, :same], first.samples[:, :same], atol=1e-5)


def test_a_long_beginning_is_known_by_its_last_part(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    head = noise(model, 33.0)
    (tokens,) = tokens_of(model, replace(request(PROMPT, 36.0), continuation=Continuation(head)))
    archive = TokenArchive.of(model)
    known = int(33 * model.frame_rate)
    assert known > model.window_frames
    assert torch.equal(tokens[:, :known], archive.prompt_tokens(Continuation(head)))
    assert len(torch.unique(tokens[:, known:], dim=1).T) > 5
    assert plan_windows(1800, 1500, 600, known=1650) == (Window(1050, 600, 1800),)
    assert plan_windows(3000, 1500, 600, known=1650) == (Window(1050, 600, 2550), Window(1950, 600, 3000))


def test_tokens_of_another_codec_are_encoded_anew(loaded: Load) -> None:
    mono, stereo = loaded("tiny-musicgen"), loaded("tiny-stereo")
    first = made(mono, request(PROMPT, 2.0))
    going_on = Continuation(first, material_of(first))
    second = made(stereo, replace(request(PROMPT, 3.0), continuation=going_on))
    assert second.channels == 2
    assert second.duration_s == pytest.approx(3.0)
    # Those of the same codec serve another model.
    assert TokenArchive.of(mono).codec_id == TokenArchive.of(loaded("tiny-audiogen")).codec_id
    assert TokenArchive.of(mono).codec_id != TokenArchive.of(stereo).codec_id


def test_what_cannot_be_continued_fails_alone(loaded: Load) -> None:
    model = loaded("tiny-musicgen")
    for head_s, duration_s in ((2.0, 2.0), (0.01, 2.0)):
        asked = replace(
            request(PROMPT, duration_s, sampling=Sampling()), continuation=Continuation(noise(model, head_s))
        )
        with pytest.raises(RequestNotSupported):
            made(model, asked)
