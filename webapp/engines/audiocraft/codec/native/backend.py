"""The compiled codec in the place of torch's modules."""

import weakref

import torch
from torch import Tensor, nn

from webapp.engines.audiocraft.codec.native.library import CodecLibrary, LayerShape
from webapp.engines.audiocraft.codec.native.program import NotUnderstood, Program
from webapp.engines.audiocraft.decoder.native.library import pointer

State = tuple[Tensor, Tensor]


class NativeBody:
    """A decoder's LSTM and what comes after it, on a CPU. One thread uses it.

    Of two sounds (left and right) each is what it would be alone.
    """

    def __init__(self, library: CodecLibrary, lstm: nn.LSTM, tail: nn.Sequential) -> None:
        """Copies the weights. Raises NotUnderstood and MemoryError."""
        _check(lstm, library.lanes)
        program = Program.of(tail, library.lanes)
        self._library = library
        self._lstm = lstm
        self._width = lstm.hidden_size
        if program.convolutions[0].weight.shape[2] != self._width:
            raise NotUnderstood("the LSTM has another width than what comes after it")
        self._hop = program.hop
        self._channels = program.channels
        self._handle = library.new(torch.get_num_threads())
        self._finalizer = weakref.finalize(self, library.delete, self._handle)
        for number in range(lstm.num_layers):
            self._put_recurrent(number)
        for one in program.convolutions:
            shape = LayerShape(
                *(one.weight.shape[2], one.out, one.weight.shape[1], one.dilation, one.stride),
                *(one.before, one.after, one.reflects, one.trim, one.source, one.raw, one.active, one.adds),
            )
            library.call("layer", self._handle, shape, pointer(one.weight), pointer(one.bias))

    def __str__(self) -> str:
        return f"the compiled codec ({self._library.instructions})"

    def lstm(self, by_time: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Through the LSTM, as torch's: (frames, sounds, width), and its state before and after."""
        frames, rows, _ = by_time.shape
        given = by_time.float().contiguous()
        shape = (self._lstm.num_layers, rows, self._width)
        hidden, cell = (part.clone() for part in state) if state else (torch.zeros(shape), torch.zeros(shape))
        out = torch.empty_like(given)
        numbers = (pointer(given), pointer(hidden), pointer(cell), pointer(out))
        self._library.call("recur", self._handle, frames, rows, *numbers)
        return out, (hidden, cell)

    def tail(self, hidden: Tensor) -> Tensor:
        """(sounds, width, frames) to (sounds, channels, samples)."""
        by_time = hidden.float().transpose(1, 2).contiguous()
        rows, frames, width = by_time.shape
        sound = torch.empty(rows, self._channels, frames * self._hop)
        for given, made in zip(by_time, sound, strict=True):
            self._library.call(
                "convolve", self._handle, frames, width, self._channels, pointer(given), pointer(made)
            )
        return sound

    def _put_recurrent(self, number: int) -> None:
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self._lstm, f"{part}_l{number}").detach().float() for part in parts]
        given, recurrent, bias = weights[0].contiguous(), weights[1].contiguous(), weights[2] + weights[3]
        self._library.call(
            "recurrent", self._handle, self._width, pointer(given), pointer(recurrent), pointer(bias)
        )


def _check(lstm: nn.LSTM, lanes: int) -> None:
    is_plain = lstm.bias and not lstm.bidirectional and not lstm.proj_size
    if not is_plain or lstm.input_size != lstm.hidden_size or lstm.hidden_size % lanes:
        raise NotUnderstood(f"its LSTM is {lstm}")
