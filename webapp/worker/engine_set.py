"""Which engine serves which model in this worker."""

from typing import Any

from webapp.engines.base import Engine, EngineError, EngineInfo
from webapp.engines.registry import create_engine, engine_names
from webapp.errors import SettingsError
from webapp.policy.generation import MODELS
from webapp.settings import Settings

RULE_BASED = "sketch"


class EngineSet:
    """The engines of one worker, by model."""

    def __init__(self, by_model: dict[str, Engine]) -> None:
        self._by_model = by_model

    @classmethod
    def from_settings(cls, settings: Settings) -> "EngineSet":
        """The engines that the settings ask for. Raises SettingsError for one that is not built in."""
        name = RULE_BASED if settings.engine == "auto" else settings.engine
        if name not in engine_names():
            raise SettingsError(
                f"SOUNDLOOM_ENGINE={settings.engine} is not available in this version; use auto."
            )
        try:
            engine = create_engine(name)
        except EngineError as error:
            raise SettingsError(f"SOUNDLOOM_ENGINE={settings.engine} cannot be used: {error}.") from error
        return cls({model: engine for model in MODELS if model in engine.models})

    def for_model(self, model: str) -> Engine:
        """The engine that serves a model; every model has one."""
        return self._by_model[model]

    def info(self, model: str) -> EngineInfo:
        """What a model's engine says of itself."""
        return self._by_model[model].info(model)

    def report(self) -> dict[str, Any]:
        """What the service's status tells of each model."""
        return {"models": {model: _entry(engine.info(model)) for model, engine in self._by_model.items()}}


def _entry(info: EngineInfo) -> dict[str, Any]:
    return {
        "state": "unloaded" if info.needs_load else "ready",
        "engine": info.engine,
        "label": info.label,
        "checkpoint": "",
        "license": info.licence,
        "max_duration_s": info.max_duration_s,
    }
