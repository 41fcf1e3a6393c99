"""The services of models, wired together."""

from dataclasses import dataclass

from webapp.services.models.downloads import Downloads
from webapp.services.models.voices import VoiceRegister
from webapp.services.shared.foundation import Foundation


@dataclass(frozen=True, slots=True)
class ModelServices:
    """Weights to fetch, and the voices that workers have."""

    downloads: Downloads
    voices: VoiceRegister


def build_models(base: Foundation) -> ModelServices:
    """Wire the services of models."""
    database, clock, settings = base.database, base.clock, base.settings
    return ModelServices(
        downloads=Downloads(database, clock, settings, base.bus),
        voices=VoiceRegister(database, clock, settings),
    )
