"""Imports AudioCraft 1.3.0 with any build of torch.

AudioCraft imports `xformers.ops` and `torchaudio` unconditionally. Both are bound to one build of torch and
often cannot be loaded with another. Of the first it uses `unbind` and two names that it only calls with
another attention backend than ours; of the second, to generate from text, nothing. Where a package cannot be
imported, AudioCraft gets a stand-in with those names, which raises a clear error when anything else is used.
"""

import gc
import importlib
import importlib.machinery
import sys
import threading
import warnings
from types import ModuleType
from typing import Any, NoReturn

import torch

from webapp.engines.base import ModelLoadError

_lock = threading.Lock()
_imported: list[ModuleType] = []


def import_audiocraft() -> ModuleType:
    """Import AudioCraft, once per process. Raises ModelLoadError if it cannot be imported."""
    with _lock:
        if not _imported:
            _imported.append(_import())
            # Half a million permanent objects: each garbage collection after unloading a model would take a
            # quarter of a second longer.
            gc.collect()
            gc.freeze()
        return _imported[0]


def _import() -> ModuleType:
    if not _is_importable("xformers.ops"):
        # Stays: AudioCraft uses it again whenever it builds a model.
        sys.modules |= _xformers()
    temporary = {} if _is_importable("torchaudio") else _torchaudio()
    sys.modules |= temporary
    try:
        with warnings.catch_warnings():
            # Its packages warn of deprecated parts of each other.
            warnings.simplefilter("ignore")
            return importlib.import_module("audiocraft")
    except (ImportError, OSError) as error:
        raise ModelLoadError(f"AudioCraft cannot be imported: {error}") from error
    finally:
        for name in temporary:
            sys.modules.pop(name, None)


def _is_importable(name: str) -> bool:
    """Try to import a module; after a failure, nothing of its package stays half-imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    except (ImportError, OSError, RuntimeError, AttributeError):
        # Absent, linked against another torch, or using what this torch no longer has.
        package = name.partition(".")[0]
        for module in [known for known in sys.modules if known.split(".")[0] == package]:
            del sys.modules[module]
        return False
    return True


def _module(name: str, **names: object) -> ModuleType:
    module = ModuleType(name, "Stand-in for a package that cannot be imported here.")
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(names)
    return module


def _xformers() -> dict[str, ModuleType]:
    def memory_efficient_attention(*_args: object, **_options: object) -> NoReturn:
        raise NotImplementedError("xformers is not installed; AudioCraft runs on torch's attention here")

    class LowerTriangularMask:
        """Marks attention as causal; with torch's attention only its presence counts."""

    ops = _module(
        "xformers.ops",
        unbind=torch.unbind,
        memory_efficient_attention=memory_efficient_attention,
        LowerTriangularMask=LowerTriangularMask,
    )
    return {"xformers": _module("xformers", ops=ops, __path__=[]), "xformers.ops": ops}


def _torchaudio() -> dict[str, ModuleType]:
    class Unavailable:
        def __init__(self, *_args: Any, **_options: Any) -> None:
            raise NotImplementedError("torchaudio is not installed; generating from text does not need it")

    transforms = _module(
        "torchaudio.transforms",
        **dict.fromkeys(("Loudness", "MelSpectrogram", "Resample", "Spectrogram"), Unavailable),
    )
    package = _module("torchaudio", transforms=transforms, __path__=[])
    return {"torchaudio": package, "torchaudio.transforms": transforms}
