"""Weights decide what serves a model, and torch is not asked when there are none."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.engines.base import EngineOptions
from webapp.engines.registry import EngineDirectory
from webapp.weights.catalogue import published
from webapp.weights.layout import missing_files

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """A folder with the files of one published checkpoint, empty."""
    checkpoint = published("audiogen-medium")
    assert checkpoint is not None
    for path in missing_files(checkpoint, tmp_path):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def names(name: str, options: EngineOptions) -> dict[str, str]:
    directory = EngineDirectory(name, options)
    engines = directory.engines(directory.installed_weights())
    return {model: engine.info(model).label for model, engine in engines.items()}


def test_auto_gives_each_model_what_there_is_for_it(models_dir: Path) -> None:
    pytest.importorskip("torch")
    labels = names("auto", EngineOptions(models_dir, device="cpu"))
    assert labels["audio"] == "AudioCraft: audiogen-medium"
    assert labels["music"] == labels["magnet"] == "sketch: rule-based, no model"


def test_a_named_engine_serves_what_it_can(models_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert set(names("audiocraft", EngineOptions(models_dir, device="cpu"))) == {"audio"}
    assert set(names("sketch", EngineOptions(models_dir))) == {"music", "audio", "magnet"}
    assert names("audiocraft", EngineOptions(tmp_path / "empty", device="cpu")) == {}


@pytest.mark.parametrize("file", ["audiogen-medium/state_dict.bin", "t5-large/model.safetensors"])
def test_weights_that_were_replaced_are_noticed(models_dir: Path, file: str) -> None:
    """Also those that several models share: a text encoder that was mended clears its models' errors."""
    directory = EngineDirectory("auto", EngineOptions(models_dir))
    before = directory.installed_weights()
    assert directory.installed_weights() == before
    os.utime(models_dir / file, ns=(1, 1))
    assert directory.installed_weights() != before


def test_without_torch_auto_is_sketch(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert set(names("auto", EngineOptions(models_dir)).values()) == {"sketch: rule-based, no model"}


def test_without_weights_torch_is_not_imported(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from webapp.engines.base import EngineOptions;"
        "from webapp.engines.registry import EngineDirectory;"
        f"directory = EngineDirectory('auto', EngineOptions(Path({str(tmp_path)!r})));"
        "print(len(directory.engines(directory.installed_weights())), 'torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["3", "False"]
