"""`soundloom models check` tells of a folder what loading it would."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
import torch

from tests.engines.audiocraft.published import FORMS, LM, write_published
from webapp.cli import main
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.base import EngineOptions
from webapp.weights.catalogue import published


@dataclass(frozen=True)
class Done:
    """What a command answered."""

    code: int
    out: str
    err: str


Soundloom: TypeAlias = Callable[..., Done]


@pytest.fixture
def soundloom(capsys: pytest.CaptureFixture[str]) -> Soundloom:
    """Run a command in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name in FORMS:
        write_published(folder, name)
    return folder


@pytest.fixture(autouse=True)
def settings(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDLOOM_MODELS_DIR", str(written))
    monkeypatch.setenv("SOUNDLOOM_DEVICE", "cpu")


@pytest.mark.parametrize("name", [name for name in FORMS if name != "musicgen-medium"])
def test_what_a_published_model_is(soundloom: Soundloom, written: Path, name: str) -> None:
    done = soundloom("models", "check", name)
    known = published(name)
    assert known is not None
    assert done.code == 0, done.err
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert lines[name] == f"loads: {written / name}"
    assert lines["serves"] == f"{known.model}, {known.kind}"
    sound = "stereo" if known.channels == 2 else "mono"
    assert lines["sound"] == f"{known.sample_rate} Hz, {sound}, windows of {known.window_s} s"
    assert f"guidance {known.usage.guidance:g}" in lines["defaults"]
    assert lines["device"] == "cpu"
    assert "its weights are measured when it is loaded" in lines["precision"] or "exact" in lines["precision"]
    assert "GB with one sound at a time" in lines["memory"] or "MB with one" in lines["memory"]


def test_a_precision_that_a_model_has_not_is_not_told(
    soundloom: Soundloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUNDLOOM_PRECISION", "int8")
    assert "precision  int8 (as requested)" in soundloom("models", "check", "musicgen-small").out
    told = soundloom("models", "check", "magnet-small-10secs").out
    assert "precision  " in told
    assert "int8" not in told


def test_a_folder_by_its_path_and_what_was_found_out_about_it(
    soundloom: Soundloom, written: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in ("state_dict.bin", "compression_state_dict.bin"):
        (folder / file).symlink_to(written / "musicgen-small" / file)
    engine = AudioCraftEngine(EngineOptions(written, {"music": str(folder)}, device="cpu"))
    engine.load("music")
    done = soundloom("models", "check", str(folder))
    assert done.code == 0, done.err
    assert f"precision  {engine.info('music').precision} " in done.out
    assert "its weights were measured" in done.out or engine.info("music").precision_note == ""


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("training", "is a checkpoint of training"),
        ("shape", "emb.0.weight is of another shape"),
        ("lacking", "emb.0.weight is missing"),
        ("surplus", "more is not known"),
        ("damaged", "is damaged"),
        ("setting", "fuser.cross_attention_pos_emb: true, which is not supported"),
        ("environment", "only references to other settings are followed"),
    ],
)
def test_what_loading_would_refuse_is_told(
    soundloom: Soundloom, written: Path, tmp_path: Path, spoil: str, words: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    package = torch.load(written / "musicgen-small" / LM, weights_only=True)
    if spoil == "training":
        package["best_state"] = {"model": package["best_state"]}
    elif spoil == "shape":
        package["best_state"]["emb.0.weight"] = torch.zeros(3, 3)
    elif spoil == "lacking":
        del package["best_state"]["emb.0.weight"]
    elif spoil == "surplus":
        package["best_state"]["more"] = torch.zeros(1)
    elif spoil == "setting":
        package["xp.cfg"] = package["xp.cfg"].replace(
            "cross_attention_pos_emb: false", "cross_attention_pos_emb: true"
        )
    elif spoil == "environment":
        package["xp.cfg"] = package["xp.cfg"].replace("activation: gelu", "activation: ${oc.env:HOME}")
    torch.save(package, folder / LM)
    if spoil == "damaged":
        content = (folder / LM).read_bytes()
        (folder / LM).write_bytes(content[: len(content) // 2])
    (folder / "compression_state_dict.bin").symlink_to(
        written / "musicgen-small" / "compression_state_dict.bin"
    )
    done = soundloom("models", "check", str(folder))
    assert done.code == 1
    assert done.err.startswith("soundloom: mine will not load: ")
    assert words in done.err


def test_what_is_not_there_is_named(soundloom: Soundloom, tmp_path: Path) -> None:
    done = soundloom("models", "check", "musicgen-large")
    assert (done.code, "musicgen-large/state_dict.bin" in done.err) == (1, True)
    (tmp_path / "empty").mkdir()
    done = soundloom("models", "check", str(tmp_path / "empty"))
    assert (done.code, "lacks state_dict.bin and compression_state_dict.bin" in done.err) == (1, True)
    assert soundloom("models", "check", "nonesuch").code == 1


def test_too_little_memory_is_told(soundloom: Soundloom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.cli.model_check.DeviceMemory.available_bytes", lambda _self: 1000)
    done = soundloom("models", "check", "musicgen-small")
    assert (done.code, "does not fit into the memory of cpu" in done.err) == (1, True)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_half_a_text_encoder_is_told(soundloom: Soundloom, tmp_path: Path, share: float) -> None:
    write_published(tmp_path, "musicgen-small")
    weights = tmp_path / "t5-base/model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(len(content) * share)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOUNDLOOM_MODELS_DIR", str(tmp_path))
        done = soundloom("models", "check", "musicgen-small")
    assert (done.code, "t5-base is damaged or incomplete" in done.err) == (1, True)
