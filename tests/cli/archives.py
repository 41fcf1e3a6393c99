"""Archives as an export writes them, and what an import makes of them."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

IDS = ("a" * 20, "b" * 20)


def noise(duration_s: float) -> bytes:
    """A FLAC file of noise, 8 kHz, one channel."""
    buffer = io.BytesIO()
    samples = np.random.default_rng(1).normal(0, 0.1, (round(8_000 * duration_s), 1))
    soundfile.write(buffer, samples, 8_000, format="FLAC")
    return buffer.getvalue()


def manifest_of(flac: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A manifest and the files that it tells of."""
    files = {f"sounds/{sound_id}.flac": flac for sound_id in IDS}
    sounds = [
        {
            "id": sound_id, "title": "Über", "prompt": "calm rain", "model": "music", "tags": ["wet"],
            "is_public": True, "created_at": "2024-01-15T10:30:00Z", "seed": 5, "engine": "sketch",
            "license": "CC0", "quality_score": 80,
            "files": [{"name": name, "size": len(flac), "sha256": hashlib.sha256(flac).hexdigest()}],
        }
        for sound_id, name in zip(IDS, files, strict=True)
    ]  # fmt: skip
    return {"format": "soundloom-export", "version": 1, "sounds": sounds}, files


def zipped(path: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, content)
    return path


def stored(data_dir: Path) -> dict[str, Path]:
    """The folders of the stored sounds, by their ids."""
    return {path.name.partition("-")[0]: path for path in (data_dir / "sounds").glob("*/*")}
