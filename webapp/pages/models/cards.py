"""The models as they are offered to people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from webapp.pages.frame.texts import N_, Texts
from webapp.pages.frame.words import MODEL_NAMES
from webapp.policy.generation import MODELS
from webapp.services.workers.status import StatusReport

# While nothing serves a model, there is nobody to say more.
GOOD_AT: Final = Texts(
    {
        "music": N_("Melodies, beats and arrangements"),
        "audio": N_("Sounds of the world"),
        "magnet": N_("Short music, made in fewer steps"),
    }
)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model to choose. `engine_label` is None while no worker says what serves it.

    `sampling` is what it takes for settings that are left empty, as text. `continues` and `follows_melody`
    are what it can do with another sound.
    """

    name: str
    title: str
    good_at: str
    longest_s: float
    license: str | None
    state: str
    engine_label: str | None
    sampling: Mapping[str, str] = field(default_factory=dict)
    continues: bool = False
    follows_melody: bool = False


def model_cards(report: StatusReport, tier_max_s: float) -> tuple[ModelCard, ...]:
    """Every model, with the longest clip that both its engine and a tier allow."""
    return tuple(_card(name, report, tier_max_s) for name in MODELS)


def _card(name: str, report: StatusReport, tier_max_s: float) -> ModelCard:
    engine = report.engines.get(name)
    return ModelCard(
        name=name,
        title=MODEL_NAMES[name],
        good_at=engine.abilities.good_at if engine and engine.abilities else GOOD_AT[name],
        longest_s=min(tier_max_s, engine.max_duration_s) if engine else tier_max_s,
        license=engine.license if engine else None,
        state=report.models[name],
        engine_label=engine.label if engine else None,
        sampling={name: f"{value:g}" for name, value in engine.sampling.items()} if engine else {},
        continues=bool(engine and engine.can.get("continue")),
        follows_melody=bool(engine and engine.can.get("melody")),
    )
