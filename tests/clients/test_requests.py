"""What the client asks, when it asks again, and what it makes of errors: against a server by script."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from soundloom_client import (
    InvalidRequest,
    LimitReached,
    Refused,
    Retries,
    SoundDeleted,
    Soundloom,
    StillRunning,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.clients.scripted import ACCEPTED, COMPLETED, JOB, Answer, Pieces, Scripted, problem

Use = Callable[[Any], Any]
JOB_ID = JOB["job_id"]
GONE = httpx.ConnectError("refused")


@pytest.fixture(params=["waiting", "awaiting"])
def server(request: pytest.FixtureRequest) -> Scripted:
    return Scripted(is_async=request.param == "awaiting")


def submit(client: Any) -> Any:  # noqa: ANN401 - either client
    return client.submit("rain", duration=4)


def test_a_request_and_its_addresses_below_a_prefix(server: Scripted) -> None:
    server.answers(httpx.Response(201, json=ACCEPTED))
    assert server.ask(submit).id == JOB_ID
    (request,) = server.requests
    assert str(request.url) == "http://server.example/sounds/generate"
    assert request.read() == b'{"prompt":"rain","duration":4}'
    assert request.headers["authorization"] == "Bearer token"
    assert request.headers["idempotency-key"] == "key 1"


def test_repetitions_have_the_same_key_and_the_next_request_another(server: Scripted) -> None:
    server.answers(GONE, httpx.Response(201, json=ACCEPTED), httpx.Response(201, json=ACCEPTED))
    server.ask(submit)
    server.ask(submit)
    assert [request.headers["idempotency-key"] for request in server.requests] == ["key 1", "key 1", "key 2"]


def test_a_key_of_the_callers_own(server: Scripted) -> None:
    server.answers(httpx.Response(201, json=ACCEPTED))
    server.ask(lambda client: client.submit("rain", idempotency_key="mine"))
    assert server.requests[0].headers["idempotency-key"] == "mine"


def test_retry_after_is_respected(server: Scripted) -> None:
    date = {"date": "Sun, 29 Nov 2026 12:00:00 GMT", "retry-after": "Sun, 29 Nov 2026 12:00:09 GMT"}
    server.answers(
        problem(503, "queue_full", "Queue is full", {"retry-after": "30"}),
        httpx.Response(503, text="<h1>Away</h1>", headers=date),
        httpx.Response(502),
        httpx.Response(201, json=ACCEPTED),
    )
    server.ask(submit)
    # Half of the first wait is added by chance; without `Retry-After` the third wait is half of 4 times it.
    assert server.waits == [30.25, 9.25, 1.0]


def test_a_longer_wait_than_the_bound_is_the_callers_to_decide(server: Scripted) -> None:
    server.answers(problem(429, "limit_reached", "Rate limit exceeded", {"retry-after": "3600"}))
    with pytest.raises(LimitReached, match=r"^Rate limit exceeded$") as caught:
        server.ask(submit)
    assert (caught.value.retry_after, caught.value.status, server.waits) == (3600, 429, [])


def test_attempts_have_an_end(server: Scripted) -> None:
    server.answers(*[GONE] * 5)
    with pytest.raises(Unreachable, match=r"^http://server\.example/ does not answer$") as caught:
        server.ask(submit)
    assert caught.value.code == "unreachable"
    assert server.waits == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "answer", [lambda: GONE, lambda: problem(503, "unavailable", "Away", {"retry-after": "1"})]
)
@pytest.mark.parametrize("use", [lambda c: c.job(JOB_ID).cancel(), lambda c: c.speak_stream("Hello")])
def test_what_has_no_key_is_sent_once(server: Scripted, use: Use, answer: Callable[[], Answer]) -> None:
    server.answers(answer())
    with pytest.raises((Unreachable, Unavailable)):
        server.ask(use)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_request"),
        (401, "authentication_required"),
        (500, "internal_error"),
        (507, "storage_full"),
    ],
)
def test_what_does_not_pass_is_not_asked_again(server: Scripted, status: int, code: str) -> None:
    server.answers(problem(status, code, "No"))
    with pytest.raises(Refused, match=r"^No$") as caught:
        server.ask(submit)
    assert (caught.value.status, caught.value.code, server.waits) == (status, code, [])


def test_a_field_and_an_error_that_is_not_ours(server: Scripted) -> None:
    server.answers(
        httpx.Response(400, json={"error": "Wrong", "code": "invalid_request", "field": "duration"}),
        httpx.Response(418, text="tea"),
        httpx.Response(200, text="<h1>Welcome</h1>"),
    )
    with pytest.raises(InvalidRequest) as named:
        server.ask(submit)
    with pytest.raises(InvalidRequest, match=r"^The server answered 418$") as foreign:
        server.ask(submit)
    with pytest.raises(UnexpectedAnswer):
        server.ask(submit)
    assert (named.value.field, foreign.value.code) == ("duration", "http_418")


def test_cancelling_stops_what_is_being_made(server: Scripted) -> None:
    server.answers(problem(400, "job_processing", "Started"), httpx.Response(200, json={"success": True}))
    server.ask(lambda client: client.job(JOB_ID).cancel())
    assert [request.url.path for request in server.requests] == [
        f"/sounds/api/queue/{JOB_ID}/cancel",
        f"/sounds/api/queue/{JOB_ID}/stop",
    ]


def test_a_job_that_goes_on_after_the_callers_time(server: Scripted) -> None:
    server.answers(*[httpx.Response(200, json=JOB) for _ in range(6)])
    with pytest.raises(StillRunning, match=r"^The job is still processing after 1 s$") as caught:
        server.ask(lambda client: client.job(JOB_ID).result(1))
    assert isinstance(caught.value, TimeoutError)
    # Looks become rarer, and the last one is when the time is over.
    assert server.waits[:3] == pytest.approx([0.2, 0.3, 0.45])
    assert sum(server.waits) == pytest.approx(1)


def test_a_deleted_sound(server: Scripted) -> None:
    server.answers(httpx.Response(200, json={**COMPLETED, "formats": None, "audio_url": None}))
    with pytest.raises(SoundDeleted):
        server.ask(lambda client: client.job(JOB_ID).result())


class TestFiles:
    URL = "/sounds/audio/0123456789abcdef0123.wav"

    def test_nothing_is_fetched_before_it_is_asked_for(self, server: Scripted, tmp_path: Path) -> None:
        server.answers(httpx.Response(201, json=ACCEPTED), httpx.Response(200, json=COMPLETED))
        sound = server.ask(lambda client: client.run("rain"))
        assert len(server.requests) == 2
        assert sound.file("mp3").url == "/sounds/audio/0123456789abcdef0123.mp3"

    def test_a_broken_download_goes_on(self, server: Scripted, tmp_path: Path) -> None:
        tag = {"etag": '"one"'}
        server.answers(
            httpx.Response(200, stream=Pieces(b"RI", b"FF", breaks=True), headers=tag),
            GONE,
            httpx.Response(206, stream=Pieces(b"data"), headers=tag),
        )
        path = server.ask(lambda client: client.file(self.URL).save(tmp_path / "rain.wav"))
        assert path.read_bytes() == b"RIFFdata"
        last = server.requests[-1]
        assert str(last.url) == f"http://server.example{self.URL}"
        assert (last.headers["range"], last.headers["if-range"]) == ("bytes=4-", '"one"')
        assert "authorization" not in last.headers

    def test_a_file_that_changed_meanwhile_leaves_what_was_there(
        self, server: Scripted, tmp_path: Path
    ) -> None:
        (tmp_path / "rain.wav").write_bytes(b"before")
        server.answers(
            httpx.Response(200, stream=Pieces(b"RI", breaks=True), headers={"etag": '"one"'}),
            httpx.Response(200, stream=Pieces(b"other")),
        )
        with pytest.raises(UnexpectedAnswer, match="changed"):
            server.ask(lambda client: client.file(self.URL).save(tmp_path / "rain.wav"))
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]

    def test_a_file_elsewhere(self, server: Scripted) -> None:
        there = {"location": "https://storage.example/rain?signed=1"}
        server.answers(httpx.Response(307, headers=there), httpx.Response(200, content=b"RIFF"))
        assert server.ask(lambda client: client.file(self.URL).read()) == b"RIFF"
        assert str(server.requests[1].url) == there["location"]


def test_an_address_that_is_none() -> None:
    for address in ("localhost:5309", "ftp://localhost", "http://", ""):
        with pytest.raises(ValueError, match="is no address of a server"):
            Soundloom(address, "token")


def test_fewer_attempts(server: Scripted) -> None:
    server.retries = Retries(times=0)
    server.answers(GONE)
    with pytest.raises(Unreachable):
        server.ask(submit)
