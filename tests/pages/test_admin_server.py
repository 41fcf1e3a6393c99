"""The server's own pages for admins: record, settings, checklist, voices, models."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.factories import choice
from webapp.pages.admin.checklist import checklist
from webapp.pages.admin.server import setting_lines
from webapp.pages.frame.record_words import KINDS, SENTENCES
from webapp.policy.queue.job_actions import ADMIN_ACTIONS
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.speech import VoiceView
from webapp.services.workers.status import EngineReport
from webapp.settings import Settings

# Hardly a test of a service runs what admins do.
pytestmark = pytest.mark.both_databases

SERVICES = Path(__file__).parents[2] / "webapp/services"


async def test_the_record_is_shown_and_paged(root_browser: httpx.AsyncClient, services: Services) -> None:
    await services.admin.audit.record("root", "cancel", [f"{n:012x}" for n in range(150)])
    page = (await root_browser.get("/admin/record")).text
    assert f"{149:012x}" in page
    older = re.search(r'href="(/admin/record\?before=\d+)"', page)
    assert older is not None
    page = (await root_browser.get(older[1])).text
    assert f"{0:012x}" in page
    assert "Earlier" not in page


def test_no_secret_is_among_the_settings() -> None:
    settings = Settings(
        secret_key="hush" * 10, database_url="postgresql://me:hush@db:5432/x?password=hush", host="::1"
    )
    lines = {line.variable: line for line in setting_lines(settings)}
    assert "hush" not in str(lines)
    assert lines["SOUNDLOOM_SECRET_KEY"].value is None
    assert lines["SOUNDLOOM_DATABASE_URL"].value == "postgresql://db:5432/x"
    assert (lines["SOUNDLOOM_HOST"].value, lines["SOUNDLOOM_HOST"].is_default) == ("::1", False)
    assert lines["SOUNDLOOM_PORT"].is_default


async def test_the_record_is_in_words_and_can_be_narrowed(
    root_browser: httpx.AsyncClient, services: Services, root: Identity, ann: Identity
) -> None:
    submitted = await services.queue.submissions.submit(ann, choice("lo-fi <beat>"))
    await services.admin.queue.act(root, "move", submitted.job_id)
    await services.admin.accounts.set_tier(root, "ann", "premium")
    page = (await root_browser.get("/admin/record")).text
    moved = re.search(r"<strong>root</strong> moved <bdi[^>]*>([^<]+)</bdi> to the front(.*?)</li>", page)
    assert moved is not None
    assert moved[1] == "“lo-fi &lt;beat&gt;”"
    assert ">ann</a>" in moved[2]
    assert re.search(r"<time[^>]*>\d+ \w+ \d{4}, \d\d:\d\d:\d\d UTC</time>", moved[2])
    assert "changed the tier of" in page
    jobs = (await root_browser.get("/admin/record?kind=jobs&author=root")).text
    assert "to the front" in jobs
    assert "changed the tier of" not in jobs
    assert "No matching entries." in (await root_browser.get("/admin/record?author=nobody")).text


def test_every_action_has_its_words() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SERVICES.rglob("*.py"))
    recorded = set(re.findall(r'_?record\(\s*identity(?:\.username)?, "([^"]+)"', source)) | set(
        ADMIN_ACTIONS
    )
    assert len(recorded) > 8
    assert recorded <= set(SENTENCES)
    assert {action for actions in KINDS.values() for action in actions} == set(SENTENCES)


async def test_the_checklist_tells_what_is_left_to_do(services: Services) -> None:
    report = await services.workers.status.report()
    sketch = EngineReport("sketch", "sketch", "", "", 180.0)
    local = checklist(Settings(), report, ())
    assert {point.title: point.is_done for point in local} == {
        "Address": False, "TLS": True, "Models": False, "Voices": False, "Registration": True, "Tiers": True,
    }  # fmt: skip
    assert "No worker is running" in local[2].text
    open_to_all = checklist(
        Settings(host="192.0.2.1"),
        replace(report, engines={"music": sketch, "tts": replace(sketch, engine="espeak-ng")}),
        (),
    )
    assert [point.title for point in open_to_all if not point.is_done] == [
        "Address", "TLS", "Models", "Voices", "Registration",
    ]  # fmt: skip
    neural = VoiceView("en_US-ann-low", "Ann", "en-US", "low", 16_000, "", "CC0", "piper")
    done = checklist(
        Settings(public_url="https://sound.example", registration="closed"),
        replace(report, engines={"music": sketch, "audio": replace(sketch, engine="audiocraft")}),
        (neural,),
    )
    assert all(point.is_done for point in done)


async def test_voices_are_listed_neural_ones_first(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    voices = [
        VoiceView("espeak-de", "German, male", "de", "basic", 22_050, "", "GPL-3.0-or-later", "espeak-ng"),
        VoiceView("zh_CN-li-low", "Li", "zh-CN", "low", 16_000, "", "CC0", "piper"),
    ]
    await services.workers.registry.register("6" * 12, host="here", pid=1, device="cpu", kind="speech")
    await services.models.voices.write("6" * 12, voices)
    page = (await root_browser.get("/admin/voices")).text
    assert re.search(r">Li</a>.*Chinese \(Mandarin\).*Piper.*German, male</a>", page, re.DOTALL)


async def test_workers_are_told_apart_by_kind_and_only_what_loads_can_be_loaded(
    root_browser: httpx.AsyncClient, services: Services
) -> None:
    entry = {
        "state": "ready", "engine": "e", "label": "e", "checkpoint": "", "license": "", "max_duration_s": 180,
    }  # fmt: skip
    models = {"music": entry | {"needs_load": False}, "audio": entry | {"needs_load": True}}
    await services.workers.registry.register("a" * 12, host="h", pid=1, device="cpu")
    await services.workers.registry.record_report("a" * 12, "idle", {"models": models})
    await services.workers.registry.register("b" * 12, host="h", pid=2, device="cpu", kind="speech")
    page = (await root_browser.get("/admin/models")).text
    assert "<strong>Worker 1</strong>" in page
    assert "<strong>Speech worker 2</strong>" in page
    assert 'action="/queue/models/audio"' in page
    assert 'action="/queue/models/music"' not in page
