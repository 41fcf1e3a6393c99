"""Registers the fused kernels as torch operators: Triton's on CUDA if torch brings it, else the reference.

As operators they can be captured and counted like any other.
"""

import importlib.util
from typing import Final

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.fused import reference

HAS_TRITON: Final = importlib.util.find_spec("triton") is not None


@torch.library.custom_op("soundloom::normed_linear", mutates_args=())
def normed_linear(
    hidden: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    eps: float,
    weight: Tensor,
    bias: Tensor | None,
    is_gelu: bool,
    is_wide: bool,
) -> Tensor:
    return reference.normed_linear(hidden, norm_weight, norm_bias, eps, weight, bias, is_gelu, is_wide)


@torch.library.custom_op("soundloom::linear_add", mutates_args=("hidden",))
def linear_add(hidden: Tensor, rows: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    reference.linear_add(hidden, rows, weight, bias)


@torch.library.custom_op("soundloom::cached_attention", mutates_args=("keys", "values"))
def cached_attention(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    return reference.cached_attention(qkv, keys, values, positions)


@torch.library.custom_op("soundloom::text_attention", mutates_args=())
def text_attention(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    return reference.text_attention(queries, keys, values, words)


@torch.library.custom_op("soundloom::draw", mutates_args=("tokens", "not_finite"))
def draw(
    logits: Tensor,
    pairs: Tensor,
    slots: Tensor,
    steps: Tensor,
    settings: Tensor,
    uniform: Tensor,
    tokens: Tensor,
    not_finite: Tensor,
) -> None:
    reference.draw(logits, pairs, slots, steps, settings, uniform, tokens, not_finite)


LAUNCHES: Final = {"cached_attention": 2}
"""The number of kernels that an operator launches, where it is not one."""


def _use_triton() -> None:
    """Register Triton's kernels for CUDA."""
    from webapp.engines.audiocraft.decoder.fused import kernels  # noqa: PLC0415 - needs Triton

    for operator, kernel in (
        (normed_linear, kernels.normed_linear),
        (linear_add, kernels.linear_add),
        (cached_attention, kernels.cached_attention),
        (text_attention, kernels.text_attention),
        (draw, kernels.draw),
    ):
        operator.register_kernel("cuda")(kernel)


if HAS_TRITON:
    _use_triton()
