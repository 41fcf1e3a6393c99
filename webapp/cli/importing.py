"""`soundloom import`: sounds that were exported elsewhere, with all that was known of them."""

import asyncio
import sys
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.peaks import waveform_peaks
from webapp.audio.spectrogram import spectrogram_png
from webapp.audio.waveform import Waveform
from webapp.cli._context import with_services
from webapp.errors import InvalidRequest
from webapp.policy.exports import MANIFEST_NAME
from webapp.policy.imports import LONGEST_S, MAX_MANIFEST_BYTES, SoundEntry, read_entry, read_manifest
from webapp.policy.library import SoundChange
from webapp.services.container import Services
from webapp.services.library.importing import MeasuredSound
from webapp.storage.import_source import ImportSource, import_source

SAMPLE_RATES: Final = range(8_000, 192_001)


def bring_in(arguments: Namespace) -> int:
    """Import what is not here yet; say what was taken, what was here, and what could not be used."""
    path = Path(arguments.path).absolute()

    async def work(services: Services) -> tuple[int, int, int]:
        owner = (await services.accounts.find(arguments.owner)).account_id
        with import_source(path) as source:
            entries, refused = _entries(source)
            taken = known = 0
            for entry, change in entries:
                try:
                    if await services.library.importer.is_known(entry.id):
                        known += 1
                    elif await _bring_one(services, source, owner, entry, change, publish=arguments.publish):
                        taken += 1
                except InvalidRequest as error:
                    refused += 1
                    _complain(error)
        return taken, known, refused

    taken, known, refused = with_services(work)
    print(f"{taken} sounds imported, {known} were here already, {refused} could not be used")
    return 1 if refused else 0


def _entries(source: ImportSource) -> tuple[list[tuple[SoundEntry, SoundChange]], int]:
    """The sounds that can be used, the oldest first, and how many cannot."""
    entries, refused = [], 0
    for raw in read_manifest(source.read(MANIFEST_NAME, MAX_MANIFEST_BYTES)):
        try:
            entries.append(read_entry(raw))
        except InvalidRequest as error:
            refused += 1
            _complain(error)
    # Lists show what came last first, and so do manifests.
    entries.reverse()
    entries.sort(key=lambda known: known[0].created_at)
    return entries, refused


def _complain(error: InvalidRequest) -> None:
    print(f"soundloom: left out: {error.message}", file=sys.stderr)


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
        measured = await asyncio.to_thread(_write_files, source, entry, staged)
        return await services.library.importer.add(
            owner, entry, change, measured, staged,
            created_ms=created_ms, is_public=publish and entry.is_public,
        )  # fmt: skip
    except BaseException:
        await services.storage.discard(staged)
        raise


def _write_files(source: ImportSource, entry: SoundEntry, staged: Path) -> MeasuredSound:
    """The file that came, and the others made of it: what is not sound does not get this far."""
    best = entry.best_file
    suffix = best.name.rpartition(".")[2].lower()
    given = staged / f"sound.{suffix}"
    source.copy(best.name, given, size=best.size, sha256=best.sha256)
    waveform = _decoded(given, suffix)
    for audio_format in AudioFormat:
        if audio_format != suffix:
            write_audio(staged / f"sound.{audio_format}", waveform, audio_format, dither_seed=entry.seed)
    (staged / "spectrogram.png").write_bytes(spectrogram_png(waveform))
    files = [path for path in staged.iterdir() if path.name.startswith(("sound.", "spectrogram."))]
    return MeasuredSound(
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        channels=waveform.channels,
        peaks=tuple(waveform_peaks(waveform)),
        bytes_total=sum(path.stat().st_size for path in files),
    )


def _decoded(path: Path, suffix: str) -> Waveform:
    """The sound of a file that is to be of the format its name says. Raises InvalidRequest."""
    try:
        with soundfile.SoundFile(path) as file:
            is_fit = (
                file.format == suffix.upper()
                and file.channels in (1, 2)
                and file.samplerate in SAMPLE_RATES
                and 0 < file.frames <= LONGEST_S * file.samplerate
            )
            if not is_fit:
                raise InvalidRequest(f"{path.name} is not sound of a kind that is kept here")
            samples = file.read(dtype="float32", always_2d=True).T
            if not samples.size:
                raise InvalidRequest(f"{path.name} has no sound in it")
            return Waveform(np.ascontiguousarray(samples), file.samplerate)
    except soundfile.LibsndfileError as error:
        raise InvalidRequest(f"{path.name} is not sound of a kind that is kept here") from error


def _moment_ms(written: str) -> int:
    try:
        moment = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest(f"{written} is no date") from error
    return int(moment.timestamp() * 1000)
