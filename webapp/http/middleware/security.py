"""Headers that tell browsers what a page may do: by default, next to nothing."""

from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# `same-origin` keeps the Origin header on our own forms, which the defence against forged requests
# reads; `no-referrer` would turn it into "null".
REFERRER_POLICY: Final = "same-origin"
# The start page records lines to follow; a browser asks before it lets it.
PERMISSIONS_POLICY: Final = "camera=(), geolocation=(), microphone=(self), payment=(), usb=()"
MEDIA: Final = "media-src 'self'"
CSP: Final = b"content-security-policy"
RESOURCE_POLICY: Final = b"cross-origin-resource-policy"
HSTS: Final = "max-age=31536000"


class SecurityHeaders:
    """Adds the headers to every answer that does not set them itself."""

    def __init__(
        self, app: ASGIApp, *, is_tls: bool, media_origin: str = "", embeddable: tuple[str, ...] = ()
    ) -> None:
        """`is_tls`: people reach the server over TLS, so browsers may be told never to do without.

        `media_origin`: where sounds come from besides this server, if they do. `embeddable`: what the paths
        of files begin with that pages of other sites may show.
        """
        self.app = app
        named = {
            "x-content-type-options": "nosniff",
            "referrer-policy": REFERRER_POLICY,
            "permissions-policy": PERMISSIONS_POLICY,
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }
        if is_tls:
            named["strict-transport-security"] = HSTS
        common = [(name.encode(), value.encode()) for name, value in named.items()]
        self._names = frozenset({CSP, *(name for name, _ in common)})
        policy = CONTENT_SECURITY_POLICY.replace(MEDIA, f"{MEDIA} {media_origin}".rstrip())
        self._headers = [(CSP, policy.encode()), *common]
        self._embeddable = embeddable
        self._headers_of_embeddable = [
            (name, b"cross-origin" if name == RESOURCE_POLICY else value) for name, value in self._headers
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = self._headers
                if self._embeddable and scope["path"].startswith(self._embeddable):
                    added = self._headers_of_embeddable
                # ASGI has header names in lower case.
                present = [name for name, _ in message["headers"] if name in self._names]
                if present:
                    added = [header for header in added if header[0] not in present]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)
