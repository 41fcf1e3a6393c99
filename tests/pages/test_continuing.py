"""A sound's page: making it longer, more like it, and the history of continuations."""

from dataclasses import replace

import httpx

from tests.factories import FACTS, MakeAccount
from tests.pages.steps import make_sound, start_one
from webapp.policy.library.fields import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.tables import Job


async def continued(services: Services, browser: httpx.AsyncClient, source: str, **fields: str) -> str:
    """Continue a sound by the form of its page, and make it; its id."""
    answer = await browser.post(f"/sounds/{source}/continue", data=fields)
    assert answer.status_code == 303, answer.text
    claim = await start_one(services)
    assert answer.headers["location"].endswith(f"/#job-{claim.job_id}")
    await services.queue.leases.complete(claim, replace(FACTS, duration_s=claim.duration_s))
    return claim.generation_id


async def test_a_chain_is_shown_as_a_history(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    first = await make_sound(services, ann, "rain", is_public=True)
    assert "History" not in (await ann_browser.get(f"/sounds/{first}")).text
    second = await continued(services, ann_browser, first, from_s="6", duration="14", prompt="snow")
    third = await continued(services, ann_browser, second, duration="20")
    jobs = await Job.select(Job.continues, Job.continues_from_s, Job.prompt).order_by(Job.sequence)
    assert [(job["continues"], job["continues_from_s"], job["prompt"]) for job in jobs[1:]] == [
        (first, 6.0, "snow"),
        (second, 14.0, "snow"),
    ]
    page = (await ann_browser.get(f"/sounds/{third}")).text
    history = page[page.index("History") :]
    assert history.index(f"/sounds/{first}") < history.index("continued from 6 s")
    assert history.index("continued from 6 s") < history.index(f"/sounds/{second}")
    assert history.index(f"/sounds/{second}") < history.index("continued from 14 s")
    page = (await ann_browser.get(f"/sounds/{first}")).text
    assert "Goes on in" in page
    assert f"/sounds/{second}" in page
    # Others are shown what they may see, and no ids of what they may not.
    await services.library.publishing.change(ann, third, SoundChange(is_public=True))
    bob = await make_account("bob")
    entries = (await services.library.histories.of(bob, third)).before
    assert [(entry.sound_id, entry.from_s) for entry in entries] == [(first, 6.0), (None, 14.0)]
    assert (await services.library.histories.of(None, first)).after == ()
    await services.library.publishing.delete(ann, first)
    entries = (await services.library.histories.of(ann, third)).before
    assert [entry.sound_id for entry in entries] == [None, second]


async def test_more_like_this_asks_for_as_many_as_may_start(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    sound = await make_sound(services, ann, "deep organ")
    answer = await ann_browser.post(f"/sounds/{sound}/more")
    jobs = await services.queue.jobs.of_account(ann.account_id, statuses=("queued",))
    assert answer.status_code == 303
    assert [job.prompt for job in jobs] == ["deep organ"] * 4
    assert len({job.seed for job in jobs}) == 4
    assert [job.variation for job in jobs[::-1]] == ["A", "B", "C", "D"]


async def test_what_does_not_fit_is_said(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    sound = await make_sound(services, ann)
    for fields, words in (
        ({"duration": "long"}, "New length must be a number"),
        ({"duration": "8.2"}, "it must be at least 9 seconds"),
        ({"duration": "20", "from_s": "9"}, "From_s must be 0.5 to 8 seconds"),
    ):
        refused = await ann_browser.post(f"/sounds/{sound}/continue", data=fields)
        assert (refused.status_code, words in refused.text) == (400, True)
