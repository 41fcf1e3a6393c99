"""The published checkpoints as plain data: where each comes from, its shape, its size and its licence.

Shapes and window lengths are those of the model cards and of AudioCraft's configurations; sizes are
computed from the shapes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

WEIGHTS_LICENCE = "CC-BY-NC 4.0"
WEIGHTS_LICENCE_URL = "https://creativecommons.org/licenses/by-nc/4.0/"
TEXT_ENCODER_LICENCE = "Apache 2.0"

CARD = 2048
BYTES_PER_HALF = 2
BYTES_PER_FLOAT = 4
FRAME_RATE_HZ = 50
MUSIC_RATE_HZ, SOUND_RATE_HZ = 32_000, 16_000


class Kind(StrEnum):
    """The families of checkpoints, each decoded in its own way."""

    MUSICGEN = "musicgen"
    AUDIOGEN = "audiogen"
    MAGNET = "magnet"


KIND_OF_MODEL = {"music": Kind.MUSICGEN, "audio": Kind.AUDIOGEN, "magnet": Kind.MAGNET}
MODELS = tuple(KIND_OF_MODEL)


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """The T5 text encoder of a checkpoint: the name of its folder, and its published size."""

    name: str
    repository: str
    width: int
    parameters: int
    encoder_parameters: int

    @property
    def size_bytes(self) -> int:
        return self.parameters * BYTES_PER_FLOAT


@dataclass(frozen=True, slots=True)
class Shape:
    """The transformer of a checkpoint: width, layers, attention heads, codebooks."""

    dim: int
    layers: int
    heads: int
    codebooks: int = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """The authors' settings of a checkpoint; `temperature` to `guidance` are for requests without them.

    `top_k` 0 and `top_p` 0 disable these filters. `first_passes` is the number of MAGNeT's decoding steps for
    the first codebook. Each window begins `stride_s` after the one before; 0 leaves that to the engine.
    """

    temperature: float
    top_k: int
    top_p: float
    guidance: float
    first_passes: int = 0
    stride_s: float = 0.0

    @property
    def sampling(self) -> dict[str, float]:
        """Return the settings that a request may override, by their names in a request."""
        names = ("temperature", "top_k", "top_p", "guidance")
        return {name: getattr(self, name) for name in names}


def usage_of(kind: Kind, sample_rate: int, window_s: float) -> Usage:
    """Return the settings of a checkpoint of this form, published or not.

    MusicGen's and AudioGen's are the defaults of AudioCraft's own interface. MAGNeT's are those of its
    authors' demonstration and training, since that interface has one set for all six checkpoints.
    """
    if kind is Kind.MUSICGEN:
        return Usage(1.0, 250, 0.0, 3.0, stride_s=18.0 if window_s == 30 else 0.0)
    if kind is Kind.AUDIOGEN:
        return Usage(1.0, 250, 0.0, 3.0, stride_s=2.0)
    if sample_rate == SOUND_RATE_HZ:
        return Usage(3.5, 0, 0.8, 20.0, first_passes=20)
    return Usage(3.0, 0, 0.9, 10.0, first_passes=60 if window_s >= 30 else 20)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One published checkpoint.

    ``window_s`` is the longest sound that it generates in one window, in seconds.
    """

    name: str
    repository: str
    kind: Kind
    size: str
    shape: Shape
    text_encoder: TextEncoder
    sample_rate: int
    channels: int
    window_s: int
    licence: str = WEIGHTS_LICENCE

    @property
    def model(self) -> str:
        """Return the model of the service that it can serve."""
        return next(model for model, kind in KIND_OF_MODEL.items() if kind is self.kind)

    @property
    def usage(self) -> Usage:
        return usage_of(self.kind, self.sample_rate, self.window_s)

    @property
    def title(self) -> str:
        """Return its name for people."""
        family = {Kind.MUSICGEN: "MusicGen", Kind.AUDIOGEN: "AudioGen", Kind.MAGNET: "MAGNeT"}[self.kind]
        if self.kind is Kind.MAGNET:
            use = f"music, {self.window_s} s" if self.sample_rate == MUSIC_RATE_HZ else "sound effects"
            return f"{family} {self.size} ({use})"
        return f"{family} {'stereo ' if self.channels == 2 else ''}{self.size}"

    @property
    def parameters(self) -> int:
        """Return the parameters of the language model, without text encoder and codec."""
        dim, codebooks = self.shape.dim, self.shape.codebooks
        # Self-attention, cross-attention and a feed-forward part four times as wide, three norms.
        layer = 4 * dim * dim + 4 * dim * dim + 8 * dim * dim + 6 * dim
        ends = codebooks * dim * (CARD + 1 + CARD) + 2 * dim + dim * (self.text_encoder.width + 1)
        return self.shape.layers * layer + ends

    @property
    def lm_bytes(self) -> int:
        """Return the size of the language model's weights, which are published in half precision."""
        return self.parameters * BYTES_PER_HALF

    @property
    def download_bytes(self) -> int:
        """Return the approximate size of a full download."""
        return self.lm_bytes + CODEC_BYTES + self.text_encoder.size_bytes


