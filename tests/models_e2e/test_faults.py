"""What real models do wrong, from a job's submission to what its owner is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from tests.engines.audiocraft.tiny import Tiny, write_models
from tests.factories import MakeAccount, choice
from tests.worker.scripted import ended, working
from webapp.engines.base import EngineOptions
from webapp.engines.registry import EngineDirectory
from webapp.services.container import Services
from webapp.services.queue.views import JobView

# What models do wrong does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TINY = Tiny("musicgen", sample_rate=16_000, ratios=(8, 8, 5, 5))
Change = Callable[[dict[str, Any]], None]
# A matrix product of such weights is out of the range of half precision; the weights themselves are not.
TOO_LARGE_FOR_HALF = 30_000


@pytest.fixture
async def attempt(services: Services, make_account: MakeAccount, tmp_path: Path) -> Callable[..., Any]:
    """A job of a checkpoint that was changed, to its end."""

    async def run(change: Change, *, precision: str = "float32", seed: int | None = 3) -> JobView:
        path = write_models(tmp_path / "models", TINY, "mine") / "state_dict.bin"
        package = torch.load(path, weights_only=True)
        change(package)
        torch.save(package, path)
        options = EngineOptions(tmp_path / "models", {"music": "mine"}, "cpu", precision, threads=1)
        directory = EngineDirectory("audiocraft", options)
        ann = await make_account()
        job = await services.queue.submissions.submit(ann, choice(duration_s=2, seed=seed))
        async with working(services, directory.engines(directory.installed_weights())["music"]):
            return await ended(services, ann, job.job_id)

    return run


def set_heads(value: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def change(package: dict[str, Any]) -> None:
        weights = package["best_state"]
        for name in weights:
            if name.startswith("linears."):
                weights[name] = value(weights[name])

    return change


async def test_what_half_precision_cannot_hold_is_computed_in_full(attempt: Callable[..., Any]) -> None:
    large = set_heads(lambda weight: weight.sign() * TOO_LARGE_FOR_HALF)
    job = await attempt(large, precision="float16")
    assert (job.status, job.retry_count) == ("completed", 0)


async def test_numbers_that_are_none_in_any_precision_fail_in_plain_words(
    attempt: Callable[..., Any],
) -> None:
    job = await attempt(set_heads(lambda weight: weight * torch.nan))
    assert (job.status, job.error, job.retry_count) == ("failed", "Something went wrong while generating", 2)


async def test_memory_that_runs_out_fails_the_job_and_nothing_else(attempt: Callable[..., Any]) -> None:
    def enlarge(package: dict[str, Any]) -> None:
        config = OmegaConf.create(package["xp.cfg"])
        # More than any machine can address, so that allocating it fails at once.
        config.transformer_lm.card = 10**13
        package["xp.cfg"] = OmegaConf.to_yaml(config)

    job = await attempt(enlarge)
    assert (job.status, job.error, job.retry_count) == ("failed", "GPU memory exhausted", 2)
