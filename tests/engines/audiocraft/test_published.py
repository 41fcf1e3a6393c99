"""Checkpoints in the forms that are published load, say what they are, and give sound."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from tests.engines.audiocraft.helpers import ignore_progress, request
from tests.engines.audiocraft.published import CODEC, FORMS, LM, write_published
from webapp.engines.audiocraft.engine import AudioCraftEngine
from webapp.engines.audiocraft.loading.model_loader import load_model
from webapp.engines.base import CancelToken, EngineOptions, ModelLoadError
from webapp.engines.batch import generate_all
from webapp.weights.catalogue import Kind, published
from webapp.weights.inventory import installed_names
from webapp.weights.transformers_layout import safetensors_shapes

CPU = torch.device("cpu")
USABLE = tuple(name for name in FORMS if name != "musicgen-medium")
MODEL_OF = {Kind.MUSICGEN: "music", Kind.AUDIOGEN: "audio", Kind.MAGNET: "magnet"}


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for name in FORMS:
        write_published(folder, name)
    return folder


def kind_of(name: str) -> Kind:
    checkpoint = published(name)
    assert checkpoint is not None
    return checkpoint.kind


@pytest.mark.parametrize("name", USABLE)
def test_a_published_form_loads_and_gives_sound(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("USER", "somebody")
    model = MODEL_OF[kind_of(name)]
    engine = AudioCraftEngine(EngineOptions(models_dir, {model: name}, device="cpu"))
    asked = request(duration_s=2.0, model=model)
    (sound,) = generate_all(engine, [asked], ignore_progress, CancelToken())
    known = published(name)
    assert known is not None
    assert (sound.sample_rate, sound.channels) == (known.sample_rate, known.channels)
    assert sound.frames == 2 * known.sample_rate
    assert sound.samples.std() > 1e-4
    assert engine.info(model).checkpoint == name


def test_they_are_what_they_are_meant_to_be(models_dir: Path) -> None:
    assert installed_names(models_dir) == set(FORMS)
    package = torch.load(models_dir / "musicgen-small" / LM, weights_only=True)
    assert set(package) == {"best_state", "xp.cfg"}
    assert {weight.dtype for weight in package["best_state"].values()} == {torch.float16}
    assert "${oc.env:USER}" in package["xp.cfg"]
    assert "${sample_rate}" in torch.load(models_dir / "musicgen-small" / CODEC, weights_only=True)["xp.cfg"]
    t5 = safetensors_shapes(models_dir / "t5-base/model.safetensors")
    assert "shared.weight" in t5
    assert not [name for name in t5 if "embed_tokens" in name or name == "lm_head.weight"]


def test_a_checkpoint_of_training_is_told_as_such(models_dir: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"musicgen-medium/state_dict\.bin is a checkpoint of training"):
        load_model(models_dir / "musicgen-medium", models_dir, Kind.MUSICGEN, device=CPU)


@pytest.mark.parametrize("is_text", [True, False])
@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("transformer_lm", "dim", "${oc.env:SECRET}"),
        ("transformer_lm", "activation", "${oc.decode:${oc.env:SECRET}}"),
        ("conditioners", "description", {"model": "t5", "t5": {"name": "x-${oc.env:SECRET}"}}),
        ("dataset", "segment_duration", "${tail}"),
        ("masking", "span_len", "${oc.create:1}"),
        ("fuser", "cross", ["${fuser.cross[0]}"]),
        ("rvq", "bins", "${rvq.bins}"),
        ("masking", "span_len", "${..masking.span_len}"),
        ("masking", "span_len", "\\${dim}"),
        ("masking", "span_len", "${nowhere.at.all}"),
    ],
)
def test_settings_ask_nobody_else(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_text: bool, section: str, key: str,
    value: object,
) -> None:  # fmt: skip
    monkeypatch.setenv("SECRET", "the-secret")
    folder = tmp_path / "mine"
    folder.mkdir()
    package = torch.load(models_dir / "musicgen-small" / LM, weights_only=True)
    config = OmegaConf.to_container(OmegaConf.create(package["xp.cfg"]), resolve=False)
    assert isinstance(config, dict)
    config["tail"] = "${oc.env:SECRET}"
    config.setdefault(section, {})[key] = value
    settings = OmegaConf.create(config)
    package["xp.cfg"] = OmegaConf.to_yaml(settings) if is_text else settings
    torch.save(package, folder / LM)
    (folder / CODEC).symlink_to(models_dir / "musicgen-small" / CODEC)
    with pytest.raises(ModelLoadError, match=r"mine/state_dict\.bin is refused: its setting") as error:
        load_model(folder, models_dir, Kind.MUSICGEN, device=CPU)
    assert "the-secret" not in str(error.value)


def test_references_to_other_settings_are_followed(models_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    package = torch.load(models_dir / "musicgen-small" / LM, weights_only=True)
    config = OmegaConf.create(package["xp.cfg"])
    config.width, config.sizes = {"lm": config.transformer_lm.dim}, [10, 30]
    config.transformer_lm.dim = "${width.lm}"
    config.transformer_lm.n_q = "${.codebooks}"
    config.transformer_lm.card, config.bits = "${rvq.bins}", 2048
    config.rvq = {"bins": "${bits}"}
    config.dataset.segment_duration = "${..sizes[1]}"
    config.fuser.cross = ["${text.what}tion"]
    config.text = {"what": "descrip"}
    config.transformer_lm.codebooks = 4
    yaml = OmegaConf.to_yaml(config).replace("  codebooks: 4\n", "").replace("${.codebooks}", "${..four}")
    package["xp.cfg"] = f"{yaml}four: 4\n"
    torch.save(package, folder / LM)
    (folder / CODEC).symlink_to(models_dir / "musicgen-small" / CODEC)
    model = load_model(folder, models_dir, Kind.MUSICGEN, device=CPU)
    assert (model.codebooks, model.card, model.window_frames) == (4, 2048, 1500)
