"""A voice for Piper of a kilobyte: hums each phoneme at a pitch of its own, with a little noise.

What Piper asks of a model is all there: phonemes in, samples out, noise and length by their scales. So the
whole way to a neural voice is walked, with the real package, without a model of 60 MB. Written as ONNX has
it (protocol buffers: https://onnx.ai/onnx/intro/concepts.html), field by field.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

SAMPLE_RATE: Final = 16_000
NAME: Final = "en_US-tiny-low"
SAMPLES_PER_PHONEME: Final = 800.0
LOWEST_HZ: Final = 100.0
FLOAT, INT64 = 1, 7
AN_INTEGER: Final = 2
PHONEMES: Final = "abcdefghijklmnopqrstuvwxyzæðŋɐɑɒɔəɚɛɜɡɪɫɹʃʊʌʒθˈˌː .,!?ɾᵻʲ"


def write_tiny_voice(folder: Path, name: str = NAME) -> None:
    """Put the voice into a folder of voices."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(_model())
    (folder / f"{name}.onnx.json").write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    (folder / f"{name}.MODEL_CARD").write_text("# Model card\n* License: CC0\n", encoding="utf-8")


DESCRIPTION: Final = {
    "audio": {"sample_rate": SAMPLE_RATE, "quality": "low"},
    "espeak": {"voice": "en-us"},
    "language": {"code": "en_US", "name_english": "English"},
    "dataset": "tiny",
    "num_symbols": 256,
    "num_speakers": 1,
    "phoneme_type": "espeak",
    "phoneme_id_map": {"_": [0], "^": [1], "$": [2]}
    | {phoneme: [number] for number, phoneme in enumerate(PHONEMES, 3)},
}


Node = tuple[str, tuple[str, ...], str, dict[str, int]]


def _model() -> bytes:
    nodes: tuple[Node, ...] = (
        ("Cast", ("input",), "ids", {"to": FLOAT}),
        ("Unsqueeze", ("ids", "last axis"), "column", {}),
        ("Gather", ("scales", "length"), "length scale", {}),
        ("Mul", ("length scale", "samples per phoneme"), "samples", {}),
        ("Cast", ("samples",), "count", {"to": INT64}),
        ("Concat", ("ones", "count"), "shape", {"axis": 0}),
        ("Expand", ("column", "shape"), "spread", {}),
        ("Reshape", ("spread", "one row"), "row", {}),
        ("Add", ("row", "lowest"), "pitch", {}),
        ("Mul", ("pitch", "radians per hertz"), "step", {}),
        ("CumSum", ("step", "time"), "phase", {}),
        ("Sin", ("phase",), "hum", {}),
        ("RandomNormalLike", ("hum",), "hiss", {}),
        ("Gather", ("scales", "noise"), "noise scale", {}),
        ("Mul", ("hiss", "noise scale"), "scaled hiss", {}),
        ("Mul", ("scaled hiss", "quiet"), "quiet hiss", {}),
        ("Add", ("hum", "quiet hiss"), "sum", {}),
        ("Mul", ("sum", "gain"), "output", {}),
    )
    constants = {
        "last axis": np.array([2]),
        "length": np.array([1]),
        "noise": np.array([0]),
        "ones": np.array([1, 1]),
        "one row": np.array([1, 1, 1, -1]),
        "time": np.array(3),
        "samples per phoneme": np.float32(SAMPLES_PER_PHONEME),
        "lowest": np.float32(LOWEST_HZ),
        "radians per hertz": np.float32(2 * math.pi / SAMPLE_RATE),
        "quiet": np.float32(0.02),
        "gain": np.float32(0.3),
    }
    return onnx_model(nodes, constants, {"input": INT64, "input_lengths": INT64, "scales": FLOAT})


def onnx_model(nodes: Sequence[Node], constants: Mapping[str, object], inputs: Mapping[str, int]) -> bytes:
    """Write a model; the last node makes its output."""
    graph = b"".join(_field(1, _node(*node)) for node in nodes) + _field(2, "tiny voice")
    graph += b"".join(_field(5, _tensor(name, np.asarray(value))) for name, value in constants.items())
    for name, kind in inputs.items():
        graph += _field(11, _value(name, kind))
    graph += _field(12, _value(nodes[-1][2], FLOAT))
    ir_version, opset = 9, 17
    return _field(1, ir_version) + _field(7, graph) + _field(8, _field(1, "") + _field(2, opset))


def _node(kind: str, inputs: tuple[str, ...], output: str, attributes: dict[str, int]) -> bytes:
    written = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)
    for name, value in attributes.items():
        written += _field(5, _field(1, name) + _field(3, value) + _field(20, AN_INTEGER))
    return written


def _tensor(name: str, value: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> bytes:
    kind = FLOAT if value.dtype == np.float32 else INT64
    sizes = b"".join(_field(1, size) for size in value.shape)
    return sizes + _field(2, kind) + _field(8, name) + _field(9, value.tobytes())


def _value(name: str, kind: int) -> bytes:
    return _field(1, name) + _field(2, _field(1, _field(1, kind)))


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message: its number and kind, then an integer or so many bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Seven bits in a byte, the lowest first; all bytes but the last have the highest bit set."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
