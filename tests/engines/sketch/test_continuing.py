"""Sketch continues a sound: with its own plan, or with another prompt in its key and at its tempo."""

from dataclasses import replace

import numpy as np
import pytest

from webapp.audio.finish import finish
from webapp.audio.joining import SEAM_S, finish_continued
from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationRequest, RequestNotSupported
from webapp.engines.batch import generate_all
from webapp.engines.continuation import Continuation, material_of
from webapp.engines.sketch.continuing import PlanRoot, _part, _piece_of
from webapp.engines.sketch.engine import SketchEngine

PROMPT = "calm piano and strings"


def made(request: GenerationRequest) -> Waveform:
    (waveform,) = generate_all(SketchEngine(), [request], lambda _index, _share: None, CancelToken())
    return waveform


def original(prompt: str = PROMPT, duration_s: float = 6.0) -> Waveform:
    waveform = made(GenerationRequest(prompt, duration_s, "music", 5))
    return finish(waveform, duration_s=duration_s, loopable=False).waveform


def going_on(head: Waveform, from_s: float, prompt: str = PROMPT, material: bytes = b"") -> Continuation:
    cut = head.with_samples(head.samples[:, : round(from_s * head.sample_rate)].copy())
    return Continuation(cut, material, "sketch", prompt, "music", 5)


def test_the_beginning_is_the_originals_and_the_rest_goes_on_from_it() -> None:
    source = original()
    request = GenerationRequest(PROMPT, 12.0, "music", 6, continuation=going_on(source, 4.0))
    one, other = made(request), made(replace(request, seed=7))
    finished = finish_continued(one, request.continuation.head, duration_s=12.0)  # type: ignore[union-attr]
    exact = round((4.0 - SEAM_S) * source.sample_rate)
    assert finished.kept_frames == exact
    assert np.array_equal(finished.waveform.samples[:, :exact], source.samples[:, :exact])
    assert finished.waveform.duration_s == 12.0
    # Twice from the middle gives two pieces.
    after = round(4.2 * source.sample_rate)
    assert not np.allclose(one.samples[:, after:], other.samples[:, after:], atol=0.01)
    assert made(request).samples.tobytes() == one.samples.tobytes()


def test_nothing_clicks_at_the_seam_and_the_level_stays() -> None:
    source = original("rain", 5.0)
    request = GenerationRequest("rain", 11.0, "music", 6, continuation=going_on(source, 4.0, "rain"))
    head = request.continuation.head  # type: ignore[union-attr]
    finished = finish_continued(made(request), head, duration_s=11.0).waveform
    cut = round(4.0 * source.sample_rate)
    steps = np.abs(np.diff(finished.samples, axis=1)).max(axis=0)
    seam = steps[cut - round(2 * SEAM_S * source.sample_rate) : cut + 2000].max()
    assert seam <= 1.2 * steps[: cut - 5000].max()
    rest = finished.with_samples(finished.samples[:, cut:].copy())
    assert integrated_loudness(rest) == pytest.approx(integrated_loudness(head), abs=1.5)


def test_the_plan_is_that_of_the_original() -> None:
    source = original()
    first = _piece_of(PlanRoot(PROMPT, "music", 5).plan())
    request = GenerationRequest(PROMPT, 12.0, "music", 6, continuation=going_on(source, 4.0))
    part = _part(request, request.continuation)  # type: ignore[arg-type]
    piece = _piece_of(part.plan)
    assert first is not None
    assert piece is not None
    assert part.goes_on
    assert replace(piece, seed=first.seed) == first
    assert piece.seed != first.seed


def test_another_prompt_takes_key_tempo_and_bars_over() -> None:
    source = original()
    first = _piece_of(PlanRoot(PROMPT, "music", 5).plan())
    assert first is not None
    request = GenerationRequest("solo flute", 12.0, "music", 6, continuation=going_on(source, 5.0))
    second = made(request)
    piece = _piece_of(_part(request, request.continuation).plan)  # type: ignore[arg-type]
    assert piece is not None
    same = ("tempo_bpm", "beats_per_bar", "tonic", "mode")
    assert [getattr(piece, name) for name in same] == [getattr(first, name) for name in same]
    assert [part.instrument for part in piece.parts] != [part.instrument for part in first.parts]
    # And so does the next one of that, which knows it from what was kept.
    following = going_on(second, 10.0, "solo flute", material_of(second))
    third = _part(replace(request, prompt="128 BPM techno in A minor", continuation=following), following)
    root = _part(replace(request, prompt="drums", continuation=following), following).root
    assert (root.tonic, root.tempo_bpm) == (first.tonic, first.tempo_bpm)
    assert (10.0 - root.starts_s) < first.bar_s + 0.2
    own = _piece_of(third.plan)
    assert own is not None
    assert (own.tempo_bpm, own.tonic, own.mode) == (128, 9, "minor")


def test_a_sound_of_another_maker_is_followed_by_the_prompt() -> None:
    tone = np.sin(np.arange(64_000, dtype=np.float32) * 0.05)[None] * np.float32(0.2)
    head = Waveform(tone, 32_000)
    sound = made(
        GenerationRequest(PROMPT, 5.0, "music", 6, continuation=Continuation(head, b"tokens", "audiocraft"))
    )
    assert (sound.channels, sound.duration_s) == (2, 5.0)
    finished = finish_continued(sound, head, duration_s=5.0)
    assert np.abs(finished.waveform.samples[:, sound.sample_rate * 3 :]).max() > 0.01


def test_there_must_be_something_left_to_make() -> None:
    source = original()
    with pytest.raises(RequestNotSupported):
        made(GenerationRequest(PROMPT, 4.0, "music", 6, continuation=going_on(source, 4.0)))
    with pytest.raises(ValueError, match="nothing was generated"):
        finish_continued(source, source, duration_s=6.0)
