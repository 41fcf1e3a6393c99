"""Sums of damped sines, the sound of whatever rings."""

from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Real = TypeVar("Real", np.float32, np.float64)
Complex: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]

_BLOCK = 256
# OpenBLAS splits larger products among threads. Those wait for each other at every product, which takes many
# times as long as the product does where the other cores are busy.
_MOST_MULTIPLIED = 200_000


def damped_sines(start: Complex, rate: Complex, frames: int, dtype: type[Real]) -> npt.NDArray[Real]:
    """Return the imaginary part of the sum of ``start * exp(rate * frame)``, shape (frames,).

    A damped sine at frame ``n * B + j`` is the imaginary part of a factor that depends on ``n`` times one
    that depends on ``j``. So a whole note is a few small matrix products, and no sine is taken per frame.
    """
    blocks = -(-frames // _BLOCK)
    coarse = start * np.exp(rate * (np.arange(blocks) * _BLOCK)[:, None])
    fine = np.exp(rate * np.arange(_BLOCK)[:, None])
    left = np.concatenate((coarse.real, coarse.imag), axis=1).astype(dtype)
    right = np.concatenate((fine.imag, fine.real), axis=1).astype(dtype)
    summed = np.empty((blocks, _BLOCK), dtype)
    rows = max(1, _MOST_MULTIPLIED // max(1, right.size))
    for first in range(0, blocks, rows):
        np.matmul(left[first : first + rows], right.T, out=summed[first : first + rows])
    return summed.ravel()[:frames]
