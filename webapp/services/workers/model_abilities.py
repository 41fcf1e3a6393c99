"""Which model can do what, as the workers report it."""

from webapp.services.workers.workers import Workers


class ModelAbilities:
    """Answers whether somebody can do what a request asks of a model."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def can(self, model: str, what: str) -> bool:
        """Return whether a worker that serves the model can do it; True while none serves it.

        `what` is a key of an engine's `can` (see `webapp.services.workers.status.EngineReport`).
        """
        entries = [worker.report.get("models", {}).get(model, {}) for worker in await self._workers.alive()]
        served = [entry for entry in entries if entry.get("engine")]
        return not served or any(entry.get("can", {}).get(what, False) for entry in served)
