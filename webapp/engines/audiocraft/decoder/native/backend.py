"""A backend that runs the compiled step."""

import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

from webapp.engines.audiocraft.decoder.backend import BackendFactory
from webapp.engines.audiocraft.decoder.native.library import (
    Handle,
    Library,
    LinearPart,
    ModelShape,
    NormPart,
    default_library,
    pointer,
    row_array,
)
from webapp.engines.audiocraft.decoder.weights import (
    DecoderWeights,
    LayerWeights,
    Norm,
    Projection,
    position_table,
)

_OUTPUT = -1


class NativeBackend:
    """Computes rows on a CPU with the compiled step.

    Weights and activations are quantized to 8 bits, with a scale for each group of 16, and so is the
    key-value cache; the output heads have 16 bits. Each row is computed in the same way whatever the batch:
    its logits are the same to the last bit, alone and in a batch, on one thread and on several.
    """

    def __init__(self, library: Library, weights: DecoderWeights, rows: int, steps: int) -> None:
        """Copies the matrices; keeps embeddings. Raises MemoryError."""
        self._library = library
        self._rows, self._steps, self._codebooks = rows, steps, weights.codebooks
        self._handle = _new_model(library, weights, rows, steps)
        self._finalizer = weakref.finalize(self, library.delete, self._handle)
        # The library refers to these tensors without copying them.
        self._embeddings = [_floats(embedding) for embedding in weights.embeddings]
        self._positions = position_table(weights, steps).contiguous()
        self._logits = torch.empty(rows, weights.codebooks, weights.card)
        for codebook, embedding in enumerate(self._embeddings):
            library.call("embedding", self._handle, codebook, pointer(embedding))
        library.call("positions", self._handle, pointer(self._positions))
        for number, layer in enumerate(weights.layers):
            self._load_layer(number, layer)
        self._load_linear(_OUTPUT, LinearPart.QKV, weights.output)
        self._load_norm(_OUTPUT, NormPart.SELF, weights.norm)

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def steps(self) -> int:
        return self._steps

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    def begin(self, row: int, text: Tensor) -> None:
        text = _floats(text)
        self._library.call("begin", self._handle, row, pointer(text), text.shape[0])

    def rewind(self, row: int) -> None:
        self._library.call("rewind", self._handle, row)

    def release(self, row: int) -> None:
        self._library.call("release", self._handle, row)

    def prefill(self, rows: Sequence[int], tokens: Tensor) -> None:
        tokens = self._checked(rows, tokens)
        self._library.call(
            "prefill", self._handle, row_array(rows), len(rows), pointer(tokens), tokens.shape[2]
        )

    def step(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        tokens = self._checked(rows, tokens)
        self._library.call(
            "step", self._handle, row_array(rows), len(rows), pointer(tokens), pointer(self._logits)
        )
        return self._logits[: len(rows)]

    def _checked(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Return tokens as the library reads them. Raises ValueError for wrong shapes: it has no checks."""
        if tokens.shape[:2] != (len(rows), self._codebooks) or len(set(rows)) != len(rows):
            raise ValueError(f"tokens of shape {tuple(tokens.shape)} for rows {list(rows)}")
        return tokens.to(torch.int64).contiguous()

    def _load_layer(self, number: int, layer: LayerWeights) -> None:
        linears = {
            LinearPart.QKV: layer.qkv,
            LinearPart.SELF_OUT: layer.self_out,
            LinearPart.CROSS_QUERY: layer.cross_query,
            LinearPart.CROSS_KEY: layer.cross_key,
            LinearPart.CROSS_VALUE: layer.cross_value,
            LinearPart.CROSS_OUT: layer.cross_out,
            LinearPart.FEED_IN: layer.feed_in,
            LinearPart.FEED_OUT: layer.feed_out,
        }
        norms = {
            NormPart.SELF: layer.norm_self,
            NormPart.CROSS: layer.norm_cross,
            NormPart.FEED: layer.norm_feed,
        }
        for part, projection in linears.items():
            self._load_linear(number, part, projection)
        for norm_part, norm in norms.items():
            self._load_norm(number, norm_part, norm)

    def _load_linear(self, layer: int, part: LinearPart, projection: Projection) -> None:
        weight = _floats(projection.weight)
        bias = None if projection.bias is None else _floats(projection.bias)
        self._library.call("linear", self._handle, layer, part, pointer(weight), pointer(bias))

    def _load_norm(self, layer: int, part: NormPart, norm: Norm) -> None:
        weight, bias = _floats(norm.weight), _floats(norm.bias)
        self._library.call("norm", self._handle, layer, part, pointer(weight), pointer(bias), norm.eps)


def native_factory() -> BackendFactory:
    """Return what makes backends of the compiled step. Raises NativeUnavailable, with the reason.

    The first call on a machine compiles it, which takes some seconds.
    """
    library = default_library()

    def make(weights: DecoderWeights, rows: int, steps: int) -> NativeBackend:
        return NativeBackend(library, weights, rows, steps)

    return make


def _new_model(library: Library, weights: DecoderWeights, rows: int, steps: int) -> Handle:
    return library.new(
        ModelShape(
            weights.dim,
            weights.heads,
            len(weights.layers),
            weights.hidden,
            weights.codebooks,
            weights.card,
            rows,
            steps,
            torch.get_num_threads(),
        )
    )


def _floats(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32).contiguous()
