"""Archives as they are sent: read from the front, as Java does, and beyond four gigabytes."""

import asyncio
import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.storage import zip_stream
from webapp.storage.zip_stream import Measured, NotAsMeasured, ZipStream

FILES = {"sounds/शांत बारिश.flac": bytes(range(256)) * 3_000, "sounds/plain.wav": b"", "manifest.json": b"{}"}
JAVA = """
import java.io.*; import java.util.zip.*;
public class Read {
  public static void main(String[] arguments) throws IOException {
    ZipInputStream zip = new ZipInputStream(new FileInputStream(arguments[0]));
    for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) {
      CRC32 sum = new CRC32(); long length = 0; byte[] part = new byte[8192];
      for (int n; (n = zip.read(part)) >= 0; length += n) sum.update(part, 0, n);
      System.out.println(entry.getName().length() + " " + length + " " + sum.getValue());
    }
  }
}
"""


async def _written(files: dict[str, bytes]) -> bytes:
    archive, written = ZipStream(), []
    for name, content in files.items():
        measured = Measured.of(iter([content]))
        written += [piece async for piece in archive.add(name, _pieces(content), measured, 1_700_000_001_000)]
    return b"".join([*written, archive.end()])


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[at : at + 10_000] for at in range(0, len(content), 10_000))


def _streamed(archive: bytes) -> dict[str, bytes]:
    """What a reader finds that only goes forward: each entry's end must be known at its beginning."""
    found, at = {}, 0
    while archive[at : at + 4] == b"PK\x03\x04":
        _, flags, method, _, _, checksum, packed, size, name_length, extra_length = struct.unpack_from(
            "<5H3L2H", archive, at + 4
        )
        assert not flags & 0x08, "a stored entry with a data descriptor"
        assert method == 0
        at += 30
        name = archive[at : at + name_length].decode("utf-8" if flags & 0x800 else "ascii")
        extra = archive[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length
        if size == 0xFFFF_FFFF:
            size, packed = struct.unpack_from("<2Q", extra, 4)
        assert packed == size
        found[name] = archive[at : at + size]
        assert zlib.crc32(found[name]) == checksum
        at += size
    assert archive[at : at + 4] == b"PK\x01\x02"
    return found


async def test_an_archive_is_read_from_its_front_and_from_its_end() -> None:
    written = await _written(FILES)
    assert _streamed(written) == FILES
    archive = zipfile.ZipFile(io.BytesIO(written))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == FILES
    assert {entry.date_time for entry in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java; the test above reads as it does")
def test_java_reads_it_as_a_stream(tmp_path: Path) -> None:
    (tmp_path / "Read.java").write_text(JAVA)
    (tmp_path / "export.zip").write_bytes(asyncio.run(_written(FILES)))
    ran = subprocess.run(
        ["java", "-Xshare:auto", str(tmp_path / "Read.java"), str(tmp_path / "export.zip")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert [line.split() for line in ran.stdout.splitlines()] == [
        [str(len(name)), str(len(content)), str(zlib.crc32(content))] for name, content in FILES.items()
    ]


async def test_a_zip_beyond_four_gigabytes_would_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the format's limits lowered: long files and a long archive, read back from both ends."""
    monkeypatch.setattr(zip_stream, "LIMIT_32", 100_000)
    monkeypatch.setattr(zip_stream, "LIMIT_16", 2)
    files = {str(number): bytes([number]) * 300_000 for number in range(3)} | {"small": b"x"}
    written = await _written(files)
    assert b"PK\x06\x06" in written
    assert _streamed(written) == files
    read = zipfile.ZipFile(io.BytesIO(written))
    assert {name: read.read(name) for name in read.namelist()} == files


@pytest.mark.parametrize("now", [b"short", b"longer than it was", b"other"])
async def test_what_is_other_than_it_was_measured_ends_the_archive(now: bytes) -> None:
    archive = ZipStream()
    before = Measured.of(iter([b"first"]))
    with pytest.raises(NotAsMeasured):
        [piece async for piece in archive.add("a", iter([now]), before, 0)]


@pytest.mark.parametrize("moment_ms", [-1, 0, 4_354_819_199_000, 2**45])
async def test_dates_that_zip_does_not_know(moment_ms: int) -> None:
    archive = ZipStream()
    pieces = [piece async for piece in archive.add("a", iter([b"x"]), Measured.of(iter([b"x"])), moment_ms)]
    entry = zipfile.ZipFile(io.BytesIO(b"".join([*pieces, archive.end()]))).infolist()[0]
    assert 1980 <= entry.date_time[0] <= 2107
