"""Sounds and whole installations that move: from running servers, between the two databases."""

import io
import json
import secrets
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.running import START_S, Client, Installation, installed

# So that a load of requests meets no limit.
LIFTED: dict[str, object] = {
    "creator_hourly": 10_000, "creator_at_once": 8, "vote_hourly": 10_000, "favorite_hourly": 10_000,
    "speech_workers": 0,
}  # fmt: skip
# What of a sound's entry is another one elsewhere: whose it is there, and files with other tags.
OF_THE_PLACE = ("owner", "files")


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    with installed(tmp_path, database_url, **LIFTED) as made:
        yield made


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An empty installation on the other kind of database."""
    with ExitStack() as stack:
        url = ""
        if not database_url:
            server, name = request.getfixturevalue("postgres_server"), f"test_{secrets.token_hex(8)}"
            server.psql(f'CREATE DATABASE "{name}";')
            stack.callback(server.psql, f'DROP DATABASE "{name}" WITH (FORCE);')
            url = server.get_uri(name)
        yield stack.enter_context(installed(tmp_path / "elsewhere", url, workers=0, **LIFTED))


def make_sounds(client: Client, count: int) -> list[str]:
    """The ids of new sounds, each with a title and published."""
    jobs = [client.submit(f"calm rain {number}", duration=1, seed=number) for number in range(count)]
    made = [str(client.wait_for(job, "completed")["generation_id"]) for job in jobs]
    for number, sound_id in enumerate(made):
        change = {"title": f"Über 雨 {number}", "tags": ["wet", "Café"], "is_public": True}
        assert client.http.patch(f"/api/library/{sound_id}", json=change).status_code == 200
    return made


def export(client: Client) -> bytes:
    """All the account's sounds, as a zip."""
    answer = client.http.get("/api/library/export", params={"formats": "flac"})
    assert answer.status_code == 200, answer.text
    return answer.content


def told(archive: bytes) -> list[dict[str, Any]]:
    """The manifest's sounds, less what is of the place."""
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(archive)).read("manifest.json"))
    return [
        {name: value for name, value in sound.items() if name not in OF_THE_PLACE}
        for sound in manifest["sounds"]
    ]


def samples(archive: bytes) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """The sounds themselves, by their file's names."""
    opened = zipfile.ZipFile(io.BytesIO(archive))
    return {
        name: soundfile.read(io.BytesIO(opened.read(name)))[0]
        for name in opened.namelist()
        if name.endswith(".flac")
    }


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_export_is_imported_by_a_running_server(
    here: Installation, elsewhere: Installation, tmp_path: Path
) -> None:
    ann = here.serve().client(here.token("ann"))
    made = make_sounds(ann, 2)
    exported = export(ann)
    (tmp_path / "sounds.zip").write_bytes(exported)
    bob_token = elsewhere.token("bob")
    server = elsewhere.serve()
    bob = server.client(bob_token)
    arguments = ("import", str(tmp_path / "sounds.zip"), "--owner", "bob", "--publish")
    # A page that is open hears of it.
    with (
        ThreadPoolExecutor(1) as pool,
        httpx.stream("GET", f"{server.url}/events", params={"view": "library"}, timeout=START_S) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        importing = pool.submit(elsewhere.command, *arguments)
        assert any("library-changed" in line for line in lines)
        done = importing.result()
    assert done.stdout == "2 sounds imported, 0 were here already, 0 could not be used\n", done.stderr
    again = export(bob)
    assert told(again) == told(exported)
    assert samples(again).keys() == samples(exported).keys()
    for name, sound in samples(exported).items():
        assert np.array_equal(samples(again)[name], sound)
    found = bob.http.get("/api/library", params={"q": "uber cafe"}).json()
    assert [item["id"] for item in found["items"]] == made[::-1]
    for suffix in ("wav", "ogg", "mp3"):
        assert bob.http.get(f"/audio/{made[0]}.{suffix}").status_code == 200
    # What was deleted may come again; what is there stays as it is.
    assert bob.http.patch(f"/api/library/{made[1]}", json={"title": "mine"}).status_code == 200
    assert bob.http.delete(f"/api/library/{made[0]}").status_code == 204
    assert elsewhere.command(*arguments).stdout.startswith("1 sounds imported, 1 were here already")
    titles = {item["id"]: item["title"] for item in bob.http.get("/api/my-generations").json()["items"]}
    assert titles == {made[0]: "Über 雨 0", made[1]: "mine"}


@pytest.mark.slow
def test_a_backup_taken_under_load_is_whole(
    here: Installation, elsewhere: Installation, tmp_path: Path
) -> None:
    server = here.serve()
    token = here.token("ann")
    ann = server.client(token)
    first = make_sounds(ann, 2)
    is_over = threading.Event()
    clients = [server.client(token) for _ in range(2)]

    def press(client: Client, number: int) -> int:
        """Make, vote, play, rename and delete, until it is over."""
        rounds = 0
        while not is_over.is_set():
            # Refused while as many wait as may.
            client.http.post("/generate", json={"prompt": f"load {number}", "duration": 1})
            client.http.post(f"/api/library/{first[0]}/vote", json={"vote": 1 - rounds % 3})
            client.http.post(f"/api/track/{first[1]}/play")
            client.http.patch(f"/api/library/{first[1]}", json={"title": f"{number} {rounds}"})
            for item in client.http.get("/api/my-generations").json()["items"]:
                if item["prompt"].startswith("load") and rounds % 2:
                    client.http.delete(f"/api/library/{item['id']}")
                    break
            rounds += 1
        return rounds

    with ThreadPoolExecutor(len(clients)) as pool:
        working = [pool.submit(press, client, number) for number, client in enumerate(clients)]
        try:
            backup = here.command("backup", str(tmp_path / "backup"))
        finally:
            is_over.set()
        assert all(future.result() for future in working)
    assert backup.returncode == 0, backup.stderr
    restored = elsewhere.command("restore", str(tmp_path / "backup"))
    assert restored.returncode == 0, restored.stderr
    there = elsewhere.serve().client(token)
    items, page = [], there.http.get("/api/my-generations", params={"per_page": 100}).json()
    items += page["items"]
    assert page["total"] == len(items) >= 2
    for item in items:
        for suffix in ("wav", "flac", "ogg", "mp3"):
            answer = there.http.get(f"/audio/{item['id']}.{suffix}")
            assert answer.status_code == 200, item
        assert there.http.get(f"/spectrogram/{item['id']}.png").status_code == 200
    voted = next(item for item in items if item["id"] == first[0])
    assert (voted["upvotes"], voted["downvotes"]) in {(0, 0), (1, 0), (0, 1)}
    # It goes on from there.
    assert there.http.get("/api/library/counts").json()["total"] == sum(item["is_public"] for item in items)
    assert there.http.post("/api/playlists", json={"name": "after"}).status_code == 201
