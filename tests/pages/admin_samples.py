"""Everything that the templates for admins can be given, for the tests of all templates."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from tests.pages.queue_samples import LONG, MODELS, NOW_MS, ROOT, WORKERS
from webapp.pages.admin.access import admin_chrome
from webapp.pages.admin.contexts import (
    AccountDetailPage,
    AccountsPage,
    ChecklistPage,
    CheckPoint,
    FoldersFragment,
    InvitedPage,
    ModelsPage,
    ModeratedFragment,
    RecordPage,
    Refused,
    SettingsPage,
    SoundsPage,
    VoiceRow,
    VoicesPage,
    WeightsFragment,
)
from webapp.pages.admin.server import setting_lines
from webapp.services.accounts.aura import LedgerEntry
from webapp.services.accounts.invitations import InvitationView
from webapp.services.accounts.usage import AccountUsage, Quota
from webapp.services.accounts.views import AccountView
from webapp.services.admin.accounts import AccountPage
from webapp.services.admin.audit_log import AuditEntry
from webapp.services.library.moderation import ModeratedSound
from webapp.services.library.views import LibraryItemView
from webapp.services.models.downloads import CatalogueEntry, CopyState, DownloadState, FolderView
from webapp.settings import Settings

CHROME = admin_chrome(ROOT)
ADA = AccountView(1, "ada", "creator", is_admin=False, is_disabled=False, aura_balance=9, created_ms=0)
OTHERS = (
    dataclasses.replace(ADA, username="root", is_admin=True),
    dataclasses.replace(ADA, username="bob", is_disabled=True),
)
INVITATIONS = (
    InvitationView(1, "eve", "premium", "root", 0, NOW_MS + 400_000_000),
    InvitationView(2, "", "free", "root", 0, NOW_MS + 4_000),
)
USAGE = AccountUsage(Quota(3, 1), Quota(2, 2), Quota(10**9, 5), 30.0, Quota(10, 1), 600)
LINES = (
    AuditEntry(2, NOW_MS, "root", "set tier", "ada", LONG),
    AuditEntry(1, NOW_MS, "root", "pause", "", ""),
    AuditEntry(3, NOW_MS, "root", "move", "a1b2c3d4e5f6", "", LONG, "ada"),
    AuditEntry(4, NOW_MS, "root", "from another version", "x", ""),
)
ENTRY = CatalogueEntry(
    name="musicgen-small", title="Small", model="music", size_bytes=10**9, licence="CC-BY-NC 4.0",
    licence_url="https://example.org", is_installed=False, is_chosen=False, hosts=(), download=None,
)  # fmt: skip
ITEM = LibraryItemView(
    row_id=1, sound_id="0" * 20, account_id=1, owner="ada", title=LONG, prompt=LONG, model="music",
    duration_s=8.0, tags=(), upvotes=1, downvotes=2, plays=3, downloads=4, quality_score=50, seed=1,
    engine="sketch", license="", is_loopable=False, is_public=True, is_hidden=False, created_ms=NOW_MS,
)  # fmt: skip
SOUNDS = (
    ModeratedSound(ITEM, "", "", None),
    ModeratedSound(dataclasses.replace(ITEM, sound_id="1" * 20, is_hidden=True), LONG[:300], "root", NOW_MS),
    ModeratedSound(dataclasses.replace(ITEM, sound_id="2" * 20, is_public=False), "", "root", NOW_MS),
)


def download(state: CopyState, **facts: Any) -> DownloadState:
    given = {"done_bytes": 5, "total_bytes": 10, "bytes_per_s": None, "eta_s": None, "error": "", **facts}
    return DownloadState(state, **given)


ENTRIES = (
    ENTRY,
    dataclasses.replace(ENTRY, name="a", is_installed=True, is_chosen=True, hosts=("one", "two")),
    dataclasses.replace(ENTRY, name="b", is_installed=True, hosts=("one",)),
    *(
        dataclasses.replace(ENTRY, name=f"c{number}", download=state)
        for number, state in enumerate(
            (
                download("waiting", done_bytes=0, total_bytes=0),
                download("fetching", bytes_per_s=10**6, eta_s=90),
                download("failed", error=LONG),
                download("cancelled"),
                download("removing"),
            )
        )
    ),
)


def samples() -> Iterator[Any]:
    for found in (AccountPage((ADA, *OTHERS), 120, 2), AccountPage((), 0, 1)):
        yield AccountsPage(CHROME, found, LONG, "admin", "/admin?q=x&")
        for form in ("account", "invitation"):
            for field in ("username", "tier", None):
                yield AccountsPage(
                    CHROME, found, "", "", "/admin?", INVITATIONS, Refused(form, LONG, "premium", LONG, field)
                )
    yield from (InvitedPage(CHROME, invitation, "http://x/invitation?token=s") for invitation in INVITATIONS)
    page = AccountDetailPage(
        CHROME, ADA, USAGE, ledger=(LedgerEntry(1, "grant", 5, 5, "", None, "root", NOW_MS),), record=LINES
    )
    yield page
    for account in OTHERS:
        yield dataclasses.replace(page, account=account, ledger=(), record=())
    yield dataclasses.replace(page, done="Done.", new_password="x" * 20)
    for field in ("amount", "reason", None):
        yield dataclasses.replace(page, error="Wrong", error_field=field, amount="x", reason=LONG)
    folders = (FolderView("host", "folder", 10**9),)
    for entries, there in ((ENTRIES, folders), ((), ())):
        yield ModelsPage(admin_chrome(ROOT, live="admin"), entries, there, MODELS, WORKERS)
        yield FoldersFragment(there)
    yield from (WeightsFragment(entry) for entry in ENTRIES)
    yield SoundsPage(CHROME, SOUNDS, 90, 2, True, "hidden", LONG, "/admin/sounds?", 500)
    yield SoundsPage(CHROME, (), 0, 1, False, "all", "", "/admin/sounds?", 500)
    yield from (ModeratedFragment(sound, 500) for sound in SOUNDS)
    yield SettingsPage(CHROME, setting_lines(Settings(secret_key="s" * 40, host="::1")))
    yield RecordPage(CHROME, LINES, 7)
    yield RecordPage(CHROME, (), None)
    yield RecordPage(CHROME, (), None, author=LONG, kind="jobs")
    yield ChecklistPage(CHROME, (CheckPoint("Address", True, LONG, "/x"), CheckPoint("TLS", False, "", "/x")))
    for voices in ((VoiceRow("a b", LONG, "German", "Piper", "low", LONG, None, is_neural=True),), ()):
        yield VoicesPage(CHROME, voices)
