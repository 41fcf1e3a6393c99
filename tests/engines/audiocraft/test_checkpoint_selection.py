"""What is published, and what of it lies in a folder."""

from pathlib import Path

import pytest
import torch
from torch import nn

from webapp.engines.audiocraft.checkpoint_selection import select_checkpoint
from webapp.engines.audiocraft.loading.importing import import_audiocraft
from webapp.weights.catalogue import (
    CHECKPOINTS,
    DEFAULT_CHECKPOINTS,
    Kind,
    checkpoints_for,
    published,
)
from webapp.weights.inventory import installed_names
from webapp.weights.layout import is_checkpoint_folder, missing_files


def put(models_dir: Path, name: str) -> None:
    """Lay out a published checkpoint's files, empty."""
    checkpoint = published(name)
    assert checkpoint is not None
    for path in missing_files(checkpoint, models_dir):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_names_are_unique_and_every_model_has_a_default() -> None:
    assert len({checkpoint.name for checkpoint in CHECKPOINTS}) == len(CHECKPOINTS) == 13
    for model, name in DEFAULT_CHECKPOINTS.items():
        default = published(name)
        assert default is not None
        assert default.model == model
        assert default == checkpoints_for(model)[0]
    assert published("facebook/musicgen-small") == published("musicgen-small")
    assert published("nonesuch") is None


def test_all_weights_are_said_to_be_non_commercial() -> None:
    assert {checkpoint.licence for checkpoint in CHECKPOINTS} == {"CC-BY-NC 4.0"}


@pytest.mark.parametrize("name", ["musicgen-small", "musicgen-stereo-large", "audiogen-medium"])
def test_sizes_are_those_of_audiocrafts_own_modules(name: str) -> None:
    checkpoint = published(name)
    assert checkpoint is not None
    import_audiocraft()
    from audiocraft.modules.transformer import StreamingTransformer  # noqa: PLC0415 - after its stand-ins

    shape = checkpoint.shape
    with torch.device("meta"):
        parts = [
            StreamingTransformer(
                d_model=shape.dim,
                num_heads=shape.heads,
                num_layers=shape.layers,
                dim_feedforward=4 * shape.dim,
                bias_ff=False,
                bias_attn=False,
                causal=True,
                memory_efficient=True,
                cross_attention=True,
                norm_first=True,
                norm="layer_norm",
            ),
            nn.LayerNorm(shape.dim),
            nn.Linear(checkpoint.text_encoder.width, shape.dim),
            *(nn.Embedding(2049, shape.dim) for _ in range(shape.codebooks)),
            *(nn.Linear(shape.dim, 2048, bias=False) for _ in range(shape.codebooks)),
        ]
    counted = sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert checkpoint.parameters == counted
    assert checkpoint.lm_bytes == 2 * counted
    assert checkpoint.download_bytes > checkpoint.lm_bytes + checkpoint.text_encoder.size_bytes


def test_a_checkpoint_is_installed_with_all_its_files(tmp_path: Path) -> None:
    assert installed_names(tmp_path) == set()
    put(tmp_path, "musicgen-small")
    assert installed_names(tmp_path) == {"musicgen-small"}
    put(tmp_path, "musicgen-medium")
    (tmp_path / "musicgen-small/compression_state_dict.bin").unlink()
    assert installed_names(tmp_path) == {"musicgen-medium"}
    (tmp_path / "t5-base/tokenizer.json").rename(tmp_path / "t5-base/spiece.model")
    assert len(installed_names(tmp_path)) == 1
    (tmp_path / "t5-base/spiece.model").unlink()
    assert installed_names(tmp_path) == set()


def test_the_default_is_taken_or_else_the_smallest(tmp_path: Path) -> None:
    assert select_checkpoint("magnet", "", tmp_path) is None
    put(tmp_path, "magnet-medium-30secs")
    put(tmp_path, "audio-magnet-small")
    chosen = select_checkpoint("magnet", "", tmp_path)
    assert chosen is not None
    assert (chosen.name, chosen.sample_rate) == ("audio-magnet-small", 16_000)
    put(tmp_path, "magnet-small-10secs")
    chosen = select_checkpoint("magnet", "", tmp_path)
    assert chosen is not None
    assert chosen.name == "magnet-small-10secs"


def test_a_name_is_for_its_own_model(tmp_path: Path) -> None:
    put(tmp_path, "musicgen-stereo-small")
    chosen = select_checkpoint("music", "facebook/musicgen-stereo-small", tmp_path)
    assert chosen is not None
    assert (chosen.channels, chosen.kind, chosen.licence) == (2, Kind.MUSICGEN, "CC-BY-NC 4.0")
    assert select_checkpoint("audio", "musicgen-stereo-small", tmp_path) is None
    assert select_checkpoint("music", "musicgen-large", tmp_path) is None


def test_any_folder_may_be_named(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere/mine"
    elsewhere.mkdir(parents=True)
    assert not is_checkpoint_folder(elsewhere)
    for file in ("state_dict.bin", "compression_state_dict.bin"):
        (elsewhere / file).touch()
    chosen = select_checkpoint("audio", str(elsewhere), tmp_path / "models")
    assert chosen is not None
    assert (chosen.folder, chosen.kind, chosen.licence) == (elsewhere, Kind.AUDIOGEN, "")
    assert select_checkpoint("music", "elsewhere/mine", tmp_path) is not None
    assert select_checkpoint("music", "elsewhere/other", tmp_path) is None
