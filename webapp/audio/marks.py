"""Marks in sound files: what a sound is, how it was made, and that a machine made it.

The origin is told in the terms of IPTC's digital source type (https://cv.iptc.org/newscodes/digitalsourcetype/).
Marks depend on the sound alone, so that the same sound is the same file.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# Made by a model that was trained on samples, and by rules alone.
TRAINED: Final = "trainedAlgorithmicMedia"
BY_RULES: Final = "algorithmicMedia"
MADE_WITH: Final = "Soundloom"
UNTITLED: Final = "Soundloom sound"
MAX_TITLE_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Marks:
    """A sound's marks. `prompt` is empty where the operator keeps prompts out of files.

    `origin` is TRAINED or BY_RULES. `is_loop`: the whole of it repeats without a seam.
    """

    prompt: str
    model: str
    seed: int | None
    license: str
    origin: str
    is_loop: bool = False

    @property
    def title(self) -> str:
        """The beginning of the prompt."""
        return self.prompt[:MAX_TITLE_CHARACTERS].strip() or UNTITLED

    @property
    def comment(self) -> str:
        """All that there is to say, in one line."""
        facts = [f"AI-generated ({IPTC}{self.origin})"]
        facts += [f"prompt: {self.prompt}"] if self.prompt else []
        facts += [f"model: {self.model}"] if self.model else []
        facts += [f"seed: {self.seed}"] if self.seed is not None else []
        facts += [f"license: {self.license}"] if self.license else []
        return "; ".join(facts)

    def texts(self) -> dict[str, str]:
        """Return the texts by the names that libsndfile has for them, as WAV, FLAC and OGG hold them."""
        named = {
            "title": self.title,
            "artist": MADE_WITH,
            "software": MADE_WITH,
            "comment": self.comment,
            "copyright": self.license,
            "license": self.license,
        }
        return {name: text for name, text in named.items() if text}


def mark_mp3(path: Path, marks: Marks) -> None:
    """Put an ID3v2.4 tag before an MP3 stream. Raises OSError.

    libsndfile writes tags as Latin-1, which most prompts do not fit. See https://id3.org/id3v2.4.0-structure.
    """
    frames = [
        _text_frame("TIT2", marks.title),
        _text_frame("TPE1", MADE_WITH),
        _text_frame("TSSE", MADE_WITH),
        _frame("COMM", b"\x03eng\x00" + marks.comment.encode()),
        _own_frame("digital_source_type", f"{IPTC}{marks.origin}"),
    ]
    frames += [_text_frame("TCOP", marks.license)] if marks.license else []
    frames += [_own_frame("prompt", marks.prompt)] if marks.prompt else []
    frames += [_own_frame("model", marks.model)] if marks.model else []
    frames += [_own_frame("seed", str(marks.seed))] if marks.seed is not None else []
    body = b"".join(frames)
    tag = b"ID3\x04\x00\x00" + _synchsafe(len(body)) + body
    path.write_bytes(tag + path.read_bytes())


def mark_loop(path: Path, frames: int, sample_rate: int) -> None:
    """Append a `smpl` chunk to a WAV: one loop, forwards, over all frames. Raises OSError."""
    period_ns = round(1e9 / sample_rate)
    middle_c, forwards, endless = 60, 0, 0
    sampler = struct.pack("<9I", 0, 0, period_ns, middle_c, 0, 0, 0, 1, 0)
    loop = struct.pack("<6I", 0, forwards, 0, frames - 1, 0, endless)
    chunk = b"smpl" + struct.pack("<I", len(sampler + loop)) + sampler + loop
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        # Chunks begin at even offsets.
        file.write(bytes(size % 2) + chunk)
        file.seek(4)
        file.write(struct.pack("<I", size + size % 2 + len(chunk) - 8))


def _text_frame(name: str, text: str) -> bytes:
    return _frame(name, b"\x03" + text.encode())


def _own_frame(name: str, text: str) -> bytes:
    return _frame("TXXX", b"\x03" + name.encode() + b"\x00" + text.encode())


def _frame(name: str, content: bytes) -> bytes:
    return name.encode() + _synchsafe(len(content)) + b"\x00\x00" + content


def _synchsafe(number: int) -> bytes:
    """Return a number in four bytes of seven bits each, so that none looks like the start of audio."""
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))
