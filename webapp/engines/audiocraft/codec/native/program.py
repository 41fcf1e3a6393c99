"""The compiled codec's program: an EnCodec decoder's convolutions as products of rows with matrices.

A transposed convolution is one too: each of its rows computes the samples between two rows from the
neighbouring rows that overlap them. AudioCraft's modules and those of transformers are supported.
"""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

INPUT_SLOT = 0
NO_SLOT = -1


class UnsupportedCodec(Exception):
    """The decoder has a part that the compiled codec does not support; the text names it."""


@dataclass(slots=True, eq=False)
class Convolution:
    """One product: of `source`, to `raw` and `active` (after ELU), with `adds` added to it; see codec.h.

    `weight` is (stride × out, taps, in), `bias` (stride × out), both widths whole numbers of lanes. The slots
    are the numbers of values at first, then buffers in memory, or NO_SLOT.
    """

    weight: Tensor
    bias: Tensor
    stride: int
    dilation: int
    before: int
    after: int
    reflects: bool
    trim: int
    source: int
    adds: int = NO_SLOT
    raw: int = NO_SLOT
    active: int = NO_SLOT

    @property
    def out(self) -> int:
        return len(self.bias) // self.stride


@dataclass(slots=True)
class _Value:
    """The output of a convolution, or the input: raw, and after ELU."""

    maker: Convolution | None
    raw: int = NO_SLOT
    active: int = NO_SLOT


@dataclass(slots=True)
class Program:
    """The convolutions in order, from the layers after a decoder's LSTM."""

    lanes: int
    channels: int
    convolutions: list[Convolution] = field(default_factory=list)
    _values: int = INPUT_SLOT

    @classmethod
    def of(cls, tail: nn.Sequential, lanes: int) -> "Program":
        """Convert a decoder's layers. Raises UnsupportedCodec."""
        program = cls(lanes, _channels(tail))
        value = _Value(None, active=INPUT_SLOT)
        is_activated = False
        for layer in tail:
            if isinstance(layer, nn.ELU):
                _check_elu(layer)
                is_activated = True
            elif hasattr(layer, "block"):
                value = program._residual(layer, value)
            else:
                value = program._convolve(layer, program._read(value, is_activated=is_activated))
                is_activated = False
        if is_activated or not program.convolutions or value.maker is not program.convolutions[-1]:
            raise UnsupportedCodec("it does not end with a convolution")
        program._share_slots()
        return program

    @property
    def hop(self) -> int:
        """Return the samples per frame."""
        return math.prod(convolution.stride for convolution in self.convolutions)

    def _residual(self, layer: nn.Module, value: _Value) -> _Value:
        shortcut, skipped, inner = layer.get_submodule("shortcut"), value, value
        if not isinstance(shortcut, nn.Identity):
            skipped = self._convolve(shortcut, self._read(value, is_activated=False))
        adds = self._read(skipped, is_activated=False)
        parts = list(layer.get_submodule("block").children())
        for activation, convolution in zip(parts[::2], parts[1::2], strict=True):
            _check_elu(activation)
            inner = self._convolve(convolution, self._read(inner, is_activated=True))
        self.convolutions[-1].adds = adds
        return inner

    def _read(self, value: _Value, *, is_activated: bool) -> int:
        """Return a value's number in one of its two forms, and have its convolution write that form."""
        if is_activated:
            if value.active == NO_SLOT:
                value.active = self._number()
        elif value.raw == NO_SLOT:
            value.raw = self._number()
        if value.maker is not None:
            value.maker.raw, value.maker.active = value.raw, value.active
        elif not is_activated:
            raise UnsupportedCodec("it does not begin with ELU")
        return value.active if is_activated else value.raw

    def _number(self) -> int:
        self._values += 1
        return self._values

    def _convolve(self, layer: nn.Module, source: int) -> _Value:
        converted = _convolution(layer, source, self.lanes)
        self.convolutions.append(converted)
        return _Value(converted)

    def _share_slots(self) -> None:
        """Assign slots to values; a slot is reused once its value was read for the last time."""
        last: dict[int, int] = {}
        for number, convolution in enumerate(self.convolutions):
            last |= {convolution.source: number, convolution.adds: number}
        slots, free, used = {INPUT_SLOT: INPUT_SLOT, NO_SLOT: NO_SLOT}, list[int](), 1
        for number, convolution in enumerate(self.convolutions):
            for value in {convolution.raw, convolution.active} - {NO_SLOT}:
                slots[value] = free.pop() if free else used
                used = max(used, slots[value] + 1)
            read = {convolution.source, convolution.adds} - {NO_SLOT}
            convolution.raw, convolution.active = slots[convolution.raw], slots[convolution.active]
            convolution.source, convolution.adds = slots[convolution.source], slots[convolution.adds]
            free += [slots[value] for value in read if last[value] == number]


