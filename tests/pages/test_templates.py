"""Every template is given what it names, and is rendered here in each of its states."""

import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import meta, nodes

from tests.factories import FACTS
from tests.pages import admin_samples, library_samples, queue_samples, speech_samples
from webapp.assets import asset_folder
from webapp.clock import ManualClock
from webapp.http.files.static import StaticFiles
from webapp.pages.accounts import account, sign_in
from webapp.pages.admin import contexts as admin_contexts
from webapp.pages.api_docs import page as api_page
from webapp.pages.api_docs.description import sections_of
from webapp.pages.frame import errors
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.rendering import Context, Renderer
from webapp.pages.library import contexts as library_contexts
from webapp.pages.models.cards import ModelCard
from webapp.pages.queue import contexts as queue_contexts
from webapp.pages.queue import generate_contexts as contexts
from webapp.pages.speech import contexts as speech_contexts
from webapp.policy.queue.estimates import Start
from webapp.services.accounts.aura import LedgerEntry
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import SessionView
from webapp.services.accounts.tokens import TokenView
from webapp.services.accounts.usage import AccountUsage, Quota
from webapp.services.accounts.views import AccountView
from webapp.services.library.sounds import SoundView
from webapp.services.queue.submissions import Quote
from webapp.services.queue.views import JobView

MODULES = (
    account,
    admin_contexts,
    api_page,
    contexts,
    errors,
    library_contexts,
    queue_contexts,
    sign_in,
    speech_contexts,
)
TEMPLATES = asset_folder() / "templates"
NOW_MS = ManualClock().now_ms()
ADA = Identity(1, "ada", "creator", is_admin=False)
LONG = "سلام 🌧️ <b>&\"' " + "w" * 600
JOB_ID = "a1b2c3d4e5f6"

renderer = Renderer(TEMPLATES, StaticFiles(asset_folder() / "static"), ManualClock())
renderer_below = Renderer(
    TEMPLATES, StaticFiles(asset_folder() / "static", "/below"), ManualClock(), "/below"
)


def test_the_score_of_a_sketch_is_not_shown_as_quality() -> None:
    done = dataclasses.replace(JOB, status="completed", sound=SOUND)
    assert SOUND.engine == "sketch"
    assert "quality" not in renderer.render(contexts.JobFragment(done, 0))
    real = dataclasses.replace(done, sound=dataclasses.replace(SOUND, engine="audiocraft"))
    assert "quality" in renderer.render(contexts.JobFragment(real, 0))


def context_classes() -> set[type[Any]]:
    return {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and hasattr(value, "template")
    }


API_SECTIONS = sections_of(
    {"paths": {"/x/{job_id}": {"post": {"summary": LONG, "responses": {"200": {"description": LONG}}}}}},
    "http://localhost",
)
SOUND = SoundView(
    generation_id="0" * 20,
    **{name: getattr(FACTS, name) for name in FACTS.__dataclass_fields__},
)
JOB = JobView(
    job_id=JOB_ID, account_id=1, status="queued", position=2, model="music", prompt=LONG, duration_s=8.0,
    is_loopable=True, seed=7, seed_was_given=False, priority="creator", tier="creator", created_ms=NOW_MS,
    started_ms=None, finished_ms=None, progress_pct=0, retry_count=0,
    error=None, skip_cost=1, sound=None, start=Start(NOW_MS + 5000, NOW_MS + 5000, NOW_MS + 5000),
)  # fmt: skip
JOBS = (
    JOB,
    dataclasses.replace(JOB, job_id="1" * 12, priority="skipped", start=None),
    dataclasses.replace(
        JOB, job_id="8" * 12, start=Start(NOW_MS + 90_000, NOW_MS + 40_000, NOW_MS + 300_000, is_bounded=True)
    ),
    dataclasses.replace(JOB, job_id="2" * 12, status="processing", progress_pct=45, position=1),
    dataclasses.replace(JOB, job_id="3" * 12, status="completed", finished_ms=NOW_MS, sound=SOUND),
    dataclasses.replace(
        JOB,
        job_id="4" * 12,
        status="completed",
        finished_ms=NOW_MS,
        sound=dataclasses.replace(
            SOUND,
            generation_id="1" * 20,
            loudness_lufs=None,
            true_peak_dbtp=None,
            quality_score=0,
            quality_reasons=("silence",),
        ),
    ),
    dataclasses.replace(JOB, job_id="5" * 12, status="failed", error="Memory ran out", retry_count=2),
    dataclasses.replace(JOB, job_id="6" * 12, status="cancelled", position=None),
    dataclasses.replace(JOB, job_id="7" * 12, status="completed", finished_ms=NOW_MS),
)
TAKES = tuple(
    dataclasses.replace(
        job,
        job_id=f"f{job.job_id[1:]}",
        variation_of=7,
        variation=letter,
        sound=dataclasses.replace(SOUND, generation_id=letter.lower() * 20) if job.sound else None,
    )
    for letter, job in zip("ABCDEFGH", JOBS, strict=False)
)
GROUPS = (TAKES, *((job,) for job in JOBS))
QUOTES = tuple(
    contexts.QuoteView(
        Quote(position, work_s, left, free, 3, start=start, asked_ms=NOW_MS), hourly=60, at_once=20
    )
    for position, start, work_s, left, free in (
        (1, Start(NOW_MS + 200, NOW_MS + 150, NOW_MS + 300), 0.4, 60, 20),
        (7, Start(NOW_MS + 90_000, NOW_MS + 80_000, NOW_MS + 99_000), 12.0, 1, 1),
        (2, None, None, 5, 5),
        (1, Start(NOW_MS, NOW_MS, NOW_MS), 1.0, 0, 3),
        (1, Start(NOW_MS, NOW_MS, NOW_MS), 1.0, 9, 0),
    )
)  # fmt: skip
MODELS = (
    ModelCard("music", "Music", "Melodies", 180, "CC-BY-NC 4.0", "ready", "sketch", {}, True, True),
    ModelCard("audio", "Sounds", "Rain", 10.5, None, "unavailable", None),
)


