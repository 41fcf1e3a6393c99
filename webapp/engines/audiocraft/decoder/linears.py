"""Linear layers that are fast for a few rows.

A step multiplies each matrix by two to a few dozen rows. A general matrix product is slow at that: oneDNN
with weights packed beforehand takes a third of the time in float32, and two thirds in bfloat16
(docs/performance.md). For two rows and more it also computes each row in the same way whatever the batch, so
that in float32 a sequence's tokens are the same alone and in a batch, to the last bit.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.decoder.weights import Projection

Linear: TypeAlias = Callable[[Tensor], Tensor]
"""Maps (rows, in) to (rows, out), both in the precision of the layer."""

LinearFactory: TypeAlias = Callable[[Projection, torch.dtype], Linear]

_TYPICAL_ROWS = 2


def plain(projection: Projection, dtype: torch.dtype) -> Linear:
    """Make a linear layer of torch; it shares the weights where their precision is `dtype` already."""
    weight, bias = projection.weight.to(dtype), _in(projection.bias, dtype)
    return lambda rows: functional.linear(rows, weight, bias)


def with_float32_output(projection: Projection, dtype: torch.dtype, make_linear: LinearFactory) -> Linear:
    """Make a layer from `dtype` to float32 without rounding: guidance triples differences of logits."""
    if dtype == torch.float32:
        return make_linear(projection, dtype)
    if projection.weight.device.type != "cuda":
        exact = make_linear(projection, torch.float32)
        return lambda rows: exact(rows.float())
    weight, bias = projection.weight.to(dtype).t(), _in(projection.bias, torch.float32)

    def multiply(rows: Tensor) -> Tensor:
        result = torch.mm(rows, weight, out_dtype=torch.float32)
        return result if bias is None else result + bias

    return multiply


def packed(projection: Projection, dtype: torch.dtype) -> Linear:
    """Make a layer of oneDNN with a packed copy of the weights. CPU only; see :func:`can_pack`."""
    # The operators that torch's compiler emits; they have no public name.
    reorder = torch.ops.mkldnn._reorder_linear_weight  # noqa: SLF001
    multiply_packed = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
    weight, bias = reorder(projection.weight.detach().to(dtype), _TYPICAL_ROWS), _in(projection.bias, dtype)

    def multiply(rows: Tensor) -> Tensor:
        result: Tensor = multiply_packed(rows, weight, bias, "none", [], "")
        return result

    return multiply


def can_pack(dtype: torch.dtype) -> bool:
    """Return whether this machine's torch can compute with packed weights of a precision."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    probe = Projection(torch.eye(16), None)
    rows = torch.arange(32.0).view(2, 16)
    try:
        return torch.equal(packed(probe, dtype)(rows.to(dtype)).float(), rows)
    except (RuntimeError, AttributeError, NotImplementedError):
        # Private operators: another build may lack them.
        return False


def fastest_linear(device: torch.device, dtype: torch.dtype) -> LinearFactory:
    """Return the fastest kind of linear layer for a device."""
    return packed if device.type == "cpu" and can_pack(dtype) else plain


def _in(bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if bias is None else bias.to(dtype)
