"""Completes requests that continue a sound: what it is, where they go on, and whether a model can."""

from dataclasses import dataclass, replace

import msgspec

from webapp.database import Database, Row
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.continuations import (
    FIELD,
    LONGEST_LINEAGE,
    Ancestor,
    ContinuationChoice,
    check_span,
)
from webapp.policy.generation import DEFAULT_DURATION_S, DEFAULT_MODEL, MODELS, GenerationChoice
from webapp.policy.library.sound_sources import SoundSource
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import find_item
from webapp.services.sources.sound_sources import SoundSources
from webapp.services.sources.uploads import NOT_FOUND
from webapp.services.workers.model_abilities import ModelAbilities
from webapp.tables import Job, Upload


@dataclass(frozen=True, slots=True)
class _Known:
    """The known facts of a sound that is continued. An upload has neither prompt nor model."""

    duration_s: float
    prompt: str = ""
    model: str = ""


class Continuations:
    """Reads the sound that is continued, as the account may see it."""

    def __init__(self, database: Database, abilities: ModelAbilities, sources: SoundSources) -> None:
        self._database = database
        self._abilities = abilities
        self._sources = sources

    async def completed(self, identity: Identity, choice: GenerationChoice) -> GenerationChoice:
        """Return a request with all that it leaves to the sound that it continues, if it continues one.

        Raises NotFound for a sound that the account may not use, and InvalidRequest for a place in it or a
        length that does not fit, for a prompt that an upload cannot give, and for a model that cannot do it.
        """
        asked = choice.continuation
        if asked is None:
            return choice
        known = await self._known(identity, asked.source)
        from_s = known.duration_s if asked.from_s is None else asked.from_s
        lineage = await self._lineage(asked.source, from_s)
        completed = _completed(choice, known, ContinuationChoice(asked.source, from_s, lineage=lineage))
        check_span(from_s, known.duration_s, completed.duration_s)
        if not await self._abilities.can(completed.model, "continue"):
            raise InvalidRequest(f"The model {completed.model} cannot continue a sound", field=FIELD)
        return completed

    async def _known(self, identity: Identity, source: SoundSource) -> _Known:
        """Read what is known of a sound that the account may use. Raises NotFound."""
        if source.kind == "upload":
            await self._sources.require(identity, source)
            row = await Upload.select(Upload.duration_s).where(Upload.upload_id == source.id).first()
            if row is None:
                raise NotFound(NOT_FOUND)
            return _Known(row["duration_s"])
        item = await find_item(self._database, identity, source.id)
        return _Known(item.duration_s, item.prompt, item.model)

    async def _lineage(self, source: SoundSource, from_s: float) -> tuple[Ancestor, ...]:
        """Return the sounds up to this one. An upload is not among them: it is gone after a day."""
        if source.kind == "upload":
            return ()
        return (*await self._ancestors(source.id), Ancestor(source.id, from_s))[-LONGEST_LINEAGE:]

    async def _ancestors(self, generation_id: str) -> tuple[Ancestor, ...]:
        """Return the sounds before a sound; none before one that no job made."""
        row = await Job.select(Job.lineage).where(Job.generation_id == generation_id).first()
        return lineage_of(row["lineage"]) if row else ()


def lineage_of(text: str) -> tuple[Ancestor, ...]:
    """Read a lineage as a row stores it."""
    return msgspec.json.decode(text, type=tuple[Ancestor, ...])


def continuation_columns(continuation: ContinuationChoice | None) -> dict[str, object]:
    """Return what the row of a job stores of the sound that it continues."""
    if continuation is None:
        return {"continues": None, "continues_from_s": None, "lineage": "[]"}
    return {
        "continues": continuation.source.id,
        "continues_from_s": continuation.from_s,
        "lineage": msgspec.json.encode(continuation.lineage).decode(),
    }


def continuation_of(row: Row) -> ContinuationChoice | None:
    """Read which sound a job continues, from its row."""
    if row["continues"] is None:
        return None
    lineage = lineage_of(row["lineage"])
    # A sound is the last of its own lineage, and an upload has none.
    source = SoundSource("generation" if lineage else "upload", row["continues"])
    return ContinuationChoice(source, row["continues_from_s"], lineage=lineage)


def _completed(choice: GenerationChoice, known: _Known, continuation: ContinuationChoice) -> GenerationChoice:
    """Fill in what a request left open: the sound's prompt and model, and some seconds more than are kept.

    Raises InvalidRequest for a prompt that an upload cannot give.
    """
    left_open = choice.continuation.left_open if choice.continuation else frozenset()
    if "prompt" in left_open and not known.prompt:
        raise InvalidRequest("Prompt is required", field="prompt")
    from_s = continuation.from_s or 0.0
    return replace(
        choice,
        prompt=known.prompt if "prompt" in left_open else choice.prompt,
        model=_model_of(known.model) if "model" in left_open else choice.model,
        duration_s=from_s + DEFAULT_DURATION_S if "duration" in left_open else choice.duration_s,
        continuation=continuation,
    )


def _model_of(model: str) -> str:
    """Return the model that made a sound; music for what a voice spoke, or somebody sent in."""
    return model if model in MODELS else DEFAULT_MODEL
