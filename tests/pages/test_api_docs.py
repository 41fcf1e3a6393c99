"""The API page says what the API's description says, in code that runs."""

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.api.live import LiveServer, live_server
from webapp.pages.api_docs.description import Operation, sections_of
from webapp.pages.api_docs.page import OTHER_VENDORS
from webapp.pages.api_docs.samples import TOKEN, Call, samples_of
from webapp.pages.api_docs.schemas import SchemaReader
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

SERVER = "http://localhost:5309"
NODE = Path(sys.executable).parent / "node"
RUNNERS = {"python": [sys.executable, "-"], "javascript": [str(NODE), "--input-type=module", "-"]}


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite_file: Path) -> str:
    """One database is enough: the page shows none."""
    shutil.copy(migrated_sqlite_file, tmp_path / "soundloom.sqlite")
    return ""


@pytest.fixture
def operations(app: Litestar) -> list[Operation]:
    document = app.openapi_schema.to_schema()
    return [operation for section in sections_of(document, SERVER) for operation in section.operations]


def code(operation: Operation, language: str) -> str:
    return next(sample.code for sample in operation.samples if sample.language == language)


def named(operations: list[Operation], anchor: str) -> Operation:
    return next(operation for operation in operations if operation.anchor == anchor)


async def test_the_page_has_every_endpoint_of_the_description(
    app: Litestar, browser: httpx.AsyncClient, operations: list[Operation]
) -> None:
    page = (await browser.get("/docs")).text
    paths: dict[str, Any] = app.openapi_schema.to_schema()["paths"]
    described = {
        (method.upper(), path)
        for path, item in paths.items()
        for method in item
        if method != "head" and not path.startswith(OTHER_VENDORS)
    }
    operations = [one for one in operations if not one.path.startswith(OTHER_VENDORS)]
    assert {(operation.method, operation.path) for operation in operations} == described
    assert len({operation.anchor for operation in operations}) == len(operations)
    for operation in operations:
        assert f'id="{operation.anchor}"' in page
        assert operation.title, operation.path


def test_code_is_code_in_each_language(operations: list[Operation], tmp_path: Path) -> None:
    script = tmp_path / "samples.mjs"
    script.write_text(
        "\n".join(
            f"export async function f{n}() {{\n{code(operation, 'javascript')}\n}}"
            for n, operation in enumerate(operations)
        )
    )
    subprocess.run([NODE, "--check", script], check=True)
    for operation in operations:
        ast.parse(code(operation, "python"))
        words = shlex.split(code(operation, "curl").replace("\\\n", " "))
        assert words[0] == "curl"
        for sample in operation.samples:
            assert (TOKEN in sample.code) == (operation.auth != "none")


def test_a_body_is_its_example_and_says_what_must_be_there(operations: list[Operation]) -> None:
    generate = named(operations, "post-generate")
    assert '{"prompt": "calm rain on a tin roof"}' in code(generate, "curl")
    fields = {field.name: field for field in generate.fields}
    assert fields["prompt"].is_required
    duration = fields["duration"]
    assert (duration.kind, duration.bounds, duration.default) == ("number", "1 to 180", "8")
    assert fields["model"].kind == "one of audio, magnet, music"
    answer = json.loads(next(answer.example for answer in generate.answers if answer.status == "201"))
    assert {"job_id", "status", "position"} <= answer.keys()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(migrated_sqlite_file, folder / "soundloom.sqlite")
    with live_server(folder, "") as server:
        yield server


@pytest.mark.parametrize("language", ["python", "javascript"])
@pytest.mark.parametrize("anchor", ["post-generate", "get-api-me", "get-status", "get-api-library"])
def test_the_code_runs(server: LiveServer, anchor: str, language: str) -> None:
    # A second application here would open a second database, and tables are bound to one at a time.
    assert server.app is not None
    sections = sections_of(server.app.openapi_schema.to_schema(), server.url)
    operation = named([operation for section in sections for operation in section.operations], anchor)
    done = subprocess.run(
        RUNNERS[language],
        input=code(operation, language).replace(TOKEN, server.token),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{")


async def test_a_new_token_is_filled_in_once(
    ann_browser: httpx.AsyncClient, services: Services, ann: Identity
) -> None:
    assert f"<span data-token>{TOKEN}</span>" in (await ann_browser.get("/docs")).text
    page = await ann_browser.post("/docs", headers={"content-type": "application/x-www-form-urlencoded"})
    (token,) = await services.accounts.tokens.list(ann.account_id)
    assert token.label == "API page"
    assert "<span data-token>sl_" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert f"<span data-token>{TOKEN}</span>" in (await ann_browser.get("/docs")).text


async def test_strangers_make_no_token(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/docs", headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


def test_quotes_in_examples_survive_each_language() -> None:
    call = Call("POST", f"{SERVER}/x", body={"text": 'it\'s "so"', "on": True, "none": None})
    curl, python, javascript = (sample.code for sample in samples_of(call))
    words = shlex.split(curl.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == call.body
    (keyword,) = [node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.keyword)]
    assert ast.literal_eval(keyword.value) == call.body
    assert json.dumps(call.body) in javascript


def test_schemas_that_refer_to_themselves_end() -> None:
    document = {"components": {"schemas": {"Tree": {"type": "object", "properties": {
        "name": {"type": "string", "examples": ["leaf"]},
        "inside": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
    }}}}}  # fmt: skip
    example = json.dumps(SchemaReader(document).example({"$ref": "#/components/schemas/Tree"}))
    assert example.startswith('{"name": "leaf", "inside": [{"name": "leaf"')
