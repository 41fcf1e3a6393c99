"""The live queue, open to everybody."""

from typing import Any

from litestar import Response, get

from webapp.http.dependencies import InjectedQueue, InjectedWorkers
from webapp.pages.accounts.authentication import InjectedViewer
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.queue.contexts import QueuePage
from webapp.pages.queue.feed import InjectedSharedQueue, own_among_others
from webapp.pages.queue.filter import queue_filter
from webapp.pages.queue.reading import read_surroundings


@get("/queue")
async def show_queue(
    request: PageRequest,
    queue: InjectedQueue,
    workers: InjectedWorkers,
    renderer: InjectedRenderer,
    shared_queue: InjectedSharedQueue,
    viewer: InjectedViewer,
) -> Response[Any]:
    """The queue in order, whole or what the address asks for."""
    shown = queue_filter(request.query_params, viewer)
    can_steer = viewer is not None and viewer.is_admin
    rows = await shared_queue.rows(viewer, shown)
    around = await read_surroundings(queue, workers, can_steer=can_steer)
    return renderer.page(
        QueuePage(
            chrome=Chrome("queue", viewer, live="queue", live_query=shown.query),
            rows=rows,
            own=own_among_others(rows),
            filter=shown,
            counts=around.counts,
            charts=around.charts,
            models=around.models,
            workers=around.workers,
            can_steer=can_steer,
        )
    )
