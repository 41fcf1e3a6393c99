"""Measures the error of a reduced precision against float32, on a model's own weights.

A few columns of fixed tokens are computed with a text and without, in the reduced precision and in float32,
and the guided distributions of the next tokens are compared. Matrices are converted to float32 one by one as
they are used: no second copy of the model is made.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.conditioning import PromptEncoder
from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.delays import delayed
from webapp.engines.audiocraft.decoder.linears import Linear
from webapp.engines.audiocraft.decoder.transformer import Text, Transformer, attend_to_texts
from webapp.engines.audiocraft.decoder.weights import Projection
from webapp.engines.audiocraft.loading.model_loader import LoadedModel
from webapp.weights.catalogue import Kind

COLUMNS: Final = 8
PROMPT: Final = "calm rain on a tin roof"
ROWS: Final = (0, 1)
"""With the text, and without."""


@torch.inference_mode()
def backend_distance(model: LoadedModel, backend: Backend) -> float:
    """Measure the mean total variation of a backend's distributions from those of float32, 0 to 1.

    The backend's rows are free, and are free again afterwards. Raises torch's out of memory and MemoryError.
    """
    columns = _columns(model)
    prompt = PromptEncoder(model).encode(PROMPT)
    try:
        for row, text in zip(ROWS, (prompt.text, prompt.unconditional), strict=True):
            backend.begin(row, text)
        logits = [backend.step(ROWS, column.expand(2, -1)).clone() for column in columns]
    finally:
        for row in ROWS:
            backend.release(row)
    return _distance(model, torch.stack(logits, dim=1), _exact_logits(model, columns))


@torch.inference_mode()
def transformer_distance(model: LoadedModel, transformer: Transformer) -> float:
    """Measure the same for a transformer that attends to all columns at once, as MAGNeT does."""
    columns = _columns(model)
    return _distance(model, _teacher_forced(model, transformer, columns), _exact_logits(model, columns))


def unpacked(projection: Projection, dtype: torch.dtype) -> Linear:
    """Make a linear layer that converts its weights at each call and does not keep them."""

    def multiply(rows: Tensor) -> Tensor:
        bias = None if projection.bias is None else projection.bias.to(dtype)
        return functional.linear(rows, projection.weight.to(dtype), bias)

    return multiply


def _exact_logits(model: LoadedModel, columns: Tensor) -> Tensor:
    exact = Transformer(model.weights, len(columns), torch.float32, unpacked)
    return _teacher_forced(model, exact, columns)


def _columns(model: LoadedModel) -> Tensor:
    """Return fixed tokens as the start of a window: (columns, codebooks)."""
    frames = min(COLUMNS, model.window_frames)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(model.card, (model.codebooks, frames), generator=generator)
    columns = delayed(tokens, frames, model.delays, model.card)
    if model.kind is Kind.MAGNET:
        # The first codebook is masked, as before its first pass.
        columns = tokens.T.clone()
        columns[:, 0] = model.card
    return columns[:frames].to(model.device)


def _teacher_forced(model: LoadedModel, transformer: Transformer, columns: Tensor) -> Tensor:
    """Compute logits (2, columns, codebooks, card) after each column, with the text and without."""
    prompt = PromptEncoder(model).encode(PROMPT)
    texts = [transformer.text_keys_values(text) for text in (prompt.text, prompt.unconditional)]
    count = len(columns)
    positions = torch.arange(count, device=columns.device).repeat(2)
    attention = _AllColumns(texts, count, is_causal=model.kind is not Kind.MAGNET)
    hidden = transformer.run(transformer.embed(columns.repeat(2, 1), positions), attention)
    return transformer.logits(hidden).view(2, count, model.codebooks, model.card)


class _AllColumns:
    """Attention of two rows over the same columns."""

    def __init__(self, texts: Sequence[Text], columns: int, *, is_causal: bool) -> None:
        self._texts, self._columns, self._is_causal = texts, columns, is_causal
        self._heads = texts[0][0].shape[1]

    def self_attention(self, layer: int, qkv: Tensor) -> Tensor:
        parts = qkv.view(2, self._columns, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()
        attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=self._is_causal)
        return attended.transpose(1, 2).flatten(2).flatten(0, 1)

    def cross_attention(self, layer: int, queries: Tensor) -> Tensor:
        return attend_to_texts(queries, self._texts, layer)


def _distance(model: LoadedModel, reduced: Tensor, exact: Tensor) -> float:
    """Compute the mean total variation of guided distributions; infinite if logits are not finite."""
    reduced_shares, exact_shares = (_guided(model, logits) for logits in (reduced, exact))
    if model.kind is Kind.MAGNET:
        reduced_shares, exact_shares = reduced_shares[:, :1], exact_shares[:, :1]
    distance = float((reduced_shares - exact_shares).abs().sum(dim=-1).mean() / 2)
    return distance if distance >= 0 else float("inf")


def _guided(model: LoadedModel, logits: Tensor) -> Tensor:
    text, unconditional = logits.float().unbind()
    guided = unconditional + (text - unconditional) * model.usage.guidance
    return torch.softmax(guided / model.usage.temperature, dim=-1)
