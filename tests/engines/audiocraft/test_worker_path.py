"""A worker's jobs are decoded by the backends that are measured, with a server's settings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor

from tests.engines.audiocraft.tiny import Tiny, write_models
from tests.engines.audiocraft.traced import TracedCapture
from tests.factories import MakeAccount, choice
from tests.worker.scripted import ScriptedEngine, ended, working
from webapp.engines.audiocraft import factory
from webapp.engines.audiocraft.decoder.graph_backend import GraphBackend
from webapp.engines.audiocraft.decoder.native.backend import NativeBackend
from webapp.engines.audiocraft.decoder.native.library import Library
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend
from webapp.engines.audiocraft.devices import Precision
from webapp.engines.audiocraft.factory import backend_factory, build_runner
from webapp.engines.audiocraft.fidelity import COLUMNS
from webapp.engines.audiocraft.loading.model_loader import load_model
from webapp.services.container import Services
from webapp.weights.catalogue import Kind
from webapp.worker.engine_set import EngineSet

FRAME_RATE_HZ = 10
DELAYED = 3


class Counted(NativeBackend):
    """Records the number of rows of each step."""

    steps_of_rows: list[int]

    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        self.steps_of_rows.append(len(rows))
        return super().step(rows, tokens)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    for kind in ("musicgen", "audiogen"):
        write_models(tmp_path / "models", Tiny(kind, sample_rate=16_000, ratios=(8, 8, 5, 5)), f"my-{kind}")
    return tmp_path / "models"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_job_of_a_worker_is_decoded_by_the_compiled_step(
    services: Services,
    make_account: MakeAccount,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: Library,
) -> None:
    Counted.steps_of_rows = []
    monkeypatch.setattr(factory, "native_factory", lambda: lambda *asked: Counted(library, *asked))
    usual = msgspec.structs.replace(
        services.settings,
        models_dir=str(models_dir),
        music_checkpoint="my-musicgen",
        audio_checkpoint="my-audiogen",
        device="cpu",
        threads=1,
    )
    assert (usual.engine, usual.precision) == ("auto", "auto")
    engines = EngineSet.from_settings(usual)
    ann = await make_account()
    wanted_s = (2, 3, 1)
    jobs = [
        await services.queue.submissions.submit(ann, choice(model=model, duration_s=duration_s))
        for model, duration_s in zip(("music", "music", "audio"), wanted_s, strict=True)
    ]
    async with working(services, ScriptedEngine(), engines=engines):
        for job in jobs:
            assert (await ended(services, ann, job.job_id)).status == "completed"
    steps = sum(duration_s * FRAME_RATE_HZ + DELAYED for duration_s in wanted_s)
    # Each of the two models was asked, as it was loaded, whether this precision fits it.
    asked = 2 * COLUMNS
    assert sum(Counted.steps_of_rows) == 2 * (steps + asked)


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        ("cuda:0", Precision.FLOAT16, GraphBackend),
        ("cuda:0", Precision.BFLOAT16, GraphBackend),
        ("cuda:0", Precision.FLOAT32, PlainBackend),
        ("cpu", Precision.BFLOAT16, PlainBackend),
    ],
)
def test_what_decodes_on_other_devices(
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: Precision,
    expected: type[object],
) -> None:
    monkeypatch.setattr(factory, "CudaCapture", TracedCapture)
    model = load_model(models_dir / "my-musicgen", models_dir, Kind.MUSICGEN, device=torch.device("cpu"))
    backend = backend_factory(precision, torch.device(device))(model.weights, 2, 20)
    assert type(backend) is expected


def test_a_model_s_usual_steps_are_captured_before_its_first_job(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all common batch sizes and lengths: no job waits for a capture."""
    monkeypatch.setattr(factory, "CudaCapture", TracedCapture)
    model = load_model(models_dir / "my-musicgen", models_dir, Kind.MUSICGEN, device=torch.device("cpu"))
    runner = build_runner(replace(model, device=torch.device("cuda:0")), Precision.FLOAT16, 3)
    backend = runner._backend  # type: ignore[attr-defined]  # noqa: SLF001 - nobody tells what decodes
    assert {rows for rows, _columns in backend.recorded} == {2, 4}
    assert max(columns for _rows, columns in backend.recorded) == backend.steps
    assert all(is_full for is_full, *_ in backend._graphs)  # noqa: SLF001
