"""Request and response bodies of the account endpoints."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from webapp.api.shared.timestamps import Moment, timestamp
from webapp.policy.accounts.credentials import (
    MAX_LABEL_CHARACTERS,
    MAX_USERNAME_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    MIN_USERNAME_CHARACTERS,
    USERNAME_PATTERN,
)
from webapp.services.accounts.tokens import TokenView
from webapp.services.accounts.usage import AccountUsage
from webapp.services.accounts.views import AccountView

Username = Annotated[
    str,
    Meta(
        min_length=MIN_USERNAME_CHARACTERS,
        max_length=MAX_USERNAME_CHARACTERS,
        pattern=USERNAME_PATTERN,
        description="Letters, digits, dots, underscores and hyphens; unique without regard to case.",
        examples=["ada"],
    ),
]
Password = Annotated[
    str,
    Meta(
        min_length=MIN_PASSWORD_CHARACTERS,
        description="At least 10 characters, at most 1,024 bytes.",
        examples=["correct horse battery"],
    ),
]
Label = Annotated[
    str, Meta(max_length=MAX_LABEL_CHARACTERS, description="What the token is for.", examples=["laptop"])
]
SameAsCreated = Annotated[Moment, Meta(description="The same as `created`.")]
Tier = Annotated[str, Meta(description="`free`, `supporter`, `premium` or `creator`.", examples=["free"])]


class RegisterBody(Struct, frozen=True):
    """A new account."""

    username: Username
    password: Password


class TokenBody(Struct, frozen=True):
    """A username and password to exchange for a token."""

    username: Username
    password: Password
    label: Label | UnsetType = UNSET


class Registered(Struct, frozen=True):
    """The account that was made."""

    username: Username
    tier: Tier


class NewToken(Struct, frozen=True, kw_only=True):
    """A new token. It is shown this once."""

    token: Annotated[
        str, Meta(description="Send it as `Authorization: Bearer …`.", examples=["sl_V2h5IG5vdD8"])
    ]
    label: Label | None
    created: Moment
    created_at: SameAsCreated


class Token(Struct, frozen=True):
    """A token that was made before, without its secret."""

    id: Annotated[int, Meta(examples=[3])]
    label: Annotated[Label | None, Meta(description="Null where it has none.")]
    created: Moment
    created_at: SameAsCreated
    expires: Moment | None
    last_used: Annotated[Moment, Meta(description="To the minute; null when never used.")] | None

    @classmethod
    def of(cls, view: TokenView) -> "Token":
        return cls(
            id=view.token_id,
            label=view.label or None,
            created=timestamp(view.created_ms),
            created_at=timestamp(view.created_ms),
            expires=None if view.expires_ms is None else timestamp(view.expires_ms),
            last_used=None if view.last_used_ms is None else timestamp(view.last_used_ms),
        )


class TokenList(Struct, frozen=True):
    """Part of the account's tokens, newest first."""

    items: tuple[Token, ...]
    tokens: Annotated[tuple[Token, ...], Meta(description="The same as `items`, under its older name.")]
    page: int
    per_page: int
    total: Annotated[int, Meta(description="Tokens in the whole list.")]
    has_more: bool


class Limits(Struct, frozen=True):
    """The limits of the account."""

    hourly: Annotated[int, Meta(description="Generations per rolling hour.", examples=[3])]
    at_once: Annotated[int, Meta(description="Jobs waiting or running at once.", examples=[2])]
    max_duration: Annotated[float, Meta(description="Longest clip, in seconds.", examples=[30])]
    speech_hourly: Annotated[int, Meta(description="Spoken texts per rolling hour.", examples=[10])]
    storage_bytes: Annotated[int, Meta(description="Room for sounds.", examples=[5_000_000_000])]


class Usage(Struct, frozen=True):
    """The used part of the limits."""

    hourly: Annotated[int, Meta(description="Jobs accepted in the last hour.", examples=[1])]
    hourly_left: Annotated[int, Meta(examples=[2])]
    at_once: Annotated[int, Meta(description="Jobs waiting or running now.", examples=[1])]
    at_once_left: Annotated[int, Meta(examples=[1])]
    speech_hourly: Annotated[int, Meta(description="Texts spoken in the last hour.", examples=[4])]
    speech_hourly_left: Annotated[int, Meta(examples=[6])]
    storage_bytes: Annotated[int, Meta(examples=[12_000_000])]


class Me(Struct, frozen=True):
    """The account whose token was sent."""

    username: Username
    tier: Tier
    is_admin: bool
    aura_balance: Annotated[int, Meta(ge=0, examples=[50])]
    limits: Limits
    usage: Usage

    @classmethod
    def of(cls, account: AccountView, usage: AccountUsage) -> "Me":
        return cls(
            username=account.username,
            tier=account.tier,
            is_admin=account.is_admin,
            aura_balance=account.aura_balance,
            limits=Limits(
                hourly=usage.hourly.limit,
                at_once=usage.at_once.limit,
                max_duration=usage.max_duration_s,
                speech_hourly=usage.speech.limit,
                storage_bytes=usage.storage_bytes.limit,
            ),
            usage=Usage(
                hourly=usage.hourly.used,
                hourly_left=usage.hourly.left,
                at_once=usage.at_once.used,
                at_once_left=usage.at_once.left,
                speech_hourly=usage.speech.used,
                speech_hourly_left=usage.speech.left,
                storage_bytes=usage.storage_bytes.used,
            ),
        )
