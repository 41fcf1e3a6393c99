"""Decodes chunks of several waveforms in one batch, on a CUDA stream of its own, concurrently with the steps.

A single chunk leaves most of a GPU idle, and waiting for it would hold up the steps.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor

from webapp.audio.waveform import Samples
from webapp.engines.audiocraft.codec.chunks import ChunkInput, ChunkOutput
from webapp.engines.audiocraft.codec.decoder import CodecDecoder
from webapp.engines.audiocraft.codec.waveform_stream import NotFinite, WaveformStream
from webapp.engines.audiocraft.decoder.capture import exclusive_stream


class HostCopy(Protocol):
    """A copy of a tensor to the host, in progress or complete."""

    @property
    def is_complete(self) -> bool: ...

    def wait(self) -> Tensor:
        """Return the host's tensor, once the copy is complete."""
        ...


class SideStream(Protocol):
    """A queue of device work that runs concurrently with the steps."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Launch work on this stream inside, ordered after the work launched outside before."""
        ...

    def copy_to_host(self, tensor: Tensor) -> HostCopy:
        """Start to copy a tensor to the host."""
        ...


class CudaSideStream:
    """A CUDA stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = exclusive_stream(self, device)

    @contextmanager
    def entered(self) -> Iterator[None]:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield

    def copy_to_host(self, tensor: Tensor) -> HostCopy:
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        host.copy_(tensor, non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(self._stream)
        return _CudaHostCopy(host, done)


@dataclass(frozen=True, slots=True)
class _CudaHostCopy:
    host: Tensor
    done: torch.cuda.Event

    @property
    def is_complete(self) -> bool:
        return bool(self.done.query())  # type: ignore[no-untyped-call]

    def wait(self) -> Tensor:
        self.done.synchronize()
        return self.host


@dataclass(frozen=True, slots=True)
class _InFlight:
    """Chunks that are decoded in one batch; their inputs stay alive until the batch is complete."""

    streams: tuple[WaveformStream, ...]
    inputs: tuple[ChunkInput, ...]
    outputs: tuple[ChunkOutput, ...]
    audio: HostCopy


class BackgroundDecoder:
    """Decodes chunks of streams, at most one at a time for each stream."""

    def __init__(self, decoder: CodecDecoder, side: SideStream) -> None:
        self._decoder = decoder
        self._side = side
        self._in_flight: list[_InFlight] = []

    @torch.inference_mode()
    def start(self, streams: Sequence[tuple[WaveformStream, int]]) -> None:
        """Start the next chunks of streams, given with their final frames. Raises torch's own errors."""
        busy = {id(stream) for batch in self._in_flight for stream in batch.streams}
        ready = [
            (stream, final_frames)
            for stream, final_frames in streams
            if id(stream) not in busy and stream.next_bounds(final_frames) is not None
        ]
        if not ready:
            return
        with self._side.entered():
            due = [
                (stream, chunk)
                for stream, final_frames in ready
                if (chunk := stream.next_input(final_frames)) is not None
            ]
            for _key, group in groupby(sorted(due, key=_batch_key), key=_batch_key):
                batched, inputs = zip(*group, strict=True)
                outputs = self._decoder.decode_chunks(inputs)
                audio = self._side.copy_to_host(torch.cat([each.audio for each in outputs]))
                self._in_flight.append(_InFlight(batched, inputs, tuple(outputs), audio))

    def is_decoding(self, stream: WaveformStream) -> bool:
        """Return whether a chunk of a stream is in flight, or complete and not taken."""
        return any(stream in batch.streams for batch in self._in_flight)

    def take(self, stream: WaveformStream, *, waits: bool) -> Samples | None:
        """Return the chunk of a stream that was started, or None if it is not complete. Raises NotFinite."""
        batch = next((batch for batch in self._in_flight if stream in batch.streams), None)
        if batch is None or not (waits or batch.audio.is_complete):
            return None
        index = batch.streams.index(stream)
        audio = batch.audio.wait().chunk(len(batch.streams))[index]
        chunk, output = batch.inputs[index], batch.outputs[index]
        self._remove(batch, stream)
        try:
            return stream.commit(chunk, ChunkOutput(audio, output.hidden, output.state))
        except NotFinite:
            stream.fall_back_to_float32()
            return None

    def discard(self, stream: WaveformStream) -> None:
        """Forget a stream. Waits for its chunk in flight, whose inputs the device may still read."""
        for batch in self._in_flight:
            if stream in batch.streams:
                batch.audio.wait()
                self._remove(batch, stream)
                return

    def _remove(self, batch: _InFlight, stream: WaveformStream) -> None:
        """Remove a stream from a batch in flight; the others of the batch stay."""
        self._in_flight.remove(batch)
        audio = batch.audio.wait().chunk(len(batch.streams))
        others = [index for index, other in enumerate(batch.streams) if other is not stream]
        if others:
            streams = tuple(batch.streams[index] for index in others)
            inputs, outputs = (
                tuple(batch.inputs[index] for index in others),
                tuple(batch.outputs[index] for index in others),
            )
            complete = _FinishedCopy(torch.cat([audio[index] for index in others]))
            self._in_flight.append(_InFlight(streams, inputs, outputs, complete))


@dataclass(frozen=True, slots=True)
class _FinishedCopy:
    """A tensor that is on the host already."""

    tensor: Tensor
    is_complete: bool = True

    def wait(self) -> Tensor:
        return self.tensor


def _batch_key(pair: tuple[WaveformStream, ChunkInput]) -> str:
    return repr(pair[1].batch_key)
