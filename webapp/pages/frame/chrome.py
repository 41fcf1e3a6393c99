"""The frame of every page: who is signed in, and where one is."""

from dataclasses import dataclass
from typing import Literal

from webapp.services.accounts.identity import Identity

Section = Literal["generate", "queue", "library", "speech", "account", "admin", "api", "sign-in", "none"]
LiveView = Literal["generate", "queue", "library", "admin"]


@dataclass(frozen=True, slots=True)
class Chrome:
    """`live` names the events that the page follows; None for a page that stands still.

    `live_query` says which part of them, as the query of an address. `knows_viewer` is False where nobody
    has looked who is there, as on error pages.
    """

    section: Section
    viewer: Identity | None = None
    live: LiveView | None = None
    knows_viewer: bool = True
    live_query: str = ""
