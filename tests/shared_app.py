"""One application for the tests of a process: to register 250 handlers takes longer than most tests.

`create_app` runs for each test, over the test's own services. Only the registered routes are those of an
earlier test; they are given what this test's handlers have to be given.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard
from unittest.mock import patch

import msgspec
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types.empty import Empty

from webapp.pages.frame import rendering
from webapp.pages.frame.template_texts import TranslatingEnvironment
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.web import app as web_app


class CompiledTemplates(BytecodeCache):
    """Keeps the code of templates, which each application would compile anew."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        code = self._code.get((bucket.key, bucket.checksum))
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


class RegisteredRoutes:
    """An application, and where its routes keep what belongs to services."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        # Before anything is wrapped around it.
        self._handler = app.asgi_handler
        self._handlers = {_key(handler): handler for handler in _handlers(app)}
        # By names, and each once.
        self._provided: dict[str, dict[int, Provide]] = {}
        for handler in self._handlers.values():
            for name, one in handler.resolve_dependencies().items():
                if _holds_a_value(one):
                    self._provided.setdefault(name, {})[id(one)] = one

    def over(
        self, route_handlers: list[Any], dependencies: dict[str, Provide], exception_handlers: dict[Any, Any]
    ) -> Litestar:
        """The application as it would be if it were made of these."""
        (pages,) = [one for one in route_handlers if isinstance(one, Router)]
        for name, new in {**dependencies, **pages.dependencies}.items():
            if _holds_a_value(new):
                for old in self._provided.get(name, {}).values():
                    old.dependency, old.value = new.dependency, Empty
        for kind, translator in exception_handlers.items():
            vars(self._app.exception_handlers[kind]).update(vars(translator))
        for one in route_handlers:
            # Such as the one that knows the database.
            if isinstance(one, HTTPRouteHandler) and one.fn.__closure__:
                self._handlers[_key(one)]._fn = one.fn  # noqa: SLF001
        self._app.asgi_handler = self._handler
        return self._app


def _handlers(app: Litestar) -> Iterator[HTTPRouteHandler]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from route.route_handlers


def _holds_a_value(one: object) -> TypeGuard[Provide]:
    """Whether it gives every request the same value, as opposed to working one out."""
    return isinstance(one, Provide) and one.use_cache


def _key(handler: HTTPRouteHandler) -> tuple[str, ...]:
    return (str(handler), *sorted(handler.paths), *sorted(handler.http_methods))


_routes: dict[Settings, RegisteredRoutes] = {}
_templates: Final = CompiledTemplates()


def shared_app(services: Services) -> Litestar:
    """The application over services. A test has one, and it lasts until the next test asks for its own."""
    settings = msgspec.structs.replace(services.settings, data_dir="-", database_url="")

    def with_known_routes(
        route_handlers: list[Any],
        dependencies: dict[str, Provide],
        exception_handlers: dict[Any, Any],
        **options: Any,
    ) -> Litestar:
        if settings not in _routes:
            made = Litestar(
                route_handlers,
                dependencies=dependencies,
                exception_handlers=exception_handlers,
                **options,
            )
            _routes[settings] = RegisteredRoutes(made)
            return made
        return _routes[settings].over(route_handlers, dependencies, exception_handlers)

    def environment(**options: Any) -> TranslatingEnvironment:
        # Texts are translated when a template is compiled.
        kept = _templates if settings.language == Settings().language else None
        return TranslatingEnvironment(**options, bytecode_cache=kept)

    with (
        patch.object(web_app, "Litestar", with_known_routes),
        patch.object(rendering, "TranslatingEnvironment", environment),
    ):
        return web_app.create_app(services)