def forms() -> Iterator[contexts.ComposeForm]:
    for quote in QUOTES:
        yield contexts.ComposeForm(quote, MODELS, 180)
    for field in (None, "prompt", "model", "duration", "seed", "temperature", "top_k", "top_p", "guidance"):
        yield contexts.ComposeForm(QUOTES[0], MODELS, 30.5, {"prompt": LONG}, "Wrong", field)


def account_pages() -> Iterator[account.AccountPage]:
    page = account.AccountPage(
        chrome=Chrome("account", ADA),
        account=AccountView(
            1, "ada", "creator", is_admin=False, is_disabled=False, aura_balance=9, created_ms=0
        ),
        usage=AccountUsage(Quota(3, 1), Quota(2, 2), Quota(10**9, 5), 30.0, Quota(10, 1), 600),
        ledger=(LedgerEntry(1, "grant", 5, 5, "", None, "root", NOW_MS),),
        tokens=(TokenView(1, LONG, NOW_MS, None, None), TokenView(2, "", NOW_MS, NOW_MS, NOW_MS)),
        sessions=(SessionView(1, 0, NOW_MS, NOW_MS, "::1", LONG), SessionView(2, 0, 0, 0, "", "")),
        session_id=1,
    )
    yield page
    yield dataclasses.replace(page, token_pages=account.Pages(2, 50), session_pages=account.Pages(1, 100))
    yield dataclasses.replace(page, done="Done.", new_token="sl_x", ledger=(), tokens=(), sessions=())
    for section, field in (("tokens", "label"), ("password", "new_password"), ("delete", "current_password")):
        for name in (field, None):
            yield dataclasses.replace(
                page,
                error="Wrong",
                error_section=section,  # type: ignore[arg-type]  # one of three literals
                error_field=name,
            )


