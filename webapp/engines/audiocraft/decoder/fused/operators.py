"""The fused kernels as operators of torch: on CUDA by Triton if torch brings it, else by the reference.

As operators they can be recorded and counted like any other.
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


@torch.library.custom_op("soundloom::attend_past", mutates_args=("keys", "values"))
def attend_past(qkv: Tensor, keys: Tensor, values: Tensor, positions: Tensor) -> Tensor:
    return reference.attend_past(qkv, keys, values, positions)


@torch.library.custom_op("soundloom::attend_text", mutates_args=())
def attend_text(queries: Tensor, keys: Tensor, values: Tensor, words: Tensor) -> Tensor:
    return reference.attend_text(queries, keys, values, words)


@torch.library.custom_op("soundloom::draw", mutates_args=("tokens", "sick"))
def draw(
    logits: Tensor,
    pairs: Tensor,
    places: Tensor,
    steps: Tensor,
    settings: Tensor,
    uniform: Tensor,
    tokens: Tensor,
    sick: Tensor,
) -> None:
    reference.draw(logits, pairs, places, steps, settings, uniform, tokens, sick)


LAUNCHES: Final = {"attend_past": 2}
"""Kernels behind an operator where it is not one."""


def _use_triton() -> None:
    """Let Triton compute what is on CUDA."""
    from webapp.engines.audiocraft.decoder.fused import kernels  # noqa: PLC0415 - where Triton is

    for operator, kernel in (
        (normed_linear, kernels.normed_linear),
        (linear_add, kernels.linear_add),
        (attend_past, kernels.attend_past),
        (attend_text, kernels.attend_text),
        (draw, kernels.draw),
    ):
        operator.register_kernel("cuda")(kernel)


if HAS_TRITON:
    _use_triton()
