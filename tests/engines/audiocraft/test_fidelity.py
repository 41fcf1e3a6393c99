"""The precision of a model follows from its own weights, and what was found out is kept."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.engines.audiocraft.helpers import ignore_progress, request
from tests.engines.audiocraft.tiny import Tiny, write_models
from webapp.engines.audiocraft import factory, precision
from webapp.engines.audiocraft.decoder.native.library import Library
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.factory import build_scheduler
from webapp.engines.audiocraft.fidelity import backend_distance, unpacked
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.audiocraft.precision import PrecisionDistances, StoredDistances
from webapp.engines.base import CancelToken, EngineOptions
from webapp.engines.batch import generate_all
from webapp.weights.catalogue import Kind
from webapp.weights.verdicts import BOUND, VERDICTS_FILE, read_verdicts

CPU = torch.device("cpu")
LM = "state_dict.bin"
# As wide as rounding in eight bits needs to behave as it does in a published model.
SHAPE = Tiny("musicgen", dim=256, layers=4, heads=8, card=512, segment_s=2)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    return write_models(folder, SHAPE, "mine")


@pytest.fixture
def model_of(written: Path, tmp_path: Path) -> Callable[[float], Path]:
    """The checkpoint with its layers as strong as asked for: 1 adds as much as came before."""

    def write(strength: float) -> Path:
        package = torch.load(written / LM, weights_only=True)
        for name, weight in package["best_state"].items():
            if name.startswith("transformer.layers.") and "norm" not in name:
                weight.mul_(strength / 2)
        folder = tmp_path / "mine"
        folder.mkdir(exist_ok=True)
        torch.save(package, folder / LM)
        if not (folder / "compression_state_dict.bin").exists():
            (folder / "compression_state_dict.bin").symlink_to(written / "compression_state_dict.bin")
            (tmp_path / "t5-small").symlink_to(written.parent / "t5-small")
        return folder

    return write


def load_folder(folder: Path) -> LoadedModel:
    return load_model(folder, folder.parent, Kind.MUSICGEN, device=CPU)


@pytest.fixture(autouse=True)
def quick_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "has_fast_bfloat16", lambda: True)


@pytest.mark.parametrize(
    ("strength", "fits", "left"),
    [
        (1.0, Precision.INT8, ()),
        (1.5, Precision.BFLOAT16, ("int8",)),
        (3.0, Precision.FLOAT32, ("int8", "bfloat16")),
    ],
)
def test_stronger_layers_need_more_bits(
    model_of: Callable[[float], Path], library: Library, strength: float, fits: Precision,
    left: tuple[str, ...], caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with caplog.at_level(logging.INFO):
        built = build_scheduler(load_folder(model_of(strength)), None, PrecisionDistances(), batch=1)
    assert built.precision is fits
    for name in left:
        assert f"{name} is 0." in built.reason
    assert built.reason.count(f"more than {BOUND:g}") == len(left)
    assert f"mine is computed in {fits}" in caplog.text
    assert built.reason in caplog.text


def test_what_is_found_out_is_kept_by_weights_and_code(
    model_of: Callable[[float], Path], library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []

    def measure(model: LoadedModel, backend: PlainBackend) -> float:
        measured.append(type(backend).__name__)
        return backend_distance(model, backend)

    monkeypatch.setattr(factory, "backend_distance", measure)

    def load() -> str:
        engine = AudioCraftEngine(EngineOptions(folder.parent, {"music": "mine"}, device="cpu"))
        engine.load("music")
        return engine.info("music").precision

    folder = model_of(1.5)
    assert load() == "bfloat16"
    assert measured == ["NativeBackend", "PlainBackend"]
    assert set(read_verdicts(folder).of("cpu")) == {"int8", "bfloat16"}
    assert load() == "bfloat16"
    assert len(measured) == 2, "nothing is measured twice"
    # The same bytes written anew are the same weights.
    (folder / LM).write_bytes((folder / LM).read_bytes())
    assert load() == "bfloat16"
    assert len(measured) == 2
    model_of(1.0)
    assert load() == "int8"
    assert measured[2:] == ["NativeBackend"]
    monkeypatch.setattr(precision, "code_version", lambda: "another")
    assert load() == "int8"
    assert len(measured) == 4


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"distances": 3}', '{"digest": "x", "code": "y", "stamps": [[1]]}']
)
def test_a_record_that_cannot_be_read_is_made_anew(written: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / VERDICTS_FILE).write_text(content)
    known = StoredDistances(tmp_path, (written / LM,), "cpu")
    assert known.distance(Precision.INT8) is None
    known.record(Precision.INT8, 0.01)
    assert json.loads((tmp_path / VERDICTS_FILE).read_text())["distances"] == {"cpu": {"int8": 0.01}}
    assert StoredDistances(tmp_path, (written / LM,), "cuda").distance(Precision.INT8) is None
    assert StoredDistances(tmp_path, (written / LM,), "cpu").distance(Precision.INT8) == 0.01


def test_a_folder_that_cannot_be_written_is_no_trouble(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(precision, "write_verdicts", refuse)
    known = StoredDistances(written, (written / LM,), "cpu")
    assert known.record(Precision.INT8, 0.5) == known.distance(Precision.INT8) == 0.5


def test_a_precision_that_is_asked_for_is_used_and_its_distance_told(
    model_of: Callable[[float], Path], library: Library
) -> None:
    built = build_scheduler(load_folder(model_of(1.5)), Precision.INT8, PrecisionDistances(), batch=1)
    assert built.precision is Precision.INT8
    assert f"more than {BOUND:g}" in built.reason


@pytest.mark.parametrize("kind", ["musicgen", "magnet"])
def test_numbers_that_are_none_fit_nothing(tmp_path: Path, kind: str) -> None:
    """Weights beyond half precision's range are no distance, not a small one."""
    folder = write_models(tmp_path, Tiny(kind), "mine")
    package = torch.load(folder / LM, weights_only=True)
    package["best_state"] = {
        name: weight.sign() * 30_000 if "linear1.weight" in name else weight
        for name, weight in package["best_state"].items()
    }
    torch.save(package, folder / LM)
    model = load_model(folder, tmp_path, Kind(kind), device=CPU)
    built = build_scheduler(model, Precision.FLOAT16, PrecisionDistances(), batch=1)
    assert "float16 is inf from float32, more than" in built.reason


def test_float32_is_no_distance_from_itself(loaded: Callable[[str], LoadedModel]) -> None:
    for name in ("tiny-musicgen", "tiny-stereo"):
        model = loaded(name)
        assert backend_distance(model, PlainBackend(model.weights, 2, 20)) < 1e-5
        assert backend_distance(model, PlainBackend(model.weights, 2, 20, make_linear=unpacked)) < 1e-5


def test_it_is_told_and_gives_sound(model_of: Callable[[float], Path], library: Library) -> None:
    folder = model_of(1.5)
    engine = AudioCraftEngine(EngineOptions(folder.parent, {"music": "mine"}, device="cpu"))
    assert engine.info("music").precision == ""
    (sound,) = generate_all(engine, [request(duration_s=1.0)], ignore_progress, CancelToken())
    assert sound.samples.std() > 1e-4
    info = engine.info("music")
    assert (info.precision, "int8 is 0." in info.precision_note) == ("bfloat16", True)
    assert read_verdicts(folder).summary().startswith("cpu: bfloat16 (int8 0.")
