"""Exports as they come back from other people's tools: packed again, renamed, with marks and junk."""

import json
import shutil
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.archives import IDS, manifest_of, noise, stored
from tests.cli.conftest import Soundloom

Write = Callable[[Path, dict[str, bytes]], None]
DONE = "2 sounds imported, 0 were here already, 0 could not be used\n"


@pytest.fixture(scope="module")
def flac() -> bytes:
    return noise(0.1)


def _files(flac: bytes, *, encoding: str = "utf-8") -> dict[str, bytes]:
    """An export of two sounds with letters beyond ASCII in their names."""
    manifest, files = manifest_of(flac)
    renamed = {}
    for sound, content in zip(manifest["sounds"], files.values(), strict=True):
        name = f"sounds/Über Müll {sound['id']}.flac"
        sound["files"][0]["name"] = name
        renamed[name] = content
    return renamed | {"manifest.json": json.dumps(manifest, ensure_ascii=False).encode(encoding)}


def _zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)


def _named(change: Callable[[str], str]) -> Write:
    return lambda path, files: _zip(path, {change(name): content for name, content in files.items()})


def _with_junk(path: Path, files: dict[str, bytes]) -> None:
    junk = {
        "__MACOSX/._My export": b"x", "__MACOSX/My export/._manifest.json": b"x", "My export/.DS_Store": b"x",
        "My export/": b"", "My export/sounds/": b"", "My export/sounds/Thumbs.db": b"x", "desktop.ini": b"x",
        "My export/sounds/._Über.flac": b"x",
    }  # fmt: skip
    _zip(path, junk | {f"My export/{name}": content for name, content in files.items()})


def _with_raw_names(encoding: str) -> Write:
    """As tools write that tell no encoding."""

    def write(path: Path, files: dict[str, bytes]) -> None:
        raw = [name.encode(encoding, "replace") for name in files]
        stand_ins = [b"%0*d" % (len(name), number) for number, name in enumerate(raw)]
        _zip(path, {fake.decode(): content for fake, content in zip(stand_ins, files.values(), strict=True)})
        data = path.read_bytes()
        for fake, name in zip(stand_ins, raw, strict=True):
            # In front of the file and in the table of contents.
            assert data.count(fake) == 2
            data = data.replace(fake, name)
        path.write_bytes(data)

    return write


