"""Cancel, skip, again and try again, from a card or a line of the queue."""

import dataclasses
import html
import re

import httpx
import pytest

from tests.factories import FACTS, choice
from tests.pages.steps import finish_one, start_one
from webapp.pages.frame.errors import TO_NOTICES
from webapp.policy.generation import SamplingChoice
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

HTMX = {"hx-request": "true", "accept": "text/html, text/event-stream"}


@pytest.fixture
async def job_id(services: Services, ann: Identity) -> str:
    """A job that waits."""
    return (await services.queue.submissions.submit(ann, choice("rain"))).job_id


async def test_cancel(ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str) -> None:
    answer = await ann_browser.post(f"/jobs/{job_id}/cancel", data={"place": "/queue"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/queue#queue-job-{job_id}")
    assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"


async def test_cancel_with_htmx_changes_the_card_and_says_so(
    ann_browser: httpx.AsyncClient, job_id: str
) -> None:
    answer = await ann_browser.post(f"/jobs/{job_id}/cancel", data={"place": "/"}, headers=HTMX)
    assert answer.status_code == 200
    assert f'<hx-partial hx-target="#job-{job_id}" hx-swap="outerMorph">' in answer.text
    assert "Job cancelled" in answer.text


async def test_an_ended_job_can_be_run_again_with_one_click(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str
) -> None:
    await services.accounts.registry.set_tier(ann.account_id, "free")
    ended = await ann_browser.post(f"/jobs/{job_id}/cancel", data={"place": "/queue"}, headers=HTMX)
    for place, link in (("/queue", "#queue-job-"), ("/", "#job-")):
        offer = ended.text.partition('<div class="toast">')[2]
        assert ("Run again" in offer, f'hx-post="/jobs/{job_id}/again"' in offer) == (True, True)
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', offer))
        answer = await ann_browser.post(f"/jobs/{job_id}/again", data=fields, headers=HTMX)
        again, before = await services.queue.jobs.of_account(ann.account_id, limit=2)
        assert (again.status, again.prompt, again.seed) == ("queued", before.prompt, before.seed)
        assert f'href="{link}{again.job_id}"' in answer.text
        assert ("job-list" in answer.text) == (place == "/")
        job_id = again.job_id
        await start_one(services)
        stop = {"confirmed": "yes", "place": "/"}
        ended = await ann_browser.post(f"/jobs/{job_id}/stop", data=stop, headers=HTMX)
        assert "Job stopped." in ended.text
    # Three generations are what the hour has: another one cannot be offered.
    assert "Run again" not in ended.text


async def test_nobody_is_offered_to_run_anothers_job(root_browser: httpx.AsyncClient, job_id: str) -> None:
    answer = await root_browser.post(f"/jobs/{job_id}/cancel", data={}, headers=HTMX)
    assert ("Job cancelled." in answer.text, "Run again" in answer.text) == (True, False)


async def test_what_cannot_be_done_is_said_where_notices_are(
    ann_browser: httpx.AsyncClient, services: Services, job_id: str
) -> None:
    await start_one(services)
    answer = await ann_browser.post(f"/jobs/{job_id}/cancel", data={}, headers=HTMX)
    assert answer.status_code == 400
    assert {name: answer.headers[name] for name in TO_NOTICES} == TO_NOTICES
    assert "Cannot cancel a job that is already processing" in answer.text
    assert "<html" not in answer.text
    page = await ann_browser.post(f"/jobs/{job_id}/cancel", data={})
    assert (page.status_code, "<html" in page.text) == (400, True)
    assert "Cannot cancel a job that is already processing" in page.text


@pytest.mark.both_databases
async def test_a_running_job_is_stopped_once_that_is_confirmed(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str
) -> None:
    await start_one(services)
    page = (await ann_browser.get("/")).text
    assert ">Stop</button>" in page
    assert ">Stop</button>" in (await ann_browser.get("/queue")).text
    asked = await ann_browser.post(f"/jobs/{job_id}/stop", data={})
    assert ("Stop this job?" in asked.text, "Let it run" in asked.text) == (True, True)
    assert (await services.queue.jobs.get(ann, job_id)).status == "processing"
    for place, shown in (("/", f"/#job-{job_id}"), ("/queue", f"/queue#queue-job-{job_id}")):
        page = (await ann_browser.post(f"/jobs/{job_id}/stop", data={"place": place})).text
        assert f'href="{shown}">Let it run</a>' in page
        assert f'name="place" value="{place}"' in page
    answer = await ann_browser.post(f"/jobs/{job_id}/stop", data={"confirmed": "yes"}, headers=HTMX)
    assert ("Job stopped" in answer.text, "Cancelled" in answer.text) == (True, True)
    assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"


async def test_edit_and_run_brings_everything_that_was_asked_for(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    asked = choice(prompt="sea & wind", duration_s=12.5, seed=7)
    await services.queue.submissions.submit(
        ann, dataclasses.replace(asked, sampling=SamplingChoice(top_k=40))
    )
    claim = await start_one(services)
    await services.queue.leases.complete(claim, dataclasses.replace(FACTS, seed=7))
    (link,) = re.findall(r'href="(/\?prompt=sea[^"]*)">Edit and run', (await ann_browser.get("/")).text)
    form = (await ann_browser.get(html.unescape(link))).text
    for shown in (">sea &amp; wind</textarea>", 'value="12.5"', 'value="7"', 'value="40"'):
        assert shown in form


async def test_skip_costs_aura(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str
) -> None:
    first = await ann_browser.post(f"/jobs/{job_id}/skip", data={}, headers=HTMX)
    assert "Job is already at the front" in first.text
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    poor = await ann_browser.post(f"/jobs/{job_id}/skip", data={}, headers=HTMX)
    assert "Insufficient Aura balance" in poor.text
    await services.accounts.aura.grant(ann.account_id, 5, reason="test", author="root")
    answer = await ann_browser.post(f"/jobs/{job_id}/skip", data={}, headers=HTMX)
    assert "Moved to place 1 for 1 Aura. Your balance is 4 Aura." in answer.text
    assert ">Skip</button>" not in answer.text
    assert "skipped ahead" in (await ann_browser.get("/")).text


@pytest.mark.parametrize(("seed", "is_same"), [("same", True), ("new", False)])
async def test_again_with_the_same_seed_or_a_new_one(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, seed: str, *, is_same: bool
) -> None:
    job_id = await finish_one(services, ann, "sea")
    answer = await ann_browser.post(f"/jobs/{job_id}/again", data={"seed": seed})
    again = (await services.queue.jobs.of_account(ann.account_id))[0]
    assert answer.headers["location"] == f"/#job-{again.job_id}"
    first = await services.queue.jobs.get(ann, job_id)
    assert first.sound is not None
    assert (again.prompt, again.duration_s, again.model) == ("sea", first.duration_s, first.model)
    assert (again.seed == first.sound.seed, again.seed_was_given) == (is_same, is_same)


async def test_a_failed_job_can_be_tried_again(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str
) -> None:
    for _ in range(services.settings.retries + 1):
        await services.queue.leases.fail(await start_one(services), "Memory ran out while generating")
    page = (await ann_browser.get("/")).text
    assert "Memory ran out while generating" in page
    assert ">Try again</button>" in page
    answer = await ann_browser.post(f"/jobs/{job_id}/retry", data={}, headers=HTMX)
    assert answer.status_code == 200
    assert len(await services.queue.jobs.of_account(ann.account_id)) == 2


@pytest.mark.both_databases
@pytest.mark.parametrize("action", ["cancel", "stop", "skip", "again", "retry", "keep"])
async def test_only_the_owner_acts(
    browser: httpx.AsyncClient, services: Services, job_id: str, action: str
) -> None:
    signed_out = await browser.post(f"/jobs/{job_id}/{action}", data={})
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/login")
    elsewhere = await browser.post(f"/jobs/{job_id}/{action}", data={}, headers=HTMX)
    assert elsewhere.headers["hx-redirect"] == "/login"
    await browser.post("/register", data={"username": "bob", "password": "correct horse"})
    foreign = await browser.post(f"/jobs/{job_id}/{action}", data={})
    assert foreign.status_code == 403
    unknown = await browser.post(f"/jobs/ffffffffffff/{action}", data={})
    assert unknown.status_code == 404
    assert "Job not found" in unknown.text


async def test_a_skip_says_what_it_gains_and_is_offered_only_then(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, job_id: str
) -> None:
    async def offers(path: str) -> list[str]:
        html = (await ann_browser.get(path)).text
        return re.findall(r'skip-price-\w+" class="[^"]*">([^<]*)<', html)

    for path in ("/", "/queue"):
        assert await offers(path) == []
    last = (await services.queue.submissions.submit(ann, choice("last"))).job_id
    for path in ("/", "/queue"):
        assert await offers(path) == []  # nothing to pay with
    await services.accounts.aura.grant(ann.account_id, 45, reason="test", author="root")
    for path in ("/", "/queue"):
        assert await offers(path) == ["Skip ahead: place 2 → 1 for 1 of your 45 Aura"]
    middle = (await services.queue.submissions.submit(ann, choice("middle"))).job_id
    await start_one(services)
    await services.queue.jobs.skip(ann, middle)
    # Behind the job in hand and the one that was skipped before.
    assert await offers("/") == []
    another = (await services.queue.submissions.submit(ann, choice("another"))).job_id
    assert await offers("/queue") == ["Skip ahead: place 4 → 3 for 1 of your 44 Aura"]
    assert (await services.queue.jobs.get(ann, another)).skip_place == 3
    assert (await services.queue.jobs.get(ann, last)).skip_place is None


async def test_stopping_what_has_just_ended_is_no_fault(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    job_id = await finish_one(services, ann)
    fields = {"confirmed": "yes", "place": "/"}
    answer = await ann_browser.post(f"/jobs/{job_id}/stop", data=fields, headers=HTMX)
    assert answer.status_code == 200
    assert "This job has already finished." in answer.text
    waiting = (await services.queue.submissions.submit(ann, choice("rain"))).job_id
    assert (await ann_browser.post(f"/jobs/{waiting}/stop", data=fields, headers=HTMX)).status_code == 400
