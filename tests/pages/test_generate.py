"""The start page without script: ask for a sound, see what becomes of it."""

import json
import re
from html import unescape
from typing import Any

import httpx
import pytest

from tests.factories import FACTS, choice
from tests.pages.steps import finish_one, start_one
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

RAIN = {"prompt": "slow piano over heavy rain", "model": "music", "duration": "8"}
HTMX = {"hx-request": "true", "accept": "text/html, text/event-stream"}


async def jobs_of(services: Services, identity: Identity) -> list[Any]:
    return await services.queue.jobs.of_account(identity.account_id)


async def test_strangers_see_what_it_is_and_how_to_get_in(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/")
    assert page.status_code == 200
    assert 'href="/register"' in page.text
    assert 'href="/login"' in page.text
    assert "Generate</button>" not in page.text
    refused = await browser.post("/", data=RAIN)
    assert (refused.status_code, refused.headers["location"]) == (303, "/login")


async def test_the_form_has_the_names_that_are_promised(ann_browser: httpx.AsyncClient) -> None:
    page = (await ann_browser.get("/")).text
    for label in ("Prompt", "Duration"):
        assert len(re.findall(rf"<label[^>]*>\s*{label}\s*</label>", page)) == 1
    assert re.search(r"<button[^>]*>Generate</button>", page)
    assert 'max="180"' in page
    assert "no worker is running" in page


async def test_what_a_model_takes_for_settings_left_empty_is_shown(
    ann_browser: httpx.AsyncClient, services: Services
) -> None:
    reported = {
        "state": "ready", "engine": "audiocraft", "label": "AudioCraft", "checkpoint": "", "license": "",
        "max_duration_s": 180.0,
    }  # fmt: skip
    music = {"temperature": 1.0, "top_k": 250, "top_p": 0.0, "guidance": 3.0}
    sound = {"temperature": 3.5, "top_k": 0, "top_p": 0.8, "guidance": 20.0}
    await services.workers.registry.register("a" * 12, host="h", pid=1, device="cpu")
    models = {
        "music": reported | {"sampling": music},
        "magnet": reported | {"sampling": sound},
        "audio": reported,
    }
    await services.workers.registry.record_report("a" * 12, "idle", {"models": models})
    page = ""
    for model, expected in (("music", ("1", "250", "0", "3")), ("magnet", ("3.5", "0", "0.8", "20"))):
        page = (await ann_browser.get(f"/?model={model}")).text
        fields = (re.search(rf'<input id="{name}"[^>]*placeholder="([^"]*)"', page) for name in music)
        assert tuple(found[1] for found in fields if found) == expected
    given = re.findall(r'value="(\w+)"[^>]* data-defaults="([^"]*)"', page)
    assert {model: json.loads(unescape(text)) for model, text in given} == {
        "music": {name: f"{value:g}" for name, value in music.items()},
        "magnet": {name: f"{value:g}" for name, value in sound.items()},
    }
    assert re.search(r'<input id="seed"[^>]*data-draft', page)
    assert not re.search(r'<input id="seed"[^>]*placeholder', page)


async def test_a_job_is_accepted_and_shown(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    answer = await ann_browser.post("/", data={**RAIN, "loopable": "on", "seed": "7", "top_k": "50"})
    (job,) = await jobs_of(services, ann)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/#job-{job.job_id}")
    assert (job.prompt, job.duration_s, job.is_loopable, job.seed) == (RAIN["prompt"], 8.0, True, 7)
    page = (await ann_browser.get("/")).text
    assert f'id="job-{job.job_id}"' in page
    assert "Place 1" in page
    assert ">Cancel</button>" in page
    assert ">Skip</button>" not in page  # there is nothing to gain


@pytest.mark.parametrize(
    ("sent", "field", "text"),
    [
        ({"prompt": "  "}, "prompt", "Prompt is required"),
        ({"prompt": "x" * 1001}, "prompt", "Prompt is too long"),
        ({"duration": "181"}, "duration", "Duration exceeds your tier limit"),
        ({"duration": "0.5"}, "duration", "Duration must be at least 1 second"),
        ({"duration": "soon"}, "duration", "Duration must be a number"),
        ({"duration": "nan"}, "duration", "Duration must be a number of seconds"),
        ({"duration": "1e400"}, "duration", "Duration must be a number of seconds"),
        ({"seed": "1.5"}, "seed", "Seed must be a whole number"),
        ({"seed": "9" * 5000}, "seed", "Seed must be a whole number"),
        ({"seed": "-1"}, "seed", "Seed must be a whole number from 0"),
        ({"temperature": "hot"}, "temperature", "Temperature must be a number"),
        ({"top_p": "2"}, "top_p", "Top p must be a number from 0 to 1"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(
    ann_browser: httpx.AsyncClient,
    services: Services,
    ann: Identity,
    sent: dict[str, str],
    field: str,
    text: str,
) -> None:
    answer = await ann_browser.post("/", data={**RAIN, **sent})
    page = unescape(answer.text)
    assert answer.status_code == 400
    error = re.search(rf'<p id="{field}-error" class="field-error" role="alert">([^<]*)</p>', page)
    assert error is not None
    assert error[1].startswith(text)
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', page)
    assert (sent.get("prompt") or RAIN["prompt"]) in page
    assert await jobs_of(services, ann) == []


async def test_limits_are_told_in_words(browser: httpx.AsyncClient, services: Services) -> None:
    await services.accounts.registry.register("bob", "correct horse", address="test")
    await browser.post("/login", data={"username": "bob", "password": "correct horse"})
    for _ in range(2):
        assert (await browser.post("/", data=RAIN)).status_code == 303
    assert "Your tier allows" in (await browser.get("/")).text
    refused = await browser.post("/", data=RAIN)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert "Too many jobs waiting; your tier allows 2" in refused.text


async def test_with_htmx_the_answer_is_fragments(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    answer = await ann_browser.post("/", data=RAIN, headers=HTMX)
    (job,) = await jobs_of(services, ann)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert '<form id="compose"' in answer.text
    assert '<hx-partial hx-target="#job-list" hx-swap="innerMorph">' in answer.text
    assert f'id="job-{job.job_id}"' in answer.text
    refused = await ann_browser.post("/", data={**RAIN, "prompt": ""}, headers=HTMX)
    assert (refused.status_code, "<html" in refused.text) == (400, False)
    assert "Prompt is required" in refused.text


async def test_the_quote_tells_place_wait_and_price_before_one_submits(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    await services.queue.submissions.submit(ann, choice())
    quote = await ann_browser.get("/quote?model=music&duration=45", headers=HTMX)
    assert "You would be at place 2" in quote.text
    assert "5 Aura" in quote.text
    assert "59 generations" in quote.text
    for query in ("", "?duration=nan&model=x", "?duration=-5", "?duration=1e9"):
        assert (await ann_browser.get(f"/quote{query}", headers=HTMX)).status_code == 200


async def test_a_finished_sound_has_everything(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    job_id = await finish_one(services, ann)
    page = (await ann_browser.get("/")).text
    job = await services.queue.jobs.get(ann, job_id)
    assert job.sound is not None
    assert re.search(rf'<audio [^>]*controls[^>]*src="{job.sound.url()}"', page)
    for extension in ("wav", "flac", "ogg", "mp3"):
        name = f"rain {job.sound.generation_id[:8]}.{extension}"
        assert f'href="{job.sound.url(extension)}?download" download="{name}"' in page
    assert job.sound.spectrogram_url in page
    assert "sketch: rule-based, no model" in page
    assert "−16.0 LUFS" in page
    assert '<path class="wave-all" d="M0 ' in page
    assert "Good quality" not in page  # it is a sketch, whose score says nothing


@pytest.mark.both_databases
async def test_prompts_are_escaped_everywhere(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    nasty = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    await finish_one(services, ann, nasty)
    await ann_browser.post("/", data={**RAIN, "prompt": nasty})
    for path in ("/", "/queue"):
        page = (await ann_browser.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page


async def test_somebody_elses_jobs_are_not_shown(ann_browser: httpx.AsyncClient, services: Services) -> None:
    bob = await services.accounts.registry.register("bob", "correct horse", address="test")
    await services.queue.submissions.submit(bob, choice("a secret of bob"))
    for path in ("/", "/queue"):
        assert "a secret of bob" not in (await ann_browser.get(path)).text


async def test_only_forms_are_read(ann_browser: httpx.AsyncClient) -> None:
    assert (await ann_browser.post("/", json=RAIN)).status_code == 415
    assert (await ann_browser.post("/", data={**RAIN, "prompt": "x" * 70_000})).status_code == 413


async def test_pages_are_nobody_elses(ann_browser: httpx.AsyncClient) -> None:
    page = await ann_browser.get("/")
    assert page.headers["cache-control"] == "no-store"
    assert "Cookie" in page.headers["vary"]


async def test_variations_are_asked_for_together(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    fields = {"prompt": "rain", "duration": "8", "takes": "3"}
    assert (await ann_browser.post("/", data=fields)).status_code == 303
    jobs = await services.queue.jobs.of_account(ann.account_id)
    assert len({job.seed for job in jobs}) == len(jobs) == 3
    refused = await ann_browser.post("/", data={**fields, "takes": "9"})
    assert refused.status_code == 400
    assert "Variations must be 1 to 8" in refused.text
    quote = (await ann_browser.get("/quote", params={"takes": "4"})).text
    assert "Uses 4 of your 57 generations left" in quote


async def test_proposals_and_descriptions_come_from_the_engine_that_serves(
    ann_browser: httpx.AsyncClient, services: Services
) -> None:
    abilities = {
        "good_at": "Whistles of steam",
        "idea_form": "{} {}",
        "idea_parts": [["a kettle"], ["at sea"]],
    }
    audio = {
        "state": "ready", "engine": "steam", "label": "Steam", "checkpoint": "", "license": "",
        "max_duration_s": 180.0, "abilities": abilities,
    }  # fmt: skip
    await services.workers.registry.register("a" * 12, host="h", pid=1, device="cpu")
    await services.workers.registry.record_report("a" * 12, "idle", {"models": {"audio": audio}})
    assert "Whistles of steam" in (await ann_browser.get("/")).text
    fragment = await ann_browser.get("/surprise", params={"model": "audio"}, headers={"HX-Request": "true"})
    assert fragment.headers["content-type"].startswith("text/plain")
    assert fragment.text == "a kettle at sea"


async def test_a_surprise_fills_the_form_without_a_worker_too(ann_browser: httpx.AsyncClient) -> None:
    plain = await ann_browser.get("/surprise")
    assert plain.status_code == 303
    page = await ann_browser.get(plain.headers["location"])
    assert "</textarea>" in page.text


async def test_a_link_fills_in_the_form(ann_browser: httpx.AsyncClient) -> None:
    page = (
        await ann_browser.get("/", params={"prompt": "sea", "duration": "12.5", "seed": "7", "x": "y"})
    ).text
    assert ">sea</textarea>" in page
    assert 'value="12.5"' in page
    assert 'value="7"' in page


@pytest.mark.both_databases
async def test_variations_have_letters_and_one_is_kept(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    single = await finish_one(services, ann, "alone")
    await ann_browser.post("/", data={**RAIN, "takes": "3"})
    for _ in range(3):
        await services.queue.leases.complete(await start_one(services), FACTS)
    page = (await ann_browser.get("/")).text
    assert re.findall(r">Variation ([A-D])<", page) == ["A", "B", "C"]
    jobs = (await services.queue.jobs.of_account(ann.account_id))[:3][::-1]
    assert re.findall(r'id="job-([0-9a-f]{12})"', page) == [*(job.job_id for job in jobs), single]
    address = f"/jobs/{jobs[1].job_id}/keep"
    assert "Keep only variation B?" in (await ann_browser.post(address, data={})).text
    answer = await ann_browser.post(address, data={"confirmed": "yes"}, headers=HTMX)
    assert "Variation B kept" in answer.text
    after = await services.queue.jobs.of_account(ann.account_id)
    assert {job.job_id for job in after if job.sound} == {jobs[1].job_id, single}
    page = (await ann_browser.get("/")).text
    assert re.findall(r'id="job-([0-9a-f]{12})"', page) == [jobs[1].job_id, single]
    assert "Keep only this one" not in page
    assert ">Variation " not in page
    assert jobs[1].sound is not None
    await services.library.publishing.delete(ann, jobs[1].sound.generation_id)
    gone = await ann_browser.post(address, data={"confirmed": "yes"}, headers=HTMX)
    assert "The sound of this variation was deleted" in gone.text
    alone = await ann_browser.post(f"/jobs/{single}/keep", data={"confirmed": "yes"}, headers=HTMX)
    assert "This job has no other variations" in alone.text
