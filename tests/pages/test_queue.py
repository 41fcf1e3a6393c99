"""The public queue."""

import re

import httpx

from tests.factories import choice
from tests.pages.steps import WORKER, start_one
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.pages.queue.rows import model_lines
from webapp.policy.generation import MODELS
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.views import QueueSnapshot
from webapp.services.workers.status import StatusReport


def cells(page: str, job_id: str) -> list[str]:
    row = re.search(rf'<tr id="queue-job-{job_id}".*?</tr>', page, re.DOTALL)
    assert row is not None
    found = re.findall(r"<td[^>]*>(.*?)</td>", row[0], re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", cell)).strip() for cell in found]


async def test_an_empty_queue_says_so(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/queue")).text
    assert "The queue is empty." in page
    assert "No worker is running" in page


async def test_every_job_in_order_with_the_reason_for_its_place(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await services.accounts.aura.grant(ann.account_id, 9, reason="test", author="root")
    jobs = [
        (await services.queue.submissions.submit(ann, choice(duration_s=d))).job_id for d in (8, 30, 12.5)
    ]
    await start_one(services)
    await services.queue.jobs.skip(ann, jobs[2])
    page = (await browser.get("/queue")).text
    assert page.index(jobs[0]) < page.index(jobs[2]) < page.index(jobs[1])
    assert cells(page, jobs[0])[:6] == ["1", "0% 0%", "Music", "8 s", "Creator", "just now"]
    assert cells(page, jobs[0])[7] == "Being generated"
    assert cells(page, jobs[2])[:2] == ["2", "Waiting"]
    assert cells(page, jobs[2])[3] == "12.5 s"
    assert cells(page, jobs[2])[7] == "Paid to skip ahead"
    assert cells(page, jobs[1])[7].startswith("After 1 job that skipped ahead or has waited long. From ")
    assert re.search(r"<dt>Generating</dt><dd>1</dd>", page)
    assert re.search(r"<dt>Waiting</dt><dd>2</dd>", page)


async def test_own_jobs_are_marked_and_carry_their_actions(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    await services.accounts.aura.grant(ann.account_id, 5, reason="test", author="root")
    await services.queue.submissions.submit(ann, choice("one before"))
    mine = (await services.queue.submissions.submit(ann, choice("my own words"))).job_id
    other = (await services.queue.submissions.submit(bob, choice("his own words"))).job_id
    page = (await ann_browser.get("/queue")).text
    own = "Yours my own words Cancel Skip Skip ahead: place 2 → 1 for 1 of your 5 Aura"
    assert own in cells(page, mine)[8]
    assert cells(page, other)[8] == ""
    assert "his own words" not in page
    assert "bob" not in page


async def test_a_job_that_no_worker_can_make_says_so_and_the_worker_what_it_makes(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    job_id = (await services.queue.submissions.submit(ann, choice(model="audio"))).job_id
    report = {"models": {}, "makes": ["music"], "version": "9.9", "memory_mb": 1, "checkpoints": ["mine"]}
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    await services.workers.registry.record_report(WORKER, "idle", report)
    page = (await browser.get("/queue")).text
    assert cells(page, job_id)[7] == "No running worker can make its model; it waits until one can"
    assert "makes only Music" in page
    assert "9.9" not in page
    assert "mine" not in page


async def test_workers_are_shown_without_the_names_of_machines(
    browser: httpx.AsyncClient, services: Services
) -> None:
    await services.workers.registry.register(WORKER, host="secret-host", pid=4711, device="cuda:0")
    await services.workers.registry.record_report(WORKER, "idle", {"models": {}})
    page = (await browser.get("/queue")).text
    assert "Ready, waiting for work" in page
    assert "cuda:0" in page
    assert "secret-host" not in page
    assert "4711" not in page


async def test_models_and_workers_say_what_serves_them(
    browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    reported = {
        "engine": "audiocraft", "label": "AudioCraft, musicgen-small", "checkpoint": "musicgen-small",
        "license": "CC-BY-NC 4.0", "max_duration_s": 180.0, "memory_mb": 2100,
    }  # fmt: skip
    broken = {**reported, "state": "error", "label": "AudioCraft, audiogen", "error": "no room in memory"}
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cuda:0")
    models = {"music": {**reported, "state": "ready"}, "audio": broken}
    await services.workers.registry.record_report(WORKER, "idle", {"models": models})
    await services.queue.submissions.submit(ann, choice("waits"))
    public = (await browser.get("/queue")).text
    for words in ("AudioCraft, musicgen-small", "No worker", "1 waiting", "Music loaded on cuda:0"):
        assert words in public, words
    await services.accounts.registry.set_admin(ann.account_id, is_admin=True)
    browser.cookies.set(PLAIN_COOKIE, await services.accounts.sessions.create(ann.account_id))
    for_admins = (await browser.get("/queue")).text
    for words in ("takes 2.1 GB", "no room in memory"):
        assert words in for_admins, words
        assert words not in public, words


async def test_variations_have_their_letters_where_their_prompts_are(
    browser: httpx.AsyncClient, services: Services, ann: Identity, root: Identity
) -> None:
    await services.queue.submissions.submit(root, choice("between"))
    first = (await services.queue.submissions.submit(ann, choice("rain"), takes=2)).job_id
    assert "Variation" not in (await browser.get("/queue")).text
    for viewer, found in ((ann, 4), (root, 2)):
        browser.cookies.set(PLAIN_COOKIE, await services.accounts.sessions.create(viewer.account_id))
        page = (await browser.get("/queue")).text
        # The owner has them in the list of their own as well.
        assert re.findall(r">Variation ([AB])<", page) == ["A", "B"] * (found // 2)
    await services.admin.queue.act_on(root, "cancel", [first])
    assert ">Variation A<" in (await browser.get("/queue?state=cancelled")).text


async def test_one_start_is_told_everywhere(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity, root: Identity
) -> None:
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    await services.workers.registry.record_report(WORKER, "idle", {"models": {}})
    for _ in range(4):
        await services.queue.submissions.submit(root, choice("between", duration_s=60))
    quoted = re.search(r", starting (.*?)\.</p>", (await ann_browser.get("/")).text)
    assert quoted is not None
    mine = (await services.queue.submissions.submit(ann, choice("mine"))).job_id
    start, queue = (await ann_browser.get("/")).text, (await ann_browser.get("/queue")).text
    card = re.search(r"· starts (.*?)</p>", start)
    own = re.search(r'<span class="muted number">(.*?)</span></li>', queue)
    row = re.search(rf'<tr id="queue-job-{mine}".*?class="queue-starts">(.*?)</td>', queue, re.DOTALL)
    assert card is not None
    assert own is not None
    assert row is not None
    assert quoted[1] == card[1] == own[1] == row[1]
    words = re.sub(r", by .* at the latest|<[^>]+>", "", card[1])
    assert re.fullmatch(r"in [\d.]+( s| min| h)?( to [\d.]+ (s|min|h))?", words), words
    assert f"the last starts {words}" in re.sub(r"<[^>]+>", "", queue)


def test_what_no_worker_serves_has_nothing_to_load() -> None:
    report = StatusReport(
        models=dict.fromkeys((*MODELS, "tts"), "loading"), gpu={}, queue_length=0, queue_by_model={},
        estimated_wait={}, engines={}, workers=(), is_paused=False,
    )  # fmt: skip
    lines = model_lines(report, QueueSnapshot(1, is_paused=False, jobs=()))
    assert [line.needs_load for line in lines] == [False] * len(MODELS)
