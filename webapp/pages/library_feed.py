"""What pages with sounds follow: that sounds came, went or changed."""

from webapp.events import Event
from webapp.pages.answers import LIBRARY_CHANGED
from webapp.pages.live import RENDERING_MS, Fragment
from webapp.services.container import Services
from webapp.services.identity import Identity


class LibraryFeed:
    """Tells a page that it may show something else now; only the page knows what it shows.

    Jobs matter when a sound of the viewer's comes out of one. Nobody's own page is asked to look again for
    every step of other people's jobs. `since_ms` is the time of the state that the page shows: of what
    changed before it began to follow, nobody else tells it.
    """

    def __init__(self, services: Services, viewer: Identity | None, since_ms: int) -> None:
        self._details = services.library.details
        self._viewer = viewer
        self._newest: int | None = None
        self._has_changed = services.bus.has_heard("library", since_ms - RENDERING_MS)

    def note(self, event: Event) -> bool:
        """What is published, named or deleted matters to all; jobs to those who have some."""
        self._has_changed |= event.topic == "library"
        return event.topic == "library" or (event.topic == "job" and self._viewer is not None)

    def take_signals(self) -> tuple[str, ...]:
        """Has the list ask for itself again."""
        changed, self._has_changed = self._has_changed, False
        return (LIBRARY_CHANGED,) if changed else ()

    async def fragments(self) -> list[Fragment]:
        """None; looks whether the viewer has a new sound."""
        if self._viewer is not None:
            newest = await self._details.newest_of(self._viewer.account_id)
            self._has_changed |= self._newest is not None and newest != self._newest
            self._newest = newest
        return []