T5_BASE = TextEncoder("t5-base", "google-t5/t5-base", 768, 222_903_552, 109_628_544)
T5_LARGE = TextEncoder("t5-large", "google-t5/t5-large", 1024, 737_668_096, 334_939_648)
CODEC_BYTES = 236_000_000

_SMALL, _MEDIUM, _LARGE = (1024, 24, 16), (1536, 48, 24), (2048, 48, 32)
_WIDTHS = {"small": _SMALL, "medium": _MEDIUM, "large": _LARGE}


def _musicgen(size: str, channels: int) -> Checkpoint:
    name = f"musicgen-{size}" if channels == 1 else f"musicgen-stereo-{size}"
    shape = Shape(*_WIDTHS[size], codebooks=4 * channels)
    return Checkpoint(
        name, f"facebook/{name}", Kind.MUSICGEN, size, shape, T5_BASE, MUSIC_RATE_HZ, channels, window_s=30
    )


def _magnet(size: str, window_s: int, *, sound: bool = False) -> Checkpoint:
    name = f"audio-magnet-{size}" if sound else f"magnet-{size}-{window_s}secs"
    text_encoder, sample_rate = (T5_LARGE, SOUND_RATE_HZ) if sound else (T5_BASE, MUSIC_RATE_HZ)
    shape = Shape(*_WIDTHS[size])
    return Checkpoint(
        name, f"facebook/{name}", Kind.MAGNET, size, shape, text_encoder, sample_rate, 1, window_s
    )


CHECKPOINTS: tuple[Checkpoint, ...] = (
    *(_musicgen(size, channels) for channels in (1, 2) for size in _WIDTHS),
    Checkpoint(
        "audiogen-medium",
        "facebook/audiogen-medium",
        Kind.AUDIOGEN,
        "medium",
        Shape(*_MEDIUM),
        T5_LARGE,
        SOUND_RATE_HZ,
        1,
        window_s=10,
    ),
    *(_magnet(size, window_s) for window_s in (10, 30) for size in ("small", "medium")),
    *(_magnet(size, 10, sound=True) for size in ("small", "medium")),
)
DEFAULT_CHECKPOINTS = {"music": "musicgen-small", "audio": "audiogen-medium", "magnet": "magnet-small-10secs"}

_BY_NAME = {checkpoint.name: checkpoint for checkpoint in CHECKPOINTS}


def published(name: str) -> Checkpoint | None:
    """Return the published checkpoint of a name, with or without its owner (`facebook/…`)."""
    return _BY_NAME.get(name.removeprefix("facebook/"))


def checkpoints_for(model: str) -> tuple[Checkpoint, ...]:
    """Return the published checkpoints that can serve a model, smallest first."""
    fitting = (checkpoint for checkpoint in CHECKPOINTS if checkpoint.model == model)
    return tuple(sorted(fitting, key=lambda checkpoint: checkpoint.parameters))


def chosen_name(model: str, requested: str, installed: Collection[str]) -> str | None:
    """Return the installed published checkpoint that serves a model; None if there is none.

    `requested` is a published name, or empty for the default, or else the smallest that is installed. The
    name of an unpublished folder gives None.
    """
    if requested:
        known = published(requested)
        return known.name if known and known.model == model and known.name in installed else None
    names = [DEFAULT_CHECKPOINTS[model], *(checkpoint.name for checkpoint in checkpoints_for(model))]
    return next((name for name in names if name in installed), None)
