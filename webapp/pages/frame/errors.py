"""Errors as pages, for people."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from litestar import Request, Response

from webapp.http.errors import HtmlErrorPage, Problem
from webapp.http.middleware.hosts import UnknownHostPage
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.rendering import Renderer
from webapp.pages.frame.texts import N_, Texts, _, translated

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


def error_page(renderer: Renderer) -> HtmlErrorPage:
    """Build the renderer of problems for people."""

    def render(request: Request[Any, Any, Any], problem: Problem) -> Response[str]:
        headers = request.headers
        if headers.get("hx-request") == "true" and headers.get("hx-boosted") != "true":
            response = renderer.page(ErrorNotice(_notice(problem), problem.error_id), status=problem.status)
            response.headers.update(TO_NOTICES)
            return response
        return renderer.page(
            ErrorPage(
                chrome=Chrome("none", knows_viewer=False),
                status=problem.status,
                title=_title(problem),
                text=problem.text,
                advice=_advice(problem),
                error_id=problem.error_id,
            ),
            status=problem.status,
        )

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
