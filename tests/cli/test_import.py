"""`soundloom import`: what was exported comes back, and what is wrong does no harm."""

import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.archives import IDS, manifest_of, noise, stored, zipped
from tests.cli.conftest import Soundloom

Change = Callable[[dict[str, Any], dict[str, bytes]], None]


@pytest.fixture(scope="module")
def flac() -> bytes:
    """Half a second of noise."""
    return noise(0.5)


def test_a_zip_and_its_folder_come_back_once(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes
) -> None:
    path = zipped(tmp_path / "export.zip", *manifest_of(flac))
    first = soundloom("import", str(path), "--owner", owner, "--publish")
    assert (first.code, first.out) == (
        0, "2 sounds imported, 0 were here already, 0 could not be used\n",
    ), first.err  # fmt: skip
    assert stored(data_dir).keys() == set(IDS)
    folder = stored(data_dir)[IDS[0]]
    assert {path.name for path in folder.iterdir()} == {
        "sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png",
    }  # fmt: skip
    assert (folder / "sound.flac").read_bytes() == flac
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(path).extractall(unpacked)
    again = soundloom("import", str(unpacked), "--owner", owner)
    assert again.out == "0 sounds imported, 2 were here already, 0 could not be used\n"
    # A whole backup later it is all the same to the library.
    assert soundloom("backup", str(tmp_path / "backup")).code == 0
    rows = (tmp_path / "backup" / "tables" / "library_item.jsonl").read_text().splitlines()
    assert len(rows) == 2
    assert all("calm rain" in row and "Über" in row for row in rows)


WRONG: dict[str, Change] = {
    "digest": lambda manifest, _: manifest["sounds"][0]["files"][0].update(sha256="0" * 64),
    "size": lambda manifest, _: manifest["sounds"][0]["files"][0].update(size=5),
    "missing": lambda _, files: files.__delitem__(next(iter(files))),
    "id": lambda manifest, _: manifest["sounds"][0].update(id="../../etc/passwd12345"),
    "up": lambda manifest, _: manifest["sounds"][0]["files"][0].update(name="../outside.flac"),
    "root": lambda manifest, _: manifest["sounds"][0]["files"][0].update(name="/etc/hostname.flac"),
    "model": lambda manifest, _: manifest["sounds"][0].update(model="x"),
    "prompt": lambda manifest, _: manifest["sounds"][0].update(prompt=""),
    "title": lambda manifest, _: manifest["sounds"][0].update(title="x" * 101),
    "date": lambda manifest, _: manifest["sounds"][0].update(created_at="2024-99-15T10:30:00Z"),
    "no sound": lambda manifest, _: manifest["sounds"][0].update(files=[]),
    "no object": lambda manifest, _: manifest["sounds"].__setitem__(0, [1]),
}
# What is read otherwise from a folder than from a zip.
OF_FILES = ("digest", "missing", "up", "root")


@pytest.mark.parametrize("way", ["zip", "folder"])
def test_what_is_wrong_is_left_out_and_the_rest_comes(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes, way: str
) -> None:
    (tmp_path / "outside.flac").write_bytes(flac)
    for number, (name, change) in enumerate(WRONG.items()):
        if way == "folder" and name not in OF_FILES:
            continue
        shutil.rmtree(data_dir / "sounds", ignore_errors=True)
        manifest, files = manifest_of(flac)
        for sound in manifest["sounds"]:
            sound["id"] = f"{number:02x}{sound['id'][2:]}"
        change(manifest, files)
        path = zipped(tmp_path / f"{number}.zip", manifest, files)
        if way == "folder":
            zipfile.ZipFile(path).extractall(tmp_path / f"{number}")
            path = tmp_path / f"{number}"
        outcome = soundloom("import", str(path), "--owner", owner)
        assert outcome.code == 1, name
        assert outcome.out == "1 sounds imported, 0 were here already, 1 could not be used\n", name
        assert outcome.err.count("left out") == 1, name
        assert len(stored(data_dir)) == 1, name
        assert list((data_dir / "staging").iterdir()) == [], name


def test_a_damaged_file_is_made_good_by_another_of_the_same_sound(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes
) -> None:
    shutil.rmtree(data_dir / "sounds", ignore_errors=True)
    manifest, files = manifest_of(flac)
    sound = manifest["sounds"][0]
    sound["id"] = "d" * 20
    del manifest["sounds"][1:]
    name = sound["files"][0]["name"].replace(".flac", ".wav")
    files[name] = b"RIFF, and then the disk was full"
    sound["files"].insert(0, {"name": name, "size": len(files[name]), "sha256": "0" * 64})
    path = zipped(tmp_path / "export.zip", manifest, files)
    outcome = soundloom("import", str(path), "--owner", owner)
    assert outcome.out == "1 sounds imported, 0 were here already, 0 could not be used\n"
    assert "is not the file that the manifest tells of" in outcome.err
    assert "was taken instead" in outcome.err
    assert (stored(data_dir)["d" * 20] / "sound.flac").read_bytes() == flac
    assert list((data_dir / "staging").iterdir()) == []


def test_an_archive_that_is_not_whole(soundloom: Soundloom, owner: str, tmp_path: Path, flac: bytes) -> None:
    path = zipped(tmp_path / "cut.zip", *manifest_of(flac))
    path.write_bytes(path.read_bytes()[:-30])
    outcome = soundloom("import", str(path), "--owner", owner)
    assert (outcome.code, outcome.out) == (1, "")
    assert "or the zip is not whole" in outcome.err


def test_bombs_links_and_what_is_no_sound(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes
) -> None:
    manifest, files = manifest_of(flac)
    names = list(files)
    # A bomb says that it is small; noise says that it is sound.
    files[names[0]] = b"\0" * 50_000_000
    noise = bytes(range(256)) * 40
    files[names[1]] = noise
    manifest["sounds"][1]["files"][0].update(size=len(noise), sha256=hashlib.sha256(noise).hexdigest())
    outcome = soundloom("import", str(zipped(tmp_path / "a.zip", manifest, files)), "--owner", owner)
    assert outcome.out == "0 sounds imported, 0 were here already, 2 could not be used\n"
    manifest, files = manifest_of(flac)
    path = zipped(tmp_path / "b.zip", manifest, {})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo(names[0])
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/hostname")
    folder = tmp_path / "links"
    (folder / "sounds").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "outside.flac").write_bytes(flac)
    for name in names:
        (folder / name).symlink_to(tmp_path / "outside.flac")
    for source in (path, folder):
        outcome = soundloom("import", str(source), "--owner", owner)
        assert outcome.out == "0 sounds imported, 0 were here already, 2 could not be used\n"
    assert stored(data_dir) == {}
    for content in (
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"format": "soundloom-export", "version": 2, "sounds": []}',
    ):
        (folder / "manifest.json").write_bytes(content)
        assert soundloom("import", str(folder), "--owner", owner).code == 1
    assert soundloom("import", str(tmp_path / "nothing"), "--owner", owner).code == 1
    assert soundloom("import", str(path), "--owner", "nobody").code == 1
