"""Completes requests that continue a sound: what it is, where they go on, and whether a model can."""

from dataclasses import replace

import msgspec

from webapp.database import Database, Row
from webapp.errors import InvalidRequest
from webapp.policy.continuations import (
    FIELD,
    LONGEST_LINEAGE,
    Ancestor,
    ContinuationChoice,
    SoundSource,
    check_span,
)
from webapp.policy.generation import DEFAULT_DURATION_S, DEFAULT_MODEL, MODELS, GenerationChoice
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import find_item
from webapp.services.library.views import LibraryItemView
from webapp.services.workers.model_abilities import ModelAbilities
from webapp.tables import Job


class Continuations:
    """Reads the sound that is continued, as the account may see it."""

    def __init__(self, database: Database, abilities: ModelAbilities) -> None:
        self._database = database
        self._abilities = abilities

    async def completed(self, identity: Identity, choice: GenerationChoice) -> GenerationChoice:
        """Return a request with all that it leaves to the sound that it continues, if it continues one.

        Raises NotFound for a sound that the account may not see, and InvalidRequest for a place in it or a
        length that does not fit, and for a model that cannot continue.
        """
        asked = choice.continuation
        if asked is None:
            return choice
        item = await find_item(self._database, identity, asked.source.generation_id)
        from_s = item.duration_s if asked.from_s is None else asked.from_s
        ancestors = await self._ancestors(asked.source.generation_id)
        lineage = (*ancestors, Ancestor(asked.source.generation_id, from_s))[-LONGEST_LINEAGE:]
        completed = _completed(choice, item, ContinuationChoice(asked.source, from_s, lineage=lineage))
        check_span(from_s, item.duration_s, completed.duration_s)
        if not await self._abilities.can(completed.model, "continue"):
            raise InvalidRequest(f"The model {completed.model} cannot continue a sound", field=FIELD)
        return completed

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
        "continues": continuation.source.generation_id,
        "continues_from_s": continuation.from_s,
        "lineage": msgspec.json.encode(continuation.lineage).decode(),
    }


def continuation_of(row: Row) -> ContinuationChoice | None:
    """Read which sound a job continues, from its row."""
    if row["continues"] is None:
        return None
    lineage = lineage_of(row["lineage"])
    return ContinuationChoice(SoundSource(row["continues"]), row["continues_from_s"], lineage=lineage)


def _completed(
    choice: GenerationChoice, item: LibraryItemView, continuation: ContinuationChoice
) -> GenerationChoice:
    """Fill in what a request left open: the sound's prompt and model, and some seconds more than are kept."""
    left_open = choice.continuation.left_open if choice.continuation else frozenset()
    from_s = continuation.from_s or 0.0
    return replace(
        choice,
        prompt=item.prompt if "prompt" in left_open else choice.prompt,
        model=_model_of(item) if "model" in left_open else choice.model,
        duration_s=from_s + DEFAULT_DURATION_S if "duration" in left_open else choice.duration_s,
        continuation=continuation,
    )


def _model_of(item: LibraryItemView) -> str:
    """Return the model that made a sound; music for what a voice spoke."""
    return item.model if item.model in MODELS else DEFAULT_MODEL
