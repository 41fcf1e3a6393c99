"""Accounts and sounds made through the API, so that tests of listening need not make them by hand."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tests.browser.admin_pages import ADMIN
from tests.browser.pages import GENERATED_MS, PASSWORD

WAIT_S = GENERATED_MS / 1000


@dataclass(frozen=True)
class Musician:
    """An account that makes sounds."""

    username: str
    api: httpx.Client

    def make(self, prompt: str, *, duration: float = 2, is_public: bool = True, **change: Any) -> str:
        """A finished sound; gives its id."""
        job = self._sent("POST", "/generate", {"prompt": prompt, "duration": duration})
        until = time.monotonic() + WAIT_S
        while (found := self.api.get(f"/job/{job['job_id']}").json())["status"] != "completed":
            assert time.monotonic() < until, found
            self.api.get(f"/job/{job['job_id']}/events")
        sound_id: str = found["generation_id"]
        if is_public or change:
            self._sent("PATCH", f"/api/library/{sound_id}", {"is_public": is_public, **change})
        return sound_id

    def _sent(self, method: Literal["POST", "PATCH"], path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def musician(address: str, username: str) -> Iterator[Musician]:
    """A new account, ready to make sounds."""
    with httpx.Client(base_url=address, timeout=WAIT_S) as api:
        credentials = {"username": username, "password": PASSWORD}
        assert api.post("/api/auth/register", json=credentials).is_success
        token = api.post("/api/auth/token", json=credentials).json()["token"]
        api.headers["authorization"] = f"Bearer {token}"
        yield Musician(username, api)


def _wait_for_an_empty_queue(api: httpx.Client) -> None:
    until = time.monotonic() + WAIT_S
    with api.stream("GET", "/api/queue/events") as events:
        for line in events.iter_lines():
            field, _, value = line.partition(":")
            if field == "data" and not json.loads(value)["jobs"]:
                return
            assert time.monotonic() < until, line
    raise AssertionError("the queue's events have ended")


@contextmanager
def paused(address: str) -> Iterator[None]:
    """While no job is started, so that those that wait go on waiting: only those of now, no earlier ones."""
    same_origin = {"sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=address, headers=same_origin, timeout=WAIT_S) as admin:
        assert admin.post("/login", data={"username": ADMIN, "password": PASSWORD}).status_code == 303
        _wait_for_an_empty_queue(admin)
        assert admin.post("/queue/pause", data={"paused": "yes"}).status_code == 303
        try:
            yield
        finally:
            assert admin.post("/queue/pause", data={"paused": "no"}).status_code == 303
