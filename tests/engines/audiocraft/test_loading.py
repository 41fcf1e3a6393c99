"""A checkpoint that is not what it should be gives one clear error, and never runs code."""

import gc
import json
import os
import pickle
import shutil
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import EnumNode, OmegaConf, PathNode

from tests.engines.audiocraft.helpers import request, tokens_of
from tests.engines.audiocraft.tiny import Tiny, lm_config, write_text_encoder
from webapp.engines.audiocraft.loading.checkpoint import read_package
from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
from webapp.engines.base import EngineOutOfMemory, ModelLoadError
from webapp.weights.catalogue import Kind

CPU = torch.device("cpu")


@pytest.fixture
def folder(models_dir: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own to damage, beside a text encoder."""
    shutil.copytree(models_dir / "t5-small", tmp_path / "t5-small")
    copied: Path = shutil.copytree(models_dir / "tiny-musicgen", tmp_path / "mine")
    return copied


def load(folder: Path, kind: Kind = Kind.MUSICGEN, dtype: torch.dtype = torch.float32) -> LoadedModel:
    return load_model(folder, folder.parent, kind, device=CPU, dtype=dtype)


class Payload:
    """Unpickled, it makes a folder: what a tampered checkpoint could do instead is anything."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self._mark),)


@pytest.mark.parametrize("file", ["state_dict.bin", "compression_state_dict.bin"])
@pytest.mark.parametrize("form", ["torch", "torch, old format", "plain pickle"])
def test_a_tampered_pickle_never_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, form: str
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # what would make AudioCraft's loaders run it
    mark = tmp_path / "owned"
    package = {"xp.cfg": "a: 1", "best_state": {"weight": torch.zeros(1)}, "extra": Payload(mark)}
    if form == "plain pickle":
        (folder / file).write_bytes(pickle.dumps(package))
    else:
        torch.save(package, folder / file, _use_new_zipfile_serialization=form == "torch")
    with pytest.raises(ModelLoadError, match=f"mine/{file}.*was not opened"):
        load(folder)
    assert not mark.exists()
    # The test can fail: unpickled the usual way, it does run.
    torch.load(folder / file, weights_only=False) if form != "plain pickle" else pickle.loads(  # noqa: S301
        (folder / file).read_bytes()
    )
    assert mark.exists()


@pytest.mark.parametrize("file", ["state_dict.bin", "compression_state_dict.bin"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_said_to_be_damaged(folder: Path, file: str, share: float) -> None:
    content = (folder / file).read_bytes()
    (folder / file).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelLoadError, match=f"mine/{file} is damaged"):
        load(folder)


@pytest.mark.parametrize("file", ["state_dict.bin", "compression_state_dict.bin"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelLoadError, match=f"mine/{file} is missing"):
        load(folder)


def test_what_cannot_be_read_is_not_called_damaged(folder: Path) -> None:
    (folder / "state_dict.bin").unlink()
    (folder / "state_dict.bin").mkdir()
    with pytest.raises(ModelLoadError, match=r"mine/state_dict\.bin cannot be read: Is a directory"):
        load(folder)


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    package = dict(read_package(path))
    package["best_state"] = {name: value.clone() for name, value in package["best_state"].items()}
    change(package)
    path.unlink()
    torch.save(package, path)


@pytest.mark.parametrize(
    ("file", "weight"),
    [
        ("state_dict.bin", "transformer.layers.0.linear1.weight"),
        ("compression_state_dict.bin", "decoder.model.1.lstm.weight_ih_l0"),
    ],
)
def test_weights_of_a_wrong_shape_are_named(folder: Path, file: str, weight: str) -> None:
    def shrink(package: dict[str, Any]) -> None:
        package["best_state"][weight] = package["best_state"][weight][:-1].clone()

    rewrite(folder / file, shrink)
    with pytest.raises(ModelLoadError, match=f"mine/{file} do not fit.*{weight}"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda package: package["best_state"].pop("emb.0.weight"), "do not fit.*emb.0.weight"),
        (lambda package: package.pop("best_state"), "is not a checkpoint of AudioCraft"),
        (lambda package: package["best_state"].update(more=[1]), "holds something else"),
        (lambda package: package.update({"xp.cfg": "a: [1"}), "damaged configuration"),
        (lambda package: package.update({"xp.cfg": "!!python/name:os.system x"}), "damaged configuration"),
        (lambda package: package.update({"xp.cfg": "- 1"}), "has no configuration"),
        (lambda package: package.update({"xp.cfg": "a: 1"}), "is not a usable checkpoint"),
    ],
)
def test_content_that_is_no_checkpoint(
    folder: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    rewrite(folder / "state_dict.bin", change)
    with pytest.raises(ModelLoadError, match=message):
        load(folder)


def with_config(**changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(package: dict[str, Any]) -> None:
        config = OmegaConf.merge(OmegaConf.create(package["xp.cfg"]), changes)
        package["xp.cfg"] = OmegaConf.to_yaml(config)

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fuser": {"prepend": ["description"], "cross": []}}, "more than text"),
        ({"conditioners": {"self_wav": {"model": "chroma_stem"}}}, "more than text"),
        ({"conditioners": {"description": {"t5": {"finetune": True}}}}, "text encoder of its own"),
        ({"conditioners": {"description": {"t5": {"normalize_text": True}}}}, "normalizes texts"),
        ({"codebooks_pattern": {"modeling": "unroll"}}, "codebook pattern"),
        ({"codebooks_pattern": {"delay": {"flatten_first": 2}}}, "codebook pattern"),
        ({"fuser": {"cross_attention_pos_emb": True}}, "fuser.cross_attention_pos_emb: true, which is not"),
        ({"fuser": {"cross": []}}, "does not attend to its text"),
        ({"transformer_lm": {"causal": False}}, "transformer_lm.causal: false, which is not supported"),
        ({"transformer_lm": {"qk_layer_norm_cross": True}}, "qk_layer_norm_cross: true, which is not"),
        ({"dataset": {"segment_duration": None}}, "does not state the length of its windows"),
        ({"dataset": {"segment_duration": 0}}, "does not state the length of its windows"),
        ({"interleave_stereo_codebooks": {"use": True}}, "do not fit: 4 codebooks.* 8 of"),
        (
            {"interleave_stereo_codebooks": {"use": True, "per_timestep": True}},
            "interleaves left and right in time, which is not supported",
        ),
        ({"transformer_lm": {"memory_efficient": False}}, "form that is not supported"),
        ({"conditioners": {"description": {"t5": {"name": "t5-large"}}}}, "encoder t5-large lacks"),
        ({"conditioners": {"description": {"t5": {"name": "../../x"}}}}, "not a usable checkpoint"),
    ],
)
def test_what_is_not_supported_is_said(folder: Path, changes: dict[str, Any], message: str) -> None:
    rewrite(folder / "state_dict.bin", with_config(**changes))
    with pytest.raises(ModelLoadError, match=message):
        load(folder)


def test_a_magnet_that_looks_back_only_is_refused(models_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(models_dir / "tiny-magnet", tmp_path / "mine")
    rewrite(tmp_path / "mine/state_dict.bin", with_config(transformer_lm={"causal": True}))
    with pytest.raises(ModelLoadError, match=r"transformer_lm\.causal: true, which is not supported"):
        load_model(tmp_path / "mine", models_dir, Kind.MAGNET, device=CPU)


def test_settings_as_objects_open_no_door(folder: Path) -> None:
    """OmegaConf's plain nodes are read; what else it has, and any other class, is not."""
    before = set(torch.serialization.get_safe_globals())
    rewrite(
        folder / "state_dict.bin",
        lambda package: package.update({"xp.cfg": OmegaConf.create(package["xp.cfg"])}),
    )
    assert load(folder).codebooks == 4
    for other in (PathNode(Path("/etc/passwd")), EnumNode(Kind, Kind.MAGNET), Path("/etc")):
        rewrite(folder / "state_dict.bin", partial(dict.update, more=other))
        with pytest.raises(ModelLoadError, match=r"mine/state_dict\.bin.*was not opened"):
            load(folder)
        rewrite_unread(folder / "state_dict.bin")
    assert set(torch.serialization.get_safe_globals()) == before


def rewrite_unread(path: Path) -> None:
    """Take out again what may not be read."""
    package = torch.load(path, weights_only=False)
    del package["more"]
    torch.save(package, path)


def test_a_checkpoint_of_another_kind(models_dir: Path) -> None:
    with pytest.raises(ModelLoadError, match="not a magnet model"):
        load(models_dir / "tiny-musicgen", Kind.MAGNET)
    with pytest.raises(ModelLoadError, match="not a musicgen model"):
        load(models_dir / "tiny-magnet", Kind.MUSICGEN)


def test_text_encoders_are_never_pickles(folder: Path, tmp_path: Path) -> None:
    weights = tmp_path / "t5-small/model.safetensors"
    weights.unlink()
    torch.save({"weight": Payload(tmp_path / "owned")}, tmp_path / "t5-small/pytorch_model.bin")
    with pytest.raises(ModelLoadError, match=r"t5-small lacks model\.safetensors"):
        load(folder)
    weights.write_bytes(b"not safetensors")
    with pytest.raises(ModelLoadError, match="t5-small is damaged"):
        load(folder)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("changes", "weight"),
    [({"num_layers": 2}, r"encoder\.block\.1\."), ({"d_ff": 24}, r".*DenseReluDense\.w")],
)
def test_what_a_text_encoder_lacks_is_not_made_up(
    folder: Path, tmp_path: Path, changes: dict[str, int], weight: str
) -> None:
    path = tmp_path / "t5-small/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelLoadError, match=rf"t5-small/model\.safetensors do not fit .*: {weight}"):
        load(folder)


def test_the_files_of_another_text_encoder(folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "t5-small")
    write_text_encoder(tmp_path / "t5-small", d_model=256)
    with pytest.raises(ModelLoadError, match="t5-small does not fit: it is 256 wide, the model needs 512"):
        load(folder)


def test_too_little_memory_is_said_as_such(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("audiocraft.models.builders.get_lm_model", no_memory)
    with pytest.raises(EngineOutOfMemory, match="mine does not fit"):
        load(folder)


def test_a_checkpoint_in_the_old_format_loads(folder: Path, loaded: Callable[[str], LoadedModel]) -> None:
    for file in ("state_dict.bin", "compression_state_dict.bin"):
        package = torch.load(folder / file, weights_only=True)
        torch.save(package, folder / file, _use_new_zipfile_serialization=False)
    ours, original = tokens_of(load(folder), request())[0], tokens_of(loaded("tiny-musicgen"), request())[0]
    assert torch.equal(ours, original)


def test_models_share_their_text_encoder_while_they_are_there(folder: Path) -> None:
    first, second = load(folder), load(folder)
    shared = weakref.ref(first.lm.condition_provider.conditioners["description"].t5)
    assert second.lm.condition_provider.conditioners["description"].t5 is shared()
    del first
    gc.collect()
    assert shared() is not None
    del second
    gc.collect()
    assert shared() is None


def test_nothing_is_drawn_that_the_weights_replace(folder: Path) -> None:
    state = torch.get_rng_state()
    load(folder)
    assert torch.equal(torch.get_rng_state(), state)


def test_half_precision_keeps_what_needs_more_in_full(folder: Path) -> None:
    model = load(folder, dtype=torch.bfloat16)
    layer = model.lm.transformer.layers[0]
    assert layer.linear1.weight.dtype == model.lm.linears[0].weight.dtype == torch.bfloat16
    assert layer.norm1.weight.dtype == model.lm.emb[0].weight.dtype == torch.float32
    assert model.weights.layers[0].feed_in.weight is layer.linear1.weight
    tokens = tokens_of(model, request(duration_s=3.0))[0]
    assert tokens.shape == (4, 30)


def test_weights_stay_as_they_were_published(folder: Path) -> None:
    def halve(package: dict[str, Any]) -> None:
        package["best_state"] = {name: weight.half() for name, weight in package["best_state"].items()}

    rewrite(folder / "state_dict.bin", halve)
    model = load_model(folder, folder.parent, Kind.MUSICGEN, device=CPU)
    assert model.weights.layers[0].qkv.weight.dtype == torch.float16
    assert model.weights.embeddings[0].dtype == torch.float32
    assert tokens_of(model, request(duration_s=3.0))[0].shape == (4, 30)


def test_a_magnet_says_what_it_needs_of_its_window(models_dir: Path) -> None:
    model = load(models_dir / "tiny-magnet", Kind.MAGNET)
    assert (model.window_frames, model.span_frames, model.delays) == (102, 3, (0, 0, 0, 0))
    assert lm_config(Tiny("magnet"))["transformer_lm"]["subcodes_context"] == model.lm.subcodes_context == 5
