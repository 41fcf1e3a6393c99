"""How handlers get what they ask for."""

from litestar.routes import HTTPRoute

from webapp.services.container import Services
from webapp.web.app import create_app


async def test_no_handler_needs_tasks_to_get_what_it_asks_for(services: Services) -> None:
    app = create_app(services)
    batches = [
        batch
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for _, model in route.route_handler_map.values()
        for batch in model.dependency_batches
    ]
    assert len(batches) > len(app.routes)
    assert {len(batch) for batch in batches} == {1}


async def test_no_guard_runs_in_a_thread(services: Services) -> None:
    """Litestar runs what is not async in a thread, and copies the handler for each guard."""
    app = create_app(services)
    handlers = [
        handler for route in app.routes if isinstance(route, HTTPRoute) for handler in route.route_handlers
    ]
    assert handlers
    assert not [handler for handler in handlers if handler.resolve_guards()]
