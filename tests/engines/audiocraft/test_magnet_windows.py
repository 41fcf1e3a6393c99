"""How many passes MAGNeT takes: one window for a sound of a window's length, and its authors' number."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.helpers import decode_all, request, sequences_of
from tests.engines.audiocraft.tiny import Tiny, write_models
from webapp.engines.audiocraft.decoder.transformer import Attention, Transformer
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import build_runner
from webapp.engines.audiocraft.loading.model_loader import load_model
from webapp.weights.catalogue import Kind


@pytest.mark.parametrize(
    ("segment_s", "duration_s", "window_frames", "windows", "passes_each"),
    [(10, 10.0, 501, 1, 50), (10, 3.0, 501, 1, 50), (10, 10.1, 501, 2, 50), (30, 30.0, 1500, 1, 90)],
)
def test_passes_for_a_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment_s: int, duration_s: float, window_frames: int,
    windows: int, passes_each: int,
) -> None:  # fmt: skip
    write_models(tmp_path, Tiny("magnet", segment_s=segment_s, sample_rate=1600, ratios=(4, 4, 2)), "mine")
    model = load_model(tmp_path / "mine", tmp_path, Kind.MAGNET, device=torch.device("cpu"))
    assert model.window_frames == window_frames
    passes: list[int] = []
    run = Transformer.run

    def counted(self: Transformer, hidden: Tensor, attention: Attention) -> Tensor:
        passes.append(len(hidden))
        return run(self, hidden, attention)

    monkeypatch.setattr(Transformer, "run", counted)
    runner = build_runner(model, Precision.FLOAT32, 1)
    (job,) = sequences_of(model, runner, request(duration_s=duration_s, model="magnet"))
    with torch.inference_mode():
        decode_all(runner, [job])
    assert (len(job.windows), len(passes), job.steps) == (
        windows,
        windows * passes_each,
        windows * passes_each,
    )
    assert set(passes) == {2 * window_frames}
    assert job.tokens.shape[-1] == round(duration_s * 50)
