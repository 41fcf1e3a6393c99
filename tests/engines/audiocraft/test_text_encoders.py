"""A text encoder that models share stays where the loaded one needs it, whatever becomes of the next.

`meta` stands for a GPU: what is there cannot be brought to the CPU, as little as a full GPU takes it back.
"""

from pathlib import Path

import pytest
import torch

from webapp.engines.audiocraft.loading import model_loader
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.base import EngineError
from webapp.weights.catalogue import Kind

GPU = torch.device("meta")


def load(models_dir: Path, name: str, kind: Kind) -> LoadedModel:
    return load_model(models_dir / name, models_dir, kind, device=GPU, dtype=torch.float32)


def test_a_shared_encoder_stays_where_it_is_while_another_model_loads(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(models_dir, "tiny-musicgen", Kind.MUSICGEN)
    encoder = first.lm.condition_provider.conditioners["description"].t5
    assert encoder.device == GPU
    with monkeypatch.context() as patch:

        def no_memory(*_: object, **_named: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        patch.setattr(model_loader, "_assemble", no_memory)
        with pytest.raises(EngineError):
            load(models_dir, "tiny-stereo", Kind.MUSICGEN)
    assert encoder.device == GPU
    second = load(models_dir, "tiny-stereo", Kind.MUSICGEN)
    assert second.lm.condition_provider.conditioners["description"].t5 is encoder
    assert encoder.device == GPU
    assert "to" not in vars(encoder)
