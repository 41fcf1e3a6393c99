"""A hub over HTTP, as the Hugging Face hub: `{base}/{repository}/resolve/{revision}/{file}`.

For a large file the hub answers a HEAD request with a redirect to its store; `X-Linked-Size` and
`X-Linked-Etag` are the file's size and SHA-256. For a small one, `ETag` is the SHA-1 of its git blob.
`X-Repo-Commit` is the revision. A mirror or a plain web server with the same paths works as well; digests
that it does not send are not verified.
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
# Temporary: the server, or a proxy in front of it, is busy.
TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
OFFLINE: Final = "Is this machine offline? Weights can also be put into the models folder by hand."


class HttpSource:
    """A hub, or a server with the same interface."""

    def __init__(self, base: str) -> None:
        """`base` may contain a user name and a password, which are sent to no other host."""
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

    def describe(self, repository: str, file: str, revision: str) -> RemoteFile:
        url = f"{self._base}/{quote(repository)}/resolve/{quote(revision or NEWEST, safe='')}/{quote(file)}"
        headers: dict[str, str] = {}
        where = url
        for _ in range(MAX_REDIRECTS + 1):
            with self._request("HEAD", where, {}) as response:
                # The hub's own headers about a file take precedence over those of the store behind it.
                own = {name: value for name, value in headers.items() if name.startswith("x-")}
                headers = {name.lower(): value for name, value in response.headers.items()} | own
                if response.status not in REDIRECTS or "x-linked-size" in headers:
                    return _described(repository, file, url, headers)
                where = self._next(where, response.headers)
        raise SourceFailed(f"{self.name} redirects without end")

    @contextmanager
    def open(self, remote: RemoteFile, offset: int, validator: str) -> Iterator[Body]:
        wanted = {"Range": f"bytes={offset}-"} if offset else {}
        if offset and not remote.is_checked:
            # Only the server can decide whether it is still the same file.
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
        """Open a response with a status below 400. Raises NotFound, SourceFailed and Interrupted."""
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
        if status in TEMPORARY:
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
        """Return the target of a redirect. Raises SourceFailed if it is not allowed."""
        target = urljoin(where, headers.get("Location", ""))
        allowed = ("https",) if where.startswith("https:") else ("http", "https")
        if urlsplit(target).scheme not in allowed:
            raise SourceFailed(f"{self.name} redirects to where no secure connection leads")
        return target


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """Returns redirects as responses: their headers are needed, and HEAD must stay HEAD."""

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message
    ) -> IO[bytes]:
        return fp

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _HttpBody:
    def __init__(self, response: http.client.HTTPResponse, offset: int) -> None:
        self.offset = offset
        etag = response.headers.get("ETag", "")
        # A weak validator does not guarantee the same bytes.
        self.validator = "" if etag.startswith("W/") else etag or response.headers.get("Last-Modified", "")
        self._response = response

    def read(self) -> bytes:
        try:
            return self._response.read1(CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise Interrupted(f"The connection broke ({error}).") from error


def _described(repository: str, file: str, url: str, headers: dict[str, str]) -> RemoteFile:
    length = headers.get("x-linked-size") or headers.get("content-length", "")
    if not length.isdecimal():
        raise SourceFailed(f"{urlsplit(url).hostname} does not say how long {file} is")
    digest = headers.get("x-linked-etag") or headers.get("etag", "")
    digest = "" if digest.startswith("W/") else digest.strip('"').lower()
    revision = headers.get("x-repo-commit", "")
    return RemoteFile(
        repository, file, url, int(length),
        sha256=digest if re.fullmatch(r"[0-9a-f]{64}", digest) else "",
        git_sha1=digest if re.fullmatch(r"[0-9a-f]{40}", digest) else "",
        revision=revision if re.fullmatch(r"[0-9a-f]{40}", revision) else "",
    )  # fmt: skip


def _offset(response: http.client.HTTPResponse, asked: int, size_bytes: int) -> int:
    """Return the offset at which a response's body begins.

    Raises SourceFailed if it is not the requested file.
    """
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceFailed("The source sends something else than the file: it is compressed on the way")
    if response.status == 206:
        content_range = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if (
            content_range is None
            or int(content_range[1]) != asked
            or content_range[2] not in (str(size_bytes), "*")
        ):
            raise SourceFailed("The source sends another part of the file than was asked for")
        return asked
    length = response.headers.get("Content-Length")
    if length is not None and int(length) != size_bytes:
        raise SourceFailed(f"The source announced {size_bytes} bytes, and now sends {length}")
    return 0


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
