"""A language model's weights as plain tensors, and the few numbers that describe how they are used.

The model is a pre-norm transformer: for every layer ``x += self(norm(x))``, then
``x += cross(norm(x))``, then ``x += feed_out(gelu(feed_in(norm(x))))`` with the exact (erf) GELU. Its
input is the sum of one embedding per codebook and of the position's sine embedding; its output is
``heads(norm(x))``. A language model of another form is refused.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from webapp.engines.base import ModelLoadError

if TYPE_CHECKING:
    from audiocraft.models import LMModel
    from audiocraft.modules.transformer import StreamingTransformerLayer


@dataclass(frozen=True, slots=True)
class Projection:
    """A linear map: ``x @ weight.T + bias``. `weight` (out, in); `bias` (out) or None."""

    weight: Tensor
    bias: Tensor | None


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation over the last dimension, float32: ``weight`` and ``bias`` (dim)."""

    weight: Tensor
    bias: Tensor
    eps: float


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer. `qkv` (3 × dim, dim) holds query, key and value in this order, each head after head."""

    norm_self: Norm
    qkv: Projection
    self_out: Projection
    norm_cross: Norm
    cross_query: Projection
    cross_key: Projection
    cross_value: Projection
    cross_out: Projection
    norm_feed: Norm
    feed_in: Projection
    feed_out: Projection


@dataclass(frozen=True, slots=True)
class DecoderWeights:
    """A language model's tensors, on its device: views of them, but for `output`, which is one copy.

    Matrices have the precision that the model was loaded in; embeddings and norms are float32.
    `embeddings` holds one (card + 1, dim) for each codebook, whose last entry is the special token.
    `output` (codebooks × card, dim) stacks the heads of all codebooks. Attention has `heads` heads of
    ``dim / heads`` and scales by the root of that. Positions count from 0; see :func:`position_table`.
    """

    embeddings: tuple[Tensor, ...]
    layers: tuple[LayerWeights, ...]
    norm: Norm
    output: Projection
    heads: int
    max_period: float
    position_scale: float

    @property
    def codebooks(self) -> int:
        return len(self.embeddings)

    @property
    def card(self) -> int:
        """Entries of a codebook; the token of this number is the special token."""
        return self.embeddings[0].shape[0] - 1

    @property
    def dim(self) -> int:
        return self.embeddings[0].shape[1]

    @property
    def hidden(self) -> int:
        """Width of the feed-forward part."""
        return self.layers[0].feed_in.weight.shape[0]

    @property
    def device(self) -> torch.device:
        return self.embeddings[0].device


def position_table(weights: DecoderWeights, steps: int) -> Tensor:
    """Compute the position embeddings of 0 to `steps`: float32 (steps, dim), cosines then sines."""
    half = weights.dim // 2
    device = weights.device
    position = torch.arange(steps, device=device, dtype=torch.float32)[:, None]
    # As AudioCraft computes it, so that the last bit agrees: a float32 power of a float32 tensor.
    period = torch.full([], weights.max_period, device=device)
    phase = position / period ** (torch.arange(half, device=device, dtype=torch.float32) / (half - 1))
    return weights.position_scale * torch.cat([phase.cos(), phase.sin()], dim=-1)


def decoder_weights(lm: "LMModel") -> DecoderWeights:
    """Extract the tensors of a loaded language model, MAGNeT's as well.

    Raises ModelLoadError for an unsupported architecture.
    """
    transformer = lm.transformer
    layers = tuple(_layer(layer) for layer in transformer.layers)
    if lm.out_norm is None or transformer.positional_embedding != "sin" or lm.dim % 2:
        raise _unusual()
    biases = [linear.bias for linear in lm.linears]
    output = Projection(
        torch.cat([linear.weight for linear in lm.linears]),
        None if biases[0] is None else torch.cat(biases),
    )
    return DecoderWeights(
        embeddings=tuple(embedding.weight for embedding in lm.emb),
        layers=layers,
        norm=_norm(lm.out_norm),
        output=output,
        heads=int(transformer.layers[0].self_attn.num_heads),
        max_period=float(transformer.max_period),
        position_scale=float(transformer.positional_scale),
    )


def _layer(layer: "StreamingTransformerLayer") -> LayerWeights:
    cross = layer.cross_attention
    if cross is None or not _is_usual(layer):
        raise _unusual()
    weights = cross.in_proj_weight.chunk(3)
    biases = (None, None, None) if cross.in_proj_bias is None else cross.in_proj_bias.chunk(3)
    query, key, value = (Projection(weight, bias) for weight, bias in zip(weights, biases, strict=True))
    attention = layer.self_attn
    return LayerWeights(
        norm_self=_norm(layer.norm1),
        qkv=Projection(attention.in_proj_weight, attention.in_proj_bias),
        self_out=_projection(attention.out_proj),
        norm_cross=_norm(layer.norm_cross),
        cross_query=query,
        cross_key=key,
        cross_value=value,
        cross_out=_projection(cross.out_proj),
        norm_feed=_norm(layer.norm2),
        feed_in=_projection(layer.linear1),
        feed_out=_projection(layer.linear2),
    )


def _is_usual(layer: "StreamingTransformerLayer") -> bool:
    """Return whether a layer has the form that all published checkpoints have."""
    attention = layer.self_attn
    scales = (layer.layer_scale_1, layer.layer_scale_2, layer.layer_scale_cross)
    return bool(
        layer.norm_first
        and layer.activation is functional.gelu
        and all(isinstance(scale, nn.Identity) for scale in scales)
        and attention.custom
        and attention.past_context is None
        and attention.rope is None
        and attention.kv_repeat == 1
        and not attention.qk_layer_norm
    )


def _projection(linear: nn.Linear) -> Projection:
    return Projection(linear.weight, linear.bias)


def _norm(norm: nn.Module) -> Norm:
    if not isinstance(norm, nn.LayerNorm) or not norm.elementwise_affine:
        raise _unusual()
    return Norm(norm.weight, norm.bias, norm.eps)


def _unusual() -> ModelLoadError:
    return ModelLoadError("the checkpoint's language model has a form that is not supported")
