"""Models come and go as memory, time and trouble ask."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    EngineInfo,
    EngineOutOfMemory,
    GenerationRequest,
    ModelLoadError,
    RequestNotSupported,
    TaskSource,
)
from webapp.engines.batch import generate_all
from webapp.engines.manager import Limits, ModelManager, ModelState

GB = 1_000_000_000
SOUND = Waveform(np.zeros((1, 10), dtype=np.float32), 100)


@dataclass
class Memory:
    """Memory that models take from and give back to."""

    free: int = 10 * GB
    is_known: bool = True

    def available_bytes(self) -> int | None:
        return self.free if self.is_known else None


@dataclass
class FakeEngine:
    """Loads and unloads by counting bytes; `sizes` by model, and what it says of them beforehand."""

    memory: Memory
    sizes: dict[str, int]
    estimates: dict[str, int] = field(default_factory=dict)
    needs_load: bool = True
    name: str = "fake"
    loaded: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    needs_to_generate: int = 0

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    def info(self, model: str) -> EngineInfo:
        return EngineInfo(
            engine=self.name,
            label="fake",
            model=model,
            max_duration_s=180.0,
            sample_rate=100,
            channels=1,
            licence="",
            max_batch=1,
            needs_load=self.needs_load,
            memory_bytes=self.estimates.get(model, 0),
        )

    def load(self, model: str) -> None:
        self.loads.append(model)
        if model in self.broken:
            raise ModelLoadError(f"{model} is damaged")
        if self.sizes[model] > self.memory.free:
            raise EngineOutOfMemory("full")
        self.memory.free -= self.sizes[model]
        self.loaded.append(model)

    def unload(self, model: str) -> None:
        self.loaded.remove(model)
        self.memory.free += self.sizes[model]

    def serve(self, model: str, source: TaskSource) -> None:
        while tasks := source.take(4):
            for task in tasks:
                assert task.request.model == model
                assert model in self.loaded or not self.needs_load
                if self.needs_to_generate > self.memory.free:
                    task.failed(EngineOutOfMemory("full"))
                else:
                    task.finished(SOUND)


@dataclass
class Stage:
    memory: Memory
    engine: FakeEngine
    manager: ModelManager
    times: list[float]
    changes: list[dict[str, ModelState]]

    def use(self, model: str, at_s: float) -> None:
        self.times[0] = at_s
        assert self.generate(model) == [SOUND]

    def generate(self, model: str) -> list[Waveform]:
        request = GenerationRequest("rain", 1.0, model, 1)
        return generate_all(self.manager, [request], lambda _index, _share: None, CancelToken())

    def states(self) -> dict[str, ModelState]:
        return {model: status.state for model, status in self.manager.status().items()}


Build = Callable[..., Stage]


@pytest.fixture
def build() -> Build:
    def make(sizes: dict[str, int] | None = None, limits: Limits | None = None, free: int = 10 * GB) -> Stage:
        memory = Memory(free)
        engine = FakeEngine(memory, sizes or {"music": 4 * GB, "audio": 3 * GB, "magnet": 4 * GB})
        times, changes = [0.0], list[dict[str, ModelState]]()
        manager = ModelManager(
            dict.fromkeys(engine.sizes, engine),
            memory,
            limits or Limits(idle_s=100, reserve_bytes=GB, retry_load_s=30),
            now_s=lambda: times[0],
            changed=lambda: changes.append(stage.states()),
        )
        stage = Stage(memory, engine, manager, times, changes)
        return stage

    return make


def test_a_model_is_loaded_when_it_is_needed_and_then_kept(build: Build) -> None:
    stage = build()
    assert set(stage.states().values()) == {ModelState.UNLOADED}
    stage.use("music", 1)
    stage.use("music", 2)
    assert stage.engine.loads == ["music"]
    assert [change["music"] for change in stage.changes] == [ModelState.LOADING, ModelState.READY]
    assert stage.manager.status()["music"].memory_bytes == 4 * GB
    assert stage.manager.status()["music"].last_used_s == 2


def test_several_are_kept_and_the_least_recently_used_makes_room(build: Build) -> None:
    stage = build()
    stage.use("music", 1)
    stage.use("audio", 2)
    stage.use("music", 3)
    assert stage.engine.loaded == ["music", "audio"]
    stage.use("magnet", 4)
    assert stage.engine.loaded == ["music", "magnet"]
    assert stage.states()["audio"] is ModelState.UNLOADED


def test_what_was_measured_makes_room_before_loading(build: Build) -> None:
    stage = build()
    stage.use("audio", 1)
    stage.manager.unload("audio")
    stage.use("music", 2)
    stage.use("magnet", 3)
    # 2 GB are left: 3 and a reserve of 1 do not fit, and that is known without trying.
    stage.use("audio", 4)
    assert stage.engine.loads == ["audio", "music", "magnet", "audio"]
    assert stage.engine.loaded == ["magnet", "audio"]


def test_an_estimate_makes_room_for_a_first_load(build: Build) -> None:
    stage = build()
    stage.use("music", 1)
    estimating = FakeEngine(stage.memory, {"audio": 3 * GB}, estimates={"audio": 6 * GB})
    manager = ModelManager(
        {"music": stage.engine, "audio": estimating}, stage.memory, Limits(reserve_bytes=0), now_s=lambda: 0.0
    )
    assert manager.status()["audio"].memory_bytes == 6 * GB
    manager.load("music")
    manager.load("audio")
    assert manager.status()["audio"].memory_bytes == 3 * GB


def test_a_pinned_model_stays(build: Build) -> None:
    stage = build()
    stage.use("music", 1)
    stage.manager.pin("music")
    stage.use("audio", 2)
    stage.use("magnet", 3)
    assert stage.engine.loaded == ["music", "magnet"]
    stage.manager.unpin("music")
    stage.use("audio", 4)
    assert stage.engine.loaded == ["magnet", "audio"]
    stage.manager.pin("audio")
    stage.manager.unload("audio")
    assert stage.engine.loaded == ["magnet"]


def test_what_nobody_uses_is_unloaded(build: Build) -> None:
    stage = build()
    stage.use("music", 0)
    stage.use("audio", 60)
    stage.manager.pin("audio")
    stage.times[0] = 99
    assert stage.manager.unload_idle() == ()
    stage.times[0] = 100
    assert stage.manager.idle() == ("music",)
    assert stage.manager.unload_idle() == ("music",)
    stage.times[0] = 1000
    assert stage.manager.unload_idle() == ()
    assert stage.engine.loaded == ["audio"]


def test_without_an_idle_time_models_stay(build: Build) -> None:
    stage = build(limits=Limits(idle_s=0))
    stage.use("music", 0)
    stage.times[0] = 1e9
    assert stage.manager.unload_idle() == ()


def test_a_broken_model_is_one_clear_error_and_no_crash_loop(build: Build) -> None:
    stage = build()
    stage.engine.broken.add("music")
    for at_s in (0.0, 10.0, 29.0):
        stage.times[0] = at_s
        with pytest.raises(ModelLoadError, match="music is damaged"):
            stage.generate("music")
    assert stage.engine.loads == ["music"]
    status = stage.manager.status()["music"]
    assert (status.state, status.error) == (ModelState.ERROR, "music is damaged")
    stage.engine.broken.clear()
    stage.use("music", 30)
    assert stage.manager.status()["music"].state is ModelState.READY
    assert stage.manager.status()["music"].error == ""
    stage.use("audio", 31)


def test_a_model_larger_than_memory_fails_without_blame(build: Build) -> None:
    stage = build({"music": 4 * GB, "huge": 20 * GB})
    stage.use("music", 1)
    with pytest.raises(EngineOutOfMemory):
        stage.generate("huge")
    assert stage.states() == {"music": ModelState.UNLOADED, "huge": ModelState.UNLOADED}
    stage.memory.free = 30 * GB
    stage.use("huge", 2)


def test_memory_that_runs_out_while_generating_is_taken_from_other_models(build: Build) -> None:
    stage = build()
    stage.use("audio", 1)
    stage.use("music", 2)
    stage.engine.needs_to_generate = 5 * GB
    stage.use("music", 3)
    assert stage.engine.loaded == ["music"]
    stage.engine.needs_to_generate = 7 * GB
    with pytest.raises(EngineOutOfMemory):
        stage.generate("music")
    assert stage.engine.loaded == ["music"]


def test_memory_that_cannot_be_measured_is_found_out_by_trying(build: Build) -> None:
    stage = build()
    stage.memory.is_known = False
    for at_s, model in enumerate(("music", "audio", "magnet")):
        stage.use(model, at_s)
    assert stage.engine.loaded == ["audio", "magnet"]
    assert stage.manager.status()["magnet"].memory_bytes == 0


def test_thirty_jobs_of_three_models_leave_no_more_than_fits(build: Build) -> None:
    stage = build()
    for at_s in range(30):
        stage.use(("music", "audio", "magnet")[at_s % 3], at_s)
        assert stage.memory.free == 10 * GB - sum(stage.engine.sizes[model] for model in stage.engine.loaded)
    assert len(stage.engine.loaded) == 2


def test_a_model_that_needs_no_loading_is_always_ready(build: Build) -> None:
    memory = Memory(0)
    engine = FakeEngine(memory, {"music": 0}, needs_load=False)
    manager = ModelManager({"music": engine}, memory, now_s=lambda: 1e9)
    assert manager.status()["music"].state is ModelState.READY
    assert manager.unload_idle() == ()
    manager.unload("music")
    request = GenerationRequest("rain", 1.0, "music", 1)
    assert generate_all(manager, [request], lambda _index, _share: None, CancelToken()) == [SOUND]
    assert engine.loads == []


def test_an_unknown_model_is_refused(build: Build) -> None:
    stage = build()
    for act in (stage.manager.load, stage.manager.pin, stage.manager.unpin, stage.manager.unload):
        with pytest.raises(RequestNotSupported):
            act("tts")


def test_weights_that_change_begin_anew_and_stay_pinned(build: Build) -> None:
    stage = build({"music": 4 * GB, "audio": 3 * GB, "magnet": 4 * GB})
    stage.manager.load("music")
    stage.engine.broken.add("audio")
    with pytest.raises(ModelLoadError):
        stage.manager.load("audio")
    stage.manager.pin("audio")
    stage.engine.broken.clear()
    stage.manager.adopt({"music": stage.engine, "audio": stage.engine}, {"audio", "magnet"})
    status = stage.manager.status()
    assert set(status) == {"music", "audio"}
    assert (status["audio"].state, status["audio"].error) == (ModelState.UNLOADED, "")
    assert (status["audio"].is_pinned, status["music"].state) == (True, ModelState.READY)
    stage.manager.load("audio")
    with pytest.raises(RequestNotSupported):
        stage.manager.load("magnet")


def test_a_host_that_is_full_refuses_before_it_breaks(build: Build) -> None:
    stage = build()
    host, engine = Memory(2 * GB), FakeEngine(stage.memory, {"music": GB}, estimates={"music": 3 * GB})
    manager = ModelManager({"music": engine}, stage.memory, now_s=lambda: 0.0, host=host)
    with pytest.raises(EngineOutOfMemory):
        manager.load("music")
    assert (engine.loads, manager.status()["music"].state) == ([], ModelState.UNLOADED)
    host.free = 4 * GB
    manager.load("music")


def test_a_model_at_work_for_longer_than_the_idle_time_is_not_idle(build: Build) -> None:
    stage = build()
    seen: list[tuple[str, ...]] = []

    class Long(FakeEngine):
        def serve(self, model: str, source: TaskSource) -> None:
            stage.times[0] = 500
            seen.append(manager.idle())
            super().serve(model, source)

    engine = Long(stage.memory, {"music": GB, "audio": GB})
    manager = ModelManager(
        dict.fromkeys(engine.sizes, engine), stage.memory, Limits(idle_s=100), now_s=lambda: stage.times[0]
    )
    manager.load("audio")
    generate_all(
        manager, [GenerationRequest("rain", 1.0, "music", 1)], lambda _index, _share: None, CancelToken()
    )
    assert seen == [("audio",)]
    assert manager.idle() == ("audio",)