def _channels(tail: nn.Sequential) -> int:
    convolutions = [module for module in tail.modules() if isinstance(module, nn.Conv1d)]
    if not convolutions:
        raise UnsupportedCodec("it has no convolutions")
    return convolutions[-1].out_channels


def _check_elu(layer: object) -> None:
    if not isinstance(layer, nn.ELU) or layer.alpha != 1.0:
        raise UnsupportedCodec(f"its activation is {layer}")


def _convolution(layer: nn.Module, source: int, lanes: int) -> Convolution:
    """Convert one of AudioCraft's or transformers' convolutions with its wrappers."""
    known = (nn.Conv1d, nn.ConvTranspose1d)
    parts = [module for module in layer.modules() if not isinstance(module, nn.Identity)]
    inner = [module for module in parts if isinstance(module, known)]
    wrappers = [module for module in parts if hasattr(module, "conv") or hasattr(module, "convtr")]
    if len(inner) != 1 or len(parts) != 1 + len(wrappers) or inner[0].groups != 1:
        raise UnsupportedCodec(f"a part of it is {type(layer).__name__}")
    is_causal = bool(getattr(layer, "causal", False))
    if isinstance(inner[0], nn.ConvTranspose1d):
        overlap = inner[0].kernel_size[0] - inner[0].stride[0]
        trimmed = (
            math.ceil(overlap * float(getattr(layer, "trim_right_ratio", 1.0))) if is_causal else overlap // 2
        )
        return _upsampling(inner[0], source, lanes, overlap - trimmed)
    return _regular(
        inner[0], source, lanes, is_causal=is_causal, reflects=getattr(layer, "pad_mode", "") == "reflect"
    )


def _regular(conv: nn.Conv1d, source: int, lanes: int, *, is_causal: bool, reflects: bool) -> Convolution:
    if conv.stride != (1,):
        raise UnsupportedCodec("a convolution has a stride")
    dilation = conv.dilation[0]
    around = (conv.kernel_size[0] - 1) * dilation
    after = 0 if is_causal else around // 2
    weight = conv.weight.permute(0, 2, 1)
    weight, bias = _padded(weight, conv.bias, lanes)
    return Convolution(weight, bias, 1, dilation, around - after, after, reflects, 0, source)


def _upsampling(conv: nn.ConvTranspose1d, source: int, lanes: int, trim: int) -> Convolution:
    stride, size = conv.stride[0], conv.kernel_size[0]
    if conv.dilation != (1,):
        raise UnsupportedCodec("a transposed convolution is dilated")
    taps = math.ceil(size / stride)
    # (in, out, size) to (sample between two rows, out, tap, in), the earliest of a row's neighbours first.
    spread = pad(conv.weight, (0, taps * stride - size))
    spread = spread.view(*spread.shape[:2], taps, stride).flip(2)
    weight = spread.permute(3, 1, 2, 0)
    filled = [_padded(each, conv.bias, lanes) for each in weight]
    return Convolution(
        torch.cat([each for each, _ in filled]),
        torch.cat([bias for _, bias in filled]),
        stride,
        1,
        taps - 1,
        taps - 1,
        False,
        trim,
        source,
    )


def _padded(weight: Tensor, bias: Tensor | None, lanes: int) -> tuple[Tensor, Tensor]:
    """Pad weight (out, taps, in) and bias with zeros to whole numbers of lanes."""
    out, _taps, width = weight.shape
    more = -out % lanes
    weight = pad(weight.detach().float(), (0, -width % lanes, 0, 0, 0, more)).contiguous()
    return weight, pad(torch.zeros(out) if bias is None else bias.detach().float(), (0, more))
