"""The RateLimit and RateLimit-Policy headers (draft-ietf-httpapi-ratelimit-headers-11)."""

from dataclasses import dataclass
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.types import Message, Scope

from webapp.errors import LimitPolicy, LimitReached
from webapp.services.shared.rate_limits import LimitUsage

_KEY: Final = "soundloom_rate_limits"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit as it is told: what remains of it, and in how many seconds there will be more.

    `reset_s` is None where nobody can say, as with what is held at once.
    """

    policy: LimitPolicy
    remaining: int
    reset_s: int | None = None


def told(usage: LimitUsage) -> RateLimit:
    """Return how a limit that is counted by the service is told."""
    return RateLimit(LimitPolicy(usage.name, usage.limit, usage.window_s), usage.remaining, usage.reset_s)


def announce(connection: ASGIConnection[Any, Any, Any, Any], *limits: RateLimit) -> None:
    """Have whatever answers this request, an error too, tell these limits."""
    connection.scope["state"][_KEY] = limits


def announce_refusal(connection: ASGIConnection[Any, Any, Any, Any], error: LimitReached) -> None:
    """Have the refusal tell the limit that was reached, and no other: clients act on what they read first."""
    if error.policy is not None:
        announce(connection, RateLimit(error.policy, 0, error.retry_after_s))


async def add_rate_limit_headers(message: Message, scope: Scope) -> None:
    """A `before_send` hook: adds the headers to an answer whose limits were announced."""
    limits: tuple[RateLimit, ...] = scope["state"].get(_KEY, ())
    if limits and message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *_encoded(limits)]


def _encoded(limits: tuple[RateLimit, ...]) -> list[tuple[bytes, bytes]]:
    policies = ", ".join(_policy(limit.policy) for limit in limits)
    state = ", ".join(_state(limit) for limit in limits)
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", state.encode())]


def _policy(policy: LimitPolicy) -> str:
    scale = f"w={policy.window_s}" if policy.window_s is not None else 'qu="concurrent-requests"'
    return f'"{policy.name}";q={policy.quota};{scale}'


def _state(limit: RateLimit) -> str:
    state = f'"{limit.policy.name}";r={limit.remaining}'
    return state if limit.reset_s is None else f"{state};t={limit.reset_s}"