def samples() -> Iterator[Any]:
    yield from queue_samples.samples()
    yield from speech_samples.samples()
    yield from admin_samples.samples()
    for form in forms():
        yield contexts.GeneratePage(Chrome("generate", ADA, live="generate"), form, GROUPS, 5)
        yield contexts.ComposeFragment(form)
    yield contexts.GeneratePage(Chrome("generate", ADA, live="generate"), next(forms()), (), 5)
    for is_open in (True, False):
        yield contexts.WelcomePage(Chrome("generate"), is_open, MODELS, library_samples.CARDS)
        for purpose in ("sign-in", "register", "set-up", "invitation"):
            for field in ("username", "password", None):
                yield sign_in.CredentialsPage(
                    Chrome("sign-in"),
                    purpose,
                    LONG, "Wrong", field, "token", "/queue", is_open,
                )  # fmt: skip
    yield from (contexts.QuoteFragment(quote) for quote in QUOTES)
    yield from (contexts.ModelStateFragment(model) for model in MODELS)
    yield from (contexts.JobFragment(job, 5) for job in JOBS)
    yield contexts.RunAgainToast(LONG, JOBS[0].job_id, "/queue")
    yield from (contexts.TakeFragment(job, 5) for job in TAKES)
    yield contexts.TakesFragment(TAKES, 5)
    yield from (contexts.JobListFragment(GROUPS, 5), contexts.JobListFragment((), 5))
    yield sign_in.CredentialsPage(
        Chrome("sign-in", ADA), "invitation", "eve", token="t", is_invited_by_name=True
    )
    yield sign_in.SetupClosedPage(Chrome("sign-in"))
    yield sign_in.InvitationClosedPage(Chrome("sign-in"))
    yield api_page.ApiPage(Chrome("api"), "http://localhost", API_SECTIONS)
    yield api_page.ApiPage(
        Chrome("api", ADA), "http://localhost", API_SECTIONS, token="sl_secret", error=LONG
    )
    for status, error_id in ((404, None), (401, None), (500, "abc")):
        chrome = Chrome("none", knows_viewer=False)
        yield errors.ErrorPage(chrome, status, "Gone", "It is gone", "Go back.", error_id)
        yield errors.ErrorNotice("It is gone", error_id)
    yield errors.UnknownHostNotice("This is unknown", "Make it known.")
    yield from account_pages()
    yield from library_samples.samples()


SAMPLES = list(samples())


class Reader(HTMLParser):
    """Notes what makes a page hard to use, or breaks the policy that pages are sent with."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[tuple[str, str]] = []
        self.inline: list[str] = []
        self.titles = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.references += [(name, target) for target in (given.get(name) or "").split()]
        self.inline += [name for name in given if name == "style" or re.match("on|hx-on", name)]
        self.inline += ["script"] if tag == "script" and not given.get("src") else []
        self.titles += tag == "title"


def test_every_context_has_a_sample() -> None:
    assert {type(sample) for sample in SAMPLES} == context_classes()


def test_an_unsure_start_says_by_when_at_the_latest() -> None:
    html = renderer.render(contexts.JobFragment(JOBS[2], 45))
    assert re.search(
        r'by <time datetime="[^"]+Z" title="[^"]+" data-clock>\d\d:\d\d UTC</time> at the latest', html
    )
    assert "at the latest" not in renderer.render(contexts.JobFragment(JOB, 45))


def test_every_template_that_is_no_part_of_another_has_a_context() -> None:
    whole = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html")}
    parts = {name for name in whole if "/_" in name} | {"frame/base.html"}
    assert {kind.template for kind in context_classes()} == whole - parts


@pytest.mark.parametrize("kind", sorted(context_classes(), key=repr))
def test_a_template_names_nothing_that_its_context_lacks(kind: type[Any]) -> None:
    environment = renderer.environment
    source = Path(TEMPLATES / kind.template).read_text(encoding="utf-8")
    tree = environment.parse(source)
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    imported = {
        name for entry in tree.find_all(nodes.FromImport) for name in entry.names if isinstance(name, str)
    }
    # What a template sets outside its blocks, its blocks see as undeclared.
    targets = (assignment.target for assignment in tree.find_all(nodes.Assign))
    set_here = {target.name for target in targets if isinstance(target, nodes.Name)}
    named = meta.find_undeclared_variables(tree) - set(environment.globals) - macros - imported - set_here
    assert named <= {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_it_renders(sample: Context) -> None:
    html = renderer.render(sample)
    reader = Reader()
    reader.feed(html)
    assert reader.inline == []
    assert len(reader.ids) == len(set(reader.ids))
    assert "<b>&" not in html
    assert "None" not in html
    if "<html" in html:
        assert reader.titles == 1
        assert html.count("<h1") == 1
        assert [pair for pair in reader.references if pair[1] not in reader.ids] == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_address_has_the_path_that_the_server_is_under(sample: Context) -> None:
    found = re.findall(
        r'[\s:](?:href|src|action|formaction|connect|hx-[a-z]+|data-(?:href|copy))="(/[^"]*)"',
        renderer_below.render(sample),
    )
    assert [address for address in found if not address.startswith("/below/")] == []


def test_times_are_named_utc_where_a_script_can_turn_them_to_the_readers_zone() -> None:
    for context in samples():
        page = renderer.render(context)
        for time in re.findall(r"<time .*?</time>", page):
            assert re.search(r"data-(ago|until|clock|exact)", time), time
            assert re.search(r'title="[^"]+ UTC"|data-exact>[^<]+ UTC<', time), time
        assert "UTC" not in re.sub(r"<time .*?</time>", "", page), context.template
