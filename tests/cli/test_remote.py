"""`soundloom generate --server`: sounds that a server makes, written here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from tests.cli.conftest import Soundloom
from tests.running import Installation, Server, installed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("data"), disk_reserve_mb=0, speech_workers=0) as made:
        yield made


@pytest.fixture(scope="module")
def server(installation: Installation) -> Server:
    return installation.serve()


@pytest.fixture(scope="module")
def token(installation: Installation, server: Server) -> str:
    assert server.url
    return installation.token()


def test_takes_and_a_continuation_of_one(
    soundloom: Soundloom, server: Server, token: str, tmp_path: Path
) -> None:
    at = ("--server", server.url, "--token-stdin")
    rain = ("generate", "rain", "-o", str(tmp_path / "rain.wav"), "--duration", "2", "--takes", "2")
    made = soundloom(*rain, *at, stdin=f"{token}\n")
    assert (made.code, made.err) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rain-1.wav", "rain-2.wav"]
    sound_id = made.out.splitlines()[0].rpartition(" id ")[2]
    longer = tmp_path / "longer.wav"
    going_on = ("--continue-from", sound_id, "--from", "1", "--duration", "3")
    assert soundloom("generate", "birds", "-o", str(longer), *going_on, *at, stdin=token).code == 0
    before, _ = soundfile.read(tmp_path / "rain-1.wav", dtype="int16")
    after, rate = soundfile.read(longer, dtype="int16")
    assert len(after) == 3 * rate
    assert after[: rate // 2].tolist() == before[: rate // 2].tolist()


def test_a_refusal_is_in_the_servers_words(
    soundloom: Soundloom, server: Server, token: str, tmp_path: Path
) -> None:
    asked = ("generate", "rain", "-o", str(tmp_path / "x.wav"), "--takes", "9")
    refused = soundloom(*asked, "--server", server.url, "--token-stdin", stdin=token)
    assert refused.err == "soundloom: Takes must be a whole number from 1 to 8\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ftp://x", "--token-stdin"], "--server must be an address such as http://localhost:5309"),
        (["http://localhost:1"], "A server needs a token: give it on standard input with --token-stdin"),
        (["http://127.0.0.1:1", "--token-stdin"], "http://127.0.0.1:1/ does not answer"),
    ],
)
def test_what_cannot_be_asked(
    soundloom: Soundloom, tmp_path: Path, arguments: list[str], message: str
) -> None:
    file = str(tmp_path / "x.wav")
    refused = soundloom("generate", "rain", "-o", file, "--server", *arguments, stdin="token")
    assert (refused.code, refused.err) == (1, f"soundloom: {message}\n")
