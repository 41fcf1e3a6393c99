"""What is not for somebody is to them as if it were not there, at every endpoint and page, whatever they ask.

Whatever others can ask is asked twice: while somebody has sounds that are unpublished, hidden or taken back,
and once those are deleted. The answers are the same to the byte. The endpoints are those of the API's own
description, and the pages those of the application, so a new one, or a new parameter, cannot be forgotten.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from tests.api.client import User
from tests.api.conftest import MakeUser
from tests.library.conftest import MakeSound
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.services.container import Services
from webapp.settings import Settings

pytestmark = pytest.mark.slow

UNKNOWN: Final = "f" * 20
# What is not asked twice, and why.
ANSWERED_OTHERWISE: Final = {
    "/audio/{filename}": "a file opens to those who hold its name, until it is deleted",
    "/spectrogram/{filename}": "the same",
    "/captions/{filename}": "the same",
    "/sounds/{sound_id:str}/there": "the same",
    "/api/queue/events": "endless, and tells of the queue",
    "/job/{job_id}/events": "endless for jobs that wait",
    "/job/{job_id}/stream": "the same; it is for the owner and admins of a job alone",
    "/api/radio/shuffle": "in another order each time; see test_radio.py",
    "/events": "endless; a list that changed is asked for again",
    "/surprise": "another idea each time",
    "/setup": "no account, no sounds",
    "/invitation": "the same",
}
# Queries that narrow a list, and those that name what is in one.
VALUES: Final[dict[str, tuple[str, ...]]] = {
    "model": ("music", "audio"), "min_duration": ("1",), "max_duration": ("100",), "owner": ("ann",),
    "q": ("zanzibar", "z", "rain"), "search": ("quokka",), "page": ("1", "2"), "per_page": ("1",),
    "sort": ("created", "votes", "plays", "duration", "quality"), "cursor": ("x",), "formats": ("wav,png",),
    "source": ("public", "own", "favorites"), "show": ("all", "hidden"), "status": ("completed", "failed"),
}  # fmt: skip
# Whatever else changes something; those with a sound's id in their path are found by that.
BODIES: Final[dict[str, dict[str, Any]]] = {
    "PATCH /api/library/{sound_id}": {"title": "mine"},
    "POST /api/library/{sound_id}/vote": {"vote": 1},
    "POST /api/moderation/sounds/{sound_id}/hide": {},
    "POST /api/moderation/sounds/{sound_id}/restore": {},
    "PUT /api/moderation/sounds/{sound_id}/note": {"note": "x"},
}
# They name no sound, or only jobs and playlists of the account's own.
NAME_NO_SOUND: Final = {
    "POST /generate", "POST /api/tts/generate", "POST /api/tts/stream", "POST /api/tts/requests",
    "POST /v1/audio/speech", "POST /v1/sound-generation", "POST /v1/music", "POST /v1/music/stream",
    "POST /v1/text-to-speech/{voice_id}", "POST /v1/text-to-speech/{voice_id}/stream",
    "POST /api/uploads", "DELETE /api/uploads/{upload_id}",
    "DELETE /api/tts/requests/{request_id}", "POST /api/queue/{job_id}/cancel",
    "POST /api/queue/{job_id}/skip", "POST /api/queue/{job_id}/stop", "POST /api/jobs/{job_id}/retry",
    "POST /api/auth/register",
    "POST /api/auth/token", "DELETE /api/auth/tokens/{token_id}", "POST /api/playlists",
    "PUT /api/playlists/{playlist_id}", "DELETE /api/playlists/{playlist_id}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Ann's secrets, and Bob, who knew two of them when they were public."""

    secrets: tuple[str, ...]
    playlists: tuple[str, ...]
    jobs: tuple[str, ...]
    bob: User
    carol: User

    def named(self, name: str) -> tuple[str, ...]:
        """What to ask for, by the name of a parameter in a path or query."""
        return {
            "sound_id": self.secrets, "id": self.secrets, "ids": self.secrets, "job_id": self.jobs,
            "playlist_id": self.playlists, "playlist": self.playlists, "audio_format": ("wav",),
            "voice": ("x",), "voice_id": ("x",), "upload_id": ("x",), "request_id": ("x",), "username": ("ann",),
        }.get(name) or VALUES[name]  # fmt: skip


@pytest.fixture
async def world(ann: User, make_user: MakeUser, make_sound: MakeSound, services: Services) -> World:
    bob, carol, root = [await make_user(name, is_admin=name == "root") for name in ("bob", "carol", "root")]
    library = services.library
    taken_back, hidden, seen = [
        await make_sound(ann.identity, "zanzibar rain", title="quokka", tags=("zanzibar",)) for _ in range(3)
    ]
    private = await make_sound(ann.identity, "zanzibar", title="quokka", is_public=False, model="audio")
    await make_sound(bob.identity, "rain")
    lists = []
    for user, is_shared in ((bob, True), (ann, True), (ann, False)):
        made = await user.http.post("/api/playlists", json={"name": "Night", "is_shared": is_shared})
        path = made.headers["location"]
        lists.append(path.rpartition("/")[2])
        for sound_id in (taken_back, hidden, seen, *([private] if user is ann else [])):
            answer = await user.http.post(f"{path}/tracks", json={"id": sound_id})
            assert answer.status_code == 200
    for sound_id in (taken_back, hidden):
        await library.votes.vote(bob.identity, sound_id, 1)
        await library.favorites.add(bob.identity, sound_id)
        await library.plays.played(bob.identity, "192.0.2.1", sound_id)
    await ann.http.patch(f"/api/library/{taken_back}", json={"is_public": False})
    await library.moderation.hide(root.identity, hidden, "too loud")
    rows = await services.database.fetch("SELECT job_id FROM job ORDER BY sequence")
    jobs = tuple(row["job_id"] for row in rows)
    return World((taken_back, hidden, private), tuple(lists), jobs, bob, carol)


