"""`soundloom voices …` against a hub of our own, and against a folder."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Soundloom
from tests.weights.hub import Fault, Hub, running_hub
from webapp.engines.speech import english_readers, hibari_voices, kokoro_published
from webapp.weights.voices import REPOSITORY

VOICE = "en_US-ann-low"
CONFIG = (
    b'{"audio": {"sample_rate": 16000, "quality": "low"}, "espeak": {"voice": "en-us"}, "dataset": "ann",'
    b' "language": {"code": "en_US", "name_english": "English"}}'
)
CARD = b"# Model card\n\n* License: CC0\n"
MODEL = bytes(range(256)) * 4096


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub() as hub:
        folder = "en/en_US/ann/low"
        for file, content in (
            (f"{VOICE}.onnx", MODEL),
            (f"{VOICE}.onnx.json", CONFIG),
            ("MODEL_CARD", CARD),
        ):
            hub.files[f"{REPOSITORY}/{folder}/{file}"] = content
        monkeypatch.setenv("SOUNDLOOM_MODELS_URL", hub.base)
        monkeypatch.setenv("SOUNDLOOM_DISK_RESERVE_MB", "0")
        yield hub


@pytest.fixture
def voices_dir(data_dir: Path) -> Path:
    return data_dir / "models" / "voices"


def test_voices_of_espeak_are_always_there(soundloom: Soundloom, data_dir: Path) -> None:
    done = soundloom("voices", "list")
    lines = done.out.splitlines()
    assert (done.code, lines[0].split()) == (
        0,
        ["VOICE", "LANGUAGE", "QUALITY", "NAME", "LICENCE", "COMMERCIAL", "USE"],
    )
    assert len(lines) > 200
    assert any(line.startswith("espeak-en-us ") and "GPL-3.0-or-later" in line for line in lines)
    assert lines[1].split() == ["hibari-heart", "en-US", "high", "Heart,", "female", "Apache-2.0", "yes"]
    assert not data_dir.exists()


def test_pull_list_and_remove(soundloom: Soundloom, hub: Hub, voices_dir: Path) -> None:
    pulled = soundloom("voices", "pull", VOICE, "--accept-licence")
    assert (pulled.code, pulled.out) == (0, f"{VOICE} is installed in {voices_dir}\n"), pulled.err
    assert f"fetching {VOICE}.onnx" in pulled.err
    assert (voices_dir / f"{VOICE}.onnx").read_bytes() == MODEL
    assert sorted(path.name for path in voices_dir.iterdir() if path.is_file()) == [
        f"{VOICE}.MODEL_CARD", f"{VOICE}.onnx", f"{VOICE}.onnx.json",
    ]  # fmt: skip
    (line,) = [line for line in soundloom("voices", "list").out.splitlines() if line.startswith(VOICE)]
    assert line.split() == [VOICE, "en-US", "low", "Ann", "CC0", "yes"]
    assert soundloom("voices", "pull", VOICE).out == f"{VOICE} was installed already\n"
    removed = soundloom("voices", "remove", VOICE)
    assert (removed.code, removed.out) == (0, f"{VOICE} is removed; 1.0 MB freed\n"), removed.err
    assert not [path for path in voices_dir.iterdir() if path.is_file()]
    assert soundloom("voices", "remove", VOICE).code == 1


def test_the_licence_is_shown_and_must_be_accepted(soundloom: Soundloom, hub: Hub, voices_dir: Path) -> None:
    refused = soundloom("voices", "pull", VOICE)
    assert refused.code == 1
    assert "* License: CC0" in refused.err
    assert refused.err.splitlines()[-1] == (
        "soundloom: Nothing was fetched: accept the voice's licence with --accept-licence"
    )
    assert not (voices_dir / f"{VOICE}.onnx").exists()


def test_a_pull_goes_on_where_the_last_one_ended(
    soundloom: Soundloom, hub: Hub, voices_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.cli.voices.time.sleep", lambda _seconds: None)
    # Of the card and the description, whole; of the model, two thirds and then the rest.
    hub.faults += [Fault(), Fault(), Fault(after=700_000), Fault(after=100_000)]
    assert soundloom("voices", "pull", VOICE, "--accept-licence").code == 0
    assert (voices_dir / f"{VOICE}.onnx").read_bytes() == MODEL
    asked = [headers.get("range", "") for headers in hub.gets(f"{VOICE}.onnx")]
    assert asked[0] == ""
    assert all(ranged.startswith("bytes=") for ranged in asked[1:])
    assert len(asked) == 3


def test_a_folder_is_a_source_too(soundloom: Soundloom, tmp_path: Path, voices_dir: Path) -> None:
    source = tmp_path / "copied"
    source.mkdir()
    (source / f"{VOICE}.onnx").write_bytes(MODEL)
    (source / f"{VOICE}.onnx.json").write_bytes(CONFIG)
    pulled = soundloom("voices", "pull", VOICE, "--accept-licence", "--from", str(source))
    assert pulled.code == 0, pulled.err
    assert (voices_dir / f"{VOICE}.onnx").read_bytes() == MODEL


@pytest.mark.parametrize("name", ["../x", "lessac", "en_US-lessac", ""])
def test_what_is_no_voices_name_is_refused(soundloom: Soundloom, name: str) -> None:
    done = soundloom("voices", "pull", name, "--accept-licence", "--from", "/")
    assert done.code == 1
    assert "is no name of a Piper voice" in done.err


def test_a_voice_that_is_not_there(soundloom: Soundloom, hub: Hub) -> None:
    done = soundloom("voices", "pull", "xx_XX-nobody-low", "--accept-licence")
    assert done.code == 1
    assert "has no" in done.err


def test_what_cannot_speak_is_told_with_the_reason(
    soundloom: Soundloom, tmp_path: Path, voices_dir: Path
) -> None:
    source = tmp_path / "copied"
    source.mkdir()
    (source / f"{VOICE}.onnx").write_bytes(MODEL)
    (source / f"{VOICE}.onnx.json").write_bytes(CONFIG.replace(b'"en-us"', b'"xx-none"'))
    said = f"soundloom: the voice {VOICE} cannot speak: eSpeak NG knows no language 'xx-none'\n"
    pulled = soundloom("voices", "pull", VOICE, "--accept-licence", "--from", str(source))
    assert (pulled.code, pulled.err.endswith(said)) == (1, True)
    again = soundloom("voices", "pull", VOICE, "--accept-licence", "--from", str(source))
    assert (again.code, again.err) == (1, said)
    listed = soundloom("voices", "list")
    assert (listed.code, listed.err) == (0, said)
    assert VOICE not in listed.out
    (voices_dir / f"{VOICE}.onnx.json").write_text(CONFIG.decode(), encoding="utf-8-sig")
    listed = soundloom("voices", "list")
    assert (VOICE in listed.out, listed.err) == (True, "")


def test_a_card_beside_the_files_is_the_licence_that_is_asked_about(
    soundloom: Soundloom, tmp_path: Path, voices_dir: Path
) -> None:
    source = tmp_path / "copied"
    source.mkdir()
    (source / f"{VOICE}.onnx").write_bytes(MODEL)
    (source / f"{VOICE}.onnx.json").write_bytes(CONFIG)
    (source / "MODEL_CARD").write_text("* License: CC BY 4.0", encoding="utf-8-sig")
    refused = soundloom("voices", "pull", VOICE, "--from", str(source))
    assert (refused.code, "\n* License: CC BY 4.0\n" in refused.err) == (1, True)
    assert soundloom("voices", "pull", VOICE, "--accept-licence", "--from", str(source)).code == 0
    (line,) = (line for line in soundloom("voices", "list").out.splitlines() if line.startswith(VOICE))
    assert line.split("CC BY 4.0")[1].strip() == "yes"


def test_a_voice_of_any_name_can_be_removed(soundloom: Soundloom, voices_dir: Path) -> None:
    voices_dir.mkdir(parents=True)
    (voices_dir / "Größe 2.onnx").write_bytes(MODEL)
    (voices_dir / "Größe 2.onnx.json").write_bytes(CONFIG)
    assert "Größe 2" in soundloom("voices", "list").out
    assert soundloom("voices", "remove", "Größe 2").code == 0
    assert list(voices_dir.glob("Gr*")) == []


EMMA = "hibari-emma"
EMMA_FILE = "bf_emma.int8.onnx"


@pytest.fixture
def emma(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Stand-ins for the bytes of a published voice."""
    described = hibari_voices.described_voices(english_readers.assets_folder())
    described["emma"] |= {"bytes": len(MODEL), "sha256": hashlib.sha256(MODEL).hexdigest()}
    monkeypatch.setattr("webapp.engines.speech.hibari_published.described_voices", lambda _assets: described)
    return MODEL


