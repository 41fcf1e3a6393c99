"""Backends for the expensive part of a codec's decoder, its LSTM and upsampling convolutions."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, remove_weight_norm

from webapp.engines.audiocraft.codec.native.backend import NativeCodecBackend
from webapp.engines.audiocraft.codec.native.library import default_codec_library
from webapp.engines.audiocraft.codec.native.program import UnsupportedCodec
from webapp.engines.audiocraft.decoder.native.compiler import NativeUnavailable
from webapp.engines.audiocraft.devices import Precision, has_fast_bfloat16

State: TypeAlias = tuple[Tensor, Tensor]


class CodecBackendUnavailable(Exception):
    """A backend does not support a codec or this machine; the text says why."""


class CodecBackend(Protocol):
    """The layers after a decoder's first convolution."""

    def lstm(self, by_time: Tensor, state: State | None) -> tuple[Tensor, State]:
        """Run the LSTM on (frames, rows, width) from a state; return its output and its new state."""
        ...

    def tail(self, hidden: Tensor) -> Tensor:
        """Upsample (rows, width, frames) to (rows, channels, samples)."""
        ...


CodecBackendFactory: TypeAlias = Callable[[nn.LSTM | None, nn.Sequential], CodecBackend]


class TorchCodecBackend:
    """The decoder's own modules, or a copy of them in another precision."""

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
        audio: Tensor = self._tail(hidden.to(self._dtype))
        return audio.to(hidden.dtype)


def faster_backends(precision: Precision, device: torch.device) -> Sequence[CodecBackendFactory]:
    """Return the codec backends allowed with a model of this precision, the fastest first."""
    if precision is Precision.FLOAT32:
        return ()
    if device.type != "cpu":
        return (_torch_in(precision.dtype),)
    return (_make_native, _torch_in(torch.bfloat16)) if has_fast_bfloat16() else ()


def fold_weight_norms(part: nn.Module) -> None:
    """Fold weight norms into the weights, instead of applying them at each call."""
    for module in part.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)
        elif parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")


def pad_without_synchronizing(part: nn.Module) -> None:
    """Keep the padding of transformers' convolutions as Python integers.

    transformers keeps it in tensors on the device, and each convolution would wait for the device.
    """
    for module in part.modules():
        if not hasattr(module, "_get_extra_padding_for_conv1d"):
            continue
        sizes = {name: int(getattr(module, name)) for name in ("stride", "kernel_size", "padding_total")}
        for name, size in sizes.items():
            delattr(module, name)
            vars(module)[name] = size
        inner = sizes["kernel_size"] - sizes["padding_total"]
        vars(module)["_get_extra_padding_for_conv1d"] = partial(_extra_padding, sizes["stride"], inner)


def _extra_padding(stride: int, inner: int, hidden: Tensor) -> int:
    """Return the padding that completes the last stride; `inner` is the kernel without its padding."""
    length: int = hidden.shape[-1]
    return -(-(length - inner) // stride) * stride + inner - length


def on_cpu(part: nn.Sequential) -> nn.Sequential:
    """Return a part on the CPU; one that is elsewhere is copied, without a second copy on its device."""
    kept = (*part.parameters(), *part.buffers())
    return part if all(each.device.type == "cpu" for each in kept) else copied_to_cpu(part)


def copied_to_cpu(part: nn.Sequential) -> nn.Sequential:
    copies: dict[int, object] = {id(buffer): buffer.cpu() for buffer in part.buffers()}
    for parameter in part.parameters():
        copies[id(parameter)] = nn.Parameter(parameter.detach().cpu(), requires_grad=False)
    return copy.deepcopy(part, copies)


def _make_native(lstm: nn.LSTM | None, tail: nn.Sequential) -> CodecBackend:
    if lstm is None:
        raise CodecBackendUnavailable("the compiled codec needs an LSTM")
    try:
        return NativeCodecBackend(default_codec_library(), lstm, tail)
    except (NativeUnavailable, UnsupportedCodec) as error:
        raise CodecBackendUnavailable(f"the compiled codec cannot be used: {error}") from error


def _torch_in(dtype: torch.dtype) -> CodecBackendFactory:
    def make(lstm: nn.LSTM | None, tail: nn.Sequential) -> CodecBackend:
        return TorchCodecBackend(lstm, tail, dtype)

    return make
