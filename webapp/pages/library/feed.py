"""Live updates of pages with sounds: sounds were added, deleted or changed."""

from typing import Final

from webapp.events import Bus, Event, account_changed
from webapp.pages.frame.answers import LIBRARY_CHANGED
from webapp.pages.frame.live import RENDERING_MS, Fragment
from webapp.services.accounts.identity import Identity
from webapp.services.library.details import NewestSound
from webapp.services.library.facade import LibraryServices


class LibraryFeed:
    """Signals to a page that its content may have changed; only the page knows what it shows.

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
        """Follow changes of published sounds for everybody, and of favorites and jobs for their account."""
        self._has_changed |= event in self._followed
        return event in self._followed or (event.topic == "job" and self._viewer is not None)

    def take_signals(self) -> tuple[str, ...]:
        """Return the signal that has lists load again, if anything changed."""
        changed, self._has_changed = self._has_changed, False
        return (LIBRARY_CHANGED,) if changed else ()

    async def fragments(self) -> list[Fragment]:
        """Check for new sounds of the viewer, and at first for missed changes. There are no fragments."""
        newest = await self._details.newest_of(self._viewer.account_id) if self._viewer else None
        if self._is_first:
            self._is_first = False
            self._has_changed |= any(self._bus.has_heard(event, self._since_ms) for event in self._followed)
            self._has_changed |= newest is not None and newest.created_ms >= self._since_ms
        else:
            self._has_changed |= newest != self._newest
        self._newest = newest
        return []
