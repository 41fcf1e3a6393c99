"""AudioCraft imports beside what is there, and says so when more is asked of what is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.engines.audiocraft.loading.importing import import_audiocraft

ROOT = Path(__file__).resolve().parents[3]


def test_it_is_the_version_that_this_was_written_for() -> None:
    assert import_audiocraft().__version__ == "1.3.0"
    assert import_audiocraft() is import_audiocraft()


def test_stand_ins_say_that_they_are_none() -> None:
    import_audiocraft()
    from audiocraft.data import audio_utils  # noqa: PLC0415 - after its stand-ins
    from audiocraft.modules import transformer  # noqa: PLC0415

    with pytest.raises(NotImplementedError, match="xformers is not installed"):
        transformer.ops.memory_efficient_attention(None, None, None)
    with pytest.raises(NotImplementedError, match="torchaudio is not installed"):
        audio_utils.torchaudio.transforms.Loudness(32_000)
    assert "torchaudio" not in sys.modules


# In AudioCraft's place, so that importing it takes no time: the two imports that are in question.
AUDIOCRAFT = """
from xformers import ops
import torchaudio
transform = torchaudio.transforms.Loudness
"""
SCRIPT = """
import sys
from webapp.engines.audiocraft.loading.importing import import_audiocraft
imported = import_audiocraft()
print(imported.ops.__file__, imported.transform.__module__, "torchaudio" in sys.modules)
"""


def test_a_real_package_is_used_and_a_broken_one_replaced(tmp_path: Path) -> None:
    (tmp_path / "xformers").mkdir()
    (tmp_path / "xformers/__init__.py").touch()
    (tmp_path / "torchaudio.py").write_text(
        "raise OSError('libcudart.so.13: cannot open shared object file')\n"
    )
    (tmp_path / "xformers/ops.py").write_text("def unbind(packed, dim):\n    return packed.unbind(dim)\n")
    (tmp_path / "audiocraft.py").write_text(AUDIOCRAFT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [
        str(tmp_path / "xformers/ops.py"),
        "webapp.engines.audiocraft.loading.importing",
        "False",
    ]


@pytest.mark.parametrize(
    "module",
    ["webapp.engines.base", "webapp.engines.registry", "webapp.engines.audiocraft.checkpoint_selection"],
)
def test_nothing_heavy_comes_with_names(module: str) -> None:
    script = f"import sys, {module}; print(*({{'torch', 'audiocraft', 'transformers'}} & sys.modules.keys()))"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == ""
