"""Telling what is left of a limit with whatever answers a request, an error too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Request

from webapp.http.rate_limit import RateLimit, announce, told
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import hour_policy
from webapp.services.library.facade import LibraryServices
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.jobs import Action
from webapp.services.speech.facade import SpeechServices


@asynccontextmanager
async def hour_announced(
    request: Request[Any, Any, Any], accounts: AccountServices, identity: Identity
) -> AsyncIterator[None]:
    """Tell how many jobs the account may still submit in this hour."""
    try:
        yield
    finally:
        usage = await accounts.usage.of(identity.account_id, identity.tier)
        hourly = usage.hourly
        announce(request, RateLimit(hour_policy(hourly.limit), hourly.left, usage.hour_resets_s))


@asynccontextmanager
async def speech_announced(
    request: Request[Any, Any, Any], speech: SpeechServices, identity: Identity
) -> AsyncIterator[None]:
    """Tell how many texts the account may still have spoken in this hour."""
    try:
        yield
    finally:
        announce(request, told(await speech.requests.usage(identity)))


@asynccontextmanager
async def action_announced(
    request: Request[Any, Any, Any], queue: QueueServices, identity: Identity, action: Action
) -> AsyncIterator[None]:
    """Tell how many cancellations or skips the account has left in this hour; admins have no limit."""
    try:
        yield
    finally:
        usage = await queue.jobs.action_usage(identity, action)
        if usage is not None:
            announce(request, told(usage))


@asynccontextmanager
async def uploads_announced(
    request: Request[Any, Any, Any], library: LibraryServices, identity: Identity
) -> AsyncIterator[None]:
    """Tell how many sounds the account may still send in in this hour."""
    try:
        yield
    finally:
        announce(request, told(await library.uploads.usage(identity)))