def _addresses(path: str, queries: list[str], world: World) -> Iterator[str]:
    """The path with each thing that it may be about, and with each value of each query."""
    names = re.findall(r"{(\w+)[:}]", path)
    filled = [path]
    for name in names:
        filled = [re.sub(rf"{{{name}[^}}]*}}", value, one) for one in filled for value in world.named(name)]
    for one in filled:
        yield one
        for query in queries:
            yield from (f"{one}?{query}={value}" for value in world.named(query))


async def _description(client: httpx.AsyncClient) -> Iterator[tuple[str, str, list[str]]]:
    """Method, path and queries of every operation."""
    document = (await client.get("/schema/openapi.json")).json()
    return (
        (method.upper(), path, [p["name"] for p in said.get("parameters", []) if p["in"] == "query"])
        for path, item in document["paths"].items()
        for method, said in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    )


def _pages(app: Litestar) -> Iterator[str]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            is_page = isinstance(handler, HTTPRouteHandler) and handler.opt.get("page")
            if is_page and "GET" in handler.http_methods:
                yield route.path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Everything is asked at one moment, more often than anybody may search."""
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, searches_per_address=1_000_000)


async def _everything(clients: list[httpx.AsyncClient], addresses: list[str]) -> dict[str, tuple[Any, ...]]:
    """Each answer, and those that its links lead to."""
    answers: dict[str, tuple[Any, ...]] = {}
    for number, client in enumerate(clients):
        for address in addresses:
            at, left = address, 3
            while left and f"{number} {at}" not in answers:
                answer = await client.get(at)
                told = (answer.status_code, answer.headers.get("location"), answer.headers.get("link"))
                answers[f"{number} {at}"] = (*told, answer.content)
                if "next" not in answer.links:
                    break
                at, left = answer.links["next"]["url"], left - 1
    return answers


async def test_what_others_can_ask_tells_nothing(
    app: Litestar, anybody: httpx.AsyncClient, ann: User, world: World, services: Services
) -> None:
    operations = [entry for entry in await _description(anybody) if entry[0] == "GET"]
    paths = [(path, queries) for _, path, queries in operations if path not in ANSWERED_OTHERWISE]
    asked = [address for path, queries in paths for address in _addresses(path, queries, world)]
    listing = ["q", "sort", "model", "owner", "page"]
    for path in _pages(app):
        if path not in ANSWERED_OTHERWISE:
            asked += _addresses(path, listing if path == "/library" else [], world)
    world.bob.http.cookies.set(
        PLAIN_COOKIE, await services.accounts.sessions.create(world.bob.identity.account_id)
    )
    clients = [anybody, world.bob.http]
    some = asked[::4]
    there, own = await _everything(clients, asked), await _everything([ann.http], some)
    assert {answer[0] for answer in there.values()} >= {200, 400, 401, 403, 404}
    for sound_id in world.secrets:
        assert (await ann.http.delete(f"/api/library/{sound_id}")).status_code == 204
    gone = await _everything(clients, asked)
    for address, answer in there.items():
        assert answer == gone[address], address
    # To their owner it makes a difference.
    assert sum(own[at] != answer for at, answer in (await _everything([ann.http], some)).items()) > 12


async def test_what_others_can_do_tells_nothing(anybody: httpx.AsyncClient, world: World) -> None:
    """Whoever never had to do with a secret gets the answers of one that never was."""
    for method, path, _ in await _description(anybody):
        operation = f"{method} {path}"
        if method == "GET" or operation in NAME_NO_SOUND:
            continue
        for client in (anybody, world.carol.http):
            for sound_id in world.secrets:
                answers = []
                for one in (sound_id, UNKNOWN):
                    at, body = _change(operation, path, one, world)
                    answer = await client.request(method, at, json=body)
                    answers.append((answer.status_code, answer.json()))
                assert answers[0] == answers[1], operation
                assert answers[0][0] in {401, 403, 404}, operation


def _change(operation: str, path: str, sound_id: str, world: World) -> tuple[str, dict[str, Any] | None]:
    """Where to send what, to change something about a sound."""
    if "{sound_id}" in path:
        return path.replace("{sound_id}", sound_id), BODIES.get(operation)
    at = path.replace("{playlist_id}", world.playlists[0])
    if operation == "POST /api/playlists/{playlist_id}/tracks":
        return at, {"id": sound_id}
    if operation == "DELETE /api/playlists/{playlist_id}/tracks":
        return f"{at}?id={sound_id}", None
    assert operation == "PUT /api/playlists/{playlist_id}/reorder", "new, and not known here"
    return at, {"ids": [sound_id]}
