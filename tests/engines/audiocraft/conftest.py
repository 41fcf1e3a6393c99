"""Tiny checkpoints, written once; one thread, since small matrices are fastest on one."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

collect_ignore_glob: list[str] = []
if importlib.util.find_spec("torch") is None:
    # A set-up without torch has no use for these.
    collect_ignore_glob.append("test_*.py")
else:
    import torch

    from tests.engines.audiocraft.tiny import Tiny, write_models
    from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
    from webapp.engines.audiocraft.decoder.native.library import Library, default_library
    from webapp.engines.audiocraft.engine import AudioCraftEngine
    from webapp.engines.audiocraft.loading.model_loader import LoadedModel, load_model
    from webapp.engines.base import EngineOptions
    from webapp.weights.catalogue import Kind

    CHECKPOINTS = {"music": "tiny-musicgen", "audio": "tiny-audiogen", "magnet": "tiny-magnet"}

    @pytest.fixture(scope="package", autouse=True)
    def one_thread() -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    @pytest.fixture(autouse=True)
    def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("a test reached for the network")

        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setattr("socket.socket.connect", refuse)

    @pytest.fixture(scope="package")
    def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("models")
        for kind in Kind:
            write_models(folder, Tiny(kind.value), f"tiny-{kind.value}")
        write_models(folder, Tiny("musicgen", stereo=True), "tiny-stereo")
        return folder

    @pytest.fixture(scope="package")
    def loaded(models_dir: Path) -> Callable[[str], LoadedModel]:
        """Models by folder name, in float32 on the CPU; tests leave them as they find them."""
        models: dict[str, LoadedModel] = {}

        def load(name: str) -> LoadedModel:
            if name not in models:
                ending = name.rpartition("-")[2]
                kind = Kind(ending) if ending in set(Kind) else Kind.MUSICGEN
                models[name] = load_model(
                    models_dir / name, models_dir, kind, device=torch.device("cpu"), dtype=torch.float32
                )
            return models[name]

        return load

    @pytest.fixture(scope="package")
    def engine(models_dir: Path) -> AudioCraftEngine:
        return AudioCraftEngine(EngineOptions(models_dir, CHECKPOINTS, device="cpu", precision="float32"))

    @pytest.fixture(scope="session")
    def library() -> Library:
        """Return the compiled step, compiled once for this machine."""
        try:
            return default_library()
        except NativeUnavailable as error:
            # That the decoder does without it is tested in native/test_compiler.py.
            pytest.skip(f"the step cannot be compiled here: {error}")
