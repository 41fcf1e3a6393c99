"""Ready-made values for tests of the queue."""

from collections.abc import Awaitable, Callable

from webapp.errors import LeaseLost
from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue.leases import Claim

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


async def report_progress(services: Services, claim: Claim, progress_pct: int) -> None:
    """Report a job's progress, as a worker does that holds nothing else. Raises LeaseLost."""
    kept = await services.queue.leases.keep(claim.worker_id, [claim], {claim.job_id: progress_pct})
    if (claim.job_id, claim.fence) not in kept.held:
        raise LeaseLost(claim.job_id)
