"""Puts the web process together: controllers, pages, errors, headers."""

from typing import Final

from litestar import Litestar
from litestar.types import ASGIApp
from litestar_htmx import HTMXPlugin
from prometheus_client import CollectorRegistry, ProcessCollector

from webapp.api import API_CONTROLLERS
from webapp.api.health import healthz, readyz
from webapp.api.metrics import lapsed_leases, metrics
from webapp.api.queue.feed import QueueFeed
from webapp.assets import asset_folder
from webapp.http.cross_origin import cors_config
from webapp.http.dependencies import Streams, dependencies_of, provided, resolve_in_sequence
from webapp.http.errors import ErrorTranslator
from webapp.http.files.conversion import Conversions
from webapp.http.files.static import StaticFiles
from webapp.http.middleware.access_log import AccessLog
from webapp.http.middleware.head_requests import HeadRequests
from webapp.http.middleware.hosts import HostCheck, UnknownHostPage
from webapp.http.middleware.lingering import UnreadBodies
from webapp.http.middleware.prefix import PathPrefix
from webapp.http.middleware.proxies import NoticeProxies, ProxyWatch
from webapp.http.middleware.request_metrics import RequestMetrics
from webapp.http.middleware.security import SecurityHeaders
from webapp.http.rate_limit import add_rate_limit_headers
from webapp.http.requests.public_url import public_url
from webapp.http.requests.query_bounds import QueryBounds
from webapp.http.streams.stream_caps import StreamCaps
from webapp.pages import page_router
from webapp.pages.accounts.authentication import viewer_finder
from webapp.pages.frame import texts
from webapp.pages.frame.errors import error_page, unknown_host_page
from webapp.pages.frame.rendering import Renderer
from webapp.services.container import Services
from webapp.web.openapi import openapi_config

MAX_BODY_BYTES: Final = 64 * 1024
# What set-up fetches and every page needs: without it the start fails, and not each page by itself.
FETCHED: Final = ("vendor/htmx.min.js", "vendor/hx-sse.min.js")


def create_app(services: Services) -> Litestar:
    """The ASGI application over services that are ready to use; it neither opens nor closes them.

    Raises SettingsError when set-up has not fetched the front-end files, for a public address that cannot be
    served, and for a language that there is not.

    `app.state.streams.stop.set()` ends every open event stream, which a server waits for when it stops.
    """
    settings, assets = services.settings, asset_folder()
    texts.use(texts.read_language(settings.language, assets / "locale"))
    prefix = public_url(settings).prefix
    static = StaticFiles(assets / "static", prefix)
    static.require(*FETCHED)
    watch = ProxyWatch()
    renderer = Renderer(assets / "templates", static, services.clock, prefix, watch)
    streams = Streams(
        StreamCaps(settings.connections_per_account, settings.connections_per_address),
        StreamCaps(settings.sound_streams_per_account, noun="sound-streams"),
    )
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    app = Litestar(
        route_handlers=[
            *API_CONTROLLERS,
            page_router(services, renderer),
            static.handler(),
            healthz,
            readyz,
            metrics(registry, services.clock),
        ],
        dependencies={
            **dependencies_of(services),
            "streams": provided(streams),
            "conversions": provided(Conversions()),
            "queue_feed": provided(QueueFeed(services.queue.reader, services.bus)),
        },
        exception_handlers={Exception: _error_translator(services, renderer)},
        openapi_config=openapi_config(settings),
        cors_config=cors_config(settings),
        plugins=[HTMXPlugin()],
        before_send=[add_rate_limit_headers],
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
    )
    app.state.streams, app.state.lapsed_leases = streams, lapsed_leases(registry)
    resolve_in_sequence(app)
    handler = NoticeProxies(_router(app, registry, prefix), settings, watch)
    app.asgi_handler = _with_middleware(handler, services, unknown_host_page(renderer))
    return app


def _router(app: Litestar, registry: CollectorRegistry, prefix: str) -> ASGIApp:
    """Wrap what depends on the routes."""
    router = HeadRequests(RequestMetrics(app.asgi_handler, registry), app)
    return PathPrefix(router, app, prefix) if prefix else router


def _error_translator(services: Services, renderer: Renderer) -> ErrorTranslator:
    find_viewer = viewer_finder(services.settings, services.accounts)
    return ErrorTranslator(error_page(renderer, find_viewer))


def _with_middleware(app: ASGIApp, services: Services, unknown_host: UnknownHostPage) -> ASGIApp:
    """Wrap what answers every request, the unroutable ones included.

    The framework's own middleware belongs to routes, so a 404 would pass by it.
    """
    settings = services.settings
    media_origin = services.storage.origin if settings.storage_redirect else ""
    app = HostCheck(QueryBounds(app), settings, unknown_host)
    app = UnreadBodies(app)
    files = (f"{public_url(settings).prefix}/{name}/" for name in ("audio", "spectrogram"))
    app = SecurityHeaders(
        app,
        is_tls=settings.secure_cookies,
        media_origin=media_origin,
        embeddable=tuple(files) if settings.embedding else (),
    )
    return AccessLog(app)
