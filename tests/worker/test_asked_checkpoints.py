"""A checkpoint that was asked for by name is served, or is an error that says why; it is never replaced."""

import importlib.util
import logging
from pathlib import Path

import pytest

from webapp.settings import Settings
from webapp.worker.engine_set import EngineSet

LM, CODEC = "state_dict.bin", "compression_state_dict.bin"


def engines(tmp_path: Path, engine: str = "auto", **asked: str) -> EngineSet:
    settings = Settings(engine=engine, device="cpu", models_dir=str(tmp_path), **asked)  # type: ignore[arg-type]
    return EngineSet.from_settings(settings)


@pytest.mark.parametrize(
    ("files", "lacking"),
    [
        ((), f"{LM} and {CODEC}"),
        ((LM,), CODEC),
        ((CODEC,), LM),
        (("pytorch_model.bin",), f"{LM} and {CODEC}"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_an_error_that_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, files: tuple[str, ...], lacking: str
) -> None:
    (tmp_path / "mine").mkdir()
    for file in files:
        (tmp_path / "mine" / file).touch()
    with caplog.at_level(logging.ERROR):
        told = engines(tmp_path, music_checkpoint="mine").report()["models"]
    expected = f"the folder {tmp_path / 'mine'} is not a checkpoint: it lacks {lacking}"
    assert (told["music"]["state"], told["music"]["error"]) == ("error", expected)
    assert expected in caplog.text
    assert told["audio"]["engine"] == told["magnet"]["engine"] == "sketch"


def test_a_published_one_that_is_not_there_is_not_replaced(tmp_path: Path) -> None:
    told = engines(tmp_path, audio_checkpoint="audiogen-medium").report()["models"]["audio"]
    assert told["state"] == "error"
    for words in (
        str(tmp_path),
        f"audiogen-medium/{LM}",
        "t5-large/",
        "soundloom models pull audiogen-medium",
    ):
        assert words in told["error"]


def test_it_is_looked_at_again(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    found = engines(tmp_path, music_checkpoint="mine")
    (tmp_path / "mine" / LM).touch()
    assert found.report()["models"]["music"]["error"].endswith(f"it lacks {CODEC}")


def test_without_torch_it_is_not_replaced_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    for file in (LM, CODEC):
        (tmp_path / "mine" / file).touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    told = engines(tmp_path, music_checkpoint="mine").report()["models"]["music"]
    assert (told["state"], "torch is not installed" in told["error"]) == ("error", True)


def test_sketch_alone_reads_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    told = engines(tmp_path, "sketch", music_checkpoint="mine").report()["models"]
    assert {told[model]["engine"] for model in told} == {"sketch"}
