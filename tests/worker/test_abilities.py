"""Workers take only jobs that they can make, and a job that none can make waits and says so."""

import pytest

from tests.factories import choice
from tests.worker.scripted import ScriptedEngine, ended, hum, working
from webapp import __version__
from webapp.errors import SettingsError
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.workers.abilities import made_models, read_models, written_models
from webapp.settings import Settings
from webapp.worker.engine_set import FOR_OTHERS, EngineSet
from webapp.worker.worker_report import WorkerReport

EVERY = ("music", "audio", "magnet")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


def only(*models: str) -> EngineSet:
    return EngineSet(dict.fromkeys(EVERY, ScriptedEngine(hum)), only=models)


async def _submit(services: Services, identity: Identity, model: str) -> str:
    wanted = choice(model=model, duration_s=1, seed=1)
    return (await services.queue.submissions.submit(identity, wanted)).job_id


async def test_a_job_that_no_worker_can_make_waits_until_one_can(services: Services, ann: Identity) -> None:
    audio, music = await _submit(services, ann, "audio"), await _submit(services, ann, "music")
    async with working(services, engines=only("music")):
        assert (await ended(services, ann, music)).status == "completed"
        waiting = await services.queue.jobs.get(ann, audio)
        assert (waiting.status, waiting.retry_count, waiting.has_no_worker) == ("queued", 0, True)
        (shown,) = (await services.queue.reader.snapshot()).jobs
        assert (shown.job_id, shown.reason, shown.start) == (audio, "no_worker", None)
    async with working(services, engines=only("audio", "music")):
        assert (await ended(services, ann, audio)).status == "completed"


async def test_the_first_in_the_queue_does_not_hold_up_a_worker_that_cannot_make_it(
    services: Services, ann: Identity
) -> None:
    jobs = [await _submit(services, ann, model) for model in ("audio", "magnet", "music", "magnet")]
    claims = [
        await services.queue.leases.claim("w" * 12, (), makes=frozenset(("music", "magnet"))) for _ in "1234"
    ]
    assert [claim and claim.job_id for claim in claims] == [jobs[1], jobs[2], jobs[3], None]


async def test_a_skipped_and_a_starving_job_are_taken_only_by_workers_that_can_make_them(
    services: Services, make_ann_rich: Identity
) -> None:
    ann = make_ann_rich
    jobs = [await _submit(services, ann, model) for model in ("audio", "music", "audio")]
    await services.queue.jobs.skip(ann, jobs[2])
    music = await services.queue.leases.claim("w" * 12, (), makes=frozenset(("music",)))
    assert music is not None
    assert music.job_id == jobs[1]
    assert await services.queue.leases.claim("w" * 12, (), makes=frozenset(("music",))) is None
    assert await services.queue.leases.claim("w" * 12, (), makes=frozenset()) is None
    audio = await services.queue.leases.claim("v" * 12, (), makes=frozenset(("audio",)))
    assert audio is not None
    assert audio.job_id == jobs[2]


@pytest.fixture
async def make_ann_rich(services: Services, ann: Identity) -> Identity:
    await services.accounts.aura.grant(ann.account_id, 9, reason="test", author="root")
    return ann


def test_a_worker_for_some_models_serves_no_others() -> None:
    told = only("audio").report()
    assert told["makes"] == ["audio"]
    assert told["models"]["audio"]["state"] == "ready"
    assert told["models"]["music"]["state"] == "unavailable"
    assert told["models"]["music"]["error"] == FOR_OTHERS


def test_the_report_tells_what_the_worker_can_do() -> None:
    told = WorkerReport(only(*EVERY))()
    assert told["version"] == __version__
    assert told["memory_mb"] > 0
    assert (told["device"], told["checkpoints"], told["makes"]) == ("cpu", [], list(EVERY))


@pytest.mark.parametrize(
    ("makes", "written"),
    [(None, None), (EVERY, None), (("audio", "music"), "music,audio"), (("audio",), "audio"), ((), "")],
)
def test_abilities_are_written_and_read(makes: tuple[str, ...] | None, written: str | None) -> None:
    assert written_models(makes) == written
    expected = None if written is None else frozenset(makes or ())
    assert read_models(written) == made_models({"makes": makes} if makes is not None else {}) == expected


async def test_a_worker_with_an_old_report_makes_everything(services: Services) -> None:
    await services.workers.registry.register("w" * 12, host="here", pid=1, device="cpu")
    await services.workers.registry.record_report("w" * 12, "idle", {"models": {}})
    (worker,) = await services.workers.registry.on_duty()
    assert worker.makes is None


def test_from_settings_leaves_out_other_models(tmp_path: object) -> None:
    settings = Settings(engine="sketch", models_dir=str(tmp_path), data_dir=str(tmp_path))
    assert EngineSet.from_settings(settings, ("magnet",)).report()["makes"] == ["magnet"]
    with pytest.raises(SettingsError):
        EngineSet.from_settings(Settings(music_checkpoint="no-such", models_dir=str(tmp_path)), ("magnet",))
