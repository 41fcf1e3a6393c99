"""Processors with fewer instructions than this one compute the same, within the same bound."""

import platform
from pathlib import Path

import pytest
import torch

from tests.engines.audiocraft.native.random_weights import (
    Form,
    random_columns,
    random_text,
    random_weights,
)
from webapp.engines.audiocraft.decoder.backend import Backend
from webapp.engines.audiocraft.decoder.native.backend import NativeBackend
from webapp.engines.audiocraft.decoder.native.compiler import LibraryBuilder
from webapp.engines.audiocraft.decoder.native.library import Library
from webapp.engines.audiocraft.decoder.plain_backend import PlainBackend

BOUND = 0.02
FORM = Form(dim=72, heads=3, card=50, hidden=200, has_biases=True)
PROCESSORS = {
    "AVX-512": (("-march=x86-64-v4",), {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "AVX2": (("-march=x86-64-v3",), {"avx2", "fma", "bmi2"}),
    "portable": ((), set[str]()),
}


def processor_has(wanted: set[str]) -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    return not wanted or (cpuinfo.exists() and wanted <= set(cpuinfo.read_text(encoding="utf-8").split()))


def logits(backend: Backend) -> torch.Tensor:
    columns = random_columns(FORM, 3, 40)
    for row in range(3):
        backend.begin(row, random_text(FORM, 5 + row))
    backend.prefill((0, 1, 2), columns[..., :30])
    return torch.stack([backend.step((0, 1, 2), columns[..., at]).clone() for at in range(30, 40)])


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", PROCESSORS)
def test_every_kind_of_processor_computes_within_the_bound(name: str, tmp_path: Path) -> None:
    target, wanted = PROCESSORS[name]
    if not processor_has(wanted) or (wanted and platform.machine() != "x86_64"):
        pytest.skip(f"this processor has no {name}")
    library = Library(LibraryBuilder(tmp_path, targets=(target,)).library())
    assert library.instructions == name
    weights = random_weights(FORM)
    exact = logits(PlainBackend(weights, 3, 40))
    ours = logits(NativeBackend(library, weights, 3, 40))
    assert 0 < (ours - exact).norm() / exact.norm() < BOUND
