"""Checks of requests that follow the melody of a sound."""

from collections.abc import Sequence
from typing import Any

from webapp.errors import InvalidRequest
from webapp.policy.generation import GenerationChoice
from webapp.services.accounts.identity import Identity
from webapp.services.sources.sound_sources import SoundSources
from webapp.services.workers.workers import Workers


class MelodyCheck:
    """Refuses melodies that nobody can follow before they wait in the queue."""

    def __init__(self, sources: SoundSources, workers: Workers) -> None:
        self._sources = sources
        self._workers = workers

    async def require(self, identity: Identity, choice: GenerationChoice) -> None:
        """Return if the request names no melody, or one that its model can follow.

        While no worker reports the model, nobody can tell, and the request waits like any other. Raises
        InvalidRequest for a model that cannot, and NotFound for a sound that the account may not use.
        """
        if choice.melody is None:
            return
        reports = [worker.report.get("models", {}) for worker in await self._workers.alive()]
        entries = [report[choice.model] for report in reports if choice.model in report]
        if entries and not any(_follows(entry) for entry in entries):
            raise InvalidRequest(_refusal(choice.model, reports), field="melody_from")
        await self._sources.require(identity, choice.melody)


def _follows(entry: dict[str, Any]) -> bool:
    return bool(entry.get("melody"))


def _refusal(model: str, reports: Sequence[dict[str, Any]]) -> str:
    able = sorted({name for report in reports for name, entry in report.items() if _follows(entry)})
    others = f"; {' and '.join(able)} can" if able else ""
    return f"The model {model} cannot follow a melody on this server{others}"
