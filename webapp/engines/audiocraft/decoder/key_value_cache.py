"""The tensors of a key-value cache that a step reads."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class KVCache:
    """Keys and values of self-attention, and those of the texts for cross-attention.

    All are (layers, rows, heads, columns or words, head_dim); `words` counts the words of each row's text.
    """

    keys: Tensor
    values: Tensor
    text_keys: Tensor
    text_values: Tensor
    words: Tensor
