"""The address that people use, taken apart."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from webapp.errors import SettingsError
from webapp.settings import Settings

_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """`origin` is as browsers say it, and `host` its name without a port; both empty where none is set.

    `prefix` is the path under which everything is found, as in `/sound`; empty for the whole host.
    """

    origin: str = ""
    host: str = ""
    prefix: str = ""


@lru_cache(maxsize=8)
def public_url(settings: Settings) -> PublicUrl:
    """Parse `SOUNDLOOM_PUBLIC_URL`. Raises SettingsError for an address that is not a web server's."""
    text = settings.public_url
    if not text:
        return PublicUrl()
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        raise _wrong(text, "it is no address") from None
    if not is_address:
        raise _wrong(text, "it must be like https://sounds.example or https://example.org/sounds")
    prefix = parts.path.rstrip("/")
    if parts.query or parts.fragment or parts.username is not None or not _PREFIX.fullmatch(prefix):
        raise _wrong(text, "after the host it may have a port and a plain path, and nothing else")
    return PublicUrl(f"{parts.scheme}://{parts.netloc}".lower(), parts.hostname or "", prefix)


def _wrong(text: str, reason: str) -> SettingsError:
    # It may hold a password, which no message repeats.
    shown = repr(text) if "@" not in text else "the value"
    return SettingsError(f"SOUNDLOOM_PUBLIC_URL has a wrong value: {shown}; {reason}.")
