"""Sounds as what others are made from: where their files are, and what their engine kept of them."""

import base64
from dataclasses import dataclass

from webapp.services.sources.sound_sources import SOUND_FILE
from webapp.services.sources.uploads import UPLOAD_FILE
from webapp.tables import LibraryItem, SoundMaterial, Upload


@dataclass(frozen=True, slots=True)
class SourceSound:
    """A sound that is to be continued: how it was made, its file, and its engine's material.

    Of an upload, only the file is known.
    """

    storage_key: str
    file_name: str
    engine: str
    prompt: str
    model: str
    seed: int
    material: bytes


class ContinuedSounds:
    """Finds sounds for workers, which may read every sound that an accepted job names."""

    async def find(self, generation_id: str) -> SourceSound | None:
        """Return a sound, or an upload of this id; None once it is gone."""
        item = LibraryItem
        row = (
            await item.select(
                item.sound.storage_key, item.sound.engine, item.sound.seed, item.prompt, item.model
            )
            .where(item.sound == generation_id)
            .first()
        )
        if row is None:
            return await self._find_upload(generation_id)
        material = SoundMaterial
        kept = await material.select(material.data).where(material.sound == generation_id).first()
        return SourceSound(
            storage_key=row["sound.storage_key"],
            file_name=SOUND_FILE,
            engine=row["sound.engine"],
            prompt=row["prompt"],
            model=row["model"],
            seed=row["sound.seed"],
            material=base64.b64decode(kept["data"]) if kept else b"",
        )

    async def _find_upload(self, upload_id: str) -> SourceSound | None:
        row = await Upload.select(Upload.storage_key).where(Upload.upload_id == upload_id).first()
        if row is None:
            return None
        return SourceSound(
            row["storage_key"], UPLOAD_FILE, engine="", prompt="", model="", seed=0, material=b""
        )
