"""What pages with sounds follow: that sounds came, went or changed."""

from typing import Final

from webapp.events import Bus, Event, account_changed
from webapp.pages.frame.answers import LIBRARY_CHANGED
from webapp.pages.frame.live import RENDERING_MS, Fragment
from webapp.services.accounts.identity import Identity
from webapp.services.library.details import NewestSound
from webapp.services.library.facade import LibraryServices


class LibraryFeed:
    """Tells a page that it may show something else now; only the page knows what it shows.

    Jobs matter when a sound of the viewer's comes out of one. Nobody's own page is asked to look again for
    every step of other people's jobs. `since_ms` is the time of the state that the page shows: of what
    changed before it began to follow, nobody else tells it.
    """

    def __init__(self, bus: Bus, library: LibraryServices, viewer: Identity | None, since_ms: int) -> None:
        self._bus = bus
        self._details = library.details
        self._viewer = viewer
        own = (account_changed(viewer.account_id),) if viewer else ()
        self._followed: Final = (Event("library"), *own)
        self._since_ms = since_ms - RENDERING_MS
        self._is_first = True
        self._newest: NewestSound | None = None
        self._has_changed = False

    def note(self, event: Event) -> bool:
        """What is published, named or deleted matters to all; what an account keeps, and its jobs, to it."""
        self._has_changed |= event in self._followed
        return event in self._followed or (event.topic == "job" and self._viewer is not None)

    def take_signals(self) -> tuple[str, ...]:
        """Has the list ask for itself again."""
        changed, self._has_changed = self._has_changed, False
        return (LIBRARY_CHANGED,) if changed else ()

    async def fragments(self) -> list[Fragment]:
        """None; looks whether the viewer has a new sound, and at first what was missed."""
        newest = await self._details.newest_of(self._viewer.account_id) if self._viewer else None
        if self._is_first:
            self._is_first = False
            self._has_changed |= any(self._bus.has_heard(event, self._since_ms) for event in self._followed)
            self._has_changed |= newest is not None and newest.created_ms >= self._since_ms
        else:
            self._has_changed |= newest != self._newest
        self._newest = newest
        return []
