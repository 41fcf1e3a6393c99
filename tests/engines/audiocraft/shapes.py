"""Random weights of published shapes, without AudioCraft: for what only shows at full width."""

import math

import torch

from webapp.engines.audiocraft.decoder.weights import DecoderWeights, LayerWeights, Norm, Projection


def random_weights(*, dim: int = 1024, heads: int = 16, layers: int = 4, card: int = 2048) -> DecoderWeights:
    """musicgen-small's shape with fewer layers, in float32."""
    generator = torch.Generator().manual_seed(1)

    def projection(out: int, into: int) -> Projection:
        return Projection(torch.randn(out, into, generator=generator) / math.sqrt(into), None)

    def norm() -> Norm:
        return Norm(torch.ones(dim), torch.zeros(dim), 1e-5)

    def layer() -> LayerWeights:
        return LayerWeights(
            norm_self=norm(),
            qkv=projection(3 * dim, dim),
            self_out=projection(dim, dim),
            norm_cross=norm(),
            cross_query=projection(dim, dim),
            cross_key=projection(dim, dim),
            cross_value=projection(dim, dim),
            cross_out=projection(dim, dim),
            norm_feed=norm(),
            feed_in=projection(4 * dim, dim),
            feed_out=projection(dim, 4 * dim),
        )

    return DecoderWeights(
        embeddings=tuple(torch.randn(card + 1, dim, generator=generator) for _ in range(4)),
        layers=tuple(layer() for _ in range(layers)),
        norm=norm(),
        output=projection(4 * card, dim),
        heads=heads,
        max_period=10_000.0,
        position_scale=1.0,
    )
