"""Sampling gives the right tokens in the right proportions, from each sequence's own random numbers."""

import pytest
import torch

from webapp.engines.audiocraft.sampling import BatchSampler, TokenSampling, UniformSource, settings_for
from webapp.engines.base import Sampling
from webapp.weights.catalogue import CHECKPOINTS, Kind, published, usage_of

CPU = torch.device("cpu")
LOGITS = torch.tensor([0.1, 2.0, -1.0, 1.0, 0.0, 1.5])
PLAIN = TokenSampling(temperature=1.0, top_k=0, top_p=0.0, guidance=3.0)


def draw_many(settings: TokenSampling, count: int = 20_000) -> torch.Tensor:
    """How often each token comes, as shares."""
    uniform = UniformSource(3).draw(1, count)
    logits = LOGITS.expand(1, count, -1)
    tokens = BatchSampler([settings], 6, CPU).tokens(logits, uniform)
    return torch.bincount(tokens[0], minlength=6) / count


def expected(kept: list[int], temperature: float = 1.0) -> torch.Tensor:
    shares = torch.softmax(LOGITS / temperature, dim=-1)
    shares = torch.where(torch.isin(torch.arange(6), torch.tensor(kept)), shares, 0.0)
    return shares / shares.sum()


@pytest.mark.parametrize(
    ("changes", "kept", "temperature"),
    [
        ({}, [0, 1, 2, 3, 4, 5], 1.0),
        ({"temperature": 0.5}, [0, 1, 2, 3, 4, 5], 0.5),
        ({"top_k": 3}, [1, 3, 5], 1.0),
        ({"top_k": 1}, [1], 1.0),
        ({"top_k": 100}, [0, 1, 2, 3, 4, 5], 1.0),
        # The likeliest have 0.42, 0.26, 0.16: the third begins within 0.7, the fourth does not.
        ({"top_p": 0.7}, [1, 3, 5], 1.0),
        ({"top_p": 1e-6}, [1], 1.0),
        ({"top_p": 0.7, "top_k": 2}, [1, 5], 1.0),
    ],
)
def test_tokens_come_in_the_models_proportions(
    changes: dict[str, float], kept: list[int], temperature: float
) -> None:
    values = {"temperature": 1.0, "top_k": 0, "top_p": 0.0, "guidance": 3.0} | changes
    settings = TokenSampling(values["temperature"], int(values["top_k"]), values["top_p"], values["guidance"])
    assert (draw_many(settings) - expected(kept, temperature)).abs().max() < 0.012


def test_every_sequence_in_a_batch_has_its_own_settings() -> None:
    settings = [PLAIN, TokenSampling(0.0, 0, 0.0, 3.0), TokenSampling(1.0, 2, 0.0, 3.0)]
    uniform = torch.stack([UniformSource(seed).draw(500) for seed in (1, 2, 3)])
    together = BatchSampler(settings, 6, CPU).tokens(LOGITS.expand(3, 500, -1), uniform)
    for row, alone in enumerate(settings):
        tokens = BatchSampler([alone], 6, CPU).tokens(LOGITS.expand(1, 500, -1), uniform[row : row + 1])
        assert torch.equal(tokens[0], together[row])
    assert together[1].eq(1).all()
    assert set(together[2].tolist()) == {1, 5}


def test_the_same_seed_gives_the_same_numbers_however_they_are_drawn() -> None:
    whole, parts = UniformSource(9).draw(10, 4), UniformSource(9)
    assert torch.equal(whole, torch.cat([parts.draw(3, 4), parts.draw(7, 4)]))
    assert not torch.equal(whole, UniformSource(10).draw(10, 4))
    assert torch.equal(UniformSource(2**63 + 5).draw(3), UniformSource(5).draw(3))


def test_what_is_not_asked_for_is_the_models_own() -> None:
    assert settings_for(Sampling(), usage_of(Kind.MUSICGEN, 32_000, 30)) == TokenSampling(1.0, 250, 0.0, 3.0)
    assert settings_for(Sampling(), usage_of(Kind.MAGNET, 32_000, 10)) == TokenSampling(3.0, 0, 0.9, 10.0)
    asked = settings_for(Sampling(temperature=0.5, guidance=1.0), usage_of(Kind.AUDIOGEN, 16_000, 10))
    assert asked == TokenSampling(0.5, 250, 0.0, 1.0)
    own = settings_for(Sampling(guidance=3.0), usage_of(Kind.MAGNET, 16_000, 10))
    assert own == TokenSampling(3.5, 0, 0.8, 3.0)


