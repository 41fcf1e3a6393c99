"""The RateLimit and RateLimit-Policy headers (draft-ietf-httpapi-ratelimit-headers)."""

from dataclasses import dataclass
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.types import Message, Scope

from webapp.services.throttle import ThrottleUsage

_KEY: Final = "soundloom_rate_limits"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit as it is told: `remaining` of `limit` requests in `window_s` seconds, more in `reset_s`."""

    name: str
    limit: int
    window_s: int
    remaining: int
    reset_s: int


def told(name: str, usage: ThrottleUsage) -> RateLimit:
    """How a limit that is counted by the service is told."""
    return RateLimit(name, usage.limit, usage.window_s, usage.remaining, usage.reset_s)


def announce(connection: ASGIConnection[Any, Any, Any, Any], *limits: RateLimit) -> None:
    """Have whatever answers this request, an error too, tell these limits."""
    connection.scope["state"][_KEY] = limits


async def add_rate_limit_headers(message: Message, scope: Scope) -> None:
    """A `before_send` hook: adds the headers to an answer whose limits were announced."""
    limits: tuple[RateLimit, ...] = scope["state"].get(_KEY, ())
    if limits and message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *_encoded(limits)]


def _encoded(limits: tuple[RateLimit, ...]) -> list[tuple[bytes, bytes]]:
    policy = ", ".join(f'"{limit.name}";q={limit.limit};w={limit.window_s}' for limit in limits)
    state = ", ".join(f'"{limit.name}";r={limit.remaining};t={limit.reset_s}' for limit in limits)
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", state.encode())]
