"""Front-end files under URLs that name their content, so that browsers may keep them for ever."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from webapp.errors import NotFound, SettingsError
from webapp.http.files.preconditions import is_unchanged
from webapp.http.middleware.compression import COMPRESSED

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "public, no-cache"
MEDIA_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

FIRST_SHEET: Final = "css/tokens.css"
ALL_STYLES: Final = "css/all.css"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file, ready to be sent."""

    content: bytes
    media_type: str
    etag: str


class StaticFiles:
    """Every front-end file of the product, read once: a few megabytes, and no disk in any request.

    All files share one version, the digest of them all, because modules and style sheets name each
    other by relative paths: one changed file gives every URL a new version at once.
    """

    def __init__(self, folder: Path, prefix: str = "") -> None:
        """`prefix` stands before the path in the URLs of the files."""
        self._prefix = prefix
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in MEDIA_TYPES
        }
        if FIRST_SHEET in self._files:
            self._files[ALL_STYLES] = self._joined_styles()
        names_and_tags = "\n".join(f"{name} {file.etag}" for name, file in self._files.items())
        self.version = hashlib.sha256(names_and_tags.encode()).hexdigest()[:12]

    def _joined_styles(self) -> StaticFile:
        """Every style sheet as one request. The first names the layers, so the others need no order."""
        sheets = [name for name in self._files if name.startswith("css/") and name != FIRST_SHEET]
        content = b"\n".join(self._files[name].content for name in (FIRST_SHEET, *sheets))
        return _file(content, MEDIA_TYPES[".css"])

    def url(self, name: str) -> str:
        """Where a file is served. Raises KeyError for a file that is not there."""
        if name not in self._files:
            raise KeyError(f"static/{name} is missing")
        return f"{self._prefix}/static/{self.version}/{name}"

    def require(self, *names: str) -> None:
        """Raise SettingsError, one line for the operator, if a file is not there."""
        missing = [name for name in names if name not in self._files]
        if missing:
            raise SettingsError(f"static/{missing[0]} is missing; run `make setup` to fetch it.")

    def find(self, name: str) -> StaticFile:
        """The file of this name. Raises NotFound."""
        file = self._files.get(name)
        if file is None:
            raise NotFound("File not found")
        return file

    def handler(self) -> HTTPRouteHandler:
        """The route that serves the files. An old version gets the present file, not to be kept."""

        @get(
            "/static/{version:str}/{name:path}",
            name="static",
            middleware=[COMPRESSED],
            include_in_schema=False,
        )
        async def serve_static(
            request: Request[Any, Any, Any], version: FromPath[str], name: FromPath[str]
        ) -> Response[bytes]:
            file = self.find(name.lstrip("/"))
            caching = IMMUTABLE if version == self.version else REVALIDATE
            headers = {"ETag": file.etag, "Cache-Control": caching}
            if is_unchanged(request.headers, etag=file.etag):
                return Response(b"", status_code=304, headers=headers)
            return Response(file.content, media_type=file.media_type, headers=headers)

        return serve_static


def _read(path: Path) -> StaticFile:
    return _file(path.read_bytes(), MEDIA_TYPES[path.suffix])


def _file(content: bytes, media_type: str) -> StaticFile:
    return StaticFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
