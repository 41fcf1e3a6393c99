"""The published checkpoints as plain data, and which of them lie complete in a local folder.

A models folder holds one folder per name: a checkpoint's with `state_dict.bin` and
`compression_state_dict.bin`, and those of the text encoders (and of codecs, where a checkpoint only points
to one) in the layout of transformers, weights as safetensors. Any folder in a checkpoint's layout can be
served, published or not.

Shapes and window lengths are those of the model cards and of AudioCraft's configurations; sizes are
worked out from the shapes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

LM_FILE = "state_dict.bin"
CODEC_FILE = "compression_state_dict.bin"
TRANSFORMERS_FILES = ("config.json", "model.safetensors")
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
WEIGHTS_LICENCE = "CC-BY-NC 4.0"

CARD = 2048
BYTES_PER_HALF = 2
BYTES_PER_FLOAT = 4
FRAME_RATE_HZ = 50


class Kind(StrEnum):
    """How a checkpoint decodes."""

    MUSICGEN = "musicgen"
    AUDIOGEN = "audiogen"
    MAGNET = "magnet"


KIND_OF_MODEL = {"music": Kind.MUSICGEN, "audio": Kind.AUDIOGEN, "magnet": Kind.MAGNET}
MODELS = tuple(KIND_OF_MODEL)


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """A T5 that conditions a checkpoint, its encoder only: its folder's name, and its published size."""

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
class Checkpoint:
    """One published checkpoint. ``window_s`` is the longest sound it makes at once, in seconds."""

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
        """The model of the service that it can serve."""
        return next(model for model, kind in KIND_OF_MODEL.items() if kind is self.kind)

    @property
    def parameters(self) -> int:
        """Parameters of the language model; text encoder and codec not counted."""
        dim, codebooks = self.shape.dim, self.shape.codebooks
        # Self-attention, cross-attention and a feed-forward part four times as wide, three norms.
        layer = 4 * dim * dim + 4 * dim * dim + 8 * dim * dim + 6 * dim
        ends = codebooks * dim * (CARD + 1 + CARD) + 2 * dim + dim * (self.text_encoder.width + 1)
        return self.shape.layers * layer + ends

    @property
    def lm_bytes(self) -> int:
        """Size of the language model's weights, which are published in half precision."""
        return self.parameters * BYTES_PER_HALF

    @property
    def download_bytes(self) -> int:
        """About what has to be fetched where nothing is there yet."""
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
        name, f"facebook/{name}", Kind.MUSICGEN, size, shape, T5_BASE, 32_000, channels, window_s=30
    )


def _magnet(size: str, window_s: int, *, sound: bool = False) -> Checkpoint:
    name = f"audio-magnet-{size}" if sound else f"magnet-{size}-{window_s}secs"
    text_encoder, sample_rate = (T5_LARGE, 16_000) if sound else (T5_BASE, 32_000)
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
        16_000,
        1,
        window_s=10,
    ),
    *(_magnet(size, window_s) for window_s in (10, 30) for size in ("small", "medium")),
    *(_magnet(size, 10, sound=True) for size in ("small", "medium")),
)
DEFAULT_CHECKPOINTS = {"music": "musicgen-small", "audio": "audiogen-medium", "magnet": "magnet-small-10secs"}

_BY_NAME = {checkpoint.name: checkpoint for checkpoint in CHECKPOINTS}


def published(name: str) -> Checkpoint | None:
    """The published checkpoint of a name, with or without its owner (`facebook/…`)."""
    return _BY_NAME.get(name.removeprefix("facebook/"))


def checkpoints_for(model: str) -> tuple[Checkpoint, ...]:
    """The published checkpoints that can serve a model, smallest first."""
    fitting = (checkpoint for checkpoint in CHECKPOINTS if checkpoint.model == model)
    return tuple(sorted(fitting, key=lambda checkpoint: checkpoint.parameters))


def missing_files(checkpoint: Checkpoint, models_dir: Path) -> tuple[Path, ...]:
    """What has to be in the models folder before a published checkpoint can be loaded, and is not."""
    return tuple(path for path in _needed(checkpoint, models_dir) if not path.is_file())


def present(models_dir: Path) -> tuple[Checkpoint, ...]:
    """The published checkpoints that lie complete in a models folder."""
    return tuple(checkpoint for checkpoint in CHECKPOINTS if not missing_files(checkpoint, models_dir))


def is_checkpoint_folder(folder: Path) -> bool:
    """Whether a folder has the files of a checkpoint, published or not."""
    return (folder / LM_FILE).is_file() and (folder / CODEC_FILE).is_file()


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a model: a folder, and what is known of it before it is loaded."""

    name: str
    folder: Path
    kind: Kind
    sample_rate: int
    channels: int
    licence: str
    text_encoder_bytes: int


def choose(model: str, asked: str, models_dir: Path) -> Choice | None:
    """The checkpoint that serves a model, or None where there is none.

    `asked` is a published name, another folder's name in `models_dir`, the path of a folder anywhere, or
    empty: then the default is taken if it is there, and otherwise the smallest that is.
    """
    if not asked:
        names = [DEFAULT_CHECKPOINTS[model], *(checkpoint.name for checkpoint in checkpoints_for(model))]
        return next((choice for name in names if (choice := choose(model, name, models_dir))), None)
    known = published(asked)
    if known is not None:
        usable = known.model == model and not missing_files(known, models_dir)
        folder = models_dir / known.name
        return _chosen(known.name, folder, known.kind, known) if usable else None
    # An absolute path stays what it is.
    folder = models_dir / asked
    kind = KIND_OF_MODEL[model]
    nearest = next(checkpoint for checkpoint in CHECKPOINTS if checkpoint.kind is kind)
    return _chosen(folder.name, folder, kind, nearest, licence="") if is_checkpoint_folder(folder) else None


def _chosen(name: str, folder: Path, kind: Kind, like: Checkpoint, licence: str = WEIGHTS_LICENCE) -> Choice:
    text_bytes = like.text_encoder.encoder_parameters * BYTES_PER_FLOAT
    return Choice(name, folder, kind, like.sample_rate, like.channels, licence, text_bytes)


def _needed(checkpoint: Checkpoint, models_dir: Path) -> Iterator[Path]:
    folder, text = models_dir / checkpoint.name, models_dir / checkpoint.text_encoder.name
    yield folder / LM_FILE
    yield folder / CODEC_FILE
    yield from (text / name for name in TRANSFORMERS_FILES)
    # Either of them makes a tokenizer.
    if not any((text / name).is_file() for name in TOKENIZER_FILES):
        yield text / TOKENIZER_FILES[0]
