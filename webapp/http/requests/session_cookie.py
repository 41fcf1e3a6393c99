"""The cookie that carries a session, by name and by what a request sent."""

from typing import Any, Final

from litestar.connection import ASGIConnection

from webapp.http.requests.cookies import cookie_value
from webapp.http.requests.public_url import public_url
from webapp.settings import Settings

PLAIN_COOKIE: Final = "soundloom_session"
# Browsers take a cookie of this prefix only over TLS, for the whole host, from the host itself.
SECURE_COOKIE: Final = "__Host-soundloom_session"
# The same for a part of a host.
PREFIXED_COOKIE: Final = "__Secure-soundloom_session"


def cookie_name(settings: Settings) -> str:
    """The name of the session cookie."""
    if not settings.secure_cookies:
        return PLAIN_COOKIE
    return PREFIXED_COOKIE if public_url(settings).prefix else SECURE_COOKIE


def cookie_path(settings: Settings) -> str:
    """The part of the host that gets the session cookie."""
    return public_url(settings).prefix or "/"


def session_secret(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> str | None:
    """Return the session that the browser sent, if any."""
    return cookie_value(connection.headers, cookie_name(settings)) or None
