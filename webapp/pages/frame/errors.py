"""Errors as pages, for people."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from litestar import Litestar, Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.http.errors import HtmlErrorPage, Problem
from webapp.http.middleware.hosts import UnknownHostPage
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.rendering import Renderer
from webapp.pages.frame.texts import N_, Texts, _, translated
from webapp.services.accounts.identity import Identity

ADVICE: Final = Texts(
    {
        "400": N_("The request was not valid. Go back and try again."),
        "401": N_("Sign in to see this page."),
        "403": N_("This belongs to another account or needs rights that you do not have."),
        "404": N_("Nothing exists at this address. It may have been deleted, or the link is incomplete."),
        "405": N_("This address does not accept such a request."),
        "429": N_("Too many requests. Wait a moment and try again."),
        "503": N_("Part of the service is unavailable. Try again in a few minutes."),
        "507": N_("No storage is left for another sound. Delete some sounds to free space."),
    }
)
ADVICE_OF_FAILURE: Final = N_(
    "Something went wrong on the server. Try again. If it happens again, tell the admin."
)

FindViewer = Callable[[Request[Any, Any, Any]], Awaitable[Identity | None]]

# Whatever was asked for: the notice goes to its own place, and no address changes.
TO_NOTICES: Final = {
    "HX-Retarget": "#notices",
    "HX-Reswap": "innerHTML",
    "HX-Reselect": ".notice",
    "HX-Push-Url": "false",
}


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """`error_id` finds the failure in the server's log."""

    template: ClassVar[str] = "frame/error.html"

    chrome: Chrome
    status: int
    title: str
    text: str
    advice: str
    error_id: str | None


@dataclass(frozen=True, slots=True)
class ErrorNotice:
    """The same, as a fragment for a page that asked in the background."""

    template: ClassVar[str] = "frame/notice.html"

    text: str
    error_id: str | None


@dataclass(frozen=True, slots=True)
class UnknownHostNotice:
    """A page that stands by itself: under an unknown name nothing else would be answered."""

    template: ClassVar[str] = "frame/unknown_host.html"

    text: str
    advice: str


def unknown_host_page(renderer: Renderer) -> UnknownHostPage:
    """Render the page about a host name to which the server does not answer."""

    def render(problem: Problem) -> str:
        return renderer.render(UnknownHostNotice(problem.text, problem.advice or ""))

    return render


class _ForViewer(Response[str]):
    """A page that is rendered when it is sent: errors are handled where nobody can be looked up."""

    def __init__(self, build: Callable[[Chrome], Response[str]], find_viewer: FindViewer) -> None:
        super().__init__("")
        self._build = build
        self._find_viewer = find_viewer

    def to_asgi_response(
        self, app: Litestar | None, request: Request[Any, Any, Any], **options: Any
    ) -> ASGIResponse:
        async def page() -> ASGIResponse:
            response = self._build(Chrome("none", await self._find_viewer(request)))
            response.headers.update(self.headers)
            return response.to_asgi_response(app, request, **options)

        return _Late(page)


class _Late(ASGIResponse):
    """An answer that is made when it is sent."""

    def __init__(self, make: Callable[[], Awaitable[ASGIResponse]]) -> None:
        super().__init__()
        self._make = make

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._make())(scope, receive, send)


def error_page(renderer: Renderer, find_viewer: FindViewer) -> HtmlErrorPage:
    """Build the renderer of problems for people. While the server itself fails nobody is looked up."""

    def render(request: Request[Any, Any, Any], problem: Problem) -> Response[str]:
        headers = request.headers
        if headers.get("hx-request") == "true" and headers.get("hx-boosted") != "true":
            response = renderer.page(ErrorNotice(_notice(problem), problem.error_id), status=problem.status)
            response.headers.update(TO_NOTICES)
            return response

        def build(chrome: Chrome) -> Response[str]:
            page = ErrorPage(
                chrome, problem.status, _title(problem), problem.text, _advice(problem), problem.error_id
            )
            return renderer.page(page, status=problem.status)

        if problem.status >= 500:
            return build(Chrome("none", knows_viewer=False))
        return _ForViewer(build, find_viewer)

    return render


def _title(problem: Problem) -> str:
    return _("Page not found") if problem.status == 404 and problem.text == "Not found" else problem.text


def _notice(problem: Problem) -> str:
    return f"{problem.text}. {problem.advice}" if problem.advice else problem.text


def _advice(problem: Problem) -> str:
    if problem.advice:
        return problem.advice
    status = str(problem.status)
    if status in ADVICE:
        return ADVICE[status]
    return translated(ADVICE_OF_FAILURE) if problem.status >= 500 else ADVICE["400"]
