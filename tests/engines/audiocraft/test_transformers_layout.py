"""A MusicGen in the layout of transformers is the same model, and one that lacks something says what."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engines.audiocraft.helpers import GREEDY, ignore_progress, request, tokens_of
from tests.engines.audiocraft.transformers_tiny import write_in_transformers_layout
from webapp.engines.audiocraft.checkpoint_selection import explain_unavailable, select_checkpoint
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.loading.inspection import inspect_checkpoint
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.base import CancelToken, EngineOptions, ModelLoadError
from webapp.engines.batch import generate_all
from webapp.weights.catalogue import Kind

CPU = torch.device("cpu")
PROMPT = "a slow waltz for two harps"


@pytest.fixture
def foreign(models_dir: Path, tmp_path: Path) -> Path:
    return write_in_transformers_layout(models_dir / "tiny-musicgen", tmp_path / "foreign")


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["tiny-musicgen", "tiny-stereo"])
def test_a_model_in_both_layouts_gives_equal_tokens(
    models_dir: Path, tmp_path: Path, loaded: Callable[[str], LoadedModel], name: str
) -> None:
    folder = write_in_transformers_layout(models_dir / name, tmp_path / "foreign")
    model = load_model(folder, tmp_path, Kind.MUSICGEN, device=CPU)
    asked = [request(PROMPT, 33.0, sampling=GREEDY), request("rain", 2.0, seed=4)]
    for ours, theirs in zip(tokens_of(model, *asked), tokens_of(loaded(name), *asked), strict=True):
        assert torch.equal(ours, theirs)
        assert len(torch.unique(ours, dim=1).T) > ours.shape[-1] / 3
    assert (model.channels, model.window_frames) == (2 if name == "tiny-stereo" else 1, 300)


def test_it_can_be_examined_without_loading_it(foreign: Path) -> None:
    found = inspect_checkpoint(foreign, foreign.parent, None)
    assert (found.kind, found.codebooks, found.layers, found.dim) == (Kind.MUSICGEN, 4, 2, 32)
    rewrite(foreign, lambda config: config["decoder"].update(num_hidden_layers=3))
    with pytest.raises(ModelLoadError, match=r"layers\.2\..* is missing"):
        inspect_checkpoint(foreign, foreign.parent, None)


def test_it_is_served(foreign: Path) -> None:
    engine = AudioCraftEngine(EngineOptions(foreign.parent, {"music": "foreign"}, device="cpu"))
    (sound,) = generate_all(engine, [request(duration_s=2.0)], ignore_progress, CancelToken())
    assert sound.frames == 3200
    assert sound.samples.std() > 1e-4
    assert engine.info("music").checkpoint == "foreign"
    assert engine.info("music").memory_bytes > (foreign / "model.safetensors").stat().st_size


def test_weights_in_several_files(models_dir: Path, tmp_path: Path) -> None:
    folder = write_in_transformers_layout(
        models_dir / "tiny-musicgen", tmp_path / "foreign", max_shard_size="60KB"
    )
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert load_model(folder, tmp_path, Kind.MUSICGEN, device=CPU).codebooks == 4
    shards[0].unlink()
    assert select_checkpoint("music", "foreign", tmp_path) is None
    assert shards[0].name in explain_unavailable("music", "foreign", tmp_path)


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        (["model.safetensors"], "model.safetensors"),
        (["tokenizer.json", "spiece.model"], "tokenizer.json or spiece.model"),
        (["config.json"], "state_dict.bin and compression_state_dict.bin"),
    ],
)
def test_what_it_lacks_is_named(foreign: Path, lost: list[str], named: str) -> None:
    for file in lost:
        (foreign / file).unlink(missing_ok=True)
    assert select_checkpoint("music", "foreign", foreign.parent) is None
    reason = explain_unavailable("music", "foreign", foreign.parent)
    assert str(foreign) in reason
    assert named in reason


def test_it_serves_music_only(foreign: Path) -> None:
    assert select_checkpoint("audio", "foreign", foreign.parent) is None
    assert "serves music only" in explain_unavailable("audio", "foreign", foreign.parent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config["decoder"].update(activation_function="relu"), "a form that is not supported"),
        (lambda config: config["decoder"].update(scale_embedding=True), "a form that is not supported"),
        (
            lambda config: config["decoder"].update(num_hidden_layers=3),
            "do not fit its configuration: .*layers",
        ),
    ],
)
def test_another_form_is_refused(
    foreign: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    rewrite(foreign, change)
    with pytest.raises(ModelLoadError, match=message):
        load_model(foreign, foreign.parent, Kind.MUSICGEN, device=CPU)


def test_its_weights_are_never_pickles(foreign: Path) -> None:
    (foreign / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(ModelLoadError, match="foreign is damaged"):
        load_model(foreign, foreign.parent, Kind.MUSICGEN, device=CPU)
