"""The cookie that carries a session, by name and by what a request sent."""

from typing import Any, Final

from litestar.connection import ASGIConnection

from webapp.settings import Settings

PLAIN_COOKIE: Final = "soundloom_session"
# Browsers take a cookie of this prefix only over TLS, for the whole host, from the host itself.
SECURE_COOKIE: Final = "__Host-soundloom_session"


def cookie_name(settings: Settings) -> str:
    """The name of the session cookie."""
    return SECURE_COOKIE if settings.secure_cookies else PLAIN_COOKIE


def session_secret(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> str | None:
    """What the browser sent as its session, if anything."""
    return connection.cookies.get(cookie_name(settings)) or None
