"""What handlers are injected does not hide what clients send."""

from collections.abc import Iterator

from litestar import Litestar
from litestar.di import Dependency
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.utils.signature import ParsedSignature

from webapp.services.container import Services
from webapp.web.app import create_app


def handlers_of(app: Litestar) -> Iterator[HTTPRouteHandler]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from route.route_handlers


def sent_by_clients(signature: ParsedSignature) -> set[str]:
    """The parameters that are not injected."""
    return {
        name
        for name, field in signature.parameters.items()
        if not any(isinstance(part, Dependency) for part in field.metadata)
    }


def test_no_dependency_has_the_name_of_a_parameter(services: Services) -> None:
    hidden = set()
    count = 0
    for handler in handlers_of(create_app(services)):
        given = handler.resolve_dependencies()
        for signature in (handler.parsed_fn_signature, *(one.parsed_fn_signature for one in given.values())):
            count += 1
            hidden |= {(str(handler), name) for name in sent_by_clients(signature) & given.keys()}
    assert count > 100
    assert hidden == set()
