"""The checklist of a new server, and the page of voices."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from webapp.http.dependencies import InjectedSettings, InjectedSpeech, InjectedWorkers
from webapp.http.middleware.hosts import LOOPBACK_NAMES
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, InjectedAdmin, admin_chrome
from webapp.pages.admin.contexts import ChecklistPage, CheckPoint, VoiceRow, VoicesPage
from webapp.pages.frame import words
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _, counted
from webapp.pages.speech.languages import language_name, primary_subtag
from webapp.policy.generation import MODELS
from webapp.services.speech.views import VoiceView
from webapp.services.workers.status import StatusReport
from webapp.settings import Settings

SKETCH: Final = "sketch"


@get("/admin/checklist", dependencies=ADMIN_DEPENDENCIES)
async def show_checklist(
    settings: InjectedSettings,
    workers: InjectedWorkers,
    speech: InjectedSpeech,
    renderer: InjectedRenderer,
    admin: InjectedAdmin,
) -> Response[Any]:
    """Show what is set up and what is not."""
    report, voices = await workers.status.report(), await speech.requests.voices()
    points = checklist(settings, report, voices)
    return renderer.page(ChecklistPage(admin_chrome(admin), points))


@get("/admin/voices", dependencies=ADMIN_DEPENDENCIES)
async def show_voices(
    speech: InjectedSpeech, renderer: InjectedRenderer, admin: InjectedAdmin
) -> Response[Any]:
    """Show every voice, neural ones first, by language."""
    voices = await speech.requests.voices()
    lines = sorted(
        (
            VoiceRow(
                voice.id,
                voice.name,
                language_name(primary_subtag(voice.language)),
                words.ENGINE_NAMES.get(voice.engine, voice.engine),
                voice.quality,
                voice.license,
                voice.commercial_use,
                is_neural=voice.is_neural,
            )
            for voice in voices
        ),
        key=lambda line: (not line.is_neural, line.language, line.name),
    )
    return renderer.page(VoicesPage(admin_chrome(admin), tuple(lines)))


def checklist(
    settings: Settings, report: StatusReport, voices: Sequence[VoiceView]
) -> tuple[CheckPoint, ...]:
    """Tell for each part of a set-up whether it is done, and what to do about it."""
    is_local = settings.host in LOOPBACK_NAMES and not settings.public_url
    engines = {report.engines[name].engine for name in MODELS if name in report.engines} - {""}
    return (
        _address(settings, is_local=is_local),
        _tls(settings, is_local=is_local),
        _models(engines),
        CheckPoint(
            _("Voices"),
            any(voice.is_neural for voice in voices),
            counted(len(voices), "%(number)s voice.", "%(number)s voices.")
            + " "
            + _(
                "More neural ones: %(command)s",
                command="soundloom voices pull en_US-ljspeech-medium",
            ),
            "/admin/voices",
        ),
        _registration(settings, is_local=is_local),
        CheckPoint(
            _("Tiers"),
            is_done=True,
            text=_(
                "The limits of tiers are settings, such as SOUNDLOOM_FREE_HOURLY."
                " Change an account’s tier on its page."
            ),
            href="/admin/settings",
        ),
    )


def _address(settings: Settings, *, is_local: bool) -> CheckPoint:
    if settings.public_url:
        text = _("People reach this server at %(address)s.", address=settings.public_url)
    elif is_local:
        text = _(
            "Only this machine can reach the server. For others, set SOUNDLOOM_HOST and SOUNDLOOM_PUBLIC_URL."
        )
    else:
        text = _("Set SOUNDLOOM_PUBLIC_URL to the address that people use, so that shared links are right.")
    return CheckPoint(_("Address"), bool(settings.public_url), text, "/admin/settings")


def _tls(settings: Settings, *, is_local: bool) -> CheckPoint:
    if settings.secure_cookies:
        text = _("Cookies are sent over TLS only.")
    elif is_local:
        text = _("Not needed as long as only this machine can reach the server.")
    else:
        text = _("Passwords cross the network unencrypted. Put a proxy with TLS in front of the server.")
    return CheckPoint("TLS", settings.secure_cookies or is_local, text, "/admin/settings")


def _registration(settings: Settings, *, is_local: bool) -> CheckPoint:
    is_closed = settings.registration == "closed"
    text = (
        _("Only admins can create accounts and invite people.")
        if is_closed
        else _(
            "Anyone who can reach the server can register. Set SOUNDLOOM_REGISTRATION=closed to leave it to"
            " admins, who can invite people."
        )
    )
    return CheckPoint(_("Registration"), is_closed or is_local, text, "/admin")


def _models(engines: set[str]) -> CheckPoint:
    if not engines:
        text = _("No worker is running, so nothing is generated.")
    elif engines == {SKETCH}:
        text = _("Sketch, which follows rules, makes every sound. For neural models, download their weights.")
    else:
        text = _("Neural models make the sounds.")
    return CheckPoint(_("Models"), bool(engines - {SKETCH}), text, "/admin/models")


CHECKLIST_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (show_checklist, show_voices)
