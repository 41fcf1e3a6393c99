"""The keys and values that a step reads of the steps before it."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Pasts:
    """Keys and values, (layers, rows, heads, columns, head_dim), and those of texts with their words."""

    keys: Tensor
    values: Tensor
    text_keys: Tensor
    text_values: Tensor
    words: Tensor
