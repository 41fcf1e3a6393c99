"""Front-end files."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request, Response

from webapp.errors import SettingsError
from webapp.http.errors import ErrorTranslator, Problem
from webapp.http.files.static import IMMUTABLE, REVALIDATE, StaticFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "js/app.js").write_text("export {};")
    (tmp_path / "app.css").write_text("p {}")
    (tmp_path / "secret.txt").write_text("not served")
    return tmp_path


@pytest.fixture
def static(folder: Path) -> StaticFiles:
    return StaticFiles(folder)


@pytest.fixture
async def client(static: StaticFiles) -> AsyncIterator[httpx.AsyncClient]:
    def html_page(_request: Request[Any, Any, Any], problem: Problem) -> Response[str]:
        return Response(problem.text, status_code=problem.status)

    translator = ErrorTranslator(html_page)
    app = Litestar([static.handler()], exception_handlers={Exception: translator}, openapi_config=None)
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_a_file_may_be_kept_for_ever(static: StaticFiles, client: httpx.AsyncClient) -> None:
    answer = await client.get(static.url("js/app.js"))
    assert (answer.status_code, answer.text) == (200, "export {};")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == IMMUTABLE


async def test_an_old_address_gives_the_present_file_for_now(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/000000000000/app.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, REVALIDATE)


async def test_what_has_not_changed_is_not_sent_again(static: StaticFiles, client: httpx.AsyncClient) -> None:
    first = await client.get(static.url("app.css"))
    again = await client.get(static.url("app.css"), headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(static.url("app.css"), headers={"if-none-match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "name", ["secret.txt", "nothing.css", "../pyproject.toml", "%2e%2e/pyproject.toml", "js", ""]
)
async def test_nothing_else_is_served(static: StaticFiles, client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/{static.version}/{name}")).status_code == 404


def test_a_changed_file_changes_every_address(static: StaticFiles, folder: Path) -> None:
    (folder / "app.css").write_text("p { margin: 0 }")
    changed = StaticFiles(folder)
    assert changed.url("js/app.js") != static.url("js/app.js")
    assert StaticFiles(folder).version == changed.version


def test_what_is_not_there_cannot_be_named_and_stops_the_start(static: StaticFiles) -> None:
    with pytest.raises(KeyError, match="missing"):
        static.url("vendor/missing.js")
    with pytest.raises(SettingsError, match=r"static/vendor/missing\.js is missing; run `make setup`"):
        static.require("app.css", "vendor/missing.js")
    static.require("app.css")


async def test_files_are_compressed_for_whoever_reads_that(folder: Path) -> None:
    (folder / "long.css").write_text("p { color: red }\n" * 200)
    static = StaticFiles(folder)
    app = Litestar([static.handler()], openapi_config=None)
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as reader:
        packed = await reader.get(static.url("long.css"), headers={"accept-encoding": "gzip"})
        plain = await reader.get(static.url("long.css"), headers={"accept-encoding": "identity"})
    assert (packed.headers["content-encoding"], int(packed.headers["content-length"]) < 400) == ("gzip", True)
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert "accept-encoding" in packed.headers["vary"].lower()


def test_all_styles_are_one_file_that_begins_with_the_layers(folder: Path) -> None:
    (folder / "css").mkdir()
    for name in ("base", "tokens", "admin"):
        (folder / f"css/{name}.css").write_text(f"/* {name} */")
    joined = StaticFiles(folder).find("css/all.css").content.decode()
    assert joined.startswith("/* tokens */")
    assert set(joined.split("\n")) == {"/* tokens */", "/* base */", "/* admin */"}
