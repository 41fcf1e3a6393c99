"""Events and sound that come piece by piece, from a server by script."""

import json
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soundloom_client import JobHandle, LimitReached, StreamCut, Unreachable
from soundloom_client.events import EventReader
from tests.clients.scripted import COMPLETED, JOB, Pieces, Scripted, problem

JOB_ID = JOB["job_id"]


@pytest.fixture(params=["waiting", "awaiting"])
def server(request: pytest.FixtureRequest) -> Scripted:
    return Scripted(is_async=request.param == "awaiting")


def event(job: dict[str, Any], event_id: str) -> bytes:
    return f"id: {event_id}\nevent: job\ndata: {json.dumps(job)}\n\n".encode()


def events(*pieces: bytes, breaks: bool = False) -> httpx.Response:
    return httpx.Response(200, stream=Pieces(*pieces, breaks=breaks))


def progress(jobs: list[Any]) -> list[tuple[str, int]]:
    return [(job.status, job.progress_pct) for job in jobs]


class TestEvents:
    def test_until_the_end(self, server: Scripted) -> None:
        text = event(JOB, "a") + b": still here\n\n" + event(COMPLETED, "b")
        server.answers(events(text[:30], text[30:]))
        told = server.ask(lambda client: client.job(JOB_ID).events())
        assert progress(told) == [("processing", 45), ("completed", 100)]

    @pytest.mark.parametrize("breaks", [True, False])
    def test_a_broken_connection_is_made_again(self, server: Scripted, breaks: bool) -> None:
        server.answers(
            events(event(JOB, "a"), event(COMPLETED, "b")[:-9], breaks=breaks),
            httpx.ConnectError("refused"),
            events(event(JOB, "a"), event(COMPLETED, "b")),
        )
        told = server.ask(lambda client: client.job(JOB_ID).events())
        # What was told before is not told again.
        assert progress(told) == [("processing", 45), ("completed", 100)]
        assert [request.headers.get("last-event-id") for request in server.requests] == [None, "a", "a"]
        assert server.waits == [0.25, 0.25]

    def test_who_has_seen_the_end(self, server: Scripted) -> None:
        server.answers(events(event(JOB, "a"), breaks=True), httpx.Response(204))
        assert len(server.ask(lambda client: client.job(JOB_ID).events())) == 1

    def test_a_server_that_never_says_anything_new(self, server: Scripted) -> None:
        server.answers(*[events(event(JOB, "a"), breaks=True) for _ in range(5)])
        with pytest.raises(Unreachable):
            server.ask(lambda client: client.job(JOB_ID).events())
        assert server.waits == [0.25, 0.5, 1.0, 2.0]

    def test_a_refusal_in_the_servers_words(self, server: Scripted) -> None:
        server.answers(problem(429, "limit_reached", "Too many open connections", {"retry-after": "99"}))
        with pytest.raises(LimitReached, match="Too many open connections"):
            server.ask(lambda client: client.job(JOB_ID).events())

    def test_a_reader_who_leaves_closes_the_connection(self) -> None:
        server, body = Scripted(is_async=False), Pieces(event(JOB, "a"), event(COMPLETED, "b"))
        server.answers(httpx.Response(200, stream=body))
        told = JobHandle.events(server.client().job(JOB_ID))
        next(told)
        assert body.closed == 0
        del told
        assert body.closed == 1


class TestSound:
    def test_while_it_is_made(self, server: Scripted) -> None:
        server.answers(httpx.Response(200, stream=Pieces(b"ID3", b"more")))
        assert server.ask(lambda client: client.job(JOB_ID).stream()) == [b"ID3", b"more"]
        (request,) = server.requests
        assert str(request.url) == f"http://server.example/sounds/job/{JOB_ID}/stream?format=mp3"
        # A piece may take as long as the queue is.
        assert request.extensions["timeout"]["read"] is None

    def test_another_format(self, server: Scripted) -> None:
        server.answers(httpx.Response(200, stream=Pieces(b"OggS")))
        server.ask(lambda client: client.job(JOB_ID).stream("ogg"))
        assert server.requests[0].url.params["format"] == "ogg"

    def test_a_cut_is_told(self, server: Scripted) -> None:
        server.answers(httpx.Response(200, stream=Pieces(b"ID3", breaks=True)))
        with pytest.raises(StreamCut) as caught:
            server.ask(lambda client: client.job(JOB_ID).stream())
        assert caught.value.code == "stream_cut"
        assert len(server.requests) == 1

    def test_speech(self, server: Scripted) -> None:
        server.answers(httpx.Response(200, stream=Pieces(b"ID3", b"more")))
        spoken = server.ask(lambda client: client.speak_stream("Hello", speed=1.5, stream_format="mp3"))
        assert spoken == [b"ID3", b"more"]
        (request,) = server.requests
        assert (request.method, request.url.path) == ("POST", "/sounds/api/tts/stream")
        assert json.loads(request.read()) == {"text": "Hello", "speed": 1.5, "format": "mp3"}


class TestReader:
    TEXT = (
        b"retry: 5\r\nid: 1\r\ndata: a\r\ndata: b\r\n\r\n: quiet\n\nid: 2\nevent: job\ndata:c\n\ndata: lost"
    )

    @example(list(range(len(TEXT))))
    @given(st.lists(st.integers(0, len(TEXT)), max_size=8))
    def test_cut_anywhere(self, cuts: list[int]) -> None:
        reader, places = EventReader(), [0, *sorted(cuts), len(self.TEXT)]
        pieces = [self.TEXT[start:end] for start, end in pairwise(places)]
        told = [one for piece in pieces for one in reader.feed(piece)]
        assert [(one.name, one.data) for one in told] == [("message", b"a\nb"), ("job", b"c")]
        assert reader.last_id == "2"
