"""A hub over HTTP, in the way of the Hugging Face hub: `{base}/{repository}/resolve/{revision}/{file}`.

Of a large file the hub answers a HEAD request with a redirection to its store, and says in `X-Linked-Size`
and `X-Linked-Etag` how long the file is and what its SHA-256 is; of a small one, `ETag` is the SHA-1 of its
git blob. `X-Repo-Commit` names the revision. A mirror or a plain web server with the same paths serves
as well; what it does not say is not checked.
"""

import http.client
import re
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import IO, Final
from urllib.parse import quote, unquote, urljoin, urlsplit

from webapp import __version__
from webapp.errors import NotFound
from webapp.weights.source import CHUNK_BYTES, Body, Interrupted, RemoteFile, SourceFailed

NEWEST: Final = "main"
TIMEOUT_S: Final = 30.0
MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Worth another try: the server is busy, or somebody before it is.
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
OFFLINE: Final = "Is this machine offline? Weights can also be put into the models folder by hand."


class HttpSource:
    """A hub, or whatever answers like one."""

    def __init__(self, base: str) -> None:
        """`base` may hold a user name and a password, which no other server gets to see."""
        parts = urlsplit(base.rstrip("/"))
        self._host = parts.netloc.rpartition("@")[2]
        self._base = parts._replace(netloc=self._host).geturl()
        self._access = {}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._access["Authorization"] = f"Basic {b64encode(secret.encode()).decode()}"
        self._opener = urllib.request.build_opener(_Unredirected)
        self._opener.addheaders = []

    @property
    def name(self) -> str:
        return urlsplit(self._base).hostname or self._base

    def look(self, repository: str, file: str, revision: str) -> RemoteFile:
        url = f"{self._base}/{quote(repository)}/resolve/{quote(revision or NEWEST, safe='')}/{quote(file)}"
        said: dict[str, str] = {}
        where = url
        for _ in range(MAX_REDIRECTS + 1):
            with self._request("HEAD", where, {}) as response:
                # What the hub itself says of a file counts, not what the store behind it does.
                own = {name: value for name, value in said.items() if name.startswith("x-")}
                said = {name.lower(): value for name, value in response.headers.items()} | own
                if response.status not in REDIRECTS or "x-linked-size" in said:
                    return _described(repository, file, url, said)
                where = self._next(where, response.headers)
        raise SourceFailed(f"{self.name} redirects without end")

    @contextmanager
    def open(self, remote: RemoteFile, offset: int, validator: str) -> Iterator[Body]:
        wanted = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and not remote.is_checked:
            # Nothing but the server can tell whether it is still the same file.
            wanted["If-Range"] = validator
        where = remote.location
        for _ in range(MAX_REDIRECTS + 1):
            with self._request("GET", where, wanted) as response:
                if response.status not in REDIRECTS:
                    yield _HttpBody(response, _offset(response, offset, remote.size_bytes))
                    return
                where = self._next(where, response.headers)
        raise SourceFailed(f"{self.name} redirects without end")

    @contextmanager
    def _request(self, method: str, url: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
        """Answer of any status that is no error. Raises NotFound, SourceFailed, Interrupted."""
        access = self._access if urlsplit(url).netloc == self._host else {}
        own = {"User-Agent": f"soundloom/{__version__}", "Accept-Encoding": "identity"}
        request = urllib.request.Request(  # noqa: S310 - its scheme is checked by open_source and _next
            url, method=method, headers={**own, **access, **headers}
        )  # fmt: skip
        try:
            response: http.client.HTTPResponse = self._opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()
            raise self._refusal(error.code, error.headers, url) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._trouble(error) from error
        with response:
            yield response

    def _refusal(self, status: int, headers: Message, url: str) -> Exception:
        path = urlsplit(url).path
        if status in PASSING:
            return Interrupted(
                f"{self.name} answered {status}.", retry_after_s=_seconds(headers.get("Retry-After"))
            )
        if status in (404, 410):
            return NotFound(f"{self.name} has no {path}")
        if status in (401, 403):
            return SourceFailed(f"{self.name} does not give out {path} ({status})")
        return SourceFailed(f"{self.name} answered {status} for {path}")

    def _trouble(self, error: Exception) -> Exception:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            return SourceFailed(f"The certificate of {self.name} is not valid: {reason.verify_message}")
        words = getattr(reason, "strerror", None) or reason
        return Interrupted(f"{self.name} cannot be reached ({words}). {OFFLINE}")

    def _next(self, where: str, headers: Message) -> str:
        """Where a redirection leads. Raises SourceFailed where it must not."""
        target = urljoin(where, headers.get("Location", ""))
        allowed = ("https",) if where.startswith("https:") else ("http", "https")
        if urlsplit(target).scheme not in allowed:
            raise SourceFailed(f"{self.name} redirects to where no secure connection leads")
        return target


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """Hands redirections out as answers: what they say is wanted, and HEAD has to stay HEAD."""

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message
    ) -> IO[bytes]:
        return fp

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _HttpBody:
    def __init__(self, response: http.client.HTTPResponse, offset: int) -> None:
        self.offset = offset
        etag = response.headers.get("ETag", "")
        # A weak one does not promise the same bytes.
        self.validator = "" if etag.startswith("W/") else etag or response.headers.get("Last-Modified", "")
        self._response = response

    def read(self) -> bytes:
        try:
            return self._response.read1(CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(f"The connection broke ({error}).") from error


def _described(repository: str, file: str, url: str, said: dict[str, str]) -> RemoteFile:
    length = said.get("x-linked-size") or said.get("content-length", "")
    if not length.isdecimal():
        raise SourceFailed(f"{urlsplit(url).hostname} does not say how long {file} is")
    digest = said.get("x-linked-etag") or said.get("etag", "")
    digest = "" if digest.startswith("W/") else digest.strip('"').lower()
    revision = said.get("x-repo-commit", "")
    return RemoteFile(
        repository, file, url, int(length),
        sha256=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else "",
        git_sha1=digest if re.fullmatch(r"[0-9a-f]{40}", digest) else "",
        revision=revision if re.fullmatch(r"[0-9a-f]{40}", revision) else "",
    )  # fmt: skip


def _offset(response: http.client.HTTPResponse, asked: int, size_bytes: int) -> int:
    """Where an answer's body begins in the file. Raises SourceFailed for what is not the file asked for."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceFailed("The source sends something else than the file: it is compressed on the way")
    if response.status == 206:
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if told is None or int(told[1]) != asked or told[2] not in (str(size_bytes), "*"):
            raise SourceFailed("The source sends another part of the file than was asked for")
        return asked
    length = response.headers.get("Content-Length")
    if length is not None and int(length) != size_bytes:
        raise SourceFailed(f"The source announced {size_bytes} bytes, and now sends {length}")
    return 0


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
