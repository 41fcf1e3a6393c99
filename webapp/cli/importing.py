"""`soundloom import`: sounds that were exported elsewhere, with all that was known of them."""

import asyncio
import sys
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import soundfile

from webapp.audio.decode import NotSound, decode
from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.peaks import waveform_peaks
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform
from webapp.cli._context import with_services
from webapp.errors import InvalidRequest, StorageFull, is_disk_full
from webapp.policy.library.exports import MANIFEST_NAME
from webapp.policy.library.fields import SoundChange
from webapp.policy.library.imports import (
    LONGEST_S,
    MAX_MANIFEST_BYTES,
    MAX_SAMPLES,
    SoundEntry,
    read_entry,
    read_manifest,
)
from webapp.services.container import Services
from webapp.services.library.sounds import SoundFacts
from webapp.services.library.storage_limits import DISK_FULL
from webapp.storage.import_source import ImportSource, import_source

SHOWN_CHARACTERS: Final = 60


@dataclass(slots=True)
class _Tally:
    """The outcome of an import. `full` says why the rest did not fit, if it did not."""

    taken: int = 0
    known: int = 0
    refused: int = 0
    no_room: int = 0
    full: str = ""

    def __str__(self) -> str:
        said = (
            f"{self.taken} sounds imported, {self.known} were here already, {self.refused} could not be used"
        )
        return f"{said}, {self.no_room} did not fit" if self.no_room else said


def bring_in(arguments: Namespace) -> int:
    """Import what is not here yet; say what was taken, what was here, and what could not be used.

    When the account or the server is full, what came before stays, and the rest is named and left out.
    """
    path = Path(arguments.path).absolute()

    async def work(services: Services) -> _Tally:
        owner = (await services.accounts.registry.find(arguments.owner)).account_id
        with import_source(path) as source:
            # What an earlier import left that did not come to its end may be what takes the room.
            await services.library.files.remove_loose()
            await services.storage.sweep_staging()
            entries, refused = _entries(source)
            tally = _Tally(refused=refused)
            for entry, change in entries:
                if await services.library.importer.is_known(entry.id):
                    tally.known += 1
                else:
                    await _try_one(services, source, owner, entry, change, tally, publish=arguments.publish)
        return tally

    tally = with_services(work)
    print(tally)
    if tally.full:
        print(f"soundloom: {tally.full}", file=sys.stderr)
    return 1 if tally.refused or tally.full else 0


async def _try_one(
    services: Services,
    source: ImportSource,
    owner: int,
    entry: SoundEntry,
    change: SoundChange,
    tally: _Tally,
    *,
    publish: bool,
) -> None:
    if not tally.full:
        try:
            await services.library.importer.require_capacity(owner)
            is_new = await _bring_one(services, source, owner, entry, change, publish=publish)
        except InvalidRequest as error:
            tally.refused += 1
            _complain(error.message)
            return
        except StorageFull as error:
            tally.full = error.message
        except OSError as error:
            if not is_disk_full(error):
                raise
            tally.full = DISK_FULL
        else:
            tally.taken += is_new
            tally.known += not is_new
            return
    tally.no_room += 1
    _complain(f"no room for {entry.id} ({change.title or entry.prompt[:SHOWN_CHARACTERS]})")


def _entries(source: ImportSource) -> tuple[list[tuple[SoundEntry, SoundChange]], int]:
    """The sounds that can be used, the oldest first, and how many cannot."""
    entries, refused = [], 0
    for raw in read_manifest(source.read(MANIFEST_NAME, MAX_MANIFEST_BYTES)):
        try:
            entries.append(read_entry(raw))
        except InvalidRequest as error:
            refused += 1
            _complain(error.message)
    # Lists show what came last first, and so do manifests.
    entries.reverse()
    entries.sort(key=lambda known: known[0].created_at)
    return entries, refused


def _complain(message: str) -> None:
    print(f"soundloom: left out: {message}", file=sys.stderr)


async def _bring_one(
    services: Services,
    source: ImportSource,
    owner: int,
    entry: SoundEntry,
    change: SoundChange,
    *,
    publish: bool,
) -> bool:
    created_ms = _moment_ms(entry.created_at)
    staged = services.storage.staging_folder()
    try:
        facts = await asyncio.to_thread(_write_files, source, entry, staged)
        return await services.library.importer.add(
            owner, entry, change, facts, staged,
            created_ms=created_ms, is_public=publish and entry.is_public,
        )  # fmt: skip
    except BaseException:
        await services.storage.discard(staged)
        raise


def _write_files(source: ImportSource, entry: SoundEntry, staged: Path) -> SoundFacts:
    """The file that came, and the others made of it: what is not sound does not get this far."""
    suffix, waveform = _best_sound(source, entry, staged)
    try:
        _write_others(staged, suffix, waveform, entry.seed)
    except (soundfile.SoundFileError, ValueError, ArithmeticError, MemoryError) as error:
        raise InvalidRequest(f"{entry.id} cannot be written in every format: {error}") from error
    files = [path for path in staged.iterdir() if path.name.startswith(("sound.", "spectrogram."))]
    return SoundFacts(
        engine=entry.engine,
        engine_label=entry.engine_label,
        checkpoint=entry.checkpoint,
        license=entry.license,
        seed=entry.seed,
        loudness_lufs=entry.loudness_lufs,
        true_peak_dbtp=entry.true_peak_dbtp,
        quality_score=entry.quality_score,
        quality_reasons=tuple(entry.quality_reasons),
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        channels=waveform.channels,
        peaks=tuple(waveform_peaks(waveform)),
        bytes_total=sum(path.stat().st_size for path in files),
    )


def _write_others(staged: Path, suffix: str, waveform: Waveform, seed: int) -> None:
    for audio_format in AudioFormat:
        if audio_format != suffix:
            write_audio(staged / f"sound.{audio_format}", waveform, audio_format, dither_seed=seed)
    (staged / "spectrogram.png").write_bytes(spectrogram_png(waveform))


def _best_sound(source: ImportSource, entry: SoundEntry, staged: Path) -> tuple[str, Waveform]:
    """The format of the best file that came whole, now in the folder, and its sound.

    Raises InvalidRequest, with what is wrong with the best one, when none came whole.
    """
    faults: list[InvalidRequest] = []
    for file in entry.sound_files:
        given = staged / f"sound.{file.suffix}"
        try:
            source.copy(file.name, given, size=file.size, sha256=file.sha256)
            waveform = _decoded(given, file.suffix)
        except InvalidRequest as error:
            faults.append(error)
            given.unlink(missing_ok=True)
            continue
        if faults:
            print(f"soundloom: {faults[0].message}; {file.name} was taken instead", file=sys.stderr)
        return file.suffix, waveform
    raise faults[0]


def _decoded(path: Path, suffix: str) -> Waveform:
    """The sound of a file that is to be of the format its name says. Raises InvalidRequest."""
    try:
        return decode(path, suffix, longest_s=LONGEST_S, most_samples=MAX_SAMPLES)
    except NotSound as error:
        raise InvalidRequest(f"{path.name} is not sound of a kind that is kept here: {error}") from error


def _moment_ms(written: str) -> int:
    try:
        moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest(f"{written} is no date") from error
    return int(moment.timestamp() * 1000)
