"""The address of a PostgreSQL database, looked at before the driver does."""

from typing import Final

from webapp.addresses import what_is_wrong
from webapp.errors import SettingsError

VARIABLE: Final = "SOUNDLOOM_DATABASE_URL"
LISTEN_VARIABLE: Final = "SOUNDLOOM_DATABASE_LISTEN_URL"
EMPTY: Final = {VARIABLE: "SQLite", LISTEN_VARIABLE: f"the address of {VARIABLE}"}
SCHEMES: Final = ("postgresql://", "postgres://")


def checked_address(url: str, variable: str = VARIABLE) -> str:
    """The same address. Raises SettingsError, which quotes nothing of it, for one that cannot be used."""
    if not url.startswith(SCHEMES):
        raise SettingsError(f"{variable} must begin with postgresql:// (empty means {EMPTY[variable]}).")
    if wrong := what_is_wrong(url):
        raise SettingsError(f"{variable} is not a valid address: {wrong}.")
    return url
