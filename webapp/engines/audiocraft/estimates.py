"""Estimates the memory that a model takes, before it is loaded."""

from webapp.engines.audiocraft.checkpoint_selection import SelectedCheckpoint
from webapp.engines.audiocraft.devices import Precision
from webapp.weights.catalogue import BYTES_PER_HALF, Kind


def estimated_bytes(checkpoint: SelectedCheckpoint, device: str, precision: Precision) -> int:
    """Estimate the memory of a checkpoint's weights; except on CUDA, the runner computes with a copy of them.

    `device` is torch's name of the kind of device.
    """
    is_compiled = precision is Precision.INT8 and checkpoint.kind is not Kind.MAGNET
    bytes_per_weight = 1 if is_compiled else precision.dtype.itemsize
    computed = checkpoint.lm_bytes * bytes_per_weight // BYTES_PER_HALF
    kept = 0 if device == "cuda" else checkpoint.lm_bytes
    return kept + computed + checkpoint.codec_bytes + checkpoint.text_encoder_bytes


def kv_cache_bytes(layers: int, dim: int, columns: int, precision: Precision) -> int:
    """Return the size of one sequence's key-value cache: two rows, with the text and without."""
    return 2 * 2 * layers * columns * dim * precision.dtype.itemsize
