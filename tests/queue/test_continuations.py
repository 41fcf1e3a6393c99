"""Requests that continue a sound: whose sound, from where, how long, and by which model."""

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.generation import parse_generation
from webapp.policy.library.fields import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.tables import Job

WORKER = "w" * 12


async def sound_of(services: Services, owner: Identity, **fields: Any) -> str:
    """A finished sound of 30 s; its id."""
    await services.queue.submissions.submit(owner, choice("slow rain", **fields))
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    await services.queue.leases.complete(claim, replace(FACTS, duration_s=30.0))
    return claim.generation_id


@pytest.fixture
async def ann(services: Services, make_account: MakeAccount) -> Identity:
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    return await make_account("ann", tier="creator")


async def submit(services: Services, who: Identity, source: str, **fields: Any) -> dict[str, Any]:
    body = {"continue_from": {"generation_id": source, "from_s": fields.pop("from_s", None)}, **fields}
    submitted = await services.queue.submissions.submit(who, parse_generation(body))
    rows = await Job.select().where(Job.job_id == submitted.job_id)
    return dict(rows[0])


async def test_what_is_left_open_is_the_sounds_own(services: Services, ann: Identity) -> None:
    source = await sound_of(services, ann, model="audio")
    row = await submit(services, ann, source)
    assert (row["prompt"], row["model"], row["duration_s"]) == ("slow rain", "audio", 38.0)
    assert (row["continues"], row["continues_from_s"]) == (source, 30.0)
    row = await submit(services, ann, source, prompt="snow", model="music", duration=12, from_s=10)
    assert (row["prompt"], row["model"], row["duration_s"]) == ("snow", "music", 12.0)
    assert row["continues_from_s"] == 10.0


async def test_a_sound_must_be_ones_own_or_published(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    bob = await make_account("bob", tier="creator")
    source = await sound_of(services, ann)
    for absent in (source, "0" * 20, "no id", "é"):
        with pytest.raises(NotFound):
            await submit(services, bob, absent)
    await services.library.publishing.change(ann, source, SoundChange(is_public=True))
    assert (await submit(services, bob, source))["continues"] == source


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"from_s": 30.5}, "From_s must be 0.5 to 30 seconds, the length of the sound"),
        ({"from_s": 0.2}, "From_s must be 0.5 to 30 seconds, the length of the sound"),
        ({"duration": 8}, "Duration is that of the whole sound: it must be at least 31 seconds"),
        (
            {"from_s": 10, "duration": 10.5},
            "Duration is that of the whole sound: it must be at least 11 seconds",
        ),
        ({"duration": 181}, "Duration exceeds your tier limit"),
        ({"loopable": True, "duration": 40}, "A continuation cannot be loopable"),
        ({"from_s": "2"}, "From_s must be a number of seconds"),
        ({"from_s": float("nan")}, "From_s must be a number of seconds"),
        ({"duration": None}, "Duration must be a number of seconds"),
    ],
)
async def test_what_does_not_fit_is_refused(
    services: Services, ann: Identity, fields: dict[str, Any], message: str
) -> None:
    source = await sound_of(services, ann)
    with pytest.raises(InvalidRequest) as refused:
        await submit(services, ann, source, **fields)
    assert refused.value.message == message
    assert await Job.count().where(Job.status == "queued") == 0


@pytest.mark.parametrize(
    "value", ["id", [], {}, {"generation_id": 5}, {"upload_id": []}, {"upload_id": "x", "generation_id": "x"}]
)
def test_a_source_has_one_id(value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_generation({"prompt": "rain", "continue_from": value})
    assert refused.value.field == "continue_from"


async def test_the_limit_of_a_tier_holds_for_the_whole(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    source = await sound_of(services, ann)
    await services.library.publishing.change(ann, source, SoundChange(is_public=True))
    free = await make_account("eve", tier="free")
    with pytest.raises(InvalidRequest, match="Duration exceeds your tier limit"):
        await submit(services, free, source, duration=31)
    assert (await submit(services, free, source, duration=30, from_s=20))["duration_s"] == 30


@pytest.mark.parametrize("can", [True, False])
async def test_a_model_that_cannot_is_named(services: Services, ann: Identity, *, can: bool) -> None:
    source = await sound_of(services, ann)
    entry = {"state": "ready", "engine": "neural", "can": {"continue": can}}
    report = {"models": {"music": entry, "audio": {"state": "unavailable", "engine": ""}}}
    await services.workers.registry.record_report(WORKER, "idle", report)
    # Nobody serves audio now, so nobody knows.
    await submit(services, ann, source, model="audio")
    if can:
        await submit(services, ann, source)
    else:
        with pytest.raises(InvalidRequest, match="The model music cannot continue a sound"):
            await submit(services, ann, source)


async def test_a_failed_continuation_is_tried_again_as_one(services: Services, ann: Identity) -> None:
    source = await sound_of(services, ann)
    row = await submit(services, ann, source, from_s=12, duration=20)
    for _ in range(3):
        claim = await services.queue.leases.claim(WORKER)
        assert claim is not None
        assert (claim.continues, claim.continues_from_s) == (source, 12.0)
        await services.queue.leases.fail(claim, "it broke")
    again = await services.queue.jobs.retry(ann, row["job_id"])
    (other,) = await Job.select().where(Job.job_id == again.job_id)
    same = ("continues", "continues_from_s", "lineage", "prompt", "model", "duration_s")
    assert [other[name] for name in same] == [row[name] for name in same]
