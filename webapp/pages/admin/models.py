"""The page of models in memory, weights to fetch, and workers; live while it is open."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.events import Event
from webapp.http.dependencies import (
    InjectedAdministration,
    InjectedModels,
    InjectedQueue,
    InjectedWorkers,
)
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, InjectedAdmin, admin_chrome
from webapp.pages.admin.contexts import FoldersFragment, ModelsPage, WeightsFragment
from webapp.pages.frame.answers import ask, done, is_confirmed
from webapp.pages.frame.live import Fragment
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.rendering import InjectedRenderer, Renderer
from webapp.pages.frame.texts import _
from webapp.pages.queue.contexts import QueueModelsFragment, WorkersFragment
from webapp.pages.queue.reading import read_surroundings
from webapp.services.models.facade import ModelServices
from webapp.services.queue.facade import QueueServices
from webapp.services.workers.facade import WorkerServices

PAGE: Final = "/admin/models"


@get(PAGE, dependencies=ADMIN_DEPENDENCIES)
async def show_models(
    queue: InjectedQueue,
    models: InjectedModels,
    workers: InjectedWorkers,
    renderer: InjectedRenderer,
    admin: InjectedAdmin,
) -> Response[Any]:
    """Models in memory, published weights with what is here of them, workers."""
    around = await read_surroundings(queue, workers, can_steer=True)
    return renderer.page(
        ModelsPage(
            chrome=admin_chrome(admin, live="admin"),
            entries=await models.downloads.catalogue(),
            folders=await models.downloads.folders(),
            models=around.models,
            workers=around.workers,
        )
    )


@post("/admin/weights/{name:str}", dependencies=ADMIN_DEPENDENCIES)
async def change_weights(
    posted: InjectedPosted,
    queue: InjectedQueue,
    models: InjectedModels,
    workers: InjectedWorkers,
    administration: InjectedAdministration,
    name: FromPath[str],
) -> Response[Any]:
    """Fetch weights, stop that, or take them away."""
    operations = administration.operations
    match posted.fields.get("action"):
        case "download":
            is_accepted = posted.fields.get("accepted") == "yes"
            await operations.download(posted.identity, name, accepted_licence=is_accepted)
            said = _("%(name)s is downloading", name=name)
        case "cancel":
            await operations.cancel_download(posted.identity, name)
            said = _("Download stopped. The downloaded part is kept.")
        case "remove" if not is_confirmed(posted.fields):
            return ask(
                posted, _("Remove %(name)s?", name=name),
                _("To use it again, you have to download it again."),
                verb=_("Remove %(name)s", name=name), opposite=_("Keep %(name)s", name=name),
                action=f"/admin/weights/{name}", section="admin", back=PAGE,
            )  # fmt: skip
        case "remove":
            await operations.remove_weights(posted.identity, name)
            said = _("%(name)s is being removed", name=name)
        case _:
            raise InvalidRequest(_("Choose what to do with the weights"))
    fragments = await ModelsFeed(queue, models, workers, posted.renderer).fragments()
    return done(posted, said, *(fragment.encode() for fragment in fragments), back=PAGE)


class ModelsFeed:
    """The feed of an open page of models."""

    def __init__(
        self, queue: QueueServices, models: ModelServices, workers: WorkerServices, renderer: Renderer
    ) -> None:
        self._queue = queue
        self._models = models
        self._workers = workers
        self._renderer = renderer

    def note(self, event: Event) -> bool:
        """Progress of downloads comes as news of the service's status."""
        return event.topic in {"status", "queue", "control"}

    def take_signals(self) -> tuple[str, ...]:
        """None: the page has no element that asks for itself."""
        return ()

    async def fragments(self) -> list[Fragment]:
        """Every part of the page."""
        around = await read_surroundings(self._queue, self._workers, can_steer=True)
        render = self._renderer.render
        return [
            Fragment("queue-models", render(QueueModelsFragment(around.models, can_steer=True))),
            Fragment("workers", render(WorkersFragment(around.workers, can_steer=True))),
            Fragment("weights-folders", render(FoldersFragment(await self._models.downloads.folders()))),
            *(
                Fragment(f"weights-{entry.name}", render(WeightsFragment(entry)))
                for entry in await self._models.downloads.catalogue()
            ),
        ]


MODEL_ADMIN_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (show_models, change_weights)
