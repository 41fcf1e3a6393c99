"""Ends what stays open once whoever opened it is no longer let in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from webapp.errors import DatabaseAway
from webapp.events import ACCESS_CHANGED, Bus, access_changed

# Hints may be lost, and a token or a session also ends by itself.
POLL_S: Final = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Welcome:
    """Checks whether an account's token or session is still valid.

    `holds` asks that, and costs next to nothing as long as nobody writes.
    """

    bus: Bus
    account_id: int
    holds: Callable[[], Awaitable[bool]]
    poll_s: float = POLL_S

    async def until_over(self) -> None:
        """Return once it holds no longer."""
        awaited = {access_changed(self.account_id), ACCESS_CHANGED}
        clock = asyncio.get_running_loop().time
        with self.bus.subscribe() as hints:
            while await self._still_holds():
                ask_at = clock() + self.poll_s
                while (left_s := ask_at - clock()) > 0:
                    if awaited & set(await hints.wait(left_s)):
                        break

    async def _still_holds(self) -> bool:
        try:
            return await self.holds()
        except DatabaseAway:
            # Nobody can say; it is asked again.
            logger.warning("could not ask whether an open stream may go on")
            return True
