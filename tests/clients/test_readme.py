"""The examples of the client's README, run from the first to the last."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Installation, installed

pytestmark = pytest.mark.slow

README = Path(__file__).resolve().parents[2] / "clients/python/README.md"
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall(README.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("data"), disk_reserve_mb=0) as made:
        yield made


def test_against_a_server(
    installation: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    server = installation.serve()
    names: dict[str, object] = {"TOKEN": installation.token()}
    for example in EXAMPLES:
        exec(example.replace("http://127.0.0.1:5309", server.url), names)  # noqa: S102 - our own README
    client = names["soundloom"]
    client.close()  # type: ignore[attr-defined]
    assert (tmp_path / "rain.mp3").stat().st_size > 1_000
    assert (tmp_path / "piano.mp3").stat().st_size > 100_000
    assert (tmp_path / "story.mp3").stat().st_size > 5_000
    assert (tmp_path / "rain.flac").read_bytes().startswith(b"fLaC")
    assert (tmp_path / "morning.wav").read_bytes().startswith(b"RIFF")
    printed = capsys.readouterr().out
    assert "completed 100\ncancelled\n" in printed
    assert "Duration exceeds your tier limit duration_over_limit 400 duration\n" in printed
