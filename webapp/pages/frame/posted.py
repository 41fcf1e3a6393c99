"""A submitted form, as every handler gets it."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.pages.accounts.authentication import InjectedIdentity
from webapp.pages.frame.forms import Fields, read_fields
from webapp.pages.frame.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.frame.rendering import InjectedRenderer, Renderer
from webapp.services.accounts.identity import Identity


@dataclass(frozen=True, slots=True)
class Posted:
    """A form that came in: what it says, who sent it, and what its answer is made with.

    `pairs` has every value of a repeated field, `fields` the last one.
    """

    request: PageRequest
    renderer: Renderer
    identity: Identity
    pairs: tuple[tuple[str, str], ...]
    fields: Fields

    @property
    def wants_fragments(self) -> bool:
        """Return whether a page asks in the background for parts of itself."""
        return wants_fragments(self.request)

    def see_other(self, path: str) -> Response[Any]:
        """Send whoever posted it to `path`."""
        return see_other(self.request, path)


async def provide_posted(
    request: PageRequest, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Posted:
    """The form of whoever is signed in. Raises AuthenticationRequired and UnsupportedMediaType."""
    pairs = await read_fields(request)
    return Posted(request, renderer, identity, tuple(pairs), dict(pairs))


InjectedPosted: TypeAlias = NamedDependency[SkipValidation[Posted]]