WRITTEN: dict[str, Write] = {
    "one top folder": _named(lambda name: f"My export/{name}"),
    "folders in folders": _named(lambda name: f"a/b c/{name}"),
    "backslashes": _named(lambda name: name.replace("/", "\\")),
    "backslashes and a top folder": _named(lambda name: f"My export\\{name}".replace("/", "\\")),
    "dots in front": _named(lambda name: f"./{name}"),
    "letters apart": _named(lambda name: unicodedata.normalize("NFD", name)),
    "capitals": _named(str.upper),
    "junk and folders": _with_junk,
    "utf-8 that is not told": _with_raw_names("utf-8"),
    "cp437": _with_raw_names("cp437"),
    "cp850": _with_raw_names("cp850"),
    "cp1252": _with_raw_names("cp1252"),
    "letters lost": _with_raw_names("ascii"),
    "stored": lambda path, files: _zip(path, files, zipfile.ZIP_STORED),
    "bzip2": lambda path, files: _zip(path, files, zipfile.ZIP_BZIP2),
    "lzma": lambda path, files: _zip(path, files, zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_it_comes_back_however_it_was_packed(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes, way: str
) -> None:
    path = tmp_path / "export.zip"
    WRITTEN[way](path, _files(flac))
    outcome = soundloom("import", str(path), "--owner", owner)
    assert (outcome.code, outcome.out) == (0, DONE), outcome.err
    assert {(folder / "sound.flac").read_bytes() for folder in stored(data_dir).values()} == {flac}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_manifest_with_a_byte_order_mark(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes, encoding: str
) -> None:
    _zip(tmp_path / "export.zip", _files(flac, encoding=encoding))
    outcome = soundloom("import", str(tmp_path / "export.zip"), "--owner", owner)
    assert (outcome.code, outcome.out) == (0, DONE), outcome.err


@pytest.mark.parametrize("change", ["as it was", "one folder", "letters apart", "backslashes", "capitals"])
def test_an_unpacked_folder_comes_back_too(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes, change: str
) -> None:
    changes: dict[str, Callable[[str], str]] = {
        "as it was": str, "one folder": lambda name: f"My export/{name}", "capitals": str.upper,
        "letters apart": lambda name: unicodedata.normalize("NFD", name),
        # As unzip leaves names with backslashes on some systems.
        "backslashes": lambda name: name.replace("/", "\\"),
    }  # fmt: skip
    folder = tmp_path / "unpacked"
    for name, content in _files(flac).items():
        path = folder / changes[change](name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / ".DS_Store").write_bytes(b"x")
    outcome = soundloom("import", str(folder), "--owner", owner)
    assert (outcome.code, outcome.out) == (0, DONE), outcome.err


def test_several_exports_in_one_are_named_and_refused(
    soundloom: Soundloom, owner: str, tmp_path: Path, flac: bytes
) -> None:
    files = _files(flac)
    both = {f"{folder}/{name}": content for folder in ("May", "June") for name, content in files.items()}
    _zip(tmp_path / "export.zip", both)
    outcome = soundloom("import", str(tmp_path / "export.zip"), "--owner", owner)
    assert outcome.code == 1
    assert "There are several exports in it (June, May); import one at a time" in outcome.err


@pytest.mark.parametrize(
    "name",
    [
        "..\\outside.flac", "sounds\\..\\..\\outside.flac", "C:\\outside.flac", "\\outside.flac",
        "//host/outside.flac",
        "My export/../../outside.flac",
    ],
)  # fmt: skip
def test_what_leads_out_is_refused_by_any_slash(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes, name: str
) -> None:
    (tmp_path / "outside.flac").write_bytes(flac)
    manifest, files = manifest_of(flac)
    # Its end alone would find the file that is there.
    for ending in ("", f"{IDS[0]}.flac"):
        manifest["sounds"][0]["files"][0]["name"] = name.replace("outside.flac", ending) if ending else name
        folder = tmp_path / "export"
        shutil.rmtree(folder, ignore_errors=True)
        content = files | {"manifest.json": json.dumps(manifest).encode(), name: flac}
        _zip(tmp_path / "export.zip", content)
        for file, data in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
        for source in (tmp_path / "export.zip", folder):
            outcome = soundloom("import", str(source), "--owner", owner)
            assert outcome.code == 1, source
            assert "is not a file of the folder" in outcome.err
            assert stored(data_dir).keys() == {IDS[1]}


def test_an_export_without_sounds_is_no_success(soundloom: Soundloom, owner: str, tmp_path: Path) -> None:
    manifest: dict[str, Any] = {"format": "soundloom-export", "version": 1, "sounds": []}
    _zip(tmp_path / "export.zip", {"manifest.json": json.dumps(manifest).encode()})
    outcome = soundloom("import", str(tmp_path / "export.zip"), "--owner", owner)
    assert (outcome.code, "tells of no sounds" in outcome.err) == (1, True)


def test_an_encrypted_entry_costs_its_own_sound_alone(
    soundloom: Soundloom, owner: str, data_dir: Path, tmp_path: Path, flac: bytes
) -> None:
    path = tmp_path / "export.zip"
    _zip(path, _files(flac))
    data = bytearray(path.read_bytes())
    for mark, flags_at, method_at in ((b"PK\x01\x02", 8, 10), (b"PK\x03\x04", 6, 8)):
        at = data.index(mark)
        struct.pack_into("<H", data, at + flags_at, data[at + flags_at] | data[at + flags_at + 1] << 8 | 1)
        # And the second of them packed in a way that nobody knows.
        at = data.index(mark, at + 1)
        struct.pack_into("<H", data, at + method_at, 97)
    path.write_bytes(data)
    outcome = soundloom("import", str(path), "--owner", owner)
    assert outcome.out == "0 sounds imported, 0 were here already, 2 could not be used\n"
    assert outcome.err.count("is missing or cannot be read") == 2
