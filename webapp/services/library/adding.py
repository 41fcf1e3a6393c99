"""New sounds of the library, and the words that searches find them by."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from webapp.policy.library.search import search_words
from webapp.services.library.sounds import SoundFacts
from webapp.tables import LibraryItem, Sound, SoundMaterial


@dataclass(frozen=True, slots=True)
class NewSound:
    """The owner of a new sound, what it was made from, and where its files are."""

    sound_id: str
    account_id: int
    storage_key: str
    model: str
    prompt: str
    is_loopable: bool
    job_id: str | None = None
    title: str = ""
    tags: tuple[str, ...] = ()
    is_public: bool = False


async def add_sound(new: NewSound, facts: SoundFacts, now_ms: int) -> None:
    """Insert a sound and its library item. Its files are there; the caller opens the transaction."""
    await Sound.insert(
        Sound(
            generation_id=new.sound_id,
            job=new.job_id,
            account=new.account_id,
            storage_key=new.storage_key,
            created_ms=now_ms,
            engine=facts.engine,
            engine_label=facts.engine_label,
            checkpoint=facts.checkpoint,
            license=facts.license,
            seed=facts.seed,
            duration_s=facts.duration_s,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            loudness_lufs=facts.loudness_lufs,
            true_peak_dbtp=facts.true_peak_dbtp,
            quality_score=facts.quality_score,
            quality_reasons=json.dumps(facts.quality_reasons),
            peaks=json.dumps(facts.peaks),
            bytes_total=facts.bytes_total,
            captions=msgspec.json.encode(facts.captions).decode() if facts.captions else "",
            reading=msgspec.json.encode(facts.reading).decode() if facts.reading else "",
        )
    )
    if facts.material:
        data = base64.b64encode(facts.material).decode()
        await SoundMaterial.insert(SoundMaterial(sound=new.sound_id, data=data))
    title_words, words = words_of(new.title, new.prompt, new.tags)
    await LibraryItem.insert(
        LibraryItem(
            sound=new.sound_id,
            account=new.account_id,
            created_ms=now_ms,
            model=new.model,
            prompt=new.prompt,
            duration_s=facts.duration_s,
            is_loopable=new.is_loopable,
            quality_score=facts.quality_score,
            title=new.title,
            tags=tags_text(new.tags),
            is_public=new.is_public,
            title_words=title_words,
            words=words,
        )
    )


def words_of(title: str, prompt: str, tags: Iterable[str]) -> tuple[str, str]:
    """Extract the title's words, and all words, each as one text with spaces between."""
    every = "\n".join((title, prompt, *tags))
    return " ".join(search_words(title)), " ".join(search_words(every))


def tags_text(tags: Iterable[str]) -> str:
    """Write tags as a row stores them."""
    return json.dumps(list(tags), ensure_ascii=False)
