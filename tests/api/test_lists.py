"""Lists: one shape, and nothing in their addresses that is not heeded."""

from collections.abc import Iterator

import httpx
import pytest
from litestar import Litestar

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from webapp.services.container import Services

# Each list, and the older name of its items.
LISTS = {
    "/api/jobs": "jobs",
    "/api/auth/tokens": "tokens",
    "/api/playlists": "playlists",
    "/api/library": None,
    "/api/my-generations": None,
    "/api/favorites": None,
    "/api/moderation/sounds": None,
}
NOT_PAGED = ("/api/voices", "/api/queue", "/api/library/counts")


@pytest.fixture
async def root(make_user: MakeUser) -> User:
    return await make_user("root", is_admin=True)


@pytest.mark.both_databases
async def test_one_shape(root: User) -> None:
    for number in range(3):
        await root.submit(f"rain {number}")
        await root.http.post("/api/playlists", json={"name": f"List {number}"})
    for path, older in LISTS.items():
        page = (await root.http.get(path)).json()
        assert {"items", "page", "per_page", "total", "has_more"} <= page.keys(), path
        if older:
            assert page[older] == page["items"]
        for item in page["items"]:
            assert item["created"] == item["created_at"]
    for path in ("/api/jobs", "/api/playlists"):
        first = (await root.http.get(path, params={"per_page": 2})).json()
        rest = (await root.http.get(path, params={"per_page": 2, "page": 2})).json()
        assert (first["total"], first["has_more"], len(first["items"])) == (3, True, 2)
        assert (rest["total"], rest["has_more"], len(rest["items"])) == (3, False, 1)
        whole = (await root.http.get(path)).json()["items"]
        assert [*first["items"], *rest["items"]] == whole
    queued = (await root.http.get("/api/jobs", params={"status": "failed"})).json()
    assert (queued["total"], queued["items"]) == (0, [])


async def test_many_tokens_come_in_pages(root: User, services: Services) -> None:
    for number in range(5):
        await services.accounts.tokens.create(root.identity.account_id, f"t{number}")
    labels = []
    for page in (1, 2, 3):
        answer = (await root.http.get("/api/auth/tokens", params={"per_page": 2, "page": page})).json()
        assert (answer["total"], answer["has_more"]) == (6, page < 3)
        labels += [token["label"] for token in answer["items"]]
    assert labels == ["t4", "t3", "t2", "t1", "t0", None]


async def test_unknown_and_repeated_parameters_are_refused(root: User) -> None:
    for path in (*LISTS, *NOT_PAGED, "/api/library/export"):
        for name in ("modle", "offset", "a" * 300):
            answer = await root.http.get(path, params={name: "x"})
            assert answer.status_code == 400, path
            assert f"no parameter `{name[:40]}`" in answer.json()["error"]
            assert answer.json()["field"] == name[:40]
    answer = await root.http.get("/api/jobs?page=1&page=2")
    assert_problem(answer, 400, "`page` was given more than once", "page")
    answer = await root.http.get("/api/jobs?state=queued")
    text = "This list has no parameter `state`; it takes status, page, per_page"
    assert_problem(answer, 400, text, "state")


async def test_pages_take_whatever_is_added_to_their_addresses(anybody: httpx.AsyncClient) -> None:
    for path in ("/", "/library", "/queue", "/docs", "/login"):
        assert (await anybody.get(f"{path}?utm_source=x&fbclid=1")).status_code == 200


def _described(app: Litestar) -> Iterator[tuple[str, set[str]]]:
    for path, item in app.openapi_schema.to_schema()["paths"].items():
        if path in LISTS or path in NOT_PAGED or path == "/api/library/export":
            parameters = item["get"].get("parameters", [])
            yield path, {entry["name"] for entry in parameters if entry["in"] == "query"}


async def test_what_is_described_is_taken(app: Litestar, root: User) -> None:
    described = dict(_described(app))
    assert len(described) == len(LISTS) + len(NOT_PAGED) + 1
    for path, names in described.items():
        for name in names:
            answer = await root.http.get(path, params={name: "1"})
            assert "no parameter" not in answer.text, (path, name)
