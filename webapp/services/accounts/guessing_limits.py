"""Limits against guessing: on wrong tokens and on requests for files that do not exist."""

from typing import Final

from webapp.services.shared.best_effort import BestEffort
from webapp.services.shared.rate_limits import LimitUsage, RateLimits, address_group
from webapp.settings import Settings

WINDOW_S: Final = 900


class GuessingLimits:
    """Counts wrong guesses by client address. A right one is never counted and never refused.

    Tokens and file names are too long to be guessed; the limits bound what the attempts cost. An address
    that has reached a limit therefore does not lock out clients that hold a valid token or name.
    """

    def __init__(self, rate_limits: RateLimits, settings: Settings) -> None:
        self._rate_limits = rate_limits
        self._best_effort = BestEffort("the count of wrong guesses")
        self._limits = {
            "misses": settings.misses_per_address,
            "wrong-tokens": settings.wrong_tokens_per_address,
        }

    async def missing_file(self, address: str) -> None:
        """Count a request for a file that does not exist. Raises LimitReached."""
        await self._count("misses", address)

    async def wrong_token(self, address: str) -> None:
        """Count a request with a wrong token. Raises LimitReached."""
        await self._count("wrong-tokens", address)

    async def file_usage(self, address: str) -> LimitUsage:
        """Return the address's use of the limit on requests for missing files."""
        return await self._usage("misses", address)

    async def token_usage(self, address: str) -> LimitUsage:
        """Return the address's use of the limit on wrong tokens."""
        return await self._usage("wrong-tokens", address)

    async def _count(self, kind: str, address: str) -> None:
        bucket, limit = _bucket(kind, address), self._limits[kind]
        # Check first, so that requests beyond the limit do not cost a write each.
        await self._rate_limits.check(bucket, limit, WINDOW_S, "Rate limit exceeded")
        await self._best_effort.write(
            lambda: self._rate_limits.hit(bucket, limit, WINDOW_S, "Rate limit exceeded")
        )

    async def _usage(self, kind: str, address: str) -> LimitUsage:
        return await self._rate_limits.usage(_bucket(kind, address), self._limits[kind], WINDOW_S)


def _bucket(kind: str, address: str) -> str:
    return f"{kind}/{address_group(address)}"