def test_a_hibari_voice_is_pulled_from_the_hub_and_removed(
    soundloom: Soundloom, hub: Hub, voices_dir: Path, emma: bytes
) -> None:
    hub.files[f"maureesewilliams/hibari/voices/{EMMA_FILE}"] = emma
    refused = soundloom("voices", "pull", EMMA)
    assert (refused.code, "License: Apache-2.0; commercial use is allowed" in refused.err) == (1, True)
    pulled = soundloom("voices", "pull", EMMA, "--accept-licence")
    assert (pulled.code, pulled.out) == (0, f"{EMMA} is installed in {voices_dir}/hibari\n"), pulled.err
    assert (voices_dir / "hibari" / EMMA_FILE).read_bytes() == emma
    (line,) = [line for line in soundloom("voices", "list").out.splitlines() if line.startswith(EMMA)]
    assert line.split() == [EMMA, "en-GB", "high", "Emma,", "female", "Apache-2.0", "yes"]
    assert soundloom("voices", "pull", EMMA).out == f"{EMMA} was installed already\n"
    removed = soundloom("voices", "remove", EMMA)
    assert (removed.code, removed.out) == (0, f"{EMMA} is removed; 1.0 MB freed\n"), removed.err
    assert soundloom("voices", "remove", EMMA).code == 1
    assert EMMA not in soundloom("voices", "list").out


