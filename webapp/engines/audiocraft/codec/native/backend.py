"""A codec backend that runs the compiled codec in place of torch's modules."""

import weakref

import torch
from torch import Tensor, nn

from webapp.engines.audiocraft.codec.native.library import CodecLibrary, LayerShape
from webapp.engines.audiocraft.codec.native.program import Program, UnsupportedCodec
from webapp.engines.audiocraft.decoder.native.library import pointer

State = tuple[Tensor, Tensor]


class NativeCodecBackend:
    """Computes a decoder's LSTM and the layers after it on a CPU. One thread uses it.

    Of two rows (left and right) each is computed as if it were alone.
    """

    def __init__(self, library: CodecLibrary, lstm: nn.LSTM, tail: nn.Sequential) -> None:
        """Copies the weights. Raises UnsupportedCodec and MemoryError."""
        _check(lstm, library.lanes)
        program = Program.of(tail, library.lanes)
        self._library = library
        self._lstm = lstm
        self._width = lstm.hidden_size
        if program.convolutions[0].weight.shape[2] != self._width:
            raise UnsupportedCodec("the width of the LSTM differs from that of the next layer")
        self._hop = program.hop
        self._channels = program.channels
        self._handle = library.new(torch.get_num_threads())
        self._finalizer = weakref.finalize(self, library.delete, self._handle)
        for number in range(lstm.num_layers):
            self._load_recurrent(number)
        for layer in program.convolutions:
            shape = LayerShape(
                *(layer.weight.shape[2], layer.out, layer.weight.shape[1], layer.dilation, layer.stride),
                *(layer.before, layer.after, layer.reflects, layer.trim),
                *(layer.source, layer.raw, layer.active, layer.adds),
            )
            library.call("layer", self._handle, shape, pointer(layer.weight), pointer(layer.bias))

    def __str__(self) -> str:
        return f"the compiled codec ({self._library.instructions})"

    def lstm(self, by_time: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run the LSTM on (frames, rows, width) from a state; return its output and its new state."""
        frames, rows, _ = by_time.shape
        inputs = by_time.float().contiguous()
        shape = (self._lstm.num_layers, rows, self._width)
        hidden, cell = (part.clone() for part in state) if state else (torch.zeros(shape), torch.zeros(shape))
        out = torch.empty_like(inputs)
        numbers = (pointer(inputs), pointer(hidden), pointer(cell), pointer(out))
        self._library.call("recur", self._handle, frames, rows, *numbers)
        return out, (hidden, cell)

    def tail(self, hidden: Tensor) -> Tensor:
        """Upsample (rows, width, frames) to (rows, channels, samples)."""
        by_time = hidden.float().transpose(1, 2).contiguous()
        rows, frames, width = by_time.shape
        audio = torch.empty(rows, self._channels, frames * self._hop)
        for inputs, samples in zip(by_time, audio, strict=True):
            self._library.call(
                "convolve", self._handle, frames, width, self._channels, pointer(inputs), pointer(samples)
            )
        return audio

    def _load_recurrent(self, number: int) -> None:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self._lstm, f"{part}_l{number}").detach().float() for part in parts]
        inputs, recurrent, bias = weights[0].contiguous(), weights[1].contiguous(), weights[2] + weights[3]
        self._library.call(
            "recurrent", self._handle, self._width, pointer(inputs), pointer(recurrent), pointer(bias)
        )


def _check(lstm: nn.LSTM, lanes: int) -> None:
    is_plain = lstm.bias and not lstm.bidirectional and not lstm.proj_size
    if not is_plain or lstm.input_size != lstm.hidden_size or lstm.hidden_size % lanes:
        raise UnsupportedCodec(f"its LSTM is {lstm}")
