"""Ready-made values for tests of the queue."""

from collections.abc import Awaitable, Callable

from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.services.accounts.identity import Identity
from webapp.services.library.sounds import SoundFacts

MakeAccount = Callable[..., Awaitable[Identity]]

FACTS = SoundFacts(
    engine="sketch",
    engine_label="sketch: rule-based, no model",
    checkpoint="",
    license="",
    seed=7,
    duration_s=8.0,
    sample_rate=32_000,
    channels=2,
    loudness_lufs=-16.0,
    true_peak_dbtp=-1.5,
    quality_score=90,
    quality_reasons=(),
    peaks=(-1, 1),
    bytes_total=1000,
)


def choice(
    prompt: str = "rain", *, duration_s: float = 8.0, model: str = "music", seed: int | None = None
) -> GenerationChoice:
    """A checked request with little to it."""
    return GenerationChoice(
        prompt, duration_s, model, is_loopable=False, seed=seed, sampling=SamplingChoice()
    )