@pytest.mark.parametrize("wrong", [MODEL[:-1], b"x" + MODEL[1:]])
def test_other_bytes_are_no_hibari_voice(
    soundloom: Soundloom, tmp_path: Path, voices_dir: Path, emma: bytes, wrong: bytes
) -> None:
    (tmp_path / EMMA_FILE).write_bytes(wrong)
    pulled = soundloom("voices", "pull", EMMA, "--accept-licence", "--from", str(tmp_path))
    assert pulled.code == 1
    assert not (voices_dir / "hibari" / EMMA_FILE).exists()
    (tmp_path / EMMA_FILE).write_bytes(emma)
    pulled = soundloom("voices", "pull", EMMA, "--accept-licence", "--from", str(tmp_path))
    assert pulled.code == 0, pulled.err


def test_voices_of_kokoro_share_their_model(
    soundloom: Soundloom, hub: Hub, voices_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = bytes(4096)
    monkeypatch.setattr(kokoro_published, "MODEL_BYTES", len(MODEL))
    monkeypatch.setattr(kokoro_published, "MODEL_SHA256", hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(kokoro_published, "VOICE_BYTES", len(style))
    names = ("af_heart", "bm_george")
    monkeypatch.setattr(
        kokoro_published, "VOICE_SHA256", dict.fromkeys(names, hashlib.sha256(style).hexdigest())
    )
    hub.files[f"{kokoro_published.REPOSITORY}/onnx/model_quantized.onnx"] = MODEL
    for name in names:
        hub.files[f"{kokoro_published.REPOSITORY}/voices/{name}.bin"] = style
    refused = soundloom("voices", "pull", "kokoro-af_heart")
    assert (refused.code, "License: Apache-2.0; commercial use is allowed" in refused.err) == (1, True)
    pulled = soundloom("voices", "pull", *(f"kokoro-{name}" for name in names), "--accept-licence")
    assert pulled.code == 0, pulled.err
    assert len(hub.gets("model_quantized.onnx")) == 1
    listed = soundloom("voices", "list").out
    assert all(f"kokoro-{name} " in listed for name in names)
    assert soundloom("voices", "remove", "kokoro-af_heart").out.endswith("0.0 MB freed\n")
    assert "kokoro-bm_george " in soundloom("voices", "list").out
    assert soundloom("voices", "remove", "kokoro-bm_george").out.endswith("1.1 MB freed\n")
    assert not [path for path in (voices_dir / "kokoro").iterdir() if path.is_file()]
    assert soundloom("voices", "remove", "kokoro-bm_george").code == 1
