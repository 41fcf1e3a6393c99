"""Opens a span for every request, under the caller's where the request names one."""

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from webapp import tracing
from webapp.http.middleware.access_log import loggable_path

HEADER = b"traceparent"


class RequestTraces:
    """ASGI middleware; used only where traces are written."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(HEADER, b"").decode("latin-1")
        parent = given if len(given) == tracing.TRACEPARENT_CHARACTERS else ""
        method, path = str(scope.get("method", scope["type"])), loggable_path(scope)
        with tracing.span(f"{method} {path}", parent, is_server=True) as span:
            span.set_attribute("http.request.method", method)
            span.set_attribute("url.path", path)

            async def send_with_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self.app(scope, receive, send_with_status)
