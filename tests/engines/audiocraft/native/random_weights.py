"""Language models of any shape, with random weights that shrink with depth, as AudioCraft begins them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.weights import DecoderWeights, LayerWeights, Norm, Projection


@dataclass(frozen=True)
class Form:
    """What to build; `hidden` 0 is four times `dim`."""

    dim: int = 32
    layers: int = 2
    heads: int = 4
    codebooks: int = 4
    card: int = 64
    hidden: int = 0
    has_biases: bool = False


class _Builder:
    def __init__(self, form: Form) -> None:
        self._generator = torch.Generator().manual_seed(11)
        self._form = form

    def numbers(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self._generator) * scale

    def projection(self, out: int, into: int, depth: int = 1) -> Projection:
        bias = self.numbers(out, scale=0.1) if self._form.has_biases else None
        return Projection(self.numbers(out, into, scale=1 / math.sqrt(2 * depth * into)), bias)

    def norm(self) -> Norm:
        return Norm(
            1 + self.numbers(self._form.dim, scale=0.1), self.numbers(self._form.dim, scale=0.1), 1e-5
        )

    def layer(self, depth: int) -> LayerWeights:
        dim, hidden = self._form.dim, self._form.hidden or 4 * self._form.dim
        return LayerWeights(
            norm_self=self.norm(),
            qkv=self.projection(3 * dim, dim, depth),
            self_out=self.projection(dim, dim, depth),
            norm_cross=self.norm(),
            cross_query=self.projection(dim, dim, depth),
            cross_key=self.projection(dim, dim, depth),
            cross_value=self.projection(dim, dim, depth),
            cross_out=self.projection(dim, dim, depth),
            norm_feed=self.norm(),
            feed_in=self.projection(hidden, dim, depth),
            feed_out=self.projection(dim, hidden, depth),
        )


def random_weights(form: Form) -> DecoderWeights:
    builder = _Builder(form)
    return DecoderWeights(
        embeddings=tuple(builder.numbers(form.card + 1, form.dim) for _ in range(form.codebooks)),
        layers=tuple(builder.layer(depth) for depth in range(1, form.layers + 1)),
        norm=builder.norm(),
        output=builder.projection(form.codebooks * form.card, form.dim),
        heads=form.heads,
        max_period=10_000.0,
        position_scale=1.0,
    )


def random_columns(form: Form, rows: int, count: int, seed: int = 3) -> Tensor:
    """Return tokens (rows, codebooks, count), some of them the special token."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, form.card + 1, (rows, form.codebooks, count), generator=generator)


def random_text(form: Form, words: int, seed: int = 5) -> Tensor:
    return torch.randn(words, form.dim, generator=torch.Generator().manual_seed(seed))
