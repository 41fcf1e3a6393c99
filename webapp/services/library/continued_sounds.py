"""Sounds as what others are made from: where their files are, and what their engine kept of them."""

import base64
from dataclasses import dataclass

from webapp.tables import LibraryItem, SoundMaterial


@dataclass(frozen=True, slots=True)
class SourceSound:
    """A sound that is to be continued: how it was made, the key of its files, and its engine's material."""

    storage_key: str
    engine: str
    prompt: str
    model: str
    seed: int
    material: bytes


class ContinuedSounds:
    """Finds sounds for workers, which may read every sound that an accepted job names."""

    async def find(self, generation_id: str) -> SourceSound | None:
        """Return a sound; None once it was deleted."""
        item = LibraryItem
        row = (
            await item.select(
                item.sound.storage_key, item.sound.engine, item.sound.seed, item.prompt, item.model
            )
            .where(item.sound == generation_id)
            .first()
        )
        if row is None:
            return None
        material = SoundMaterial
        kept = await material.select(material.data).where(material.sound == generation_id).first()
        return SourceSound(
            storage_key=row["sound.storage_key"],
            engine=row["sound.engine"],
            prompt=row["prompt"],
            model=row["model"],
            seed=row["sound.seed"],
            material=base64.b64decode(kept["data"]) if kept else b"",
        )
