"""Limits on sign-in attempts and on registrations."""

from typing import Final

from webapp.ids import secret_hash
from webapp.policy.accounts.credentials import username_key
from webapp.services.shared.rate_limits import HOUR_S, Hit, LimitUsage, RateLimits, address_group
from webapp.settings import Settings

SIGN_IN_WINDOW_S: Final = 15 * 60
# Enough for a person looking for a free name, too few to enumerate accounts.
TAKEN_NAMES_PER_ADDRESS: Final = 60

TOO_MANY_SIGN_INS: Final = "Too many failed sign-ins; try again later"
TOO_MANY_ACCOUNTS: Final = "Too many accounts were created from your address; try again later"

_Limit = tuple[str, int, int, str]


class AccountLimits:
    """The limits of sign-in and registration, by account and by client address."""

    def __init__(self, settings: Settings, rate_limits: RateLimits) -> None:
        self._settings = settings
        self._rate_limits = rate_limits

    async def check_sign_in(self, username: str, address: str) -> None:
        """Raise LimitReached when there were too many failures; counts nothing."""
        for limit in self._sign_in(username, address):
            await self._rate_limits.check(*limit)

    async def count_sign_in(self, username: str, address: str) -> list[Hit]:
        """Count an attempt, for the account and for the address, or neither. Raises LimitReached."""
        async with self._rate_limits.together():
            return [await self._rate_limits.hit(*limit) for limit in self._sign_in(username, address)]

    async def sign_in_usage(self, username: str, address: str) -> tuple[LimitUsage, LimitUsage]:
        """Return the use of the limits on failed sign-ins: the account's and the address's."""
        account, client = self._sign_in(username, address)
        return await self._rate_limits.usage(*account[:3]), await self._rate_limits.usage(*client[:3])

    async def check_registration(self, address: str) -> None:
        """Raise LimitReached when the address created too many accounts or tried too many taken names."""
        await self._rate_limits.check(*self._registration(address))
        await self.check_taken_names(address)

    async def check_taken_names(self, address: str) -> None:
        """Raise LimitReached when the address tried too many names that are taken."""
        await self._rate_limits.check(*self._taken_names(address))

    async def count_registration(self, address: str) -> Hit:
        """Count a created account. Raises LimitReached."""
        return await self._rate_limits.hit(*self._registration(address))

    async def count_taken_name(self, address: str) -> Hit:
        """Count an attempt to take a name that is taken. Raises LimitReached."""
        return await self._rate_limits.hit(*self._taken_names(address))

    async def registration_usage(self, address: str) -> LimitUsage:
        """Return the use of the limit on the address's registrations."""
        return await self._rate_limits.usage(*self._registration(address)[:3])

    async def forget(self, *hits: Hit) -> None:
        """Take counted attempts back."""
        await self._rate_limits.forget(*hits)

    def _sign_in(self, username: str, address: str) -> tuple[_Limit, _Limit]:
        # Store only a hash of the name: it may be a password typed into the wrong field. Count by name, not
        # by account, so that names without an account have the same limit.
        name = secret_hash(username_key(username))
        settings = self._settings
        return (
            (
                f"sign-ins-of-account/{name}",
                settings.sign_in_per_account,
                SIGN_IN_WINDOW_S,
                TOO_MANY_SIGN_INS,
            ),
            (
                f"sign-ins-from-address/{address_group(address)}",
                settings.sign_in_per_address,
                SIGN_IN_WINDOW_S,
                TOO_MANY_SIGN_INS,
            ),
        )

    def _registration(self, address: str) -> _Limit:
        bucket = f"registrations/{address_group(address)}"
        return (bucket, self._settings.register_per_address, HOUR_S, TOO_MANY_ACCOUNTS)

    def _taken_names(self, address: str) -> _Limit:
        return (
            f"taken-names/{address_group(address)}",
            TAKEN_NAMES_PER_ADDRESS,
            HOUR_S,
            TOO_MANY_ACCOUNTS,
        )
