"""The worst that fits into a request, for every place of a request that is read."""

import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

import webapp
from tests.api.live import VOICE, LiveServer

BODY_BYTES: Final = 64 * 1024
HEADER_BYTES: Final = 30 * 1024
QUERY_BYTES: Final = 15 * 1024

# Marks that belong in another order than they come in, each of which is taken apart besides.
MARKS: Final = "\u0f73"
TEXTS: Final = (
    MARKS, "\u0301\u0316", '\\"', "a\u200b\u200d", "\U0001f9d1", "\ufdfa", "9", ",", ";=", "[{(", " \t",
    "\u00b2", "\u0130\u00df", "\uff9e\u0e48", "\0", "\ud800",
)  # fmt: skip
# Lengths at which prompts, and texts to be spoken, are still taken.
LENGTHS: Final = (1_000, 5_000)
BODIES: Final = {
    "quotes": b'\\"' * 32_768,
    "a string cut off": b'{"a": "' + b'\\"' * 32_760,
    "lists": b"[" * 65_536,
    "objects": b'{"a":' * 13_000,
    "members": b"{" + b",".join(b'"%d":0' % number for number in range(7_000)) + b"}",
    "empty lists": b'{"a": [' + b",".join([b"[]"] * 20_000) + b"]}",
    "digits": b'{"a": ' + b"9" * 65_000 + b"}",
    "fraction": b'{"duration": 1.' + b"1" * 65_000 + b"}",
    "spaces": b" " * 65_536,
    "escapes": b'{"a": "' + b"\\u0f73" * 10_000 + b'"}',
    "pairs": b"&" * 65_536,
    "names": b"&".join(b"%d=" % number for number in range(9_000)),
    "percents": b"a=" + b"%" * 65_000,
    "encoded": b"a=" + b"%ff" * 21_000,
}  # fmt: skip
HEADERS: Final = {
    "accept": ("text/html;q=0.1,", ",", ";", "a/b;q=9"),
    "accept-encoding": ("gzip,", ";"),
    "accept-language": ("en;q=0.1,",),
    "authorization": ("Bearer ", "a", ","),
    "content-encoding": ("identity,", ","),
    "content-type": (";", '; a="', "; \t", ';\\"', "a/"),
    "cookie": ('\\"', "\\", "a=b;", ";", "soundloom_session=\\\\;", "="),
    "forwarded": ("for=1;", ","),
    "host": ("a", "[", "1", "a."),
    "idempotency-key": ('\\"', "a"),
    "if-match": ('"a",', 'W/"', '"'),
    "if-modified-since": ("Mon, ", "1 ", ":", "("),
    "if-none-match": ('"a",', 'W/"', '"', "*"),
    "if-range": ('"a",', "1 "),
    "if-unmodified-since": ("Mon, ", "1 ", "0"),
    "last-event-id": ("9", "\u00b2"),
    "hx-current-url": ("http://[", "a&", "%"),
    "hx-request": ("true",),
    "hx-source": ("a",),
    "origin": ("http://[", "\u00a8", "/"),
    "prefer": ("wait = ", ",", "wait=1;", '"'),
    "range": ("bytes=0-1,", "9", "-", "bytes=0-0,"),
    "referer": ("http://[", "/"),
    "sec-fetch-site": ("same-origin",),
    "user-agent": ("a", "\u00e9", "\t"),
    "x-forwarded-for": ("127.0.0.1,", "1.", ":", "1"),
}
PATHS: Final = (
    "a" * 15_000, "9" * 15_000, "%00", "%ed%a0%80", "%c0%af" * 2_000, "%" * 10_000, "%e2%82" * 2_000,
    "%c2%b2", "%2f" * 5_000, "/" * 15_000, ".." * 2_000, quote(MARKS * 1_500), "%ef%bc%91", "9" * 22, "-1",
    "%5b", "%0d%0aX:%20y",
)  # fmt: skip
# Numbers that no database takes, and texts that no parameter wants.
VALUES: Final = ("9" * 23, "9" * 18, "4294967296", "\u00b2", "\0", "//[", "nan", "-1")
JSON_VALUES: Final[tuple[Any, ...]] = (
    10**22,
    -(10**22),
    2**63,
    2**31,
    1e308,
    [[]],
    {"a": {}},
    None,
    True,
    "\0",
    "\ud800",
    ["\0"] * 9,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path, the parameters that its address may have, and the fields of what it is sent."""

    method: str
    path: str
    is_page: bool
    parameters: tuple[str, ...]
    fields: tuple[str, ...]


def endpoints(app: Litestar, description: dict[str, Any]) -> list[Endpoint]:
    """Every endpoint there is, as the routes and the API's description know it; what deletes comes last."""
    known = _names_in_templates()
    found = [
        _endpoint(method, route.path_format, handler, known, description)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]
    return sorted(found, key=lambda one: (one.method == "DELETE", "logout" in one.path, one.path, one.method))


def _endpoint(
    method: str, path: str, handler: HTTPRouteHandler, known: frozenset[str], description: dict[str, Any]
) -> Endpoint:
    operation = description["paths"].get(path, {}).get(method.lower(), {})
    queries = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    fields = [name for each in content.values() for name in each["schema"].get("properties", ())]
    if handler.opt.get("page"):
        # Pages are not described: the names are those of forms that occur in the handler's module.
        module = inspect.getsource(sys.modules[inspect.unwrap(handler.fn).__module__])
        fields = sorted({"back", *re.findall(r'"(\w+)"', module)} & known)
        queries = ["q", "page", "next", "since", "view", *fields]
    return Endpoint(method, path, bool(handler.opt.get("page")), tuple(queries), tuple(fields))


def _names_in_templates() -> frozenset[str]:
    folder = Path(webapp.__file__).resolve().parent.parent / "templates"
    return frozenset(
        name for path in folder.rglob("*.html") for name in re.findall(r'\bname="(\w+)"', path.read_text())
    )


def address(path: str, server: LiveServer, /, **replaced: str) -> str:
    """A path with things that are there in the place of its parameters."""
    there = {
        "sound_id": server.sounds[-1], "job_id": server.jobs[-1], "playlist_id": server.playlist,
        "filename": f"{server.sounds[-1]}.wav", "voice": VOICE, "token_id": "999999", "session_id": "999999",
        **replaced,
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: there.get(found[1], "x"), path)


def repeated(text: str, size: int) -> bytes:
    """A text over and over, up to so many bytes."""
    unit = text.encode("utf-8", "surrogatepass")
    return unit * (size // len(unit))


def worst_bodies(endpoint: Endpoint) -> Iterator[bytes]:
    """What is hardly a body; and each field with each text, in lengths that are taken and to the brim."""
    if endpoint.is_page:
        yield from BODIES.values()
        for name in endpoint.fields:
            yield f"{name}=".encode() + repeated(MARKS, BODY_BYTES - 100)
            yield f"{name}={quote(MARKS * 5_000)}".encode()
        return
    if not endpoint.fields:
        yield BODIES["quotes"]
        return
    yield from BODIES.values()
    for name in endpoint.fields:
        for text in TEXTS:
            # Escaped, a text has fewer letters in as many bytes.
            written = json.dumps(text)[1:-1].encode()
            yield b'{"%s": "%s"}' % (name.encode(), written * ((BODY_BYTES - 100) // len(written)))
        for length in LENGTHS:
            yield json.dumps({name: MARKS * length}, ensure_ascii=False).encode()
        yield json.dumps({name: MARKS * 20_000}, ensure_ascii=False).encode()
        yield json.dumps({name: [MARKS * 10] * 500}, ensure_ascii=False).encode()


def odd_bodies(endpoint: Endpoint) -> Iterator[bytes]:
    """Each field with values that it does not want."""
    for name in endpoint.fields:
        if endpoint.is_page:
            yield from (f"{name}={quote(value)}".encode() for value in VALUES)
        else:
            yield from (json.dumps({name: value}).encode() for value in JSON_VALUES)


def worst_queries(endpoint: Endpoint) -> Iterator[str]:
    """Parameters without end, and each parameter with a long text."""
    yield from ("&" * QUERY_BYTES, "a=&" * 5_000, "%" * QUERY_BYTES)
    for name in endpoint.parameters:
        yield f"{name}={quote(MARKS * 1_500)}"
    if {"q", "search"} & set(endpoint.parameters):
        yield from (f"q={quote_from_bytes(repeated(text, QUERY_BYTES // 3))}" for text in TEXTS)
        yield f"q={quote(MARKS * 990)}&sort=votes"


def odd_queries(endpoint: Endpoint) -> Iterator[str]:
    """Each parameter with values that it does not want."""
    # Without a view, a page's stream says only that it is missing.
    needed = "view=library&" if endpoint.is_page else ""
    for name in endpoint.parameters:
        yield from (f"{needed}{name}={quote(value)}" for value in VALUES)


def path_parameters(path: str) -> list[str]:
    """The parameters in a path."""
    return re.findall(r"\{(\w+)\}", path)
