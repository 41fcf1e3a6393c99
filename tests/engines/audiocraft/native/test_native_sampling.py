"""The compiled library samples the tokens that torch samples, from the same random numbers."""

import pytest
import torch

from webapp.engines.audiocraft.decoder.native.library import Library
from webapp.engines.audiocraft.decoder.native.sampling import NativeSampler
from webapp.engines.audiocraft.sampling import GuidedSampler, TokenSampling, UniformSource

CPU = torch.device("cpu")
CODEBOOKS = 64
PLAIN = TokenSampling(temperature=1.0, top_k=0, top_p=0.0, guidance=3.0)
SETTINGS = {
    "plain": PLAIN,
    "greedy": TokenSampling(0.0, 250, 0.0, 3.0),
    "cold": TokenSampling(0.01, 0, 0.0, 1.0),
    "hot": TokenSampling(5.0, 0, 0.0, 3.0),
    "top-k": TokenSampling(1.0, 25, 0.0, 3.0),
    "top-k of one": TokenSampling(1.0, 1, 0.0, 3.0),
    "top-k of more than there are": TokenSampling(1.0, 5000, 0.0, 3.0),
    "top-p": TokenSampling(1.0, 0, 0.8, 3.0),
    "top-p of next to nothing": TokenSampling(1.0, 0, 1e-6, 3.0),
    "top-p of all": TokenSampling(1.0, 0, 1.0, 3.0),
    "both": TokenSampling(1.3, 40, 0.7, 2.0),
}


def logits(count: int, card: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    return 2 * torch.randn(count, 2, CODEBOOKS, card, generator=generator)


@pytest.mark.parametrize("card", [2048, 50, 3])
@pytest.mark.parametrize("each", SETTINGS.values(), ids=SETTINGS)
def test_tokens_are_those_of_torch(library: Library, each: TokenSampling, card: int) -> None:
    settings, guided_logits = [each] * 8, logits(8, card)
    uniform = UniformSource(4).draw(8, CODEBOOKS)
    ours, is_finite = NativeSampler(library, settings, card)(guided_logits, uniform)
    theirs, _ = GuidedSampler(settings, card, CPU)(guided_logits, uniform)
    assert is_finite.all()
    # A number may fall on the very edge between two tokens, which rounding moves.
    assert (ours == theirs).float().mean() > 0.99
    assert ours.min() >= 0
    assert ours.max() < card


def test_of_equals_at_the_edge_all_or_the_first_are_kept(library: Library) -> None:
    """Top-k keeps whatever is as likely as the last one kept, top-p takes equals in their order."""
    guided_logits = torch.tensor([1.0, 2.0, 1.0, 1.0, 0.0]).repeat(1, 2, 400, 1)
    uniform = UniformSource(1).draw(1, 400)
    kept = {}
    for name, settings in (("k", TokenSampling(1.0, 2, 0.0, 1.0)), ("p", TokenSampling(1.0, 0, 0.5, 1.0))):
        kept[name] = set(NativeSampler(library, [settings], 5)(guided_logits, uniform)[0].flatten().tolist())
    assert kept == {"k": {0, 1, 2, 3}, "p": {0, 1}}


def test_the_last_number_takes_the_last_token_that_is_kept(library: Library) -> None:
    guided_logits = torch.tensor([2.0, 1.0, 0.0, -50.0]).repeat(1, 2, 1, 1)
    settings = TokenSampling(1.0, 2, 0.0, 1.0)
    tokens, _ = NativeSampler(library, [settings], 4)(guided_logits, torch.tensor([[1.0]]))
    assert tokens.item() == 1


def test_each_sequence_has_its_own_settings_and_a_nan_stays_in_its_sequence(library: Library) -> None:
    settings, guided_logits = list(SETTINGS.values()), logits(len(SETTINGS), 100)
    uniform = UniformSource(5).draw(len(settings), CODEBOOKS)
    expected, _ = NativeSampler(library, settings, 100)(guided_logits, uniform)
    guided_logits[2, 1, 7, 3] = torch.nan
    guided_logits[4, 0, 0, 99] = torch.inf
    tokens, is_finite = NativeSampler(library, settings, 100)(guided_logits, uniform)
    assert is_finite.tolist() == [number not in (2, 4) for number in range(len(settings))]
    assert torch.equal(tokens[is_finite], expected[is_finite])
    for number in (0, 10):
        alone, _ = NativeSampler(library, [settings[number]], 100)(
            guided_logits[number : number + 1], uniform[number : number + 1]
        )
        assert torch.equal(alone[0], tokens[number])


def test_shapes_that_do_not_fit_are_refused(library: Library) -> None:
    drawer = NativeSampler(library, [PLAIN], 10)
    for shape in ((2, 2, 4, 10), (1, 1, 4, 10), (1, 2, 3, 10), (1, 2, 4, 9)):
        with pytest.raises(ValueError, match="logits of shape"):
            drawer(torch.zeros(shape), torch.zeros(1, 4))
