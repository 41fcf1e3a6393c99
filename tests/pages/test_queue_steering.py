"""The queue's page as admins see it, and what they do there."""

import re

import httpx
import pytest

from tests.factories import choice
from tests.pages.steps import start_one
from webapp.pages.queue.charts import queue_charts
from webapp.pages.queue.filter import QueueFilter, filter_of_address, queue_filter
from webapp.policy.queue.history import Span
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

# Hardly a test of a service runs what admins do.
pytestmark = pytest.mark.both_databases

BACKGROUND = {"hx-request": "true", "hx-current-url": "http://localhost/queue?model=music"}


async def submitted(services: Services, identity: Identity, *models: str) -> list[str]:
    return [
        (await services.queue.submissions.submit(identity, choice(f"{model} words", model=model))).job_id
        for model in models
    ]


def shown(page: str) -> list[str]:
    return re.findall(r'<tr id="queue-job-(\w+)"', page)


async def test_admins_see_owners_and_prompts_and_others_do_not(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await submitted(services, ann, "music")
    page = (await root_browser.get("/queue")).text
    assert "music words" in page
    assert ">ann" in page
    root_browser.cookies.clear()
    page = (await root_browser.get("/queue?owner=ann")).text
    assert "music words" not in page
    assert "/queue/act" not in page
    assert "/queue/pause" not in page


async def test_nobody_else_steers(ann_browser: httpx.AsyncClient, services: Services, ann: Identity) -> None:
    (job_id,) = await submitted(services, ann, "music")
    for path, data in (
        ("act", {"action": "move", "id": job_id}), ("pause", {"paused": "yes"}),
        ("workers/1/drain", {"draining": "yes"}), ("models/music", {"action": "load"}),
    ):  # fmt: skip
        assert (await ann_browser.post(f"/queue/{path}", data=data)).status_code == 403, path
    assert not (await services.queue.reader.snapshot()).is_paused


async def test_whoever_waits_is_told_of_a_pause_and_of_what_becomes_of_a_job(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, root: Identity
) -> None:
    await services.workers.registry.register("1" * 12, host="h", pid=1, device="cpu")
    (job_id,) = await submitted(services, ann, "music")
    pages = {"/": "waiting; the queue is paused", "/queue": "when the queue resumes",
             "/quote?model=music&duration=8": "your job starts when it resumes"}  # fmt: skip
    for is_paused in (True, False):
        await services.admin.queue.set_paused(root, is_paused=is_paused)
        for path, words in pages.items():
            answer = await ann_browser.get(path, headers=BACKGROUND if "quote" in path else {})
            assert (words in answer.text) == is_paused, path
        assert (await services.queue.jobs.get(ann, job_id)).is_held == is_paused
        assert ("keep their places" in (await ann_browser.get("/queue")).text) == is_paused


async def test_filters_of_the_address(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity, root: Identity
) -> None:
    music, audio = await submitted(services, ann, "music", "audio")
    (own,) = await submitted(services, root, "music")
    for query, expected in (
        ("", {music, audio, own}), ("model=audio", {audio}), ("tier=creator", {music, audio}),
        ("owner=AN", {music, audio}), ("mine=1", {own}), ("state=processing", set()),
        ("state=nonsense&model=x", {music, audio, own}),
    ):  # fmt: skip
        page = (await root_browser.get(f"/queue?{query}")).text
        assert set(shown(page)) == expected, query


def test_a_filter_keeps_what_its_viewer_may_ask_for() -> None:
    asked = {"state": "failed", "owner": "ann", "mine": "1", "model": "music", "tier": "king"}
    assert queue_filter(asked, None) == QueueFilter(model="music")
    admin = Identity(1, "root", "admin", is_admin=True)
    everything = queue_filter(asked, admin)
    assert everything == QueueFilter(state="failed", owner="ann", mine="1", model="music")
    assert filter_of_address(everything.but(), admin) != everything
    assert filter_of_address(f"http://localhost{everything.but()}", admin) == everything
    assert filter_of_address(everything.query, admin) == everything


async def test_several_jobs_are_steered_at_once_and_what_was_done_is_said(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    jobs = await submitted(services, ann, "music", "music", "audio")
    await start_one(services)
    answer = await root_browser.post(
        "/queue/act", data={"action": "cancel", "id": jobs[:2]}, headers=BACKGROUND
    )
    assert "Job cancelled. 1 job refused: Cannot cancel a job that is already processing." in answer.text
    undo = r'name="action" value="restore">\s*<input type="hidden" name="id" value="(\w+)"'
    assert re.findall(undo, answer.text) == [jobs[1]]
    # The page as it is under the filter that it shows.
    assert shown(answer.text) == [jobs[0]]
    answer = await root_browser.post(
        "/queue/act", data={"action": "restore", "id": jobs[1], "back": "model=music&x=1"}
    )
    assert answer.headers["location"] == "/queue?model=music"
    assert (await root_browser.post("/queue/act", data={"action": "eat", "id": jobs[1]})).status_code == 400
    answer = await root_browser.post("/queue/act", data={"action": "stop"}, headers=BACKGROUND)
    assert "No jobs chosen" in answer.text


async def test_failed_jobs_are_listed_with_their_reason_and_tried_again(
    root_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    (job_id,) = await submitted(services, ann, "music")
    await start_one(services)
    await root_browser.post("/queue/act", data={"action": "stop", "id": job_id})
    page = (await root_browser.get("/queue?state=failed")).text
    assert shown(page) == [job_id]
    assert "An admin stopped this job" in page
    await root_browser.post("/queue/act", data={"action": "retry", "id": job_id})
    assert shown((await root_browser.get("/queue?state=failed")).text) == []
    assert shown((await root_browser.get("/queue?state=queued")).text) == [job_id]


async def test_a_paused_queue_says_so_to_everybody(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    answer = await root_browser.post("/queue/pause", data={"paused": "yes"}, headers=BACKGROUND)
    assert "Queue paused" in answer.text
    assert "Resume queue" in answer.text
    assert "The queue is paused." in (await root_browser.get("/queue")).text
    assert (await root_browser.post("/queue/pause", data={"paused": "no"})).status_code == 303
    assert not (await services.queue.reader.snapshot()).is_paused


def test_charts_show_what_was_and_say_it() -> None:
    charts = queue_charts(
        [Span(n * 120_000, n, n % 2, 60.0 * n if n % 2 else None, 90.0 * n) for n in range(4)],
        waiting=1,
    )
    assert charts.depth_line == "M0 63H75V47.5H150V32H225V16.5H300V47.5"
    assert charts.depth_area.endswith("V64H0Z")
    assert [(bar.x, bar.height) for bar in charts.wait_bars] == [(76.0, 20.7), (226.0, 62.0)]
    assert charts.depth_summary == "At most 3 jobs waited at once; 1 now"
    assert charts.wait_summary == "2 jobs started; the longest wait was 4 min"
    assert [reading.waiting for reading in charts.readings] == [3, 2, 1, 0]
