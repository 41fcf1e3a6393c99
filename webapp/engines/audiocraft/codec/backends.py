"""The heavy part of a codec's decoder, its LSTM and upsampling convolutions, in whatever numbers suit."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, remove_weight_norm

from webapp.engines.audiocraft.codec.native.backend import NativeBody
from webapp.engines.audiocraft.codec.native.library import usual_codec_library
from webapp.engines.audiocraft.codec.native.program import NotUnderstood
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.devices import Precision, has_quick_bfloat16

State: TypeAlias = tuple[Tensor, Tensor]


class Unusable(Exception):
    """A body cannot be had for a codec or on this machine; the text says why."""


class Body(Protocol):
    """The layers after a decoder's first convolution."""

    def lstm(self, by_time: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Through the LSTM, (frames, sounds, width) in and out, from its state before to its state after."""
        ...

    def tail(self, hidden: Tensor) -> Tensor:
        """(sounds, width, frames) to (sounds, channels, samples)."""
        ...


BodyMaker: TypeAlias = Callable[[nn.LSTM | None, nn.Sequential], Body]


class TorchBody:
    """The decoder's own modules, or a copy of them in another number format."""

    def __init__(self, lstm: nn.LSTM | None, tail: nn.Sequential, dtype: torch.dtype = torch.float32) -> None:
        self._dtype = dtype
        is_copy = dtype != torch.float32
        self._lstm = copy.deepcopy(lstm).to(dtype) if is_copy and lstm is not None else lstm
        self._tail = copy.deepcopy(tail).to(dtype) if is_copy else tail

    def __str__(self) -> str:
        return str(self._dtype)

    def lstm(self, by_time: Tensor, state: State | None) -> tuple[Tensor, State]:
        if self._lstm is None:
            raise ValueError("this codec has no LSTM")
        out, state = self._lstm(by_time.to(self._dtype), state)
        return out.to(by_time.dtype), state

    def tail(self, hidden: Tensor) -> Tensor:
        sound: Tensor = self._tail(hidden.to(self._dtype))
        return sound.to(hidden.dtype)


def quicker_bodies(precision: Precision, device: torch.device) -> Sequence[BodyMaker]:
    """Return the codec bodies allowed beside a model of this precision, the fastest first."""
    if precision is Precision.FLOAT32:
        return ()
    if device.type != "cpu":
        return (_in(precision.dtype),)
    return (_compiled, _in(torch.bfloat16)) if has_quick_bfloat16() else ()


def without_norms(part: nn.Module) -> None:
    """Keep what weight norms make of a part's weights, instead of making it anew at each call."""
    for module in part.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)
        elif parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def with_plain_sizes(part: nn.Module) -> None:
    """Keep as plain numbers what transformers' convolutions are padded by.

    They have it in tensors on the device, which each convolution waits for.
    """
    for module in part.modules():
        if not hasattr(module, "_get_extra_padding_for_conv1d"):
            continue
        sizes = {name: int(getattr(module, name)) for name in ("stride", "kernel_size", "padding_total")}
        for name, size in sizes.items():
            delattr(module, name)
            vars(module)[name] = size
        inner = sizes["kernel_size"] - sizes["padding_total"]
        vars(module)["_get_extra_padding_for_conv1d"] = partial(_missing, sizes["stride"], inner)


def _missing(stride: int, inner: int, hidden: Tensor) -> int:
    """Return the padding that completes the last stride; `inner` is the kernel without its padding."""
    length: int = hidden.shape[-1]
    return -(-(length - inner) // stride) * stride + inner - length


def on_cpu(part: nn.Sequential) -> nn.Sequential:
    """A part on the CPU: a copy if it is elsewhere, of which nothing is made there."""
    kept = (*part.parameters(), *part.buffers())
    return part if all(each.device.type == "cpu" for each in kept) else copied_to_cpu(part)


def copied_to_cpu(part: nn.Sequential) -> nn.Sequential:
    copies: dict[int, object] = {id(buffer): buffer.cpu() for buffer in part.buffers()}
    for parameter in part.parameters():
        copies[id(parameter)] = nn.Parameter(parameter.detach().cpu(), requires_grad=False)
    return copy.deepcopy(part, copies)


def _compiled(lstm: nn.LSTM | None, tail: nn.Sequential) -> Body:
    if lstm is None:
        raise Unusable("the compiled codec is for one with an LSTM")
    try:
        return NativeBody(usual_codec_library(), lstm, tail)
    except (NativeUnavailable, NotUnderstood) as error:
        raise Unusable(f"the compiled codec cannot be used: {error}") from error


def _in(dtype: torch.dtype) -> BodyMaker:
    def make(lstm: nn.LSTM | None, tail: nn.Sequential) -> Body:
        return TorchBody(lstm, tail, dtype)

    return make
