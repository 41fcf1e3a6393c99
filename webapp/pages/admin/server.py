"""The server itself: the settings in force, and the record of what admins did."""

import re
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.types import ControllerRouterHandler

from webapp.addresses import without_credentials
from webapp.http.dependencies import InjectedAdministration, InjectedSettings
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, InjectedAdmin, admin_chrome
from webapp.pages.admin.contexts import RecordPage, SettingLine, SettingsPage
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.record_words import KINDS
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.policy.accounts.credentials import MAX_USERNAME_CHARACTERS
from webapp.services.admin.audit_log import PAGE_SIZE
from webapp.settings import PREFIX, Settings

# Ends of names that mark what is never shown.
SECRET: Final = ("_key", "_secret", "_token", "_password")
# Where the documentation leads on to another page of its own.
_LINK: Final = re.compile(r" \(\[[^]]*\]\([^)]*\)\)")


@get("/admin/settings", dependencies=ADMIN_DEPENDENCIES)
async def show_settings(
    settings: InjectedSettings, renderer: InjectedRenderer, admin: InjectedAdmin
) -> Response[Any]:
    """Every setting with its value."""
    return renderer.page(SettingsPage(admin_chrome(admin), setting_lines(settings)))


@get("/admin/record", dependencies=ADMIN_DEPENDENCIES)
async def show_record(
    request: PageRequest,
    administration: InjectedAdministration,
    renderer: InjectedRenderer,
    admin: InjectedAdmin,
) -> Response[Any]:
    """Who did what when, newest first; of one admin, or of one kind of action."""
    author = request.query_params.get("author", "").strip()[:MAX_USERNAME_CHARACTERS]
    kind = request.query_params.get("kind", "")
    kind = kind if kind in KINDS else ""
    before = request.query_params.get("before", "")
    is_number = before.isascii() and before.isdecimal() and len(before) < 19
    lines = await administration.audit.entries(
        before_id=int(before) if is_number else None, author=author, actions=KINDS.get(kind, ())
    )
    next_id = lines[-1].entry_id if len(lines) == PAGE_SIZE else None
    return renderer.page(RecordPage(admin_chrome(admin), tuple(lines), next_id, author=author, kind=kind))


def setting_lines(settings: Settings) -> tuple[SettingLine, ...]:
    """The settings in the order of their documentation; no secret is among the values."""
    described = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    return tuple(
        SettingLine(
            variable=f"{PREFIX}{name.upper()}",
            value=_shown(name, getattr(settings, name)),
            is_default=getattr(settings, name) == entry.get("default"),
            meaning=_LINK.sub("", entry["description"]),
        )
        for name, entry in described.items()
    )


def _shown(name: str, value: object) -> str | None:
    text = str(value)
    if text and name.endswith(SECRET):
        return None
    # Whatever else an address holds, its user and password are nobody's business.
    return without_credentials(text) if "://" in text else text


SERVER_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (show_settings, show_record)
