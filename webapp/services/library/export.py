"""Exports: a zip of sounds and a manifest that describes them."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import webapp
from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.library.exports import (
    MANIFEST_FORMAT,
    MANIFEST_NAME,
    MANIFEST_VERSION,
    MAX_EXPORTED,
    ExportChoice,
    file_stem,
)
from webapp.policy.library.fields import MAX_PER_PAGE, LibraryQuery
from webapp.policy.library.missing_files import missing_words
from webapp.services.accounts.account_document import account_document
from webapp.services.accounts.identity import Identity
from webapp.services.library import queries
from webapp.services.library.browse import NOT_FOUND, Browser
from webapp.services.library.playlists import Playlists
from webapp.services.library.views import LibraryItemView, LibraryPage, item_view
from webapp.storage import Storage
from webapp.storage.tagged_file import TaggedFile
from webapp.storage.tags import Tags
from webapp.storage.zip_stream import Measured, NotAsMeasured, ZipStream
from webapp.tables import Sound
from webapp.threads import open_in_thread

logger: Final = logging.getLogger(__name__)

SOFTWARE: Final = f"Soundloom {webapp.__version__}"
BATCH: Final = 50
CHECKED_AT_ONCE: Final = 500
ACCOUNT_NAME: Final = "account.json"
# Lossless and small; other formats can be made of it.
EVERYTHING: Final = ExportChoice(("flac",), LibraryQuery(), scope="own")


@dataclass(frozen=True, slots=True)
class Export:
    """The content of an archive; `title` is the playlist's name, if it is one.

    `documents` are further files, by name.
    """

    sound_ids: tuple[str, ...]
    choice: ExportChoice
    title: str
    documents: tuple[tuple[str, bytes], ...] = ()


class Exports:
    """Makes archives of what everybody may see and of the account's own, never of others' unpublished."""

    def __init__(
        self, database: Database, storage: Storage, clock: Clock, browser: Browser, playlists: Playlists
    ) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock
        self._browser = browser
        self._playlists = playlists

    async def choose(self, identity: Identity, choice: ExportChoice) -> Export:
        """Find the sounds to export. Raises NotFound, also for sounds that have lost files, and
        InvalidRequest for none and for too many.
        """
        title = ""
        if choice.ids:
            sound_ids = choice.ids
            if len(await self._rows(identity, sound_ids)) < len(sound_ids):
                raise NotFound(NOT_FOUND)
        elif choice.playlist_id is not None:
            playlist, items = await self._playlists.get(identity, choice.playlist_id)
            title, sound_ids = playlist.name, tuple(item.sound_id for item in items)
        else:
            sound_ids = await self._listed(identity, choice, MAX_EXPORTED)
        if not sound_ids:
            raise InvalidRequest("There are no sounds to export")
        await self._require_files(sound_ids, choice)
        return Export(sound_ids, choice, title)

    async def everything(self, identity: Identity) -> Export:
        """Find all sounds of an account, however many, and what else is stored about it.

        Raises NotFound for sounds that have lost files.
        """
        sound_ids = await self._listed(identity, EVERYTHING, None)
        await self._require_files(sound_ids, EVERYTHING)
        stored = await account_document(identity.account_id)
        document = json.dumps(stored, ensure_ascii=False, indent=2).encode()
        return Export(sound_ids, EVERYTHING, identity.username, ((ACCOUNT_NAME, document),))

    async def write(self, identity: Identity, export: Export) -> AsyncGenerator[bytes, None]:
        """Stream the archive. It leaves out sounds that were deleted or unpublished meanwhile; the manifest
        says so. Raises NotFound for a file that is gone or incomplete: then the archive has no end.
        """
        archive = ZipStream()
        sounds: list[dict[str, Any]] = []
        for name, content in export.documents:
            async for piece in self._add_document(archive, name, content):
                yield piece
        for first in range(0, len(export.sound_ids), BATCH):
            batch = export.sound_ids[first : first + BATCH]
            rows = await self._rows(identity, batch)
            for sound_id in batch:
                if sound_id not in rows:
                    continue
                async with aclosing(
                    self._add_sound(archive, identity, export, rows[sound_id], sounds)
                ) as pieces:
                    async for piece in pieces:
                        yield piece
        there = {sound["id"] for sound in sounds}
        manifest = {
            "format": MANIFEST_FORMAT,
            "version": MANIFEST_VERSION,
            "software": SOFTWARE,
            "created_at": _timestamp(self._clock.now_ms()),
            "title": export.title,
            "left_out": [sound_id for sound_id in export.sound_ids if sound_id not in there],
            "sounds": sounds,
        }
        content = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        async for piece in self._add_document(archive, MANIFEST_NAME, content):
            yield piece
        yield archive.end()

    async def _add_document(
        self, archive: ZipStream, name: str, content: bytes
    ) -> AsyncGenerator[bytes, None]:
        """Send a file that is held in memory."""
        measured = Measured.of(iter((content,)))
        async for piece in archive.add(name, iter((content,)), measured, self._clock.now_ms()):
            yield piece

    async def _add_sound(
        self, archive: ZipStream, identity: Identity, export: Export, row: Row, sounds: list[dict[str, Any]]
    ) -> AsyncGenerator[bytes, None]:
        """Send the files of a sound and note it for the manifest; leave it out if it is deleted meanwhile."""
        item = item_view(row)
        files: list[dict[str, object]] = []
        try:
            for suffix in export.choice.formats:
                async with aclosing(self._add(archive, item, row, suffix, files)) as pieces:
                    async for piece in pieces:
                        yield piece
        except FileNotFoundError as error:
            if await self._rows(identity, [item.sound_id]):
                raise NotFound(f"The export broke off: {item.sound_id} has lost a file") from error
        if files:
            sounds.append(_manifest_entry(item, row, files))

    async def _add(
        self, archive: ZipStream, item: LibraryItemView, row: Row, suffix: str, files: list[dict[str, object]]
    ) -> AsyncGenerator[bytes, None]:
        """Send one file of a sound. Raises FileNotFoundError if it is gone, NotFound if it is incomplete."""
        tags = None if suffix == "png" else tags_of(item)
        name = f"sounds/{file_stem(item.title, item.sound_id)}.{suffix}"
        digest = hashlib.sha256()
        async with AsyncExitStack() as stack:
            local = self._storage.local_file(row["storage_key"], stored_name(suffix))
            path = await stack.enter_async_context(local)
            file = stack.enter_context(closing(await open_in_thread(partial(TaggedFile, path, tags))))
            measured = await asyncio.to_thread(Measured.of, _digested(file, digest))
            try:
                async for piece in archive.add(name, file.chunks(), measured, item.created_ms):
                    yield piece
            except NotAsMeasured as error:
                raise NotFound(f"The export broke off: {item.sound_id} has a file that changes") from error
        files.append({"name": name, "size": measured.size_bytes, "sha256": digest.hexdigest()})

    async def _require_files(self, sound_ids: Sequence[str], choice: ExportChoice) -> None:
        """Raise NotFound, with what is missing, before sending an archive that cannot be complete."""
        names = [stored_name(suffix) for suffix in choice.formats]
        for first in range(0, len(sound_ids), CHECKED_AT_ONCE):
            batch = sound_ids[first : first + CHECKED_AT_ONCE]
            keys = await self._keys(batch)
            missing = await self._storage.missing(dict.fromkeys(keys, names))
            # What was deleted in between has lost nothing.
            there = await self._keys(batch) if missing else {}
            lost = {keys[key]: gone for key, gone in missing.items() if key in there}
            if lost:
                logger.error("an export was refused: %s", missing_words(lost))
                raise NotFound(f"Nothing was exported: {missing_words(lost)}")

    async def _keys(self, sound_ids: Sequence[str]) -> dict[str, str]:
        """Map the storage keys of sounds to their ids."""
        rows = await Sound.select(Sound.generation_id, Sound.storage_key).where(
            Sound.generation_id.is_in(list(sound_ids))
        )
        known = {row["generation_id"]: row["storage_key"] for row in rows}
        return {known[sound_id]: sound_id for sound_id in sound_ids if sound_id in known}

    async def _listed(self, identity: Identity, choice: ExportChoice, limit: int | None) -> tuple[str, ...]:
        query = replace(choice.query, per_page=MAX_PER_PAGE, page=1, after=None)
        found: list[str] = []
        while True:
            page = await self._page(identity, choice, query)
            if limit is not None and page.total > limit:
                raise InvalidRequest(f"At most {limit} sounds can be exported at once")
            found += [item.sound_id for item in page.items]
            if page.next is None or (limit is not None and len(found) > limit):
                return tuple(dict.fromkeys(found))
            query = replace(query, after=page.next)

    async def _page(self, identity: Identity, choice: ExportChoice, query: LibraryQuery) -> LibraryPage:
        if choice.scope == "public":
            return await self._browser.public(query)
        if choice.scope == "own":
            return await self._browser.own(identity, query)
        return await self._browser.favorites(identity, query)

    async def _rows(self, identity: Identity, sound_ids: Sequence[str]) -> dict[str, Row]:
        """Read those of these sounds that the account may export, by their ids."""
        rows = await queries.exportable_rows(self._database, identity.account_id, sound_ids)
        return {row["sound_id"]: row for row in rows}


def tags_of(item: LibraryItemView) -> Tags:
    """Describe a sound in its file, for other programs."""
    return Tags(
        title=item.title,
        artist=item.owner,
        comment=item.prompt,
        license=item.license,
        software=SOFTWARE,
        date=_timestamp(item.created_ms)[:10],
    )


def stored_name(suffix: str) -> str:
    return "spectrogram.png" if suffix == "png" else f"sound.{suffix}"


def _digested(file: TaggedFile, digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in file.chunks():
        digest.update(chunk)
        yield chunk


def _manifest_entry(item: LibraryItemView, row: Row, files: list[dict[str, object]]) -> dict[str, Any]:
    """Make a sound's entry in the manifest."""
    return {
        "id": item.sound_id,
        "title": row["own_title"],
        "prompt": item.prompt,
        "model": item.model,
        "duration": item.duration_s,
        "tags": list(item.tags),
        "loopable": item.is_loopable,
        "is_public": item.is_public,
        "owner": item.owner,
        "created_at": _timestamp(item.created_ms),
        "seed": item.seed,
        "engine": item.engine,
        "engine_label": row["engine_label"],
        "checkpoint": row["checkpoint"],
        "license": item.license,
        "sample_rate": row["sample_rate"],
        "channels": row["channels"],
        "loudness_lufs": row["loudness_lufs"],
        "true_peak_dbtp": row["true_peak_dbtp"],
        "quality_score": item.quality_score,
        "quality_reasons": json.loads(row["quality_reasons"]),
        "files": files,
    }


def _timestamp(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
