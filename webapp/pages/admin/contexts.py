"""The contexts of the templates for admins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.record_words import KIND_NAMES
from webapp.pages.queue.contexts import ModelLine, WorkerLine
from webapp.policy.accounts.credentials import MIN_USERNAME_CHARACTERS
from webapp.policy.accounts.tiers import TIER_NAMES
from webapp.services.accounts.aura import MAX_REASON_CHARACTERS, LedgerEntry
from webapp.services.accounts.invitations import LIFETIME_MS, InvitationView
from webapp.services.accounts.usage import AccountUsage
from webapp.services.accounts.views import AccountView
from webapp.services.admin.accounts import MAX_SEARCH_CHARACTERS, AccountPage
from webapp.services.admin.audit_log import AuditEntry
from webapp.services.library.moderation import ModeratedSound, ModerationState
from webapp.services.models.downloads import CatalogueEntry, FolderView

DAY_MS: Final = 86_400_000
NewForm = Literal["account", "invitation"]


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused form for a new account or invitation: the values that were typed, and the reason.

    `error_field` names the field that `error` is about, if it is about one.
    """

    form: NewForm
    name: str
    tier: str
    error: str
    error_field: str | None


@dataclass(frozen=True, slots=True)
class AccountsPage:
    """Accounts that were searched for, and the invitations that are open.

    `base` is the address of this search, for its other pages; `refused` is what could not be made,
    `deleted` the account that has just been.
    """

    template: ClassVar[str] = "admin/accounts.html"

    chrome: Chrome
    found: AccountPage
    text: str
    tier: str
    base: str
    invitations: tuple[InvitationView, ...] = ()
    refused: Refused | None = None
    deleted: str = ""
    tiers: tuple[str, ...] = TIER_NAMES
    min_name: int = MIN_USERNAME_CHARACTERS
    max_search: int = MAX_SEARCH_CHARACTERS
    invitation_days: int = LIFETIME_MS // DAY_MS


@dataclass(frozen=True, slots=True)
class InvitedPage:
    """A new invitation, whose link is shown this once."""

    template: ClassVar[str] = "admin/invited.html"

    chrome: Chrome
    invitation: InvitationView
    link: str


@dataclass(frozen=True, slots=True)
class AccountDetailPage:
    """One account. `new_password` is shown this once; `error` belongs to the field `error_field`."""

    template: ClassVar[str] = "admin/account.html"

    chrome: Chrome
    account: AccountView
    usage: AccountUsage
    ledger: tuple[LedgerEntry, ...]
    record: tuple[AuditEntry, ...]
    done: str | None = None
    new_password: str | None = None
    error: str | None = None
    error_field: str | None = None
    amount: str = ""
    reason: str = ""
    tiers: tuple[str, ...] = TIER_NAMES
    max_reason: int = MAX_REASON_CHARACTERS


@dataclass(frozen=True, slots=True)
class ModelsPage:
    """The models in memory, their weights, and the workers."""

    template: ClassVar[str] = "admin/models.html"

    chrome: Chrome
    entries: tuple[CatalogueEntry, ...]
    folders: tuple[FolderView, ...]
    models: tuple[ModelLine, ...]
    workers: tuple[WorkerLine, ...]
    can_steer: bool = True


@dataclass(frozen=True, slots=True)
class WeightsFragment:
    """The weights of one published model, as far as they are here."""

    template: ClassVar[str] = "models/weights.html"

    entry: CatalogueEntry


@dataclass(frozen=True, slots=True)
class FoldersFragment:
    """Where weights are kept, one folder a host; none while no worker looks after one."""

    template: ClassVar[str] = "models/weights_folders.html"

    folders: tuple[FolderView, ...]


@dataclass(frozen=True, slots=True)
class SoundsPage:
    """Sounds that others see or saw. `base` is the address of this search, for its other pages."""

    template: ClassVar[str] = "admin/sounds.html"

    chrome: Chrome
    sounds: tuple[ModeratedSound, ...]
    total: int
    page: int
    has_more: bool
    state: ModerationState
    text: str
    base: str
    max_note: int


@dataclass(frozen=True, slots=True)
class ModeratedFragment:
    """One sound with what may be done about it."""

    template: ClassVar[str] = "admin/moderated.html"

    sound: ModeratedSound
    max_note: int


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting in force. `value` is None for one that is set and secret."""

    variable: str
    value: str | None
    is_default: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The settings in force."""

    template: ClassVar[str] = "admin/settings.html"

    chrome: Chrome
    settings: tuple[SettingLine, ...]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Admin actions. `next_id` continues after the last line, None at the end.

    `author` and `kind` say which of them were asked for.
    """

    template: ClassVar[str] = "admin/record.html"

    chrome: Chrome
    lines: tuple[AuditEntry, ...]
    next_id: int | None
    author: str = ""
    kind: str = ""
    kinds: Mapping[str, str] = field(default_factory=lambda: KIND_NAMES)


@dataclass(frozen=True, slots=True)
class CheckPoint:
    """A part of the set-up: whether it is done, how things are, and the page about it."""

    title: str
    is_done: bool
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class ChecklistPage:
    """The checklist of a new server."""

    template: ClassVar[str] = "admin/checklist.html"

    chrome: Chrome
    points: tuple[CheckPoint, ...]


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """A voice that texts can be spoken with."""

    voice_id: str
    name: str
    language: str
    engine: str
    quality: str
    license: str
    commercial_use: bool | None
    is_neural: bool


@dataclass(frozen=True, slots=True)
class VoicesPage:
    """The voices of all speech workers."""

    template: ClassVar[str] = "admin/voices.html"

    chrome: Chrome
    voices: tuple[VoiceRow, ...]
