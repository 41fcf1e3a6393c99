"""Estimates the memory that a model takes, before it is loaded."""

from webapp.engines.audiocraft.checkpoint_selection import Choice
from webapp.engines.audiocraft.devices import Precision
from webapp.weights.catalogue import BYTES_PER_HALF, Kind


def estimated_bytes(choice: Choice, device: str, precision: Precision) -> int:
    """Weights as they will be in memory; on anything but CUDA what is computed with is a copy of them.

    `device` is its kind, in torch's words.
    """
    is_compiled = precision is Precision.INT8 and choice.kind is not Kind.MAGNET
    bytes_per_weight = 1 if is_compiled else precision.dtype.itemsize
    computed = choice.lm_bytes * bytes_per_weight // BYTES_PER_HALF
    kept = 0 if device == "cuda" else choice.lm_bytes
    return kept + computed + choice.codec_bytes + choice.text_encoder_bytes


def past_bytes(layers: int, dim: int, columns: int, precision: Precision) -> int:
    """Keys and values of one job: of its text and of the text's absence."""
    return 2 * 2 * layers * columns * dim * precision.dtype.itemsize
