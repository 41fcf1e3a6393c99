"""Renders templates from typed contexts."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from jinja2 import FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import SkipValidation

from webapp.clock import Clock
from webapp.http.files.static import StaticFiles
from webapp.http.middleware.proxies import ProxyWatch
from webapp.pages.frame import texts, words
from webapp.pages.frame.form_address import form_address
from webapp.pages.frame.record_words import parts_of, what_of
from webapp.pages.frame.template_texts import TranslatingEnvironment
from webapp.pages.library.address import MAX_QUERY_CHARACTERS
from webapp.pages.library.waveform import waveform_bars
from webapp.policy.accounts.credentials import MAX_USERNAME_CHARACTERS
from webapp.policy.library.fields import MAX_PLAYLIST_NAME_CHARACTERS
from webapp.policy.library.file_names import download_stem

# How much fits into the fields that stand on several pages.
LIMITS: Final = {
    "username": MAX_USERNAME_CHARACTERS,
    "playlist_name": MAX_PLAYLIST_NAME_CHARACTERS,
    "query": MAX_QUERY_CHARACTERS,
}


class Context(Protocol):
    """A template's context: a dataclass whose fields are the template's variables."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


class Renderer:
    """The templates of one application.

    Undefined names are errors and everything is escaped. Templates are compiled on first use and
    looked for on disk only then.
    """

    def __init__(
        self, folder: Path, static: StaticFiles, clock: Clock, root: str = "", watch: ProxyWatch | None = None
    ) -> None:
        """`root` is the path under which people reach the server; templates put it before every address."""
        noticed = watch or ProxyWatch()
        self.environment = TranslatingEnvironment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._clock = clock
        self.environment.globals.update(
            root=root,
            unknown_proxy=lambda: noticed.unknown_proxy,
            static_url=static.url,
            now_ms=clock.now_ms,
            waveform_bars=waveform_bars,
            form_address=form_address,
            download_stem=download_stem,
            language=texts.language_tag,
            LIMITS=LIMITS,
            record_parts=parts_of,
            record_what=what_of,
            **words.TEMPLATE_FUNCTIONS,
        )

    def render(self, context: Context) -> str:
        """The text that a context's template gives."""
        values = {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}
        return self.environment.get_template(context.template).render(values)

    def page(self, context: Context, *, status: int = 200) -> Response[str]:
        """An answer with a whole page or a fragment; never kept by caches, for it may be somebody's own."""
        return _answer(self.render(context), status)

    def fragments(self, *fragments: str) -> Response[str]:
        """An answer with rendered fragments, each of which says where it belongs."""
        return _answer("".join(fragments), 200)


def _answer(html: str, status: int) -> Response[str]:
    headers = {"Cache-Control": "no-store", "Vary": "Cookie, HX-Request"}
    return Response(html, media_type=MediaType.HTML, status_code=status, headers=headers)


InjectedRenderer = NamedDependency[SkipValidation[Renderer]]