@pytest.mark.parametrize(
    ("name", "sampling", "first_passes", "stride_s"),
    [
        ("musicgen-small", (1.0, 250, 0.0, 3.0), 0, 18),
        ("musicgen-stereo-large", (1.0, 250, 0.0, 3.0), 0, 18),
        ("audiogen-medium", (1.0, 250, 0.0, 3.0), 0, 2),
        ("magnet-small-10secs", (3.0, 0, 0.9, 10.0), 20, 0),
        ("magnet-medium-10secs", (3.0, 0, 0.9, 10.0), 20, 0),
        ("magnet-small-30secs", (3.0, 0, 0.9, 10.0), 60, 0),
        ("magnet-medium-30secs", (3.0, 0, 0.9, 10.0), 60, 0),
        ("audio-magnet-small", (3.5, 0, 0.8, 20.0), 20, 0),
        ("audio-magnet-medium", (3.5, 0, 0.8, 20.0), 20, 0),
    ],
)
def test_each_published_checkpoint_is_used_as_its_authors_use_it(
    name: str, sampling: tuple[float, ...], first_passes: int, stride_s: float
) -> None:
    checkpoint = published(name)
    assert checkpoint is not None
    usage = checkpoint.usage
    assert tuple(usage.sampling.values()) == sampling
    assert (usage.first_passes, usage.stride_s) == (first_passes, stride_s)


def test_every_published_checkpoint_has_a_usage() -> None:
    assert all(checkpoint.usage.guidance >= 1 for checkpoint in CHECKPOINTS)


@pytest.mark.parametrize(
    ("kind", "asked", "top_k", "top_p"),
    [
        (Kind.MUSICGEN, Sampling(top_p=0.8), 0, 0.8),
        (Kind.MUSICGEN, Sampling(top_k=50), 50, 0.0),
        (Kind.MUSICGEN, Sampling(top_k=50, top_p=0.8), 50, 0.8),
        (Kind.MAGNET, Sampling(top_k=50), 50, 0.0),
        (Kind.MAGNET, Sampling(top_p=0.0), 0, 0.0),
    ],
)
def test_asking_for_one_filter_switches_the_others_default_off(
    kind: Kind, asked: Sampling, top_k: int, top_p: float
) -> None:
    settings = settings_for(asked, usage_of(kind, 32_000, 10))
    assert (settings.top_k, settings.top_p) == (top_k, top_p)


@pytest.mark.parametrize(
    "changes", [{}, {"temperature": 0.7}, {"top_k": 12}, {"top_p": 0.8}, {"top_p": 0.8, "temperature": 1.5}]
)
def test_tokens_come_as_often_as_audiocraft_draws_them(changes: dict[str, float]) -> None:
    """Two samples of one distribution: the statistic is chi-squared with as many freedoms as tokens."""
    from webapp.engines.audiocraft.loading.importing import import_audiocraft  # noqa: PLC0415

    import_audiocraft()
    from audiocraft.utils import utils  # noqa: PLC0415

    count, card = 60_000, 40
    logits = 1.3 * torch.randn(card, generator=torch.Generator().manual_seed(5))
    values = {"temperature": 1.0, "top_k": 0, "top_p": 0.0} | changes
    settings = TokenSampling(values["temperature"], int(values["top_k"]), values["top_p"], 3.0)
    uniform = UniformSource(8).draw(1, count)
    ours = BatchSampler([settings], card, CPU).tokens(logits.expand(1, count, -1), uniform)[0]
    probabilities = torch.softmax(logits / settings.temperature, dim=-1).repeat(count, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        if settings.top_p > 0:
            theirs = utils.sample_top_p(probabilities, settings.top_p)
        elif settings.top_k:
            theirs = utils.sample_top_k(probabilities, settings.top_k)
        else:
            theirs = utils.multinomial(probabilities, 1)
    seen, expected = (torch.bincount(tokens.flatten(), minlength=card).double() for tokens in (ours, theirs))
    # Of the rarest, one sample may have none.
    drawn = (seen + expected) > 30
    assert torch.equal(seen[drawn] > 0, expected[drawn] > 0)
    statistic = ((seen - expected)[drawn] ** 2 / (seen + expected)[drawn]).sum()
    freedoms = int(drawn.sum()) - 1
    # Five standard deviations above the mean of such a statistic.
    assert statistic < freedoms + 5 * (2 * freedoms) ** 0.5


@pytest.mark.parametrize("sampling", [TokenSampling(1.0, 3, 0.0, 3.0), TokenSampling(1.0, 0, 0.6, 3.0)])
def test_a_number_that_rounds_to_the_whole_draws_a_token_that_was_kept(sampling: TokenSampling) -> None:
    """A number may become 1 where it is converted; the last token of the vocabulary is not drawn for it."""
    logits = torch.linspace(5, -5, 2048).expand(1, 64, -1) + torch.rand(1, 64, 2048)
    drawn = BatchSampler([sampling], 2048, CPU).tokens(logits, torch.ones(1, 64))
    assert int(drawn.max()) < 1000
