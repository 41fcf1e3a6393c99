"""Which pages of other sites may use the API from a browser."""

from typing import Final

from litestar.config.cors import CORSConfig

from webapp.settings import Settings

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SENT: Final = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "xi-api-key")
READ: Final = (
    "Content-Disposition", "ETag", "Link", "Location", "Preference-Applied", "RateLimit", "RateLimit-Policy",
    "Retry-After", "x-generation-id", "x-job-id",
)  # fmt: skip
KEEP_S: Final = 3_600


def cors_config(settings: Settings) -> CORSConfig | None:
    """Return what browsers are told, where the operator names origins; None tells them that none may.

    Cookies are never allowed: a page of another site needs a token.
    """
    origins = [origin.strip().rstrip("/") for origin in settings.cors_origins.split(",") if origin.strip()]
    if not origins:
        return None
    return CORSConfig(
        allow_origins=origins,
        allow_methods=list(METHODS),
        allow_headers=list(SENT),
        expose_headers=list(READ),
        allow_credentials=False,
        max_age=KEEP_S,
    )
