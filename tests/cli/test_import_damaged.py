"""Damaged and hostile archives: each sound by itself, within bounds of memory and time."""

import hashlib
import io
import json
import math
import random
import resource
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.cli.archives import manifest_of, noise, stored, zipped
from tests.cli.conftest import Soundloom
from webapp.audio.decode import NotSound, decode
from webapp.audio.encode import MP3_RATES
from webapp.errors import InvalidRequest
from webapp.policy.library.imports import LONGEST_S, MAX_SAMPLES, read_entry, read_manifest
from webapp.storage.import_source import import_source

pytestmark = pytest.mark.slow

DAMAGED = 400
SOUNDS = 4
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def _good(method: int) -> bytes:
    """An export of four sounds, each packed by the same method."""
    flac = noise(0.05)
    manifest, _ = manifest_of(flac)
    template, files = manifest["sounds"][0], {}
    manifest["sounds"] = []
    for number in range(SOUNDS):
        sound_id = f"{number:x}" * 20
        name = f"sounds/Über {sound_id}.flac"
        files[name] = flac
        entry = template["files"][0] | {"name": name}
        manifest["sounds"].append(template | {"id": sound_id, "files": [entry]})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _damage(good: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, a piece gone, a piece twice, two pieces swapped, or the end cut off."""
    data = bytearray(good)
    at = chance.randrange(len(data))
    length = chance.choice((1, 1, 1, 4, 30, 400))
    match chance.randrange(6):
        case 0 | 1:
            data[at : at + length] = chance.randbytes(len(data[at : at + length]))
        case 2:
            data[at] ^= 1 << chance.randrange(8)
        case 3:
            del data[at : at + length]
        case 4:
            other = chance.randrange(len(data))
            data[at : at + length], data[other : other + length] = (
                data[other : other + length],
                data[at : at + length],
            )
        case _:
            del data[at:]
    return bytes(data)


def _whole(path: Path) -> set[str]:
    """The sounds that nothing happened to, by reading the archive as plainly as can be."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            flac = noise(0.05)
            return {
                sound["id"]
                for sound in manifest["sounds"]
                if _is_readable(archive, sound["files"][0]["name"], flac)
            }
    except Exception:  # noqa: BLE001 - whatever the standard library raises, the archive is damaged as a whole
        return set()


def _is_readable(archive: zipfile.ZipFile, name: str, content: bytes) -> bool:
    try:
        return archive.read(name) == content
    except Exception:  # noqa: BLE001 - as above, for one file
        return False


def _imported(path: Path, folder: Path) -> set[str]:
    """The sounds that an import would take; whatever else it raises than a refusal fails the test."""
    taken = set()
    try:
        with import_source(path) as source:
            for raw in read_manifest(source.read("manifest.json", 1 << 20)):
                try:
                    entry, _ = read_entry(raw)
                    (file,) = entry.sound_files
                    source.copy(file.name, folder / "x.flac", size=file.size, sha256=file.sha256)
                    decode(folder / "x.flac", file.suffix, longest_s=LONGEST_S, most_samples=MAX_SAMPLES)
                except (InvalidRequest, NotSound):
                    continue
                taken.add(entry.id)
    except InvalidRequest:
        pass
    return taken


@pytest.mark.parametrize("method", METHODS)
def test_every_sound_that_is_whole_comes_out_of_a_damaged_archive(tmp_path: Path, method: int) -> None:
    good, chance = _good(method), random.Random(method)
    path, some = tmp_path / "export.zip", 0
    for number in range(DAMAGED // len(METHODS)):
        path.write_bytes(_damage(good, chance))
        whole = _whole(path)
        assert _imported(path, tmp_path) >= whole, (method, number)
        some += 0 < len(whole) < SOUNDS
    # Else it would show nothing.
    assert some > 5


def test_the_command_itself_over_damaged_archives(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path
) -> None:
    good, chance = _good(zipfile.ZIP_DEFLATED), random.Random(28)
    path, tried = tmp_path / "export.zip", 0
    while tried < 6:
        path.write_bytes(_damage(good, chance))
        whole = _whole(path)
        if len(whole) == SOUNDS:
            continue
        tried += 1
        known = stored(data_dir).keys() & whole
        outcome = soundloom("import", str(path), "--owner", owner)
        assert "Traceback" not in outcome.err
        assert stored(data_dir).keys() >= whole | known
        assert (outcome.code == 0) == ("0 could not be used" in outcome.out)
        assert list((data_dir / "staging").iterdir()) == []


CHILD = """
import re, resource, sys
from pathlib import Path
from webapp.cli import main
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
code = main(["import", *sys.argv[2:]])
# Of this program alone: getrusage begins with what its parent used.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(code)
"""


def _sound_file(audio_format: str, rate: int, duration_s: float, channels: int = 1) -> bytes:
    """Silence, which packs best."""
    buffer = io.BytesIO()
    block = np.zeros((1 << 16, channels), np.int16)
    with soundfile.SoundFile(buffer, "w", rate, channels, format=audio_format) as file:
        left = round(rate * duration_s)
        while left > 0:
            file.write(block[:left])
            left -= len(block)
    return buffer.getvalue()


def _entry_of(manifest: dict[str, Any], number: int, content: bytes, suffix: str) -> str:
    """Give a sound of a manifest another file; its name."""
    entry = manifest["sounds"][number]["files"][0]
    name = entry["name"].rpartition(".")[0] + f".{suffix}"
    entry.update(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    return str(name)


def test_silence_that_would_fill_the_memory_is_refused_before_it_is_decoded(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path
) -> None:
    manifest, files = manifest_of(noise(0.1))
    bomb = _sound_file("FLAC", 192_000, LONGEST_S, 2)
    assert len(bomb) < 2_000_000
    files[_entry_of(manifest, 0, bomb, "flac")] = bomb
    path = zipped(tmp_path / "export.zip", manifest, files)
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, "0", str(path), "--owner", owner],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout == "1 sounds imported, 0 were here already, 1 could not be used\n"
    assert "more than 43200000 samples" in ran.stderr
    kilobytes = int(ran.stderr.splitlines()[-1])
    assert kilobytes < 400_000


@pytest.mark.parametrize(
    ("method", "most_kilobytes"),
    [(zipfile.ZIP_DEFLATED, 40_000), (zipfile.ZIP_LZMA, 150_000), (zipfile.ZIP_BZIP2, 350_000)],
)
def test_a_bomb_by_any_method_takes_little_memory(tmp_path: Path, method: int, most_kilobytes: int) -> None:
    """128 MiB of zeros that say that they are a sound of some hundred bytes, and as a manifest."""
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in ("manifest.json", f"sounds/{'a' * 20}.flac"):
            with archive.open(name, "w", force_zip64=True) as entry:
                for _ in range(128):
                    entry.write(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with import_source(path) as source:
        with pytest.raises(InvalidRequest, match="too long"):
            source.read("manifest.json", 1 << 20)
        with pytest.raises(InvalidRequest, match="not the file"):
            source.copy(f"sounds/{'a' * 20}.flac", tmp_path / "x", size=500, sha256="0" * 64)
    assert (tmp_path / "x").stat().st_size <= 501
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < most_kilobytes


@pytest.mark.parametrize("rate", [8_000, 9_999, 11_025, 22_051, 44_099, 64_000, 96_000, 192_000])
def test_sample_rates_that_mp3_lacks(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, rate: int
) -> None:
    tone = np.sin(np.arange(rate) * 2 * math.pi * 440 / rate) * 0.5
    buffer = io.BytesIO()
    soundfile.write(buffer, tone, rate, format="WAV")
    manifest, files = manifest_of(noise(0.1))
    files[_entry_of(manifest, 0, buffer.getvalue(), "wav")] = buffer.getvalue()
    outcome = soundloom("import", str(zipped(tmp_path / "a.zip", manifest, files)), "--owner", owner)
    assert outcome.out == "2 sounds imported, 0 were here already, 0 could not be used\n", outcome.err
    folder = stored(data_dir)["a" * 20]
    for suffix in ("wav", "flac", "ogg"):
        assert soundfile.info(folder / f"sound.{suffix}").samplerate == rate
    read, mp3_rate = soundfile.read(folder / "sound.mp3")
    assert mp3_rate in MP3_RATES
    assert mp3_rate == rate or rate not in MP3_RATES
    assert len(read) == pytest.approx(mp3_rate, abs=1200)
    spectrum = np.abs(np.fft.rfft(read[:mp3_rate]))
    assert np.argmax(spectrum) * mp3_rate / len(read[:mp3_rate]) == pytest.approx(440, abs=2)
    shutil.rmtree(folder)


def _wav(samples: "np.ndarray[Any, Any]", subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV", subtype=subtype)
    return buffer.getvalue()


def test_what_is_no_sound_costs_itself_alone(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path
) -> None:
    good = _wav(np.zeros(1_000), "PCM_16")
    wrong = {
        "not a number": _wav(np.full(1_000, np.nan)),
        "beyond all": _wav(np.full(1_000, np.inf)),
        "no samples": _wav(np.zeros(0), "PCM_16"),
        "six channels": _wav(np.zeros((1_000, 6)), "PCM_16"),
        "cut in its header": good[:30],
        "says too much": good[:24] + b"\xff\xff\xff\x7f" + good[28:],
        "says nothing": b"RIFF\0\0\0\0WAVEfmt ",
        "another kind": _sound_file("OGG", 16_000, 0.1),
    }
    for name, content in wrong.items():
        shutil.rmtree(data_dir / "sounds", ignore_errors=True)
        manifest, files = manifest_of(noise(0.05))
        for sound in manifest["sounds"]:
            sound["id"] = f"{list(wrong).index(name):x}" + sound["id"][1:]
        files[_entry_of(manifest, 0, content, "wav")] = content
        outcome = soundloom("import", str(zipped(tmp_path / "a.zip", manifest, files)), "--owner", owner)
        assert outcome.out == "1 sounds imported, 0 were here already, 1 could not be used\n", (
            name,
            outcome.err,
        )
        assert outcome.code == 1


def test_texts_that_no_database_takes_cost_their_sound_alone(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path
) -> None:
    manifest, files = manifest_of(noise(0.05))
    manifest["sounds"][0]["engine_label"] = "x\0y"
    outcome = soundloom("import", str(zipped(tmp_path / "a.zip", manifest, files)), "--owner", owner)
    assert outcome.out == "1 sounds imported, 0 were here already, 1 could not be used\n", outcome.err


@pytest.mark.parametrize("is_zip64", [False, True])
def test_a_table_of_contents_that_would_fill_the_memory_is_not_read(tmp_path: Path, is_zip64: bool) -> None:
    good = _good(zipfile.ZIP_STORED)
    at = good.rindex(b"PK\x05\x06")
    length, begin = struct.unpack_from("<2L", good, at + 12)
    told, table = 1 << 30, good[begin:at]
    if is_zip64:
        numbers = (44, 45, 45, 0, 0, 5, 5, told, begin)
        record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *numbers)
        record += struct.pack("<4sLQL", b"PK\x06\x07", 0, begin + length, 1)
        record += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 5, 5, 0xFFFF_FFFF, begin, 0)
    else:
        record = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 5, 5, told, begin, 0)
    path = tmp_path / "export.zip"
    path.write_bytes(good[:begin] + table + record)
    with pytest.raises(InvalidRequest, match="too many entries"), import_source(path):
        pass
