"""Reads English as phonemes, for the voices that speak them; with the rules of the package `hibari-tts`."""

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "hibari"
DISTRIBUTION: Final = "hibari-tts"
RUNTIME: Final = "onnxruntime"


def assets_folder() -> Path:
    """Return the folder of the package's data, without importing it. Raises ImportError."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(f"the package {DISTRIBUTION} is not installed")
    if find_spec(RUNTIME) is None:
        raise ImportError(f"the package {RUNTIME} is not installed")
    return Path(spec.origin).parent / "assets"


class EnglishReaders:
    """Keeps one reader for each accent: its dictionaries are larger than a voice."""

    def __init__(self) -> None:
        self._readers: dict[bool, Callable[[str], str]] = {}

    def reader(self, *, is_british: bool) -> Callable[[str], str]:
        """Return a reader, a function from a text to phonemes. Raises the errors of the package."""
        if is_british not in self._readers:
            reader: Any = import_module(f"{PACKAGE}.g2p").G2P(british=is_british)
            # It would load what reads unknown words with the first one, in each child of a fork again.
            _ = reader.oov
            self._readers[is_british] = reader
        return self._readers[is_british]

    def symbols(self) -> dict[str, int]:
        """Return the number of each phoneme. Raises OSError and ValueError."""
        numbers: dict[str, int] = json.loads((assets_folder() / "vocab.json").read_text(encoding="utf-8"))
        return numbers
